"""One sheet, several tables: each way of laying them out is cut into plain tables, no row lost, every value with its cell."""

from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter
from books import COLLECTION_HEADER, collection_sheet, grower, write_book

import originmap as om
from originmap.rules import Rules, load_rules
from originmap.sample.files import file_bytes
from originmap.sample.sheets import Grid

ANIMALS = [
    "序号",
    "养殖主体",
    "品种",
    "存栏量(头、只)",
    "法人",
    "电话",
    "产地",
    "经纬度",
    "上市期",
    "主体类型",
    "追溯方式",
    "信用等级",
]
PIGS = [1, "黄小样", "生猪", 60, "黄小样", "13900000077", "前溪村", "118.0502,25.2302", "全年", "农户", "检疫证", "A"]


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules()


def opened(tmp_path: Path, rows: object, **options: object) -> om.Round:
    write_book(tmp_path / "2023-03" / "湖头镇.xlsx", {"S": rows}, **options)  # type: ignore[dict-item, arg-type]
    return om.open_round(tmp_path / "2023-03")


def reasons(round_: om.Round) -> dict[int, str]:
    return dict(zip(round_.skipped["row"], round_.skipped["reason"], strict=True))


def errors(round_: om.Round) -> list[str]:
    return round_.findings.loc[round_.findings["severity"] == "error", "rule"].tolist()


def balanced(round_: om.Round) -> bool:
    parts = round_.sheets[["accepted", "quarantined", "duplicate", "skipped"]].sum(axis=1)
    return bool((parts == round_.sheets["rows_in"]).all())


def cells(round_: om.Round, field: str) -> list[str]:
    return [round_.cell(row, field).rpartition("〕")[2] for _, row in round_.records.iterrows()]


@pytest.mark.parametrize("between", [[[], ["二、养殖业"]], [["二、养殖业"]], []])
def test_a_second_header_with_other_columns_begins_a_table(tmp_path: Path, between: list[list[object]]) -> None:
    rows = [*collection_sheet(grower(), grower(序号=2, 种养殖主体="陈小样")), *between, ANIMALS, PIGS]
    round_ = opened(tmp_path, rows)
    assert round_.records["product"].tolist() == ["cowpea", "cowpea", "pig"]
    assert round_.records["size_value"].tolist() == [2.5, 2.5, 60]
    head = 4 + len(between) + 1
    assert cells(round_, "size") == ["I3", "I4", f"D{head + 1}"]
    assert reasons(round_)[head] == "header"
    assert errors(round_) == []
    assert balanced(round_)


def test_the_same_header_again_begins_none(tmp_path: Path) -> None:
    round_ = opened(
        tmp_path, collection_sheet(grower(), COLLECTION_HEADER, grower(种养殖主体="陈小样"), [], COLLECTION_HEADER)
    )
    assert len(round_.records) == 2
    assert round_.columns["rows"].isna().all()
    assert reasons(round_) == {1: "title", 2: "header", 4: "header", 6: "blank", 7: "header"}


def test_a_header_word_in_a_row_of_data_begins_none(tmp_path: Path) -> None:
    round_ = opened(tmp_path, collection_sheet(grower(), [], grower(种养殖主体="主体", 联系人="联系人", 村="村")))
    assert round_.records["subject_name"].tolist() == ["林小样", "主体"]


@pytest.mark.parametrize(("mu", "head", "size", "rule"), [
    (3, None, "I", ""), (None, 40, "J", ""), (3, "/", "I", ""), (0, 40, "J", ""), (None, None, "J", "size_missing"),
    (3, 40, "J", "size_twice"),
])  # fmt: skip
def test_two_columns_of_sizes(tmp_path: Path, mu: object, head: object, size: str, rule: str) -> None:
    at = COLLECTION_HEADER.index("种养规模")
    header = [*COLLECTION_HEADER[:at], "面积(亩)", "存栏(头、只)", *COLLECTION_HEADER[at + 1 :]]
    product = "豇豆" if size == "I" else "生猪"
    row = grower(产品名称=product, 追溯方式="检疫证", 茬次=None, 生产方式=None)
    round_ = opened(tmp_path, [["样例数据"], header, [*row[:at], mu, head, *row[at + 1 :]]])
    assert cells(round_, "size") == [f"{size}3"]
    hits = round_.findings[round_.findings["rule"] == rule]
    assert hits["cell"].tolist() == ([f"{size}3"] if rule else [])
    value = round_.records["size_value"].tolist()[0]
    assert pd.isna(value) if rule == "size_missing" else value == (mu if size == "I" else head)
    assert "column_unknown" not in round_.findings["rule"].tolist()


def test_a_column_a_product_beside_the_subject(tmp_path: Path) -> None:
    rows = [
        ["湖头镇名录（样例数据）"],
        ["村", "主体名称", "主体类型", "联系人", "电话", "豇豆(亩)", "韭菜(㎡)", "生猪(头)", "地址"],
        ["前溪村", "甲小样", "农户", "甲小样", "13900000001", 2.5, 2000, None, "前溪村"],
        ["前溪村", "乙小样", "农户", "乙小样", "13900000002", None, "/", "40头", "前溪村"],
        ["前溪村", "丙小样", "农户", "丙小样", "13900000003", 0, None, 0, "前溪村"],
        ["前溪村", "丁小样", "农户", "丁小样", "13900000004", None, None, None, "前溪村"],
        ["前溪村", "戊小样", "农户", "戊小样", "13900000005", "若干", None, None, "前溪村"],
    ]
    round_ = opened(tmp_path, rows)
    listed = round_.registry[["subject_name", "product", "size_value"]].astype("object").fillna("-").to_numpy().tolist()
    assert sorted(listed) == sorted([
        ["甲小样", "cowpea", 2.5], ["甲小样", "chinese_chive", 3.0], ["乙小样", "pig", 40.0], ["丁小样", "-", "-"],
        ["戊小样", "cowpea", "-"],
    ])  # fmt: skip
    assert reasons(round_) == {1: "title", 2: "header", 5: "zero_report"}
    assert round_.sheets["rows_in"].tolist() == [8]  # seven rows, one of them with two products
    assert balanced(round_)
    found = round_.findings
    assert found.loc[found["rule"] == "size_unreadable", "cell"].tolist() == ["F7"]
    pig = round_.registry[round_.registry["product"] == "pig"].iloc[0]
    assert round_.cell(pig, "size").endswith("H4")


@pytest.mark.parametrize("line", [["一、韭菜"], ["（一）韭菜"], ["1、韭菜"], ["韭菜"]])
def test_a_line_among_the_rows_names_their_product(tmp_path: Path, line: list[object]) -> None:
    header = [name for name in COLLECTION_HEADER if name != "产品名称"]
    at = COLLECTION_HEADER.index("产品名称")
    rows = [[*row[:at], *row[at + 1 :]] for row in (grower(), grower(种养殖主体="陈小样"))]
    merges = [("S", "A5:H5")] if line == ["韭菜"] else []
    round_ = opened(
        tmp_path, [["样例数据"], header, ["豇豆"], rows[0], line, rows[1]], merges=[("S", "A3:H3"), *merges]
    )
    assert round_.records["product"].tolist() == ["cowpea", "chinese_chive"]
    assert reasons(round_) == {1: "title", 2: "header", 3: "title", 5: "title"}


def test_lines_below_the_rows_are_notes_and_a_lone_name_is_a_row(tmp_path: Path) -> None:
    lone = [None, None, None, "陈小样"]
    tail = [["填表说明："], ["1、逐户填报"], ["(2)空格不填"], ["3．如有疑问请电话联系农业服务中心，谢谢"]]
    round_ = opened(tmp_path, collection_sheet(grower(), lone, *tail))
    assert reasons(round_) == {1: "title", 2: "header", **dict.fromkeys((5, 6, 7, 8), "note")}
    assert round_.records["status"].tolist() == ["accepted", "quarantined"]


def test_three_header_rows_with_cells_merged_downwards(tmp_path: Path) -> None:
    top = ["序号", "乡镇", "基本信息", None, None, None, "生产信息", None, None, None, None]
    middle = [
        None,
        None,
        "主体名称",
        "主体类型",
        "联系人及联系方式",
        None,
        "品种",
        "面积/亩",
        "点位经纬度",
        None,
        "采收期",
    ]
    low = [None, None, None, None, "姓名", "电话", None, None, "经度", "纬度", None]
    row = [1, "湖头镇", "林小样", "农户", "林小样", "13900000001", "豇豆", 3, 118.0501, 25.2301, "5月"]
    merges = ["A3:A5", "B3:B5", "C3:F3", "G3:K3", "C4:C5", "D4:D5", "E4:F4", "G4:G5", "H4:H5", "I4:J4", "K4:K5"]
    round_ = opened(tmp_path, [[], ["样例数据"], top, middle, low, row], merges=[("S", spot) for spot in merges])
    assert reasons(round_) == {1: "blank", 2: "title", 3: "header", 4: "header", 5: "header"}
    assert cells(round_, "contact_phone") == ["F6"]
    assert round_.records[["township", "contact_phone", "size_value", "lon"]].to_numpy().tolist() == [
        ["湖头镇", "13900000001", 3.0, 118.0501]
    ]


@pytest.mark.parametrize("suffix", [".xlsx", ".xls"])
def test_hidden_rows_are_read_and_said_once_a_sheet(tmp_path: Path, suffix: str) -> None:
    rows = collection_sheet(grower(), grower(种养殖主体="陈小样"), grower(种养殖主体="王小样"), [])
    grid = Grid("S", [[*row, *[None] * (len(COLLECTION_HEADER) - len(row))] for row in rows], hidden_rows=(3, 4, 5))
    (tmp_path / "2023-03").mkdir()
    (tmp_path / "2023-03" / f"湖头镇{suffix}").write_bytes(file_bytes(suffix, [grid]))
    round_ = om.open_round(tmp_path / "2023-03")
    assert len(round_.records) == 3
    (hit,) = round_.findings[round_.findings["rule"] == "row_hidden"].to_dict("records")
    assert "第 4、5 行，共 2 行" in hit["message"]
    assert hit["severity"] == "note"


@pytest.mark.parametrize(("kind", "header", "row"), [
    ("contacts", ["级别", "单位", "角色", "姓名", "职务", "电话"], ["乡镇", "湖头镇", "牵头负责人", "林小样", "副镇长", "13900000001"]),
    ("contacts", ["单位", "牵头负责人", "职务", "牵头负责人电话", "具体责任人", "具体责任人电话"],
     ["湖头镇", "林小样", "副镇长", "13900000001", "陈小样", "13900000002"]),
    ("rapid_tests", ["样品编号", "乡镇", "主体", "产品", "抽样日期", "检测项目", "结果", "检测值", "单位", "备注"],
     ["Y1", "湖头镇", "林小样", "豇豆", "2023-03-01", "有机磷", "合格", 12, "%", None]),
    ("uploads", ["乡镇", "主体", "产品", "规模", "录入时间"], ["湖头镇", "林小样", "豇豆", 3, "2023-03-01"]),
    ("uploads", ["乡镇", "产品", "已录入数"], ["湖头镇", "豇豆", 12]),
    ("receipts", ["乡镇", "品种", "收到时间", "渠道", "文件", "首报/补报/更正", "盖章件", "登记人"],
     ["湖头镇", "豇豆", "2023-03-01 10:00", "微信", "a.xlsx", "首报", "有", "陈小样"]),
])  # fmt: skip
def test_other_kinds_are_told_by_their_headers_and_their_rows_counted(
    tmp_path: Path, kind: str, header: list[object], row: list[object]
) -> None:
    round_ = opened(tmp_path, [["湖头镇（样例数据）"], header, row, row, ["合计"]])
    (sheet,) = round_.sheets.to_dict("records")
    assert (sheet["kind"], sheet["rows_in"], sheet["accepted"], sheet["skipped"]) == (kind, 5, 2, 3)
    assert kind in om.vocab.codes("kind")
    assert kind not in "".join(round_.headline())
    assert errors(round_) == []


def test_a_header_that_fits_two_kinds_is_a_finding_not_a_choice(tmp_path: Path) -> None:
    header = ["收到时间", "渠道", "样品编号", "结果", "乡镇"]
    round_ = opened(tmp_path, [["样例数据"], header, ["2023-03-01", "微信", "Y1", "合格", "湖头镇"]])
    assert round_.sheets["kind"].tolist() == ["unrecognised"]
    assert errors(round_) == ["sheet_ambiguous"]
    assert set(reasons(round_).values()) == {"unrecognised"}


def test_a_long_sheet_is_searched_for_headers_without_reading_it_word_by_word(tmp_path: Path, rules: Rules) -> None:
    """A second header far down is found among 20,000 rows, and few rows are tried for it."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("S")
        rows = [*collection_sheet(*[grower(序号=number) for number in range(20_000)]), [], ANIMALS, PIGS]
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    (raw,) = om.workbooks.read_file(path.read_bytes(), "a.xlsx", rules)[0]
    filled = om.layouts.filled_cells(raw.table)
    assert om.layouts._candidates(raw, 1, 2, filled) == [20_003]
    first, second = om.layouts.blocks(raw, filled, rules)
    assert (first.end, first.stop, second.start, second.kinds) == (2, 20_002, 20_003, ["collection"])
