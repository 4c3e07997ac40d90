"""Legends: what the one map's layers mean, in words, and the tables of what they show and what they cannot; HTML, escaped here."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import geopandas as gpd
import pandas as pd

from originmap import ground
from originmap.board import Chosen
from originmap.ground import EDGE, HATCH
from originmap.panels import html_table
from originmap.phrases import joined, phrase
from originmap.rapidtests import STYLES
from originmap.rounds import Round
from originmap.rules import Rules
from originmap.shading import MEASURES, Shading
from originmap.vocab import CODES, Lang, code, label

MOST_ROWS: Final = 200  # of a table below the map
_ROW: Final = "display:flex;flex-wrap:wrap;gap:0 14px;margin-top:4px;align-items:center"
_NOTE: Final = "color:#666"


def classes(made: Shading | None, round_: Round, lang: Lang = "zh") -> str:
    """Return the legend of shaded cells: every class with its number of townships, each unknown by its reason; why nothing is drawn."""
    if made is None:
        return ""
    if not made.fits:
        return _refused(made, lang)
    counts = made.table["class_index"].value_counts()
    names = made.labels(round_.rules, lang)
    lines = [
        _line(f"<span style='width:18px;height:12px;border:1px solid {EDGE};background:{escape(colour)}'></span>",
              phrase("n_towns", lang, what=name, n=int(counts.get(at, 0))))
        for at, (name, colour) in enumerate(zip(names, made.colours, strict=True))
    ]  # fmt: skip
    hatch = f"repeating-linear-gradient(-45deg,#E3E3E3 0 3px,{HATCH} 3px 4px)"
    chip = f"<span style='width:18px;height:12px;border:1px dashed {EDGE};background:{hatch}'></span>"
    lines += [_line(chip, phrase("n_towns", lang, what=what, n=n)) for what, n in unknown(made, lang).items()]
    schematic = f" <i>{escape(phrase('cells_are', lang))}</i>" if round_.places.quality == "schematic" else ""
    notes = [*_notes(made, round_, lang)]
    if MEASURES[made.measure].total:
        notes.append(phrase("total_shaded", lang))
    bare = ground.without_cell(made, round_.places)
    if len(bare):
        texts = dict(zip(made.table["township_code"], made.texts(), strict=True))
        named = round_.places.labels(lang)
        where = joined([f"{named[town]} {texts[town]}" for town in bare["township_code"]], lang)
        notes.append(phrase("no_cell", lang, where=where))
    return (
        f"<div style='{_ROW}'><b>{escape(title(made, round_, lang))}</b>{schematic}{''.join(lines)}</div>{_said(notes)}"
    )


def circles(made: Shading | None, round_: Round, lang: Lang = "zh") -> str:
    """Return the legend of the symbols: three circles in one another with what they stand for, and what has none."""
    if made is None:
        return ""
    if not made.fits:
        return _refused(made, lang)
    values = made.edges[1:]
    radii = ground.radii(made, values)
    largest = radii[-1]
    drawn, text = [], 0.0
    for value, radius in sorted(zip(values, radii, strict=True), reverse=True):
        top = 2 * (largest - radius) + 8
        text = max(text + 12, top + 4)  # small circles' figures do not touch
        drawn.append(
            f"<circle cx='{largest + 2:g}' cy='{top + radius:g}' r='{radius:g}' fill='#3D4654' fill-opacity='.18' stroke='#1B2330'/>"
            f"<path d='M{largest + 2:g} {top:g}L{2 * largest + 12:g} {text - 4:g}' stroke='#1B2330' stroke-width='.7'/>"
            f"<text x='{2 * largest + 15:g}' y='{text:g}' font-size='11' font-family='sans-serif'>{value:,g}</text>"
        )
    size = f"width='{2 * largest + 75:g}' height='{max(2 * largest + 12, text + 4):g}'"
    picture = f"<svg {size} role='img' aria-label='{escape(phrase('by_area', lang))}'>{''.join(drawn)}</svg>"
    lines = []
    if zeros := int((made.table["value"] == 0).sum()):
        lines.append(phrase("zero_marks", lang, n=zeros))
    lines += [
        phrase("ring_unknown", lang, what=what, n=n)
        for what, n in unknown(made, lang).items()
        if what != code("no_figure", "not_chosen", lang)
    ]
    below = _said([phrase("by_area", lang), *lines, *_notes(made, round_, lang)])
    return f"<div style='{_ROW}'><b>{escape(title(made, round_, lang))}</b>{picture}</div>{below}"


def samples(found: pd.DataFrame, lang: Lang = "zh") -> str:
    """Return the legend of rapid tests: the marks, with samples by result, and how many of them stand where."""
    results = found["result"].fillna("unknown").value_counts()
    shapes = {"pass": "M5 4H17V16H5Z", "fail": "M2 17H20L11 2Z", "unknown": "M11 2L20 10L11 18L2 10Z"}
    lines = [
        _line(_shape(shapes[name], STYLES[name]), phrase("n_samples", lang, what=phrase(f"test_{name}", lang), n=int(results.get(name, 0))))
        for name in shapes
        if name != "unknown" or results.get(name)
    ]  # fmt: skip
    at = found["where"].value_counts()
    where = {"n": int(at.get("subject", 0)), "k": int(at.get("township", 0)), "j": int(at.get("nowhere", 0))}
    placed = phrase("tests_placed", lang, m=len(found), **where)
    notes = [placed, phrase("unfiltered", lang)]
    if at.get("township"):
        notes.insert(1, phrase("test_seat", lang))
    return f"<div style='{_ROW}'><b>{escape(phrase('show_tests', lang))}</b>{''.join(lines)}</div>{_said(notes)}"


def plots(found: gpd.GeoDataFrame, lang: Lang = "zh") -> str:
    """Return what the layer of plots shows: how many, and their area in 亩 as drawn."""
    area = f"{found['plot_mu'].sum():,.2f}".rstrip("0").rstrip(".")
    line = "<span style='width:16px;height:10px;border:2.5px solid #5B2A86'></span>"
    return f"<div style='{_ROW}'>{_line(line, phrase('n_plots', lang, n=len(found), area=area))}</div>"


def figure_table(made: Sequence[Shading | None], round_: Round, lang: Lang = "zh") -> pd.DataFrame:
    """Return the table twin of shading and symbols: one row a township, each figure as written with its class or why it is unknown."""
    shown = list({each.measure: each for each in made if each is not None and each.fits}.values())
    table = {label("township", lang): list(round_.places.labels(lang).values())} if shown else {}
    for each in shown:
        names = each.labels(round_.rules, lang)
        table[title(each, round_, lang)] = each.texts()
        table[f"{code('measure', each.measure, lang)} {phrase('class', lang)}"] = [
            code("no_figure", reason, lang) if pd.isna(at) else names[at]
            for at, reason in zip(each.table["class_index"], each.table["reason"], strict=True)
        ]
    return pd.DataFrame(table, dtype="str")


def figures(made: Sequence[Shading | None], round_: Round, lang: Lang = "zh") -> str:
    """Return `figure_table` as HTML; what to do where there is none."""
    table = figure_table(made, round_, lang)
    return html_table(table) if len(table) else f"<div style='{_NOTE}'>{escape(phrase('no_figures', lang))}</div>"


def off_map(round_: Round, chosen: Chosen, lang: Lang = "zh") -> tuple[str, int]:
    """Return the chosen records without a point as a table (subject, township, product, why, cell), cut at `MOST_ROWS`, and their number."""
    board = chosen.board
    lost = chosen.rows[~board.located[chosen.rows]]
    if not len(lost):
        return f"<div style='{_NOTE}'>{escape(phrase('all_on_map', lang))}</div>", 0
    named, rules = round_.places.labels(lang), round_.rules
    rows = []
    for row in board.records.iloc[lost[:MOST_ROWS]].to_dict("records"):
        product = rules.products.get(row["product"])
        rows.append(
            {
                label("subject_name", lang): _text(row["subject_name"]),
                label("township", lang): named.get(row["township_code"], phrase("town_unknown", lang)),
                label("product", lang): product.label(lang) if product else _text(row["product"]),
                phrase("reason", lang): CODES["coord_status"].get(row["coord_status"], ("—", "—"))[lang != "zh"],
                label("cell", lang): round_.cell(row, "point"),
            }
        )
    cut = phrase("off_map_cut", lang, n=MOST_ROWS) if len(lost) > MOST_ROWS else ""
    return html_table(pd.DataFrame(rows, dtype="str")) + _said([cut] if cut else []), len(lost)


def rest_of_tests(found: pd.DataFrame, round_: Round, lang: Lang = "zh") -> tuple[str, int]:
    """Return `rest_table` as HTML, cut at `MOST_ROWS`, and the number of its samples."""
    rest = rest_table(found, round_, lang)
    if rest.empty:
        return f"<div style='{_NOTE}'>{escape(phrase('no_rest', lang))}</div>", 0
    cut = phrase("off_map_cut", lang, n=MOST_ROWS) if len(rest) > MOST_ROWS else ""
    return html_table(rest.iloc[:MOST_ROWS]) + _said([cut] if cut else []), len(rest)


def rest_table(found: pd.DataFrame, round_: Round, lang: Lang = "zh") -> pd.DataFrame:
    """Return the samples that do not stand at their subject's point, as texts with the reason."""
    rest = found[found["where"] != "subject"]
    reasons = [code("off_map", why, lang) for why in rest["why"]]
    return sample_table(rest, round_, lang).assign(**{phrase("reason", lang): pd.Series(reasons, dtype="str")})


def sample_table(found: pd.DataFrame, round_: Round, lang: Lang = "zh") -> pd.DataFrame:
    """Return samples as texts under headings for people."""
    products = {name: product.label(lang) for name, product in round_.rules.products.items()}
    results = {name: code("test_result", name, lang) for name in ("pass", "fail")}
    columns = {
        label("subject_name", lang): found["subject_name"].map(_text),
        label("township", lang): found["township_code"].map(round_.places.labels(lang)).fillna("—"),
        label("product", lang): found["product"].map(products).fillna("—"),
        label("sample_id", lang): found["sample_id"].map(_text),
        label("sampled_on", lang): found["sampled_on"].map(_text),
        label("test_item", lang): found["item"].map(_text),
        phrase("result", lang): found["result"].map(results).fillna("—"),
        label("cell", lang): found["cell"].map(_text),
    }
    return pd.DataFrame(columns).astype("str").reset_index(drop=True)


def under_names(coloured: Shading | None, totals: Shading | None) -> dict[str, str]:
    """Return ``{township_code: figure}`` to stand under the townships' names: of the shading, else of the symbols."""
    made = next((each for each in (coloured, totals) if each is not None and each.fits), None)
    if made is None:
        return {}
    sign = "%" if made.unit == "pct" else ""
    texts = [text if text == "—" else f"{text}{sign}" for text in made.texts()]
    return {
        town: text
        for town, text, reason in zip(made.table["township_code"], texts, made.table["reason"], strict=True)
        if reason != "not_chosen"
    }


def digest(head: str, made: Shading, rules: Rules, lang: Lang = "zh") -> dict[str, str]:
    """Return a shading in lines that begin with `head`: its measure, and the townships of each class and of each reason."""
    name = code("measure", made.measure, lang)
    if not made.fits:
        return {head: name, f"{head} —": phrase(made.unfit, lang)}
    counts = made.table["class_index"].value_counts()
    parts = {text: int(counts.get(at, 0)) for at, text in enumerate(made.labels(rules, lang))} | dict(
        unknown(made, lang)
    )
    return {head: name, **{f"{head} {text}": str(n) for text, n in parts.items() if n}}


def unknown(made: Shading, lang: Lang) -> Mapping[str, int]:
    """Return ``{reason: townships}`` in the order of the vocabulary."""
    counts = made.table["reason"].value_counts()
    return {code("no_figure", name, lang): int(counts[name]) for name in CODES["no_figure"] if counts.get(name)}


def title(made: Shading, round_: Round, lang: Lang) -> str:
    """Return what a shading is of, in words: measure, unit, products."""
    name, unit = code("measure", made.measure, lang), made.unit_text(lang)
    title = phrase("about", lang, measure=name, unit=unit) if unit and unit != "%" else name
    every = {"heads": (), "area_mu": tuple(round_.rules.crops)}.get(made.measure, tuple(round_.rules.products))
    products = [round_.rules.products[one].label(lang) for one in made.products]
    return title if made.products == every else f"{title} {joined(products, lang)}"


def _notes(made: Shading, round_: Round, lang: Lang) -> list[str]:
    notes = []
    partial = made.table.loc[made.table["partial"], "township_code"]
    if len(partial):
        named = round_.places.labels(lang)
        notes.append(phrase("partial", lang, n=len(partial), where=joined([named[town] for town in partial], lang)))
    if not MEASURES[made.measure].filtered:
        notes.append(phrase("unfiltered", lang))
    return notes


def _refused(made: Shading, lang: Lang) -> str:
    text = phrase("told", lang, what=code("measure", made.measure, lang), said=phrase(made.unfit, lang))
    return f"<div style='color:#8A4B00'>{escape(text)}</div>"


def _said(notes: Sequence[str]) -> str:
    return "".join(f"<div style='{_NOTE}'>{escape(note)}</div>" for note in notes)


def _line(symbol: str, text: str) -> str:
    return f"<span style='display:inline-flex;gap:5px;align-items:center;line-height:1.5'>{symbol}{escape(text)}</span>"


def _shape(path: str, style: Mapping[str, object]) -> str:
    dash = f" stroke-dasharray='{style['dashArray']}'" if "dashArray" in style else ""
    return f"<svg width='22' height='20'><path d='{path}' fill='none' stroke='{style['color']}' stroke-width='{style['weight']}'{dash}/></svg>"


def _text(value: object) -> str:
    return "—" if pd.isna(value) else str(value)
