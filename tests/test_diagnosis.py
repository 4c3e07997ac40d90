"""Diagnosis: made-up files with one hidden datum each; how often it is told, told wrong, or left untold."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely

from originmap import datum, diagnosis
from originmap.places import load_places
from originmap.rules import load_rules

PLACES = load_places(load_rules())
NOISE_M = 300.0
M_PER_DEGREE = 111_320.0


def moved(rng, lon, lat, spread_m):
    """Shift points by noise whose root mean square is `spread_m`."""
    east, north = rng.normal(0, spread_m / np.sqrt(2), (2, len(lon)))
    return lon + east / (M_PER_DEGREE * np.cos(np.radians(lat))), lat + north / M_PER_DEGREE


def hidden(rng, file, *, rows, anchors, noise_m=NOISE_M, inset=0.005, elsewhere=0):
    """Return a file's points typed in a hidden datum, the anchors of some of its subjects, and the datum."""
    cell = PLACES.townships.sample(1, random_state=rng.integers(1 << 31)).iloc[0]
    inside = cell.geometry.buffer(-inset)
    spots = inside if not inside.is_empty else cell.geometry
    west, south, east, north = spots.bounds
    lon, lat = rng.uniform(west, east, rows * 40), rng.uniform(south, north, rows * 40)
    kept = np.flatnonzero(shapely.contains_xy(spots, lon, lat))[:rows]
    lon, lat = lon[kept], lat[kept]
    name = str(rng.choice(datum.CANDIDATES))
    typed = datum.from_wgs84(*moved(rng, lon, lat, noise_m), name)
    subjects = [f"{file}-{number}" for number in range(len(kept))]
    code = cell["township_code"]
    points = pd.DataFrame(
        {"file": file, "pool": None, "subject": subjects, "township_code": code, "lon": typed[0], "lat": typed[1]}
    )
    known = pd.DataFrame({"subject": subjects, "township_code": code, "lon": lon, "lat": lat}).iloc[:anchors]
    # Some subjects' settled place is another plot of theirs.
    away = known.index[:elsewhere]
    turn = rng.uniform(0, 2 * np.pi, elsewhere)
    known.loc[away, "lon"] += 0.02 * np.cos(turn)
    known.loc[away, "lat"] += 0.02 * np.sin(turn)
    return points, known, name


def judged(seed, files, places=PLACES, **how):
    rng = np.random.default_rng(seed)
    made = [hidden(rng, f"{number:03d}.xlsx", **how) for number in range(files)]
    points = pd.concat([one for one, _, _ in made], ignore_index=True)
    anchors = pd.concat([one for _, one, _ in made], ignore_index=True)
    told = diagnosis.diagnose(points, places, anchors=anchors)
    truth = pd.Series([name for _, _, name in made])
    right, wrong = told["datum"] == truth, told["datum"].notna() & (told["datum"] != truth)
    return told, right.mean(), wrong.mean()


@pytest.mark.parametrize("noise_m", [NOISE_M, NOISE_M * np.sqrt(2)])
def test_ten_settled_subjects_tell_the_datum(noise_m):
    told, right, wrong = judged(1, 200, rows=30, anchors=10, noise_m=noise_m)
    assert right >= 0.95
    assert wrong <= 0.01
    assert (told["anchors"] == 10).all()


def test_subjects_who_stand_elsewhere_do_not_mislead():
    _, right, wrong = judged(2, 200, rows=30, anchors=14, elsewhere=4)
    assert right >= 0.95
    assert wrong <= 0.01


def test_cells_and_seats_alone_are_hardly_ever_wrong():
    told, _, wrong = judged(3, 200, rows=30, anchors=0)
    assert wrong <= 0.02
    # Schematic cells tell next to nothing, and that is said.
    assert (told["reason"][told["datum"].isna()] == "few_anchors").all()
    assert told["datum"].isna().mean() >= 0.5


def test_surveyed_cells_tell_a_little_where_points_crowd_the_border():
    surveyed = replace(PLACES, quality="official", tolerance_m=300.0)
    told, right, wrong = judged(6, 100, surveyed, rows=120, anchors=0, inset=0.0, noise_m=100.0)
    assert wrong <= 0.02
    assert right > 0.05
    assert set(told["reason"]) == {"cells", "few_anchors"}


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
def test_a_file_of_few_rows_is_told_where_its_rows_are_known(rows):
    told, right, wrong = judged(4 + rows, 100, rows=rows, anchors=rows)
    assert wrong <= 0.01
    if rows < 3:
        assert told["datum"].isna().all()
        assert (told["reason"] == "few_anchors").all()
    if rows >= 5:
        assert right >= 0.8
    _, _, wrong = judged(40 + rows, 100, rows=rows, anchors=0)
    assert wrong <= 0.02


def test_anchors_in_the_wrong_datum_are_noticed_not_believed():
    """Settled places that are themselves in GCJ-02: a WGS84 file then fits no candidate."""
    points, known, _ = hidden(np.random.default_rng(5), "a.xlsx", rows=30, anchors=12)
    typed = datum.from_wgs84(known["lon"], known["lat"], "gcj02")
    points.loc[:11, "lon"], points.loc[:11, "lat"] = known["lon"].to_numpy(), known["lat"].to_numpy()
    wrong = known.assign(lon=typed[0], lat=typed[1])
    told = diagnosis.diagnose(points, PLACES, anchors=wrong).iloc[0]
    assert (told["reason"], pd.isna(told["datum"])) == ("fits_none", True)
    assert told["offset_m"] == pytest.approx(575, abs=40)


def pooled(names):
    """Two small files of one collector, in the datums given."""
    rng = np.random.default_rng(8)
    parts, known = [], []
    for number, name in enumerate(names):
        points, anchors, _ = hidden(rng, f"{number}.xlsx", rows=4 if number else 2, anchors=4, noise_m=80)
        typed = datum.from_wgs84(anchors["lon"].to_numpy(), anchors["lat"].to_numpy(), name)
        parts.append(points.assign(lon=typed[0], lat=typed[1], pool="2023-03/林"))
        known.append(anchors)
    return pd.concat(parts, ignore_index=True), pd.concat(known, ignore_index=True)


def test_files_of_one_collector_are_judged_together():
    points, anchors = pooled(["gcj02", "gcj02"])
    told = diagnosis.diagnose(points, PLACES, anchors=anchors)
    assert told["datum"].tolist() == ["gcj02", "gcj02"]
    alone = diagnosis.diagnose(points.assign(pool=None), PLACES, anchors=anchors)
    assert alone["datum"].fillna("").tolist() == ["", "gcj02"]


def test_files_that_contradict_each_other_are_not():
    points, anchors = pooled(["gcj02", "bd09"])
    told = diagnosis.diagnose(points, PLACES, anchors=anchors)
    assert told["reason"].tolist() == ["files_differ", "files_differ"]
    assert told["datum"].isna().all()


def test_an_offices_point_on_every_row_is_no_subjects_place():
    points, anchors, _ = hidden(np.random.default_rng(9), "a.xlsx", rows=12, anchors=12)
    points[["lon", "lat"]] = points.loc[0, ["lon", "lat"]].to_numpy(dtype=float)
    told = diagnosis.diagnose(points, PLACES, anchors=anchors).iloc[0]
    assert (told["anchors"], told["reason"]) == (0, "few_anchors")


def test_the_office_at_its_surveyed_seat_speaks_for_its_datum():
    surveyed = replace(PLACES, townships=PLACES.townships.assign(seat_quality="official"))
    seat = PLACES.townships.iloc[0]
    lon, lat = datum.from_wgs84(seat["seat_lon"], seat["seat_lat"], "bd09")
    points = pd.DataFrame(
        {"file": "a.xlsx", "pool": None, "subject": list("甲乙丙"), "township_code": seat["township_code"]}
    ).assign(lon=float(lon), lat=float(lat))
    told = diagnosis.diagnose(points, surveyed).iloc[0]
    assert told["p_bd09"] > 0.9
    assert diagnosis.diagnose(points, PLACES).iloc[0]["reason"] == "few_anchors"


def test_a_file_without_a_point_says_so_and_nothing_is_changed():
    points, anchors, _ = hidden(np.random.default_rng(9), "a.xlsx", rows=3, anchors=3)
    points = points.assign(lon=np.nan)
    before = points.copy()
    told = diagnosis.diagnose(points, PLACES, anchors=anchors).iloc[0]
    assert (told["reason"], told["points"]) == ("no_points", 0)
    pd.testing.assert_frame_equal(points, before)


def test_a_file_of_one_collector_belongs_to_its_pool():
    records = pd.DataFrame(
        {
            "round": "2023-03",
            "township_code": "350524101",
            "collector_name": ["林", None, "林", "陈"],
            "source_file": ["a", "a", "b", "b"],
        }
    )
    assert diagnosis.pools(records).fillna("").tolist() == ["2023-03/350524101/林"] * 2 + [""] * 2
