"""A folder becomes a round: judged, placed, carried forward, the same whatever its files are called."""

from pathlib import Path

import pandas as pd
import pytest
from books import area_sheet, collection_sheet, grower, write_book

import originmap as om
from originmap.checks import RECORD_COLUMNS, REGISTRY_COLUMNS
from originmap.findings import FINDING_COLUMNS
from originmap.rounds import InboxError
from originmap.rules import RulesError

COW = {"种养规模": "6头", "生产方式": None, "追溯方式": "动物检疫合格证", "茬次": None}


def findings_of(round_: om.Round, rule: str) -> pd.DataFrame:
    return round_.findings[round_.findings["rule"] == rule]


def one_row(tmp_path: Path, **changes: object) -> om.Round:
    write_book(tmp_path / "2023-03" / "a.xlsx", {"S": collection_sheet(grower(**changes))})
    return om.open_round(tmp_path / "2023-03")


def test_a_good_row_is_accepted_without_a_word(tmp_path: Path) -> None:
    round_ = one_row(tmp_path)
    assert list(round_.records.columns) == RECORD_COLUMNS
    assert list(round_.registry.columns) == REGISTRY_COLUMNS
    assert list(round_.findings.columns) == FINDING_COLUMNS
    row = round_.records.iloc[0]
    expected = {
        "round": "2023-03",
        "township_code": "350524102",
        "village": "前溪村",
        "subject_type": "household",
        "contact_phone": "13900000001",
        "product": "cowpea",
        "plot_key": "前溪村1号地",
        "cropping": "1",
        "size_value": 2.5,
        "size_unit": "mu",
        "area_mu": 2.5,
        "lon": 118.0501,
        "lat": 25.2301,
        "coord_status": "ok",
        "market_windows": "2023-05-01/2023-07-31",
        "market_from": "2023-05-01",
        "market_to": "2023-07-31",
        "production_mode": "open",
        "trace_methods": "certificate",
        "credit_grade": "A",
        "collected_on": "2023-03-05",
        "in_scope": True,
        "status": "accepted",
        "source_row": 3,
    }
    assert {name: row[name] for name in expected} == expected
    assert round_.cell(row, "size") == "a.xlsx〔S〕I3"
    own = round_.findings[round_.findings["file"] == "a.xlsx"]
    assert own.empty, own
    assert round_.is_sample


@pytest.mark.parametrize(
    ("changes", "rule", "cell", "status"),
    [
        ({"种养殖主体": None}, "subject_missing", "D3", "quarantined"),
        ({"主体类型": None}, "subject_type_missing", "E3", "accepted"),
        ({"主体类型": "其它"}, "subject_type_unknown", "E3", "accepted"),
        ({"电话": None}, "phone_missing", "G3", "accepted"),
        ({"电话": "1390000"}, "phone_invalid", "G3", "accepted"),
        ({"电话": "1.39E+10"}, "phone_float", "G3", "accepted"),
        ({"产品名称": "四季豆"}, "product_unknown", "H3", "quarantined"),
        ({"产品名称": "菜豆"}, "product_ambiguous", "H3", "quarantined"),
        ({"产品名称": None}, "product_missing", "H3", "quarantined"),
        ({"产品名称": "豆角"}, "product_alias_noted", "H3", "accepted"),
        ({"产品名称": "牛", **COW}, "product_alias_doubtful", "H3", "accepted"),
        ({"种养规模": None}, "size_missing", "I3", "quarantined"),
        ({"种养规模": "若干"}, "size_unreadable", "I3", "quarantined"),
        ({"种养规模": "30头"}, "size_unit_mismatch", "I3", "quarantined"),
        ({"种养规模": 2000}, "size_implausible", "I3", "quarantined"),
        ({"种养规模": "3分"}, "below_threshold", "I3", "accepted"),
        ({"点位经纬度": None}, "point_missing", "K3", "accepted"),
        ({"点位经纬度": "见地图"}, "point_unreadable", "K3", "accepted"),
        ({"点位经纬度": "0,0"}, "point_zero", "K3", "accepted"),
        ({"点位经纬度": "25.2301,118.0501"}, "point_swapped", "K3", "accepted"),
        ({"点位经纬度": "1180501,252301"}, "point_decimal_lost", "K3", "accepted"),
        ({"点位经纬度": "128.05,25.23"}, "point_far", "K3", "accepted"),
        ({"点位经纬度": "117.6201,25.2701"}, "point_outside", "K3", "accepted"),
        ({"预计上市时间/下市时间": "待定"}, "window_unreadable", "L3", "accepted"),
        ({"预计上市时间/下市时间": None}, "window_missing", "L3", "accepted"),
        ({"生产方式": "半露地"}, "production_mode_unknown", "M3", "accepted"),
        ({"追溯方式": "口头承诺"}, "trace_unknown", "N3", "accepted"),
        ({"信用等级": "五星"}, "credit_unknown", "O3", "accepted"),
        ({"采集日期": "昨天"}, "date_unreadable", "Q3", "accepted"),
        ({"乡镇": "桃花镇"}, "township_unknown", "B3", "quarantined"),
    ],
)
def test_each_mistake_is_named_at_its_cell(
    tmp_path: Path, changes: dict[str, object], rule: str, cell: str, status: str
) -> None:
    round_ = one_row(tmp_path, **changes)
    own = round_.findings[round_.findings["file"] == "a.xlsx"]
    assert own["rule"].tolist() == [rule]
    assert own["cell"].tolist() == [cell]
    assert round_.records["status"].tolist() == [status]
    assert own["record_id"].tolist() == round_.records["record_id"].tolist()


def test_unsettled_points_are_not_drawn(tmp_path: Path) -> None:
    rows = [grower(点位经纬度=text, 种养殖主体=f"甲{n}") for n, text in enumerate(
        ["118.0501,25.2301", "1180501,252301", "见地图", "0,0", "128.05,25.23", "117.62,25.27", "25.2301,118.0501"])]  # fmt: skip
    write_book(tmp_path / "2023-03" / "a.xlsx", {"S": collection_sheet(*rows)})
    records = om.open_round(tmp_path / "2023-03").records
    assert records["coord_status"].tolist() == ["ok", "proposed", "missing", "missing", "proposed", "outside", "fixed"]
    assert (~records.geometry.isna()).tolist() == [True, False, False, False, False, True, True]
    assert records.crs.to_epsg() == 4326


def test_degrees_typed_as_a_decimal_are_proposed_when_that_brings_the_point_home(tmp_path: Path) -> None:
    # 117°51′30″, 25°11′45″ is 长卿镇; read as a decimal it lies 30 km off.
    round_ = one_row(tmp_path, 乡镇="长坑乡", 点位经纬度="117.5130,25.1145")
    (finding,) = findings_of(round_, "point_dms_as_decimal").to_dict("records")
    assert finding["proposal"] == "117.858333,25.195833"
    assert round_.records.geometry.isna().all()


def test_duplicates_are_counted_once_and_plots_are_not_duplicates(tmp_path: Path) -> None:
    rows = [
        grower(),
        grower(序号=2),
        grower(序号=3, 基地地址="前溪村2号地", 点位经纬度="118.0511,25.2301"),
        grower(序号=4, 茬次="第二茬"),
        grower(序号=5, 茬次="第二茬", 种养规模=3),
    ]
    write_book(tmp_path / "2023-03" / "a.xlsx", {"S": collection_sheet(*rows)})
    round_ = om.open_round(tmp_path / "2023-03")
    assert sorted(round_.records["status"]) == ["accepted"] * 4 + ["duplicate"]
    assert findings_of(round_, "duplicate_row")["cell"].tolist() == ["D4"]
    assert findings_of(round_, "possible_duplicate")["cell"].tolist() == ["I6", "I7"]
    assert round_.records["record_id"].is_unique
    gaps = om.reconcile.planting_area(round_)
    area = gaps.loc[(gaps["township"] == "湖头镇") & (gaps["product"] == "cowpea"), "collected_mu"].item()
    # Plot 1: the larger of cropping 1 (2.5) and cropping 2 (2.5 + 3); plot 2: 2.5.
    assert area == 8.0
    sown = om.reconcile.planting_area(round_, measure="sown")
    assert sown.loc[(sown["township"] == "湖头镇") & (sown["product"] == "cowpea"), "collected_mu"].item() == 10.5


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_names_and_order_of_files_and_rows_change_nothing(tmp_path: Path, order: list[int]) -> None:
    rows = [
        grower(),
        grower(序号=2),
        grower(种养殖主体="王小样", 电话=None),
        grower(种养规模="2-3亩", 种养殖主体="陈小样"),
    ]
    write_book(tmp_path / "one" / "2023-03" / "甲.xlsx", {"S": collection_sheet(*rows)})
    shuffled = [rows[n] for n in order]
    write_book(tmp_path / "two" / "2023-03" / "深" / "乙.xlsx", {"T": collection_sheet(*shuffled[:2])})
    write_book(tmp_path / "two" / "2023-03" / "丙 (2).xlsx", {"U": collection_sheet(*shuffled[2:])})
    kept = [name for name in RECORD_COLUMNS if not name.startswith("source_")]
    one, two = (
        om.open_round(tmp_path / name / "2023-03").records[kept].sort_values(["record_id", "status"], ignore_index=True)
        for name in ("one", "two")
    )
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(two))


def test_the_township_comes_from_the_content_before_the_file_name(tmp_path: Path) -> None:
    rows = collection_sheet(grower(乡镇=None), title="填报单位：安溪县感德镇人民政府")
    write_book(tmp_path / "2023-03" / "湖头镇.xlsx", {"S": rows})
    write_book(tmp_path / "2023-03" / "湖头镇2.xlsx", {"S": collection_sheet(grower(乡镇=None, 种养殖主体="乙"))})
    round_ = om.open_round(tmp_path / "2023-03")
    assert round_.records["township"].tolist() == ["感德镇", "湖头镇"]
    assert findings_of(round_, "township_from_file_name")["file"].tolist() == ["湖头镇2.xlsx"]


def test_a_missing_table_comes_from_the_nearest_earlier_round_and_that_is_said(tmp_path: Path) -> None:
    write_book(tmp_path / "2023-01" / "面积.xlsx", {"S": area_sheet([1, "湖头镇", 1, 1, 1, 3])})
    write_book(tmp_path / "2023-02" / "面积.xlsx", {"S": area_sheet([1, "湖头镇", 10, None, 0, None])})
    round_ = one_row(tmp_path)
    assert round_.planting_area.loc[round_.planting_area["product"] == "cowpea", "area_mu"].tolist() == [10.0]
    assert round_.planting_area["round"].unique().tolist() == ["2023-02"]
    messages = findings_of(round_, "carried_forward")["message"].tolist()
    assert any("沿用 2023-02" in message for message in messages)
    assert any("附件4名录" in message and "未知" in message for message in messages)


def test_bad_calls_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InboxError, match="找不到文件夹"):
        om.open_round(tmp_path / "2023-03")
    (tmp_path / "2023-03").mkdir()
    with pytest.raises(InboxError, match="空的"):
        om.open_round(tmp_path / "2023-03")
    write_book(tmp_path / "三月" / "a.xlsx", {"S": collection_sheet(grower())})
    with pytest.raises(InboxError, match="YYYY-MM"):
        om.open_round(tmp_path / "三月")
    (tmp_path / "三月" / "round.toml").write_text('round = "2023-03"\n', encoding="utf-8")
    assert om.open_round(tmp_path / "三月").name == "2023-03"
    with pytest.raises(InboxError, match="截止时间"):
        om.open_round(tmp_path / "三月", as_of="三月底")
    with pytest.raises(RulesError, match="找不到规则文件"):
        om.open_round(tmp_path / "三月", rules=tmp_path / "none.toml")


def test_a_round_lays_its_settings_over_the_rules(tmp_path: Path) -> None:
    write_book(tmp_path / "2023-03" / "a.xlsx", {"S": collection_sheet(grower())})
    (tmp_path / "2023-03" / "round.toml").write_text("[products.cowpea]\nthreshold = 3\n", encoding="utf-8")
    assert not om.open_round(tmp_path / "2023-03").records["in_scope"].item()


def test_no_recognised_sheet_is_findings_not_a_crash(tmp_path: Path) -> None:
    write_book(tmp_path / "2023-03" / "a.xlsx", {"S": [["你好"]]})
    round_ = om.open_round(tmp_path / "2023-03")
    assert round_.records.empty
    assert "sheet_unrecognised" in round_.findings["rule"].tolist()
    gaps = om.reconcile.planting_area(round_)
    assert gaps["collected_mu"].isna().all()


def test_as_of_is_the_end_of_the_day_unless_it_says_more(tmp_path: Path) -> None:
    write_book(tmp_path / "2023-02" / "a.xlsx", {"S": collection_sheet(grower())})
    assert str(om.open_round(tmp_path / "2023-02").as_of) == "2023-02-28 23:59:59"
    assert str(om.open_round(tmp_path / "2023-02", as_of="2023-02-17").as_of) == "2023-02-17 23:59:59"
    assert str(om.open_round(tmp_path / "2023-02", as_of="2023-02-17 17:00").as_of) == "2023-02-17 17:00:00"
