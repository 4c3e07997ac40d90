"""Rapid tests as the map shows them: one sample one fate, where it was taken as far as anybody can tell, and marks that grey print tells apart.

A sample stands where its subject's record of the same product does, else where another record of that subject does. A sample whose subject is
not on the map is counted at the township's seat, and listed with the reason.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from originmap.board import Board
from originmap.maps import DECIMALS, GeoJson
from originmap.places import Places
from originmap.selection import Selection
from originmap.subjects import normal_name

SAMPLE_COLUMNS: Final = (
    "township_code township subject_name subject sample_id product sampled_on item result cell".split()
)
MOST_MARKS: Final = 400  # more of them, and each township's are one mark at its seat
# Frames about a point, so that neither hides the other: passed a square, failed a triangle, without a result a diamond.
_FRAMES: Final[Mapping[str, Sequence[tuple[float, float]]]] = {
    "pass": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "fail": ((-1.45, -1.0), (1.45, -1.0), (0, 1.7)),
    "unknown": ((0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)),
}
FRAME_PX: Final = 8.5
STYLES: Final[Mapping[str, Mapping[str, object]]] = {
    "pass": {"color": "#1B7837", "weight": 1.8, "fill": False},
    "fail": {"color": "#7F0A1F", "weight": 4, "fill": False},
    "unknown": {"color": "#5A5A5A", "weight": 2, "fill": False, "dashArray": "3 3"},
}
_TOWN_FILL: Final = {"fill": True, "fillColor": "#FFFFFF", "fillOpacity": 0.85}


def samples(tests: pd.DataFrame, places: Places) -> pd.DataFrame:
    """Return one row a sample of ``Round.rapid_tests``, columns `SAMPLE_COLUMNS`, in the order of the ledger.

    Rows of one sample number, township, subject and product are one sample: failed when any item failed, passed when one passed and none
    failed, else NA. A row without a number is a sample of its own. `item` lists its items with their results, `subject` is the name for
    comparison, `cell` where its first result stands.
    """
    if tests.empty:
        return pd.DataFrame(columns=SAMPLE_COLUMNS, dtype="str")
    rows = tests.reset_index(drop=True)
    rows["subject"] = normal_name(rows["subject_name"], places)
    own = pd.Series(rows.index.astype("str"), index=rows.index).radd("\x1f")
    rows["key"] = rows["sample_id"].fillna(own)
    rows["cell"] = rows["source_file"] + "〔" + rows["source_sheet"] + "〕" + rows["source_cell"]
    by = rows.groupby(["key", "township_code", "subject", "product"], sort=False, dropna=False)
    frame = by[["township", "subject_name", "sample_id", "sampled_on", "cell"]].first()
    frame["item"] = by["item"].agg(lambda items: "、".join(dict.fromkeys(items.dropna())))
    failed, passed = (by["result"].agg(lambda result, want=want: (result == want).any()) for want in ("fail", "pass"))
    frame["result"] = pd.Series(pd.NA, index=frame.index, dtype="str").mask(passed, "pass").mask(failed, "fail")
    return frame.reset_index()[SAMPLE_COLUMNS]


def placed(tests: pd.DataFrame, board: Board) -> pd.DataFrame:
    """Return `samples` with `where` (subject, township, nowhere), `lon, lat` (WGS84, NaN nowhere), `row` (of the board, −1) and `why` not at the subject.

    `why`: ``no_subject`` (no record of that name in the township), ``no_point`` (its records have no settled point), ``no_township``.
    """
    records = board.records
    name = normal_name(records["subject_name"], board.places)
    frame = pd.DataFrame({"township_code": records["township_code"], "subject": name, "product": records["product"]})
    frame = frame.reset_index(drop=True).assign(row=np.arange(len(records)))
    frame = frame[
        (records["status"] == "accepted").to_numpy() & frame["subject"].notna() & frame["township_code"].notna()
    ]
    there = frame[board.located[frame["row"]]]
    found = tests.reset_index(drop=True)
    for keys, column in ((["township_code", "subject", "product"], "same"), (["township_code", "subject"], "other")):
        first = there.drop_duplicates(keys)[[*keys, "row"]].rename(columns={"row": column})
        found = found.merge(first, on=keys, how="left", validate="m:1")
    known = found[["township_code", "subject"]].merge(
        frame[["township_code", "subject"]].drop_duplicates().assign(met=True), how="left", validate="m:1"
    )
    row = found["same"].fillna(found["other"])
    at = row.notna()
    found["row"] = row.fillna(-1).astype("int64")
    town = found["township_code"].isin(list(board.places.names))
    seats = board.places.townships.set_index("township_code")
    for name_, values in (("lon", board.lon), ("lat", board.lat)):
        seat = found["township_code"].map(seats[f"seat_{name_}"])
        found[name_] = np.where(at, values[found["row"].to_numpy()] if len(values) else np.nan, seat)
    found["where"] = np.select([at, town], ["subject", "township"], "nowhere")
    missing = np.where(known["met"].eq(True).to_numpy(), "no_point", "no_subject")
    found["why"] = np.where(at, "", np.where(town, missing, "no_township"))
    return found.drop(columns=["same", "other"])


def chosen(found: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """Return the samples of the selection's products and townships; its other filters are about records."""
    keep = pd.Series(data=True, index=found.index)
    for wanted, column in ((selection.products, "product"), (selection.townships, "township_code")):
        if wanted:
            keep &= found[column].isin(wanted)
    return found[keep]


def fate(results: pd.Series) -> str:
    """Return what several samples come to: any failed, else any passed, else unknown."""
    return "fail" if (results == "fail").any() else "pass" if (results == "pass").any() else "unknown"


def marks(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row a mark: `key, where, lon, lat, result, samples, failed`, failed ones last so that they are on top.

    Samples of one subject at one place are one mark; those at a seat one a township. Beyond `MOST_MARKS` every township is one.
    """
    on_map = found[found["where"] != "nowhere"].copy()
    columns = ["key", "where", "lon", "lat", "result", "samples", "failed"]
    if on_map.empty:
        return pd.DataFrame(columns=columns)
    on_map["key"] = np.where(
        on_map["where"] == "subject", "r" + on_map["row"].astype("str"), "t" + on_map["township_code"]
    )
    if on_map["key"].nunique() > MOST_MARKS:
        on_map["key"], on_map["where"] = "t" + on_map["township_code"], "township"
        on_map[["lon", "lat"]] = on_map.groupby("key")[["lon", "lat"]].transform("mean")
    by = on_map.groupby("key", sort=True)
    made = by[["where", "lon", "lat"]].first()
    made["result"], made["samples"] = by["result"].agg(fate), by.size()
    made["failed"] = by["result"].agg(lambda result: int((result == "fail").sum()))
    order = made["result"].map({"unknown": 0, "pass": 1, "fail": 2}).sort_values(kind="stable").index
    return made.loc[order].reset_index()[columns]


def features(made: pd.DataFrame, zoom: float) -> GeoJson:
    """Return `marks` as GeoJSON: frames of one size on the screen at Leaflet's `zoom`; open about a subject's point, filled at a seat.

    A mark is two features, a white line and the coloured one on it: it must be seen on any shading.

    Properties: `key, result, samples, failed` and the style. Names are not in it: a click looks them up.
    """
    out = []
    for row in made.to_dict("records"):
        degrees = FRAME_PX * 360 / (256 * 2.0**zoom)
        across, up = degrees, degrees * math.cos(math.radians(row["lat"]))
        ring = [
            [round(row["lon"] + x * across, DECIMALS), round(row["lat"] + y * up, DECIMALS)]
            for x, y in _FRAMES[row["result"]]
        ]
        style = {**STYLES[row["result"]], **(_TOWN_FILL if row["where"] == "township" else {})}
        own: dict[str, Any] = {name: row[name] for name in ("key", "result", "samples", "failed")}
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        halo = {"color": "#FFFFFF", "weight": float(str(style["weight"])) + 3, "fill": False}
        out += [
            {"type": "Feature", "geometry": geometry, "properties": {**own, "style": line}} for line in (halo, style)
        ]
    return {"type": "FeatureCollection", "features": out}


def of_mark(found: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return the samples behind a mark."""
    on_map = found[found["where"] != "nowhere"]
    if key.startswith("r"):
        return on_map[on_map["row"].astype("str") == key[1:]]
    whole = len(set(on_map["row"]) - {-1}) + on_map["township_code"].nunique() > MOST_MARKS
    here = on_map[on_map["township_code"] == key[1:]]
    return here if whole else here[here["where"] == "township"]
