"""Receipts, contacts, uploads and rapid tests: each value with its cell, each bad value a finding."""

from pathlib import Path

import pandas as pd
import pytest
from books import collection_sheet, grower, write_book

import originmap as om
from originmap.ledgers import moment

RECEIPTS = ["乡镇", "品种", "收到时间", "渠道", "文件", "首报/补报/更正", "全量/增量/无变化/零报告", "盖章件", "登记人"]
CONTACTS = ["级别", "单位", "角色", "产品", "姓名", "职务", "电话"]
UPLOADS = ["乡镇", "主体", "产品", "规模", "录入时间"]
TESTS = ["样品编号", "乡镇", "主体", "产品", "抽样日期", "检测项目", "结果", "检测值", "单位", "备注"]


def opened(tmp_path: Path, name: str, header: list[str], *rows: list[object], as_of: str | None = None) -> om.Round:
    folder = tmp_path / "2023-03"
    write_book(folder / "a.xlsx", {"S": collection_sheet(grower())})
    write_book(folder / name, {"T": [["样例数据"], header, *rows]})
    return om.open_round(folder, as_of=as_of)


def against(round_: om.Round, name: str) -> list[tuple[str, str]]:
    own = round_.findings[round_.findings["file"] == name]
    return list(own[["rule", "cell"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-03-15 17:01", ("2023-03-15T17:01:00", True)),
        ("2023-03-15 17:01:30", ("2023-03-15T17:01:30", True)),
        ("2023/3/15 9:05", ("2023-03-15T09:05:00", True)),
        ("2023.3.15 17：01", ("2023-03-15T17:01:00", True)),
        ("2023年3月15日17时", ("2023-03-15T17:00:00", True)),
        ("2023年3月15日 下午5点半", ("2023-03-15T17:30:00", True)),
        ("2023年3月15日上午9点10分", ("2023-03-15T09:10:00", True)),
        ("45000.7083333333", ("2023-03-15T17:00:00", True)),
        ("45000", ("2023-03-15T00:00:00", False)),
        ("2023-03-15", ("2023-03-15T00:00:00", False)),
        ("2023-03-15 25:00", None),
        ("3月15日", None),
        ("昨天", None),
    ],
)
def test_moments_as_people_write_them(text: str, expected: tuple[str, bool] | None) -> None:
    read = moment(text)
    assert (read and (read[0].isoformat(), read[1])) == expected


def test_a_receipt_line_is_typed_and_keeps_its_cell(tmp_path: Path) -> None:
    round_ = opened(
        tmp_path, "收件登记.xlsx", RECEIPTS,
        ["湖头", "豇豆、芹菜", "2023-03-10 16:20", "微信", "a.xlsx", "首报", "全量", "有", "林登记"],
        ["感德镇", None, "2023-03-11", None, None, "补报", "增量", "无", "林登记"],
    )  # fmt: skip
    lines = round_.receipts
    assert lines["product"].fillna("").tolist() == ["cowpea", "celery", ""]
    first = lines.iloc[0]
    expected = {
        "township_code": "350524102",
        "township": "湖头镇",
        "received_at": pd.Timestamp(2023, 3, 10, 16, 20),
        "has_time": True,
        "channel": "微信",
        "file": "a.xlsx",
        "submission": "first",
        "extent": "full",
        "stamped": True,
        "registrar": "林登记",
        "confirmed": True,
        "arrived": True,
        "source_file": "收件登记.xlsx",
        "source_sheet": "T",
        "source_row": 3,
        "source_cell": "C3",
    }
    assert {name: first[name] for name in expected} == expected
    assert (lines.iloc[2]["submission"], lines.iloc[2]["extent"], bool(lines.iloc[2]["stamped"])) == (
        "supplement",
        "increment",
        False,
    )
    letters = round_.columns[round_.columns["kind"] == "receipts"].set_index("field")["column"]
    assert letters[["township", "extent", "registrar"]].tolist() == ["A", "G", "I"]
    assert against(round_, "收件登记.xlsx") == [("receipt_without_rows", "C3"), ("receipt_time_missing", "C4")]


@pytest.mark.parametrize(
    ("at", "value", "rule", "cell"),
    [
        (0, "桃花镇", "ledger_township_unknown", "A3"),
        (1, "豇豆、蔬菜", "ledger_product_unknown", "B3"),
        (2, "昨天", "date_unreadable", "C3"),
        (2, None, "receipt_unconfirmed", "C3"),
        (4, "没有的.xlsx", "receipt_file_missing", "E3"),
        (5, "重报", "ledger_word_unknown", "F3"),
        (6, "部分", "ledger_word_unknown", "G3"),
        (6, "零报告", "receipt_contradicts", "C3"),
        (7, "也许", "ledger_word_unknown", "H3"),
        (8, None, "receipt_unconfirmed", "C3"),
    ],
)
def test_each_bad_receipt_is_a_finding_at_its_cell(
    tmp_path: Path, at: int, value: object, rule: str, cell: str
) -> None:
    line: list[object] = ["湖头镇", "豇豆", "2023-03-10 16:20", "微信", "a.xlsx", "首报", "全量", "有", "林登记"]
    line[at] = value
    round_ = opened(tmp_path, "收件登记.xlsx", RECEIPTS, line)
    assert (rule, cell) in against(round_, "收件登记.xlsx")
    assert round_.records["status"].tolist() == ["accepted"]


def test_a_good_receipt_says_nothing(tmp_path: Path) -> None:
    line = ["湖头镇", "豇豆", "2023-03-10 16:20", "微信", "a", "首报", None, "有", "林登记"]
    round_ = opened(tmp_path, "收件登记.xlsx", RECEIPTS, line)
    assert against(round_, "收件登记.xlsx") == []
    assert round_.receipts["file"].tolist() == ["a.xlsx"]


def test_two_files_of_one_name_need_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "2023-03"
    for name in ("甲", "乙"):
        write_book(folder / name / "a.xlsx", {"S": collection_sheet(grower(种养殖主体=f"林{name}"))})
    lines = [
        ["湖头镇", "豇豆", "2023-03-10 16:20", None, text, None, None, None, "林"] for text in ("a.xlsx", "甲/a.xlsx")
    ]
    write_book(folder / "收件登记.xlsx", {"T": [RECEIPTS, *lines]})
    round_ = om.open_round(folder)
    assert round_.receipts["file"].tolist() == ["", "甲/a.xlsx"]
    assert against(round_, "收件登记.xlsx") == [("receipt_file_ambiguous", "E2")]


def test_contacts_one_row_a_duty(tmp_path: Path) -> None:
    round_ = opened(
        tmp_path, "附件2.xlsx", CONTACTS,
        ["县级", "安溪县农业农村局", "牵头负责人", None, "陈局", "副局长", "0595-23280000"],
        ["乡镇", "湖头镇农业农村办", "具体责任人", "豇豆、韭菜", "林办", "干部", 13900000009],
        ["乡镇", "湖头镇", "联络人", None, "王办", None, "1390000"],
        ["乡镇", "桃花源", "具体责任人", None, "李办", None, "13900000010"],
    )  # fmt: skip
    listed = round_.contacts
    assert listed["level"].tolist() == ["county", "township", "township", "township"]
    assert listed["township_code"].fillna("").tolist() == ["", "350524102", "350524102", ""]
    assert listed["role"].fillna("").tolist() == ["lead", "keeper", "", "keeper"]
    assert listed["products"].fillna("").tolist() == ["", "cowpea;chinese_chive", "", ""]
    assert listed["phone"].fillna("").tolist() == ["0595-23280000", "13900000009", "", "13900000010"]
    assert listed["source_cell"].tolist() == ["E3", "E4", "E5", "E6"]
    assert listed["round"].unique().tolist() == ["2023-03"]
    assert against(round_, "附件2.xlsx") == [
        ("contact_role_unknown", "C5"), ("phone_invalid", "G5"), ("ledger_township_unknown", "A6"),
    ]  # fmt: skip


def test_contacts_both_duties_side_by_side(tmp_path: Path) -> None:
    header = [
        "乡镇",
        "牵头负责人",
        "牵头负责人职务",
        "牵头负责人电话",
        "具体责任人",
        "具体责任人职务",
        "具体责任人电话",
    ]
    round_ = opened(
        tmp_path,
        "联系方式.xlsx",
        header,
        ["湖头镇", "甲", "副镇长", "13900000001", "乙", None, "13900000002"],
        ["感德镇", "丙", None, None, None, None, None],
    )
    listed = round_.contacts[["township", "role", "name", "duty", "phone", "source_cell"]].fillna("")
    assert listed.to_numpy().tolist() == [
        ["湖头镇", "lead", "甲", "副镇长", "13900000001", "B3"],
        ["湖头镇", "keeper", "乙", "", "13900000002", "E3"],
        ["感德镇", "lead", "丙", "", "", "B4"],
    ]


def test_a_contact_list_comes_from_the_nearest_earlier_round_and_that_is_said(tmp_path: Path) -> None:
    for name, keeper in (("2022-12", "旧"), ("2023-01", "新")):
        write_book(
            tmp_path / name / "附件2.xlsx",
            {"S": [CONTACTS, ["乡镇", "湖头镇", "具体责任人", None, keeper, None, "13900000001"]]},
        )
    write_book(tmp_path / "2023-03" / "a.xlsx", {"S": collection_sheet(grower())})
    round_ = om.open_round(tmp_path / "2023-03")
    assert round_.contacts[["round", "name"]].to_numpy().tolist() == [["2023-01", "新"]]
    said = round_.findings.loc[round_.findings["rule"] == "carried_forward", "message"]
    assert said.str.contains("附件2联系方式，沿用 2023-01").sum() == 1


def test_an_export_and_typed_counts(tmp_path: Path) -> None:
    round_ = opened(
        tmp_path,
        "平台导出.xlsx",
        UPLOADS,
        ["湖头镇", "林小样", "豇豆", "2.5亩", "2023-03-12 08:00"],
        [None, None, "豇豆", None, "2023-03-12"],
        ["湖头镇", "王", "蔬菜", None, "三月"],
    )
    loaded = round_.uploads
    assert loaded["basis"].tolist() == ["entry"] * 3
    assert loaded["count"].tolist() == [1, 1, 1]
    assert loaded.iloc[0][["township_code", "subject_name", "product", "source_cell"]].tolist() == [
        "350524102",
        "林小样",
        "cowpea",
        "E3",
    ]
    assert loaded.iloc[0]["uploaded_at"] == pd.Timestamp(2023, 3, 12, 8)
    assert against(round_, "平台导出.xlsx") == [
        ("ledger_township_unknown", "A4"), ("upload_subject_missing", "B4"), ("date_unreadable", "E5"), ("ledger_product_unknown", "C5"),
    ]  # fmt: skip


def test_counts_that_are_no_counts(tmp_path: Path) -> None:
    rows = [
        ["湖头镇", "豇豆", "12"],
        ["感德镇", "豇豆", "约20"],
        ["感德镇", "芹菜", 3],
        ["感德镇", "西芹", 4],
        ["官桥镇", "豇豆", -1],
    ]
    round_ = opened(tmp_path, "已录入.xlsx", ["乡镇", "产品", "已录入数"], *rows)
    assert round_.uploads["basis"].unique().tolist() == ["count"]
    assert round_.uploads["count"].fillna(-9).tolist() == [12, -9, -9, -9, -9]
    assert against(round_, "已录入.xlsx") == [
        ("count_unreadable", "C4"),
        ("count_twice", "C5"),
        ("count_twice", "C6"),
        ("count_unreadable", "C7"),
    ]


def test_rapid_tests(tmp_path: Path) -> None:
    round_ = opened(
        tmp_path, "快检.xlsx", TESTS,
        ["Y1", "湖头镇", "林小样", "豇豆", "2023-03-10", "克百威", "合格", "12.5%", "%", None],
        ["Y2", "湖头镇", "林小样", "豇豆", "2023-03-11", "毒死蜱", "阳性", "未检出", None, "复检 13900000001"],
        ["Y3", "湖头镇", "林小样", "豇豆", "某日", "毒死蜱", "不好说", "偏低", None, None],
        ["Y4", "湖头镇", "林小样", "豇豆", "2023-03-12", "毒死蜱", None, None, None, None],
    )  # fmt: skip
    tests = round_.rapid_tests
    assert tests["result"].fillna("").tolist() == ["pass", "fail", "", ""]
    assert tests["value"].tolist()[0] == 12.5
    assert tests["value"].isna().tolist() == [False, True, True, True]
    assert tests["sampled_on"].fillna("").tolist() == ["2023-03-10", "2023-03-11", "", "2023-03-12"]
    assert tests["product"].tolist() == ["cowpea"] * 4
    assert tests["source_cell"].tolist() == ["G3", "G4", "G5", "G6"]
    assert tests["remark"].iat[1] == "复检 139****0001"
    assert against(round_, "快检.xlsx") == [
        ("date_unreadable", "E5"),
        ("ledger_word_unknown", "G5"),
        ("test_value_unreadable", "H5"),
        ("test_result_missing", "G6"),
    ]
