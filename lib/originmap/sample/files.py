"""Grids written as files: .xlsx, .xls, .csv, .ods, .docx, a web page in an .xls coat, .zip. Bytes depend on nothing but the grids."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from html import escape
from pathlib import Path
from typing import Final

import xlsxwriter

from originmap.sample.biff import biff_workbook
from originmap.sample.notations import Cell
from originmap.sample.sheets import Grid

CREATED: Final = datetime(2023, 2, 8)  # noqa: DTZ001 - the notice's day; a file's own time would change its bytes
MANY_ROWS: Final = 20_000  # from here on a workbook is written row by row, its texts not pooled
_ZIP_DATE: Final = (1980, 1, 31, 0, 0, 0)


def write_file(path: Path, grids: Sequence[Grid], *, many: bool = False, coat: bool = False) -> None:
    """Write grids in the format of the path's suffix; with `coat` an .xls is a web page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".xlsx":
        with xlsxwriter.Workbook(path, _OPTIONS | {"constant_memory": many}) as book:
            _fill(book, grids, many=many)
        return
    path.write_bytes(file_bytes(path.suffix, grids, coat=coat))


def file_bytes(suffix: str, grids: Sequence[Grid], *, coat: bool = False) -> bytes:
    """Return a file's content; KeyError for a suffix that is none of ours."""
    if coat:
        return _page(grids).encode("gb18030")
    writers = {".xlsx": _xlsx, ".xls": biff_workbook, ".csv": _csv, ".ods": _ods, ".docx": _docx}
    return writers[suffix](grids)


def write_archive(path: Path, members: Mapping[str, Sequence[Grid]]) -> None:
    """Write files into one .zip; their names are encoded as Windows does it in China."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_zipped({name: file_bytes(Path(name).suffix, grids) for name, grids in members.items()}))


def _zipped(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _ZIP_DATE)
            info.create_system = 0
            # The first member of an .ods names its kind and stands there as it is.
            stored = name == "mimetype"
            archive.writestr(info, content, zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED)
    return stream.getvalue()


_OPTIONS: Final = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}


def _xlsx(grids: Sequence[Grid]) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, _OPTIONS | {"in_memory": True}) as book:
        _fill(book, grids)
    return stream.getvalue()


def _fill(book: xlsxwriter.Workbook, grids: Sequence[Grid], *, many: bool = False) -> None:
    """Fill a workbook; with `many` rows are written as they come, so that memory does not grow with them."""
    book.set_properties({"created": CREATED, "title": "样例数据", "comments": "样例数据：全部为虚构"})
    bold = book.add_format({"bold": True, "align": "center", "valign": "vcenter", "text_wrap": True, "border": 1})
    day = book.add_format({"num_format": "yyyy/m/d"})
    moment = book.add_format({"num_format": "yyyy/m/d h:mm"})
    middle = book.add_format({"valign": "vcenter"})
    for grid in grids:
        sheet = book.add_worksheet(grid.name)
        for at, width in enumerate(grid.widths):
            sheet.set_column(at, at, width)
        rows = list(grid.rows) if not many else []
        for number, row in enumerate(rows or grid.rows):
            style = bold if number == 0 or grid.head[0] <= number < grid.head[1] else None
            for at, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, str):
                    sheet.write_string(number, at, value, style)
                elif isinstance(value, datetime):
                    sheet.write_datetime(number, at, value, moment)
                elif isinstance(value, date):
                    sheet.write_datetime(number, at, datetime(value.year, value.month, value.day), day)  # noqa: DTZ001 - a date
                else:
                    sheet.write_number(number, at, value, style)
        for top, left, bottom, right in grid.merges if rows else ():
            sheet.merge_range(top, left, bottom, right, rows[top][left], bold if top < grid.head[1] else middle)
        for number in grid.hidden_rows:
            sheet.set_row(number, None, None, {"hidden": True})
        if grid.hidden:
            sheet.hide()


def _text(cell: Cell) -> str:
    """Return a cell as it is shown."""
    if isinstance(cell, date):
        return f"{cell.year}/{cell.month}/{cell.day}"
    return "" if cell is None else f"{cell:.10g}" if isinstance(cell, float) else str(cell)


def _csv(grids: Sequence[Grid]) -> bytes:
    """Return the first grid as Excel saves it in China."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows([_text(cell) for cell in row] for row in grids[0].rows)
    return stream.getvalue().encode("gb18030")


def _covered(grid: Grid) -> tuple[dict[tuple[int, int], tuple[int, int]], set[tuple[int, int]]]:
    """Return the spans (rows, columns) of merged cells by their first cell, and the cells that they cover."""
    spans = {(a, b): (c - a + 1, d - b + 1) for a, b, c, d in grid.merges}
    covered = {(row, at) for a, b, c, d in grid.merges for row in range(a, c + 1) for at in range(b, d + 1)}
    return spans, covered - set(spans)


def _page(grids: Sequence[Grid]) -> str:
    """Return the grids as a web page that says gb2312 and is gb18030, as office systems export."""
    parts = ['<html><head><meta http-equiv="Content-Type" content="text/html; charset=gb2312"></head><body>']
    for grid in grids:
        spans, covered = _covered(grid)
        parts.append('<table border="1">')
        for number, row in enumerate(grid.rows):
            cells = []
            for at, cell in enumerate(row):
                if (number, at) in covered:
                    continue
                down, across = spans.get((number, at), (1, 1))
                span = f' rowspan="{down}"' * (down > 1) + f' colspan="{across}"' * (across > 1)
                cells.append(f"<td{span}>{escape(_text(cell))}</td>")
            parts.append(f"<tr>{''.join(cells)}</tr>")
        parts.append("</table>")
    return "\n".join([*parts, "</body></html>"])


_ODS_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content office:version="1.2" '
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
)
_ODS_MANIFEST: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest manifest:version="1.2" '
    'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
)


def _ods(grids: Sequence[Grid]) -> bytes:
    parts = [_ODS_HEAD]
    for grid in grids:
        spans, covered = _covered(grid)
        parts.append(f'<table:table table:name="{escape(grid.name)}">')
        for number, row in enumerate(grid.rows):
            cells = [_ods_cell(cell, spans.get((number, at)), (number, at) in covered) for at, cell in enumerate(row)]
            parts.append(f"<table:table-row>{''.join(cells)}</table:table-row>")
        parts.append("</table:table>")
    parts.append("</office:spreadsheet></office:body></office:document-content>")
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    members = {
        "mimetype": kind,
        "content.xml": "".join(parts).encode(),
        "META-INF/manifest.xml": _ODS_MANIFEST.encode(),
    }
    return _zipped(members)


def _ods_cell(cell: Cell, span: tuple[int, int] | None, covered: bool) -> str:  # noqa: FBT001 - private
    if covered:
        return "<table:covered-table-cell/>"
    said = ""
    if span:
        said = f' table:number-rows-spanned="{span[0]}" table:number-columns-spanned="{span[1]}"'
    if cell is None:
        return f"<table:table-cell{said}/>"
    if isinstance(cell, date):
        said += f' office:value-type="date" office:date-value="{cell.isoformat()}"'
    elif isinstance(cell, (int, float)):
        said += f' office:value-type="float" office:value="{cell:.15g}"'
    else:
        said += ' office:value-type="string"'
    lines = "".join(f"<text:p>{escape(line)}</text:p>" for line in _text(cell).split("\n"))
    return f"<table:table-cell{said}>{lines}</table:table-cell>"


_WORD: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_DOCX_PARTS: Final = {
    "[Content_Types].xml": f'<?xml version="1.0" encoding="UTF-8"?><Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.document.main+xml"/></Types>',
    "_rels/.rels": f'<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="{_PACKAGE}/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>',
}


def _docx(grids: Sequence[Grid]) -> bytes:
    """Return a document with the title rows of each grid as its tables' first rows; merges across only."""
    parts = [f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{_WORD}"><w:body>']
    for grid in grids:
        across = {(top, left): right - left + 1 for top, left, bottom, right in grid.merges if top == bottom}
        rows = list(grid.rows)
        parts.append("<w:tbl><w:tblPr/><w:tblGrid>" + "<w:gridCol/>" * max(map(len, rows)) + "</w:tblGrid>")
        for number, row in enumerate(rows):
            cells, at = [], 0
            while at < len(row):
                span = across.get((number, at), 1)
                setting = f'<w:tcPr><w:gridSpan w:val="{span}"/></w:tcPr>' if span > 1 else ""
                cells.append(f"<w:tc>{setting}{_paragraph(_text(row[at]))}</w:tc>")
                at += span
            parts.append(f"<w:tr>{''.join(cells)}</w:tr>")
        parts.append("</w:tbl><w:p/>")
    parts.append("<w:sectPr/></w:body></w:document>")
    return _zipped(
        {name: text.encode() for name, text in (*_DOCX_PARTS.items(), ("word/document.xml", "".join(parts)))}
    )


def _paragraph(text: str) -> str:
    run = f'<w:r><w:t xml:space="preserve">{escape(text, quote=False)}</w:t></w:r>' if text else ""
    return f"<w:p>{run}</w:p>"
