"""Headers: which rows of a sheet are its header, which field each column is, and what kind of sheet that makes it.

All words come from ``data/reference/headers.toml`` and the products' names; nothing here knows a layout.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from originmap.rules import Rules
from originmap.workbooks import RawSheet

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
    """Return the unit that a header gives in brackets or behind a stroke, empty when there is none.

    >>> unit_in_header("种植面积（亩）"), unit_in_header("规模(单位：万只)"), unit_in_header("面积/亩")
    ('亩', '万只', '亩')
    """
    clean = "".join(unicodedata.normalize("NFKC", text).split())
    match = _UNIT_IN_HEADER.search(clean)
    said = match.group(1) if match else clean.rpartition("/")[2] if "/" in clean else ""
    return re.sub(r"^单位[:：]?|[*:：]+$", "", said)


class Words(NamedTuple):
    """What headers may say: `aliases` of fields (``组›列`` under a group), the words of such groups, and `units`."""

    aliases: Mapping[str, str]
    groups: frozenset[str]
    units: re.Pattern[str]

    def short(self, text: str | None) -> str:
        """Return a header's text for comparison, without a unit behind a stroke (面积/亩) when only that makes it known."""
        clean = plain(text)
        return clean if clean in self.aliases else self.units.sub("", clean)

    def knows(self, text: str | None) -> bool:
        clean = self.short(text)
        return clean in self.aliases or clean in self.groups


@lru_cache(maxsize=4)
def words(rules: Rules) -> Words:
    """Return the header words of a rules set; a product's name stands for its area or its number of heads."""
    aliases = {
        "›".join(plain(part) for part in alias.split("›")): field
        for field, names in rules.headers["fields"].items()
        for alias in names
    }
    for name, product in rules.product_names().items():
        aliases.setdefault(plain(name), f"area:{product}")
    groups = frozenset(alias.split("›")[0] for alias in aliases if "›" in alias)
    units = sorted({unit for family in rules.units.values() for unit in family}, key=len, reverse=True)
    unit = "|".join(re.escape(unit) for unit in units)
    return Words(aliases, groups, re.compile(rf"[/／:：、]?(?:[百千]?万?(?:{unit}))(?:[/／、]?(?:{unit}))*$"))


def find_header(sheet: RawSheet, rules: Rules) -> tuple[int, int, list[tuple[str, ...]]]:
    """Return the header's first row, the row after its last, and each column's texts from top to bottom.

    The first row near the top whose columns make a kind is the header; a line such as 乡镇 | 湖头镇 | 填报人 | 张三 above it has
    known words too. When none does, the row with the most known words is taken.
    """
    counts = [known(row, rules) for row in sheet.rows(0, HEADER_SEARCH_ROWS)]
    for start, count in enumerate(counts):
        if count >= MIN_HEADER_FIELDS:
            end, paths = header_at(sheet, start, rules)
            if kinds_of(set(fields_of(paths, rules)[0]), rules):
                # 序号, merged downwards from a row of groups that nobody knows, makes that row part of the header.
                tops = [top for top, left, bottom, right in sheet.merges if left == right and top < start <= bottom]
                return min([start, *tops]), end, paths
    best = int(np.argmax(counts))
    return best, *header_at(sheet, best, rules)


def known(row: Iterable[str | None], rules: Rules) -> int:
    """Return how many cells of a row are words that headers use."""
    said = words(rules)
    return sum(said.knows(cell) for cell in row if cell is not None)


def header_at(sheet: RawSheet, start: int, rules: Rules) -> tuple[int, list[tuple[str, ...]]]:
    """Return the row after a header that begins in row `start`, and each column's texts from top to bottom."""
    said, cells = words(rules), sheet.rows(start, start + MAX_HEADER_ROWS)
    size = sum(cell is not None for cell in cells[0])
    filled = cells.copy()
    # Rows from here on are counted from `start`; a merge may begin above it (序号 beside 基本信息 over 主体 | 电话).
    merges = [(a - start, b, c - start, d) for a, b, c, d in sheet.merges if a < start + MAX_HEADER_ROWS and c >= start]
    for top, left, bottom, right in merges:
        if bottom < len(cells):
            text = cells[top, left] if top >= 0 else sheet.rows(top + start, top + start + 1)[0, left]
            if top >= 0 or left == right:
                filled[max(top, 0) : bottom + 1, left : right + 1] = text
    end = 1
    while end < len(cells):
        below = [cell for cell in cells[end] if cell is not None]
        # Cells of a header that are merged downwards say that the row below belongs to it, whatever stands there.
        spans = sum(top < end <= bottom for top, _, bottom, _ in merges)
        # One word alone is a line of its own: 豇豆 above its rows.
        if spans < 2 and (len(below) < 2 or not all(said.knows(cell) for cell in below)):
            break
        if len(below) >= size and not spans:
            break
        end += 1
    # A group's text stands in its first cell only when the file says nothing of merges.
    for row in filled[: end - 1]:
        for column in range(1, len(row)):
            under = filled[end - 1, column]
            if row[column] is None and under is not None and said.short(row[column - 1]) in said.groups:
                row[column] = row[column - 1]
    paths: list[tuple[str, ...]] = []
    for column in range(cells.shape[1]):
        texts = [str(cell) for cell in filled[:end, column] if cell is not None]
        paths.append(tuple(dict.fromkeys(texts)))
    return start + end, paths


def fields_of(paths: list[tuple[str, ...]], rules: Rules) -> tuple[dict[str, int], list[int]]:
    """Give every column its field by its header; return ``{field: column}`` and the columns nobody knows.

    A second column of sizes (面积(亩) | 存栏(头)) is ``size:2``, its unit's column ``unit:2``, and so on.
    """
    aliases = words(rules).aliases
    columns: dict[str, int] = {}
    unknown: list[int] = []
    person = "contact"
    for column, path in enumerate(paths):
        parts = [words(rules).short(text) for text in path]
        if not parts:
            continue
        tries = ["›".join(parts), f"{parts[0]}›{parts[-1]}", "›".join(parts[-2:]), parts[-1], parts[0]]
        field = next((aliases[text] for text in tries if text in aliases), None)
        above = next((aliases[part] for part in parts[:-1] if aliases.get(part, "").startswith("area:")), None)
        # 豇豆 over 面积 | 产量: the area is the product's, the rest is nobody's.
        field = field if above is None else above if field in ("size", above) and parts[-1] in aliases else None
        # A bare 电话 belongs to the person whose column stands before it.
        if field == "contact_phone" and person != "contact":
            field = f"{person}_phone" if f"{person}_phone" not in columns else field
        if field in ("size", "unit"):
            turn = sum(name.partition(":")[0] == "size" for name in columns) + (field == "size")
            field = f"{field}:{turn}" if turn > 1 else field
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
    """Return the kinds whose required fields are all there, those with the most recognised fields only.

    Columns headed by products make a planting-area table of townships; beside subjects they are their sizes.
    """
    areas = sum(field.startswith("area:") for field in fields)
    if areas:
        fields = fields | ({"product", "size"} if "subject_name" in fields else {"product_area"})
    scores: dict[str, int] = {}
    for kind, needs in rules.headers["kinds"].items():
        hits = len(fields & set(needs["any"])) + (areas - 1 if "product_area" in needs["any"] and areas else 0)
        if set(needs["all"]) <= fields and hits >= needs["at_least"] and not fields & set(needs.get("none", ())):
            scores[kind] = hits + len(needs["all"])
    top = max(scores.values(), default=0)
    return [kind for kind, score in scores.items() if score == top]


def is_accounts(sheet: RawSheet, refuse: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether a sheet holds accounts or passwords: as columns of a header-like row anywhere, or said with a colon."""
    passwords, accounts = "|".join(refuse["passwords"]), "|".join(refuse["accounts"])
    sieve = loose((*refuse["passwords"], *refuse["accounts"]))
    chunks = [chunk for column in sheet.table.itercolumns() for chunk in column.chunks]
    distinct = pc.unique(pa.chunked_array(chunks, pa.large_string()))
    suspicious = distinct.filter(pc.match_substring_regex(distinct, sieve))
    if not len(suspicious):
        return False
    hits: set[int] = set()
    for column in sheet.table.itercolumns():
        hits |= set(np.flatnonzero(pc.is_in(column, suspicious).to_numpy(zero_copy_only=False)).tolist())
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
