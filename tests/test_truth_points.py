"""The sample's coordinate mistakes against its truth: the true point comes first, or why it cannot be told is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import originmap as om
from originmap import proposals
from originmap.points import METRES_A_DEGREE, precision_m
from originmap.rounds import earlier_rounds

SAMPLE = Path(__file__).resolve().parents[1] / "data/sample/anxi"
ROUNDS = sorted(path.name for path in SAMPLE.iterdir() if path.name[:2] == "20")
TOLD = ("anchors", "cells")
# What the text itself can tell: these must be right, unless nobody can tell the file's datum.
READABLE = ("point_swapped", "point_dms_as_decimal", "point_decimal_lost", "point_far", "point_coarse")


def planted(name: str) -> pd.DataFrame:
    """The rows of a round with a planted mistake of the point: true place, label, and the mistake."""
    truth = pd.read_csv(SAMPLE / "truth/collection.csv", dtype="str")
    rows = truth[(truth["round"] == name) & truth["mistakes"].fillna("").str.contains("point_|plots_apart")]
    found = rows.assign(rule=rows["mistakes"].str.split(";"), row=rows["row"].astype("int64")).explode("rule")
    found = found[found["rule"].str.match("point_|plots_apart")]
    return found.astype({"lon": "float64", "lat": "float64"})


def apart_m(lon, lat, one) -> float:
    east = (lon - one["lon"]) * np.cos(np.radians(one["lat"]))
    return float(np.hypot(east, lat - one["lat"]) * METRES_A_DEGREE)


def verdict(one, round_, made) -> str:
    """How a planted mistake was met: ``settled`` or ``first`` at the true place, ``undecidable`` with its reason, or ``wrong``."""
    records = round_.records
    key = (records["source_file"] == one["file"]) & (records["source_sheet"] == one["sheet"])
    (label,) = records.index[key & (records["source_row"] == one["row"])]
    text = round_.raw["point"][label]
    slack = 1.0 if pd.isna(text) else np.nan_to_num(precision_m(text), nan=60.0) * 1.5 + 1.0
    if label not in made.queue.index:
        row = records.loc[label]
        return "settled" if apart_m(row["lon"], row["lat"], one) <= slack else "wrong"
    if not pd.isna(made.queue["reason"][label]):
        return "undecidable"
    own = made.candidates[made.candidates["row"] == label]
    own = own.assign(off=[apart_m(lon, lat, one) for lon, lat in zip(own["lon"], own["lat"], strict=True)])
    own = own[own["off"] <= own["precision_m"].clip(lower=1.0) * 1.5 + 1.0]
    if len(own) and own["rank"].min() == 1:
        return "first"
    datum = made.datums.set_index("file")["reason"].get(one["file"])
    # The file's datum is hidden: it cannot be told, and that is said of the file.
    return "undecidable" if datum is not None and datum not in TOLD else "wrong"


@pytest.mark.parametrize("name", ROUNDS)
def test_every_planted_point_is_first_or_said_to_be_undecidable(name):
    round_ = om.open_round(SAMPLE / name)
    made = proposals.of_round(round_, earlier=earlier_rounds(round_, count=1))
    rows = planted(name)
    told = rows.assign(verdict=[verdict(one, round_, made) for one in rows.to_dict("records")])
    counts = told.groupby(["rule", "verdict"]).size()
    print(f"\n{name}\n{counts.to_string()}")
    assert told[told["verdict"] == "wrong"][["file", "row", "rule"]].to_numpy().tolist() == []
    readable = told[told["rule"].isin(READABLE)]
    assert len(readable) >= 6
    # The first two thirds cannot be excuses.
    assert readable["verdict"].isin(["first", "settled"]).mean() > 2 / 3
    declared = readable[readable["file"].isin(list(round_.datums))]
    assert set(declared["verdict"]) <= {"first", "settled"}


def test_hidden_datums_are_told_where_they_can_be_and_nowhere_else():
    truth = pd.read_csv(SAMPLE / "truth/datums.csv", dtype="str")
    assert set(truth["decidable"]) == {"yes", "no"}
    for name, hidden in truth.groupby("round"):
        round_ = om.open_round(SAMPLE / name)
        told = proposals.datums(round_, earlier=earlier_rounds(round_, count=1)).set_index("file")["datum"]
        for one in hidden.to_dict("records"):
            assert told[one["file"]] == one["datum"] if one["decidable"] == "yes" else pd.isna(told[one["file"]])
        rest = told[~told.index.isin(hidden["file"])].dropna()
        assert set(rest) <= {"wgs84"}, rest


def test_a_wrong_first_proposal_would_be_seen():
    round_ = om.open_round(SAMPLE / ROUNDS[-1])
    made = proposals.of_round(round_)
    one = next(one for one in planted(ROUNDS[-1]).to_dict("records") if one["rule"] == "point_dms_as_decimal")
    assert verdict(one, round_, made) == "first"
    assert verdict(one | {"lon": one["lon"] + 0.01}, round_, made) == "undecidable"  # nobody vouches for the file
    vouched = replace(round_, datums={one["file"]: "wgs84"})
    settled = proposals.of_round(vouched)
    assert verdict(one, vouched, settled) == "first"
    assert verdict(one | {"lon": one["lon"] + 0.01}, vouched, settled) == "wrong"
