"""The truth of the reconciliation: every term of the gap identity with its subjects, and the status of every township and product.

Worked out from the plan's own rows (`ledger`) by plain loops, as domain.md §5 says, with who is who known from the start; the
library's matching and reconciling have no part in it.
"""

import calendar
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from originmap.rules import Product, Rules
from originmap.sample.ledger import InRegistry, InSheet, Ledger, standing, told
from originmap.sample.truth import Truth

_TOLERANCE_MU: Final = 0.5
_TOLERANCE_SHARE: Final = 0.05
_NO_SIZE: Final = "名录无面积"
Key = tuple[str, str]  # township code, product


@dataclass(frozen=True, slots=True)
class _Line:
    """One subject in one term."""

    term: str
    amount: float | None
    name: str
    listed: tuple[InRegistry, ...]
    rows: tuple[InSheet, ...]
    note: str = ""


def write_terms(ledger: Ledger, truth: Truth, rules: Rules, rounds: Iterable[str]) -> None:
    """Write ``terms.csv`` and ``gap_status.csv`` for `rounds`; the registry is that of the last of them."""
    rounds = list(rounds)
    listed: dict[Key, list[InRegistry]] = defaultdict(list)
    for entry in ledger.listed:
        listed[entry.township, entry.product].append(entry)
    registered = {entry.township for entry in ledger.listed}
    for round_ in rounds:
        collected: dict[Key, list[InSheet]] = defaultdict(list)
        for row in ledger.collected:
            if row.round == round_:
                collected[row.township, row.product].append(row)
        for code in ledger.lands:
            for product in rules.products.values():
                key = (code, product.code)
                known = code in registered and round_ == rounds[-1]
                _cell(ledger, truth, product, (round_, *key), listed[key] if known else None, collected[key])


def _cell(
    ledger: Ledger,
    truth: Truth,
    product: Product,
    key: tuple[str, str, str],
    listed: Sequence[InRegistry] | None,
    rows: Sequence[InSheet],
) -> None:
    """Write one township's product in one round; `listed` is None where no registry of the township is known."""
    round_, code, _ = key
    state = ledger.states.get(key, "")
    spoken = state in ("reported", "zero")
    crop = product.kind == "crop"
    baseline = ledger.baseline.get(key)
    lines = _lines(product, listed, rows)
    sums = {term: round(sum(line.amount or 0 for line in lines if line.term == term), 2) for term in _TERMS}
    collected = _collected(rows, crop=crop) if spoken else None
    total = None if listed is None else round(sum(entry.size or 0 for entry in listed if not entry.buyer), 2)
    totals: dict[str, float | None] = {"baseline": baseline, "registry": total, "collected": collected}
    if baseline is not None and total is not None:
        totals["unregistered"] = round(baseline - total, 2)
    claimed = None not in (baseline, total, collected)
    where = {"round": round_, "township_code": code, "township": ledger.lands[code].name, "product": product.code}
    common = {**where, "unit": product.unit, "claimed": "yes" if claimed else "no"}
    if listed is not None and spoken:
        totals |= sums
    for term, amount in totals.items():
        if amount is not None:
            truth.add("terms", **common, term=term, amount=amount)
    for line in lines if spoken and listed is not None else ():
        names = {"subject_name": line.name, "listed_name": line.listed[0].name if line.listed else None}
        names["collected_name"] = ";".join(dict.fromkeys(row.written for row in line.rows))
        at = {
            "listed_at": told([entry.spot for entry in line.listed]),
            "collected_at": told([row.spot for row in line.rows]),
        }
        truth.add("terms", **common, term=line.term, amount=line.amount, **names, **at, note=line.note)
    status = _status(product, round_, state, baseline, collected)
    gap = round(baseline - collected, 2) if baseline is not None and collected is not None else None
    truth.add("gap_status", **where, status=status, baseline=baseline, registry=total, collected=collected, gap=gap)


_TERMS: Final = ("exempt", "missing", "unreadable", "size_difference", "unlisted")


def _lines(product: Product, listed: Sequence[InRegistry] | None, rows: Sequence[InSheet]) -> list[_Line]:
    """Return the subjects of every term but the first; buyers stand outside, rows that count twice are left out."""
    by: dict[str, list[InSheet]] = defaultdict(list)
    for row in rows:
        if not row.buyer and row.status != "duplicate":
            by[row.holder].append(row)
    lines = []
    for entry in listed or ():
        if entry.buyer:
            continue
        own = by.pop(entry.holder, [])
        kept = [row for row in own if row.status == "accepted"]
        size = entry.size
        if kept:
            difference = round(standing(kept, crop=product.kind == "crop") - (size or 0.0), 2)
            if difference:
                note = "" if size is not None else _NO_SIZE
                lines.append(_Line("size_difference", difference, kept[0].name, (entry,), tuple(kept), note))
        elif size is None:
            lines.append(_Line("unsized", None, entry.name, (entry,), tuple(own), _NO_SIZE))
        elif own:
            lines.append(_Line("unreadable", size, entry.name, (entry,), tuple(own)))
        else:
            lines.append(_Line("missing" if size >= product.threshold else "exempt", size, entry.name, (entry,), ()))
    for own in by.values():
        kept = [row for row in own if row.status == "accepted"]
        if kept:
            lines.append(_Line("unlisted", standing(kept, crop=product.kind == "crop"), kept[0].name, (), tuple(kept)))
    return lines


def _collected(rows: Sequence[InSheet], *, crop: bool) -> float:
    by: dict[str, list[InSheet]] = defaultdict(list)
    for row in rows:
        if row.status == "accepted" and not row.buyer:
            by[row.holder].append(row)
    return round(sum(standing(own, crop=crop) for own in by.values()), 2)


def _status(product: Product, round_: str, state: str, baseline: float | None, collected: float | None) -> str:
    """Return the status in the order of domain.md §5, seen at the end of the round's last day."""
    year, month = int(round_[:4]), int(round_[5:])
    end = date(year, month, calendar.monthrange(year, month)[1])
    if product.due_from > end and state not in ("reported", "zero"):
        return "not_due"
    if product.kind != "crop" or baseline is None:
        return "no_baseline"
    if state in ("", "not_submitted", "not_reported") or collected is None:
        return "not_reported" if state == "not_reported" else "not_submitted"
    gap = baseline - collected
    if abs(gap) <= max(_TOLERANCE_MU, _TOLERANCE_SHARE * baseline) + 1e-9:
        return "balanced"
    return "short" if gap > 0 else "over"
