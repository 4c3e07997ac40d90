"""What a colleague's GIS gets: opened again by other programs, whatever the names in it are."""

import dataclasses
import hashlib
import json
import re
import shutil
import sqlite3
from contextlib import closing

import geopandas as gpd
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from defusedxml import ElementTree
from many import HOSTILE, many

import originmap as om
from originmap import decisions, disclosure, gisfiles, handover, plans, qgis, verdicts

TABLES = ("base_points", "not_located", "townships", "rapid_tests", "plots", "gaps")
KML = "{http://www.opengis.net/kml/2.2}"
PLOT = {"type": "Polygon", "coordinates": [[[118.0, 25.1], [118.001, 25.1], [118.001, 25.101], [118.0, 25.1]]]}


@pytest.fixture(scope="module")
def round_(root, tmp_path_factory):
    """The smallest sample, with a plot drawn on its first record."""
    folder = tmp_path_factory.mktemp("county") / "2023-03"
    shutil.copytree(root / "data/sample/tiny/2023-03", folder)
    opened = om.open_round(folder)
    first = opened.records["record_id"].iat[0]
    verdict = verdicts.plot_verdict(opened.records, opened.raw, first, PLOT, opened.places, why="现场")
    decisions.of_county(folder).record(verdict, by=decisions.Person("林一", "种植业股"))
    return om.open_round(folder)


@pytest.fixture(scope="module")
def written(round_, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gis")
    gisfiles.write_round(round_, folder)
    return folder


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Names that would be markup, one of 100 signs and one that no XML can hold, in every form."""
    round_ = many()
    records = round_.records.copy()
    records.loc[7, "subject_name"] = "长" * 100
    records.loc[8, "subject_name"] = "坏\x0b名]]>"
    records.loc[9, "subject_name"] = None
    folder = tmp_path_factory.mktemp("hostile")
    gisfiles.write_project(
        folder / "它.gpkg", dataclasses.make_dataclass("R", vars(round_))(**vars(round_)), records, title=HOSTILE[0]
    )
    points = handover.points(records, round_.rules)
    gisfiles.write_geojson(folder / "p.geojson", points)
    gisfiles.write_kml(folder / "p.kml", points, round_.rules, title=HOSTILE[2])
    gisfiles.write_gpx(folder / "p.gpx", points)
    said = gisfiles.write_shapefile(folder, points)
    return folder, records, points, said


def located(records):
    return records[records.geometry.notna() & (records["status"] == "accepted")]


def test_the_geopackage_has_fixed_names_a_crs_and_every_record(round_, written):
    path = written / "产地一张图.gpkg"
    assert dict(pyogrio.list_layers(path)) == {
        "base_points": "Point", "not_located": None, "townships": "MultiPolygon", "rapid_tests": "Point", "plots": "MultiPolygon",
        "gaps": "MultiPolygon", "layer_styles": None,
    }  # fmt: skip
    there = gpd.read_file(path, layer="base_points")
    assert there.crs.to_epsg() == 4490
    expected = located(round_.records)
    assert sorted(there["record_id"]) == sorted(expected["record_id"])
    ours = expected.set_index("record_id").loc[there["record_id"]]
    assert shapely.distance(there.geometry.to_numpy(), ours.geometry.to_numpy()).max() < 1e-9
    lost = pyogrio.read_dataframe(path, layer="not_located", read_geometry=False)
    accepted = round_.records[round_.records["status"] == "accepted"]
    assert len(there) + len(lost) == len(accepted)
    assert len(gpd.read_file(path, layer="townships")) == len(round_.places.townships)
    plot = gpd.read_file(path, layer="plots")
    assert plot[["record_id", "plot_mu", "how", "who"]].to_numpy().tolist() == [
        [round_.records["record_id"].iat[0], 8.38, "图上勾绘", "林一"]
    ]


def test_gaps_are_those_of_the_reconciliation_and_unknown_stays_unknown(round_, written):
    gaps = om.reconcile.planting_area(round_)
    there = gpd.read_file(written / "产地一张图.gpkg", layer="gaps").set_index("township_code")
    for row in gaps.to_dict("records"):
        own = there.loc[row["township_code"]]
        for name in ("baseline_mu", "collected_mu", "gap_mu", "coverage_pct"):
            assert own[f"{row['product']}_{name}"] == pytest.approx(row[name], nan_ok=True)
        assert own[f"{row['product']}_gap_status"] == om.vocab.code("gap_status", row["gap_status"])
    classes = plans.coverage_class(gaps, round_.rules)
    kept = sum(int(there[f"{product}_coverage_class"].notna().sum()) for product in round_.rules.baseline_products)
    assert kept == int(classes.notna().sum())


def test_what_a_geopackage_must_say_of_itself(round_, written):
    with closing(sqlite3.connect(f"file:{written / '产地一张图.gpkg'}?mode=ro", uri=True)) as base:
        contents = dict(base.execute("SELECT table_name, identifier FROM gpkg_contents").fetchall())
        assert contents == {name: om.vocab.code("gis_table", name) for name in TABLES} | {
            "layer_styles": "layer_styles"
        }
        assert {moment for (moment,) in base.execute("SELECT last_change FROM gpkg_contents")} == {
            "2023-01-01T00:00:00.000Z"
        }
        assert base.execute(
            "SELECT organization, organization_coordsys_id FROM gpkg_spatial_ref_sys WHERE srs_id = 4490"
        ).fetchone() == ("EPSG", 4490)
        aliases = {
            (table, name): text
            for table, name, text in base.execute("SELECT table_name, column_name, name FROM gpkg_data_columns")
        }
        for table in TABLES:
            columns = {row[1] for row in base.execute(f"PRAGMA table_info({table})")} - {"fid", "geom"}
            assert columns == {name for of, name in aliases if of == table}
        assert aliases["base_points", "subject_name"] == "种养殖主体"
        assert not [text for text in aliases.values() if re.fullmatch("[a-z_]+", text)]
        styles = base.execute("SELECT f_table_name, styleName, styleQML, useAsDefault FROM layer_styles").fetchall()
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    defaults = [table for table, _, _, default in styles if default]
    assert sorted(defaults) == ["base_points", "gaps", "plots", "rapid_tests", "townships"]
    assert [name for table, name, *_ in styles if table == "gaps"] == [
        f"覆盖率·{round_.rules.products[code].name}" for code in round_.rules.baseline_products
    ]
    for _, _, text, _ in styles:
        assert ElementTree.fromstring(text).find("aliases/alias").get("name")


def test_aliases_reach_another_program(written):
    info = pyogrio.read_info(written / "产地一张图.gpkg", layer="base_points")
    assert list(info["fields"])[:3] == ["record_id", "product", "subject_name"]
    assert info["crs"] == "EPSG:4490"


def test_points_are_drawn_in_our_colours_sizes_and_hollow_for_buyers(round_, written):
    """The style held against the plan of the printed map: whoever changes a colour or a break on one side only, is told."""
    table = handover.points(located(round_.records), round_.rules)
    style = ElementTree.fromstring(next(one.qml for one in qgis.styles([table], round_.rules, round_.places)))
    symbols = {
        symbol.get("name"): {option.get("name"): option.get("value") for option in symbol.find("layer/Option")}
        for symbol in style.iter("symbol")
    }
    sizes = {
        symbol.get("name"): [
            option.get("value") for option in symbol.iter("Option") if option.get("name") == "expression"
        ]
        for symbol in style.iter("symbol")
    }
    looks = {category.get("value"): category.get("symbol") for category in style.iter("category")}
    for row in plans.point_plan(located(round_.records), round_.rules).itertuples():
        name = round_.rules.products[row.product].name + ("（产地收购商）" if row.buyer else "")
        look = symbols[looks[name]]
        rgb = ",".join(str(int(row.colour[at : at + 2], 16)) for at in (1, 3, 5)) + ",255"
        assert look["outline_color" if row.buyer else "color"] == rgb
        assert (look["color"] == "255,255,255,255") == row.buyer
        shape, turned, ink = qgis._SHAPES[row.marker]
        assert (look["name"], look["angle"]) == (shape, str(turned))
        (said,) = sizes[looks[name]]
        class_ = "ELSE" if pd.isna(row.size_class) else f'WHEN "size_class" = {row.size_class} THEN'
        side = float(re.search(rf"{class_} ([\d.]+)", said)[1]) * float(said.rpartition("* ")[2])
        assert side**2 * ink == pytest.approx(row.area_pt2, rel=0.01)
    breaks = [name for name in looks if name.startswith("规模 ")]
    assert [name.split()[1] for name in breaks] == ["<1亩", "1–5亩", "5–20亩", "≥20亩"]


def test_coverage_has_our_classes_and_a_look_for_no_data(round_):
    table = handover.gaps(om.reconcile.planting_area(round_), round_.places, round_.rules)
    first, *_ = qgis.styles([table], round_.rules, round_.places)
    style = ElementTree.fromstring(first.qml)
    fills = {
        symbol.get("name"): symbol.find("layer/Option/Option[@name='color']").get("value")
        for symbol in style.iter("symbol")
    }
    rules = [(rule.get("filter"), rule.get("label"), fills[rule.get("symbol")]) for rule in style.iter("rule")]
    for number, colour in enumerate(plans.COVERAGE_COLOURS):
        rgb = ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)) + ",255"
        assert rules[number] == (
            f'"cowpea_coverage_class" = {number}',
            plans.coverage_labels(round_.rules)[number],
            rgb,
        )
    rest = rules[len(plans.COVERAGE_COLOURS) :]
    assert {text for test, _, _ in rest for text in re.findall("= '(.*)'", test)} == {
        "未要求",
        "无底数",
        "未报",
        "未报此品种",
    }
    assert {colour for _, _, colour in rest} == {"227,227,227,255"}


def test_the_project_points_to_the_geopackage_beside_it(round_, written):
    project = ElementTree.parse(written / "产地一张图.qgs").getroot()
    sources = [layer.findtext("datasource") for layer in project.iter("maplayer")]
    assert {source.split("|")[0] for source in sources} == {"./产地一张图.gpkg"}
    layers = dict(pyogrio.list_layers(written / "产地一张图.gpkg"))
    assert {source.split("layername=")[1] for source in sources} == set(layers) - {"layer_styles"}
    ids = [layer.findtext("id") for layer in project.iter("maplayer")]
    assert ids == [layer.get("id") for layer in project.iter("layer-tree-layer")]
    assert min(len(name) for name in ids) > 10
    assert project.findtext("projectCrs/spatialrefsys/authid") == round_.rules["county"]["measure_crs"]
    assert [layer.get("name") for layer in project.iter("layer-tree-layer")][:2] == ["快检", "产地点位"]


def test_geojson_kml_gpx_and_shapefile_open_and_hold_the_same_points(round_, written):
    expected = located(round_.records)
    points = gpd.read_file(written / "产地点位.geojson")
    assert (points.crs.to_epsg(), sorted(points["记录号"])) == (4326, sorted(expected["record_id"]))
    assert points["id"].tolist() == points["记录号"].tolist()
    assert set(points["产品"]) <= {product.name for product in round_.rules.products.values()}
    assert len(gpd.read_file(written / "产地点位.gpx", layer="waypoints")) == len(expected)
    shape = gpd.read_file(written / "shapefile" / "base_points.shp")
    assert (shape.crs.to_epsg(), sorted(shape["record_id"])) == (4490, sorted(expected["record_id"]))
    assert (written / "shapefile" / "base_points.cpg").read_text() == "UTF-8"
    for path in (written / "shapefile").glob("*.shp"):
        assert max(len(name) for name in pyogrio.read_info(path)["fields"]) <= 10
    legend = (written / "shapefile" / "字段说明.txt").read_text(encoding="utf-8-sig")
    assert "subject\t种养殖主体" in legend
    assert "cowp_gap\t豇豆 差额(亩)" in legend
    kml = ElementTree.parse(written / "产地点位.kml").getroot()
    places = list(kml.iter(f"{KML}Placemark"))
    assert len(places) == len(expected)
    colours = {style.get("id"): style.findtext(f"{KML}IconStyle/{KML}color") for style in kml.iter(f"{KML}Style")}
    assert colours["cowpea"] == "ffb27200"  # #0072B2, the other way round
    assert {place.findtext(f"{KML}styleUrl")[1:] for place in places} == set(expected["product"])
    assert "http" not in (written / "产地点位.kml").read_text(encoding="utf-8").replace(
        "http://www.opengis.net/kml/2.2", ""
    )
    assert sum(
        len(layer)
        for layer in (
            gpd.read_file(written / "产地点位.kml", layer=name)
            for name in dict(pyogrio.list_layers(written / "产地点位.kml"))
        )
    ) == len(expected)


def test_the_workbooks_say_who_has_no_place(round_, written):
    accepted = round_.records[round_.records["status"] == "accepted"]
    lost = accepted[accepted.geometry.isna()]
    sheet = openpyxl.load_workbook(written / "产地点位.xlsx").active
    head = [cell.value for cell in sheet[2]]
    rows = list(sheet.iter_rows(min_row=3, max_row=2 + len(accepted), values_only=True))
    assert sorted(row[head.index("记录号")] for row in rows) == sorted(accepted["record_id"])
    assert [row[head.index("经度")] for row in rows].count("—") == len(lost)
    assert all(isinstance(row[head.index("经度")], (int, float)) for row in rows if row[head.index("经度")] != "—")
    assert (sheet.freeze_panes, sheet.page_setup.orientation, sheet.sheet_properties.pageSetUpPr.fitToPage) == (
        "A3",
        "landscape",
        True,
    )
    missing = openpyxl.load_workbook(written / "未定位.xlsx").active
    assert sorted(
        cell.value for cell in missing[openpyxl.utils.get_column_letter(missing.max_column - 1)][2 : 2 + len(lost)]
    ) == sorted(lost["record_id"])
    assert f"已定位 {len(accepted) - len(lost)} / {len(accepted)} 条" in str(list(missing.iter_rows(values_only=True)))


def test_no_phone_is_whole_in_any_of_it(round_, written):
    phones = {
        text
        for name in ("contact_phone", "supervisor_phone", "collector_phone")
        for text in round_.records[name].dropna()
        if text.isdigit()
    }
    assert len(phones) > 5
    for path in written.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert [phone for phone in phones if phone.encode() in content] == [], path.name


def test_the_same_round_gives_the_same_bytes(round_, written, tmp_path):
    gisfiles.write_round(round_, tmp_path)
    sums = [
        {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }
        for folder in (written, tmp_path)
    ]
    assert sums[0] == sums[1]
    assert len(sums[0]) > 20
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


@pytest.mark.parametrize("crs", gisfiles.CRSES[1:])
def test_another_crs_by_option(round_, tmp_path, crs):
    path = tmp_path / "a.gpkg"
    tables = handover.of_records(round_.records, round_.rules, round_.places)
    gisfiles.write_geopackage(path, tables, round_.rules, round_.places, crs=crs)
    there = gpd.read_file(path, layer="base_points")
    assert there.crs == crs
    assert (
        shapely.distance(there.to_crs(4326).geometry.to_numpy(), gpd.points_from_xy(there["lon"], there["lat"])).max()
        < 1e-7
    )
    with pytest.raises(ValueError, match="EPSG:3857"):
        gisfiles.write_geopackage(path, tables, round_.rules, round_.places, crs="EPSG:3857")


def test_the_rules_name_the_crs(round_, tmp_path):
    county = {name: value for name, value in round_.rules["county"].items() if name != "gis_crs"}
    for given, expected in (({}, 4490), ({"gis_crs": "EPSG:4548"}, 4548)):
        rules = dataclasses.replace(round_.rules, source={**round_.rules.source, "county": county | given})
        gisfiles.write_project(tmp_path / "a.gpkg", dataclasses.replace(round_, rules=rules), round_.records, title="")
        assert pyogrio.read_info(tmp_path / "a.gpkg", layer="base_points")["crs"] == f"EPSG:{expected}"
    rules = dataclasses.replace(
        round_.rules, source={**round_.rules.source, "county": county | {"gis_crs": "EPSG:3857"}}
    )
    with pytest.raises(om.rules.RulesError, match="gis_crs"):
        gisfiles.write_project(tmp_path / "a.gpkg", dataclasses.replace(round_, rules=rules), round_.records, title="")


def test_a_hostile_name_stays_a_name_everywhere(hostile):
    folder, records, points, said = hostile
    names = sorted(records.loc[records.geometry.notna(), "subject_name"].fillna(""))
    assert sorted(gpd.read_file(folder / "它.gpkg", layer="base_points")["subject_name"].fillna("")) == names
    with (folder / "p.geojson").open(encoding="utf-8") as stream:
        assert sorted(feature["properties"]["种养殖主体"] or "" for feature in json.load(stream)["features"]) == names
    told = [
        place.findtext(f"{KML}name") for place in ElementTree.parse(folder / "p.kml").getroot().iter(f"{KML}Placemark")
    ]
    clean = sorted(name.replace("\x0b", "") or "（无名）" for name in names)
    assert sorted(name.split(" ", 1)[1] for name in told) == clean
    waypoints = gpd.read_file(folder / "p.gpx", layer="waypoints")["name"]
    assert sorted(name.split(" ", 1)[1] for name in waypoints) == clean
    short = gpd.read_file(folder / "base_points.shp")["subject"].fillna("")
    assert "长" * 84 in set(short)
    assert [line for line in said if "截到" in line] == ["subject：1 个值太长，截到 254 字节；全文见 GeoPackage"]
    assert ElementTree.parse(folder / "它.qgs").getroot().findtext("title") == HOSTILE[0]
    assert len(points.frame) == len(names)


def test_the_public_gets_squares_and_nothing_of_anybody(round_, tmp_path):
    records = located(round_.records).to_crs(round_.rules["county"]["measure_crs"])
    points = records[["township_code", "product", "geometry"]].assign(subject=records["subject_name"])
    cells = points.groupby(["township_code", "product"]).size().reset_index().assign(hidden=False)
    squares = disclosure.grid(points, cells)
    gisfiles.write_public(round_, squares, tmp_path)
    there = gpd.read_file(tmp_path / "产地网格.gpkg", layer="grid")
    assert (len(there), there.crs.to_epsg()) == (len(squares), 4490)
    assert there["subjects"].min() >= disclosure.LEAST
    assert list(there.columns) == ["product", "cell_m", "subjects", "geometry"]
    assert len(gpd.read_file(tmp_path / "产地网格.geojson")) == len(squares) > 0
    told = {str(name) for column in ("subject_name", "contact_name") for name in round_.records[column].dropna()}
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert [name for name in told if name.encode() in content] == []
        assert b"townships" not in content


def test_nothing_and_one_record_are_files_too(round_, tmp_path):
    for count in (0, 1):
        records = located(round_.records).iloc[:count]
        points = handover.points(records, round_.rules)
        gisfiles.write_project(tmp_path / "a.gpkg", round_, records, title="无")
        gisfiles.write_geojson(tmp_path / "a.geojson", points)
        gisfiles.write_kml(tmp_path / "a.kml", points, round_.rules, title="无")
        gisfiles.write_gpx(tmp_path / "a.gpx", points)
        gisfiles.write_shapefile(tmp_path, points)
        assert len(gpd.read_file(tmp_path / "a.gpkg", layer="base_points")) == count
        assert len(gpd.read_file(tmp_path / "base_points.shp")) == count
        assert len(json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))["features"]) == count
