"""Briefings: what they say is what the library's frames say, every figure leads to its cells, both documents hold all of it."""

import io
import random
import re
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import docx
import openpyxl
import pandas as pd
import pypdf
import pytest
from books import area_sheet, collection_sheet, grower, write_book
from recount import added_up, cell_value

import originmap as om
from originmap import briefing, catalogue, gazette, letterhead, press, traces
from originmap.decisions import Person, Store
from originmap.lineage import SIDES
from originmap.manuscript import Document, Figure, Paragraph, Picture, Table, plain, spans
from originmap.provenance import cells_of
from originmap.seasons import periods

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
TEMPLATE = Path(__file__).resolve().parents[1] / "data" / "reference" / press.TEMPLATE
FULL, EMPTY = "蓬莱镇", "金谷镇"


@pytest.fixture(scope="module")
def round_() -> om.Round:
    return om.open_round(SAMPLE / "anxi" / "2023-03")


@pytest.fixture(scope="module")
def desk(round_: om.Round) -> briefing.Desk:
    before = om.rounds.earlier_rounds(round_, count=1)
    return briefing.desk(round_, before=before[0])


@pytest.fixture(scope="module")
def documents(desk: briefing.Desk) -> dict[str, Document]:
    return {name: briefing.briefing(desk, name) for name in ("", FULL, EMPTY)}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> briefing.Desk:
    """Return the desk of a small round: no contacts, no windows, a name that means harm."""
    folder = tmp_path_factory.mktemp("briefing") / "2023-03"
    rows = [
        grower(**{"预计上市时间/下市时间": ""}),
        grower(序号=2, 种养殖主体="<b>{{ title }} & 林", 种养规模="若干", **{"预计上市时间/下市时间": ""}),
    ]
    write_book(folder / "湖头镇 报送.xlsx", {"附件1": collection_sheet(*rows)})
    write_book(folder / "附件5.xlsx", {"S": area_sheet([1, "湖头镇", 3, 4, 5])})
    return briefing.desk(om.open_round(folder))


def texts(document: Document) -> list[str]:
    """Return everything that a document prints, paragraph by paragraph and cell by cell."""
    told = [document.title, document.subtitle, document.office, document.date, *document.remarks]
    for section in document.numbered().sections:
        told.append(section.label + section.title)
        for block in section.blocks:
            told += [plain(block.text)] if isinstance(block, Paragraph) else [block.label, block.caption]
            told += table_texts(block) if isinstance(block, Table) else []
    for table in document.numbered().annexes:
        told += [table.label, table.caption, *table_texts(table)]
    return told


def table_texts(table: Table) -> list[str]:
    head = [part for name in dict.fromkeys(table.head) for part in name.split("›")[-1:]]
    return [*head, table.note, *(plain(cell) for row in table.rows for cell in row)]


def word_text(data: bytes) -> str:
    book = docx.Document(io.BytesIO(data))
    return "\n".join(node.text or "" for node in book.element.body.iter() if node.tag.endswith("}t"))


# ---- what is said ----


def test_the_figures_are_those_of_plain_pandas(round_: om.Round, desk: briefing.Desk) -> None:
    figures = desk.figures
    rows = pd.DataFrame(round_.records.drop(columns="geometry"))
    good = rows[rows["status"] == "accepted"]
    town = next(code for code, name in round_.places.names.items() if name == FULL)
    for where, here in (("county", good), (town, good[good["township_code"] == town])):
        assert figures[f"G-{where}-records"].value == len(here)
        assert figures[f"P-{where}-records"].value == here["in_scope"].fillna(value=False).sum()
        names = here["township_code"] + om.subjects.normal_name(here["subject_name"], round_.places)
        assert figures[f"S-{where}-all"].value == names.nunique()
    table = om.reconcile.planting_area(round_).set_index(["township_code", "product"])
    assert figures[f"A-{town}-cowpea-gap"].value == table.loc[(town, "cowpea"), "gap_mu"]
    assert figures[f"A-{town}-chinese_chive-gap"].value is None
    assert "无底数" in figures[f"A-{town}-chinese_chive-gap"].note


def test_a_briefing_says_whole_sentences(documents: dict[str, Document]) -> None:
    county, full, empty = ("".join(texts(documents[name])) for name in ("", FULL, EMPTY))
    assert "截至2023年3月31日，全县24个乡镇中，应报品种全部报齐0个、部分报送23个、没有报送1个（金谷镇）。" in county
    assert "蓬莱镇应报8个品种，已报5个，零报告1个" in full
    assert "没有收到任何来件" in empty
    assert "没有已定位的采用记录，不附图" in empty
    for text in (county, full, empty):
        assert "nan" not in text.lower()
        assert "None" not in text
        assert "{" not in text
    sections = documents[""].numbered().sections
    assert [section.label for section in sections] == ["一、", "二、", "三、", "四、", "五、", "六、", "七、"]


def test_every_number_of_a_traced_table_is_a_figure_with_its_id(
    documents: dict[str, Document], desk: briefing.Desk
) -> None:
    for document in documents.values():
        for table in document.annexes:
            if not table.traced:
                continue
            for row, start in zip(table.rows, table.row_ids, strict=True):
                for cell, end in zip(row, table.column_ids, strict=True):
                    for figure in cell:
                        if isinstance(figure, Figure):
                            assert figure.id == f"{start}-{end}"
                            assert desk.figures[figure.id] == figure
                    # What is no figure names something, or says when.
                    loose = "".join(span for span in cell if isinstance(span, str))
                    assert not re.fullmatch(r"[\d,.−]{3,}", loose), loose


def test_a_selection_by_name_is_told_in_the_briefing(small: briefing.Desk, tmp_path: Path) -> None:
    store = Store(tmp_path / "decisions.db")
    chosen = om.selection.Selection(products=("cowpea",), min_size=2.0, size_unit="mu")
    store.record(om.selection.verdict("大户", "林一", chosen), by=Person("林一", "种植业股"))
    kept = om.open_round(small.round_.folder, decisions=tmp_path / "decisions.db")
    told = briefing.briefing(briefing.desk(kept, selections=["大户"]), "湖头镇")
    part = next(section for section in told.sections if section.key == "selected")
    figure = next(figure for figure in told.figures() if figure.id == "N-350524102-大户-cowpea-size")
    assert figure.value == 2.5
    assert "≥2亩" in plain(part.blocks[0].text)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="没有名为“小户”的已存选择"):
        briefing.desk(kept, selections=["小户"])


# ---- lineage ----


def test_a_printed_figure_picked_at_random_is_rebuilt_from_its_cells(
    round_: om.Round, desk: briefing.Desk, documents: dict[str, Document], tmp_path: Path
) -> None:
    printed = [(figure, document.stem) for document in documents.values() for figure in document.figures()]
    traces.write(tmp_path, printed, desk.figures.cells, title="数字来源")
    told, sources = (pd.read_excel(tmp_path / "lineage.xlsx", sheet_name=name, dtype={"record_id": "str", "单元格": "str"}, keep_default_na=False, engine="calamine")
                     for name in (traces.FIGURES, traces.SOURCES))  # fmt: skip
    assert list(told.columns) == catalogue.FIGURE_HEADER
    assert list(sources.columns) == catalogue.SOURCE_HEADER
    assert told["编号"].is_unique
    groups = dict(iter(sources.groupby("编号")))
    chance = random.Random(20230331)  # noqa: S311 -- a pick, no secret
    for themes, count in (("AH", 16), ("S", 12), ("PGCM", 16)):
        known = told[told["编号"].str[0].isin(list(themes)) & (told["数值"] != "") & told["编号"].map(_countable)]
        for row in chance.sample(known.to_dict("records"), count):
            cells = groups.get(cells_of(row["编号"]), sources.iloc[:0])
            assert rebuilt(round_, row["编号"], cells) == pytest.approx(
                float(row["数值"]), abs=0.011 * (len(cells) + 1)
            ), row


def _countable(number: str) -> bool:
    """Tell of which figures the cells alone give the value; of the others absence counts, or a comparison of names."""
    return number.rsplit("-", maxsplit=1)[-1] in {
        *SIDES,
        "subjects",
        "size",
        "all",
        "buyers",
        "records",
        "located",
        "items",
        "to_mend",
    }


def rebuilt(round_: om.Round, number: str, cells: pd.DataFrame) -> float:
    """Add a figure up from the rows of 来源单元格, sizes read anew from the files."""
    theme, _, *rest = number.split("-")
    if theme in "PGC":
        return len(cells)
    records = pd.DataFrame(round_.records.drop(columns="geometry")).set_index("record_id")
    spot = cells["文件"] + "〔" + cells["工作表"] + "〕" + cells["单元格"]
    known = records.reindex(cells["record_id"])
    if theme == "M":
        at = periods(known["market_windows"])[:, int(rest[0]) - 1]
        cells, known = cells[at], known[at]
    if rest[-1] in ("subjects", "all", "buyers"):
        assert (known["subject_name"].to_numpy() == cells["内容"].to_numpy()).all() or theme == "M"
        return int((known["township_code"] + om.subjects.normal_name(known["subject_name"], round_.places)).nunique())
    product = rest[1] if theme == "M" else rest[0]
    crop = round_.rules.products[product].kind == "crop"
    if theme == "M":
        size = (known["area_mu"] if crop else known["head_count"]).to_numpy()
    else:
        size = [round(cell_value(round_, one, product), 2) for one in spot]
    side = pd.Series("registry", index=cells.index).mask(cells["record_id"].isin(records.index), "collection")
    side = side.mask(cells["record_id"] == "", "baseline")
    signs = (
        SIDES.get(rest[-1], {"collection": 1})
        if theme == "A"
        else {"registry": 1, "collection": -1 if rest[-1] == "gap" else 1}
    )
    signs = SIDES[rest[-1]] if theme == "H" and rest[-1] != "gap" else signs
    frame = known[["plot_key", "cropping"]].reset_index(drop=True).assign(
        side=side.to_numpy(), sign=side.map(signs).to_numpy(), month=known["collected_on"].str[:7].fillna(known["round"]).to_numpy(),
        subject=(known["township_code"] + om.subjects.normal_name(known["subject_name"], round_.places)).fillna("").to_numpy(),
    )  # fmt: skip
    return added_up(frame, list(size), crop=crop)


# ---- the two documents ----


@pytest.fixture(scope="module")
def printed(documents: dict[str, Document]) -> dict[str, tuple[bytes, bytes]]:
    pair = zip(documents, press.docx(documents.values(), TEMPLATE), press.pdf(documents.values()), strict=True)
    return {name: (word, pdf) for name, word, pdf in pair}


def test_the_same_manuscript_gives_the_same_bytes(
    documents: dict[str, Document], printed: dict[str, tuple[bytes, bytes]]
) -> None:
    document = documents[EMPTY]
    assert press.docx([document], TEMPLATE)[0] == printed[EMPTY][0]
    assert press.pdf([document])[0] == printed[EMPTY][1]


@pytest.mark.parametrize("name", [FULL, EMPTY])
def test_the_pdf_holds_every_chinese_sign_and_its_own_fonts(
    documents: dict[str, Document], printed: dict[str, tuple[bytes, bytes]], name: str
) -> None:
    reader = pypdf.PdfReader(io.BytesIO(printed[name][1]))
    found = Counter(sign for page in reader.pages for sign in page.extract_text())
    wanted = Counter(sign for text in texts(documents[name]) for sign in text if "\u4e00" <= sign <= "\u9fff")
    assert len(wanted) > 150
    assert {sign: count for sign, count in wanted.items() if found[sign] < count} == {}
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    names = set()
    for font in fonts:
        (child,) = font["/DescendantFonts"]
        described = child.get_object()["/FontDescriptor"].get_object()
        assert "/FontFile3" in described or "/FontFile2" in described
        names.add(re.sub(r"^/?[A-Z]{6}\+", "", described["/FontName"]))
    assert {one.split("-")[0] for one in names} == {"NotoSerifSC", "NotoSansSC"}
    first, last = reader.pages[0], reader.pages[-1]
    assert [round(float(side) * 25.4 / 72) for side in first.mediabox[2:]] == [210, 297]
    assert [round(float(side) * 25.4 / 72) for side in last.mediabox[2:]] == [297, 210]
    assert f"共 {len(reader.pages)} 页" in last.extract_text().replace("\u3000", " ")
    assert "/CreationDate" not in (reader.metadata or {})


def test_a_figure_in_the_pdf_leads_to_its_lineage(
    printed: dict[str, tuple[bytes, bytes]], documents: dict[str, Document]
) -> None:
    reader = pypdf.PdfReader(io.BytesIO(printed[FULL][1]))
    links = {note.get_object()["/A"]["/URI"] for page in reader.pages for note in page.get("/Annots", ())}
    known = {figure.id for figure in documents[FULL].figures() if figure.value is not None}
    assert {link.removeprefix("../lineage.html#") for link in links} == known


def test_the_docx_is_laid_out_after_gb_t_9704(
    documents: dict[str, Document], printed: dict[str, tuple[bytes, bytes]]
) -> None:
    book = docx.Document(io.BytesIO(printed[FULL][0]))
    body, wide = book.sections
    assert [round(side.mm) for side in (body.page_width, body.page_height, body.top_margin, body.left_margin)] == [
        210,
        297,
        37,
        28,
    ]
    assert round(body.page_width.mm - body.left_margin.mm - body.right_margin.mm) == 156
    assert round(body.page_height.mm - body.top_margin.mm - body.bottom_margin.mm) == 225
    assert wide.page_width > wide.page_height
    footer = body.footer._element.xml
    assert "PAGE" in footer
    assert "NUMPAGES" in footer
    looks = {
        style.name: (style.element.rPr.rFonts.get(docx.oxml.ns.qn("w:eastAsia")), style.font.size)
        for style in book.styles
        if style.name.startswith("简报")
    }
    assert looks["简报题目"][0] == "方正小标宋简体"
    assert looks["简报正文"] == ("仿宋_GB2312", docx.shared.Pt(16))
    assert (looks["简报一级标题"][0], looks["简报二级标题"][0]) == ("黑体", "楷体_GB2312")
    about = book.core_properties
    assert (about.author, about.created.year, about.modified.year) == ("originmap", 2023, 2023)
    everything = word_text(printed[FULL][0]).replace("\n", "")
    missing = [text for text in texts(documents[FULL]) if text.replace("\n", " ") not in everything]
    assert missing == []
    with zipfile.ZipFile(io.BytesIO(printed[FULL][0])) as package:
        assert {info.date_time[0] for info in package.infolist()} == {1980} or len(
            {info.date_time for info in package.infolist()}
        ) == 1
    pictures = [block for section in documents[FULL].sections for block in section.blocks if isinstance(block, Picture)]
    assert len(book.inline_shapes) == len(pictures) == 2


def test_a_hostile_name_stays_text(small: briefing.Desk) -> None:
    document = briefing.briefing(small, "湖头镇")
    said = "".join(texts(document))
    assert "<b>{{ title }} & 林" in said
    assert "<b>{{ title }} & 林" in word_text(press.docx([document], TEMPLATE)[0])
    (pdf,) = press.pdf([document])
    assert "{{ title }} & 林" in "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def test_what_is_not_there_is_said(small: briefing.Desk) -> None:
    said = "".join(texts(briefing.briefing(small, "湖头镇")))
    assert "没有收到附件2工作联系方式，责任人待报。" in said
    assert "没有填报上市的品种" in said
    assert "责任人：（责任人待报）" in said
    county = briefing.briefing(small)
    assert "上市时间表（全县）" not in [table.caption for table in county.annexes]
    press.docx([county], TEMPLATE)


def test_a_township_that_is_none_suggests_the_nearest(desk: briefing.Desk) -> None:
    with pytest.raises(ValueError, match="没有这个乡镇：湖头真。是不是“湖头镇”？"):
        briefing.briefing(desk, "湖头真")


# ---- the template ----


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """Return a copy of the template with a paragraph's text changed, as in Word."""
    book = docx.Document(str(TEMPLATE))
    paragraph = next(each for each in book.paragraphs if each.text == old)
    for run in paragraph.runs[1:]:
        run.text = ""
    paragraph.runs[0].text = new
    path = tmp_path / "改过的.docx"
    book.save(str(path))
    return path


def test_the_committed_template_is_the_one_that_is_made() -> None:
    assert letterhead.template() == TEMPLATE.read_bytes()
    assert set(press.check_template(TEMPLATE)) == set(press.PARTS)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{{p rectification }}", "", r"缺少占位符 \{\{p rectification \}\}"),
        ("{{ title }}", "简报", r"缺少占位符 \{\{ title \}\}"),
        ("{{p late }}", "以下：{{ late }}", r"\{\{p late \}\} 要独占一段"),
        ("{{ office }}", "{{ office }}{{ seal }}", r"不认识的占位符 \{\{ seal \}\}"),
        ("{{ date }}", "{{ date }}{% if %}", "占位符写错了"),
    ],
)
def test_a_changed_template_that_lacks_something_is_one_line_and_nothing_is_written(
    desk: briefing.Desk, tmp_path: Path, old: str, new: str, said: str
) -> None:
    template = changed(tmp_path, old, new)
    out = tmp_path / "briefings"
    out.mkdir()
    with pytest.raises(press.TemplateError, match=said) as caught:
        briefing.write(desk, out, townships=[], template=template)
    assert "\n" not in str(caught.value)
    assert list(out.iterdir()) == []


def test_something_that_is_no_template_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.docx"
    path.write_bytes(b"PK\x03\x04 no")
    with pytest.raises(press.TemplateError, match="打不开"):
        press.check_template(path)
    with pytest.raises(press.TemplateError, match="打不开"):
        press.check_template(tmp_path / "没有.docx")


def test_an_office_may_move_chapters_and_change_words(documents: dict[str, Document], tmp_path: Path) -> None:
    template = changed(tmp_path, "{{ subtitle }}", "内部参阅　{{ subtitle }}")
    book = docx.Document(str(template))
    duties, first = (
        next(each for each in book.paragraphs if name in each.text) for name in ("p duties", "p situation")
    )
    first._p.addprevious(duties._p)
    book.save(str(template))
    text = word_text(press.docx([documents[FULL]], template)[0])
    assert "内部参阅　（2023年3月批次" in text.replace("\n", "")
    assert text.index("一、责任分工") < text.index("二、总体情况")


# ---- the public ----


def test_a_public_briefing_names_nobody_and_hides_what_few_stand_behind(
    desk: briefing.Desk, round_: om.Round, tmp_path: Path
) -> None:
    public = replace(
        desk, profile="public", figures=catalogue.published(desk.figures, gazette.shown(round_, desk.frames.gaps))
    )
    figures = briefing.write(public, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["安溪县简报.docx", "安溪县简报.pdf"]
    reader = pypdf.PdfReader(tmp_path / "安溪县简报.pdf")
    said = "".join(page.extract_text() for page in reader.pages) + word_text(
        (tmp_path / "安溪县简报.docx").read_bytes()
    )
    people = {
        *round_.contacts["name"].dropna(),
        *round_.records["contact_name"].dropna(),
        *round_.records["subject_name"].dropna(),
    }
    assert [name for name in people if len(name) > 1 and name in said] == []
    assert re.findall(r"1\d{10}|\d{3}\*{4}\d{4}", said) == []
    assert "内部" not in said.replace("内部版", "")
    assert [file for file in round_.files["file"] if file in said] == []
    assert not any("hidden" in figure.note for figure, _ in figures)
    assert {figure.id.split("-")[1] for figure, _ in figures} == {"county"}
    with pytest.raises(ValueError, match="公开版只有县级简报"):
        briefing.briefing(public, FULL)
    traces.write(tmp_path, figures, desk.figures.cells, title="数字来源", public=True)
    book = openpyxl.load_workbook(tmp_path / "lineage.xlsx")
    assert book[traces.SOURCES].max_row == 1
    assert "报送" not in (tmp_path / "lineage.html").read_text(encoding="utf-8").partition('id="data">')[2].replace(
        "报送的乡镇", ""
    )


def test_holes_are_filled_once() -> None:
    figure = Figure("x", "", 3)
    assert plain(spans("{a}和{b}", a=figure, b="{a}")) == "3和{a}"
