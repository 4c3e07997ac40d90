"""The one map by its values, without a browser: one selection moves map, totals, charts, table and card, whoever sets it."""

import dataclasses
import json
import math
import re
import time
from threading import Event, Thread

import numpy as np
import pytest
from ipywidgets import Widget
from many import N, many

from originmap import onemap
from originmap.board import Board
from originmap.decisions import Store
from originmap.seasons import parse_window
from originmap.selection import Selection


@pytest.fixture(scope="module")
def round_():
    return many()


@pytest.fixture
def panel(round_):
    return onemap.OneMap(round_)


@pytest.fixture
def kept(round_, tmp_path):
    """A panel with a store to record in."""
    return onemap.OneMap(round_, Store(tmp_path / "decisions.db"))


def ids(panel):
    return sorted(feature["properties"]["record_id"] for feature in panel.points.data["features"])


def agrees(panel, round_, selection):
    """Map, counts, charts, sentence and table hold what the selection says."""
    chosen = Board.of(round_.records, round_.rules, round_.places, findings=round_.findings).choose(selection)
    there = chosen.records[chosen.records.geometry.notna()]
    assert panel.selection == selection
    assert ids(panel) == sorted(there["record_id"])
    assert f"已定位 {len(there)} / {len(chosen)} 条" in panel.counts.value
    assert panel.table.title.startswith(f"共 {len(chosen)} 条")
    assert [round_.records["record_id"].iloc[int(row["key"])] for row in panel.table.rows] == list(
        chosen.records["record_id"][: onemap.ROWS_SHOWN]
    )
    growers = chosen.records[chosen.records["subject_type"] != "buyer"]
    told = {bar["key"]: bar["text"] for bar in panel.townships.rows}
    assert set(told) == set(chosen.records["township_code"])
    for town, rows in growers.groupby("township_code"):
        people = rows.drop_duplicates(["product", "subject_name"])
        assert told[town].startswith(f"{len(people)} 个")
    values = panel.digest()["值"]
    assert values["已定位"] == f"{len(there)} / {len(chosen)}"
    assert values["图上要素"] == str(len(there))


def test_everything_is_shown_at_first(panel, round_):
    agrees(panel, round_, Selection())
    assert panel.sentence.value.startswith("<b style='font-size:15px'>全部产品：")
    assert panel.controls.size.disabled
    assert "未定位" in panel.counts.value
    assert "样例数据" in panel.title.value


def test_each_filter_moves_all(panel, round_):
    panel.controls.lists["product"].value = ("cowpea",)
    agrees(panel, round_, Selection(products=("cowpea",)))
    assert "豇豆：" in panel.sentence.value
    panel.controls.lists["production_mode"].value = ("open",)
    panel.controls.lists["subject_type"].value = ("household", "buyer")
    base = {"products": ("cowpea",), "production_modes": ("open",), "subject_types": ("household", "buyer")}
    agrees(panel, round_, Selection(**base))
    town = round_.records.loc[round_.records["product"] == "cowpea", "township_code"].iat[0]
    panel.controls.lists["township"].value = (town,)
    agrees(panel, round_, Selection(**base, townships=(town,)))
    panel.controls.lists["township"].value = ()
    panel.controls.size.value = (2.0, math.inf)
    agrees(panel, round_, Selection(**base, min_size=2.0, size_unit="mu"))
    panel.controls.window.value = parse_window("5月上旬")
    assert not panel.controls.any_time.value
    agrees(panel, round_, Selection(**base, min_size=2.0, size_unit="mu", window=(12, 12)))
    panel.controls.any_time.value = True
    agrees(panel, round_, Selection(**base, min_size=2.0, size_unit="mu"))
    panel.controls.reset.click()
    agrees(panel, round_, Selection())


def test_the_window_runs_round_the_year(panel, round_):
    panel.controls.window.value = (30, 41)
    agrees(panel, round_, Selection(window=(30, 5)))
    assert "11月–次年2月上市" in panel.sentence.value
    panel.controls.window.value = (0, 53)
    agrees(panel, round_, Selection(window=(0, 35)))


def test_size_follows_the_unit_of_the_products_and_rests_while_they_differ(panel, round_):
    panel.controls.lists["product"].value = ("pig", "beef_cattle")
    assert not panel.controls.size.disabled
    assert panel.controls.size.options[1][0].endswith("头")
    panel.controls.size.value = (100.0, 500.0)
    pigs = Selection(products=("beef_cattle", "pig"), min_size=100.0, max_size=500.0, size_unit="head")
    assert set(panel.selection.products) == set(pigs.products)
    assert (panel.selection.min_size, panel.selection.max_size, panel.selection.size_unit) == (100.0, 500.0, "head")
    panel.controls.lists["product"].value = ("pig", "cowpea")
    assert panel.controls.size.disabled
    assert (panel.selection.min_size, panel.selection.max_size) == (None, None)
    panel.controls.lists["product"].value = ("cowpea",)
    assert panel.controls.size.value == (0.0, math.inf)


def test_one_filter_sends_the_points_once(panel):
    sent = []
    panel.points.observe(lambda change: sent.append(len(change["new"]["features"])), "data")
    panel.controls.lists["product"].value = ("celery",)
    assert len(sent) == 1
    panel.controls.reset.click()
    assert len(sent) == 2


def test_quick_changes_from_several_threads_end_with_the_last(panel, round_, monkeypatch):
    """As JupyterLab may call: the answer to the first change is slow, the second comes meanwhile."""
    choose, started = Board.choose, Event()

    def slow(board, selection):
        chosen = choose(board, selection)
        if selection.products == ("celery",):
            started.set()
            time.sleep(0.3)
        return chosen

    monkeypatch.setattr(Board, "choose", slow)
    first = Thread(target=setattr, args=(panel.controls.lists["product"], "value", ("celery",)))
    first.start()
    assert started.wait(5)
    panel.controls.lists["production_mode"].value = ("open",)
    first.join()
    agrees(panel, round_, Selection(products=("celery",), production_modes=("open",)))


def test_it_opens_with_what_a_notebook_asks_for(round_):
    panel = onemap.OneMap(round_, products=["pig"], window="11月至次年2月")
    agrees(panel, round_, Selection(products=("pig",), window=(30, 5)))
    assert panel.controls.window.value == (30, 41)
    with pytest.raises(ValueError, match="cowpee"):
        onemap.OneMap(round_, products=["cowpee"])
    with pytest.raises(ValueError, match="待定"):
        onemap.OneMap(round_, window="待定")


def test_an_empty_result_is_shown_as_such(panel, round_):
    panel.controls.lists["product"].value = ("silkie",)
    panel.controls.size.value = (100_000.0, math.inf)
    agrees(panel, round_, panel.selection)
    assert ids(panel) == []
    assert "0 个主体" in panel.sentence.value


def test_no_text_of_a_sheet_becomes_html_and_no_phone_is_shown(panel):
    panel.show(1)
    values = [
        widget.value for widget in (panel.title, panel.sentence, panel.legend, panel.counts, panel.card, panel.said)
    ]
    for value in values:
        assert "<script" not in value
        assert "<img" not in value
        assert "13800001234" not in value
    assert "&lt;script&gt;" in panel.card.value
    assert "138****1234" in panel.card.value
    assert "13800001234" not in json.dumps([panel.table.rows, panel.townships.rows, panel.points.data])
    assert any("<script>" in text for row in panel.table.rows for text in row["texts"])  # set as text in the browser


def test_a_click_or_a_row_shows_a_card_and_marks_the_place(panel, round_):
    feature = panel.points.data["features"][7]
    panel.points._handle_mouse_events(
        None, {"event": "click", "feature": feature, "properties": feature["properties"]}, []
    )
    assert "出处" in panel.card.value
    (key,) = panel.table.chosen
    assert round_.records["record_id"].iloc[int(key)] == feature["properties"]["record_id"]
    (ring,) = panel.ring.data["features"]
    assert ring["geometry"]["coordinates"] == pytest.approx(feature["geometry"]["coordinates"], abs=1e-6)
    lost = int(round_.records.geometry.isna().to_numpy().nonzero()[0][0])
    panel.table.chosen = [str(lost)]
    assert panel.ring.data["features"] == []
    assert "没有定位" in panel.card.value
    gone = round_.records["product"].iloc[lost]
    panel.controls.lists["product"].value = tuple(name for name in ("cowpea", "pig") if name != gone)
    assert panel.table.chosen == []
    assert "出处" not in panel.card.value


def test_a_card_says_the_cell_of_every_value_and_the_findings(panel, round_):
    panel.show(5)
    row = round_.records.iloc[5]
    assert f"S{row['source_row']}" in panel.card.value
    assert "错误" in panel.card.value
    assert "C7" in panel.card.value


def test_a_card_tells_the_subjects_rapid_tests(panel):
    panel.show(1)
    assert "快检" in panel.card.value
    assert "2023-03-10，&lt;script&gt;alert(1)&lt;/script&gt;，不合格，0.3 mg/kg" in panel.card.value
    assert "快检结果〕G3" in panel.card.value
    panel.show(2)
    assert "快检" not in panel.card.value


def test_a_card_says_unknown_where_nothing_is_known(round_):
    records = round_.records.copy()
    records.loc[0, ["size_value", "market_windows", "subject_name", "production_mode", "contact_phone"]] = None
    bare = type(round_)(**{**vars(round_), "records": records})
    assert onemap.cards.card(bare, 0).count("<td style='overflow-wrap:anywhere'>—</td>") >= 5


def test_bars_months_and_villages_choose(panel, round_):
    town = panel.townships.rows[3]["key"]
    panel.townships.chosen = [town]
    agrees(panel, round_, Selection(townships=(town,)))
    assert panel.townships.chosen == [town]
    villages = [name for name, _ in panel.controls.lists["village"].options]
    of = round_.records[round_.records["township_code"] == town]
    assert villages == sorted(set(of["village"]))
    panel.townships.chosen = []
    panel.calendar.chosen = ["4"]
    agrees(panel, round_, Selection(window=(12, 14)))
    assert panel.calendar.chosen == ["4"]
    panel.calendar.chosen = []
    agrees(panel, round_, Selection())


def test_playing_the_year_moves_the_window(panel, round_):
    for at in (0, 13, 35):
        panel.controls.play.value = at
        agrees(panel, round_, panel.selection)
        assert panel.selection.window in ((at, at), None)
    assert panel.selection.window == (35, 35)


def test_further_filters(panel, round_):
    lists = panel.controls.lists
    lists["trace_methods"].value = ("code",)
    agrees(panel, round_, Selection(trace_methods=("code",)))
    lists["severity"].value = ("error", "warning")
    agrees(panel, round_, Selection(trace_methods=("code",), severities=("error", "warning")))
    lists["trace_methods"].value = ()
    assert {round_.records["record_id"].iloc[int(row["key"])] for row in panel.table.rows} <= {"r0001", "r0005"}
    panel.controls.reset.click()
    panel.controls.text.value = "普通农户3"
    agrees(panel, round_, Selection(text="普通农户3"))


def test_a_selection_is_saved_by_name_and_comes_back_exactly(kept, round_):
    kept.save.click()
    assert "姓名" in kept.said.value
    kept.signed.who.value, kept.signed.section.value, kept.name.value = "林一", "种植业股", "<b>五月豇豆</b>"
    kept.controls.lists["product"].value = ("cowpea",)
    kept.controls.size.value = (2.0, math.inf)
    kept.controls.window.value = (12, 14)
    kept.save.click()
    assert "<b>五月" not in kept.said.value
    wanted = kept.selection
    again = onemap.OneMap(round_, kept.store)
    assert [name for name, _ in again.saved.options] == ["—", "<b>五月豇豆</b>（林一）"]
    again.saved.index = 1
    agrees(again, round_, wanted)


def test_a_phone_is_shown_on_record_only(kept):
    kept.reveal.click()
    assert "13800001234" not in kept.card.value
    kept.show(1)
    kept.reveal.click()
    assert "姓名" in kept.said.value
    assert "13800001234" not in kept.card.value
    kept.signed.who.value, kept.signed.section.value = "林一", "种植业股"
    kept.reveal.click()
    assert "13800001234" in kept.card.value
    (entry,) = kept.store.entries().to_dict("records")
    assert (entry["kind"], entry["who"]) == ("phone_shown", "林一")
    kept.show(2)
    assert "13800001234" not in kept.card.value


def test_a_click_on_a_cell_looks_at_that_township_and_a_second_at_all(panel, round_):
    content = {"event": "click", "feature": panel.cells.data["features"][3]}
    content["properties"] = content["feature"]["properties"]
    panel.cells._handle_mouse_events(None, content, [])
    agrees(panel, round_, Selection(townships=(list(round_.places.names)[3],)))
    panel.cells._handle_mouse_events(None, content, [])
    agrees(panel, round_, Selection())


def with_records(round_, records, places=None):
    return type(round_)(**{**vars(round_), "records": records, "places": places or round_.places})


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_round_with_nothing_located_or_one_record_or_none_has_its_view(round_, lang):
    nowhere = round_.records.assign(lon=np.nan, lat=np.nan).set_geometry(
        onemap.maps.gpd.GeoSeries([None] * N, index=round_.records.index, crs=4326)
    )
    for records in (nowhere, round_.records.iloc[[7]].assign(status="accepted"), round_.records.iloc[:0]):
        panel = onemap.OneMap(with_records(round_, records), lang=lang)
        accepted = records[records["status"] == "accepted"]
        found = int(accepted.geometry.notna().sum())
        assert len(panel.points.data["features"]) == found
        assert panel.digest().iloc[:, 0].iloc[1] == f"{found} / {len(accepted)}"
        assert [row["key"] for row in panel.townships.rows] == list(
            dict.fromkeys(accepted.sort_values("township_code")["township_code"])
        )
        panel.show(0 if len(records) else -1)
        assert ("Not located" in panel.card.value or "没有定位" in panel.card.value) == (records is nowhere)
        panel.calendar.chosen = ["11"]
        panel.controls.reset.click()


def test_a_township_without_a_cell_is_named_counted_and_chosen_as_others_are(round_):
    towns = round_.places.townships.copy()
    bare = towns["township_code"].iloc[3]
    towns.loc[towns["township_code"] == bare, "geometry"] = None
    panel = onemap.OneMap(with_records(round_, round_.records, dataclasses.replace(round_.places, townships=towns)))
    assert bare not in {one["properties"]["township_code"] for one in panel.cells.data["features"]}
    assert bare in {row["key"] for row in panel.townships.rows}
    panel.townships.chosen = [bare]
    agrees(panel, round_, Selection(townships=(bare,)))


def texts_of(widget, seen):
    """All that a widget and those within it say: descriptions, options, HTML, rows, names of layers; a layer's GeoJSON is not shown as text."""
    if widget.model_id in seen:
        return
    seen[widget.model_id] = {
        name: value for name, value in widget.get_state().items() if name[0] != "_" and name != "data"
    }
    for name in widget.trait_names():
        value = getattr(widget, name)
        for inner in value if isinstance(value, tuple | list) else [value]:
            if isinstance(inner, Widget):
                texts_of(inner, seen)


def signs(panel, data):
    """Return the Chinese signs of all that a panel says, but for `data`."""
    seen = {}
    texts_of(panel.view, seen)
    said = re.sub("<style>.*?</style>", "", json.dumps(list(seen.values()), ensure_ascii=False, default=str))
    for text in sorted(data, key=len, reverse=True):
        said = said.replace(text, "")
    assert len(said) > 50_000
    return set(re.findall(r"[\u4e00-\u9fff，。：；（）、！？]+", said))


def test_an_english_map_holds_no_chinese_sign_but_names(round_, tmp_path):
    data = {"普通农户", "张三", "附件1", "快检结果", "五月豇豆（林一）", "林一", "种植业股", "五月豇豆"}
    panel = onemap.OneMap(round_, Store(tmp_path / "decisions.db"), lang="en")
    assert signs(panel, data) == set()
    assert signs(onemap.OneMap(round_), data) > {"主体类型", "清除筛选"}  # Chinese ones are seen
    lists = panel.controls.lists
    lists["product"].value = ("pig", "beef_cattle")
    lists["township"].value, lists["coord_status"].value = tuple(round_.places.names), ("ok", "fixed")
    lists["credit_grade"].value, lists["trace_methods"].value = ("A",), ("code", "label")
    panel.controls.size.value, panel.controls.window.value = (5.0, 5000.0), (30, 41)
    assert "5–5000 head, on the market Nov–Feb next year" in panel.sentence.value
    panel.save.click()
    panel.name.value, panel.signed.who.value, panel.signed.section.value = "五月豇豆", "林一", "种植业股"
    panel.save.click()
    assert "Saved" in panel.said.value
    assert signs(panel, data | {"11月–次年2月"}) == set()  # the line to copy says the window as a notebook reads it
    panel.controls.reset.click()
    for position in (1, 5, int(round_.records.geometry.isna().to_numpy().nonzero()[0][0])):
        panel.show(position)
        assert signs(panel, data) == set()
    panel.reveal.click()
    digest = panel.digest()
    assert not re.search(r"[\u4e00-\u9fff]", digest.reset_index().to_string())
    assert signs(panel, data) == set()
    with pytest.raises(ValueError, match="lang"):
        onemap.OneMap(round_, lang="fr")


def test_the_table_is_cut_and_says_so(panel):
    assert panel.table.title.endswith(f"列出前 {onemap.ROWS_SHOWN} 条")
    assert len(panel.table.rows) == onemap.ROWS_SHOWN


@pytest.mark.parametrize("count", [3_000, 60_000])
def test_many_records_are_sent_as_groups_and_points_when_near(round_, count):
    chance = np.random.default_rng(1)
    rows = round_.records.iloc[np.arange(count) % N].reset_index(drop=True)
    rows = rows.assign(record_id=[f"m{at}" for at in range(count)], status="accepted")
    west, south, east, north = round_.places.townships.total_bounds
    lon, lat = chance.uniform(west, east, count), chance.uniform(south, north, count)
    rows = rows.assign(lon=lon, lat=lat).set_geometry(onemap.maps.gpd.points_from_xy(lon, lat), crs=4326)
    many_ = type(round_)(**{**vars(round_), "records": rows})
    panel = onemap.OneMap(many_)
    features = panel.points.data["features"]
    assert sum(feature["properties"]["records"] for feature in features) == count
    assert len(json.dumps(panel.points.data)) < 500_000
    assert panel.digest()["值"]["分组"].startswith(f"{count} 条")
    # As the browser says when somebody zooms in.
    panel.map.zoom = 15
    span = 0.04 * (3_000 / count) ** 0.5
    panel.map.set_trait("bounds", ((25.0, 118.0), (25.0 + span, 118.0 + span)))
    near = panel.points.data["features"]
    margin = onemap.detail.MARGIN * span
    inside = (abs(lon - 118.0 - span / 2) <= span / 2 + margin) & (abs(lat - 25.0 - span / 2) <= span / 2 + margin)
    assert {feature["properties"]["record_id"] for feature in near} == {f"m{at}" for at in np.flatnonzero(inside)}
    assert len(near) > 3
    # A click on a group goes nearer.
    panel.map.set_trait("bounds", ())
    panel._draw()
    group = panel.points.data["features"][0]
    zoom = panel.map.zoom
    panel.points._handle_mouse_events(None, {"event": "click", "feature": group, "properties": group["properties"]}, [])
    assert panel.map.zoom > zoom
    assert panel.map.center == [group["properties"]["lat"], group["properties"]["lon"]]
