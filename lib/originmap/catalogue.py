"""Catalogue: every figure that documents and tables print, with its id, its value and the cells that it is made of.

An id is ``<theme>-<township code or county>-<product>-<which>``, the same from month to month:
P progress, S summary, A area check, H check of livestock, M market calendar, G located records, C corrections, W alerts.
Values come from the library's own frames; nothing is reckoned here but counts of townships.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd

from originmap import disclosure, vocab
from originmap.manuscript import Figure
from originmap.provenance import COUNTY, HERD, LISTED, Frames, alert_ids, behind_figures, cells_of
from originmap.reconcile import TERMS, county, county_terms
from originmap.rounds import Round
from originmap.seasons import period_text

FIGURE_HEADER: Final = ["编号", "文件", "名称", "数值", "单位", "说明"]
SOURCE_HEADER: Final = ["编号", "record_id", "文件", "工作表", "单元格", "内容"]
_AREA: Final = ("baseline", "registry", "collected", "gap", *TERMS)
_SIZE_NOTE: Final = {
    "standing": "按主体、地块取最大的一茬相加",
    "sown": "各茬相加",
    "heads": "同一群取最近一月",
}
_WORDS: Final = {
    "baseline": "附件5底数",
    "registry": "名录",
    "collected": "采集",
    "gap": "差额",
}
_PUBLIC_AREA: Final = ("baseline", "collected", "gap", "coverage", "towns")
_SIGNS: Final = "附件5底数 − 采集"


@dataclass(frozen=True)
class Catalogue:
    """All figures by id, and the cells of each: `cells` as ``provenance.behind_figures`` gives them."""

    figures: Mapping[str, Figure]
    cells: pd.DataFrame

    def __getitem__(self, number: str) -> Figure:
        """Return a figure by its id."""
        return self.figures[number]


def catalogue(round_: Round, frames: Frames) -> Catalogue:
    """Return the catalogue of a round."""
    made = [
        *_checked(round_, frames),
        *_summed(round_, frames.summary),
        *_moved(round_, frames),
        *_marketed(round_, frames.market),
        *_located(round_),
        *_open(round_, frames),
    ]
    cells = behind_figures(round_, frames)
    return Catalogue({figure.id: figure for figure in made}, cells)


def published(found: Catalogue, shown: disclosure.Shown) -> Catalogue:
    """Return what a public document may print: the county's figures, × for what `shown` hides, and no cells, which carry names."""
    totals = shown.totals.set_index("product")
    kept: dict[str, Figure] = {}
    for number, figure in found.figures.items():
        theme, where, *rest = number.split("-")
        if where != COUNTY or theme not in "PSGA" or (theme == "A" and rest[-1] not in _PUBLIC_AREA):
            continue
        of = {"all": disclosure.ALL, "buyers": "buyer"}.get(rest[0], rest[0])
        away = {"S": "hidden", "A": "known_hidden"}.get(theme, "")
        if away and rest[-1] not in ("baseline", "towns") and bool(totals.loc[of, away]) and figure.value is not None:
            figure = replace(figure, value=None, sign=disclosure.SIGN, note=disclosure.LEGEND)  # noqa: PLW2901
        kept[number] = figure
    return Catalogue(kept, found.cells.iloc[:0])


# ---- the area check and the check of livestock ----


def _checked(round_: Round, frames: Frames) -> Iterator[Figure]:
    town_names = round_.places.names | {COUNTY: "全县合计", LISTED: "名录齐全的乡镇合计"}
    measure = _SIZE_NOTE[frames.linked.measure]
    whole = county_terms(frames.gaps)
    total = [{**row, "township_code": COUNTY} for row in county(frames.gaps).to_dict("records")]
    listed = [{**row, "township_code": LISTED} for row in whole.to_dict("records")]
    terms_of = {row["product"]: row for row in listed}
    for row in total:
        # Where the same townships have a registry, the terms are the county's own.
        other = terms_of[row["product"]]
        if other["known_townships"] == row["known_townships"]:
            row.update({f"{name}_mu": other[f"{name}_mu"] for name in TERMS})
    for row in [*frames.gaps.to_dict("records"), *total, *listed]:
        where, product = str(row["township_code"]), round_.rules.products[row["product"]]
        of = f"（{row['known_townships']}/{row['townships']} 个乡镇）" if "known_townships" in row else ""
        status = str(row.get("gap_status", ""))
        why = vocab.code("gap_status", status) if status else "没有数据齐全的乡镇"
        head = f"{town_names[where]}{product.name}"
        for name in _AREA:
            note = _note(name, measure) + of
            yield _figure(
                f"A-{where}-{product.code}-{name}", f"{head}{_word(name)}", row.get(f"{name}_mu"), "亩", note, why
            )
        yield _figure(
            f"A-{where}-{product.code}-coverage",
            f"{head}覆盖率",
            row["coverage_pct"],
            "%",
            f"采集 ÷ 附件5底数{of}",
            why,
        )
        if of:
            yield _figure(
                f"A-{where}-{product.code}-towns",
                f"{head}数据齐全的乡镇",
                row["known_townships"],
                "个",
                "底数、采集均已知",
            )
    known = frames.herds[frames.herds["registry_heads"].notna() & frames.herds["collected_heads"].notna()]
    columns = [f"{name}_heads" for name in HERD]
    sums = known.groupby("product")[columns].sum(min_count=1).reindex(frames.herds["product"].unique())
    counts = known.groupby("product").size().reindex(sums.index, fill_value=0)
    rest = [
        {**row, "township_code": COUNTY, "towns": counts[row["product"]]}
        for row in sums.reset_index().to_dict("records")
    ]
    for row in [*frames.herds.to_dict("records"), *rest]:
        where, product = str(row["township_code"]), round_.rules.products[row["product"]]
        of = f"（{row['towns']}/{len(round_.places.names)} 个乡镇）" if "towns" in row else ""
        unit, head = vocab.code("size_unit", product.unit), f"{town_names[where]}{product.name}"
        for name in HERD:
            word = "差额" if name == "gap" else _word(name).replace("面积不一致", "数量不一致")
            note = "名录 − 采集" if name == "gap" else _note(name, _SIZE_NOTE["heads"])
            why = "名录或采集没有数据" if of == "" else "没有数据齐全的乡镇"
            yield _figure(
                f"H-{where}-{product.code}-{name}", f"{head}{word}", row[f"{name}_heads"], unit, note + of, why
            )


def _word(name: str) -> str:
    return _WORDS[name] if name in _WORDS else vocab.code("step", name)


def _note(name: str, measure: str) -> str:
    if name == "gap":
        return f"{_SIGNS}；采集{measure}"
    if name in ("collected", "unlisted", "size_difference"):
        return f"采集{measure}" + ("；采集 − 名录" if name == "size_difference" else "")
    return "附件5底数 − 名录" if name == "unregistered" else ""


def _figure(number: str, name: str, value: Any, unit: str, note: str = "", why: str = "") -> Figure:
    if value is None or pd.isna(value):
        return Figure(number, name, None, unit, f"没有数据：{why}" if why else "没有数据")
    return Figure(number, name, round(float(value), 2), unit, note)


# ---- the summary, the calendar, what is located ----


def _summed(round_: Round, summary: pd.DataFrame) -> Iterator[Figure]:
    codes = [*round_.places.names, COUNTY]
    for code, row in zip(codes, summary.to_dict("records"), strict=True):
        head = "全县" if code == COUNTY else str(row["乡镇"])
        for column, value in row.items():
            group, _, which = str(column).partition("›")
            product = next((one for one in round_.rules.products.values() if one.name == group), None)
            if product is not None:
                name, unit = (
                    ("subjects", "个") if which == "主体数" else ("size", vocab.code("size_unit", product.unit))
                )
                word = which.partition("(")[0]
                note = "采用的记录，不含收购商" + ("，主体去重" if name == "subjects" else "")
                yield _figure(
                    f"S-{code}-{product.code}-{name}", f"{head}{group}{word}", value, unit, note, "没有报此品种"
                )
            elif column == "收购商":
                yield _figure(
                    f"S-{code}-buyers", f"{head}产地收购商", value, "个", "采用的记录，按名称去重", "没有来件"
                )
            elif column != "乡镇":
                yield _figure(f"S-{code}-all", f"{head}主体合计", value, "个", "各品种去重，含收购商", "没有来件")


def _marketed(round_: Round, market: pd.DataFrame) -> Iterator[Figure]:
    codes = {name: code for code, name in round_.places.names.items()} | {"全县合计": COUNTY}
    products = {f"{one.name}({vocab.code('size_unit', one.unit)})": one for one in round_.rules.products.values()}
    for row in market.to_dict("records"):
        where, product = codes[str(row["乡镇"])], products[str(row["品种"])]
        head = f"{'全县' if where == COUNTY else row['乡镇']}{product.name}"
        for column, text in list(row.items())[2:]:
            if not text:
                continue
            month, _, third = str(column).partition("›")
            at = 3 * (int(month.removesuffix("月")) - 1) + "上中下".index(third)
            count, _, size = str(text).partition("/")
            start = f"M-{where}-{at + 1:02d}-{product.code}"
            word, note = f"{head}{period_text(at)}上市", "上市期含该旬的记录"
            unit = vocab.code("size_unit", product.unit)
            yield _figure(f"{start}-subjects", f"{word}主体", float(count), "个", note)
            yield _figure(f"{start}-size", f"{word}规模", float(size), unit, note)


def _located(round_: Round) -> Iterator[Figure]:
    rows = round_.records[round_.records["status"] == "accepted"]
    point = ~rows.geometry.isna()
    for code, name in [*round_.places.names.items(), (COUNTY, "全县")]:
        here = point if code == COUNTY else point[rows["township_code"] == code]
        yield Figure(f"G-{code}-records", f"{name}采用的记录", len(here), "条", "含产地收购商")
        yield Figure(f"G-{code}-located", f"{name}已定位的记录", int(here.sum()), "条", "坐标可用、已落到图上的")


# ---- progress, corrections, alerts ----


def _moved(round_: Round, frames: Frames) -> Iterator[Figure]:
    columns = {"应报品种": ("due", "个"), "已报": ("reported", "个"), "零报告": ("zero", "个"), "附件1条数": ("records", "条"),
               "待更正": ("to_mend", "条"), "平台已录入": ("uploaded", "条"), "未录入": ("not_uploaded", "条")}  # fmt: skip
    notes = {"due": "按应报日期，各乡镇品种数", "reported": "乡镇×品种", "zero": "乡镇×品种", "records": "达到规模、采用的记录",
             "to_mend": "待更正的记录", "uploaded": "按平台导出核对名称，或手工计数", "not_uploaded": "附件1条数 − 平台已录入"}  # fmt: skip
    for code, row in zip([*round_.places.names, COUNTY], frames.progress.to_dict("records"), strict=True):
        head = "全县" if code == COUNTY else str(row["乡镇"])
        for column, (name, unit) in columns.items():
            why = "没有平台数据" if "uploaded" in name else "没有来件"
            yield _figure(f"P-{code}-{name}", f"{head}{column}", row[column], unit, notes[name], why)
    due = frames.states[frames.states["progress"] != "not_due"]
    words = {"late": "迟报品种", "overdue": "逾期未报品种", "unregistered": "来件未登记品种"}
    opens = due["progress"].isin(["not_reported", "unread"])
    for code, name in [*round_.places.names.items(), (COUNTY, "全县")]:
        here = due if code == COUNTY else due[due["township_code"] == code]
        for kind, word in words.items():
            rows = here[here["timeliness"] == kind]
            yield Figure(f"P-{code}-{kind}", f"{name}{word}", len(rows), "个", "乡镇×品种，按登记的收到时间")
            if code == COUNTY:
                yield Figure(f"P-{code}-{kind}_towns", f"有{word}的乡镇", rows["township_code"].nunique(), "个")
        yield Figure(
            f"P-{code}-open", f"{name}未报品种", int(opens[here.index].sum()), "个", "乡镇×品种，含来件未能读取的"
        )
    done = due["progress"].isin(["reported", "zero"]).groupby(due["township_code"]).agg(["sum", "size"])
    full, none = int((done["sum"] == done["size"]).sum()), int((done["sum"] == 0).sum())
    parts = {
        "towns": ("乡镇", len(done)),
        "full": ("报齐的乡镇", full),
        "part": ("部分报送的乡镇", len(done) - full - none),
        "none": ("没有报送的乡镇", none),
    }
    for key, (word, count) in parts.items():
        yield Figure(f"P-{COUNTY}-{key}", word, count, "个", "应报品种中已报或零报告的")


def _open(round_: Round, frames: Frames) -> Iterator[Figure]:
    owners = frames.found["owner"].value_counts()
    for code, name in [*round_.places.names.items(), (COUNTY, "全县")]:
        count = len(frames.found) if code == COUNTY else int(owners.get(code, 0))
        yield Figure(f"C-{code}-items", f"{name}待整改问题", count, "处", "错误和存疑，见更正清单")
    kinds = frames.alerts["alert"].value_counts()
    words = vocab.codes("alert")
    note = "乡镇×品种，见预警清单；单元格只列各项的前几处"
    for kind, word in words.items():
        yield Figure(f"W-{COUNTY}-{kind}", f"全县{word}", int(kinds.get(kind, 0)), "项", note)
    own = frames.alerts[frames.alerts["township_code"].notna()]
    for number, row in zip(alert_ids(own), own.to_dict("records"), strict=True):
        name = round_.rules.products[row["product"]].name if isinstance(row["product"], str) else ""
        yield _figure(
            number,
            f"{row['township']}{name}{words[row['alert']]}",
            row["count"],
            "个",
            "单元格只列前几处",
        )


# ---- what is handed over ----


def figure_sheet(figures: Iterable[tuple[Figure, str]]) -> pd.DataFrame:
    """Return the sheet 图表数字, `FIGURE_HEADER`, of figures with the files that print them; each figure once, its files joined by ；."""
    kept: dict[str, tuple[Figure, list[str]]] = {}
    for figure, file in figures:
        kept.setdefault(figure.id, (figure, []))[1].append(file)
    rows = [
        (one.id, "；".join(dict.fromkeys(files)), one.name, one.value, one.unit, one.note)
        for one, files in kept.values()
    ]
    return pd.DataFrame(rows, columns=FIGURE_HEADER).astype({"数值": "float64"})


def source_sheet(cells: pd.DataFrame, figures: pd.DataFrame) -> pd.DataFrame:
    """Return the sheet 来源单元格, `SOURCE_HEADER`: the cells of the figures of `figure_sheet`, in its order."""
    order: dict[str, int] = {}
    for number in figures["编号"]:
        order.setdefault(cells_of(number), len(order))
    kept = cells[cells["id"].isin(order)]
    at = kept["id"].map(order)
    return kept.iloc[at.argsort(kind="stable").to_numpy()].set_axis(SOURCE_HEADER, axis=1).reset_index(drop=True)
