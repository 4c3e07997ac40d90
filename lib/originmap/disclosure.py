"""Disclosure: what a public sheet may say of few people. Counts below three are hidden, and so is what would give them away again.

A hidden figure shows as ×, which is neither 0 nor unknown (—). Pure functions over frames; the decision is docs/decisions/0025.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from shapely import box

LEAST: Final = 3
SIGN: Final = "×"
LEGEND: Final = f"“{SIGN}”：不足 {LEAST} 个主体，或为不让人推算出这样的数而一并隐去；不是 0，也不是没有数据（—）。"
ALL: Final = ""  # the product that stands for all of them: subjects counted once

_Mask = npt.NDArray[np.bool_]
_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shown:
    """A table by township and product as the public may see it.

    Attributes
    ----------
    cells
        `township_code, product, subjects, size, hidden`: where `hidden`, neither figure may be shown. Product `ALL` is a township's total.
    totals
        By product (`ALL`: the county's subjects, counted once) `subjects, size, hidden`, and the second total `known_size, known_hidden`.
    """

    cells: pd.DataFrame
    totals: pd.DataFrame


@dataclass(frozen=True)
class _Column:
    """One product: what is hidden in it, and the most that each hidden count can be as its totals tell."""

    hidden: _Mask
    most: npt.NDArray[np.float64]
    total_hidden: bool
    known_hidden: bool


def suppress(cells: pd.DataFrame, *, least: int = LEAST, secondary: bool = True) -> Shown:
    """Hide what a public table may not show, so that no hidden cell can be worked out from the totals beside it.

    Parameters
    ----------
    cells
        One row a township and product: `township_code, product, subjects` (NA: unknown), `size` (亩, heads; NA where there is none) and `known`,
        whether its size is in the product's second published total (the townships whose baseline is known). Rows of product `ALL` count a township's
        subjects once.
    least
        Fewer subjects than this are hidden; 0 is shown.
    secondary
        Whether what would give them away is hidden too; without it the first subtraction does.

    Returns
    -------
    By these rules. Within each set of townships whose sum can be had (all, or those of the second total and the others) either nothing is hidden or at
    least two cells, of `least` subjects together and of more than one each; else the smallest cell beside is hidden, the second total, or the total. A
    township's own total is shown only where all that it says of hidden cells is known without it, and the county's only where every
    table that fits the other totals fits it too.
    """
    table = cells.reset_index(drop=True)
    counts = table["subjects"].fillna(0).to_numpy(dtype="int64")
    known = table["known"].fillna(value=False).to_numpy(dtype="bool")
    hidden = (counts > 0) & (counts < least)
    most = np.zeros(len(table))
    single = (table["product"] != ALL).to_numpy()
    totals = []
    for product in dict.fromkeys(table.loc[single, "product"]):
        at = np.flatnonzero(single & (table["product"] == product).to_numpy())
        column = _column(counts[at], known[at], least, secondary=secondary)
        hidden[at], most[at] = column.hidden, column.most
        totals.append(_total(table.loc[at], product, column))
    rows = np.flatnonzero(~single)
    crossing = _township_totals(table, rows, counts, hidden, most, single) if secondary else hidden[rows]
    hidden[rows] |= crossing
    column = _Column(
        hidden[rows], most[rows], _county_hidden(table, rows, counts, hidden, most, single, least), known_hidden=False
    )
    if not secondary:
        column = _Column(hidden[rows], most[rows], 0 < counts[rows].sum() < least, known_hidden=False)
    totals.append(_total(table.loc[rows], ALL, column))
    return Shown(table.assign(hidden=hidden), pd.DataFrame(totals).astype({"subjects": "Int64"}))


def _column(counts: _Counts, known: _Mask, least: int, *, secondary: bool) -> _Column:
    few = (counts > 0) & (counts < least)
    if not secondary:
        said = counts[known].sum()
        return _Column(few, np.full(len(counts), np.inf), 0 < counts.sum() < least, 0 < said < least)
    every = np.ones(len(counts), dtype=np.bool_)
    for parts in ([known, ~known], [every]):
        hidden = few.copy()
        if all(_closed(counts, hidden, part, least) for part in parts):
            most = np.zeros(len(counts))
            for part in parts:
                own = hidden & part
                most[own] = counts[own].sum() - (own.sum() - 1)
            return _Column(hidden, most, total_hidden=False, known_hidden=len(parts) == 1)
    hidden = counts > 0
    return _Column(hidden, np.where(hidden, np.inf, 0), total_hidden=True, known_hidden=True)


def _closed(counts: _Counts, hidden: _Mask, part: _Mask, least: int) -> bool:
    """Hide the smallest cells of a sum, in place, until what is left over tells of no single one; tell whether that can be."""
    while True:
        own = hidden & part
        # A single hidden cell is below `least`: there are at least two where this holds.
        if not own.any() or counts[own].sum() >= max(least, own.sum() + 1):
            return True
        free = np.flatnonzero(part & ~hidden & (counts > 0))
        if not len(free):
            return False
        hidden[free[np.argmin(counts[free])]] = True


def _total(own: pd.DataFrame, product: str, column: _Column) -> dict[str, Any]:
    known = own[own["known"].fillna(value=False).astype("bool")]
    sums = {"subjects": own["subjects"].sum(min_count=1), "size": own["size"].sum(min_count=1)}
    more = {"known_size": known["size"].sum(min_count=1), "known_hidden": column.known_hidden}
    return {"product": product, **sums, "hidden": column.total_hidden, **more}


def _row(table: pd.DataFrame, at: int, single: _Mask) -> _Mask:
    return single & (table["township_code"] == table["township_code"].iat[at]).to_numpy()


def _township_totals(
    table: pd.DataFrame,
    rows: npt.NDArray[np.int64],
    counts: _Counts,
    hidden: _Mask,
    most: npt.NDArray[np.float64],
    single: _Mask,
) -> _Mask:
    """Tell which townships' totals say something of a hidden cell: it is no less than a cell and no more than their sum."""
    found = np.zeros(len(rows), dtype=np.bool_)
    for number, at in enumerate(rows):
        own = _row(table, at, single)
        away = own & hidden
        if away.any():
            least_sum = counts[own & ~hidden].sum() + away.sum()
            found[number] = counts[at] > least_sum or counts[at] < most[away].max()
    return found


def _county_hidden(
    table: pd.DataFrame,
    rows: npt.NDArray[np.int64],
    counts: _Counts,
    hidden: _Mask,
    most: npt.NDArray[np.float64],
    single: _Mask,
    least: int,
) -> bool:
    """Tell whether the county's subjects, less the townships' that are shown, would say something of a hidden figure."""
    away = [at for at in rows if hidden[at]]
    if not away:
        return bool(0 < counts[rows].sum() < least)
    rest = counts[away].sum()
    lowest, highest = 0.0, 0.0
    covered = np.zeros(len(table), dtype=np.bool_)
    for at in away:
        own = _row(table, at, single)
        widest = most[own & hidden].max(initial=0)
        lowest += max(counts[own & ~hidden].max(initial=0), widest)
        highest += counts[own & ~hidden].sum()
        covered |= own & hidden
        if counts[at] < least and widest <= counts[at]:
            return True
    # Sums of hidden cells are known by product; those in other townships may take as much of them as they can.
    bounded = hidden & single & np.isfinite(most)
    highest += counts[bounded].sum() - most[bounded & ~covered].sum() + (covered & ~np.isfinite(most)).sum()
    return not lowest <= rest <= highest


def public_text(value: object, form: Callable[[Any], str], *, hidden: bool) -> str:
    """Return a figure as a public sheet prints it: × where hidden, — where unknown."""
    return SIGN if hidden else "—" if pd.isna(value) else form(value)  # type: ignore[call-overload, unused-ignore]


def grid(
    points: gpd.GeoDataFrame, cells: pd.DataFrame, *, cell_m: float = 1000.0, doublings: int = 3, least: int = LEAST
) -> gpd.GeoDataFrame:
    """Count subjects on a grid, by product; cells of too few are merged into ones twice as wide, and what is left after that is not shown.

    Parameters
    ----------
    points
        `township_code, product, subject` and points in a projected CRS, metres.
    cells
        ``suppress(…).cells``: the points of a hidden cell are on no map, so that the grid tells nothing of it.
    cell_m, doublings
        The side of the smallest cell in metres, and how often it may double.
    least
        Fewer subjects than this are never shown.

    Returns
    -------
    `product, cell_m, subjects` and the cell as a square in the CRS of `points`; a wider cell counts what its narrower ones that are shown do not.

    Raises
    ------
    ValueError
        The CRS is none that measures in metres.
    """
    if points.crs is None or not points.crs.is_projected:
        raise ValueError(f"points must be in a projected CRS, not {points.crs}")
    away = pd.MultiIndex.from_frame(cells.loc[cells["hidden"], ["township_code", "product"]])
    own = points[~pd.MultiIndex.from_frame(points[["township_code", "product"]]).isin(away)]
    rest = pd.DataFrame(
        {"product": own["product"], "subject": own["subject"], "x": own.geometry.x, "y": own.geometry.y}
    )
    parts = []
    for step in range(doublings + 1):
        side = cell_m * 2**step
        keys = [rest["product"], (rest["x"] // side).rename("east"), (rest["y"] // side).rename("north")]
        enough = rest.groupby(keys)["subject"].transform("nunique") >= least
        parts.append(
            rest.groupby(keys)["subject"]
            .nunique()
            .loc[lambda count: count >= least]
            .reset_index(name="subjects")
            .assign(cell_m=side)
        )
        rest = rest[~enough]
    made = pd.concat(parts, ignore_index=True).sort_values(["product", "cell_m", "east", "north"], ignore_index=True)
    west, south = made["east"] * made["cell_m"], made["north"] * made["cell_m"]
    squares = box(west, south, west + made["cell_m"], south + made["cell_m"])
    return gpd.GeoDataFrame(made[["product", "cell_m", "subjects"]], geometry=squares, crs=points.crs)
