"""Sheets: from the files of an inbox to raw text tables in which every value knows its cell.

A sheet's kind is decided from its headers alone (``data/reference/headers.toml``), never from a file's name. Sheets of
accounts and passwords are refused before a cell is kept.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from originmap import layouts
from originmap.findings import found
from originmap.headers import MIN_HEADER_FIELDS, column_letter, plain
from originmap.rules import Rules
from originmap.workbooks import Cells, RawSheet, UnreadableFileError, list_files, read_file, shown_name

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
    frame
        `row` (1-based) and one column of texts per field, None where blank.
    zero_rows
        The same columns for rows that report nothing grown (零报告).
    context
        The lines above the rows, the nearest first where a heading stands among them: title, 填报单位, date. Notes below may
        name other townships and products.
    product
        The product whose column this is, where a sheet has one a product; else empty.
    whole
        Whether these are all the rows of the sheet; several tables may share one (see `layouts`).
    """

    kind: str
    file: str
    sheet: str
    columns: Mapping[str, int]
    headers: Mapping[str, str]
    frame: pd.DataFrame
    zero_rows: pd.DataFrame
    context: tuple[str, ...]
    product: str = ""
    whole: bool = True


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
    """

    files: pd.DataFrame
    sheets: pd.DataFrame
    skipped: pd.DataFrame
    tables: tuple[Table, ...]
    findings: tuple[pd.DataFrame, ...]
    is_sample: bool


def read_inbox(folder: Path, rules: Rules) -> Inbox:
    """Read every file of `folder`; one that cannot be read is a finding, the others are processed."""
    files: list[dict[str, object]] = []
    sheets: list[dict[str, object]] = []
    skipped: list[tuple[str, str, int, str]] = []
    tables: list[Table] = []
    findings: list[pd.DataFrame] = []
    is_sample = False
    for path in list_files(folder):
        name = shown_name(path.relative_to(folder).as_posix())
        at = pd.DataFrame({"file": [name], "sheet": [""], "row": [pd.NA], "cell": [""]})
        try:
            raw = read_file(path, name, rules)
        except UnreadableFileError as error:
            status = "to_convert" if error.rule == "file_to_convert" else "unreadable"
            files.append({"file": name, "status": status})
            findings.append(found(error.rule, at, detail=error.detail))
            continue
        files.append({"file": name, "status": "read"})
        for sheet in raw:
            kind, made, reasons, sheet_findings = recognise(sheet, rules)
            rows_in = sum(len(table.frame) for table in made) + int((reasons != "").sum())
            sheets.append({"file": name, "sheet": sheet.sheet, "kind": kind, "rows_in": rows_in})
            skipped.extend((name, sheet.sheet, row, reason) for row, reason in enumerate(reasons, start=1) if reason)
            findings.extend(sheet_findings)
            tables.extend(made)
            is_sample = is_sample or (kind != "refused" and SAMPLE_MARK in "".join(_texts(sheet.cells[:5])))
    return Inbox(
        files=pd.DataFrame(files, columns=["file", "status"]),
        sheets=pd.DataFrame(sheets, columns=["file", "sheet", "kind", "rows_in"]),
        skipped=pd.DataFrame(skipped, columns=["file", "sheet", "row", "reason"]),
        tables=tuple(tables),
        findings=tuple(findings),
        is_sample=is_sample,
    )


def recognise(sheet: RawSheet, rules: Rules) -> tuple[str, list[Table], Cells, list[pd.DataFrame]]:
    """Decide what a sheet is and split its rows into records and the skipped, each with its reason.

    Returns
    -------
    The kind (``empty``, ``refused`` and ``unrecognised`` included), its tables (see `layouts`; none if it is none of ours),
    for every row the reason why it is skipped (empty when it is a record), and the findings.
    """
    reasons = np.full(len(sheet.cells), "blank", dtype=object)
    if not len(reasons):
        return "empty", [], reasons, []
    at = pd.DataFrame({"file": [sheet.file], "sheet": [sheet.sheet], "row": [pd.NA], "cell": [""]})
    if _is_accounts(sheet.cells, rules.headers["refuse"]):
        reasons[:] = "refused"
        return "refused", [], reasons, [found("sheet_refused", at)]
    findings = [found("sheet_hidden", at)] if sheet.hidden else []
    if sheet.dropped_ids:
        findings.append(_id_findings(sheet))
    blocks = layouts.blocks(sheet, rules)
    if len(blocks[0].kinds) != 1:
        reasons[:] = "unrecognised"
        return "unrecognised", [], reasons, [*findings, _unrecognised(sheet, blocks[0], at)]
    if sheet.hidden_rows:
        rows = "、".join(str(row + 1) for row in sheet.hidden_rows[:MAX_LISTED])
        more = f" 等 {len(sheet.hidden_rows)} 行" if len(sheet.hidden_rows) > MAX_LISTED else " 行"
        findings.append(found("row_hidden", at, detail=f"第 {rows}{more}"))
    tables: list[Table] = []
    top = tuple(_texts(sheet.cells[: blocks[0].start]))
    for block in blocks:
        reasons[block.lines : block.start] = "title"
        reasons[block.start : block.end] = "header"
        if len(block.kinds) != 1:
            reasons[block.lines : block.stop] = "unrecognised"
            findings.append(_unrecognised(sheet, block, at))
            continue
        own = tuple(_texts(sheet.cells[block.lines : block.start])) if block is not blocks[0] else ()
        made, body_reasons, more = _read_block(sheet, block, (*own, *top), rules)
        reasons[block.end : block.stop] = body_reasons[block.end : block.stop]
        tables.extend(made)
        findings.extend(more)
    whole = len(tables) == 1
    return blocks[0].kinds[0], [replace(table, whole=whole) for table in tables], reasons, findings


def _unrecognised(sheet: RawSheet, block: layouts.Block, at: pd.DataFrame) -> pd.DataFrame:
    """Return the finding of a header that makes no kind, or several."""
    # What stands in a sheet that nobody understands is not quoted: it may be anything.
    size = f"{sheet.cells.shape[0]} 行 {sheet.cells.shape[1]} 列"
    rule = "sheet_ambiguous" if block.kinds else "sheet_unrecognised"
    return found(rule, at, detail="、".join(block.kinds) if block.kinds else size)


def _read_block(
    sheet: RawSheet, block: layouts.Block, context: tuple[str, ...], rules: Rules
) -> tuple[list[Table], Cells, list[pd.DataFrame]]:
    """Return a block's tables, for every row of the sheet the reason why it is skipped, and the findings."""
    body = _filled(sheet, block.columns, block.end)
    reasons = _reasons(sheet.cells[: block.stop], block.columns, block.end, rules)
    reasons[[not any(value is not None for value in row) for row in sheet.cells[: block.stop]]] = "blank"
    reasons[list(block.repeats)] = "header"
    reasons, pieces = layouts.headings(sheet, block, reasons)
    tables: list[Table] = []
    findings: list[pd.DataFrame] = []
    spot = pd.DataFrame({"file": [sheet.file], "sheet": [sheet.sheet]})
    for first, stop, heading in pieces:
        rows = np.arange(len(reasons))
        here = (rows >= first) & (rows < stop)
        split, nothing, both = layouts.parts(block, body[: block.stop], here & (reasons == ""), rules)
        zero = here & (reasons == "zero_report")
        reasons[nothing] = "zero_report"
        lines = (*heading, *context)
        for number, part in enumerate(split):
            table = Table(
                kind=block.kinds[0],
                file=sheet.file,
                sheet=sheet.sheet,
                columns=part.columns,
                headers=part.headers,
                frame=_rows(body[: block.stop], part.columns, part.rows),
                zero_rows=_rows(body[: block.stop], part.columns, zero if number == 0 else np.zeros_like(zero)),
                context=lines,
                product=part.product,
            )
            tables.append(table)
            twice = np.flatnonzero(both & part.rows)
            if len(twice):
                letter = column_letter(part.columns["size"])
                cells = [f"{letter}{row + 1}" for row in twice]
                at = pd.DataFrame({"file": sheet.file, "sheet": sheet.sheet, "row": twice + 1, "cell": cells})
                value = pd.Series([str(body[row, part.columns["size"]]) for row in twice])
                findings.append(found("size_twice", at, field="size", value=value, detail=part.headers["size"]))
    used = {column for table in tables for column in table.columns.values()}
    for column in sorted({*block.unknown, *block.columns.values()} - used):
        cell = spot.assign(cell=f"{column_letter(column)}{block.end}", row=block.end)
        findings.append(found("column_unknown", cell, value="/".join(block.paths[column])))
    return tables, reasons, findings


def _rows(body: Cells, columns: Mapping[str, int], wanted: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Return the wanted rows as objects: one conversion to text for all sheets is made later (`cells`)."""
    texts = pd.DataFrame({field: body[wanted, column] for field, column in columns.items()}, dtype=object)
    texts.insert(0, "row", np.flatnonzero(wanted) + 1)
    return texts


def _texts(cells: Cells) -> list[str]:
    return [str(cell) for cell in cells.ravel() if cell is not None]


def _is_accounts(cells: Cells, refuse: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether a sheet holds accounts or passwords: as columns of a header-like row anywhere, or said with a colon."""
    passwords, accounts = "|".join(refuse["passwords"]), "|".join(refuse["accounts"])
    said = re.compile(rf"(?:{passwords}|{accounts})[名]?[:：=]")
    column = re.compile(rf".{{0,8}}(?:{passwords})|(?:登录|登陆|平台|系统)*(?:{accounts})")
    texts = {str(cell) for cell in cells.ravel() if cell is not None}
    short = {text: "".join(unicodedata.normalize("NFKC", text).split()).lower() for text in texts}
    if any(said.search(text) for text in short.values()):
        return True
    suspects = {text for text, clean in short.items() if column.fullmatch(clean)}
    if not suspects:
        return False
    return any(
        sum(cell is not None for cell in row) > 1 and not any(str(cell).isdigit() for cell in row if cell is not None)
        for row in cells
        if any(cell in suspects for cell in row)
    )


def _id_findings(sheet: RawSheet) -> pd.DataFrame:
    rows = [row + 1 for row, _ in sheet.dropped_ids]
    cells = [f"{column_letter(column)}{row + 1}" for row, column in sheet.dropped_ids]
    at = pd.DataFrame({"file": sheet.file, "sheet": sheet.sheet, "row": rows, "cell": cells})
    return found("id_number_dropped", at)


def _filled(sheet: RawSheet, columns: Mapping[str, int], end: int) -> Cells:
    """Return the cells with merged body cells filled from their own range; sizes are not, or they would multiply."""
    body = sheet.cells.copy()
    sizes = {column for field, column in columns.items() if field.partition(":")[0] in ("size", "area")}
    for top, left, bottom, right in sheet.merges:
        if top >= end and top < len(body):
            for column in range(left, min(right + 1, body.shape[1])):
                if column not in sizes and column == left:
                    body[top : bottom + 1, column] = body[top, left]
    return body


def _reasons(cells: Cells, columns: Mapping[str, int], end: int, rules: Rules) -> Cells:
    """Say for each row why it is no record, an empty text when it is one."""
    given = rules.headers["rows"]
    totals, zeros = {plain(word) for word in given["total"]}, {plain(word) for word in given["zero_report"]}
    begins = tuple(plain(word) for word in given["zero_report_begins"])
    note = re.compile(rf"^(?:{'|'.join(sorted(given['note'], key=len, reverse=True))})[:：\d、.]")
    named = ("number", "township", "village", "subject_name", "product")
    labels = sorted({0, *(columns[name] for name in named if name in columns)})
    place = {columns[name] for name in ("township", "village") if name in columns}
    officials = {column for name, column in columns.items() if name.startswith(("supervisor", "collector"))}
    proofs = {columns[name] for name in ("contact_phone", "point", "lon", "base_address") if name in columns}
    numbered, product = columns.get("number", -1), columns.get("product", -1)
    header = [plain(cell) for cell in cells[end - 1]]
    reasons = np.full(len(cells), "", dtype=object)
    for row in range(end, len(cells)):
        own = {column: plain(cell) for column, cell in enumerate(cells[row]) if cell is not None}
        if own.get(numbered, "").isdigit():
            del own[numbered]
        if not own:
            reasons[row] = "blank"
            continue
        lead = re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(cells[row][min(own)])))
        alone = len(own) == 1 and len(lead) > 15 and columns.get("subject_name") not in own
        if (len(own) <= 4 and note.match(lead)) or alone:
            reasons[row] = "note"
            continue
        # Rows given their township (and product) in advance and never filled.
        if set(own) <= place:
            reasons[row] = "blank"
            continue
        said = [text.strip("。.!！") for column, text in own.items() if column not in place | officials | {product}]
        said = said or [own.get(product, "")]
        if any(text in zeros or text.startswith(begins) for text in said) and all(
            text in zeros or text.startswith(begins) or text == "0" for text in said
        ):
            reasons[row] = "zero_report"
            continue
        if set(own) <= place | {product}:
            reasons[row] = "blank"
            continue
        first = [own[column] for column in labels if column in own]
        total = any(text in totals or (len(text) <= 10 and text.endswith(tuple(totals))) for text in first)
        if total and not (proofs & set(own) and product in own):
            reasons[row] = "total"
            continue
        if len(own) >= MIN_HEADER_FIELDS and sum(header[at] == text for at, text in own.items()) >= 0.6 * len(own):
            reasons[row] = "header"
    return reasons
