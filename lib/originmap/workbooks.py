"""Workbooks: a file becomes raw sheets of text, or one reason why it cannot be read. Nothing is interpreted here.

What a file declares is bounded before a parser sees it. Everything is read as text, and ID numbers are dropped on reading.
"""

import re
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import python_calamine

from originmap.findings import mask_phone
from originmap.rules import Rules

Cells = npt.NDArray[np.object_]

SPREADSHEETS: Final = (".xlsx", ".xlsm", ".xls", ".ods", ".et")
MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
IGNORED: Final = re.compile(r"^(~\$|\.|thumbs\.db$|desktop\.ini$|round\.toml$)", re.IGNORECASE)
# 18 digits (the last may be X), by themselves, or anywhere when region, birth date and number can be told apart.
ID_NUMBER: Final = re.compile(
    r"(?<!\d)\d{17}[\dXx](?!\d)|\d{6}[ -]?(?:19|20)\d{2}[ -]?(?:0[1-9]|1[0-2])[ -]?(?:0[1-9]|[12]\d|3[01])[ -]?\d{3}[\dXx]"
)


@dataclass(frozen=True)
class RawSheet:
    """One sheet as text: `cells` is (rows, columns) from A1, None where blank; merges are 0-based inclusive."""

    file: str
    sheet: str
    hidden: bool
    cells: Cells
    merges: tuple[tuple[int, int, int, int], ...] = ()
    dropped_ids: tuple[tuple[int, int], ...] = ()


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
    _check_container(path, float(limits["inflated_mb"]), int(limits["cells"]))
    try:
        # By content, not by name: WPS and hurried clerks save .xlsx as .xls, .et or .ods.
        with path.open("rb") as stream, python_calamine.CalamineWorkbook.from_filelike(stream) as book:
            visible = python_calamine.SheetVisibleEnum.Visible
            return [
                _raw_sheet(
                    book.get_sheet_by_name(meta.name), name, int(limits["cells"]), hidden=meta.visible != visible
                )
                for meta in book.sheets_metadata
                if meta.typ == python_calamine.SheetTypeEnum.WorkSheet
            ]
    except python_calamine.PasswordError as error:
        raise UnreadableFileError("file_encrypted") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise UnreadableFileError("file_unreadable") from error


def _check_container(path: Path, inflated_mb: float, cells: int) -> None:
    """Look at a file's first bytes and a zip's directory before any parser does."""
    with path.open("rb") as stream:
        start = stream.read(8)
    if start.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                _check_archive(archive, inflated_mb, cells)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            # A part may be cut, garbled, or packed in a way that nobody unpacks.
            raise UnreadableFileError("file_unreadable") from error
    elif start.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise UnreadableFileError("file_encrypted")
    elif not start:
        raise UnreadableFileError("file_unreadable")
    else:
        raise UnreadableFileError("file_wrong_type", "不是 Excel 或 WPS 表格")


_FILLED = re.compile(rb'<c r="([A-Z]+)(\d+)"[^>/]*>')
_CHUNK: Final = 1 << 20


def _column_number(letters: bytes) -> int:
    return reduce(lambda total, sign: total * 26 + sign - 64, letters, 0)


def _check_archive(archive: zipfile.ZipFile, inflated_mb: float, cells: int) -> None:
    """Refuse a zip that is too large unpacked, is no workbook, or has a sheet that reaches too far."""
    names = archive.namelist()
    total_mb = sum(info.file_size for info in archive.infolist()) / 2**20
    if total_mb > inflated_mb:
        raise UnreadableFileError("file_too_large", f"解压后 {total_mb:.0f} MB，限 {inflated_mb:.0f} MB")
    if not any(name.startswith("xl/") or name == "content.xml" for name in names):
        raise UnreadableFileError("file_wrong_type", "是压缩包，不是表格")
    for name in names:
        if name.startswith("xl/worksheets/") and not name.endswith("/"):
            _check_reach(archive, name, cells)


def _check_reach(archive: zipfile.ZipFile, name: str, cells: int) -> None:
    """Refuse a sheet whose filled cells span more than the limit: one far cell makes a reader lay out the whole grid.

    What a sheet declares of itself is not believed; its cells' own addresses are read.
    """
    rows = columns = 0
    with archive.open(name) as stream:
        rest = b""
        while chunk := stream.read(_CHUNK):
            chunk = rest + chunk
            found = _FILLED.findall(chunk)
            # Eight digits are beyond any sheet already; a forged address may have thousands.
            rows = max([rows, *(int(row[:8]) for row in {row for _, row in found})])
            columns = max([columns, *(_column_number(letters[:8]) for letters in {letters for letters, _ in found})])
            rest = chunk[-64:]
    if rows > MAX_ROWS or columns > MAX_COLUMNS or rows * columns > cells:
        raise UnreadableFileError("file_too_large", f"单元格散布到第 {rows} 行、第 {columns} 列")


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


def value_text(value: Any) -> str:
    """Return a typed cell as the text a person would read: no .0, dates as ISO."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
