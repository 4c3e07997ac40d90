"""Sheets: from the files of an inbox to raw text tables in which every value knows its cell.

A sheet's kind is decided from its headers alone (``data/reference/headers.toml``), never from a file's name. Sheets of
accounts and passwords are refused before a cell is kept.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from originmap.findings import found
from originmap.headers import MIN_HEADER_FIELDS, column_letter, fields_of, find_header, kinds_of, loose, plain
from originmap.rules import Rules
from originmap.workbooks import Cells, RawSheet, UnreadableFileError, list_files, read_file, shown_name

SAMPLE_MARK: Final = "样例数据"
# A note fills no more cells than this; a row with more than MAX_ODD, a subject and a size is a record without a second look.
MAX_NOTE: Final = 4
MAX_ODD: Final = 6
_TEXT: Final = {pa.string(): pd.StringDtype("pyarrow", na_value=np.nan)}


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
    """

    kind: str
    file: str
    sheet: str
    columns: Mapping[str, int]
    headers: Mapping[str, str]
    frame: pd.DataFrame
    zero_rows: pd.DataFrame
    context: tuple[str, ...]


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
            kind, table, reasons, sheet_findings = recognise(sheet, rules)
            sheets.append({"file": name, "sheet": sheet.sheet, "kind": kind, "rows_in": len(sheet)})
            skipped.extend((name, sheet.sheet, row, reason) for row, reason in enumerate(reasons, start=1) if reason)
            findings.extend(sheet_findings)
            if table is not None:
                tables.append(table)
            is_sample = is_sample or (kind != "refused" and SAMPLE_MARK in "".join(_texts(sheet.rows(0, 5))))
    return Inbox(
        files=pd.DataFrame(files, columns=["file", "status"]),
        sheets=pd.DataFrame(sheets, columns=["file", "sheet", "kind", "rows_in"]),
        skipped=pd.DataFrame(skipped, columns=["file", "sheet", "row", "reason"]),
        tables=tuple(tables),
        findings=tuple(findings),
        is_sample=is_sample,
    )


def recognise(sheet: RawSheet, rules: Rules) -> tuple[str, Table | None, Cells, list[pd.DataFrame]]:
    """Decide what a sheet is and split its rows into records and the skipped, each with its reason.

    Returns
    -------
    The kind (``empty``, ``refused`` and ``unrecognised`` included), the table if it is one of ours, for every row the
    reason why it is skipped (empty when it is a record), and the findings.
    """
    reasons = np.full(len(sheet), "blank", dtype=object)
    if not len(reasons):
        return "empty", None, reasons, []
    at = pd.DataFrame({"file": [sheet.file], "sheet": [sheet.sheet], "row": [pd.NA], "cell": [""]})
    if _is_accounts(sheet, rules.headers["refuse"]):
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
        detail = "、".join(kinds) if kinds else f"{sheet.table.num_rows} 行 {sheet.table.num_columns} 列"
        reasons[:] = "unrecognised"
        return "unrecognised", None, reasons, [*findings, found(rule, at, detail=detail)]
    filled = _filled_cells(sheet.table)
    reasons = _reasons(sheet, filled, columns, end, rules)
    reasons[:start] = "title"
    reasons[start:end] = "header"
    reasons[filled == 0] = "blank"
    context = tuple(_texts(sheet.rows(0, start)))
    body = _body(sheet, columns, end)
    headers = {field: paths[column][-1] for field, column in columns.items()}
    table = Table(
        kind=kinds[0],
        file=sheet.file,
        sheet=sheet.sheet,
        columns=columns,
        headers=headers,
        frame=_rows(body, reasons == ""),
        zero_rows=_rows(body, reasons == "zero_report"),
        context=context,
    )
    for column in unknown:
        cell = at.assign(cell=f"{column_letter(column)}{end}", row=end)
        findings.append(found("column_unknown", cell, value="/".join(paths[column])))
    return kinds[0], table, reasons, findings


def _rows(body: Mapping[str, pa.ChunkedArray], wanted: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Return the wanted rows, one text column per field."""
    numbers = np.flatnonzero(wanted)
    whole = len(numbers) == len(wanted)
    texts = {name: column if whole else column.take(numbers) for name, column in body.items()}
    frame = pa.table(texts).to_pandas(types_mapper=_TEXT.get) if texts else pd.DataFrame(index=range(len(numbers)))
    frame.insert(0, "row", numbers + 1)
    return frame


def _filled_cells(table: pa.Table) -> npt.NDArray[np.int64]:
    """Return how many cells of each row say something."""
    counts = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.itercolumns():
        counts += pc.is_valid(column).to_numpy(zero_copy_only=False) if column.null_count else 1
    return counts


def _texts(cells: Cells) -> list[str]:
    return [str(cell) for cell in cells.ravel() if cell is not None]


def _is_accounts(sheet: RawSheet, refuse: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether a sheet holds accounts or passwords: as columns of a header-like row anywhere, or said with a colon."""
    passwords, accounts = "|".join(refuse["passwords"]), "|".join(refuse["accounts"])
    sieve = loose((*refuse["passwords"], *refuse["accounts"]))
    hits: set[int] = set()
    for column in sheet.table.itercolumns():
        distinct = pc.unique(column)
        suspicious = distinct.filter(pc.match_substring_regex(distinct, sieve))
        if len(suspicious):
            hits |= set(np.flatnonzero(pc.is_in(column, suspicious).to_numpy(zero_copy_only=False)).tolist())
    if not hits:
        return False
    said = re.compile(rf"(?:{passwords}|{accounts})[名]?[:：=]")
    heads = re.compile(rf".{{0,8}}(?:{passwords})|(?:登录|登陆|平台|系统)*(?:{accounts})")
    for row in sorted(hits):
        cells = [str(cell) for cell in sheet.rows(row, row + 1)[0] if cell is not None]
        texts = ["".join(unicodedata.normalize("NFKC", cell).split()).lower() for cell in cells]
        if any(said.search(text) for text in texts):
            return True
        if any(heads.fullmatch(text) for text in texts) and len(cells) > 1 and not any(map(str.isdigit, cells)):
            return True
    return False


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
        if number in spans and name != "size" and not name.startswith("area:"):
            texts = column.to_numpy(zero_copy_only=False).copy()
            for top, stop in spans[number]:
                texts[top:stop] = texts[top]
            column = pa.chunked_array([pa.array(texts, pa.string(), from_pandas=True)])
        body[name] = column
    return body


def _reasons(
    sheet: RawSheet, filled: npt.NDArray[np.int64], columns: Mapping[str, int], end: int, rules: Rules
) -> Cells:
    """Say for each row why it is no record, an empty text when it is one."""
    reasons = np.full(len(sheet), "", dtype=object)
    odd = np.flatnonzero(_odd(sheet.table, filled, columns, rules))
    odd = odd[odd >= end]
    if not len(odd):
        return reasons
    header = [plain(cell) for cell in sheet.rows(end - 1, end)[0]]
    judge = _RowReader(columns, header, rules)
    picked = sheet.table.take(odd)
    cells = [column.to_pylist() for column in picked.itercolumns()]
    for row, values in zip(odd.tolist(), zip(*cells, strict=True), strict=True):
        reasons[row] = judge(values)
    return reasons


def _odd(
    table: pa.Table, filled: npt.NDArray[np.int64], columns: Mapping[str, int], rules: Rules
) -> npt.NDArray[np.bool_]:
    """Tell which rows may be no record: all but those that name a subject, give a size with a digit and say much else."""
    given = rules.headers["rows"]
    if not {"subject_name", "size"} <= set(columns):
        return np.ones(table.num_rows, dtype=np.bool_)
    subject = table.column(columns["subject_name"])
    record = pc.match_substring_regex(table.column(columns["size"]), r"[0-9０-９]")
    zeros = {plain(word)[0] for word in (*given["zero_report"], *given["zero_report_begins"])}
    record = pc.and_(record, pc.invert(pc.match_substring_regex(subject, f"[{''.join(sorted(zeros))}]")))
    ordinary = pc.fill_null(record, fill_value=False).to_numpy(zero_copy_only=False) & (filled > MAX_ODD)
    totals = loose(given["total"])
    for number in _label_columns(columns):
        hit = pc.fill_null(pc.match_substring_regex(table.column(number), totals), fill_value=False)
        ordinary &= ~hit.to_numpy(zero_copy_only=False)
    return ~ordinary


def _label_columns(columns: Mapping[str, int]) -> list[int]:
    named = ("number", "township", "village", "subject_name", "product")
    return sorted({0, *(columns[name] for name in named if name in columns)})


class _RowReader:
    """Says why one row is no record; a class because what it needs to know is the same for every row of a sheet."""

    def __init__(self, columns: Mapping[str, int], header: Sequence[str], rules: Rules) -> None:
        given = rules.headers["rows"]
        self.totals = {plain(word) for word in given["total"]}
        self.zeros = {plain(word) for word in given["zero_report"]}
        self.begins = tuple(plain(word) for word in given["zero_report_begins"])
        self.note = re.compile(rf"^(?:{'|'.join(sorted(given['note'], key=len, reverse=True))})[:：\d、.]")
        self.labels, self.header = _label_columns(columns), header
        self.place = {columns[name] for name in ("township", "village") if name in columns}
        self.officials = {at for name, at in columns.items() if name.startswith(("supervisor", "collector"))}
        self.proofs = {columns[name] for name in ("contact_phone", "point", "lon", "base_address") if name in columns}
        self.number, self.product = columns.get("number", -1), columns.get("product", -1)
        self.subject, self.size = columns.get("subject_name", -1), columns.get("size", -1)

    def __call__(self, cells: Sequence[str | None]) -> str:  # noqa: PLR0911 - one return a reason
        own = {column: plain(cell) for column, cell in enumerate(cells) if cell is not None}
        if own.get(self.number, "").isdigit():
            del own[self.number]
        if not own:
            return "blank"
        lead = re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(cells[min(own)])))
        alone = len(own) == 1 and len(lead) > 15 and self.subject not in own
        if (len(own) <= MAX_NOTE and self.note.match(lead)) or alone:
            return "note"
        # Rows given their township (and product) in advance and never filled.
        if set(own) <= self.place:
            return "blank"
        if self._is_zero(own):
            return "zero_report"
        if set(own) <= self.place | {self.product}:
            return "blank"
        first = [own[column] for column in self.labels if column in own]
        total = any(
            text in self.totals or (len(text) <= 10 and text.endswith(tuple(self.totals))) for text in first
        )
        if total and not (self.proofs & set(own) and self.product in own):
            return "total"
        same = sum(self.header[at] == text for at, text in own.items())
        if len(own) >= MIN_HEADER_FIELDS and same >= 0.6 * len(own) and not re.search(r"\d", own.get(self.size, "")):
            return "header"
        return ""

    def _is_zero(self, own: Mapping[int, str]) -> bool:
        aside = self.place | self.officials | {self.product}
        said = [text.strip("。.!！") for column, text in own.items() if column not in aside]
        said = said or [own.get(self.product, "")]
        zero = [text in self.zeros or text.startswith(self.begins) for text in said]
        return any(zero) and all(is_zero or text == "0" for is_zero, text in zip(zero, said, strict=True))
