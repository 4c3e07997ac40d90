"""Earlier rounds: the sibling folders of a round's own, read no further back than something is looked for."""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import pandas as pd

from originmap import composition, receipts, resubmission
from originmap.findings import found
from originmap.places import Places
from originmap.rules import Rules
from originmap.sheets import Inbox, Table, read_inbox

ROUND_NAME: Final = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")
_WHAT: Final = {"registry": "附件4名录", "planting_area": "附件5面积表", "contacts": "附件2联系方式"}
SPOKEN: Final = ["township_code", "product", "received_at", "round"]


class Earlier:
    """The rounds before one, the nearest first; each is read at most once, as it had arrived at the moment that is looked at."""

    def __init__(self, folder: Path, name: str, as_of: datetime, rules: Rules, places: Places) -> None:
        """Look into the folder's parent; `name` is the round's own."""
        self._folder, self._name, self._as_of = folder.resolve(), name, as_of
        self._rules, self._places = rules, places
        self._inboxes: dict[str, Inbox] = {}

    @cached_property
    def folders(self) -> dict[str, Path]:
        """``{round: folder}`` of the earlier rounds, the nearest first."""
        siblings = {
            item.name: item
            for item in self._folder.parent.iterdir()
            if ROUND_NAME.fullmatch(item.name) and item.is_dir() and item.name < self._name and item != self._folder
        }
        return dict(sorted(siblings.items(), reverse=True))

    def inbox(self, name: str) -> Inbox:
        """Return what had arrived of an earlier round."""
        if name not in self._inboxes:
            inbox = read_inbox(self.folders[name], self._rules)
            told, _ = receipts.read(inbox, self._rules, self._places, self._as_of)
            self._inboxes[name] = receipts.without(inbox, receipts.not_yet(told))
        return self._inboxes[name]

    def nearest(self, kind: str, own: Sequence[Table]) -> tuple[list[Table], str, list[pd.DataFrame]]:
        """Return the tables of `kind` from `own` or the nearest earlier round, that round's name, and a finding when it is not this."""
        tables = [table for table in own if table.kind == kind]
        if tables:
            return tables, self._name, []
        at = pd.DataFrame({"file": [""], "sheet": [""], "row": [pd.NA], "cell": [""]})
        for name in self.folders:
            inbox = self.inbox(name)
            # A round without such a sheet has no slip of one.
            if kind not in set(inbox.sheets["kind"]) and not any(table.kind == kind for table in inbox.tables):
                continue
            tables = [table for table in resubmission.settle(inbox).tables if table.kind == kind]
            if tables:
                return tables, name, [found("carried_forward", at, detail=f"{_WHAT[kind]}，沿用 {name} 批次的")]
        # Nobody counts by contacts: that there are none is an alert, not a figure that is unknown.
        detail = f"{_WHAT[kind]}，以前的批次也没有，相关数值未知"
        return [], self._name, [found("carried_forward", at, detail=detail)] if kind != "contacts" else []

    def heard(self, name: str) -> pd.DataFrame:
        """Return `SPOKEN`: what an earlier round's submissions spoke of, and when the first of each had arrived, NaT when nobody registered it."""
        inbox = self.inbox(name)
        told, _ = receipts.read(inbox, self._rules, self._places, self._as_of)
        composed = composition.compose(resubmission.settle(inbox), told, self._rules, self._places)
        return receipts.first_heard(composed.spoken, told).assign(round=name)[SPOKEN]


def months_between(earlier: str, later: str) -> int:
    """Return how many months lie between two rounds.

    >>> months_between("2022-11", "2023-03"), months_between("2023-02", "2023-03")
    (3, 0)
    """
    (year, month), (other_year, other_month) = (map(int, name.split("-")) for name in (earlier, later))
    return (other_year - year) * 12 + other_month - month - 1
