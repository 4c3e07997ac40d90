"""Boundaries: a bureau's own boundary file, in any format and CRS, matched to its townships and checked before anything is judged by it.

What makes the file unusable is one clear error; what is doubtful in it (overlaps, gaps, names that differ) is a finding against the file.
"""

import difflib
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from originmap.findings import found
from originmap.rules import RulesError

CODE_COLUMNS: Final = "township_code code XZQDM XZDM 乡镇代码 行政区代码 行政区划代码 代码 PAC adcode".split()
NAME_COLUMNS: Final = "township name XZQMC XZMC 乡镇 乡镇名称 行政区名称 名称".split()
# Slivers narrower than this, or smaller, come from drawing and mean nothing.
SLIVER_M: Final = 30.0
SLIVER_M2: Final = 20_000.0
SEAT_OUTSIDE_M: Final = 5_000.0
M2_PER_MU: Final = 2000 / 3


def read_boundaries(
    path: Path, townships: pd.DataFrame, *, measure_crs: str
) -> tuple[gpd.GeoDataFrame, list[pd.DataFrame]]:
    """Return each township's cell in WGS84 and the findings against the file.

    Parameters
    ----------
    path
        GeoJSON, GPKG or Shapefile in any CRS; a township may have several parts, a Shapefile's texts may be GB 18030.
    townships
        `township_code, township, former_name, seat_lon, seat_lat`: codes are matched first (9 digits, or 12 that end in 000), then names.
    measure_crs
        The projected CRS that areas and distances are measured in.

    Returns
    -------
    `township_code, geometry`, one row a township found, sorted by code; and findings.

    Raises
    ------
    RulesError
        The file cannot be read, has no CRS, no areas, no code or name column, or fits none of the townships.
    """
    raw = _read(path)
    code_column = next((name for name in CODE_COLUMNS if name in raw), None)
    name_column = next((name for name in NAME_COLUMNS if name in raw), None)
    if code_column is None and name_column is None:
        msg = f"边界文件 {path.name} 没有乡镇代码或名称列（可叫 {'、'.join((*CODE_COLUMNS[:3], *NAME_COLUMNS[:3]))} 等），现有：{'、'.join(map(str, raw.columns.drop('geometry')))}。"
        raise RulesError(msg)
    codes = _texts(raw, code_column)
    names = _texts(raw, name_column)
    # 12 digits are a village's; a township's end in 000.
    codes = codes.str.replace(r"^(\d{9})0{3}$", r"\1", regex=True)
    known = dict(zip(townships["township_code"], townships["township"], strict=True))
    by_name = _by_name(townships)
    matched = codes.where(codes.isin(list(known)), names.map(by_name).astype("str"))
    findings: list[pd.DataFrame] = []
    _unmatched(path, codes, names, matched, known, findings)
    raw = raw.assign(township_code=matched, said=names)[matched.notna()]
    if raw.empty:
        msg = f"边界文件 {path.name} 里没有一个乡镇对得上 townships.csv，请核对代码或名称。"
        raise RulesError(msg)
    differs = raw["said"].notna() & (raw["said"].map(by_name).astype("str") != raw["township_code"])
    findings.extend(
        _find(
            path,
            "boundary_name_differs",
            value=row["township_code"],
            proposal=known[row["township_code"]],
            detail=row["said"],
        )
        for row in raw[differs].to_dict("records")
    )
    broken = ~raw.geometry.is_valid
    findings.extend(
        _find(path, "boundary_invalid", value=known[code]) for code in sorted(set(raw.loc[broken, "township_code"]))
    )
    if broken.any():
        raw = raw.set_geometry(_areas(raw.geometry))
    cells = raw[["township_code", "geometry"]].to_crs("EPSG:4326")
    if cells["township_code"].duplicated().any():
        cells = cells.dissolve("township_code").reset_index()
    cells = cells.sort_values("township_code", ignore_index=True)[["township_code", "geometry"]]
    flat = cells.set_index("township_code").geometry.to_crs(measure_crs)
    findings.extend(_find(path, "boundary_missing", value=known[code]) for code in sorted(set(known) - set(flat.index)))
    findings += _overlaps(path, flat, known) + _gaps(path, flat) + _seats(path, flat, townships, known)
    return cells, findings


def _read(path: Path) -> gpd.GeoDataFrame:
    if not path.exists():
        msg = f"找不到乡镇边界文件：{path.name}"
        raise RulesError(msg)
    try:
        encoding = None
        if path.suffix.lower() == ".shp" and not path.with_suffix(".cpg").exists():
            encoding = _encoding(path.with_suffix(".dbf"))
        frame = gpd.read_file(path, encoding=encoding)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, UnicodeDecodeError) as error:
        msg = f"边界文件 {path.name} 打不开：{error}"
        raise RulesError(msg) from error
    if not isinstance(frame, gpd.GeoDataFrame) or frame.empty:
        msg = f"边界文件 {path.name} 里没有图形。"
        raise RulesError(msg)
    if frame.crs is None:
        msg = f"边界文件 {path.name} 没有写明坐标系（Shapefile 缺 .prj？），请在 GIS 里指定后另存。"
        raise RulesError(msg)
    kinds = set(frame.geometry.geom_type.dropna())
    if not kinds <= {"Polygon", "MultiPolygon"}:
        msg = f"边界文件 {path.name} 应只有面，现有：{'、'.join(sorted(kinds))}。"
        raise RulesError(msg)
    return frame[frame.geometry.notna() & ~frame.geometry.is_empty].reset_index(drop=True)


def _encoding(table: Path) -> str | None:
    """Return GB 18030 for a Shapefile's table that is not UTF-8: what Chinese GIS writes when it says nothing."""
    try:
        table.read_bytes()[32:].decode("utf-8")
    except UnicodeDecodeError:
        return "GB18030"
    except OSError:
        return None
    return "UTF-8"


def _texts(frame: pd.DataFrame, column: str | None) -> pd.Series:
    if column is None:
        return pd.Series(pd.NA, index=frame.index, dtype="str")
    values = frame[column]
    if pd.api.types.is_float_dtype(values):
        values = values.astype("Int64")
    text = values.astype("str").str.normalize("NFKC").str.replace(r"\s+", "", regex=True)
    return text.mask(text == "").astype("str")


def _by_name(townships: pd.DataFrame) -> dict[str, str]:
    names: dict[str, str] = {}
    for row in townships.to_dict("records"):
        for name in (row["township"], row.get("former_name")):
            if name:
                names[str(name)] = str(row["township_code"])
                names.setdefault(str(name).removesuffix("镇").removesuffix("乡"), str(row["township_code"]))
    return names


def _find(path: Path, rule: str, **said: str) -> pd.DataFrame:
    at = pd.DataFrame({"file": [path.name], "sheet": [""], "row": [pd.NA], "cell": [""]})
    return found(rule, at, field="point", **said)


def _unmatched(
    path: Path,
    codes: pd.Series,
    names: pd.Series,
    matched: pd.Series,
    known: dict[str, str],
    findings: list[pd.DataFrame],
) -> None:
    for row in matched.index[matched.isna()]:
        said = " ".join(str(text[row]) for text in (codes, names) if pd.notna(text[row]))
        near = difflib.get_close_matches("" if pd.isna(names[row]) else str(names[row]), list(known.values()), n=1)
        findings.append(
            _find(
                path, "boundary_unmatched", value=said or "（无名）", detail=f"是否 {near[0]}？" if near else "请核对"
            )
        )


def _areas(geometry: gpd.GeoSeries) -> gpd.GeoSeries:
    """Return valid areas: what crosses itself is taken apart, lines and points that are left over dropped."""
    mended = shapely.make_valid(geometry.to_numpy())
    parts = [
        shapely.union_all([part for part in shapely.get_parts(shape) if shapely.get_dimensions(part) == 2])
        if shapely.get_type_id(shape) == 7  # a collection
        else shape
        for shape in mended
    ]
    return gpd.GeoSeries(parts, index=geometry.index, crs=geometry.crs)


def _is_sliver(shape: shapely.Geometry) -> bool:
    # Four times the area over the outline is the width of a square, twice that of a strip.
    return bool(shape.area < SLIVER_M2 or 2 * shape.area / shape.length < SLIVER_M)


def _mu(area_m2: float) -> str:
    return f"{area_m2 / M2_PER_MU:,.0f} 亩"


def _overlaps(path: Path, cells: gpd.GeoSeries, known: dict[str, str]) -> list[pd.DataFrame]:
    shapes = cells.to_numpy()
    left, right = cells.sindex.query(shapes, predicate="intersects")
    findings = []
    for a, b in zip(left[left < right], right[left < right], strict=True):
        parts = [
            part
            for part in shapely.get_parts(shapely.intersection(shapes[a], shapes[b]))
            if part.area and not _is_sliver(part)
        ]
        if parts:
            one, two = known[cells.index[a]], known[cells.index[b]]
            findings.append(
                _find(path, "boundary_overlap", value=one, proposal=two, detail=_mu(sum(part.area for part in parts)))
            )
    return findings


def _gaps(path: Path, cells: gpd.GeoSeries) -> list[pd.DataFrame]:
    whole = shapely.union_all(cells.to_numpy())
    holes = [shapely.Polygon(ring) for part in shapely.get_parts(whole) for ring in part.interiors]
    findings = []
    for hole in holes:
        if not _is_sliver(hole):
            spot = gpd.GeoSeries([hole.representative_point()], crs=cells.crs).to_crs("EPSG:4326").iloc[0]
            findings.append(_find(path, "boundary_gap", value=f"{spot.x:.4f},{spot.y:.4f}", detail=_mu(hole.area)))
    return findings


def _seats(path: Path, cells: gpd.GeoSeries, townships: pd.DataFrame, known: dict[str, str]) -> list[pd.DataFrame]:
    """Find townships whose seat lies far outside the cell: codes or names were exchanged, or the CRS is not what the file says."""
    seats = townships.set_index("township_code").reindex(cells.index)
    has = np.isfinite(seats["seat_lon"].to_numpy(dtype="float64")) & np.isfinite(
        seats["seat_lat"].to_numpy(dtype="float64")
    )
    spots = gpd.GeoSeries(gpd.points_from_xy(seats["seat_lon"], seats["seat_lat"]), index=cells.index, crs="EPSG:4326")
    apart = spots[has].to_crs(cells.crs).distance(cells[has], align=False)
    off = apart[apart > SEAT_OUTSIDE_M]
    if len(off) and len(off) == int(has.sum()):
        msg = f"边界文件 {path.name} 与 townships.csv 的驻地全对不上（相距 {off.min() / 1000:,.0f} 公里以上），请核对坐标系是否写对。"
        raise RulesError(msg)
    return [
        _find(path, "boundary_seat_outside", value=known[code], detail=f"{metres / 1000:.1f} 公里")
        for code, metres in off.items()
    ]
