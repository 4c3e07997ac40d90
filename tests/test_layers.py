"""The one map's layers by their values: menus, lists, base maps in register, and what cannot be drawn."""

import json

import ipyleaflet
import numpy as np
import pandas as pd
import pytest
from many import HOSTILE, many

import originmap as om
from originmap import basemaps, datum, onemap, shading
from originmap.basemaps import BaseMap
from originmap.selection import Selection

TILES = {"name": "本机瓦片", "tiles": "http://127.0.0.1:9/{z}/{x}/{y}.png", "datum": "gcj02"}


def rules(**entries):
    return om.rules.load_rules(settings={"basemaps": entries})


def with_bases(**entries):
    round_ = many()
    round_.rules = rules(**entries)
    return onemap.OneMap(round_)


@pytest.fixture(scope="module")
def panel():
    return onemap.OneMap(many())


@pytest.fixture(autouse=True)
def plain(panel):
    """Each test begins with everything shown and no layer."""
    panel.controls.set(Selection())
    panel.layers.choose()
    panel.layers.mark.value, panel.layers.tests_shown.value = "", False


# ---- shading and symbols in the panel ----


def test_nothing_is_shaded_at_first_and_no_address_is_in_the_map(panel):
    layers = panel.layers
    assert {feature["properties"]["style"]["fillColor"] for feature in layers.ground.data["features"]} == {"#F4F1E8"}
    assert layers.symbols.data["features"] == layers.tests.data["features"] == layers.plots.data["features"] == []
    assert not any(isinstance(layer, ipyleaflet.TileLayer) for layer in panel.map.layers)
    assert panel.layers.base.layout.display == "none"
    assert "http" not in json.dumps([layer.get_state(["name"]) for layer in panel.map.layers])


@pytest.mark.parametrize("measure", [name for name in shading.MEASURES if name not in ("coverage_pct", "gap_mu")])
def test_a_shading_colours_cells_counts_classes_and_lists_every_township(panel, measure):
    panel.controls.lists["product"].value = ("pig",) if measure == "heads" else ()
    panel.layers.shade.value = measure
    made, _ = panel.layers.shadings
    assert made.fits
    fills = [feature["properties"]["style"]["fillColor"] for feature in panel.layers.ground.data["features"][:24]]
    assert len(set(fills)) > 1
    for at, (name, colour) in enumerate(zip(made.labels(panel.rules), made.colours, strict=True)):
        assert fills.count(colour) == int((made.table["class_index"] == at).sum())
        assert f"{name}：{fills.count(colour)} 个乡镇".replace("<", "&lt;") in panel.layers.legend.value
    assert "示意单元" in panel.layers.legend.value
    for town, text in zip(panel.places.names.values(), made.texts(), strict=True):
        assert f"<td>{town}</td><td class='n'>{text}</td>" in panel.layers.figures.value
    assert panel.digest()["值"]["乡镇底色"].startswith(om.vocab.code("measure", measure))


def test_a_measure_that_does_not_fit_says_why_and_draws_no_class(panel):
    panel.layers.choose(shading="heads")
    panel.layers.mark.value = "area_mu"
    panel.controls.lists["product"].value = ("pig", "egg")
    assert "请只选一种畜禽" in panel.layers.legend.value
    assert "没有面积可画" in panel.layers.legend.value
    assert {feature["properties"]["style"]["fillColor"] for feature in panel.layers.ground.data["features"]} == {
        "#F4F1E8"
    }
    assert panel.layers.symbols.data["features"] == []
    panel.controls.lists["product"].value = ("pig",)
    assert "请只选一种畜禽" not in panel.layers.legend.value


def test_symbols_show_three_circles_and_figures_stand_under_the_names(panel):
    panel.layers.mark.value = "subjects"
    assert panel.layers.legend.value.count("<circle") == 3
    assert len(panel.layers.symbols.data["features"]) == 24
    icons = [marker.icon.html for marker in panel.layers.labels.layers]
    _, made = panel.layers.shadings
    assert all(f"<b>{text}</b>" in html for text, html in zip(made.texts(), icons, strict=True))
    panel.layers.mark.value = ""
    assert not any("<b>" in marker.icon.html for marker in panel.layers.labels.layers)


def test_nothing_selected_and_one_record(panel):
    for code in ("area_mu", "subjects", "findings"):
        panel.layers.shade.value = panel.layers.mark.value = code
        panel.controls.text.value = "没有这样的主体"
        made, _ = panel.layers.shadings
        assert set(made.table["value"]) == {0.0}
        assert panel.layers.symbols.data["features"] == []
        assert "所选记录都在图上" in panel.layers.off_map.value
    one = panel.board.records.iloc[3]
    panel.controls.text.value = one["subject_name"]
    panel.controls.lists["product"].value = (one["product"],)
    panel.layers.shade.value = "subjects"
    assert 0 < panel.layers.shadings[0].table["value"].sum() < 10


def test_nothing_located_lists_every_record_as_text(panel):
    round_ = many()
    round_.records = round_.records.assign(lon=np.nan, lat=np.nan, coord_status="missing").set_geometry(
        onemap.maps.gpd.GeoSeries([None] * len(round_.records), crs=4326)
    )
    lost = onemap.OneMap(round_)
    count = len(lost.chosen)
    assert lost.points.data["features"] == []
    assert lost.layers.lists.buttons[1].description == f"图上没有的记录：{count} / {count} 条"
    assert lost.layers.off_map.value.count("<tr>") == min(count, om.legends.MOST_ROWS) + 1
    assert f"列出前 {om.legends.MOST_ROWS} 条" in lost.layers.off_map.value
    assert "<script" not in lost.layers.off_map.value
    assert "&lt;script&gt;" in lost.layers.off_map.value
    lost.layers.tests_shown.value = True
    assert "1 批只知乡镇" in lost.layers.legend.value
    assert len(lost.layers.tests.data["features"]) == 2  # the white line and the mark on it


def test_the_list_of_the_others_is_what_is_not_on_the_map(panel):
    lost = panel.chosen.records[panel.chosen.records.geometry.isna()]
    assert panel.layers.lists.buttons[1].description == f"图上没有的记录：{len(lost)} / {len(panel.chosen)} 条"
    assert panel.layers.off_map.value.count("<tr>") == len(lost) + 1
    for row in lost.to_dict("records"):
        assert panel.round_.cell(row, "point").replace("<", "&lt;").replace(">", "&gt;") in panel.layers.off_map.value


def test_a_township_without_a_cell_is_said_with_its_figure():
    round_ = many()
    bare = round_.places.townships.copy()
    bare.loc[3, "geometry"] = None
    round_.places = type(round_.places)(**{**vars(round_.places), "townships": bare})
    panel = onemap.OneMap(round_)
    panel.layers.shade.value = panel.layers.mark.value = "subjects"
    assert len(panel.layers.ground.data["features"]) == 23
    assert len(panel.layers.symbols.data["features"]) == 24
    text = panel.layers.shadings[0].texts()[3]
    assert f"没有单元可涂：{bare['township'][3]} {text}" in panel.layers.legend.value


def test_switches_of_points_and_tests_and_a_click_tells(panel):
    panel.layers.points_shown.value = False
    assert panel.points.data["features"] == []
    panel.layers.points_shown.value = True
    assert len(panel.points.data["features"]) == int((panel.chosen.keep & panel.board.located).sum())
    panel.layers.tests_shown.value = True
    _, feature = panel.layers.tests.data["features"]
    assert "快检 1 批：1 批在主体的点上" in panel.layers.legend.value
    content = {"event": "click", "feature": feature, "properties": feature["properties"]}
    panel.layers.tests._handle_mouse_events(None, content, [])
    assert "样品编号" in panel.card.value
    assert "<script>" not in panel.card.value
    wide = [max(x for x, _ in feature["geometry"]["coordinates"][0]) for feature in panel.layers.tests.data["features"]]
    panel.map.zoom += 2
    assert [max(x for x, _ in one["geometry"]["coordinates"][0]) for one in panel.layers.tests.data["features"]] < wide
    panel.map.zoom -= 2


def test_plots_are_outlines_with_their_area():
    round_ = many()
    shape = {"type": "Polygon", "coordinates": [[[118.1, 25.1], [118.11, 25.1], [118.11, 25.11], [118.1, 25.1]]]}
    rows = {"record_id": ["r0000", "r0002", "zzz"], "subject_name": HOSTILE[0], "product": "cowpea", "plot_mu": [2.5, 3.0, 9.0],
            "area_mu": [2.0, None, 1.0], "id": ["a", "b", "c"]}  # fmt: skip
    outline = onemap.maps.shapely.geometry.shape(shape)
    round_.plots = onemap.maps.gpd.GeoDataFrame(rows, geometry=[outline] * 3, crs=4326)
    round_.records = round_.records.assign(status="accepted")
    panel = onemap.OneMap(round_)
    panel.layers.plots_shown.value = True
    assert [feature["properties"]["area_mu"] for feature in panel.layers.plots.data["features"]] == [2.5, 3.0]
    assert "地块 2 个，勾绘共 5.5 亩" in panel.layers.legend.value
    feature = panel.layers.plots.data["features"][0]
    panel.layers.plots._handle_mouse_events(
        None, {"event": "click", "feature": feature, "properties": feature["properties"]}, []
    )
    assert "勾绘 2.5 亩，填报 2 亩" in panel.card.value
    assert "<script>" not in panel.card.value


def test_in_english_every_word_of_the_layers_is(panel):
    other = onemap.OneMap(many(), lang="en")
    other.controls.lists["product"].value = ("pig",)
    other.layers.shade.value = other.layers.mark.value = "heads"
    other.layers.tests_shown.value = True
    other.layers.shade.value = "area_mu"
    texts = [
        other.layers.legend.value,
        *(button.description for button in other.layers.lists.buttons),
        other.layers.shade.description,
    ]
    assert not any("\u4e00" <= sign <= "\u9fff" for text in texts for sign in text)


# ---- base maps ----


@pytest.mark.parametrize("name", ["gcj02", "bd09"])
def test_everything_lies_where_the_base_map_puts_it_and_clicks_come_back(name):
    panel = with_bases(here=TILES | {"datum": name})
    before = {layer: json.loads(json.dumps(getattr(panel.layers, layer).data)) for layer in ("cells", "ground")}
    points = {
        each["properties"]["record_id"]: each["geometry"]["coordinates"] for each in panel.points.data["features"]
    }
    middle = tuple(panel.map.center)
    panel.layers.base.value = "here"
    (tiles,) = panel.layers._under.layers
    assert tiles.url == TILES["tiles"]
    for each in panel.points.data["features"]:
        expected = datum.from_wgs84(*points[each["properties"]["record_id"]], name)
        assert each["geometry"]["coordinates"] == pytest.approx([float(value) for value in expected], abs=1e-6)
    for layer, data in before.items():
        old, new = (onemap.maps.shapely.get_coordinates(
            [onemap.maps.shapely.geometry.shape(each["geometry"]) for each in one["features"]]) for one in (data, getattr(panel.layers, layer).data))  # fmt: skip
        assert np.abs(np.column_stack(datum.from_wgs84(old[:, 0], old[:, 1], name)) - new).max() < 2e-6
    assert tuple(panel.map.center) == pytest.approx(
        tuple(float(value) for value in datum.from_wgs84(middle[1], middle[0], name))[::-1], abs=1e-6
    )
    panel.map.set_trait("bounds", ((25.0, 118.0), (25.1, 118.1)))
    west, south, east, north = panel.layers.sight()
    x, y = (float(value) for value in datum.to_wgs84(118.0, 25.0, name))
    assert (west, south) == (pytest.approx(x, abs=1e-3), pytest.approx(y, abs=1e-3))
    assert (west, south) <= (x + 1e-9, y + 1e-9)
    assert east - west == pytest.approx(0.1, abs=1e-3)
    assert north > south
    assert basemaps.NAMES[name] in panel.layers.legend.value
    assert "数据仍是 WGS84" in panel.layers.legend.value
    panel.show(int(np.flatnonzero(panel.board.located)[0]))
    (ring,) = panel.ring.data["features"]
    assert ring["geometry"]["coordinates"] in [
        each["geometry"]["coordinates"] for each in panel.points.data["features"]
    ]
    panel.layers.base.value = ""
    assert panel.layers.cells.data == before["cells"]
    assert panel.layers._under.layers == ()


def test_a_base_map_that_cannot_be_used_is_said_and_the_old_one_stays(monkeypatch, tmp_path):
    monkeypatch.delenv("OUR_KEY", raising=False)
    keyed = TILES | {"tiles": "http://127.0.0.1:9/{z}/{x}/{y}?tk={key}", "key_env": "OUR_KEY"}
    panel = with_bases(keyed=keyed, gone={"name": "没有的", "file": "没有.pmtiles"})
    panel.layers.base.value = "keyed"
    assert "OUR_KEY" in panel.layers.said.value
    assert panel.layers.base.value == panel.layers.base_map.code == ""
    panel.layers.base.value = "gone"
    assert "data/private/basemaps" in panel.layers.said.value
    with pytest.raises(ValueError, match=r"没有\.pmtiles"):
        panel.layers.choose(base_map="gone")
    with pytest.raises(ValueError, match="keyed、gone"):
        panel.layers.choose(base_map="other")
    with pytest.raises(ValueError, match="coverage_pct"):
        panel.layers.choose(shading="亩产")


def test_a_key_goes_to_the_browser_only(monkeypatch):
    monkeypatch.setenv("OUR_KEY", "geheim-1234")
    keyed = TILES | {"tiles": "http://127.0.0.1:9/{z}/{x}/{y}?tk={key}", "key_env": "OUR_KEY", "datum": "wgs84"}
    panel = with_bases(keyed=keyed)
    panel.layers.choose(base_map="keyed")
    (tiles,) = panel.layers._under.layers
    assert "geheim-1234" in tiles.url
    said = [
        repr(tiles),
        repr(panel.map),
        repr(panel.view),
        panel.layers.legend.value,
        str(panel.digest()),
        repr(panel.layers.base_map),
    ]
    assert "geheim" not in "".join(said)
    assert "geheim" not in json.dumps(tiles._get_embed_state()["state"], default=str)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("瓦片", "应为一节"),
        ({"tiles": "http://127.0.0.1/{z}/{x}/{y}", "url": "x"}, "url"),
        ({"tiles": "http://127.0.0.1/{z}/{x}"}, "{y}"),
        ({"tiles": "http://127.0.0.1/{z}/{x}/{y}", "file": "a.png"}, "且只写一个"),
        ({}, "且只写一个"),
        ({"tiles": "http://127.0.0.1/{z}/{x}/{y}/{key}"}, "key_env"),
        ({"tiles": "http://127.0.0.1/{z}/{x}/{y}", "datum": "gcj-02"}, "gcj-02"),
        ({"tiles": "http://127.0.0.1/{z}/{x}/{y}", "max_zoom": "18"}, "max_zoom"),
        ({"file": "a.tif"}, "a.tif"),
        ({"file": "a.png"}, "bounds"),
        ({"file": "a.png", "bounds": [118.0, 25.0, 117.0, 26.0]}, "bounds"),
    ],
)
def test_a_wrong_entry_is_named(entry, said):
    with pytest.raises(om.rules.RulesError, match=r"basemaps\.mine") as error:
        basemaps.configured(rules(mine=entry))
    assert said in str(error.value)


def test_files_have_an_address_on_the_page_s_own_server(monkeypatch, tmp_path):
    picture = tmp_path / "图" / "a.png"
    picture.parent.mkdir()
    picture.write_bytes(b"x")
    with pytest.raises(ValueError, match="data/private/basemaps"):
        basemaps.address(picture)
    monkeypatch.setenv(basemaps.SERVED, str(tmp_path))
    assert basemaps.address(picture) == "/files/%E5%9B%BE/a.png"
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/lin/")
    assert basemaps.address(picture) == "/user/lin/files/%E5%9B%BE/a.png"
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.11")
    monkeypatch.setenv("VOILA_BASE_URL", "/")
    assert basemaps.address(picture) == "/voila/files/%E5%9B%BE/a.png"
    made = basemaps.layer(BaseMap("a", "图", file=str(picture), bounds=(118.0, 25.0, 118.2, 25.2)))
    assert list(made.bounds) == [(25.0, 118.0), (25.2, 118.2)]
    wrong = tmp_path / "a.pmtiles"
    wrong.write_bytes(b"PMTiles\x03" + bytes(91) + b"\x02" + bytes(40))
    with pytest.raises(ValueError, match="不是矢量 PMTiles"):
        basemaps.layer(BaseMap("a", "图", file=str(wrong)))


def test_a_pmtiles_file_is_styled_by_its_layers(monkeypatch, tmp_path):
    place = onemap.maps.shapely.Point(118.1, 25.1)
    frame = onemap.maps.gpd.GeoDataFrame({"name": ["a"]}, geometry=[place.buffer(0.1)], crs=4326)
    path = tmp_path / "x.pmtiles"
    frame.to_file(path, driver="PMTiles", layer="land", MINZOOM=8, MAXZOOM=9)
    monkeypatch.setenv(basemaps.SERVED, str(tmp_path))
    made = basemaps.layer(BaseMap("a", "图", file=str(path)))
    assert made.url == "/files/x.pmtiles"
    assert {rule["source-layer"] for rule in made.style["layers"]} == {"land"}
    assert pd.Series([rule["type"] for rule in made.style["layers"]]).isin(["fill", "line", "circle"]).all()
