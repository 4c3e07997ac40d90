"""Resubmission: a slip that came back supersedes its original, row by row.

Slips are matched to their originals by digest, else by name; rows by key, else by content, always one to one.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd

from originmap.cells import Source
from originmap.findings import found, mask_phone
from originmap.headers import column_letter
from originmap.pairs import Spot, Values, match
from originmap.sheets import Inbox, Table, rows_of
from originmap.slips import WHOLE, Slip

MASKED: Final = re.compile(r"\d{3}\*{4}\d{4}")


@dataclass(frozen=True)
class Pairing:
    """One live slip beside what it supersedes.

    Attributes
    ----------
    slip
        The slip.
    original
        The file it was made from, empty when that is not in the inbox.
    rows
        ``{(slip sheet, row): (original sheet, row) or None}``; None is a row that was added.
    removed
        Original rows that the slip no longer has.
    before, after
        The texts of the original's rows and of the slip's, by spot and field (``size·cowpea`` where a sheet has a column a
        product); `columns_before`, `columns_after` say which column each is in.
    """

    slip: Slip
    original: str
    rows: Mapping[Spot, Spot | None]
    removed: Sequence[Spot]
    before: Mapping[Spot, Values]
    after: Mapping[Spot, Values]
    columns_before: Mapping[Spot, Mapping[str, int]]
    columns_after: Mapping[Spot, Mapping[str, int]]


@dataclass(frozen=True)
class Settled:
    """An inbox with its slips put in their originals' place.

    Attributes
    ----------
    tables
        What counts: originals without the rows that a slip supersedes, slips with their real phone numbers.
    old
        The superseded rows; `superseded` says per file and sheet how many and by which slip.
    disputed
        ``{slip file: the versions that differ}``.
    pairs
        The live slips and their rows.
    findings
        Notes on what was superseded and masked.
    """

    tables: tuple[Table, ...]
    old: tuple[Table, ...]
    superseded: pd.DataFrame
    disputed: Mapping[str, str]
    pairs: tuple[Pairing, ...]
    findings: tuple[pd.DataFrame, ...]

    @property
    def originals(self) -> dict[str, list[str]]:
        """``{slip: the files that it descends from}``, the nearest first: its points are in their datum."""
        return {
            pair.slip.file: [
                pair.original,
                *(each.file for each in (pair.slip.origin.generations if pair.slip.origin else ())),
            ]
            for pair in self.pairs
        }

    def dispute(self, source: Source) -> None:
        """Add the blocking finding to every row of slips that differ from each other."""
        files = source.frame["file"]
        detail = files.map(dict(self.disputed)).astype("str").fillna("")
        source.find("slip_versions_differ", files.isin(list(self.disputed)), "subject_name", detail=detail, value="")


def settle(inbox: Inbox) -> Settled:
    """Decide which slips hold, take the rows that they supersede out of the originals, and match the rows."""
    if not inbox.slips:
        nothing = pd.DataFrame(columns=["file", "sheet", "kind", "count", "slip"])
        return Settled(inbox.tables, (), nothing, {}, (), ())
    targets = {slip.file: _targets(slip, inbox) for slip in inbox.slips}
    wholly = {file for names in targets.values() for file in names}
    live = [slip for slip in inbox.slips if slip.file not in wholly]
    copies, disputed = _versions(live, targets, inbox)
    replaced: dict[str, list[tuple[Table, pd.Series, str]]] = defaultdict(list)
    pairs, findings = [], []
    restored: dict[int, Table] = {}
    for slip in inbox.slips:
        for file in targets[slip.file]:
            for number, table in _numbered(inbox, file):
                replaced[file].append((table, _covered(slip, inbox.digests[file], table, number), slip.file))
        if slip.file in copies:
            replaced[slip.file] += [(table, table.frame["row"] > 0, copies[slip.file]) for table in inbox.tables if table.file == slip.file]  # fmt: skip
        elif slip in live:
            pairing = _pairing(slip, targets[slip.file], inbox)
            pairs.append(pairing)
            tables = [table for table in inbox.tables if table.file == slip.file]
            # Its original's name may have told the township.
            names = tuple(each.file for each in slip.origin.generations) if slip.origin is not None else ()
            for table in tables:
                restored[id(table)], masked = _with_numbers(replace(table, known_as=names), pairing)
                findings += masked
    kept, old = [], []
    superseded: Counter[tuple[str, str, str, str]] = Counter()
    for table in inbox.tables:
        hits = [(mask, by) for other, mask, by in replaced.get(table.file, []) if other is table]
        kept_table = restored.get(id(table), table)
        gone = pd.Series(data=False, index=range(len(table.rows)))
        for mask, by in hits:
            superseded[table.file, table.sheet, table.kind, by] += int((mask & ~gone).sum())
            gone |= mask
        whole = bool(hits) and bool(gone.all())
        if gone.any():
            old.append(table.only(gone))
        kept.append(
            kept_table if not hits else kept_table.only(~gone) if whole
            else replace(kept_table.only(~gone), zero_rows=table.zero_rows)
        )  # fmt: skip
    counted = [(*key[:3], count, key[3]) for key, count in superseded.items() if count]
    frame = pd.DataFrame(counted, columns=["file", "sheet", "kind", "count", "slip"])
    at = frame[["file", "sheet"]].assign(row=pd.NA, cell="")
    findings.append(found("superseded_by_slip", at, detail=frame["count"].astype("str"), proposal=frame["slip"]))
    return Settled(tuple(kept), tuple(old), frame, disputed, tuple(pairs), tuple(findings))


def without_superseded(findings: pd.DataFrame, settled: Settled) -> pd.DataFrame:
    """Return findings against rows, columns and cells without those of sheets that a slip supersedes whole."""
    live = {(table.file, table.sheet) for table in settled.tables if len(table.rows) or len(table.zero_rows)}
    gone = set(zip(settled.superseded["file"], settled.superseded["sheet"], strict=True)) - live
    here = pd.Series(list(zip(findings["file"], findings["sheet"], strict=True)), index=findings.index, dtype=object)
    return findings[~(here.isin(gone) & findings["row"].notna())]


# ---- which slip stands for which file ----


def _origin_ids(slip: Slip) -> list[str]:
    """Return the beginnings of the digests that a slip descends from, the nearest first."""
    if slip.origin is not None:
        return [each.sha256[:12] for each in slip.origin.generations]
    return list(dict.fromkeys(slip.keys["file_id"]))


def _targets(slip: Slip, inbox: Inbox) -> list[str]:
    """Return the files of the inbox that a slip stands for: by digest, the nearest first, else by the same name."""
    by_digest = {digest[:12]: name for name, digest in inbox.digests.items() if name != slip.file}
    hits = [by_digest[digest] for digest in _origin_ids(slip) if digest in by_digest]
    if not hits and slip.origin is not None and slip.origin.file != slip.file:
        hits = [name for name in inbox.digests if name == slip.origin.file]
    return list(dict.fromkeys(hits))


def _scope(slip: Slip) -> str:
    if slip.origin is not None:
        return slip.origin.scope
    return str(slip.keys["scope"].iat[0]) if len(slip.keys) else WHOLE


def _versions(
    live: Sequence[Slip], targets: Mapping[str, Sequence[str]], inbox: Inbox
) -> tuple[dict[str, str], dict[str, str]]:
    """Return ``{copy: the slip that counts}`` for equal versions, and ``{slip: versions}`` for those that differ."""
    groups: dict[tuple[str, str], list[Slip]] = defaultdict(list)
    for slip in live:
        root = (_origin_ids(slip) or [""])[-1]
        # A slip whose digests tell nothing is known by the file that it stands for.
        groups[root or "".join(targets[slip.file][:1]), _scope(slip)].append(slip)
    copies: dict[str, str] = {}
    disputed: dict[str, str] = {}
    for members in groups.values():
        contents: dict[Any, list[str]] = defaultdict(list)
        for slip in sorted(members, key=lambda each: each.file):
            rows = Counter(
                (table.kind, tuple(sorted(values.items())))
                for table in inbox.tables
                if table.file == slip.file
                for values in _values(table).values()
            )
            contents[frozenset(rows.items())].append(slip.file)
        firsts = [files[0] for files in contents.values()]
        copies |= {file: files[0] for files in contents.values() for file in files[1:]}
        if len(firsts) > 1:
            disputed |= dict.fromkeys(firsts, "、".join(firsts))
    return copies, disputed


def _numbered(inbox: Inbox, file: str) -> list[tuple[int, Table]]:
    """Return a file's tables with the numbers of their sheets."""
    names = inbox.sheets.loc[inbox.sheets["file"] == file, "sheet"].tolist()
    return [(names.index(table.sheet), table) for table in inbox.tables if table.file == file]


def _covered(slip: Slip, digest: str, table: Table, number: int) -> pd.Series:
    """Tell which rows of an original (known by its `digest`) a slip stands for: all, or those that it was given."""
    rows = table.frame["row"]
    if slip.origin is not None:
        # By name alone it is taken for the nearest.
        given = {each.sha256: each.rows for each in slip.origin.generations}.get(digest, slip.origin.rows)
        return (rows > 0) if given is None else rows.isin(list(given.get(number, ())))
    if _scope(slip) == WHOLE:
        return rows > 0
    return rows.isin(list(slip.keys.loc[slip.keys["number"] == number, "original_row"]))


# ---- rows beside rows ----


def _values(table: Table, mask: pd.Series | None = None) -> dict[Spot, Values]:
    """Return the texts of each data row by its spot."""
    frame = table.frame if mask is None else table.frame[mask]
    keys = {name: _key(table, name) for name in frame.columns if name != "row"}
    return {
        (table.sheet, int(row["row"])): {key: str(row[name]) for name, key in keys.items() if not pd.isna(row[name])}
        for row in frame.to_dict("records")
    }


def _key(table: Table, name: str) -> str:
    """Return a field's key: a row with a column a product has a size for each."""
    return f"{name}·{table.product}" if name == "size" and table.product else name


def _gather(
    tables: Sequence[tuple[Table, pd.Series | None]],
) -> tuple[dict[Spot, Values], dict[Spot, dict[str, int]]]:
    """Return texts and columns by spot over tables that may share rows."""
    texts: dict[Spot, Values] = {}
    columns: dict[Spot, dict[str, int]] = {}
    for table, mask in tables:
        own = {_key(table, name): column for name, column in table.columns.items()}
        for spot, values in _values(table, mask).items():
            texts.setdefault(spot, {}).update(values)
            columns.setdefault(spot, {}).update(own)
    return texts, columns


def _pairing(slip: Slip, targets: Sequence[str], inbox: Inbox) -> Pairing:
    after, columns_after = _gather([(table, None) for table in inbox.tables if table.file == slip.file])
    names: dict[int, str] = dict(enumerate(slip.origin.sheets)) if slip.origin is not None else {}
    numbered = _numbered(inbox, targets[0]) if targets else []
    names |= {number: table.sheet for number, table in numbered}
    before, columns_before = _gather(
        [(table, _covered(slip, inbox.digests[targets[0]], table, number)) for number, table in numbered]
    )
    keyed = {
        (str(key["sheet"]), int(key["row"])): (names.get(int(key["number"]), ""), int(key["original_row"]))
        for key in slip.keys.to_dict("records")
    }
    if targets:
        rows = match(after, before, keyed)
    else:
        # Without the original its rows are known by their keys alone.
        rows = {spot: keyed.get(spot) for spot in after} if keyed else {}
        given = slip.origin.rows if slip.origin is not None else None
        before = {(names.get(number, ""), row): {} for number, kept in (given or {}).items() for row in kept}
    there = {spot for spot in rows.values() if spot is not None}
    removed = [spot for spot in before if spot not in there]
    original = targets[0] if targets else ""
    return Pairing(slip, original, rows, removed, before, after, columns_before, columns_after)


def _with_numbers(table: Table, pairing: Pairing) -> tuple[Table, list[pd.DataFrame]]:
    """Return a slip's table with the original's numbers where it has masked ones, and a finding where the two differ."""
    frame = table.frame.copy()
    odd: list[tuple[int, str, str]] = []
    for name in (name for name in frame.columns if name != "row"):
        texts = frame[name].astype("str")
        masked = texts.str.contains(MASKED, na=False)
        for at in frame.index[masked]:
            row, text = int(frame.loc[at, "row"]), str(texts[at])
            real = pairing.before.get(pairing.rows.get((table.sheet, row)) or ("", 0), {}).get(name)
            if real is None or MASKED.search(real):
                continue
            if mask_phone(real) == text or name.endswith("_phone"):
                frame.loc[at, name] = real
            if mask_phone(real) != text:
                odd.append((row, name, text))
    if not odd:
        return replace(table, rows=rows_of(frame)), []
    at_cells = pd.DataFrame(
        {"file": table.file, "sheet": table.sheet, "row": row, "cell": f"{column_letter(table.columns[name])}{row}",
         "field": name, "value": text}
        for row, name, text in odd
    )  # fmt: skip
    parts = [
        found("slip_masked_number", part, field=str(name), value=part["value"])
        for name, part in at_cells.groupby("field")
    ]
    return replace(table, rows=rows_of(frame)), parts
