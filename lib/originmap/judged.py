"""Judged: a round's collection and registry rows, typed, with what people decided, and what blocks them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from originmap import checks, records, verdicts
from originmap.cells import Source
from originmap.composition import Composed
from originmap.kept import worked_out
from originmap.places import Places
from originmap.rules import Rules
from originmap.sheets import Table


class OnRecord(NamedTuple):
    """What people have said about a round: its files' datums (``{file: datum}``), the county's decisions, which files they can be about.

    `base` is the digest (``kept.digest``) of all that the round is read from but the decisions.
    """

    datums: Mapping[str, str]
    entries: pd.DataFrame
    files: frozenset[str] = frozenset()
    base: str = ""


class Rows(NamedTuple):
    """Collection rows judged, with the findings against them, what stood there, and what decisions did."""

    frame: Any
    findings: list[pd.DataFrame]
    raw: pd.DataFrame
    decisions: pd.DataFrame


def collected(
    tables: Sequence[Table], rules: Rules, places: Places, round_name: str, composed: Composed | None, said: OnRecord
) -> Rows:
    """Return the collection rows of `tables`, typed and judged, with the decisions applied."""

    def read() -> tuple[Source, Any]:
        source = Source.of(tables)
        if composed is not None:
            composed.settled.dispute(source)
            composed.dispute(source)
        frame = records.collection(source, rules, places, round_name, datums=said.datums)
        return source, checks.identified(source, frame, rules, places, round_name)

    # Decisions leave alone what stands in the cells: opened again with others, a round is not read again.
    given = ["collected", round_name, sorted(said.datums.items()), composed is None]
    source, frame = worked_out(read, *given, of=[said.base])
    raw = verdicts.raw_values(source, frame)
    frame, told = verdicts.settle(source, frame, raw, said.entries, rules, datums=said.datums, files=said.files)
    frame = checks.collection(source, frame, rules, places)
    return Rows(frame, against(frame, source), raw, told)


def registered(
    tables: Sequence[Table], rules: Rules, places: Places, round_name: str, composed: Composed | None
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return the registry rows of `tables`, typed and judged, and the findings against them."""
    source = Source.of(tables)
    if composed is not None:
        composed.settled.dispute(source)
        composed.dispute(source)
    frame = checks.registry(source, records.registry(source, rules, places, round_name), rules, places)
    return frame, against(frame, source)


def against(frame: pd.DataFrame, source: Source) -> list[pd.DataFrame]:
    """Return the findings of a source with the ids of their rows."""
    return [part.assign(record_id=frame["record_id"].reindex(part.index)) for part in source.findings]


def as_superseded(old: Any) -> Any:
    """Return rows that slips supersede as duplicates with ids of their own."""
    # The slip's row has the id now; _with_ids has numbered equal ones.
    ids = [hashlib.sha256(f"{text}\x1fsuperseded".encode()).hexdigest()[:16] for text in old["record_id"]]
    old = old.assign(status="duplicate", in_scope=pd.NA, record_id=pd.Series(ids, index=old.index, dtype="str"))
    old["in_scope"] = old["in_scope"].astype("boolean")
    return old


def below(frame: Any, old: Any) -> Any:
    """Return old rows below a frame, numbered on."""
    return pd.concat([frame, old], ignore_index=True).astype({"status": "str"})
