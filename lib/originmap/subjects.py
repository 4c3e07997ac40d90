"""Subjects: who is who, how much one has standing, and which list that puts them on."""

import re

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from originmap import texts
from originmap.places import Places
from originmap.rules import Rules

_LEGAL_FORMS = [
    (r"(?:农民)?专业合作社(?:联合社)?$", "合作社"),
    (r"(?:股份)?有限(?:责任)?公司$", "公司"),
]
# What `in_scope` needs to know of a record.
SCOPE_COLUMNS = ["round", "township_code", "subject", "subject_type", "product", "plot_key", "cropping", "area_mu",
                 "head_count", "collected_on"]  # fmt: skip


def normal_name(names: pd.Series, places: Places) -> pd.Series:
    """Return subject names for comparison: half width, no spaces or brackets, no county or township in front.

    Legal forms are brought to one (农民专业合作社, 专业合作社 and 合作社 are the same). Aligned to `names`, NA stays NA.
    """
    clean = texts.without(texts.half_width(names), r"[()\[\]·.,、]+")
    clean = texts.series(pc.utf8_lower(texts.arrow(clean)), names.index)
    county = str(places.county["name"])
    towns = sorted(
        (name for name in places.aliases() if not name.isdigit() and name[-1] in "镇乡"), key=len, reverse=True
    )
    prefix = "|".join(re.escape(name) for name in (county, county.removesuffix("县"), *towns))
    front = re.compile(rf"^(?:福建省?|泉州市?)*(?:{prefix})*(?=.{{2,}})")
    clean = texts.each(clean, lambda name: front.sub("", name), sieve=rf"^(?:福建|泉州|{prefix})")
    for form, short in _LEGAL_FORMS:
        clean = texts.without(clean, form, short)
    return clean


def standing(records: pd.DataFrame, by: list[str], *, value: str = "area_mu", measure: str = "standing") -> pd.Series:
    """Return sizes summed over `by`.

    Parameters
    ----------
    records
        Rows with `plot_key`, `cropping` and `value`; whoever must not count is left out by the caller.
    by
        Columns to sum over; `township_code`, `subject` and `product` decide which plots are one.
    value
        ``area_mu`` (亩) or ``head_count`` (heads, of which a herd's latest month counts).
    measure
        ``standing``: rows of one plot and cropping are summed, then the plot's largest cropping counts; ``sown``: all
        croppings are summed (domain practice).

    Returns
    -------
    A series by `by`; NA where no row has a size, never 0.
    """
    plot = ["township_code", "subject", "product", "plot_key"]
    keys = list(dict.fromkeys([*by, *plot]))
    filled = records.assign(cropping=records["cropping"].fillna(""))
    if value == "head_count":
        month = filled["collected_on"].str[:7].fillna(filled["round"])
        latest = month.groupby([filled[key] for key in plot]).transform("max")
        totals = filled[month == latest].groupby(keys)[value].sum(min_count=1)
    else:
        croppings = filled.groupby([*keys, "cropping"])[value].sum(min_count=1)
        grouped = croppings.groupby(level=keys)
        totals = grouped.max() if measure == "standing" else grouped.sum(min_count=1)
    return totals.groupby(level=by).sum(min_count=1).round(2)


def in_scope(records: pd.DataFrame, rules: Rules) -> pd.Series:
    """Tell whether each row belongs in 附件1: its subject's standing total reaches the threshold, or it is a buyer's.

    The total is per subject, product and township (notice, section 2; ``reconcile.threshold_level = "plot"`` judges each
    plot by itself). NA where the size is unknown. Aligned to `records`, which needs `SCOPE_COLUMNS`.
    """
    by = ["township_code", "subject", "product"]
    if rules["reconcile"]["threshold_level"] == "plot":
        by = [*by, "plot_key"]
    # Most have a single row: its size is all that stands.
    total = records["area_mu"].fillna(records["head_count"])
    several = records[texts.joined([records[name] for name in by]).duplicated(keep=False)]
    total[several.index] = np.nan
    for value in ("area_mu", "head_count"):
        rows = several[several[value].notna()]
        sums = standing(rows, by, value=value)
        total[rows.index] = sums.reindex(pd.MultiIndex.from_frame(rows[by])).to_numpy()
    thresholds = {code: product.threshold for code, product in rules.products.items()}
    threshold = records["product"].map(thresholds).astype("float64")
    scope = (total >= threshold).astype("boolean").mask(total.isna() | threshold.isna())
    return scope.mask(records["subject_type"] == "buyer", other=True)
