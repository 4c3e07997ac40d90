"""Datums: every way there and back over China, held against a scalar library of other hands."""

import numpy as np
import pytest
from coord_convert import transform as oracle

from originmap import datum
from originmap.rules import RulesError

RNG = np.random.default_rng(11)
# Over China's mainland and coast, 10,000 points.
LON, LAT = RNG.uniform(75.0, 134.0, 10_000), RNG.uniform(4.0, 53.0, 10_000)
WAYS = [
    (datum.gcj02_from_wgs84, datum.wgs84_from_gcj02),
    (datum.bd09_from_gcj02, datum.gcj02_from_bd09),
    (datum.bd09_from_wgs84, datum.wgs84_from_bd09),
]


def metres(a: datum.Points, b: datum.Points) -> np.ndarray:
    """Return distances in metres on a sphere: at a few metres the shape of the earth does not matter."""
    north = (a[1] - b[1]) * 111_320
    east = (a[0] - b[0]) * 111_320 * np.cos(np.radians(b[1]))
    return np.hypot(east, north)


@pytest.mark.parametrize(("there", "back"), WAYS)
def test_there_and_back_is_where_it_began(there, back):
    assert metres(back(*there(LON, LAT)), (LON, LAT)).max() <= 0.001
    assert metres(there(*back(LON, LAT)), (LON, LAT)).max() <= 0.001


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (datum.gcj02_from_wgs84, oracle.wgs2gcj),
        (datum.wgs84_from_gcj02, oracle.gcj2wgs),
        (datum.bd09_from_gcj02, oracle.gcj2bd),
        (datum.bd09_from_wgs84, oracle.wgs2bd),
    ],
)
def test_it_agrees_with_the_oracle(ours, theirs):
    expected = np.array([theirs(x, y) for x, y in zip(LON, LAT, strict=True)]).T
    assert metres(ours(LON, LAT), (expected[0], expected[1])).max() <= 0.01


def test_bd09_is_undone_though_the_oracle_only_comes_near():
    """The oracle's own inverse of BD-09 is the published approximation; ours undoes the oracle's forward way."""
    x, y = np.array([oracle.wgs2bd(a, b) for a, b in zip(LON, LAT, strict=True)]).T
    assert metres(datum.wgs84_from_bd09(x, y), (LON, LAT)).max() <= 0.001
    near = np.array([oracle.bd2wgs(a, b) for a, b in zip(x, y, strict=True)]).T
    assert 0.01 < metres((near[0], near[1]), (LON, LAT)).max() < 2


def test_around_anxi_the_datums_stand_where_they_are_known_to():
    x, y = datum.gcj02_from_wgs84(118.186, 25.056)
    east, north = (x - 118.186) * 111_320 * np.cos(np.radians(25.056)), (y - 25.056) * 110_800
    assert (east, north) == (pytest.approx(489, abs=25), pytest.approx(-303, abs=25))
    far = metres(datum.bd09_from_wgs84(118.186, 25.056), (118.186, 25.056))
    assert far == pytest.approx(1200, abs=150)


@pytest.mark.parametrize(("there", "back"), WAYS)
def test_nothing_is_changed_in_place_and_unknown_stays_unknown(there, back):
    lon, lat = np.array([118.0, np.nan]), np.array([25.0, 25.0])
    for way in (there, back):
        x, y = way(lon, lat)
        assert np.isnan(x[1])
        assert not np.isnan(x[0] + y[0])
    assert lon[0] == 118.0
    assert np.isnan(lon[1])


@pytest.mark.parametrize("name", ["gcj02", "bd09"])
def test_outside_china_nothing_moves(name):
    lon, lat = np.array([2.35, 151.2, 118.0]), np.array([48.86, -33.87, 60.0])
    for way in (datum.to_wgs84, datum.from_wgs84):
        x, y = way(lon, lat, name)
        assert (x == lon).all()
        assert (y == lat).all()


def test_cgcs2000_is_wgs84_and_an_unknown_datum_is_refused():
    assert datum.to_wgs84(118.0, 25.0, "cgcs2000") == (118.0, 25.0)
    for way in (datum.to_wgs84, datum.from_wgs84):
        with pytest.raises(ValueError, match="bj54"):
            way(118.0, 25.0, "bj54")


def test_points_of_several_datums_are_settled_each_by_its_own():
    x, y = datum.settle([118.0] * 4, [25.0] * 4, ["gcj02", None, "bd09", "cgcs2000"])
    assert (x[0], y[0]) == datum.to_wgs84(118.0, 25.0, "gcj02")
    assert (x[2], y[2]) == datum.to_wgs84(118.0, 25.0, "bd09")
    assert (x[1], x[3]) == (118.0, 118.0)


FILES = ["湖头镇.xlsx", "邮箱/附件1.xlsx", "邮箱/附件4.xlsx"]


def test_a_name_counts_before_a_pattern_and_a_long_pattern_before_a_short_one():
    entries = {"*": "wgs84", "邮箱/*": "gcj02", "邮箱/附件4.xlsx": "cgcs2000"}
    assert datum.declared(entries, FILES) == dict(zip(FILES, ["wgs84", "gcj02", "cgcs2000"], strict=True))
    assert datum.declared({"邮箱/*4*": "bd09", "邮箱*": "gcj02"}, FILES) == {FILES[1]: "gcj02", FILES[2]: "bd09"}
    assert datum.declared({}, FILES) == {}


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ("gcj02", r"\[datum\]"),
        ({"湖头镇.xlsx": "GCJ-02"}, "是否想写 gcj02"),
        ({"湖头镇.xlsx": "西安80"}, "可写：wgs84"),
        ({"湖头镇.xlsx": 4490}, "4490"),
        ({"湖头镇.xls": "gcj02"}, "是否想写“湖头镇.xlsx”"),
        ({"没有/*": "gcj02"}, "没有文件叫“没有/*"),
    ],
)
def test_a_declaration_that_does_not_hold_is_one_clear_line(entries, says):
    with pytest.raises(RulesError, match=says.replace("*", r"\*")):
        datum.declared(entries, FILES)
