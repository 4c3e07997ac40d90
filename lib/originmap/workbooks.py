"""Workbooks: a file becomes raw sheets of text, or one reason why it cannot be read. Nothing is interpreted here.

What a file declares is bounded before a parser sees it. Everything is read as text, and ID numbers are dropped on reading.
"""

import io
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from xml.etree.ElementTree import ParseError

import fastexcel
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import python_calamine
from defusedxml import DefusedXmlException

from originmap.documents import kind_to_read, read_document
from originmap.formats import ID_NUMBER, Limits, UnreadableFileError, check_package, opened, shown_name, too_large
from originmap.grids import Grid, value_text
from originmap.parts import Merge, Part, scan
from originmap.rules import Rules

Cells = npt.NDArray[np.object_]

# A sieve for it in the bytes' own script; full-width digits too.
_MAY_BE_ID: Final = r"(?:[0-9０-９][ -]?){17}[0-9０-９XxＸｘ]"
_DAMAGED: Final = (
    fastexcel.FastExcelError,
    python_calamine.CalamineError,
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    DefusedXmlException,
    pa.ArrowException,
    EOFError,
    NotImplementedError,
    RuntimeError,
    KeyError,
    ValueError,
)


@dataclass(frozen=True)
class RawSheet:
    """One sheet as text, from A1 to its last row that says anything.

    Attributes
    ----------
    file, sheet, hidden
        Where it stands, and whether the workbook hides it.
    table
        One column of strings per sheet column, null where blank.
    merges
        0-based inclusive ``(top, left, bottom, right)``.
    dropped_ids
        0-based ``(row, column)`` of cells that an ID number was taken out of.
    hidden_rows
        0-based rows that the sheet hides.
    """

    file: str
    sheet: str
    hidden: bool
    table: pa.Table
    merges: tuple[Merge, ...] = ()
    dropped_ids: tuple[tuple[int, int], ...] = ()
    hidden_rows: tuple[int, ...] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.table.num_rows)

    def rows(self, start: int = 0, stop: int | None = None) -> Cells:
        """Return rows ``start`` to ``stop`` as objects, (rows, columns), None where blank."""
        part = self.table.slice(start, None if stop is None else max(stop - start, 0))
        cells = np.full((part.num_rows, part.num_columns), None, dtype=object)
        for number, column in enumerate(part.itercolumns()):
            cells[:, number] = column.to_numpy(zero_copy_only=False)
        return cells

    @cached_property
    def cells(self) -> Cells:
        """All rows as objects: dear for a large sheet."""
        return self.rows()


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
    try:
        return _fast(data, name, _parts(data, limits)), ()
    except UnreadableFileError:
        raise
    except python_calamine.PasswordError as error:
        raise UnreadableFileError("file_encrypted") from error
    except (*_DAMAGED, OSError) as error:
        raise UnreadableFileError("file_unreadable") from error
    except BaseException as error:
        # A reader's own panic is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise UnreadableFileError("file_unreadable") from error


def _parts(data: bytes, limits: Limits) -> list[Part]:
    """Return an .xlsx's worksheets; refuse one that is too large unpacked, reaches too far or is merged beyond measure."""
    with opened(data) as archive:
        check_package(archive, limits, skip=lambda name: name.startswith("xl/worksheets/"))
        found = scan(archive, limits)
    if len(found) > limits.sheets:
        raise too_large(f"超过 {limits.sheets:,} 张表")
    return found


def _fast(data: bytes, name: str, found: Sequence[Part]) -> list[RawSheet]:
    """Read an .xlsx with the fast reader, and with the other one the sheets whose first column it would leave out."""
    sheets = []
    book = fastexcel.read_excel(data)  # by content: given a path it would believe the suffix
    for part in found:
        if part.from_a:
            batch = book.load_sheet(part.name, header_row=None, skip_rows=0, dtypes="string").to_arrow()
            columns = list(batch.columns)
        elif part.rows:
            with python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)) as other:
                columns = _columns(other.get_sheet_by_name(part.name))
        else:
            columns = []
        columns = _with_errors(columns, part)
        sheets.append(_raw_sheet(name, part.name, columns, part.merges, part.hidden_rows, hidden=part.hidden))
    return sheets


def _from_grid(grid: Grid, file: str) -> RawSheet:
    """Return a grid of another format as a raw sheet."""
    columns = _text_columns(grid.rows)
    return _raw_sheet(file, grid.name, columns, grid.merges, grid.hidden_rows, hidden=grid.hidden)


def _text_columns(rows: Sequence[Sequence[str | None]]) -> list[pa.Array]:
    width = max((len(row) for row in rows), default=0)
    return [pa.array([row[at] if at < len(row) else None for row in rows], pa.large_string()) for at in range(width)]


def _columns(sheet: python_calamine.CalamineSheet) -> list[pa.Array]:
    rows = sheet.to_python(skip_empty_area=False)
    width = max((len(row) for row in rows), default=0)
    return [
        pa.array([None if row[at] == "" else value_text(row[at]) for row in rows], pa.large_string())
        for at in range(width)
    ]


def _with_errors(columns: list[pa.Array], part: Part) -> list[pa.Array]:
    """Put #DIV/0! and the like back where a reader left nothing."""
    by_column: dict[int, dict[int, str]] = {}
    for (row, column), text in part.errors.items():
        by_column.setdefault(column, {})[row] = text
    height = max([len(columns[0]) if columns else 0, *(row + 1 for row, _ in part.errors)])
    filled = [_padded(column, height) for column in columns]
    filled += [pa.nulls(height, pa.large_string()) for _ in range(max(by_column, default=-1) + 1 - len(columns))]
    for column, texts in by_column.items():
        values = filled[column].to_pylist()
        for row, text in texts.items():
            values[row] = values[row] or text
        filled[column] = pa.array(values, pa.large_string())
    return filled


def _padded(column: pa.Array, height: int) -> pa.Array:
    column = column.cast(pa.large_string())
    if len(column) == height:
        return column
    return pa.concat_arrays([column, pa.nulls(height - len(column), pa.large_string())])


def _raw_sheet(
    file: str,
    sheet: str,
    columns: Sequence[pa.Array],
    merges: Sequence[Merge],
    hidden_rows: Sequence[int],
    *,
    hidden: bool,
) -> RawSheet:
    """Return the columns cleaned: white space off, blanks null, ID numbers out, nothing below the last row that speaks."""
    dropped: list[tuple[int, int]] = []
    cleaned = []
    height = 0
    for number, column in enumerate(columns):
        text, ids = _cleaned(column)
        dropped += [(row, number) for row in ids]
        cleaned.append(text)
        filled = np.flatnonzero(pc.is_valid(text).to_numpy(zero_copy_only=False))
        height = max(height, int(filled[-1]) + 1 if len(filled) else 0)
    # An ID number may be all that a row said.
    height = max([height, *(row + 1 for row, _ in dropped)])
    table = pa.Table.from_arrays([column[:height] for column in cleaned], [str(at) for at in range(len(cleaned))])
    return RawSheet(
        file,
        shown_name(sheet),
        hidden,
        table,
        tuple(merges),
        tuple(sorted(dropped)),
        tuple(row for row in hidden_rows if row < height),
    )


def _cleaned(column: pa.Array) -> tuple[pa.Array, list[int]]:
    text = pc.utf8_trim_whitespace(column)
    midnight = pc.ends_with(text, " 00:00:00")
    if pc.any(midnight).as_py():
        text = pc.if_else(midnight, pc.replace_substring_regex(text, r"^(\d{4}-\d\d-\d\d) 00:00:00$", r"\1"), text)
    text = pc.if_else(pc.equal(text, ""), None, text)
    # An ID number has at least 18 characters: most columns skip the search.
    if (pc.max(pc.binary_length(text)).as_py() or 0) < 18:
        return text, []
    long = pc.and_(pc.greater_equal(pc.utf8_length(text), 18), pc.match_substring_regex(text, _MAY_BE_ID))
    rows = np.flatnonzero(pc.fill_null(long, fill_value=False).to_numpy(zero_copy_only=False))
    if not len(rows):
        return text, []
    values = text.to_pylist()
    found = []
    for row in rows.tolist():
        plain = unicodedata.normalize("NFKC", values[row])
        if ID_NUMBER.search(plain):
            values[row] = ID_NUMBER.sub("", plain).strip() or None
            found.append(row)
    return pa.array(values, pa.large_string()), found
