"""Points: every reading of a text with its evidence; the sample's planted slips have the true point first, or a reason."""

import numpy as np
import pandas as pd
import pytest

import originmap as om
from originmap import datum, points
from originmap.places import load_places, points_of
from originmap.rules import load_rules

RULES = load_rules()
PLACES = load_places(RULES)
COUNTY = om.rounds.PROJECT / "data" / "sample" / "anxi"
CODE = "350524102"  # 湖头镇
TRUE = (118.0501, 25.2301)


def best(text, **more):
    """Return the readings of one point of 湖头镇."""
    return points.candidates(pd.Series([text]), pd.Series([CODE]), PLACES, margin_degrees=0.5, **more)


def dms(value):
    seconds = round(value * 3600)
    return f"{seconds // 3600}.{seconds // 60 % 60:02d}{seconds % 60:02d}"


def code_of(lon, lat):
    return PLACES.within(om.places.points_of(pd.Series([lon]), pd.Series([lat]))).iat[0]


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("118.0501,25.2301", "typed"),
        ("25.2301，118.0501", "swapped"),
        ("1180501,252301", "decimal_lost"),
        ("118.0501,252301", "decimal_lost"),
        ("128.0501,25.2301", "digit"),
        ("18.0501,25.2301", "digit"),
        ("118.0501,225.2301", "digit"),
        ("118°03′00.4″E，25°13′48.4″N", "typed"),
    ],
)
def test_a_slip_is_read_back(text, reading):
    assert code_of(*TRUE) is not None
    found = points.candidates(pd.Series([text]), pd.Series([code_of(*TRUE)]), PLACES, margin_degrees=0.5).iloc[0]
    assert (found["reading"], found["rank"]) == (reading, 1)
    assert (found["lon"], found["lat"]) == (pytest.approx(TRUE[0], abs=2e-5), pytest.approx(TRUE[1], abs=2e-5))
    assert found["township_m"] == 0


def test_degrees_and_minutes_are_believed_where_they_come_home():
    lon, lat = 117.945556, 25.322222
    home = code_of(lon, lat)
    found = points.candidates(pd.Series([f"{dms(lon)},{dms(lat)}"]), pd.Series([home]), PLACES, margin_degrees=0.5)
    assert found.iloc[0]["reading"] == "dms"
    assert found.iloc[0]["lon"] == pytest.approx(lon, abs=1e-5)
    swapped = points.candidates(pd.Series([f"{dms(lat)},{dms(lon)}"]), pd.Series([home]), PLACES, margin_degrees=0.5)
    assert swapped.iloc[0]["reading"] == "swapped_dms"


@pytest.mark.parametrize("name", ["gcj02", "bd09"])
def test_another_datum_is_first_where_the_subjects_earlier_point_says_so(name):
    x, y = datum.from_wgs84(*TRUE, name)
    text, row = f"{x:.6f},{y:.6f}", pd.DataFrame({"row": [0], "lon": [TRUE[0]], "lat": [TRUE[1]]})
    assert best(text).iloc[0]["reading"] == "typed"
    told = best(text, earlier=row).iloc[0]
    assert told["reading"] == name
    assert told["earlier_m"] < 1
    assert best(text, suspected=pd.Series([name])).iloc[0]["reading"] == name


def test_the_subjects_other_plots_speak_too():
    other = pd.DataFrame({"row": [0, 0], "lon": [TRUE[0], 100.0], "lat": [TRUE[1], 20.0]})
    found = best(f"{TRUE[0]},{TRUE[1]}", others=other).iloc[0]
    assert found["others_m"] == 0
    assert found["precision_m"] == pytest.approx(5.6, abs=0.1)


def test_what_cannot_be_decided_says_why():
    texts = pd.Series([None, "见地图", "0,0", "117.65,24.95", f"{TRUE[0]},{TRUE[1]}"], dtype="str")
    codes = pd.Series([code_of(*TRUE)] * 5)
    found = points.candidates(texts, codes, PLACES, margin_degrees=0.5)
    reasons = points.undecidable(found, texts, PLACES)
    assert reasons.fillna("").tolist() == ["no_text", "no_numbers", "no_numbers", "not_home", ""]
    assert set(found["row"]) == {3, 4}
    shares = found.groupby("row")["share"].sum()
    assert shares.between(0.999, 1.001).all()


def test_no_text_at_all_gives_an_empty_table():
    none = points.candidates(pd.Series([None], dtype="str"), pd.Series([CODE]), PLACES, margin_degrees=0.5)
    assert list(none.columns) == points.COLUMNS
    assert none.empty


def test_files_with_a_declared_datum_are_converted_and_no_other():
    lon, lat = pd.Series([118.0, 118.0, np.nan]), pd.Series([25.0, 25.0, 25.0])
    x, y = points.to_wgs84(lon, lat, pd.Series(["a", "b", "a"]), {"a": "gcj02"})
    assert (x[0], y[0]) == datum.to_wgs84(118.0, 25.0, "gcj02")
    assert (x[1], y[1]) == (118.0, 25.0)
    assert np.isnan(x[2])
    assert lon[0] == 118.0


def test_only_files_that_are_vouched_for_vouch_for_others():
    records = pd.DataFrame(
        {
            "subject": list("甲乙丙丁"),
            "township_code": CODE,
            "lon": [118.0, 118.0, np.nan, 118.0],
            "lat": [25.0, 25.0, np.nan, 25.0],
            "coord_status": ["ok", "ok", "missing", "outside"],
            "source_file": ["a", "b", "a", "a"],
        }
    )
    assert points.anchors(records, {"a"})["subject"].tolist() == ["甲"]


def test_of_three_plots_the_one_that_strays_is_marked_of_two_both():
    records = pd.DataFrame(
        {
            "township_code": CODE,
            "subject_name": ["甲", "甲", "甲", "乙", "乙", "丙"],
            "lon": [118.0, 118.001, 118.12, 118.0, 118.12, 118.3],
            "lat": 25.0,
            "coord_status": ["ok", "ok", "ok", "ok", "fixed", "ok"],
        }
    )
    apart = points.plots_apart(records, PLACES, farthest_m=10_000)
    assert apart.notna().tolist() == [False, False, True, True, True, False]
    assert apart[3] == pytest.approx(12_100, abs=100)
    outside = records.assign(coord_status=["ok", "ok", "outside", "ok", "outside", "ok"])
    assert points.plots_apart(outside, PLACES, farthest_m=10_000).isna().all()


def test_precision_is_that_of_the_finer_number():
    """A spreadsheet makes 118.180 to 118.18: only both numbers short say that a point is coarse."""
    assert points.precision_m("118.18,25.23011") == pytest.approx(0.557, abs=0.001)
    assert points.precision_m("118.18,25.23") == pytest.approx(556.6, abs=0.1)
    assert np.isnan(points.precision_m("见地图"))


def test_every_reading_of_a_file_is_in_the_datum_that_is_settled_or_suspected():
    home = (118.067222, 24.935833)
    x, y = (float(value) for value in datum.from_wgs84(*home, "gcj02"))
    typed = f"{x:.6f},{y:.6f}"
    text = pd.Series([typed, f"{y:.6f},{x:.6f}", typed.replace("118.", "128.")], dtype="str")
    town = pd.Series([PLACES.within(points_of(pd.Series([home[0]]), pd.Series([home[1]]))).iat[0]] * 3)
    said = pd.Series(["gcj02"] * 3)
    for how, kept in (("settled", {"typed", "swapped", "digit", "minutes"}), ("suspected", None)):
        told = points.candidates(text, town, PLACES, margin_degrees=0.5, **{how: said})
        firsts = told[told["rank"] == 1]
        assert firsts["lon"].tolist() == pytest.approx([home[0]] * 3, abs=2e-6), how
        assert firsts["lat"].tolist() == pytest.approx([home[1]] * 3, abs=2e-6), how
        if kept:
            assert set(told["reading"]) <= kept
    nobody = points.candidates(text, town, PLACES, margin_degrees=0.5, settled=pd.Series([None] * 3, dtype="str"))
    assert nobody[nobody["rank"] == 1]["lon"].sub(home[0]).abs().min() > 0.004
