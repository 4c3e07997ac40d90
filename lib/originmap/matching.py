"""Matching: which subject of one list is which of another, what speaks for it, and what a person has to say.

Registry and collection, two rounds, a list and the rapid tests or the platform's entries: always two lists of `subjects`, compared within a township and
product. ``same`` is one to one and cautious: equal names that neither phone nor village contradicts, names that differ only by how much of a legal form
or trade is written and share a phone, and what a verdict says. A name nearly the same with the same phone may be the son's, or a second farm of one
boss: that is ``review``, for a person. What is in no pair is unmatched.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from originmap import decisions, texts
from originmap.decisions import DecisionsError, Verdict
from originmap.evidence import Listed, Numbers, listed
from originmap.pairing import BANDS, Said, settle
from originmap.places import Places
from originmap.rules import Rules
from originmap.subjects import normal_name

BY: Final = ("township_code", "product")
PAIR_COLUMNS: Final = ["left", "right", "band", "score", "evidence", "decided"]
VERDICT_COLUMNS: Final = ["township_code", "name_a", "name_b", "same", "state", "id", "who", "section", "at", "why"]


def subjects(rows: pd.DataFrame, places: Places, *, by: Sequence[str] = BY) -> pd.DataFrame:
    """Return the subjects of a list, one row a subject and block: the same whatever the order of the rows.

    Parameters
    ----------
    rows
        Rows of a list with the columns of `by` and `subject_name`; `subject_type, village, contact_name, contact_phone` where it has them.
        Rows without a name or a block are left out, and who must not count (buyers, quarantined rows) is left out by the caller.
    places
        The county, whose names are no part of a subject's.
    by
        What makes a block; rows of different blocks are different subjects.

    Returns
    -------
    The columns of `by`, `subject` (normalised), `subject_name` (as most often written), `subject_type` (most often), `aside` (what stands in brackets at
    the end of that name, normalised), `village`, `phones`, `contacts` (each sorted and joined by ``;``, NA where nobody wrote any), `rows`.
    Sorted by block and subject; index 0…n-1.
    """
    keys = [*by, "subject"]
    frame = rows.assign(subject=normal_name(rows["subject_name"], places))
    frame = frame[(frame[keys].notna().all(axis=1)) & (frame["subject"] != "")]
    groups = frame.groupby(keys, sort=True, observed=True)
    group = groups.ngroup()
    result = frame.loc[~group.duplicated(), keys].assign(group=group[~group.duplicated()])
    result = result.sort_values("group").drop(columns="group").reset_index(drop=True)
    result["subject_name"] = _most_written(frame["subject_name"], group, len(result))
    kinds = frame["subject_type"] if "subject_type" in frame else pd.Series(np.nan, frame.index, dtype="str")
    result["subject_type"] = _most_written(kinds, group, len(result))
    bracket = texts.without(texts.half_width(result["subject_name"]), r"^(?:.*[^()]\(([^()]+)\))?.*$", r"\1")
    result["aside"] = normal_name(bracket, places).where(lambda text: text != "")
    for column, source in (("village", "village"), ("phones", "contact_phone"), ("contacts", "contact_name")):
        values = frame[source] if source in frame else pd.Series(np.nan, frame.index, dtype="str")
        values = normal_name(values, places) if column == "contacts" else texts.half_width(values)
        result[column] = _all_written(values, group, len(result))
    result["rows"] = np.bincount(group, minlength=len(result)) if len(result) else np.zeros(0, np.int64)
    return result


def match(
    left: pd.DataFrame,
    right: pd.DataFrame,
    rules: Rules,
    *,
    verdicts: pd.DataFrame | None = None,
    by: Sequence[str] = BY,
) -> pd.DataFrame:
    """Return the pairs of two lists of `subjects` that are the same subject, or may be.

    Parameters
    ----------
    left, right
        As `subjects` gives them; `aside, village, phones, contacts` may be missing. Their indexes, each unique, are what a pair names.
    rules
        Its ``matching`` section.
    verdicts
        As `decided` gives them; one that people contradict each other about leaves its pair in review.
    by
        What makes a block. Verdicts need `township_code` to be in it.

    Returns
    -------
    Columns `PAIR_COLUMNS`: `left` and `right` (index labels), `band`, `score` (0 to 100), `evidence` (Chinese), `decided` (the decision's id or nothing).
    ``same`` holds every label at most once on either side; ``review`` names only subjects without one, the best few for each; ``different`` are the
    pairs that a verdict tells apart. Sorted by block, names and band. The order of rows changes nothing, and swapping the lists only swaps the columns.

    Raises
    ------
    ValueError
        A subject stands twice in one block, or a column is missing.
    """
    blocks = _blocks(left, right, by)
    one, other = (listed(frame, block, rules) for frame, block in zip((left, right), blocks, strict=True))
    said = _said(one, other, left, right, verdicts)
    pairs = settle(one, other, said, rules)
    at = {name: pairs[name].to_numpy() for name in ("left", "right")}
    rank = pairs["band"].map({name: number for number, name in enumerate(BANDS)})
    order = np.lexsort(
        (other.subject[at["right"]], -pairs["score"], rank, one.subject[at["left"]], one.block[at["left"]])
    )
    pairs = pairs.assign(left=left.index.take(at["left"]), right=right.index.take(at["right"]))
    return pairs.iloc[order].reset_index(drop=True)[PAIR_COLUMNS]


def status(frame: pd.DataFrame, pairs: pd.DataFrame, *, side: str) -> pd.Series:
    """Return for every subject of one side of `match` whether it is ``matched``, in ``review`` or ``unmatched``; aligned to `frame`.

    `side` is ``left`` or ``right``.
    """
    result = pd.Series("unmatched", index=frame.index, dtype="str")
    result[result.index.isin(pairs.loc[pairs["band"] == "review", side])] = "review"
    result[result.index.isin(pairs.loc[pairs["band"] == "same", side])] = "matched"
    return result


def queue(
    left: pd.DataFrame, right: pd.DataFrame, pairs: pd.DataFrame, *, by: Sequence[str] = BY, band: str = "review"
) -> pd.DataFrame:
    """Return the pairs of a band as a person reads them, the likeliest first within each township.

    Columns of `by`, `left, right, left_name, right_name, left_subject, right_subject, left_village, right_village, score, evidence, decided`; no phones, for
    what they say is in the evidence.
    """
    chosen = pairs[pairs["band"] == band]
    ours, theirs = left.loc[chosen["left"]], right.loc[chosen["right"]]
    shown = ours[list(by)].reset_index(drop=True)
    shown["left"], shown["right"] = chosen["left"].to_numpy(), chosen["right"].to_numpy()
    for column, source in (("name", "subject_name"), ("subject", "subject"), ("village", "village")):
        for side, frame in (("left", ours), ("right", theirs)):
            shown[f"{side}_{column}"] = frame[source if source in frame else "subject"].to_numpy()
    for column in ("score", "evidence", "decided"):
        shown[column] = chosen[column].to_numpy()
    order = [*by[:1], "score", *by[1:], "left_subject", "right_subject"]
    return shown.sort_values(order, ascending=[name != "score" for name in order], kind="stable", ignore_index=True)


def verdict(
    township_code: str,
    name_a: str,
    name_b: str,
    *,
    same: bool,
    why: str,
    evidence: str = "",
    round_name: str = "",
    replaces: str = "",
) -> Verdict:
    """Return the decision that two names in a township are, or are not, one subject: whatever the product, list, file and row.

    Parameters
    ----------
    township_code, name_a, name_b
        The names as `subjects` has them in `subject`; their order is no matter. Namesakes are told apart, or joined, by one name given twice.
    same, why
        What is decided, and the reason.
    evidence
        What the pair's evidence said, to be read later.
    round_name, replaces
        The round it was taken in; the id of a decision that this one knowingly replaces.

    Raises
    ------
    DecisionsError
        A name is missing.
    """
    if not township_code or not name_a or not name_b:
        raise DecisionsError("主体匹配的决定须写明乡镇和两个主体名称。")
    pair = sorted([name_a, name_b])
    target = {"township_code": township_code, "pair": pair}
    before = {"evidence": evidence} if evidence else {}
    label = ("＝" if same else "≠").join(pair)
    return Verdict("match", target, {"same": bool(same)}, why, before, round_name, {"label": label}, replaces)


def decided(entries: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts on record that stand, and those that people contradict each other about.

    Columns `VERDICT_COLUMNS`: `name_a` and `name_b` sorted, `same` (bool), `state` ``active`` or ``conflict`` (then one row a contradicting entry, none of
    which is applied). What is undone, replaced or repeated is left out. Sorted by township, names and time.
    """
    told = decisions.state(entries)
    told = decisions.plain(told[(told["kind"] == "match") & told["state"].isin(["active", "conflict"])])
    frame = told[["state", "id", "who", "section", "at", "why"]].copy()
    frame["township_code"] = pd.Series(
        [str(target["township_code"]) for target in told["target"]], index=told.index, dtype="str"
    )
    for number, name in enumerate(("name_a", "name_b")):
        frame[name] = pd.Series(
            [str(target["pair"][number]) for target in told["target"]], index=told.index, dtype="str"
        )
    frame["same"] = pd.Series([bool(after["same"]) for after in told["after"]], index=told.index, dtype="bool")
    return frame[VERDICT_COLUMNS].sort_values(["township_code", "name_a", "name_b", "at", "id"], ignore_index=True)


def _blocks(left: pd.DataFrame, right: pd.DataFrame, by: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Return the number of each row's block, in the order of the blocks' own values; raises ValueError where a subject stands twice."""
    for name, frame in (("left", left), ("right", right)):
        lacking = [column for column in (*by, "subject") if column not in frame]
        if lacking:
            raise ValueError(f"{name} 缺少列 {'、'.join(lacking)}；请先用 matching.subjects 整理。")
        if not frame.index.is_unique or frame.duplicated([*by, "subject"]).any():
            raise ValueError(f"{name} 中同一范围（{'、'.join(by)}）内有重复的主体；请先用 matching.subjects 整理。")
    both = pd.concat([left[list(by)], right[list(by)]], ignore_index=True)
    block = both.groupby(list(by), sort=True, observed=True, dropna=False).ngroup().to_numpy(dtype=np.int64)
    return block[: len(left)], block[len(left) :]


def _said(one: Listed, other: Listed, left: pd.DataFrame, right: pd.DataFrame, verdicts: pd.DataFrame | None) -> Said:
    """Return what verdicts say of pairs of positions: a verdict on two names speaks of either order, in every block of its township."""
    if verdicts is None or not len(verdicts):
        return Said.nothing()
    ours, theirs = (
        pd.DataFrame(
            {
                "township_code": frame["township_code"].to_numpy(),
                "block": side.block,
                f"name_{number}": side.subject,
                f"row_{number}": np.arange(len(frame)),
            }
        )
        for number, (side, frame) in enumerate(((one, left), (other, right)))
    )
    spoken = verdicts[["township_code", "name_a", "name_b", "same", "state", "id"]]
    ways = []
    for here, there in (("name_a", "name_b"), ("name_b", "name_a")):
        hits = spoken.merge(ours, left_on=["township_code", here], right_on=["township_code", "name_0"])
        ways.append(
            hits.merge(theirs, left_on=["township_code", "block", there], right_on=["township_code", "block", "name_1"])
        )
    hits = pd.concat(ways, ignore_index=True)
    table = pd.DataFrame({"code": hits["row_0"] * len(right) + hits["row_1"], "id": hits["id"].to_numpy()})
    table["says"] = np.where(hits["state"] == "active", np.where(hits["same"], 1, -1), 0)
    table = table.sort_values(["code", "id"]).drop_duplicates("code")
    return Said(table["code"].to_numpy(np.int64), table["says"].to_numpy(np.int64), table["id"].to_numpy(dtype=object))


def _most_written(values: pd.Series, group: pd.Series, groups: int) -> pd.Series:
    """Return each group's commonest value, of equally common ones the first in order; NA where there is none."""
    counts = (
        pd.DataFrame({"group": group, "value": values})
        .dropna()
        .groupby(["group", "value"])
        .size()
        .rename("many")
        .reset_index()
    )
    counts = counts.sort_values(["group", "many", "value"], ascending=[True, False, True]).drop_duplicates("group")
    return counts.set_index("group")["value"].reindex(range(groups)).astype("str")


def _all_written(values: pd.Series, group: pd.Series, groups: int) -> pd.Series:
    """Return each group's values in order, joined by ``;``; NA where there is none."""
    pairs = pd.DataFrame({"group": group, "value": values}).dropna()
    several = pairs["value"].str.contains(";", regex=False)
    parts = pairs[several].assign(value=pairs.loc[several, "value"].str.split(";")).explode("value")
    pairs = pd.concat([pairs[~several], parts]).astype({"value": "str"})
    pairs = pairs[pairs["value"] != ""].drop_duplicates().sort_values(["group", "value"])
    lone = ~pairs["group"].duplicated(keep=False)
    joined = pairs[~lone].groupby("group")["value"].agg(";".join)
    return pd.concat([pairs[lone].set_index("group")["value"], joined]).reindex(range(groups)).astype("str")
