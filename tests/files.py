"""Files of every kind as bytes, for tests: compound files, BIFF streams, OpenDocument, Word, archives."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

END = 0xFFFFFFFE
FREE = 0xFFFFFFFF


def compound(streams: Mapping[str, bytes]) -> bytes:
    """Return a compound file (512-byte sectors) with `streams` at its root, each padded to whole sectors."""
    sectors: list[bytes] = []
    fat: list[int] = []
    entries = [_entry("Root Entry", 5, child=1 if streams else FREE, start=END, size=0)]
    for at, (name, data) in enumerate(streams.items(), start=1):
        padded = data + b"\0" * max(4096 - len(data), -len(data) % 512)
        padded += b"\0" * (-len(padded) % 512)
        first = len(sectors)
        sectors += [padded[i : i + 512] for i in range(0, len(padded), 512)]
        fat += [*range(first + 1, len(sectors)), END]
        right = at + 1 if at < len(streams) else FREE
        entries.append(_entry(name, 2, right=right, start=first, size=len(padded)))
    entries += [b"\0" * 128] * (-len(entries) % 4)
    directory = len(sectors)
    raw = b"".join(entries)
    sectors += [raw[i : i + 512] for i in range(0, len(raw), 512)]
    fat += [*range(directory + 1, len(sectors)), END]
    tables = 1
    while len(fat) + tables > tables * 128:
        tables += 1
    places = list(range(len(sectors), len(sectors) + tables))
    fat += [0xFFFFFFFD] * tables
    fat += [FREE] * (tables * 128 - len(fat))
    assert tables <= 109
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIIII", 0, tables, directory, 0, 4096, END, 0, END, 0, places[0])
    header += struct.pack("<108I", *places[1:], *[FREE] * (109 - tables))
    return header + b"".join(sectors) + struct.pack(f"<{len(fat)}I", *fat)


def _entry(name: str, kind: int, *, right: int = FREE, child: int = FREE, start: int, size: int) -> bytes:
    raw = name.encode("utf-16-le")
    head = raw.ljust(64, b"\0") + struct.pack("<HBB", len(raw) + 2, kind, 1)
    return head + struct.pack("<III", FREE, right, child) + b"\0" * 36 + struct.pack("<IQ", start, size)


def record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def unicode8(text: str) -> bytes:
    return struct.pack("<HB", len(text), 1) + text.encode("utf-16-le")


def label8(row: int, column: int, text: str) -> bytes:
    return record(0x0204, struct.pack("<HHH", row, column, 0) + unicode8(text))


def cells8(rows: Sequence[Sequence[object]]) -> bytes:
    """Return the records of a BIFF8 sheet's cells, text as labels, numbers as numbers."""
    parts = []
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            if isinstance(value, str):
                parts.append(label8(i, j, value))
            elif isinstance(value, (int, float)):
                parts.append(record(0x0203, struct.pack("<HHHd", i, j, 0, value)))
    return b"".join(parts)


def biff8(sheets: Mapping[str, bytes], *, extra: bytes = b"") -> bytes:
    """Return a BIFF8 stream: `extra` records before the sheets' names, then each sheet's records."""
    bof = record(0x0809, struct.pack("<HHHHII", 0x0600, 5, 0, 0, 0, 6))
    names = {name: name.encode("utf-16-le") for name in sheets}
    size = len(bof) + len(extra) + sum(4 + 8 + len(raw) for raw in names.values()) + 4
    heads, bodies = [], []
    for name, body in sheets.items():
        sheet = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x10, 0, 0, 0, 6)) + body + record(0x0A)
        offset = size + sum(map(len, bodies))
        heads.append(record(0x85, struct.pack("<IBBBB", offset, 0, 0, len(name), 1) + names[name]))
        bodies.append(sheet)
    return bof + extra + b"".join(heads) + record(0x0A) + b"".join(bodies)


def xls(rows: Sequence[Sequence[object]], name: str = "附件1") -> bytes:
    """Return an .xls with one sheet."""
    return compound({"Workbook": biff8({name: cells8(rows)})})


def bare_biff5(rows: Sequence[Sequence[object]]) -> bytes:
    """Return what simple exporters write: one sheet of BIFF5 records with no compound file around, GBK labels."""
    parts = [record(0x0809, struct.pack("<HHHH", 0, 0x10, 0, 0))]
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            if isinstance(value, str):
                raw = value.encode("gb18030")
                parts.append(record(0x0204, struct.pack("<HHHH", i, j, 0, len(raw)) + raw))
            elif isinstance(value, (int, float)):
                parts.append(record(0x0203, struct.pack("<HHHd", i, j, 0, value)))
    return b"".join(parts) + record(0x0A)


def bare_biff2(rows: Sequence[Sequence[object]]) -> bytes:
    """Return the same in BIFF2."""
    parts = [record(0x0009, struct.pack("<HH", 2, 0x10))]
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            at = struct.pack("<HH3x", i, j)
            if isinstance(value, str):
                raw = value.encode("gb18030")
                parts.append(record(0x0004, at + bytes([len(raw)]) + raw))
            elif isinstance(value, int) and 0 <= value < 65536:
                parts.append(record(0x0002, at + struct.pack("<H", value)))
            elif isinstance(value, (int, float)):
                parts.append(record(0x0003, at + struct.pack("<d", value)))
    return b"".join(parts) + record(0x0A)


def package(parts: Mapping[str, str | bytes]) -> bytes:
    """Return a zip of `parts`, compressed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return stream.getvalue()


def gbk_archive(members: Mapping[str, bytes], *, encoding: str = "gb18030") -> bytes:
    """Return a zip as a Chinese Windows writes it: names in GBK, not marked as such."""
    stream = io.BytesIO()
    marks = {name: f"@{at:04}".ljust(len(name.encode(encoding)), "@") for at, name in enumerate(members)}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(marks[name], data)
    blob = stream.getvalue()
    for name, mark in marks.items():
        blob = blob.replace(mark.encode(), name.encode(encoding))
    return blob


ODS_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
    'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"><office:body><office:spreadsheet>'
)
ODS_TAIL = "</office:spreadsheet></office:body></office:document-content>"


def ods(tables: str, *, head: str = ODS_HEAD, **parts: str) -> bytes:
    """Return an .ods whose tables are given as XML."""
    named = {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": head + tables + ODS_TAIL}
    return package(named | {name.replace("__", "/") + ".xml": text for name, text in parts.items()})


WORD_HEAD = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:document '
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:body>'
)


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def word_cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"


def word_table(rows: Sequence[Sequence[str]]) -> str:
    """Return a Word table; a cell is its text, or XML that begins with <w:tc>."""
    cells = ["".join(cell if cell.startswith("<w:tc>") else word_cell(cell) for cell in row) for row in rows]
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def docx(body: str, *, head: str = WORD_HEAD) -> bytes:
    """Return a .docx with the given body."""
    return package({"[Content_Types].xml": "<Types/>", "word/document.xml": head + body + "</w:body></w:document>"})


def web_table(rows: Sequence[Sequence[object]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{'' if v is None else v}</td>" for v in row) + "</tr>" for row in rows)
    return f"<table border=1>{body}</table>"


def xml2003(rows: Sequence[Sequence[object]], *, declared: str = "UTF-8") -> str:
    """Return Excel's XML of 2003 with one sheet."""
    kinds = {True: "Number", False: "String"}
    body = "".join(
        "<Row>"
        + "".join(
            f'<Cell><Data ss:Type="{kinds[isinstance(v, (int, float))]}">{v}</Data></Cell>'
            if v is not None
            else "<Cell/>"
            for v in row
        )
        + "</Row>"
        for row in rows
    )
    return (
        f'<?xml version="1.0" encoding="{declared}"?><?mso-application progid="Excel.Sheet"?>'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
        f'<Worksheet ss:Name="附件1"><Table>{body}</Table></Worksheet></Workbook>'
    )
