"""Placing: the points of all rows read, repaired where one reading is possible, converted and held against their township."""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.compute as pc

from originmap import notation, texts
from originmap.cells import Source
from originmap.findings import written
from originmap.places import Places, points_of
from originmap.points import COARSE_M, precision_m, to_wgs84
from originmap.rules import Rules


def point_text(source: Source) -> pd.Series:
    """Return each row's point as typed, from one cell or two; NA where all are blank."""
    single, lon, lat = source.text("point"), source.text("lon"), source.text("lat")
    both = texts.joined([lon, lat], by=",").where(lon.notna() & lat.notna())
    return single.fillna(both).fillna(lon).fillna(lat)


def place(
    source: Source, frame: pd.DataFrame, places: Places, rules: Rules, *, datums: Mapping[str, str]
) -> gpd.GeoDataFrame:
    """Read points, repair what has one reading, propose what has not, and test them against their township.

    Points of the files that `datums` names (``{file: datum}``) are converted to WGS84. Returns `frame` with `lon, lat, coord_status` and
    `geometry`, which holds settled points only; findings go to `source.findings`.
    """
    west, south, east, north = places.townships.total_bounds
    margin = float(rules["places"]["county_margin_degrees"])
    bounds = (west - margin, south - margin, east + margin, north + margin)
    text = point_text(source)
    read = _points(text, bounds)
    rule, settled = read["rule"], read["settled"]
    x, y = to_wgs84(read["lon"], read["lat"], frame["source_file"], datums)
    points = points_of(x.where(settled), y.where(settled))
    distance = places.distance_m(points, frame["township_code"])
    outside = distance > places.tolerance_m
    typed = settled & outside & (rule == "")
    dms = {
        row: (a, b)
        for row in x.index[typed]
        if (a := notation.dms_as_decimal(read["lon"][row])) is not None
        and (b := notation.dms_as_decimal(read["lat"][row])) is not None
    }
    if dms:
        proposal = pd.DataFrame.from_dict(dms, orient="index", columns=["lon", "lat"])
        files = frame["source_file"][proposal.index]
        proposal["lon"], proposal["lat"] = to_wgs84(proposal["lon"], proposal["lat"], files, datums)
        near = places.distance_m(points_of(proposal["lon"], proposal["lat"]), frame["township_code"][proposal.index])
        # Believed only when it brings the point home.
        proposal = proposal[near <= places.tolerance_m]
        rule[proposal.index] = "point_dms_as_decimal"
        x.update(proposal["lon"])
        y.update(proposal["lat"])
        settled[proposal.index] = False
    told = rule.isin(["point_swapped", "point_decimal_lost", "point_dms_as_decimal"])
    shown = (written(x[told], "{:.6f}") + "," + written(y[told], "{:.6f}")).reindex(x.index)
    source.find("point_unreadable", text.notna() & x.isna(), "point", value=text)
    for name in ("point_swapped", "point_decimal_lost", "point_dms_as_decimal"):
        source.find(name, rule == name, "point", value=text, proposal=shown)
    for name in ("point_zero", "point_far"):
        source.find(name, rule == name, "point", value=text)
    outside &= settled
    coarse = _coarse_m(text.where(settled))
    source.find(
        "point_coarse",
        coarse.notna(),
        "point",
        value=text,
        detail=written(coarse.dropna(), "±{:.0f} 米").reindex(x.index),
    )
    kilometres = written(distance[outside] / 1000, "{:.1f} 公里").reindex(x.index)
    source.find("point_outside", outside, "point", value=text, detail=kilometres)
    status = pd.Series("missing", index=frame.index, dtype="str").mask(settled, "ok")
    status = status.mask(rule == "point_swapped", "fixed").mask(outside, "outside")
    status = status.mask(rule.isin(["point_decimal_lost", "point_dms_as_decimal", "point_far"]), "proposed")
    frame = frame.assign(lon=x.where(settled), lat=y.where(settled), coord_status=status)
    return gpd.GeoDataFrame(frame, geometry=points_of(frame["lon"], frame["lat"]), crs=points.crs)


def _points(text: pd.Series, bounds: tuple[float, float, float, float]) -> pd.DataFrame:
    """Return `lon, lat, rule, settled` of every text as `notation.point` gives them: plain decimals inside need no look."""
    pair = pc.extract_regex(
        texts.arrow(text), r"^(?P<lon>[0-9]{1,3}\.[0-9]{1,12}) ?[,，] ?(?P<lat>[0-9]{1,3}\.[0-9]{1,12})$"
    )
    x, y = (
        pc.cast(pc.struct_field(pair, [at]), "float64").to_numpy(zero_copy_only=False).astype("float64", copy=True)
        for at in (0, 1)
    )
    west, south, east, north = bounds
    plain = (x >= west) & (x <= east) & (y >= south) & (y <= north)

    def look(cell: str) -> tuple[float, float, str, bool] | None:
        hit = notation.point(cell, bounds)
        return (hit.lon, hit.lat, hit.rule, hit.settled) if hit else None

    read = texts.spread(text.mask(plain), look, ["lon", "lat", "rule", "settled"], (np.nan, np.nan, "", False))
    settled = read["settled"].astype(bool) | plain
    return read.assign(lon=read["lon"].mask(plain, x), lat=read["lat"].mask(plain, y), settled=settled)


def _coarse_m(text: pd.Series) -> pd.Series:
    """Return how far a point may lie from where it is written, in metres, NA unless `points.COARSE_M` or more."""
    fine = texts.found_in(text, r"\.[0-9]{3,}.*\.[0-9]{3,}")
    known = {cell: precision_m(cell) for cell in text[text.notna() & ~fine].unique()}
    metres = text.where(~fine).map(known).astype("float64")
    return metres.where(metres >= COARSE_M)
