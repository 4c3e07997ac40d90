"""Small real workbooks for tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import xlsxwriter

COLLECTION_HEADER = [
    "序号",
    "乡镇",
    "村",
    "种养殖主体",
    "主体类型",
    "联系人",
    "电话",
    "产品名称",
    "种养规模",
    "基地地址",
    "点位经纬度",
    "预计上市时间/下市时间",
    "生产方式",
    "追溯方式",
    "信用等级",
    "茬次",
    "采集日期",
    "网格化监管员",
    "监管员电话",
    "信息采集员",
    "采集员电话",
]
REGISTRY_HEADER = ["乡镇", "村", "主体名称", "主体类型", "联系人", "电话", "品种", "规模", "单位", "地址"]
AREA_HEADER = ["序号", "乡镇", "豇豆", "芹菜", "韭菜", "合计", "备注"]

Rows = Sequence[Sequence[object]]


def write_book(
    path: Path,
    sheets: Mapping[str, Rows],
    *,
    merges: Sequence[tuple[str, str]] = (),
    hidden: Sequence[str] = (),
) -> Path:
    """Write rows from A1 on; `merges` are (sheet, range) whose text is that of the range's first cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"strings_to_formulas": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for i, row in enumerate(rows):
                for j, value in enumerate(row):
                    if value is not None:
                        sheet.write(i, j, value)
            for target, cells in merges:
                if target == name:
                    first = cells.split(":")[0]
                    row_number = int("".join(char for char in first if char.isdigit())) - 1
                    column = ord(first[0]) - 65
                    sheet.merge_range(cells, rows[row_number][column])
            if name in hidden:
                sheet.hide()
    return path


def grower(**changes: object) -> list[object]:
    """Return one good collection row of 湖头镇, with `changes` by header."""
    row: dict[str, object] = {
        "序号": 1,
        "乡镇": "湖头镇",
        "村": "前溪村",
        "种养殖主体": "林小样",
        "主体类型": "农户",
        "联系人": "林小样",
        "电话": "13900000001",
        "产品名称": "豇豆",
        "种养规模": 2.5,
        "基地地址": "前溪村1号地",
        "点位经纬度": "118.0501,25.2301",
        "预计上市时间/下市时间": "5-7月",
        "生产方式": "露地",
        "追溯方式": "承诺达标合格证",
        "信用等级": "A",
        "茬次": "第一茬",
        "采集日期": "2023-03-05",
        "网格化监管员": "监小样",
        "监管员电话": "13900001001",
        "信息采集员": "采小样",
        "采集员电话": "13900001002",
    }
    unknown = set(changes) - set(row)
    if unknown:
        msg = f"no such column: {unknown}"
        raise KeyError(msg)
    return list((row | changes).values())


def collection_sheet(*rows: Sequence[object], title: str = "重点农产品采集表（样例数据）") -> Rows:
    """Return a collection sheet: a title, the header, the rows."""
    return [[title], COLLECTION_HEADER, *rows]


def area_sheet(*rows: Sequence[object]) -> Rows:
    """Return a planting-area table: a title, the header, the rows."""
    return [["蔬菜重点监管品种种植面积一览表（样例数据）"], AREA_HEADER, *rows]
