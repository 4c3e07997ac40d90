"""Sheets: from the files of an inbox to raw text tables in which every value knows its cell.

A sheet's kind is decided from its headers alone (``data/reference/headers.toml``), never from a file's name. Sheets of
accounts and passwords are refused before a cell is kept.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from originmap.findings import found
from originmap.headers import MIN_HEADER_FIELDS, column_letter, fields_of, find_header, kinds_of, plain
from originmap.rules import Rules
from originmap.slips import Slip, is_own, letters, lift
from originmap.workbooks import Cells, RawSheet, UnreadableFileError, list_files, read_file, shown_name

SAMPLE_MARK: Final = "样例数据"


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
        The texts above the header: title, 填报单位, date. Notes below may name other townships and products.
    known_as
        Names of the files that a return slip was made from.
    """

    kind: str
    file: str
    sheet: str
    columns: Mapping[str, int]
    headers: Mapping[str, str]
    frame: pd.DataFrame
    zero_rows: pd.DataFrame
    context: tuple[str, ...]
    known_as: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inbox:
    """Everything read from a folder.

    Attributes
    ----------
    files
        `file, status` (read, to_convert, unreadable).
    sheets
        `file, sheet, kind, rows_in` for every sheet.
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


def read_inbox(folder: Path, rules: Rules) -> Inbox:
    """Read every file of `folder`; one that cannot be read is a finding, the others are processed."""
    files: list[dict[str, object]] = []
    sheets: list[dict[str, object]] = []
    skipped: list[tuple[str, str, int, str]] = []
    tables: list[Table] = []
    findings: list[pd.DataFrame] = []
    slips: list[Slip] = []
    is_sample = False
    paths = [(shown_name(path.relative_to(folder).as_posix()), path) for path in list_files(folder)]
    for name, path in paths:
        at = pd.DataFrame({"file": [name], "sheet": [""], "row": [pd.NA], "cell": [""]})
        try:
            raw = read_file(path, name, rules)
        except UnreadableFileError as error:
            status = "to_convert" if error.rule == "file_to_convert" else "unreadable"
            files.append({"file": name, "status": status})
            findings.append(found(error.rule, at, detail=error.detail))
            continue
        files.append({"file": name, "status": "read"})
        raw, slip = lift(raw, rules)
        slips.extend([slip] if slip else [])
        for sheet in raw:
            kind, table, reasons, sheet_findings = recognise(sheet, rules)
            sheets.append({"file": name, "sheet": sheet.sheet, "kind": kind, "rows_in": len(sheet.cells)})
            skipped.extend((name, sheet.sheet, row, reason) for row, reason in enumerate(reasons, start=1) if reason)
            findings.extend(sheet_findings)
            if table is not None:
                tables.append(table)
            is_sample = is_sample or (kind != "refused" and SAMPLE_MARK in "".join(_texts(sheet.cells[:5])))
    return Inbox(
        files=pd.DataFrame(files, columns=["file", "status"]),
        sheets=pd.DataFrame(sheets, columns=["file", "sheet", "kind", "rows_in"]),
        skipped=pd.DataFrame(skipped, columns=["file", "sheet", "row", "reason"]),
        tables=tuple(tables),
        findings=tuple(findings),
        is_sample=is_sample,
        slips=tuple(slips),
        digests={name: letters(path.read_bytes()) for name, path in paths} if slips else {},
    )


def recognise(sheet: RawSheet, rules: Rules) -> tuple[str, Table | None, Cells, list[pd.DataFrame]]:
    """Decide what a sheet is and split its rows into records and the skipped, each with its reason.

    Returns
    -------
    The kind (``empty``, ``refused`` and ``unrecognised`` included), the table if it is one of ours, for every row the
    reason why it is skipped (empty when it is a record), and the findings.
    """
    reasons = np.full(len(sheet.cells), "blank", dtype=object)
    if not len(reasons):
        return "empty", None, reasons, []
    at = pd.DataFrame({"file": [sheet.file], "sheet": [sheet.sheet], "row": [pd.NA], "cell": [""]})
    if is_own(sheet):
        reasons[:] = "note"
        return "slip", None, reasons, []
    if _is_accounts(sheet.cells, rules.headers["refuse"]):
        reasons[:] = "refused"
        return "refused", None, reasons, [found("sheet_refused", at)]
    findings = [found("sheet_hidden", at)] if sheet.hidden else []
    if sheet.dropped_ids:
        findings.append(_id_findings(sheet))
    start, end, paths = find_header(sheet, rules)
    columns, unknown = fields_of(paths, rules)
    kinds = kinds_of(set(columns), rules)
    if len(kinds) != 1:
        rule = "sheet_ambiguous" if kinds else "sheet_unrecognised"
        # What stands in a sheet that nobody understands is not quoted: it may be anything.
        detail = "、".join(kinds) if kinds else f"{sheet.cells.shape[0]} 行 {sheet.cells.shape[1]} 列"
        reasons[:] = "unrecognised"
        return "unrecognised", None, reasons, [*findings, found(rule, at, detail=detail)]
    body = _filled(sheet, columns, end)
    reasons = _reasons(sheet.cells, columns, end, rules)
    reasons[:start] = "title"
    reasons[start:end] = "header"
    reasons[[not any(value is not None for value in row) for row in sheet.cells]] = "blank"
    context = tuple(_texts(sheet.cells[:start]))
    headers = {field: paths[column][-1] for field, column in columns.items()}
    table = Table(
        kind=kinds[0],
        file=sheet.file,
        sheet=sheet.sheet,
        columns=columns,
        headers=headers,
        frame=_rows(body, columns, reasons == ""),
        zero_rows=_rows(body, columns, reasons == "zero_report"),
        context=context,
    )
    for column in unknown:
        cell = at.assign(cell=f"{column_letter(column)}{end}", row=end)
        findings.append(found("column_unknown", cell, value="/".join(paths[column])))
    return kinds[0], table, reasons, findings


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
    sizes = {column for field, column in columns.items() if field == "size" or field.startswith("area:")}
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
