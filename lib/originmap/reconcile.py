"""Reconcile: planting-area table, registry and what was collected, per township and crop; unknown is never zero."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from originmap.growers import KEY, PARTS, Growers, growers, sizes
from originmap.rounds import Round
from originmap.subjects import normal_name, standing

# D − C, term by term: (D − R) + exempt + missing + unreadable − size difference − unlisted (domain practice).
TERMS = ("unregistered", *PARTS)
SIGNS = {"unregistered": 1, "exempt": 1, "missing": 1, "unreadable": 1, "size_difference": -1, "unlisted": -1}
TERM_COLUMNS = [f"{name}_mu" for name in TERMS]
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
    *TERM_COLUMNS,
    "in_review",
    "registry_unsized",
    "subjects",
    "baseline_cell",
]
COUNTY_COLUMNS = "product known_townships townships baseline_mu registry_mu collected_mu gap_mu coverage_pct".split()
HERD_COLUMNS = [
    "township_code",
    "township",
    "product",
    "registry_heads",
    "collected_heads",
    "gap_heads",
    "gap_status",
    *[f"{name}_heads" for name in PARTS],
    "in_review",
    "registry_unsized",
    "subjects",
]
KNOWN = ("balanced", "short", "over")


def planting_area(
    round_: Round, *, measure: str | None = None, tolerance_mu: float | None = None, linked: Growers | None = None
) -> pd.DataFrame:
    """Compare baseline (附件5), registry (附件4) and collected area (附件1), one row a township and baseline crop.

    Parameters
    ----------
    round_
        An opened round.
    measure
        ``standing`` (per plot the largest cropping) or ``sown`` (all croppings); the rules' by default.
    tolerance_mu
        The difference in 亩 that still counts as balanced; with the rules' share of the baseline the larger one holds.
    linked
        What ``growers.growers`` gave, when it is at hand; its measure holds then.

    Returns
    -------
    Columns `GAP_COLUMNS`, areas in 亩: `gap_mu` = baseline − collected, `coverage_pct` = 100 × collected / baseline, NA
    where the baseline is NA or 0. `collected_mu` sums accepted rows but buyers'; it is 0 only for a zero report or
    when every row was quarantined, else NA. `gap_status` in the order of domain practice: not_due, no_baseline,
    not_submitted, not_reported, then balanced, short or over. Where baseline, registry and collected area are known, to the last
    0.01, `gap_mu` = `unregistered_mu` + `exempt_mu` + `missing_mu` + `unreadable_mu` − `size_difference_mu` − `unlisted_mu`; terms of
    unknown figures are NA. `in_review` counts the undecided pairs (taken as unmatched), `registry_unsized` the registered rows without a
    size, which are in no sum. Sorted by township code and the rules' product order.
    """
    rules = round_.rules
    linked = linked or growers(round_, measure=measure)
    frame = _compared(round_, linked, rules.baseline_products)
    key = pd.MultiIndex.from_frame(frame[KEY])
    baseline = round_.planting_area.set_index(KEY)
    frame["baseline_mu"] = baseline["area_mu"].reindex(key).to_numpy()
    frame["baseline_cell"] = _spot(baseline, round_).reindex(key).to_numpy()
    renamed = {"registry": "registry_mu", "collected": "collected_mu"} | {name: f"{name}_mu" for name in PARTS}
    frame = frame.rename(columns=renamed)
    frame["unregistered_mu"] = (frame["baseline_mu"] - frame["registry_mu"]).round(2)
    frame["gap_mu"] = (frame["baseline_mu"] - frame["collected_mu"]).round(2)
    share = float(rules["reconcile"]["tolerance_share"])
    least = float(rules["reconcile"]["tolerance_mu"] if tolerance_mu is None else tolerance_mu)
    frame["tolerance_mu"] = (frame["baseline_mu"] * share).clip(lower=least).round(2)
    frame["coverage_pct"] = (100 * frame["collected_mu"] / frame["baseline_mu"].replace(0.0, np.nan)).round(1)
    frame["gap_status"] = _status(frame, round_)
    return frame[GAP_COLUMNS].astype({"baseline_cell": "str"})


def livestock(round_: Round, *, linked: Growers | None = None) -> pd.DataFrame:
    """Compare registry (附件4) and collected heads (附件1), one row a township and kind of livestock.

    Returns
    -------
    Columns `HERD_COLUMNS`, in 头 or 只 as the product's unit is: `gap_heads` = registry − collected = `exempt_heads` + `missing_heads` +
    `unreadable_heads` − `size_difference_heads` − `unlisted_heads`. `gap_status` is ``no_baseline`` (or ``not_due``): 附件5 counts no animals.
    """
    herds = [code for code, product in round_.rules.products.items() if product.kind == "livestock"]
    frame = _compared(round_, linked or growers(round_), herds).assign(baseline_mu=np.nan)
    frame = frame.assign(
        gap_mu=np.nan, tolerance_mu=np.nan, gap_heads=(frame["registry"] - frame["collected"]).round(2)
    )
    frame["gap_status"] = _status(frame, round_)
    renamed = {"registry": "registry_heads", "collected": "collected_heads"} | {name: f"{name}_heads" for name in PARTS}
    return frame.rename(columns=renamed)[HERD_COLUMNS]


def _compared(round_: Round, linked: Growers, products: Sequence[str]) -> pd.DataFrame:
    """Return what growers add up to per township and product: `registry, collected`, the `PARTS`, in the product's unit."""
    every = pd.MultiIndex.from_product([round_.places.names, products], names=KEY)
    known = linked.known.reindex(every)
    parts = linked.frame.groupby(KEY)[list(PARTS)].sum().reindex(every, fill_value=0)
    both = known["registry"].notna() & known["collected"].notna()
    frame = pd.DataFrame({name: sizes(known[name]) for name in ("registry", "collected")})
    for name in PARTS:
        frame[name] = sizes(parts[name].where(both))
    frame["in_review"] = known["in_review"].astype("Int64")
    frame["registry_unsized"] = known["registry_unsized"].astype("Int64")
    frame["subjects"] = known["subjects"].astype("Int64").mask(known["collected"].isna())
    frame["township"] = pd.Series(every.get_level_values(0).map(round_.places.names), index=every)
    return frame.reset_index()


def _spot(baseline: pd.DataFrame, round_: Round) -> pd.Series:
    """Return where each figure of 附件5 stands, with its round in front when it is an earlier one."""
    spot = baseline["source_file"] + "〔" + baseline["source_sheet"] + "〕" + baseline["source_cell"]
    return spot.mask(baseline["round"] != round_.name, baseline["round"] + "/" + spot)


def accepted(round_: Round) -> pd.DataFrame:
    """Return the rows that count in totals: accepted, not a buyer's; `subject` is the name for comparison."""
    records = pd.DataFrame(round_.records.drop(columns="geometry"))
    records = records[(records["status"] == "accepted") & (records["subject_type"] != "buyer")]
    return records.assign(subject=normal_name(records["subject_name"], round_.places))


def counts(round_: Round) -> pd.DataFrame:
    """Count subjects and sizes by township and product, accepted rows only.

    Returns
    -------
    `township_code, product, subjects, size`, townships in the order of the codes, each with the rules' products, then ``buyer`` (outside all
    sizes), then ``""``: all of them, each subject once. `size` is 亩 or heads by the rules' measure. NA where a township did not speak of a
    product; 0 only for a zero report or when every row waits for correction.
    """
    records = round_.records[round_.records["status"] == "accepted"]
    subject = records["township_code"] + normal_name(records["subject_name"], round_.places)
    buyer = records["subject_type"] == "buyer"
    kind = records["product"].mask(buyer, "buyer")
    held = subject.groupby([records["township_code"], kind]).nunique()
    every = subject.groupby(records["township_code"]).nunique()
    growers_, by = accepted(round_), ["township_code", "product"]
    measured = standing(growers_, by, measure=str(round_.rules["reconcile"]["area_measure"]))
    measured = measured.fillna(standing(growers_, by, value="head_count"))
    spoken = set(round_.submissions[by].itertuples(index=False, name=None))
    came = {town for town, _ in spoken}
    rows: list[tuple[str, str, object, object]] = []
    for town in round_.places.names:
        for product in round_.rules.products:
            known = (town, product) in spoken
            size = measured.get((town, product), np.nan)
            rows.append(
                (
                    town,
                    product,
                    held.get((town, product), 0) if known else None,
                    (0.0 if pd.isna(size) else size) if known else None,
                )
            )
        rows.append((town, "buyer", held.get((town, "buyer"), 0) if town in came else None, None))
        rows.append((town, "", every.get(town, 0) if town in came else None, None))
    frame = pd.DataFrame(rows, columns=[*by, "subjects", "size"])
    return frame.astype({"subjects": "Int64", "size": "float64"})


def county(gaps: pd.DataFrame, *, products: Sequence[str] | None = None) -> pd.DataFrame:
    """Sum `planting_area` over the townships whose baseline and collected area are both known.

    Returns
    -------
    One row a product: `product, known_townships, townships, baseline_mu, registry_mu, collected_mu, gap_mu,
    coverage_pct`. `registry_mu` is NA where a summed township has none, for then it is no total of the same townships.
    """
    rows = [_total(gaps[gaps["product"] == product], product) for product in products or dict.fromkeys(gaps["product"])]
    return pd.DataFrame(rows)[COUNTY_COLUMNS]


def county_terms(gaps: pd.DataFrame, *, products: Sequence[str] | None = None) -> pd.DataFrame:
    """Sum `planting_area` over the townships where baseline, registry and collected area are all known, so that its terms add up.

    Returns
    -------
    One row a product: the columns of `county`, `TERM_COLUMNS`, `in_review` and `registry_unsized`; the sums are those of the same
    `known_townships` on every side, NA where there is none.
    """
    whole = gaps[gaps["registry_mu"].notna()]
    rows = []
    for product in products or dict.fromkeys(gaps["product"]):
        of = _total(whole[whole["product"] == product], product, *TERM_COLUMNS, "in_review", "registry_unsized")
        rows.append({**of, "townships": int((gaps["product"] == product).sum())})
    return pd.DataFrame(rows)[[*COUNTY_COLUMNS, *TERM_COLUMNS, "in_review", "registry_unsized"]]


def _total(of: pd.DataFrame, product: str, *more: str) -> dict[str, object]:
    """Return the sums over the rows whose baseline and collected area are known; `more` are summed as well, counts as counts."""
    known = of[of["baseline_mu"].notna() & of["collected_mu"].notna()]
    summed = ["baseline_mu", "registry_mu", "collected_mu", "gap_mu", *(name for name in more if name in TERM_COLUMNS)]
    total = {name: round(float(known[name].sum(skipna=False)), 2) if len(known) else np.nan for name in summed}
    coverage = 100 * total["collected_mu"] / total["baseline_mu"] if total["baseline_mu"] > 0 else np.nan
    counts = {name: int(known[name].sum()) for name in more if name not in TERM_COLUMNS}
    base = {"product": product, "known_townships": len(known), "townships": len(of)}
    return {**base, **total, **counts, "coverage_pct": round(coverage, 1)}


def statuses(gaps: pd.DataFrame, herds: pd.DataFrame) -> pd.DataFrame:
    """Return the status of every township and product, crops (`planting_area`) before animals (`livestock`): `township_code, township, product, gap_status`."""
    columns = ["township_code", "township", "product", "gap_status"]
    return pd.concat([gaps[columns], herds[columns]], ignore_index=True)


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


def _status(frame: pd.DataFrame, round_: Round) -> pd.Series:
    due = {code: product.due_from <= round_.as_of.date() for code, product in round_.rules.products.items()}
    is_due = frame["product"].map(due).astype(bool)
    came = frame["township_code"].isin(set(round_.submissions["township_code"]))
    spoken = frame["collected_mu"] if "collected_mu" in frame else frame["collected"]
    gap = frame["gap_mu"]
    within = gap.abs() <= frame["tolerance_mu"]
    status = pd.Series("over", index=frame.index, dtype="str").mask(gap > 0, "short").mask(within, "balanced")
    status = status.mask(spoken.isna(), "not_reported").mask(~came, "not_submitted")
    status = status.mask(frame["baseline_mu"].isna(), "no_baseline")
    return status.mask(~is_due & spoken.isna(), "not_due")
