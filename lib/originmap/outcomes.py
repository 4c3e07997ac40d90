"""Outcomes: what a slip that came back mended, what it did not, and what else changed in it."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from originmap.findings import mask_phone, mask_phones
from originmap.headers import column_letter
from originmap.pairs import SERIAL, Spot
from originmap.resubmission import MASKED, Pairing, Settled
from originmap.slips import Origin, Slip

OUTCOME_COLUMNS: Final = (
    "slip_file slip_sheet slip_row original_file original_sheet original_row cell field before after rule outcome"
).split()
_ASKED: Final = ("error", "warning")


def outcomes(settled: Settled, findings: pd.DataFrame, old: pd.DataFrame) -> pd.DataFrame:
    """Return what became of each finding and each row of the slips, with `OUTCOME_COLUMNS`.

    Parameters
    ----------
    settled
        The inbox as `settle` left it.
    findings
        The round's findings (``findings.compose``).
    old
        Those of the superseded originals, judged by themselves; used where a slip lost its hidden sheet.

    Returns
    -------
    One row for every finding that was asked about (``mended``, ``remaining``, or ``removed`` with its row), for every other
    cell that changed (``changed``, with the rule that it now breaks, if any), for every row added and removed. Phones masked.
    """
    rows: list[dict[str, Any]] = []
    for pairing in settled.pairs:
        here = findings[(findings["file"] == pairing.slip.file) & findings["severity"].isin(_ASKED)]
        columns = {table.sheet: table.columns for table in settled.tables if table.file == pairing.slip.file}
        rows += _outcomes_of(pairing, here, _asked(pairing, old), columns)
    frame = pd.DataFrame(rows, columns=OUTCOME_COLUMNS)
    for name in ("slip_row", "original_row"):
        frame[name] = frame[name].astype("Int64")
    texts = [name for name in OUTCOME_COLUMNS if not name.endswith("_row")]
    frame[texts] = frame[texts].astype("str")
    frame["before"], frame["after"] = mask_phones(frame["before"]), mask_phones(frame["after"])
    order = ["slip_file", "slip_sheet", "slip_row", "original_sheet", "original_row", "field", "rule", "outcome"]
    return frame.sort_values(order, ignore_index=True)


def _asked(pairing: Pairing, old: pd.DataFrame) -> pd.DataFrame:
    """Return what a slip asked to be mended: `sheet, row, where, cell, field, rule, value`."""
    origin: Origin | None = pairing.slip.origin
    if origin is not None:
        names = dict(enumerate(origin.sheets))
        frame = origin.asked.assign(sheet=origin.asked["number"].map(names).fillna("").astype("str"))
    else:
        kept = (old["file"] == pairing.original) & old["severity"].isin(_ASKED)
        frame = old[kept]
    return frame.assign(where=_where(frame))[["sheet", "row", "where", "cell", "field", "rule", "value"]]


def _where(frame: pd.DataFrame) -> pd.Series:
    """Return the field that a finding is about, else its column's letter."""
    letter = frame["cell"].astype("str").str.extract(r"^([A-Z]+)\d", expand=False).fillna("")
    return frame["field"].where(frame["field"] != "", letter)


def _outcomes_of(
    pairing: Pairing, findings: pd.DataFrame, asked: pd.DataFrame, columns: Mapping[str, Mapping[str, int]]
) -> list[dict[str, Any]]:
    now: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    loose: Counter[tuple[str, str, str]] = Counter()
    for item in findings.assign(where=_where(findings)).to_dict("records"):
        spot = (str(item["sheet"]), 0 if pd.isna(item["row"]) else int(item["row"]))
        now[(*spot, item["where"])].append(item)
        loose[item["rule"], item["where"], item["value"]] += 1
    wanted: dict[Spot, list[dict[str, Any]]] = defaultdict(list)
    for item in asked.drop_duplicates(["sheet", "row", "where", "rule"]).to_dict("records"):
        wanted[str(item["sheet"]), 0 if pd.isna(item["row"]) else int(item["row"])].append(item)
    names = {"slip_file": pairing.slip.file, "original_file": pairing.original or _name(pairing.slip)}
    rows: list[dict[str, Any]] = []

    def add(new: Spot | None, old: Spot | None, outcome: str, field: str = "", rule: str = "", **texts: Any) -> None:
        column = columns.get(new[0], {}).get(field) if new else None
        cell = f"{column_letter(column)}{new[1]}" if new and column is not None else texts.pop("at", "")
        texts.pop("at", None)
        spots = {"slip_sheet": new[0] if new else pd.NA, "slip_row": new[1] if new else pd.NA,
                 "original_sheet": old[0] if old else pd.NA, "original_row": old[1] if old else pd.NA}  # fmt: skip
        rows.append(names | spots | {"cell": cell, "field": field, "rule": rule, "outcome": outcome} | texts)

    claimed: set[Spot] = set()
    for new, old in pairing.rows.items():
        after = pairing.after[new]
        before = pairing.before.get(old, {}) if old else {}
        known = old is not None and bool(before)
        if old is None:
            add(new, None, "added", "subject_name", after=after.get("subject_name", pd.NA))
            continue
        claimed.add(old)
        told = set()
        for item in wanted.get(old, []):
            field = str(item["field"])
            still = any(other["rule"] == item["rule"] for other in now[(*new, item["where"])])
            value = before.get(field) if known else item["value"] or None
            add(new, old, "remaining" if still else "mended", field, item["rule"], at=item["cell"],
                before=value or pd.NA, after=after.get(field, pd.NA))  # fmt: skip
            told.add((field, item["rule"] if still else ""))
            told |= {(field, item["rule"])}
        touched = {field for field, _ in told}
        for field in sorted((set(before) | set(after)) - {SERIAL}) if known else ():
            if before.get(field) == after.get(field) or _kept_masked(before.get(field), after.get(field)):
                continue
            broken = [other["rule"] for other in now[(*new, field)] if (field, other["rule"]) not in told]
            if field not in touched or broken:
                add(new, old, "changed", field, ";".join(sorted(set(broken))),
                    before=before.get(field, pd.NA), after=after.get(field, pd.NA))  # fmt: skip
    for old in pairing.removed:
        claimed.add(old)
        subject = pairing.before[old].get("subject_name", pd.NA)
        for item in wanted.get(old, []) or [{"field": "subject_name", "rule": "", "cell": "", "value": subject}]:
            add(None, old, "removed", str(item["field"]), item["rule"], at=item["cell"], before=item["value"] or pd.NA)
    # What stands against a sheet, a header, or rows that nobody could match: by what it says.
    for old, items in wanted.items():
        for item in items if old not in claimed else ():
            key = (item["rule"], item["where"], item["value"])
            still = loose[key] > 0
            loose[key] -= 1
            spot = (old[0], old[1]) if old[1] else (old[0], pd.NA)
            add(None, spot, "remaining" if still else "mended", str(item["field"]), item["rule"], at=item["cell"],
                before=item["value"] or pd.NA)  # fmt: skip
    return rows


def _kept_masked(before: str | None, after: str | None) -> bool:
    """Tell whether a cell only had its number masked."""
    return before is not None and after is not None and bool(MASKED.search(after)) and mask_phone(before) == after


def _name(slip: Slip) -> str:
    return slip.origin.file if slip.origin is not None else ""
