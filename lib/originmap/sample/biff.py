"""Old .xls workbooks (BIFF8 in an OLE2 container), as small as Excel 97 could write them: texts, numbers, dates, merges.

After [MS-XLS] and [MS-CFB], Microsoft's open specifications.
"""

import struct
from collections.abc import Sequence
from datetime import date
from typing import Final

from originmap.sample.notations import Cell
from originmap.sample.sheets import Grid

_SECTOR: Final = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_MAX_RECORD: Final = 8224
_EPOCH: Final = date(1899, 12, 30)
_MAX_MERGES: Final = 1000
_GENERAL, _DAY = 15, 16  # cell formats: the sixteenth is the plain one, one more shows days


def biff_workbook(grids: Sequence[Grid]) -> bytes:
    """Return grids as an .xls file."""
    return _container(_stream(grids))


def _record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _string(text: str) -> bytes:
    """Return a text with its length in two bytes, in UTF-16."""
    return struct.pack("<HB", len(text), 1) + text.encode("utf-16-le")


def _stream(grids: Sequence[Grid]) -> bytes:
    texts: dict[str, int] = {}
    sheets = [_sheet(grid, texts) for grid in grids]
    font = struct.pack("<HHHHHBBBBBB", 220, 0, 0x7FFF, 400, 0, 0, 0, 0, 0, 2, 1) + "宋体".encode("utf-16-le")
    start = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 6)) + _record(0x0042, b"\xb0\x04")
    start += _record(0x003D, struct.pack("<9H", 0, 0, 0x4000, 0x2000, 0x38, 0, 0, 1, 600)) + _record(0x0022, b"\0\0")
    start += _record(0x0031, font) * 4
    for style in range(17):
        # Fifteen styles, the plain cell, and one in the built-in form 14, a day.
        form = 14 if style == _DAY else 0
        start += _record(
            0x00E0, struct.pack("<HHHBBBBIIH", 0, form, 0xFFF5 if style < _GENERAL else 1, 0x20, 0, 0, 0, 0, 0, 0x20C0)
        )
    start += _record(0x0293, b"\x00\x80\x00\xff")
    names = [grid.name.encode("utf-16-le") for grid in grids]
    end = _shared(list(texts)) + _record(0x000A)
    place = len(start) + sum(12 + len(name) for name in names) + len(end)
    bound = b""
    for grid, name, sheet in zip(grids, names, sheets, strict=True):
        bound += _record(0x0085, struct.pack("<IBBBB", place, 1 if grid.hidden else 0, 0, len(grid.name), 1) + name)
        place += len(sheet)
    return start + bound + end + b"".join(sheets)


def _shared(texts: Sequence[str]) -> bytes:
    """Return the table of all texts, cut into records at the ends of texts."""
    parts, part = [], struct.pack("<II", len(texts), len(texts))
    for text in texts:
        piece = _string(text)
        if len(part) + len(piece) > _MAX_RECORD:
            parts.append(part)
            part = b""
        part += piece
    return b"".join(_record(0x003C if number else 0x00FC, body) for number, body in enumerate([*parts, part]))


def _sheet(grid: Grid, texts: dict[str, int]) -> bytes:
    rows = list(grid.rows)
    width = max((len(row) for row in rows), default=0)
    records = [_record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0x0DBB, 0x07CC, 0, 6))]
    records.append(_record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0)))
    for number, row in enumerate(rows):
        hidden = 0x20 if number in grid.hidden_rows else 0
        records.append(
            _record(0x0208, struct.pack("<HHHHHHHH", number, 0, len(row), 0xFF, 0, 0, 0x0100 | hidden, _GENERAL))
        )
        records += [_cell(number, at, cell, texts) for at, cell in enumerate(row) if cell is not None]
    for first in range(0, len(grid.merges), _MAX_MERGES):
        some = grid.merges[first : first + _MAX_MERGES]
        spans = b"".join(struct.pack("<HHHH", top, bottom, left, right) for top, left, bottom, right in some)
        records.append(_record(0x00E5, struct.pack("<H", len(some)) + spans))
    window = struct.pack("<HHHIHHI", 0x06B6, 0, 0, 0x40, 0, 0, 0)
    return b"".join([*records, _record(0x023E, window), _record(0x000A)])


def _cell(row: int, column: int, cell: Cell, texts: dict[str, int]) -> bytes:
    if isinstance(cell, str):
        return _record(0x00FD, struct.pack("<HHHI", row, column, _GENERAL, texts.setdefault(cell, len(texts))))
    if isinstance(cell, date):
        return _record(0x0203, struct.pack("<HHHd", row, column, _DAY, (cell - _EPOCH).days))
    return _record(0x0203, struct.pack("<HHHd", row, column, _GENERAL, float(cell or 0)))


def _container(stream: bytes) -> bytes:
    """Return a compound file with one stream named Workbook."""
    stream = stream.ljust(max(4096, -(-len(stream) // _SECTOR) * _SECTOR), b"\0")
    data = len(stream) // _SECTOR
    tables = 1
    while tables * (_SECTOR // 4) < data + 1 + tables:
        tables += 1
    if tables > 109:
        msg = "an .xls of the sample is at most 7 MB"
        raise ValueError(msg)
    # Sectors: the stream, the directory, the allocation table.
    chain = [*range(1, data), _END, _END, *([_FAT] * tables)]
    chain += [_FREE] * (tables * (_SECTOR // 4) - len(chain))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    header += struct.pack("<IIIIIIIII", tables, data, 0, 4096, _END, 0, _END, 0, data + 1)
    header += b"".join(struct.pack("<I", data + 1 + number if number < tables else _FREE) for number in range(1, 109))
    directory = _entry("Root Entry", 5, 1, _END, 0) + _entry("Workbook", 2, _FREE, 0, len(stream))
    directory += _entry("", 0, _FREE, 0, 0) * 2
    return header + stream + directory + struct.pack(f"<{len(chain)}I", *chain)


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le")
    length = len(text) + 2 if name else 0
    return (
        text.ljust(64, b"\0")
        + struct.pack("<HBBIII", length, kind, 1, _FREE, _FREE, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )
