"""Marks: what a slip holds and how it is marked, whichever way its workbook is written; and the package that it becomes."""

import re
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import reduce
from io import BytesIO
from math import ceil
from typing import Final
from xml.sax.saxutils import escape

import pandas as pd

from originmap.formats import ID_NUMBER
from originmap.grids import value_text
from originmap.vocab import code
from originmap.workbooks import RawSheet

AUTHOR: Final = "originmap"
# The same for both writers: light enough for black print, apart in grey and for the colour-blind.
FILLS: Final[Mapping[str, str]] = {"error": "F4B6A6", "warning": "FFE9A8", "fixed": "CFE8D5"}
# Where the list says what the colours mean: first and last column, severity, words.
LEGEND: Final = (
    (2, 2, "error", "红：错误，必须更正"),
    (3, 4, "warning", "黄：存疑，请核实"),
    (5, 6, "fixed", "绿：写法不规范，已按唯一读法采用"),
)
NOTE_WIDTH: Final = 46
LINE_PT: Final = 14.0
STAMP: Final = datetime(2023, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_ZIP_DATE: Final = (2023, 1, 1, 0, 0, 0)
_MODIFIED: Final = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")
_FORMULA_CELL: Final = re.compile(r'<c r="([A-Z]+\d+)"((?: s="\d+")?)(?: t="\w+")?><f>([^<]*)</f><v\s*(?:/>|></v>)</c>')
_EXCEL_DAY_ZERO: Final = datetime(1899, 12, 30, tzinfo=UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class SlipSheet:
    """One sheet of a slip.

    Attributes
    ----------
    position
        Which of the original's sheets it is, from 0; `raw` is that sheet as read.
    title
        Its name in the slip.
    rows
        The original's rows (1-based) that the slip holds; None is all of them, in their places.
    header
        First and last row of the header, 0 and 0 where the sheet has none.
    width
        How many columns are in use.
    own
        Columns (0-based) that an earlier slip had added, from row `own_start` (1-based) on.
    keys
        ``{row: key}``, and `marks`: `row, column, severity, text`, `notes`: ``{row: text}``; rows as in the slip.
    """

    position: int
    raw: RawSheet
    title: str
    rows: tuple[int, ...] | None
    header: tuple[int, int]
    width: int
    own: tuple[int, ...]
    own_start: int
    figures: frozenset[int]
    keys: Mapping[int, str]
    marks: pd.DataFrame
    notes: Mapping[int, str]


@dataclass(frozen=True)
class Listing:
    """The list 更正清单: a title, lines, a table (with a link for each row's cell, or none), a closing line."""

    title: str
    lines: Sequence[str]
    table: pd.DataFrame
    links: Sequence[str]
    total: str
    widths: Sequence[float]


def column_number(letters: str) -> int:
    """Return the 1-based number of a column by its Excel name.

    >>> column_number("A"), column_number("AB")
    (1, 28)
    """
    return reduce(lambda number, sign: number * 26 + ord(sign) - 64, letters, 0)


def note_severity(note: str) -> str:
    """Return the gravest severity that a row's note speaks of."""
    return next((name for name in FILLS if f"【{code('severity', name)}】" in note), "fixed")


def lines_of(text: str, width: float) -> int:
    """Return how many lines a text takes in a column that is `width` characters wide."""
    return sum(max(1, ceil(len(line.encode("gb18030", "replace")) / width)) for line in text.split("\n"))


def row_height(values: Sequence[object], widths: Sequence[float]) -> float:
    """Return the height in points that a row of the list needs."""
    return 5 + LINE_PT * max(lines_of(str(value), width - 1) for value, width in zip(values, widths, strict=True))


def without_id(value: float | str) -> str | None:
    """Return the text of a value with its ID numbers taken out; None when it has none."""
    text = value if isinstance(value, str) else value_text(value)
    if len(text) < 18:
        return None
    plain = unicodedata.normalize("NFKC", text)
    return ID_NUMBER.sub("", plain).strip() if ID_NUMBER.search(plain) else None


def holds_id(made: bytes) -> bool:
    """Tell whether any part of a package still holds an ID number."""
    with zipfile.ZipFile(BytesIO(made)) as package:
        texts = (package.read(name).decode("utf-8", "replace") for name in package.namelist())
        return any(ID_NUMBER.search(unicodedata.normalize("NFKC", text)) for text in texts)


# ---- the package ----


def repacked(made: bytes, shown: Mapping[str, Mapping[str, object]] | None = None) -> bytes:
    """Return a package with fixed dates, its parts in one order, and the values `shown` behind formulas."""
    stream = BytesIO()
    with zipfile.ZipFile(BytesIO(made)) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        names = sorted(source.namelist(), key=lambda name: (name != "[Content_Types].xml", name))
        for name in names:
            part = source.read(name)
            if name == "docProps/core.xml":
                part = _MODIFIED.sub(rb"\g<1>2023-01-01T00:00:00Z", part)
            if shown and shown.get(name):
                part = _with_values(part.decode("utf-8"), shown[name]).encode("utf-8")
            info = zipfile.ZipInfo(name, _ZIP_DATE)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            target.writestr(info, part)
    return stream.getvalue()


def _with_values(part: str, values: Mapping[str, object]) -> str:
    """Write the value that each formula shows behind it: who only previews a file does not reckon."""

    def filled(match: re.Match[str]) -> str:
        at, style, formula = match.groups()
        kind, text = _cell_value(values.get(at))
        return f'<c r="{at}"{style}{kind}><f>{formula}</f>{text}</c>'

    return _FORMULA_CELL.sub(filled, part)


def _cell_value(value: object) -> tuple[str, str]:
    if value is None:
        return "", "<v/>"
    if isinstance(value, bool):
        return ' t="b"', f"<v>{int(value)}</v>"
    if isinstance(value, (int, float)):
        return "", f"<v>{value!r}</v>"
    if isinstance(value, str):
        kind = "e" if value.startswith("#") and value.endswith(("!", "?", "A")) else "str"
        return f' t="{kind}"', f"<v>{escape(value)}</v>"
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
        return "", f"<v>{(moment.replace(tzinfo=None) - _EXCEL_DAY_ZERO).total_seconds() / 86400!r}</v>"
    return "", "<v/>"
