"""Boundaries: a made-up neighbouring county works by its files alone; what does not fit is told or refused in one line."""

import shutil
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from books import collection_sheet, grower, write_book
from shapely.geometry import LineString, Polygon, box

import originmap as om
from originmap.places import load_places
from originmap.rules import REFERENCE, RulesError, load_rules

# Three townships side by side, each about 10 km wide, north of 25.6; no such county exists.
CELLS = {
    "350599100": ("甲溪镇", box(118.4, 25.6, 118.5, 25.7)),
    "350599101": ("乙湖镇", box(118.5, 25.6, 118.6, 25.7)),
    "350599200": ("丙山乡", box(118.6, 25.6, 118.7, 25.7)),
}


def frame(**changes):
    cells = {code: (name, shape) for code, (name, shape) in CELLS.items()} | changes
    rows = [
        {"XZQDM": code, "XZQMC": name, "geometry": shape} for code, (name, shape) in cells.items() if shape is not None
    ]
    return gpd.GeoDataFrame(rows, crs="EPSG:4326")


def reference(
    tmp_path: Path, cells: gpd.GeoDataFrame, *, file="bounds.gpkg", crs="EPSG:4549", townships=None, **how
) -> Path:
    folder = tmp_path / "参考"
    folder.mkdir(exist_ok=True)
    shutil.copy(REFERENCE / "headers.toml", folder)
    text = (REFERENCE / "rules.toml").read_text(encoding="utf-8")
    for old, new in (
        ('code = "350524"', 'code = "350599"'),
        ('name = "安溪县"', 'name = "虚县"'),
        ('"boundaries/townships_schematic.geojson"', f'"{file}"'),
        ('boundary_quality = "schematic"', 'boundary_quality = "official"'),
        ('measure_crs = "EPSG:4548"', 'measure_crs = "EPSG:4549"'),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "rules.toml").write_text(text, encoding="utf-8")
    listed = townships or "township_code,township\n" + "".join(f"{code},{name}\n" for code, (name, _) in CELLS.items())
    (folder / "townships.csv").write_text(listed, encoding="gb18030")
    (cells.to_crs(crs) if crs else cells).to_file(folder / file, **how)
    return folder


def places(folder: Path) -> om.places.Places:
    return load_places(load_rules(reference=folder))


def told(loaded: om.places.Places) -> list[str]:
    return sorted(part["rule"].iat[0] for part in loaded.findings)


def test_the_committed_boundaries_are_without_reproach():
    assert load_places(load_rules()).findings == ()


def test_a_neighbouring_county_works_without_code(tmp_path):
    """GPKG in EPSG:4549, codes and names in the columns of the national standard, a townships.csv with two columns, saved by Excel."""
    folder = reference(tmp_path, frame())
    inbox = tmp_path / "虚县" / "2023-03"
    rows = [
        grower(乡镇="虚县甲溪镇", 点位经纬度="118.4512,25.6512"),
        grower(乡镇="乙湖", 种养殖主体="陈大样", 点位经纬度="118.4512,25.6513"),
        grower(乡镇="丙山乡", 种养殖主体="王三样", 点位经纬度="118.7020,25.6513"),
    ]
    write_book(inbox / "a.xlsx", {"附件1": collection_sheet(*rows)})
    round_ = om.open_round(inbox, reference=folder)
    assert round_.records["township_code"].tolist() == list(CELLS)
    # 300 m of tolerance: 200 m beyond the border is in, 5 km is out.
    assert round_.records["coord_status"].tolist() == ["ok", "outside", "ok"]
    finding = round_.findings.set_index("rule").loc["point_outside"]
    assert "4.9 公里" in finding["message"]
    assert round_.places.townships["seat_quality"].tolist() == ["cell"] * 3
    assert told(round_.places) == []
    assert om.reconcile.planting_area(round_)["township"].nunique() == 3


@pytest.mark.parametrize(
    ("file", "crs", "how"),
    [
        ("b.geojson", "EPSG:4326", {}),
        ("b.shp", "EPSG:4490", {"encoding": "GB18030"}),
        ("b.shp", "EPSG:2437", {"encoding": "UTF-8"}),
    ],
)
def test_any_format_and_crs_gives_the_same_cells(tmp_path, file, crs, how):
    folder = reference(tmp_path, frame(), file=file, crs=crs, **how)
    if how.get("encoding") == "GB18030":
        (folder / "b.cpg").unlink()
    loaded = places(folder)
    assert told(loaded) == []
    for code, (_, shape) in CELLS.items():
        cell = loaded.townships.set_index("township_code").geometry[code]
        # EPSG:2437 is Beijing 1954: its ellipsoid and shift are another, within some 200 m.
        assert cell.symmetric_difference(shape).area / shape.area < (0.05 if "2437" in crs else 1e-3)


def test_names_alone_and_long_codes_match_too(tmp_path):
    by_name = frame().drop(columns="XZQDM")
    assert told(places(reference(tmp_path, by_name))) == []
    long = frame().assign(XZQDM=lambda one: one["XZQDM"] + "000").drop(columns="XZQMC")
    assert told(places(reference(tmp_path, long, file="long.gpkg"))) == []
    numbers = frame().assign(XZQDM=lambda one: one["XZQDM"].astype(float))
    assert told(places(reference(tmp_path, numbers, file="numbers.gpkg"))) == []


def test_parts_of_one_township_are_put_together(tmp_path):
    west, east = box(118.4, 25.6, 118.45, 25.7), box(118.45, 25.6, 118.5, 25.7)
    parts = pd.concat([frame(**{"350599100": ("甲溪镇", west)}), frame(**{"350599100": ("甲溪镇", east)}).head(1)])
    loaded = places(reference(tmp_path, parts))
    assert told(loaded) == []
    assert loaded.townships.geometry.iat[0].area == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "rule", "says"),
    [
        ({"350599101": ("乙湖镇", None)}, "boundary_missing", "乙湖镇"),
        ({"350599999": ("丙山镇", box(118.7, 25.6, 118.8, 25.7))}, "boundary_unmatched", "是否 丙山乡"),
        ({"350599101": ("丙山乡", CELLS["350599101"][1])}, "boundary_name_differs", "丙山乡"),
        ({"350599101": ("乙湖镇", box(118.48, 25.6, 118.6, 25.7))}, "boundary_overlap", "33,"),
        (
            {"350599101": ("乙湖镇", box(118.5, 25.6, 118.6, 25.7).difference(box(118.54, 25.64, 118.56, 25.66)))},
            "boundary_gap",
            "6,6",
        ),
        (
            {"350599101": ("乙湖镇", Polygon([(118.5, 25.6), (118.6, 25.7), (118.6, 25.6), (118.5, 25.7)]))},
            "boundary_invalid",
            "乙湖镇",
        ),
    ],
)
def test_what_is_doubtful_is_a_finding_against_the_file(tmp_path, changes, rule, says):
    loaded = places(reference(tmp_path, frame(**changes)))
    assert told(loaded) == [rule]
    message = om.findings.compose(loaded.findings)
    assert (message["file"].iat[0], says in message["message"].iat[0]) == ("bounds.gpkg", True), message["message"].iat[
        0
    ]


def seated(lon_of_first: float) -> str:
    rows = [f"350599100,甲溪镇,{lon_of_first},25.65", "350599101,乙湖镇,118.55,25.65", "350599200,丙山乡,118.65,25.65"]
    return "township_code,township,seat_lon,seat_lat\n" + "\n".join(rows) + "\n"


def test_a_seat_far_outside_its_cell_is_told(tmp_path):
    assert told(places(reference(tmp_path, frame(), townships=seated(118.45)))) == []
    assert told(places(reference(tmp_path, frame(), townships=seated(118.6)))) == ["boundary_seat_outside"]


def test_a_sliver_is_no_overlap(tmp_path):
    thin = frame(**{"350599101": ("乙湖镇", box(118.4999, 25.6, 118.6, 25.7))})
    assert told(places(reference(tmp_path, thin))) == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "bounds.gpkg").unlink(), "找不到乡镇边界文件"),
        (lambda f: (f / "bounds.gpkg").write_text("no", encoding="utf-8"), "打不开"),
        (
            lambda f: frame().drop(columns=["XZQDM", "XZQMC"]).assign(x=1).to_file(f / "bounds.gpkg"),
            "没有乡镇代码或名称列",
        ),
        (lambda f: frame().assign(XZQDM="1", XZQMC="无").to_file(f / "bounds.gpkg"), "没有一个乡镇对得上"),
        (lambda f: frame().set_crs(None, allow_override=True).to_file(f / "bounds.gpkg"), "没有写明坐标系"),
        (
            lambda f: frame().set_geometry([LineString([(118.4, 25.6), (118.5, 25.7)])] * 3).to_file(f / "bounds.gpkg"),
            "应只有面",
        ),
        (lambda f: frame().head(0).to_file(f / "bounds.gpkg"), "没有图形"),
        (
            lambda f: (f / "townships.csv").write_text(seated(118.45).replace("118.45", "东经"), encoding="utf-8"),
            "十进制度",
        ),
        (lambda f: (f / "townships.csv").write_text("township\n甲溪镇\n", encoding="utf-8"), "缺少列：township_code"),
        (
            lambda f: (f / "townships.csv").write_text(seated(108.45).replace(",118.", ",108."), encoding="utf-8"),
            "驻地全对不上",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_file_that_cannot_be_used_is_one_clear_line(tmp_path, spoil, says):
    folder = reference(tmp_path, frame())
    if "bounds" in says or says.startswith(("没有", "应")):
        (folder / "bounds.gpkg").unlink()
    spoil(folder)
    with pytest.raises(RulesError, match=says):
        places(folder)
