"""Traces: from every printed figure to its records and cells, as ``lineage.xlsx`` and as a page that a printed id opens."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import jinja2
import pandas as pd
from markupsafe import Markup

from originmap import briefing, exports, figures, plates
from originmap.briefing import Desk
from originmap.catalogue import FIGURE_HEADER, SOURCE_HEADER, figure_sheet, source_sheet
from originmap.manuscript import Figure
from originmap.provenance import cells_of

FIGURES: Final = "图表数字"
SOURCES: Final = "来源单元格"
# The tables of the report that print figures of a theme too.
TABLES: Final = {
    "A": "面积核对表",
    "H": "存栏核对表",
    "S": "乡镇品种汇总",
    "P": "进度表",
    "M": "上市时间表",
    "W": "预警清单",
}
_TEMPLATES: Final = Path(__file__).with_name("templates")
_PUBLIC: Final = "公开版不列文件、工作表和主体，来源由县农业农村局保存的内部版查。"


def write(
    folder: Path, printed: list[tuple[Figure, str]], cells: pd.DataFrame, *, title: str, public: bool = False
) -> list[Path]:
    """Write ``lineage.xlsx`` and ``lineage.html`` into an existing folder.

    Parameters
    ----------
    printed
        Figures with the file that prints each, as often as they are printed.
    cells
        ``Catalogue.cells``; nothing of them is written where `public`: files carry names.
    title
        Of the page.
    """
    told = figure_sheet(printed)
    sources = source_sheet(cells.iloc[:0] if public else cells, told)
    book = folder / "lineage.xlsx"
    notes = (
        [_PUBLIC]
        if public
        else ["编号相同的行是一个数字的来源；上市时间表各旬的单元格列在“M-地区-品种”之下，占比的列在差额之下。"]
    )
    exports.write_book(book, {FIGURES: told, SOURCES: sources}, notes=notes)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    data = json.dumps(_compact(told, sources), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    safe = Markup(data)  # noqa: S704 -- no "<" is left in it
    page = environment.get_template("lineage.html.j2").render(title=title, data=safe, note=notes[0] if public else "")
    (folder / "lineage.html").write_text(page, encoding="utf-8")
    return [book, folder / "lineage.html"]


def write_briefings(desk: Desk, build: Path, *, townships: Sequence[str] | None = None) -> None:
    """Write ``briefings/`` with the county's map page and, beside it, the lineage of everything printed, into the tree of a report.

    `townships` are codes, all by default; errors as ``briefing.write``.
    """
    round_, public = desk.round_, desk.profile == "public"
    folder = build / "briefings"
    folder.mkdir(parents=True, exist_ok=True)
    printed = briefing.write(desk, folder, townships=townships)
    if not public:
        page = plates.county_page(round_, desk.frames.gaps, figures.furniture(round_))
        figures.save(page, folder / "县级简报图")
        printed += in_tables(desk.figures.figures.values())
    write(build, printed, desk.figures.cells, title=f"数字来源（{round_.name}）", public=public)


def in_tables(figures: Iterable[Figure]) -> list[tuple[Figure, str]]:
    """Return the figures that the report's tables print too, with their workbook."""
    return [
        (figure, f"tables/{TABLES[figure.id[0]]}.xlsx")
        for figure in figures
        if figure.id[0] in TABLES and figure.value is not None
    ]


def _compact(figures: pd.DataFrame, sources: pd.DataFrame) -> dict[str, Any]:
    """Return what the page looks up: every cell once, figures by id with the places of their cells."""
    columns = SOURCE_HEADER[1:]
    numbers, cells = pd.factorize(pd.MultiIndex.from_frame(sources[columns]))
    at = pd.Series(numbers, index=sources["编号"]).groupby(level=0, sort=False).agg(list).to_dict()
    rows = {
        row[0]: [
            row[2],
            Figure("", "", None if pd.isna(row[3]) else row[3]).text,
            row[4],
            row[5],
            row[1],
            cells_of(row[0]),
        ]
        for row in figures[FIGURE_HEADER].itertuples(index=False, name=None)
    }
    return {"cells": [list(cell) for cell in cells], "at": at, "figures": rows}
