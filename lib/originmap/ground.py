"""Ground: township figures as GeoJSON: cells coloured by class, a hatch over the unknown ones, circles at the seats whose area is the figure."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
import shapely

from originmap import maps
from originmap.maps import GeoJson
from originmap.places import Places
from originmap.shading import Shading

EDGE: Final = "#4A4A4A"
HATCH: Final = "#8A8A8A"
HATCH_PARTS: Final = 60  # lines of a hatch across the county
FULL_PX: Final = 20.0  # radius of the circle for the last break of a measure
MOST_PX: Final = 42.0
_SYMBOL: Final = {"fillColor": "#3D4654", "fillOpacity": 0.55, "color": "#1B2330", "weight": 1.2}
_UNKNOWN: Final = {"radius": 4.0, "fillOpacity": 0.0, "color": EDGE, "weight": 1.4, "dashArray": "2 2"}


def cells(shading: Shading | None, places: Places, *, opacity: float = 1.0, plain: float = 1.0) -> GeoJson:
    """Return the townships' cells coloured by class, in the order of the codes, and a hatch of lines over each that is unknown.

    `opacity` is that of classes, `plain` that of cells without a figure to show. Properties: `township_code, township`, and with a shading `value`
    (None: unknown), `class_index` and `reason`.
    """
    if shading is None or not shading.fits:
        return maps.cells(places, styles={town: {"fillOpacity": plain} for town in places.names})
    styles: dict[str, dict[str, object]] = {}
    properties: dict[str, dict[str, object]] = {}
    for row in shading.table.to_dict("records"):
        known = not pd.isna(row["class_index"])
        fill = shading.colours[row["class_index"]] if known else maps.NO_DATA
        more = {} if known else {"dashArray": "4 3"}
        styles[row["township_code"]] = {"fillColor": fill, "fillOpacity": opacity, "color": EDGE, **more}
        properties[row["township_code"]] = {
            "value": float(row["value"]) if known else None,
            "class_index": int(row["class_index"]) if known else None,
            "reason": row["reason"],
        }
    made = maps.cells(places, styles=styles, properties=properties)
    lost = shading.table.loc[shading.table["class_index"].isna(), "township_code"]
    return {**made, "features": [*made["features"], *hatches(places, list(lost))]}


def hatches(places: Places, towns: Sequence[str]) -> list[GeoJson]:
    """Return a hatch of lines over the cells of some townships, one feature each: a canvas has no patterns."""
    west, south, east, north = (float(value) for value in places.townships.total_bounds)
    step = max(east - west, north - south) / HATCH_PARTS
    height = north - south
    starts = np.arange(west - height, east, step)
    lines = shapely.multilinestrings([[(x, south), (x + height, north)] for x in starts])
    out = []
    for row in places.townships.itertuples():
        if row.township_code in towns and row.geometry is not None and not row.geometry.is_empty:
            drawn = shapely.set_precision(
                shapely.intersection(lines, row.geometry), 10**-maps.DECIMALS, mode="pointwise"
            )
            coordinates = [
                [list(spot) for spot in shapely.get_coordinates(part).tolist()] for part in shapely.get_parts(drawn)
            ]
            own = {"township_code": row.township_code, "style": {"color": HATCH, "weight": 1, "fill": False}}
            out.append(
                {
                    "type": "Feature",
                    "geometry": {"type": "MultiLineString", "coordinates": coordinates},
                    "properties": own,
                }
            )
    return out


def symbols(shading: Shading | None, places: Places) -> GeoJson:
    """Return a circle at each seat whose area is proportional to the figure, the largest first; a small dashed ring where it is unknown.

    Zero has no circle. Properties: `township_code, value` and the style.
    """
    if shading is None or not shading.fits:
        return maps.nothing()
    seats = places.townships.set_index("township_code")[["seat_lon", "seat_lat"]]
    radius = radii(shading)
    features: list[GeoJson] = []
    for at, row in enumerate(shading.table.to_dict("records")):
        known = not math.isnan(row["value"])
        if not (known and row["value"] <= 0) and row["reason"] != "not_chosen":
            lon, lat = (round(float(spot), maps.DECIMALS) for spot in seats.loc[str(row["township_code"])])
            style = {**_SYMBOL, "radius": radius[at]} if known else dict(_UNKNOWN)
            own = {
                "township_code": row["township_code"],
                "value": float(row["value"]) if known else None,
                "style": style,
            }
            features.append(
                {"type": "Feature", "geometry": {"type": "Point", "coordinates": [lon, lat]}, "properties": own}
            )
    features.sort(
        key=lambda feature: (-feature["properties"]["style"]["radius"], feature["properties"]["township_code"])
    )
    return {"type": "FeatureCollection", "features": features}


def scale(shading: Shading) -> float:
    """Return the figure that a circle of `FULL_PX` stands for: the measure's last break, more where a circle would exceed `MOST_PX`."""
    most = float(shading.table["value"].max())
    last = shading.edges[-1]
    return last if math.isnan(most) else max(last, most * (FULL_PX / MOST_PX) ** 2)


def radii(shading: Shading, values: Sequence[float] | None = None) -> list[float]:
    """Return the radius in pixels of each township's circle, or of circles for `values`."""
    given = shading.table["value"].to_numpy("float64") if values is None else np.asarray(values, dtype="float64")
    radius: list[float] = np.round(FULL_PX * np.sqrt(np.maximum(given, 0.0) / scale(shading)), 2).tolist()
    return radius


def without_cell(shading: Shading, places: Places) -> pd.DataFrame:
    """Return the rows of townships that have no cell to colour."""
    bare = places.townships.loc[places.townships.geometry.isna() | places.townships.geometry.is_empty, "township_code"]
    return shading.table[shading.table["township_code"].isin(bare)]
