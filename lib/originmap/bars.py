"""Bars: a waterfall on the printed page, in millimetres; where each bar stands comes from `waterfalls`."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from originmap.page import FAINT, INK, Furniture, width_mm, write
from originmap.waterfalls import FILLS, HATCHES, columns

LEFT_MM, RIGHT_MM, FLOOR_MM, CEILING_MM = 20.0, 277.0, 62.0, 150.0


def draw(sheet: Axes, steps: pd.DataFrame, furniture: Furniture) -> None:
    """Draw the bars with their labels and the legend; where a figure is unknown one line says so."""
    bars = columns(steps, lang=furniture.lang)
    if bars.empty:
        write(
            sheet, (LEFT_MM + RIGHT_MM) / 2, (FLOOR_MM + CEILING_MM) / 2, furniture.word("not_drawn"), 13, ha="center"
        )
        return
    pitch = (RIGHT_MM - LEFT_MM) / len(bars)
    wide = pitch * 0.62
    sheet.add_line(Line2D([LEFT_MM, RIGHT_MM], [FLOOR_MM, FLOOR_MM], color=INK, linewidth=0.9))
    height = CEILING_MM - FLOOR_MM
    for at, bar in enumerate(bars.itertuples()):
        x = LEFT_MM + pitch * at + (pitch - wide) / 2
        low, high = FLOOR_MM + bar.low * height, FLOOR_MM + bar.high * height
        box(sheet, x, low, wide, max(high - low, 0.3), bar.kind)
        if at + 1 < len(bars):
            level = FLOOR_MM + bar.level * height
            sheet.add_line(Line2D([x + wide, x + pitch], [level, level], color=FAINT, linewidth=0.7))
        middle = x + wide / 2
        write(sheet, middle, high + 3.2, bar.value, _fitting(bar.value, 10.5, pitch), ha="center")
        write(sheet, middle, FLOOR_MM - 5, bar.label, _fitting(bar.label, 10.5, pitch), ha="center")
        if bar.doubt:
            text = furniture.word("of_which", size=bar.doubt)
            write(sheet, middle, FLOOR_MM - 10.5, text, _fitting(text, 8, pitch), ha="center")
    x = LEFT_MM
    for kind in FILLS:
        box(sheet, x, FLOOR_MM - 22, 6, 4, kind)
        write(sheet, x + 8, FLOOR_MM - 20, furniture.word(f"bar_{kind}"), 9)
        x += 30


def box(sheet: Axes, x: float, y: float, width: float, height: float, kind: str) -> None:
    """Draw one bar: dark, hatched or dotted, so that it reads in grey."""
    ink = {"down": "#6B3A0E", "up": "#33566E"}.get(kind, INK)
    drawn = Rectangle((x, y), width, height, facecolor=FILLS[kind], edgecolor=ink, linewidth=0.6, zorder=3)
    if HATCHES[kind]:
        drawn.set(hatch=HATCHES[kind])
    sheet.add_patch(drawn)


def _fitting(text: str, size: float, pitch: float) -> float:
    """Return the size at which a text keeps within its bar's share of the page."""
    return min(size, size * (pitch - 1.5) / max(width_mm(text, size), 1e-6))
