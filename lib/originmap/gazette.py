"""Gazette: what the public version shows, all of it from one table that hides what tells of few people: the summary, the county, the grid, the maps."""

from itertools import groupby
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from shapely import Point, box

from originmap import exports, figures, page, reconcile, symbols
from originmap.atlas import PANEL_MM, Atlas, label_plan
from originmap.disclosure import ALL, LEAST, LEGEND, SIGN, Shown, grid, public_text, suppress
from originmap.mapbook import bind, columns, draw_labels, draw_seats, number, panel, town_lines
from originmap.page import FAINT, INK, PAPER, Frame, Furniture, write
from originmap.plans import accepted, has_point, markers
from originmap.rounds import Round
from originmap.subjects import normal_name
from originmap.vocab import code

COUNTY_NOTE: Final = "合计只含底数与采集都有数的乡镇；差额 = 底数 − 采集。"
BREAKS: Final = (5.0, 10.0, 20.0)  # classes of subjects, on every sheet
GRID_NOTE: Final = "点位归到 1 km 网格；不足 3 个主体的格并入 2、4、8 km 的大格（只计其中未单独画出的部分），仍不足的不画。乡镇数为×的，其点位不上图。"
_SHADES: Final = (0.28, 0.45, 0.65, 0.85)
_SIZES_PT2: Final = (9.0, 15.0, 25.0, 42.0)
_LARGEST_PT2: Final = 240.0


def shown(round_: Round, gaps: pd.DataFrame | None = None) -> Shown:
    """Return subjects and sizes by township and product as the public may see them.

    The second total of a crop is that of the townships whose baseline is known, which `county_table` compares; `gaps` as
    ``reconcile.planting_area`` gives it.
    """
    gaps = reconcile.planting_area(round_) if gaps is None else gaps
    both = gaps[gaps["baseline_mu"].notna() & gaps["collected_mu"].notna()]
    counts = reconcile.counts(round_)
    key = ["township_code", "product"]
    return suppress(
        counts.assign(known=pd.MultiIndex.from_frame(counts[key]).isin(pd.MultiIndex.from_frame(both[key])))
    )


def summary_table(round_: Round, of: Shown) -> pd.DataFrame:
    """Return 乡镇×品种汇总 for the public, the county in the last row: × where hidden, NA where unknown."""
    cells = of.cells.set_index(["township_code", "product"])
    totals = of.totals.set_index("product")
    rows = []
    for town, name in [*round_.places.names.items(), ("", "合计")]:
        own = (cells.loc[town] if town else totals).to_dict("index")
        row: dict[str, object] = {"乡镇": name}
        for product, entry in round_.rules.products.items():
            what = f"{'面积' if entry.kind == 'crop' else '存栏'}({code('size_unit', entry.unit)})"
            hidden = own[product]["hidden"]
            row[f"{entry.name}›主体数"] = SIGN if hidden else own[product]["subjects"]
            row[f"{entry.name}›{what}"] = SIGN if hidden else round(own[product]["size"], 2)
        for product, head in (("buyer", "收购商"), (ALL, "合计主体(去重)")):
            row[head] = SIGN if own[product]["hidden"] else own[product]["subjects"]
        rows.append(row)
    return pd.DataFrame(rows).astype("object")


def county_table(round_: Round, of: Shown, gaps: pd.DataFrame) -> pd.DataFrame:
    """Return the county's baseline and collected area of each crop, summed over the townships where both are known."""
    totals = of.totals.set_index("product")
    rows = []
    for one in reconcile.county(gaps).to_dict("records"):
        hidden = bool(totals.loc[one["product"], "known_hidden"])
        figures_ = (SIGN,) * 3 if hidden else (one["collected_mu"], one["gap_mu"], one["coverage_pct"])
        known = f"{one['known_townships']}/{one['townships']}"
        rows.append((round_.rules.products[one["product"]].name, one["baseline_mu"], *figures_, known))
    heads = ["品种", "附件5底数(亩)", "采集面积(亩)", "差额(亩)", "覆盖率(%)", "数据齐全乡镇"]
    return pd.DataFrame(rows, columns=heads).astype("object")


def notes(round_: Round) -> list[str]:
    """Return the lines that stand under a public table."""
    measure = code("area_measure", str(round_.rules["reconcile"]["area_measure"]))
    return [*exports.stamp(round_, public=True), LEGEND, f"面积按{measure}计；不含收购商；亩、头、只不相加。"]


def write_tables(round_: Round, folder: Path) -> None:
    """Write 乡镇品种汇总.xlsx and 面积核对表.xlsx (the county only) into an existing folder."""
    gaps = reconcile.planting_area(round_)
    of = shown(round_, gaps)
    title = f"乡镇×品种汇总（{round_.name}）"
    exports.write_xlsx(
        folder / "乡镇品种汇总.xlsx", summary_table(round_, of), title=title, notes=notes(round_), totals=1
    )
    title = f"面积核对表（全县，{round_.name}）"
    exports.write_xlsx(
        folder / "面积核对表.xlsx", county_table(round_, of, gaps), title=title, notes=[*notes(round_), COUNTY_NOTE]
    )


def write_maps(round_: Round, folder: Path) -> None:
    """Write the county's map and the summary's (.png, .pdf) into an existing folder, and a sheet a product as ``mapbook.bind`` does."""
    of, atlas = shown(round_), Atlas(round_)
    figures.save(distribution_map(round_, of, atlas=atlas), folder / "产地分布图")
    figures.save(summary_map(round_, of, atlas=atlas), folder / "乡镇品种汇总图")
    products = round_.rules.products.items()
    bind(((entry.name, product_map(round_, of, product, atlas=atlas)) for product, entry in products), folder, "品种")


def page_tables(round_: Round) -> list[dict[str, Any]]:
    """Return both tables as the report's first page prints them: `title`, `head` (rows of text and span), `rows` of text, `note`, `total`."""
    gaps = reconcile.planting_area(round_)
    of = shown(round_, gaps)
    county, summary = county_table(round_, of, gaps), summary_table(round_, of)
    groups = [(name, len(list(own))) for name, own in groupby(summary.columns, key=lambda name: name.partition("›")[0])]
    below = [(name.rpartition("›")[2] if "›" in name else "", 1) for name in summary.columns]
    return [
        {
            "title": "全县：附件5底数与采集面积",
            "head": [[(name, 1) for name in county.columns]],
            "rows": _texts(county),
            "note": COUNTY_NOTE,
            "total": False,
        },
        {
            "title": "乡镇×品种：主体数与规模",
            "head": [groups, below],
            "rows": _texts(summary),
            "note": LEGEND,
            "total": True,
        },
    ]


def _texts(frame: pd.DataFrame) -> list[list[str]]:
    return [
        [value if isinstance(value, str) else number(value) for value in row] for row in frame.itertuples(index=False)
    ]


def cells(round_: Round, of: Shown) -> gpd.GeoDataFrame:
    """Return the grid of bases as ``disclosure.grid`` makes it, in the CRS that the rules measure in; buyers are on no public map."""
    rows = accepted(round_.records, round_.rules)
    rows = rows[has_point(rows) & (rows["subject_type"] != "buyer")].to_crs(round_.places.measure_crs)
    subject = rows["township_code"] + normal_name(rows["subject_name"], round_.places)
    points = rows[["township_code", "product", "geometry"]].assign(subject=subject)
    return grid(points, of.cells)


def plan(squares: gpd.GeoDataFrame, round_: Round, frame: Frame, *, pitch_mm: float = 1.9) -> gpd.GeoDataFrame:
    """Return a symbol a grid cell and product, as ``plans.point_plan`` gives them: side by side about the cell's centre, so that none hides another.

    The ink is by the number of subjects (`BREAKS`), `pitch_mm` the distance on the page of `frame`.
    """
    middle = squares.set_geometry(squares.centroid)
    places = [middle.geometry.x, middle.geometry.y]
    held = middle.groupby(places)["product"]
    count, at = held.transform("size"), middle.sort_values("product").groupby(places).cumcount().reindex(middle.index)
    across, pitch = np.ceil(np.sqrt(count)), pitch_mm * frame.scale / 1000
    x = middle.geometry.x + (at % across - (across - 1) / 2) * pitch
    y = middle.geometry.y - (at // across - (np.ceil(count / across) - 1) / 2) * pitch
    colours = {code_: entry.colour for code_, entry in round_.rules.products.items()}
    ink = np.array(_SIZES_PT2)[np.searchsorted(BREAKS, middle["subjects"], side="right")]
    look = {"colour": middle["product"].map(colours), "marker": middle["product"].map(markers(round_.rules))}
    made = middle.assign(buyer=False, area_pt2=ink, **look)
    return made.set_geometry(gpd.GeoSeries.from_xy(x, y, crs=middle.crs))


def furniture(round_: Round) -> Furniture:
    """Return what a public sheet says of itself, its review number with it."""
    return figures.furniture(round_, profile="public")


def distribution_map(round_: Round, of: Shown, *, atlas: Atlas | None = None) -> Figure:
    """Draw all products on one county sheet: a symbol a grid cell and product, its size by the number of subjects."""
    atlas = atlas or Atlas(round_)
    figure, sheet, axes, frame, taken = _county(atlas, "重点农产品产地分布图")
    squares = cells(round_, of)
    drawn = plan(squares, round_, frame)
    symbols.draw_marks(axes, drawn)
    draw_seats(axes, atlas, frame)
    draw_labels(sheet, label_plan(drawn, atlas.seats, frame, taken=taken))
    left, right, y = panel(sheet)
    columns(sheet, left, right, y, ("", "", "主体数（全县）"), 6.5)
    totals = of.totals.set_index("product")
    for product, entry in atlas.rules.products.items():
        y -= 5.2
        symbols.mark(sheet, left + 3, y, markers(atlas.rules)[product], 26, facecolor=entry.colour)
        write(sheet, left + 8, y, entry.name, 8.5)
        write(sheet, right, y, _text(totals.loc[product], "subjects"), 8.5, ha="right")
    y -= 8
    write(sheet, left, y, "符号大小（一格内的主体数）", 8)
    y -= 5.5
    for at, area in enumerate(_SIZES_PT2):
        symbols.mark(sheet, left + 8 + 15 * at, y, "o", area, facecolor="#777777")
        write(sheet, left + 8 + 15 * at, y - 4.6, _class(at), 6.5, ha="center")
    rows = accepted(round_.records, round_.rules)
    said = furniture(round_).word("located", n=int(has_point(rows).sum()), m=len(rows))
    write(sheet, left, y - 11, said, 8)
    return _finished(figure, sheet, atlas, left, y - 16, squares)


def product_map(round_: Round, of: Shown, product: str, *, atlas: Atlas | None = None) -> Figure:
    """Draw one product's county sheet: grid cells in their size, with their number of subjects; townships' figures beside, × where hidden."""
    atlas = atlas or Atlas(round_)
    entry = atlas.rules.products[product]
    figure, sheet, axes, frame, taken = _county(atlas, f"{entry.name}产地分布图")
    squares = cells(round_, of)
    squares = squares[squares["product"] == product].sort_values("cell_m", ascending=False)
    for number_, row in enumerate(squares.itertuples()):
        west, south, _, _ = row.geometry.bounds
        # Above the ground, below the boundaries; a narrower cell covers the wider one that it lies in.
        shade: dict[str, Any] = {
            "facecolor": _shade(entry.colour, row.subjects),
            "edgecolor": entry.colour,
            "linewidth": 0.5,
        }
        axes.add_patch(
            Rectangle((west, south), row.cell_m, row.cell_m, zorder=1.6 + 0.3 * number_ / len(squares), **shade)
        )
    for row in _numbered(squares, frame).itertuples():
        write(sheet, row.x, row.y, str(row.subjects), 5.5, ha="center")
    draw_seats(axes, atlas, frame)
    draw_labels(sheet, label_plan(squares.set_geometry(squares.centroid), atlas.seats, frame, taken=taken))
    if squares.empty:
        write(
            sheet,
            frame.left + frame.width / 2,
            frame.bottom + 14,
            "没有可以公开的网格",
            13,
            ha="center",
            halo=True,
            color=FAINT,
        )
    left, right, y = panel(sheet)
    write(sheet, left, y, "一格内的主体数（数字）", 8)
    y -= 5.5
    for at, lowest in enumerate((LEAST, *BREAKS)):
        look: dict[str, Any] = {"facecolor": _shade(entry.colour, lowest), "edgecolor": entry.colour, "linewidth": 0.5}
        sheet.add_patch(Rectangle((left + 15 * at, y - 1.8), 5, 3.6, **look))
        write(sheet, left + 6 + 15 * at, y, _class(at), 7)
    own = of.cells[of.cells["product"] == product].set_index("township_code")
    rows = [
        (atlas.places.names[str(town)], (_text(one, "subjects"), _text(one, "size"), ""))
        for town, one in own.iterrows()
    ]
    total = of.totals.set_index("product").loc[product]
    known = own["subjects"].notna().sum()
    rows.append((f"全县（{known}/{len(own)}）", (_text(total, "subjects"), _text(total, "size"), "")))
    y = town_lines(sheet, ("主体数", f"规模（{code('size_unit', entry.unit)}）", ""), rows, left, right, y - 6)
    return _finished(figure, sheet, atlas, left, y, squares)


def summary_map(round_: Round, of: Shown, *, atlas: Atlas | None = None) -> Figure:
    """Draw the summary: a little county a product, a circle at each seat by its number of subjects, one scale on all, × where hidden."""
    atlas = atlas or Atlas(round_)
    about = furniture(round_)
    figure, sheet = page.a4(landscape=True)
    page.heading(sheet, about, "重点农产品主体数（乡镇×品种）", size=20)
    products = atlas.rules.products
    across = -(-len(products) // 2)
    width, height = 274.0 / across, 76.0
    own = of.cells[of.cells["product"].isin(list(products))]
    most = float(own.loc[~own["hidden"], "subjects"].max()) if (~own["hidden"] & own["subjects"].gt(0)).any() else 1.0
    totals = of.totals.set_index("product")
    for at, (product, entry) in enumerate(products.items()):
        left, bottom = 12 + at % across * width, 183 - (at // across + 1) * height
        frame = page.fit(atlas.outline.bounds, left=left, bottom=bottom, width=width - 3, height=height - 9)
        ground = page.ground(figure, frame, sample=about.word("sample") if about.sample else "")
        for part in getattr(atlas.outline, "geoms", [atlas.outline]):
            ground.plot(*np.asarray(part.exterior.coords).T, color=FAINT, linewidth=0.6)
        here = own[own["product"] == product].sort_values("subjects", ascending=False)
        for row in here.itertuples():
            seat = atlas.seats.geometry[row.township_code]
            x, y = frame.page(seat.x, seat.y)
            _sign(sheet, float(x), float(y), row, entry.colour, most)
        unit = code("size_unit", entry.unit)
        total = totals.loc[product]
        size = _text(total, "size")
        line = f"{entry.name}　{_text(total, 'subjects')} 个主体　{size}{unit if size not in (SIGN, '—') else ''}"
        write(sheet, left + (width - 3) / 2, bottom + height - 4.5, line, 8.5, ha="center")
    down, right = 26.0, 16.0
    for count in sorted({3, *(value for value in (10, 30, 100) if value <= most)}):
        symbols.mark(sheet, right, down, "o", _LARGEST_PT2 * count / most, facecolor="#777777", linewidth=0.4)
        write(sheet, right + 5, down, f"{count} 个主体", 7.5)
        right += 26
    for kind, text in (("hidden", f"{SIGN} 已隐去（见注）"), ("zero", "零报告"), ("unknown", "没有数据（不是 0）")):
        _mark_of(sheet, right, down, kind)
        write(sheet, right + 4, down, text.removeprefix(f"{SIGN} "), 7.5)
        right += 32
    below = page.paragraph(sheet, 12, down - 4.5, f"圆面积表示主体数。{LEGEND}", width=272, size=7)
    page.foot(sheet, about, atlas.places.measure_crs, left=12, top=below)
    return figure


def _county(atlas: Atlas, theme: str) -> tuple[Figure, Axes, Axes, Frame, list[Any]]:
    about = furniture(atlas.round)
    figure, sheet = page.a4(landscape=True)
    page.heading(sheet, about, theme, size=22)
    frame = atlas.frame()
    axes, taken = symbols.base(figure, sheet, frame, atlas.outline, atlas.places, about)
    return figure, sheet, axes, frame, taken


def _finished(figure: Figure, sheet: Axes, atlas: Atlas, left: float, y: float, squares: gpd.GeoDataFrame) -> Figure:
    y = symbols.place_legend(sheet, furniture(atlas.round), atlas.places, left, y - 2) - 1
    for text in (f"共 {len(squares)} 格。{GRID_NOTE}", LEGEND):
        y = page.paragraph(sheet, left, y - 0.8, text, width=PANEL_MM, size=6.5)
    page.foot(sheet, furniture(atlas.round), atlas.places.measure_crs, left=11, top=17)
    return figure


def _text(row: Any, figure: str) -> str:
    return public_text(row[figure], number, hidden=bool(row["hidden"]))


def _class(at: int) -> str:
    lows = (LEAST, *(int(value) for value in BREAKS))
    return f"≥{lows[at]}" if at == len(BREAKS) else f"{lows[at]}–{lows[at + 1] - 1}"


def _shade(colour: str, subjects: float) -> tuple[float, ...]:
    """Return a product's colour mixed with white, the darker the more subjects there are."""
    share = _SHADES[int(np.searchsorted(BREAKS, subjects, side="right"))]
    return tuple(1 - share * (1 - part) for part in to_rgb(colour))


def _numbered(squares: gpd.GeoDataFrame, frame: Frame) -> pd.DataFrame:
    """Return where each cell's number stands (mm): in its middle or, where narrower cells lie, in a quarter that is free; else nowhere."""
    rows = []
    inside = box(*frame.extent)
    for row in squares.itertuples():
        narrower = squares[squares["cell_m"] < row.cell_m].geometry
        west, south, _, _ = row.geometry.bounds
        for across, up in [(0.5, 0.5), (0.25, 0.75), (0.75, 0.75), (0.25, 0.25), (0.75, 0.25)]:
            x, y = west + across * row.cell_m, south + up * row.cell_m
            room = Point(x, y).buffer(0.9 * frame.scale / 1000, cap_style="square")
            if inside.contains(room) and not narrower.intersects(room).any():
                at = frame.page(x, y)
                rows.append((float(at[0]), float(at[1]), row.subjects))
                break
    return pd.DataFrame(rows, columns=["x", "y", "subjects"])


def _sign(sheet: Axes, x: float, y: float, row: Any, colour: str, most: float) -> None:
    if row.hidden or pd.isna(row.subjects) or row.subjects == 0:
        _mark_of(sheet, x, y, "hidden" if row.hidden else "unknown" if pd.isna(row.subjects) else "zero")
    else:
        symbols.mark(sheet, x, y, "o", max(_LARGEST_PT2 * row.subjects / most, 2.0), facecolor=colour, linewidth=0.4)


def _mark_of(sheet: Axes, x: float, y: float, kind: str) -> None:
    looks: dict[str, dict[str, Any]] = {
        "hidden": {"marker": "x", "s": 9, "color": INK, "linewidth": 0.9},
        "zero": {"marker": "_", "s": 9, "color": INK, "linewidth": 0.8},
        "unknown": {"marker": "o", "s": 7, "facecolor": PAPER, "edgecolor": FAINT, "linewidth": 0.6},
    }
    sheet.scatter([x], [y], zorder=5, **looks[kind])
