"""The synthetic county's sheets: layouts as data, laid out as plain grids, and grids written as .xlsx.

A grid knows nothing of a file format, so that other formats can write the same grids.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import xlsxwriter

from originmap.sample.county import Ground, Holding
from originmap.sample.forms import Cell, Entry, Hand, Officials, runs

SAMPLE: Final = "（样例数据）"
CREATED: Final = datetime(2023, 2, 8)  # noqa: DTZ001 - the notice's day; a file's own time would change its bytes
MANY_ROWS: Final = 20_000  # from here on a workbook is written row by row, its texts not pooled


@dataclass(frozen=True)
class Column:
    """One column: the field, its header, and the merged group that it stands under."""

    field: str
    head: str
    group: str = ""


_A: Final = (
    Column("number", "序号"),
    Column("township", "乡镇"),
    Column("village", "村"),
    Column("subject_name", "种养殖主体名称"),
    Column("subject_type", "主体类型"),
    Column("contact_name", "联系人"),
    Column("contact_phone", "联系电话"),
    Column("product", "产品名称"),
    Column("size", "种养规模(亩、头、只)"),
    Column("plot", "地块/基地"),
    Column("cropping", "茬次"),
    Column("base_address", "基地地址"),
    Column("lon", "经度(°)"),
    Column("lat", "纬度(°)"),
    Column("market_from", "预计上市时间"),
    Column("market_to", "下市时间"),
    Column("production_mode", "生产方式(露地/设施)"),
    Column("trace_methods", "追溯方式"),
    Column("credit_grade", "信用等级"),
    Column("supervisor_name", "网格化监管员"),
    Column("supervisor_phone", "监管员电话"),
    Column("collector_name", "信息采集员"),
    Column("collector_phone", "采集员电话"),
    Column("collected_on", "采集日期"),
    Column("remark", "备注"),
)
_B: Final = (
    Column("number", "序号"),
    Column("village", "村（居）"),
    Column("product", "品种"),
    Column("subject_name", "种养殖主体"),
    Column("subject_type", "主体类型"),
    Column("contact_name", "姓名", "联系人及联系方式"),
    Column("contact_phone", "电话", "联系人及联系方式"),
    Column("size", "种养规模"),
    Column("plot", "地块/基地"),
    Column("cropping", "茬次"),
    Column("base_address", "基地地址"),
    Column("lon", "经度", "点位经纬度"),
    Column("lat", "纬度", "点位经纬度"),
    Column("market_from", "预计上市时间"),
    Column("market_to", "预计下市时间"),
    Column("production_mode", "生产方式"),
    Column("trace_methods", "追溯方式"),
    Column("credit_grade", "信用等级"),
    Column("supervisor_name", "姓名", "网格化监管员"),
    Column("supervisor_phone", "电话", "网格化监管员"),
    Column("collector_name", "姓名", "信息采集员"),
    Column("collector_phone", "电话", "信息采集员"),
    Column("collected_on", "采集日期"),
)
_C: Final = (
    Column("number", "编号"),
    Column("village", "所在村"),
    Column("subject_name", "生产主体"),
    Column("product", "品种"),
    Column("size", "规模"),
    Column("contact", "负责人及电话"),
    Column("base_address", "产地"),
    Column("point", "坐标"),
    Column("market_window", "上市期"),
    Column("production_mode", "种植方式"),
    Column("cropping", "茬口"),
    Column("subject_type", "主体类别"),
    Column("trace_methods", "追溯方法"),
    Column("credit_grade", "信用"),
    Column("contract", "合同号"),
    Column("supervisor", "网格员及电话"),
    Column("collector", "采集员及电话"),
)
LAYOUTS: Final[Mapping[str, tuple[Column, ...]]] = {"A": _A, "B": _B, "C": _C}

REGISTRY: Final = (
    Column("number", "序号"),
    Column("township", "乡镇"),
    Column("village", "村"),
    Column("subject_name", "主体名称"),
    Column("subject_type", "主体类型"),
    Column("contact_name", "联系人"),
    Column("contact_phone", "联系电话"),
    Column("product", "品种"),
    Column("size", "规模"),
    Column("unit", "单位"),
    Column("base_address", "地址"),
    Column("remark", "备注"),
)
_UNIT_WORDS: Final = {"mu": "亩", "head": "头", "bird": "只"}
_WIDTHS: Final = {
    "subject_name": 24,
    "base_address": 24,
    "contact": 18,
    "contact_phone": 13,
    "trace_methods": 20,
    "point": 24,
}


@dataclass(frozen=True)
class Grid:
    """One sheet as plain cells from A1, with its merges (0-based, inclusive) and which rows are its header."""

    name: str
    rows: Iterable[Sequence[Cell]]
    head: tuple[int, int] = (0, 0)
    merges: tuple[tuple[int, int, int, int], ...] = ()
    widths: tuple[int, ...] = ()
    hidden: bool = False


@dataclass(frozen=True)
class Laid:
    """A collection sheet laid out: its grid, the Excel row of each entry, and each field's 0-based column."""

    grid: Grid
    entries: tuple[Entry, ...]
    rows: tuple[int, ...]
    columns: Mapping[str, int]
    head_row: int


def lay_out(name: str, entries: Sequence[Entry], hand: Hand, officials: Officials, title: str, day: date) -> Laid:
    """Return a collection sheet in the layout of `hand`, with `title` in its first row and `day` as 填报日期."""
    columns = LAYOUTS[hand.layout]
    width, grouped = len(columns), hand.layout == "B"
    heads = [_head(column, entries, hand) for column in columns]
    rows: list[list[Cell]] = [[title, *[None] * (width - 1)]]
    merges = [(0, 0, 0, width - 1)]
    if grouped:
        ground = office(entries[0].ground, hand)
        half = width // 2
        line: list[Cell] = [None] * width
        line[0], line[half] = f"填报单位：{ground}人民政府", f"填报日期：{day.year}年{day.month}月{day.day}日"
        rows += [line, [column.group or head for column, head in zip(columns, heads, strict=True)]]
        rows.append([head if column.group else None for column, head in zip(columns, heads, strict=True)])
        merges += [(1, 0, 1, half - 1), (1, half, 1, width - 1), *_group_merges(columns)]
        for first, last in runs([column.group for column in columns]):
            if columns[first].group:
                rows[2][first + 1 : last + 1] = [None] * (last - first)
        entries = sorted(entries, key=lambda entry: (entry.holding.product.code, str(entry.atoms["village"])))
    else:
        rows.append(list(heads))
    head = (len(rows) - (2 if grouped else 1), len(rows))
    spots = []
    number = 0
    for first, last in runs([entry.holding.product.code for entry in entries]) if grouped else [(0, len(entries) - 1)]:
        begin = len(rows)
        for entry in entries[first : last + 1]:
            # Layout C leaves a row blank now and then.
            if hand.layout == "C" and number and number % 9 == 0:
                rows.append([None] * width)
            number += 1
            atoms: dict[str, Cell] = {**officials.atoms(entry), **entry.atoms, "number": number}
            rows.append([_cell(column.field, atoms, number) for column in columns])
            spots.append(len(rows))
        if grouped:
            merges += _village_merges(rows, begin, _at(columns, "village"))
            rows.append(_total(columns, "小计", _sum(entries[first : last + 1])))
    if grouped:
        kinds = {entry.holding.product.unit for entry in entries}
        rows.append(_total(columns, "合计", _sum(entries) if len(kinds) == 1 else None))
        rows.append(["注：1.规模以上主体逐个填报；2.同一主体有多个地块的分行填写。", *[None] * (width - 1)])
    grid = Grid(name, rows, head, tuple(merges), tuple(_WIDTHS.get(column.field, 10) for column in columns))
    spot = {column.field: at for at, column in enumerate(columns)}
    return Laid(grid, tuple(entries), tuple(spots), spot, head[1])


def office(ground: Ground, hand: Hand) -> str:
    """Return the township's name on letters and titles: two still use their former one."""
    return ground.former if ground.former and hand.township == ground.former else ground.name


def zero_grid(name: str, hand: Hand, title: str, word: str) -> Grid:
    """Return a collection sheet whose only row says that nothing is grown."""
    columns = LAYOUTS["A" if hand.layout == "A" else "C"]
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
            "size": amount if any(column.field == "unit" for column in columns) else f"{size:g}{unit}",
            "unit": unit,
            "base_address": f"{ground.name}{subject.village}",
        }
        yield [atoms.get(column.field) for column in columns]


_TYPE_WORDS: Final = {
    "enterprise": "农产品生产企业",
    "cooperative": "农民专业合作社",
    "family_farm": "家庭农场",
    "household": "农户",
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


def write_workbook(path: Path, grids: Sequence[Grid], *, many: bool = False) -> None:
    """Write grids as one .xlsx whose bytes depend on nothing but the grids; text stays text.

    With `many` rows are written as they come, so that memory does not grow with them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
        "constant_memory": many,
    }
    with xlsxwriter.Workbook(path, options) as book:
        book.set_properties({"created": CREATED, "title": "样例数据", "comments": "样例数据：全部为虚构"})
        bold = book.add_format({"bold": True, "align": "center", "valign": "vcenter", "text_wrap": True, "border": 1})
        day = book.add_format({"num_format": "yyyy/m/d"})
        middle = book.add_format({"valign": "vcenter"})
        for grid in grids:
            sheet = book.add_worksheet(grid.name)
            for at, width in enumerate(grid.widths):
                sheet.set_column(at, at, width)
            rows = list(grid.rows) if not many else []
            for number, row in enumerate(rows or grid.rows):
                style = bold if number == 0 or grid.head[0] <= number < grid.head[1] else None
                for at, value in enumerate(row):
                    if value is None:
                        continue
                    if isinstance(value, str):
                        sheet.write_string(number, at, value, style)
                    elif isinstance(value, date):
                        sheet.write_datetime(number, at, datetime(value.year, value.month, value.day), day)  # noqa: DTZ001 - a date
                    else:
                        sheet.write_number(number, at, value, style)
            for top, left, bottom, right in grid.merges if rows else ():
                style = bold if top < grid.head[1] else middle
                sheet.merge_range(top, left, bottom, right, rows[top][left], style)
            if grid.hidden:
                sheet.hide()


def _head(column: Column, entries: Sequence[Entry], hand: Hand) -> str:
    if column.field == "contact":
        return hand.contact_head
    if column.field != "size" or hand.layout != "A":
        return column.head
    kinds = {entry.holding.product.kind for entry in entries}
    return column.head if len(kinds) > 1 else {"crop": "种植面积(亩)", "livestock": "存栏量(头、只)"}[kinds.pop()]


def _cell(name: str, atoms: Mapping[str, Cell], number: int) -> Cell:
    if name == "contact":
        phone = atoms["contact_phone"]
        return (
            f"{atoms['contact_name']}{('', ' ', '/')[number % 3]}{phone}"
            if phone is not None
            else atoms["contact_name"]
        )
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
    if name == "remark":
        return None
    return atoms.get(name)


def _at(columns: Sequence[Column], name: str) -> int:
    return next(at for at, column in enumerate(columns) if column.field == name)


def _group_merges(columns: Sequence[Column]) -> list[tuple[int, int, int, int]]:
    """Return the merges of a two-row header in rows 2 and 3: groups across, all others down."""
    merges = []
    for first, last in runs([column.group or column.head for column in columns]):
        merges.append((2, first, 2, last) if columns[first].group else (2, first, 3, first))
    return merges


def _village_merges(rows: list[list[Cell]], begin: int, column: int) -> list[tuple[int, int, int, int]]:
    merges = []
    for first, last in runs([row[column] for row in rows[begin:]]):
        if last > first:
            merges.append((begin + first, column, begin + last, column))
            for row in rows[begin + first + 1 : begin + last + 1]:
                row[column] = None
    return merges


def _total(columns: Sequence[Column], word: str, value: Cell) -> list[Cell]:
    cells: dict[str, Cell] = {"number": word, "size": value}
    return [cells.get(column.field) for column in columns]


def _sum(entries: Sequence[Entry]) -> float:
    return round(sum(float(entry.truth["size_value"] or 0) for entry in entries), 2)
