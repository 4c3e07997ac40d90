"""Web tables: the tables of a web page, as systems and WPS save them under the name of a workbook.

The page is read in one pass over its tags, in time and memory linear in its length, by the rules that browsers follow for
tables: a missing end tag is supplied, a table inside a cell is a table of its own. An HTML tree of the same page takes thirty
times as long, and some parsers lose rows in silence.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from originmap.formats import Limits, UnreadableFileError, too_large
from originmap.grids import MAX_COLUMNS, MAX_ROWS, Budget, Grid, Merge, Reading, assemble, decoded

_NAME: Final = re.compile(r"[a-zA-Z][^\s/>\x00]*")
_ATTRIBUTE: Final = re.compile(
    r"(?<![\w-])(rowspan|colspan|style)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']+))", re.IGNORECASE
)
# A quote opens a value behind an equals sign only.
_OPENING: Final = re.compile(r"=\s*([\"'])")
_SPACE: Final = re.compile(r"[ \t\n\r\f]+")
_SHEET_NAME: Final = re.compile(r"<x:Name>([^<]{1,40})</x:Name>")
# What stands inside is no text of the page.
_RAW: Final = frozenset({"script", "style", "title", "textarea", "noframes", "xmp", "iframe"})
_BREAKS: Final = frozenset({"br", "p", "div", "li", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "caption", "center"})
_HIDDEN: Final = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_MAX_DEPTH: Final = 100


@dataclass
class _Table:
    """A table while it is read.

    `open_until` is, per column, the last row that a cell above reaches into; `beside` is text that stands in no cell.
    """

    rows: list[list[str]] = field(default_factory=list)
    spans: list[Merge] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    open_until: dict[int, int] = field(default_factory=dict)
    beside: list[str] = field(default_factory=list)
    column: int = 0
    in_row: bool = False
    cell: list[str] | None = None
    tag: str = ""
    place: tuple[int, int] = (0, 0)


class _Page:
    """The tables of a page in the order in which they begin, with the lines of text between them."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.stack: list[_Table] = []
        self.blocks: list[str | _Table] = []
        self.line: list[str] = []
        self.seen: dict[str, str] = {}

    def text(self, text: str) -> None:
        if not self.stack:
            self.line.append(text)
        elif self.stack[-1].cell is not None:
            self.stack[-1].cell.append(text)
        elif not text.isspace():
            self.stack[-1].beside.append(text)

    def end_line(self) -> None:
        if self.stack:
            self.text("\n")
            return
        if line := _clean(self.line):
            self.budget.text(len(line))
            self.blocks.append(line)
        self.line = []

    def start_table(self) -> None:
        self.end_line()
        if self.stack and self.stack[-1].cell is None:
            self.end_table()
        if len(self.stack) >= _MAX_DEPTH:
            raise too_large(f"表格套了 {_MAX_DEPTH} 层")
        self.budget.sheet()
        table = _Table()
        self.stack.append(table)
        self.blocks.append(table)

    def end_table(self) -> None:
        if self.stack:
            self.end_row()
            self.stack.pop()

    def start_row(self, attributes: str) -> None:
        if not self.stack:
            return
        self.end_row()
        table = self.stack[-1]
        table.rows.append([])
        table.column, table.in_row = 0, True
        if len(table.rows) > MAX_ROWS:
            raise too_large(f"超过 {MAX_ROWS:,} 行")
        self.budget.cells(1)
        if "none" in attributes and _HIDDEN.search(_attributes(attributes).get("style", "")):
            table.hidden_rows.append(len(table.rows) - 1)

    def end_row(self) -> None:
        self.end_cell()
        if self.stack:
            self.stack[-1].in_row = False

    def close_cell(self, name: str, _: str) -> None:
        """End a cell by its own end tag: a </td> ends no <th>."""
        if self.stack and self.stack[-1].tag == name:
            self.end_cell()

    def start_cell(self, name: str, attributes: str) -> None:
        if not self.stack:
            return
        self.end_cell()
        table = self.stack[-1]
        if not table.in_row:
            self.start_row("")
        row, start = len(table.rows) - 1, table.column
        while table.open_until.get(table.column, -1) >= row:
            table.column += 1
        across, down = _spans(attributes)
        table.place, table.cell, table.tag = (row, table.column), [], name
        if across > 1 or down > 1:
            table.spans.append((row, table.column, row + down - 1, table.column + across - 1))
            self.budget.merges(1)
        table.column += across
        if table.column > MAX_COLUMNS:
            raise too_large(f"超过 {MAX_COLUMNS:,} 列")
        self.budget.cells(table.column - start)
        if down > 1:
            table.open_until.update(dict.fromkeys(range(table.column - across, table.column), row + down - 1))

    def end_cell(self) -> None:
        if not self.stack or self.stack[-1].cell is None:
            return
        table = self.stack[-1]
        text = _clean(table.cell or [])
        table.cell = None
        if text:
            self.budget.cell(0, len(text))
            row, column = table.place
            own = table.rows[row]
            own.extend([""] * (column - len(own)))
            own.append(self.seen.setdefault(text, text))


def web_grids(data: bytes, limits: Limits) -> Reading:
    """Read every table of a web page.

    Raises
    ------
    UnreadableFileError
        The page is over the limits or has no table.
    """
    text, notes = decoded(data, limits)
    if text.count("<") > limits.tags:
        raise too_large(f"超过 {limits.tags:,} 个标记")
    page = _Page(Budget(limits))
    for name, closing, rest in _tags(text):
        _step(page, name, rest, closing=closing)
    while page.stack:
        page.end_table()
    named = _SHEET_NAME.search(text[: 1 << 16])
    grids = assemble([piece for block in page.blocks for piece in _pieces(block)])
    if not grids:
        raise UnreadableFileError("file_wrong_type", "是没有表格的网页")
    if len(grids) == 1 and named:
        grids = (replace(grids[0], name=html.unescape(named[1])),)
    return Reading(grids, notes)


def _step(page: _Page, name: str, rest: str, *, closing: bool) -> None:
    """Take one tag, or a piece of text (`name` empty)."""
    if not name:
        page.text(html.unescape(rest) if "&" in rest else rest)
    elif name == "table":
        (page.end_table if closing else page.start_table)()
    elif name == "tr":
        (page.end_row if closing else lambda: page.start_row(rest))()
    elif name in ("td", "th"):
        (page.close_cell if closing else page.start_cell)(name, rest)
    elif name in ("thead", "tbody", "tfoot"):
        page.end_row()
    elif name in _BREAKS:
        page.end_line()


def _clean(pieces: list[str]) -> str:
    """Fold white space as a page shows it; line breaks were put in as pieces of their own."""
    lines = "".join("\0" if piece == "\n" else piece for piece in pieces).split("\0")
    folded = (_SPACE.sub(" ", line).strip(" ") for line in lines)
    return "\n".join(line for line in folded if line)


def _pieces(block: str | _Table) -> list[str | Grid]:
    """Return a line as it is, a table with the lines that browsers show above it; what is blank gives nothing."""
    if isinstance(block, str):
        return [block]
    beside = [line for line in _clean(block.beside).split("\n") if line]
    return [*beside, *([_grid(block)] if any(map(any, block.rows)) else [])]


def _grid(table: _Table) -> Grid:
    """Cut what reaches beyond the last row, as browsers do."""
    bottom = len(table.rows) - 1
    merges = (
        (top, left, min(low, bottom), right)
        for top, left, low, right in table.spans
        if right > left or min(low, bottom) > top
    )
    return Grid("", table.rows, tuple(merges), hidden_rows=tuple(table.hidden_rows))


def _attributes(text: str) -> dict[str, str]:
    return {name.lower(): first or second or third for name, first, second, third in _ATTRIBUTE.findall(text[:4096])}


def _spans(text: str) -> tuple[int, int]:
    if "span" not in text and "SPAN" not in text.upper():
        return 1, 1
    given = _attributes(text)
    across, down = (
        int(number[0][:8]) if (number := re.match(r"\s*\d+", given.get(name, ""))) else 1
        for name in ("colspan", "rowspan")
    )
    # rowspan="0" reaches to the end of the table.
    return min(max(across, 1), 1000), min(down or MAX_ROWS, MAX_ROWS)


def _tags(text: str) -> Iterator[tuple[str, bool, str]]:
    """Yield (name, closing, attributes) for each tag and ("", False, text) for what stands between, in one pass."""
    at, end = 0, len(text)
    unclosed: set[str] = set()  # marks known not to come again
    while at < end:
        start = text.find("<", at)
        if start < 0:
            yield "", False, text[at:]
            return
        if start > at:
            yield "", False, text[at:start]
        follows = text[start + 1 : start + 2]
        closing = follows == "/"
        name = _NAME.match(text, start + 1 + closing)
        if name is None:
            if follows in ("!", "?") or closing:
                at = _after_comment(text, start, unclosed)
            else:
                yield "", False, "<"
                at = start + 1
            continue
        stop = _tag_end(text, name.end(), unclosed)
        if stop < 0:
            return
        word = name[0].lower()
        yield word, closing, text[name.end() : stop]
        at = stop + 1
        if word in _RAW and not closing and word not in unclosed:
            over = re.compile(f"</{word}", re.IGNORECASE).search(text, at)
            unclosed |= set() if over else {word}
            at = over.start() if over else at


def _after_comment(text: str, start: int, unclosed: set[str]) -> int:
    """Return where a comment or declaration is over; one that never ends is taken for text, nothing is swallowed."""
    mark = "-->" if text.startswith("<!--", start) else ">"
    over = -1 if mark in unclosed else text.find(mark, start + 2)
    if over < 0:
        unclosed.add(mark)
        return start + 1
    return over + len(mark)


def _tag_end(text: str, at: int, unclosed: set[str]) -> int:
    """Return where a tag's > stands; one inside a quoted value is none, unless the quote is never closed."""
    while True:
        close = text.find(">", at)
        if close < 0:
            return -1
        quote = _OPENING.search(text, at, close)
        if quote is None:
            return close
        second = -1 if quote[1] in unclosed else text.find(quote[1], quote.end())
        if second < 0:
            unclosed.add(quote[1])
            return close
        at = second + 1
