"""Plates: the small pictures of a briefing, drawn once: where the bases of a township or of the county are, and a gap step by step."""

from dataclasses import replace
from io import BytesIO
from typing import Final

import geopandas as gpd
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from shapely import box

from originmap import figures, gazette, page, printed, waterfalls
from originmap.page import INK, PAPER, Furniture, width_mm, write
from originmap.places import points_of
from originmap.plans import SIZE_PT2, class_label, markers, point_plan, size_breaks
from originmap.rounds import Round
from originmap.rules import Rules
from originmap.symbols import draw_points, mark, outline_of
from originmap.vocab import code

WIDTH_MM: Final = 156.0
_DPI: Final = 150
_MARGIN_M: Final = 1500.0


def bases(round_: Round, furniture: Furniture, *, township_code: str = "") -> bytes:
    """Return the map of the county's bases, or of one township's with its neighbours' seats, as PNG, `WIDTH_MM` wide; a public one is a grid's."""
    records, places, rules = round_.records, round_.places, round_.rules
    own = records[records["township_code"] == township_code] if township_code else records
    plan = point_plan(own, rules)
    outline = outline_of(places)
    height = 94.0 if township_code else 122.0
    figure = Figure(figsize=(WIDTH_MM / page.MM_PER_INCH, height / page.MM_PER_INCH), dpi=100, facecolor=PAPER)
    sheet = figure.add_axes((0, 0, 1, 1), zorder=2)
    sheet.set(xlim=(0, WIDTH_MM), ylim=(0, height))
    sheet.set_axis_off()
    seats = points_of(places.townships["seat_lon"], places.townships["seat_lat"]).to_crs(places.measure_crs)
    seats = seats.set_axis(places.townships["township_code"])
    bounds = outline.bounds
    if township_code:
        ground = pd.concat([plan.geometry, gpd.GeoSeries([seats[township_code]], crs=plan.crs)])
        bounds = tuple(box(*ground.total_bounds).buffer(_MARGIN_M).bounds)
    frame = page.fit(bounds, left=6, bottom=18, width=WIDTH_MM - 7, height=height - 19)
    if furniture.profile == "public":
        plan = gazette.plan(gazette.cells(round_, gazette.shown(round_)), round_, frame)
    west, south, east, north = frame.extent
    inside = ((seats.x > west) & (seats.x < east) & (seats.y > south) & (seats.y < north)).to_numpy()
    draw_points(figure, sheet, frame, plan, outline, replace(places, townships=places.townships[inside]), furniture)
    _legend(sheet, plan, rules, furniture)
    return _png(figure)


def county_page(round_: Round, gaps: pd.DataFrame, furniture: Furniture) -> Figure:
    """Return the county's A4 page: map and gap table, or, for the public, the distribution map alone."""
    if furniture.profile == "public":
        return gazette.distribution_map(round_, gazette.shown(round_, gaps))
    return figures.briefing_map(round_.records, gaps, round_.places, round_.rules, furniture)


def _png(figure: Figure) -> bytes:
    """Return a figure as PNG, its colours as they are: to look for fewer takes longer than the whole drawing."""
    small = BytesIO()
    printed.pixels(figure, dpi=_DPI).save(small, "png", compress_level=4)
    return small.getvalue()


def _legend(sheet: Axes, plan: gpd.GeoDataFrame, rules: Rules, furniture: Furniture) -> None:
    """Draw products, and on an internal sheet what sizes mean, in two lines below the map."""
    shown = [name for name in rules.products if (plan["product"] == name).any()]
    entries = [(markers(rules)[name], rules.products[name].colour, 22.0, rules.products[name].name) for name in shown]
    if plan["buyer"].any():
        entries.append(("o", PAPER, 22.0, "产地收购商"))
    lines = [entries]
    if furniture.profile == "internal" and len(plan):
        units = {rules.products[name].unit for name in shown}
        breaks = {unit: cuts for unit, cuts in size_breaks(rules).items() if unit in units}
        lines.append([
            ("o", "#777777", SIZE_PT2[index], "/".join(class_label(cuts, index) + code("size_unit", unit) for unit, cuts in breaks.items()))
            for index in range(len(SIZE_PT2))
        ])  # fmt: skip
    for y, line in zip((9.5, 3.5), lines, strict=False):
        wide = sum(width_mm(text, 7) + 7 for *_, text in line)
        size = 7 * min(1.0, (WIDTH_MM - 12 - 7 * len(line)) / max(wide - 7 * len(line), 1))
        x = 6.0
        for sign, colour, area, text in line:
            look = (
                {"facecolor": colour, "edgecolor": INK, "linewidth": 1.0} if colour == PAPER else {"facecolor": colour}
            )
            mark(sheet, x + 2, y, sign, area, **look)
            write(sheet, x + 5, y, text, size)
            x += width_mm(text, size) + 7


def steps(frame: pd.DataFrame, *, title: str) -> bytes:
    """Return a gap step by step, from ``gaps.waterfall``, as an SVG file with the packaged Hei; empty where a figure is unknown."""
    drawn = waterfalls.drawing(frame, title=title, face="Noto Sans SC", width=620, height=270)
    return drawn.replace("<svg ", "<svg xmlns='http://www.w3.org/2000/svg' ", 1).encode("utf-8")
