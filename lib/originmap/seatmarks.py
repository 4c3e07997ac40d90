"""Seat marks: a township figure of the screen on a printed map: its class as a coloured circle at the seat, for a schematic cell is never printed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
from matplotlib.axes import Axes

from originmap import legends
from originmap.page import FAINT, INK, PAPER, Furniture, write
from originmap.places import points_of
from originmap.plans import PT_PER_MM
from originmap.rounds import Round
from originmap.shading import Shading
from originmap.symbols import mark
from originmap.vocab import Lang

RADIUS_MM: Final = 2.75
_AREA_PT2: Final = math.pi * (RADIUS_MM * PT_PER_MM) ** 2
_LEGEND_PT2: Final = 60.0


@dataclass(frozen=True, eq=False)
class SeatMarks:
    """What is drawn: `title`, `plan` (`township_code, class_index, colour`, "" where unknown, at the seats, in the CRS that is measured in) and
    the legend's lines: (colour, text, townships).
    """  # noqa: D205 - one sentence

    title: str
    plan: gpd.GeoDataFrame
    lines: Sequence[tuple[str, str, int]]


def of(made: Shading, round_: Round, *, lang: Lang = "zh") -> SeatMarks:
    """Return the marks of a shading of the screen: the same figure, classes and colours."""
    towns = made.table.merge(
        round_.places.townships[["township_code", "seat_lon", "seat_lat"]], on="township_code", validate="1:1"
    )
    colours = towns["class_index"].map(dict(enumerate(made.colours))).astype("str").fillna("")
    seats = points_of(towns["seat_lon"], towns["seat_lat"]).to_crs(round_.places.measure_crs)
    plan = gpd.GeoDataFrame(towns[["township_code", "class_index"]].assign(colour=colours), geometry=seats)
    counts = towns["class_index"].value_counts()
    names = made.labels(round_.rules, lang)
    lines = [
        (colour, name, int(counts.get(at, 0)))
        for at, (colour, name) in enumerate(zip(made.colours, names, strict=True))
    ]
    lines += [("", reason, count) for reason, count in legends.unknown(made, lang).items()]
    return SeatMarks(legends.title(made, round_, lang), plan, lines)


def draw(marks: SeatMarks, ground: Axes, sheet: Axes, furniture: Furniture, left: float, y: float) -> float:
    """Draw the marks below the points and their legend on the sheet; return the y below."""
    for colour, part in marks.plan.groupby("colour", sort=True):
        mark(ground, part.geometry.x, part.geometry.y, "o", _AREA_PT2, **_look(str(colour)), zorder=2.6)
    write(sheet, left, y, marks.title, 8)
    write(sheet, 286, y, furniture.word("towns", k="").strip(), 6.5, ha="right", color=FAINT)
    # Two columns: with all products in the legend there is no room for one.
    for at, (colour, text, count) in enumerate(marks.lines):
        x, below = left + 30 * (at % 2), y - 4.8 * (at // 2 + 1)
        mark(sheet, x + 3, below, "o", _LEGEND_PT2, **_look(colour))
        write(sheet, x + 8, below, text, 7)
        write(sheet, x + 29, below, f"{count}", 7, ha="right", color=FAINT)
    return y - 4.8 * ((len(marks.lines) + 1) // 2) - 4


def _look(colour: str) -> dict[str, object]:
    """Return a class's look; unknown is hollow and dashed."""
    if colour:
        return {"facecolor": colour, "edgecolor": INK, "linewidth": 0.6}
    return {"facecolor": PAPER, "edgecolor": FAINT, "linewidth": 0.8, "linestyle": "--"}
