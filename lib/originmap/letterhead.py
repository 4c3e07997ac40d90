"""Letterhead: the briefing template as it is delivered; an office may change it in Word or WPS, and this makes it anew.

Run ``python -m originmap.letterhead`` to write ``data/reference/briefing_template.docx`` again.
"""

from io import BytesIO
from typing import Any, Final

from docx import Document
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from originmap.marks import AUTHOR, STAMP, repacked
from originmap.press import PARTS, TEMPLATE
from originmap.rules import REFERENCE

# Style: face, size (pt), alignment, first-line indent (ems), line spacing (pt), outline level (0: none).
_STYLES: Final = {
    "简报标识": ("黑体", 12, "LEFT", 0, 20, 0),
    "简报题目": ("方正小标宋简体", 22, "CENTER", 0, 34, 0),
    "简报副题": ("楷体_GB2312", 16, "CENTER", 0, 28, 0),
    "简报一级标题": ("黑体", 16, "LEFT", 2, 28, 1),
    "简报二级标题": ("楷体_GB2312", 16, "LEFT", 2, 28, 2),
    "简报正文": ("仿宋_GB2312", 16, "JUSTIFY", 2, 28, 0),
    "简报落款": ("仿宋_GB2312", 16, "RIGHT", 0, 28, 0),
    "简报图表题": ("黑体", 12, "CENTER", 0, 0, 0),
    "简报表格": ("仿宋_GB2312", 9.5, "LEFT", 0, 0, 0),
    "简报附表": ("仿宋_GB2312", 8, "LEFT", 0, 0, 0),
    "简报注": ("仿宋_GB2312", 9, "LEFT", 0, 0, 0),
    "简报编号": ("宋体", 4.5, "LEFT", 0, 0, 0),
}


def template() -> bytes:
    """Return the template: placeholders, styles, page set-up and page numbers; the same bytes each time."""
    made = Document()
    for name, look in _STYLES.items():
        _style(made, name, look)
    page = made.sections[0]
    _page(page, top=37, bottom=35, left=28, right=26)
    for text, style in (("{{ marks }}", "简报标识"), ("{{ title }}", "简报题目"), ("{{ subtitle }}", "简报副题")):
        made.add_paragraph(text, style)
    for part in PARTS[:-2]:
        made.add_paragraph(f"{{{{p {part} }}}}", "简报正文")
    for text in ("{{ office }}", "{{ date }}"):
        made.add_paragraph(text, "简报落款")
    made.add_paragraph("{{p remarks }}", "简报注")
    _numbers(page.footer.paragraphs[0])
    wide = made.add_section(WD_SECTION.NEW_PAGE)
    wide.orientation = WD_ORIENT.LANDSCAPE
    wide.page_width, wide.page_height = Mm(297), Mm(210)
    _page(wide, top=28, bottom=24, left=20, right=20, width=297, height=210)
    made.add_paragraph("{{p annexes }}", "简报附表")
    about = made.core_properties
    about.author = about.last_modified_by = AUTHOR
    about.title, about.comments, about.created, about.modified = "简报模板", "", STAMP, STAMP
    stream = BytesIO()
    made.save(stream)
    return repacked(stream.getvalue())


def _page(
    section: Any, *, top: float, bottom: float, left: float, right: float, width: float = 210, height: float = 297
) -> None:
    section.page_width, section.page_height = Mm(width), Mm(height)
    section.top_margin, section.bottom_margin, section.left_margin, section.right_margin = (
        Mm(side) for side in (top, bottom, left, right)
    )
    section.header_distance, section.footer_distance = Mm(15), Mm(bottom - 9)


def _style(made: Any, name: str, look: tuple[str, float, str, int, float, int]) -> None:
    face, size, align, indent, line, level = look
    style = made.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = made.styles["Normal"]
    style.font.name, style.font.size = face, Pt(size)
    fonts = style.element.rPr.rFonts
    for script in ("w:eastAsia", "w:hAnsi", "w:ascii", "w:cs"):
        fonts.set(qn(script), face)
    form = style.paragraph_format
    form.alignment = getattr(WD_ALIGN_PARAGRAPH, align)
    form.space_before, form.space_after = Pt(0), Pt(0)
    form.first_line_indent = Pt(indent * size)
    if line:
        form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(line)
    else:
        form.line_spacing = 1.0
    if name == "简报图表题":
        form.space_before, form.space_after = Pt(6), Pt(3)
    if level:
        outline = OxmlElement("w:outlineLvl")
        outline.set(qn("w:val"), str(level - 1))
        style.element.get_or_add_pPr().append(outline)
        form.keep_with_next = True


def _numbers(paragraph: Any) -> None:
    """Write 第 X 页　共 Y 页 with Word's own fields."""
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for text in ("第 ", "PAGE", " 页　共 ", "NUMPAGES", " 页"):
        run = paragraph.add_run("" if text.isupper() else text)
        run.font.name, run.font.size = "宋体", Pt(14)
        run._element.rPr.rFonts.set(qn("w:eastAsia"), "宋体")  # noqa: SLF001 -- python-docx names no East Asian face
        if text.isupper():
            field = OxmlElement("w:fldSimple")
            field.set(qn("w:instr"), text)
            paragraph._p.append(field)  # noqa: SLF001
            field.append(run._element)  # noqa: SLF001


def main() -> None:
    """Write the template into the reference folder."""
    (REFERENCE / TEMPLATE).write_bytes(template())


if __name__ == "__main__":
    main()
