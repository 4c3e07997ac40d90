"""Contents: the texts inside any file that we write, with where each stands: cells, comments, properties, attributes, pages, metadata.

Pictures, geometry and what is only encoded (base64) are no text. Nothing is unpacked to disk.
"""

import csv
import html
import json
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

Texts = Iterator[tuple[str, str]]
Font = tuple[Mapping[int, str], bool]  # what each code stands for, and whether it takes two bytes

NO_FONT: Final[Font] = ({}, False)

_ENCODED: Final = re.compile(r";base64,[A-Za-z0-9+/=\s]+")
# Within a line of text: what changes only the look of the letters.
_INLINE: Final = re.compile(
    r"<w:rPr>.*?</w:rPr>|</?(?:\w+:)?(?:t|r|a|b|i|u|s|em|strong|span|font|small|sub|sup|code|mark|tspan|rPr|proofErr|bookmarkStart|bookmarkEnd)\b[^<>]*>",
    re.DOTALL,
)
_TAG: Final = re.compile(r"<[^<>]*>")
_VALUE: Final = re.compile(r">([^<\n]+)<")
_LOOKS: Final = re.compile(r"(?:^|/)(?:styles\w*|theme\d*)\.xml$|/$")  # how a document looks, and folders
_LEAST_WHOLE: Final = 10**10  # no shorter whole number can be a telephone or an identity number


def texts(name: str, data: bytes) -> Texts:
    """Yield the texts of a file as (where, text), by the suffix of its name; what has none that we know is read as plain text.

    Raises
    ------
    ValueError
        The file is not what its name says.
    """
    read = _READERS.get(PurePosixPath(name).suffix.lower(), _plain)
    try:
        yield from read(data)
    except (
        OSError,
        zipfile.BadZipFile,
        sqlite3.Error,
        pa.ArrowException,
        struct.error,
        zlib.error,
        IndexError,
        KeyError,
    ) as error:
        raise ValueError(f"{name} cannot be read: {type(error).__name__}") from error


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _plain(data: bytes) -> Texts:
    yield "", _decoded(data)


def _lines(data: bytes) -> Texts:
    for number, row in enumerate(csv.reader(_decoded(data).splitlines()), start=1):
        yield f"第 {number} 行", "\n".join(row)


def _markup(data: bytes) -> Texts:
    """Yield markup as it stands, attributes and scripts too, and once more without its tags: a number may be set in two pieces."""
    text = _decoded(data)
    text = _ENCODED.sub("", text) if ";base64," in text else text
    yield "标记", html.unescape(text)
    yield "正文", html.unescape(_TAG.sub("\n", _INLINE.sub("", text)))


def _sheet(data: bytes) -> Texts:
    """Yield a part of a workbook: its cells as they are, what stands before and after them as markup."""
    head, begun, rest = data.partition(b"<sheetData>")
    cells, _, foot = rest.partition(b"</sheetData>")
    if not begun:
        # Shared texts: most are plain, those of several pieces are put together.
        head, cells, foot = (data, b"", b"") if b"<r>" in data or b"<sst" not in data else (b"", data, b"")
    yield from _markup(head + foot)
    yield "单元格", html.unescape("\n".join(dict.fromkeys(_VALUE.findall(_decoded(cells)))))


def _json(data: bytes) -> Texts:
    yield from _values(json.loads(_decoded(data)), "")


def _values(value: Any, where: str) -> Texts:
    """Yield the texts of nested values: keys and single values of one object together, what is nested by itself."""
    if isinstance(value, Mapping):
        single = [str(key) for key in value]
        for key, inner in value.items():
            if isinstance(inner, (Mapping, list)):
                if key != "coordinates" and not str(key).startswith("image/"):
                    yield from _values(inner, f"{where}/{key}")
            elif not str(key).startswith("image/"):
                single += [text for _, text in _values(inner, "")]
        yield where, "\n".join(single)
    elif isinstance(value, list):
        # A notebook keeps a text as the list of its lines.
        if value and all(isinstance(inner, str) for inner in value):
            yield from _values("".join(value), where)
        else:
            for number, inner in enumerate(value):
                yield from _values(inner, f"{where}/{number}")
    elif isinstance(value, str):
        if "<" in value:
            yield from ((where, text) for _, text in _markup(value.encode()))
        else:
            yield where, value
    elif isinstance(value, (int, float)) and abs(value) >= _LEAST_WHOLE:
        yield where, f"{value:.0f}"


def _zip(data: bytes) -> Texts:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        for member in archive.namelist():
            yield "文件名", member
            if not _LOOKS.search(member):
                held, sheet = archive.read(member), member.startswith(("xl/worksheets/sheet", "xl/sharedStrings"))
                for where, text in _sheet(held) if sheet else texts(member, held):
                    yield f"{member} {where}".strip(), text


def _parquet(data: bytes) -> Texts:
    table = pq.read_table(BytesIO(data))
    yield from _values([_decoded(value) for value in (table.schema.metadata or {}).values()], "元数据")
    for name, column in zip(table.column_names, table.columns, strict=True):
        yield "列名", name
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            yield f"列 {name}", "\n".join(filter(None, column.unique().to_pylist()))
        elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            for value in column.drop_null().unique().to_pylist():
                yield from _values(value, f"列 {name}")


def _sqlite(data: bytes) -> Texts:
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(data)
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            rows = connection.execute(f'select * from "{table}"')  # noqa: S608 (the file's own names)
            names = [str(column[0]) for column in rows.description]
            yield f"表 {table}", "\n".join(names)
            for number, row in enumerate(rows, start=1):
                said = {
                    name: value for name, value in zip(names, row, strict=True) if isinstance(value, (str, int, float))
                }
                yield from _values(said, f"表 {table} 第 {number} 行")
    finally:
        connection.close()


def _dbf(data: bytes) -> Texts:
    count, head, width = struct.unpack("<IHH", data[4:12])
    fields = [(_decoded(data[at : at + 11].split(b"\0")[0]), data[at + 16]) for at in range(32, head - 1, 32)]
    yield "列名", "\n".join(name for name, _ in fields)
    for number in range(count):
        at = head + number * width + 1
        said = []
        for _, size in fields:
            said.append(_decoded(data[at : at + size]).strip())
            at += size
        yield f"第 {number + 1} 行", "\n".join(said)


def _png(data: bytes) -> Texts:
    at = 8
    while at < len(data):
        (size,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        if kind in (b"tEXt", b"iTXt", b"zTXt", b"eXIf"):
            head, _, rest = body.partition(b"\0")
            packed = kind == b"zTXt" or (kind == b"iTXt" and rest[:1] == b"\1")
            rest = rest[2:].split(b"\0", 2)[-1] if kind == b"iTXt" else rest[1:] if packed else rest
            yield f"图片文字 {_decoded(head)}", _decoded(zlib.decompress(rest) if packed else rest)
        at += 12 + size


def _pdf(data: bytes) -> Texts:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(BytesIO(data))
        yield "文档属性", "\n".join(str(value) for value in (reader.metadata or {}).values())
        if "/Metadata" in reader.root_object:
            yield "文档属性", _decoded(reader.root_object["/Metadata"].get_object().get_data())  # type: ignore[union-attr, unused-ignore]
        # Links and notes as they are written; only where they are packed away each is opened.
        yield "注释", _STREAM.sub(b"", data).decode("latin-1")
        packed = b"/ObjStm" in data
        known: dict[Any, Font] = {}
        for number, page in enumerate(reader.pages, start=1):
            fonts: Any = (page.get("/Resources") or {}).get("/Font") or {}
            maps = {name: _glyphs(fonts.raw_get(name), known) for name in fonts}
            content = page.get_contents()
            yield f"第 {number} 页", _shown(content.get_data() if content is not None else b"", maps)
            for note in (page.get("/Annots") or []) if packed else []:
                yield f"第 {number} 页批注", str(note.get_object())
    except PyPdfError as error:
        raise ValueError("not a PDF that can be read") from error


_FONT: Final = re.compile(
    rb"/([^\s/\[\]<>()]+)\s+[\d.]+\s+Tf|(\[(?:[^\]\\(]|\((?:\\.|[^\\()])*\))*\]\s*TJ|(?:\((?:\\.|[^\\()])*\)|<[0-9A-Fa-f\s]*>)\s*(?:Tj|'))|\b(ET|T\*|Td|TD|Tm)\b",
    re.DOTALL,
)
_STREAM: Final = re.compile(rb"\bstream\r?\n.*?\bendstream\b", re.DOTALL)
_STRING: Final = re.compile(rb"\(((?:\\.|[^\\()])*)\)|<([0-9A-Fa-f\s]*)>", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPES: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def _shown(content: bytes, maps: Mapping[str, Font]) -> str:
    """Return what a page writes: every string in its font's letters, in the order of the page; pieces of a line are not kept apart."""
    glyphs, wide = NO_FONT
    parts = []
    for found in _FONT.finditer(content):
        if found[1]:
            glyphs, wide = maps.get("/" + found[1].decode("latin-1"), NO_FONT)
        elif found[2]:
            for plain, hexed in _STRING.findall(found[2]):
                raw = bytes.fromhex(hexed.decode()) if hexed else _ESCAPE.sub(_unescaped, plain)
                coded = raw.decode("utf-16-be", "replace") if wide else raw.decode("latin-1")
                parts.append(coded.translate(glyphs))
        elif found[3] == b"ET":
            parts.append("\n")
    return "".join(parts)


def _unescaped(found: re.Match[bytes]) -> bytes:
    sign = found[1]
    return bytes([int(sign, 8) & 0xFF]) if sign[:1].isdigit() else _ESCAPES.get(sign, sign)


def _glyphs(font: Any, known: dict[Any, Font]) -> Font:
    """Return what letter each code of a font stands for, from its own table, and whether a code takes two bytes; a font is read once."""
    key = getattr(font, "idnum", id(font))
    if key not in known:
        own = font.get_object()
        table = own.get("/ToUnicode")
        known[key] = (
            _letters(table.get_object().get_data()) if table is not None else {},
            own.get("/Subtype") == "/Type0",
        )
    return known[key]


def _letters(table: bytes) -> dict[int, str]:
    found: dict[int, str] = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for code, letter in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            found[int(code, 16)] = bytes.fromhex(letter.decode()).decode("utf-16-be", "replace")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for low, high, first, several in re.findall(
            rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?:<([0-9A-Fa-f]+)>|\[([^\]]*)\])", block
        ):
            letters = re.findall(rb"<([0-9A-Fa-f]+)>", several)
            for step, code in enumerate(range(int(low, 16), min(int(high, 16), int(low, 16) + 0xFFFF) + 1)):
                if letters:
                    found[code] = bytes.fromhex(letters[step].decode()).decode("utf-16-be", "replace")
                else:
                    found[code] = chr(int(first, 16) + step)
    return found


_READERS: Final[Mapping[str, Callable[[bytes], Texts]]] = {
    **dict.fromkeys([".xlsx", ".docx", ".zip", ".qgz", ".kmz"], _zip),
    **dict.fromkeys([".html", ".svg", ".xml", ".kml", ".gpx", ".qgs", ".qml", ".rels", ".vml"], _markup),
    **dict.fromkeys([".json", ".geojson", ".ipynb"], _json),
    **dict.fromkeys([".gpkg", ".sqlite"], _sqlite),
    **dict.fromkeys([".jpg", ".jpeg", ".shp", ".shx", ".ttf", ".otf", ".bin"], lambda _: iter(())),
    ".csv": _lines,
    ".parquet": _parquet,
    ".dbf": _dbf,
    ".png": _png,
    ".pdf": _pdf,
}
