"""Symbols: the marks, names and legends of a printed map, drawn from the frames that `plans` makes.

`sheet` is the page in millimetres, `axes` the map in metres; no two names overlap, and every place is found in a fixed order.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform
from shapely import Polygon as Area
from shapely.geometry.base import BaseGeometry

from originmap import page
from originmap.page import FAINT, INK, PAPER, Frame, Furniture, width_mm, write
from originmap.places import Places, points_of
from originmap.plans import (
    BALANCED,
    BALANCED_RIM,
    COVERAGE_COLOURS,
    LARGEST_MM,
    OVER_HATCH,
    PT_PER_MM,
    SIZE_PT2,
    UNKNOWN_HATCHES,
    Floats,
    class_label,
    size_breaks,
)
from originmap.rules import Rules
from originmap.vocab import Lang, code


def outline_of(places: Places) -> BaseGeometry:
    """Return the county's outline in the CRS that distances are measured in."""
    return gpd.GeoSeries([places.outline], crs=places.townships.crs).to_crs(places.measure_crs).iloc[0]


def estimated_seats(places: Places) -> list[bool]:
    """Return of every township whether its seat's position is an estimate."""
    return places.townships["seat_quality"].str.startswith("estimate").tolist()


@lru_cache(maxsize=64)
def _shape(marker: str) -> tuple[Path, float]:
    """Return a marker's outline, and the share of its square that is ink, so that equal areas look equal whatever the shape."""
    style = MarkerStyle(marker)  # type: ignore[arg-type, unused-ignore]
    shape = style.get_path().transformed(style.get_transform())
    return shape, float(sum(Area(ring).area for ring in shape.to_polygons()))


def mark(axes: Axes, x: Any, y: Any, marker: str, area_pt2: Any, **style: Any) -> None:
    """Draw markers of the given ink area."""
    shape, ink = _shape(marker)
    _draw(axes, x, y, [shape], np.asarray(area_pt2) / ink, **{"linewidth": _rim(np.atleast_1d(area_pt2))} | style)


def _rim(area_pt2: Floats) -> Floats:
    """Return how wide a mark's rim is, which keeps neighbours apart; the smallest have none.

    No viewer draws a line thinner than a pixel, and at that it covers the arms of a small cross.
    """
    return np.where(area_pt2 < SIZE_PT2[1], 0.0, 0.35)


def _draw(axes: Axes, x: Any, y: Any, shapes: Sequence[Path], sizes: Any, **style: Any) -> None:
    """Draw shapes at points, one after the other, as ``Axes.scatter`` does; what that works out of its many arguments takes longer than to draw."""
    style = {"edgecolor": PAPER, "zorder": 5} | style
    if not style.get("hatch"):
        style.pop("hatch", None)
    else:
        style["hatch_linewidth"] = 0.5
    spots = np.column_stack([np.atleast_1d(np.asarray(each, dtype="float64")) for each in (x, y)])
    drawn = PathCollection(shapes, np.atleast_1d(sizes), offsets=spots, offset_transform=axes.transData, **style)
    drawn.set_transform(IdentityTransform())
    axes.add_collection(drawn, autolim=False)


def north_arrow(sheet: Axes, x: float, y: float, lang: Lang) -> None:
    """Draw a north arrow of 14 mm whose foot stands at `x`, `y`."""
    for side, colour in ((-1, INK), (1, PAPER)):
        wing = [(x, y + 9), (x + side * 2.6, y), (x, y + 1.8)]
        sheet.add_patch(Polygon(wing, closed=True, facecolor=colour, edgecolor=INK, linewidth=0.6, zorder=5))
    write(sheet, x, y + 11.4, "北" if lang == "zh" else "N", 9, ha="center")


def scale_bar(sheet: Axes, right: float, y: float, scale: int) -> float:
    """Draw a three-part scale bar that ends at `right`, with the scale above it; return its left end."""
    step = max(km for km in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if km == 0.1 or 3e6 * km / scale <= 42)
    part = step * 1e6 / scale
    left = right - 3 * part
    for number in range(3):
        colour = INK if number % 2 == 0 else PAPER
        sheet.add_patch(
            Rectangle((left + number * part, y), part, 1.3, facecolor=colour, edgecolor=INK, linewidth=0.5, zorder=5)
        )
    for number in range(4):
        write(
            sheet,
            left + number * part,
            y + 3,
            f"{number * step:g}" + (" km" if number == 3 else ""),
            6.5,
            ha="center",
            halo=True,
        )
    write(sheet, left + 1.5 * part, y - 2.2, f"1:{scale:,}".replace(",", " "), 7, ha="center", halo=True)
    return left


def seats(axes: Axes, x: Any, y: Any, estimated: Any) -> None:
    """Draw townships' seats; an estimated position has no dot."""
    dots = ~np.atleast_1d(np.asarray(estimated, dtype=bool))
    x, y, (circle, _) = np.atleast_1d(x), np.atleast_1d(y), _shape("o")
    _draw(axes, x, y, [circle], 13, facecolor=PAPER, edgecolor=INK, linewidth=0.7, zorder=4.5)
    if dots.any():
        _draw(axes, x[dots], y[dots], [circle], 2.2, facecolor=INK, linewidth=0, zorder=4.6)


def base(
    figure: Figure, sheet: Axes, frame: Frame, outline: BaseGeometry, places: Places, furniture: Furniture
) -> tuple[Axes, list[Any]]:
    """Draw frame, graticule, county, north and scale; return the map's axes and the page boxes that are taken."""
    axes = page.ground(figure, frame, sample=furniture.word("sample") if furniture.sample else "")
    page.draw_graticule(axes, sheet, frame, places.measure_crs)
    for part in getattr(outline, "geoms", [outline]):
        x, y = np.asarray(part.exterior.coords).T
        axes.fill(x, y, facecolor="#FDFCF7", edgecolor="none", zorder=1)
        axes.plot(x, y, color="#D8CDBB", linewidth=3.2, zorder=2.1, solid_joinstyle="round")
        axes.plot(x, y, color=INK, linewidth=0.9, zorder=2.2, solid_joinstyle="round")
    if places.quality == "official":
        cells = places.townships.geometry.to_crs(places.measure_crs)
        for line in cells.boundary.explode():
            axes.plot(*np.asarray(line.coords).T, color=FAINT, linewidth=0.45, dashes=(6, 2, 1, 2), zorder=2.05)
    right, top = frame.left + frame.width, frame.bottom + frame.height
    north_arrow(sheet, right - 9, top - 18, furniture.lang)
    bar = scale_bar(sheet, right - 9, frame.bottom + 6, frame.scale)
    return axes, [(right - 14, top - 19, right, top), (bar - 3, frame.bottom, right, frame.bottom + 11.5)]


def draw_points(
    figure: Figure,
    sheet: Axes,
    frame: Frame,
    plan: gpd.GeoDataFrame,
    outline: BaseGeometry,
    places: Places,
    furniture: Furniture,
    *,
    seat_mm: float = 0.8,
) -> None:
    """Draw the distribution map: points of `point_plan`, seats and their names, which keep `seat_mm` away from them."""
    axes, taken = base(figure, sheet, frame, outline, places, furniture)
    draw_marks(axes, plan)
    towns = places.townships.assign(estimated=estimated_seats(places))
    at = points_of(towns["seat_lon"], towns["seat_lat"]).to_crs(places.measure_crs)
    west, south, east, north = frame.extent
    inside = at.x.between(west, east) & at.y.between(south, north)
    towns, at = towns[inside], at[inside]
    seats(axes, at.x, at.y, towns["estimated"])
    across, up = frame.page(at.x, at.y)
    names = towns["pinyin"] if furniture.lang == "en" else towns["township"]
    anchors = pd.DataFrame({"x": across, "y": up, "r": seat_mm, "w": [width_mm(name, 7.5) for name in names], "h": 3.0})
    points = np.column_stack(frame.page(plan.geometry.x, plan.geometry.y)) if len(plan) else None
    _draw_labels(sheet, anchors, frame, taken, [[name] for name in names], points)


def draw_marks(axes: Axes, plan: gpd.GeoDataFrame) -> None:
    """Draw the points of a `point_plan` on the map's axes, the largest below."""
    if plan.empty:
        return
    order = ["area_pt2", "marker", "colour", "buyer"]
    drawn = plan.sort_values(order, ascending=[False, True, True, True], kind="stable")
    shapes = [_shape(marker) for marker in drawn["marker"]]
    buyer, colour = drawn["buyer"].to_numpy(dtype=bool), drawn["colour"].to_numpy(dtype=object)
    area = drawn["area_pt2"].to_numpy()
    _draw(
        axes,
        drawn.geometry.x,
        drawn.geometry.y,
        [shape for shape, _ in shapes],
        area / [ink for _, ink in shapes],
        facecolor=np.where(buyer, PAPER, colour).tolist(),
        edgecolor=np.where(buyer, colour, PAPER).tolist(),
        linewidth=np.where(buyer, 1.1, _rim(area)),
        zorder=4,
    )


def draw_circles(
    figure: Figure,
    sheet: Axes,
    frame: Frame,
    plan: gpd.GeoDataFrame,
    outline: BaseGeometry,
    places: Places,
    furniture: Furniture,
) -> None:
    """Draw the coverage map: circles of `coverage_plan`, moved apart where they overlap, with names and percentages."""
    _, taken = base(figure, sheet, frame, outline, places, furniture)
    radius = np.sqrt(plan["area_pt2"].to_numpy() / np.pi) / PT_PER_MM
    seat_x, seat_y = frame.page(plan.geometry.x, plan.geometry.y)
    x, y = spread(seat_x, seat_y, radius)
    for at, row in enumerate(plan.itertuples()):
        moved = float(np.hypot(x[at] - seat_x[at], y[at] - seat_y[at]))
        if moved > 0.3:
            sheet.scatter(seat_x[at], seat_y[at], s=6, facecolor=INK, edgecolor=PAPER, linewidth=0.5, zorder=4.4)
        if moved > radius[at]:
            sheet.add_line(Line2D([x[at], seat_x[at]], [y[at], seat_y[at]], color=INK, linewidth=0.5, zorder=4))
        mark(sheet, x[at], y[at], "o", row.area_pt2, **circle_style(row.kind, row.class_index), zorder=4.2)
    texts = [
        [row.township, row.label if row.kind != "zero_baseline" else furniture.word("baseline_mu") + " 0"]
        for row in plan.itertuples()
    ]
    wide = [max(width_mm(name, 7.5), width_mm(label, 7)) for name, label in texts]
    _draw_labels(sheet, pd.DataFrame({"x": x, "y": y, "r": radius, "w": wide, "h": 6.1}), frame, taken, texts, None)


def circle_style(kind: str, index: Any = pd.NA) -> dict[str, Any]:
    """Return how a coverage circle looks: filled by class, the balanced one with a heavy rim; unknowns hollow and hatched."""
    if kind == "class":
        look = {"facecolor": COVERAGE_COLOURS[index], "edgecolor": BALANCED_RIM if index == BALANCED else INK}
        return look | {"linewidth": 1.5 if index == BALANCED else 0.6, "hatch": OVER_HATCH if index > BALANCED else ""}
    dashed = kind == "not_due"
    look = {"facecolor": PAPER, "edgecolor": FAINT if dashed else "#555555", "linestyle": "--" if dashed else "-"}
    return look | {"linewidth": 0.8, "hatch": UNKNOWN_HATCHES[kind]}


def size_legend(sheet: Axes, furniture: Furniture, rules: Rules, left: float, y: float, shown: set[str]) -> float:
    """Draw what the sizes of points mean, a line a unit of the products `shown`; return the y below."""
    write(sheet, left, y, furniture.word("size"), 8)
    y -= 5.5
    for index, area in enumerate(SIZE_PT2):
        mark(sheet, left + 10 + 15 * index, y, "o", area, facecolor="#777777")
    for unit, breaks in size_breaks(rules).items():
        if unit not in {rules.products[product].unit for product in shown}:
            continue
        y -= 4.6
        write(sheet, left, y, code("size_unit", unit, furniture.lang), 7)
        for index in range(len(SIZE_PT2)):
            write(sheet, left + 10 + 15 * index, y, class_label(breaks, index), 6.5, ha="center")
    return y - 2


def circle_legend(sheet: Axes, furniture: Furniture, left: float, y: float, most: float) -> float:
    """Draw three sample circles up to `most` 亩; return the y below."""
    write(sheet, left, y, furniture.word("circle"), 8 if furniture.lang == "zh" else 7)
    unit = 10 ** np.floor(np.log10(most))
    nice = max(step * unit for step in (1, 2, 5) if step * unit <= most)
    base = y - 4 - 2 * LARGEST_MM
    for number, area in enumerate((nice, nice / 4, nice / 20)):
        radius = LARGEST_MM * np.sqrt(area / most)
        mark(
            sheet,
            left + 8 + 18 * number,
            base + radius,
            "o",
            np.pi * (radius * PT_PER_MM) ** 2,
            facecolor="#E4E4E4",
            edgecolor=INK,
        )
        write(sheet, left + 8 + 18 * number, base - 2.5, f"{area:g}", 7, ha="center")
    return base - 4


def place_legend(
    sheet: Axes, furniture: Furniture, places: Places, left: float, y: float, *, with_seats: bool = True
) -> float:
    """Draw the legend of outline, boundaries and seats; return the y below."""
    official = places.quality == "official"
    for colour, width in (("#D8CDBB", 3.2), (INK, 0.9)):
        sheet.add_line(Line2D([left, left + 6], [y, y], color=colour, linewidth=width))
    write(sheet, left + 8, y, furniture.word("outline" if official else "outline_schematic"), 7.5)
    if official:
        y -= 5
        sheet.add_line(Line2D([left, left + 6], [y, y], color=FAINT, linewidth=0.6, dashes=(6, 2, 1, 2)))
        write(sheet, left + 8, y, furniture.word("township_line"), 7.5)
    for estimated in sorted(set(estimated_seats(places))) if with_seats else ():
        y -= 5
        seats(sheet, left + 3, y, estimated)
        write(sheet, left + 8, y, furniture.word("seat_estimate" if estimated else "seat"), 7.5)
    return y - 3


def _draw_labels(
    sheet: Axes,
    anchors: pd.DataFrame,
    frame: Frame,
    taken: list[Any],
    texts: Sequence[Sequence[str]],
    points: Floats | None,
) -> None:
    if anchors.empty:
        return
    inside = (frame.left + 1, frame.bottom + 1, frame.left + frame.width - 1, frame.bottom + frame.height - 1)
    spots = place_labels(anchors, inside, taken=taken, points=points)
    for anchor, spot, lines in zip(anchors.itertuples(), spots.itertuples(), texts, strict=True):
        if spot.leader:
            x = np.clip(anchor.x, spot.x - anchor.w / 2, spot.x + anchor.w / 2)
            y = np.clip(anchor.y, spot.y - anchor.h / 2, spot.y + anchor.h / 2)
            sheet.add_line(Line2D([anchor.x, x], [anchor.y, y], color=INK, linewidth=0.4, zorder=4.1))
        top = spot.y + 1.5 * (len(lines) - 1)
        for number, text in enumerate(lines):
            write(sheet, spot.x, top - 3.0 * number, text, 7.5 if number == 0 else 7, ha="center", halo=True)


def place_labels(
    anchors: pd.DataFrame,
    inside: Sequence[float],
    *,
    taken: Sequence[tuple[float, float, float, float]] = (),
    points: Floats | None = None,
) -> pd.DataFrame:
    """Find a place for every label beside its symbol: no two overlap, symbols and points are spared, nothing leaves the frame.

    Parameters
    ----------
    anchors
        Page millimetres: `x`, `y` of the symbol, its radius `r`, and the label's `w` and `h`.
    inside
        The box (left, bottom, right, top) that labels stay in.
    taken
        Page boxes (left, bottom, right, top) that must stay free.
    points
        Page coordinates, n × 2, that labels would rather not cover.

    Returns
    -------
    `x`, `y` of each label's centre and `leader`, whether it stands so far off that a line is needed; aligned to `anchors`.
    Every step has a fixed order: the same anchors give the same places.
    """
    x, y, r, w, h = anchors[["x", "y", "r", "w", "h"]].to_numpy(dtype="float64").T
    rings = np.array([0.6, 1.6, 3.2, 5.5, 8.5, 12.0])
    angles = np.deg2rad([0, 180, 90, 270, 30, 150, 330, 210, 60, 120, 300, 240])
    turn, ring = (grid.ravel() for grid in np.meshgrid(angles, rings))
    rank = np.tile(np.arange(len(angles)), len(rings)) * 0.15 + np.repeat([0, 1.5, 5, 9, 14, 20], len(angles))
    cx = x[:, None] + np.cos(turn) * (r[:, None] + ring + w[:, None] / 2)
    cy = y[:, None] + np.sin(turn) * (r[:, None] + ring + h[:, None] / 2)
    low_x, high_x, low_y, high_y = cx - w[:, None] / 2, cx + w[:, None] / 2, cy - h[:, None] / 2, cy + h[:, None] / 2
    left, bottom, right, top = inside
    cost = rank + 1e6 * ((low_x < left) | (high_x > right) | (low_y < bottom) | (high_y > top))
    gap = 0.4
    blocks = [*taken, *zip(x - r, y - r, x + r, y + r, strict=True)]
    for left_, bottom_, right_, top_ in blocks:
        across = np.clip(np.minimum(high_x + gap / 2, right_) - np.maximum(low_x - gap / 2, left_), 0, None)
        up = np.clip(np.minimum(high_y + gap / 2, top_) - np.maximum(low_y - gap / 2, bottom_), 0, None)
        cost += 40 * across * up
    if points is not None and len(points):
        within = (points[:, 0] > low_x[..., None]) & (points[:, 0] < high_x[..., None])
        cost += 0.25 * (within & (points[:, 1] > low_y[..., None]) & (points[:, 1] < high_y[..., None])).sum(axis=-1)
    apart = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(len(x))
    order = np.argsort(apart.min(axis=1), kind="stable")
    chosen = np.full(len(x), -1)
    for _ in range(4):
        for one in order:
            others = np.flatnonzero((chosen >= 0) & (np.arange(len(x)) != one))
            px, py = cx[others, chosen[others]], cy[others, chosen[others]]
            across = np.clip((w[one] + w[others]) / 2 + gap - np.abs(cx[one][:, None] - px), 0, None)
            up = np.clip((h[one] + h[others]) / 2 + gap - np.abs(cy[one][:, None] - py), 0, None)
            chosen[one] = int(np.argmin(cost[one] + 1000 * (across * up).sum(axis=1)))
    each = np.arange(len(x))
    return pd.DataFrame({"x": cx[each, chosen], "y": cy[each, chosen], "leader": ring[chosen] > 2}, index=anchors.index)


def spread(x: Floats, y: Floats, r: Floats, *, gap: float = 0.5) -> tuple[Floats, Floats]:
    """Push overlapping circles apart, as little as needed; the same circles give the same places (all in mm)."""
    x, y = x.copy(), y.copy()
    for _ in range(300):
        dx, dy = x[:, None] - x, y[:, None] - y
        away = np.maximum(np.hypot(dx, dy), 1e-6) + np.eye(len(x))
        push = np.clip(r[:, None] + r + gap - away, 0, None) * (1 - np.eye(len(x)))
        if push.max(initial=0) < 0.01:
            break
        x += (push * dx / away).sum(axis=1) * 0.25
        y += (push * dy / away).sum(axis=1) * 0.25
    return x, y
