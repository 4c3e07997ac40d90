"""Slips: what a return slip carries of its own, so that it is known again whatever its file is called.

A slip is a township's own workbook with a list 更正清单 in front, a column 问题说明 and a hidden key behind each row, and a
hidden sheet that says what it was made from. Back in an inbox those are told apart from the township's rows: neither is
an unknown column or an unrecognised sheet. Digests are written in letters: eighteen digits would be an ID number.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from originmap.headers import HEADER_SEARCH_ROWS, plain
from originmap.rules import Rules
from originmap.workbooks import Cells, RawSheet

MARK: Final = "originmap-slip"
META_SHEET: Final = "originmap_meta"
LIST_SHEET: Final = "更正清单"
LIST_HEADER: Final = (
    "序号",
    "文件/工作表",
    "单元格",
    "主体",
    "字段",
    "现填内容",
    "问题",
    "应填",
    "整改时限",
    "整改情况",
)
NOTE_HEADER, KEY_HEADER = "问题说明", "行标识（勿改）"
WHOLE: Final = "all"
# Sheet number to row numbers.
Rows = Mapping[int, frozenset[int]]
ASKED_COLUMNS: Final = ["number", "row", "cell", "field", "rule", "value"]
KEY_COLUMNS: Final = ["sheet", "row", "number", "original_row", "digest", "file_id", "scope"]

_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")
_KEY: Final = re.compile(r"om_(\d{1,4})_(\d{1,7})_([a-p]{10})_([a-p]{12})_([a-z]{3,9})")
_RANGES_A_CELL: Final = 1000
_META_VERSION: Final = "1"
_LIST_TOP: Final = 8


@dataclass(frozen=True)
class Generation:
    """A file that a slip descends from: its name, its digest and which of its rows (None is all) were this slip's."""

    file: str
    sha256: str
    rows: Rows | None = None


@dataclass(frozen=True)
class Origin:
    """What a slip was made from.

    Attributes
    ----------
    file, sha256
        The original's shown name and digest (`letters` of its SHA-256).
    ancestors
        What the original was itself made from, the nearest first: a slip may be mended twice.
    township_code, round
        Whose slip it is and of which round.
    sheets
        The names of the original's sheets in their order.
    rows
        For each sheet number the rows that the slip holds; None when it holds the whole file.
    asked
        What was asked to be mended: `number` of the sheet, `row, cell, field, rule, value`; `row` NA against a sheet.
    """

    file: str
    sha256: str
    ancestors: tuple["Generation", ...] = ()
    township_code: str = ""
    round: str = ""
    sheets: tuple[str, ...] = ()
    rows: Rows | None = None
    asked: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=ASKED_COLUMNS))

    @property
    def generations(self) -> tuple["Generation", ...]:
        """The original and what it was made from, the nearest first."""
        return (Generation(self.file, self.sha256, self.rows), *self.ancestors)

    @property
    def scope(self) -> str:
        """``all``, or the township's code in letters where it was given a part of a file; stands in each key."""
        whole = all(each.rows is None for each in self.generations)
        return WHOLE if whole else self.township_code.translate(_LETTERS)


@dataclass(frozen=True)
class Slip:
    """A slip found in an inbox: its `file`, its `origin` (None when its hidden sheet is lost) and its row `keys`."""

    file: str
    origin: Origin | None
    keys: pd.DataFrame


def letters(content: bytes) -> str:
    """Return the SHA-256 of `content` in the letters a–p.

    >>> letters(b"")[:8]
    'ejbgckki'
    """
    return hashlib.sha256(content).hexdigest().translate(_LETTERS)


def row_digest(row: Sequence[object]) -> str:
    """Return ten letters for a row's content as read; blank cells at its end do not count."""
    text = "\x1f".join("" if cell is None else str(cell) for cell in row).rstrip("\x1f")
    return letters(text.encode())[:10]


def row_key(origin: Origin, number: int, row: int, digest: str) -> str:
    """Return the key of a row: sheet number, row, digest of the row, of the file, and the slip's scope."""
    return f"om_{number}_{row}_{digest}_{origin.sha256[:12]}_{origin.scope}"


def own_columns(sheet: RawSheet, rules: Rules) -> tuple[int, dict[int, str]]:
    """Return the header's row (0-based) and ``{column: slip_note or slip_key}``; (0, {}) where there are none."""
    names = {
        plain(alias): name for name in ("slip_note", "slip_key") for alias in rules.headers["fields"].get(name, ())
    }
    for at, row in enumerate(sheet.rows(0, HEADER_SEARCH_ROWS)):
        columns = {
            column: names[text]
            for column, cell in enumerate(row)
            # A note is the last thing in a row that has other headers.
            if isinstance(cell, str) and column > 0 and (text := plain(cell)) in names
        }
        if columns and sum(cell is not None for cell in row) > len(columns):
            return at, columns
    return 0, {}


def is_own(sheet: RawSheet) -> bool:
    """Tell whether a sheet is a slip's list or its hidden sheet: nothing in it is a township's record."""
    top = sheet.rows(0, _LIST_TOP)
    if not top.size:
        return False
    if top[0, 0] == MARK:
        return True
    return any({plain(text) for text in LIST_HEADER} <= {plain(cell) for cell in row} for row in top)


def lift(sheets: Sequence[RawSheet], rules: Rules) -> tuple[list[RawSheet], Slip | None]:
    """Take a slip's own columns off its sheets; return the sheets and the slip, None when the file is none."""
    origin: Origin | None = None
    keys: list[tuple[object, ...]] = []
    cleaned: list[RawSheet] = []
    for sheet in sheets:
        if is_own(sheet):
            origin = origin or _read_meta(sheet.cells)
            cleaned.append(sheet)
            continue
        start, columns = own_columns(sheet, rules)
        for column in (column for column, name in columns.items() if name == "slip_key"):
            for row in range(start, len(sheet.cells)):
                found = _KEY.fullmatch(str(sheet.cells[row, column] or ""))
                if found:
                    number, original_row = int(found[1]), int(found[2])
                    keys.append((sheet.sheet, row + 1, number, original_row, found[3], found[4], found[5]))
        cleaned.append(_without(sheet, start, columns) if columns else sheet)
    if origin is None and not keys:
        return cleaned, None
    frame = pd.DataFrame(keys, columns=KEY_COLUMNS)
    return cleaned, Slip(sheets[0].file, origin, frame)


def _without(sheet: RawSheet, start: int, columns: Mapping[int, str]) -> RawSheet:
    table = sheet.table
    for column in columns:
        head = table.column(column).slice(0, start)
        blank = pa.chunked_array([*head.chunks, pa.nulls(len(sheet) - start, pa.large_string())])
        table = table.set_column(column, str(column), blank)
    spoken = [np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False)) for column in table.itercolumns()]
    height = max((int(rows[-1]) + 1 for rows in spoken if len(rows)), default=0)
    merges = tuple(merge for merge in sheet.merges if not (merge[1] == merge[3] and merge[1] in columns))
    dropped = tuple(at for at in sheet.dropped_ids if at[1] not in columns)
    return replace(sheet, table=table.slice(0, height), merges=merges, dropped_ids=dropped)


def meta_rows(origin: Origin) -> list[list[str]]:
    """Return the rows of the hidden sheet that says what a slip was made from."""
    rows = [
        [MARK, _META_VERSION],
        ["note", "供程序识别，请勿改动或删除"],
        ["township", origin.township_code.translate(_LETTERS)],
        ["round", origin.round],
    ]
    rows += [["sheet", str(number), name] for number, name in enumerate(origin.sheets)]
    for at_generation, each in enumerate(origin.generations):
        rows.append(["generation", each.sha256, "whole" if each.rows is None else "part", each.file])
        for number, own in sorted((each.rows or {}).items()):
            spans = _spans(sorted(own))
            rows += [
                ["rows", str(at_generation), str(number), ",".join(spans[at : at + _RANGES_A_CELL])]
                for at in range(0, len(spans), _RANGES_A_CELL)
            ]
    for asked in origin.asked[ASKED_COLUMNS].to_dict("records"):
        texts = ["" if pd.isna(value) else str(value) for value in asked.values()]
        rows.append(["asked", *texts])
    return rows


def _read_meta(cells: Cells) -> Origin | None:
    """Read the hidden sheet; None when it is a slip's list or says no file."""
    if cells[0, 0] != MARK:
        return None
    said: dict[str, list[list[str]]] = {}
    for row in cells:
        texts = ["" if cell is None else str(cell) for cell in row]
        said.setdefault(texts[0], []).append(texts[1:])

    def one(name: str) -> str:
        return said.get(name, [[""]])[0][0]

    kept: dict[int, dict[int, set[int]]] = {}
    for at, number, spans, *_ in (row for row in said.get("rows", []) if len(row) > 2):
        if at.isdigit() and number.isdigit():
            kept.setdefault(int(at), {}).setdefault(int(number), set()).update(_rows_of(spans))
    generations = tuple(
        Generation(row[2], row[0], None if row[1] == "whole" else _frozen(kept.get(at, {})))
        for at, row in enumerate(row for row in said.get("generation", []) if len(row) > 2)
    )
    if not generations:
        return None
    asked = [row[: len(ASKED_COLUMNS)] for row in said.get("asked", []) if len(row) >= len(ASKED_COLUMNS)]
    frame = pd.DataFrame(asked, columns=ASKED_COLUMNS)
    for name in ("number", "row"):
        frame[name] = pd.to_numeric(frame[name], errors="coerce").astype("Int64")
    back = str.maketrans("ghijklmnop", "0123456789")
    return Origin(
        file=generations[0].file,
        sha256=generations[0].sha256,
        ancestors=generations[1:],
        township_code=one("township").translate(back),
        round=one("round"),
        sheets=tuple(row[1] for row in said.get("sheet", []) if len(row) > 1),
        rows=generations[0].rows,
        asked=frame,
    )


def _frozen(rows: Mapping[int, set[int]]) -> Rows:
    return {number: frozenset(own) for number, own in rows.items()}


def _spans(rows: Sequence[int]) -> list[str]:
    """Return sorted row numbers as ``3-7``, ``9``."""
    spans: list[list[int]] = []
    for row in rows:
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    return [f"{first}-{last}" if last > first else str(first) for first, last in spans]


def _rows_of(text: str) -> set[int]:
    rows: set[int] = set()
    for first, last in re.findall(r"(\d{1,7})(?:-(\d{1,7}))?", text):
        rows.update(range(int(first), min(int(last or first), 1_048_576) + 1))
    return rows
