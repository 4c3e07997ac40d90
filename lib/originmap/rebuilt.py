"""Rebuilt: a slip written anew from the cells as read, where the township's file cannot be copied or is not its alone.

For .xls, .ods, .csv, tables out of documents, very large workbooks, and a township's own rows out of a county-wide file.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from math import isfinite
from typing import Any, Final

import xlsxwriter

from originmap.grids import value_text
from originmap.marks import (
    AUTHOR,
    FILLS,
    LEGEND,
    LINE_PT,
    NOTE_WIDTH,
    STAMP,
    Listing,
    SlipSheet,
    lines_of,
    note_severity,
    repacked,
    row_height,
    without_id,
)
from originmap.slips import KEY_HEADER, LIST_SHEET, META_SHEET, NOTE_HEADER
from originmap.workbooks import Cells

_SHEET_NAME: Final = str.maketrans("[]:*?/\\", "（）：＊？／＼")
# Widths are taken from this many rows; columns keep between these widths, in characters.
_MEASURED: Final = 300
_MIN_WIDTH, _MAX_WIDTH = 6, 30


def rebuilt(sheets: Sequence[SlipSheet], listing: Listing, meta: Sequence[Sequence[str]]) -> bytes:
    """Return a slip made from the sheets' cells as read: figures stay figures, everything else is text."""
    stream = BytesIO()
    options = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False, "in_memory": True}
    with xlsxwriter.Workbook(stream, options) as book:
        book.set_properties({"author": AUTHOR, "created": STAMP})
        forms = _Forms(book)
        _write_list(book.add_worksheet(LIST_SHEET), forms, listing)
        for sheet in sheets:
            _write_sheet(book.add_worksheet(sheet.title), forms, sheet)
        hidden = book.add_worksheet(META_SHEET)
        for number, row in enumerate(meta):
            for column, text in enumerate(row):
                hidden.write_string(number, column, text)
        hidden.very_hidden()
    return repacked(stream.getvalue())


def sheet_titles(names: Sequence[str]) -> list[str]:
    """Return names that Excel takes for sheets: short, without its own signs, no two alike."""
    taken = {LIST_SHEET.lower(), META_SHEET.lower()}
    titles = []
    for name in names:
        base = name.translate(_SHEET_NAME).strip("'")[:31] or "Sheet"
        title, number = base, 2
        while title.lower() in taken:
            title, number = f"{base[:26]} ({number})", number + 1
        taken.add(title.lower())
        titles.append(title)
    return titles


class _Forms:
    """Cell formats, each made once."""

    def __init__(self, book: Any) -> None:
        self._book, self._made = book, dict[str, Any]()

    def __call__(self, **properties: object) -> Any:
        key = repr(sorted(properties.items()))
        if key not in self._made:
            base = {"font_name": "宋体", "font_size": 10, "valign": "vcenter", "text_wrap": True}
            self._made[key] = self._book.add_format(base | properties)
        return self._made[key]


def _write_sheet(sheet: Any, forms: _Forms, plan: SlipSheet) -> None:
    cells: Cells = plan.raw.cells
    order = plan.rows if plan.rows is not None else tuple(range(1, len(cells) + 1))
    start, end = plan.header
    looks = _looks(forms, plan)
    for column, width in enumerate(_widths(cells[: _MEASURED + end])):
        sheet.set_column(column, column, width)
    plain, hidden = forms(text_wrap=False), set(plan.raw.hidden_rows)
    for at, row in enumerate(order):
        number = at + 1
        inside = end and (start <= number <= end or number in plan.keys)
        for column in range(plan.width if inside else cells.shape[1]):
            value = cells[row - 1, column] if column < cells.shape[1] else None
            form = looks.get((number, column + 1), looks["head" if number <= end else "body"] if inside else plain)
            if value is None:
                if form is not plain:
                    sheet.write_blank(at, column, None, form)
            elif column in plan.figures and number > end and is_figure(str(value)):
                sheet.write_number(at, column, float(value), form)
            else:
                sheet.write_string(at, column, clean(str(value)), form)
        if inside and number > end:
            sheet.write_string(at, plan.width, plan.notes.get(number, ""), looks.get((number, 0), looks["body"]))
            sheet.write_string(at, plan.width + 1, plan.keys.get(number, ""))
        away = {"hidden": True} if row - 1 in hidden else {}
        if number in plan.notes or away:
            high = LINE_PT * lines_of(plan.notes[number], NOTE_WIDTH) + 4 if number in plan.notes else None
            sheet.set_row(at, min(high, 400) if high else None, None, away)
    if end:
        _head(sheet, plan, looks["head"])
    _merge(sheet, forms, plan, {row: at for at, row in enumerate(order)}, looks["head"])
    for (number, column), part in plan.marks.groupby(["row", "column"]):
        text = "\n".join(dict.fromkeys(part["text"]))
        size = {"x_scale": 2.2, "y_scale": max(0.6, 0.28 * lines_of(text, 36)), "author": AUTHOR}
        sheet.write_comment(int(number) - 1, int(column) - 1, text, size)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _looks(forms: _Forms, plan: SlipSheet) -> dict[Any, Any]:
    """Return the format of each marked cell, of the note beside each marked row (column 0), and the usual ones."""
    worst: dict[tuple[int, int], str] = {}
    for mark in plan.marks.to_dict("records"):
        spot = (int(mark["row"]), int(mark["column"]))
        worst[spot] = min(worst.get(spot, "fixed"), str(mark["severity"]), key=list(FILLS).index)
    worst |= {(row, 0): note_severity(note) for row, note in plan.notes.items()}
    looks: dict[Any, Any] = {spot: forms(border=1, bg_color=f"#{FILLS[name]}") for spot, name in worst.items()}
    head = forms(border=1, bold=True, align="center", bg_color="#E8EEF4")
    return looks | {"head": head, "body": forms(border=1)}


def _head(sheet: Any, plan: SlipSheet, form: Any) -> None:
    start, end = plan.header
    sheet.set_column(plan.width, plan.width, NOTE_WIDTH)
    sheet.set_column(plan.width + 1, plan.width + 1, 8, None, {"hidden": True})
    if end > start:
        sheet.merge_range(start - 1, plan.width, end - 1, plan.width, NOTE_HEADER, form)
    else:
        sheet.write_string(start - 1, plan.width, NOTE_HEADER, form)
    sheet.write_string(start - 1, plan.width + 1, KEY_HEADER)
    sheet.freeze_panes(end, 0)
    sheet.repeat_rows(start - 1, end - 1)


def _merge(sheet: Any, forms: _Forms, plan: SlipSheet, place: Mapping[int, int], head: Any) -> None:
    """Merge what was merged and is still there; what overlaps is left out."""
    start, end = plan.header
    used: set[tuple[int, int]] = set()
    title = forms(bold=True, font_size=14, align="center")
    for top, left, bottom, right in plan.raw.merges:
        rows = [place[row + 1] for row in range(top, min(bottom, top + 5000) + 1) if row + 1 in place]
        last = min(right, plan.width - 1) if end else right
        if not rows or (rows[0] == rows[-1] and left >= last):
            continue
        spots = {(row, column) for row in range(rows[0], rows[-1] + 1) for column in range(left, last + 1)}
        if spots & used or len(spots) > 10_000:
            continue
        used |= spots
        value = plan.raw.cells[top, left] if top < len(plan.raw.cells) and left < plan.raw.cells.shape[1] else None
        number = rows[0] + 1
        form = head if end and start <= number <= end else title if number < start else forms(border=1)
        sheet.merge_range(rows[0], left, rows[-1], last, clean(str(value or "")), form)


def _widths(cells: Cells) -> list[float]:
    widths = []
    for column in range(cells.shape[1]):
        # A title in the first cell says nothing of its column.
        lengths = sorted(len(str(cell).encode("gb18030", "replace")) for cell in cells[:, column] if cell is not None)
        usual = lengths[int(len(lengths) * 0.9)] if len(lengths) > 1 else 0
        widths.append(float(min(max(usual + 2, _MIN_WIDTH), _MAX_WIDTH)))
    return widths


def is_figure(text: str) -> bool:
    """Tell whether a text would be read back the same if it were written as a number.

    >>> is_figure("2.5"), is_figure("001"), is_figure("13800001234567890")
    (True, False, False)
    """
    try:
        value = float(text)
    except ValueError:
        return False
    return isfinite(value) and len(text) <= 12 and value_text(value) == text


def clean(text: str) -> str:
    """Return a text as it may be written: no ID number, at most what a cell holds."""
    rest = without_id(text)
    return (text if rest is None else rest)[:32_000]


def _write_list(sheet: Any, forms: _Forms, listing: Listing) -> None:
    names = [name for name in listing.table.columns if name != "severity"]
    last = len(names) - 1
    for column, width in enumerate(listing.widths):
        sheet.set_column(column, column, width)
    sheet.merge_range(0, 0, 0, last, listing.title, forms(font_name="黑体", font_size=16, align="center"))
    sheet.set_row(0, 30)
    for row, text in enumerate(listing.lines, start=1):
        sheet.merge_range(row, 0, row, last, text, forms(font_color="#444444"))
        sheet.set_row(row, 17 * lines_of(text, sum(listing.widths)))
    top = len(listing.lines) + 1
    for column, end, severity, text in LEGEND:
        form = forms(border=1, align="center", bg_color=f"#{FILLS[severity]}")
        if end > column:
            sheet.merge_range(top, column - 1, top, end - 1, text, form)
        else:
            sheet.write_string(top, column - 1, text, form)
    sheet.set_row(top, 20)
    head = top + 1
    for column, name in enumerate(names):
        sheet.write_string(head, column, name, forms(border=1, bold=True, align="center", bg_color="#E8EEF4"))
    for at, values in enumerate(listing.table[names].itertuples(index=False)):
        row = head + 1 + at
        for column, value in enumerate(values):
            form = forms(border=1, align="center") if column in (0, 2) else forms(border=1)
            if isinstance(value, int):
                sheet.write_number(row, column, value, form)
            else:
                sheet.write_string(row, column, "" if value is None else str(value), form)
        look = {"border": 1, "align": "center", "bg_color": f"#{FILLS[listing.table['severity'].iat[at]]}"}
        if listing.links[at]:
            link = forms(font_color="#0563C1", underline=1, **look)
            sheet.write_url(row, 2, f"internal:{listing.links[at]}", link, str(values[2]))
        elif values[2]:
            sheet.write_string(row, 2, str(values[2]), forms(**look))
        sheet.set_row(row, row_height(values, listing.widths))
    row = head + 1 + len(listing.table)
    sheet.merge_range(row, 0, row, last, listing.total, forms(bold=True))
    sheet.freeze_panes(head + 1, 0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(head)
    sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.8)
    sheet.set_footer("&C第 &P 页，共 &N 页")
