"""Composition: how a round is put together from its submissions and the round before.

A submission is a file's rows for one township and product. Its time is that of its confirmed receipt, never the file's own. ``full`` (the
default) and ``zero`` say everything: older submissions no longer count. ``increment`` is laid over what stood before, ``unchanged`` carries it
on; what stood before is this round's own, else the nearest earlier round's. Of two versions the newer confirmed receipt holds; where nothing
says which is newer both wait.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Final

import numpy as np
import pandas as pd

from originmap import records, texts
from originmap.cells import Source
from originmap.findings import found
from originmap.places import Places
from originmap.resubmission import Settled
from originmap.rules import Rules
from originmap.sheets import Table
from originmap.subjects import normal_name
from originmap.vocab import code as word

Key = tuple[str, str]
Spot = tuple[str, str, int]

_SPOKEN: Final = ["township_code", "product", "file", "received_at", "extent", "rows", "line", "contradicts"]
_AT: Final = ["source_file", "source_sheet", "source_row", "source_cell"]
STRAY: Final = "stray"
SPOKEN_COLUMNS: Final = [*_SPOKEN[:-2], *_AT]
# Files without a receipt that share this much of what the smaller one says are versions of each other, not parts.
_SAME_SHARE: Final = 0.5


@dataclass(frozen=True)
class Composed:
    """A round's submissions in order.

    Attributes
    ----------
    settled
        The inbox's tables without the rows that a later submission stands for; those are in `old`.
    spoken
        `SPOKEN_COLUMNS`: what speaks for each township and product, a file's rows or a receipt's line, with the cell of its receipt (NA
        without one); `received_at` is NaT where nobody registered it, `extent` stray where a file came from another township.
    zero
        Township and product of which the latest receipt reports nothing.
    base
        ``{(township, product): extent}`` of what is laid over an earlier round.
    undecided
        ``{(file, sheet, row): the files that contradict each other}``.
    """

    settled: Settled
    spoken: pd.DataFrame
    zero: tuple[Key, ...] = ()
    base: Mapping[Key, str] = field(default_factory=dict)
    undecided: Mapping[Spot, str] = field(default_factory=dict)

    def dispute(self, source: Source) -> None:
        """Add the blocking finding to every row of versions that nobody can put in order."""
        if not self.undecided:
            return
        spots = zip(source.frame["file"], source.frame["sheet"], source.frame["row"], strict=True)
        detail = pd.Series([self.undecided.get(spot, "") for spot in spots], index=source.frame.index, dtype="str")
        source.find("submissions_undecided", detail != "", "subject_name", detail=detail, value="")


def compose(settled: Settled, receipts: pd.DataFrame, rules: Rules, places: Places) -> Composed:
    """Put the submissions of each township and product in order; see the module's first lines."""
    lines = _for_all(receipts[receipts["arrived"]].reset_index(drop=True), rules)
    own = set(lines.loc[lines["file"] != "", "file"])
    # A slip that nobody registered is of the time of what it mends.
    root = {pair.slip.file: pair.original for pair in settled.pairs if pair.original and pair.slip.file not in own}
    rows = {kind: _rows(settled.tables, kind, root, rules, places) for kind in ("collection", "registry")}
    spoken = _spoken(rows["collection"], lines)
    read = partial(_told, tables=settled.tables, rules=rules, places=places)
    gone: dict[Spot, str] = {}
    undecided: dict[Spot, str] = {}
    findings: list[pd.DataFrame] = []
    zero: list[Key] = []
    base: dict[Key, str] = {}
    by = ["township_code", "product"]
    # A single file that says everything stands as it is.
    open_ones = spoken[spoken.duplicated(by, keep=False) | (spoken["extent"] != "full")]
    for key, group in open_ones.groupby(by, sort=True):
        anchor = _anchor(group)
        if anchor is None and not (group["extent"] == "full").any() and (group["extent"] != STRAY).any():
            base[key] = "increment" if (group["extent"] == "increment").any() else "unchanged"
        if anchor is not None and anchor["extent"] == "zero" and not _after(group, anchor).any():
            zero.append(key)
        if len(group) > 1:
            here = rows["collection"]
            here = here[(here["township_code"] == key[0]) & (here["product"] == key[1])]
            older, disputed = _order(group, anchor, here, read)
            gone |= older
            undecided |= disputed
    listed = _spoken(rows["registry"], lines, lines_too=False)
    listed = listed[(listed["extent"] == "full") & listed.duplicated(by, keep=False)]
    for key, group in listed.groupby(by, sort=True):
        if (anchor := _anchor(group)) is not None:
            here = rows["registry"]
            here = here[(here["township_code"] == key[0]) & (here["product"] == key[1])]
            before = group.loc[(group["received_at"] < anchor["received_at"]), "file"]
            gone |= {spot: str(anchor["file"]) for spot in _spots(here[here["root"].isin(before)])}
    findings += _contradictions(spoken, rows["collection"], lines, rules)
    made = _without_rows(settled, gone)
    spoken = spoken.merge(lines[_AT], left_on="line", right_index=True, how="left", validate="m:1")[SPOKEN_COLUMNS]
    return Composed(replace(made, findings=(*made.findings, *findings)), spoken, tuple(zero), base, undecided)


def _for_all(lines: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Return lines with one for every product where a zero report or 无变化 names none."""
    every = lines["product"].isna() & lines["extent"].isin(["zero", "unchanged"])
    if not every.any():
        return lines
    more = lines[every].drop(columns="product").merge(pd.DataFrame({"product": list(rules.products)}), how="cross")
    return pd.concat([lines[~every], more.astype({"product": "str"})[lines.columns]], ignore_index=True)


def _rows(tables: Sequence[Table], kind: str, root: Mapping[str, str], rules: Rules, places: Places) -> pd.DataFrame:
    """Return `table` (its place in `tables`), `file, root, sheet, row, township_code, product` of every row of a kind."""
    at = [number for number, table in enumerate(tables) if table.kind == kind]
    source = Source.of([tables[number] for number in at])
    frame = source.frame[["table", "file", "sheet", "row"]].copy()
    frame["table"] = frame["table"].map(dict(enumerate(at))).astype("int64")
    frame["root"] = frame["file"].map(dict(root)).astype("str").fillna(frame["file"])
    frame["township_code"], _ = records.townships(source, places, rules)
    names = rules.product_names()
    product = texts.half_width(source.text("product")).map(names).astype("str")
    frame["product"] = product.where(source.text("product").notna(), records.sheet_products(source, rules))
    return frame


def _spoken(rows: pd.DataFrame, lines: pd.DataFrame, *, lines_too: bool = True) -> pd.DataFrame:
    """Return `SPOKEN_COLUMNS` and `contradicts`: rows by file with their receipt, and lines that speak for what has no rows."""
    known = rows[rows["township_code"].notna() & rows["product"].notna()]
    counts = known.groupby(["township_code", "product", "root"], sort=True).size()
    by_file: dict[str, list[tuple[pd.Timestamp, int, object, object, str]]] = {}
    for number, line in enumerate(
        lines[["received_at", "township_code", "product", "extent", "file"]].itertuples(index=False)
    ):
        by_file.setdefault(line.file, []).append(
            (line.received_at, number, line.township_code, line.product, line.extent)
        )
    made: list[tuple[object, ...]] = []
    used: set[int] = set()
    for (town, product, file), count in counts.items():
        ways = [str(file), *(str(path) for path in PurePosixPath(str(file)).parents)] if by_file else []
        of_file = sorted(next((by_file[way] for way in ways if way in by_file), []), key=lambda line: line[:2])
        fits = [
            line
            for line in of_file
            if (pd.isna(line[2]) or line[2] == town) and (pd.isna(line[3]) or line[3] == product)
        ]
        used |= {line[1] for line in fits}
        at, number, _, _, said = (fits or of_file or [(pd.NaT, -1, None, None, "full")])[0]
        # Rows are there, whatever the receipt says of a zero report or of no change.
        odd = said if fits and said in ("zero", "unchanged") else ""
        extent = "increment" if said == "increment" else "full"
        # A row that names another township than the one that sent its file speaks for itself, not for that township.
        if of_file and all(isinstance(line[2], str) and line[2] != town for line in of_file):
            extent = STRAY
        made.append((town, product, file, at, extent, count, number, odd))
    rest = (
        lines[~lines.index.isin(used) & lines["township_code"].notna() & lines["product"].notna()]
        if lines_too
        else lines.iloc[:0]
    )
    # A full report without rows is something that arrived and could not be read: it orders nothing.
    rest = rest[rest["extent"].isin(["zero", "unchanged"])]
    names = ["township_code", "product", "file", "received_at", "extent"]
    made += [(*said, 0, number, "") for number, *said in rest[names].itertuples(name=None)]
    frame = pd.DataFrame(made, columns=_SPOKEN)
    frame[["township_code", "product", "file", "extent"]] = frame[
        ["township_code", "product", "file", "extent"]
    ].astype("str")
    frame["received_at"] = frame["received_at"].astype("datetime64[s]")
    return frame


def _anchor(group: pd.DataFrame) -> pd.Series | None:
    """Return the latest submission, by its receipt, that says everything."""
    whole = group[group["extent"].isin(["full", "zero"]) & group["received_at"].notna()]
    if whole.empty:
        return None
    # A zero report of the same moment stands behind the rows.
    order = whole.assign(nothing=whole["extent"] == "zero").sort_values(
        ["received_at", "nothing", "file"], ascending=[True, False, True]
    )
    return order.iloc[-1]


def _after(group: pd.DataFrame, anchor: pd.Series) -> pd.Series:
    """Tell which submissions count beside the anchor: later ones, and those that have rows and no time."""
    return (group["rows"] > 0) & ((group["received_at"] >= anchor["received_at"]) | group["received_at"].isna())


def _order(
    group: pd.DataFrame, anchor: pd.Series | None, rows: pd.DataFrame, read: Callable[[pd.DataFrame], pd.DataFrame]
) -> tuple[dict[Spot, str], dict[Spot, str]]:
    """Return the rows that a later submission stands for (with its file), and those of versions that nobody can put in order.

    `read` gives rows their keys and contents, see `_told`.
    """
    gone: dict[Spot, str] = {}
    undecided: dict[Spot, str] = {}
    if anchor is not None:
        older = group.loc[(group["received_at"] < anchor["received_at"]) & (group["extent"] != STRAY), "file"]
        by = str(anchor["file"]) or f"收件登记：{word('extent', str(anchor['extent']))}"
        gone |= dict.fromkeys(_spots(rows[rows["root"].isin(older)]), by)
        group = group[_after(group, anchor) & (group["extent"] != STRAY)]
    group = group[group["rows"] > 0].sort_values(["received_at", "file"])
    if len(group) < 2:
        return gone, undecided
    told = read(rows[rows["root"].isin(group["file"])])
    # Newer increments over what stands: row by row.
    later = group[group["extent"] == "increment"]
    for line in later.itertuples():
        keys = set(told.loc[told["root"] == line.file, "key"])
        before = group.loc[
            (group["received_at"] < line.received_at) | (group["received_at"].isna() & (group["file"] != line.file)),
            "file",
        ]
        gone |= dict.fromkeys(_spots(told[told["root"].isin(before) & told["key"].isin(keys)]), line.file)
    whole = group[group["extent"] == "full"]
    for first, second in ((a, b) for at, a in enumerate(whole["file"]) for b in whole["file"].iloc[at + 1 :]):
        one, other = told[told["root"] == first], told[told["root"] == second]
        common = set(one["key"]) & set(other["key"])
        if len(common) < _SAME_SHARE * min(one["key"].nunique(), other["key"].nunique()):
            continue
        # What both say alike is doubled, not disputed.
        said = [set(part.loc[part["key"].isin(common), "content"]) for part in (one, other)]
        if said[0] == said[1]:
            continue
        undecided |= dict.fromkeys(_spots(pd.concat([one, other])), f"{first}、{second}")
    return gone, undecided


def _told(rows: pd.DataFrame, tables: Sequence[Table], rules: Rules, places: Places) -> pd.DataFrame:
    """Return `rows` with `key` (subject, plot and, for crops, cropping: a herd has one state) and `content` (key, size and point)."""
    parts = []
    for number, part in rows.groupby("table", sort=False):
        table = tables[int(number)]
        source = Source.of([table.only(table.frame["row"].isin(part["row"]))])
        crop = (
            part["product"].map({code: product.kind == "crop" for code, product in rules.products.items()}).to_numpy()
        )
        subject = normal_name(source.text("subject_name"), places)
        cropping = records.cropping(source.text("cropping")).where(crop)
        key = texts.joined([subject, records.plot_key(source, places), cropping]).to_numpy()
        rest = texts.joined(
            [texts.half_width(source.text(name)) for name in ("size", "point", "lon", "lat")]
        ).to_numpy()
        parts.append(part.assign(key=key, content=[f"{a}\x1f{b}" for a, b in zip(key, rest, strict=True)]))
    return pd.concat(parts)


def _spots(rows: pd.DataFrame) -> list[Spot]:
    return [
        (str(file), str(sheet), int(row))
        for file, sheet, row in zip(rows["file"], rows["sheet"], rows["row"], strict=True)
    ]


def _contradictions(spoken: pd.DataFrame, rows: pd.DataFrame, lines: pd.DataFrame, rules: Rules) -> list[pd.DataFrame]:
    """Return the findings of receipts that the files contradict, against the receipts' own cells."""
    parts = []
    odd = spoken[spoken["contradicts"] != ""]
    for line in odd.itertuples():
        at = _line_at(lines, line.line)
        parts.append(
            found(
                "receipt_contradicts",
                at,
                field="extent",
                value=word("extent", line.contradicts),
                detail=rules.products[line.product].name,
            )
        )
    read = set(rows["file"])
    # A row whose township is not known may be anybody's.
    towns = rows["township_code"].fillna("")
    there = set(zip(rows["file"], rows["product"], towns, strict=True)) | set(
        zip(rows["file"], rows["product"], strict=True)
    )
    named = lines[lines["file"].isin(read) & lines["product"].notna() & (lines["extent"] == "full")]
    for line in named.itertuples():
        spot, town = (line.file, line.product), line.township_code
        if not ({(*spot, town), (*spot, "")} if isinstance(town, str) else {spot}) & there:
            at = _line_at(lines, line.Index)
            parts.append(found("receipt_without_rows", at, field="product", detail=rules.products[line.product].name))
    return parts


def _line_at(lines: pd.DataFrame, number: int) -> pd.DataFrame:
    at = lines.loc[[number], ["source_file", "source_sheet", "source_row", "source_cell"]]
    return at.set_axis(["file", "sheet", "row", "cell"], axis=1)


def _without_rows(settled: Settled, gone: Mapping[Spot, str]) -> Settled:
    """Return `settled` with the rows `gone` (and what stands for them) among the old ones."""
    if not gone:
        return settled
    kept, old, counted = [], [], []
    for table in settled.tables:
        by = [gone.get((table.file, table.sheet, int(row))) for row in table.rows["row"].to_pylist()]
        mask = pd.Series([name is not None for name in by], dtype=bool)
        if table.kind not in ("collection", "registry") or not mask.any():
            kept.append(table)
            continue
        old.append(table.only(mask))
        kept.append(replace(table.only(~mask), zero_rows=table.zero_rows))
        names, counts = np.unique([name for name in by if name is not None], return_counts=True)
        counted += [
            (table.file, table.sheet, table.kind, int(count), str(name))
            for name, count in zip(names, counts, strict=True)
        ]
    frame = pd.DataFrame(counted, columns=["file", "sheet", "kind", "count", "slip"])
    at = frame[["file", "sheet"]].assign(row=pd.NA, cell="")
    said = found("superseded_by_receipt", at, detail=frame["count"].astype("str") + " 行", proposal=frame["slip"])
    return replace(
        settled,
        tables=tuple(kept),
        old=(*settled.old, *old),
        superseded=pd.concat([settled.superseded, frame], ignore_index=True),
        findings=(*settled.findings, said),
    )
