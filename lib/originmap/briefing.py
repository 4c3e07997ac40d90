"""Briefing: what is told an inspection group of a township or of the county, as a manuscript; `press` sets it.

Every figure comes from the `catalogue`, every sentence is whole, what is unknown is — with its reason (domain practice, GB/T 9704).
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd

from originmap import (
    alerts,
    annexes,
    changes,
    corrections,
    decisions,
    disclosure,
    exports,
    figures,
    gazette,
    growers,
    progress,
    reconcile,
    uploading,
    vocab,
)
from originmap.catalogue import Catalogue, catalogue, published
from originmap.chapters import Profile, Teller, moment_text
from originmap.kept import worked_out
from originmap.manuscript import Document, Figure, Section
from originmap.picks import picked
from originmap.press import TEMPLATE, check_template, docx, pdf
from originmap.provenance import Frames
from originmap.rounds import Round
from originmap.selection import Selection, named

# What a public briefing tells: no person, no township, nothing of few subjects.
PUBLIC_CHAPTERS: Final = ("situation", "bases", "compared")


@dataclass(frozen=True)
class Desk:
    """A round with everything that its briefings are made of, worked out once."""

    round_: Round
    frames: Frames
    figures: Catalogue
    profile: Profile = "internal"
    selections: Mapping[str, Selection] = field(default_factory=dict)


def desk(
    round_: Round, *, before: Round | None = None, profile: Profile = "internal", selections: Sequence[str] = ()
) -> Desk:
    """Work out what all briefings of a round are made of.

    Parameters
    ----------
    before
        The round before, as ``rounds.earlier_rounds`` opens it.
    selections
        Names of selections that were saved on the one map; a public briefing has none.

    Raises
    ------
    ValueError
        Nobody has saved a selection of that name.
    """
    chosen = {name: named(round_.decisions[decisions.COLUMNS], name) for name in selections if profile == "internal"}
    of = [each.digest for each in (round_, before) if each is not None]
    frames, found = worked_out(lambda: _worked_out(round_, before), "briefing", of=of)
    if profile == "public":
        return Desk(round_, frames, published(found, gazette.shown(round_, frames.gaps)), profile)
    more, cells = picked(round_, chosen)
    whole = Catalogue(
        dict(found.figures) | {one.id: one for one in more}, pd.concat([found.cells, cells], ignore_index=True)
    )
    return Desk(round_, frames, whole, profile, chosen)


def _worked_out(round_: Round, before: Round | None) -> tuple[Frames, Catalogue]:
    linked = growers.growers(round_)
    states = progress.status(round_)
    changed = changes.changes(before, round_) if before is not None else None
    wrong = corrections.corrections(round_)
    frames = Frames(
        linked=linked,
        gaps=reconcile.planting_area(round_, linked=linked),
        herds=reconcile.livestock(round_, linked=linked),
        states=states,
        progress=progress.table(round_, states),
        alerts=alerts.alerts(round_, states, changes=changed, before=before),
        found=wrong.assign(proposal=corrections.wanted(round_, wrong)),
        summary=exports.summary_table(round_),
        market=uploading.market_table(round_),
    )
    return frames, catalogue(round_, frames)


def briefing(of: Desk, township: str = "") -> Document:
    """Return the briefing of a township (its name) or, for an empty text, of the county.

    Raises
    ------
    ValueError
        There is no such township, or it is a public one, which is the county's alone; the message suggests the nearest.
    """
    if of.profile == "public" and township:
        raise ValueError("公开版只有县级简报；乡镇的数可能就是一两户的数。")
    teller = Teller(of.round_, of.frames, of.figures, of.profile, _code_of(of.round_, township))
    round_, office = of.round_, figures.furniture(of.round_).drawn_by
    where = str(round_.places.county["name"])
    region = f"{where}{teller.name}" if teller.code else where
    year, month = round_.name.split("-")
    date = f"{round_.as_of.year}年{round_.as_of.month}月{round_.as_of.day}日"
    marks = [vocab.code("profile", of.profile), *(["样例数据"] if round_.is_sample else [])]
    chapters = {
        "situation": ("总体情况", teller.situation),
        "bases": ("产地分布", teller.bases),
        "selected": ("专题", lambda: teller.selected(of.selections)),
        "compared": ("面积核对及差额原因", teller.compared),
        "market": ("上市时间", teller.market),
        "late": ("迟报、逾期和信息陈旧", teller.late),
        "rectification": ("整改要求", teller.rectification),
        "duties": ("责任分工", teller.duties),
    }
    told = PUBLIC_CHAPTERS if of.profile == "public" else tuple(chapters)
    sections = [Section(key, title, tell() if key in told else ()) for key, (title, tell) in chapters.items()]
    figures_told = list(Document("", "", "", (), "", "", "", tuple(sections)).figures())
    public = of.profile == "public"
    remarks = (
        [disclosure.LEGEND]
        if public
        else [
            "“—”表示没有数据，不是 0；原因见附表“数字来源”。每个数字都有编号，凭编号在 lineage.xlsx 或 lineage.html 里查到记录和单元格。"
        ]
    )
    if round_.is_sample:
        remarks.append("样例数据：虚构的县，人名、电话、数量均为编造，不反映真实情况。")
    return Document(
        stem=f"{region}简报",
        title=f"{region}重点农产品产地溯源简报",
        subtitle=f"（{year}年{int(month)}月批次，数据截至{moment_text(round_.as_of)}）",
        marks=tuple(marks),
        running=f"{region}　{round_.name} 批次　数据截至 {round_.as_of:%Y-%m-%d %H:%M}",
        office=office,
        date=date,
        sections=tuple(sections),
        annexes=annexes.public(of.figures, figures_told)
        if public
        else annexes.annexes(round_, of.frames, of.figures, teller.code, figures_told),
        remarks=tuple(remarks),
    )


def write(
    of: Desk, folder: Path, *, townships: Sequence[str] | None = None, template: Path | None = None
) -> list[tuple[Figure, str]]:
    """Write the briefings of the county and of townships as .docx and .pdf into an existing folder; return every figure with the file that prints it.

    Parameters
    ----------
    townships
        Codes; all by default. A public folder has the county's alone.
    template
        The .docx template, ``data/reference/briefing_template.docx`` by default.

    Raises
    ------
    TemplateError
        The template cannot be filled; nothing is written.
    """
    names = of.round_.places.names
    own = template or of.round_.rules.reference / TEMPLATE
    check_template(own)
    wanted = (
        []
        if of.profile == "public"
        else list(names)
        if townships is None
        else [code for code in names if code in townships]
    )
    documents = [briefing(of), *(briefing(of, names[code]) for code in wanted)]
    save(documents, folder, own)
    return [
        (figure, f"{folder.name}/{document.stem}.docx、.pdf") for document in documents for figure in document.figures()
    ]


def save(documents: Sequence[Document], folder: Path, template: Path) -> list[Path]:
    """Write documents as .docx and .pdf into an existing folder, none before all are made; errors as ``press.docx``."""
    made: dict[Path, bytes] = {}
    for document, word, printed in zip(documents, docx(documents, template), pdf(documents), strict=True):
        made |= {folder / f"{document.stem}.docx": word, folder / f"{document.stem}.pdf": printed}
    for path, data in made.items():
        path.write_bytes(data)
    return list(made)


def _code_of(round_: Round, township: str) -> str:
    if not township:
        return ""
    code = round_.places.township_of(pd.Series([township], dtype="str")).iat[0]
    if isinstance(code, str):
        return code
    names = list(round_.places.names.values())
    near = difflib.get_close_matches(township, names, 1, 0.3)
    raise ValueError(
        f"没有这个乡镇：{township}。" + (f"是不是“{near[0]}”？" if near else f"可用：{'、'.join(names)}。")
    )
