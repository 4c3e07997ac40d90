"""The synthetic county's sheets, laid out as plain grids that any file format can be written from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from originmap.headers import column_letter
from originmap.sample.county import Ground, Holding
from originmap.sample.forms import Entry, Hand, Officials, runs
from originmap.sample.layouts import LAYOUTS, REGISTRY_SUBJECT, UNIT_WORDS, Column
from originmap.sample.notations import Cell

SAMPLE: Final = "（样例数据）"
_WIDTHS: Final = {
    "subject_name": 24,
    "base_address": 24,
    "contact": 18,
    "contact_phone": 13,
    "trace_methods": 20,
    "point": 24,
}
_NUMERALS: Final = "一二三四五六七八九十"
_FACTORS: Final = {"公顷": 15.0, "㎡": 0.0015, "万只": 10_000.0}
_UNIT_WORDS: Final = UNIT_WORDS
Merge = tuple[int, int, int, int]


@dataclass(frozen=True)
class Grid:
    """One sheet as plain cells from A1, with its merges and hidden rows (0-based, inclusive) and which rows are its header."""

    name: str
    rows: Iterable[Sequence[Cell]]
    head: tuple[int, int] = (0, 0)
    merges: tuple[Merge, ...] = ()
    widths: tuple[int, ...] = ()
    hidden: bool = False
    hidden_rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Laid:
    """A collection sheet laid out.

    Its grid, the Excel row of each entry and the 0-based column of each of its fields, the cells of headers that nobody knows, and
    each header's last row with its fields' columns and the entries under it.
    """

    grid: Grid
    entries: tuple[Entry, ...]
    rows: tuple[int, ...]
    columns: tuple[Mapping[str, int], ...]
    unknown: tuple[str, ...]
    heads: tuple[tuple[int, Mapping[str, int], Sequence[Entry]], ...]


class _Page:
    """A sheet while it is filled; a class because every step adds to the same four lists."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.rows: list[list[Cell]] = []
        self.merges: list[Merge] = []
        self.hidden: list[int] = []
        self.unknown: list[str] = []

    def line(self, *texts: Cell, across: bool = False) -> None:
        """Add a row that begins with `texts`; `across` merges the first over the sheet."""
        self.rows.append([*texts, *[None] * (self.width - len(texts))])
        if across:
            self.merges.append((len(self.rows) - 1, 0, len(self.rows) - 1, self.width - 1))

    def header(self, columns: Sequence[Column], heads: Sequence[str], *, again: bool = False) -> None:
        """Add a header of one to three rows, groups merged across and what has no group downwards."""
        levels = [
            [text for text in (column.over, column.group, head) if text]
            for column, head in zip(columns, heads, strict=True)
        ]
        begin, height = len(self.rows), max(len(level) for level in levels)
        height = max(height, 1 + any(column.group for column in columns) + any(column.over for column in columns))
        for _ in range(height):
            self.line()
        for at, level in enumerate(levels):
            for depth, text in enumerate(level):
                self.rows[begin + depth][at] = text
            if level and len(level) < height:
                self.merges.append((begin + len(level) - 1, at, begin + height - 1, at))
        for depth in range(height - 1):
            keys = [level[: depth + 1] if len(level) > depth + 1 else at for at, level in enumerate(levels)]
            for first, last in runs(keys):
                if last > first:
                    self.merges.append((begin + depth, first, begin + depth, last))
                    self.rows[begin + depth][first + 1 : last + 1] = [None] * (last - first)
        if not again:
            letters = [column_letter(at) for at, column in enumerate(columns) if column.field == "contract"]
            self.unknown += [f"{letter}{len(self.rows)}" for letter in letters]

    def merge_down(self, begin: int, column: int) -> None:
        """Merge equal neighbours of a column from row `begin` on."""
        for first, last in runs([row[column] for row in self.rows[begin:]]):
            if last > first and self.rows[begin + first][column] is not None:
                self.merges.append((begin + first, column, begin + last, column))
                for row in self.rows[begin + first + 1 : begin + last + 1]:
                    row[column] = None


def lay_out(name: str, entries: Sequence[Entry], hand: Hand, officials: Officials, title: str, day: date) -> Laid:
    """Return a collection sheet in the layout of `hand`, with `title` above it and `day` as 填报日期."""
    form = hand.form
    page = _Page(max(len(form.columns), len(form.apart)))
    for _ in range(form.above):
        page.line()
    page.line(title, across=True)
    if form.office_line:
        half = page.width // 2
        line: list[Cell] = [None] * page.width
        line[0] = f"填报单位：{office(entries[0].ground, hand)}人民政府"
        line[half] = f"填报日期：{day.year}年{day.month}月{day.day}日"
        page.line(*line)
        row = len(page.rows) - 1
        page.merges += [(row, 0, row, half - 1), (row, half, row, page.width - 1)]
    groups = [(form.columns, entries)]
    if form.apart:
        crops = [entry for entry in entries if entry.holding.product.kind == "crop"]
        animals = [entry for entry in entries if entry.holding.product.kind != "crop"]
        groups = [(form.columns, crops), (form.apart, animals)]
    spots: list[tuple[Entry, int, Mapping[str, int]]] = []
    head = (len(page.rows), len(page.rows))
    heads: list[tuple[int, Mapping[str, int], Sequence[Entry]]] = []
    for turn, (columns, rows) in enumerate((columns, rows) for columns, rows in groups if rows):
        if turn:
            page.line()
            page.line("二、养殖业" if len(groups[0][1]) else "养殖业")
        begin = len(page.rows)
        page.header(columns, [_head(column, rows, hand) for column in columns])
        head = (begin, len(page.rows)) if not turn else head
        fields = {column.field.partition(":")[0]: at for at, column in enumerate(columns) if column.field}
        heads.append((len(page.rows), fields, rows))
        spots += _body(page, columns, rows, (hand, officials))
        if form.total:
            kinds = {entry.holding.product.unit for entry in rows}
            page.rows.append(_total(columns, "合计", rows if len(kinds) == 1 else []))
    for note in form.notes:
        page.line(note)
    widths = tuple(_WIDTHS.get(column.field, 10) for column in form.columns)
    grid = Grid(name, page.rows, head, tuple(page.merges), widths, hidden_rows=tuple(page.hidden))
    laid, numbers, columns_of = zip(*spots, strict=True)
    return Laid(grid, laid, numbers, columns_of, tuple(page.unknown), tuple(heads))


def _body(
    page: _Page, columns: Sequence[Column], entries: Sequence[Entry], whose: tuple[Hand, Officials]
) -> list[tuple[Entry, int, Mapping[str, int]]]:
    """Add the rows of `entries` with what stands between them; return each with its Excel row and its columns."""
    hand, officials = whose
    form = hand.form
    if form.subtotal == "village":
        entries = sorted(entries, key=lambda entry: str(entry.atoms["village"]))
    elif form.sorted:
        entries = sorted(entries, key=lambda entry: (entry.holding.product.code, str(entry.atoms["village"])))
    by_product = form.headings or form.subtotal == "product"
    keys = [entry.holding.product.code if by_product else entry.atoms["village"] for entry in entries]
    spots: list[tuple[Entry, int, Mapping[str, int]]] = []
    for turn, (first, last) in enumerate(runs(keys) if form.sorted else [(0, len(entries) - 1)]):
        group = entries[first : last + 1]
        if form.headings:
            page.line(f"{_NUMERALS[turn]}、{group[0].holding.product.name}", across=turn % 2 == 0)
        begin = len(page.rows)
        for number, entry in enumerate(group, first + 1):
            if form.blank_every and number > 1 and (number - 1) % form.blank_every == 0:
                page.line()
            if form.again_every and number > 1 and (number - 1) % form.again_every == 0:
                page.header(columns, [_head(column, entries, hand) for column in columns], again=True)
            atoms: dict[str, Cell] = {**officials.atoms(entry), **entry.atoms, "number": number}
            page.rows.append([_cell(column.field, atoms, number, entry) for column in columns])
            page.rows[-1] += [None] * (page.width - len(columns))
            own = {_field_of(column.field, entry): at for at, column in enumerate(columns) if column.field}
            spots.append((entry, len(page.rows), own))
            if form.hidden_every and number % form.hidden_every == 0:
                page.hidden.append(len(page.rows) - 1)
        for name in form.merged:
            page.merge_down(begin, next(at for at, column in enumerate(columns) if column.field == name))
        if form.subtotal:
            word = "小计" if form.subtotal == "product" else f"{group[0].atoms['village']}小计"
            page.rows.append(_total(columns, word, group))
    return spots


def _field_of(name: str, entry: Entry) -> str:
    """Return ``size`` for the column that holds the entry's size, another name for the other one."""
    field, _, kind = name.partition(":")
    return field if not kind or (kind == "mu") == (entry.holding.product.kind == "crop") else name


def office(ground: Ground, hand: Hand) -> str:
    """Return the township's name on letters and titles: two still use their former one."""
    return ground.former if ground.former and hand.township == ground.former else ground.name


def zero_grid(name: str, hand: Hand, title: str, word: str) -> Grid:
    """Return a collection sheet whose only row says that nothing is grown."""
    columns = LAYOUTS["A" if hand.layout == "A" else "C"].columns
    width = len(columns)
    row: list[Cell] = [word if column.field == "subject_name" else None for column in columns]
    title_row: list[Cell] = [title, *[None] * (width - 1)]
    return Grid(name, [title_row, [column.head for column in columns], row], (1, 2), ((0, 0, 0, width - 1),))


def accounts_grid() -> Grid:
    """Return a sheet of invented platform accounts, which a reader must refuse whole."""
    rows: list[list[Cell]] = [[f"国家追溯平台登陆账号（附件3）{SAMPLE}", None, None], ["单位", "登录账号", "密码"]]
    rows += [
        [f"{place}（样例）", f"demo{number:03d}", "样例口令"]
        for number, place in enumerate(("农业服务中心", "监管站"), 1)
    ]
    return Grid("附件3", rows, (1, 2), ((0, 0, 0, 2),), (20, 14, 14))


def registry_rows(holdings: Iterable[tuple[Ground, Holding]], columns: Sequence[Column]) -> Iterable[list[Cell]]:
    """Yield a registry's rows one by one, without title and header."""
    for number, (ground, holding) in enumerate(holdings, 1):
        subject, product = holding.subject, holding.product
        size = holding.registered
        amount: Cell = size if product.kind == "crop" or size is None else int(size)
        unit = _UNIT_WORDS[product.unit]
        atoms: dict[str, Cell] = {
            "number": number,
            "township": ground.name,
            "village": subject.village,
            "subject_name": subject.name,
            "subject_type": _TYPE_WORDS[subject.type],
            "contact_name": subject.contact,
            "contact_phone": subject.phone,
            "product": product.name,
            "size": amount if size is None or any(column.field == "unit" for column in columns) else f"{size:g}{unit}",
            "unit": unit,
            "base_address": f"{ground.name}{subject.village}",
        }
        yield [atoms.get(column.field) for column in columns]


_TYPE_WORDS: Final = {
    "enterprise": "农产品生产企业",
    "cooperative": "农民专业合作社",
    "family_farm": "家庭农场",
    "household": "农户",
    "buyer": "产地收购商",
}


def registry_grid(name: str, rows: Iterable[Sequence[Cell]], columns: Sequence[Column], title: str) -> Grid:
    """Return a registry sheet; `rows` may be a generator and is then written as it comes."""
    width = len(columns)

    def everything() -> Iterable[Sequence[Cell]]:
        yield [title, *[None] * (width - 1)]
        yield [column.head for column in columns]
        yield from rows

    widths = tuple(_WIDTHS.get(column.field, 10) for column in columns)
    return Grid(name, everything(), (1, 2), ((0, 0, 0, width - 1),), widths)


def wide_registry(
    name: str, holdings: Sequence[Holding], products: Mapping[str, str], title: str
) -> tuple[Grid, dict[int, int]]:
    """Return a registry with one row a subject and one column a product, and each holding's Excel row by ``id``."""
    heads = [f"{word}({_UNIT_WORDS[unit]})" for word, unit in products.items()]
    width = len(REGISTRY_SUBJECT) + len(heads)
    rows: list[list[Cell]] = [[title, *[None] * (width - 1)], [*(column.head for column in REGISTRY_SUBJECT), *heads]]
    by: dict[tuple[str, str], list[Holding]] = {}
    for item in holdings:
        by.setdefault((item.subject.name, item.subject.phone), []).append(item)
    spots = {}
    for number, items in enumerate(by.values(), 1):
        subject = items[0].subject
        atoms: dict[str, Cell] = {
            "number": number,
            "village": subject.village,
            "subject_name": subject.name,
            "subject_type": _TYPE_WORDS[subject.type],
            "contact_name": subject.contact,
            "contact_phone": subject.phone,
        }
        sizes = {item.product.name: item.registered for item in items}
        rows.append([*(atoms[column.field] for column in REGISTRY_SUBJECT), *(sizes.get(word) for word in products)])
        spots.update({id(item): len(rows) for item in items})
    return Grid(name, rows, (1, 2), ((0, 0, 0, width - 1),)), spots


def _head(column: Column, entries: Sequence[Entry], hand: Hand) -> str:
    if column.field == "contact" and hand.layout == "C":
        return hand.contact_head
    if column.field != "size" or hand.layout not in "AHG":
        return column.head
    kinds = {entry.holding.product.kind for entry in entries}
    if hand.size_unit:
        return f"{'种植面积' if kinds == {'crop'} else '存栏'}({_unit(entries[0])})"
    return column.head if len(kinds) > 1 else {"crop": "种植面积(亩)", "livestock": "存栏量(头、只)"}[kinds.pop()]


def _unit(entry: Entry) -> str:
    """Return the unit that stands in the header of a sheet for one product."""
    return {"mu": entry.hand.size_unit, "head": "头", "bird": "万只"}[entry.holding.product.unit]


def _cell(name: str, atoms: Mapping[str, Cell], number: int, entry: Entry) -> Cell:
    if name.partition(":")[0] == "size":
        size = atoms["size"] if _field_of(name, entry) == "size" else atoms.get("size:other")
        if entry.hand.size_unit and isinstance(size, (int, float)):
            return round(size / _FACTORS.get(_unit(entry), 1.0), 6)
        return size
    if name == "contact":
        phone = atoms["contact_phone"]
        between = ("", " ", "/")[number % 3] if str(phone)[:1].isdigit() else " "
        return f"{atoms['contact_name']}{between}{phone}" if phone is not None else atoms["contact_name"]
    if name == "point":
        if atoms["lon"] is None or atoms["lat"] is None:
            return atoms["lon"]
        lon = str(atoms["lon"])
        wide = "０" <= lon[0] <= "９"
        return f"{lon}{'，' if wide else ',' if lon[0].isdigit() and '°' not in lon else ' '}{atoms['lat']}"
    if name == "market_window":
        return atoms["market_from"]
    if name == "contract":
        return f"样{2023000 + number}"
    return atoms.get(name)


def _total(columns: Sequence[Column], word: str, entries: Sequence[Entry]) -> list[Cell]:
    """Return a row with sums: of each column of sizes where there are two, else of all."""
    cells: list[Cell] = [word if column.field == "number" else None for column in columns]
    for at, column in enumerate(columns):
        own = [entry for entry in entries if _field_of(column.field, entry) == "size"]
        if own:
            total = round(sum(float(entry.truth["size_value"] or 0) for entry in own), 2)
            cells[at] = round(total / _FACTORS.get(_unit(own[0]), 1.0), 6) if own[0].hand.size_unit else total
    return cells
