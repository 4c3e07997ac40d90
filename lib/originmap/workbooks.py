"""Workbooks: a file becomes raw sheets of text, or one reason why it cannot be read. Nothing is interpreted here.

What a file declares is bounded before a parser sees it. Everything is read as text, and ID numbers are dropped on reading.
"""

import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import python_calamine

from originmap.documents import kind_to_read, read_document
from originmap.formats import (
    ID_NUMBER,
    Limits,
    UnreadableFileError,
    check_package,
    chunks,
    opened,
    shown_name,
    too_large,
)
from originmap.grids import Grid, check_reach, value_text
from originmap.rules import Rules

Cells = npt.NDArray[np.object_]


@dataclass(frozen=True)
class RawSheet:
    """One sheet as text: `cells` is (rows, columns) from A1, None where blank; merges are 0-based inclusive."""

    file: str
    sheet: str
    hidden: bool
    cells: Cells
    merges: tuple[tuple[int, int, int, int], ...] = ()
    dropped_ids: tuple[tuple[int, int], ...] = ()


def read_file(data: bytes, name: str, rules: Rules) -> tuple[list[RawSheet], tuple[tuple[str, str], ...]]:
    """Read one file as raw text, for what it is and not for what its name says.

    Returns
    -------
    The sheets, and what is to be said of the file as (rule, detail).

    Raises
    ------
    UnreadableFileError
        It has no tables, is damaged, encrypted, over the limits or not what its name says.
    """
    limits = Limits.of(rules)
    kind = kind_to_read(data, name, limits)
    if kind != "xlsx":
        reading = read_document(data, name, kind, limits)
        return [_from_grid(grid, name) for grid in reading.grids], reading.notes
    _check_workbook(data, limits)
    try:
        with python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            visible = python_calamine.SheetVisibleEnum.Visible
            return [
                _raw_sheet(book.get_sheet_by_name(meta.name), name, limits.cells, hidden=meta.visible != visible)
                for meta in book.sheets_metadata
                if meta.typ == python_calamine.SheetTypeEnum.WorkSheet
            ], ()
    except python_calamine.PasswordError as error:
        raise UnreadableFileError("file_encrypted") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise UnreadableFileError("file_unreadable") from error


# A cell with content: any prefix, its address among other attributes, in either kind of quotes.
_FILLED = re.compile(rb"""<(?:\w+:)?c\s(?:[^>]*?\s)?r\s*=\s*["']([A-Za-z]+)(\d+)["'](?:[^>]*[^>/])?>""")


def _column_number(letters: bytes) -> int:
    return reduce(lambda total, sign: total * 26 + sign - 64, letters, 0)


def _check_workbook(data: bytes, limits: Limits) -> None:
    """Refuse an .xlsx that is too large unpacked, or has a sheet that reaches too far or is merged beyond measure."""
    with opened(data) as archive:
        check_package(archive, limits, skip=lambda name: name.startswith("xl/worksheets/"))
        sheets = [info for info in archive.infolist() if re.fullmatch(r"xl/worksheets/[^/]+", info.filename)]
        if len(sheets) > limits.sheets:
            raise too_large(f"超过 {limits.sheets:,} 张表")
        for info in sheets:
            _check_reach(chunks(archive, info, limits), limits)


def _check_reach(pieces: Iterator[bytes], limits: Limits) -> None:
    """Refuse a sheet whose filled cells span more than the limit: one far cell makes a reader lay out the whole grid.

    What a sheet declares of itself is not believed; its cells' own addresses are read.
    """
    rows = columns = merges = filled = 0
    rest = b""
    for piece in pieces:
        chunk = rest + piece
        found = _FILLED.findall(chunk)
        filled += len(found)
        # Eight digits are beyond any sheet already; a forged address may have thousands.
        rows = max([rows, *(int(row[:8]) for row in {row for _, row in found})])
        columns = max(
            [columns, *(_column_number(letters[:8].upper()) for letters in {letters for letters, _ in found})]
        )
        merges += chunk.count(b"mergeCell ")
        if merges > limits.merges:
            raise too_large(f"合并单元格超过 {limits.merges:,} 处")
        rest = chunk[chunk.rfind(b"<") :] if b"<" in chunk else b""
    check_reach(rows, columns, filled, limits)


def _from_grid(grid: Grid, file: str) -> RawSheet:
    """Return a grid as a raw sheet: text stripped and normalised as an .xlsx's, ID numbers dropped."""
    kept: dict[str, tuple[str | None, bool]] = {}
    cells = np.full((len(grid.rows), max(map(len, grid.rows), default=0)), None, dtype=object)
    dropped = []
    for i, row in enumerate(grid.rows):
        for j, value in enumerate(row):
            if not value:
                continue
            if value not in kept:
                kept[value] = _clean(value)
            cells[i, j], has_id = kept[value]
            if has_id:
                dropped.append((i, j))
    filled = np.flatnonzero([any(cell is not None for cell in row) for row in cells])
    end = int(filled[-1]) + 1 if len(filled) else 0
    return RawSheet(file, shown_name(grid.name), grid.hidden, cells[:end], grid.merges, tuple(dropped))


def _clean(value: str) -> tuple[str | None, bool]:
    text = value.strip()
    # An ID number has at least 18 characters: most cells skip the search.
    if len(text) >= 18 and ID_NUMBER.search(plain_text := unicodedata.normalize("NFKC", text)):
        return ID_NUMBER.sub("", plain_text).strip() or None, True
    return text or None, False


def _raw_sheet(sheet: python_calamine.CalamineSheet, file: str, max_cells: int, *, hidden: bool) -> RawSheet:
    if sheet.end is not None and (sheet.end[0] + 1) * (sheet.end[1] + 1) > max_cells:
        raise UnreadableFileError("file_too_large", f"工作表“{sheet.name}”超过 {max_cells:,} 个单元格")
    rows = sheet.to_python(skip_empty_area=False)
    width = max((len(row) for row in rows), default=0)
    cells = np.full((len(rows), width), None, dtype=object)
    dropped = []
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            if value == "":
                continue
            text = value.strip() if isinstance(value, str) else value_text(value)
            # An ID number has at least 18 characters: most cells skip the search.
            if len(text) >= 18 and ID_NUMBER.search(plain_text := unicodedata.normalize("NFKC", text)):
                text = ID_NUMBER.sub("", plain_text).strip()
                dropped.append((i, j))
            cells[i, j] = text or None
    filled = np.flatnonzero([any(cell is not None for cell in row) for row in cells])
    merges = tuple((a[0], a[1], b[0], b[1]) for a, b in sheet.merged_cell_ranges or ())
    return RawSheet(
        file, shown_name(sheet.name), hidden, cells[: filled[-1] + 1 if len(filled) else 0], merges, tuple(dropped)
    )
