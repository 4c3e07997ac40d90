"""Places: the county's townships and villages, and whether a point lies where its row says.

Geometry is WGS84 (EPSG:4326); CGCS2000 is the same at this scale. Distances are measured in the projected CRS that the
rules name.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry.base import BaseGeometry

from originmap import texts
from originmap.boundaries import read_boundaries
from originmap.rules import Rules, RulesError
from originmap.vocab import Lang

WGS84 = "EPSG:4326"
_OPTIONAL = ["pinyin", "kind", "former_name", "former_code", "seat_lon", "seat_lat", "seat_quality"]


@dataclass(frozen=True)
class Places:
    """The townships of one county.

    Attributes
    ----------
    townships
        One row a township, sorted by code: `township_code, township, pinyin, kind, former_name, former_code, seat_lon,
        seat_lat, seat_quality` and its `geometry` (WGS84; empty where the boundary file has none).
    villages
        `village_code, village, township_code, township`.
    quality
        ``schematic`` or ``official``: how far the boundaries can be trusted.
    tolerance_m
        How far outside its township a point may lie, in metres.
    measure_crs
        The projected CRS that distances and areas are measured in.
    county
        The county's names and code, from the rules.
    findings
        What is doubtful in the boundary file.
    """

    townships: gpd.GeoDataFrame
    villages: pd.DataFrame
    quality: str
    tolerance_m: float
    measure_crs: str
    county: Mapping[str, str]
    findings: tuple[pd.DataFrame, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        """``{township_code: township}`` in the order of the codes."""
        return dict(zip(self.townships["township_code"], self.townships["township"], strict=True))

    def labels(self, lang: Lang = "zh") -> dict[str, str]:
        """Return ``{township_code: name}`` for people: in English the pinyin, where there is one."""
        if lang == "zh":
            return self.names
        pinyin = zip(self.names.items(), self.townships["pinyin"], strict=True)
        return {town: name if pd.isna(said) or not said else str(said) for (town, name), said in pinyin}

    @property
    def outline(self) -> BaseGeometry:
        """The county's outline in WGS84, its cells dissolved."""
        return self.townships.geometry.union_all().buffer(0)

    def aliases(self) -> dict[str, str]:
        """Return ``{name: township_code}``: today's names, former ones, each with and without 镇 or 乡, and codes.

        A short form that would stand for two townships is left out.
        """
        return dict(self._known)

    @cached_property
    def _known(self) -> dict[str, str]:
        full: dict[str, str] = {}
        short: dict[str, set[str]] = {}
        for row in self.townships.itertuples():
            for name in (str(row.township), str(row.former_name or "")):
                if name:
                    full[name] = str(row.township_code)
                    short.setdefault(name.removesuffix("镇").removesuffix("乡"), set()).add(str(row.township_code))
            for code in (row.township_code, row.former_code):
                if code:
                    full[str(code)] = str(row.township_code)
        for name, found in short.items():
            if len(found) == 1:
                full.setdefault(name, next(iter(found)))
        return full

    def township_of(self, names: pd.Series) -> pd.Series:
        """Return the township code of each name as written, NA where it is none (aligned to `names`).

        County prefixes, spaces and the suffix 人民政府 are ignored; the alias table decides the rest.
        """
        # 福建省泉州市安溪县湖头镇 and 安溪县湖头镇 both end in the township.
        front = re.compile(rf"^.*{re.escape(self.county['name'])}|(?:人民)?政府$")

        def code(name: str) -> str | None:
            return self._known.get(front.sub("", "".join(unicodedata.normalize("NFKC", name).split())))

        return texts.each(names.astype("str"), code)

    def mentioned(self, *sources: Sequence[str]) -> tuple[int, str] | None:
        """Return the first of `sources` (texts) that names exactly one township, and its code; None when none does.

        Full names (湖头镇) are sought in all sources before short ones (湖头), which are villages' and families' names too and
        count only where no 村, 社区 or the like follows.
        """
        for pattern in self._patterns:
            for number, source in enumerate(sources):
                for text in source:
                    clean = "".join(unicodedata.normalize("NFKC", text).split()).replace(self.county["name"], "")
                    codes = {self._known[name] for name in pattern.findall(clean)}
                    if len(codes) == 1:
                        return number, codes.pop()
        return None

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """Full names, and all names; the longest first, so that 湖头镇 is not also 湖头."""
        names = sorted((re.escape(name) for name in self._known if not name.isdigit()), key=len, reverse=True)
        full = "|".join(name for name in names if name[-1] in "镇乡")
        return re.compile(full), re.compile(f"(?:{'|'.join(names)})(?!村|社区|居委|街|路|山|溪)")

    def distance_m(self, points: gpd.GeoSeries, township_codes: pd.Series) -> pd.Series:
        """Return each point's distance in metres from its township, 0 inside, NA without point, township or cell.

        Parameters
        ----------
        points
            WGS84 points, empty where there is none.
        township_codes
            The declared township of each, aligned to `points`.
        """
        if points.crs is None or points.crs.to_epsg() != 4326:
            msg = f"points must be in EPSG:4326, not {points.crs}"
            raise ValueError(msg)
        cells = self.townships.set_index("township_code").geometry.to_crs(self.measure_crs)
        wanted = gpd.GeoSeries(cells.reindex(township_codes.to_numpy()).to_numpy(), index=points.index, crs=cells.crs)
        return points.to_crs(self.measure_crs).distance(wanted, align=False)

    def within(self, points: gpd.GeoSeries) -> pd.Series:
        """Return the code of the township whose cell holds each point, NA where none does (aligned to `points`)."""
        cells = self.townships[["township_code", "geometry"]]
        frame = gpd.GeoDataFrame(geometry=points).sjoin(cells, how="left", predicate="intersects")
        found = frame["township_code"].groupby(level=0).min()
        return found.reindex(points.index).astype("str")


def load_places(rules: Rules) -> Places:
    """Read ``townships.csv``, ``villages.csv`` and the boundary file that the rules name (any CRS, kept as WGS84).

    Of ``townships.csv`` only `township_code` and `township` are needed; a seat that it does not give is set inside the cell
    (`seat_quality` ``cell``). ``villages.csv`` may be absent.

    Raises
    ------
    RulesError
        A file is missing, has other columns, or a township's code is not 9 digits or stands twice; or the boundaries cannot
        be used (``boundaries.read_boundaries``).
    """
    county = rules["county"]
    townships = _read_csv(rules.reference / "townships.csv", ["township_code", "township"], _OPTIONAL)
    bad = townships.loc[~townships["township_code"].str.fullmatch(r"\d{9}") | townships["township_code"].duplicated()]
    if len(bad):
        msg = f"townships.csv 的乡镇代码须为不重复的 9 位数字：{'、'.join(bad['township_code'])}"
        raise RulesError(msg)
    for column in ("seat_lon", "seat_lat"):
        townships[column] = _degrees(townships[column])
    villages = _read_csv(rules.reference / "villages.csv", ["village_code", "village", "township_code"], required=False)
    path = rules.reference / str(county["boundary_file"])
    cells, findings = read_boundaries(path, townships, measure_crs=str(county["measure_crs"]))
    merged = townships.merge(cells, on="township_code", how="left", validate="1:1")
    frame = gpd.GeoDataFrame(merged, geometry="geometry", crs=WGS84).sort_values("township_code", ignore_index=True)
    frame = _with_seats(frame)
    quality = str(county["boundary_quality"])
    tolerance: dict[str, Any] = rules["places"]["tolerance_m"]
    if quality not in tolerance:
        msg = f"规则文件 county.boundary_quality 应为 {'、'.join(tolerance)} 之一，现为 {quality!r}。"
        raise RulesError(msg)
    return Places(
        frame, villages, quality, float(tolerance[quality]), str(county["measure_crs"]), county, tuple(findings)
    )


def points_of(lon: pd.Series, lat: pd.Series) -> gpd.GeoSeries:
    """Return WGS84 points, None where either coordinate is NA (aligned to `lon`)."""
    known = (lon.notna() & lat.notna()).to_numpy()
    geometry = np.full(len(lon), None, dtype=object)
    geometry[known] = gpd.points_from_xy(lon[known].astype("float64"), lat[known].astype("float64"))
    return gpd.GeoSeries(geometry, index=lon.index, crs=WGS84)


def _degrees(text: pd.Series) -> pd.Series:
    degrees = pd.to_numeric(text.mask(text == ""), errors="coerce")
    wrong = text[(text != "") & degrees.isna()]
    if len(wrong):
        msg = f"townships.csv 的 {text.name} 应为十进制度：{'、'.join(wrong)}"
        raise RulesError(msg)
    return degrees.astype("float64")


def _with_seats(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Set a seat inside the cell where none is given."""
    lacking = frame["seat_lon"].isna() | frame["seat_lat"].isna()
    if not lacking.any():
        return frame
    inside = frame.geometry.representative_point()
    return frame.assign(
        seat_lon=frame["seat_lon"].mask(lacking, inside.x.round(5)),
        seat_lat=frame["seat_lat"].mask(lacking, inside.y.round(5)),
        seat_quality=frame["seat_quality"].mask(lacking, "cell"),
    )


def _read_csv(path: Path, columns: list[str], optional: Sequence[str] = (), *, required: bool = True) -> pd.DataFrame:
    """Read a table as text; columns that it may lack are blank, and a file that may be absent is empty."""
    if not path.exists() and not required:
        return pd.DataFrame({column: pd.Series(dtype="str") for column in columns})
    if not path.exists():
        msg = f"参考数据缺少文件：{path.name}"
        raise RulesError(msg)
    try:
        frame = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except UnicodeDecodeError:
        # Saved by Excel in a Chinese Windows.
        frame = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="gb18030")
    missing = [column for column in columns if column not in frame]
    if missing:
        msg = f"{path.name} 缺少列：{'、'.join(missing)}"
        raise RulesError(msg)
    return frame.assign(**{column: "" for column in optional if column not in frame})
