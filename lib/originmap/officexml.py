"""Office XML: the tables of .ods and of Excel's XML of 2003, each read in one pass over its elements.

A part is unpacked piece by piece through `formats.chunks`, and what is repeated is counted before it is laid out. Document
types and entities are refused by the parser as well, whatever encoding they come in.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from originmap.formats import Limits, UnreadableFileError, check_package, chunks, opened, too_large
from originmap.grids import MAX_COLUMNS, MAX_ROWS, Budget, Grid, Merge, Reading, check_reach, decoded, value_text

_MAX_DEPTH: Final = 256
_LONGEST: Final = 4 << 20
# Drawn things and comments: their text is not the cell's.
_ASIDE: Final = frozenset(
    "annotation frame custom-shape shapes tracked-changes rect line g control connector caption ellipse polyline polygon".split()
)


@dataclass
class Sheet:
    """A table while it is read; blank rows and cells are laid out when something follows them."""

    name: str
    hidden: bool = False
    rows: list[list[str]] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    filled: int = 0

    def put(self, row: int, column: int, text: str, budget: Budget, *, times: int = 1) -> None:
        """Write a text into `times` cells of a row."""
        if row >= MAX_ROWS or column + times > MAX_COLUMNS:
            raise too_large(f"单元格散布到第 {row + 1} 行、第 {column + times} 列")
        if (below := row - len(self.rows) + 1) > 0:
            budget.cells(below)
            self.rows.extend([] for _ in range(below))
        own = self.rows[row]
        budget.cell(column - len(own) + times, len(text))
        budget.text(*[len(text)] * (times - 1))
        own += [""] * (column - len(own)) + [text] * times
        self.filled += times

    def merge(self, row: int, column: int, down: int, across: int, budget: Budget) -> None:
        """Note a merged range of `down` rows and `across` columns."""
        if down > 1 or across > 1:
            budget.merges(1)
            self.merges.append((row, column, min(row + down, MAX_ROWS) - 1, min(column + across, MAX_COLUMNS) - 1))

    def grid(self, limits: Limits) -> Grid:
        """Return the table as it stands."""
        width = max(map(len, self.rows), default=0)
        check_reach(len(self.rows), width, self.filled, limits)
        shown = tuple(row for row in self.hidden_rows if row < len(self.rows))
        return Grid(self.name, self.rows, tuple(self.merges), self.hidden, shown)


class Elements:
    """The walk over a document's elements; a subclass says what each is. Namespaces are dropped from names."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.budget = limits, Budget(limits)
        self.path: list[str] = []
        self._tags, self._held = limits.tags, 0

    def start(self, name: str, given: dict[str, str]) -> None:
        """Take a start tag."""

    def end(self, name: str) -> None:
        """Take an end tag."""

    def text(self, text: str) -> None:
        """Take a piece of text."""

    def hold(self, pieces: list[str], text: str) -> None:
        """Keep a piece of a text that is still being read; `release` when it is whole."""
        self._held += len(text)
        if self._held > self.limits.text_chars:
            raise too_large(f"一个单元格超过 {self.limits.text_chars:,} 个字")
        pieces.append(text)

    def release(self) -> None:
        """Begin another text."""
        self._held = 0

    def read(self, pieces: Iterable[bytes], encoding: str | None = None) -> None:
        """Walk over a part.

        Raises
        ------
        UnreadableFileError
            It is no well-formed XML, declares entities, or is over the limits.
        """
        parser = expat.ParserCreate(encoding)
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self.text
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
        try:
            fed = 0
            for piece in pieces:
                parser.Parse(piece, False)
                fed += len(piece)
                # A tag or comment that does not end is read anew with every piece.
                if fed - parser.CurrentByteIndex > _LONGEST:
                    raise too_large("一个标记过长")
            parser.Parse(b"", True)
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise UnreadableFileError("file_unreadable") from error

    def _start(self, name: str, given: dict[str, str]) -> None:
        self._tags -= 1
        if self._tags < 0:
            raise too_large(f"超过 {self.limits.tags:,} 个标记")
        name = name[name.find(":") + 1 :]
        self.path.append(name)
        if len(self.path) > _MAX_DEPTH:
            raise too_large(f"标记套了 {_MAX_DEPTH} 层")
        self.start(name, given)

    def _end(self, _: str) -> None:
        self.end(self.path.pop())


def _refuse(*_: object) -> None:
    raise UnreadableFileError("file_wrong_type", "内含实体声明（DOCTYPE）")


def count_of(text: str | None, default: int = 1) -> int:
    """Return a count that a file gives, bounded below by 0; more than any sheet has is kept as too many."""
    return int(text[:9]) if text and text.isascii() and text[:9].isdigit() else default


def _float_text(text: str) -> str:
    try:
        return value_text(float(text))
    except ValueError:
        return text


class _OpenDocument(Elements):
    """The sheets of an OpenDocument spreadsheet."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.sheets: list[Sheet] = []
        self.hidden_styles: set[str] = set()
        self.style = ""
        self.sheet: Sheet | None = None
        self.row = self.column = self.rows = self.columns = 0
        self.cells: list[tuple[int, int, str]] = []
        self.cell: dict[str, str] | None = None
        self.lines: list[list[str]] = []
        self.aside = 0  # depth inside a comment or drawing

    def start(self, name: str, given: dict[str, str]) -> None:
        if self.aside or name in _ASIDE:
            self.aside += 1
        elif self.cell is not None:
            self._inside(name, given)
        elif name == "style":
            self.style = given.get("style:name", "")
        elif name == "table-properties" and given.get("table:display") == "false":
            self.hidden_styles.add(self.style)
        elif name == "table":
            self.budget.sheet()
            hidden = given.get("table:style-name") in self.hidden_styles or given.get("table:display") == "false"
            self.sheet = Sheet(given.get("table:name", ""), hidden=hidden)
            self.sheets.append(self.sheet)
            self.row = 0
        elif self.sheet is not None and name == "table-row":
            self.rows, self.column, self.cells = count_of(given.get("table:number-rows-repeated")), 0, []
            if given.get("table:visibility") in ("collapse", "filter"):
                self.sheet.hidden_rows.extend(range(self.row, min(self.row + self.rows, MAX_ROWS)))
        elif self.sheet is not None and name in ("table-cell", "covered-table-cell"):
            self.columns = count_of(given.get("table:number-columns-repeated"))
            if "table:number-columns-spanned" in given or "table:number-rows-spanned" in given:
                down, across = (count_of(given.get(f"table:number-{way}-spanned")) for way in ("rows", "columns"))
                self.sheet.merge(self.row, self.column, down, across, self.budget)
            self.cell, self.lines = given, []
            self.release()

    def _inside(self, name: str, given: dict[str, str]) -> None:
        if name in ("p", "h"):
            self.lines.append([])
        elif self.lines and name == "s":
            self.hold(self.lines[-1], " " * min(count_of(given.get("text:c")), self.limits.text_chars + 1))
        elif self.lines and name in ("tab", "line-break"):
            self.lines[-1].append("\t" if name == "tab" else "\n")

    def text(self, text: str) -> None:
        if self.cell is not None and self.lines and not self.aside:
            self.hold(self.lines[-1], text)

    def end(self, name: str) -> None:
        if self.aside:
            self.aside -= 1
        elif name in ("table-cell", "covered-table-cell") and self.cell is not None:
            if text := self._value(self.cell):
                self.cells.append((self.column, self.columns, text))
            self.column += self.columns
            self.cell = None
        elif name == "table-row" and self.sheet is not None:
            if self.cells:
                for row in range(self.row, self.row + self.rows):
                    for column, columns, text in self.cells:
                        self.sheet.put(row, column, text, self.budget, times=columns)
            self.row += self.rows
        elif name == "table":
            self.sheet = None

    def _value(self, cell: dict[str, str]) -> str:
        """Return a cell's text; a number's own digits, not those that its format shows."""
        kind = cell.get("office:value-type", "")
        shown = "\n".join("".join(line) for line in self.lines)
        if kind in ("float", "currency", "percentage") and cell.get("calcext:value-type") != "error":
            return _float_text(cell.get("office:value", shown))
        if kind == "date":
            return cell.get("office:date-value", shown).replace("T00:00:00", "").replace("T", " ")
        return shown or cell.get("office:string-value", "")


def ods_grids(data: bytes, limits: Limits) -> Reading:
    """Read the sheets of an .ods, hidden ones and hidden rows marked, merges kept."""
    reader = _OpenDocument(limits)
    with opened(data) as archive:
        check_package(archive, limits, marks=2 * limits.tags)
        reader.read(chunks(archive, archive.getinfo("content.xml"), limits))
    return Reading(tuple(sheet.grid(limits) for sheet in reader.sheets))


def fods_grids(data: bytes, limits: Limits) -> Reading:
    """Read the sheets of an OpenDocument spreadsheet that is one plain XML file."""
    reader = _OpenDocument(limits)
    reader.read([data])
    return Reading(tuple(sheet.grid(limits) for sheet in reader.sheets))


class _Excel2003(Elements):
    """The worksheets of Excel's XML of 2003, which many reporting systems still write as .xls."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.sheets: list[Sheet] = []
        self.row = self.column = -1
        self.place = (0, 0)
        self.kind = ""
        self.pieces: list[str] | None = None
        self.aside = 0

    def start(self, name: str, given: dict[str, str]) -> None:
        given = {key.rpartition(":")[2]: value for key, value in given.items()}
        if self.aside or name == "Comment":
            self.aside += 1
        elif name == "Worksheet":
            self.budget.sheet()
            self.sheets.append(Sheet(given.get("Name", "")))
            self.row = -1
        elif not self.sheets:
            return
        elif name == "Visible":
            self.pieces = []
            self.release()
        elif name == "Row":
            self.row = count_of(given.get("Index"), self.row + 2) - 1
            self.column = -1
            if given.get("Hidden") == "1":
                self.sheets[-1].hidden_rows.append(self.row)
        elif name == "Cell":
            self.column = count_of(given.get("Index"), self.column + 2) - 1
            across, down = (count_of(given.get(key), 0) for key in ("MergeAcross", "MergeDown"))
            self.sheets[-1].merge(self.row, self.column, down + 1, across + 1, self.budget)
            self.place = (self.row, self.column)
            self.column += across
        elif name == "Data":
            self.kind, self.pieces = given.get("Type", ""), []
            self.release()

    def text(self, text: str) -> None:
        if self.pieces is not None and not self.aside:
            self.hold(self.pieces, text)

    def end(self, name: str) -> None:
        if self.aside:
            self.aside -= 1
            return
        if name == "Visible" and self.pieces is not None:
            self.sheets[-1].hidden = "".join(self.pieces).strip() in ("SheetHidden", "SheetVeryHidden")
            self.pieces = None
        elif name == "Data" and self.pieces is not None and self.row >= 0:
            text = "".join(self.pieces)
            self.pieces = None
            if self.kind == "Number":
                text = _float_text(text)
            elif self.kind == "DateTime":
                text = text.partition(".")[0].replace("T00:00:00", "").replace("T", " ")
            elif self.kind == "Boolean":
                text = "TRUE" if text == "1" else "FALSE"
            if text:
                self.sheets[-1].put(*self.place, text, self.budget)


def xml2003_grids(data: bytes, limits: Limits) -> Reading:
    """Read the worksheets of Excel's XML of 2003; what encoding it declares is not believed."""
    text, notes = decoded(data, limits)
    reader = _Excel2003(limits)
    reader.read([text.encode("utf-8", "replace")], "utf-8")
    return Reading(tuple(sheet.grid(limits) for sheet in reader.sheets), notes)
