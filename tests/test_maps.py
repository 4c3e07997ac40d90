"""The screen map as data: what is drawn, that a moved point shows, and that no text from a sheet becomes HTML."""

import copy
import json

import geopandas as gpd
import ipyleaflet
import numpy as np
import pandas as pd
import pytest
import shapely

from originmap import maps, plans
from originmap.places import load_places, points_of
from originmap.rules import load_rules

HOSTILE = ["<script>alert(1)</script>", "{{7*7}} {0} %s", "\"'><img src=x onerror=alert(1)>", "甲&乙<b>"]


@pytest.fixture(scope="module")
def rules():
    return load_rules()


@pytest.fixture(scope="module")
def places(rules):
    return load_places(rules)


@pytest.fixture
def records(rules, places):
    """One row a product with names that would be markup, a buyer, a row without a point and one that is not accepted."""
    products = [*rules.products, "cowpea", "cowpea", "cowpea"]
    n, town = len(products), places.townships.iloc[2]
    crop = np.array([rules.products[name].kind == "crop" for name in products])
    size = np.array([2.0 * rules.products[name].threshold for name in products])
    lon = pd.Series([118.0 + at / 100 for at in range(n)])
    lon.iloc[-2] = np.nan
    frame = pd.DataFrame(
        {
            "record_id": [f"r{at:02d}" for at in range(n)],
            "township_code": town["township_code"],
            "township": town["township"],
            "village": HOSTILE[0],
            "subject_name": [HOSTILE[at % len(HOSTILE)] for at in range(n)],
            "subject_type": ["household"] * (n - 3) + ["buyer", "household", "household"],
            "contact_phone": "13800001234",
            "product": products,
            "size_value": size,
            "size_unit": [rules.products[name].unit for name in products],
            "area_mu": np.where(crop, size, np.nan),
            "head_count": np.where(crop, np.nan, size),
            "market_windows": "2023-05-01/2023-07-31",
            "production_mode": "open",
            "credit_grade": HOSTILE[2],
            "coord_status": "ok",
            "status": ["accepted"] * (n - 1) + ["quarantined"],
            "source_file": HOSTILE[0] + ".xlsx",
            "source_sheet": HOSTILE[3],
            "source_row": range(3, n + 3),
        }
    )
    return gpd.GeoDataFrame(frame, geometry=points_of(lon, lon * 0 + 25.2))


@pytest.fixture(scope="module")
def gaps(rules, places):
    towns, product = list(places.names), rules.baseline_products[0]
    frame = pd.DataFrame({"township_code": towns, "township": list(places.names.values()), "product": product})
    frame["baseline_mu"], frame["collected_mu"], frame["gap_status"] = 100.0, 100.0, "balanced"
    for at, (collected, status) in enumerate(
        [(40, "short"), (60, "short"), (90, "short"), (100, "balanced"), (120, "over")]
    ):
        frame.loc[at, ["collected_mu", "gap_status"]] = [collected, status]
    for at, status in enumerate(["not_due", "no_baseline", "not_submitted", "not_reported"], start=5):
        frame.loc[at, ["collected_mu", "gap_status"]] = [np.nan, status]
    frame["coverage_pct"] = frame["collected_mu"]
    return frame.assign(gap_mu=100.0 - frame["collected_mu"])


def properties(data):
    return [feature["properties"] for feature in data["features"]]


def test_points_are_the_located_rows_that_were_chosen_and_carry_no_person(records, rules):
    data = maps.points(records, rules)
    located = records[records.geometry.notna()]
    assert 9 < len(located) < len(records)
    assert sorted(own["record_id"] for own in properties(data)) == sorted(located["record_id"])
    text = json.dumps(data, ensure_ascii=False)
    assert "1380000" not in text
    assert "script" not in text
    assert set().union(*(set(own) for own in properties(data))) == {"record_id", "product", "area_mu", "style"}


def test_one_product_one_colour_and_buyers_are_hollow(records, rules):
    own = {each["record_id"]: each for each in properties(maps.points(records, rules))}
    for at, product in enumerate(rules.products.values()):
        assert own[f"r{at:02d}"]["style"]["fillColor"] == product.colour
    buyer = own["r08"]
    assert buyer["style"] | {"radius": 0} == {"fillColor": "#FFFFFF", "color": rules.products["cowpea"].colour, "weight": 2, "radius": 0}  # fmt: skip
    assert buyer["area_mu"] is None
    assert own["r00"]["area_mu"] == 1.0


def test_symbols_grow_by_area_and_the_largest_come_first(records, rules):
    sizes = [0.5, 2.0, 10.0, 50.0]
    rows = records.iloc[[0, 0, 0, 0]].reset_index(drop=True).assign(area_mu=sizes, record_id=["a", "b", "c", "d"])
    own = properties(maps.points(rows, rules))
    assert [each["record_id"] for each in own] == ["d", "c", "b", "a"]
    areas = np.array([each["style"]["radius"] for each in own]) ** 2
    assert areas / areas[-1] == pytest.approx(np.array(plans.SIZE_PT2[::-1]) / plans.SIZE_PT2[0], rel=0.08)


def test_nothing_to_draw_is_an_empty_layer(records, rules):
    layer = maps.point_layer(maps.points(records.iloc[:0], rules))
    found = maps.drawn(layer)
    assert (found["features"], found["area_mu"], found["extent"]) == (0, None, None)
    assert len(maps.digest(layer)) == 5
    assert maps.ring()["features"] == []
    assert maps.ring(118.0, 25.0)["features"][0]["geometry"]["coordinates"] == [118.0, 25.0]


def test_a_digest_is_read_from_the_layer_and_sees_a_point_move_by_100_m(records, rules):
    layer = maps.point_layer(maps.points(records[records["status"] == "accepted"], rules))
    before = maps.drawn(layer)
    assert before["features"] == 9
    assert before["area_mu"] == pytest.approx(3.0)
    assert before["extent"] == (118.0, 25.2, 118.08, 25.2)
    moved = copy.deepcopy(layer.data)
    moved["features"][4]["geometry"]["coordinates"][0] += 0.001  # 100 m
    layer.data = moved
    after = maps.drawn(layer)
    assert after["coordinates"] != before["coordinates"]
    assert after["symbols"] == before["symbols"]
    again = copy.deepcopy(moved)
    again["features"][4]["properties"]["style"]["radius"] += 1
    layer.data = again
    assert maps.drawn(layer)["coordinates"] == after["coordinates"]
    assert maps.drawn(layer)["symbols"] != after["symbols"]


def test_a_digest_of_a_printed_plan_too(records, rules, gaps, places):
    plan = plans.point_plan(records, rules)
    found = maps.drawn(plan)
    assert found["features"] == 9
    assert found["extent"][0] > 100_000  # metres
    moved = plan.assign(geometry=plan.geometry.translate(100, 0))
    assert maps.drawn(moved)["coordinates"] != found["coordinates"]
    assert maps.drawn(plans.coverage_plan(gaps, places, rules, gaps["product"].iat[0]))["features"] == 24


def test_no_line_of_a_digest_is_long_enough_to_be_cut(records, rules):
    table = maps.digest(maps.points(records, rules), beside={"筛选": "全部产品"})
    assert table.index[0] == "筛选"
    assert table["值"].str.len().max() < pd.get_option("display.max_colwidth")


def test_cells_are_the_townships_in_order(places):
    data = maps.cells(places, styles={"350524100": {"fillColor": "#000000"}}, properties={"350524101": {"note": 1}})
    own = properties(data)
    assert [each["township_code"] for each in own] == list(places.names)
    assert own[0]["style"]["fillColor"] == "#000000"
    assert own[0]["style"]["weight"] == own[1]["style"]["weight"]
    assert own[1]["note"] == 1
    flat = shapely.get_coordinates([shapely.geometry.shape(feature["geometry"]) for feature in data["features"]])
    assert (flat.round(6) == flat).all()
    json.dumps(data)


def test_a_township_without_a_boundary_has_no_cell_but_a_name(rules, places):
    towns = places.townships.copy()
    towns.loc[0, "geometry"] = None
    fewer = type(places)(towns, places.villages, places.quality, places.tolerance_m, places.measure_crs, places.county)
    assert len(maps.cells(fewer)["features"]) == len(towns) - 1
    layer = maps.label_layer(fewer)
    assert layer.layers[0].location == pytest.approx([towns["seat_lat"].iat[0], towns["seat_lon"].iat[0]], abs=1e-5)


def test_coverage_cells_show_classes_and_keep_unknown_apart(gaps, places, rules):
    product = gaps["product"].iat[0]
    own = properties(maps.coverage_cells(gaps, places, rules, product))
    assert [each["class_index"] for each in own[:9]] == [0, 1, 2, 3, 4, None, None, None, None]
    assert [each["style"]["fillColor"] for each in own[:5]] == list(plans.COVERAGE_COLOURS)
    assert {each["style"]["fillColor"] for each in own[5:9]} == {maps.NO_DATA}
    assert all("dashArray" in each["style"] and each["coverage_pct"] is None for each in own[5:9])
    assert maps.NO_DATA not in plans.COVERAGE_COLOURS
    assert [each["label"] for each in own[4:7]] == ["120%", "未要求", "无底数"]
    with pytest.raises(ValueError, match="pig"):
        maps.coverage_cells(gaps, places, rules, "pig")


def test_the_map_needs_no_network_and_fits_the_county(places, rules, records):
    layers = [
        maps.cell_layer(maps.cells(places)),
        maps.point_layer(maps.points(records, rules)),
        maps.label_layer(places),
    ]
    drawn = maps.township_map(places, layers, note=maps.map_note(places, is_sample=True))
    assert list(drawn.layers) == layers
    assert not any(isinstance(layer, ipyleaflet.TileLayer) for layer in drawn.layers)
    assert (drawn.prefer_canvas, drawn.max_zoom) == (True, 18)
    west, south, east, north = places.townships.total_bounds
    assert south < drawn.center[0] < north
    assert west < drawn.center[1] < east
    assert 256 * 2**drawn.zoom / 360 * (east - west) <= maps.VIEW_PX[0]
    assert 256 * 2 ** (drawn.zoom + 0.5) / 360 * (east - west) > maps.VIEW_PX[0] / 1.2
    kinds = {type(control).__name__ for control in drawn.controls}
    assert {"ScaleControl", "AttributionControl", "LayersControl"} <= kinds
    assert not any(marker.draggable or marker.keyboard for marker in layers[2].layers)


@pytest.mark.parametrize(("sample", "said"), [(True, True), (False, False)])
def test_the_note_says_schematic_and_sample(places, sample, said):
    note = maps.map_note(places, is_sample=sample)
    assert ("样例数据" in note) == said
    assert "示意" in note
    assert "内部资料" in note


def test_labels_take_a_second_line_and_let_the_pointer_through(places):
    layer = maps.label_layer(places)
    maps.relabel(layer, places, {"350524100": "<b>72%"})
    html = layer.layers[0].icon.html
    assert "&lt;b&gt;72%" in html
    assert "pointer-events:none" in html
    assert "凤城镇" in html


def test_legends_are_escaped_and_name_what_is_shown(rules):
    html = maps.point_legend(rules, ["cowpea"])
    assert "豇豆" in html
    assert "生猪" not in html
    assert "亩" in html
    assert "头" not in html
    assert all(product.colour in maps.point_legend(rules) for product in rules.products.values())
    html = maps.coverage_legend(rules, {"<50%": 3, "not_submitted": 2})
    assert "&lt;50%：3 个乡镇" in html
    assert "未报：2 个乡镇" in html
    assert "无底数" not in html


def test_a_row_whose_product_is_unknown_has_its_place_in_grey(records, rules):
    rows = records.assign(product=records["product"].where(records.index != records.index[0]))
    there = int((~rows.geometry.isna() & ~rows.geometry.is_empty).sum())
    features = maps.points(rows, rules)["features"]
    assert len(features) == there
    (grey,) = [one["properties"] for one in features if one["properties"]["product"] is None]
    assert (grey["record_id"], grey["style"]["fillColor"]) == (records["record_id"].iloc[0], maps.MIXED)
    assert "产品不明" in maps.point_legend(rules, unknown=True)
