"""Plots: the outline of one plot of ground, checked and measured in 亩, as somebody drew or walked it.

An outline is a Polygon or MultiPolygon of GeoJSON in WGS84. It stands beside the record, it never changes its size or its point: where the two
areas differ, a person says which is right. Drawn by hand on a map without imagery it is good to some tenths, see ``places.plot_area_share``.
"""

from collections.abc import Mapping
from typing import Any, Final

import geopandas as gpd
import pandas as pd
import shapely

from originmap.boundaries import M2_PER_MU
from originmap.decisions import DecisionsError, plain
from originmap.places import WGS84, Places

DECIMALS: Final = 7  # of a degree: about 1 cm, for the area of half a 亩
LEAST_MU: Final = 0.01  # what sizes are rounded to
MANY_CORNERS: Final = 200  # a walked track is thinned to what a receiver can tell
THINNED_M: Final = 0.5
MOST_CORNERS: Final = 1000  # more would not fit a cell of the exchanged .xlsx
COLUMNS: Final = (
    "record_id township_code township subject_name product plot_mu area_mu difference_mu how who section at why id"
).split()


def outline(geometry: Mapping[str, Any], places: Places) -> tuple[dict[str, Any], float]:
    """Return an outline as it is kept (GeoJSON, corners to 1e-7°) and its area in 亩, measured in the county's CRS.

    One of more than `MANY_CORNERS` is thinned to `THINNED_M`.

    Parameters
    ----------
    geometry
        GeoJSON of a Polygon or MultiPolygon in WGS84.
    places
        For the CRS, and for the county that a plot must touch.

    Raises
    ------
    DecisionsError
        It is no polygon, has fewer than three corners, crosses itself, is smaller than `LEAST_MU`, has more than `MOST_CORNERS`, or lies outside the
        county.
    """
    try:
        shape = shapely.set_precision(
            shapely.force_2d(shapely.geometry.shape(geometry)), 10**-DECIMALS, mode="pointwise"
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, shapely.errors.ShapelyError):
        raise DecisionsError("地块读不出来：应为至少三个角的面。") from None
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        raise DecisionsError("地块应为面（Polygon），不是点或线。")
    if shape.is_empty or len({tuple(spot) for spot in shapely.get_coordinates(shape).tolist()}) < 3:
        raise DecisionsError("地块至少要三个不同的角。")
    if not shape.is_valid:
        raise DecisionsError("地块的边线自己相交，请沿着边按顺序点各个角。")
    if not shape.intersects(shapely.box(*places.townships.total_bounds)):
        raise DecisionsError("地块不在本县范围内，请核对坐标（先经度，后纬度）。")
    if shapely.get_num_coordinates(shape) > MANY_CORNERS:
        flat = gpd.GeoSeries([shape], crs=WGS84).to_crs(places.measure_crs).simplify(THINNED_M)
        shape = shapely.set_precision(flat.to_crs(WGS84).iat[0], 10**-DECIMALS, mode="pointwise")
    if (corners := shapely.get_num_coordinates(shape)) > MOST_CORNERS:
        raise DecisionsError(f"地块有 {corners} 个角，最多 {MOST_CORNERS} 个，请简化后再用。")
    area = mu(shape, places)
    if area < LEAST_MU:
        raise DecisionsError(f"地块太小（{area:.3f} 亩，不足 {LEAST_MU} 亩），请检查各个角。")
    return {"type": shape.geom_type, "coordinates": _listed(shapely.geometry.mapping(shape)["coordinates"])}, area


def mu(shape: shapely.Geometry, places: Places) -> float:
    """Return the area of a WGS84 shape in 亩, to 0.01, measured in ``places.measure_crs``."""
    return round(float(gpd.GeoSeries([shape], crs=WGS84).to_crs(places.measure_crs).area.iat[0]) / M2_PER_MU, 2)


def compared(plot_mu: float, reported_mu: float | None) -> str:
    """Return a plot's area beside the reported one, for people.

    >>> compared(2.31, 2.5)
    '勾绘 2.31 亩，填报 2.5 亩，相差 -0.19 亩（-8%）'
    >>> compared(1250.25, 2.5)
    '勾绘 1,250.25 亩，填报 2.5 亩，相差 +1,247.75 亩（500 倍）'
    >>> compared(2.31, None)
    '勾绘 2.31 亩，没有填报面积可比'
    """
    if reported_mu is None or pd.isna(reported_mu):
        return f"勾绘 {_plain(plot_mu)} 亩，没有填报面积可比"
    apart = round(plot_mu - reported_mu, 2)
    times = plot_mu / reported_mu if reported_mu else 0.0
    share = f"（{times:,.0f} 倍）" if times >= 3 else f"（{times - 1:+.0%}）" if times else ""
    said = f"相差 {'+' if apart > 0 else ''}{_plain(apart)} 亩{share}" if apart else "相同"
    return f"勾绘 {_plain(plot_mu)} 亩，填报 {_plain(reported_mu)} 亩，{said}"


def of(records: pd.DataFrame, told: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the outlines that hold in a round, one row each, WGS84.

    Parameters
    ----------
    records, told
        ``Round.records`` and ``Round.decisions``.

    Returns
    -------
    Columns `COLUMNS` and `geometry`: `plot_mu` as drawn, `area_mu` as reported (NA for livestock), `difference_mu` drawn less reported, `how`
    ``drawn`` or ``survey``; sorted by township and record.
    """
    rows = plain(told[(told["kind"] == "plot") & (told["effect"] == "applied")])
    about = records.loc[rows["row"].astype("int64")].reset_index(drop=True)
    frame = about[["record_id", "township_code", "township", "subject_name", "product", "area_mu"]]
    after = rows["after"].tolist()
    frame = frame.assign(plot_mu=pd.Series([one["area_mu"] for one in after], dtype="float64"))
    frame["how"] = pd.Series([one["how"] for one in after], dtype="str")
    frame["difference_mu"] = (frame["plot_mu"] - frame["area_mu"]).round(2)
    for name in ("who", "section", "at", "why", "id"):
        frame[name] = rows[name].to_numpy()
    shapes = [shapely.geometry.shape(one["geometry"]) for one in after]
    made = gpd.GeoDataFrame(frame[COLUMNS], geometry=gpd.GeoSeries(shapes, crs=WGS84), crs=WGS84)
    return made.sort_values(["township_code", "record_id", "id"], ignore_index=True)


def _plain(area_mu: float) -> str:
    return f"{area_mu:,.2f}".rstrip("0").rstrip(".")


def _listed(value: Any) -> Any:
    return round(value, DECIMALS) if isinstance(value, float) else [_listed(item) for item in value]
