"""Plots: what is no plot is refused in one line, its area is in 亩 of the county's CRS, and it stands beside the size, never for it."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from books import collection_sheet, grower, write_book
from pyproj import Geod

import originmap as om
from originmap import decisions, plots, verdicts
from originmap.decisions import DecisionsError, Person

LIN, CHEN = Person("林一", "种植业股"), Person("陈二", "畜牧股")


def square(lon=118.05, lat=25.23, side=0.0004) -> dict:
    return shapely.geometry.mapping(shapely.box(lon, lat, lon + side, lat + side))


def opened(tmp_path: Path, *rows) -> om.Round:
    path = tmp_path / "县" / "2023-03"
    write_book(path / "湖头镇.xlsx", {"附件1": collection_sheet(*(rows or [grower()]))})
    return om.open_round(path)


def keep(round_: om.Round, shape=None, by=LIN, at="2023-03-20T09:00:00+08:00", row=0, **more) -> str:
    record = round_.records["record_id"].iat[row]
    verdict = verdicts.plot_verdict(
        round_.records, round_.raw, record, shape or square(), round_.places, why="现场", **more
    )
    return decisions.of_county(round_.folder).record(verdict, by=by, at=at)


def test_the_area_is_what_the_ellipsoid_says(tmp_path):
    places = opened(tmp_path).places
    shape, area = plots.outline(square(side=0.004), places)
    true_m2 = abs(Geod(ellps="GRS80").geometry_area_perimeter(shapely.geometry.shape(shape))[0])
    # Gauss-Krüger stretches lengths by at most 0.02 % a degree from its meridian: areas by 0.04 %.
    assert area == pytest.approx(true_m2 / (2000 / 3), rel=5e-4)
    assert area > 200


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ({"type": "Point", "coordinates": [118.05, 25.23]}, "应为面"),
        ({"type": "Polygon", "coordinates": []}, "地块"),
        ({"type": "Polygon", "coordinates": [[[118, 25], [118, 25]]]}, "至少三个角"),
        (
            {"type": "Polygon", "coordinates": [[[118.0, 25.0], [118.1, 25.1], [118.0, 25.0], [118.1, 25.1], [118.0, 25.0]]]},
            "至少要三个不同的角",
        ),
        (
            {"type": "Polygon", "coordinates": [[[118.05, 25.23], [118.051, 25.231], [118.051, 25.23], [118.05, 25.231], [118.05, 25.23]]]},
            "自己相交",
        ),
        (square(side=0.00001), "太小"),
        (square(lon=25.23, lat=80.0), "不在本县"),
        ({"type": "Polygon", "coordinates": "x"}, "读不出来"),
        ({}, "读不出来"),
    ],
)  # fmt: skip
def test_what_is_no_plot_is_said_in_one_line(tmp_path, shape, says):
    places = opened(tmp_path).places
    with pytest.raises(DecisionsError, match=says) as told:
        plots.outline(shape, places)
    assert "\n" not in str(told.value)


def test_a_kept_plot_is_in_the_round_and_changes_neither_size_nor_point(tmp_path):
    before = opened(tmp_path)
    made = keep(before, square(side=0.0006))
    after = om.open_round(before.folder)
    told = after.plots
    assert told.crs.to_epsg() == 4326
    assert len(told) == 1
    one = told.iloc[0]
    assert (one["subject_name"], one["who"], one["why"], one["how"]) == ("林小样", "林一", "现场", "drawn")
    assert one["geometry"].equals(shapely.geometry.shape(square(side=0.0006)))
    assert one["difference_mu"] == pytest.approx(one["plot_mu"] - 2.5)
    assert after.records.equals(before.records)
    assert after.decisions["effect"].tolist() == ["applied"]
    decided = after.findings.set_index("rule").loc["decided"]
    assert "地块" in decided["message"]
    assert "林一" in decided["message"]
    differs = after.findings.set_index("rule").loc["plot_area_differs"]
    assert (differs["severity"], differs["value"], differs["proposal"]) == (
        "warning",
        "2.5",
        f"{one['plot_mu']:g} 亩",
    )
    decisions.of_county(before.folder).undo(made, by=LIN, why="画错了")
    assert om.open_round(before.folder).plots.empty


def test_a_plot_as_large_as_reported_is_no_finding(tmp_path):
    round_ = opened(tmp_path, grower(种养规模=plots.outline(square(), opened(tmp_path).places)[1]))
    keep(round_)
    assert "plot_area_differs" not in set(om.open_round(round_.folder).findings["rule"])


def test_a_plot_outlives_another_size_and_a_conflict_holds_neither(tmp_path):
    round_ = opened(tmp_path)
    first = keep(round_)
    again = opened(tmp_path, grower(种养规模="3亩"))
    assert again.plots["difference_mu"].iat[0] == pytest.approx(again.plots["plot_mu"].iat[0] - 3)
    second = keep(again, square(side=0.0005), by=CHEN, at="2023-03-21T09:00:00+08:00")
    both = om.open_round(round_.folder)
    assert both.plots.empty
    assert set(both.decisions["effect"]) == {"conflict"}
    assert both.findings["rule"].tolist().count("decision_conflict") == 2
    # Whoever has seen both may replace both.
    keep(both, square(side=0.0006), by=Person("王三", "办公室"), at="2023-03-22T09:00:00+08:00", replaces=f"{first} {second}")  # fmt: skip
    settled = om.open_round(round_.folder)
    assert settled.plots["who"].tolist() == ["王三"]
    assert settled.decisions["state"].tolist() == ["replaced", "replaced", "active"]


def test_a_plot_of_livestock_has_no_area_to_compare(tmp_path):
    round_ = opened(tmp_path, grower(产品名称="生猪", 种养规模="50头", 生产方式=None))
    keep(round_)
    after = om.open_round(round_.folder)
    assert after.plots["difference_mu"].isna().all()
    assert "plot_area_differs" not in set(after.findings["rule"])


def test_a_plot_of_a_row_that_is_gone_is_orphaned(tmp_path):
    keep(opened(tmp_path))
    gone = opened(tmp_path, grower(种养殖主体="别人"))
    assert gone.plots.empty
    assert list(gone.plots.columns) == [*plots.COLUMNS, "geometry"]
    assert gone.decisions["effect"].tolist() == ["orphaned"]


def test_a_long_track_is_thinned_so_that_it_can_be_exchanged(tmp_path):
    round_ = opened(tmp_path)
    rng = np.random.default_rng(1)
    turn = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    radius = 0.0005 + 1e-7 * rng.standard_normal(3000)
    ring = np.column_stack([118.05 + radius * np.cos(turn), 25.23 + radius * np.sin(turn)])
    walked = shapely.Polygon(ring)
    shape, area = plots.outline(shapely.geometry.mapping(walked), round_.places)
    assert len(shape["coordinates"][0]) < 200
    assert area == pytest.approx(plots.mu(walked, round_.places), rel=0.01)
    keep(round_, shapely.geometry.mapping(walked))
    store, fresh = decisions.of_county(round_.folder), decisions.Store(tmp_path / "fresh.db")
    store.export(tmp_path / "out.xlsx")
    assert fresh.merge(tmp_path / "out.xlsx") == (1, 0)
    assert fresh.entries().equals(store.entries())
    saw = [(118.05 + n * 1e-5, 25.23 + (n % 2) * 1e-3) for n in range(1200)]
    with pytest.raises(DecisionsError, match="请简化"):
        plots.outline(
            {"type": "Polygon", "coordinates": [[*saw, (118.062, 25.22), (118.05, 25.22), saw[0]]]}, round_.places
        )
    with pytest.raises(DecisionsError, match="太长"):
        keep(round_, replaces="x" * 40_000)
