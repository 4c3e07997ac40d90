"""The panel of doubtful points, played by setting its widgets: every step is in the store when the button has been pressed."""

from pathlib import Path

import pandas as pd
import pytest
from books import collection_sheet, grower, write_book

import originmap as om
from originmap import decisions, proposals
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
    assert sorted(how) == ["drag", "typed"]
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
            lambda panel: (setattr(panel.who, "value", ""), setattr(panel.why, "value", "x"), panel.accept.click()),
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
