"""Parts: what an .xlsx says beside its cells' values, read in one pass over its sheets before any parser lays out a grid.

How far a sheet reaches, its merges, hidden rows and error cells: the fast reader tells none of them, and a sheet's own claim
of its size is not believed.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from defusedxml import ElementTree

from originmap.formats import Limits, chunks, too_large
from originmap.grids import check_reach

Merge = tuple[int, int, int, int]
Signs = npt.NDArray[np.uint8]


@dataclass
class Part:
    """One worksheet of the package, as `scan` found it.

    Attributes
    ----------
    name, hidden
        As the workbook lists it.
    rows, columns
        How far its cells may reach, counted from A1: `columns` is at least 26 and `rows` that of the last row element,
        unless that is beyond the limit and every cell had to be looked at.
    from_a
        Whether column A surely holds a value: the fast reader leaves out empty columns in front.
    merges
        0-based inclusive ``(top, left, bottom, right)``.
    hidden_rows
        0-based, sorted.
    errors
        ``{(row, column): "#DIV/0!"}``, 0-based: readers drop them without a word.
    """

    name: str
    hidden: bool
    rows: int = 0
    columns: int = 0
    from_a: bool = False
    merges: list[Merge] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)


def scan(archive: zipfile.ZipFile, limits: Limits) -> list[Part]:
    """Return the worksheets of a package in the workbook's order.

    Raises
    ------
    UnreadableFileError
        A sheet's cells lie too far apart, it has too many merges, is a bomb or declares entities.
    KeyError, ValueError, zipfile.BadZipFile, xml.etree.ElementTree.ParseError
        The package is damaged or is not what it says.
    """
    found = []
    for name, hidden, path in _listed(archive):
        part = Part(name, hidden)
        for prefix, piece in _pieces(archive, path, limits):
            _read_piece(part, piece, prefix, limits.merges)
        filled = part.rows * part.columns
        if filled > limits.sparse_cells:
            # Perhaps nothing but empty rows with a style, which many sheets have to the very end: now each cell is looked at.
            part.rows = part.columns = filled = 0
            for prefix, piece in _pieces(archive, path, limits):
                filled += _read_cells(part, piece, _patterns(prefix).any_cell)
                check_reach(part.rows, part.columns, limits.cells, limits)
        check_reach(part.rows, part.columns, filled, limits)
        found.append(part)
    return found


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _listed(archive: zipfile.ZipFile) -> Iterator[tuple[str, bool, str]]:
    """Yield name, visibility and path of each worksheet that the workbook lists."""
    targets = {}
    for relation in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels")):
        target = relation.get("Target", "").replace("\\", "/")
        targets[relation.get("Id")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    known = {name.lower(): name for name in archive.namelist()}
    for sheet in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter():
        if _local(sheet.tag) != "sheet":
            continue
        ids = [value for key, value in sheet.attrib.items() if _local(key) == "id" and key != "id"]
        path = known.get(targets.get(ids[0], "").lower() if ids else "")
        if path is not None and "worksheets/" in path:
            yield sheet.get("name", ""), sheet.get("state", "visible") != "visible", path


def _pieces(archive: zipfile.ZipFile, path: str, limits: Limits) -> Iterator[tuple[bytes, bytes]]:
    """Yield a part's text cut behind a tag, each piece with the prefix of its element names."""
    prefix: bytes | None = None
    rest = b""
    for chunk in chunks(archive, archive.getinfo(path), limits):
        whole = rest + chunk
        cut = whole.rfind(b">") + 1
        piece, rest = whole[:cut], whole[cut:]
        if prefix is None:
            root = re.search(rb"<(\w+:)?worksheet\b", piece)
            prefix = (root[1] or b"") if root else b""
        yield prefix, piece


@dataclass(frozen=True)
class _Patterns:
    row_start: bytes
    row_usual: re.Pattern[bytes]
    row: re.Pattern[bytes]
    far: re.Pattern[bytes]
    any_cell: re.Pattern[bytes]
    first: re.Pattern[bytes]
    merge: re.Pattern[bytes]
    error: re.Pattern[bytes]


@lru_cache(maxsize=8)
def _patterns(prefix: bytes) -> _Patterns:
    p = re.escape(prefix)
    return _Patterns(
        row_start=b"<" + prefix + b"row ",
        row_usual=re.compile(rb"<" + p + rb'row r="\d+"'),
        row=re.compile(rb"<" + p + rb"row ([^>]*)>"),
        far=re.compile(rb"<" + p + rb"""c r=["']([A-Z]{2,}\d+|[A-Z]\d{6,})["'][^>]*(?<!/)>"""),
        any_cell=re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["']([A-Za-z]+\d+)["'][^>]*(?<!/)>"""),
        first=re.compile(rb"<" + p + rb'c r="A\d+"[^>]*><' + p + rb"(?:v>|is><" + p + rb"t[^>]*>)[^<\s]"),
        merge=re.compile(rb"<" + p + rb"""mergeCell\s+ref\s*=\s*["']([A-Z]+\d+):([A-Z]+\d+)["']"""),
        error=re.compile(rb"<" + p + rb'c r="([A-Z]+\d+)"[^>]* t="e"[^>]*>(?:<' + p + rb"f[^>]*(?:/>|>[^<]*</" + p + rb"f>))?<" + p + rb"v>([^<]*)<"),
    )  # fmt: skip


_ROW_NUMBER = re.compile(rb"""\br\s*=\s*["'](\d+)["']""")
_ROW_HIDDEN = re.compile(rb"""\bhidden\s*=\s*["'](?:1|true)["']""")


def _read_piece(part: Part, piece: bytes, prefix: bytes, max_merges: int) -> None:
    patterns = _patterns(prefix)
    signs = np.frombuffer(piece, np.uint8)
    last = piece.rfind(patterns.row_start)
    if last >= 0:
        if _has(signs, b"hid") or not patterns.row_usual.match(piece, last):
            _read_rows(part, piece, patterns)
        else:
            part.rows = max(part.rows, int(piece[last + len(patterns.row_start) + 3 :].partition(b'"')[0][:8]))
        part.columns = max(part.columns, 26)
    usual = prefix == b"" and _is_usual(signs)
    if not usual or _may_reach_far(signs):
        _read_cells(part, piece, patterns.far if usual else patterns.any_cell)
        _read_rows(part, piece, patterns, hidden=False)
    if not part.from_a:
        part.from_a = patterns.first.search(piece) is not None
    if _has(signs, b't="e"'):
        part.errors |= {_place(at): text.decode(errors="replace") for at, text in patterns.error.findall(piece)}
    behind = max(last, 0)
    if piece.find(b"mergeCell", behind) >= 0:
        part.merges += [(*_place(first), *_place(last)) for first, last in patterns.merge.findall(piece, behind)]
        if len(part.merges) > max_merges:
            raise too_large(f"合并单元格超过 {max_merges:,} 处")


def _read_cells(part: Part, piece: bytes, pattern: re.Pattern[bytes]) -> int:
    addresses = pattern.findall(piece)
    for address in set(addresses):
        row, column = _place(address.upper())
        part.rows, part.columns = max(part.rows, row + 1), max(part.columns, column + 1)
    return len(addresses)


def _read_rows(part: Part, piece: bytes, patterns: _Patterns, *, hidden: bool = True) -> None:
    at = 0
    for attributes in patterns.row.findall(piece):
        number = _ROW_NUMBER.search(attributes)
        # Eight digits are beyond any sheet already; a forged number may have thousands.
        at = int(number[1][:8]) if number else max(at, part.rows) + 1
        part.rows = max(part.rows, at)
        if hidden and _ROW_HIDDEN.search(attributes):
            part.hidden_rows.append(at - 1)


def _span(signs: Signs, text: bytes) -> int:
    return max(len(signs) - len(text), 0)


def _at(signs: Signs, text: bytes) -> npt.NDArray[np.bool_]:
    """Tell for each place whether `text` begins there: several times faster than counting in bytes."""
    found = np.ones(_span(signs, text), dtype=np.bool_)
    for number, sign in enumerate(text):
        found &= signs[number : len(found) + number] == sign
    return found


def _has(signs: Signs, text: bytes) -> bool:
    return bool(_at(signs, text).any())


def _is_usual(signs: Signs) -> bool:
    """Tell whether each cell is ``<c r="A1"``, as nearly every program writes it; else each cell has to be looked at."""
    if len(signs) < 7:
        return True
    cell = (signs[:-6] == ord("<")) & (signs[1:-5] == ord("c"))
    behind = signs[2:-4]
    small = (signs[6:] - np.uint8(97)) < 26
    odd = cell & ((behind < 32) | ((behind == 32) & ((signs[3:-3] != ord("r")) | small)))
    return not odd.any() and not _has(signs, b":c")


def _may_reach_far(signs: Signs) -> bool:
    """Tell whether two capitals, or six digits behind a capital or a quotation mark, stand anywhere: a first sieve."""
    capital = (signs - np.uint8(65)) < 26
    if (capital[:-1] & capital[1:]).any():
        return True
    digit = (signs - np.uint8(48)) < 10
    two = digit[:-1] & digit[1:]
    four = two[:-2] & two[2:]
    six = four[:-2] & two[4:]
    before = capital | (signs == ord('"')) | (signs == ord("'"))
    return bool((before[: _span(signs, b"123456")] & six[1:]).any())


@lru_cache(maxsize=4096)
def _place(address: bytes) -> tuple[int, int]:
    """Return 0-based row and column of an address such as ``B12``."""
    letters = address.rstrip(b"0123456789")
    column = 0
    for sign in letters[:8]:
        column = column * 26 + sign - 64
    return int(address[len(letters) :][:8]) - 1, column - 1
