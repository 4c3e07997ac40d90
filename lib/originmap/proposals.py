"""Proposals: the points of a round that need a person, one after the other, with every reading and its evidence beside them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from originmap import decisions, diagnosis, points
from originmap.rounds import Round
from originmap.subjects import normal_name

ROUND_NAME: Final = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")
QUEUE_COLUMNS: Final = (
    "record_id township_code township subject_name product text lon lat coord_status rules reason source_file source_row"
).split()
SUSPICIOUS: Final = (
    "point_missing point_unreadable point_zero point_far point_decimal_lost point_dms_as_decimal point_outside "
    "point_on_seat point_shared plots_apart decision_stale decision_conflict"
).split()


@dataclass(frozen=True)
class Proposals:
    """What is to be decided about points.

    Attributes
    ----------
    queue
        One row a record whose point needs a person, labelled as in `Round.records`: `QUEUE_COLUMNS`. `rules` are those that
        found it, joined by ``;``, `reason` why no reading can be proposed (``points.undecidable``), NA where the first one can.
    candidates
        Its readings, columns as ``points.COLUMNS`` and `refused`, whether somebody has refused that one.
    datums
        The files' datums as ``diagnosis.diagnose`` gives them, files with a declared or decided one left out.
    """

    queue: pd.DataFrame
    candidates: pd.DataFrame
    datums: pd.DataFrame

    @property
    def left(self) -> int:
        """How many records still need a decision: a reading that was refused, with nothing in its place, does."""
        return len(self.queue)


def of_round(round_: Round, *, earlier: Sequence[Round] = (), township_code: str = "") -> Proposals:
    """Return what is to be decided about the points of a round, or of one township of it.

    Parameters
    ----------
    round_
        The round; rows that are duplicates of others are not asked about.
    earlier
        Earlier rounds, read already: a record's point there, and subjects of files whose datum is settled there, are evidence.
    township_code
        Only this township's rows; all, if empty.
    """
    told = datums(round_, earlier=earlier)
    records = round_.records
    rules = _rules(round_)
    asked = rules.notna() & (records["status"] != "duplicate")
    if township_code:
        asked &= records["township_code"] == township_code
    return _of(round_, records[asked], rules, told, earlier)


def of_record(round_: Round, row: int, told: pd.DataFrame, *, earlier: Sequence[Round] = ()) -> Proposals:
    """Return the same of one record (its label), whether or not its point is doubtful; `told` as `datums` gives it."""
    return _of(round_, round_.records.loc[[row]], _rules(round_), told, earlier)


def _rules(round_: Round) -> pd.Series:
    """Return which rules found each record's point doubtful, joined by ``;``, NA for none."""
    found = round_.findings[(round_.findings["field"] == "point") & round_.findings["rule"].isin(SUSPICIOUS)]
    rules = found.groupby("record_id")["rule"].agg(lambda names: ";".join(sorted(set(names))))
    return round_.records["record_id"].map(rules).astype("str")


def _of(round_: Round, rows: pd.DataFrame, rules: pd.Series, told: pd.DataFrame, earlier: Sequence[Round]) -> Proposals:
    texts = round_.raw["point"][rows.index]
    candidates = points.candidates(
        texts,
        rows["township_code"],
        round_.places,
        margin_degrees=float(round_.rules["places"]["county_margin_degrees"]),
        others=_others(round_, rows),
        earlier=_earlier(rows, earlier),
        suspected=rows["source_file"].map(told.set_index("file")["datum"]),
        settled=rows["source_file"].map(dict(round_.datums)).astype("str"),
    )
    candidates = candidates.assign(refused=_refused(round_, rows, candidates))
    reason = points.undecidable(candidates, texts, round_.places)
    # Where an office's point stands, no reading of it is the plot's.
    borrowed = rules[rows.index].str.contains("point_on_seat|point_shared", na=False)
    reason = reason.mask(borrowed & reason.isna(), "not_own")
    queue = rows.assign(text=texts, rules=rules[rows.index], reason=reason)[QUEUE_COLUMNS]
    order = ["township_code", "source_file", "source_row"]
    return Proposals(pd.DataFrame(queue).sort_values(order), candidates, told)


def datums(round_: Round, *, earlier: Sequence[Round] = ()) -> pd.DataFrame:
    """Return the datum that each file of a round speaks for, columns as ``diagnosis.COLUMNS``; settled files are left out.

    Anchors are the located rows of files whose datum is declared or decided, here and in earlier rounds, and every point that a
    person has decided. Rows that repeat others, or that a slip supersedes, say nothing again.
    """
    settled = []
    for one in (round_, *earlier):
        named = one.records.assign(subject=normal_name(one.records["subject_name"], one.places))
        settled.append(points.anchors(named[named["status"] != "duplicate"], set(one.datums)))
        placed = one.decisions[(one.decisions["effect"] == "applied") & (one.decisions["kind"] == "point")]
        rows = placed["row"].astype("int64").tolist()
        settled.append(pd.DataFrame(named.loc[rows, ["subject", "township_code", "lon", "lat"]]))
    records = round_.records[round_.records["status"] != "duplicate"]
    raw = round_.raw.loc[records.index]
    typed = pd.DataFrame(
        {
            "file": records["source_file"],
            "pool": diagnosis.pools(records),
            "subject": normal_name(records["subject_name"], round_.places),
            "township_code": records["township_code"],
            "lon": raw["lon"],
            "lat": raw["lat"],
        }
    )
    typed = typed[~typed["file"].isin(list(round_.datums))]
    anchors = pd.concat(settled, ignore_index=True).drop_duplicates(ignore_index=True)
    return diagnosis.diagnose(typed, round_.places, anchors=anchors)


def _others(round_: Round, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the settled points of the same subjects in other rows: `row, lon, lat`."""
    records = round_.records[round_.records["status"] != "duplicate"]
    sure = records[records["lon"].notna() & records["coord_status"].isin(["ok", "fixed"])]
    key = ["township_code", "subject_name"]
    pairs = (
        rows[key]
        .assign(row=rows.index)
        .merge(pd.DataFrame(sure[[*key, "lon", "lat"]]).assign(other=sure.index), on=key, how="inner", validate="m:m")
    )
    return pairs.loc[pairs["row"] != pairs["other"], ["row", "lon", "lat"]]


def _earlier(rows: pd.DataFrame, earlier: Sequence[Round]) -> pd.DataFrame:
    """Return the settled points of the same records in earlier rounds: `row, lon, lat`."""
    known = [
        pd.DataFrame(one.records.loc[one.records["coord_status"].isin(["ok", "fixed"]), ["record_id", "lon", "lat"]])
        for one in earlier
    ]
    if not known:
        return pd.DataFrame({"row": [], "lon": [], "lat": []})
    pairs = rows[["record_id"]].assign(row=rows.index)
    return pairs.merge(pd.concat(known), on="record_id", how="inner", validate="m:m")[["row", "lon", "lat"]]


def _refused(round_: Round, rows: pd.DataFrame, candidates: pd.DataFrame) -> pd.Series:
    held = decisions.plain(
        round_.decisions[round_.decisions["holds"] & (round_.decisions["kind"] == "proposal_refused")]
    )
    said = {(target["record_id"], target["reading"]) for target in held["target"]}
    ids = candidates["row"].map(rows["record_id"])
    return pd.Series(
        [(record, reading) in said for record, reading in zip(ids, candidates["reading"], strict=True)],
        index=candidates.index,
        dtype="bool",
    )
