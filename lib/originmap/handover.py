"""Hand-over: a round or a selection as tables for another program, typed and in words, before any file is written.

Tables keep canonical column names and give Chinese headings beside them; codes are written out. Geometry is WGS84 (EPSG:4326). Growers' phones are masked,
officials' are left out: who opens a map needs a name, not a number. What has no point is a table of its own, never lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import geopandas as gpd
import pandas as pd

from originmap import plots, rapidtests, reconcile, texts, vocab
from originmap.board import Board
from originmap.findings import mask_phones
from originmap.places import WGS84, Places
from originmap.plans import coverage_class, has_point, point_plan
from originmap.rounds import Round
from originmap.rules import Rules
from originmap.seasons import windows_text
from originmap.subjects import normal_name

# The fixed names of the tables; their titles are the vocabulary's (`gis_table`).
POINTS, LOST, GAPS, TOWNS, TESTS, PLOTS, GRID = "base_points not_located gaps townships rapid_tests plots grid".split()
POINT_COLUMNS: Final = (
    "record_id product subject_name subject_type township_code township village size_value size_unit area_mu head_count plot_key cropping "
    "market_windows production_mode trace_methods credit_grade base_address lon lat coord_status contact_name contact_phone "
    "supervisor_name collector_name collected_on status source_file source_sheet source_row"
).split()
# What is printed of them; the rest is in the GeoPackage.
SHEET_COLUMNS: Final = (
    "township village product subject_name subject_type size_value size_unit plot_key market_windows lon lat coord_status contact_name "
    "contact_phone status record_id"
).split()
_GAP_COLUMNS: Final = "baseline_mu registry_mu collected_mu gap_mu coverage_pct gap_status".split()
_TEST_COLUMNS: Final = (
    "sample_id record_id product subject_name township_code township sampled_on test_item test_result test_value unit remark source_file "
    "source_sheet source_row"
).split()
_PLOT_HEADINGS: Final = {"difference_mu": "勾绘减填报(亩)", "who": "何人", "section": "科室", "why": "理由"}
_CODED: Final = ("subject_type", "size_unit", "production_mode", "coord_status", "status", "gap_status", "how")


@dataclass(frozen=True, eq=False)
class Table:
    """One table: its fixed `name`, its rows, its geometry (Point, MultiPolygon, or "" for none) and the headings that are not the vocabulary's."""

    name: str
    frame: pd.DataFrame
    shape: str = ""
    headings: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def title(self) -> str:
        """What people read for the table."""
        return vocab.code("gis_table", self.name)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """``{column: what people read}``, every column but the geometry."""
        names = [str(name) for name in self.frame.columns if name != "geometry"]
        return {name: self.headings.get(name) or vocab.label(name) for name in names}


def of_round(round_: Round) -> list[Table]:
    """Return everything that a colleague's GIS may want of a round: points, tests, plots, gaps, townships, and what has no place."""
    records = round_.records[round_.records["status"] == "accepted"]
    return [
        *of_records(records, round_.rules, round_.places),
        tests(round_),
        Table(PLOTS, _plots(round_), "MultiPolygon", _PLOT_HEADINGS),
        gaps(reconcile.planting_area(round_), round_.places, round_.rules),
    ]


def of_records(records: gpd.GeoDataFrame, rules: Rules, places: Places) -> list[Table]:
    """Return records, whatever their status, as `points`, those without a point, and the townships."""
    return [points(records, rules), lost(records, rules), townships(records, places)]


def points(records: gpd.GeoDataFrame, rules: Rules) -> Table:
    """Return the located records, the largest first so that none is covered.

    Columns `POINT_COLUMNS` and how the map draws each: `buyer` (hollow), `size_class` (0 … 3, NA without a size), `colour`.
    """
    plan = point_plan(records.assign(status="accepted"), rules).set_index("record_id")
    rows = records[has_point(records)].set_index("record_id", drop=False).loc[plan.index]
    frame = _told(rows, rules).assign(buyer=plan["buyer"], size_class=plan["size_class"], colour=plan["colour"])
    made = gpd.GeoDataFrame(frame, geometry=rows.geometry, crs=WGS84).reset_index(drop=True)
    return Table(POINTS, made, "Point")


def lost(records: gpd.GeoDataFrame, rules: Rules) -> Table:
    """Return the records that no map can show, by township."""
    rows = _told(records[~has_point(records)], rules).drop(columns=["lon", "lat"])
    return Table(LOST, rows.sort_values(["township_code", "record_id"], ignore_index=True))


def everything(records: gpd.GeoDataFrame, rules: Rules) -> pd.DataFrame:
    """Return every record, located or not, as an .xlsx shows it: `SHEET_COLUMNS` under Chinese headings, by township, product and subject."""
    frame = _told(records, rules)
    order = {product.name: at for at, product in enumerate(rules.products.values())}
    frame = frame.assign(order=frame["product"].map(order))
    frame = frame.sort_values(["township_code", "order", "subject_name", "record_id"], ignore_index=True)
    return frame[SHEET_COLUMNS].rename(columns=vocab.label)


def to_mend(round_: Round) -> pd.DataFrame:
    """Return the accepted records without a point as an .xlsx shows them, with the cell that a point belongs in."""
    records = round_.records[(round_.records["status"] == "accepted") & ~has_point(round_.records)]
    frame = everything(records, round_.rules).drop(columns=[vocab.label(name) for name in ("lon", "lat", "status")])
    cells = {row["record_id"]: round_.cell(row, "point") for row in records.to_dict("records")}
    return frame.assign(**{vocab.label("cell"): frame[vocab.label("record_id")].map(cells).astype("str")})


def townships(records: gpd.GeoDataFrame, places: Places) -> Table:
    """Return the townships with how many records they have and how many of them are located; a township without a boundary has no geometry."""
    counts = pd.DataFrame({"township_code": records["township_code"], "located": has_point(records)})
    counts = counts.groupby("township_code")["located"].agg(records="size", located="sum").astype("int64")
    frame = places.townships[["township_code", "township", "pinyin", "geometry"]].merge(
        counts.reset_index(), on="township_code", how="left", validate="1:1"
    )
    frame[["records", "located"]] = frame[["records", "located"]].fillna(0).astype("int64")
    note = "示意单元，非行政区域界线" if places.quality == "schematic" else "乡镇界线"
    frame["boundary"] = note
    return Table(TOWNS, gpd.GeoDataFrame(_last(frame), crs=WGS84), "MultiPolygon", {"pinyin": "拼音"})


def gaps(table: pd.DataFrame, places: Places, rules: Rules) -> Table:
    """Return what is missing where: one row a township, for each product its figures, its status and its class (0 … 4, NA unknown).

    Columns are ``<product>_<figure>``; `table` is ``reconcile.planting_area``.
    """
    frame = places.townships[["township_code", "township", "geometry"]]
    headings: dict[str, str] = {}
    for product in rules.baseline_products:
        own = table[table["product"] == product].assign(coverage_class=lambda rows: coverage_class(rows, rules))
        own = _worded(own, rules)[["township_code", *_GAP_COLUMNS, "coverage_class"]]
        named = {name: f"{product}_{name}" for name in own.columns[1:]}
        headings |= {to: f"{rules.products[product].name} {vocab.label(name)}" for name, to in named.items()}
        frame = frame.merge(own.rename(columns=named), on="township_code", how="left", validate="1:1")
    return Table(GAPS, gpd.GeoDataFrame(_last(frame), crs=WGS84), "MultiPolygon", headings)


def tests(round_: Round) -> Table:
    """Return the rapid tests, a row an item, each at a located record of its subject as ``rapidtests.placed`` finds it; else without geometry."""
    found = round_.rapid_tests.reset_index(drop=True)
    board = Board.of(round_.records, round_.rules, round_.places)
    asked = found[["township_code", "product"]].assign(subject=normal_name(found["subject_name"], round_.places))
    row = rapidtests.placed(asked, board)["row"]
    at = round_.records.iloc[row.clip(lower=0)].reset_index(drop=True)
    frame = _worded(found, round_.rules).assign(record_id=at["record_id"].where(row >= 0))
    frame = frame.rename(columns={name: f"test_{name}" for name in ("item", "result", "value")})
    frame["test_result"] = _coded(frame["test_result"], "test_result")
    where = [point if known else None for point, known in zip(at.geometry, row >= 0, strict=True)]
    made = gpd.GeoDataFrame(frame[_TEST_COLUMNS], geometry=gpd.GeoSeries(where, crs=WGS84), crs=WGS84)
    made = made.sort_values(["sampled_on", "sample_id", "test_item"], ignore_index=True)
    return Table(TESTS, made, "Point", {"unit": "单位"})


def grid(squares: gpd.GeoDataFrame, rules: Rules) -> Table:
    """Return what the public may see, subjects by product on a grid (``disclosure.grid``), the widest squares first."""
    frame = _worded(squares, rules).to_crs(WGS84)
    frame = frame.sort_values(["cell_m", "product"], ascending=[False, True], kind="stable", ignore_index=True)
    return Table(GRID, gpd.GeoDataFrame(_last(frame), crs=WGS84), "MultiPolygon")


def _plots(round_: Round) -> gpd.GeoDataFrame:
    frame = plots.of(round_.records, round_.decisions)
    return _worded(frame, round_.rules).drop(columns=["id", "at"])


def _told(rows: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Return `POINT_COLUMNS` in words, growers' phones masked."""
    frame = _worded(pd.DataFrame(rows.drop(columns="geometry")), rules)
    frame["trace_methods"] = texts.each(frame["trace_methods"], _methods)
    frame["market_windows"] = texts.each(frame["market_windows"], windows_text)
    frame["contact_phone"] = mask_phones(frame["contact_phone"])
    return frame.reindex(columns=POINT_COLUMNS)


def _worded(frame: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Return a frame with products and codes as people read them; what is no code stays as it is."""
    out = {name: _coded(frame[name], name) for name in _CODED if name in frame}
    if "product" in frame:
        names = {code: product.name for code, product in rules.products.items()}
        out["product"] = frame["product"].map(names).fillna(frame["product"]).astype("str")
    return frame.assign(**out)


def _coded(column: pd.Series, name: str) -> pd.Series:
    return column.map(vocab.codes(name)).fillna(column).astype("str")


def _methods(text: str) -> str:
    known = vocab.codes("trace_methods")
    return "、".join(known.get(part, part) for part in text.split(";"))


def _last(frame: pd.DataFrame, names: Sequence[str] = ("geometry",)) -> pd.DataFrame:
    return frame[[name for name in frame.columns if name not in names] + list(names)]
