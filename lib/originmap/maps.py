"""Maps: what the screen map shows, as plain GeoJSON, and the ipyleaflet map that draws it without any network.

All geometry is WGS84 (EPSG:4326), coordinates rounded to 1e-6°. Points are one layer, never a widget a point. Colours and
classes are those of the printed maps (`plans`). Everything that came from a sheet is escaped before it becomes HTML.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

import geopandas as gpd
import ipyleaflet
import numpy as np
import pandas as pd
import shapely

from originmap.detail import GROUP_BREAKS, GROUP_RADIUS_PX, MIXED, POINTS
from originmap.phrases import joined, phrase
from originmap.places import Places
from originmap.plans import (
    COVERAGE_COLOURS,
    SIZE_PT2,
    class_label,
    coverage_labels,
    coverage_plan,
    has_point,
    point_plan,
    radius_px,
    size_breaks,
)
from originmap.rules import Rules
from originmap.vocab import CODES, Lang, code

GeoJson = dict[str, Any]
DECIMALS: Final = 6  # of a degree: about 0.1 m
VIEW_PX: Final = (660, 540)  # what the map is fitted to
NO_DATA: Final = "#E3E3E3"
_CELL: Final = {"fillColor": "#F4F1E8", "fillOpacity": 1.0, "color": "#8C8778", "weight": 1}
_POINT: Final = {"radius": 4, "color": "#FFFFFF", "weight": 0.8, "opacity": 1.0, "fillOpacity": 0.92}
_HOVER: Final = {"color": "#000000", "weight": 2.5}
_RING: Final = {"radius": 13, "color": "#000000", "weight": 3, "opacity": 1.0, "fillOpacity": 0.0}
# Below what is drawn and clicked: a picture, shaded cells, symbols at the seats.
PANES: Final = {"picture": {"zIndex": 250}, "ground": {"zIndex": 350}, "totals": {"zIndex": 360}}
_BUYER_FILL: Final = "#FFFFFF"


def cells(
    places: Places,
    *,
    styles: Mapping[str, Mapping[str, object]] | None = None,
    properties: Mapping[str, Mapping[str, object]] | None = None,
) -> GeoJson:
    """Return the townships' cells as GeoJSON, in the order of the codes; a township without a boundary has none.

    Parameters
    ----------
    places
        The county's townships.
    styles
        ``{township_code: Leaflet style}`` laid over the plain style.
    properties
        ``{township_code: further properties}`` beside `township_code` and `township`.
    """
    features = []
    for row in places.townships.itertuples():
        if row.geometry is None or row.geometry.is_empty:
            continue
        own = {
            "township_code": row.township_code,
            "township": row.township,
            **(properties or {}).get(row.township_code, {}),
        }
        style = {**_CELL, **(styles or {}).get(row.township_code, {})}
        features.append(_feature(rounded(shapely.geometry.mapping(row.geometry)), {**own, "style": style}))
    return _collection(features)


def points(records: gpd.GeoDataFrame, rules: Rules) -> GeoJson:
    """Return the located records as one GeoJSON of points, the largest first so that none is covered.

    Each has `record_id`, `product`, `area_mu` (None for animals and buyers, who stand outside areas) and its style: colour by
    product (grey where that is unknown), area by size class; a buyer's point is hollow. Names and phones are not in it: a click looks them up.
    """
    plan = point_plan(records.assign(status="accepted"), rules)  # whatever its status: somebody chose it
    rows = records[has_point(records)].set_index("record_id").loc[plan["record_id"]]
    where = np.round(shapely.get_coordinates(rows.geometry.to_numpy()), DECIMALS).tolist()
    radius = radius_px(plan["area_pt2"]).tolist()
    area = rows["area_mu"].to_numpy("float64", na_value=np.nan)
    features = []
    for at, row in enumerate(plan.itertuples()):
        fill = {"fillColor": _BUYER_FILL, "color": row.colour, "weight": 2} if row.buyer else {"fillColor": row.colour}
        known = None if row.buyer or math.isnan(area[at]) else float(area[at])
        own = {"record_id": row.record_id, "product": row.product, "area_mu": known}
        place = {"type": "Point", "coordinates": where[at]}
        features.append(_feature(place, {**own, "style": {**fill, "radius": radius[at]}}))
    # A row whose product cannot be told has no colour of its own, but it has a place.
    other = records[has_point(records) & ~records["record_id"].isin(plan["record_id"])]
    for name, point in zip(other["record_id"], other.geometry, strict=True):
        own = {"record_id": name, "product": None, "area_mu": None, "style": {"fillColor": MIXED}}
        features.append(_feature(ring(point.x, point.y)["features"][0]["geometry"], own))
    return _collection(features)


def groups(found: pd.DataFrame, rules: Rules) -> GeoJson:
    """Return groups of records (``detail.Detail.groups``) as GeoJSON of circles, the largest first.

    Size by the number of records, colour of the product that has at least half of them, else grey. Each has `records`, `lon, lat` and
    `products`, ``{code: records}``.
    """
    features = []
    for row in found.sort_values(["records", "lon", "lat"], ascending=[False, True, True]).to_dict("records"):
        lon, lat = round(float(row["lon"]), DECIMALS), round(float(row["lat"]), DECIMALS)
        fill = rules.products[row["product"]].colour if row["share"] >= 0.5 else MIXED
        products = {name: int(row[name]) for name in rules.products if row[name]}
        own = {"records": int(row["records"]), "lon": lon, "lat": lat, "products": products}
        style = {"fillColor": fill, "radius": GROUP_RADIUS_PX[row["size_class"]], "fillOpacity": 0.8}
        features.append(_feature({"type": "Point", "coordinates": [lon, lat]}, {**own, "style": style}))
    return _collection(features)


def nothing() -> GeoJson:
    """Return GeoJSON without a feature."""
    return _collection([])


def ring(lon: float | None = None, lat: float | None = None) -> GeoJson:
    """Return a ring about one place, to mark the chosen record; nothing without a place."""
    if lon is None or lat is None:
        return _collection([])
    place = {"type": "Point", "coordinates": [round(lon, DECIMALS), round(lat, DECIMALS)]}
    return _collection([_feature(place, {"style": {}})])


def coverage_cells(gaps: pd.DataFrame, places: Places, rules: Rules, product: str) -> GeoJson:
    """Return the cells coloured by coverage class of one crop; unknown is grey with a dashed edge, never a class.

    Properties: `gap_status`, `coverage_pct` (None: unknown), `class_index` (None: unknown) and `label`, the percentage or
    the status word. Raises ValueError for a product that is not in `gaps`.
    """
    plan = coverage_plan(gaps, places, rules, product).set_index("township_code")
    styles: dict[str, dict[str, object]] = {}
    properties: dict[str, dict[str, object]] = {}
    for town, row in plan.iterrows():
        known = not pd.isna(row["class_index"])
        styles[str(town)] = (
            {"fillColor": COVERAGE_COLOURS[row["class_index"]], "color": "#4A4A4A"}
            if known
            else {"fillColor": NO_DATA, "color": "#4A4A4A", "dashArray": "4 3"}
        )
        properties[str(town)] = {
            "gap_status": row["gap_status"],
            "coverage_pct": float(row["coverage_pct"]) if known else None,
            "class_index": int(row["class_index"]) if known else None,
            "label": row["label"],
        }
    return cells(places, styles=styles, properties=properties)


def cell_layer(data: GeoJson, lang: Lang = "zh") -> Any:
    """Return the layer of cells."""
    return ipyleaflet.GeoJSON(data=data, name=phrase("layer_cells", lang), hover_style={"weight": 2})


def point_layer(data: GeoJson, lang: Lang = "zh") -> Any:
    """Return the one layer that holds all points."""
    name = phrase("layer_points", lang)
    return ipyleaflet.GeoJSON(data=data, name=name, point_style=_POINT, hover_style=_HOVER)


def ring_layer(lang: Lang = "zh") -> Any:
    """Return the layer that marks the chosen record, empty at first."""
    return ipyleaflet.GeoJSON(data=ring(), name=phrase("layer_ring", lang), point_style=_RING)


def label_layer(places: Places, lang: Lang = "zh") -> Any:
    """Return the townships' names as one group; `relabel` adds a second line."""
    markers, names = [], places.labels(lang)
    for town in places.townships.itertuples():
        lon, lat = town.seat_lon, town.seat_lat
        if town.geometry is not None and not town.geometry.is_empty:
            # The widest place of the cell has the most room for a name.
            lon, lat = shapely.get_coordinates(shapely.maximum_inscribed_circle(town.geometry, tolerance=1e-3))[0]
        markers.append(
            ipyleaflet.Marker(
                location=[round(float(lat), DECIMALS), round(float(lon), DECIMALS)],
                icon=_icon(_label(names[town.township_code])),
                draggable=False,
                keyboard=False,  # 24 names are no stops for the tab key
            )
        )
    return ipyleaflet.LayerGroup(layers=markers, name=phrase("layer_names", lang))


def relabel(layer: Any, places: Places, texts: Mapping[str, str], lang: Lang = "zh") -> None:
    """Write ``{township_code: text}`` under the names of a `label_layer`, where something else stands there."""
    for marker, (town, name) in zip(layer.layers, places.labels(lang).items(), strict=True):
        if (html := _label(name, texts.get(town, ""))) != marker.icon.html:
            old, marker.icon = marker.icon, _icon(html)
            old.close()


def township_map(places: Places, layers: Sequence[Any], *, note: str) -> Any:
    """Return the ipyleaflet map of the county: `layers` and nothing from any network, scale, names to switch off, `note`."""
    west, south, east, north = (float(value) for value in places.townships.total_bounds)
    drawn = ipyleaflet.Map(
        layers=tuple(layers),  # given, so that no base map is looked for
        panes=PANES,
        max_zoom=18,  # without tiles nothing else bounds the zoom, and controls break
        min_zoom=8,
        prefer_canvas=True,
        center=[round((south + north) / 2, 4), round((west + east) / 2, 4)],
        zoom=_zoom(west, south, east, north),
        zoom_snap=0.25,
        zoom_delta=0.5,
        scroll_wheel_zoom=True,
        attribution_control=False,
        layout={"height": f"{VIEW_PX[1] + 20}px"},
    )
    drawn.add(ipyleaflet.ScaleControl(position="bottomleft", imperial=False))
    drawn.add(ipyleaflet.LayersControl(position="topright"))
    drawn.add(ipyleaflet.FullScreenControl(position="topleft"))
    drawn.add(ipyleaflet.AttributionControl(position="bottomright", prefix=escape(note)))
    return drawn


def map_note(places: Places, *, is_sample: bool, profile: str = "internal", lang: Lang = "zh") -> str:
    """Return the line at the map's foot: who may see it, what the boundaries are, and that a sample is one."""
    schematic = phrase("schematic" if places.quality == "schematic" else "official", lang)
    sample = [phrase("sample", lang)] if is_sample else []
    return "　".join([code("profile", profile, lang), *sample, schematic, "WGS84"])


def point_legend(rules: Rules, products: Iterable[str] = (), lang: Lang = "zh", *, unknown: bool = False) -> str:
    """Return the legend of the points as HTML: one product one colour, sizes in the units of `products` (all by default)."""
    shown = [rules.products[product] for product in products or rules.products]
    lines = [_line(_dot(10, product.colour), product.label(lang)) for product in shown]
    buyer = phrase("hollow", lang, who=code("subject_type", "buyer", lang))
    lines.append(_line(_dot(9, _BUYER_FILL, rim="#444444"), buyer))
    lines += [_line(_dot(8, MIXED), phrase("product_unknown", lang))] if unknown else []
    breaks = {unit: edges for unit, edges in size_breaks(rules).items() if unit in {product.unit for product in shown}}
    sizes = []
    for index, area in enumerate(SIZE_PT2):
        texts = [f"{class_label(edges, index)} {code('size_unit', unit, lang)}" for unit, edges in breaks.items()]
        sizes.append(_line(_dot(2 * radius_px(area), "#666666"), " · ".join(texts)))
    return _row("legend_products", lines, lang) + _row("legend_sizes", sizes, lang)


def group_legend(rules: Rules, products: Iterable[str] = (), lang: Lang = "zh") -> str:
    """Return the legend of `groups` as HTML."""
    shown = [rules.products[product] for product in products or rules.products]
    lines = [_line(_dot(10, product.colour), phrase("half", lang, product=product.label(lang))) for product in shown]
    lines.append(_line(_dot(10, MIXED), phrase("mixed", lang)))
    sizes = [
        _line(_dot(2 * radius, "#666666"), phrase("n_records", lang, n=class_label(GROUP_BREAKS, index)))
        for index, radius in enumerate(GROUP_RADIUS_PX)
    ]
    note = f"<div style='color:#666'>{escape(phrase('grouped', lang, n=POINTS))}</div>"
    return _row("legend_groups", lines, lang) + _row("legend_records", sizes, lang) + note


def _row(head: str, lines: Sequence[str], lang: Lang) -> str:
    style = "display:flex;flex-wrap:wrap;gap:0 14px;margin-top:4px"
    return f"<div style='{style}'><b>{escape(phrase(head, lang))}</b>{''.join(lines)}</div>"


def coverage_legend(rules: Rules, counts: Mapping[str, int]) -> str:
    """Return the legend of `coverage_cells` as HTML with the number of townships, unknowns by their reason."""
    lines = []
    for colour, text in zip(COVERAGE_COLOURS, coverage_labels(rules), strict=True):
        lines.append(_line(_chip(colour), f"{text}：{counts.get(text, 0)} 个乡镇"))
    unknown = [status for status in CODES["gap_status"] if counts.get(status)]
    lines += [
        _line(_chip(NO_DATA, dashed=True), f"{code('gap_status', status)}：{counts[status]} 个乡镇")
        for status in unknown
    ]
    return f"<div><b>覆盖率（采集 ÷ 底数）</b>{''.join(lines)}</div>"


def drawn(layer: Any) -> dict[str, Any]:
    """Return what a layer draws, read from the layer itself.

    Parameters
    ----------
    layer
        A GeoJSON layer or its data, or a plan of the printed maps (a frame in any CRS).

    Returns
    -------
    `features`; `area_mu`, the sum over features that have one, else None; `extent` (west, south, east, north in degrees, in
    metres for a projected plan, None when empty); `coordinates` and `symbols`, the first 12 hex digits of a sha256 over the
    coordinates (rounded to 1e-6°, 0.01 m) and over colours and radii, in the order of the features.
    """
    if isinstance(layer, gpd.GeoDataFrame):
        where, decimals = shapely.get_coordinates(layer.geometry.to_numpy()), 2 if layer.crs.is_projected else DECIMALS
        count, areas = len(layer), list(layer["area_mu"]) if "area_mu" in layer else []
        symbols = (
            layer[[name for name in ("colour", "marker", "area_pt2") if name in layer]].round(3).to_numpy().tolist()
        )
    else:
        features = (layer if isinstance(layer, Mapping) else layer.data)["features"]
        shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
        where, decimals, count = shapely.get_coordinates(shapes), DECIMALS, len(features)
        own = [feature["properties"] for feature in features]
        areas = [properties.get("area_mu") for properties in own]
        symbols = [[properties["style"].get("fillColor"), properties["style"].get("radius")] for properties in own]
    areas = [area for area in areas if pd.notna(area)]
    # Adding 0.0 turns -0.0 into 0.0.
    texts = [",".join(f"{value:.{decimals}f}" for value in pair) for pair in (np.round(where, decimals) + 0.0).tolist()]
    low, high = (where.min(axis=0).tolist(), where.max(axis=0).tolist()) if len(where) else ([], [])
    return {
        "features": count,
        "area_mu": round(math.fsum(areas), 2) if areas else None,
        "extent": None if not low else tuple(round(value, min(decimals, 4)) for value in [*low, *high]),
        "coordinates": _hash(";".join(texts)),
        "symbols": _hash(json.dumps(symbols)),
    }


def digest(layer: Any, *, beside: Mapping[str, str] | None = None, lang: Lang = "zh") -> pd.DataFrame:
    """Return `drawn` as a table for people, to stand beside a map that a comparison cannot look into.

    `beside` are further lines, put first. One line a figure, for a long cell would be cut and a difference in it with it.
    """
    found = drawn(layer)
    west, south, east, north = found["extent"] or ["—"] * 4
    own = {"features": str(found["features"])}
    if found["area_mu"] is not None:
        own["area_sum"] = f"{found['area_mu']:,.2f}"
    for name, pair in (("west_east", (west, east)), ("south_north", (south, north))):
        own[name] = joined(map(str, pair), lang, by="clause")
    own |= {name: found[name] for name in ("coordinates", "symbols")}
    lines = {**(beside or {}), **{phrase(name, lang): value for name, value in own.items()}}
    values = {phrase("value", lang): pd.Series(lines, dtype="str")}
    return pd.DataFrame(values).rename_axis(phrase("digest", lang))


def _feature(geometry: Mapping[str, Any], properties: Mapping[str, Any]) -> GeoJson:
    return {"type": "Feature", "geometry": dict(geometry), "properties": dict(properties)}


def _collection(features: list[GeoJson]) -> GeoJson:
    return {"type": "FeatureCollection", "features": features}


def rounded(value: Any) -> Any:
    """Return coordinates of GeoJSON, however deep, rounded to `DECIMALS`."""
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    return value if isinstance(value, str) else [rounded(item) for item in value]


def _zoom(west: float, south: float, east: float, north: float) -> float:
    """Return the largest zoom (in quarters) at which the bounds fit `VIEW_PX` in Web Mercator."""
    stretch = 1 / math.cos(math.radians((south + north) / 2))
    at_zero = 256 / 360 * max((east - west) / VIEW_PX[0], (north - south) * stretch / VIEW_PX[1])
    return math.floor(-4 * math.log2(at_zero)) / 4


def _label(name: str, text: str = "") -> str:
    halo = "text-shadow:" + ",".join(["0 0 2px #fff"] * 6)
    below = f"<br><b>{escape(text)}</b>" if text else ""
    # No size, and no pointer events: a name never stands between the pointer and a point.
    return (
        f"<div style='position:absolute;transform:translate(-50%,-50%);white-space:nowrap;pointer-events:none;"
        "max-width:12em;overflow:hidden;text-overflow:ellipsis;"
        f"text-align:center;font:600 11px/1.15 sans-serif;color:#222;{halo}'>{escape(name)}{below}</div>"
    )


def _icon(html: str) -> Any:
    return ipyleaflet.DivIcon(html=html, icon_size=[0, 0], icon_anchor=[0, 0])


def _line(symbol: str, text: str) -> str:
    box = "display:inline-flex;width:22px;justify-content:center;flex:none"
    return f"<div style='display:flex;align-items:center;line-height:1.5'><span style='{box}'>{symbol}</span>{escape(text)}</div>"


def _dot(size_px: float, fill: str, *, rim: str = "") -> str:
    edge = f"border:2px solid {escape(rim)};" if rim else ""
    return f"<span style='flex:none;width:{size_px:g}px;height:{size_px:g}px;border-radius:50%;{edge}background:{escape(fill)}'></span>"


def _chip(fill: str, *, dashed: bool = False) -> str:
    edge = f"border:1px {'dashed' if dashed else 'solid'} #4A4A4A;"
    return f"<span style='width:16px;height:11px;{edge}background:{escape(fill)}'></span>"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
