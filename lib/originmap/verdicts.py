"""Verdicts: what the decisions on record change in a round, with what stood there kept beside it.

A decision about a row finds it by `record_id`, which no file or sheet enters, so it outlives a resubmission; among rows that share everything in the
id, the one whose other content is the same is meant. It holds for the text that it was taken on: where a township has since written something
else, that is new information and the decision waits (``stale``). Nothing is applied where people contradict each other (``conflict``) or
the row is gone (``orphaned``).
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from originmap import decisions, notation, plots, texts
from originmap.cells import Source
from originmap.datum import DATUMS
from originmap.decisions import DecisionsError, Verdict
from originmap.findings import found
from originmap.places import Places, points_of
from originmap.placing import point_text
from originmap.rules import Rules

RAW_COLUMNS: Final = ["record_id", "equal_key", "point", "size", "lon", "lat", "coord_status", "size_value"]
EFFECTS: Final = ("applied", "stale", "orphaned", "conflict", "")
_FIELDS: Final = {"point": "point", "size": "size", "plot": "size"}
# What tells rows apart that agree in everything their id is made of.
_CONTENT: Final = (
    "village subject_type contact_name contact_phone base_address market_windows production_mode trace_methods credit_grade "
    "supervisor_name supervisor_phone collector_name collector_phone collected_on"
).split()


def raw_values(source: Source, frame: pd.DataFrame) -> pd.DataFrame:
    """Return what stood in the cells, and what was read from it before any decision: `RAW_COLUMNS`, aligned to `frame`."""
    raw = frame[["record_id", "equal_key", "lon", "lat", "coord_status", "size_value"]]
    return raw.assign(point=point_text(source), size=source.text("size"))[RAW_COLUMNS]


def about(
    records: pd.DataFrame, raw: pd.DataFrame, record_id: str, kind: str
) -> tuple[dict[str, str], dict[str, Any], dict[str, str]]:
    """Return the target, what stood there and the hints of a decision of `kind` (point, size, plot) about one record.

    Raises
    ------
    DecisionsError
        There is no such record.
    """
    rows = raw.index[raw["record_id"] == record_id]
    if not len(rows):
        msg = f"本批次没有编号为 {record_id} 的记录。"
        raise DecisionsError(msg)
    row, said = records.loc[rows[0]], raw.loc[rows[0]]
    before = {"text": _plain(said[_FIELDS[kind]])}
    names = ("lon", "lat", "coord_status") if kind == "point" else ("size_value",)
    before |= {name: _plain(said[name]) for name in names}
    hint = {
        "key": _hash(str(said["equal_key"])),
        "content": _contents(records.loc[rows[:1]], raw.loc[rows[:1]])[0],
        "label": " ".join(str(row[name]) for name in ("township", "subject_name", "product") if pd.notna(row[name])),
    }
    return {"record_id": record_id}, before, hint


def point_verdict(
    records: pd.DataFrame,
    raw: pd.DataFrame,
    record_id: str,
    lon: float,
    lat: float,
    *,
    why: str,
    how: str = "entered",
    replaces: str = "",
) -> Verdict:
    """Return the decision that a record's point is at `lon, lat` (WGS84 degrees); `how`: a reading's name, ``drag``, ``entered``, ``plot``, ``survey``."""
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        msg = f"坐标 {lon},{lat} 不是经纬度（先经度，后纬度）。"
        raise DecisionsError(msg)
    target, before, hint = about(records, raw, record_id, "point")
    after = {"lon": round(float(lon), 6), "lat": round(float(lat), 6), "how": how}
    round_name = str(records["round"].iat[0])
    return Verdict("point", target, after, why, before, round_name, hint, replaces)


def size_verdict(
    records: pd.DataFrame, raw: pd.DataFrame, record_id: str, value: float, unit: str, *, why: str, replaces: str = ""
) -> Verdict:
    """Return the decision that a record's size is `value`, in its product's `unit` (mu, head, bird)."""
    if not (np.isfinite(value) and value > 0) or unit not in ("mu", "head", "bird"):
        msg = f"规模 {value!r} {unit!r} 应为正数，单位为 mu、head 或 bird。"
        raise DecisionsError(msg)
    target, before, hint = about(records, raw, record_id, "size")
    after = {"value": round(float(value), 2), "unit": unit}
    return Verdict("size", target, after, why, before, str(records["round"].iat[0]), hint, replaces)


def plot_verdict(
    records: pd.DataFrame,
    raw: pd.DataFrame,
    record_id: str,
    geometry: Mapping[str, Any],
    places: Places,
    *,
    why: str,
    how: str = "drawn",
    replaces: str = "",
) -> Verdict:
    """Return the decision that a record's plot has an outline (GeoJSON, WGS84); `how` is ``drawn`` or ``survey``; raises as `plots.outline`."""
    shape, area = plots.outline(geometry, places)
    target, before, hint = about(records, raw, record_id, "plot")
    after = {"geometry": shape, "area_mu": area, "how": how}
    return Verdict("plot", target, after, why, before, str(records["round"].iat[0]), hint, replaces)


def datum_verdict(round_name: str, file: str, name: str, *, why: str, before: str = "", replaces: str = "") -> Verdict:
    """Return the decision that the points of a round's file are in a datum, one of ``datum.DATUMS``."""
    if name not in DATUMS:
        msg = f"坐标系 {name!r} 不认识；可写：{'、'.join(DATUMS)}。"
        raise DecisionsError(msg)
    return Verdict(
        "datum",
        {"round": round_name, "file": file},
        {"datum": name},
        why,
        {"datum": before},
        round_name,
        {"label": file},
        replaces,
    )


def datums(
    declared: Mapping[str, str],
    entries: pd.DataFrame,
    round_name: str,
    *,
    originals: Mapping[str, Sequence[str]] | None = None,
    files: Collection[str] | None = None,
) -> tuple[dict[str, str], list[pd.DataFrame]]:
    """Return ``{file: datum}`` as declared and decided, and a finding for each file in another datum than WGS84, or in dispute.

    Where a decision contradicts the declaration in ``round.toml`` the declaration holds: it lies beside the files for all to see. A slip
    that nobody has spoken of is in the datum of what it descends from: `originals`, ``{slip: files, the nearest first}``. What is said of
    a file that is not among `files` (all, if None) tells the datum of its slips and is otherwise left out.
    """
    decided = {}
    held = decisions.holding(entries, "datum")
    for target, after, who in zip(held["target"], held["after"], held["who"], strict=True):
        if target["round"] == round_name:
            decided[str(target["file"])] = (str(after["datum"]), str(who))
    kept = {file: name for file, (name, _) in decided.items()} | dict(declared)
    spoken_of = {file: file for file in kept}
    for slip, descent in (originals or {}).items():
        known = [file for file in descent if file in kept]
        if known and slip not in kept:
            spoken_of[slip] = known[0]
    kept = {file: kept[origin] for file, origin in spoken_of.items() if files is None or file in files}
    findings = []
    for file, name in sorted(kept.items()):
        at = pd.DataFrame({"file": [file], "sheet": [""], "row": [pd.NA], "cell": [""]})
        if name in ("gcj02", "bd09"):
            origin = spoken_of[file]
            by = "round.toml" if origin in declared else decided[origin][1]
            findings.append(found("datum_declared", at, field="point", proposal=_SHOWN[name], detail=by))
        if file in declared and file in decided and decided[file][0] != name:
            said = f"{decided[file][1]}定为 {_SHOWN[decided[file][0]]}，round.toml 写 {_SHOWN[name]}"
            findings.append(found("decision_conflict", at, field="point", detail=said))
    return kept, findings


_SHOWN: Final = {"wgs84": "WGS84", "cgcs2000": "CGCS2000", "gcj02": "GCJ-02", "bd09": "BD-09"}


def settle(
    source: Source,
    frame: gpd.GeoDataFrame,
    raw: pd.DataFrame,
    entries: pd.DataFrame,
    rules: Rules,
    *,
    datums: Mapping[str, str] | None = None,
    files: Collection[str] = (),
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Return the rows with the decisions applied, and every decision with what it does here.

    Parameters
    ----------
    source
        The rows' cells; findings that a decision answers are taken out, a ``decided`` one is added with who and why.
    frame, raw
        Typed rows with `record_id` and `equal_key`, and `raw_values` of them.
    entries
        The store's entries.
    rules
        For each product's unit, and how far a plot's area may be off.
    datums
        The datums that hold, ``{file: datum}``.
    files
        The files that a decision on a datum can be about: those of the round, and those that its slips were made from.

    Returns
    -------
    The rows, a decided point with `coord_status` ok; and `decisions.state` with `row` (the record's label, NA for none) and `effect`, one of `EFFECTS`
    (empty for what holds no longer, for other kinds, and for rows of other rounds).
    """
    told = decisions.state(entries)
    plain = decisions.plain(told)
    name = str(frame["round"].iat[0]) if len(frame) else ""
    rows, effects = [], []
    units = {code: product.unit for code, product in rules.products.items()}
    for entry in plain.to_dict("records"):
        row, effect = None, ""
        if entry["kind"] in _FIELDS and entry["state"] in ("active", "conflict"):
            row = _row(entry, frame, raw)
            if row is None:
                effect = "orphaned" if entry["round"] in ("", name) else ""
            elif entry["state"] == "conflict":
                effect = "conflict"
            elif entry["kind"] == "plot":
                effect = "applied"  # the ground is where it is, whatever the sheet says of its size
            elif not _same(entry["before"].get("text"), raw.loc[row, _FIELDS[entry["kind"]]]) or (
                entry["kind"] == "size" and units.get(str(frame.loc[row, "product"])) != entry["after"]["unit"]
            ):
                effect = "stale"
            else:
                effect = "applied"
        elif entry["kind"] == "datum" and entry["state"] in ("active", "conflict") and entry["target"]["round"] == name:
            effect = _datum_effect(entry, datums or {}, files)
        rows.append(row)
        effects.append(effect)
    told = told.assign(row=pd.array(rows, dtype="Int64"), effect=pd.Series(effects, index=told.index, dtype="str"))
    done = plain.assign(row=told["row"], effect=told["effect"])
    for kind, write in (("point", _write_points), ("size", _write_sizes), ("plot", None)):
        ours = done[(done["kind"] == kind) & done["row"].notna()]
        applied = ours[ours["effect"] == "applied"]
        if len(applied):
            if write is not None:
                _answered(source, kind, applied["row"].astype("int64").tolist())
                frame = write(frame, applied)
            _say(source, "decided", kind, applied, raw, [_shown(entry) for entry in applied["after"]])
        stale = ours[ours["effect"] == "stale"]
        _say(source, "decision_stale", kind, stale, raw, [_shown(entry) for entry in stale["after"]])
        clash = ours[ours["effect"] == "conflict"]
        _say(source, "decision_conflict", kind, clash, raw, [_shown(entry) for entry in clash["after"]])
    _plots_differ(source, plots.of(frame, told), frame, told, rules)
    return frame, told


def _datum_effect(entry: Mapping[str, Any], datums: Mapping[str, str], files: Collection[str]) -> str:
    file = entry["target"]["file"]
    if file not in files:
        return "orphaned"
    if entry["state"] == "conflict":
        return "conflict"
    # Where round.toml says otherwise, that holds; a removed original speaks through its slip.
    return "applied" if datums.get(file, entry["after"]["datum"]) == entry["after"]["datum"] else "conflict"


def _plots_differ(source: Source, drawn: pd.DataFrame, frame: pd.DataFrame, told: pd.DataFrame, rules: Rules) -> None:
    """Find crops whose drawn plot is far from the size reported for it."""
    share = float(rules["places"]["plot_area_share"])
    off = drawn[drawn["difference_mu"].abs() > (drawn["area_mu"] * share).clip(lower=plots.LEAST_MU)]
    rows = told.set_index("id")["row"]
    for plot in off.to_dict("records"):
        mask = pd.Series(frame.index == rows[plot["id"]], index=frame.index)
        detail = f"{plot['difference_mu']:+g} 亩"
        source.find("plot_area_differs", mask, "size", proposal=f"{plot['plot_mu']:g} 亩", detail=detail)


def side_by_side(records: pd.DataFrame, raw: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Return what stood and what holds for every decided value: one row a decision that is applied.

    Columns `record_id, township, subject_name, product, kind, text` (as typed), `raw_lon, raw_lat, raw_size` (as read), `lon, lat, size_value` (as
    decided), `who, section, at, why, id`.
    """
    applied = told[(told["effect"] == "applied") & told["kind"].isin(["point", "size"])]
    rows = applied["row"].astype("int64").to_numpy()
    now, was = records.loc[rows].reset_index(drop=True), raw.loc[rows].reset_index(drop=True)
    frame = now[["record_id", "township", "subject_name", "product"]].assign(kind=applied["kind"].to_numpy())
    frame["text"] = was["point"].where(frame["kind"] == "point", was["size"])
    frame["raw_lon"], frame["raw_lat"], frame["raw_size"] = was["lon"], was["lat"], was["size_value"]
    for column in ("lon", "lat", "size_value"):
        frame[column] = now[column]
    for column in ("who", "section", "at", "why", "id"):
        frame[column] = applied[column].to_numpy()
    return pd.DataFrame(frame)


def _row(entry: Mapping[str, Any], frame: pd.DataFrame, raw: pd.DataFrame) -> int | None:
    """Return the row that a decision is about, None when there is none or it cannot be told from its equals."""
    hint = entry["hint"]
    rows = raw.index[raw["record_id"] == entry["target"]["record_id"]]
    if len(rows):
        key = raw.loc[rows[0], "equal_key"]
        equals = raw.index[raw["equal_key"] == key]
    else:
        # The id is gone; its equals may be there still, one fewer.
        hashed = np.array([_hash(key) == hint.get("key") for key in raw["equal_key"]], dtype=bool)
        equals = raw.index[hashed]
    if len(equals) == 1 and len(rows):
        return int(equals[0])
    contents = _contents(frame.loc[equals], raw.loc[equals])
    same = [int(row) for row, content in zip(equals, contents, strict=True) if content == hint.get("content")]
    return same[0] if same else None


def _contents(frame: pd.DataFrame, raw: pd.DataFrame) -> list[str]:
    """Return a hash of each row's other content, with its point and size as typed: no decision changes it."""
    parts = [frame[name].astype("str") for name in _CONTENT] + [raw["point"].astype("str"), raw["size"].astype("str")]
    return [_hash(text) for text in texts.joined(parts)]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return float(value) if isinstance(value, (float, np.floating)) else str(value)


def _same(before: object, now: object) -> bool:
    """Tell whether a cell still says what it said: widths, spaces and commas aside."""
    first, second = ("" if text is None or pd.isna(text) else notation.narrow(str(text)) for text in (before, now))
    return first == second


def _shown(after: Mapping[str, Any]) -> str:
    if "area_mu" in after:
        return f"地块 {after['area_mu']:g} 亩"
    return f"{after['lon']:.6f},{after['lat']:.6f}" if "lon" in after else f"{after['value']:g}"


def _write_points(frame: gpd.GeoDataFrame, applied: pd.DataFrame) -> gpd.GeoDataFrame:
    rows = applied["row"].astype("int64").tolist()
    changed = frame.copy()
    changed.loc[rows, "lon"] = [after["lon"] for after in applied["after"]]
    changed.loc[rows, "lat"] = [after["lat"] for after in applied["after"]]
    changed.loc[rows, "coord_status"] = "ok"
    return changed.set_geometry(points_of(changed["lon"], changed["lat"]))


def _write_sizes(frame: gpd.GeoDataFrame, applied: pd.DataFrame) -> gpd.GeoDataFrame:
    changed = frame.copy()
    for row, after in zip(applied["row"].astype("int64"), applied["after"], strict=True):
        changed.loc[row, ["size_value", "size_unit"]] = [after["value"], after["unit"]]
        changed.loc[row, "area_mu" if after["unit"] == "mu" else "head_count"] = after["value"]
    return changed


def _answered(source: Source, kind: str, rows: list[int]) -> None:
    """Take out the findings that a decision answers: those of its field at its rows."""
    source.findings[:] = [
        part[~(part.index.isin(rows) & (part["field"] == kind))] if len(part) else part for part in source.findings
    ]


def _say(source: Source, rule: str, kind: str, entries: pd.DataFrame, raw: pd.DataFrame, shown: list[str]) -> None:
    """Add a finding of `rule` for each entry, at its row's cell: what stood there, what was decided, by whom and why."""
    for (_, entry), text in zip(entries.iterrows(), shown, strict=True):
        row = int(entry["row"])
        mask = pd.Series(raw.index == row, index=raw.index)
        said = raw.loc[row, _FIELDS[kind]]
        detail = f"{entry['who']}（{entry['section']}）{str(entry['at'])[:10]}：{entry['why']}"
        source.find(rule, mask, _FIELDS[kind], value="" if pd.isna(said) else str(said), proposal=text, detail=detail)
