"""GIS files: tables of `handover` as GeoPackage, GeoJSON, Shapefile, GPX and KML, the same input always the same bytes.

Field titles are Chinese wherever the format has room for them. Nothing is cut off unsaid: a Shapefile's names and texts are short, and the list beside it
says what each stands for and what was shortened.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import geopandas as gpd
import pandas as pd
import pyogrio

from originmap import exports, handover, qgis
from originmap.handover import LOST, POINTS, Table
from originmap.places import Places
from originmap.rounds import Round
from originmap.rules import Rules, RulesError
from originmap.vocab import code

CRSES: Final = ("EPSG:4490", "EPSG:4548", "EPSG:4326")  # what a GeoPackage may be in; the first unless somebody asks
_DAY: Final = "2023-01-01"  # GDAL and dBASE would stamp the clock; any fixed day will do
_MOMENT: Final = f"{_DAY}T00:00:00.000Z"
_FIGURES: Final = {
    "baseline_mu": "base", "registry_mu": "regi", "collected_mu": "coll", "gap_mu": "gap", "coverage_pct": "pct", "gap_status": "stat",
    "coverage_class": "class",
}  # fmt: skip
_VERSION: Final = "1.2"  # of GeoPackage: what older programs read without a warning
_DBF_BYTES: Final = 254
# dBASE has ten characters for a name; what is not here is short enough.
_SHORT: Final = {
    "subject_name": "subject", "subject_type": "subj_type", "township_code": "town_code", "size_value": "size_val",
    "market_windows": "market", "production_mode": "prod_mode", "trace_methods": "trace", "credit_grade": "credit",
    "base_address": "address", "coord_status": "coord_stat", "contact_name": "contact", "contact_phone": "phone",
    "supervisor_name": "supervisor", "collector_name": "collector", "collected_on": "collect_on", "source_file": "src_file",
    "source_sheet": "src_sheet", "source_row": "src_row", "head_count": "head_count",
}  # fmt: skip
_KML: Final = (
    "record_id product subject_name subject_type township village size_value size_unit plot_key market_windows production_mode coord_status"
).split()
_NOT_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLES: Final = """CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
owner TEXT(30), ui TEXT(30), update_time DATETIME)"""
_COLUMNS: Final = """CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT,
mime_type TEXT, constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name), CONSTRAINT gdc_tn UNIQUE (table_name, name))"""
_SCHEMA: Final = ("gpkg_schema", "http://www.geopackage.org/spec121/#extension_schema", "read-write")


def write_round(round_: Round, folder: Path) -> None:
    """Write all that a colleague's GIS may want of a round into an existing folder: the points in every form, the other tables where there is room."""
    rules, places, name = round_.rules, round_.places, f"{round_.rules['county']['name']}产地一张图 {round_.name}"
    tables = handover.of_round(round_)
    by_name = {table.name: table for table in tables}
    points, lost = by_name[POINTS], by_name[LOST]
    crs = _crs(rules)
    write_geopackage(folder / "产地一张图.gpkg", tables, rules, places, crs=crs)
    text = qgis.project(tables, rules, places, file="产地一张图.gpkg", crs=crs, title=name)
    (folder / "产地一张图.qgs").write_text(text, encoding="utf-8")
    write_geojson(folder / "产地点位.geojson", points)
    write_kml(folder / "产地点位.kml", points, rules, title=name)
    write_gpx(folder / "产地点位.gpx", points)
    (folder / "shapefile").mkdir()
    legend = [
        line
        for table in tables
        if table.shape and len(table.frame)
        for line in write_shapefile(folder / "shapefile", table)
    ]
    (folder / "shapefile" / "字段说明.txt").write_text(
        "\n".join([*exports.stamp(round_), "", *legend]), encoding="utf-8-sig"
    )
    count = len(points.frame) + len(lost.frame)
    notes = [f"已定位 {len(points.frame)} / {count} 条；没有定位的在“未定位.xlsx”。", *exports.stamp(round_)]
    accepted = round_.records[round_.records["status"] == "accepted"]
    exports.write_xlsx(
        folder / "产地点位.xlsx", handover.everything(accepted, rules), title=f"产地点位（{round_.name}）", notes=notes
    )
    exports.write_xlsx(
        folder / "未定位.xlsx",
        handover.to_mend(round_),
        title=f"没有定位的记录（{round_.name}）",
        notes=["图上没有它们，请乡镇补坐标。", *notes],
    )


def write_public(round_: Round, squares: gpd.GeoDataFrame, folder: Path) -> None:
    """Write what the public may have into an existing folder: subjects by product on a grid, no name, no point, no township.

    `squares` are ``disclosure.grid``'s.
    """
    rules, places, crs = round_.rules, round_.places, _crs(round_.rules)
    table = handover.grid(squares, rules)
    title = f"{rules['county']['name']}产地网格（公开） {round_.name}"
    write_geopackage(folder / "产地网格.gpkg", [table], rules, places, crs=crs)
    text = qgis.project([table], rules, places, file="产地网格.gpkg", crs=crs, title=title)
    (folder / "产地网格.qgs").write_text(text, encoding="utf-8")
    write_geojson(folder / "产地网格.geojson", table)


def write_project(path: Path, round_: Round, records: gpd.GeoDataFrame, *, title: str) -> None:
    """Write some records as a GeoPackage and, beside it under the same name, a QGIS project that opens it."""
    tables, crs = handover.of_records(records, round_.rules, round_.places), _crs(round_.rules)
    write_geopackage(path, tables, round_.rules, round_.places, crs=crs)
    text = qgis.project(tables, round_.rules, round_.places, file=path.name, crs=crs, title=title)
    path.with_suffix(".qgs").write_text(text, encoding="utf-8")


def write_geopackage(path: Path, tables: Sequence[Table], rules: Rules, places: Places, *, crs: str = CRSES[0]) -> None:
    """Write tables under their fixed names, with Chinese aliases (``gpkg_data_columns``) and styles (``layer_styles``) that QGIS takes by itself.

    Raises
    ------
    ValueError
        `crs` is none of `CRSES`.
    """
    if crs not in CRSES:
        raise ValueError(f"坐标系应为 {'、'.join(CRSES)} 之一，现为 {crs!r}。")
    path.unlink(missing_ok=True)
    with _fixed_clock():
        for at, table in enumerate(tables):
            about: dict[str, Any] = {"IDENTIFIER": table.title, "DESCRIPTION": table.title, "FID": "fid"}
            once = {} if at else {"VERSION": _VERSION}
            _write(
                path,
                table,
                driver="GPKG",
                layer=table.name,
                crs=crs,
                append=at > 0,
                GEOMETRY_NAME="geom",
                **about,
                **once,
            )
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(_COLUMNS)
        base.execute(
            "CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL)"
        )
        base.execute("INSERT INTO gpkg_extensions VALUES ('gpkg_data_columns', NULL, ?, ?, ?)", _SCHEMA)
        names = [(table.name, name, text, text) for table in tables for name, text in table.aliases.items()]
        base.executemany(
            "INSERT INTO gpkg_data_columns (table_name, column_name, name, title) VALUES (?, ?, ?, ?)", names
        )
        base.execute(_STYLES)
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?, 0)",
            (_MOMENT,),
        )
        styled: set[str] = set()
        for style in qgis.styles(tables, rules, places):
            row = (
                "",
                "",
                style.table,
                "geom",
                style.name,
                style.qml,
                "",
                style.table not in styled,
                style.name,
                "",
                "",
                _MOMENT,
            )
            base.execute(f"INSERT INTO layer_styles VALUES (NULL, {', '.join('?' * len(row))})", row)  # noqa: S608 - question marks
            styled.add(style.table)


def write_geojson(path: Path, table: Table) -> None:
    """Write one table as GeoJSON (WGS84, RFC 7946), its properties under their Chinese headings; `record_id`, if any, is each feature's id too."""
    titled, about = (
        table.frame.rename(columns=table.aliases),
        {"RFC7946": "YES", "COORDINATE_PRECISION": "6", "WRITE_NAME": "NO"},
    )
    if "record_id" in table.frame:
        titled, about = titled.assign(id=table.frame["record_id"]), about | {"ID_FIELD": "id"}
    _write(path, Table(table.name, titled, table.shape), driver="GeoJSON", **about)


def write_shapefile(folder: Path, table: Table) -> list[str]:
    """Write one table as ``<name>.shp`` with its .cpg (UTF-8), EPSG:4490; return lines that say what each field is, and what was cut.

    dBASE keeps ten characters of a name and 254 bytes of a text.
    """
    short = _short(table.aliases)
    cut, columns = [], {}
    for name in table.aliases:
        column = table.frame[name]
        if isinstance(column.dtype, pd.Int64Dtype):  # dBASE knows no missing whole number
            column = column.astype("float64")
        if pd.api.types.is_string_dtype(column.dtype):
            kept = column.map(_fitting, na_action="ignore").astype("str")
            if count := int((kept != column)[column.notna()].sum()):
                cut.append(f"{short[name]}：{count} 个值太长，截到 {_DBF_BYTES} 字节；全文见 GeoPackage")
            column = kept
        columns[short[name]] = column
    frame = gpd.GeoDataFrame(columns, geometry=table.frame.geometry, crs=table.frame.crs)
    short_table = Table(table.name, frame, table.shape)
    _write(
        folder / f"{table.name}.shp",
        short_table,
        driver="ESRI Shapefile",
        crs=CRSES[0],
        encoding="UTF-8",
        DBF_DATE_LAST_UPDATE=_DAY,
    )
    return [
        f"{table.name}.shp　{table.title}",
        *(f"{short[name]}\t{text}" for name, text in table.aliases.items()),
        *cut,
        "",
    ]


def write_gpx(path: Path, table: Table) -> None:
    """Write the points as waypoints for a receiver or a telephone: product and subject as name, where and how much as note."""
    rows = table.frame
    said = {"name": [_called(row) for row in rows.to_dict("records")], "desc": ["，".join(_note(row).values()) for row in rows.to_dict("records")],
            "type": rows["product"], "src": rows["record_id"]}  # fmt: skip
    texts = {
        name: pd.Series([_NOT_XML.sub("", str(text)) for text in column], dtype="str") for name, column in said.items()
    }
    made = gpd.GeoDataFrame(texts, geometry=rows.geometry.reset_index(drop=True), crs=rows.crs)
    _write(path, Table(POINTS, made, "Point"), driver="GPX", layer="waypoints")


def write_kml(path: Path, table: Table, rules: Rules, *, title: str) -> None:
    """Write the points as KML: a folder and a colour a product, names and, in each, the fields under their Chinese headings.

    Written by hand: the driver sets no colours. No picture is named, so that nothing is fetched.
    """
    head = [
        f'<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">\n<Document><name>{_xml(title)}</name>'
    ]
    fields = "".join(
        f'<SimpleField name="{name}" type="string"><displayName>{_xml(table.aliases[name])}</displayName></SimpleField>'
        for name in _KML
    )
    head.append(f'<Schema name="base_points" id="base_points">{fields}</Schema>')
    for product in rules.products.values():
        colour = "ff" + product.colour[5:7] + product.colour[3:5] + product.colour[1:3]  # KML: alpha, blue, green, red
        look = f"<IconStyle><color>{colour.lower()}</color><scale>0.8</scale></IconStyle><LabelStyle><scale>0.7</scale></LabelStyle>"
        head.append(f'<Style id="{product.code}">{look}</Style>')
    codes = {product.name: product.code for product in rules.products.values()}
    body = []
    for name, rows in table.frame.groupby("product", sort=False):
        body.append(f"<Folder><name>{_xml(name)}</name>")
        for row in rows.to_dict("records"):
            data = "".join(
                f'<SimpleData name="{key}">{_xml(row[key])}</SimpleData>' for key in _KML if pd.notna(row[key])
            )
            body.append(
                f"<Placemark><name>{_xml(_called(row))}</name><styleUrl>#{codes.get(str(name), '')}</styleUrl><ExtendedData>"
                f'<SchemaData schemaUrl="#base_points">{data}</SchemaData></ExtendedData>'
                f"<Point><coordinates>{row['geometry'].x:.6f},{row['geometry'].y:.6f}</coordinates></Point></Placemark>"
            )
        body.append("</Folder>")
    path.write_text("\n".join([*head, *body, "</Document></kml>", ""]), encoding="utf-8")


def _crs(rules: Rules) -> str:
    """Return what a GeoPackage is to be in; raises RulesError where the rules name another CRS than `CRSES`."""
    crs = str(rules["county"].get("gis_crs", CRSES[0]))
    if crs not in CRSES:
        raise RulesError(f"规则文件 county.gis_crs 应为 {'、'.join(CRSES)} 之一，现为 {crs!r}。")
    return crs


def _write(path: Path, table: Table, *, driver: str, crs: str = "", **options: Any) -> None:
    frame = table.frame
    if not table.shape:
        pyogrio.write_dataframe(
            pd.DataFrame(frame),
            path,
            driver=driver,
            **{name: value for name, value in options.items() if name != "GEOMETRY_NAME"},
        )
        return
    many = table.shape.startswith("Multi") and driver != "ESRI Shapefile"
    kind = table.shape if many else table.shape.removeprefix("Multi")
    pyogrio.write_dataframe(
        frame.to_crs(crs) if crs else frame, path, driver=driver, geometry_type=kind, promote_to_multi=many, **options
    )


@contextmanager
def _fixed_clock() -> Iterator[None]:
    """Have GDAL write one fixed moment for now."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _MOMENT})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _called(row: Mapping[Any, Any]) -> str:
    name = "（无名）" if pd.isna(row["subject_name"]) else row["subject_name"]
    return f"{row['product']} {name}"


def _note(row: Mapping[Any, Any]) -> dict[str, str]:
    """Return what a receiver shows under a name: where, how much, when."""
    place = "".join(str(row[name]) for name in ("township", "village") if pd.notna(row[name]))
    size = f"{row['size_value']:g}{row['size_unit']}" if pd.notna(row["size_value"]) else ""
    window = f"{row['market_windows']}上市" if pd.notna(row["market_windows"]) else ""
    buyer = code("subject_type", "buyer") if row["buyer"] else ""
    return {
        name: text for name, text in (("place", place), ("buyer", buyer), ("size", size), ("window", window)) if text
    }


def _short(names: Iterable[str]) -> dict[str, str]:
    """Return names of ten characters at most, each its own: ``<product>_<figure>`` as ``cowp_base``.

    >>> _short(["record_id", "township_code", "cowpea_gap_mu", "cowpea_gap_status", "market_windows", "market_windows_old"])
    {'record_id': 'record_id', 'township_code': 'town_code', 'cowpea_gap_mu': 'cowp_gap', 'cowpea_gap_status': 'cowp_stat', \
'market_windows': 'market', 'market_windows_old': 'market_win'}
    """
    made: dict[str, str] = {}
    for name in names:
        figure = next((end for end in _FIGURES if name.endswith(f"_{end}")), "")
        short = _SHORT.get(name) or (f"{name[:4]}_{_FIGURES[figure]}" if figure else name[:10])
        made[name] = short if short not in made.values() else f"{name[:7]}_{len(made):02}"
    return made


def _fitting(text: str) -> str:
    return text.encode()[:_DBF_BYTES].decode(errors="ignore")


def _xml(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return escape(_NOT_XML.sub("", text), {'"': "&quot;"})
