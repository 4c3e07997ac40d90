"""Skips: why a row of a sheet is no record: blank, a total, a note, a header once more, a report of nothing."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from originmap.headers import MIN_HEADER_FIELDS, loose, plain
from originmap.rules import Rules
from originmap.workbooks import Cells, RawSheet

# A note fills no more cells than this; a row with more than MAX_ODD, a subject and a size is a record without a second look.
MAX_NOTE: Final = 4
MAX_ODD: Final = 6


def reasons_of(
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

    def __call__(self, cells: Sequence[str | None]) -> str:
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
        total = any(text in self.totals or (len(text) <= 10 and text.endswith(tuple(self.totals))) for text in first)
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
