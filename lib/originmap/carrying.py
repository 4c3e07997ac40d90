"""Carrying: what a township said to be unchanged, or only added to, goes on from the nearest earlier round, with its cells.

A carried row keeps the round that it was reported in (`round`) and its file as ``../<round>/<file>``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from originmap.composition import Composed, Key
from originmap.earlier import months_between
from originmap.findings import found
from originmap.judged import Rows
from originmap.places import Places
from originmap.rules import Rules
from originmap.subjects import SCOPE_COLUMNS, in_scope, normal_name
from originmap.vocab import code as word

CARRIED_COLUMNS: Final = ["township_code", "product", "extent", "from_round", "rows"]


@dataclass(frozen=True)
class Carried:
    """What an earlier round gives.

    Attributes
    ----------
    records, raw
        The round's rows with the carried ones below; `in_scope` of the products concerned judged anew.
    findings, columns
        Findings against carried rows (as ``findings.FINDING_COLUMNS``), and their field-to-column map.
    zero
        Township and product of which an earlier zero report goes on.
    summary
        `CARRIED_COLUMNS`: what was carried from where; `from_round` NA where nothing was there.
    notes
        Findings that say so, at the receipt's cell.
    """

    records: gpd.GeoDataFrame
    raw: pd.DataFrame
    findings: pd.DataFrame | None = None
    columns: pd.DataFrame | None = None
    zero: tuple[Key, ...] = ()
    summary: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=CARRIED_COLUMNS))
    notes: tuple[pd.DataFrame, ...] = ()


def carry(live: Rows, composed: Composed, earlier: Iterable[Any], name: str, rules: Rules, places: Places) -> Carried:
    """Lay the rows of a round over those of earlier ones where its receipts say so.

    Parameters
    ----------
    live
        The round's own rows, judged.
    composed
        Its submissions in order.
    earlier
        The rounds before it, opened, the nearest first; no more are taken than needed.
    name
        The round's own name.
    """
    frame, raw = live.frame, live.raw
    open_keys: dict[Key, str] = dict(composed.base)
    if not open_keys:
        return Carried(frame, raw)
    rows, raws, findings, columns, notes = [], [], [], [], []
    zero: list[Key] = []
    summary: list[tuple[object, ...]] = []
    for past in earlier:
        states = {
            (town, product): state
            for town, product, state in past.submissions[["township_code", "product", "state"]].itertuples(index=False)
        }
        here = [key for key in open_keys if states.get(key) in ("reported", "zero")]
        kept = _kept(past, {key: open_keys[key] for key in here}, frame, raw, rules)
        if len(kept):
            rows.append(_marked(past.records.loc[kept], past.name, "source_file"))
            raws.append(past.raw.loc[kept])
            own = past.findings[
                past.findings["record_id"].isin(past.records.loc[kept, "record_id"])
                & (past.findings["record_id"] != "")
            ]
            findings.append(_marked(own, past.name, "file"))
            used = past.columns[past.columns["file"].isin(past.records.loc[kept, "source_file"])]
            columns.append(_marked(used, past.name, "file"))
        for key in here:
            count = int(
                (
                    (past.records.loc[kept, "township_code"] == key[0]) & (past.records.loc[kept, "product"] == key[1])
                ).sum()
            )
            zero += [key] if states[key] == "zero" else []
            summary.append((*key, open_keys[key], past.name, count))
            what = f"{word('extent', open_keys[key])}：{places.names.get(key[0], key[0])}{rules.products[key[1]].name}"
            notes.append(found("rows_carried", _at(composed, key), value=what, proposal=past.name, detail=str(count)))
            del open_keys[key]
        if here and (gap := months_between(past.name, name)):
            at = pd.DataFrame({"file": [""], "sheet": [""], "row": [pd.NA], "cell": [""]})
            notes.append(found("rounds_skipped", at, proposal=past.name, detail=str(gap)))
        if not open_keys:
            break
    for key, extent in open_keys.items():
        what = f"{places.names.get(key[0], key[0])}{rules.products[key[1]].name}"
        notes.append(found("nothing_before", _at(composed, key), value=word("extent", extent), detail=what))
        summary.append((*key, extent, None, 0))
    made = pd.concat([frame, *rows], ignore_index=True).astype({"status": "str"}) if rows else frame
    return Carried(
        _scoped(made, list(composed.base), rules, places) if rows else frame,
        pd.concat([raw, *raws], ignore_index=True),
        pd.concat(findings, ignore_index=True) if findings else None,
        pd.concat(columns, ignore_index=True) if columns else None,
        tuple(zero),
        pd.DataFrame(summary, columns=CARRIED_COLUMNS),
        tuple(notes),
    )


def _kept(past: Any, keys: Mapping[Key, str], frame: pd.DataFrame, raw: pd.DataFrame, rules: Rules) -> pd.Index:
    """Return the rows of an earlier round that go on: of `keys`, not duplicates, and not laid over by a newer row."""
    of = past.records
    here = pd.Series(
        [key in keys for key in zip(of["township_code"], of["product"], strict=True)], index=of.index, dtype=bool
    )
    rest = of[here & of["status"].isin(["accepted", "quarantined"])]
    # A herd has one state: its new month takes the place of the old one.
    herd = (
        rest["product"]
        .map({code: product.kind == "livestock" for code, product in rules.products.items()})
        .astype(bool)
    )
    newer = set(_herds(raw))
    over = rest["record_id"].isin(frame["record_id"]).where(~herd, _herds(past.raw.loc[rest.index]).isin(newer))
    return rest.index[~over.astype(bool)]


def _herds(raw: pd.DataFrame) -> pd.Series:
    """Return what a herd is known by: what its record's id is made of, without the month."""
    return raw["equal_key"].str.rpartition("\x1f")[0].astype("str") if len(raw) else raw["equal_key"]


def _marked(frame: Any, name: str, column: str) -> Any:
    files = frame[column].astype("str")
    return frame.assign(**{column: files.where(files.str.startswith("../"), f"../{name}/" + files)})


def _at(composed: Composed, key: Key) -> pd.DataFrame:
    """Return the place of the receipt that speaks for a township and product."""
    spoken = composed.spoken
    here = spoken[
        (spoken["township_code"] == key[0])
        & (spoken["product"] == key[1])
        & spoken["extent"].isin(["increment", "unchanged"])
    ]
    spots = here[["source_file", "source_sheet", "source_row", "source_cell"]].head(1)
    return spots.set_axis(["file", "sheet", "row", "cell"], axis=1)


def _scoped(frame: gpd.GeoDataFrame, keys: list[Key], rules: Rules, places: Places) -> gpd.GeoDataFrame:
    """Return rows with `in_scope` of `keys` judged anew: old and new rows make one standing total."""
    wanted = set(keys)
    here = [key in wanted for key in zip(frame["township_code"], frame["product"], strict=True)]
    rows = pd.DataFrame(frame.drop(columns="geometry"))[here]
    rows = rows[rows["status"] == "accepted"]
    rows = rows.assign(subject=normal_name(rows["subject_name"], places))
    scope = frame["in_scope"].astype("boolean").copy()
    scope[rows.index] = in_scope(rows[SCOPE_COLUMNS], rules)
    return frame.assign(in_scope=scope)
