"""Workbooks: a file becomes raw sheets of text, or one reason why it cannot be read. Nothing is interpreted here.

What a file declares is bounded before a parser sees it. Everything is read as text, and ID numbers are dropped on reading.
"""

import re
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import fastexcel
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import python_calamine
from defusedxml import DefusedXmlException

from originmap.findings import mask_phone
from originmap.parts import Merge, Part, TooLargeError, scan
from originmap.rules import Rules

Cells = npt.NDArray[np.object_]

SPREADSHEETS: Final = (".xlsx", ".xlsm", ".xls", ".ods", ".et")
IGNORED: Final = re.compile(r"^(~\$|\.|thumbs\.db$|desktop\.ini$|round\.toml$)", re.IGNORECASE)
# 18 digits (the last may be X), by themselves, or anywhere when region, birth date and number can be told apart.
ID_NUMBER: Final = re.compile(
    r"(?<!\d)\d{17}[\dXx](?!\d)|\d{6}[ -]?(?:19|20)\d{2}[ -]?(?:0[1-9]|1[0-2])[ -]?(?:0[1-9]|[12]\d|3[01])[ -]?\d{3}[\dXx]"
)
# A sieve for it in the bytes' own script; full-width digits too.
_MAY_BE_ID: Final = r"(?:[0-9０-９][ -]?){17}[0-9０-９XxＸｘ]"
_DAMAGED: Final = (
    fastexcel.FastExcelError,
    python_calamine.CalamineError,
    zipfile.BadZipFile,
    zlib.error,
    ElementTree.ParseError,
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


class UnreadableFileError(Exception):
    """A file that gives no sheets; `rule` names the finding, `detail` says more."""

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(rule)
        self.rule, self.detail = rule, detail


def shown_name(name: str) -> str:
    """Return a file's or sheet's name as it may be shown: ID numbers out, phones masked."""
    return mask_phone(ID_NUMBER.sub("〔号码已删〕", unicodedata.normalize("NFC", name)))


def list_files(folder: Path) -> list[Path]:
    """Return the files of an inbox, subfolders included, sorted; lock files and the like are left out."""
    files = (path for path in folder.rglob("*") if path.is_file())
    kept = (path for path in files if not any(IGNORED.match(part) for part in path.relative_to(folder).parts))
    return sorted(kept, key=lambda path: path.relative_to(folder).as_posix())


def read_file(path: Path, name: str, rules: Rules) -> list[RawSheet]:
    """Read one workbook as raw text.

    Raises
    ------
    UnreadableFileError
        It is no spreadsheet, is damaged, encrypted, over the limits or not what its name says.
    """
    if path.suffix.lower() not in SPREADSHEETS:
        raise UnreadableFileError("file_to_convert")
    limits = rules["limits"]
    size_mb = path.stat().st_size / 2**20
    if size_mb > limits["file_mb"]:
        raise UnreadableFileError("file_too_large", f"{size_mb:.0f} MB，限 {limits['file_mb']} MB")
    try:
        found = _check_container(path, limits)
        # By content, not by name: WPS and hurried clerks save .xlsx as .xls, .et or .ods.
        return _slow(path, name, int(limits["cells"])) if found is None else _fast(path, name, found)
    except UnreadableFileError:
        raise
    except python_calamine.PasswordError as error:
        raise UnreadableFileError("file_encrypted") from error
    except TooLargeError as error:
        raise UnreadableFileError("file_too_large", str(error)) from error
    except (*_DAMAGED, OSError) as error:
        raise UnreadableFileError("file_unreadable") from error
    except BaseException as error:
        # A reader's own panic is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise UnreadableFileError("file_unreadable") from error


def _fast(path: Path, name: str, found: Sequence[Part]) -> list[RawSheet]:
    """Read an .xlsx with the fast reader, and with the other one the sheets whose first column it would leave out."""
    sheets = []
    book = fastexcel.read_excel(path.read_bytes())  # by content: given a path it would believe the suffix
    for part in found:
        if part.from_a:
            batch = book.load_sheet(part.name, header_row=None, skip_rows=0, dtypes="string").to_arrow()
            columns = list(batch.columns)
        elif part.rows:
            with path.open("rb") as stream, python_calamine.CalamineWorkbook.from_filelike(stream) as other:
                columns = _columns(other.get_sheet_by_name(part.name))
        else:
            columns = []
        columns = _with_errors(columns, part)
        sheets.append(_raw_sheet(name, part.name, columns, part.merges, part.hidden_rows, hidden=part.hidden))
    return sheets


def _slow(path: Path, name: str, max_cells: int) -> list[RawSheet]:
    """Read what is no .xlsx: old .xls, .et, .ods."""
    sheets = []
    visible = python_calamine.SheetVisibleEnum.Visible
    with path.open("rb") as stream, python_calamine.CalamineWorkbook.from_filelike(stream) as book:
        for meta in book.sheets_metadata:
            if meta.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue
            sheet = book.get_sheet_by_name(meta.name)
            if sheet.end is not None and (sheet.end[0] + 1) * (sheet.end[1] + 1) > max_cells:
                raise UnreadableFileError("file_too_large", f"工作表“{sheet.name}”超过 {max_cells:,} 个单元格")
            merges = [(a[0], a[1], b[0], b[1]) for a, b in sheet.merged_cell_ranges or ()]
            sheets.append(_raw_sheet(name, meta.name, _columns(sheet), merges, (), hidden=meta.visible != visible))
    return sheets


def _check_container(path: Path, limits: Mapping[str, Any]) -> list[Part] | None:
    """Look at a file's first bytes and a zip's directory before any parser does; return an .xlsx's worksheets."""
    with path.open("rb") as stream:
        start = stream.read(8)
    if start.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            total_mb = sum(info.file_size for info in archive.infolist()) / 2**20
            if total_mb > limits["inflated_mb"]:
                raise TooLargeError(f"解压后 {total_mb:.0f} MB，限 {limits['inflated_mb']:.0f} MB")
            if "content.xml" in names:
                return None
            if not any(name.lower() == "xl/workbook.xml" for name in names):
                raise UnreadableFileError("file_wrong_type", "是压缩包，不是表格")
            return scan(archive, max_cells=int(limits["cells"]), max_merges=int(limits["merges"]))
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise UnreadableFileError("file_encrypted")
        return None
    if not start:
        raise UnreadableFileError("file_unreadable")
    raise UnreadableFileError("file_wrong_type", "不是 Excel 或 WPS 表格")


def raw_sheet_of(file: str, sheet: str, rows: Sequence[Sequence[str | None]], merges: Sequence[Merge] = ()) -> RawSheet:
    """Return rows of texts as a raw sheet, as if a workbook had held them."""
    width = max((len(row) for row in rows), default=0)
    columns = [pa.array([row[at] if at < len(row) else None for row in rows], pa.string()) for at in range(width)]
    return _raw_sheet(file, sheet, columns, merges, (), hidden=False)


def _columns(sheet: python_calamine.CalamineSheet) -> list[pa.Array]:
    rows = sheet.to_python(skip_empty_area=False)
    width = max((len(row) for row in rows), default=0)
    return [
        pa.array([None if row[at] == "" else _text(row[at]) for row in rows], pa.string()) for at in range(width)
    ]


def _with_errors(columns: list[pa.Array], part: Part) -> list[pa.Array]:
    """Put #DIV/0! and the like back where a reader left nothing."""
    by_column: dict[int, dict[int, str]] = {}
    for (row, column), text in part.errors.items():
        by_column.setdefault(column, {})[row] = text
    height = max([len(columns[0]) if columns else 0, *(row + 1 for row, _ in part.errors)])
    filled = [_padded(column, height) for column in columns]
    filled += [pa.nulls(height, pa.string()) for _ in range(max(by_column, default=-1) + 1 - len(columns))]
    for column, texts in by_column.items():
        values = filled[column].to_pylist()
        for row, text in texts.items():
            values[row] = values[row] or text
        filled[column] = pa.array(values, pa.string())
    return filled


def _padded(column: pa.Array, height: int) -> pa.Array:
    column = column.cast(pa.string())
    if len(column) == height:
        return column
    return pa.concat_arrays([column, pa.nulls(height - len(column), pa.string())])


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
    rows = np.flatnonzero(pc.fill_null(long, False).to_numpy(zero_copy_only=False))  # noqa: FBT003 - arrow's own
    if not len(rows):
        return text, []
    values = text.to_pylist()
    found = []
    for row in rows.tolist():
        plain = unicodedata.normalize("NFKC", values[row])
        if ID_NUMBER.search(plain):
            values[row] = ID_NUMBER.sub("", plain).strip() or None
            found.append(row)
    return pa.array(values, pa.string()), found


def _text(value: Any) -> str:
    """Return a typed cell as the text a person would read: no .0, dates as ISO."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return np.format_float_positional(value, trim="-")
    return str(value)
