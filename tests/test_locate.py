"""The panel of doubtful points, played by setting its widgets: every step is in the store when the button has been pressed."""

from pathlib import Path

import pandas as pd
import pytest
from books import collection_sheet, grower, write_book

import originmap as om
from originmap import decisions, proposals, verdicts
from originmap.locate import Locate

FAR = "128.0501,25.2301"


@pytest.fixture
def opened(tmp_path: Path) -> om.Round:
    rows = [
        grower(点位经纬度=FAR, 种养殖主体="<b>林</b>"),
        grower(种养殖主体="陈样", 点位经纬度="见地图"),
        grower(种养殖主体="好样"),
    ]
    path = tmp_path / "县" / "2023-03"
    write_book(path / "湖头镇.xlsx", {"附件1": collection_sheet(*rows)})
    return om.open_round(path)


def panel_of(round_: om.Round) -> Locate:
    store = decisions.of_county(round_.folder)
    return Locate(round_, proposals.of_round(round_), store, who="林一", section="种植业股")


def test_the_first_reading_is_under_the_marker_with_its_evidence(opened):
    panel = panel_of(opened)
    digest = panel.digest()["值"]
    assert digest["还剩"] == "2"
    assert digest["原文"] == FAR
    assert digest["待采用的点"] == "118.050100,25.230100"
    assert digest["图上各读法"] == "1"
    assert "改一位数字" in panel.evidence.value
    assert "&lt;b&gt;林&lt;/b&gt;" in panel.card.value


def test_accepting_saves_at_once_and_moves_on_and_undo_brings_the_old_back(opened):
    panel = panel_of(opened)
    panel.why.value = "电话核实"
    panel.accept.click()
    assert "已保存" in panel.status.value
    assert panel.digest()["值"]["还剩"] == "1"
    assert panel.current["subject_name"] == "陈样"
    again = om.open_round(opened.folder)
    assert again.records["lon"].iat[0] == 118.0501
    assert again.raw["point"].iat[0] == FAR
    told = again.decisions.iloc[0]
    assert (told["who"], told["why"], told["effect"]) == ("林一", "电话核实", "applied")
    panel.undo.click()
    assert panel.current["record_id"] == opened.records["record_id"].iat[0]
    assert panel.digest()["值"]["还剩"] == "2"
    assert pd.isna(om.open_round(opened.folder).records["lon"].iat[0])
    assert panel.undo.disabled


def test_a_dragged_or_typed_point_is_what_is_saved(opened):
    panel = panel_of(opened)
    panel.why.value = "现场"
    panel.marker.location = (25.24, 118.06)
    assert panel.lon.value == "118.060000"
    panel.accept.click()
    panel.lon.value, panel.lat.value = "118.07", "25.25"
    panel.place.click()
    panel.accept.click()
    again = om.open_round(opened.folder)
    assert again.records["lon"].tolist()[:2] == [118.06, 118.07]
    how = [after["how"] for after in decisions.holding(panel.store.entries(), "point")["after"]]
    assert sorted(how) == ["drag", "entered"]
    assert panel.digest()["值"]["还剩"] == "0"


def test_a_refused_reading_is_kept_and_not_offered_again(opened):
    panel = panel_of(opened)
    panel.why.value = "不在那里"
    panel.refuse.click()
    assert panel.digest()["值"]["读法"] == "—"
    assert not panel.marker.visible
    again = panel_of(om.open_round(opened.folder))
    assert again.readings().empty
    panel.undo.click()
    assert panel.digest()["值"]["读法"] == "改一位数字"


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda panel: panel.accept.click(), "理由"),
        (
            lambda panel: (
                setattr(panel.signed.who, "value", ""),
                setattr(panel.why, "value", "x"),
                panel.accept.click(),
            ),
            "姓名和科室",
        ),
        (lambda panel: (setattr(panel.lon, "value", "东"), panel.place.click()), "十进制度"),
        (
            lambda panel: (setattr(panel.lon, "value", "25"), setattr(panel.lat, "value", "118"), panel.place.click()),
            "超出范围",
        ),
        (lambda panel: (panel.following.click(), panel.accept.click()), "先选一种读法"),
        (lambda panel: (panel.following.click(), panel.refuse.click()), "先选要否定的读法"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_saved(opened, act, says):
    panel = panel_of(opened)
    act(panel)
    assert says in panel.status.value
    assert panel.store.entries().empty


def test_the_queue_is_walked_both_ways_round(opened):
    panel = panel_of(opened)
    seen = []
    for _ in range(3):
        seen.append(panel.current["subject_name"])
        panel.following.click()
    panel.previous.click()
    assert seen == ["<b>林</b>", "陈样", "<b>林</b>"]
    assert "不能代拟：读不出坐标" not in panel.evidence.value
    panel.previous.click()
    panel.following.click()
    panel.following.click()
    assert "不能代拟：读不出坐标" in panel.evidence.value


def test_an_empty_queue_says_so(opened):
    town = next(code for code in opened.places.names if code not in set(opened.records["township_code"]))
    nothing = proposals.of_round(opened, township_code=town)
    panel = Locate(opened, nothing, decisions.of_county(opened.folder))
    assert "没有待定的点位" in panel.left.value
    assert panel.accept.disabled
    assert panel.digest()["值"]["主体"] == "—"


def test_a_samples_desk_is_a_copy(opened):
    own = decisions.of_county(opened.folder)
    panel = panel_of(opened)
    panel.why.value = "x"
    panel.accept.click()
    copy = decisions.desk(opened.folder, is_sample=True)
    assert copy.path != own.path
    assert copy.entries().equals(own.entries())
    assert decisions.desk(opened.folder, is_sample=False) == own


def click(panel, *spots):
    """Set corners as the map reports clicks: latitude first."""
    for lon, lat in spots:
        event = {"event": "interaction", "type": "click", "coordinates": [lat, lon]}
        panel.map._handle_msg({"content": {"data": {"method": "custom", "content": event}}, "buffers": []})


SQUARE = [(118.05, 25.23), (118.0504, 25.23), (118.0504, 25.2304), (118.05, 25.2304)]


def test_a_plot_is_drawn_by_clicks_measured_kept_and_shown_when_opened_again(opened):
    panel = panel_of(opened)
    click(panel, *SQUARE)
    assert panel.drawing.corners == []  # not before drawing is switched on
    panel.drawing.start.value = True
    click(panel, *SQUARE[:2])
    assert "已点 2 个角" in panel.drawing.told.value
    assert panel.drawing.save.disabled
    click(panel, *SQUARE[2:])
    assert panel.drawing.told.value == "勾绘 2.68 亩，填报 2.5 亩，相差 +0.18 亩（+7%）"
    panel.drawing.save.click()
    assert "理由" in panel.status.value
    assert len(panel.drawing.corners) == 4  # what was drawn is still there
    panel.why.value = "现场量过"
    panel.drawing.save.click()
    assert "已保存" in panel.status.value
    assert panel.digest()["值"]["还剩"] == "2"  # a plot settles no point
    again = om.open_round(opened.folder)
    assert again.plots["plot_mu"].tolist() == [2.68]
    later = panel_of(again)
    assert later.digest()["值"]["地块"].startswith("勾绘 2.68 亩")
    kept = later.drawing.layer.data["features"]
    assert [one["geometry"]["type"] for one in kept] == ["Polygon"]
    assert "地块 2.68 亩" in later.evidence.value
    later.signed.who.value = "陈二"
    later.undo.click()
    assert "已撤销" in later.status.value
    assert later.drawing.layer.data["features"] == []
    assert om.open_round(opened.folder).plots.empty


def test_a_plot_that_crosses_itself_or_is_tiny_is_said_and_not_kept(opened):
    panel = panel_of(opened)
    panel.why.value = "x"
    panel.drawing.save.click()
    assert "至少点三个角" in panel.status.value
    panel.drawing.start.value = True
    click(panel, SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3])
    assert "自己相交" in panel.drawing.told.value
    panel.drawing.save.click()
    assert "自己相交" in panel.status.value
    for _ in range(4):
        panel.drawing.back.click()
    click(panel, (118.05, 25.23), (118.050001, 25.23), (118.05, 25.230001))
    assert "太小" in panel.drawing.told.value
    panel.drawing.save.click()
    assert panel.store.entries().empty
    assert panel.drawing.back.disabled is False


def test_corners_are_set_by_keyboard_where_the_marker_stands(opened):
    panel = panel_of(opened)
    panel.following.click()  # a record without any reading
    panel.drawing.corner.click()
    assert "先把标记放到" in panel.drawing.told.value
    for lon, lat in SQUARE:
        panel.lon.value, panel.lat.value = str(lon), str(lat)
        panel.place.click()
        panel.drawing.corner.click()
    assert panel.drawing.geometry["coordinates"][0] == [*SQUARE, SQUARE[0]]
    panel.reading.value = ""
    panel.marker.visible = False
    panel.why.value = "x"
    panel.drawing.save.click()
    # A record without a point is offered one inside its plot.
    assert panel.marker.visible
    assert "标记已放进地块" in panel.status.value
    panel.accept.click()
    after = decisions.holding(panel.store.entries(), "point")["after"].iat[0]
    assert (after["how"], 118.05 < after["lon"] < 118.0504) == ("plot", True)


def test_any_record_can_be_found_and_opened_beside_the_queue(opened):
    panel = panel_of(opened)
    panel.find.value = "湖头 好样"
    (said, _), (shown, row) = panel.found.options
    assert said == "1 条，请选"
    assert "好样" in shown
    panel.found.value = row
    assert panel.current["subject_name"] == "好样"
    assert "另行打开" in panel.left.value
    panel.why.value = "现场"
    panel.marker.location = (25.24, 118.06)
    panel.accept.click()
    assert panel.digest()["值"]["还剩"] == "2"
    after = om.open_round(opened.folder)
    assert after.records["lon"].tolist()[2] == 118.06
    panel.find.value = "不存在"
    assert panel.found.options == (("没有这样的记录", -1),)
    panel.find.value = "陈样"
    panel.found.value = panel.found.options[1][1]
    assert "第 2 / 2 条" in panel.left.value  # it is in the queue


def test_a_decision_of_yesterday_is_shown_replaced_in_sight_or_undone(opened):
    panel_one = panel_of(opened)
    panel_one.why.value = "昨天"
    panel_one.accept.click()
    again = om.open_round(opened.folder)
    panel = Locate(again, proposals.of_round(again), panel_one.store, who="陈二", section="畜牧股")
    panel.show(0)
    assert "昨天" in panel.evidence.value
    assert "已有决定" in panel.evidence.value
    panel.why.value = "去看过"
    panel.marker.location = (25.25, 118.07)
    panel.accept.click()
    third = om.open_round(opened.folder)
    assert third.records["lon"].iat[0] == 118.07
    assert sorted(third.decisions["state"]) == ["active", "replaced"]


def test_two_at_once_are_both_kept_and_the_conflict_is_shown_and_settled(opened):
    one = panel_of(opened)
    other = Locate(opened, proposals.of_round(opened), one.store, who="陈<二>", section="畜牧股")
    for panel, lon in ((one, 118.06), (other, 118.07)):
        panel.why.value = "看过"
        panel.marker.location = (25.25, lon)
        panel.accept.click()
    assert "都留着、都未采用" in other.status.value
    assert other.digest()["值"]["还剩"] == "2"
    assert "两人的决定不同" in other.evidence.value
    again = om.open_round(opened.folder)
    panel = Locate(again, proposals.of_round(again), one.store, who="王三", section="办公室")
    assert panel.current["subject_name"] == "<b>林</b>"
    for said in ("林一", "陈&lt;二&gt;", "118.060000", "118.070000"):
        assert said in panel.evidence.value
    assert panel.ledger.value.count("互相矛盾") == 3
    assert len(panel.candidates.data["features"]) == 1 + 2
    choice = next(value for text, value in panel.reading.options if text.startswith("陈<二>"))
    panel.reading.value = choice
    assert panel.lon.value == "118.070000"
    panel.refuse.click()
    assert "先选要否定的读法" in panel.status.value
    panel.why.value = "以陈二为准"
    panel.accept.click()
    settled = om.open_round(opened.folder)
    assert settled.records["lon"].iat[0] == 118.07
    assert sorted(settled.decisions["state"]) == ["active", "replaced", "replaced"]


def test_what_is_orphaned_is_listed_in_the_panel(opened):
    panel = panel_of(opened)
    panel.why.value = "看过"
    panel.accept.click()
    verdict = verdicts.datum_verdict("2023-03", "没了.xlsx", "gcj02", why="问过")
    panel.store.record(verdict, by=decisions.Person("林一", "种植业股"))
    write_book(opened.folder / "湖头镇.xlsx", {"附件1": collection_sheet(grower(种养殖主体="别人"))})
    after = panel_of(om.open_round(opened.folder))
    assert "记录已不在 2 条" in after.ledger.value
    for said in ("&lt;b&gt;林&lt;/b&gt;", "没了.xlsx", "GCJ-02", "问过"):
        assert said in after.ledger.value


def test_as_typed_is_accepted_and_the_record_leaves_the_queue(tmp_path):
    rows = [grower(种养殖主体=f"{name}样", 基地地址=name) for name in "甲乙丙丁"]
    path = tmp_path / "县" / "2023-03"
    write_book(path / "湖头镇.xlsx", {"附件1": collection_sheet(*rows)})
    round_ = om.open_round(path)
    panel = panel_of(round_)
    assert panel.digest()["值"]["还剩"] == "4"
    assert panel.reading.label == "1. 原样"
    panel.why.value = "一个大棚，四家合种"
    panel.accept.click()
    after = om.open_round(path)
    assert proposals.of_round(after).left == 3
    assert after.records["lon"].tolist() == round_.records["lon"].tolist()
    assert decisions.holding(panel.store.entries(), "point")["after"].iat[0]["how"] == "typed"
