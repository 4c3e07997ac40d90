"""Hostile files, and what reading each takes: seconds, and memory above a process that has read one good file.

Run as a program with a folder of folders, it reads each in a process of its own, forked from a warm one, and prints JSON.
"""

import io
import json
import os
import random
import resource
import struct
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from books import collection_sheet, grower, write_book
from files import (
    ODS_HEAD,
    WORD_HEAD,
    bare_biff5,
    biff8,
    compound,
    docx,
    label8,
    ods,
    package,
    paragraph,
    record,
    word_cell,
    word_table,
)

LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
)
LAUGHS += "]>"
FAR = 1_048_576


def changed(good: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return a workbook with one part changed, or added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name in {**dict.fromkeys(source.namelist()), part: None}:
            data = source.read(name) if name in source.namelist() else b""
            target.writestr(name, change(data) if name == part else data)
    return stream.getvalue()


def before(tail: bytes, text: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(tail, text + tail)


def sheet_xml(cells: bytes) -> Callable[[bytes], bytes]:
    return before(b"</sheetData>", cells)


def lying(data: bytes, part: str, size: int) -> bytes:
    """Return a zip that declares another unpacked size for one part, in both of its headers."""
    blob = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo(part)
    struct.pack_into("<I", blob, info.header_offset + 22, size)
    at = blob.index(b"PK\1\2")
    while blob[at + 46 : at + 46 + len(part)] != part.encode():
        at = blob.index(b"PK\1\2", at + 4)
    struct.pack_into("<I", blob, at + 24, size)
    return bytes(blob)


def many_members(count: int, size: int) -> bytes:
    """Return a zip of `count` members that each declare `size` bytes."""
    data = package({f"{at}.csv": b"0" for at in range(count)})
    for at in range(count if size > 1 else 0):
        data = lying(data, f"{at}.csv", size)
    return data


def nested(data: bytes, depth: int) -> bytes:
    for _ in range(depth):
        data = package({"x.zip": data})
    return data


def one_xls(body: bytes, extra: bytes = b"") -> bytes:
    return compound({"Workbook": biff8({"S": body}, extra=extra)})


def many_sheets_of_one() -> bytes:
    """300 sheets that are all the same 60,000 cells."""
    stream = bytearray(
        biff8({f"{at:03}": b"" for at in range(299)} | {"999": b"".join(label8(at, 0, "x") for at in range(60_000))})
    )
    last = stream.rindex(struct.pack("<HH", 0x85, 8 + 6))
    (offset,) = struct.unpack_from("<I", stream, last + 4)
    at = 0
    while (at := stream.find(struct.pack("<HH", 0x85, 8 + 6), at)) >= 0 and at <= last:
        struct.pack_into("<I", stream, at + 4, offset)
        at += 4
    return compound({"Workbook": bytes(stream)})


def full_xls() -> bytes:
    """16,000 rows of 200 numbers, packed."""
    numbers = struct.pack("<HI", 0, 5 << 2 | 2) * 200
    rows = (record(0xBD, struct.pack("<HH", row, 0) + numbers + struct.pack("<H", 199)) for row in range(16_000))
    return bare_biff5([])[:-4] + b"".join(rows) + record(0x0A)


def looped_fat() -> bytes:
    blob = bytearray(one_xls(label8(0, 0, "x")))
    (fat,) = struct.unpack_from("<I", blob, 76)
    struct.pack_into("<I", blob, (fat + 1) * 512, 0)
    return bytes(blob)


def looped_difat() -> bytes:
    blob = bytearray(one_xls(label8(0, 0, "x")))
    struct.pack_into("<I", blob, 68, 0)
    blob[512:1024] = struct.pack("<128I", *[0] * 128)
    return bytes(blob)


def table(cells: str, rows: int = 1) -> str:
    return f'<table:table table:name="S"><table:table-row table:number-rows-repeated="{rows}">{cells}</table:table-row></table:table>'


def noise(size: int) -> bytes:
    """Bytes that hardly compress, all printable: a bomb's ratio is not what gives it away."""
    return random.Random(1).randbytes(size // 2).hex().encode()  # noqa: S311  noise, no secret


def cases(good: bytes) -> dict[str, tuple[str, Callable[[], bytes], set[str]]]:
    """Return case: (file name, its bytes, the rules of which one is found)."""
    large, wrong, bad = {"file_too_large"}, {"file_wrong_type"}, {"file_unreadable"}
    sheet, strings = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
    cell = b'<row r="%d"><c r="%s%d"><v>1</v></c></row>'
    one = "<table:table-cell%s><text:p>x</text:p></table:table-cell>"
    return {
        # .xlsx
        "far_cell": ("a.xlsx", lambda: changed(good, sheet, sheet_xml(cell % (FAR, b"XFD", FAR))), large),
        "far_cell_prefixed": ("a.xlsx", lambda: changed(good, sheet, sheet_xml(b'<x:row><x:c s="0" t=\'n\' r=\'xfd1048576\'><v>1</v></x:c></x:row>')), large),
        "far_cell_elsewhere": ("a.xlsx", lambda: changed(good, "xl/other.xml", lambda _: b'<worksheet><sheetData><row><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'), wrong),
        "sparse": ("a.xlsx", lambda: changed(good, sheet, sheet_xml(cell % (FAR, b"S", FAR))), large),
        "sheet_bomb": ("a.xlsx", lambda: changed(good, sheet, sheet_xml(b" " * (100 << 20))), large),
        "strings_bomb": ("a.xlsx", lambda: changed(good, strings, before(b"</sst>", b"<si><t>" + b"a" * (100 << 20) + b"</t></si>")), large),
        "strings_bomb_of_items": ("a.xlsx", lambda: changed(good, strings, before(b"</sst>", b"<si><t>a</t></si>" * 6_000_000)), large),
        "declared_bomb": ("a.xlsx", lambda: lying(changed(good, "xl/media/x.bin", lambda _: b"x"), "xl/media/x.bin", 600 << 20), large),
        "lying_size": ("a.xlsx", lambda: lying(changed(good, strings, before(b"</sst>", b"<si><t>a</t></si>" * 2_000_000)), strings, 5000), bad),
        "merges": ("a.xlsx", lambda: changed(good, sheet, before(b"</worksheet>", b"<mergeCells>" + b'<mergeCell ref="A1:B2"/>' * 600_000 + b"</mergeCells>")), large),
        "laughs_in_strings": ("a.xlsx", lambda: changed(good, strings, lambda data: data.replace(b"<sst", LAUGHS.encode() + b"<sst").replace(b"<t>", b"<t>&j;", 1)), wrong),
        "laughs_in_sheet": ("a.xlsx", lambda: changed(good, sheet, lambda data: data.replace(b"<worksheet", LAUGHS.encode() + b"<worksheet")), wrong),
        "laughs_in_workbook": ("a.xlsx", lambda: changed(good, "xl/workbook.xml", lambda data: data.replace(b"<workbook", LAUGHS.encode() + b"<workbook")), wrong),
        "outer_entity": ("a.xlsx", lambda: changed(good, "xl/styles.xml", lambda data: data.replace(b"<styleSheet", b'<!DOCTYPE x SYSTEM "passwd"><styleSheet')), wrong),
        "many_parts": ("a.xlsx", lambda: package({"xl/workbook.xml": "<x/>"} | {f"xl/worksheets/s{n}.xml": "" for n in range(20_000)}), large),
        # .ods
        "ods_repeats": ("a.ods", lambda: ods(table(one % ' table:number-columns-repeated="16384"', FAR)), large),
        "ods_repeats_forged": ("a.ods", lambda: ods(table(one % ' table:number-columns-repeated="999999999999"', 10**15)), large),
        "ods_far": ("a.ods", lambda: ods(table("", FAR - 1).replace("</table:table>", "") + f'<table:table-row><table:table-cell table:number-columns-repeated="16383"/>{one % ""}</table:table-row></table:table>'), large),
        "ods_laughs": ("a.ods", lambda: ods(table(one % ""), head=ODS_HEAD.replace("?>", "?>" + LAUGHS, 1)), wrong),
        "ods_laughs_utf16": ("a.ods", lambda: package({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": ('<?xml version="1.0" encoding="UTF-16"?>' + LAUGHS + "<x>&j;</x>").encode("utf-16")}), wrong),
        "ods_spaces": ("a.ods", lambda: ods(table('<table:table-cell><text:p><text:s text:c="999999999"/></text:p></table:table-cell>')), large),
        "ods_merges": ("a.ods", lambda: ods(table('<table:table-cell table:number-columns-spanned="2"/>' * 1_000_000)), large),
        "ods_attribute": ("a.ods", lambda: ods(table(f'<table:table-cell x="{noise(12 << 20).decode()}"/>')), large),
        "ods_comment": ("a.ods", lambda: package({"content.xml": (ODS_HEAD + "<!--").encode() + b"<a> " * (20 << 20)}), large),
        "ods_deep": ("a.ods", lambda: ods("<a>" * 1_000_000), large),
        "ods_sheets": ("a.ods", lambda: ods('<table:table table:name="S"/>' * 100_000), large),
        "ods_elements": ("a.ods", lambda: ods(table("<table:table-cell/>" * 7_000_000)), large),
        "ods_cells": ("a.ods", lambda: ods("".join(table(one % "", 1000) for _ in range(200)) + table(one % ' table:number-columns-repeated="9"', 999_999)), large),
        # .docx
        "docx_laughs": ("a.docx", lambda: docx(word_table([["a", "b"]] * 2), head=WORD_HEAD.replace("?>", "?>" + LAUGHS, 1)), wrong),
        "docx_span": ("a.docx", lambda: docx(word_table([[word_cell("a", '<w:gridSpan w:val="999999999"/>')]] * 9)), large),
        "docx_cells": ("a.docx", lambda: docx(word_table([["a"] * 60] * 10_000)), large),
        "docx_deep": ("a.docx", lambda: docx("<w:tbl><w:tr><w:tc>" * 200_000), large),
        "docx_text": ("a.docx", lambda: docx(word_table([["a", "b"], ["c" * 30_000_000, "d"]])), large),
        # .xls
        "xls_dimensions": ("a.xls", lambda: one_xls(record(0x200, struct.pack("<IIHHH", 0, 0xFFFFFFFF, 0, 0xFFFF, 0)) + label8(65_535, 255, "x") + label8(0, 0, "x")), large),
        "xls_column": ("a.xls", lambda: one_xls(label8(0, 60_000, "x")), bad),
        "xls_loop": ("a.xls", looped_fat, bad),
        "xls_table_loop": ("a.xls", looped_difat, {"file_unreadable", "file_wrong_type"}),
        "xls_strings": ("a.xls", lambda: one_xls(record(0xFD, struct.pack("<HHHI", 0, 0, 0, 7)), record(0xFC, struct.pack("<II", 0xFFFFFFFF, 0xFFFFFFFF) + struct.pack("<HB", 0xFFFF, 1) + b"x")), bad),
        "xls_same_sheets": ("a.xls", many_sheets_of_one, bad),
        "xls_full": ("a.xls", full_xls, large),
        "xls_merges": ("a.xls", lambda: one_xls(record(0xE5, struct.pack("<H", 1027) + b"\0" * 8216) * 200), large),
        "xls_records": ("a.xls", lambda: bare_biff5([])[:-4] + record(0x00) * 15_000_000, large),
        "xls_sparse_rows": ("a.xls", lambda: one_xls(b"".join(label8(row, 255, "x") for row in range(65_536))), large),
        "xls_long_text": ("a.xls", lambda: one_xls(b"".join(record(0xFD, struct.pack("<HHHI", row, 0, 0, 0)) for row in range(60_000)), record(0xFC, struct.pack("<IIHB", 1, 1, 8000, 0) + b"a" * 8000)), large),
        # web pages
        "html_rowspan": ("a.xls", lambda: b"<table>" + b"<tr>" + b"<td rowspan=99999999 colspan=99999999>x" * 40, large),
        "html_cells": ("a.xls", lambda: b"<table><tr>" + b"<td>a" * 6_000_000, large),
        "html_colspans": ("a.xls", lambda: b"<table>" + b"<tr><td colspan=1000>a" * 400_000, large),
        "html_occupied": ("a.xls", lambda: b"<table><tr>" + b"<td rowspan=60000 colspan=1000>a" * 16 + b"<tr><td>b" * 400_000, large),
        "html_nested": ("a.xls", lambda: b"<table><tr><td>" * 200_000, large),
        "html_text": ("a.xls", lambda: b"<table><tr><td>" + b"a" * (60 << 20), large),
        # text
        "csv_line": ("a.csv", lambda: noise(60 << 20), large),
        "csv_commas": ("a.csv", lambda: b"a,b\n" + (b"," * 60_000 + b"x\n") * 1000, large),
        "csv_cells": ("a.csv", lambda: b"ab,cd,ef,gh\n" * 5_000_000, large),
        "csv_lines": ("a.csv", lambda: b"a,b\n" + b"\n" * (60 << 20), large),
        "csv_wide": ("a.csv", lambda: b"x,y\n" * 300_000 + b"," * 9_000 + b"x\n", large),
        "csv_cell": ("a.csv", lambda: b'a,b\nc,"' + b"x" * 3_000_000 + b'"\n', large),
        "csv_emoji": ("a.csv", lambda: "a,b\n😀,湖\n".encode() * 4_000_000, large),
        "too_large": ("a.csv", lambda: b"a,b,c\n" * 12_000_000, large),
        # archives
        "zip_members": ("a.zip", lambda: many_members(5_000, 1), large),
        "zip_bomb": ("a.zip", lambda: many_members(9, 60 << 20), large),
        "zip_deep": ("a.zip", lambda: nested(b"", 40), {"archive_too_deep"}),
        "zip_bomb_inside": ("a.zip", lambda: package({"x.zip": many_members(9, 60 << 20)}), large),
        "zip_large_member": ("a.zip", lambda: package({"a.csv": b"a,b,c\n" * 12_000_000}), large),
        "zip_lying": ("a.zip", lambda: lying(package({"a.csv": b"a,b,c\n" * 12_000_000}), "a.csv", 100), bad),
    }  # fmt: skip


# Slow to read by an HTML parser, and no more than odd: read, or refused, but quickly.
SLOW: dict[str, Callable[[], bytes]] = {
    "quotes": lambda: b"<table><tr><td>a<td>b<tr><td>1<td>2</table>" + b'<a b="' * 1_500_000,
    "comments": lambda: b"<table><tr><td>a<td>b<tr><td>1<td>2</table>" + b"<!--" * 1_500_000,
    "scripts": lambda: b"<table><tr><td>a<td>b<tr><td>1<td>2</table>" + b"<script>" * 1_500_000,
    "entities": lambda: b"<table><tr><td>a<td>b<tr><td>1<td>" + b"&lt" * 30_000 + b"</table>",
    "attributes": lambda: b"<table><tr><td>a<td>b<tr><td>1<td " + b"x=1 " * 5_000_000 + b">2</table>",
    "spaces": lambda: b"<table><tr><td>a<td>b<tr><td>1<td x=" + b" " * 20_000_000 + b">2</table>",
    "style": lambda: b"<table><tr><td>a<td>b<tr style='" + b"display" * 3_000_000 + b"none'><td>1<td>2</table>",
}


def write_all(folder: Path) -> dict[str, set[str]]:
    """Write every case into a folder of its own beside a good file; return the rules expected of each."""
    good = write_book(folder / "good.xlsx", {"S": collection_sheet(grower())}).read_bytes()
    wanted: dict[str, set[str]] = {}
    odd = {f"slow_{name}": ("a.xls", make, set[str]()) for name, make in SLOW.items()}
    text = {"paragraphs": ("a.docx", lambda: docx(paragraph("x") * 500_000), {"file_to_convert", "file_too_large"})}
    for case, (name, make, rules) in {**cases(good), **odd, **text}.items():
        (folder / case).mkdir()
        (folder / case / "好.xlsx").write_bytes(good)
        (folder / case / name).write_bytes(make())
        wanted[case] = rules
    return wanted


def main(folder: Path) -> None:
    """Print, for each case, the findings of the file, the records read beside it, seconds and MB above idle."""
    from originmap.rules import load_rules
    from originmap.sheets import read_inbox

    rules = load_rules()
    read_inbox(next(path for path in sorted(folder.iterdir()) if path.is_dir()).parent / "warm", rules)
    seen = {}
    for path in sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "warm"):
        receive, send = os.pipe()
        if (child := os.fork()) == 0:
            idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            start = time.process_time()
            inbox = read_inbox(path, rules)
            seconds = time.process_time() - start
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle
            found = [
                (part["file"].iat[0], part["rule"].iat[0])
                for part in inbox.findings
                if len(part) and not part["row"].notna().any()
            ]
            lines = sum(len(table.frame) for table in inbox.tables if table.file == "好.xlsx")
            os.write(send, json.dumps([found, lines, seconds, grown / 1024]).encode())
            os._exit(0)
        os.close(send)
        with os.fdopen(receive) as stream:
            seen[path.name] = json.loads(stream.read() or "null")
        os.waitpid(child, 0)
    print(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
