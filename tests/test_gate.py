"""The gate: a number planted in any kind of output is caught and would pass without it; hashes and codes stop nothing."""

import base64
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import PIL.Image
import PIL.PngImagePlugin
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pypdf
import pytest
import typst
import xlsxwriter
from books import collection_sheet, grower, write_book
from openpyxl.comments import Comment
from openpyxl.packaging.custom import StringProperty
from openpyxl.workbook.defined_name import DefinedName

import originmap as om
from originmap import cli, contents, exports, figures, gate, page
from originmap.gate import Watch, inspect_file, is_id_number

PHONE = "13900009999"
POINT = gpd.points_from_xy([118.1], [25.1])


def workbook(path: Path, change: Callable[[openpyxl.Workbook], object]) -> None:
    book = openpyxl.Workbook()
    book.active["B2"] = "湖头镇"
    change(book)
    book.save(path)


def document(path: Path, change: Callable[[docx.document.Document], object]) -> None:
    made = docx.Document()
    made.add_paragraph("湖头镇")
    change(made)
    made.save(str(path))


def pieces(made: docx.document.Document) -> None:
    """Write the number in two runs of one paragraph, as a word processor does after a correction."""
    paragraph = made.add_paragraph("电话 " + PHONE[:5])
    paragraph.add_run(PHONE[5:]).bold = True


def frame(path: Path, value: object = PHONE, **options: object) -> None:
    gpd.GeoDataFrame({"Name": ["甲"], "note": [value]}, geometry=POINT, crs="EPSG:4326").to_file(path, **options)


def styled(path: Path) -> None:
    frame(path, "乙", driver="GPKG", layer="bases")
    with sqlite3.connect(path) as store:
        store.execute("create table layer_styles (id integer, styleQML text, description text)")
        store.execute("insert into layer_styles values (1, '<qgis/>', ?)", [PHONE])


def notebook(path: Path, **parts: object) -> None:
    cell = {"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": 1}
    path.write_text(
        json.dumps({"cells": [cell | parts], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8"
    )


def sheet_pdf(path: Path) -> None:
    figure, sheet = page.a4(landscape=True)
    page.write(sheet, 100, 100, f"湖头镇 {PHONE} 号", 9)
    figures.save(figure, path.with_suffix(""), formats=["pdf"])


def typst_pdf(path: Path) -> None:
    fonts = [str(Path(page.faces.sans_path()).parent)]
    source = f'#set text(font: "Noto Sans SC")\n湖头镇 电话 {PHONE}'.encode()
    path.write_bytes(typst.compile(source, font_paths=fonts))


def titled_pdf(path: Path) -> None:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.add_metadata({"/Title": PHONE})
    writer.write(path)


def picture(path: Path, *, packed: bool = False, wide: bool = False) -> None:
    said = PIL.PngImagePlugin.PngInfo()
    (said.add_itxt if wide else said.add_text)("Comment", PHONE, zip=packed)
    PIL.Image.new("RGB", (4, 4)).save(path, pnginfo=said)


def table(path: Path, values: list[object], **said: str) -> None:
    pq.write_table(pa.table({"note": values}).replace_schema_metadata(said or None), path)


def packed(path: Path, member: str, text: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, text)


def text(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")


def footer(path: Path) -> None:
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("一").set_footer(f"&C联系 {PHONE}")


PLANTED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "xlsx cell": ("a.xlsx", lambda path: workbook(path, lambda book: book.active.__setitem__("C3", f"电话{PHONE}"))),
    "xlsx number": ("a.xlsx", lambda path: workbook(path, lambda book: book.active.__setitem__("C3", int(PHONE)))),
    "xlsx comment": ("a.xlsx", lambda path: workbook(path, lambda book: setattr(book.active["B2"], "comment", Comment(PHONE, "x")))),
    "xlsx footer": ("a.xlsx", footer),
    "xlsx defined name": ("a.xlsx", lambda path: workbook(path, lambda book: book.defined_names.add(DefinedName("t", attr_text=f'"{PHONE}"')))),
    "xlsx property": ("a.xlsx", lambda path: workbook(path, lambda book: setattr(book.properties, "keywords", PHONE))),
    "xlsx custom property": (
        "a.xlsx",
        lambda path: workbook(path, lambda book: book.custom_doc_props.append(StringProperty(name="t", value=PHONE))),
    ),
    "xlsx sheet name": ("a.xlsx", lambda path: workbook(path, lambda book: book.create_sheet(PHONE))),
    "docx in two runs": ("a.docx", lambda path: document(path, pieces)),
    "docx header": ("a.docx", lambda path: document(path, lambda made: made.sections[0].header.paragraphs[0].add_run(PHONE))),
    "docx property": ("a.docx", lambda path: document(path, lambda made: setattr(made.core_properties, "comments", PHONE))),
    "gpkg attribute": ("a.gpkg", lambda path: frame(path, driver="GPKG")),
    "gpkg number": ("a.gpkg", lambda path: frame(path, int(PHONE), driver="GPKG")),
    "gpkg style": ("a.gpkg", styled),
    "geojson": ("a.geojson", lambda path: frame(path, driver="GeoJSON")),
    "geojson number": ("a.geojson", lambda path: frame(path, int(PHONE), driver="GeoJSON")),
    "dbf": ("a.dbf", lambda path: frame(path.with_suffix(".shp"), encoding="UTF-8")),
    "kml": ("a.kml", lambda path: text(path, f"<kml><Placemark><description>{PHONE}</description></Placemark></kml>")),
    "gpx": ("a.gpx", lambda path: text(path, f"<gpx><wpt><cmt>{PHONE}</cmt></wpt></gpx>")),
    "qgz": ("a.qgz", lambda path: packed(path, "a.qgs", f"<qgis title='{PHONE}'/>")),
    "notebook source": ("a.ipynb", lambda path: notebook(path, source=["a = 1\n", f"# {PHONE}"])),
    "notebook metadata": ("a.ipynb", lambda path: notebook(path, metadata={"note": PHONE})),
    "notebook output": ("a.ipynb", lambda path: notebook(path, outputs=[{"data": {"text/html": [f"<td>{PHONE[:4]}<b>{PHONE[4:]}</b></td>"]}}])),
    "html text": ("a.html", lambda path: text(path, f"<p>电话：{PHONE}</p>")),
    "html attribute": ("a.html", lambda path: text(path, f'<a title="{PHONE}">甲</a>')),
    "html script": ("a.html", lambda path: text(path, f'<script type="application/json">{{"n": "{PHONE}"}}</script>')),
    "html entities": ("a.html", lambda path: text(path, "<p>" + "".join(f"&#{ord(sign)};" for sign in PHONE) + "</p>")),
    "svg": ("a.svg", lambda path: text(path, f"<svg><text><tspan>{PHONE[:3]}</tspan><tspan>{PHONE[3:]}</tspan></text></svg>")),
    "pdf of a map": ("a.pdf", sheet_pdf),
    "pdf of a document": ("a.pdf", typst_pdf),
    "pdf title": ("a.pdf", titled_pdf),
    "png text": ("a.png", picture),
    "png packed text": ("a.png", lambda path: picture(path, packed=True)),
    "png wide text": ("a.png", lambda path: picture(path, packed=True, wide=True)),
    "csv": ("a.csv", lambda path: text(path, f"\ufeff甲,乙\n1,{PHONE}\n")),
    "json": ("a.json", lambda path: text(path, json.dumps({"a": [{"b": PHONE}]}))),
    "parquet": ("a.parquet", lambda path: table(path, [PHONE])),
    "parquet number": ("a.parquet", lambda path: table(path, [int(PHONE)])),
    "parquet metadata": ("a.parquet", lambda path: table(path, ["甲"], note=PHONE)),
    "text, full width": ("a.txt", lambda path: text(path, "电话 １３９００００９９９９")),
    "text, apart": ("a.txt", lambda path: text(path, "139 0000 9999，+86 139-0000-9999")),
}  # fmt: skip


@pytest.mark.parametrize("case", PLANTED)
def test_a_number_in_any_kind_of_output_is_caught(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, plant = PLANTED[case]
    path = tmp_path / name
    plant(path)
    found = inspect_file(path, Watch())
    assert found, case
    assert all(line.startswith(name) and "电话" in line and PHONE not in line for line in found)
    # On a township's desk its own numbers stay; an official's are shown everywhere but in public.
    assert inspect_file(path, Watch(), name=f"desk/湖头镇/{name}") == []
    assert inspect_file(path, Watch(phones=frozenset([PHONE]))) == []
    # Were its kind not read, nothing would be found.
    monkeypatch.setattr(contents, "texts", lambda *_: iter(()))
    monkeypatch.setattr(gate, "texts", lambda *_: iter(()))
    assert inspect_file(path, Watch()) == []


def test_it_says_where(tmp_path: Path) -> None:
    workbook(tmp_path / "表.xlsx", lambda book: book.active.__setitem__("C3", PHONE))
    assert inspect_file(tmp_path / "表.xlsx", Watch()) == ["表.xlsx（Sheet!C3）：电话 139****9999"]
    text(tmp_path / "a.csv", f"甲\n1\n{PHONE}\n")
    assert inspect_file(tmp_path / "a.csv", Watch()) == ["a.csv（第 3 行）：电话 139****9999"]
    text(tmp_path / f"{PHONE}.txt", "甲")
    assert "文件名" in inspect_file(tmp_path / f"{PHONE}.txt", Watch())[0]
    (tmp_path / "b.xlsx").write_bytes(b"PK no workbook")
    assert inspect_file(tmp_path / "b.xlsx", Watch()) == ["b.xlsx：打不开，无法检查"]


def with_check_digit(stem: str) -> str:
    return next(stem + sign for sign in "0123456789X" if is_id_number(stem + sign))


@pytest.mark.parametrize("desk", [False, True])
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (f"身份证{with_check_digit('00000019900101123')}号", "身份证号"),
        ("350524900101123", "身份证号"),
        ("登录密码：Ax12345", "账号密码"),
        ("账号: anxi_01", "账号密码"),
        ("乡镇\n平台密码\n", "账号密码"),
    ],
)
def test_identity_and_accounts_go_nowhere(said: str, kind: str, *, desk: bool) -> None:
    assert [found for found, _ in Watch().leaks(said, desk=desk)] == [kind]


@pytest.mark.parametrize(
    "said",
    [
        "138****1234", "疑为账号密码表，整张拒收", "账号密码另行保管，不要随表报送", "118.13812345678", "350524100001", "13812345678.52", "0.01",
        "20230315093000123", "000000199001011239", "350524991301123", "2023-03-15 17:00:00", "x13812345678", "3e13812345678a", "0123456",
    ],
)  # fmt: skip
def test_what_is_no_number_of_a_person_passes(said: str) -> None:
    assert list(Watch().leaks(said)) == []


def test_a_thousand_reports_of_hashes_and_codes_stop_nothing() -> None:
    rng = np.random.default_rng(2023)
    signs = np.frombuffer(b"0123456789abcdef", dtype="S1")
    reports = 1000
    tokens = [
        *(
            pa.array(signs[rng.integers(0, 16, (reports * count, size))].view(f"S{size}").ravel().astype("U"))
            for count, size in ((150, 64), (600, 16))
        ),
        pa.array(rng.uniform(117.6, 118.3, reports * 300)).cast(pa.string()),
        pa.array(rng.uniform(2.7e6, 2.9e6, reports * 200)).cast(pa.string()),
        pa.array(350524100000 + rng.integers(0, 110_999, reports * 50)).cast(pa.string()),
        pa.array(2023_03_0000 + rng.integers(0, 9999, reports * 50)).cast(pa.string()),
    ]
    # What has no eleven digits on end is no number to anybody; the others are looked at.
    risky = [
        token for array in tokens for token in array.filter(pc.match_substring_regex(array, r"\d{11}")).to_pylist()
    ]
    assert len(risky) > 300_000
    assert list(Watch("public").leaks("\n".join(risky))) == []


def test_names_stop_a_public_tree_only() -> None:
    watch = Watch("public", names=frozenset(["林小样", "李一", "安溪青穗农业发展有限公司"]))
    assert [what for _, what in watch.leaks("联系人林小样；安溪青穗农业发展有限公司")] == [
        "林小样",
        "安溪青穗农业发展有限公司",
    ]
    assert [what for _, what in watch.leaks("负责人：李一，桃李一片")] == ["李一"]
    assert [kind for kind, _ in watch.leaks(f"办公电话 {PHONE}")] == ["电话"]


def test_a_place_a_product_or_a_heading_is_nobodys_name(tmp_path: Path) -> None:
    inbox = tmp_path / "安溪县" / "2023-03"
    odd = [
        grower(序号=at, 种养殖主体=name)
        for at, name in enumerate(("湖头镇", "豇豆", "农户", "合作社", "李样禾"), start=1)
    ]
    write_book(inbox / "湖头镇.xlsx", {"附件1": collection_sheet(*odd)})
    names = Watch.of(om.open_round(inbox), "public").names
    assert "李样禾" in names
    assert not names & {"湖头镇", "豇豆", "农户", "合作社"}


def test_officials_and_offices_may_be_called(tmp_path: Path) -> None:
    inbox = tmp_path / "安溪县" / "2023-03"
    write_book(inbox / "湖头镇.xlsx", {"附件1": collection_sheet(grower(电话=PHONE, 监管员电话="13900001111"))})
    rules = tmp_path / "rules.toml"
    text(rules, '[county]\noffice_numbers = "0595-23280000"\n')
    watch = Watch.of(om.open_round(inbox, rules=rules))
    said = f"{PHONE} 13900001111 0595-23280000 0595-23280001"
    assert [what for _, what in watch.leaks(said)] == [PHONE, "0595-23280001"]


def test_a_leak_stops_the_run_and_leaves_the_old_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox = tmp_path / "安溪县" / "2023-03"
    write_book(inbox / "湖头镇.xlsx", {"附件1": collection_sheet(grower(电话=PHONE))})
    call = ["check", str(inbox), "--out", str(tmp_path / "out")]
    assert cli.main(call) == 0
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    monkeypatch.setattr(exports, "masked", lambda rows: rows)
    assert cli.main(call) == 2
    said = capsys.readouterr().err
    assert "records.parquet（列 contact_phone）：电话 139****9999" in said
    assert said.strip().count("\n") == 0
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before
    assert not (tmp_path / "out.new").exists()
    # Without the gate it would have gone out.
    monkeypatch.setattr(gate, "inspect", lambda *_: None)
    assert cli.main(call) == 0
    assert PHONE in set(pd.read_parquet(tmp_path / "out" / "records.parquet")["contact_phone"])


def test_pictures_in_text_are_not_read_as_text(tmp_path: Path) -> None:
    coded = base64.b64encode(b"\xd7\x7f\xdd\xd3M4\xd3M4\xd3M4" * 40).decode()
    text(tmp_path / "a.html", f'<img src="data:image/png;base64,{coded} 13900009999">')
    assert inspect_file(tmp_path / "a.html", Watch()) == []
    notebook(tmp_path / "a.ipynb", outputs=[{"data": {"image/png": PHONE}}])
    assert inspect_file(tmp_path / "a.ipynb", Watch()) == []
