"""Copies: a township's own workbook, as it is, with the offending cells marked and nothing in it that must not travel.

Only .xlsx can be copied so (openpyxl behind defusedxml); the file has been bounded when it was read. Layout, styles, merges,
hidden rows and sound formulas stay. Macros, links to other files, pictures, pivot caches and ID numbers do not.
"""

import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from copy import copy
from io import BytesIO
from typing import Any, Final

import openpyxl
import pandas as pd
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, MergedCell
from openpyxl.comments import Comment
from openpyxl.packaging.core import DocumentProperties
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.workbook.properties import CalcProperties
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.protection import SheetProtection

from originmap.formats import ID_NUMBER, shown_name
from originmap.marks import (
    AUTHOR,
    FILLS,
    LEGEND,
    LINE_PT,
    NOTE_WIDTH,
    STAMP,
    Listing,
    SlipSheet,
    holds_id,
    lines_of,
    note_severity,
    repacked,
    row_height,
    without_id,
)
from originmap.slips import KEY_HEADER, LIST_SHEET, META_SHEET, NOTE_HEADER
from originmap.workbooks import RawSheet

_OUR_FILLS: Final = {f"00{colour}" for colour in FILLS.values()} | {f"FF{colour}" for colour in FILLS.values()}
_SEPARATOR: Final = "\n——\n"
# Formulas that reach out of the workbook, or start something.
_LIVE: Final = re.compile(
    r"\[|\||#REF!|\b(?:HYPERLINK|WEBSERVICE|FILTERXML|CALL|REGISTER(?:\.ID)?|EXEC|RTD|DDE|IMAGE|ENCODEURL)\s*\(",
    re.IGNORECASE,
)
_SHEET: Final = re.compile(r"'((?:[^']|'')+)'!|([^\s'!=+\-*/(),:&<>^]+)!")
_WORD: Final = re.compile(r"[^\W\d][\w.]*")
_BROKEN: Final = (
    KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, EOFError, SyntaxError, RuntimeError, zipfile.BadZipFile,
)  # fmt: skip


class CopyError(Exception):
    """A workbook that openpyxl cannot carry over whole; it is rebuilt plainly instead."""


def marked_copy(
    data: bytes, raw: Sequence[RawSheet], sheets: Sequence[SlipSheet], listing: Listing, meta: Sequence[Sequence[str]]
) -> bytes:
    """Return a slip made from the township's own .xlsx.

    Raises
    ------
    CopyError
        The workbook cannot be carried over as it is.
    """
    try:
        with warnings.catch_warnings():
            # What openpyxl cannot keep (drawings, extensions) is dropped on purpose.
            warnings.simplefilter("ignore")
            return _marked_copy(data, raw, sheets, listing, meta)
    except _BROKEN as error:
        raise CopyError(str(error)) from error


def _marked_copy(
    data: bytes, raw: Sequence[RawSheet], sheets: Sequence[SlipSheet], listing: Listing, meta: Sequence[Sequence[str]]
) -> bytes:
    book = openpyxl.load_workbook(BytesIO(data), keep_links=False)
    own = list(book.worksheets)
    if [shown_name(sheet.title) for sheet in own] != [sheet.sheet for sheet in raw]:
        raise CopyError("sheets differ")
    plans = {own[sheet.position].title: sheet for sheet in sheets}
    for sheet in list(book._sheets):
        if sheet.title not in plans:
            book.remove(sheet)
    names = set(book.defined_names) | {name for sheet in book.worksheets for name in sheet.defined_names}
    _strip_book(book)
    steady = {title for title, plan in plans.items() if title == plan.title}
    values = _cached(data, book)
    shown: list[dict[str, object]] = [{}]
    for sheet in book.worksheets:
        plan = plans[sheet.title]
        _strip_sheet(sheet, plan)
        shown.append(_settle_formulas(sheet, values.get(sheet.title, {}), steady, names))
        _blank_ids(sheet)
        _mark(sheet, plan)
        if plan.header[1]:
            _add_columns(sheet, plan)
        sheet.sheet_view.tabSelected = False
    for sheet in book.worksheets:
        sheet.title = plans[sheet.title].title
    _write_list(book.create_sheet(LIST_SHEET, 0), listing)
    hidden = book.create_sheet(META_SHEET)
    for number, row in enumerate(meta, start=1):
        for column, text in enumerate(row, start=1):
            put(hidden.cell(number, column), text)
    hidden.sheet_state = "veryHidden"
    book.active = 0
    stream = BytesIO()
    book.save(stream)
    made = repacked(stream.getvalue(), {f"xl/worksheets/sheet{at}.xml": own for at, own in enumerate(shown, start=1)})
    if holds_id(made):
        raise CopyError("an ID number would be left")
    return made


# ---- what must not travel ----


def _strip_book(book: Any) -> None:
    """Take out what belongs to the file and not to the table: who wrote it, names, links, locks."""
    book.properties = DocumentProperties(creator=AUTHOR, created=STAMP, modified=STAMP, lastModifiedBy=AUTHOR)
    for name in list(book.custom_doc_props.names):
        del book.custom_doc_props[name]
    book._external_links = []
    book.security = None
    book.template = False
    book.defined_names.clear()
    book.calculation = CalcProperties(fullCalcOnLoad=True)


def _strip_sheet(sheet: Any, plan: SlipSheet) -> None:
    """Take out pictures, charts, pivot caches, locks, and what an earlier slip had put in."""
    sheet._images, sheet._charts, sheet._pivots = [], [], []
    sheet.protection = SheetProtection()
    sheet.defined_names.clear()
    if sheet.print_area:
        sheet.print_area = None
    heads = (sheet.oddHeader, sheet.evenHeader, sheet.firstHeader, sheet.oddFooter, sheet.evenFooter, sheet.firstFooter)
    for part in (place for head in heads for place in (head.left, head.center, head.right)):
        part.text = ID_NUMBER.sub("", part.text) if part.text else part.text
    for rule in list(sheet.data_validations.dataValidation):
        said = " ".join(str(text) for text in (rule.formula1, rule.formula2, rule.prompt, rule.error, rule.promptTitle))
        if "[" in said or ID_NUMBER.search(said):
            sheet.data_validations.dataValidation.remove(rule)
    own = {column + 1 for column in plan.own}
    if not own:
        return
    for merged in list(sheet.merged_cells.ranges):
        if merged.min_col == merged.max_col and merged.min_col in own:
            sheet.unmerge_cells(str(merged))
    for row in sheet.iter_rows(min_row=plan.own_start):
        for cell in row:
            if cell.column in own:
                cell.value, cell.comment = None, None
            if cell.column in own or (cell.fill.fill_type and cell.fill.fgColor.rgb in _OUR_FILLS):
                cell.fill = PatternFill()
            if cell.comment is not None:
                text = cell.comment.text.partition(_SEPARATOR)[0]
                cell.comment = None if cell.comment.author == AUTHOR else Comment(text, cell.comment.author)


def _cached(data: bytes, book: Any) -> dict[str, dict[str, object]]:
    """Return the values that formulas had when the file was saved, by sheet and cell; nothing where there are none."""
    wanted = {
        sheet.title: [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
        for sheet in book.worksheets
    }
    if not any(wanted.values()):
        return {}
    values = openpyxl.load_workbook(BytesIO(data), keep_links=False, data_only=True)
    return {title: {at: values[title][at].value for at in cells} for title, cells in wanted.items()}


def _settle_formulas(sheet: Any, values: Mapping[str, object], steady: set[str], names: set[str]) -> dict[str, object]:
    """Keep the formulas that still hold, with the value that each shows; the others become that value."""
    shown = {}
    for at, value in values.items():
        cell = sheet[at]
        formula = cell.value
        sheets = {quoted or bare for quoted, bare in _SHEET.findall(formula)} if isinstance(formula, str) else set()
        words = set(_WORD.findall(formula)) if isinstance(formula, str) else set()
        sound = isinstance(formula, str) and not _LIVE.search(formula) and sheets <= steady and not words & names
        if sound and not ID_NUMBER.search(f"{formula} {value}"):
            shown[at] = value
        elif isinstance(value, str) or value is None:
            put(cell, value or "")
        else:
            cell.value = value
    return shown


def _blank_ids(sheet: Any) -> None:
    """Take ID numbers out of cells, comments and links, as the reader does."""
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell, MergedCell):
                continue
            value = cell.value
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                clean = without_id(value)
                if clean is not None:
                    put(cell, clean)
            if cell.comment is not None and (clean := without_id(cell.comment.text)) is not None:
                cell.comment = Comment(clean, "")
            if cell.comment is not None and without_id(cell.comment.author or "") is not None:
                cell.comment = Comment(cell.comment.text, "")
            if cell.hyperlink is not None:
                # Whatever it leads to lies outside this workbook.
                link = cell.hyperlink
                cell.hyperlink = None if link.target or not link.location else link


def put(cell: Any, text: object) -> None:
    """Write a text as text, whatever it begins with; signs that XML cannot hold are left out."""
    clean = ILLEGAL_CHARACTERS_RE.sub("", "" if text is None or pd.isna(text) else str(text))[:32_000]
    cell.value = clean or None
    if clean:
        cell.data_type = "s"


# ---- marks ----


def _mark(sheet: Any, plan: SlipSheet) -> None:
    """Colour and comment the offending cells."""
    for (row, column), part in plan.marks.groupby(["row", "column"]):
        cell = sheet.cell(row, column)
        if isinstance(cell, MergedCell):
            continue
        worst = min(part["severity"], key=list(FILLS).index)
        cell.fill = PatternFill("solid", fgColor=FILLS[worst])
        text = "\n".join(dict.fromkeys(part["text"]))
        old = cell.comment.text if cell.comment is not None else ""
        author = cell.comment.author if cell.comment is not None else AUTHOR
        cell.comment = Comment(old + _SEPARATOR + text if old else text, author)
        cell.comment.width, cell.comment.height = 280, 24 + 19 * lines_of(cell.comment.text, 36)


def _add_columns(sheet: Any, plan: SlipSheet) -> None:
    """Add 问题说明 behind the last used column, headed like its neighbours, and the hidden key behind that."""
    start, end = plan.header
    note, key = plan.width + 1, plan.width + 2
    for merged in list(sheet.merged_cells.ranges):
        if merged.max_col >= note and merged.min_col <= key:
            sheet.unmerge_cells(str(merged))
    _free_columns(sheet, note)
    sheet.column_dimensions[get_column_letter(note)].width = NOTE_WIDTH
    hidden = sheet.column_dimensions[get_column_letter(key)]
    hidden.hidden, hidden.width = True, 8
    for row in range(start, end + 1):
        sheet.cell(row, note)._style = copy(sheet.cell(start, plan.width)._style)
    head = sheet.cell(start, note)
    head.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    put(head, NOTE_HEADER)
    put(sheet.cell(start, key), KEY_HEADER)
    if end > start:
        sheet.merge_cells(start_row=start, end_row=end, start_column=note, end_column=note)
    # Setting a style costs; most rows look alike.
    looks: dict[tuple[int, ...], Any] = {}
    for row in sorted({*plan.keys, *plan.notes}):
        cell, beside = sheet.cell(row, note), sheet.cell(row, plan.width)
        style = tuple(beside._style or ())  # a cell just made has none
        known_look = looks.get(style)
        if known_look is None:
            cell._style = copy(beside._style)
            cell.alignment = Alignment(vertical="center", wrap_text=True)
            looks[style] = copy(cell._style)
        else:
            cell._style = copy(known_look)
        put(sheet.cell(row, key), plan.keys.get(row, ""))
        if row in plan.notes:
            put(cell, plan.notes[row])
            cell.border, cell.fill = _boxed(), PatternFill("solid", fgColor=FILLS[note_severity(plan.notes[row])])
            size = float(cell.font.size or 11)
            wanted = lines_of(plan.notes[row], NOTE_WIDTH * 11 / max(size, 8)) * LINE_PT * size / 10 + 4
            known = sheet.row_dimensions[row].height
            if wanted > (known or 15):
                sheet.row_dimensions[row].height = min(wanted, 400)
    # Wider than it was: on one page all the same.
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9


def _boxed() -> Border:
    thin = Side("thin", color="999999")
    return Border(thin, thin, thin, thin)


def _free_columns(sheet: Any, first: int) -> None:
    """End every column setting before `first`: one that runs on to the edge of the sheet would collide with ours."""
    for letter, own in list(sheet.column_dimensions.items()):
        low, high = own.min or 0, own.max or 0
        if low >= first:
            del sheet.column_dimensions[letter]
        elif high >= first:
            own.max = first - 1


def _write_list(sheet: Any, listing: Listing) -> None:
    border = _boxed()
    names = [name for name in listing.table.columns if name != "severity"]
    for column, width in enumerate(listing.widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width

    def line(row: int, text: str, font: Font, height: float, horizontal: str = "left") -> None:
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=len(names))
        put(sheet.cell(row, 1), text)
        sheet.cell(row, 1).font = font
        sheet.cell(row, 1).alignment = Alignment(horizontal=horizontal, vertical="center", wrap_text=True)
        sheet.row_dimensions[row].height = height

    line(1, listing.title, Font(name="黑体", size=16), 30, "center")
    for row, text in enumerate(listing.lines, start=2):
        line(row, text, Font(name="宋体", size=10, color="444444"), 17 * lines_of(text, sum(listing.widths)))
    top = len(listing.lines) + 2
    for column, last, severity, text in LEGEND:
        for at in range(column, last + 1):
            sheet.cell(top, at).border = border
        if last > column:
            sheet.merge_cells(start_row=top, end_row=top, start_column=column, end_column=last)
        cell = sheet.cell(top, column)
        put(cell, text)
        cell.font = Font(name="宋体", size=10)
        cell.fill = PatternFill("solid", fgColor=FILLS[severity])
        cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    sheet.row_dimensions[top].height = 20
    head = top + 1
    _write_table(sheet, listing, head, names)
    line(head + 1 + len(listing.table), listing.total, Font(name="宋体", size=10, bold=True), 20)
    sheet.freeze_panes = sheet.cell(head + 1, 1)
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.print_title_rows = f"{head}:{head}"
    sheet.page_margins.left = sheet.page_margins.right = 0.5
    sheet.page_margins.top, sheet.page_margins.bottom = 0.6, 0.8
    sheet.oddFooter.center.text = "第 &P 页，共 &N 页"


def _write_table(sheet: Any, listing: Listing, head: int, names: Sequence[str]) -> None:
    border, severities = _boxed(), listing.table["severity"]
    plain = Font(name="宋体", size=10)
    for column, name in enumerate(names, start=1):
        cell = sheet.cell(head, column)
        put(cell, name)
        cell.font, cell.border = Font(name="宋体", size=10, bold=True), border
        cell.fill = PatternFill("solid", fgColor="E8EEF4")
        cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    for at, values in enumerate(listing.table[names].itertuples(index=False)):
        row = head + 1 + at
        for column, value in enumerate(values, start=1):
            cell = sheet.cell(row, column)
            if isinstance(value, int):
                cell.value = value
            else:
                put(cell, value)
            cell.font, cell.border = plain, border
            centre = "center" if column in (1, 3) else None
            cell.alignment = Alignment(horizontal=centre, vertical="center", wrap_text=True)
        spot = sheet.cell(row, 3)
        spot.fill = PatternFill("solid", fgColor=FILLS[severities.iat[at]])
        if listing.links[at]:
            spot.hyperlink = Hyperlink(ref=spot.coordinate, location=listing.links[at])
            spot.font = Font(name="宋体", size=10, color="0563C1", underline="single")
        sheet.row_dimensions[row].height = row_height(values, listing.widths)


def mended(slip: bytes, changes: Mapping[tuple[str, str], object]) -> bytes:
    """Return a slip with cells changed, ``{(sheet, cell): value}``, as a township would hand it in again; the same bytes each time."""
    book = openpyxl.load_workbook(BytesIO(slip))
    for (sheet, cell), value in changes.items():
        book[sheet][cell].value = value
    stream = BytesIO()
    book.save(stream)
    return repacked(stream.getvalue())
