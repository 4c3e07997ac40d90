"""Detail: how much of what is chosen a screen can use: every point when few are in view, groups of them when many are.

What is sent to the browser is bounded whatever the number of records: at most `POINTS` points or `GROUPS` groups. Groups are the squares
of a grid fixed to the world (web Mercator, as the screen draws), so that they stay where they are while the map is dragged.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from originmap.board import Board, Chosen

POINTS: Final = 2000  # most points drawn one by one
GROUPS: Final = 900  # most groups drawn
SQUARE_PX: Final = 44  # a group stands for a square of the screen about this wide
MARGIN: Final = 0.25  # of the view, sent on every side of it, so that a small drag needs nothing new
GROUP_BREAKS: Final = (10, 100, 1000, 10_000)
GROUP_RADIUS_PX: Final = (7.0, 10.0, 13.5, 17.5, 22.0)
MIXED: Final = "#767676"  # no product has half of a group
_TILE_PX: Final = 256

Bounds = tuple[float, float, float, float]


class Detail(NamedTuple):
    """What to draw: positions of records to draw one by one, or groups, and how many located records are in view.

    `groups`: `lon, lat` (mean of its points, degrees), `records`, `product` (the commonest; the rules' order among equals), `share` (its
    part, 0 to 1), `size_class` (0 … 4 by `GROUP_BREAKS`) and one column of records a product. `all_sent` tells that a drag or a zoom
    changes nothing.
    """

    rows: npt.NDArray[np.int64]
    groups: pd.DataFrame
    in_view: int
    all_sent: bool


def of_view(chosen: Chosen, bounds: Bounds | None = None, zoom: float = 10.0) -> Detail:
    """Return what a view shows.

    Parameters
    ----------
    chosen
        The records that are looked at.
    bounds
        West, south, east, north of the view in degrees; None is everything.
    zoom
        Leaflet's zoom: the world is 256 × 2^zoom pixels wide.
    """
    board = chosen.board
    keep = chosen.keep & board.located
    rows = np.flatnonzero(keep)
    none = _groups(board, rows[:0], zoom)
    if len(rows) <= POINTS:
        return Detail(rows, none, len(rows), all_sent=True)
    if bounds is not None:
        rows = rows[_inside(board, rows, _widened(bounds))]
    here = len(rows) if bounds is None else int(_inside(board, rows, bounds).sum())
    if len(rows) <= POINTS:
        return Detail(rows, none, here, all_sent=False)
    for coarser in range(12):
        groups = _groups(board, rows, zoom - coarser)
        if len(groups) <= GROUPS:
            break
    return Detail(rows[:0], groups, here, all_sent=False)


def _widened(bounds: Bounds) -> Bounds:
    west, south, east, north = bounds
    x, y = MARGIN * (east - west), MARGIN * (north - south)
    return west - x, south - y, east + x, north + y


def _inside(board: Board, rows: npt.NDArray[np.int64], bounds: Bounds) -> npt.NDArray[np.bool_]:
    west, south, east, north = bounds
    lon, lat = board.lon[rows], board.lat[rows]
    found: npt.NDArray[np.bool_] = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return found


def _groups(board: Board, rows: npt.NDArray[np.int64], zoom: float) -> pd.DataFrame:
    """Return the groups of records by the squares of the grid at the whole zoom below `zoom`."""
    products = board.rules.products
    side = _TILE_PX * 2.0 ** np.floor(zoom) / SQUARE_PX
    x = np.floor((board.lon[rows] + 180.0) / 360.0 * side).astype("int64")
    y = np.floor(board.mercator[rows] * side).astype("int64")
    left, top = (int(places.min()) if len(rows) else 0 for places in (x, y))
    width = int(x.max(initial=left)) - left + 1
    square = (y - top) * width + (x - left) if len(rows) else x
    coded = board.coded["product"]
    counts = np.bincount(square, minlength=1)
    filled = np.flatnonzero(counts)
    place = np.zeros(len(counts), dtype="int64")
    place[filled] = np.arange(len(filled))
    at = place[square]
    number = len(coded.names) + 1
    by = np.bincount(at * number + coded.place[rows] % number, minlength=len(filled) * number).reshape(-1, number)
    by_product = pd.DataFrame(by[:, :-1], columns=list(coded.names)).reindex(columns=list(products), fill_value=0)
    total = counts[filled]
    most = by_product.to_numpy().argmax(axis=1) if len(filled) else filled
    means = {name: np.bincount(at, weights=values[rows], minlength=len(filled)) / np.maximum(total, 1)
             for name, values in (("lon", board.lon), ("lat", board.lat))}  # fmt: skip
    frame = pd.DataFrame(means).assign(
        records=total,
        product=pd.Series([list(products)[one] for one in most], dtype="str"),
        share=by_product.max(axis=1) / total,
        size_class=np.searchsorted(GROUP_BREAKS, total, side="right"),
    )
    return pd.concat([frame, by_product], axis=1)
