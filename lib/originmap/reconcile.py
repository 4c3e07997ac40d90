"""Reconcile: the planting-area table against what was collected, per township and crop; unknown is never zero."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from originmap.rounds import Round
from originmap.subjects import normal_name, standing

GAP_COLUMNS = [
    "township_code",
    "township",
    "product",
    "baseline_mu",
    "registry_mu",
    "collected_mu",
    "gap_mu",
    "tolerance_mu",
    "coverage_pct",
    "gap_status",
    "subjects",
    "baseline_cell",
]
KNOWN = ("balanced", "short", "over")


def planting_area(round_: Round, *, measure: str | None = None, tolerance_mu: float | None = None) -> pd.DataFrame:
    """Compare baseline (附件5), registry (附件4) and collected area (附件1), one row a township and baseline crop.

    Parameters
    ----------
    round_
        An opened round.
    measure
        ``standing`` (per plot the largest cropping) or ``sown`` (all croppings); the rules' by default.
    tolerance_mu
        The difference in 亩 that still counts as balanced; with the rules' share of the baseline the larger one holds.

    Returns
    -------
    Columns `GAP_COLUMNS`, areas in 亩: `gap_mu` = baseline − collected, `coverage_pct` = 100 × collected / baseline, NA
    where the baseline is NA or 0. `collected_mu` sums accepted rows but buyers'; it is 0 only for a zero report or
    when every row was quarantined, else NA. `gap_status` in the order of domain practice: not_due, no_baseline,
    not_submitted, not_reported, then balanced, short or over. Sorted by township code and the rules' product order.
    """
    rules, places = round_.rules, round_.places
    chosen = measure or str(rules["reconcile"]["area_measure"])
    if chosen not in ("standing", "sown"):
        msg = f"measure must be 'standing' or 'sown', not {chosen!r}"
        raise ValueError(msg)
    products = rules.baseline_products
    key = pd.MultiIndex.from_product([places.names, products], names=["township_code", "product"])
    frame = pd.DataFrame(index=key)
    frame["township"] = frame.index.get_level_values(0).map(places.names)
    baseline = round_.planting_area.set_index(["township_code", "product"])
    frame["baseline_mu"] = baseline["area_mu"].reindex(key)
    spot = baseline["source_file"] + "〔" + baseline["source_sheet"] + "〕" + baseline["source_cell"]
    frame["baseline_cell"] = spot.reindex(key)
    frame["registry_mu"] = _registered(round_).reindex(key)
    counted = accepted(round_)
    areas = standing(counted, list(key.names), measure=chosen)
    spoken = round_.submissions.set_index(["township_code", "product"])["state"].reindex(key)
    frame["collected_mu"] = areas.reindex(key).mask(spoken.notna() & areas.reindex(key).isna(), 0.0)
    frame["subjects"] = counted.groupby(list(key.names))["subject"].nunique().reindex(key).astype("Int64")
    frame["subjects"] = frame["subjects"].mask(spoken.notna() & frame["subjects"].isna(), 0)
    frame["gap_mu"] = (frame["baseline_mu"] - frame["collected_mu"]).round(2)
    share = float(rules["reconcile"]["tolerance_share"])
    least = float(rules["reconcile"]["tolerance_mu"] if tolerance_mu is None else tolerance_mu)
    frame["tolerance_mu"] = (frame["baseline_mu"] * share).clip(lower=least).round(2)
    frame["coverage_pct"] = (100 * frame["collected_mu"] / frame["baseline_mu"].replace(0.0, np.nan)).round(1)
    frame["gap_status"] = _status(frame, spoken, round_)
    return frame.reset_index()[GAP_COLUMNS]


def accepted(round_: Round) -> pd.DataFrame:
    """Return the rows that count in totals: accepted, not a buyer's; `subject` is the name for comparison."""
    records = pd.DataFrame(round_.records.drop(columns="geometry"))
    records = records[(records["status"] == "accepted") & (records["subject_type"] != "buyer")]
    return records.assign(subject=normal_name(records["subject_name"], round_.places))


def county(gaps: pd.DataFrame, *, products: Sequence[str] | None = None) -> pd.DataFrame:
    """Sum `planting_area` over the townships whose baseline and collected area are both known.

    Returns
    -------
    One row a product: `product, known_townships, townships, baseline_mu, registry_mu, collected_mu, gap_mu,
    coverage_pct`. `registry_mu` is NA where a summed township has none, for then it is no total of the same townships.
    """
    rows = []
    for product in products or list(dict.fromkeys(gaps["product"])):
        of = gaps[gaps["product"] == product]
        known = of[of["baseline_mu"].notna() & of["collected_mu"].notna()]
        total = known[["baseline_mu", "collected_mu", "gap_mu"]].sum(min_count=1).round(2)
        coverage = 100 * total["collected_mu"] / total["baseline_mu"] if total["baseline_mu"] > 0 else np.nan
        rows.append(
            {
                "product": product,
                "known_townships": len(known),
                "townships": len(of),
                "baseline_mu": total["baseline_mu"],
                "registry_mu": round(known["registry_mu"].sum(skipna=False), 2) if len(known) else np.nan,
                "collected_mu": total["collected_mu"],
                "gap_mu": total["gap_mu"],
                "coverage_pct": round(coverage, 1),
            }
        )
    return pd.DataFrame(rows)


def ranked(gaps: pd.DataFrame) -> pd.DataFrame:
    """Return the known gaps beyond tolerance, the largest difference first, shortfalls and surpluses alike."""
    off = gaps[gaps["gap_status"].isin(["short", "over"])]
    order = off["gap_mu"].abs().sort_values(ascending=False, kind="stable").index
    return off.loc[order].reset_index(drop=True)


def collected_cells(round_: Round, township_code: str, product: str) -> pd.DataFrame:
    """Return the rows behind one collected figure with the cell of each size, in the order of files and rows.

    Columns `subject_name, plot_key, cropping, area_mu, source_cell`; raises ValueError for a township or product that
    is none.
    """
    if township_code not in round_.places.names:
        msg = f"乡镇代码“{township_code}”不存在"
        raise ValueError(msg)
    if product not in round_.rules.products:
        msg = f"产品“{product}”不在规则中；可用：{'、'.join(round_.rules.products)}"
        raise ValueError(msg)
    rows = accepted(round_)
    rows = rows[(rows["township_code"] == township_code) & (rows["product"] == product)]
    rows = rows.sort_values(["source_file", "source_sheet", "source_row"])
    cells = [round_.cell(row, "size") for _, row in rows.iterrows()]
    columns = ["subject_name", "plot_key", "cropping", "area_mu"]
    return rows[columns].assign(source_cell=pd.Series(cells, index=rows.index, dtype="str")).reset_index(drop=True)


def _registered(round_: Round) -> pd.Series:
    """Return registered area per township and product; 0 where the township's registry lists none of it, else NA."""
    listed = round_.registry[round_.registry["status"] == "accepted"]
    listed = listed[listed["subject_type"] != "buyer"]
    totals = listed.groupby(["township_code", "product"])["area_mu"].sum(min_count=1).round(2)
    known = pd.MultiIndex.from_product(
        [sorted(listed["township_code"].dropna().unique()), round_.rules.baseline_products],
        names=["township_code", "product"],
    )
    rows = listed.groupby(["township_code", "product"]).size().reindex(known, fill_value=0)
    return totals.reindex(known).mask(rows == 0, 0.0)


def _status(frame: pd.DataFrame, spoken: pd.Series, round_: Round) -> pd.Series:
    due = {code: product.due_from <= round_.as_of.date() for code, product in round_.rules.products.items()}
    arrived = set(round_.submissions["township_code"])
    is_due = pd.Series(frame.index.get_level_values("product").map(due), index=frame.index).astype(bool)
    came = pd.Series(frame.index.get_level_values("township_code").isin(arrived), index=frame.index)
    gap = frame["gap_mu"]
    within = gap.abs() <= frame["tolerance_mu"]
    status = pd.Series("over", index=frame.index, dtype="str").mask(gap > 0, "short").mask(within, "balanced")
    status = status.mask(spoken.isna(), "not_reported").mask(~came, "not_submitted")
    status = status.mask(frame["baseline_mu"].isna(), "no_baseline")
    return status.mask(~is_due & spoken.isna(), "not_due")
