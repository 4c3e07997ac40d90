"""Figures: printed maps, A4, PNG and PDF, with full furniture and packaged Chinese type.

What a map shows is planned first, as a plain frame (`plans`); drawing it is the last line.
While boundaries are schematic no cell is drawn: outline, seats, names, located points, and figures as symbols at the seats.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
import PIL.Image
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from shapely import box

from originmap import bars, page, printed, seatmarks
from originmap.page import FAINT, INK, PAPER, Frame, Furniture, width_mm, write
from originmap.places import WGS84, Places
from originmap.plans import (
    BALANCED,
    COVERAGE_COLOURS,
    SIZE_PT2,
    UNKNOWN_HATCHES,
    class_label,
    coverage_class,
    coverage_labels,
    coverage_plan,
    figure_text,
    gap_table,
    largest_mu,
    located,
    markers,
    not_located,
    point_plan,
    size_breaks,
)
from originmap.reconcile import county
from originmap.rounds import Round
from originmap.rules import Rules
from originmap.seatmarks import SeatMarks
from originmap.symbols import (
    circle_legend,
    circle_style,
    draw_circles,
    draw_points,
    estimated_seats,
    mark,
    outline_of,
    place_legend,
    seats,
    size_legend,
)
from originmap.vocab import Lang, code

Image = Literal["png", "pdf"]
_Entry = tuple[str, str, Any]  # kind of symbol, text, and what the symbol needs


def furniture(round_: Round, *, profile: Literal["internal", "public"] = "internal", lang: Lang = "zh") -> Furniture:
    """Return the furniture of a round's maps: region, dates, source and who drew them, from the rules."""
    about = round_.rules["county"]
    zh = lang == "zh"
    base = page.word("base", lang, source=about["boundary_source"])
    source = page.word("collection", lang) + page.word("and", lang) + base
    office = str(
        about.get("drawn_by") or (f"{about['name']}农业农村局" if zh else f"{about['name_en']} agriculture bureau")
    )
    region = str(about["full_name"] if zh else about["name_en"])
    number = str(about.get("review_number", ""))
    of = (round_.name, round_.as_of, profile, round_.is_sample, source, office)
    return Furniture(region, *of, review_number=number, lang=lang)


def distribution_map(
    records: gpd.GeoDataFrame,
    places: Places,
    rules: Rules,
    furniture: Furniture,
    *,
    products: Sequence[str] | None = None,
    bounds: tuple[float, float, float, float] | None = None,
    towns: SeatMarks | None = None,
) -> Figure:
    """Draw where the products are: A4 landscape, located points by product and size, legend and counts at the right; internal only.

    `bounds` (west, south, east, north in degrees) is what to show, the whole county by default; what lies beyond is counted in the legend.
    `towns` are drawn below the points.
    """
    _internal_only(furniture)
    figure, sheet = page.a4(landscape=True)
    page.heading(sheet, furniture, furniture.word("distribution"), size=22)
    outline = outline_of(places)
    shown = outline if bounds is None else gpd.GeoSeries([box(*bounds)], crs=WGS84).to_crs(places.measure_crs).iat[0]
    frame = page.fit(shown.bounds, left=16, bottom=23, width=204, height=162)
    plan = point_plan(records, rules, products=products)
    seat_mm = 0.8 if towns is None else seatmarks.RADIUS_MM
    draw_points(figure, sheet, frame, plan, outline, places, furniture, seat_mm=seat_mm)
    counts = located(records, rules, products=products)
    left, y = 226.0, _panel(sheet, furniture, 226, 183)
    write(sheet, 286, y, furniture.word("located_head"), 6.5, ha="right", color=FAINT)
    for row in counts[~counts["buyer"]].itertuples():
        y -= 5.4
        product = rules.products[row.product]
        mark(sheet, left + 3, y, markers(rules)[row.product], 26, facecolor=product.colour)
        write(sheet, left + 8, y, product.label(furniture.lang), 8.5)
        write(sheet, 286, y, f"{row.located} / {row.records}", 8.5, ha="right")
    buyers = counts.loc[counts["buyer"], ["located", "records"]].sum()
    if buyers["records"]:
        y -= 5.4
        mark(sheet, left + 3, y, "o", 26, facecolor=PAPER, edgecolor=INK, linewidth=1.1)
        write(sheet, left + 8, y, furniture.word("buyer"), 7.5)
        write(sheet, 286, y, f"{buyers['located']} / {buyers['records']}", 8.5, ha="right")
    y -= 6.6
    sheet.add_line(Line2D([left, 286], [y + 3.2, y + 3.2], color=INK, linewidth=0.5))
    write(sheet, left + 8, y, furniture.word("located", n=counts["located"].sum(), m=counts["records"].sum()), 9)
    y -= 5
    y = size_legend(sheet, furniture, rules, left, y - 2, set(counts.loc[counts["records"] > 0, "product"]))
    y = place_legend(sheet, furniture, places, left, y - 4)
    if towns is not None:
        y = seatmarks.draw(towns, figure.axes[1], sheet, furniture, left, y - 2)
    notes = _point_notes(records, places, rules, plan, frame, furniture, products)
    for text in notes:
        y = page.paragraph(sheet, left, y - 1.5, text, width=60, size=7)
    page.foot(sheet, furniture, places.measure_crs, left=11, top=17)
    return figure


def coverage_map(gaps: pd.DataFrame, places: Places, rules: Rules, furniture: Furniture, *, product: str) -> Figure:
    """Draw how much of each township's baseline was collected: circles at the seats, unknowns hollow. A4 landscape, internal only."""
    _internal_only(furniture)
    figure, sheet = page.a4(landscape=True)
    name = rules.products[product].label(furniture.lang)
    page.heading(sheet, furniture, furniture.word("coverage", product=name), size=22)
    outline = outline_of(places)
    frame = page.fit(outline.bounds, left=16, bottom=23, width=204, height=162)
    plan = coverage_plan(gaps, places, rules, product, lang=furniture.lang)
    draw_circles(figure, sheet, frame, plan, outline, places, furniture)
    left, y = 226.0, _panel(sheet, furniture, 226, 183)
    write(sheet, left, y, furniture.word("classes"), 8)
    meaning = {BALANCED: furniture.word("balanced"), BALANCED + 1: furniture.word("over")}
    for index, text in enumerate(coverage_labels(rules)):
        y -= 5.6
        mark(sheet, left + 3, y, "o", 75, **circle_style("class", index))
        write(sheet, left + 8, y, f"{text}　{meaning.get(index, '')}".rstrip(), 8)
        write(sheet, 286, y, furniture.word("towns", k=(plan["class_index"] == index).sum()), 7.5, ha="right")
    y -= 7
    write(sheet, left, y, furniture.word("unknown"), 8)
    for kind in UNKNOWN_HATCHES:
        count = int((plan["kind"] == kind).sum())
        if kind == "zero_baseline" and not count:
            continue
        y -= 5.6
        mark(sheet, left + 3, y, "o", 75, **circle_style(kind))
        text = furniture.word(kind) if kind in page.WORDS else code("gap_status", kind, furniture.lang)
        write(sheet, left + 8, y, text, 8)
        write(sheet, 286, y, furniture.word("towns", k=count), 7.5, ha="right")
    y = circle_legend(sheet, furniture, left, y - 7, largest_mu(gaps))
    y = place_legend(sheet, furniture, places, left, y - 4, with_seats=False) - 1
    measure = furniture.area_measure or str(rules["reconcile"]["area_measure"])
    total = county(gaps, products=[product]).iloc[0]
    write(sheet, left, y - 2, furniture.word("county", k=total["known_townships"], m=total["townships"]), 8)
    y -= 7
    for column in ("baseline_mu", "collected_mu", "gap_mu", "coverage_pct"):
        rate = column == "coverage_pct" and pd.notna(total[column])
        write(sheet, left + 3, y, furniture.word(column), 8)
        figure_ = (
            f"{total[column]:.1f}%"
            if rate
            else figure_text(total[column]) + (" 亩" if furniture.lang == "zh" else " mu")
        )
        write(sheet, 286, y, figure_, 8, ha="right")
        y -= 4.6
    guessed = places.townships.loc[estimated_seats(places), "pinyin" if furniture.lang == "en" else "township"]
    texts = [furniture.word("measure", measure=code("area_measure", measure, furniture.lang)), furniture.word("spread")]
    texts += [furniture.word("estimated", names=_listed(guessed, furniture))] if len(guessed) else []
    for text in ((" " if furniture.lang == "en" else "").join(texts), furniture.note):
        y = page.paragraph(sheet, left, y, text, width=60, size=7)
    page.foot(sheet, furniture, places.measure_crs, left=11, top=17)
    return figure


def briefing_map(
    records: gpd.GeoDataFrame, gaps: pd.DataFrame, places: Places, rules: Rules, furniture: Furniture
) -> Figure:
    """Draw the briefing page: the distribution map above, the gap table of the townships below. A4 portrait, internal only."""
    _internal_only(furniture)
    figure, sheet = page.a4(landscape=False)
    counts = located(records, rules)
    total = furniture.word("located", n=counts["located"].sum(), m=counts["records"].sum())
    page.heading(sheet, furniture, furniture.word("briefing"), size=17, more=total)
    outline = outline_of(places)
    frame = page.fit(outline.bounds, left=15, bottom=134, width=184, height=139.5, margin=1)
    draw_points(figure, sheet, frame, point_plan(records, rules), outline, places, furniture)
    _briefing_legend(sheet, counts, places, rules, furniture)
    y = _draw_table(sheet, gaps, places, rules, furniture, top=112.5, bottom=20)
    measure = furniture.area_measure or str(rules["reconcile"]["area_measure"])
    note = [
        furniture.word("table_note"),
        furniture.word("measure", measure=code("area_measure", measure, furniture.lang)),
    ]
    text = ("" if furniture.lang == "zh" else " ").join([*note, furniture.note])
    y = page.paragraph(sheet, 11, y - 0.6, text, width=188, size=6.5)
    page.foot(sheet, furniture, places.measure_crs, left=11, top=y)
    return figure


def waterfall(steps: pd.DataFrame, rules: Rules, furniture: Furniture, *, product: str, where: str = "") -> Figure:
    """Draw a gap step by step, from ``gaps.waterfall``: A4 landscape, internal only; `where` names a township, the county by default."""
    _internal_only(furniture)
    figure, sheet = page.a4(landscape=True)
    item = rules.products[product]
    crop = item.kind == "crop"
    name = item.label(furniture.lang)
    known = {"k": steps["known_townships"].iat[0], "m": steps["townships"].iat[0]}
    where = where or furniture.word("known_of" if crop else "known_heads", **known)
    unit = code("size_unit", item.unit, furniture.lang)
    line = furniture.word("waterfall_of", where=where, unit=unit)
    page.heading(
        sheet, furniture, furniture.word("waterfall" if crop else "waterfall_heads", product=name), size=22, more=line
    )
    bars.draw(sheet, steps, furniture)
    measure = furniture.area_measure or str(rules["reconcile"]["area_measure"])
    note = furniture.word("waterfall_note")
    if crop:
        of = furniture.word("measure", measure=code("area_measure", measure, furniture.lang))
        note = of + furniture.word("waterfall_crop") + note
    page.paragraph(sheet, bars.LEFT_MM, bars.FLOOR_MM - 28, note, width=bars.RIGHT_MM - bars.LEFT_MM, size=9)
    page.foot(sheet, replace(furniture, source=furniture.word("lists")), "", left=11, top=17)
    return figure


def png(figure: Figure, *, dpi: int = 110) -> bytes:
    """Return the figure as PNG in 128 colours, small enough to stand in a committed notebook; same figure, same bytes."""
    small = io.BytesIO()
    printed.pixels(figure, dpi=dpi).quantize(128, dither=PIL.Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def save(figure: Figure, stem: Path, *, formats: Sequence[Image] = ("png", "pdf"), dpi: int = 200) -> list[Path]:
    """Write `stem` with the suffix of every format; return the files. The same figure gives the same bytes.

    PDF text is selectable: glyphs are embedded as Type 3, because readers show nothing for these OpenType faces as Type 42.
    """
    files = {name: stem.with_name(f"{stem.name}.{name}") for name in formats}
    both = len(files) > 1
    drawn: Sequence[Image] = ["pdf"] if both else formats
    for name in drawn:
        clear = dict.fromkeys(["Software"] if name == "png" else ["Creator", "Producer", "CreationDate"])
        with mpl.rc_context({"pdf.fonttype": 3, "pdf.compression": 6}):
            figure.savefig(files[name], format=name, dpi=dpi, metadata=clear)
    if both:
        (picture,) = printed.pictures(files["pdf"], [1], size=figure.get_size_inches().tolist(), dpi=dpi)
        files["png"].write_bytes(picture)
    return list(files.values())


def _internal_only(furniture: Furniture) -> None:
    if furniture.profile == "public":
        raise ValueError("这幅图有各户的点位或各乡镇的数，只有内部版；公开版见 gazette。")


def _panel(sheet: Axes, furniture: Furniture, left: float, top: float) -> float:
    write(sheet, left, top - 1.5, furniture.word("legend"), 12, serif=True)
    sheet.add_line(Line2D([left, 286], [top - 5, top - 5], color=INK, linewidth=0.9))
    return top - 8.5


def _listed(names: Iterable[str], furniture: Furniture) -> str:
    return ("、" if furniture.lang == "zh" else ", ").join(names)


def _point_notes(
    records: gpd.GeoDataFrame,
    places: Places,
    rules: Rules,
    plan: gpd.GeoDataFrame,
    frame: Frame,
    furniture: Furniture,
    products: Sequence[str] | None,
) -> list[str]:
    """Return what the map cannot show: rows without a point by township, and points beyond the frame."""
    missing = not_located(records, rules, products=products)
    where = furniture.word("none")
    if len(missing):
        called = (
            dict(zip(places.names.values(), places.townships["pinyin"], strict=True)) if furniture.lang == "en" else {}
        )
        names = [
            furniture.word("unknown_township") if pd.isna(name) else called.get(name, name) for name in missing.index
        ]
        where = _listed([f"{name}\u00a0{count}" for name, count in zip(names, missing, strict=True)], furniture)
    listed = furniture.word("not_located", k=int(missing.sum()), where=where)
    west, south, east, north = frame.extent
    beyond = len(plan) - len(plan.cx[west:east, south:north])
    return [text for text in (listed, furniture.word("outside", k=beyond) if beyond else "", furniture.note) if text]


def _briefing_legend(sheet: Axes, counts: pd.DataFrame, places: Places, rules: Rules, furniture: Furniture) -> None:
    """Draw the legend under the briefing's map: products, sizes, and places with the coverage classes."""
    units = size_breaks(rules)
    buyers = counts.loc[counts["buyer"], ["located", "records"]].sum()
    products: list[_Entry] = [
        ("point", f"{rules.products[row.product].label(furniture.lang)} {row.located}/{row.records}", row.product)
        for row in counts[~counts["buyer"]].itertuples()
    ]
    sizes: list[_Entry] = []
    for index in range(len(SIZE_PT2)):
        texts = [class_label(units[unit], index) + code("size_unit", unit, furniture.lang) for unit in units]
        sizes.append(("size", " / ".join(texts), index))
    others: list[_Entry] = [("buyer", f"{furniture.word('buyer')} {buyers['located']}/{buyers['records']}", None)]
    guessed = sorted(set(estimated_seats(places)))
    others += [("seat", furniture.word("seat_estimate" if guess else "seat"), guess) for guess in guessed]
    others += [("chip", text, COVERAGE_COLOURS[index]) for index, text in enumerate(coverage_labels(rules))]
    for y, entries in ((126.5, products), (121.5, sizes), (116.5, others)):
        needed = sum(width_mm(text, 7) for _, text, _ in entries)
        size = min(7.0, 7 * (188 - 5.5 * len(entries)) / needed)
        gap = min((188 - sum(width_mm(text, size) + 4.5 for _, text, _ in entries)) / max(len(entries) - 1, 1), 8.0)
        x = 11.0
        for kind, text, value in entries:
            if kind == "chip":
                _chip(sheet, x + 1, y, value)
            elif kind == "seat":
                seats(sheet, x + 2, y, value)
            elif kind == "point":
                mark(sheet, x + 2, y, markers(rules)[value], 20, facecolor=rules.products[value].colour)
            elif kind == "size":
                mark(sheet, x + 2, y, "o", SIZE_PT2[value], facecolor="#777777")
            else:
                mark(sheet, x + 2, y, "o", 20, facecolor=PAPER, edgecolor=INK, linewidth=1.1)
            write(sheet, x + 4.5, y, text, size)
            x += 4.5 + width_mm(text, size) + gap


def _chip(sheet: Axes, x: float, y: float, colour: str) -> None:
    sheet.add_patch(Rectangle((x, y - 0.9), 1.8, 1.8, facecolor=colour, edgecolor=INK, linewidth=0.3, zorder=3))


def _draw_table(
    sheet: Axes, gaps: pd.DataFrame, places: Places, rules: Rules, furniture: Furniture, *, top: float, bottom: float
) -> float:
    """Draw the gap table with three heavy lines; return the y below it."""
    table = gap_table(gaps, places, lang=furniture.lang)
    codes = list(places.names)
    products = [product for product, column in table.columns if column == "baseline_mu"]
    left, right, names = 11.0, 199.0, 24.0
    group = (right - left - names) / len(products)
    edges = np.array([0.22, 0.46, 0.68, 0.98]) * group
    pitch = min((top - bottom - 7.6) / (len(table) + 1), 4.2)
    columns = ("baseline_mu", "collected_mu", "gap_mu", "coverage_pct")
    rows = table.to_dict("list")
    for at, product in enumerate(products):
        start = left + names + at * group
        write(sheet, start + group / 2, top - 1.95, rules.products[product].label(furniture.lang), 7.2, ha="center")
        sheet.add_line(Line2D([start + 2, start + group], [top - 3.8, top - 3.8], color=INK, linewidth=0.4))
        for edge, column in zip(edges, columns, strict=True):
            write(sheet, start + edge, top - 5.7, furniture.word(column), 6.5, ha="right")
    write(sheet, left, top - 3.8, furniture.word("number"), 6.5)
    write(sheet, left + 8, top - 3.8, furniture.word("township"), 6.5)
    y = top - 7.6
    shades = coverage_class(gaps, rules).set_axis(pd.MultiIndex.from_frame(gaps[["township_code", "product"]]))
    for number in range(len(table)):
        middle = y - (number + 0.5) * pitch
        last = number == len(table) - 1
        if number % 2 == 0 and not last:
            sheet.add_patch(
                Rectangle((left, middle - pitch / 2), right - left, pitch, facecolor="#F2F4F5", linewidth=0, zorder=1)
            )
        name = furniture.word("county_row") if last else rows["", "township"][number]
        write(sheet, left, middle, "" if last else f"{number + 1}", 6.5)
        write(sheet, left + 8, middle, name, 6.8)
        for at, product in enumerate(products):
            start = left + names + at * group
            for edge, column in zip(edges, columns, strict=True):
                write(sheet, start + edge, middle, rows[product, column][number], 6.5, ha="right")
            shade = pd.NA if last else shades.get((codes[number], product), pd.NA)
            if pd.notna(shade):
                _chip(sheet, start + edges[-1] - 11.5, middle, COVERAGE_COLOURS[shade])
            if last:
                known = furniture.word("known", of=rows[product, "known"][number])
                write(sheet, start + edges[-1], middle - pitch, known, 6.5, ha="right")
    write(sheet, left + 8, y - (len(table) + 0.5) * pitch, furniture.word("known_head"), 6.5)
    end = y - (len(table) + 1) * pitch
    for line, width in ((top, 0.9), (y, 0.6), (y - (len(table) - 1) * pitch, 0.6), (end, 0.9)):
        sheet.add_line(Line2D([left, right], [line, line], color=INK, linewidth=width))
    return end
