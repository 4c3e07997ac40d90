"""Word documents: their tables, with the lines just before each as its title. What was deleted or moved away is not read."""

from dataclasses import dataclass, field
from typing import Final

from originmap.formats import Limits, UnreadableFileError, check_package, chunks, opened, too_large
from originmap.grids import MAX_COLUMNS, MAX_ROWS, Reading, assemble
from originmap.officexml import Elements, Sheet, count_of

_SIGNS: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_ASIDE: Final = frozenset({"moveFrom", "Fallback", "del", "txbxContent"})


@dataclass
class _Cell:
    column: int
    across: int = 1
    down: str = ""  # restart, continue: merged with the cell above
    sideways: str = ""  # the same, with the cell before (old documents)
    lines: list[str] = field(default_factory=list)


@dataclass
class _Table:
    sheet: Sheet
    row: int = -1
    column: int = 0
    cells: list[_Cell] = field(default_factory=list)
    begun: dict[int, tuple[int, int]] = field(
        default_factory=dict
    )  # column to the first row and width of a merged cell


class _Document(Elements):
    """The tables of a document, nested ones by themselves, and the paragraphs between them."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.blocks: list[str | Sheet] = []
        self.stack: list[_Table] = []
        self.pieces: list[str] = []
        self.aside = 0
        self.in_text = False

    def start(self, name: str, given: dict[str, str]) -> None:
        if self.aside or name in _ASIDE:
            self.aside += 1
        elif name == "t":
            self.in_text = True
        elif name in _SIGNS and "r" in self.path:
            self.hold(self.pieces, _SIGNS[name])
        elif name == "p":
            self.pieces = []
            self.release()
        elif name == "tbl":
            self.budget.sheet()
            self.stack.append(_Table(Sheet("")))
            self.blocks.append(self.stack[-1].sheet)
        elif self.stack:
            self._in_table(self.stack[-1], name, given.get("w:val", ""))

    def _in_table(self, table: _Table, name: str, value: str) -> None:
        if name == "tr":
            table.row, table.column, table.cells = table.row + 1, 0, []
            self.budget.cells(1)
            if table.row >= MAX_ROWS:
                raise too_large(f"超过 {MAX_ROWS:,} 行")
        elif name == "gridBefore":
            table.column = min(count_of(value, 0), MAX_COLUMNS)
        elif name == "tc":
            table.cells.append(_Cell(table.column))
        elif table.cells and name == "gridSpan":
            table.cells[-1].across = max(count_of(value), 1)
        elif table.cells and name == "vMerge":
            table.cells[-1].down = value or "continue"
        elif table.cells and name == "hMerge":
            table.cells[-1].sideways = value or "continue"

    def text(self, text: str) -> None:
        if self.in_text and not self.aside:
            self.hold(self.pieces, text)

    def end(self, name: str) -> None:
        table = self.stack[-1] if self.stack else None
        if self.aside:
            self.aside -= 1
        elif name == "t":
            self.in_text = False
        elif name == "p":
            self._end_paragraph(table)
        elif table is None:
            return
        elif name == "tc" and table.cells:
            table.column += table.cells[-1].across
            if table.column > MAX_COLUMNS:
                raise too_large(f"超过 {MAX_COLUMNS:,} 列")
        elif name == "tr":
            self._end_row(table)
        elif name == "tbl":
            self._close(table, table.row + 1, keep=set())
            self.stack.pop()

    def _end_paragraph(self, table: _Table | None) -> None:
        line, self.pieces = "".join(self.pieces), []
        if table is not None:
            if table.cells and line.strip():
                table.cells[-1].lines.append(line)
        elif line.strip():
            self.budget.text(len(line))
            self.blocks.append(line)

    def _end_row(self, table: _Table) -> None:
        """Lay out a row; a cell merged with the one above or before leaves its text to that."""
        row = table.row
        cells: list[_Cell] = []
        for cell in table.cells:
            if cell.sideways == "continue" and cells:
                cells[-1].across += cell.across
            else:
                cells.append(cell)
        going_on = {cell.column for cell in cells if cell.down == "continue" and cell.column in table.begun}
        self._close(table, row, keep=going_on)
        for cell in cells:
            if cell.column in going_on:
                continue
            if text := "\n".join(cell.lines):
                table.sheet.put(row, cell.column, text, self.budget)
            if cell.down == "restart":
                table.begun[cell.column] = (row, cell.across)
            else:
                table.sheet.merge(row, cell.column, 1, cell.across, self.budget)

    def _close(self, table: _Table, row: int, *, keep: set[int]) -> None:
        for column in [column for column in table.begun if column not in keep]:
            top, across = table.begun.pop(column)
            table.sheet.merge(top, column, row - top, across, self.budget)


def docx_grids(data: bytes, limits: Limits) -> Reading:
    """Read the tables of a .docx.

    Raises
    ------
    UnreadableFileError
        ``file_to_convert`` when it has no table; over the limits, or damaged.
    """
    reader = _Document(limits)
    part = "word/document.xml"
    with opened(data) as archive:
        check_package(archive, limits, marks=2 * limits.tags)
        reader.read(chunks(archive, archive.getinfo(part), limits))
    blocks = [block if isinstance(block, str) else block.grid(limits) for block in reader.blocks]
    grids = assemble([block for block in blocks if isinstance(block, str) or any(map(any, block.rows))])
    if not grids:
        raise UnreadableFileError("file_to_convert")
    return Reading(grids)
