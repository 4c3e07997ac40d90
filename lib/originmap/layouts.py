"""Layouts: one sheet may hold several tables, side by side or one under the other; here it is cut into plain ones.

A second header further down begins a new table. A lone line among the rows is a heading (二、养殖业; 湖头镇; 韭菜) that speaks for the
rows below it. Two columns of sizes (面积(亩) | 存栏(头)), or one a product beside the subject (豇豆(亩) | 韭菜(亩)), become tables with one
column of sizes each, so that whoever reads them needs to know of one layout only.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from originmap.headers import MIN_HEADER_FIELDS, fields_of, find_header, header_at, kinds_of, known, unit_in_header
from originmap.rules import Rules
from originmap.workbooks import Cells, RawSheet

Mask = npt.NDArray[np.bool_]

SPARSE: Final = 2  # cells; a line with no more is no row of data when another header follows it
MAX_HEADINGS: Final = 200
_WIDE: Final = 3  # columns; a line merged over so many is a heading
_NUMBERED: Final = re.compile(r"[(（]?(?:[一二三四五六七八九十]+|\d{1,2})[)）]?[、.．)）:：]|[(（](?:[一二三四五六七八九十]+|\d+)[)）]")
_NOTHING: Final = frozenset(["", "/", "\\", "-", "—", "——", "无", "0", "0.0", "0.00"])


@dataclass(frozen=True)
class Block:
    """A header and the rows under it. Rows are 0-based, `stop` is not included.

    `lines` is the first row of the block's own lines above its header, `start` and `end` bound the header, `repeats` are rows
    of the same header further down. `kinds` should be one; see `headers`.
    """

    lines: int
    start: int
    end: int
    stop: int
    paths: Sequence[tuple[str, ...]]
    columns: Mapping[str, int]
    unknown: Sequence[int]
    kinds: Sequence[str]
    repeats: tuple[int, ...] = ()


@dataclass(frozen=True)
class Part:
    """The rows of a block that one column of sizes is for; `product` is the header's, empty when the rows say it themselves."""

    columns: Mapping[str, int]
    headers: Mapping[str, str]
    rows: Mask
    product: str = ""


def blocks(sheet: RawSheet, rules: Rules) -> list[Block]:
    """Return the tables that stand one under the other in a sheet, at least one.

    A later row is tried as a header when a cell repeats the header above it or when it follows a blank or nearly blank line; it is
    one when its words make a kind. The same header once more (a page break) begins no new table.
    """
    start, end, paths = find_header(sheet, rules)
    columns, unknown = fields_of(paths, rules)
    found = [Block(0, start, end, len(sheet.cells), paths, columns, unknown, kinds_of(set(columns), rules))]
    filled = (sheet.cells != None).sum(axis=1)  # noqa: E711 - elementwise
    for row in _candidates(sheet.cells, start, end, filled):
        last = found[-1]
        if row < max(last.end, *(again + 1 for again in last.repeats), 0) or known(sheet.cells[row], rules) < MIN_HEADER_FIELDS:
            continue
        end, paths = header_at(sheet, row, rules)
        columns, unknown = fields_of(paths, rules)
        kinds = kinds_of(set(columns), rules)
        if not kinds:
            continue
        if columns == last.columns:
            found[-1] = _cut(last, last.stop, (*last.repeats, *range(row, end)))
            continue
        lines = row
        while lines > last.end and 0 < filled[lines - 1] <= SPARSE:
            lines -= 1
        found[-1] = _cut(last, lines, last.repeats)
        found.append(Block(lines, row, end, last.stop, paths, columns, unknown, kinds))
    return found


def _cut(block: Block, stop: int, repeats: tuple[int, ...]) -> Block:
    spans = (block.lines, block.start, block.end, stop)
    return Block(*spans, block.paths, block.columns, block.unknown, block.kinds, repeats)


def _candidates(cells: Cells, start: int, end: int, filled: npt.NDArray[np.int_]) -> list[int]:
    """Return the rows that may be a header: cheap to tell, so that a long sheet is not read word by word."""
    again = np.zeros(len(cells), dtype=bool)
    for row in range(start, end):
        again |= ((cells == cells[row][None, :]) & (cells[row] != None)[None, :]).any(axis=1)  # noqa: E711 - elementwise
    after = np.concatenate([[False], filled[:-1] <= SPARSE])
    wanted = (again | after) & (filled >= MIN_HEADER_FIELDS)
    wanted[:end] = False
    return [int(row) for row in np.flatnonzero(wanted)]


def headings(sheet: RawSheet, block: Block, reasons: Cells) -> tuple[Cells, list[tuple[int, int, tuple[str, ...]]]]:
    """Tell lone lines from records.

    Parameters
    ----------
    reasons
        Why each row of the sheet is no record, empty when it is one, as far as is known.

    Returns
    -------
    The reasons, a lone line being a ``title`` where records follow it and a ``note`` where none does, and the pieces
    ``(first row, row after the last, heading)`` that the block falls into.
    """
    reasons = reasons.copy()
    cells = sheet.cells
    body = range(block.end, block.stop)
    sparse = (cells[block.end : block.stop] != None).sum(axis=1) <= SPARSE  # noqa: E711 - elementwise
    across = {top for top, left, bottom, right in sheet.merges if top == bottom and right - left + 1 >= _WIDE}
    lone = [row for row, few in zip(body, sparse, strict=True) if few and _lone(cells[row], row in across, block, reasons[row])]
    records = np.flatnonzero(reasons[: block.stop] == "")
    records = records[(records >= block.end) & ~np.isin(records, lone)]
    last = int(records[-1]) if len(records) else -1
    reasons[[row for row in lone if row > last]] = "note"
    heads = [row for row in lone if row < last]
    reasons[heads] = "title"
    if not heads or len(heads) > MAX_HEADINGS:
        return reasons, [(block.end, block.stop, ())]
    edges = [block.end, *heads, block.stop]
    texts: list[tuple[str, ...]] = [(), *(tuple(str(cell) for cell in cells[row] if cell is not None) for row in heads)]
    return reasons, [
        (first, stop, text) for first, stop, text in zip(edges, edges[1:], texts, strict=False) if stop > first
    ]


def _lone(row: Cells, across: bool, block: Block, reason: str) -> bool:  # noqa: FBT001 - private
    """Tell whether a sparse row is a line of its own: merged across, numbered, or text where only a number or place stands."""
    if reason not in ("", "blank") and not (reason == "note" and across):
        return False
    at = [int(column) for column in np.flatnonzero(row != None)]  # noqa: E711 - elementwise
    if not at or (len(at) > 1 and not across):
        return False
    text = unicodedata.normalize("NFKC", str(row[at[0]])).strip()
    if text.replace(".", "").isdigit():
        return False
    if across or _NUMBERED.match(text):
        return True
    # 湖头镇 by itself under 乡镇 was filled in advance; a name by itself is a subject that lacks the rest.
    named = {block.columns[name] for name in ("subject_name", "township", "village", "product") if name in block.columns}
    return at[0] == 0 and 0 not in named


def parts(block: Block, body: Cells, wanted: Mask, rules: Rules) -> tuple[list[Part], Mask, Mask]:
    """Split a block's records by the column that holds their size.

    Parameters
    ----------
    body
        The sheet's cells, merged ones filled.
    wanted
        Which rows are records.

    Returns
    -------
    The parts; the rows that say of every product that there is none; the rows in which two columns hold a size and one is used.
    """
    headers = {field: block.paths[column][-1] for field, column in block.columns.items()}
    nothing = np.zeros(len(body), dtype=bool)
    areas = [field for field in block.columns if field.startswith("area:")]
    if block.kinds == ["planting_area"] or not (areas or any(field.startswith("size:") for field in block.columns)):
        return [Part(block.columns, headers, wanted)], nothing, nothing
    plain = {name: at for name, at in block.columns.items() if not name.startswith(("area:", "size:", "unit:"))}
    heads = {name: headers[name] for name in plain}
    if areas and "size" not in plain:
        given = {field: wanted & _says(body, block.columns[field]) for field in areas}
        zero = {field: wanted & ~given[field] & (body[:, block.columns[field]] != None) for field in areas}  # noqa: E711
        some = np.logical_or.reduce(list(given.values()))
        nothing = wanted & ~some & np.logical_or.reduce(list(zero.values()))
        made = [Part(plain, heads, wanted & ~some & ~nothing)]
        for field in areas:
            at = block.columns[field]
            product = field.removeprefix("area:")
            said = {name: column for name, column in plain.items() if name != "product"}
            made.append(Part({**said, "size": at}, {**heads, "size": headers[field]}, given[field], product))
        return [part for part in made if part.rows.any()] or made[:1], nothing, np.zeros_like(nothing)
    sizes = [field for field in block.columns if field.partition(":")[0] == "size"]
    given = {field: wanted & _says(body, block.columns[field]) for field in sizes}
    both = np.sum(list(given.values()), axis=0) > 1
    choice = _fitting(block, body, given, headers, rules)
    made = []
    for number, field in enumerate(sizes):
        own = {"size": block.columns[field]}
        unit = field.replace("size", "unit")
        if unit in block.columns:
            own["unit"] = block.columns[unit]
        base = {name: at for name, at in plain.items() if name not in ("size", "unit")} if field != "size" else plain
        made.append(Part({**base, **own}, {**heads, "size": headers[field]}, wanted & (choice == number)))
    return [part for part in made if part.rows.any()] or made[:1], nothing, both


def _says(body: Cells, column: int) -> Mask:
    return np.array([cell is not None and str(cell).strip() not in _NOTHING for cell in body[:, column]], dtype=bool)


def _fitting(
    block: Block, body: Cells, given: Mapping[str, Mask], headers: Mapping[str, str], rules: Rules
) -> npt.NDArray[np.int_]:
    """Return for each row which column of sizes is its: the only filled one, else the one in the product's unit, else the first."""
    names, product = rules.product_names(), block.columns.get("product")
    families: dict[str, list[int]] = {unit: [] for unit in rules.units}
    for number, field in enumerate(given):
        said = re.split(r"[、,，/]", unit_in_header(headers[field]))
        for unit, known_words in rules.units.items():
            if any(word in known_words for word in said):
                families[unit].append(number)
    filled = np.array(list(given.values()))
    choice = np.where(filled.any(axis=0), filled.argmax(axis=0), 0)
    for row in np.flatnonzero((filled.sum(axis=0) != 1) & (body[:, product] != None) if product is not None else []):  # noqa: E711
        code = names.get("".join(unicodedata.normalize("NFKC", str(body[row, product])).split()))
        fits = families[rules.products[code].unit] if code else []
        choice[row] = next((number for number in fits if filled[number, row] or not filled[:, row].any()), choice[row])
    return choice
