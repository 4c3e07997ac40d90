"""Datums: WGS84, GCJ-02 and BD-09 into one another, exactly and over whole arrays, and the datum that a file declares.

Phones and web maps in China show points in GCJ-02 (高德, 腾讯, 微信) or BD-09 (百度), which stand some 500 m to 1.2 km from
WGS84. CGCS2000 (EPSG:4490) is WGS84 at this scale. The formulas are the published ones: GCJ-02 is a sum of sines on the
Krasovsky ellipsoid (as first described by the eviltransform project), BD-09 a small rotation and stretch of GCJ-02 (百度地图
坐标转换). Neither has a closed inverse; both are contractions, so three rounds of correcting the guess are exact.
"""

import difflib
import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from originmap.rules import RulesError

Floats = npt.NDArray[np.float64]
Points = tuple[Floats, Floats]

DATUMS: Final = ("wgs84", "cgcs2000", "gcj02", "bd09")
CANDIDATES: Final = ("wgs84", "gcj02", "bd09")
CHINA: Final = (72.004, 0.8293, 137.8347, 55.8271)  # west, south, east, north: GCJ-02 shifts nothing outside
ROUNDS: Final = 3
_SEMI_MAJOR_M: Final = 6378245.0  # Krasovsky 1940
_ECCENTRICITY_2: Final = 0.00669342162296594323
_BD_TURNS: Final = np.pi * 3000.0 / 180.0
_BD_SHIFT: Final = (0.0065, 0.006)


def gcj02_from_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Points:
    """Return GCJ-02 degrees for WGS84 degrees; outside China, and where NaN, unchanged.

    >>> [round(float(value), 6) for value in gcj02_from_wgs84(118.1, 25.1)]
    [118.105019, 25.097389]
    """
    x, y = _arrays(lon, lat)
    east, north = _shift(x, y)
    abroad = _abroad(x, y)
    return np.where(abroad, x, x + east), np.where(abroad, y, y + north)


def wgs84_from_gcj02(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Points:
    """Return WGS84 degrees for GCJ-02 degrees, to 0.0001 m; outside China, and where NaN, unchanged.

    Whether a point is in China is judged where GCJ-02 puts it, which differs within a kilometre of the frame only.
    """
    x, y = _arrays(lon, lat)
    west, south = x, y
    for _ in range(ROUNDS):
        east, north = _shift(west, south)
        west, south = x - east, y - north
    abroad = _abroad(x, y)
    return np.where(abroad, x, west), np.where(abroad, y, south)


def bd09_from_gcj02(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Points:
    """Return BD-09 degrees for GCJ-02 degrees.

    >>> [round(float(value), 6) for value in bd09_from_gcj02(118.105019, 25.097389)]
    [118.111515, 25.103484]
    """
    x, y = _arrays(lon, lat)
    return _bend(x, y)


def gcj02_from_bd09(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Points:
    """Return GCJ-02 degrees for BD-09 degrees, to 0.0001 m."""
    x, y = _arrays(lon, lat)
    guess_x, guess_y = x - _BD_SHIFT[0], y - _BD_SHIFT[1]
    for _ in range(ROUNDS):
        bent_x, bent_y = _bend(guess_x, guess_y)
        guess_x, guess_y = guess_x + (x - bent_x), guess_y + (y - bent_y)
    return guess_x, guess_y


def bd09_from_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Points:
    """Return BD-09 degrees for WGS84 degrees; outside China unchanged."""
    x, y = _arrays(lon, lat)
    bent = bd09_from_gcj02(*gcj02_from_wgs84(x, y))
    abroad = _abroad(x, y)
    return np.where(abroad, x, bent[0]), np.where(abroad, y, bent[1])


def wgs84_from_bd09(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Points:
    """Return WGS84 degrees for BD-09 degrees; outside China unchanged."""
    x, y = _arrays(lon, lat)
    abroad = _abroad(x, y)
    plain = wgs84_from_gcj02(*gcj02_from_bd09(x, y))
    return np.where(abroad, x, plain[0]), np.where(abroad, y, plain[1])


def to_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike, datum: str) -> Points:
    """Return WGS84 degrees for degrees in `datum`, one of `DATUMS`; raises ValueError for another."""
    x, y = _arrays(lon, lat)
    if _known(datum) == "gcj02":
        return wgs84_from_gcj02(x, y)
    return wgs84_from_bd09(x, y) if datum == "bd09" else (x.copy(), y.copy())


def from_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike, datum: str) -> Points:
    """Return degrees in `datum`, one of `DATUMS`, for WGS84 degrees; raises ValueError for another."""
    x, y = _arrays(lon, lat)
    if _known(datum) == "gcj02":
        return gcj02_from_wgs84(x, y)
    return bd09_from_wgs84(x, y) if datum == "bd09" else (x.copy(), y.copy())


def settle(lon: npt.ArrayLike, lat: npt.ArrayLike, datums: Sequence[str | None]) -> Points:
    """Return WGS84 degrees for points of several datums, each aligned to `lon`; None is taken as WGS84."""
    x, y = _arrays(lon, lat)
    x, y = x.copy(), y.copy()
    named = np.array([name or "" for name in datums], dtype=object)
    for name in ("gcj02", "bd09"):
        rows = named == name
        if rows.any():
            x[rows], y[rows] = to_wgs84(x[rows], y[rows], name)
    return x, y


def declared(entries: Any, files: Iterable[str], *, gone: Iterable[str] = ()) -> dict[str, str]:
    """Return ``{file: datum}`` from the ``[datum]`` table of a ``round.toml``; files that no entry names are left out.

    Parameters
    ----------
    entries
        File name or pattern (``湖头*``, ``邮箱/*.xlsx``; ``*`` for all) to one of `DATUMS`. A file's own name counts before any
        pattern, a longer pattern before a shorter one.
    files
        The names of the round's files, folders with ``/``.
    gone
        Originals that are no longer there, only slips made from them: they may be named still.

    Raises
    ------
    RulesError
        It is no table, a datum is unknown, or an entry fits no file; the message suggests the nearest name.
    """
    names = list(dict.fromkeys([*files, *gone]))
    if not isinstance(entries, Mapping):
        msg = f'round.toml：datum 应写成一节 [datum]，每行 "文件名" = "坐标系"，现为 {entries!r}。'
        raise RulesError(msg)
    for pattern, name in entries.items():
        if name not in DATUMS:
            near = difflib.get_close_matches(str(name).lower().replace("-", ""), DATUMS, n=1)
            hint = f"，是否想写 {near[0]}？" if near else f"；可写：{'、'.join(DATUMS)}。"
            msg = f"round.toml [datum]：“{pattern}”的坐标系 {name!r} 不认识{hint}"
            raise RulesError(msg)
        if not any(_fits(file, pattern) for file in names):
            near = difflib.get_close_matches(str(pattern), names, n=1, cutoff=0.5)
            hint = f"，是否想写“{near[0]}”？" if near else "。"
            msg = f"round.toml [datum]：没有文件叫“{pattern}”{hint}"
            raise RulesError(msg)
    ranked = sorted(entries.items(), key=lambda entry: (-len(entry[0]), entry[0]))
    found = {}
    for file in names:
        own = entries.get(file) or next((name for pattern, name in ranked if _fits(file, pattern)), None)
        if own:
            found[file] = str(own)
    return found


def _fits(file: str, pattern: str) -> bool:
    return file == pattern or fnmatch.fnmatchcase(file, pattern)


def _known(name: str) -> str:
    if name not in DATUMS:
        msg = f"datum must be one of {', '.join(DATUMS)}, not {name!r}"
        raise ValueError(msg)
    return name


def _arrays(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Points:
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def _abroad(x: Floats, y: Floats) -> npt.NDArray[np.bool_]:
    west, south, east, north = CHINA
    return ~((x >= west) & (x <= east) & (y >= south) & (y <= north))


def _shift(x: Floats, y: Floats) -> Points:
    """Return how far GCJ-02 stands from WGS84, in degrees east and north."""
    a, b = x - 105.0, y - 35.0
    root = np.sqrt(np.abs(a))
    # Both axes share the waves along the longitude; 20/3 and 40/3 are (20 x 2/3) taken apart.
    common = 20.0 * np.sin(6.0 * np.pi * a) + 20.0 * np.sin(2.0 * np.pi * a)
    north = common + 20.0 * np.sin(np.pi * b) + 40.0 * np.sin(np.pi / 3.0 * b)
    north += 160.0 * np.sin(np.pi / 12.0 * b) + 320.0 * np.sin(np.pi / 30.0 * b)
    north = north * (2.0 / 3.0) - 100.0 + 2.0 * a + 3.0 * b + 0.2 * b * b + 0.1 * a * b + 0.2 * root
    east = common + 20.0 * np.sin(np.pi * a) + 40.0 * np.sin(np.pi / 3.0 * a)
    east += 150.0 * np.sin(np.pi / 12.0 * a) + 300.0 * np.sin(np.pi / 30.0 * a)
    east = east * (2.0 / 3.0) + 300.0 + a + 2.0 * b + 0.1 * a * a + 0.1 * a * b + 0.1 * root
    latitude = np.radians(y)
    sine = np.sin(latitude)
    curve = 1.0 - _ECCENTRICITY_2 * sine * sine
    meridian_m = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_2) / (curve * np.sqrt(curve))
    normal_m = _SEMI_MAJOR_M / np.sqrt(curve)
    return np.degrees(east / (normal_m * np.cos(latitude))), np.degrees(north / meridian_m)


def _bend(x: Floats, y: Floats) -> Points:
    """Return BD-09 for GCJ-02: a little further from the origin, a little turned, then shifted."""
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * _BD_TURNS)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _BD_TURNS)
    return radius * np.cos(angle) + _BD_SHIFT[0], radius * np.sin(angle) + _BD_SHIFT[1]
