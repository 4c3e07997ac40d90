"""Plans: what the printed maps show, as plain frames, before anything is drawn; the screen map shares classes and colours.

Nothing here draws or knows a page's look but in millimetres and points (pt) for the size of symbols.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from originmap.places import Places, points_of
from originmap.reconcile import KNOWN, county
from originmap.rules import Rules
from originmap.vocab import Lang, code

Floats = npt.NDArray[np.float64]
PT_PER_MM: Final = 72 / 25.4

# A shape per product, by its place among its kind: told apart in grey too.
_MARKERS: Final = {"crop": ("o", "s", "^", "p", "8"), "livestock": ("D", "v", "P", "X", "h", "*", "<", ">")}
_SIZES: Final = {"mu": (1.0, 5.0, 20.0), "head": (30.0, 100.0, 500.0), "bird": (1000.0, 5000.0, 20000.0)}
SIZE_PT2: Final = (5.0, 11.0, 22.0, 42.0)  # ink area of the size classes
UNSIZED_PT2: Final = 7.0  # of a point whose size is not known
_PX_PER_PT: Final = 2.1  # a screen is looked at from further away than paper
LARGEST_MM: Final = 7.0  # radius of the largest coverage circle
_SMALLEST_MM, _FIXED_MM = 1.4, 1.9

# Red to blue, darkest where most is missing, so that grey keeps the order; above the baseline is hatched as well.
COVERAGE_COLOURS: Final = ("#7F0A1F", "#D6604D", "#F4B08F", "#D9ECF5", "#3A7FB5")
BALANCED, BALANCED_RIM, OVER_HATCH = 3, "#1F5C8C", "////"
UNKNOWN_HATCHES: Final = {
    "not_submitted": "xxxxx",
    "not_reported": "/////",
    "no_baseline": ".....",
    "not_due": "",
    "zero_baseline": "-----",
}


def markers(rules: Rules) -> dict[str, str]:
    """Return ``{product: marker}``: a shape of its own for every product, in the order of the rules file."""
    taken: dict[str, str] = {}
    for code_, product in rules.products.items():
        free = [
            shape for shape in (*_MARKERS[product.kind], *sum(_MARKERS.values(), ())) if shape not in taken.values()
        ]
        taken[code_] = free[0] if free else "o"
    return taken


def size_breaks(rules: Rules) -> dict[str, tuple[float, ...]]:
    """Return the three size breaks of each unit (mu, head, bird): the rules' `classes.size`, else ours."""
    given = rules["classes"].get("size", {})
    return {unit: tuple(float(value) for value in given.get(unit, ours))[:3] for unit, ours in _SIZES.items()}


def radius_px(area_pt2: Any) -> Any:
    """Return the radius on the screen of points with an ink area on paper."""
    return np.round(np.sqrt(np.asarray(area_pt2) / np.pi) * _PX_PER_PT, 1)


def located(records: gpd.GeoDataFrame, rules: Rules, *, products: Sequence[str] | None = None) -> pd.DataFrame:
    """Count accepted records and those with a point: `product, buyer, records, located`, in the order of the rules."""
    rows = accepted(records, rules, products=products)
    frame = pd.DataFrame(
        {"product": rows["product"], "buyer": rows["subject_type"].eq("buyer"), "located": has_point(rows)}
    )
    counts = frame.groupby(["product", "buyer"])["located"].agg(records="size", located="sum").astype("int64")
    key = pd.MultiIndex.from_product([list(products or rules.products), [False, True]], names=["product", "buyer"])
    return counts.reindex(key, fill_value=0).reset_index()


def point_plan(records: gpd.GeoDataFrame, rules: Rules, *, products: Sequence[str] | None = None) -> gpd.GeoDataFrame:
    """Return what the distribution map draws: one row a located accepted record, largest symbols first.

    Returns
    -------
    `record_id, product, buyer, unit, size_class, colour, marker, area_pt2` (ink, pt²) and `geometry` in the CRS that the rules
    measure in. `size_class` is NA without a size.

    Raises
    ------
    ValueError
        `records` is not in EPSG:4326.
    """
    if records.crs is None or records.crs.to_epsg() != 4326:
        raise ValueError(f"records must be in EPSG:4326, not {records.crs}")
    rows = accepted(records, rules, products=products)
    rows = rows[has_point(rows)]
    plan = rows[["record_id", "product", "geometry"]].to_crs(str(rules["county"]["measure_crs"]))
    plan["buyer"] = rows["subject_type"].eq("buyer").astype(bool)
    plan["unit"] = rows["product"].map({name: product.unit for name, product in rules.products.items()}).astype("str")
    size = rows["area_mu"].astype("float64").fillna(rows["head_count"].astype("float64"))
    plan["size_class"] = pd.Series(pd.NA, index=rows.index, dtype="Int64")
    for unit, breaks in size_breaks(rules).items():
        here = (plan["unit"] == unit) & size.notna()
        plan.loc[here, "size_class"] = np.searchsorted(breaks, size[here], side="right")
    plan["colour"] = (
        plan["product"].map({name: product.colour for name, product in rules.products.items()}).astype("str")
    )
    plan["marker"] = plan["product"].map(markers(rules)).astype("str")
    plan["area_pt2"] = plan["size_class"].map(dict(enumerate(SIZE_PT2))).astype("float64").fillna(UNSIZED_PT2)
    columns = ["record_id", "product", "buyer", "unit", "size_class", "colour", "marker", "area_pt2", "geometry"]
    return plan.sort_values(["area_pt2", "record_id"], ascending=[False, True], ignore_index=True)[columns]


def coverage_class(gaps: pd.DataFrame, rules: Rules) -> pd.Series:
    """Return the class of each coverage (0 … 4, aligned to `gaps`), NA where it is unknown or the baseline is 0.

    The breaks are ``rules["classes"]["coverage"]``. A class begins with its break up to 100 % and ends with it above, so that the
    balanced one holds both its ends (a difference of 5 % still counts as balanced).
    """
    breaks = [float(value) for value in rules["classes"]["coverage"]]
    if len(breaks) != 4 or breaks != sorted(breaks):
        raise ValueError(f"规则文件 classes.coverage 应为 4 个由小到大的百分数，现为 {breaks}。")
    percent = gaps["coverage_pct"].astype("float64").where(gaps["gap_status"].isin(KNOWN))
    index = sum((percent >= edge if edge <= 100 else percent > edge).astype("Int64") for edge in breaks)
    return pd.Series(index, index=gaps.index, dtype="Int64").mask(percent.isna())


def coverage_labels(rules: Rules) -> list[str]:
    """Return the five classes as people read them: ``<50%``, ``50–80%`` … ``>105%``."""
    edges = [f"{value:g}" for value in rules["classes"]["coverage"]]
    return [f"<{edges[0]}%", *(f"{low}–{high}%" for low, high in pairwise(edges)), f">{edges[-1]}%"]


def coverage_plan(
    gaps: pd.DataFrame, places: Places, rules: Rules, product: str, *, lang: Lang = "zh"
) -> gpd.GeoDataFrame:
    """Return what the coverage map draws of one product: one row a township, in the order of the codes.

    Returns
    -------
    `township_code, township, gap_status, coverage_pct, class_index` (NA: unknown), `kind` (class, zero_baseline or the unknown
    status), `label` (the percentage or the status word), `colour` (white for unknowns), `area_mu` (baseline, else
    collected, else NA), `area_pt2` of the symbol (the same scale for every product of `gaps`) and `geometry`: the township's seat
    in the CRS that the rules measure in.

    Raises
    ------
    ValueError
        `product` is not in `gaps`.
    """
    of = gaps[gaps["product"] == product]
    if of.empty:
        raise ValueError(f"{product!r} is not in gaps; there are: {', '.join(dict.fromkeys(gaps['product']))}")
    towns = places.townships[["township_code", "township", "pinyin", "seat_lon", "seat_lat"]]
    frame = towns.merge(of.drop(columns="township"), on="township_code", how="left", validate="1:1")
    frame["gap_status"] = frame["gap_status"].astype("str").fillna("not_reported")
    frame["class_index"] = coverage_class(frame, rules)
    known = frame["gap_status"].isin(KNOWN)
    frame["kind"] = (
        frame["gap_status"].where(~known, "class").mask(known & frame["class_index"].isna(), "zero_baseline")
    )
    words = {name: code("gap_status", name, lang) for name in dict.fromkeys(frame["gap_status"])}
    rate = frame["coverage_pct"].map("{:.0f}%".format, na_action="ignore")
    frame["label"] = rate.where(frame["kind"] == "class", frame["gap_status"].map(words))
    frame.loc[frame["kind"] == "zero_baseline", "label"] = "—"
    frame["colour"] = frame["class_index"].map(dict(enumerate(COVERAGE_COLOURS))).astype("str").fillna("#FFFFFF")
    both = frame["baseline_mu"].fillna(frame["collected_mu"]).astype("float64")
    frame["area_mu"] = both.where(both > 0)
    radius = np.sqrt(frame["area_mu"] / largest_mu(gaps)) * LARGEST_MM
    frame["area_pt2"] = np.pi * (radius.clip(lower=_SMALLEST_MM).fillna(_FIXED_MM) * PT_PER_MM) ** 2
    if lang == "en":
        frame["township"] = frame["pinyin"]
    seats = points_of(frame["seat_lon"], frame["seat_lat"]).to_crs(places.measure_crs)
    columns = [
        "township_code",
        "township",
        "gap_status",
        "coverage_pct",
        "class_index",
        "kind",
        "label",
        "colour",
        "area_mu",
    ]
    return gpd.GeoDataFrame(frame[[*columns, "area_pt2"]], geometry=seats)


def gap_table(gaps: pd.DataFrame, places: Places, *, lang: Lang = "zh") -> pd.DataFrame:
    """Return the gap table as it is printed: text, one row a township and a last one for the county.

    Columns are pairs: ``("", "township")``, then per product ``baseline_mu, collected_mu, gap_mu, coverage_pct`` and, in the last
    row only, ``known`` (23/24 townships). An unknown figure is —, and the coverage column then names its status.
    """
    towns = places.townships["pinyin" if lang == "en" else "township"].tolist()
    table = {("", "township"): [*towns, ""]}
    for total in county(gaps).itertuples():
        of = (
            gaps[gaps["product"] == total.product].set_index("township_code").reindex(places.townships["township_code"])
        )
        for column in ("baseline_mu", "collected_mu", "gap_mu"):
            table[total.product, column] = [figure_text(value) for value in [*of[column], getattr(total, column)]]
        status = of["gap_status"].astype("str").fillna("not_reported")
        rate = of["coverage_pct"].map("{:.1f}%".format, na_action="ignore").where(status.isin(KNOWN))
        words = status.map({name: code("gap_status", name, lang) for name in dict.fromkeys(status)})
        county_rate = "—" if pd.isna(total.coverage_pct) else f"{total.coverage_pct:.1f}%"
        table[total.product, "coverage_pct"] = [*rate.fillna(words), county_rate]
        table[total.product, "known"] = [*[""] * len(of), f"{total.known_townships}/{total.townships}"]
    return pd.DataFrame(table)


def accepted(records: gpd.GeoDataFrame, rules: Rules, *, products: Sequence[str] | None = None) -> gpd.GeoDataFrame:
    """Return the accepted rows of the wanted products (all of the rules' by default)."""
    return records[(records["status"] == "accepted") & records["product"].isin(list(products or rules.products))]


def has_point(records: gpd.GeoDataFrame) -> pd.Series:
    """Return whether each row has a settled point."""
    return ~(records.geometry.isna() | records.geometry.is_empty)


def not_located(records: gpd.GeoDataFrame, rules: Rules, *, products: Sequence[str] | None = None) -> pd.Series:
    """Count the accepted rows without a point per township, in the order of the codes; NA stands for an unknown one."""
    rows = accepted(records, rules, products=products)
    rows = rows[~has_point(rows)].sort_values("township_code", na_position="last")
    return rows.groupby("township", sort=False, dropna=False).size()


def largest_mu(gaps: pd.DataFrame) -> float:
    """Return the area in 亩 that the largest coverage circle stands for: the same for every product of `gaps`."""
    most = gaps["baseline_mu"].fillna(gaps["collected_mu"]).astype("float64").max()
    return float(most) if most > 0 else 1.0


def figure_text(value: float) -> str:
    """Return an area as it is printed: one decimal, none from 10,000 on, — for unknown.

    >>> [figure_text(value) for value in (12.0, -3.25, 12345.6, float("nan"))]
    ['12.0', '−3.2', '12346', '—']
    """
    if pd.isna(value):
        return "—"
    return f"{value:.{1 if abs(value) < 10_000 else 0}f}".replace("-", "−").replace("−0.0", "0.0")


def class_label(breaks: Sequence[float], index: int) -> str:
    """Return a size class as people read it.

    >>> [class_label((1.0, 5.0, 20.0), index) for index in range(4)]
    ['<1', '1–5', '5–20', '≥20']
    """
    if index == 0:
        return f"<{breaks[0]:g}"
    return f"≥{breaks[-1]:g}" if index == len(breaks) else f"{breaks[index - 1]:g}–{breaks[index]:g}"
