"""Township figures and rapid tests equal what pandas gives, for any selection; unknowns have a reason and no class, what has no place is listed."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import originmap as om
from originmap import ground, maps, rapidtests, shading
from originmap.board import Board
from originmap.selection import Selection
from originmap.subjects import standing


@pytest.fixture(scope="module")
def round_(root):
    return om.open_round(root / "data/sample/anxi/2023-03")


@pytest.fixture(scope="module")
def board(round_):
    return Board.of_round(round_)


@pytest.fixture(scope="module")
def facts(round_, board):
    return shading.Facts(round_, board)


PRODUCTS = ("cowpea", "chinese_chive", "celery", "egg", "silkie", "beef_cattle", "mutton_sheep", "pig")
SELECTIONS = some.builds(
    Selection,
    products=some.lists(some.sampled_from(PRODUCTS), max_size=3, unique=True).map(tuple),
    townships=some.sampled_from([(), (), ("350524102",), ("350524100", "350524113")]),
    subject_types=some.sampled_from([(), ("household",), ("cooperative", "buyer")]),
    window=some.sampled_from([None, None, (12, 14), (33, 2)]),
)


def by_pandas(measure, round_, records, products):
    """The same figure by other means, of the townships that have one."""
    rows = pd.DataFrame(records.drop(columns="geometry"))
    growers = rows[rows["subject_type"] != "buyer"]
    growers = growers.assign(subject=om.subjects.normal_name(growers["subject_name"], round_.places))
    by = ["township_code", "subject", "product"]
    if measure == "area_mu":
        return standing(growers, ["township_code"]).dropna()
    if measure == "heads":
        return standing(growers[growers["product"].isin(products)], ["township_code"], value="head_count").dropna()
    if measure == "subjects":
        return growers.drop_duplicates(by[:2]).groupby("township_code").size()
    found = round_.findings[round_.findings["severity"].isin(["error", "warning"])]
    joined = found.merge(rows[["record_id", "township_code"]], on="record_id")
    return joined.groupby("township_code").size()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(selection=SELECTIONS, measure=some.sampled_from(["area_mu", "heads", "subjects", "findings"]))
def test_figures_of_the_chosen_records_are_those_of_pandas(round_, board, facts, selection, measure):
    chosen = board.choose(selection)
    made = shading.of(measure, chosen, selection, facts)
    if not made.fits:
        assert made.table.empty
        return
    table = made.table.set_index("township_code")
    assert list(table.index) == list(round_.places.names)
    assert table["value"].isna().tolist() == table["class_index"].isna().tolist() == (table["reason"] != "").tolist()
    told = by_pandas(measure, round_, chosen.records, made.products)
    for town, value in table["value"].items():
        if not math.isnan(value):
            assert value == pytest.approx(told.get(town, 0.0), abs=0.011), (town, measure)
    assert set(told[told > 0].index) <= set(table.index[table["value"] > 0])
    known = table.dropna(subset=["class_index"])
    for value, at in zip(known["value"], known["class_index"], strict=True):
        assert at == (0 if value == 0 else 1 + sum(value >= edge for edge in made.edges))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(selection=SELECTIONS, measure=some.sampled_from(["coverage_pct", "gap_mu", "tests", "pass_pct"]))
def test_figures_of_the_round_are_those_of_pandas(round_, board, facts, selection, measure):
    made = shading.of(measure, board.choose(selection), selection, facts)
    if not made.fits:
        assert not set(selection.products or PRODUCTS) & set(round_.rules.baseline_products)
        return
    for row in made.table.to_dict("records"):
        town = row["township_code"]
        if selection.townships and town not in selection.townships:
            assert row["reason"] == "not_chosen"
            continue
        gaps = facts.gaps[(facts.gaps["township_code"] == town) & facts.gaps["product"].isin(made.products)]
        sure = gaps.dropna(subset=["baseline_mu", "collected_mu"])
        tests = round_.rapid_tests[
            (round_.rapid_tests["township_code"] == town) & round_.rapid_tests["product"].isin(made.products)
        ]
        told = {
            "coverage_pct": 100 * sure["collected_mu"].sum() / sure["baseline_mu"].sum() if sure["baseline_mu"].sum() else math.nan,
            "gap_mu": sure["baseline_mu"].sum() - sure["collected_mu"].sum() if len(sure) else math.nan,
            "tests": float(tests["sample_id"].nunique()),
            "pass_pct": 100 * tests.groupby("sample_id")["result"].agg(lambda result: (result == "pass").all()).mean()
            if len(tests)
            else math.nan,
        }  # fmt: skip
        assert row["value"] == pytest.approx(told[measure], abs=0.051, nan_ok=True), (town, measure)
        assert pd.isna(row["class_index"]) == math.isnan(row["value"]) == (row["reason"] != "")
        assert row["partial"] == (measure in ("coverage_pct", "gap_mu") and 0 < len(sure) < len(made.products))


def test_one_crop_has_the_classes_of_the_printed_maps(round_, board, facts):
    for product in round_.rules.baseline_products:
        selection = Selection(products=(product,))
        made = shading.of("coverage_pct", board.choose(selection), selection, facts)
        plan = om.plans.coverage_plan(facts.gaps, round_.places, round_.rules, product)
        assert made.table["class_index"].tolist() == plan["class_index"].tolist()
        assert list(made.colours) == list(om.plans.COVERAGE_COLOURS)


def test_mu_and_heads_never_meet(board, facts):
    for products, measure, why in [
        ((), "heads", "herds"),
        (("pig", "egg"), "heads", "herds"),
        (("pig", "beef_cattle"), "heads", "herds"),
        (("cowpea",), "heads", "no_herd"),
        (("pig",), "area_mu", "no_crop"),
        (("pig",), "gap_mu", "no_table"),
        (("cowpea", "pig"), "heads", ""),
        (("cowpea", "pig"), "area_mu", ""),
    ]:
        selection = Selection(products=products)
        made = shading.of(measure, board.choose(selection), selection, facts)
        assert made.unfit == why
        assert len(made.products) == 1 or why or measure == "area_mu"
    with pytest.raises(ValueError, match="亩产"):
        shading.of("亩产", board.choose(Selection()), Selection(), facts)


def test_breaks_are_the_rules_and_wrong_ones_are_refused(round_):
    assert shading.breaks("heads", "bird", round_.rules) == (5000.0, 15000.0, 40000.0, 100000.0)
    for wrong in ([1.0, 2.0, 3.0], [1.0, 2.0, 2.0, 3.0]):
        rules = om.rules.load_rules(settings={"classes": {"area_mu": wrong}})
        with pytest.raises(om.rules.RulesError, match="area_mu"):
            shading.breaks("area_mu", "mu", rules)


def test_cells_carry_class_colours_and_unknowns_a_hatch(round_, board, facts):
    selection = Selection(products=("cowpea",))
    made = shading.of("coverage_pct", board.choose(selection), selection, facts)
    data = ground.cells(made, round_.places)
    cells = [feature for feature in data["features"] if feature["geometry"]["type"] != "MultiLineString"]
    lines = [feature for feature in data["features"] if feature["geometry"]["type"] == "MultiLineString"]
    assert len(cells) == 24
    for feature, row in zip(cells, made.table.to_dict("records"), strict=True):
        own = feature["properties"]
        assert (own["township_code"], own["reason"]) == (row["township_code"], row["reason"])
        known = not pd.isna(row["class_index"])
        assert own["style"]["fillColor"] == (made.colours[row["class_index"]] if known else maps.NO_DATA)
        assert ("dashArray" in own["style"]) != known
    assert [feature["properties"]["township_code"] for feature in lines] == list(
        made.table.loc[made.table["reason"] != "", "township_code"]
    )
    shapes = round_.places.townships.set_index("township_code").geometry
    for feature in lines:
        drawn = shapely.geometry.shape(feature["geometry"])
        assert drawn.length > 0
        assert shapes[feature["properties"]["township_code"]].buffer(1e-5).covers(drawn)
    assert maps.NO_DATA not in made.colours


def test_symbols_have_areas_in_proportion_and_none_for_zero(round_, board, facts):
    selection = Selection(products=("cowpea",))
    made = shading.of("area_mu", board.choose(selection), selection, facts)
    features = ground.symbols(made, round_.places)["features"]
    sized = [feature["properties"] for feature in features if feature["properties"]["value"] is not None]
    assert len(sized) == int((made.table["value"] > 0).sum()) > 10
    per_mu = {round(own["style"]["radius"] ** 2 / own["value"], 1) for own in sized if own["value"] > 30}
    assert max(per_mu) - min(per_mu) <= 0.2
    assert [own["style"]["radius"] for own in sized] == sorted((own["style"]["radius"] for own in sized), reverse=True)
    assert sum(feature["properties"]["value"] is None for feature in features) == int(made.table["value"].isna().sum())
    huge = shading.Shading(
        "area_mu", "mu", ("cowpea",), made.table.assign(value=made.table["value"] * 1e6), made.edges, made.colours
    )
    assert max(ground.radii(huge)) == pytest.approx(ground.MOST_PX, abs=0.1)


def test_silence_is_not_zero(round_, board, facts):
    """A township that said nothing of a product is unknown; one whose rows a filter leaves out has 0."""
    selection = Selection(products=("silkie",), window=(0, 0))
    made = shading.of("subjects", board.choose(selection), selection, facts).table
    told = set(round_.submissions.loc[round_.submissions["product"] == "silkie", "township_code"])
    assert set(made.loc[made["value"].isna(), "township_code"]) == set(round_.places.names) - told
    assert set(made.loc[made["value"].isna(), "reason"]) == {"not_submitted", "not_reported"}
    none = Selection(text="没有这样的主体")
    assert set(shading.of("area_mu", board.choose(none), none, facts).table["value"].dropna()) == {0.0}


def test_a_known_record_without_a_size_is_no_zero(round_, board, facts):
    records = round_.records.copy()
    one = records["township_code"] == "350524102"
    records.loc[one, "area_mu"] = np.nan
    bare = Board.of(records, round_.rules, round_.places)
    made = shading.of("area_mu", bare.choose(Selection()), Selection(), facts).table.set_index("township_code")
    assert made.loc["350524102", "reason"] == "no_size"


# ---- rapid tests ----


@pytest.fixture(scope="module")
def found(round_, board):
    return rapidtests.placed(rapidtests.samples(round_.rapid_tests, round_.places), board)


def test_every_sample_stands_somewhere_or_says_why(found, round_, board):
    assert len(found) == round_.rapid_tests["sample_id"].nunique()
    assert set(found["where"]) <= {"subject", "township", "nowhere"}
    assert ((found["why"] == "") == (found["where"] == "subject")).all()
    for row in found[found["where"] == "subject"].to_dict("records"):
        record = board.records.iloc[row["row"]]
        assert record["township_code"] == row["township_code"]
        assert om.subjects.normal_name(pd.Series([record["subject_name"]]), round_.places)[0] == row["subject"]
        assert (row["lon"], row["lat"]) == (board.lon[row["row"]], board.lat[row["row"]])


def test_marks_hold_every_placed_sample_and_keep_their_size_on_the_screen(found):
    marks = rapidtests.marks(found)
    assert marks["samples"].sum() == (found["where"] != "nowhere").sum()
    assert marks["failed"].sum() == (found["result"] == "fail").sum()
    assert list(marks["result"])[-1] == "fail"
    near, far = (rapidtests.features(marks, zoom)["features"][0]["geometry"]["coordinates"][0] for zoom in (14.0, 13.0))
    widths = [max(x for x, _ in ring) - min(x for x, _ in ring) for ring in (near, far)]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.01)
    for key in marks["key"]:
        assert len(rapidtests.of_mark(found, key)) == marks.set_index("key").loc[key, "samples"]


def test_samples_of_several_items_fail_with_one_of_them(round_):
    rows = round_.rapid_tests.iloc[[0, 0, 1, 2]].reset_index(drop=True)
    rows.loc[1, ["item", "result"]] = ["另一项", "fail"]
    rows.loc[2, "result"] = None
    rows.loc[3, ["sample_id", "township_code", "township"]] = None
    made = rapidtests.samples(rows, round_.places)
    assert len(made) == 3
    assert made["result"].fillna("—").tolist() == ["fail", "—", "pass"]
    assert "另一项" in made["item"][0]


def test_a_subject_nobody_knows_goes_to_the_seat_and_without_a_township_nowhere(round_, board):
    rows = round_.rapid_tests.iloc[:3].reset_index(drop=True)
    rows.loc[0, "subject_name"] = "<script>没有的主体"
    rows.loc[1, ["township_code", "township"]] = None
    found = rapidtests.placed(rapidtests.samples(rows, round_.places), board)
    assert found["where"].tolist() == ["township", "nowhere", "subject"]
    assert found["why"].tolist() == ["no_subject", "no_township", ""]
    html, count = om.legends.rest_of_tests(found, round_)
    assert count == 2
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "没有的主体" not in json.dumps(rapidtests.features(rapidtests.marks(found), 10.0))


def test_many_marks_become_one_a_township(found):
    copies = [found.assign(row=found["row"] + 10_000 * at) for at in range(6)]
    many = pd.concat(copies, ignore_index=True)
    marks = rapidtests.marks(many)
    assert set(marks["where"]) == {"township"}
    assert len(marks) == found["township_code"].nunique()
    assert marks["samples"].sum() == len(many)
    key = marks["key"].iat[0]
    assert len(rapidtests.of_mark(many, key)) == marks["samples"].iat[0]


def test_a_selection_of_products_and_townships_holds_for_tests_too(found):
    own = rapidtests.chosen(found, Selection(products=("pig",), townships=("350524108", "350524114")))
    assert set(own["product"]) == {"pig"}
    assert set(own["township_code"]) <= {"350524108", "350524114"}
    assert len(own) > 0


def test_no_ledger_is_no_mark(round_, board):
    none = rapidtests.placed(rapidtests.samples(pd.DataFrame(), round_.places), board)
    assert rapidtests.marks(none).empty
    assert rapidtests.features(rapidtests.marks(none), 10.0)["features"] == []
