"""Sheets: from the files of an inbox to raw text tables in which every value knows its cell.

A sheet's kind is decided from its headers alone (``data/reference/headers.toml``), never from a file's name. Sheets of
accounts and passwords are refused before a cell is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from originmap import layouts
from originmap.archives import list_files, sources
from originmap.findings import found
from originmap.formats import UnreadableFileError
from originmap.headers import column_letter, is_accounts
from originmap.kept import kept
from originmap.rules import Rules
from originmap.skips import reasons_of
from originmap.slips import Slip, is_own, letters, lift
from originmap.texts import TEXT
from originmap.workbooks import Cells, RawSheet, read_file

SAMPLE_MARK: Final = "样例数据"
MAX_LISTED: Final = 20


@dataclass(frozen=True)
class Table:
    """The data rows of one recognised sheet.

    Attributes
    ----------
    kind, file, sheet
        What it is and where it stands.
    columns
        Field to 0-based column: with `row` it gives every value its cell.
    headers
        Field to the header as written, units included.
    rows
        `row` (1-based) and one column of texts per field, null where blank.
    zero_rows
        The same columns for rows that report nothing grown (零报告).
    context
        The lines above the rows, the nearest first where a heading stands among them: title, 填报单位, date. Notes below may
        name other townships and products.
    head_row
        The header's last row (1-based), 0 when not known.
    product
        The product whose column this is, where a sheet has one a product; else empty.
    whole
        Whether these are all the rows of the sheet; several tables may share one (see `layouts`).
    known_as
        Names of the files that a return slip was made from.
    total_rows
        The same columns for rows that give a total; of planting-area tables only.
    """

    kind: str
    file: str
    sheet: str
    columns: Mapping[str, int]
    headers: Mapping[str, str]
    rows: pa.Table
    zero_rows: pa.Table
    context: tuple[str, ...]
    head_row: int = 0
    product: str = ""
    whole: bool = True
    known_as: tuple[str, ...] = ()
    total_rows: pa.Table | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """`rows` as a frame."""
        return frame_of(self.rows)

    def only(self, mask: pd.Series) -> "Table":
        """Return the table with the rows of `mask` (aligned to `frame`) and without zero reports."""
        return replace(self, rows=self.rows.filter(pa.array(mask.to_numpy())), zero_rows=self.zero_rows.slice(0, 0))


@dataclass(frozen=True)
class Inbox:
    """Everything read from a folder.

    Attributes
    ----------
    files
        `file, status` (read, to_convert, unreadable).
    sheets
        `file, sheet, kind, rows_in` for every sheet; a row that names k products side by side counts k times, a sheet of
        several kinds shows the first.
    skipped
        `file, sheet, row, reason` for every row that is no record.
    tables
        The recognised sheets' data.
    findings
        Findings against files, sheets and columns.
    is_sample
        Whether any title says 样例数据.
    slips
        The return slips among the files.
    digests
        What each file's content is known by (``slips.letters``); empty where no slip came.
    """

    files: pd.DataFrame
    sheets: pd.DataFrame
    skipped: pd.DataFrame
    tables: tuple[Table, ...]
    findings: tuple[pd.DataFrame, ...]
    is_sample: bool
    slips: tuple[Slip, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Return Arrow rows as a frame with text columns."""
    return table.to_pandas(types_mapper={pa.large_string(): TEXT}.get)


def rows_of(frame: pd.DataFrame) -> pa.Table:
    """Return a frame made by `frame_of` as Arrow rows again."""
    return pa.table({name: pa.array(frame[name]) for name in frame})


def read_inbox(folder: Path, rules: Rules) -> Inbox:
    """Read every file of `folder`; one that cannot be read is a finding, the others are processed."""
    return kept(lambda: _inbox(folder, rules), files=lambda: list_files(folder), given=[folder, rules])


def _inbox(folder: Path, rules: Rules) -> Inbox:
    files: list[dict[str, object]] = []
    sheets: list[dict[str, object]] = []
    skipped: list[tuple[str, str, int, str]] = []
    tables: list[Table] = []
    findings: list[pd.DataFrame] = []
    slips: list[Slip] = []
    digests: dict[str, str] = {}
    is_sample = False
    for source in sources(folder, rules):
        name = source.name
        digests |= {name: letters(source.data)} if source.error is None else {}
        at = pd.DataFrame({"file": [name], "sheet": [""], "row": [pd.NA], "cell": [""]})
        try:
            if source.error is not None:
                raise source.error
            raw, notes = read_file(source.data, name, rules)
        except UnreadableFileError as error:
            status = "to_convert" if error.rule == "file_to_convert" else "unreadable"
            files.append({"file": name, "status": status})
            findings.append(found(error.rule, at, detail=error.detail))
            continue
        files.append({"file": name, "status": "read"})
        findings.extend(found(rule, at, detail=detail) for rule, detail in notes)
        raw, slip = lift(raw, rules)
        slips.extend([slip] if slip else [])
        for sheet in raw:
            kind, made, reasons, sheet_findings = recognise(sheet, rules)
            rows_in = len(sheet) + _side_by_side(made)
            sheets.append({"file": name, "sheet": sheet.sheet, "kind": kind, "rows_in": rows_in})
            skipped.extend((name, sheet.sheet, row, reason) for row, reason in enumerate(reasons, start=1) if reason)
            findings.extend(sheet_findings)
            tables.extend(made)
            is_sample = is_sample or (kind != "refused" and SAMPLE_MARK in "".join(_texts(sheet.rows(0, 5))))
    return Inbox(
        files=pd.DataFrame(files, columns=["file", "status"]),
        sheets=pd.DataFrame(sheets, columns=["file", "sheet", "kind", "rows_in"]),
        skipped=pd.DataFrame(skipped, columns=["file", "sheet", "row", "reason"]),
        tables=tuple(tables),
        findings=tuple(findings),
        is_sample=is_sample,
        slips=tuple(slips),
        digests=digests if slips else {},
    )


def recognise(sheet: RawSheet, rules: Rules) -> tuple[str, list[Table], Cells, list[pd.DataFrame]]:
    """Decide what a sheet is and split its rows into records and the skipped, each with its reason.

    Returns
    -------
    The kind (``empty``, ``refused`` and ``unrecognised`` included), its tables (see `layouts`; none if it is none of ours),
    for every row the reason why it is skipped (empty when it is a record), and the findings.
    """
    reasons = np.full(len(sheet), "blank", dtype=object)
    if not len(reasons):
        return "empty", [], reasons, []
    at = pd.DataFrame({"file": [sheet.file], "sheet": [sheet.sheet], "row": [pd.NA], "cell": [""]})
    if is_own(sheet):
        reasons[:] = "note"
        return "slip", [], reasons, []
    if is_accounts(sheet, rules.headers["refuse"]):
        reasons[:] = "refused"
        return "refused", [], reasons, [found("sheet_refused", at)]
    findings = [found("sheet_hidden", at)] if sheet.hidden else []
    if sheet.dropped_ids:
        findings.append(_id_findings(sheet))
    filled = layouts.filled_cells(sheet.table)
    blocks = layouts.blocks(sheet, filled, rules)
    if len(blocks[0].kinds) != 1:
        reasons[:] = "unrecognised"
        return "unrecognised", [], reasons, [*findings, _unrecognised(sheet, blocks[0], at)]
    hidden = [row + 1 for row in sheet.hidden_rows if row < len(filled) and filled[row]]
    if hidden:
        rows = "、".join(map(str, hidden[:MAX_LISTED])) + (" 等" if len(hidden) > MAX_LISTED else "")
        findings.append(found("row_hidden", at, detail=f"第 {rows} 行，共 {len(hidden)} 行"))
    tables: list[Table] = []
    top = tuple(_texts(sheet.rows(0, blocks[0].start)))
    for block in blocks:
        if len(block.kinds) != 1:
            reasons[block.lines : block.stop] = "unrecognised"
            findings.append(_unrecognised(sheet, block, at))
            continue
        reasons[block.lines : block.start] = "title"
        reasons[block.start : block.end] = "header"
        own = tuple(_texts(sheet.rows(block.lines, block.start))) if block is not blocks[0] else ()
        made, body_reasons, more = _read_block(sheet, filled, block, (*own, *top), rules)
        reasons[block.end : block.stop] = body_reasons[block.end : block.stop]
        tables.extend(made)
        findings.extend(more)
    reasons[filled == 0] = "blank"
    whole = len(tables) == 1
    return blocks[0].kinds[0], [replace(table, whole=whole) for table in tables], reasons, findings


def _side_by_side(tables: Sequence[Table]) -> int:
    """Return how many records stand beside another one in their row (a column a product)."""
    if len(tables) < 2:
        return 0
    rows = np.concatenate([table.rows["row"].to_numpy() for table in tables])
    return len(rows) - len(np.unique(rows))


def _unrecognised(sheet: RawSheet, block: layouts.Block, at: pd.DataFrame) -> pd.DataFrame:
    """Return the finding of a header that makes no kind, or several."""
    # What stands in a sheet that nobody understands is not quoted: it may be anything.
    size = f"{sheet.table.num_rows} 行 {sheet.table.num_columns} 列"
    rule = "sheet_ambiguous" if block.kinds else "sheet_unrecognised"
    return found(rule, at, detail="、".join(block.kinds) if block.kinds else size)


def _read_block(
    sheet: RawSheet, filled: npt.NDArray[np.int64], block: layouts.Block, context: tuple[str, ...], rules: Rules
) -> tuple[list[Table], Cells, list[pd.DataFrame]]:
    """Return a block's tables, for every row of the sheet the reason why it is skipped, and the findings."""
    body = _body(sheet, block.columns, block.end)
    reasons = reasons_of(sheet, filled, block.columns, block.end, rules)
    reasons[filled == 0] = "blank"
    reasons[list(block.repeats)] = "header"
    reasons, pieces = layouts.headings(sheet, filled, block, reasons)
    field_at = {column: field for field, column in block.columns.items()}
    numbers = np.arange(len(reasons))
    tables: list[Table] = []
    findings: list[pd.DataFrame] = []
    for first, stop, heading in pieces:
        here = (numbers >= first) & (numbers < stop)
        split, nothing, both = layouts.parts(block, body, here & (reasons == ""), rules)
        zero = here & (reasons == "zero_report")
        reasons[nothing] = "zero_report"
        for part in split:
            own = {field: body[field_at[column]] for field, column in part.columns.items()}
            kept = _rows(own, part.rows)
            table = Table(
                kind=block.kinds[0],
                file=sheet.file,
                sheet=sheet.sheet,
                columns=part.columns,
                headers=part.headers,
                rows=kept,
                zero_rows=_rows(own, zero) if part is split[0] and zero.any() else kept.slice(0, 0),
                context=(*heading, *context),
                head_row=block.end,
                product=part.product,
                total_rows=_rows(own, here & (reasons == "total")) if block.kinds[0] == "planting_area" else None,
            )
            tables.append(table)
            if (both & part.rows).any():
                findings.append(_twice(table, np.flatnonzero(both) + 1))
    spot = pd.DataFrame({"file": [sheet.file], "sheet": [sheet.sheet], "row": [block.end]})
    for column in (*block.unknown, *layouts.set_aside(block)):
        cell = spot.assign(cell=f"{column_letter(column)}{block.end}")
        findings.append(found("column_unknown", cell, value="/".join(block.paths[column])))
    return tables, reasons, findings


def _twice(table: Table, rows: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Return a finding for each of the table's rows that a second size column (rows, 1-based) speaks of too."""
    frame = table.frame
    twice = frame[frame["row"].isin(rows)]
    cells = column_letter(table.columns["size"]) + twice["row"].astype("str")
    at = twice[["row"]].assign(file=table.file, sheet=table.sheet, cell=cells)
    return found("size_twice", at, field="size", value=twice["size"].astype("str"), detail=table.headers["size"])


def _rows(body: Mapping[str, pa.ChunkedArray], wanted: npt.NDArray[np.bool_]) -> pa.Table:
    """Return the wanted rows: `row` (1-based) and one column of texts per field."""
    numbers = np.flatnonzero(wanted)
    # Rows that stand together are a view of the sheet, not a copy.
    together = bool(len(numbers)) and numbers[-1] - numbers[0] + 1 == len(numbers)
    columns = {
        name: column.slice(numbers[0], len(numbers)) if together else column.take(pa.array(numbers))
        for name, column in body.items()
    }
    return pa.table({"row": pa.array(numbers + 1), **columns})


def _texts(cells: Cells) -> list[str]:
    return [str(cell) for cell in cells.ravel() if cell is not None]


def _id_findings(sheet: RawSheet) -> pd.DataFrame:
    rows = [row + 1 for row, _ in sheet.dropped_ids]
    cells = [f"{column_letter(column)}{row + 1}" for row, column in sheet.dropped_ids]
    at = pd.DataFrame({"file": sheet.file, "sheet": sheet.sheet, "row": rows, "cell": cells})
    return found("id_number_dropped", at)


def _body(sheet: RawSheet, columns: Mapping[str, int], end: int) -> dict[str, pa.ChunkedArray]:
    """Return each field's column with merged body cells filled from their own range; sizes are not, or they would multiply."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for top, left, bottom, _ in sheet.merges:
        if top >= end and bottom > top and top < len(sheet):
            spans.setdefault(left, []).append((top, min(bottom + 1, len(sheet))))
    body = {}
    for name, number in columns.items():
        column = sheet.table.column(number)
        if number in spans and name.partition(":")[0] not in ("size", "area"):
            texts = column.to_numpy(zero_copy_only=False).copy()
            for top, stop in spans[number]:
                texts[top:stop] = texts[top]
            column = pa.chunked_array([pa.array(texts, pa.large_string(), from_pandas=True)])
        body[name] = column
    return body
