"""Panels by their values, without a browser: map, counts and table move together, whoever sets a filter."""

import math
from datetime import datetime
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from originmap import panels
from originmap.places import load_places, points_of
from originmap.rules import load_rules
from originmap.selection import Selection, parse_window, select

HOSTILE = ["<script>alert(1)</script>", "{{7*7}} {0} %s", "\"'><img src=x onerror=alert(1)>", "普通农户"]
N = 400


@pytest.fixture(scope="module")
def round_():
    """A round of random rows whose names would be markup, phones and all."""
    rules = load_rules()
    places = load_places(rules)
    chance = np.random.default_rng(5)
    product = chance.choice(list(rules.products), N)
    crop = np.array([rules.products[name].kind == "crop" for name in product])
    size = np.exp(chance.normal(1.5, 1.2, N)).round(1) * np.where(crop, 1, 50)
    town = chance.integers(0, 24, N)
    names = pd.Series([HOSTILE[at % 4] + str(at % 60) for at in range(N)])
    lon = pd.Series(places.townships["seat_lon"].to_numpy()[town] + chance.normal(0, 0.01, N))
    lon[chance.random(N) < 0.05] = np.nan
    frame = {
        "record_id": [f"r{at:04d}" for at in range(N)],
        "round": "2023-03",
        "township_code": places.townships["township_code"].to_numpy()[town],
        "township": places.townships["township"].to_numpy()[town],
        "village": names,
        "subject_name": names,
        "subject_type": chance.choice(["household", "cooperative", "buyer"], N, p=[0.7, 0.25, 0.05]),
        "contact_name": "张三",
        "contact_phone": "13800001234",
        "product": product,
        "plot_key": "",
        "cropping": "1",
        "size_value": size,
        "size_unit": [rules.products[name].unit for name in product],
        "area_mu": np.where(crop, size, np.nan),
        "head_count": np.where(crop, np.nan, size),
        "market_windows": chance.choice(["2023-05-01/2023-07-31", "2022-11-01/2023-02-28", "2023-09-01/"], N),
        "production_mode": chance.choice(["open", "protected"], N),
        "credit_grade": "A",
        "collected_on": pd.Series([None] * N, dtype="str"),
        "coord_status": "ok",
        "status": chance.choice(["accepted", "quarantined"], N, p=[0.95, 0.05]),
        "source_file": HOSTILE[0],
        "source_sheet": "附件1",
        "source_row": range(N),
    }
    records = gpd.GeoDataFrame(frame, geometry=points_of(lon, lon * 0 + 25.1))
    moment = datetime(2023, 3, 31, 23, 59, 59)  # noqa: DTZ001 - a county's own time, as typed
    return SimpleNamespace(name="2023-03", as_of=moment, rules=rules, places=places, records=records, is_sample=True)


@pytest.fixture
def panel(round_):
    return panels.OneMap(round_)


def ids(panel):
    return sorted(feature["properties"]["record_id"] for feature in panel.points.data["features"])


def agrees(panel, round_, selection):
    """Map, counts, sentence and table hold what the plain selection says."""
    expected = select(round_.records, selection)
    there = expected[expected.geometry.notna()]
    assert panel.selection == selection
    assert ids(panel) == sorted(there["record_id"])
    assert f"已定位 {len(there)} / {len(expected)} 条" in panel.counts.value
    assert f"共 {len(expected)} 条" in panel.table.value
    assert panel.row.max == len(expected)
    values = panel.digest()["值"]
    assert values["已定位"] == f"{len(there)} / {len(expected)}"
    assert values["图上要素"] == str(len(there))


def test_everything_is_shown_at_first(panel, round_):
    agrees(panel, round_, Selection())
    assert panel.sentence.value.startswith("<b style='font-size:15px'>全部产品：")
    assert panel.size.disabled
    assert "未定位" in panel.counts.value
    assert "样例数据" in panel.title.value


def test_each_filter_moves_all(panel, round_):
    panel.product.value = ("cowpea",)
    agrees(panel, round_, Selection(products=("cowpea",)))
    assert "豇豆：" in panel.sentence.value
    panel.production_mode.value = ("open",)
    panel.subject_type.value = ("household", "buyer")
    base = {"products": ("cowpea",), "production_modes": ("open",), "subject_types": ("household", "buyer")}
    agrees(panel, round_, Selection(**base))
    town = round_.records.loc[round_.records["product"] == "cowpea", "township_code"].iat[0]
    panel.township.value = (town,)
    agrees(panel, round_, Selection(**base, townships=(town,)))
    panel.township.value = ()
    panel.size.value = (2.0, math.inf)
    agrees(panel, round_, Selection(**base, min_size=2.0, size_unit="mu"))
    panel.window.value = parse_window("5月上旬")
    assert not panel.any_time.value
    agrees(panel, round_, Selection(**base, min_size=2.0, size_unit="mu", window=(12, 12)))
    panel.any_time.value = True
    agrees(panel, round_, Selection(**base, min_size=2.0, size_unit="mu"))
    panel.reset.click()
    agrees(panel, round_, Selection())


def test_the_window_runs_round_the_year(panel, round_):
    panel.window.value = (30, 41)
    agrees(panel, round_, Selection(window=(30, 5)))
    assert "11月–次年2月上市" in panel.sentence.value
    panel.window.value = (0, 53)
    agrees(panel, round_, Selection(window=(0, 35)))


def test_size_follows_the_unit_of_the_products_and_rests_while_they_differ(panel, round_):
    panel.product.value = ("pig", "beef_cattle")
    assert not panel.size.disabled
    assert panel.size.options[1][0].endswith("头")
    panel.size.value = (100.0, 500.0)
    pigs = Selection(products=("beef_cattle", "pig"), min_size=100.0, max_size=500.0, size_unit="head")
    assert set(panel.selection.products) == set(pigs.products)
    assert (panel.selection.min_size, panel.selection.max_size, panel.selection.size_unit) == (100.0, 500.0, "head")
    panel.product.value = ("pig", "cowpea")
    assert panel.size.disabled
    assert (panel.selection.min_size, panel.selection.max_size) == (None, None)
    panel.product.value = ("cowpea",)
    assert panel.size.value == (0.0, math.inf)


def test_one_filter_sends_the_points_once(panel):
    sent = []
    panel.points.observe(lambda change: sent.append(len(change["new"]["features"])), "data")
    panel.product.value = ("celery",)
    assert len(sent) == 1
    panel.reset.click()
    assert len(sent) == 2


def test_it_opens_with_what_a_notebook_asks_for(round_):
    panel = panels.OneMap(round_, products=["pig"], window="11月至次年2月")
    agrees(panel, round_, Selection(products=("pig",), window=(30, 5)))
    assert panel.window.value == (30, 41)
    with pytest.raises(ValueError, match="cowpee"):
        panels.OneMap(round_, products=["cowpee"])
    with pytest.raises(ValueError, match="待定"):
        panels.OneMap(round_, window="待定")


def test_an_empty_result_is_shown_as_such(panel, round_):
    panel.product.value = ("silkie",)
    panel.size.value = (100_000.0, math.inf)
    agrees(panel, round_, panel.selection)
    assert ids(panel) == []
    assert "0 个主体" in panel.sentence.value


def test_no_text_of_a_sheet_becomes_html_and_no_phone_is_shown(panel):
    panel.row.value = 1
    values = [
        widget.value for widget in (panel.title, panel.sentence, panel.legend, panel.counts, panel.card, panel.table)
    ]
    for value in values:
        assert "<script" not in value
        assert "<img" not in value
        assert "1380000" not in value
    assert "&lt;script&gt;" in panel.table.value
    assert "{{7*7}}" in panel.table.value


def test_a_click_or_a_number_shows_a_card_and_marks_the_place(panel):
    feature = panel.points.data["features"][7]
    panel.points._handle_mouse_events(
        None, {"event": "click", "feature": feature, "properties": feature["properties"]}, []
    )
    assert panel.row.value > 0
    chosen = panel.records.iloc[panel.row.value - 1]
    assert chosen["record_id"] == feature["properties"]["record_id"]
    assert "出处" in panel.card.value
    (ring,) = panel.ring.data["features"]
    assert ring["geometry"]["coordinates"] == pytest.approx(feature["geometry"]["coordinates"], abs=1e-6)
    lost = panel.records.geometry.isna().to_numpy().nonzero()[0][0]
    panel.row.value = int(lost) + 1
    assert panel.ring.data["features"] == []
    assert "没有定位" in panel.card.value
    panel.product.value = ("cowpea",)
    assert panel.row.value == 0
    assert "出处" not in panel.card.value


def test_a_click_on_a_cell_looks_at_that_township_and_a_second_at_all(panel, round_):
    content = {"event": "click", "feature": panel.cells.data["features"][3]}
    content["properties"] = content["feature"]["properties"]
    panel.cells._handle_mouse_events(None, content, [])
    agrees(panel, round_, Selection(townships=(list(round_.places.names)[3],)))
    panel.cells._handle_mouse_events(None, content, [])
    agrees(panel, round_, Selection())


def test_the_table_is_cut_and_says_so(panel):
    assert f"列出前 {panels.ROWS_SHOWN} 条" in panel.table.value
    assert panel.table.value.count("<tr>") == panels.ROWS_SHOWN + 1
