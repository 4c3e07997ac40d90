"""Map book: a sheet a township and a sheet a product, all with one legend, the same breaks, colours and steps of scale; bound with an index page."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from shapely import box

from originmap import page, printed, symbols
from originmap.atlas import PANEL_MM, STYLES, Atlas, Paper, label_plan
from originmap.page import ALERT, FAINT, INK, PAPER, Frame, write
from originmap.plans import markers, not_located
from originmap.rounds import Round
from originmap.vocab import code

DPI: Final = 150


def township_map(round_: Round, township_code: str, *, paper: Paper = "A4", atlas: Atlas | None = None) -> Figure:
    """Draw one township's sheet of the map book: landscape, full furniture, neighbours in grey, an inset of the county; internal only.

    Parameters
    ----------
    round_, township_code
        The round, and a 9-digit code of ``round_.places.names``.
    paper
        ``A4``, or ``A3``: the same type and symbols on more room.
    atlas
        ``Atlas(round_, paper)`` kept for a series, so that what the sheets share is made once.

    Returns
    -------
    A figure for ``figures.save`` or ``figures.png``; a township without a located base has its sheet too, which says so.

    Raises
    ------
    ValueError
        There is no such township.
    """
    atlas = atlas or Atlas(round_, paper)
    if township_code not in atlas.seats.index:
        raise ValueError(f"没有这个乡镇代码：{township_code}")
    name = str(atlas.seats.loc[township_code, "township"])
    figure, sheet = page.a4(landscape=True, a3=atlas.paper == "A3")
    page.heading(sheet, replace(atlas.furniture, region=atlas.furniture.region + name), "重点农产品产地图", size=22)
    plan = atlas.plan
    own = plan[plan["township_code"] == township_code]
    frame = atlas.frame(township_code)
    axes, taken = symbols.base(figure, sheet, frame, atlas.outline, atlas.places, atlas.furniture)
    if atlas.places.quality == "official":
        atlas.cells.loc[[township_code]].plot(
            ax=axes, facecolor="#FFF6DD", edgecolor=INK, linewidth=0.9, zorder=2.04, aspect=None
        )
    west, south, east, north = frame.extent
    others = plan[plan["township_code"] != township_code].cx[west:east, south:north]
    symbols.mark(axes, others.geometry.x, others.geometry.y, "o", 4.0, facecolor="#C4C8CC", zorder=2.6)
    symbols.draw_marks(axes, own)
    taken += [_say_empty(sheet, frame)] if own.empty else []
    draw_seats(axes, atlas, frame)
    labels = label_plan(own, atlas.seats, frame, own=township_code, taken=taken)
    draw_labels(sheet, labels)
    left, right, y = panel(sheet)
    y = _product_lines(sheet, atlas, township_code, left, right, y)
    y = symbols.size_legend(sheet, atlas.furniture, atlas.rules, left, y - 2, set(atlas.rules.products))
    y = _place_lines(sheet, atlas, left, y - 3)
    rows = atlas.round.records[atlas.round.records["township_code"] == township_code]
    for text in _notes(atlas, rows, own, frame, labels):
        y = page.paragraph(sheet, left, y - 0.5, text, width=PANEL_MM, size=6.8)
    _inset(figure, sheet, atlas, township_code, frame, left, y)
    page.foot(sheet, atlas.furniture, atlas.places.measure_crs, left=11, top=17)
    return figure


def product_map(round_: Round, product: str, *, paper: Paper = "A4", atlas: Atlas | None = None) -> Figure:
    """Draw one product's sheet of the map book: the county with its bases, and subjects and sizes by township beside; internal only.

    Parameters as `township_map`; raises ValueError for a product that the rules do not have.
    """
    atlas = atlas or Atlas(round_, paper)
    if product not in atlas.rules.products:
        raise ValueError(f"没有这个品种：{product}")
    entry = atlas.rules.products[product]
    figure, sheet = page.a4(landscape=True, a3=atlas.paper == "A3")
    page.heading(sheet, atlas.furniture, f"{entry.name}产地分布图", size=22)
    frame = atlas.frame()
    axes, taken = symbols.base(figure, sheet, frame, atlas.outline, atlas.places, atlas.furniture)
    own = atlas.plan[atlas.plan["product"] == product]
    symbols.draw_marks(axes, own)
    taken += [_say_empty(sheet, frame)] if own.empty else []
    draw_seats(axes, atlas, frame)
    labels = label_plan(own, atlas.seats, frame, taken=taken)
    draw_labels(sheet, labels)
    left, right, y = panel(sheet)
    symbols.mark(sheet, left + 3, y, markers(atlas.rules)[product], 26, facecolor=entry.colour)
    write(sheet, left + 8, y, entry.name, 8.5)
    if own["buyer"].any():
        symbols.mark(
            sheet,
            left + 30,
            y,
            markers(atlas.rules)[product],
            26,
            facecolor=PAPER,
            edgecolor=entry.colour,
            linewidth=1.1,
        )
        write(sheet, left + 34, y, "收购商（空心）", 7.5)
    y = symbols.size_legend(sheet, atlas.furniture, atlas.rules, left, y - 6, {product})
    y = _place_lines(sheet, atlas, left, y - 3, neighbours=False)
    head = ("主体数", f"规模（{code('size_unit', entry.unit)}）", "已定位/全部")
    y = town_lines(sheet, head, _town_rows(atlas, product), left, right, y - 2)
    rows = atlas.round.records[atlas.round.records["product"] == product]
    for text in _notes(atlas, rows, own, frame, labels):
        y = page.paragraph(sheet, left, y - 0.8, text, width=PANEL_MM, size=6.5)
    page.foot(sheet, atlas.furniture, atlas.places.measure_crs, left=11, top=17)
    return figure


def write_townships(
    round_: Round, folder: Path, *, townships: Sequence[str] | None = None, paper: Paper = "A4"
) -> list[Path]:
    """Write ``乡镇/<name>.png`` for every township (or those of the codes `townships`) and all of them, behind an index page, as ``乡镇图册.pdf``."""
    atlas = Atlas(round_, paper)
    codes = [code_ for code_ in round_.places.names if townships is None or code_ in townships]
    sheets = ((round_.places.names[code_], township_map(round_, code_, atlas=atlas)) for code_ in codes)
    lines = [(round_.places.names[code_], number(atlas.counts.loc[(code_, ""), "subjects"])) for code_ in codes]
    return bind(chain([("", _index(atlas, lines, "乡镇", codes))], sheets), folder, "乡镇")


def write_products(round_: Round, folder: Path, *, paper: Paper = "A4") -> list[Path]:
    """Write ``品种/<name>.png`` for every product and all of them, behind an index page, as ``品种图册.pdf``."""
    atlas = Atlas(round_, paper)
    products = round_.rules.products
    sheets = ((products[product].name, product_map(round_, product, atlas=atlas)) for product in products)
    sums = atlas.counts["subjects"].groupby(level="product").sum(min_count=1)
    lines = [(entry.name, number(sums[product])) for product, entry in products.items()]
    return bind(chain([("", _index(atlas, lines, "品种", []))], sheets), folder, "品种")


def bind(sheets: Iterable[tuple[str, Figure]], folder: Path, kind: str) -> list[Path]:
    """Write ``<kind>/<name>.png`` for every named sheet and all of them as ``<kind>图册.pdf``: one file, its type in it once."""
    (folder / kind).mkdir(parents=True, exist_ok=True)
    book = folder / f"{kind}图册.pdf"
    names: list[str] = []
    size: Sequence[float] = ()
    clear = {"Creator": None, "Producer": None, "CreationDate": None}
    with mpl.rc_context({"pdf.fonttype": 3, "pdf.compression": 6}), PdfPages(book, metadata=clear) as pages:
        for name, figure in sheets:
            names.append(name)
            size = figure.get_size_inches().tolist()
            pages.savefig(figure)
    named = {at: folder / kind / f"{name}.png" for at, name in enumerate(names, start=1) if name}
    made = printed.pictures(book, list(named), size=size, dpi=DPI)
    for path, picture in zip(named.values(), made, strict=True):
        path.write_bytes(picture)
    return [book, *named.values()]


def _index(atlas: Atlas, lines: Sequence[tuple[str, str]], kind: str, seats: Sequence[str]) -> Figure:
    """Draw the page in front: what sheet is where, the townships' numbers on the county."""
    figure, sheet = page.a4(landscape=True, a3=atlas.paper == "A3")
    page.heading(sheet, atlas.furniture, f"重点农产品产地{kind}图册", size=22)
    frame = atlas.frame()
    axes, _ = symbols.base(figure, sheet, frame, atlas.outline, atlas.places, atlas.furniture)
    draw_seats(axes, atlas, frame)
    for number, town in enumerate(seats, start=1):
        across, up = frame.page(atlas.seats.loc[town].geometry.x, atlas.seats.loc[town].geometry.y)
        write(sheet, float(across) + 1.6, float(up), str(number), 8.5, halo=True)
    _, right, y = panel(sheet, "目　录")
    left = right - PANEL_MM
    columns(sheet, left, right, y, ("", "主体数", "页"), 7)
    pitch = min(6.0, (y - 26) / max(len(lines), 1))
    for number, (name, subjects) in enumerate(lines, start=1):
        y -= pitch
        write(sheet, left + 5, y, f"{number}", 8, ha="right")
        write(sheet, left + 8, y, name, 8)
        columns(sheet, left, right, y, ("", subjects, f"{number + 1}"), 8)
    page.foot(sheet, atlas.furniture, atlas.places.measure_crs, left=11, top=17)
    return figure


def draw_seats(axes: Axes, atlas: Atlas, frame: Frame) -> None:
    """Draw the townships' seats that lie within the frame."""
    west, south, east, north = frame.extent
    inside = atlas.seats.cx[west:east, south:north]
    symbols.seats(axes, inside.geometry.x, inside.geometry.y, inside["estimated"])


def draw_labels(sheet: Axes, labels: pd.DataFrame) -> None:
    """Write what `label_plan` placed, with a line where a name stands off."""
    for row in labels.itertuples():
        size, colour = STYLES[row.kind]
        if row.leader:
            x = np.clip(row.anchor_x, row.x - row.w / 2, row.x + row.w / 2)
            y = np.clip(row.anchor_y, row.y - row.h / 2, row.y + row.h / 2)
            sheet.add_line(Line2D([row.anchor_x, x], [row.anchor_y, y], color=FAINT, linewidth=0.4, zorder=4.1))
        write(sheet, row.x, row.y, row.text, size, ha="center", halo=True, color=colour)


def _say_empty(sheet: Axes, frame: Frame) -> tuple[float, float, float, float]:
    """Write that there is nothing to draw; return the page box that this takes."""
    x, y = frame.left + frame.width / 2, frame.bottom + 14
    write(sheet, x, y, "没有已定位的基地", 13, ha="center", halo=True, color=FAINT)
    return (x - 20, y - 3.5, x + 20, y + 3.5)


def panel(sheet: Axes, head: str = "图　例") -> tuple[float, float, float]:
    """Draw the legend's head; return its left and right edge and the y below."""
    right, top = sheet.get_xlim()[1] - 11, sheet.get_ylim()[1] - 27
    left = right - PANEL_MM
    write(sheet, left, top - 1.5, head, 12, serif=True)
    sheet.add_line(Line2D([left, right], [top - 5, top - 5], color=INK, linewidth=0.9))
    return left, right, top - 8.5


def number(value: Any) -> str:
    """Return a size as it is printed: what is whole without decimals, — for unknown."""
    return "—" if pd.isna(value) else f"{value:,.2f}".rstrip("0").rstrip(".")


def columns(sheet: Axes, left: float, right: float, y: float, texts: Sequence[str], size: float = 7.5) -> None:
    """Write a line of the panel: subjects, size and located, right-aligned."""
    for x, text in zip((left + 27, left + 44, right), texts, strict=True):
        write(sheet, x, y, text, size, ha="right")


def _product_lines(sheet: Axes, atlas: Atlas, township_code: str, left: float, right: float, y: float) -> float:
    """Write a line a product: its mark, subjects, size and how many records are located; all products on every sheet."""
    columns(sheet, left, right, y, ("主体数", "规模", "已定位/全部"), 6.5)
    here = atlas.located[atlas.located["township_code"] == township_code].set_index(["product", "buyer"])
    for product, entry in atlas.rules.products.items():
        y -= 4.9
        own = atlas.counts.loc[(township_code, product)]
        symbols.mark(sheet, left + 2.5, y, markers(atlas.rules)[product], 24, facecolor=entry.colour)
        write(sheet, left + 6, y, entry.name, 8)
        size = number(own["size"]) + (code("size_unit", entry.unit) if pd.notna(own["size"]) else "")
        subjects = number(own["subjects"])
        columns(sheet, left, right, y, (subjects, size, _share(here, (product, False))))
    y -= 4.9
    buyers = atlas.counts.loc[(township_code, "buyer"), "subjects"]
    symbols.mark(sheet, left + 2.5, y, "o", 24, facecolor=PAPER, edgecolor=INK, linewidth=1.1)
    write(sheet, left + 6, y, "收购商（不计规模）", 7.5)
    write(sheet, left + 44, y, number(buyers), 7.5, ha="right")
    y -= 5.4
    sheet.add_line(Line2D([left, right], [y + 2.7, y + 2.7], color=INK, linewidth=0.5))
    every = atlas.counts.loc[(township_code, ""), "subjects"]
    write(sheet, left + 6, y, "合计主体（去重）", 8)
    sums = here[["located", "records"]].sum()
    columns(sheet, left, right, y, ("", number(every), f"{sums['located']}/{sums['records']}"))
    return y - 4


def _share(here: pd.DataFrame, key: tuple[str, bool]) -> str:
    return f"{here.loc[key, 'located']}/{here.loc[key, 'records']}" if key in here.index else "0/0"


def _town_rows(atlas: Atlas, product: str) -> list[tuple[str, tuple[str, str, str]]]:
    """Return a product's lines: name, subjects, size and located ones of every township, the county last."""
    here = atlas.located[(atlas.located["product"] == product) & ~atlas.located["buyer"]].set_index("township_code")
    counts = atlas.counts.xs(product, level="product")
    rows = []
    for town, own in counts.iterrows():
        held = f"{here.loc[town, 'located']}/{here.loc[town, 'records']}" if town in here.index else "0/0"
        rows.append((atlas.places.names[str(town)], (number(own["subjects"]), number(own["size"]), held)))
    known = counts[counts["subjects"].notna()]
    sums = f"{here['located'].sum()}/{here['records'].sum()}"
    total = (number(known["subjects"].sum()), number(known["size"].sum(min_count=1)), sums)
    return [*rows, (f"全县（{len(known)}/{len(counts)}）", total)]


def town_lines(
    sheet: Axes,
    head: tuple[str, str, str],
    rows: Sequence[tuple[str, tuple[str, str, str]]],
    left: float,
    right: float,
    y: float,
) -> float:
    """Write a line a township, the last one below a rule; return the y below."""
    columns(sheet, left, right, y, head, 6.5)
    pitch = min(3.75, (y - 48) / len(rows))
    for name, said in rows[:-1]:
        y -= pitch
        write(sheet, left, y, name, 6.8)
        columns(sheet, left, right, y, said, 6.8)
    y -= pitch + 0.6
    sheet.add_line(Line2D([left, right], [y + 2.2, y + 2.2], color=INK, linewidth=0.5))
    write(sheet, left, y, rows[-1][0], 6.8)
    columns(sheet, left, right, y, rows[-1][1], 6.8)
    return y - 3


def _place_lines(sheet: Axes, atlas: Atlas, left: float, y: float, *, neighbours: bool = True) -> float:
    y = symbols.place_legend(sheet, atlas.furniture, atlas.places, left, y)
    if neighbours:
        symbols.mark(sheet, left + 3, y - 1.5, "o", 4.0, facecolor="#C4C8CC")
        write(sheet, left + 8, y - 1.5, "邻近乡镇的基地", 7.5)
        y -= 4.5
    return y


def _notes(
    atlas: Atlas, rows: gpd.GeoDataFrame, own: gpd.GeoDataFrame, frame: Frame, labels: pd.DataFrame
) -> list[str]:
    west, south, east, north = frame.extent
    beyond = len(own) - len(own.cx[west:east, south:north])
    missing = int(not_located(rows, atlas.rules).sum())
    said = [f"未定位 {missing} 条"] if missing else []
    said += [f"图幅以外 {beyond} 条未画出"] if beyond else []
    said += [f"{labels.attrs['left_out']} 处名称因位置拥挤未注"] if labels.attrs.get("left_out") else []
    measure = code("area_measure", str(atlas.rules["reconcile"]["area_measure"]))
    return ["；".join([*said, f"面积按{measure}计，“—”为没有数据，不是 0"]) + "。"]


def _inset(
    figure: Figure, sheet: Axes, atlas: Atlas, township_code: str, frame: Frame, left: float, top: float
) -> None:
    """Draw the county small in what room the panel has left, the township and the sheet's ground marked."""
    height = min(top - 5 - 23, 58.0)
    bounds = atlas.outline.union(box(*frame.extent)).bounds
    inner = page.fit(bounds, left=left, bottom=23, width=PANEL_MM, height=height, margin=1)
    ground = page.ground(figure, inner)
    for part in getattr(atlas.outline, "geoms", [atlas.outline]):
        x, y = np.asarray(part.exterior.coords).T
        ground.fill(x, y, facecolor="#FDFCF7", edgecolor=INK, linewidth=0.6)
    ground.scatter(atlas.seats.geometry.x, atlas.seats.geometry.y, s=1.5, color=FAINT, linewidth=0)
    west, south, east, north = frame.extent
    ground.add_patch(Rectangle((west, south), east - west, north - south, fill=False, edgecolor=ALERT, linewidth=0.9))
    if atlas.places.quality == "official":
        atlas.cells.loc[[township_code]].plot(ax=ground, color="#E8B4B8", aspect=None)
    seat = atlas.seats.loc[township_code].geometry
    symbols.mark(ground, seat.x, seat.y, "o", 16, facecolor=ALERT)
    write(sheet, left, 23 + height + 2.2, "在县内的位置（方框为本图范围）", 7)
