"""BIFF: the sheets of an old .xls or .et (Excel 2 to 2003), from its records.

The records are walked once; each is read within its own length, and what it addresses is bounded before it is laid out: a
forged size makes no reader reserve memory. Streams without a compound file around them, as simple exporters write them, are
read too ([MS-XLS], and the OpenOffice.org documentation of Excel's format for the versions before).
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from originmap.compound import MAGIC, Compound, CompoundError
from originmap.formats import Limits, UnreadableFileError, too_large
from originmap.grids import Budget, Grid, Merge, Reading, check_reach, value_text

_HEAD: Final = struct.Struct("<HH")
_PLACE: Final = struct.Struct("<HHH")
_INDEX: Final = struct.Struct("<I")
_BOF: Final = {0x0009: 2, 0x0209: 3, 0x0409: 4, 0x0809: 5}
_GLOBALS, _SHEET, _WORKSPACE = 0x0005, 0x0010, 0x0100
_MAX_COLUMNS: Final = 256
_CODEPAGES: Final = {
    936: "gb18030",
    950: "big5",
    932: "cp932",
    949: "cp949",
    1252: "cp1252",
    10008: "gb18030",
    65001: "utf-8",
}
_ERRORS: Final = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
_DATE_FORMATS: Final = frozenset({*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)})
_QUOTED: Final = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|[_*].')


@dataclass
class _Book:
    """What the records before the sheets say."""

    version: int = 8
    codec: str = "gb18030"
    base_1904: bool = False
    formats: dict[int, str] = field(default_factory=dict)
    styles: list[int] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    sheets: list[tuple[str, int, bool]] = field(default_factory=list)  # name, offset, hidden
    dates: dict[int, bool] = field(default_factory=dict)  # what is known of styles

    def is_date(self, style: int) -> bool:
        """Tell whether a cell's format shows a date or time."""
        if style not in self.dates:
            self.dates[style] = self._shows_date(style)
        return self.dates[style]

    def _shows_date(self, style: int) -> bool:
        number = self.styles[style] if style < len(self.styles) else 0
        if number in self.formats:
            return bool(re.search("[ymdhs]", _QUOTED.sub("", self.formats[number]).lower().replace("general", "")))
        return number in _DATE_FORMATS

    def number(self, value: float, style: int) -> str:
        """Return a number as it would be typed, a date as ISO."""
        if not self.is_date(style) or not 0 <= value < 2_958_466:
            return value_text(value)
        if value < 1 and not self.base_1904:
            return str((datetime(1900, 1, 1) + timedelta(seconds=round(value * 86_400))).time())  # noqa: DTZ001
        days = value + 1462 if self.base_1904 else value + (value < 60)
        return value_text(datetime(1899, 12, 30) + timedelta(seconds=round(days * 86_400)))  # noqa: DTZ001

    def bytes_text(self, raw: bytes) -> str:
        """Decode a byte string; exporters seldom say their code page, and say it wrongly."""
        for codec in ("gb18030", self.codec):
            try:
                return raw.decode(codec)
            except UnicodeDecodeError:
                continue
        return raw.decode(self.codec, "replace")


def biff_grids(data: bytes, limits: Limits) -> Reading:
    """Read the worksheets of an old workbook, hidden ones and hidden rows marked.

    Raises
    ------
    UnreadableFileError
        It is damaged, has a password, or is over the limits.
    """
    stream = data
    if data.startswith(MAGIC[:4]):
        try:
            container = Compound(data)
            stream = container.stream(next(name for name in ("Workbook", "Book") if name in container.names))
        except (CompoundError, StopIteration) as error:
            raise UnreadableFileError("file_unreadable") from error
    try:
        return Reading(tuple(_sheets(stream, Budget(limits), limits)))
    except (struct.error, IndexError, LookupError, ValueError, OverflowError) as error:
        raise UnreadableFileError("file_unreadable") from error


def _sheets(stream: bytes, budget: Budget, limits: Limits) -> Iterator[Grid]:
    walk = _Walk(stream, limits)
    kind, size = struct.unpack_from("<HH", stream, 0)
    number, what = struct.unpack_from("<HH", stream, 4)
    if kind not in _BOF or size < 4 or what == _WORKSPACE:
        raise UnreadableFileError("file_unreadable")
    book = _Book(version=8 if number == 0x0600 and kind == 0x0809 else _BOF[kind])
    if what != _GLOBALS:
        budget.sheet()
        yield _sheet(walk, book, ("表1", 0, False), budget)
        return
    _globals(walk, book)
    # Data that ends before the first sheet begins is a cut file, not one without sheets; no two sheets are one.
    if not book.sheets or book.sheets[0][1] >= len(stream) or len({at for _, at, _ in book.sheets}) < len(book.sheets):
        raise UnreadableFileError("file_unreadable")
    for sheet in book.sheets:
        budget.sheet()
        yield _sheet(walk, book, sheet, budget)


class _Walk:
    """The records of a stream; all walks together take no more steps than the limits allow cells."""

    def __init__(self, stream: bytes, limits: Limits) -> None:
        self.stream = stream
        self._left = limits.tags

    def records(self, at: int) -> Iterator[tuple[int, bytes]]:
        """Yield (record type, content) from a beginning-of-file to its end; objects embedded in between are passed over."""
        stream, depth = self.stream, 0
        while True:
            if at + 4 > len(stream):
                raise UnreadableFileError("file_unreadable")
            kind, size = _HEAD.unpack_from(stream, at)
            at += 4
            if at + size > len(stream):
                raise UnreadableFileError("file_unreadable")
            self._left -= 1
            if self._left < 0:
                raise too_large("记录过多")
            if kind in _BOF:
                depth += 1
            elif kind == 0x000A:
                depth -= 1
                if depth <= 0:
                    return
            elif kind == 0x002F:
                raise UnreadableFileError("file_encrypted")
            elif depth == 1:
                yield kind, stream[at : at + size]
            at += size


def _globals(walk: _Walk, book: _Book) -> None:
    shared: list[bytes] = []
    last = 0
    for kind, body in walk.records(0):
        if kind == 0x0042:
            book.codec = _CODEPAGES.get(struct.unpack_from("<H", body)[0], "gb18030")
        elif kind == 0x0022:
            book.base_1904 = body[:1] == b"\1"
        elif kind == 0x041E and book.version == 8:
            book.formats[struct.unpack_from("<H", body)[0]] = _unicode(body, 2)
        elif kind == 0x041E:
            book.formats[struct.unpack_from("<H", body)[0]] = body[3 : 3 + body[2]].decode("latin-1")
        elif kind == 0x00E0:
            book.styles.append(struct.unpack_from("<H", body, 2)[0])
        elif kind == 0x0085:
            offset, hidden, what = struct.unpack_from("<IBB", body)
            name = _unicode(body, 6, short=True) if book.version == 8 else book.bytes_text(body[7 : 7 + body[6]])
            if what == 0:
                book.sheets.append((name, offset, bool(hidden & 3)))
        elif kind == 0x00FC or (kind == 0x003C and last == 0x00FC):
            shared.append(body)
            last = 0x00FC
            continue
        last = kind
    if shared:
        book.strings = list(_shared_strings(shared))


def _unicode(body: bytes, at: int, *, short: bool = False) -> str:
    """Decode a string of Excel 97 on, its length in one or two bytes before it."""
    count = body[at] if short else struct.unpack_from("<H", body, at)[0]
    at += 1 if short else 2
    flags = body[at]
    at += 1 + 2 * bool(flags & 8) + 4 * bool(flags & 4)
    return (
        body[at : at + count * 2].decode("utf-16-le", "replace")
        if flags & 1
        else body[at : at + count].decode("latin-1")
    )


def _shared_strings(parts: list[bytes]) -> Iterator[str]:
    """Decode the table of shared strings; one may be cut at any sign and go on in the next part, in another width."""
    part, at = 0, 8
    while part < len(parts):
        if at >= len(parts[part]):
            part, at = part + 1, at - len(parts[part])
            continue
        body = parts[part]
        if at + 3 > len(body):
            return
        count, flags = struct.unpack_from("<HB", body, at)
        at += 3
        runs = struct.unpack_from("<H", body, at)[0] if flags & 8 else 0
        at += 2 * bool(flags & 8)
        extra = struct.unpack_from("<I", body, at)[0] if flags & 4 else 0
        at += 4 * bool(flags & 4)
        pieces = []
        while True:
            width = 1 + (flags & 1)
            piece = parts[part][at : at + count * width]
            pieces.append(piece.decode("utf-16-le" if width == 2 else "latin-1", "replace"))
            at += len(piece)
            count -= len(piece) // width
            if count <= 0:
                break
            part += 1
            if part >= len(parts) or not parts[part]:
                raise UnreadableFileError("file_unreadable")
            flags, at = parts[part][0], 1
        yield "".join(pieces)
        at += runs * 4 + extra


def _sheet(walk: _Walk, book: _Book, sheet: tuple[str, int, bool], budget: Budget) -> Grid:
    name, offset, hidden = sheet
    rows: list[list[str]] = []
    merges: list[Merge] = []
    hidden_rows: list[int] = []
    filled = 0
    waiting: tuple[int, int] | None = None  # a formula whose text follows
    for kind, body in walk.records(offset):
        if kind in (0x0208, 0x0008) and len(body) >= 14 and body[12] & 0x20:
            hidden_rows.append(struct.unpack_from("<H", body)[0])
        elif kind == 0x00E5:
            count = min(struct.unpack_from("<H", body)[0], (len(body) - 2) // 8)
            budget.merges(count)
            for top, bottom, left, right in struct.iter_unpack("<4H", body[2 : 2 + count * 8]):
                merges.append((top, left, bottom, right))
        elif kind in (0x0207, 0x0007) and waiting is not None:
            filled += _put(rows, *waiting, _string(body, 0, book, kind), budget)
            waiting = None
        elif kind in _CELLS:
            row, column, text = _cell(kind, body, book)
            waiting = (row, column) if text is None else None
            filled += _put(rows, row, column, text or "", budget)
        elif kind == 0x00BD:
            row, column = struct.unpack_from("<HH", body)
            for at, (style, value) in enumerate(struct.iter_unpack("<HI", body[4 : len(body) - 2])):
                filled += _put(rows, row, column + at, book.number(_rk(value), style), budget)
    check_reach(len(rows), max(map(len, rows), default=0), filled, budget.limits)
    shown = tuple(row for row in hidden_rows if row < len(rows))
    return Grid(name, rows, tuple(merges), hidden, shown)


def _put(rows: list[list[str]], row: int, column: int, text: str, budget: Budget) -> bool:
    """Write a cell and tell whether there was anything to write."""
    if column >= _MAX_COLUMNS:
        raise UnreadableFileError("file_unreadable")
    if not text:
        return False
    below = row - len(rows) + 1
    if below > 0:
        budget.cells(below)
        rows.extend([] for _ in range(below))
    own = rows[row]
    beyond = column - len(own)
    budget.cell(max(beyond, -1) + 1, len(text))
    if beyond < 0:
        own[column] = text
    else:
        own += [""] * beyond
        own.append(text)
    return True


def _rk(value: int) -> float:
    """Decode a number packed into 30 bits, an integer or the upper half of a float, perhaps in hundredths."""
    if value & 2:
        number = float((value >> 2) - ((value & 0x80000000) >> 1))
    else:
        (number,) = struct.unpack("<d", struct.pack("<Q", (value & 0xFFFFFFFC) << 32))
    return number / 100 if value & 1 else number


def _string(body: bytes, at: int, book: _Book, kind: int) -> str:
    if kind in (0x0004, 0x0007):
        return book.bytes_text(body[at + 1 : at + 1 + body[at]])
    if book.version == 8:
        return _unicode(body, at)
    (count,) = struct.unpack_from("<H", body, at)
    return book.bytes_text(body[at + 2 : at + 2 + count])


# Integer, number, label, boolean or error of Excel 2 (a cell's format in three bytes); the same of later versions.
_OLD: Final = frozenset({0x0002, 0x0003, 0x0004, 0x0005})
_CELLS: Final = _OLD | {0x0006, 0x0206, 0x0406, 0x0203, 0x0204, 0x0205, 0x00D6, 0x00FD, 0x027E, 0x007E}


def _cell(kind: int, body: bytes, book: _Book) -> tuple[int, int, str | None]:
    """Return a record's row, column and text; None for a formula whose text stands in the next record."""
    row, column, style = _PLACE.unpack_from(body)
    at = 7 if kind in _OLD or (kind == 0x0006 and book.version == 2) else 6
    text: str | None
    if kind == 0x00FD:
        text = book.strings[_INDEX.unpack_from(body, at)[0]]
    elif kind in (0x0204, 0x00D6, 0x0004):
        text = _string(body, at, book, kind)
    elif kind in (0x027E, 0x007E):
        text = book.number(_rk(_INDEX.unpack_from(body, at)[0]), style)
    elif kind in (0x0203, 0x0003):
        text = book.number(struct.unpack_from("<d", body, at)[0], style if kind == 0x0203 else 0)
    elif kind == 0x0002:
        text = str(struct.unpack_from("<H", body, at)[0])
    elif kind in (0x0205, 0x0005):
        text = _ERRORS.get(body[at], "#N/A") if body[at + 1] else _truth(body[at])
    else:
        text = _result(body[at : at + 8], book, style if at == 6 else 0)
    return row, column, text


def _truth(value: int) -> str:
    return "TRUE" if value else "FALSE"


def _result(result: bytes, book: _Book, style: int) -> str | None:
    """Decode what a formula gave when the file was saved."""
    if result[6:8] != b"\xff\xff":
        return book.number(struct.unpack("<d", result)[0], style)
    if result[0] == 0:
        return None
    return {1: _truth(result[2]), 2: _ERRORS.get(result[2], "#N/A")}.get(result[0], "")
