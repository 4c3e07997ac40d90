"""Press: a manuscript set as .docx (from a template that an office can change) and as .pdf; the same manuscript, the same bytes.

The .docx names the faces of GB/T 9704 and embeds none; the .pdf embeds the packaged Song and Hei and looks for no font of the system.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal
from zipfile import BadZipFile

import jinja2
import PIL.Image
import pylopdf_fonts_zh_cn as faces
import typst
from docx.opc.exceptions import PackageNotFoundError
from docx.shared import Mm
from docxtpl import DocxTemplate
from markupsafe import Markup, escape

from originmap.manuscript import Block, Cell, Document, Figure, Paragraph, Picture, Section, Table, plain
from originmap.marks import AUTHOR, STAMP, repacked

TEMPLATE: Final = "briefing_template.docx"
# The placeholders of the template: words inside a line, and whole parts, each alone in its paragraph as {{p name }}.
WORDS: Final = ("marks", "title", "subtitle", "office", "date")
PARTS: Final = (
    "situation",
    "bases",
    "selected",
    "compared",
    "market",
    "late",
    "rectification",
    "duties",
    "remarks",
    "annexes",
)
STYLES: Final = ("简报一级标题", "简报二级标题", "简报正文", "简报图表题", "简报表格", "简报附表", "简报注", "简报编号")
LINEAGE: Final = "../lineage.html#"
BODY_MM: Final = 156.0
ANNEX_MM: Final = 257.0
_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PART: Final = re.compile(r"\{\{p\s+(\w+)\s*\}\}")
_TWIPS_PER_MM: Final = 1440 / 25.4
_FACES: Final = "本 PDF 用随程序附带的思源宋体、思源黑体；.docx 用方正小标宋简体、仿宋_GB2312、黑体、楷体_GB2312。"
_ID_MM: Final = 26.0
_SMALL_COLUMNS: Final = 12
_SHORT_ROWS: Final = 9
_PPI: Final = 150.0


class TemplateError(ValueError):
    """A briefing template that cannot be filled; the message names what is missing."""


# ---- .docx ----


def check_template(template: Path) -> list[str]:
    """Return the parts of a template in their order.

    Raises
    ------
    TemplateError
        It is no .docx, or a placeholder or style is missing, unknown or misplaced.
    """
    name = template.name
    try:
        opened = DocxTemplate(template)
        opened.init_docx()
        known = opened.get_undeclared_template_variables()
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError, OSError) as error:
        raise TemplateError(f"简报模板 {name} 打不开，请用 Word 或 WPS 另存为 .docx。") from error
    except jinja2.TemplateError as error:
        raise TemplateError(f"简报模板 {name} 的占位符写错了：{error}。") from error
    alone = [match[1] for each in opened.docx.paragraphs if (match := _PART.fullmatch(each.text.strip()))]
    for part in [*WORDS, *PARTS]:
        form = f"{{{{p {part} }}}}" if part in PARTS else f"{{{{ {part} }}}}"
        if part not in known:
            raise TemplateError(f"简报模板 {name} 缺少占位符 {form}，请补上（见 CONTRIBUTING.md）。")
        if part in PARTS and alone.count(part) != 1:
            raise TemplateError(f"简报模板 {name} 的占位符 {form} 要独占一段，并且只出现一次。")
    for part in sorted(known.difference(WORDS, PARTS)):
        raise TemplateError(f"简报模板 {name} 有不认识的占位符 {{{{ {part} }}}}，请删去。")
    there = {style.name for style in opened.docx.styles}
    for style in STYLES:
        if style not in there:
            raise TemplateError(f"简报模板 {name} 缺少样式“{style}”，请补上（见 CONTRIBUTING.md）。")
    return alone


def docx(documents: Iterable[Document], template: Path) -> list[bytes]:
    """Return manuscripts as .docx, their chapters in the order of the template's placeholders; errors as `check_template`."""
    order = check_template(template)
    return [_filled(document, template, order) for document in documents]


def _filled(document: Document, template: Path, order: Sequence[str]) -> bytes:
    made = document.numbered([name for name in order if name in {section.key for section in document.sections}])
    filled = DocxTemplate(template)
    filled.init_docx()
    sheet = _Docx(filled)
    parts = dict.fromkeys(PARTS, "") | {section.key: sheet.section(section) for section in made.sections}
    parts["remarks"] = "".join(sheet.paragraph((text,), "简报注") for text in made.remarks)
    parts["annexes"] = "".join(sheet.table(table, width=ANNEX_MM, style="简报附表") for table in made.annexes)
    words = {name: getattr(made, name) for name in WORDS} | {"marks": "　".join(made.marks)}
    texts = {name: _clean(text) for name, text in words.items()}
    filled.render(texts | {name: Markup(xml) for name, xml in parts.items()}, autoescape=True)  # noqa: S704 -- built here, texts escaped
    about = filled.docx.core_properties
    about.author = about.last_modified_by = AUTHOR
    about.title, about.comments, about.revision = made.title, "", 1
    about.created = about.modified = STAMP
    stream = BytesIO()
    filled.save(stream)
    return repacked(stream.getvalue())


class _Docx:
    """Parts of a document as WordprocessingML, in the styles of the template that is being filled."""

    def __init__(self, template: Any) -> None:
        self._package = template.docx.part
        self._styles = {style.name: style.style_id for style in template.docx.styles}

    def section(self, section: Section) -> str:
        head = self.paragraph((section.label + section.title,), "简报一级标题")
        return head + "".join(self.block(block) for block in section.blocks)

    def block(self, block: Block) -> str:
        if isinstance(block, Paragraph):
            styles = {"note": "简报注", "lead": "简报二级标题"}
            return self.paragraph(block.text, styles.get(block.style, "简报正文"))
        if isinstance(block, Table):
            return self.table(block, width=BODY_MM, style="简报表格")
        inline = self._package.new_pic_inline(BytesIO(_png(block)), width=Mm(block.width_mm))
        inline.docPr.set("descr", _clean(block.told))
        drawing = f"<w:r><w:drawing>{inline.xml.partition('?>')[2] or inline.xml}</w:drawing></w:r>"
        return self._lines("简报图表题", drawing, keep=True) + self.paragraph(
            (f"{block.label}　{block.caption}",), "简报图表题"
        )

    def paragraph(self, text: Cell, style: str, *, keep: bool = False) -> str:
        return self._lines(style, _run(plain(text)), keep=keep)

    def _lines(self, style: str, runs: str, *, keep: bool = False, fresh: bool = False) -> str:
        stay = ("<w:keepNext/>" if keep else "") + ("<w:pageBreakBefore/>" if fresh else "")
        return f'<w:p><w:pPr><w:pStyle w:val="{self._styles[style]}"/>{stay}</w:pPr>{runs}</w:p>'

    def table(self, table: Table, *, width: float, style: str) -> str:
        shares = [*table.widths, *([_ID_MM * sum(table.widths) / (width - _ID_MM)] if table.traced else [])]
        twips = [round(share / sum(shares) * width * _TWIPS_PER_MM) for share in shares]
        grid = "".join(f'<w:gridCol w:w="{size}"/>' for size in twips)
        rows = "".join(self._head(row, twips, style) for row in heads(table))
        last = len(table.rows) - table.totals
        for at, (cells, number) in enumerate(zip(table.rows, table.row_ids, strict=True)):
            fill = "F3F3F3" if at >= last else ""
            made = "".join(
                self._cell(_run(plain(cell)), size, style, left=column in table.left, fill=fill)
                for column, (cell, size) in enumerate(zip(cells, twips, strict=False))
            )
            if table.traced:
                made += self._cell(_run(number), twips[-1], "简报编号", left=True, fill=fill)
            rows += f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{made}</w:tr>"
        edges = "".join(
            f'<w:{side} w:val="single" w:sz="4" w:color="5A5A5A"/>'
            for side in ("top", "left", "bottom", "right", "insideH", "insideV")
        )
        margins = "".join(f'<w:{side} w:w="40" w:type="dxa"/>' for side in ("left", "right"))
        about = (
            f'<w:tblPr><w:tblW w:w="{sum(twips)}" w:type="dxa"/><w:jc w:val="center"/><w:tblBorders>{edges}</w:tblBorders>'
            f'<w:tblLayout w:type="fixed"/><w:tblCellMar>{margins}</w:tblCellMar></w:tblPr>'
        )
        caption = self._lines(
            "简报图表题", _run(f"{table.label}　{table.caption}"), keep=True, fresh=starts_page(table)
        )
        note = self.paragraph((table.note,), "简报注", keep=True) if table.note else ""
        below = self.paragraph(("",), "简报编号")
        return f"{caption}{note}<w:tbl>{about}<w:tblGrid>{grid}</w:tblGrid>{rows}</w:tbl>{below}"

    def _head(self, row: Sequence[Mapping[str, Any]], twips: Sequence[int], style: str) -> str:
        made = ""
        for one in row:
            size = sum(twips[one["at"] : one["at"] + one["columns"]])
            runs = _run(one["text"], bold=True) + (
                "<w:r><w:br/></w:r>" + _run(one["id"], small=True) if one["id"] else ""
            )
            made += self._cell(runs, size, style, fill="E6E6E6", span=one["columns"], merge=one["merge"])
        return f"<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>{made}</w:tr>"

    def _cell(
        self, runs: str, twips: int, style: str, *, left: bool = False, fill: str = "", span: int = 1, merge: str = ""
    ) -> str:
        about = f'<w:tcW w:w="{twips}" w:type="dxa"/>' + (f'<w:gridSpan w:val="{span}"/>' if span > 1 else "")
        about += f'<w:vMerge w:val="{merge}"/>' if merge else ""
        about += f'<w:shd w:val="clear" w:color="auto" w:fill="{fill}"/>' if fill else ""
        side = "" if left else '<w:jc w:val="center"/>'
        text = f'<w:p><w:pPr><w:pStyle w:val="{self._styles[style]}"/>{side}</w:pPr>{runs}</w:p>'
        return f'<w:tc><w:tcPr>{about}<w:vAlign w:val="center"/></w:tcPr>{text}</w:tc>'


def _run(text: str, *, bold: bool = False, small: bool = False) -> str:
    look = (
        '<w:rPr><w:color w:val="696969"/><w:sz w:val="9"/></w:rPr>'
        if small
        else "<w:rPr><w:b/></w:rPr>"
        if bold
        else ""
    )
    return f'<w:r>{look}<w:t xml:space="preserve">{escape(_clean(text))}</w:t></w:r>' if text else ""


def _clean(text: str) -> str:
    """Return a text without signs that XML cannot hold; a line break in it is a space."""
    return _ILLEGAL.sub("", text).replace("\r", "").replace("\n", " ").replace("\t", " ")


def starts_page(table: Table) -> bool:
    """Tell whether an annex begins a page of its own: the first does anyway, a short one stands below the one before."""
    return table.label.startswith("附表") and table.label != "附表1" and len(table.rows) > _SHORT_ROWS


def heads(table: Table) -> list[list[dict[str, Any]]]:
    """Return the rows of a table's head, one or two: `text, id, at, columns, rows` of each cell, and `merge`, how Word joins it downwards."""
    ids = table.column_ids if table.traced else [""] * len(table.head)
    names = [*table.head, *(["编号"] if table.traced else [])]
    ids = [*ids, *([""] if table.traced else [])]
    deep = 2 if any("›" in name for name in names) else 1
    first: list[dict[str, Any]] = []
    second: list[dict[str, Any]] = []
    for at, (name, number) in enumerate(zip(names, ids, strict=True)):
        group, _, own = name.rpartition("›")
        if not group:
            cell = {
                "text": name,
                "id": number,
                "at": at,
                "columns": 1,
                "rows": deep,
                "merge": "restart" if deep > 1 else "",
            }
            first.append(cell)
            second.append(cell | {"text": "", "id": "", "rows": 0, "merge": "continue"})
            continue
        if first and first[-1]["text"] == group and first[-1]["group"]:
            first[-1]["columns"] += 1
        else:
            first.append({"text": group, "id": "", "at": at, "columns": 1, "rows": 1, "merge": "", "group": True})
        second.append({"text": own, "id": number, "at": at, "columns": 1, "rows": 1, "merge": ""})
    return [first, second] if deep == 2 else [first]


# ---- .pdf, and its pages as pictures ----


@lru_cache(maxsize=1)
def _fonts() -> Any:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[faces.serif_path().parent])


def _png(picture: Picture) -> bytes:
    """Return a picture as PNG: an SVG is set by itself, for Word shows no SVG everywhere."""
    if not _is_svg(picture):
        return picture.data
    source = f'#set page(width: {picture.width_mm}mm, height: auto, margin: 0pt)\n#image("drawn.svg", width: 100%)'
    with TemporaryDirectory() as scratch:
        (Path(scratch) / "drawn.svg").write_bytes(picture.data)
        main = Path(scratch) / "main.typ"
        main.write_text(source, encoding="utf-8")
        made = typst.compile(main, root=scratch, font_paths=_fonts(), ignore_system_fonts=True, format="png", ppi=_PPI)
    return _small(bytes(made), 64)


def _is_svg(picture: Picture) -> bool:
    return picture.data.lstrip().startswith(b"<svg")


def pdf(documents: Iterable[Document]) -> list[bytes]:
    """Return manuscripts as .pdf, fonts embedded, no date in it."""
    return [bytes(one) for one in _set(documents, "pdf")]


def pages(document: Document, *, annexes: bool = True, ppi: float = 56) -> list[bytes]:
    """Return the pages of a manuscript as small PNG, as the .pdf prints them; without `annexes` those of the body, the count at their foot too."""
    (made,) = _set([document if annexes else replace(document, annexes=())], "png", ppi=ppi)
    return [_small(bytes(page), 16) for page in ([made] if isinstance(made, bytes) else made)]


def _small(picture: bytes, colours: int) -> bytes:
    """Return a PNG in few colours."""
    small = BytesIO()
    shown = PIL.Image.open(BytesIO(picture)).convert("RGB").quantize(colours, dither=PIL.Image.Dither.NONE)
    shown.save(small, "png")
    return small.getvalue()


def _set(documents: Iterable[Document], form: Literal["pdf", "png"], *, ppi: float | None = None) -> list[Any]:
    """Set documents one after the other with one compiler, which keeps the fonts open."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = folder / "briefing.typ"
        source.write_text(
            (Path(__file__).with_name("templates") / "briefing.typ").read_text(encoding="utf-8"), encoding="utf-8"
        )
        compiler = typst.Compiler(source, root=folder, font_paths=_fonts(), ignore_system_fonts=True)
        made = []
        for number, document in enumerate(documents):
            content = _content(document.numbered(), folder, number)
            inputs = {"document": json.dumps(content, ensure_ascii=False)}
            made.append(compiler.compile(source, format=form, ppi=ppi, sys_inputs=inputs, pdf_tags=False))
        return made


def _content(document: Document, folder: Path, number: int) -> dict[str, Any]:
    pictures = iter(range(1000))

    def block(one: Block) -> dict[str, Any]:
        if isinstance(one, Paragraph):
            return {"kind": "paragraph", "style": one.style, "text": _spans(one.text)}
        if isinstance(one, Table):
            return {"kind": "table", **_table(one)}
        suffix = "svg" if _is_svg(one) else "png"
        path = folder / f"{number}-{next(pictures)}.{suffix}"
        path.write_bytes(one.data)
        return {
            "kind": "picture",
            "path": path.name,
            "width_mm": one.width_mm,
            "told": one.told,
            "label": one.label,
            "caption": one.caption,
        }

    return {
        "title": document.title,
        "subtitle": document.subtitle,
        "marks": document.marks,
        "running": document.running,
        "office": document.office,
        "date": document.date,
        "lineage": LINEAGE,
        "sections": [
            {"label": section.label, "title": section.title, "blocks": [block(one) for one in section.blocks]}
            for section in document.sections
        ],
        "annexes": [_table(table) for table in document.annexes],
        "remarks": "".join([*document.remarks, _FACES]),
    }


def _spans(cell: Cell) -> list[str | dict[str, str]]:
    return [
        {"text": one.text, "id": one.id} if isinstance(one, Figure) and one.value is not None else plain((one,))
        for one in cell
    ]


def _table(table: Table) -> dict[str, Any]:
    share = _ID_MM / ANNEX_MM * sum(table.widths)
    return {
        "label": table.label,
        "caption": table.caption,
        "note": table.note,
        "heads": [[{**one, "group": None} for one in row if one["rows"]] for row in heads(table)],
        "rows": [
            {"cells": [_spans(cell) for cell in row], "id": number}
            for row, number in zip(table.rows, table.row_ids, strict=True)
        ],
        "widths": [*table.widths, *([share] if table.traced else [])],
        "left": table.left,
        "totals": table.totals,
        "traced": table.traced,
        "fresh": starts_page(table),
        "small": len(table.head) > _SMALL_COLUMNS,
    }
