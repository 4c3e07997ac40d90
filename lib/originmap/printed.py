"""Printed: a table set as an office sends it, A4 landscape, a picture a page; pages of a PDF and figures as pictures."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import PIL.Image
import pylopdf_fonts_zh_cn as faces
import typst
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from originmap import page

_TEMPLATE: Final = Path(__file__).with_name("templates") / "table.typ"
_ROOM_MM: Final = 273.0
_MM_PER_PT: Final = 25.4 / 72
_LEAST_EMS: Final = 3.2
_PAD_MM: Final = 0.7
_PPI: Final = 150.0
_SHORT_ROWS: Final = 30


def pages(
    frame: pd.DataFrame,
    *,
    title: str,
    notes: Sequence[str] = (),
    totals: int = 0,
    size: float = 8.0,
    form: Literal["png", "pdf"] = "png",
) -> list[bytes]:
    """Set a table on as many A4 pages as it needs, its title, header and `notes` on each; the same table, the same bytes.

    Parameters
    ----------
    frame
        Columns are headed by their own names; NA shows as —, numbers stand at the right, a line break in a text is one.
    totals
        How many of the last rows are totals.
    size
        Of the type, in points.
    form
        A picture a page, or one PDF.
    """
    head = [str(name).replace("›", "") for name in frame.columns]
    texts = [[_text(value) for value in row] for row in frame.astype("object").itertuples(index=False)]
    sides = ["right" if pd.api.types.is_numeric_dtype(dtype) else "left" for dtype in frame.dtypes]
    sheet = {
        "title": title,
        "size": size,
        "widths": _widths(head, texts, size),
        "head": head,
        "rows": [
            [{"text": text, "at": "center" if text == "—" else side} for text, side in zip(row, sides, strict=True)]
            for row in texts
        ],
        "body": len(texts) - totals,
        # A long table is packed closer, so that it takes fewer pages.
        "gap": 0.6 if len(texts) <= _SHORT_ROWS else 0.42,
        "notes": list(notes),
    }
    made: bytes | list[bytes] = typst.compile(
        str(_TEMPLATE),
        format=form,
        ppi=_PPI,
        font_paths=[str(faces.sans_path().parent)],
        ignore_system_fonts=True,
        sys_inputs={"sheet": json.dumps(sheet, ensure_ascii=False)},
    )
    return made if isinstance(made, list) else [made]


def save(
    frame: pd.DataFrame, stem: Path, *, title: str, notes: Sequence[str] = (), totals: int = 0, size: float = 8.0
) -> list[Path]:
    """Write `pages` as PNG: ``stem.png``, or ``stem_1.png`` and on."""
    made = pages(frame, title=title, notes=notes, totals=totals, size=size)
    names = (
        [f"{stem.name}_{number}.png" for number in range(1, len(made) + 1)] if len(made) > 1 else [f"{stem.name}.png"]
    )
    for name, picture in zip(names, made, strict=True):
        stem.with_name(name).write_bytes(picture)
    return [stem.with_name(name) for name in names]


def pictures(book: Path, numbers: Sequence[int], *, size: Sequence[float], dpi: float) -> list[bytes]:
    """Return pages (the first is 1) of a PDF as PNG: a slide shows the very sheet that is printed, in a third of the time of a second drawing.

    `size` is a page's width and height in inches.
    """
    if not numbers:
        return []
    width, height = size
    lines = [f"#set page(width: {width:.4f}in, height: {height:.4f}in, margin: 0pt)"]
    lines += [f'#image("book.pdf", page: {number}, width: 100%, height: 100%)' for number in numbers]
    with TemporaryDirectory() as folder:
        shutil.copyfile(book, Path(folder) / "book.pdf")
        source = Path(folder) / "pictures.typ"
        source.write_text("\n".join(lines), encoding="utf-8")
        made: bytes | list[bytes] = typst.compile(
            str(source), root=folder, format="png", ppi=dpi, ignore_system_fonts=True
        )
    return made if isinstance(made, list) else [made]


def pixels(figure: Figure, *, dpi: int) -> PIL.Image.Image:
    """Return the figure as a picture in all its colours."""
    kept = figure.dpi
    figure.set_dpi(dpi)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_dpi(kept)
    return PIL.Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _text(value: object) -> str:
    if pd.isna(value):
        return "—"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


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
    limit = float(wanted.max())
    while np.minimum(wanted, limit).sum() > _ROOM_MM and limit > 1:
        limit -= 0.25
    fitted = np.minimum(wanted, limit)
    scaled: list[float] = (fitted * _ROOM_MM / fitted.sum()).tolist()
    return scaled
