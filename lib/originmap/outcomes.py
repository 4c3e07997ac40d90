"""Outcomes: what a slip that came back mended, what it did not, and what else changed in it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
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
# Values that a layout may hold in other columns.
_MADE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "point": ("lon", "lat"),
    "market_window": ("market_from", "market_to"),
    **{
        f"{person}_{what}": (person,) for person in ("contact", "supervisor", "collector") for what in ("name", "phone")
    },
}
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
        rows += _outcomes_of(pairing, here, _asked(pairing, old))
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
    columns = pairing.columns_before or pairing.columns_after
    return frame.assign(where=_where(frame, columns))[["sheet", "row", "where", "cell", "field", "rule", "value"]]


def _where(frame: pd.DataFrame, columns: Mapping[Spot, Mapping[str, int]]) -> list[str]:
    """Return the key of the value that each finding is about (see `Pairing`), else its field, else its column's letter."""
    letters = frame["cell"].astype("str").str.extract(r"^([A-Z]+)\d", expand=False).fillna("")
    found = []
    for sheet, row, name, letter in zip(frame["sheet"], frame["row"], frame["field"], letters, strict=True):
        own = columns.get((str(sheet), 0 if pd.isna(row) else int(row)), {})
        keys = (key for key, at in own.items() if key.partition("·")[0] == name and column_letter(at) == letter)
        found.append(next(keys, name or letter))
    return found


def _parts(key: str, columns: Mapping[str, int]) -> tuple[str, ...]:
    """Return the columns that a value is made of: its own, else those of which a layout makes it (经度 and 纬度)."""
    return (key,) if key in columns else _MADE_OF.get(key, (key,))


def _joined(values: Mapping[str, str], parts: Sequence[str]) -> str | None:
    return " / ".join(values[part] for part in parts if part in values) or None


def _outcomes_of(pairing: Pairing, findings: pd.DataFrame, asked: pd.DataFrame) -> list[dict[str, Any]]:
    now: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    loose: Counter[tuple[str, str, str]] = Counter()
    for item in findings.assign(where=_where(findings, pairing.columns_after)).to_dict("records"):
        spot = (str(item["sheet"]), 0 if pd.isna(item["row"]) else int(item["row"]))
        now[(*spot, item["where"])].append(item)
        loose[item["rule"], item["where"], item["value"]] += 1
    wanted: dict[Spot, list[dict[str, Any]]] = defaultdict(list)
    for item in asked.drop_duplicates(["sheet", "row", "where", "rule"]).to_dict("records"):
        wanted[str(item["sheet"]), 0 if pd.isna(item["row"]) else int(item["row"])].append(item)
    names = {"slip_file": pairing.slip.file, "original_file": pairing.original or _name(pairing.slip)}
    rows: list[dict[str, Any]] = []

    def add(new: Spot | None, old: Spot | None, outcome: str, key: str = "", rule: str = "", **texts: Any) -> None:
        own = pairing.columns_after.get(new, {}) if new else {}
        column = next((own[part] for part in _parts(key, own) if part in own), None)
        field = key.partition("·")[0]
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
            key = str(item["where"])
            parts = _parts(key, pairing.columns_after[new])
            still = any(other["rule"] == item["rule"] for other in now[(*new, key)])
            value = _joined(before, parts) if known else item["value"] or None
            shown = key if item["field"] else ""
            add(new, old, "remaining" if still else "mended", shown, item["rule"], at=item["cell"],
                before=value or pd.NA, after=_joined(after, parts) or pd.NA)  # fmt: skip
            told |= {(part, item["rule"]) for part in (key, *parts)}
        touched = {key for key, _ in told}
        for key in sorted((set(before) | set(after)) - {SERIAL}) if known else ():
            if before.get(key) == after.get(key) or _kept_masked(before.get(key), after.get(key)):
                continue
            broken = [other["rule"] for other in now[(*new, key)] if (key, other["rule"]) not in told]
            if key not in touched or broken:
                add(new, old, "changed", key, ";".join(sorted(set(broken))),
                    before=before.get(key, pd.NA), after=after.get(key, pd.NA))  # fmt: skip
    for old in pairing.removed:
        claimed.add(old)
        subject = pairing.before[old].get("subject_name", pd.NA)
        for item in wanted.get(old, []) or [{"field": "subject_name", "rule": "", "cell": "", "value": subject}]:
            add(None, old, "removed", str(item["field"]), item["rule"], at=item["cell"], before=item["value"] or pd.NA)
    # What stands against a sheet, a header, or rows that nobody could match: by what it says.
    for old, items in wanted.items():
        for item in items if old not in claimed else ():
            said = (item["rule"], item["where"], item["value"])
            still = loose[said] > 0
            loose[said] -= 1
            spot = (old[0], old[1]) if old[1] else (old[0], pd.NA)
            add(None, spot, "remaining" if still else "mended", str(item["field"]), item["rule"], at=item["cell"],
                before=item["value"] or pd.NA)  # fmt: skip
    return rows


def _kept_masked(before: str | None, after: str | None) -> bool:
    """Tell whether a cell only had its number masked."""
    return before is not None and after is not None and bool(MASKED.search(after)) and mask_phone(before) == after


def _name(slip: Slip) -> str:
    return slip.origin.file if slip.origin is not None else ""
