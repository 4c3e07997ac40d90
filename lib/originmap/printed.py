"""Printed tables: a frame drawn as an office sends it, A4 landscape, a picture a page."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from originmap import figures, page
from originmap.page import INK, wrap, write

_LEFT, _RIGHT, _TOP, _BOTTOM = 12.0, 285.0, 178.0, 16.0
_MM_PER_PT: Final = 25.4 / 72
_LINE_EMS: Final = 1.38
_LEAST_EMS: Final = 3.2
_PAD_MM: Final = 0.7


def pages(
    frame: pd.DataFrame, *, title: str, notes: Sequence[str] = (), totals: int = 0, size: float = 8.0
) -> list[Figure]:
    """Draw a table on as many A4 pages as it needs, its header on each, `notes` below the last row of the last.

    Parameters
    ----------
    frame
        Columns are headed by their own names; NA shows as —, numbers stand at the right, a line break in a text is one.
    totals
        How many of the last rows are totals.
    size
        Of the type, in points.
    """
    texts = [[_text(value) for value in row] for row in frame.astype("object").itertuples(index=False)]
    head = [str(name).replace("›", "") for name in frame.columns]
    numeric = [pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes]
    widths = _widths(head, texts, size)
    edges = _LEFT + np.concatenate([[0.0], np.cumsum(widths)])
    wrapped = [_wrapped(row, widths, size) for row in texts]
    header = _wrapped(head, widths, size)
    made: list[Figure] = []
    rest = list(enumerate(wrapped))
    while rest or not made:
        figure, sheet = page.a4(landscape=True)
        write(sheet, (_LEFT + _RIGHT) / 2, 192, title, 16, ha="center", serif=True)
        top = _TOP + 6
        y = _row(sheet, header, edges, top, None, size, fill="#E8EEF4")
        lines = [top, y]
        while rest and (y - _height(rest[0][1], size) >= _BOTTOM + 4 * len(notes) or y > _TOP - 10):
            number, cells = rest.pop(0)
            y = _row(sheet, cells, edges, y, numeric, size, fill="#F2F4F5" if number >= len(wrapped) - totals else "")
            lines.append(y)
        grid = [[(x, y), (x, top)] for x in edges] + [[(edges[0], at), (edges[-1], at)] for at in lines]
        sheet.add_collection(LineCollection(grid, colors=INK, linewidths=0.45, zorder=3))
        if not rest:
            for text in notes:
                y -= 4.2
                write(sheet, _LEFT, y, text, 7, color="#555555")
        made.append(figure)
    for number, figure in enumerate(made, start=1):
        if len(made) > 1:
            write(figure.axes[0], (_LEFT + _RIGHT) / 2, 8, f"第 {number} 页，共 {len(made)} 页", 7, ha="center")
    return made


def save(
    frame: pd.DataFrame, stem: Path, *, title: str, notes: Sequence[str] = (), totals: int = 0, size: float = 8.0
) -> list[Path]:
    """Write `pages` as PNG: ``stem.png``, or ``stem_1.png`` and on; the same table gives the same bytes."""
    drawn = pages(frame, title=title, notes=notes, totals=totals, size=size)
    several = len(drawn) > 1
    stems = [stem.with_name(f"{stem.name}_{number}") if several else stem for number in range(1, len(drawn) + 1)]
    return [
        path
        for figure, one in zip(drawn, stems, strict=True)
        for path in figures.save(figure, one, formats=["png"], dpi=150)
    ]


def _text(value: object) -> str:
    if pd.isna(value):
        return "—"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _wrapped(texts: Sequence[str], widths: Sequence[float], size: float) -> list[list[str]]:
    return [
        [line for part in text.split("\n") for line in wrap(part, size=size, width=width - 2 * _PAD_MM)] or [""]
        for text, width in zip(texts, widths, strict=True)
    ]


def _widths(head: Sequence[str], texts: Sequence[Sequence[str]], size: float) -> list[float]:
    """Return column widths (mm) that fill the page: what each needs, the widest giving way until all fit."""

    def longest(texts: Sequence[str]) -> float:
        return max((page.width_mm(part, size) for text in set(texts) for part in text.split("\n")), default=0.0)

    # A long heading may stand on two lines.
    wanted = np.array([
        max(longest([name]) / (2 if len(name) > 4 else 1), longest([row[at] for row in texts])) + 2 * _PAD_MM + 0.5
        for at, name in enumerate(head)
    ])  # fmt: skip
    wanted = np.maximum(wanted, _LEAST_EMS * size * _MM_PER_PT)
    room = _RIGHT - _LEFT
    limit = float(wanted.max())
    while np.minimum(wanted, limit).sum() > room and limit > 1:
        limit -= 0.25
    fitted = np.minimum(wanted, limit)
    scaled: list[float] = (fitted * room / fitted.sum()).tolist()
    return scaled


def _height(lines: Sequence[Sequence[str]], size: float) -> float:
    return max(len(cell) for cell in lines) * _LINE_EMS * size * _MM_PER_PT + 1.4


def _row(
    sheet: Axes, lines: Sequence[Sequence[str]], edges: np.ndarray, top: float, numeric: Sequence[bool] | None, size: float, *, fill: str = ""
) -> float:  # fmt: skip
    """Draw one row's texts (a header where `numeric` is None); return the y below it."""
    below = top - _height(lines, size)
    if fill:
        sheet.add_patch(
            Rectangle((edges[0], below), edges[-1] - edges[0], top - below, facecolor=fill, linewidth=0, zorder=1)
        )
    for cell, (left, right), number in zip(lines, pairwise(edges), numeric or [False] * len(lines), strict=True):
        if cell == [""]:
            continue
        middle = numeric is None or cell == ["—"]
        x, ha = (
            ((left + right) / 2, "center")
            if middle
            else (right - _PAD_MM, "right")
            if number
            else (left + _PAD_MM, "left")
        )
        write(sheet, x, (top + below) / 2, "\n".join(cell), size, ha=ha, linespacing=_LINE_EMS * 0.85)
    return below
