"""Selections: filters as plain data. Selecting twice is selecting once, and a wider filter never loses a row."""

import ast
import dataclasses
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import originmap as om
from originmap.board import Board, sentence
from originmap.decisions import Person, Store
from originmap.places import load_places, points_of
from originmap.rules import load_rules
from originmap.seasons import PERIODS, circular, parse_window, period, periods, window_text, windows_text
from originmap.selection import Selection, filters, named, parameters, verdict
from originmap.selection import read as selection_read
from originmap.subjects import normal_name, standing

RULES = load_rules()
PLACES = load_places(RULES)
TOWNS = list(PLACES.names)[:4]
WINDOWS = ["2023-05-01/2023-07-31", "2023-04-01/2023-06-30;2023-09-01/2023-11-30", "2022-11-01/2023-02-28", "2023-05-01/", None]  # fmt: skip


unhurried = settings(deadline=None)  # a busy machine is no finding


def rows(*changes):
    """Accepted rows of one grower's cowpea in 2023-03, each with its own changes."""
    plain = {
        "township_code": TOWNS[0], "township": PLACES.names[TOWNS[0]], "subject_name": "甲", "subject_type": "household",
        "product": "cowpea", "plot_key": "", "cropping": "1", "area_mu": 1.0, "head_count": np.nan, "size_unit": "mu",
        "village": None, "trace_methods": None, "credit_grade": None, "base_address": None, "coord_status": "ok",
        "market_windows": WINDOWS[0], "production_mode": "open", "collected_on": None, "round": "2023-03", "lon": 118.0,
        "lat": 25.1, "status": "accepted",
    }  # fmt: skip
    frame = pd.DataFrame([plain | change | {"record_id": f"r{at}"} for at, change in enumerate(changes)])
    texts = [name for name in frame if name not in ("area_mu", "head_count", "lon", "lat")]
    frame = frame.astype(
        dict.fromkeys(texts, "str") | dict.fromkeys(("area_mu", "head_count", "lon", "lat"), "float64")
    )
    return gpd.GeoDataFrame(frame, geometry=points_of(frame["lon"], frame["lat"]))


@pytest.fixture(scope="module")
def records():
    """2,000 random rows: every code, unknown sizes, windows and modes, rows of every status."""
    chance, n = np.random.default_rng(11), 2000
    product = chance.choice(list(RULES.products), n)
    unit = np.array([RULES.products[name].unit for name in product])
    size = np.where(chance.random(n) < 0.05, np.nan, np.exp(chance.normal(2, 1.5, n)).round(1))
    town = chance.choice(TOWNS, n)
    frame = pd.DataFrame(
        {
            "record_id": [f"r{at:04d}" for at in range(n)],
            "township_code": town,
            "township": [PLACES.names[code] for code in town],
            "subject_name": [f"户{at}" for at in chance.integers(0, 400, n)],
            "subject_type": chance.choice([*om.vocab.codes("subject_type")], n),
            "product": product,
            "plot_key": chance.choice(["", "东", "西"], n),
            "cropping": chance.choice(["1", "2"], n),
            "size_unit": unit,
            "area_mu": np.where(unit == "mu", size, np.nan),
            "head_count": np.where(unit == "mu", np.nan, size),
            "market_windows": pd.Series(chance.choice(np.array(WINDOWS, dtype=object), n), dtype="str"),
            "production_mode": pd.Series(
                chance.choice(np.array(["open", "protected", None], dtype=object), n), dtype="str"
            ),
            "village": pd.Series(chance.choice(np.array(["山前村", "溪口村", None], dtype=object), n), dtype="str"),
            "trace_methods": pd.Series(
                chance.choice(np.array(["code", "certificate;code", "label", None], dtype=object), n), dtype="str"
            ),
            "credit_grade": pd.Series(chance.choice(np.array(["A", "B", None], dtype=object), n), dtype="str"),
            "base_address": pd.Series(
                chance.choice(np.array(["溪口桥头", "后山", None], dtype=object), n), dtype="str"
            ),
            "coord_status": chance.choice(["ok", "proposed", "missing"], n),
            "collected_on": pd.Series(
                chance.choice(np.array(["2023-01-09", "2023-02-20", None], dtype=object), n), dtype="str"
            ),
            "round": "2023-03",
            "status": chance.choice(["accepted", "quarantined"], n, p=[0.9, 0.1]),
        }
    )
    lost = chance.random(n) < 0.1
    lon = pd.Series(np.where(lost, np.nan, 118 + chance.random(n) / 4))
    return gpd.GeoDataFrame(frame, geometry=points_of(lon, lon - 93))


def select(records, selection):
    return Board.of(records, RULES, PLACES).choose(selection).records


def plainly(records, selection):
    """The same filters in plain pandas, to compare with."""
    keep = pd.Series(data=True, index=records.index)
    for wanted, column in ((selection.products, "product"), (selection.townships, "township_code"), (selection.villages, "village"),
                           (selection.subject_types, "subject_type"), (selection.production_modes, "production_mode"),
                           (selection.credit_grades, "credit_grade"), (selection.statuses, "status"),
                           (selection.coord_statuses, "coord_status")):  # fmt: skip
        if wanted:
            keep &= records[column].isin(wanted)
    if selection.trace_methods:
        keep &= records["trace_methods"].map(
            lambda text: pd.notna(text) and bool({*text.split(";")} & {*selection.trace_methods})
        )
    size = records["area_mu" if selection.size_unit == "mu" else "head_count"]
    if selection.min_size is not None:
        keep &= (size >= selection.min_size) & (records["size_unit"] == selection.size_unit)
    if selection.max_size is not None:
        keep &= (size <= selection.max_size) & (records["size_unit"] == selection.size_unit)
    if selection.window is not None:
        first, last = selection.window
        wanted = {at % PERIODS for at in range(first, last + 1 + PERIODS * (last < first))}
        on = [{*table.nonzero()[0].tolist()} for table in periods(records["market_windows"])]
        keep &= pd.Series([bool(each & wanted) for each in on], index=records.index)
    if selection.text:
        said = records[["subject_name", "village", "plot_key", "base_address"]].fillna("").agg("\n".join, axis=1)
        keep &= said.str.contains(selection.text, regex=False)
    return records[keep]


def totals(records, by):
    """Totals in plain pandas, to compare with: by product, or by township and product."""
    rows = pd.DataFrame(records.drop(columns="geometry")).assign(
        subject=normal_name(records["subject_name"], PLACES), buyer=records["subject_type"].eq("buyer").fillna(False).astype(bool),
        located=records.geometry.notna() & ~records.geometry.is_empty,
    )  # fmt: skip
    grower, person = rows[~rows["buyer"]], list(dict.fromkeys([*by, "product", "township_code", "subject"]))
    table = pd.DataFrame({"records": rows.groupby(by).size(), "located": rows.groupby(by)["located"].sum()})
    for name, part in (("subjects", grower), ("buyers", rows[rows["buyer"]])):
        table[name] = part.drop_duplicates(person).groupby(by).size().reindex(table.index).fillna(0)
    table["area_mu"] = standing(grower, by, measure=RULES["reconcile"]["area_measure"]).reindex(table.index)
    table["head_count"] = standing(grower, by, value="head_count").reindex(table.index)
    return table


def some(values):
    return st.lists(st.sampled_from(list(values)), unique=True, max_size=3).map(tuple)


place = st.integers(0, PERIODS - 1)
bound = st.none() | st.integers(0, 60).map(float)


@st.composite
def selections(draw):
    low, high = draw(bound), draw(bound)
    if low is not None and high is not None:
        low, high = sorted((low, high))
    return Selection(
        products=draw(some(RULES.products)),
        townships=draw(some(TOWNS)),
        subject_types=draw(some(om.vocab.codes("subject_type"))),
        villages=draw(some(["山前村", "溪口村"])),
        production_modes=draw(some(om.vocab.codes("production_mode"))),
        trace_methods=draw(some(om.vocab.codes("trace_methods"))),
        credit_grades=draw(some("AB")),
        coord_statuses=draw(some(om.vocab.codes("coord_status"))),
        text=draw(st.sampled_from(["", "", "溪口", "户1", "没有"])),
        min_size=low,
        max_size=high,
        size_unit=draw(st.sampled_from(["mu", "head", "bird"])),
        window=draw(st.none() | st.tuples(place, place)),
    )


@pytest.fixture(scope="module")
def board(records):
    return Board.of(records, RULES, PLACES)


@unhurried
@given(selection=selections())
def test_a_board_selects_and_adds_up_as_plain_pandas_does(board, records, selection):
    chosen, found = board.choose(selection), plainly(records, selection)
    assert list(chosen.records["record_id"]) == list(found["record_id"])
    assert len(chosen) == len(found)
    wanted = totals(found, ["product"]).reindex(list(RULES.products))
    numbers = ["records", "located", "subjects", "buyers"]
    wanted[numbers] = wanted[numbers].fillna(0).astype("int64")
    pd.testing.assert_frame_equal(
        chosen.summary.set_index("product"), wanted, check_dtype=False, check_names=False, atol=0.011
    )
    wanted = totals(found, ["township_code", "product"])
    got = chosen.townships.set_index(["township_code", "product"]).reindex(wanted.index)
    assert len(got) == len(chosen.townships)
    pd.testing.assert_frame_equal(got, wanted, check_dtype=False, check_index_type=False, atol=0.011)
    growers = found[found["subject_type"] != "buyer"]
    calendar = pd.DataFrame(periods(growers["market_windows"])).groupby(growers["product"].to_numpy()).sum()
    pd.testing.assert_frame_equal(
        chosen.calendar.loc[calendar.index], calendar, check_names=False, check_dtype=False, check_index_type=False
    )
    assert chosen.calendar.to_numpy().sum() == calendar.to_numpy().sum()
    assert selection_read(selection.written()) == selection


@unhurried
@given(selection=selections())
def test_selecting_twice_is_selecting_once(records, selection):
    once = select(records, selection)
    pd.testing.assert_frame_equal(select(once, selection), once)


@unhurried
@given(selection=selections())
def test_a_result_is_a_part_in_the_same_order_and_nothing_is_changed(records, selection):
    before = records.copy()
    found = select(records, selection)
    assert list(found.index) == sorted(set(found.index) & set(records.index))
    pd.testing.assert_frame_equal(found, records.loc[found.index])
    pd.testing.assert_frame_equal(records, before)


@st.composite
def widened(draw):
    """A selection, and the same one with one filter opened further."""
    narrow = draw(selections())
    field = draw(st.sampled_from(["products", "townships", "subject_types", "production_modes", "size", "window"]))
    if field == "size":
        low = None if narrow.min_size is None else draw(st.sampled_from([None, narrow.min_size / 2]))
        high = None if narrow.max_size is None else draw(st.sampled_from([None, narrow.max_size + 5]))
        return narrow, dataclasses.replace(narrow, min_size=low, max_size=high)
    if field == "window":
        if narrow.window is None or draw(st.booleans()):
            return narrow, dataclasses.replace(narrow, window=None)
        first, last = narrow.window
        room = PERIODS - 1 - (last - first) % PERIODS
        return narrow, dataclasses.replace(narrow, window=(first, (last + draw(st.integers(0, room))) % PERIODS))
    values = getattr(narrow, field)
    every = {"products": RULES.products, "townships": TOWNS}.get(field) or om.vocab.codes(field.removesuffix("s"))
    more = tuple(dict.fromkeys([*values, *draw(some(every))])) if values and draw(st.booleans()) else ()
    return narrow, dataclasses.replace(narrow, **{field: more})


@unhurried
@given(pair=widened())
def test_a_wider_filter_never_loses_a_row(records, pair):
    narrow, wide = (set(select(records, selection)["record_id"]) for selection in pair)
    assert narrow <= wide


def test_only_accepted_rows_by_default(records):
    assert set(select(records, Selection())["status"]) == {"accepted"}
    assert len(select(records, Selection(statuses=()))) == len(records)


def test_what_is_unknown_passes_no_filter_set_on_it():
    found = rows({"area_mu": np.nan}, {"market_windows": None}, {"production_mode": None}, {})
    assert list(select(found, Selection(min_size=0.0, size_unit="mu"))["record_id"]) == ["r1", "r2", "r3"]
    assert list(select(found, Selection(window=(0, 35)))["record_id"]) == ["r0", "r2", "r3"]
    assert list(select(found, Selection(production_modes=("open",)))["record_id"]) == ["r0", "r1", "r3"]


def test_a_bound_holds_for_its_unit_only_and_includes_the_number():
    heads = {"product": "pig", "area_mu": np.nan, "head_count": 30.0, "size_unit": "head"}
    found = rows({"area_mu": 2.0}, {"area_mu": 1.99}, heads)
    assert list(select(found, Selection(min_size=2.0, size_unit="mu"))["record_id"]) == ["r0"]
    assert list(select(found, Selection(min_size=2.0, max_size=30.0, size_unit="head"))["record_id"]) == ["r2"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"products": "cowpea"}, "元组"),
        ({"products": ["cowpea"]}, "元组"),
        ({"subject_types": ("farmer",)}, "farmer"),
        ({"statuses": ("ok",)}, "ok"),
        ({"min_size": 3.0, "max_size": 2.0, "size_unit": "mu"}, "由小到大"),
        ({"min_size": -1.0, "size_unit": "mu"}, "不为负"),
        ({"max_size": float("inf"), "size_unit": "mu"}, "规模范围"),
        ({"min_size": 3.0}, "单位"),
        ({"window": (0, 36)}, "旬号"),
        ({"window": (0,)}, "旬号"),
    ],
)
def test_a_selection_refuses_what_it_cannot_mean(bad, said):
    with pytest.raises(ValueError, match=said):
        Selection(**bad)


def spelled(*bounds):
    return [at for first, last in bounds for at in range(first, last + 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-05-01/2023-07-31", spelled((12, 20))),
        ("2023-04-01/2023-06-30;2023-09-01/2023-11-30", spelled((9, 17), (24, 32))),
        ("2023-05-01/", [12]),
        ("2023-05-20/", [13]),
        ("2022-10-01/2023-03-31", spelled((0, 8), (27, 35))),
        ("2023-01-01/2023-12-31", spelled((0, 35))),
        ("2022-05-01/2023-04-30", spelled((0, 35))),
        ("2022-01-01/2024-12-31", spelled((0, 35))),
        ("2023-02-28/2023-03-01", [5, 6]),
        (None, []),
    ],
)
def test_periods_of_a_window(text, expected):
    table = periods(pd.Series([text], dtype="str"))
    assert table.shape == (1, PERIODS)
    assert table[0].nonzero()[0].tolist() == expected


@pytest.mark.parametrize("text", ["5月", "2023-05-01", "", "2023-07-01/2023-05-01", "2023-05-01/2023-13-01"])
def test_a_window_that_is_none_is_refused(text):
    if text == "2023-05-01":
        assert periods(pd.Series([text]))[0].sum() == 1
        return
    with pytest.raises(ValueError, match="上市期"):
        periods(pd.Series([text]))


days = st.dates(date(2020, 1, 1), date(2025, 12, 31))


@unhurried
@given(first=days, length=st.integers(0, 800))
def test_periods_are_those_of_the_days(first, length):
    last = first + timedelta(days=length)
    wanted = {period(first + timedelta(days=at)) for at in range(length + 1)}
    assert set(periods(pd.Series([f"{first}/{last}"]))[0].nonzero()[0]) == wanted


@unhurried
@given(window=st.tuples(place, place), text=st.sampled_from(WINDOWS))
def test_a_row_is_on_the_market_when_any_period_is_shared(window, text):
    on = set(periods(pd.Series([text], dtype="str"))[0].nonzero()[0])
    first, last = window
    wanted = {at % PERIODS for at in range(first, last + 1 + PERIODS * (last < first))}
    assert bool(len(select(rows({"market_windows": text}), Selection(window=window)))) == bool(on & wanted)


@unhurried
@given(window=st.tuples(place, place))
def test_a_window_in_words_is_read_back(window):
    first, last = window
    if (last - first) % PERIODS < PERIODS - 1:
        assert parse_window(window_text(window)) == window
    assert circular(first, last + PERIODS * (last < first)) in (window, (0, PERIODS - 1))


@pytest.mark.parametrize("text", ["待定", "4-6月、9-11月", "cowpea"])
def test_a_window_that_is_not_one_stretch_is_refused(text):
    with pytest.raises(ValueError, match="无法识别"):
        parse_window(text)


def test_windows_are_written_for_people():
    texts = ["2022-11-01/2023-02-28", "2023-01-01/2023-12-31", "2023-05-01/2023-05-10", "2023-05-01/"]
    assert [windows_text(text) for text in texts] == ["11月–次年2月", "全年", "5月上旬", "5月上旬起"]


def test_summary_keeps_unknown_apart_from_zero_and_buyers_from_totals():
    found = rows(
        {"area_mu": 2.0},
        {"area_mu": 3.0, "cropping": "2"},  # the same plot: the larger cropping counts
        {"subject_name": "乙", "area_mu": np.nan, "lon": np.nan},
        {"subject_name": "商", "subject_type": "buyer", "area_mu": 50.0},
        {"product": "celery", "area_mu": np.nan},
        {"product": "pig", "area_mu": np.nan, "head_count": 40.0, "size_unit": "head"},
    )
    chosen = Board.of(found, RULES, PLACES).choose(Selection())
    table = chosen.summary.set_index("product")
    assert list(table.index) == list(RULES.products)
    assert table.loc["cowpea", ["records", "located", "subjects", "buyers"]].tolist() == [4, 3, 2, 1]
    assert table.loc["cowpea", "area_mu"] == 3.0
    assert pd.isna(table.loc["cowpea", "head_count"])
    assert pd.isna(table.loc["celery", "area_mu"])
    assert pd.isna(table.loc["egg", "area_mu"])
    assert table.loc["pig", "head_count"] == 40.0
    assert chosen.subjects() == 2
    assert chosen.subjects(buyers=True) == 1
    assert chosen.board.located.sum() == 5
    assert chosen.not_located.to_dict() == {PLACES.names[TOWNS[0]]: 1}


def test_summary_agrees_with_the_reconciliation(root):
    round_ = om.open_round(root / "data/sample/anxi/2023-03")
    table = Board.of(round_.records, round_.rules, round_.places).choose(Selection()).summary.set_index("product")
    gaps = om.reconcile.planting_area(round_).groupby("product")
    for product in round_.rules.baseline_products:
        assert table.loc[product, "area_mu"] == pytest.approx(gaps["collected_mu"].sum()[product], abs=0.005)
        assert table.loc[product, "subjects"] == gaps["subjects"].sum()[product]


def test_a_sentence_never_mixes_mu_and_heads():
    pig = {"product": "pig", "area_mu": np.nan, "head_count": 40.0, "size_unit": "head", "subject_name": "乙"}
    found = rows(
        {"area_mu": 2.5}, {"area_mu": 1.0, "plot_key": "东"}, pig, {"subject_name": "商", "subject_type": "buyer"}
    )
    board = Board.of(found, RULES, PLACES)

    def said(selection):
        return sentence(selection, board.choose(selection))

    narrow = Selection(products=("cowpea",), min_size=2.0, size_unit="mu", window=(12, 12))
    assert said(narrow) == "豇豆，≥2亩，5月上旬上市：1 个主体，2.5 亩"
    assert said(Selection()) == "全部产品：2 个主体，3.5 亩，生猪 40 头，另有产地收购商 1 家"
    assert said(Selection(products=("pig",))) == "生猪：1 个主体，40 头"
    assert said(Selection(products=("egg",))) == "鸡蛋：0 个主体"


def test_filters_in_words_name_townships():
    selection = Selection(
        products=("cowpea", "celery"), townships=(TOWNS[0],), subject_types=("household",), production_modes=("open",),
        min_size=0.5, max_size=3.0, size_unit="mu", window=(30, 5),
    )  # fmt: skip
    words = ["豇豆、芹菜", PLACES.names[TOWNS[0]], "农户", "露地", "0.5–3亩", "11月–次年2月上市"]
    assert filters(selection, RULES, places=PLACES) == words
    assert filters(selection, RULES)[1] == TOWNS[0]
    assert filters(Selection(max_size=3.0, size_unit="head"), RULES) == ["全部产品", "≤3头"]


def test_a_saved_selection_gives_its_records_by_name(records, tmp_path):
    store = Store(tmp_path / "decisions.db")
    mine = Selection(products=("cowpea",), window=(12, 12))
    for name, who, chosen in (
        ("五月豇豆", "林一", mine),
        ("检查", "林一", mine),
        ("检查", "陈二", Selection(products=("pig",))),
    ):
        store.record(verdict(name, who, chosen), by=Person(who, "种植业股"))
    entries = store.entries()
    assert named(entries, "五月豇豆") == named(entries, "五月豇豆（林一）") == mine
    assert named(entries, "检查（陈二）") == Selection(products=("pig",))
    with pytest.raises(ValueError, match="有几个名为“检查”"):
        named(entries, "检查")
    with pytest.raises(ValueError, match="没有名为“六月”的已存选择；可用：五月豇豆（林一）"):
        named(entries, "六月")
    found = Board.of(records, RULES, PLACES).choose(named(entries, "五月豇豆")).records
    may = records["market_windows"].isin([text for text in WINDOWS if text and periods(pd.Series([text]))[0, 12]])
    wanted = records[(records["status"] == "accepted") & (records["product"] == "cowpea") & may]
    pd.testing.assert_frame_equal(found, wanted)
    assert len(found) > 20
    assert {name: ast.literal_eval(repr(value)) for name, value in parameters(mine).items()} == parameters(mine)
    assert parse_window(parameters(mine)["window"]) == mine.window
