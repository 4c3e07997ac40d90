"""Every kind of file is read for what it is, cell by cell, whatever its name says."""

import contextlib
import csv
import html
import io
import re
import struct
import zipfile
from pathlib import Path

import html5lib
import pytest
from books import collection_sheet, grower, write_book
from files import (
    bare_biff2,
    bare_biff5,
    biff8,
    cells8,
    compound,
    docx,
    gbk_archive,
    ods,
    package,
    paragraph,
    record,
    unicode8,
    web_table,
    word_cell,
    word_table,
    xls,
    xml2003,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import originmap as om
from originmap import workbooks
from originmap.archives import source_bytes, sources
from originmap.documents import kind_to_read, read_document
from originmap.formats import Limits, UnreadableFileError, kind_of
from originmap.grids import Grid, Reading, encoding_of
from originmap.rules import load_rules

DATA = Path(__file__).parent / "data"
RULES = load_rules()
LIMITS = Limits.of(RULES)
SHEET = collection_sheet(grower(), grower(序号=2, 种养殖主体="陈小样", 种养规模="3分"))


def read(data: bytes, name: str) -> Reading:
    return read_document(data, name, kind_to_read(data, name, LIMITS), LIMITS)


def refusal(data: bytes, name: str) -> tuple[str, str]:
    with pytest.raises(UnreadableFileError) as caught:
        workbooks.read_file(data, name, RULES)
    return caught.value.rule, caught.value.detail


def csv_text(rows: object, delimiter: str = ",") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)  # type: ignore[arg-type]
    return stream.getvalue()


def html_page(rows: object) -> str:
    return f'<html><head><meta charset="gb2312"></head><body>{web_table(rows)}</body></html>'  # type: ignore[arg-type]


def fixture(name: str) -> bytes:
    return (DATA / name).read_bytes()


# ---- every kind, by its content ----

SAMPLES: dict[str, tuple[str, bytes]] = {
    "collection.xls": ("biff", xls(SHEET)),
    "collection.et": ("biff", xls(SHEET)),
    "delphi.xls": ("biff", bare_biff5(SHEET)),
    "ancient.xls": ("biff", bare_biff2(SHEET)),
    "web.xls": ("html", html_page(SHEET).encode("gb18030")),
    "web.xlsx": ("html", html_page(SHEET).encode("utf-8-sig")),
    "page.html": ("html", html_page(SHEET).encode("utf-16")),
    "text.xls": ("text", csv_text(SHEET, "\t").encode("gb18030")),
    "wide.xls": ("text", csv_text(SHEET, "\t").encode("utf-16")),
    "table.csv": ("text", csv_text(SHEET).encode("utf-8-sig")),
    "gbk.csv": ("text", csv_text(SHEET).encode("gb18030")),
    "semicolon.csv": ("text", csv_text(SHEET, ";").encode()),
    "pasted.txt": ("text", csv_text(SHEET, "\t").encode("gb18030")),
    "report.xls": ("xml2003", xml2003(SHEET).encode()),
    "declared.xls": ("xml2003", xml2003(SHEET, declared="gb2312").encode("gb18030")),
    "real.xls": ("biff", fixture("workbook.xls")),
    "real.ods": ("ods", fixture("workbook.ods")),
    "real.docx": ("docx", fixture("tables.docx")),
    "named.xls": ("docx", fixture("tables.docx")),
    "named.et": ("ods", fixture("workbook.ods")),
    "real.xlsx": ("xlsx", fixture("workbook.xlsx")),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_each_file_is_told_by_its_content_and_read_into_records(tmp_path: Path, name: str) -> None:
    kind, data = SAMPLES[name]
    assert kind_of(data, Path(name).suffix) == kind
    (tmp_path / "2023-03").mkdir()
    (tmp_path / "2023-03" / name).write_bytes(data)
    round_ = om.open_round(tmp_path / "2023-03")
    assert round_.records["township"].unique().tolist() == ["湖头镇"]
    assert "豇豆" in [RULES.products[code].name for code in round_.records["product"]]
    assert (
        len(round_.records) == {"real": 6, "named": 6}.get(name.split(".", maxsplit=1)[0], 2) if kind != "docx" else 3
    )
    assert round_.records["status"].eq("accepted").all()
    sizes = round_.records["area_mu"].tolist()
    assert sizes[:2] == ([2.5, 3.5] if len(sizes) == 6 else [2.5, 0.3])
    other = kind in ("html", "text", "xml2003", "docx") and Path(name).suffix in workbooks_suffixes()
    assert ("file_other_format" in round_.findings["rule"].tolist()) == other


def workbooks_suffixes() -> tuple[str, ...]:
    return (".xls", ".xlsx", ".et")


@pytest.mark.parametrize("other", ["workbook.xls", "workbook.ods"])
def test_a_workbook_is_the_same_in_every_format(other: str) -> None:
    """The oracle is calamine on the .xlsx; errors, a truth value and times are told apart below."""
    sheets, _ = workbooks.read_file(fixture("workbook.xlsx"), "a.xlsx", RULES)
    others, _ = workbooks.read_file(fixture(other), other, RULES)
    assert [(sheet.sheet, sheet.hidden, sheet.merges) for sheet in sheets] == [
        (sheet.sheet, sheet.hidden, sheet.merges) for sheet in others
    ]
    assert others[0].cells.tolist() == sheets[0].cells.tolist()
    assert others[1].cells[1:2, :6].tolist() == sheets[1].cells[1:2, :6].tolist()
    assert others[1].cells[2:].tolist() == sheets[1].cells[2:].tolist()
    grids = read(fixture(other), other).grids
    assert grids[0].hidden_rows == (7,)
    assert grids[1].rows[0][:2] == ["错误", "#DIV/0!"]
    assert grids[1].rows[2] == [" 前后空格 ", "两\n行", "①②③㎡", "001", "=1+1"]
    assert grids[1].rows[1][7] == "2023-05-06"


ARRIVED = {
    "照片.jpg": (b"\xff\xd8\xff\xe0" + b"\0" * 60, "（图片）"),
    "扫描.pdf": (b"%PDF-1.4\n", "（PDF）"),
    "报告.doc": (compound({"WordDocument": b"x"}), "（旧版 Word 或 WPS 文字文档）"),
    "报告.wps": (compound({"WordDocument": b"x"}), "（旧版 Word 或 WPS 文字文档）"),
    "包.rar": (b"Rar!\x1a\x07\x01\0" + b"\0" * 60, "（RAR 压缩包）"),
    "包.7z": (b"7z\xbc\xaf\x27\x1c" + b"\0" * 60, "（7z 压缩包）"),
    "版式.ofd": (package({"OFD.xml": "<OFD/>"}), "（OFD 版式文件）"),
    "稿.pptx": (package({"ppt/presentation.xml": "<p/>"}), "（演示文稿）"),
    "说明.docx": (docx(paragraph("只有文字")), ""),
    "说明.txt": ("请各乡镇尽快报送。\n联系电话见附件。".encode(), ""),
    "什么.dat": (bytes(range(256)), ""),
    "空.txt": (b"", ""),
}


@pytest.mark.parametrize("name", ARRIVED)
def test_what_only_arrived_is_to_be_converted_and_named(name: str) -> None:
    data, detail = ARRIVED[name]
    assert refusal(data, name) == ("file_to_convert", detail)


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 60, "照片.xlsx", ("file_wrong_type", "是图片，不是表格")),
        (b"%PDF-1.4\n", "扫描.xls", ("file_wrong_type", "是PDF，不是表格")),
        (package({"xl/workbook.bin": "x"}), "二进制.xlsx", ("file_wrong_type", "是二进制工作簿（.xlsb），不是表格")),
        (bytes(range(256)), "乱.csv", ("file_wrong_type", "不是 Excel 或 WPS 表格")),
        (b"", "空.csv", ("file_unreadable", "")),
        (b"\0" * 5000, "零.xls", ("file_unreadable", "")),
        (xls(SHEET)[:3000], "断.xls", ("file_unreadable", "")),
        (fixture("workbook.ods")[:9000], "断.ods", ("file_unreadable", "")),
        (fixture("tables.docx")[:9000], "断.docx", ("file_unreadable", "")),
        (
            b"<html><body><p>\xe6\x97\xa0\xe8\xa1\xa8</p></body></html>",
            "无表.xls",
            ("file_wrong_type", "是没有表格的网页"),
        ),
        (compound({"EncryptedPackage": b"x", "EncryptionInfo": b"y"}), "密.xlsx", ("file_encrypted", "")),
        (compound({"EncryptedPackage": b"x", "EncryptionInfo": b"y"}), "密.docx", ("file_encrypted", "")),
        (compound({"Workbook": biff8({"S": b""}, extra=record(0x2F, b"\1\0" * 27))}), "密.xls", ("file_encrypted", "")),
        (b"%TSD-Header-###%" + b"\0" * 90, "加密软件.xlsx", ("file_encrypted", "")),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_read_says_why(data: bytes, name: str, expected: tuple[str, str]) -> None:
    assert refusal(data, name) == expected


def test_an_encrypted_opendocument_is_named_as_such() -> None:
    manifest = '<manifest:manifest><manifest:encryption-data manifest:checksum="x"/></manifest:manifest>'
    assert refusal(ods("", **{"META-INF__manifest": manifest}), "密.ods") == ("file_encrypted", "")


# ---- text ----


def grid_of(text: str | bytes, name: str = "a.csv") -> list[list[str]]:
    data = text if isinstance(text, bytes) else text.encode()
    (grid,) = read(data, name).grids
    return grid.rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("标题\na,b,c\n1,2,3\n", [["标题"], ["a", "b", "c"], ["1", "2", "3"]]),
        ("a\tb\n118.05,25.23\t2\n118.06,25.24\t3\n", [["a", "b"], ["118.05,25.23", "2"], ["118.06,25.24", "3"]]),
        ('a,b\n"两\n行","引""号"\n', [["a", "b"], ["两\n行", '引"号']]),
        ("sep=;\na;b,c\n", [["a", "b,c"]]),
        ("a,b\n\n001, 2 \n", [["a", "b"], [], ["001", " 2 "]]),
        ('="001",="13900000001"\nx,y\n', [["001", "13900000001"], ["x", "y"]]),
        ("a,b\r1,2\r", [["a", "b"], ["1", "2"]]),
        ("a|b\n1|2\n", [["a", "b"], ["1", "2"]]),
        ("a，b，c\n1，2，3\n", [["a", "b", "c"], ["1", "2", "3"]]),
        ("a,b,,,\n1,,,,\n", [["a", "b"], ["1"]]),
        ('5"管,b\n6"管,c\n', [['5"管', "b"], ['6"管', "c"]]),
    ],
)
def test_delimited_text_is_read_as_it_stands(text: str, rows: list[list[str]]) -> None:
    assert grid_of(text) == rows


def test_a_quote_never_closed_loses_no_row() -> None:
    lines = ["名称,数", '"开了头,1', *[f"行{n},{n}" for n in range(200)]]
    data = "\n".join(lines).encode()
    reading = read(data, "a.csv")
    assert len(reading.grids[0].rows) == 202
    assert reading.grids[0].rows[-1] == ["行199", "199"]
    assert [rule for rule, _ in reading.notes] == ["text_doubtful"]


def test_bytes_that_fit_no_encoding_are_read_and_said() -> None:
    data = "乡镇,产品\n湖头镇,豇豆\n湖头镇,芹菜\n".encode() + b"\xff\xfe,x\n"
    reading = read(data, "a.csv")
    assert reading.grids[0].rows[:2] == [["乡镇", "产品"], ["湖头镇", "豇豆"]]
    assert [rule for rule, _ in reading.notes] == ["text_doubtful"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
@given(st.lists(st.text(alphabet="湖头镇豇豆㎡䶮ab1 、", min_size=2, max_size=8), min_size=2, max_size=5))
@settings(deadline=None)
def test_an_encoding_is_found_whatever_is_declared(encoding: str, words: list[str]) -> None:
    text = "乡镇,产品,a\n" * 3 + "\n".join(words)
    found, fits = encoding_of(text.encode(encoding))
    assert fits
    assert text.encode(encoding).decode(found).lstrip("\ufeff") == text


def test_gbk_that_is_by_chance_utf8_is_gbk() -> None:
    assert grid_of("a,值,b\n1,值,2\n".encode("gb18030")) == [["a", "值", "b"], ["1", "值", "2"]]


# ---- web pages ----


def web(body: str, encoding: str = "utf-8") -> tuple[Grid, ...]:
    return read(f"<html>{body}</html>".encode(encoding), "a.xls").grids


def test_a_page_keeps_every_row_though_nothing_is_closed() -> None:
    body = "<table><tr><td>甲<td>乙" + "".join(f"<tr><td>{n}<td>值{n}" for n in range(524))
    (grid,) = web(body, "gb18030")
    assert len(grid.rows) == 525
    assert grid.rows[-1] == ["523", "值523"]


def test_spans_become_merges_and_end_with_the_table() -> None:
    body = (
        "<table><tr><td rowspan=2>村<td colspan=2>联系人<td rowspan='99999999'>尾<tr><td>姓名<td>电话"
        "<tr><td>前溪<td>林<td>1<tr><td>a<td>b<td>c<td>d</table>"
    )
    (grid,) = web(body)
    assert grid.rows == [
        ["村", "联系人", "", "尾"],
        ["", "姓名", "电话"],
        ["前溪", "林", "1"],
        ["a", "b", "c", "", "d"],
    ]
    assert grid.merges == ((0, 0, 1, 0), (0, 1, 0, 2), (0, 3, 3, 3))


def test_a_table_in_a_cell_is_a_table_of_its_own_and_lines_before_are_titles() -> None:
    body = (
        "<h1>采集表</h1><p>填报单位：<b>湖头镇</b></p><table><tr><td><table><tr><td>a<td>b<tr><td>1<td>2</table></td></tr></table>"
        "<table><caption>第二张</caption><tr><th>c<th>d<tr><td>3<td>4</table>"
    )
    first, second = web(body)
    assert first.rows == [["采集表"], ["填报单位：湖头镇"], ["a", "b"], ["1", "2"]]
    assert second.rows == [["第二张"], ["c", "d"], ["3", "4"]]


def test_a_title_in_a_table_of_its_own_stays_with_the_next() -> None:
    body = "<table><tr><td>填报单位：湖头镇<td>填报日期：3月5日</table>" + web_table([["a", "b"], ["1", "2"]])
    (grid,) = web(body)
    assert grid.rows[0] == ["填报单位：湖头镇", "填报日期：3月5日"]
    assert grid.rows[1:] == [["a", "b"], ["1", "2"]]


def test_signs_and_breaks_are_text_and_code_is_not() -> None:
    body = (
        "<style>td{x:'<table>'}</style><script>var a='<tr><td>no'</script><!-- <table><tr><td>no -->"
        '<table title="a>b"><tr style="display:none"><td>&lt;b&gt;&nbsp;&#28246;<td>甲<br>乙\n  丙<td x:str="<no>">1<2</td></tr>'
        "<tr><td>x<td>y<td></table>"
    )
    (grid,) = web(body)
    assert grid.rows[0] == ["<b>\xa0湖", "甲\n乙 丙", "1<2"]
    assert grid.hidden_rows == (0,)


def test_excels_own_page_gives_the_sheet_its_name() -> None:
    head = "<!--[if gte mso 9]><xml><x:ExcelWorksheet><x:Name>附件1</x:Name></x:ExcelWorksheet></xml><![endif]-->"
    (grid,) = web(head + web_table([["a", "b"], ["1", "2"]]))
    assert grid.name == "附件1"


def tree_rows(page: str) -> list[list[str]]:
    """The oracle: html5lib's tree of the page, its outermost table's cells."""
    tree = html5lib.parse(re.sub("<!--.*?-->", "", page), namespaceHTMLElements=False)
    table = tree.find(".//table")
    return [
        [" ".join("".join(cell.itertext()).split()) for cell in row if cell.tag in ("td", "th")]
        for row in table.iter("tr")
    ]


PIECES = st.sampled_from(
    [
        "<tr>",
        "</tr>",
        "<td>",
        "</td>",
        "<th class='a>b'>",
        "<TD x=1>",
        "<tbody>",
        "</tbody>",
        "<b>",
        "甲",
        "乙 1",
        "&amp;",
        "<!--x-->",
        "\n",
    ]
)


@given(st.lists(PIECES, max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_soup_of_rows_and_cells_is_read_as_a_browser_does(pieces: list[str]) -> None:
    page = (
        "<html><body><table><tr><td>头</td><td>尾</td></tr><tr><td>1<td>2" + "".join(pieces) + "</table></body></html>"
    )
    ours = [[" ".join(cell.split()) for cell in row] for row in web_rows(page)]
    strip = [trimmed(row) for row in tree_rows(page)]
    while strip and not strip[-1]:
        strip.pop()
    assert [trimmed(row) for row in ours][: len(strip)] == strip
    assert not any(map(any, ours[len(strip) :]))


def trimmed(row: list[str]) -> list[str]:
    row = list(row)
    while row and not row[-1]:
        row.pop()
    return row


def web_rows(page: str) -> list[list[str]]:
    """Our rows without lines that browsers show above the table."""
    rows = read(page.encode(), "a.xls").grids[0].rows
    return rows[next(at for at, row in enumerate(rows) if row[:2] == ["头", "尾"]) :]


# ---- Word ----


def test_merged_cells_of_a_word_table_are_merges() -> None:
    across, start, on = '<w:gridSpan w:val="2"/>', '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    table = word_table(
        [
            [word_cell("村", start), word_cell("联系人", across), word_cell("备注", start)],
            [word_cell("", on), "姓名", "电话", word_cell("", on)],
            [word_cell("前溪", start), "林", "1", "甲"],
            [word_cell("", on), "陈", "2", "乙"],
            ["后溪", word_cell("王", across), "丙"],
        ]
    )
    (grid,) = read(docx(paragraph("填报单位：湖头镇") + table), "a.docx").grids
    assert grid.rows[0] == ["填报单位：湖头镇"]
    assert grid.rows[1:4] == [["村", "联系人", "", "备注"], ["", "姓名", "电话"], ["前溪", "林", "1", "甲"]]
    assert sorted(grid.merges) == [(1, 0, 2, 0), (1, 1, 1, 2), (1, 3, 2, 3), (3, 0, 4, 0), (5, 1, 5, 2)]


def test_what_was_deleted_moved_or_drawn_in_word_is_not_read() -> None:
    gone = "<w:moveFrom><w:r><w:t>搬走</w:t></w:r></w:moveFrom><w:del><w:r><w:delText>删</w:delText></w:r></w:del>"
    drawn = "<mc:AlternateContent><mc:Fallback><w:t>重复</w:t></mc:Fallback></mc:AlternateContent>"
    cell = f"<w:tc><w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr>{gone}<w:r><w:t>留</w:t><w:br/>{drawn}<w:t>下</w:t></w:r></w:p></w:tc>"
    (grid,) = read(docx(word_table([[cell, "b"], ["1", "2"]])), "a.docx").grids
    assert grid.rows == [["留\n下", "b"], ["1", "2"]]


def test_a_word_table_in_a_cell_and_several_tables_are_tables_of_their_own() -> None:
    inner = word_table([["c", "d"], ["3", "4"]])
    outer = word_table([["a", "b"], ["1", f"<w:tc>{inner}{paragraph('2')}</w:tc>"]])
    grids = read(docx(outer + paragraph("第二张") + word_table([["e", "f"], ["5", "6"]])), "a.docx").grids
    assert [grid.rows for grid in grids] == [
        [["a", "b"], ["1", "2"]],
        [["c", "d"], ["3", "4"]],
        [["第二张"], ["e", "f"], ["5", "6"]],
    ]
    assert [grid.name for grid in grids] == ["表1", "表2", "表3"]


# ---- OpenDocument and the rest ----


def test_repeats_comments_and_spaces_of_an_opendocument() -> None:
    table = (
        '<table:table table:name="S"><table:table-row><table:table-cell office:value-type="string"><office:annotation>'
        '<text:p>批注</text:p></office:annotation><text:p>甲<text:s text:c="2"/>乙</text:p><text:p>丙</text:p></table:table-cell>'
        '<table:table-cell table:number-columns-repeated="2"/><table:table-cell office:value-type="float" office:value="1.380E+10">'
        '<text:p>1.38E+10</text:p></table:table-cell></table:table-row><table:table-row table:number-rows-repeated="2">'
        '<table:table-cell table:number-columns-repeated="2"><text:p>x</text:p></table:table-cell></table:table-row>'
        '<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/>'
        "</table:table-row></table:table>"
    )
    (grid,) = read(ods(table), "a.ods").grids
    assert grid.rows == [["甲  乙\n丙", "", "", "13800000000"], ["x", "x"], ["x", "x"]]


def test_a_large_and_monotonous_opendocument_is_no_bomb() -> None:
    cell = '<table:table-cell office:value-type="string" calcext:value-type="string"><text:p>湖头镇</text:p></table:table-cell>'
    rows = "".join(f"<table:table-row>{cell * 17}</table:table-row>" for _ in range(12_000))
    data = ods(f'<table:table table:name="S">{rows}</table:table>')
    assert len(data) < 200_000
    assert len(read(data, "a.ods").grids[0].rows) == 12_000


def test_formulas_errors_and_packed_numbers_of_an_xls() -> None:
    def formula(column: int, result: bytes) -> bytes:
        return record(0x06, struct.pack("<HHH", 0, column, 0) + result + b"\0" * 8)

    special = [bytes([kind, 0, value, 0, 0, 0, 0xFF, 0xFF]) for kind, value in ((0, 0), (1, 1), (2, 42), (3, 0))]
    packed = struct.pack("<HH", 1, 0) + b"".join(
        struct.pack("<HI", 0, value) for value in (5 << 2 | 2, 250 << 2 | 3, (-7 << 2 | 2) & 0xFFFFFFFF, 0x40040000)
    )
    body = (
        formula(0, special[0]) + record(0x207, unicode8("湖头")) + formula(1, special[1]) + formula(2, special[2])
        + formula(3, special[3]) + formula(4, struct.pack("<d", 2.5)) + record(0xBD, packed + struct.pack("<H", 3))
        + record(0x0205, struct.pack("<HHHBB", 2, 0, 0, 7, 1)) + record(0xE5, struct.pack("<H4H", 1, 1, 2, 0, 0))
    )  # fmt: skip
    (grid,) = read(compound({"Workbook": biff8({"S": body})}), "a.xls").grids
    assert grid.rows == [["湖头", "TRUE", "#N/A", "", "2.5"], ["5", "2.5", "-7", "2.5"], ["#DIV/0!"]]
    assert grid.merges == ((1, 0, 2, 0),)


def test_an_xls_that_claims_every_row_is_read_as_far_as_it_is_filled() -> None:
    blank = record(0xBE, struct.pack("<HH", 65_535, 0) + b"\0\0" * 256 + struct.pack("<H", 255))
    claim = record(0x200, struct.pack("<IIHHH", 0, 65_536, 0, 256, 0))
    (grid,) = read(compound({"Workbook": biff8({"S": claim + cells8([["a", "b"], ["1", 2]]) + blank})}), "a.xls").grids
    assert grid.rows == [["a", "b"], ["1", "2"]]


def test_a_workbook_inside_a_word_document_is_not_its_own() -> None:
    blob = bytearray(compound({"WordDocument": b"x", "ObjectPool": b"y", "Workbook": b"z"}))
    assert kind_of(bytes(blob)) == "biff"
    (directory,) = struct.unpack_from("<I", blob, 48)
    pool = (directory + 1) * 512 + 2 * 128
    blob[pool + 66] = 1  # a storage, with the workbook as its child
    struct.pack_into("<III", blob, pool + 68, 0xFFFFFFFF, 0xFFFFFFFF, 3)
    assert kind_of(bytes(blob)) == "doc"


def test_shared_strings_go_on_in_the_next_record_in_another_width() -> None:
    first = struct.pack("<II", 2, 2) + struct.pack("<HB", 4, 1) + "湖头".encode("utf-16-le")
    extra = record(0xFC, first) + record(0x3C, b"\0ab" + struct.pack("<HB", 3, 0) + b"xyz")
    body = b"".join(record(0xFD, struct.pack("<HHHI", 0, at, 0, at)) for at in (0, 1))
    (grid,) = read(compound({"Workbook": biff8({"S": body}, extra=extra)}), "a.xls").grids
    assert grid.rows == [["湖头ab", "xyz"]]


def test_an_index_hidden_rows_and_merges_of_the_xml_of_2003() -> None:
    text = xml2003([["a", 1.0, 2.5]]).replace(
        "</Table>",
        '<Row ss:Index="4" ss:Hidden="1"><Cell ss:Index="3" ss:MergeDown="1"><Data ss:Type="DateTime">2023-03-05T00:00:00.000</Data>'
        "<Comment><Data>批注</Data></Comment></Cell></Row></Table>",
    )
    (grid,) = read(text.encode(), "a.xls").grids
    assert grid.rows == [["a", "1", "2.5"], [], [], ["", "", "2023-03-05"]]
    assert (grid.merges, grid.hidden_rows) == (((3, 2, 4, 2),), (3,))


# ---- archives ----


def names(folder: Path) -> list[str]:
    return [source.name for source in sources(folder, RULES)]


def test_members_of_an_archive_are_files_of_their_own(tmp_path: Path) -> None:
    inner = package({"芹菜.csv": csv_text(SHEET)})
    members = {
        "3月/豇豆.xls": xls(SHEET),
        "3月/更正/内.zip": inner,
        "3月/~$豇豆.xls": b"lock",
        "__MACOSX/3月/._豇豆.xls": b"x",
        "Thumbs.db": b"x",
        ".DS_Store": b"x",
        "说明.pdf": b"%PDF-1.4",
    }
    (tmp_path / "湖头.zip").write_bytes(gbk_archive(members))
    write_book(tmp_path / "好.xlsx", {"S": SHEET})
    expected = ["好.xlsx", "湖头.zip/3月/更正/内.zip/芹菜.csv", "湖头.zip/3月/豇豆.xls", "湖头.zip/说明.pdf"]
    assert names(tmp_path) == expected
    assert source_bytes(tmp_path, "湖头.zip/3月/豇豆.xls", RULES) == xls(SHEET)
    assert source_bytes(tmp_path, "湖头.zip/3月/更正/内.zip/芹菜.csv", RULES) == csv_text(SHEET).encode()
    assert source_bytes(tmp_path, "好.xlsx", RULES) == (tmp_path / "好.xlsx").read_bytes()
    assert source_bytes(tmp_path, "湖头.zip", RULES) == (tmp_path / "湖头.zip").read_bytes()
    with pytest.raises(KeyError):
        source_bytes(tmp_path, "湖头.zip/没有.xls", RULES)
    inbox = om.sheets.read_inbox(tmp_path, RULES)
    assert inbox.files["file"].tolist() == expected
    assert inbox.files["status"].tolist() == ["read", "read", "read", "to_convert"]
    assert len(inbox.tables) == 3


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("../../上/a.csv", "上/a.csv"),
        ("/etc/a.csv", "etc/a.csv"),
        ("C:\\表\\a.csv", "表/a.csv"),
        ("./a//b.csv", "a/b.csv"),
    ],
)
def test_no_path_in_an_archive_leads_anywhere(tmp_path: Path, written: str, shown: str) -> None:
    (tmp_path / "a.zip").write_bytes(package({written: "a,b,c\n1,2,3\n"}))
    assert names(tmp_path) == [f"a.zip/{shown}"]
    assert list(tmp_path.iterdir()) == [tmp_path / "a.zip"]


def test_names_that_become_equal_are_numbered(tmp_path: Path) -> None:
    for digits in ("13900001234", "13900991234"):
        (tmp_path / f"a{digits[:6]}{digits[6:]}.csv").write_text(digits, encoding="utf-8")
    found = names(tmp_path)
    assert found == ["a139****1234.csv", "a139****1234（2）.csv"]
    assert [source_bytes(tmp_path, name, RULES) for name in found] == [b"13900001234", b"13900991234"]


@pytest.mark.parametrize("name", ["ascii.csv", "湖头镇.csv", "é.csv"])
def test_marked_names_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.zip").write_bytes(package({name: "x"}))
    assert names(tmp_path) == [f"a.zip/{name}"]


def test_names_in_utf8_without_their_mark_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(gbk_archive({"湖头镇.csv": b"x"}, encoding="utf-8"))
    assert names(tmp_path) == ["a.zip/湖头镇.csv"]


def findings_of(folder: Path) -> list[tuple[str, str]]:
    inbox = om.sheets.read_inbox(folder, RULES)
    return [(part["file"].iat[0], part["rule"].iat[0]) for part in inbox.findings if len(part)]


def test_an_archive_that_cannot_be_opened_is_one_finding(tmp_path: Path) -> None:
    write_book(tmp_path / "好.xlsx", {"S": SHEET})
    (tmp_path / "密码.zip").write_bytes(fixture("locked.zip"))
    (tmp_path / "空.zip").write_bytes(package({}))
    (tmp_path / "断.zip").write_bytes(package({"a.csv": csv_text(SHEET) * 50})[:300])
    deep = package({"a.csv": "x"})
    for _ in range(6):
        deep = package({"a.zip": deep})
    (tmp_path / "深.zip").write_bytes(deep)
    assert findings_of(tmp_path) == [
        ("密码.zip", "file_encrypted"),
        ("断.zip", "file_unreadable"),
        ("深.zip/a.zip/a.zip/a.zip", "archive_too_deep"),
        ("空.zip", "archive_empty"),
    ]


def test_one_bad_member_is_one_finding_and_the_others_are_read(tmp_path: Path) -> None:
    blob = bytearray(package({"a.csv": csv_text(SHEET) * 9, "b.csv": csv_text(SHEET), "c.xlsx": b"PK\x03\x04"}))
    with zipfile.ZipFile(io.BytesIO(bytes(blob))) as archive:
        start = archive.getinfo("a.csv").header_offset
    blob[start + 60 : start + 90] = b"\xff" * 30
    (tmp_path / "a.zip").write_bytes(bytes(blob))
    assert findings_of(tmp_path) == [("a.zip/a.csv", "file_unreadable"), ("a.zip/c.xlsx", "file_unreadable")]
    assert len(om.sheets.read_inbox(tmp_path, RULES).tables) == 1


def test_an_id_number_in_any_format_is_dropped_and_said(tmp_path: Path) -> None:
    number = "000000199001011239"
    sheet = collection_sheet(grower(联系人=f"林小样 {number}"))
    for name, data in {
        "a.xls": xls(sheet),
        "b.csv": csv_text(sheet).encode(),
        "c.xls": html_page(sheet).encode("gb18030"),
        "d.docx": docx(word_table([[html.escape(str(v or "")) for v in row] for row in sheet])),
    }.items():
        (tmp_path / name).write_bytes(data)
    inbox = om.sheets.read_inbox(tmp_path, RULES)
    assert [table.frame["contact_name"].tolist() for table in inbox.tables] == [["林小样"]] * 4
    assert [rule for _, rule in findings_of(tmp_path)].count("id_number_dropped") == 4
    assert number not in repr(inbox)


# ---- nothing but the one error ever comes out ----


@pytest.mark.parametrize(
    "name",
    ["workbook.xls", "workbook.ods", "tables.docx", "workbook.xlsx", "delphi.xls", "web.xls", "wide.xls", "report.xls"],
)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
def test_a_damaged_file_is_never_more_than_one_finding(name: str, data: st.DataObject) -> None:
    whole = SAMPLES[name][1] if name in SAMPLES else fixture(name)
    blob = bytearray(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    for at in data.draw(st.lists(st.integers(0, max(len(blob) - 1, 0)), max_size=20)):
        blob[at : at + 1] = bytes([data.draw(st.integers(0, 255))])
    with contextlib.suppress(UnreadableFileError):
        workbooks.read_file(bytes(blob), name, RULES)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("workbook.ods", "content.xml"),
        ("tables.docx", "word/document.xml"),
        ("workbook.xlsx", "xl/worksheets/sheet1.xml"),
    ],
)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_part_in_a_sound_package_neither(name: str, part: str, data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(fixture(name))) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist() if not entry.endswith("/")}
    blob = bytearray(parts[part])
    for at in data.draw(st.lists(st.integers(0, len(blob) - 1), min_size=1, max_size=9)):
        blob[at : at + data.draw(st.integers(1, 9))] = data.draw(
            st.sampled_from([b"", b"<", b">", b'"', b"9999999999", b"\xff", b"-"])
        )
    with contextlib.suppress(UnreadableFileError):
        workbooks.read_file(package(parts | {part: bytes(blob)}), name, RULES)
