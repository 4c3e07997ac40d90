"""Survey: points and plots taken in the field, read from GPX, GeoJSON or KML and matched to the records that they mend.

Nothing is moved by a file: each feature is matched to a record, best by the number that it carries, else by subject and product, else it is only
said which undecided point lies near; a person confirms, and each confirmed one becomes a decision. What matches nothing is listed with its reason.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from originmap import datum as datums
from originmap import plots, verdicts
from originmap.decisions import DecisionsError, Verdict, plain
from originmap.places import WGS84, points_of
from originmap.proposals import Proposals
from originmap.rounds import Round
from originmap.subjects import normal_name
from originmap.vocab import codes

SUFFIXES: Final = (".gpx", ".geojson", ".json", ".kml")
MOST_BYTES: Final = 20_000_000
NEAR_M: Final = 1000.0  # further away, another record is as likely to be meant
CLOSED_M: Final = 30.0  # a track whose ends meet so nearly went round a plot
FEATURE_COLUMNS: Final = "file name text record_id township subject product kind lon lat geometry".split()
MATCH_COLUMNS: Final = (
    "file name kind lon lat plot_mu row record_id township subject_name product how several apart_m township_m area_mu standing sure reason"
).split()
_LAYERS: Final = {"waypoints", "tracks", "routes"}  # the points of a track are not points of interest
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "record_id": ("record_id", "记录号", "记录编号"),
    "township": ("township", "乡镇"),
    "subject": ("subject", "subject_name", "种养殖主体", "主体名称", "主体"),
    "product": ("product", "产品", "产品名称", "品种"),
}
_TEXTS: Final = ("name", "desc", "cmt", "description", "名称", "备注", "说明")
_ID: Final = re.compile(r"(?<![0-9a-z])[0-9a-f]{16}(?![0-9a-z])")
_BREAK: Final = re.compile(r"[\s,，;；、/|_()（）\-—:：]+|<[^>]*>")


def read(data: bytes, file: str, *, datum: str = "wgs84") -> pd.DataFrame:
    """Return the features of a file, one row each: `FEATURE_COLUMNS`.

    Parameters
    ----------
    data, file
        Its bytes and its name, which tells the format.
    datum
        What its degrees are in, one of ``datum.DATUMS``: hand-held receivers write WGS84, maps on a phone may not.

    Returns
    -------
    `kind` is ``point``, ``plot`` or, for what is neither, ``other``; `lon, lat` (WGS84) of the point, or of one inside the plot; `geometry` is a shape.
    A track that comes back to its start is a plot; a placemark of several shapes has a row for each.

    Raises
    ------
    DecisionsError
        It is too large, of another format, hostile, or cannot be read.
    """
    suffix = file[file.rfind(".") :].lower() if "." in file else ""
    if suffix not in SUFFIXES:
        more = "（.kmz 请先另存为 .kml）" if suffix == ".kmz" else ""
        raise DecisionsError(f"{file}：只读 {'、'.join(SUFFIXES)}{more}。")
    if len(data) > MOST_BYTES:
        raise DecisionsError(f"{file}：超过 {MOST_BYTES // 1_000_000} MB，不像外业采点的文件。")
    if suffix in (".gpx", ".kml"):
        _check_xml(data, file, suffix[1:])
    else:
        _check_json(data, file)
    frames = [_features(layer, file) for layer in _layers(data, file)]
    rows = [row for frame in frames for row in frame]
    made = pd.DataFrame(rows, columns=["file", "name", "text", *_KEYS, "geometry"])
    shapes = gpd.GeoSeries(made["geometry"].tolist(), crs=WGS84)
    if datum not in ("wgs84", "cgcs2000"):
        shapes = gpd.GeoSeries(
            [shapely.transform(shape, lambda spots: _moved(spots, datum)) for shape in shapes], crs=WGS84
        )
    kinds = shapes.geom_type.map({"Point": "point", "Polygon": "plot", "MultiPolygon": "plot"}).fillna("other")
    spots = shapes.representative_point()
    # Text columns whatever is in them, so that an empty file has them too.
    texts = made[["file", "name", "text", *_KEYS]].astype("str")
    return texts.assign(kind=kinds.astype("str"), lon=spots.x.round(6), lat=spots.y.round(6), geometry=shapes)[
        FEATURE_COLUMNS
    ]


def content(path: Path) -> bytes:
    """Return a file's bytes, no more than a survey can have; raises DecisionsError for a larger one."""
    if path.stat().st_size > MOST_BYTES:
        raise DecisionsError(f"{path.name}：超过 {MOST_BYTES // 1_000_000} MB，不像外业采点的文件。")
    return path.read_bytes()


def match(features: pd.DataFrame, round_: Round, proposals: Proposals) -> pd.DataFrame:
    """Return for each feature the record that it is likely to be about, aligned to `features`: `MATCH_COLUMNS`.

    `how` is ``record_id`` (the feature carries it), ``name`` (subject and product agree in the township), ``nearest`` (an undecided point lies within
    `NEAR_M`: a hint only) or empty, with `reason` ``no_record`` or ``not_a_place``; `several` how many records agree as well, the nearest of which
    is given. `apart_m` is the distance from where the record stands or may stand, `township_m` from its township; `plot_mu` and `area_mu` the plot
    as walked and as reported; `standing` decisions of the same kind that hold already. `sure`: the number or the name fits one record alone, in or
    near its township, and no other feature of its kind claims it.
    """
    known = _Known(round_, proposals)
    rows = [known.row(feature) for feature in features.to_dict("records")]
    frame = pd.DataFrame(rows, columns=MATCH_COLUMNS, index=features.index)
    texts = dict.fromkeys(["record_id", "township", "subject_name", "product"], "str")
    frame = frame.astype(texts | dict.fromkeys(["plot_mu", "apart_m", "township_m", "area_mu"], "float64"))
    frame["row"] = frame["row"].astype("Int64")
    claims = frame[frame["how"].isin(["record_id", "name"])]
    rivals = claims.index[claims.duplicated(["row", "kind"], keep=False)]
    frame["sure"] = frame["sure"].astype(bool) & ~frame.index.isin(rivals)
    return frame


def decided(
    features: pd.DataFrame, matches: pd.DataFrame, chosen: Iterable[int], round_: Round, *, why: str = ""
) -> list[Verdict]:
    """Return the decisions that the `chosen` features (labels of `matches`) make: points and plots; standing ones are replaced.

    Raises
    ------
    DecisionsError
        A chosen one is matched to no record, two are about the same, or a plot cannot be used; nothing is decided then.
    """
    told = matches.loc[list(chosen)]
    lost = told[told["row"].isna()]
    if len(lost):
        raise DecisionsError(f"“{lost['name'].iat[0]}”对不上记录，不能采用。")
    twice = told[told.duplicated(["row", "kind"])]
    if len(twice):
        raise DecisionsError(f"“{twice['name'].iat[0]}”和另一个要素对着同一条记录，只能选一个。")
    made = []
    for label, one in told.iterrows():
        say = why.strip() or f"现场采点：{one['file']} “{one['name']}”"
        about = (round_.records, round_.raw, str(one["record_id"]))
        kept = {"why": say, "how": "survey", "replaces": " ".join(entry["id"] for entry in one["standing"])}
        try:
            if one["kind"] == "plot":
                shape = shapely.geometry.mapping(features.loc[label, "geometry"])
                made.append(verdicts.plot_verdict(*about, shape, round_.places, **kept))
            else:
                made.append(verdicts.point_verdict(*about, one["lon"], one["lat"], **kept))
        except DecisionsError as error:
            raise DecisionsError(f"“{one['name']}”：{error}") from None
    return made


def shown(matches: pd.DataFrame, products: Mapping[str, str]) -> pd.DataFrame:
    """Return the matches for people: what the file has, which record it goes to, and why; `products` is ``{code: name}``."""
    kinds = {"point": "点", "plot": "地块", "other": "其他"}
    how = matches["how"].where(matches["how"] != "", matches["reason"]).map(codes("survey_match"))
    several = matches["several"].map(lambda count: f"（同样的有 {count} 条，取最近的）" if count > 1 else "")
    areas = [
        "—" if kind != "plot" else plots.compared(drawn, area)
        for kind, drawn, area in zip(matches["kind"], matches["plot_mu"], matches["area_mu"], strict=True)
    ]
    standing = matches["standing"].map(
        lambda held: "、".join(f"{one['who']} {str(one['at'])[:10]}" for one in held) or "—"
    )
    frame = pd.DataFrame(
        {
            "序号": pd.RangeIndex(1, len(matches) + 1),
            "文件里的名称": matches["name"],
            "类别": matches["kind"].map(kinds),
            "乡镇": matches["township"].fillna("—"),
            "种养殖主体": matches["subject_name"].fillna("—"),
            "产品": matches["product"].map(dict(products)).fillna("—"),
            "依据": how + several,
            "距记录的点": matches["apart_m"].map(_metres),
            "距乡镇": matches["township_m"].map(_metres),
            "面积": areas,
            "已有决定": standing,
            "可直接采用": matches["sure"].map({True: "是", False: "请核对"}).where(matches["row"].notna(), "—"),
        }
    )
    return frame.set_index("序号")


class _Known:
    """What a feature can be about: the round's live records, and where each stands or may stand."""

    def __init__(self, round_: Round, proposals: Proposals) -> None:
        self.round_ = round_
        records = round_.records[round_.records["status"] != "duplicate"]
        self.records = records.assign(subject=normal_name(records["subject_name"], round_.places))
        readings = proposals.candidates[~proposals.candidates["refused"]]
        located = records[records["lon"].notna()]
        self.readings = self._flat(readings["row"], readings["lon"], readings["lat"])
        own = self._flat(pd.Series(located.index, located.index), located["lon"], located["lat"])
        self.spots = pd.concat([self.readings, own], ignore_index=True)
        self.undecided = self.readings[self.readings["row"].isin(list(proposals.queue.index))]
        held = plain(round_.decisions[round_.decisions["effect"].isin(["applied", "conflict", "stale"])])
        self.standing: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
        for entry in held[held["row"].notna()].to_dict("records"):
            self.standing.setdefault((int(entry["row"]), str(entry["kind"])), []).append(entry)
        self.products = {
            word: code
            for code, product in round_.rules.products.items()
            for word in (product.name, *product.aliases, *(product.noted_aliases or ()))
        }
        self.words = sorted(self.products, key=len, reverse=True)

    def _flat(self, rows: pd.Series, lon: pd.Series, lat: pd.Series) -> pd.DataFrame:
        flat = points_of(lon, lat).to_crs(self.round_.places.measure_crs)
        return pd.DataFrame({"row": rows.to_numpy(), "x": flat.x.to_numpy(), "y": flat.y.to_numpy()})

    def row(self, feature: Mapping[str, Any]) -> dict[str, Any]:
        """Return one row of `match`."""
        made: dict[str, Any] = {name: feature[name] for name in ("file", "name", "kind", "lon", "lat")}
        made |= {"how": "", "several": 0, "sure": False, "standing": [], "reason": "no_record"}
        place = feature["kind"] != "other" and abs(feature["lon"]) <= 180 and abs(feature["lat"]) <= 90
        if not place:
            return made | {"reason": "not_a_place"}
        spot = points_of(pd.Series([feature["lon"]]), pd.Series([feature["lat"]]))
        if feature["kind"] == "plot":
            made["plot_mu"] = plots.mu(feature["geometry"], self.round_.places)
        x, y = shapely.get_coordinates(spot.to_crs(self.round_.places.measure_crs).to_numpy())[0]
        how, labels = self._named(feature, str(self.round_.places.within(spot).iat[0]))
        where = self.spots if how else self.undecided
        where = where[where["row"].isin(labels)] if how else where
        apart = pd.Series(np.hypot(where["x"] - x, where["y"] - y), where.index)
        nearest = apart.idxmin() if len(apart) else None
        if not how and (nearest is None or apart[nearest] > NEAR_M):
            return made
        label = int(where.loc[nearest, "row"]) if nearest is not None else labels[0]
        record = self.records.loc[label]
        town_m = float(self.round_.places.distance_m(spot, pd.Series([record["township_code"]])).iat[0])
        made |= {name: record[name] for name in ("record_id", "township", "subject_name", "product", "area_mu")}
        made |= {"row": label, "how": how or "nearest", "several": len(labels) if how else 0, "reason": ""}
        made |= {
            "apart_m": round(float(apart[nearest])) if nearest is not None else np.nan,
            "township_m": round(town_m, 0),
        }
        made["standing"] = self.standing.get((label, str(feature["kind"])), [])
        made["sure"] = bool(how) and len(labels) == 1 and not town_m > self.round_.places.tolerance_m
        return made

    def _named(self, feature: Mapping[str, Any], inside: str) -> tuple[str, list[int]]:
        """Return how a feature names records, and which: by number, else by subject and what else it says."""
        texts = [str(feature[name]) for name in ("name", "text") if not pd.isna(feature[name])]
        ids = [feature["record_id"]] if not pd.isna(feature["record_id"]) else _ID.findall(" ".join(texts))
        hits = self.records.index[self.records["record_id"].isin(ids)]
        if len(hits):
            return "record_id", [int(label) for label in hits]
        places = self.round_.places
        said = {
            name: "" if pd.isna(feature[name]) else str(feature[name]) for name in ("township", "subject", "product")
        }
        rest = said["subject"] or " ".join(texts)
        mention = places.mentioned([said["township"]], [rest])
        product = next((word for word in self.words if word in (said["product"] or " ".join(texts))), "")
        for word in (places.county["name"], *sorted(places.aliases(), key=len, reverse=True), *self.words):
            if not said["subject"] and (word in self.words or word[-1:] in "镇乡县"):
                rest = rest.replace(word, " ")
        parts = [rest, *_BREAK.split(rest), *(_BREAK.split(" ".join(texts)) if not said["subject"] else [])]
        names = normal_name(pd.Series([part.strip() for part in parts if part.strip()], dtype="str"), places)
        hits = self.records[self.records["subject"].isin(set(names))]
        if product:
            hits = hits[hits["product"] == self.products[product]]
        # Where no township is named, the one that it lies in counts, if the subject is there.
        town = mention[1] if mention else inside if (hits["township_code"] == inside).any() else ""
        if town:
            hits = hits[hits["township_code"] == town]
        return ("name", [int(label) for label in hits.index]) if len(hits) else ("", [])


# ---- the file ----


def _check_xml(content: bytes, file: str, root: str) -> None:
    """Raise unless it is XML of the kind that its name says, without entities or external references."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException, ElementTree

    try:
        top = ElementTree.fromstring(content)
    except DefusedXmlException:
        raise DecisionsError(f"{file}：含有实体定义，可能有害，没有读。") from None
    except (ParseError, ValueError, LookupError):
        raise DecisionsError(f"{file}：不是完整的 {root.upper()} 文件，请重新导出。") from None
    if top.tag.rpartition("}")[2].lower() != root:
        raise DecisionsError(f"{file}：内容不是 {root.upper()}，请核对文件。")


def _check_json(content: bytes, file: str) -> None:
    try:
        top = json.loads(content)
    except (ValueError, RecursionError):
        raise DecisionsError(f"{file}：不是完整的 GeoJSON 文件，请重新导出。") from None
    if not isinstance(top, dict) or top.get("type") not in ("FeatureCollection", "Feature"):
        raise DecisionsError(f"{file}：内容不是 GeoJSON 的要素，请核对文件。")


def _layers(content: bytes, file: str) -> list[gpd.GeoDataFrame]:
    import pyogrio

    try:
        names = [str(name) for name, _ in pyogrio.list_layers(content)]
        gpx = file.lower().endswith(".gpx")
        wanted = [number for number, name in enumerate(names) if not gpx or name in _LAYERS]
        layers = [pyogrio.read_dataframe(content, layer=number, fid_as_index=False) for number in wanted]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise DecisionsError(f"{file}：读不出来（{error}）。") from None
    return [layer if layer.crs is None else layer.to_crs(WGS84) for layer in layers if "geometry" in layer]


def _features(layer: gpd.GeoDataFrame, file: str) -> list[tuple[Any, ...]]:
    columns = {str(name).lower(): name for name in layer.columns if name != "geometry"}
    rows: list[tuple[Any, ...]] = []
    for row in layer.to_dict("records"):
        texts = {key: _text(row[columns[key]]) for key in _TEXTS if key in columns}
        said = {
            name: next((text for key in keys if key in columns and (text := _text(row[columns[key]]))), pd.NA)
            for name, keys in _KEYS.items()
        }
        name = (
            texts.get("name")
            or texts.get("名称")
            or next((said[key] for key in ("subject",) if pd.notna(said[key])), "")
        )
        # A feature without a shape is listed too: nothing is lost.
        about = (file, name or "（无名）", " ".join(filter(None, texts.values())), *said.values())
        rows.extend((*about, shape) for shape in _shapes(row["geometry"]))
    return rows


def _shapes(shape: shapely.Geometry | None) -> list[shapely.Geometry]:
    """Return a feature's shapes without heights: parts of a collection, points apart, a track that closes as a polygon."""
    if shape is None or shape.is_empty:
        return [shapely.Point()]
    flat = shapely.force_2d(shape)
    if flat.geom_type in ("GeometryCollection", "MultiPoint", "MultiLineString"):
        return [one for part in flat.geoms for one in _shapes(part)]
    spots = shapely.get_coordinates(flat)
    if flat.geom_type == "LineString" and len(spots) > 3:
        east, north = (spots[-1] - spots[0]) * (np.cos(np.radians(spots[0][1])), 1.0) * 111_320.0
        if np.hypot(east, north) <= CLOSED_M:
            return [shapely.Polygon(spots)]
    return [flat]


def _metres(value: Any) -> str:
    if pd.isna(value):
        return "—"
    return f"{value / 1000:,.1f} 公里" if value >= 1000 else f"{value:.0f} 米"


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None or pd.isna(value) else str(value)


def _moved(spots: Any, name: str) -> Any:
    return np.column_stack(datums.to_wgs84(spots[:, 0], spots[:, 1], name))
