"""Base maps: what lies under the one map. None by default; a local image or PMTiles file, or tiles, only when the rules name them.

Everything of ours is WGS84. Under a base map in GCJ-02 or BD-09 it is shifted for display, point by point, and what the screen says is
shifted back; data and exports stay as they are.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import ipyleaflet
import numpy as np
import traitlets

from originmap import datum as datums
from originmap.maps import DECIMALS, GeoJson
from originmap.rounds import PROJECT
from originmap.rules import Rules, RulesError

FOLDER: Final = Path("data/private/basemaps")  # below the project: git ignores it, and the plain pages may read it
SERVED: Final = "ORIGINMAP_SERVED"  # the folder that the page's server shows files of, where it is not the project's
SHOWN: Final = rf"{FOLDER.as_posix()}/.*\.(png|jpg|jpeg|pmtiles)"  # what a plain page's server may show
IMAGES: Final = (".png", ".jpg", ".jpeg")
NAMES: Final = {"wgs84": "WGS84", "cgcs2000": "CGCS2000", "gcj02": "GCJ-02", "bd09": "BD-09"}
_ENTRIES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "name": str, "tiles": str, "file": str, "datum": str, "bounds": list, "key_env": str, "attribution": str, "max_zoom": int,
}  # fmt: skip
_VECTOR: Final = 1  # tile type of a PMTiles header
_STYLE: Final[Mapping[str, Mapping[str, Mapping[str, object]]]] = {
    "Polygon": {"fill": {"fill-color": "#E9E6DC", "fill-opacity": 1}, "line": {"line-color": "#A9A290", "line-width": 0.8}},
    "LineString": {"line": {"line-color": "#A9A290", "line-width": 1.2}},
    "Point": {"circle": {"circle-radius": 2, "circle-color": "#8A846F", "circle-stroke-color": "#FFFFFF", "circle-stroke-width": 1}},
}  # fmt: skip


@dataclass(frozen=True)
class BaseMap:
    """One base map: `code` (empty for none), `name`, its datum, and what it is made of: `tiles` (an address with {z} {x} {y}) or a `file`.

    `bounds` of an image: west, south, east, north in its own datum. `key_env` names the environment variable with the user's key for {key}.
    """

    code: str = ""
    name: str = ""
    datum: str = "wgs84"
    tiles: str = ""
    file: str = ""
    bounds: tuple[float, ...] = ()
    key_env: str = ""
    attribution: str = ""
    max_zoom: int = 18

    @property
    def shifts(self) -> bool:
        """Whether what stands in WGS84 must be shifted to lie on it."""
        return self.datum in ("gcj02", "bd09")

    def placed(self, data: GeoJson) -> GeoJson:
        """Return GeoJSON in WGS84 as it must be drawn on this base map."""
        if not self.shifts or not data["features"]:
            return data
        parts = [feature["geometry"]["coordinates"] for feature in data["features"]]
        spots = np.array(list(_numbers(parts))).reshape(-1, 2)
        lon, lat = datums.from_wgs84(spots[:, 0], spots[:, 1], self.datum)
        moved = iter(np.round(np.column_stack([lon, lat]), DECIMALS).tolist())
        features = [
            {**feature, "geometry": {**feature["geometry"], "coordinates": _refilled(part, moved)}}
            for feature, part in zip(data["features"], parts, strict=True)
        ]
        return {**data, "features": features}

    def spot(self, lon: float, lat: float) -> tuple[float, float]:
        """Return where a place in WGS84 is drawn, longitude first."""
        x, y = datums.from_wgs84(lon, lat, self.datum)
        return float(x), float(y)

    def back(self, lon: float, lat: float) -> tuple[float, float]:
        """Return the place in WGS84 of a spot on the screen, longitude first."""
        x, y = datums.to_wgs84(lon, lat, self.datum)
        return float(x), float(y)

    def box(self, bounds: Any) -> tuple[float, float, float, float] | None:
        """Return a view's bounds ((south, west), (north, east)) as west, south, east, north in WGS84; None for none."""
        if not bounds:
            return None
        (south, west), (north, east) = bounds
        corners = [self.back(lon, lat) for lon in (west, east) for lat in (south, north)]
        lons, lats = zip(*corners, strict=True)
        return min(lons), min(lats), max(lons), max(lats)


class Tiles(ipyleaflet.TileLayer):  # type: ignore[misc]
    """Tiles whose address may hold a key: it goes to the browser, and neither into a text nor into a saved notebook."""

    def __repr__(self) -> str:
        """Return the name alone."""
        return f"Tiles({self.name!r})"

    def _get_embed_state(self, **options: Any) -> dict[str, Any]:
        kept: dict[str, Any] = super()._get_embed_state(**options)
        kept["state"]["url"] = ""
        return kept


class Under(ipyleaflet.ImageOverlay):  # type: ignore[misc]
    """An image in a pane below everything that is drawn."""

    pane = traitlets.Unicode("picture").tag(sync=True, o=True)


def configured(rules: Rules) -> dict[str, BaseMap]:
    """Return ``{code: BaseMap}`` of the rules' ``[basemaps.*]`` in their order, after the empty code for none.

    Raises
    ------
    RulesError
        An entry cannot be used; the message names it.
    """
    found = {"": BaseMap()}
    for code, entry in rules["basemaps"].items():
        where = f"规则文件 basemaps.{code}"
        if not isinstance(entry, Mapping):
            msg = f"{where} 应为一节，如 [basemaps.{code}]。"
            raise RulesError(msg)
        if unknown := [name for name in entry if name not in _ENTRIES]:
            msg = f"{where} 有不认识的条目：{'、'.join(unknown)}；可写：{'、'.join(_ENTRIES)}。"
            raise RulesError(msg)
        for name, value in entry.items():
            if not isinstance(value, _ENTRIES[name]) or isinstance(value, bool):
                msg = f"{where}.{name} 不能是 {value!r}。"
                raise RulesError(msg)
        made = BaseMap(code, **{"name": code, **entry, "bounds": tuple(entry.get("bounds", ()))})
        if wrong := _wrong(made):
            msg = f"{where}：{wrong}"
            raise RulesError(msg)
        found[code] = made
    return found


def layer(base: BaseMap) -> Any:
    """Return the ipyleaflet layer of a base map, None for the empty one.

    Raises
    ------
    ValueError
        Its file is missing, lies where no page can read it, or is no vector PMTiles; or the key is not set. The message says what to do.
    """
    if not base.code:
        return None
    common = {"name": base.name, "attribution": escape(base.attribution)}
    if base.tiles:
        key = os.environ.get(base.key_env, "") if base.key_env else ""
        if "{key}" in base.tiles and not key:
            msg = f"底图“{base.name}”要用密钥：请先设环境变量 {base.key_env}，再打开。"
            raise ValueError(msg)
        return Tiles(url=base.tiles.replace("{key}", key), max_native_zoom=base.max_zoom, **common)
    path = _path(base)
    if path.suffix.lower() in IMAGES:
        west, south, east, north = base.bounds
        return Under(url=address(path), bounds=((south, west), (north, east)), **common)
    return ipyleaflet.PMTilesLayer(url=address(path), style=_style(path, base.name), **common)


def address(path: Path) -> str:
    """Return the absolute path on the page's own server under which it shows a file: JupyterLab's, or Voila's.

    Raises
    ------
    ValueError
        The file lies outside the folder that the server shows.
    """
    root = Path(os.environ.get(SERVED, PROJECT)).resolve()
    if not path.resolve().is_relative_to(root):
        msg = f"底图文件 {path.name} 不在网页能读到的文件夹里；请放进 {FOLDER.as_posix()}/。"
        raise ValueError(msg)
    voila = os.environ.get("SERVER_SOFTWARE", "").startswith("voila")
    base = os.environ.get("VOILA_BASE_URL" if voila else "JUPYTERHUB_SERVICE_PREFIX", "/")
    below = quote(path.resolve().relative_to(root).as_posix())
    return f"{base.rstrip('/')}/{'voila/' if voila else ''}files/{below}"


def _wrong(base: BaseMap) -> str:
    if bool(base.tiles) == bool(base.file):
        return "tiles（网络或本机瓦片地址）和 file（本地文件）应写且只写一个。"
    if base.datum not in datums.DATUMS:
        return f"datum {base.datum!r} 不认识；可写：{'、'.join(datums.DATUMS)}。"
    if base.tiles and not all(part in base.tiles for part in ("{z}", "{x}", "{y}")):
        return "tiles 里应有 {z}、{x}、{y}。"
    if "{key}" in base.tiles and not base.key_env:
        return "tiles 里有 {key}，请在 key_env 写存密钥的环境变量名；密钥本身不要写进文件。"
    suffix = Path(base.file).suffix.lower()
    if base.file and suffix not in (*IMAGES, ".pmtiles"):
        return f"file 应为 .pmtiles、.png 或 .jpg，现为 {base.file!r}。"
    if suffix in IMAGES:
        numbers = len(base.bounds) == 4 and all(isinstance(edge, (int, float)) for edge in base.bounds)
        if not numbers or not (base.bounds[0] < base.bounds[2] and base.bounds[1] < base.bounds[3]):
            return "图片要写 bounds = [西, 南, 东, 北]，度。"
    return ""


def _path(base: BaseMap) -> Path:
    given = Path(base.file)
    path = given if given.is_absolute() else PROJECT / FOLDER / given
    if not path.is_file():
        msg = f"底图“{base.name}”的文件 {given.name} 不在 {FOLDER.as_posix()}/ 里。"
        raise ValueError(msg)
    return path


def _style(path: Path, name: str) -> dict[str, Any]:
    """Return a plain style for every layer of a PMTiles file: faces, lines and points, whatever they are."""
    with path.open("rb") as file:
        head = file.read(127)
    if head[:7] != b"PMTiles" or head[99] != _VECTOR:
        msg = f"底图“{name}”：{path.name} 不是矢量 PMTiles；影像请用 .png/.jpg（带 bounds）或瓦片。"
        raise ValueError(msg)
    import pyogrio

    found = sorted(((str(name), str(kind).removeprefix("Multi")) for name, kind in pyogrio.list_layers(path)),
                   key=lambda row: list(_STYLE).index(row[1]) if row[1] in _STYLE else 0)  # fmt: skip
    rules = [
        {"id": f"{one}-{type_}", "type": type_, "source": "", "source-layer": one, "paint": paint, "layout": {}}
        for one, kind in found
        for type_, paint in _STYLE.get(kind, _STYLE["LineString"]).items()
    ]
    return {"layers": rules}


def _numbers(part: Any) -> Iterator[float]:
    for item in part:
        if isinstance(item, (int, float)):
            yield item
        else:
            yield from _numbers(item)


def _refilled(part: Any, moved: Iterator[list[float]]) -> Any:
    return next(moved) if isinstance(part[0], (int, float)) else [_refilled(item, moved) for item in part]
