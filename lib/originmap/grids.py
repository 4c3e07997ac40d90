"""Grids: a table as rows of text with its merges, whatever format it came in, and delimited text read into one.

Text stays exactly as written. Every reader pays from a `Budget` before it lays anything out.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Final

from originmap.formats import Limits, UnreadableFileError, is_wide, too_large

MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
# So many lines of text before a table are taken for its title.
MAX_TITLES: Final = 8

Merge = tuple[int, int, int, int]


@dataclass(frozen=True)
class Grid:
    """One table: `rows` from A1 on, "" where blank, a row may be shorter than the widest.

    `merges` are 0-based (top, left, bottom, right), inclusive; `hidden_rows` 0-based.
    """

    name: str
    rows: list[list[str]]
    merges: tuple[Merge, ...] = ()
    hidden: bool = False
    hidden_rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reading:
    """The tables of one file and what is to be said of it: `notes` are (rule, detail)."""

    grids: tuple[Grid, ...]
    notes: tuple[tuple[str, str], ...] = ()


class Budget:
    """What the tables of one file may still take; over it the file is refused."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._cells, self._merges, self._sheets = limits.grid_cells, limits.merges, limits.sheets
        self._characters = int(limits.text_mb * 2**20)

    def cell(self, laid_out: int, length: int) -> None:
        """Pay for one cell's text of `length` signs, and for the cells laid out with it (`cells` and `text` in one)."""
        self._cells -= laid_out
        self._characters -= length
        if self._cells < 0 or self._characters < 0 or length > self.limits.text_chars:
            self.cells(0)
            self.text(length)

    def cells(self, count: int) -> None:
        """Pay for cells, blank ones between filled ones included."""
        self._cells -= count
        if self._cells < 0:
            raise too_large(f"超过 {self.limits.grid_cells:,} 个单元格")

    def text(self, *lengths: int) -> None:
        """Pay for the texts of cells; one that is laid out twice is paid twice."""
        longest = max(lengths, default=0)
        self._characters -= sum(lengths)
        if longest > self.limits.text_chars:
            raise too_large(f"一个单元格有 {longest:,} 个字，限 {self.limits.text_chars:,}")
        if self._characters < 0:
            raise too_large(f"文字超过 {self.limits.text_mb:g} 百万字")

    def merges(self, count: int) -> None:
        """Pay for merged ranges."""
        self._merges -= count
        if self._merges < 0:
            raise too_large(f"合并单元格超过 {self.limits.merges:,} 处")

    def sheet(self) -> None:
        """Pay for one table."""
        self._sheets -= 1
        if self._sheets < 0:
            raise too_large(f"超过 {self.limits.sheets:,} 张表")


def check_reach(rows: int, columns: int, filled: int, limits: Limits) -> None:
    """Refuse a sheet whose cells lie so far apart that a dense table of it would be nearly all blank."""
    reach = rows * columns
    sparse = reach > limits.sparse_cells and filled * 10 < reach
    if rows > MAX_ROWS or columns > MAX_COLUMNS or reach > limits.cells or sparse:
        raise too_large(f"单元格散布到第 {rows} 行、第 {columns} 列")


def value_text(value: object) -> str:
    """Return a typed cell as the text a person would read: no .0, dates as ISO.

    >>> value_text(3.0), value_text(0.1), value_text(datetime(2023, 5, 1)), value_text(True)
    ('3', '0.1', '2023-05-01', 'TRUE')
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def assemble(blocks: Sequence[str | Grid]) -> tuple[Grid, ...]:
    """Return the tables of a document; lines of text, and tables that are but lines, stand above the next as its title.

    A 填报单位 line stands there and gives the township. Lines below the last table that are tables themselves stay with it as
    its last rows.
    """
    grids: list[Grid] = []
    above: list[list[str]] = []
    kept = 0
    for block in blocks:
        if isinstance(block, str):
            above.append([block])
        elif len(block.rows) == 1 or all(sum(map(bool, row)) <= 1 for row in block.rows):
            above.extend(block.rows)
            kept = len(above)
        else:
            titles = above[-MAX_TITLES:]
            shift = len(titles)
            merges = tuple((top + shift, left, bottom + shift, right) for top, left, bottom, right in block.merges)
            hidden = tuple(row + shift for row in block.hidden_rows)
            name = block.name or f"表{len(grids) + 1}"
            grids.append(replace(block, name=name, rows=[*titles, *block.rows], merges=merges, hidden_rows=hidden))
            above, kept = [], 0
    if kept and grids:
        grids[-1] = replace(grids[-1], rows=[*grids[-1].rows, *above[:kept]])
    elif kept:
        grids.append(Grid("表1", above[:kept]))
    return tuple(grids)


def encoding_of(data: bytes) -> tuple[str, bool]:
    """Return a text's encoding and whether every byte fits it; what a page declares of itself is often wrong.

    >>> encoding_of("湖头镇".encode("gb18030")), encoding_of("湖头镇".encode())
    (('gb18030', True), ('utf-8-sig', True))
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", _fits(data, "utf-16")
    if is_wide(data[:4096]):
        return "utf-16-le", _fits(data, "utf-16-le")
    start = data[: 1 << 20].decode("utf-8", "replace")
    lost, chinese = start.count("\ufffd"), sum("\u2e80" <= sign < "\ufffd" for sign in start)
    if _fits(data, "utf-8-sig"):
        # Some words of GBK are by chance words of UTF-8 too, in Hebrew or Arabic.
        strange = not chinese and not start.isascii() and _fits(data, "gb18030")
        return ("gb18030" if strange else "utf-8-sig"), True
    # GB18030 takes almost any bytes for Chinese, so UTF-8 that was cut or damaged somewhere is asked for first.
    if lost * 4 < chinese:
        return "utf-8-sig", False
    return "gb18030", _fits(data, "gb18030")


def _fits(data: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for at in range(0, len(data), 1 << 20):
            decoder.decode(data[at : at + (1 << 20)])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def decoded(data: bytes, limits: Limits) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return a whole text and the note on its encoding, if it is doubtful."""
    if len(data) > limits.text_mb * 2**20:
        raise too_large(f"文本 {len(data) / 2**20:.0f} MB，限 {limits.text_mb:g} MB")
    encoding, fits = encoding_of(data)
    return data.decode(encoding, "replace"), () if fits else (("text_doubtful", "有的字无法还原"),)


DELIMITERS: Final = (",", "\t", ";", "|", "，")
_FORMULA_TEXT: Final = re.compile(r'="([^"]*)"')
_LONGEST_LINE: Final = 1 << 22
# A quoted cell of more lines than this is a quote that was never closed.
_MOST_LINES: Final = 50


def text_grid(data: bytes, limits: Limits, *, strict: bool = False) -> Reading:
    """Read delimited text (.csv, .tsv, or such text in an .xls coat) as one table.

    Parameters
    ----------
    data
        The file; UTF-8, UTF-16 or GB18030, comma, tab, semicolon or stroke between cells.
    strict
        Whether text without at least three columns is refused: a note in a .txt is no table.

    Raises
    ------
    UnreadableFileError
        Over the limits, or no table.
    """
    _check_lines(data)
    encoding, fits = encoding_of(data)
    notes = () if fits else (("text_doubtful", "有的字无法还原"),)
    delimiter, width = _delimiter(data, encoding)
    if strict and width < 3:
        raise UnreadableFileError("file_to_convert")
    rows, broken = _rows(data, encoding, delimiter, Budget(limits), quoted=True)
    if broken:
        rows, _ = _rows(data, encoding, delimiter, Budget(limits), quoted=False)
        notes = (*notes, ("text_doubtful", "引号不成对，按普通字符读"))
    columns = max(map(len, rows), default=0)
    check_reach(len(rows), columns, sum(sum(map(bool, row)) for row in rows), limits)
    return Reading((Grid("表1", rows),) if columns else (), notes)


def _check_lines(data: bytes) -> None:
    """Refuse a text with a line of many megabytes before anything is split."""
    end = b"\n" if b"\n" in data else b"\r"
    at = 0
    while len(data) - at > _LONGEST_LINE:
        last = data.rfind(end, at, at + _LONGEST_LINE)
        if last < 0:
            raise too_large(f"一行超过 {_LONGEST_LINE // 2**20} MB")
        at = last + 1


def _lines(data: bytes, encoding: str) -> Iterator[str]:
    with io.TextIOWrapper(io.BytesIO(data), encoding=encoding, errors="replace", newline="") as stream:
        yield from stream


def _delimiter(data: bytes, encoding: str) -> tuple[str, int]:
    """Return the sign that splits most lines into the same number of cells, and that number.

    A line ``sep=;`` in front says so itself. Commas inside cells split lines too, but into fewer or uneven parts.
    """
    start = data[: 1 << 18]
    lines = [line.replace("\0", "") for line, _ in zip(_lines(start, encoding), range(200), strict=False)]
    lines = lines[:-1] if len(data) > len(start) and len(lines) > 1 else lines
    if lines and (said := re.fullmatch(r"sep=(.)", lines[0].strip())):
        return said[1], MAX_COLUMNS
    best, top, width = ",", 0, 1
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if len(row) > 1)
        except csv.Error:
            widths = Counter(len(line.split(delimiter)) for line in lines)
        for columns, count in widths.items():
            if (columns - 1) * count > top:
                best, top, width = delimiter, (columns - 1) * count, columns
    return best, width


def _rows(data: bytes, encoding: str, delimiter: str, budget: Budget, *, quoted: bool) -> tuple[list[list[str]], bool]:
    """Return the rows, and whether a quote seems never to have been closed."""
    seen: dict[str, str] = {}
    rows: list[list[str]] = []
    lines = (line.replace("\0", "") for line in _lines(data, encoding))
    try:
        for raw in csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE):
            row = raw
            while row and not row[-1]:
                row.pop()
            budget.cells(len(row) + 1)
            budget.text(*map(len, row))
            if quoted and any(cell.count("\n") > _MOST_LINES for cell in row if len(cell) > _MOST_LINES):
                return [], True
            rows.append([seen.setdefault(cell, cell) if len(cell) < 32 else cell for cell in row])
            if len(rows) > MAX_ROWS:
                raise too_large(f"超过 {MAX_ROWS:,} 行")
    except csv.Error as error:
        if quoted:
            return [], True
        raise too_large("一个单元格的文字过长") from error
    if rows and re.fullmatch(r"sep=.?", "".join(rows[0])):
        del rows[0]
    return [[_FORMULA_TEXT.sub(r"\1", cell) if cell[:1] == "=" else cell for cell in row] for row in rows], False
