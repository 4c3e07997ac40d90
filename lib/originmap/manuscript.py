"""Manuscript: what a document says before anybody sets it: sections of paragraphs, tables and pictures, and the figures printed in them.

Pure data, the same for the .docx and the .pdf. Every number that is printed is a `Figure`; its id leads to records and cells.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Final

UNKNOWN: Final = "—"
_NUMERALS: Final = "一二三四五六七八九十"
_HOLE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Figure:
    """One number that is printed.

    Attributes
    ----------
    id
        Stable from month to month: what it is of, whose, and which: ``A-350524105-cowpea-collected``.
    name, unit
        In Chinese, as people call it.
    value
        None where nobody knows it: that shows as —, never as 0.
    note
        How it comes about; of an unknown one why it is unknown.
    sign
        What is printed where there is no value: — for unknown, another sign for what may not be told.
    """

    id: str
    name: str
    value: float | None
    unit: str = ""
    note: str = ""
    sign: str = UNKNOWN

    @property
    def text(self) -> str:
        """The number as it is printed, without its unit.

        >>> [Figure("", "", value).text for value in (1234.5, 3.0, None, -0.25)]
        ['1,234.5', '3', '—', '−0.25']
        """
        if self.value is None:
            return self.sign
        text = f"{abs(self.value):,.2f}".rstrip("0").rstrip(".")
        return f"−{text}" if self.value < 0 and text != "0" else text


Span = str | Figure
Cell = tuple[Span, ...]


def spans(text: str, **parts: object) -> Cell:
    """Return a text whose {holes} are filled by figures, or by other texts, which nothing in them changes.

    >>> spans("共{n}个{what}", n=Figure("x", "", 3), what="{n}")
    ('共', Figure(id='x', name='', value=3, unit='', note='', sign='—'), '个{n}')
    """
    made: list[Span] = []
    at = 0
    for hole in _HOLE.finditer(text):
        part = parts[hole[1]]
        for span in (text[at : hole.start()], *(part if isinstance(part, tuple) else (part,))):
            own = span if isinstance(span, Figure) else str(span)
            if isinstance(own, str) and made and isinstance(made[-1], str):
                made[-1] += own
            elif own != "":
                made.append(own)
        at = hole.end()
    rest = text[at:]
    if rest and made and isinstance(made[-1], str):
        made[-1] += rest
    elif rest:
        made.append(rest)
    return tuple(made)


def plain(cell: Cell) -> str:
    """Return a text as it is printed."""
    return "".join(span if isinstance(span, str) else span.text for span in cell)


@dataclass(frozen=True)
class Paragraph:
    """One paragraph; `style` is body, note (small, under a table) or lead (a subheading that opens it)."""

    text: Cell
    style: str = "body"


@dataclass(frozen=True)
class Table:
    """One table with its caption.

    Attributes
    ----------
    head
        The columns' names; ``group›name`` stands under a common group.
    rows
        As many cells each.
    widths
        Of the columns, in any unit: they are shared out over the page.
    totals
        How many of the last rows are totals.
    left
        Columns that stand at the left; the others are centred.
    traced
        Whether a narrow last column gives each row's id, and the head what each figure adds to it.
    note
        What stands below.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[float, ...]
    totals: int = 0
    left: tuple[int, ...] = ()
    traced: bool = False
    note: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError where a row has other columns than the head."""
        if len(self.widths) != len(self.head) or any(len(row) != len(self.head) for row in self.rows):
            raise ValueError(f"{self.caption}: every row needs {len(self.head)} cells")

    @property
    def row_ids(self) -> list[str]:
        """What the ids of each row's figures begin with, empty for a row without."""
        return ["-".join(_common([figure.id.split("-") for figure in _of(row)])) for row in self.rows]

    @property
    def column_ids(self) -> list[str]:
        """What each column's figures add to their row's id, empty where that is not one thing."""
        ends: list[set[str]] = [set() for _ in self.head]
        for start, row in zip(self.row_ids, self.rows, strict=True):
            for at, cell in enumerate(row):
                ends[at] |= {figure.id.removeprefix(start).lstrip("-") for figure in _of((cell,))}
        return [next(iter(end)) if len(end) == 1 else "" for end in ends]


@dataclass(frozen=True)
class Picture:
    """One picture with its caption: PNG or SVG, `width_mm` wide on the page; `told` says in words what it shows."""

    caption: str
    data: bytes
    width_mm: float
    told: str = ""
    label: str = ""


Block = Paragraph | Table | Picture


@dataclass(frozen=True)
class Section:
    """A chapter; `key` is its placeholder in the template."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    label: str = ""


@dataclass(frozen=True)
class Document:
    """A whole document: `stem` names its file, `marks` stand above the title, `running` at the head of every page, `annexes` lie on landscape pages behind."""

    stem: str
    title: str
    subtitle: str
    marks: tuple[str, ...]
    running: str
    office: str
    date: str
    sections: tuple[Section, ...]
    annexes: tuple[Table, ...] = ()
    remarks: tuple[str, ...] = field(default=())

    def figures(self) -> Iterator[Figure]:
        """Give every figure printed, each once, in the order of the pages."""
        cells = [cell for section in self.sections for block in section.blocks for cell in _cells(block)]
        cells += [cell for table in self.annexes for cell in _cells(table)]
        yield from {figure.id: figure for figure in _of(cells)}.values()

    def numbered(self, order: Sequence[str] = ()) -> "Document":
        """Return the document with its chapters (in `order` of their keys, where given), pictures, tables and annexes counted."""
        kept = [next(one for one in self.sections if one.key == key) for key in order] if order else list(self.sections)
        kept = [one for one in kept if one.blocks]
        counts = {Picture: 0, Table: 0}
        sections = []
        for at, section in enumerate(kept):
            blocks: list[Block] = []
            for block in section.blocks:
                if isinstance(block, Paragraph):
                    blocks.append(block)
                    continue
                counts[type(block)] += 1
                word = "图" if isinstance(block, Picture) else "表"
                blocks.append(replace(block, label=f"{word}{counts[type(block)]}"))
            sections.append(replace(section, label=f"{_NUMERALS[at]}、", blocks=tuple(blocks)))
        annexes = tuple(replace(table, label=f"附表{at}") for at, table in enumerate(self.annexes, start=1))
        return replace(self, sections=tuple(sections), annexes=annexes)


def _cells(block: Block) -> list[Cell]:
    if isinstance(block, Paragraph):
        return [block.text]
    return [cell for row in block.rows for cell in row] if isinstance(block, Table) else []


def _common(ids: Sequence[Sequence[str]]) -> list[str]:
    """Return the parts that all ids begin with, never all of one."""
    heads = [set(parts) for parts in zip(*(one[:-1] for one in ids), strict=False)]
    return [next(iter(head)) for head in takewhile(lambda head: len(head) == 1, heads)]


def _of(cells: Sequence[Cell]) -> Iterator[Figure]:
    return (span for cell in cells for span in cell if isinstance(span, Figure))
