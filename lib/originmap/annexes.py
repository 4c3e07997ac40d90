"""Annexes: the office's tables behind a briefing (domain.md 9), every number of them a figure of the catalogue."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import pandas as pd

from originmap import corrections, seasons, vocab
from originmap.catalogue import Catalogue
from originmap.ledgers import weekday
from originmap.manuscript import Cell, Figure, Table
from originmap.progress import TABLE_HEADER
from originmap.provenance import COUNTY, HERD, LISTED, Frames, cells_of
from originmap.reconcile import TERMS
from originmap.rounds import Round

AREA_HEADER: Final = (
    "乡镇",
    "品种",
    "附件5底数",
    "名录面积",
    "采集面积",
    "差额",
    "未入名录",
    "规模以下",
    "漏采",
    "无法识别",
    "面积不一致",
    "名录外",
    "结果",
    "乡镇说明",
)
HERD_HEADER: Final = (
    "乡镇",
    "品种",
    "名录存栏",
    "采集存栏",
    "差额",
    "规模以下",
    "漏采",
    "无法识别",
    "数量不一致",
    "名录外",
)
_AREA: Final = ("baseline", "registry", "collected", "gap", *TERMS)
_COUNTS: Final = ("due", "reported", "zero", "", "records", "to_mend", "uploaded", "not_uploaded")
_AREA_NOTE: Final = "单位：亩。差额 = 附件5底数 − 采集面积 = 未入名录 + 规模以下 + 漏采 + 无法识别 − 面积不一致 − 名录外（精确到 0.01 亩）。收购商不计；采集面积按{measure}计。"
_HERD_NOTE: Final = "单位随品种（头、只），不相加。差额 = 名录存栏 − 采集存栏；附件5 不含畜禽，没有底数可核。"


def annexes(
    round_: Round, frames: Frames, figures: Catalogue, township_code: str, told: Sequence[Figure]
) -> tuple[Table, ...]:
    """Return the annexes of a township's briefing, or of the county's where the code is empty; `told` are the figures of the body."""
    made: list[Table | None] = [
        area(round_, frames, figures, township_code),
        herds(round_, frames, figures, township_code),
    ]
    if township_code:
        made = [*made, market(round_, figures, township_code), rectification(round_, frames, township_code)]
    else:
        made = [
            progress(round_, frames, figures),
            *made,
            summary(round_, figures),
            market(round_, figures, ""),
            contacts(round_),
        ]
    here = {
        figure.id
        for table in made
        if table is not None
        for row in table.rows
        for cell in row
        for figure in cell
        if isinstance(figure, Figure)
    }
    made.append(sources(figures, [figure for figure in told if figure.id not in here]))
    return tuple(table for table in made if table is not None and table.rows)


def public(figures: Catalogue, told: Sequence[Figure]) -> tuple[Table, ...]:
    """Return the annex of a public briefing: 数字来源 without cells."""
    made = sources(figures, told)
    at = len(made.head) - 1
    rows = tuple(row[:at] for row in made.rows)
    note = "来源单元格由县农业农村局保存的内部版查。"
    return (replace(made, head=made.head[:at], rows=rows, widths=made.widths[:at], note=note),)


def text(value: object) -> Cell:
    """Return a cell of plain text; NA and an empty text are —."""
    return ("—" if value is None or pd.isna(value) or value == "" else str(value),)


def progress(round_: Round, frames: Frames, figures: Catalogue) -> Table:
    """Return table (a) 进度表."""
    rows = []
    for code, row in zip([*round_.places.names, COUNTY], frames.progress.to_dict("records"), strict=True):
        found = [text(row["未报品种"]) if not name else (figures[f"P-{code}-{name}"],) for name in _COUNTS]
        number = "" if pd.isna(row["序号"]) else str(row["序号"])
        rows.append(((number,), text(row["乡镇"]), *found, text(row["最近报送时间"]), text(row["责任人"])))
    note = "应报、已报、零报告以乡镇×品种计；附件1条数为达到规模、采用的记录。"
    widths = (9, 15, 13, 11, 13, 46, 15, 13, 18, 13, 24, 30)
    return Table(
        "重点农产品产地溯源信息报送进度表",
        tuple(TABLE_HEADER),
        tuple(rows),
        widths,
        totals=1,
        left=(5, 11),
        traced=True,
        note=note,
    )


def area(round_: Round, frames: Frames, figures: Catalogue, township_code: str) -> Table:
    """Return table (c) 面积核对表; the county's totals stand last, a second line where fewer townships have a registry."""
    from originmap.gaps import explanations

    said = explanations(round_).set_index(["township_code", "product"])["explanation"].to_dict()
    gaps = frames.gaps[frames.gaps["township_code"] == township_code] if township_code else frames.gaps
    words = vocab.codes("gap_status")
    rows = []
    for row in gaps.to_dict("records"):
        code, product = row["township_code"], row["product"]
        own = [(figures[f"A-{code}-{product}-{name}"],) for name in _AREA]
        rows.append((text(row["township"]), text(round_.rules.products[product].name), *own, text(words[row["gap_status"]]),
                     (said.get((code, product), ""),)))  # fmt: skip
    totals = 0
    for product in () if township_code else dict.fromkeys(gaps["product"]):
        for where, name in ((COUNTY, "全县合计"), (LISTED, "其中名录齐全")):
            towns = figures[f"A-{where}-{product}-towns"]
            if where == LISTED and (not towns.value or towns.value == figures[f"A-{COUNTY}-{product}-towns"].value):
                continue
            own = [(figures[f"A-{where}-{product}-{name}"],) for name in _AREA]
            rows.append((text(name), text(round_.rules.products[product].name), *own, (towns, " 个乡镇"), ("",)))
            totals += 1
    measure = vocab.code("area_measure", frames.linked.measure)
    widths = (18, 12, *[16] * 10, 16, 26)
    return Table(
        "面积核对表",
        AREA_HEADER,
        tuple(rows),
        widths,
        totals=totals,
        left=(0, 13),
        traced=True,
        note=_AREA_NOTE.format(measure=measure),
    )


def herds(round_: Round, frames: Frames, figures: Catalogue, township_code: str) -> Table:
    """Return the same check of livestock 存栏核对表."""
    of = frames.herds[frames.herds["township_code"] == township_code] if township_code else frames.herds
    places = [(row["township_code"], row["township"], row["product"]) for row in of.to_dict("records")]
    totals = [] if township_code else [(COUNTY, "全县合计", product) for product in dict.fromkeys(of["product"])]
    rows = [
        (text(name), text(_with_unit(round_, product)), *[(figures[f"H-{code}-{product}-{which}"],) for which in HERD])
        for code, name, product in [*places, *totals]
    ]
    widths = (20, 20, *[20] * 8)
    return Table(
        "存栏核对表", HERD_HEADER, tuple(rows), widths, totals=len(totals), left=(0,), traced=True, note=_HERD_NOTE
    )


def summary(round_: Round, figures: Catalogue) -> Table:
    """Return table (d) 乡镇×品种汇总."""
    products = round_.rules.products.values()
    head = ["乡镇"]
    for product in products:
        head += [
            f"{product.name}›主体数",
            f"{product.name}›{'面积' if product.kind == 'crop' else '存栏'}({vocab.code('size_unit', product.unit)})",
        ]
    rows = []
    for code, name in [*round_.places.names.items(), (COUNTY, "合计")]:
        own = [(figures[f"S-{code}-{product.code}-{which}"],) for product in products for which in ("subjects", "size")]
        rows.append((text(name), *own, (figures[f"S-{code}-buyers"],), (figures[f"S-{code}-all"],)))
    widths = (16, *[11, 17] * len(products), 11, 13)
    note = "采用的记录。规模不含收购商，亩、头、只不相加；合计主体在各品种间去重。"
    return Table(
        "乡镇×品种汇总",
        (*head, "收购商", "合计主体(去重)"),
        tuple(rows),
        widths,
        totals=1,
        left=(0,),
        traced=True,
        note=note,
    )


def market(round_: Round, figures: Catalogue, township_code: str) -> Table | None:
    """Return table (e) 上市时间表 of one place, ten-day periods downwards, so that it fits a page; None where nothing has a window."""
    where = township_code or COUNTY
    start = f"M-{where}-"
    known = {number for number in figures.figures if number.startswith(start)}
    periods = sorted({number.split("-")[2] for number in known})
    products = [
        product
        for product in round_.rules.products.values()
        if any(number.split("-")[3] == product.code for number in known)
    ]
    if not periods:
        return None
    head = ["旬"]
    for product in products:
        head += [f"{product.name}›主体数", f"{product.name}›规模({vocab.code('size_unit', product.unit)})"]
    rows = []
    for period in periods:
        numbers = [f"{start}{period}-{product.code}-{which}" for product in products for which in ("subjects", "size")]
        rows.append(
            (
                text(seasons.period_text(int(period) - 1)),
                *[(figures[number],) if number in known else ("",) for number in numbers],
            )
        )
    name = round_.places.names.get(township_code, "全县")
    note = "空白：该旬没有上市，或没有填上市时间。采用的记录，不含收购商；一个主体跨几旬的，每旬都计。"
    return Table(
        f"上市时间表（{name}）",
        tuple(head),
        tuple(rows),
        (18, *[12, 17] * len(products)),
        left=(0,),
        traced=True,
        note=note,
    )


def rectification(round_: Round, frames: Frames, township_code: str) -> Table | None:
    """Return table (b) 更正清单 of a township, with the deadline; None where nothing is to be mended."""
    found = frames.found[frames.found["owner"] == township_code]
    listed = corrections.correction_list(found, township_code, deadline=corrections.deadline(round_))
    rows = tuple(
        tuple(text(value) if name != "整改情况" else ("",) for name, value in row.items())
        for row in listed.to_dict("records")
    )
    widths = (9, 44, 14, 24, 18, 30, 52, 36, 22, 18)
    note = "应填一栏是按规则提出的，以核实的为准；整改后连同原表交回。"
    return Table("更正清单", tuple(listed.columns), rows, widths, left=(1, 3, 5, 6, 7), note=note) if rows else None


def contacts(
    round_: Round, *, only: Callable[[pd.DataFrame], pd.Series] | None = None, caption: str = "工作联系方式"
) -> Table | None:
    """Return who is responsible for what 附件2, the county's first; `only` chooses rows. None where nobody is listed."""
    listed = round_.contacts
    if listed.empty:
        return None
    listed = listed[listed["name"].notna() | listed["phone"].notna()]
    listed = listed[only(listed)] if only else listed
    order = listed.assign(at=listed["township_code"].fillna("")).sort_values(
        ["at", "source_file", "source_sheet", "source_row"], kind="stable"
    )
    products = round_.rules.products
    roles = vocab.codes("role")
    rows = []
    for row in order.to_dict("records"):
        group = (
            "、".join(products[code].name for code in row["products"].split(";"))
            if isinstance(row["products"], str)
            else "全部品种"
        )
        rows.append((text(row["township"] if isinstance(row["township"], str) else "县级"), text(roles.get(row["role"], "")), text(group),
                     text(row["name"]), text(row["duty"]), text(row["phone"])))  # fmt: skip
    head = ("单位", "职责", "分工品种", "姓名", "职务", "电话")
    return Table(caption, head, tuple(rows), (18, 26, 42, 18, 34, 38), left=(2, 4)) if rows else None


def sources(figures: Catalogue, told: Sequence[Figure]) -> Table:
    """Return 数字来源: every figure that the body prints and no annex does, how many cells stand behind it, and the first of them."""
    wanted = {cells_of(figure.id) for figure in told}
    cells = figures.cells[figures.cells["id"].isin(wanted)]
    groups = {str(number): rows for number, rows in cells.groupby("id", sort=False)}
    rows = []
    for figure in told:
        own = groups.get(cells_of(figure.id))
        first = "无（由没有来件、登记的个数或规则得出）"
        if own is not None:
            one = own.iloc[0]
            first = f"{one['file']}〔{one['sheet']}〕{one['address']}" + (f" 等 {len(own)} 处" if len(own) > 1 else "")
        rows.append(
            (
                (figure.id,),
                (figure.name,),
                (figure.text,),
                (figure.unit,),
                (figure.note,),
                (first if figure.value is not None else "—",),
            )
        )
    note = (
        "全部单元格见 lineage.xlsx 的“来源单元格”，按编号查。附表中的数字，编号为该行末列的编号加“-”再加列名下的小字。"
    )
    return Table(
        "数字来源",
        ("编号", "名称", "数值", "单位", "说明", "来源单元格"),
        tuple(rows),
        (50, 46, 18, 10, 58, 75),
        left=(0, 1, 4, 5),
        note=note,
    )


def _with_unit(round_: Round, product: str) -> str:
    one = round_.rules.products[product]
    return f"{one.name}({vocab.code('size_unit', one.unit)})"


def day_text(at: object) -> str:
    """Return a deadline's day with its weekday, — for none."""
    return f"{at.month}月{at.day}日（{weekday(at.date())}）" if isinstance(at, pd.Timestamp) and pd.notna(at) else "—"
