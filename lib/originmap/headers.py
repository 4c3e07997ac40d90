"""Headers: which rows of a sheet are its header, which field each column is, and what kind of sheet that makes it.

All words come from ``data/reference/headers.toml`` and the products' names; nothing here knows a layout.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from originmap.parts import Merge
from originmap.rules import Rules
from originmap.workbooks import Cells, RawSheet

MAX_HEADER_ROWS: Final = 3
HEADER_SEARCH_ROWS: Final = 40
MIN_HEADER_FIELDS: Final = 3
_UNIT_IN_HEADER: Final = re.compile(r"[((\[]([^()\[\]]*)[))\]]")


def column_letter(column: int) -> str:
    """Return the Excel name of a 0-based column.

    >>> column_letter(0), column_letter(26)
    ('A', 'AA')
    """
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


@lru_cache(maxsize=100_000)
def plain(text: str | None) -> str:
    r"""Return a header's text for comparison: half width, lower case, no white space, numbering, stars or units.

    >>> plain(" 种植面积\n（亩） "), plain("1、主体名称*")
    ('种植面积', '主体名称')
    """
    if text is None:
        return ""
    short = "".join(unicodedata.normalize("NFKC", text).split()).lower()
    return re.sub(r"^\d+[、.．]|[*:：]+$|^\*+", "", _UNIT_IN_HEADER.sub("", short))


def loose(words: Iterable[str]) -> str:
    """Return a pattern that finds every one of `words` as typed: white space between its signs, letters of any width and case.

    A sieve for whole columns; what it finds is then looked at by itself.
    """

    def sign(char: str) -> str:
        if char.isascii() and char.isalnum():
            forms = {char.lower(), char.upper()}
            return f"[{''.join(sorted(forms | {chr(ord(form) + 0xFEE0) for form in forms}))}]"
        return re.escape(char)

    return "|".join(r"\s*".join(sign(char) for char in word) for word in words)


def unit_in_header(text: str) -> str:
    """Return the text in a header's brackets, empty when there is none.

    >>> unit_in_header("种植面积（亩）")
    '亩'
    """
    match = _UNIT_IN_HEADER.search("".join(unicodedata.normalize("NFKC", text).split()))
    return match.group(1) if match else ""


@lru_cache(maxsize=4)
def _alias_map(rules: Rules) -> dict[str, str]:
    aliases = {
        "›".join(plain(part) for part in alias.split("›")): field
        for field, names in rules.headers["fields"].items()
        for alias in names
    }
    for name, product in rules.product_names().items():
        aliases.setdefault(plain(name), f"area:{product}")
    return aliases


def find_header(sheet: RawSheet, rules: Rules) -> tuple[int, int, list[tuple[str, ...]]]:
    """Return the header's first row, the row after its last, and each column's texts from top to bottom.

    The first row near the top whose columns make a kind is the header; a line such as 乡镇 | 湖头镇 | 填报人 | 张三 above it has
    known words too. When none does, the row with the most known words is taken.
    """
    aliases = _alias_map(rules)
    groups = {alias.split("›")[0] for alias in aliases if "›" in alias}
    cells = sheet.rows(0, HEADER_SEARCH_ROWS + MAX_HEADER_ROWS)
    known = [
        sum(plain(cell) in aliases or plain(cell) in groups for cell in row if cell is not None)
        for row in cells[:HEADER_SEARCH_ROWS]
    ]
    rows = [row for row, count in enumerate(known) if count >= MIN_HEADER_FIELDS]
    blocks = [_block(cells, sheet.merges, row, aliases, groups) for row in rows]
    for start, (end, paths) in zip(rows, blocks, strict=True):
        if kinds_of(set(fields_of(paths, rules)[0]), rules):
            return start, end, paths
    best = int(np.argmax(known))
    return best, *_block(cells, sheet.merges, best, aliases, groups)


def _block(
    cells: Cells, merges: Sequence[Merge], start: int, aliases: Mapping[str, str], groups: set[str]
) -> tuple[int, list[tuple[str, ...]]]:
    """Return the row after a header that begins in row `start`, and each column's texts from top to bottom."""
    size = sum(cell is not None for cell in cells[start])
    filled = cells[start : start + MAX_HEADER_ROWS].copy()
    for top, left, bottom, right in merges:
        if start <= top and bottom < min(start + MAX_HEADER_ROWS, len(cells)):
            filled[top - start : bottom - start + 1, left : right + 1] = cells[top, left]
    end = start + 1
    while end < min(start + MAX_HEADER_ROWS, len(cells)):
        below = [cell for cell in cells[end] if cell is not None]
        spans = any(top <= end - 1 and bottom >= end for top, _, bottom, _ in merges if start <= top)
        if not below or not all(plain(cell) in aliases or plain(cell) in groups for cell in below):
            break
        if len(below) >= size and not spans:
            break
        end += 1
    height = end - start
    # A group's text stands in its first cell only when the file says nothing of merges.
    for row in filled[: height - 1]:
        for column in range(1, len(row)):
            under = filled[height - 1, column]
            if row[column] is None and under is not None and plain(row[column - 1]) in groups:
                row[column] = row[column - 1]
    paths: list[tuple[str, ...]] = []
    for column in range(cells.shape[1]):
        texts = [str(cell) for cell in filled[:height, column] if cell is not None]
        paths.append(tuple(dict.fromkeys(texts)))
    return end, paths


def fields_of(paths: list[tuple[str, ...]], rules: Rules) -> tuple[dict[str, int], list[int]]:
    """Give every column its field by its header; return ``{field: column}`` and the columns nobody knows."""
    aliases = _alias_map(rules)
    columns: dict[str, int] = {}
    unknown: list[int] = []
    person = "contact"
    for column, path in enumerate(paths):
        parts = [plain(text) for text in path]
        if not parts:
            continue
        tries = ["›".join(parts), f"{parts[0]}›{parts[-1]}", parts[-1], parts[0]]
        field = next((aliases[text] for text in tries if text in aliases), None)
        # A bare 电话 belongs to the person whose column stands before it.
        if field == "contact_phone" and person != "contact":
            field = f"{person}_phone" if f"{person}_phone" not in columns else field
        if field is None or field in columns:
            unknown.append(column)
            continue
        columns[field] = column
        if field.endswith("_name") and field != "subject_name":
            person = field.removesuffix("_name")
        elif field in ("contact", "supervisor", "collector"):
            person = field
    return columns, unknown


def kinds_of(fields: set[str], rules: Rules) -> list[str]:
    """Return the kinds whose required fields are all there, those with the most recognised fields only."""
    if any(field.startswith("area:") for field in fields):
        fields = fields | {"product_area"}
    scores: dict[str, int] = {}
    areas = sum(field.startswith("area:") for field in fields)
    for kind, needs in rules.headers["kinds"].items():
        hits = len(fields & set(needs["any"])) + (areas - 1 if "product_area" in needs["any"] and areas else 0)
        if set(needs["all"]) <= fields and hits >= needs["at_least"] and not fields & set(needs.get("none", ())):
            scores[kind] = hits + len(needs["all"])
    top = max(scores.values(), default=0)
    return [kind for kind, score in scores.items() if score == top]
