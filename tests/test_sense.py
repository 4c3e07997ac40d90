"""Every rule of judgement fires at its cell in a real sheet, and stays silent beside it."""

import csv
import random
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from books import COLLECTION_HEADER, REGISTRY_HEADER, collection_sheet, grower, write_book

import originmap as om
from originmap.findings import RULES, closest
from originmap.rules import REFERENCE, RulesError, load_rules
from originmap.sample.doubts import asked_in_vain

PIG = {"产品名称": "生猪", "种养规模": "60头", "生产方式": None, "追溯方式": "动物检疫合格证", "茬次": None}
WINDOW, POINT = "预计上市时间/下市时间", "点位经纬度"
TESTS = Path(__file__).parent


def opened(tmp_path: Path, rows: object, name: str = "a.xlsx", sheet: str = "S", **more: object) -> om.Round:
    write_book(tmp_path / "2023-03" / name, {sheet: rows, **more})  # type: ignore[dict-item]
    return om.open_round(tmp_path / "2023-03")


def judged(tmp_path: Path, *rows: list[object]) -> pd.DataFrame:
    """Return the findings against one sheet of these rows; the first stands in row 3."""
    findings = opened(tmp_path, collection_sheet(*rows)).findings
    return findings[findings["file"] == "a.xlsx"].reset_index(drop=True)


def of(findings: pd.DataFrame, rule: str) -> pd.DataFrame:
    return findings[findings["rule"] == rule]


def many(count: int, **changes: object) -> list[list[object]]:
    """Return rows of different subjects who have nothing in common but `changes`; a callable gets the row's number."""
    rows = []
    for n in range(count):
        own: dict[str, object] = {
            "种养殖主体": f"林小{chr(0x4E00 + n)}",
            "联系人": f"林小{chr(0x4E00 + n)}",
            "电话": f"1390000{n:04d}",
            "基地地址": f"前溪村{n + 1}号地",
            POINT: f"118.05{n:04d},25.23{n:04d}",
        }
        rows.append(grower(**own | {key: value(n) if callable(value) else value for key, value in changes.items()}))
    return rows


# ---- one row ----

FIRES = [
    ({"联系人": None}, "contact_name_missing", "F3", "林小样"),
    ({"联系人": "无"}, "contact_name_missing", "F3", "林小样"),
    ({"基地地址": None}, "base_address_missing", "J3", ""),
    ({"基地地址": "同上"}, "base_address_missing", "J3", ""),
    ({"生产方式": None}, "production_mode_missing", "M3", ""),
    ({"追溯方式": None}, "trace_methods_missing", "N3", ""),
    ({"信用等级": None}, "credit_grade_missing", "O3", ""),
    ({"网格化监管员": None}, "supervisor_name_missing", "R3", ""),
    ({"监管员电话": None}, "supervisor_phone_missing", "S3", ""),
    ({"信息采集员": None}, "collector_name_missing", "T3", ""),
    ({"采集员电话": None}, "collector_phone_missing", "U3", ""),
    ({POINT: None}, "point_missing", "K3", ""),
    ({WINDOW: None}, "window_missing", "L3", ""),
    ({"主体类型": None, "种养殖主体": "青山蔬菜专业合作社"}, "subject_type_missing", "E3", "农民专业合作社"),
    ({"种养殖主体": "青山蔬菜专业合作社"}, "subject_type_contradicts", "E3", "农民专业合作社"),
    ({"种养殖主体": "青山家庭农场", "主体类型": "企业"}, "subject_type_contradicts", "E3", "家庭农场"),
    ({"种养殖主体": "青山农业有限公司", "主体类型": "合作社"}, "subject_type_contradicts", "E3", "农产品生产企业"),
    ({"种养殖主体": "青山蔬菜收购点"}, "subject_type_contradicts", "E3", "产地收购商"),
    ({"主体类型": "产地收购商"}, "buyer_noted", "I3", ""),
    (PIG | {"生产方式": "设施"}, "production_mode_on_livestock", "M3", ""),
    (PIG | {"茬次": "第一茬"}, "cropping_on_livestock", "P3", ""),
    ({"追溯方式": "合格证、耳标"}, "trace_contradicts", "N3", "承诺达标合格证"),
    (PIG | {"追溯方式": "合格证"}, "trace_lacks_animal_proof", "N3", ""),
    ({WINDOW: "2023年7月-2023年5月"}, "window_backwards", "L3", "2023-05-01至2023-07-31"),
    ({WINDOW: "2023年5月-2024年8月"}, "window_too_long", "L3", ""),
    ({WINDOW: "2022年5-7月"}, "window_past", "L3", "2023-05-01至2023-07-31"),
    ({"采集日期": "2022-03-05"}, "date_implausible", "Q3", "2023-03-05"),
    ({"采集日期": "2023-04-01"}, "date_implausible", "Q3", ""),
    ({"村": "汤投村"}, "village_unknown", "C3", "汤头村"),
    ({"村": "云外新村"}, "village_unknown", "C3", ""),
    ({"村": "祥都社区"}, "village_elsewhere", "C3", ""),
    ({"基地地址": "安溪县官桥镇前溪村1号地"}, "address_township_differs", "J3", ""),
    ({POINT: "118.04848,25.22979"}, "point_on_seat", "K3", ""),
    ({"种养规模": 2000}, "size_implausible", "I3", "3亩"),
    ({"生产方式": "半露地"}, "production_mode_unknown", "M3", "露地"),
    ({"产品名称": "豇豆豆"}, "product_unknown", "H3", "豇豆"),
    ({"乡镇": "湖头真"}, "township_unknown", "B3", "湖头镇"),
]  # fmt: skip

SILENT = [
    ({"联系人": None, "电话": "林小样 13900000001"}, "contact_name_missing"),
    ({"基地地址": "无名路1号"}, "base_address_missing"),
    (PIG, "production_mode_missing"),
    ({"生产方式": None, "主体类型": "产地收购商"}, "production_mode_missing"),
    ({"监管员电话": None, "网格化监管员": "监小样 13900001001"}, "supervisor_phone_missing"),
    ({"采集员电话": "1390000"}, "collector_phone_missing"),
    ({"种养殖主体": "青山蔬菜专业合作社", "主体类型": "合作社"}, "subject_type_contradicts"),
    ({"种养殖主体": "青山合作社有限公司", "主体类型": "企业"}, "subject_type_contradicts"),
    ({"种养殖主体": "青山收购有限公司", "主体类型": "企业"}, "subject_type_contradicts"),
    ({"种养殖主体": "青山农业有限公司", "主体类型": "产地收购商"}, "subject_type_contradicts"),
    ({"种养规模": 200}, "subject_type_contradicts"),
    ({"主体类型": "产地收购商", "种养规模": None}, "buyer_noted"),
    ({}, "production_mode_on_livestock"),
    ({}, "cropping_on_livestock"),
    (PIG | {"追溯方式": "耳标、合格证"}, "trace_contradicts"),
    (PIG | {"产品名称": "鸡蛋", "种养规模": 800, "追溯方式": "合格证"}, "trace_lacks_animal_proof"),
    ({WINDOW: "10月至次年3月"}, "window_backwards"),
    ({WINDOW: "全年"}, "window_too_long"),
    ({WINDOW: "4-6月、9-11月"}, "window_too_long"),
    ({WINDOW: "10月至次年3月"}, "window_past"),
    ({WINDOW: "2022年10月-2023年1月"}, "window_past"),
    ({WINDOW: "2023年5-7月", "采集日期": "2032-03-05"}, "window_past"),
    ({"采集日期": "2022-12-01"}, "date_implausible"),
    ({"采集日期": "2023-03-31"}, "date_implausible"),
    ({"村": "前溪"}, "village_unknown"),
    ({"村": "前溪村委会"}, "village_unknown"),
    ({"村": "湖头镇前溪村3组"}, "village_unknown"),
    ({"基地地址": "湖头镇前溪村，近官桥镇界"}, "address_township_differs"),
    ({"基地地址": "官桥头1号地"}, "address_township_differs"),
    ({POINT: "118.04878,25.22979"}, "point_on_seat"),
    ({"种养规模": "300亩"}, "size_implausible"),
]  # fmt: skip


@pytest.fixture(scope="module")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> om.Round:
    """All cases as sheets of one row each, opened once."""
    cases = [changes for changes, *_ in (*FIRES, *SILENT)]
    folder = tmp_path_factory.mktemp("cases") / "2023-03"
    write_book(folder / "a.xlsx", {f"S{at}": collection_sheet(grower(**changes)) for at, changes in enumerate(cases)})
    return om.open_round(folder)


@pytest.mark.parametrize("at", range(len(FIRES)), ids=[f"{at}-{case[1]}" for at, case in enumerate(FIRES)])
def test_a_doubt_is_named_at_its_cell(sheets: om.Round, at: int) -> None:
    _, rule, cell, proposal = FIRES[at]
    own = of(sheets.findings, rule)
    own = own[own["sheet"] == f"S{at}"]
    assert own[["cell", "proposal"]].to_numpy().tolist() == [[cell, proposal]]
    assert "{" not in own["message"].item()


@pytest.mark.parametrize("at", range(len(SILENT)), ids=[f"{at}-{case[1]}" for at, case in enumerate(SILENT)])
def test_what_only_looks_like_it_is_let_pass(sheets: om.Round, at: int) -> None:
    own = of(sheets.findings, SILENT[at][1])
    assert f"S{len(FIRES) + at}" not in own["sheet"].tolist()


def test_no_doubt_blocks_a_row(sheets: om.Round) -> None:
    blocked = {f"S{at}" for at, (_, rule, *_) in enumerate(FIRES) if RULES[rule].blocks}
    quarantined = sheets.records.loc[sheets.records["status"] == "quarantined", "source_sheet"]
    sizeless = {f"S{len(FIRES) + at}" for at, (changes, _) in enumerate(SILENT) if changes.get("种养规模", 1) is None}
    assert set(quarantined) == blocked | sizeless


def test_a_missing_phone_is_shown_where_it_would_stand(tmp_path: Path) -> None:
    head = ["乡镇", "主体名称", "主体类型", "负责人", "品种", "面积", "坐标", "上市期"]
    rows = [
        ["湖头镇", "林小样", "农户", f"林小样{phone}", "豇豆", 2, f"118.05{n},25.23", "5-7月"]
        for n, phone in enumerate((" 13900000001", "", " 13900000003", " 13900000004"))
    ]
    findings = opened(tmp_path, [["采集表（样例数据）"], head, *rows]).findings
    assert of(findings, "phone_missing")["cell"].tolist() == ["D4"]


# ---- whole columns ----


def test_a_column_that_a_sheet_lacks_is_one_finding_at_its_header(tmp_path: Path) -> None:
    keep = [at for at, name in enumerate(COLLECTION_HEADER) if name not in ("信用等级", "监管员电话")]
    rows = [
        ["采集表（样例数据）"],
        ["填报日期：2023年3月1日"],
        *([row[at] for at in keep] for row in (COLLECTION_HEADER, *many(5))),
    ]
    findings = opened(tmp_path, rows).findings
    missing = of(findings, "column_missing")
    assert missing[["field", "cell", "row"]].to_numpy().tolist() == [
        ["credit_grade", "A3", 3],
        ["supervisor_phone", "A3", 3],
    ]
    assert "信用等级" in missing["message"].iloc[0]
    assert not findings["rule"].isin(["credit_grade_missing", "supervisor_phone_missing"]).any()
    assert (missing["record_id"] == "").all()


def test_a_column_left_blank_throughout_is_one_finding_one_filled_in_part_is_not(tmp_path: Path) -> None:
    blank = judged(tmp_path / "a", *many(3, 信用等级=None))
    assert of(blank, "column_missing")["cell"].tolist() == ["O2"]
    assert of(blank, "credit_grade_missing").empty
    part = judged(tmp_path / "b", *many(3, 信用等级=lambda n: None if n else "A"))
    assert of(part, "credit_grade_missing")["cell"].tolist() == ["O4", "O5"]
    assert of(part, "column_missing").empty
    few = judged(tmp_path / "c", *many(2, 信用等级=None))
    assert of(few, "credit_grade_missing")["cell"].tolist() == ["O3", "O4"]


def test_people_in_one_column_and_livestock_without_a_mode_lack_nothing(tmp_path: Path) -> None:
    head = ["乡镇", "主体名称", "主体类型", "联系人及电话", "品种", "存栏量", "地址", "坐标", "上市期", "追溯方式", "信用",
            "网格员及电话", "采集员及电话"]  # fmt: skip
    rows = [
        ["湖头镇", "林小样", "农户", f"林小样 1390000000{n}", "生猪", 60, f"前溪村{n}号", f"118.05{n},25.23", "全年", "耳标", "A",
         "监小样 13900001001", "采小样 13900001002"]
        for n in range(4)
    ]  # fmt: skip
    findings = opened(tmp_path, [["采集表（样例数据）"], head, *rows]).findings
    assert findings[findings["file"] == "a.xlsx"].empty


def test_the_sample_knows_what_a_layout_lacks() -> None:
    columns = dict.fromkeys(["contact", "point", "market_from", "supervisor", "collector_name", "subject_type"], 1)
    lacking = asked_in_vain(columns, [])
    assert lacking == ["base_address", "trace_methods", "credit_grade", "collector_phone"]


# ---- sheets ----


def test_a_row_of_another_product_than_its_sheet_is_named(tmp_path: Path) -> None:
    rows = many(4, 产品名称=lambda n: "芹菜" if n == 2 else "豇豆")
    findings = opened(tmp_path / "a", collection_sheet(*rows, title="豇豆采集表（样例数据）")).findings
    assert of(findings, "product_differs_from_sheet")["cell"].tolist() == ["H5"]
    # Where most rows differ it is the title that is off.
    rows = many(4, 产品名称=lambda n: "豇豆" if n == 2 else "芹菜")
    findings = opened(tmp_path / "b", collection_sheet(*rows, title="豇豆采集表（样例数据）")).findings
    assert of(findings, "product_differs_from_sheet")["cell"].tolist() == ["H3"]
    findings = opened(tmp_path / "c", collection_sheet(*rows)).findings
    assert of(findings, "product_differs_from_sheet").empty


# ---- rows among each other ----


def test_one_phone_under_many_subjects_is_named_masked_in_every_row(tmp_path: Path) -> None:
    shared = judged(tmp_path / "a", *many(3, 电话="13912345678"), grower(电话="13900009999", 种养殖主体="陈小样"))
    found = of(shared, "phone_shared")
    assert found["cell"].tolist() == ["G3", "G4", "G5"]
    assert found["message"].unique().tolist() == ["电话 139****5678 同时填在 3 个主体名下，请核实"]
    assert of(judged(tmp_path / "b", *many(2, 电话="13912345678")), "phone_shared").empty
    own = [
        grower(电话="13912345678", 基地地址=f"前溪村{n}号地", 种养殖主体=name)
        for n, name in enumerate(["林小样", "林 小样", "林小样", "陈小样"])
    ]
    assert of(judged(tmp_path / "c", *own), "phone_shared").empty
    assert of(judged(tmp_path / "d", *many(4, 电话="139****5678")), "phone_shared").empty


def test_a_second_number_of_a_cell_counts_too(tmp_path: Path) -> None:
    rows = many(3, 电话=lambda n: f"1390000{n:04d}、13912345678")
    assert of(judged(tmp_path, *rows), "phone_shared")["cell"].tolist() == ["G3", "G4", "G5"]


def test_an_officials_phone_in_a_growers_cell_is_noted_unless_it_is_his_own(tmp_path: Path) -> None:
    rows = [grower(电话="13900001002"), grower(种养殖主体="采小样", 联系人="采小样", 电话="13900001002")]
    found = of(judged(tmp_path, *rows), "phone_of_official")
    assert found[["cell", "severity"]].to_numpy().tolist() == [["G3", "note"]]
    assert "采小样" in found["message"].item()


def test_many_subjects_on_one_point_are_named_few_are_not(tmp_path: Path) -> None:
    found = of(judged(tmp_path / "a", *many(4, 点位经纬度="118.0501,25.2301")), "point_shared")
    assert found["cell"].tolist() == ["K3", "K4", "K5", "K6"]
    assert of(judged(tmp_path / "b", *many(3, 点位经纬度="118.0501,25.2301")), "point_shared").empty
    near = many(4, 点位经纬度=lambda n: f"118.0501{n},25.2301")
    assert of(judged(tmp_path / "c", *near), "point_shared").empty
    seat = judged(tmp_path / "d", *many(4, 点位经纬度="118.04848,25.22979"))
    assert of(seat, "point_shared").empty
    assert len(of(seat, "point_on_seat")) == 4


PASTED = [
    ("电话", "13912345678", "G"),
    ("联系人", "林小样", "F"),
    ("基地地址", "前溪村村部旁大棚", "J"),
    (POINT, "118.0501,25.2301", "K"),
    ("种养规模", 2.37, "I"),
]


@pytest.mark.parametrize(("header", "value", "letter"), PASTED)
def test_one_text_down_a_column_is_one_finding_at_its_first_cell(
    tmp_path: Path, header: str, value: object, letter: str
) -> None:
    rows = many(10, **{header: lambda n: value if n else None})
    found = of(judged(tmp_path / "a", *rows), "column_pasted")
    assert found["cell"].tolist() == [f"{letter}4"]
    assert f"到 {letter}12，共 9 行" in found["message"].item()
    short = many(9, **{header: lambda n: value if n not in (0, 4) else None})
    assert of(judged(tmp_path / "b", *short), "column_pasted").empty


def test_what_may_well_be_the_same_on_end_is_not_pasted(tmp_path: Path) -> None:
    assert of(judged(tmp_path / "a", *many(10, 种养规模=2.5)), "column_pasted").empty
    assert of(judged(tmp_path / "b", *many(10, 基地地址="湖头镇前溪村")), "column_pasted").empty
    one = many(10, 种养殖主体=lambda n: f"林小{'甲乙'[n % 2]}", 基地地址="前溪村村部旁大棚")
    assert of(judged(tmp_path / "c", *one), "column_pasted").empty
    halves = {
        name: collection_sheet(*many(12, 基地地址="前溪村村部旁大棚")[start : start + 6])
        for name, start in (("T", 0), ("U", 6))
    }
    apart = opened(tmp_path / "d", collection_sheet(grower()), **halves).findings
    assert of(apart, "column_pasted").empty


# ---- sizes among peers ----

USUAL = [0.8, 1.0, 1.2, 1.5, 1.8, 2.0, 2.5, 3.0]


def test_a_size_that_only_fits_in_another_unit_is_named_with_that_reading(tmp_path: Path) -> None:
    rows = many(24, 种养规模=lambda n: USUAL[n % 8] if n != 5 else 250)
    found = of(judged(tmp_path / "a", *rows), "size_beside_peers")
    # 250 ㎡ are 0.375 亩; 25 亩 (分) or 3750 亩 (公顷) would be as odd as 250.
    assert found[["cell", "proposal"]].to_numpy().tolist() == [["I8", "0.38亩"]]
    few = many(15, 种养规模=lambda n: USUAL[n % 8] if n != 5 else 250)
    assert of(judged(tmp_path / "b", *few), "size_beside_peers").empty
    large = many(24, 种养规模=lambda n: USUAL[n % 8] if n != 5 else 21.3)
    assert of(judged(tmp_path / "c", *large), "size_beside_peers").empty


def test_households_and_companies_are_each_other_no_measure(tmp_path: Path) -> None:
    def size(n: int) -> float:
        return USUAL[n % 8] * (1 if n < 24 else 40)

    rows = many(48, 种养规模=size, 主体类型=lambda n: "农户" if n < 24 else "企业")
    assert of(judged(tmp_path, *rows), "size_beside_peers").empty


def test_birds_counted_in_ten_thousands_are_read_so(tmp_path: Path) -> None:
    hens = {"产品名称": "鸡蛋", "追溯方式": "合格证", "生产方式": None, "茬次": None}
    rows = many(25, **hens, 种养规模=lambda n: (1 + n % 7) * 2000 if n else 1.2)
    found = of(judged(tmp_path, *rows), "size_implausible")
    assert found[["cell", "proposal"]].to_numpy().tolist() == [["I3", "12000只"]]


@pytest.mark.parametrize(("word", "factor"), [("平方米", 0.0015), ("分", 0.1), ("公顷", 15.0)])
def test_a_whole_column_in_another_unit_is_one_finding_and_each_row_has_its_reading(
    tmp_path: Path, word: str, factor: float
) -> None:
    good = many(24, 种养规模=lambda n: USUAL[n % 8])
    odd = many(8, 种养殖主体=lambda n: f"陈小{n}", 种养规模=lambda n: round(USUAL[n] / factor, 3))
    findings = opened(tmp_path, collection_sheet(*good), T=collection_sheet(*odd)).findings
    sheet = of(findings, "unit_beside_peers")
    assert sheet[["sheet", "cell", "proposal"]].to_numpy().tolist() == [["T", "I2", word]]
    rows = findings[findings["rule"].isin(["size_beside_peers", "size_implausible"])].sort_values("row")
    assert rows["sheet"].unique().tolist() == ["T"]
    readings = rows["proposal"].str.removesuffix("亩").astype(float).tolist()
    assert readings == pytest.approx(USUAL, abs=0.08)


def test_a_sheet_alone_or_of_a_few_rows_is_no_evidence_of_a_unit(tmp_path: Path) -> None:
    alone = judged(tmp_path / "a", *many(24, 种养规模=lambda n: USUAL[n % 8] * 10))
    assert of(alone, "unit_beside_peers").empty
    good, odd = many(24, 种养规模=lambda n: USUAL[n % 8]), many(4, 种养规模=lambda n: USUAL[n] * 10)
    few = opened(tmp_path / "b", collection_sheet(*good), T=collection_sheet(*odd)).findings
    assert of(few, "unit_beside_peers").empty


def test_a_registry_is_judged_by_what_subjects_are_and_where(tmp_path: Path) -> None:
    rows = [
        [
            "湖头镇",
            "前溪村",
            f"林小{chr(0x4E00 + n)}",
            "农户",
            "林小样",
            "13900000001",
            "豇豆",
            USUAL[n % 8],
            "亩",
            "前溪村",
        ]
        for n in range(24)
    ]
    rows[3][2], rows[4][1], rows[5][9], rows[6][7] = "青山专业合作社", "祥都社区", "官桥镇前溪村", 250
    findings = opened(tmp_path, [["名录（样例数据）"], REGISTRY_HEADER, *rows]).findings
    own = findings[(findings["file"] == "a.xlsx")]
    assert own[["rule", "cell"]].to_numpy().tolist() == [
        ["subject_type_contradicts", "D6"],
        ["village_elsewhere", "B7"],
        ["address_township_differs", "J8"],
        ["size_beside_peers", "H9"],
    ]


# ---- all of them ----


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_rows_changes_no_finding_but_that_of_runs(tmp_path: Path, seed: int) -> None:
    rows = [grower(**({"种养殖主体": f"王小{n}"} | changes)) for n, (changes, _, _, _) in enumerate(FIRES)]
    rows += many(24, 种养规模=lambda n: USUAL[n % 8] if n != 5 else 250, 基地地址="前溪村村部旁大棚")
    shuffled = rows[:]
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - any order will do
    kept = ["rule", "field", "value", "message", "proposal", "record_id"]
    runs = ["column_pasted", "possible_duplicate", "duplicate_row"]  # these name rows by where they stand

    def said(folder: str, lines: list[list[object]]) -> list[list[object]]:
        findings = judged(tmp_path / folder, *lines)
        findings = findings[~findings["rule"].isin(runs)]
        return sorted(findings[kept].to_numpy().tolist())

    one = said("one", rows)
    assert one == said("two", shuffled)
    assert len(one) > 60


def test_a_threshold_is_an_edit_of_the_rules_alone(tmp_path: Path) -> None:
    rows = many(2, 电话="13912345678")
    assert of(judged(tmp_path, *rows), "phone_shared").empty
    (tmp_path / "2023-03" / "round.toml").write_text("[judging]\nshared_phone_subjects = 2\n", encoding="utf-8")
    assert len(of(om.open_round(tmp_path / "2023-03").findings, "phone_shared")) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[judging]\npeers = 0", "judging.peers"),
        ("[judging]\npaste_rows = 8", "pasted_rows"),
        ("[judging.traces]\nnever_on_crops = ['ear']", "judging.traces"),
        ("[judging.scales]\nbird = { '万只' = -1.0 }", "judging.scales.bird"),
        ("[judging]\nplaceholders = [3]", "judging.placeholders"),
    ],
)
def test_a_wrong_entry_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RulesError, match=message):
        load_rules(tmp_path / "own.toml")


def test_the_section_is_required(tmp_path: Path) -> None:
    shutil.copytree(REFERENCE, tmp_path / "reference")
    path = tmp_path / "reference" / "rules.toml"
    whole = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^shared_phone_subjects.*$", "", whole), encoding="utf-8")
    with pytest.raises(RulesError, match=r"judging\.shared_phone_subjects"):
        load_rules(reference=tmp_path / "reference")
    path.write_text(re.sub(r"(?ms)^\[judging\].*?(?=^# ---- Coverage)", "", whole), encoding="utf-8")
    with pytest.raises(RulesError, match=r"\[judging\]"):
        load_rules(reference=tmp_path / "reference")


def test_two_equal_likenesses_or_a_column_of_something_else_propose_nothing() -> None:
    assert closest(pd.Series(["美发村"], dtype="str"), ["美法村", "美岭村"], 0.6).tolist() == [""]
    many_texts = pd.Series([f"美法村{n}" for n in range(600)], dtype="str")
    assert (closest(many_texts, ["美法村"], 0.6) == "").all()
    assert closest(pd.Series(["水芹"], dtype="str"), ["芹菜"], 0.5, but=["水芹"]).tolist() == [""]


def test_a_sheet_of_two_kinds_at_once_is_not_guessed(tmp_path: Path) -> None:
    head = ["主体名称", "面积", "坐标", "生产方式", "采集员", "品种", "联系人"]
    rows = [["表（样例数据）"], head, ["林小样", 2, "118.05,25.23", "露地", "采小样", "豇豆", "林小样"]]
    round_ = opened(tmp_path, rows)
    assert len(of(round_.findings, "sheet_ambiguous")) == 1
    assert round_.records.empty


def test_nothing_grown_beside_rows_is_unclear_without_a_product(tmp_path: Path) -> None:
    found = of(judged(tmp_path / "a", grower(), [2, "湖头镇", None, "无"]), "zero_report_unclear")
    assert found["cell"].tolist() == ["D4"]
    named = judged(tmp_path / "b", grower(), [2, "湖头镇", None, "无", None, None, None, "芹菜"])
    assert of(named, "zero_report_unclear").empty


def test_every_rule_is_planted_in_the_sample_or_shown_in_a_test() -> None:
    with (om.rounds.PROJECT / "data" / "sample" / "anxi" / "truth" / "mistakes.csv").open(encoding="utf-8") as stream:
        planted = {row["rule"] for row in csv.DictReader(stream)}
    quoted = {
        text for path in TESTS.glob("test_*.py") for text in re.findall(r'"(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert [rule for rule in RULES if rule not in planted | quoted] == []
