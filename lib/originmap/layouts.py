"""Layouts: one sheet may hold several tables, side by side or one under the other; here it is cut into plain ones.

A second header further down begins a new table. A lone line among the rows is a heading (二、养殖业; 湖头镇; 韭菜) that speaks for the
rows below it. Two columns of sizes (面积(亩) | 存栏(头)), or one a product beside the subject (豇豆(亩) | 韭菜(亩)), become tables with one
column of sizes each, so that whoever reads them needs to know of one layout only.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from originmap.headers import MIN_HEADER_FIELDS, fields_of, find_header, header_at, kinds_of, known, unit_in_header
from originmap.rules import Rules
from originmap.workbooks import Cells, RawSheet

Mask = npt.NDArray[np.bool_]

SPARSE: Final = 2  # cells; a line with no more is no row of data when another header follows it
MAX_HEADINGS: Final = 200
_WIDE: Final = 3  # columns; a line merged over so many is a heading
_NUMBERED: Final = re.compile(
    r"[(（]?(?:[一二三四五六七八九十]+|\d{1,2})[)）]?[、.．)）:：]|[(（](?:[一二三四五六七八九十]+|\d+)[)）]"
)
_NUMBER: Final = re.compile(r"[-+]?[\d.,]+")
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


def filled_cells(table: pa.Table) -> npt.NDArray[np.int64]:
    """Return how many cells of each row say something."""
    counts = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.itercolumns():
        counts += pc.is_valid(column).to_numpy(zero_copy_only=False) if column.null_count else 1
    return counts


def blocks(sheet: RawSheet, filled: npt.NDArray[np.int64], rules: Rules) -> list[Block]:
    """Return the tables that stand one under the other in a sheet, at least one.

    A later row is tried as a header when a cell repeats the header above it or when it follows a blank or nearly blank line; it is
    one when its words make a kind. The same header once more (a page break) begins no new table.
    """
    start, end, paths = find_header(sheet, rules)
    columns, unknown = fields_of(paths, rules)
    found = [Block(0, start, end, len(sheet), paths, columns, unknown, kinds_of(set(columns), rules))]
    for row in _candidates(sheet, start, end, filled) if found[0].kinds else ():
        last = found[-1]
        done = max((last.end, *(again + 1 for again in last.repeats)))
        if row < done or not _may_head(sheet.rows(row, row + 1)[0], rules):
            continue
        end, paths = header_at(sheet, row, rules)
        columns, unknown = fields_of(paths, rules)
        kinds = kinds_of(set(columns), rules)
        if not kinds:
            continue
        if columns == last.columns:
            found[-1] = replace(last, repeats=(*last.repeats, *range(row, end)))
            continue
        lines = row
        while lines > last.end and filled[lines - 1] <= SPARSE:
            lines -= 1
        found[-1] = replace(last, stop=lines)
        found.append(Block(lines, row, end, last.stop, paths, columns, unknown, kinds))
    return found


def _may_head(row: Cells, rules: Rules) -> bool:
    """Tell whether a row has enough words of headers, and no number."""
    texts = [unicodedata.normalize("NFKC", str(cell)) for cell in row if cell is not None]
    return known(row, rules) >= MIN_HEADER_FIELDS and not any(_NUMBER.fullmatch(text) for text in texts)


def _candidates(sheet: RawSheet, start: int, end: int, filled: npt.NDArray[np.int64]) -> list[int]:
    """Return the rows that may be a header: cheap to tell, so that a long sheet is not read word by word."""
    again = np.zeros(len(sheet), dtype=bool)
    for row in sheet.rows(start, end):
        for column, text in zip(sheet.table.itercolumns(), row, strict=True):
            if text is not None:
                again |= pc.fill_null(pc.equal(column, text), fill_value=False).to_numpy(zero_copy_only=False)
    after = np.concatenate([[False], filled[:-1] <= SPARSE])
    wanted = (again | after) & (filled >= MIN_HEADER_FIELDS)
    wanted[:end] = False
    return [int(row) for row in np.flatnonzero(wanted)]


def headings(
    sheet: RawSheet, filled: npt.NDArray[np.int64], block: Block, reasons: Cells
) -> tuple[Cells, list[tuple[int, int, tuple[str, ...]]]]:
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
    sparse = np.flatnonzero((filled > 0) & (filled <= SPARSE))
    sparse = sparse[(sparse >= block.end) & (sparse < block.stop)]
    across = {top for top, left, bottom, right in sheet.merges if top == bottom and right - left + 1 >= _WIDE}
    texts = {int(row): sheet.rows(int(row), int(row) + 1)[0] for row in sparse if reasons[row] in ("", "blank", "note")}
    lone = [row for row, cells in texts.items() if _lone(cells, block, reasons[row], across=row in across)]
    records = np.flatnonzero(reasons == "")
    records = records[(records >= block.end) & (records < block.stop) & ~np.isin(records, lone)]
    last = int(records[-1]) if len(records) else -1
    reasons[[row for row in lone if row > last]] = "note"
    heads = [row for row in lone if row < last]
    reasons[heads] = "title"
    if not heads or len(heads) > MAX_HEADINGS:
        return reasons, [(block.end, block.stop, ())]
    edges = [block.end, *heads, block.stop]
    said = [(), *(tuple(str(cell) for cell in texts[row] if cell is not None) for row in heads)]
    return reasons, [piece for piece in zip(edges, edges[1:], said, strict=False) if piece[1] > piece[0]]


def _lone(row: Cells, block: Block, reason: str, *, across: bool) -> bool:
    """Tell whether a sparse row is a line of its own: merged across, numbered, or text where only a number or place stands."""
    if reason == "note" and not across:
        return False
    at = [column for column, cell in enumerate(row) if cell is not None]
    if not at or (len(at) > 1 and not across):
        return False
    text = unicodedata.normalize("NFKC", str(row[at[0]])).strip()
    if text.replace(".", "").isdigit():
        return False
    if across or _NUMBERED.match(text):
        return True
    # 湖头镇 by itself under 乡镇 was filled in advance; a name by itself is a subject that lacks the rest.
    named = {
        block.columns[name] for name in ("subject_name", "township", "village", "product") if name in block.columns
    }
    return at[0] == 0 and 0 not in named


def parts(
    block: Block, body: Mapping[str, pa.ChunkedArray], wanted: Mask, rules: Rules
) -> tuple[list[Part], Mask, Mask]:
    """Split a block's records by the column that holds their size.

    Parameters
    ----------
    body
        The block's columns, merged cells filled.
    wanted
        Which rows of the sheet are records.

    Returns
    -------
    The parts; the rows that say of every product that there is none; the rows in which two columns hold a size and one is used.
    """
    headers = {field: block.paths[column][-1] for field, column in block.columns.items()}
    nothing = np.zeros_like(wanted)
    areas = [field for field in block.columns if field.startswith("area:")]
    if block.kinds == ["planting_area"]:
        return [Part(block.columns, headers, wanted)], nothing, nothing
    plain = {name: at for name, at in block.columns.items() if not name.startswith(("area:", "size:", "unit:"))}
    if areas and "size" not in plain:
        given = {field: wanted & _says(body[field]) for field in areas}
        some = np.logical_or.reduce(list(given.values()))
        typed = np.logical_or.reduce([body[field].is_valid().to_numpy(zero_copy_only=False) for field in areas])
        nothing = wanted & ~some & typed
        made = [_part(headers, plain, wanted & ~some & ~nothing)]
        said = {name: at for name, at in plain.items() if name != "product"}
        for field in areas:
            own = {**said, "size": block.columns[field]}
            made.append(_part({**headers, "size": headers[field]}, own, given[field], field.removeprefix("area:")))
        return [part for part in made if part.rows.any()] or made[:1], nothing, np.zeros_like(nothing)
    sizes = [field for field in block.columns if field.partition(":")[0] == "size"]
    if len(sizes) < 2:
        return [_part(headers, plain, wanted)], nothing, nothing
    given = {field: wanted & _says(body[field]) for field in sizes}
    both = np.sum(list(given.values()), axis=0) > 1
    choice = _fitting(body, given, headers, rules)
    made = []
    for number, field in enumerate(sizes):
        unit = field.replace("size", "unit")
        own = {name: at for name, at in plain.items() if name not in ("size", "unit")} | {"size": block.columns[field]}
        own |= {"unit": block.columns[unit]} if unit in block.columns else {}
        made.append(_part({**headers, "size": headers[field]}, own, wanted & (choice == number)))
    return [part for part in made if part.rows.any()] or made[:1], nothing, both


def _part(headers: Mapping[str, str], columns: Mapping[str, int], rows: Mask, product: str = "") -> Part:
    return Part(columns, {name: headers[name] for name in columns}, rows, product)


def set_aside(block: Block) -> list[int]:
    """Return the columns of products that are not read because a column of sizes stands beside them."""
    beside = "size" in block.columns and block.kinds != ["planting_area"]
    return [column for field, column in block.columns.items() if beside and field.startswith("area:")]


def _says(column: pa.ChunkedArray) -> Mask:
    """Tell which cells hold more than a stroke or a nought."""
    silent = pc.is_in(pc.utf8_trim_whitespace(column), pa.array(sorted(_NOTHING), column.type))
    says = pc.and_(pc.is_valid(column), pc.invert(silent))
    mask: Mask = says.to_numpy(zero_copy_only=False).astype(bool)
    return mask


def _fitting(
    body: Mapping[str, pa.ChunkedArray], given: Mapping[str, Mask], headers: Mapping[str, str], rules: Rules
) -> npt.NDArray[np.int64]:
    """Return for each row which column of sizes is its: the only filled one, else the one in the product's unit, else the first."""
    families: dict[str, list[int]] = {unit: [] for unit in rules.units}
    for number, field in enumerate(given):
        said = re.split(r"[、,，/]", unit_in_header(headers[field]))
        for unit, words in rules.units.items():
            if any(word in words for word in said):
                families[unit].append(number)
    filled = np.array(list(given.values()))
    choice = np.where(filled.any(axis=0), filled.argmax(axis=0), 0)
    if "product" not in body:
        return choice
    names = rules.product_names()
    open_rows = np.flatnonzero(filled.sum(axis=0) != 1)
    for row, product in zip(open_rows, body["product"].take(open_rows).to_pylist(), strict=True):
        code = names.get("".join(unicodedata.normalize("NFKC", product or "").split()))
        fits = families[rules.products[code].unit] if code else []
        choice[row] = next((number for number in fits if filled[number, row] or not filled[:, row].any()), choice[row])
    return choice
