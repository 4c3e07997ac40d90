"""The truth of matching: which registry row and which collected subject are one, and what a person has said about those that may be."""

import csv
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pandas as pd

from originmap import matching
from originmap.decisions import Person, Store
from originmap.places import Places
from originmap.sample.ledger import InRegistry, InSheet, Ledger, told
from originmap.sample.listing import ASKED, OTHERS, plain_name
from originmap.sample.truth import Truth
from originmap.subjects import normal_name

EXCHANGE: Final = "名称判定.xlsx"

# An invented colleague of the county's bureau; every verdict was given on one morning.
_WHO, _SECTION, _DAY = "样例员甲", "农产品质量安全监管股（样例）", "2023-03-20"
_SAME_PHONE: Final = "phone"
_TELLING: Final = 3  # characters of a name
_WHY: Final[Mapping[str, str]] = {
    "typo": "电话、村相同，名录笔误",
    "sound": "电话、村相同，同音字",
    "person": "名录按农场主本人登记，电话相同",
    "bracket_behind": "括号内为农场主姓名，电话相同",
    "father_son": "父子共用电话，分别种植",
    "near_person": "电话、村都不同，是两户",
    "near_farm": "电话、村都不同，是两家",
    "near_both": "同村两户，电话不同，均已在册",
    _SAME_PHONE: "电话相同而主体不同，已逐户核实",
    "alike": "名称相近，电话不同，是两户",
}
_UNCERTAIN: Final = ASKED | {"space", "width", "prefix", "legal_form", "bracket"}
Pair = tuple[InRegistry, InSheet]


def write_pairs(ledger: Ledger, truth: Truth, round_: str, earlier: str | None) -> None:
    """Write ``pairs.csv`` and ``verdicts.csv``.

    Parameters
    ----------
    ledger
        The county.
    round_
        The round whose registry is matched with its sheets.
    earlier
        The round before, of whose subjects those are listed that were written otherwise then; None where there is none.
    """
    blocks: dict[tuple[str, str], tuple[list[InRegistry], dict[tuple[str, str], list[InSheet]]]]
    blocks = defaultdict(lambda: ([], defaultdict(list)))
    for entry in ledger.listed:
        blocks[entry.township, entry.product][0].append(entry)
    before: dict[tuple[str, str], list[InSheet]] = defaultdict(list)
    for row in ledger.collected:
        if row.round == round_:
            blocks[row.township, row.product][1][row.holder, row.written].append(row)
        elif row.round == earlier:
            before[row.township, row.holder].append(row)
    minutes = 0
    for (code, product), (listed, written) in sorted(blocks.items()):
        where = {"round": round_, "township_code": code, "product": product}
        true = {entry.holder: entry for entry in listed}
        for (holder, name), rows in written.items():
            if holder in true:
                entry = true[holder]
                kind = entry.kind if entry.kind in _UNCERTAIN else "exact" if name == entry.name else "written"
                _pair(truth, where, entry, rows, "yes", kind)
            _renamed(truth, where, before.get((code, holder), []), name, rows)
        for (entry, row), kind in _doubtful(ledger, code, listed, [rows[0] for rows in written.values()]):
            same = entry.holder == row.holder
            if not same:
                _pair(truth, where, entry, written[row.holder, row.written], "no", kind)
            verdict = "same" if same else "different"
            at = f"{_DAY}T{9 + minutes // 60:02d}:{minutes % 60:02d}:00+08:00"
            minutes += 1
            said = {"who": _WHO, "section": _SECTION, "at": at, "why": _WHY[kind]}
            truth.add("verdicts", **where, name_a=entry.name, name_b=row.written, verdict=verdict, **said)


def write_exchange(county: Path, places: Places) -> int:
    """Write the verdicts of a county's truth as colleagues exchange them, for ``originmap decisions merge``; return how many they are.

    Names are put down as matching compares them, each pair of a township once.
    """
    with (county / "truth" / "verdicts.csv").open(encoding="utf-8", newline="") as stream:
        said = list(csv.DictReader(stream))
    names = [pd.Series([row[side] for row in said], dtype="str") for side in ("name_a", "name_b")]
    left, right = (normal_name(column, places) for column in names)
    seen: set[tuple[str, str, str]] = set()
    with tempfile.TemporaryDirectory() as beside:
        store = Store(Path(beside) / "decisions.db")
        for row, one, other in zip(said, left, right, strict=True):
            code, same = row["township_code"], row["verdict"] == "same"
            if (pair := (code, *sorted([one, other]))) in seen:
                continue
            seen.add(pair)
            made = matching.verdict(code, one, other, same=same, why=row["why"], round_name=row["round"])
            store.record(made, by=Person(row["who"], row["section"]), at=row["at"])
        return store.export(county / EXCHANGE)


def _pair(truth: Truth, where: Mapping[str, str], entry: InRegistry, rows: list[InSheet], same: str, kind: str) -> None:
    file, sheet, row = entry.spot
    listed = {"against": "registry", "listed_name": entry.name, "file": file, "sheet": sheet, "row": row}
    spots = told([each.spot for each in rows])
    truth.add("pairs", **where, **listed, collected_name=rows[0].written, collected_at=spots, same=same, kind=kind)


def _renamed(truth: Truth, where: Mapping[str, str], before: list[InSheet], name: str, rows: list[InSheet]) -> None:
    """Write how one subject was written in the round before, where that was otherwise."""
    for old in {row.written: row for row in before if row.written != name}.values():
        file, sheet, row = old.spot
        listed = {"against": old.round, "listed_name": old.written, "file": file, "sheet": sheet, "row": row}
        spots = told([each.spot for each in rows])
        truth.add("pairs", **where, **listed, collected_name=name, collected_at=spots, same="yes", kind="written")


def _doubtful(ledger: Ledger, code: str, listed: list[InRegistry], rows: list[InSheet]) -> list[tuple[Pair, str]]:
    """Return the pairs of one township and product that names and phones alone do not settle, each with its kind.

    Names that compare as equal need nobody. Who has an equal on the other side is doubtful only with one of the same phone or,
    where the names are near, of the same village.
    """
    land = ledger.lands[code]
    names = {id(item): plain_name(item.name, land) for item in listed}
    names |= {id(item): plain_name(item.written, land) for item in rows}
    both = {names[id(item)] for item in listed} & {names[id(item)] for item in rows}
    index: dict[str, list[InRegistry]] = defaultdict(list)
    for entry in listed:
        for key in _keys(names[id(entry)], entry.phone):
            index[key].append(entry)
    found: dict[tuple[int, int], tuple[Pair, str]] = {}
    for row in rows:
        for key in _keys(names[id(row)], row.phone):
            for entry in index.get(key, ()):
                mine, other = names[id(entry)], names[id(row)]
                alone = (mine not in both) + (other not in both)
                phone, same = bool(row.phone) and entry.phone == row.phone, entry.holder == row.holder
                close = alone == 2 or phone or (alone == 1 and entry.village == row.village) or same
                if mine == other or not close or (not alone and not phone):
                    continue
                kind = entry.kind if same or entry.kind in OTHERS else _SAME_PHONE if phone else "alike"
                kind = kind if kind in _WHY else _SAME_PHONE if phone else "alike"
                found.setdefault((id(entry), id(row)), ((entry, row), kind))
    return list(found.values())


def _keys(name: str, phone: str) -> Iterable[str]:
    """Return what two names share that differ in a character (of two there is too little left), or two rows with one phone."""
    shorter = [name[:at] + name[at + 1 :] for at in range(len(name))] if len(name) >= _TELLING else []
    return dict.fromkeys([name, *shorter, *([phone] if phone else [])])
