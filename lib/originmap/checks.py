"""Checks: every rule runs, and this one place decides what blocks a row and what only marks it."""

import hashlib
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from originmap import peers, sense, texts
from originmap.cells import Source
from originmap.findings import blocking, written
from originmap.places import Places
from originmap.points import plots_apart
from originmap.rules import Rules
from originmap.subjects import SCOPE_COLUMNS, in_scope, normal_name

_WHO = "record_id round township_code township village subject_name subject_type contact_name contact_phone product".split()
_PLOT = "plot_key cropping".split()
_SIZE = "size_value size_unit area_mu head_count base_address".split()
_POINT_MARKET_PEOPLE = (
    "lon lat geometry coord_status market_windows market_from market_to production_mode trace_methods credit_grade "
    "supervisor_name supervisor_phone collector_name collector_phone collected_on"
).split()
_VERDICT = "in_scope status source_file source_sheet source_row".split()
RECORD_COLUMNS = [*_WHO, *_PLOT, *_SIZE, *_POINT_MARKET_PEOPLE, *_VERDICT]
REGISTRY_COLUMNS = [*_WHO, *_SIZE, *_VERDICT]
_SOURCE = ["source_file", "source_sheet", "source_row"]


def identified(
    source: Source, frame: gpd.GeoDataFrame, rules: Rules, places: Places, round_name: str
) -> gpd.GeoDataFrame:
    """Return the collection rows with `subject`, `record_id` and `equal_key`, what each lacks found: decisions apply next."""
    source.find("subject_missing", frame["subject_name"].isna(), "subject_name")
    frame = frame.assign(subject=normal_name(frame["subject_name"], places))
    sense.collection(source, frame, rules, places, round_name)
    peers.collection(source, frame, rules, places)
    return _with_ids(frame, ["plot_key"])


def collection(source: Source, frame: gpd.GeoDataFrame, rules: Rules, places: Places) -> gpd.GeoDataFrame:
    """Return the rows that `identified` gives judged, with `RECORD_COLUMNS`; findings go to `source.findings`."""
    point = source.text("point").fillna(texts.joined([source.text("lon"), source.text("lat")], by=","))
    # Points that await a decision are compared as typed.
    settled = texts.joined([frame["lon"].astype("str"), frame["lat"].astype("str")])
    frame = frame.assign(point_key=point.where(frame["lon"].isna(), settled))
    frame = frame.assign(status=_status(source, frame, ["plot_key", "size_value", "point_key"]))
    _possible_duplicates(source, frame)
    counted = frame["status"] == "accepted"
    frame["in_scope"] = in_scope(frame.loc[counted, SCOPE_COLUMNS], rules).reindex(frame.index)
    below = counted & ~frame["in_scope"].fillna(value=True).astype(bool)
    source.find("below_threshold", below, "size")
    apart = plots_apart(frame, places, farthest_m=float(rules["places"]["plots_apart_m"]))
    # A point that somebody has settled, as typed or not, is not asked about again.
    settled_rows = [part.index[part["field"] == "point"] for part in source.findings if _is(part, "decided")]
    apart = apart.mask(apart.index.isin([row for rows in settled_rows for row in rows]))
    shown = written(apart.dropna() / 1000, "{:.1f} 公里").reindex(frame.index)
    source.find("plots_apart", apart.notna(), "point", value=point.fillna(""), detail=shown)
    return gpd.GeoDataFrame(frame[RECORD_COLUMNS], geometry="geometry", crs=frame.crs)


def registry(source: Source, frame: pd.DataFrame, rules: Rules, places: Places) -> pd.DataFrame:
    """Return the registry judged, with `REGISTRY_COLUMNS`; a row without a size is kept and counted beside."""
    source.find("subject_missing", frame["subject_name"].isna(), "subject_name")
    sense.registry(source, frame, rules, places)
    # A registry holds the small ones of every type.
    peers.sizes(source, frame, rules, by_type=False)
    frame = frame.assign(subject=normal_name(frame["subject_name"], places), plot_key="", cropping=pd.NA)
    frame = frame.assign(collected_on=pd.Series(pd.NA, index=frame.index, dtype="str"))
    frame = _with_ids(frame, ["base_address"])
    usable = {"size_missing", "size_unreadable", "size_unit_mismatch"}
    frame = frame.assign(status=_status(source, frame, ["base_address", "size_value"], usable=usable))
    counted = frame["status"] == "accepted"
    frame["in_scope"] = in_scope(frame.loc[counted, SCOPE_COLUMNS], rules).reindex(frame.index)
    return frame[REGISTRY_COLUMNS]


def _is(part: pd.DataFrame, rule: str) -> bool:
    return bool(len(part)) and part["rule"].iat[0] == rule


def _month(frame: pd.DataFrame) -> pd.Series:
    """Return what tells one subject's rows on one plot apart: a crop's cropping, a herd's month."""
    month = frame["collected_on"].str[:7].fillna(frame["round"])
    return frame["cropping"].fillna("").where(frame["size_unit"] == "mu", month)


def _content(frame: pd.DataFrame) -> pd.Series:
    """Return each row's whole content as one text, its place in the files left out."""
    return _joined(frame, [name for name in frame.columns if name not in (*_SOURCE, "geometry", "record_id")])


def _joined(frame: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """Return the columns of each row as one text, NA as nothing."""
    return texts.joined([frame[name].astype("str") for name in names])


def _with_ids(frame: pd.DataFrame, plot: list[str]) -> pd.DataFrame:
    """Add `record_id`: township, subject, product, plot, cropping or month, and an ordinal among equals by content.

    Never a file, sheet or row, so a record keeps its id when files are renamed or rows reordered.
    """
    parts = ["township_code", "subject", "product", *plot]
    key = texts.joined([*(frame[name] for name in parts), _month(frame)])
    ordinal = pd.Series(0, index=frame.index)
    equal = key.duplicated(keep=False)
    if equal.any():
        content = _content(frame[equal])
        ordered = pd.DataFrame({"key": key[equal], "content": content}).sort_values(["key", "content"], kind="stable")
        ordinal.update(ordered.groupby("key").cumcount())
    whole = texts.arrow(texts.joined([key, ordinal.astype("str")])).to_pylist()
    ids = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in whole]
    return frame.assign(record_id=pd.Series(ids, index=frame.index, dtype="str"), equal_key=key)


def _status(source: Source, frame: pd.DataFrame, same: list[str], usable: set[str] | None = None) -> pd.Series:
    """Decide each row's status: blocked rows are quarantined, then all but one of equal rows are duplicates."""
    blocks = set(blocking()) - (usable or set())
    blocked = [part.index for part in source.findings if len(part) and part["rule"].iat[0] in blocks]
    waits = pd.Series(data=False, index=frame.index)
    for index in blocked:
        waits[index] = True
    status = pd.Series(np.where(waits, "quarantined", "accepted"), index=frame.index, dtype="str")
    buyer = pd.Series(np.where(frame["subject_type"] == "buyer", "buyer", ""), index=frame.index, dtype="str")
    key = texts.joined([_joined(frame, ["township_code", "subject", "product", *same]), buyer, _month(frame)])
    equal = key[~waits].duplicated(keep=False)
    equal = equal.index[equal]
    if not len(equal):
        return status
    rest, key = frame.loc[equal], key[equal]
    order = pd.DataFrame({"key": key, "content": _content(rest), **{name: rest[name] for name in _SOURCE}})
    # Of equal rows the one that says most is kept.
    order = order.assign(blank=rest.isna().sum(axis=1)).sort_values(["key", "blank", "content", *_SOURCE])
    again = order["key"].duplicated()
    status[again.index[again]] = "duplicate"
    first = order.groupby("key").head(1).set_index("key")
    spot = first["source_file"] + "〔" + first["source_sheet"] + "〕第 " + first["source_row"].astype("str") + " 行"
    detail = order["key"].map(spot).reindex(frame.index).fillna("")
    source.find("duplicate_row", status == "duplicate", "subject_name", detail=detail)
    return status


def _possible_duplicates(source: Source, frame: pd.DataFrame) -> None:
    """Mark accepted rows of one subject, product, plot and cropping that differ in size or point."""
    rest = frame[frame["status"] == "accepted"]
    key = texts.joined([*(rest[name] for name in ("township_code", "subject", "product", "plot_key")), _month(rest)])
    same = key.duplicated(keep=False)
    if not same.any():
        return
    spot = (rest["source_sheet"] + "第" + rest["source_row"].astype("str") + "行")[same]
    groups = spot.groupby(key[same]).agg("、".join)
    detail = key.map(groups).reindex(frame.index).fillna("")
    source.find("possible_duplicate", same.reindex(frame.index, fill_value=False), "size", detail=detail)
