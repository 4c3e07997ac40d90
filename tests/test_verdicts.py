"""Verdicts: a decision changes the record, keeps what stood there, outlives a resubmission, and never guesses."""

from pathlib import Path

import pandas as pd
import pytest
from books import collection_sheet, grower, write_book

import originmap as om
from originmap import datum, decisions, verdicts
from originmap.decisions import DecisionsError, Person, Store
from originmap.rules import RulesError

LIN, CHEN = Person("林一", "种植业股"), Person("陈二", "畜牧股")
FAR = "128.0501,25.2301"


def folder(tmp_path: Path, *rows, name="湖头镇.xlsx", month="2023-03", settings="") -> Path:
    path = tmp_path / "县" / month
    path.mkdir(parents=True, exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    write_book(path / name, {"附件1": collection_sheet(*rows)})
    if settings:
        (path / "round.toml").write_text(settings, encoding="utf-8")
    return path


def store_of(path: Path) -> Store:
    return decisions.of_county(path)


def decide(
    path: Path,
    subject="林小样",
    lon=118.0501,
    lat=25.2301,
    by=LIN,
    why="电话核实",
    at="2023-03-20T09:00:00+08:00",
    **more,
):
    round_ = om.open_round(path)
    record = round_.records.loc[round_.records["subject_name"] == subject, "record_id"].iat[0]
    verdict = verdicts.point_verdict(round_.records, round_.raw, record, lon, lat, why=why, how="drag", **more)
    return store_of(path).record(verdict, by=by, at=at)


def rules_of(round_: om.Round, field="point") -> list[str]:
    return round_.findings.loc[round_.findings["field"] == field, "rule"].tolist()


def test_a_dragged_point_is_in_the_record_with_what_stood_there_who_and_why(tmp_path):
    path = folder(tmp_path, grower(点位经纬度=FAR), grower(种养殖主体="陈大样", 基地地址="后山"))
    assert rules_of(om.open_round(path)) == ["point_far"]
    made = decide(path)
    round_ = om.open_round(path)
    row = round_.records.iloc[0]
    assert (row["lon"], row["lat"], row["coord_status"]) == (118.0501, 25.2301, "ok")
    assert (row.geometry.x, row.geometry.y) == (118.0501, 25.2301)
    finding = round_.findings[round_.findings["field"] == "point"].iloc[0]
    assert (finding["rule"], finding["severity"], finding["value"]) == ("decided", "fixed", FAR)
    assert finding["cell"].endswith("3")
    for said in ("林一", "种植业股", "电话核实", "2023-03-20", "118.050100,25.230100"):
        assert said in finding["message"]
    both = verdicts.side_by_side(round_.records, round_.raw, round_.decisions)
    assert len(both) == 1
    assert (both["text"].iat[0], both["lon"].iat[0], both["who"].iat[0]) == (FAR, 118.0501, "林一")
    assert pd.isna(both["raw_lon"].iat[0])
    assert round_.decisions["effect"].tolist() == ["applied"]
    store_of(path).undo(made, by=LIN, why="拖错了")
    back = om.open_round(path)
    assert rules_of(back) == ["point_far"]
    assert pd.isna(back.records["lon"].iat[0])
    assert back.decisions["state"].tolist() == ["undone", "undo"]


def test_it_outlives_a_resubmission_under_another_name_and_order(tmp_path):
    path = folder(tmp_path, grower(点位经纬度=FAR))
    decide(path)
    other = grower(种养殖主体="陈大样", 基地地址="后山")
    path = folder(
        tmp_path, other, grower(点位经纬度="１２８．０５０１，25.2301"), name="更正/新表.xlsx".replace("/", "-")
    )
    round_ = om.open_round(path)
    assert round_.records.set_index("subject_name")["lon"].to_dict()["林小样"] == 118.0501
    april = folder(tmp_path, grower(点位经纬度=FAR), month="2023-04")
    assert om.open_round(april).records["lon"].tolist() == [118.0501]


def test_a_text_that_has_changed_since_is_news_and_the_decision_waits(tmp_path):
    path = folder(tmp_path, grower(点位经纬度=FAR))
    decide(path)
    round_ = om.open_round(folder(tmp_path, grower(点位经纬度="118.0600,25.2400")))
    assert round_.records["lon"].tolist() == [118.06]
    assert rules_of(round_) == ["decision_stale"]
    assert round_.decisions["effect"].tolist() == ["stale"]


def test_a_decision_for_a_row_that_is_gone_is_kept_and_listed(tmp_path):
    path = folder(tmp_path, grower(点位经纬度=FAR))
    decide(path)
    round_ = om.open_round(folder(tmp_path, grower(种养殖主体="别人")))
    assert round_.decisions["effect"].tolist() == ["orphaned"]
    assert "林小样" in round_.decisions["hint"].iat[0]
    assert rules_of(round_) == []
    april = om.open_round(folder(tmp_path, grower(种养殖主体="别人"), month="2023-04"))
    assert april.decisions["effect"].tolist() == [""]


def test_two_people_who_differ_are_both_kept_and_neither_holds(tmp_path):
    path = folder(tmp_path, grower(点位经纬度=FAR))
    first = decide(path)
    decide(path, lon=118.06, by=CHEN, at="2023-03-21T09:00:00+08:00")
    round_ = om.open_round(path)
    assert pd.isna(round_.records["lon"].iat[0])
    assert rules_of(round_) == ["decision_conflict", "decision_conflict", "point_far"]
    assert set(round_.decisions["effect"]) == {"conflict"}
    store_of(path).undo(first, by=LIN, why="以陈二为准")
    assert om.open_round(path).records["lon"].tolist() == [118.06]


def test_among_rows_alike_in_id_the_decision_finds_its_own_by_content(tmp_path):
    """Same subject, product, plot and cropping; only contact and point differ, and the order of the ids with them."""
    one, two = grower(点位经纬度=FAR, 联系人="甲某"), grower(点位经纬度="118.0501,25.2301", 联系人="乙某")
    path = folder(tmp_path, one, two)
    round_ = om.open_round(path)
    target = round_.records.loc[round_.records["contact_name"] == "甲某", "record_id"].iat[0]
    verdict = verdicts.point_verdict(round_.records, round_.raw, target, 118.07, 25.23, why="现场")
    store_of(path).record(verdict, by=LIN)
    third = grower(点位经纬度="118.0502,25.2302", 联系人="A某", 种养规模=1)
    for rows in ((two, one), (third, two, one), (one,), (third, one)):
        again = om.open_round(folder(tmp_path, *rows))
        by_name = again.records.set_index("contact_name")["lon"]
        assert by_name["甲某"] == 118.07
        assert (by_name.drop("甲某") < 118.06).all()
    gone = om.open_round(folder(tmp_path, third, two))
    assert gone.decisions["effect"].tolist() == ["orphaned"]


def test_a_size_that_was_settled_frees_its_row(tmp_path):
    path = folder(tmp_path, grower(种养规模="若干"))
    round_ = om.open_round(path)
    record = round_.records["record_id"].iat[0]
    assert round_.records["status"].tolist() == ["quarantined"]
    verdict = verdicts.size_verdict(round_.records, round_.raw, record, 2.5, "mu", why="丈量")
    store_of(path).record(verdict, by=LIN)
    settled = om.open_round(path)
    row = settled.records.iloc[0]
    assert (row["status"], row["size_value"], row["size_unit"], row["area_mu"]) == ("accepted", 2.5, "mu", 2.5)
    assert row["in_scope"]
    assert rules_of(settled, "size") == ["decided"]
    assert settled.findings.set_index("rule").loc["decided", "record_id"] == record
    heads = verdicts.size_verdict(round_.records, round_.raw, record, 3, "head", why="数错单位")
    store_of(path).record(heads, by=LIN)
    assert om.open_round(path).decisions["effect"].tolist() == ["", "stale"]


def test_points_of_a_file_in_another_datum_are_converted_and_the_text_is_kept(tmp_path):
    x, y = datum.from_wgs84(118.0501, 25.2301, "gcj02")
    path = folder(tmp_path, grower(点位经纬度=f"{x:.6f},{y:.6f}"), settings='[datum]\n"湖头镇.xlsx" = "gcj02"\n')
    round_ = om.open_round(path)
    assert round_.records["lon"].iat[0] == pytest.approx(118.0501, abs=2e-6)
    assert round_.records["coord_status"].tolist() == ["ok"]
    assert round_.raw["point"].tolist() == [f"{x:.6f},{y:.6f}"]
    note = round_.findings[round_.findings["rule"] == "datum_declared"]
    assert (len(note), note["file"].iat[0], note["severity"].iat[0]) == (1, "湖头镇.xlsx", "note")
    assert round_.datums == {"湖头镇.xlsx": "gcj02"}


def test_degrees_typed_as_a_decimal_are_converted_too(tmp_path):
    x, y = datum.from_wgs84(117.945556, 25.322222, "bd09")
    seconds = [round(float(value) * 3600) for value in (x, y)]
    text = ",".join(f"{part // 3600}.{part // 60 % 60:02d}{part % 60:02d}" for part in seconds)
    plain = om.open_round(folder(tmp_path, grower(乡镇="剑斗镇", 点位经纬度=text)))
    told = om.open_round(folder(tmp_path, grower(乡镇="剑斗镇", 点位经纬度=text), settings='[datum]\n"*" = "bd09"\n'))
    shown = [
        one.findings.loc[one.findings["rule"] == "point_dms_as_decimal", "proposal"].tolist() for one in (plain, told)
    ]
    assert all(len(one) == 1 for one in shown), shown
    lon, lat = map(float, shown[1][0].split(","))
    assert (lon, lat) == (pytest.approx(117.945556, abs=3e-4), pytest.approx(25.322222, abs=3e-4))
    assert shown[0] != shown[1]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('datum = "gcj02"', "应写成一节"),
        ('[datum]\n"湖头镇.xlsx" = "gcj-02"', "是否想写 gcj02"),
        ('[datum]\n"湖头镇.xls" = "gcj02"', "是否想写“湖头镇.xlsx”"),
    ],
)
def test_a_wrong_declaration_is_one_clear_line(tmp_path, settings, says):
    with pytest.raises(RulesError, match=says):
        om.open_round(folder(tmp_path, grower(), settings=settings))


def test_a_decided_datum_applies_and_a_declaration_stands_above_it(tmp_path):
    path = folder(tmp_path, grower())
    store_of(path).record(verdicts.datum_verdict("2023-03", "湖头镇.xlsx", "gcj02", why="采集员说用高德"), by=LIN)
    round_ = om.open_round(path)
    assert round_.records["lon"].iat[0] == pytest.approx(118.0501 - 0.00485, abs=5e-4)
    assert "林一" in round_.findings.set_index("rule").loc["datum_declared", "message"]
    assert om.open_round(folder(tmp_path, grower(), month="2023-04")).datums == {}
    path = folder(tmp_path, grower(), settings='[datum]\n"*" = "wgs84"\n')
    declared = om.open_round(path)
    assert declared.records["lon"].tolist() == [118.0501]
    assert "decision_conflict" in set(declared.findings["rule"])


def test_a_slip_that_came_back_is_in_its_originals_datum_and_under_its_decisions(tmp_path):
    path = folder(
        tmp_path,
        grower(点位经纬度=FAR),
        grower(种养殖主体="陈大样", 基地地址="后山", 种养规模="若干"),
        settings='[datum]\n"湖头镇.xlsx" = "gcj02"\n',
    )
    before = om.open_round(path)
    decide(path)
    (path / "改好了.xlsx").write_bytes(om.returns.slip_bytes(before, "湖头镇.xlsx", "350524102"))
    after = om.open_round(path)
    live = after.records[after.records["source_file"] == "改好了.xlsx"].set_index("subject_name")
    typed = before.records.set_index("subject_name").loc["陈大样"]
    assert after.datums == {"湖头镇.xlsx": "gcj02", "改好了.xlsx": "gcj02"}
    assert live.loc["陈大样", ["lon", "lat"]].tolist() == typed[["lon", "lat"]].tolist()
    assert live.loc["林小样", "lon"] == 118.0501
    assert after.decisions["effect"].tolist() == ["applied"]
    assert after.raw["record_id"].tolist() == after.records["record_id"].tolist()
    # What is superseded vouches for nothing.
    assert om.proposals.datums(after).empty


def test_a_slip_keeps_the_datum_of_an_original_that_was_taken_away(tmp_path):
    path = folder(
        tmp_path, grower(), grower(种养殖主体="陈大样", 种养规模="若干"), settings='[datum]\n"湖头镇.xlsx" = "gcj02"\n'
    )
    before = om.open_round(path)
    slip = om.returns.slip_bytes(before, "湖头镇.xlsx", "350524102")
    (path / "湖头镇.xlsx").unlink()
    (path / "改好了.xlsx").write_bytes(slip)
    after = om.open_round(path)
    assert after.datums == {"改好了.xlsx": "gcj02"}
    assert after.records[["lon", "lat"]].to_numpy().tolist() == before.records[["lon", "lat"]].to_numpy().tolist()
    (path / "round.toml").write_text('[datum]\n"湖上乡.xlsx" = "gcj02"\n', encoding="utf-8")
    with pytest.raises(RulesError, match="没有文件叫“湖上乡"):
        om.open_round(path)


def test_a_datum_decided_for_a_file_that_is_gone_is_orphaned_and_through_its_slip_it_applies(tmp_path):
    path = folder(tmp_path, grower(), grower(种养殖主体="陈大样", 种养规模="若干"))
    verdict = verdicts.datum_verdict("2023-03", "湖头镇.xlsx", "gcj02", why="问过采集员")
    store_of(path).record(verdict, by=LIN)
    before = om.open_round(path)
    assert before.decisions["effect"].tolist() == ["applied"]
    slip = om.returns.slip_bytes(before, "湖头镇.xlsx", "350524102")
    (path / "湖头镇.xlsx").rename(path / "别的名字.xlsx")
    gone = om.open_round(path)
    assert gone.decisions["effect"].tolist() == ["orphaned"]
    assert gone.datums == {}
    (path / "别的名字.xlsx").unlink()
    (path / "改好了.xlsx").write_bytes(slip)
    back = om.open_round(path)
    assert back.decisions["effect"].tolist() == ["applied"]
    assert back.datums == {"改好了.xlsx": "gcj02"}
    assert verdicts.side_by_side(back.records, back.raw, back.decisions).empty
    april = om.open_round(folder(tmp_path, grower(), month="2023-04"))
    assert april.decisions["effect"].tolist() == [""]


def test_what_is_suspicious_but_right_can_be_confirmed_as_typed(tmp_path):
    rows = [
        grower(基地地址=name, 点位经纬度=f"{lon},25.2301")
        for name, lon in (("甲", 118.0), ("乙", 118.0001), ("丙", 118.13))
    ]
    path = folder(tmp_path, *rows)
    assert rules_of(om.open_round(path)) == ["plots_apart"]
    before = om.open_round(path)
    row = before.records["lon"].idxmax()
    verdict = verdicts.point_verdict(
        before.records, before.raw, before.records["record_id"][row], 118.13, 25.2301, why="电话核实，无误", how="typed"
    )
    store_of(path).record(verdict, by=LIN)
    after = om.open_round(path)
    assert rules_of(after) == ["decided"]
    assert om.proposals.of_round(after).left == 0
    assert after.records["lon"][row] == 118.13


def test_a_store_elsewhere_can_be_named(tmp_path):
    path = folder(tmp_path, grower(点位经纬度=FAR))
    decide(path)
    assert om.open_round(path, decisions=tmp_path / "empty.db").decisions.empty


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda r: verdicts.point_verdict(r.records, r.raw, "nobody", 118, 25, why="x"), "没有编号"),
        (
            lambda r: verdicts.point_verdict(r.records, r.raw, r.records["record_id"].iat[0], 25, 118, why="x"),
            "不是经纬度",
        ),
        (
            lambda r: verdicts.size_verdict(r.records, r.raw, r.records["record_id"].iat[0], -1, "mu", why="x"),
            "应为正数",
        ),
        (lambda r: verdicts.size_verdict(r.records, r.raw, r.records["record_id"].iat[0], 1, "亩", why="x"), "单位为"),
        (lambda _: verdicts.datum_verdict("2023-03", "a.xlsx", "xian80", why="x"), "不认识"),
    ],
)
def test_a_bad_call_says_what_to_do(tmp_path, make, says):
    round_ = om.open_round(folder(tmp_path, grower()))
    with pytest.raises(DecisionsError, match=says):
        make(round_)


def test_coarse_points_and_plots_far_apart_are_told(tmp_path):
    rows = [
        grower(点位经纬度="118.05,25.23"),
        grower(种养殖主体="陈大样", 点位经纬度="117.9912,25.2200", 基地地址="甲"),
        grower(种养殖主体="陈大样", 点位经纬度="118.1500,25.2200", 基地地址="乙"),
    ]
    round_ = om.open_round(folder(tmp_path, *rows))
    found = round_.findings[round_.findings["rule"].isin(["point_coarse", "plots_apart"])]
    assert dict(found["rule"].value_counts()) == {"point_coarse": 1, "plots_apart": 2}
    assert "±557 米" in found.set_index("rule").loc["point_coarse", "message"]
