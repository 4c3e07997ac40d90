"""Heard: what a round's files say by themselves, before anybody has decided anything."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from originmap import baseline, composition, ledgers, receipts, records, resubmission
from originmap.cells import Source, table_cells
from originmap.composition import Composed
from originmap.earlier import Earlier
from originmap.judged import registered
from originmap.ledgers import Ledgers
from originmap.places import Places
from originmap.rules import Rules
from originmap.sheets import Inbox, read_inbox


class Heard(NamedTuple):
    """The submissions put in order, and every table but the collection rows.

    `files` are all that lie in the folder, `gone` the files that slips among them stand for; `inbox` has what had arrived. `zero`, `columns`
    and what follows are as in ``rounds.Round``; `findings` are about them, `told_findings` about the receipts.
    """

    files: pd.Series
    gone: tuple[str, ...]
    inbox: Inbox
    composed: Composed
    earlier: Mapping[str, Path]
    receipts: pd.DataFrame
    told_findings: list[pd.DataFrame]
    zero: pd.DataFrame
    columns: pd.DataFrame
    registry: pd.DataFrame
    registry_round: str
    planting_area: pd.DataFrame
    ledgers: Ledgers
    findings: list[pd.DataFrame]


def hear(path: Path, name: str, as_of: datetime, rules: Rules, places: Places) -> Heard:
    """Read a round's folder, and of the earlier rounds what it has no table of, as they had arrived at `as_of`."""
    inbox = read_inbox(path, rules)
    files, gone = (
        inbox.files["file"],
        [each.file for slip in inbox.slips if slip.origin for each in slip.origin.generations],
    )
    earlier = Earlier(path, name, as_of, rules, places)
    told, told_findings = receipts.read(inbox, rules, places, as_of)
    inbox = receipts.without(inbox, receipts.not_yet(told))
    composed = composition.compose(resubmission.settle(inbox), told, rules, places)
    settled = composed.settled
    collection = [table for table in settled.tables if table.kind == "collection"]
    zero, findings = records.zero_reports(collection, rules, places)
    tables, registry_round, note = earlier.nearest("registry", settled.tables)
    # Rows of an earlier round's registry have their cells as well.
    columns = table_cells([*inbox.tables, *(tables if registry_round != name else [])])
    registry, found_there = registered(tables, rules, places, registry_round, composed)
    findings = [*findings, *note, *found_there]
    tables, planting_round, note = earlier.nearest("planting_area", settled.tables)
    planted = Source.of(tables)
    planting = baseline.planting_area(planted, rules, places, planting_round)
    findings += [*note, *planted.findings]
    tables, contacts_round, note = earlier.nearest("contacts", settled.tables)
    listed = ledgers.all_of(settled.tables, tables, contacts_round, rules, places)
    findings += [*note, *listed.findings]
    return Heard(
        files=files,
        gone=tuple(gone),
        inbox=inbox,
        composed=composed,
        earlier=earlier.folders,
        receipts=told,
        told_findings=told_findings,
        zero=zero,
        columns=columns,
        registry=registry,
        registry_round=registry_round,
        planting_area=planting,
        ledgers=listed,
        findings=findings,
    )
