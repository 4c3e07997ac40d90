"""Cards: what stands beside the one map, ready to be drawn: a record with the cell of every value, totals, bars, a year, rows.

Rows for charts and tables are plain texts and numbers; HTML is escaped here. Growers' phones are masked unless somebody asks on record.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import numpy.typing as npt
import pandas as pd

from originmap import past as past_of
from originmap import seasons
from originmap.board import Board, Chosen
from originmap.decisions import DecisionsError, Verdict
from originmap.findings import RULES, mask_phone
from originmap.panels import html_table
from originmap.past import Past
from originmap.phrases import joined, phrase
from originmap.rounds import Round
from originmap.rules import Rules
from originmap.seasons import PERIODS, windows_text
from originmap.vocab import Lang, code, codes, label, shown

_TABLE: Final = (
    "township village subject_name subject_type product size market_windows production_mode coord_status"
).split()
# The card of a record, and the field of the sheet that each value stands in.
_CARD: Final = {
    "subject_name": "subject_name",
    "subject_type": "subject_type",
    "township": "township",
    "village": "village",
    "product": "product",
    "size": "size",
    "plot_key": "plot_key",
    "cropping": "cropping",
    "market_windows": "market_window",
    "production_mode": "production_mode",
    "trace_methods": "trace_methods",
    "credit_grade": "credit_grade",
    "point": "point",
    "coord_status": "point",
    "contact_name": "contact_name",
    "contact_phone": "contact_phone",
    "collected_on": "collected_on",
}


def columns(lang: Lang = "zh") -> list[dict[str, Any]]:
    """Return the heads of the table of `rows`."""
    return [{"label": label(name, lang), "number": name == "size"} for name in _TABLE]


def hint(lang: Lang = "zh") -> str:
    """Return what stands in the card's place while no record is chosen."""
    return f"<span style='color:#666'>{escape(phrase('hint', lang))}</span>"


def card(round_: Round, position: int, *, phones: bool = False, past: Past | None = None, lang: Lang = "zh") -> str:
    """Return the record at a position of ``round_.records`` as HTML: every value with its cell, findings, rapid tests, and earlier rounds with `past`."""
    record = round_.records.iloc[position]
    values = _values(record, round_.rules, round_.places.labels(lang), lang)
    if not phones and pd.notna(record["contact_phone"]):
        values["contact_phone"] = mask_phone(values["contact_phone"])
    prefix = f"{record['source_file']}〔{record['source_sheet']}〕"
    lines = [
        (label(name, lang), values[name], _cell(round_.cell(record, field).removeprefix(prefix), record, lang))
        for name, field in _CARD.items()
    ]
    found = round_.findings[round_.findings["record_id"] == record["record_id"]]
    said = "".join(f"<li>{escape(_finding(row, lang))}</li>" for row in found.to_dict("records"))
    body = "".join(
        f"<tr><td style='color:#666;white-space:nowrap;padding-right:8px;vertical-align:top'>{escape(name)}</td>"
        f"<td style='overflow-wrap:anywhere'>{escape(text)}</td><td style='color:#666;padding-left:8px;white-space:nowrap'>{escape(cell)}</td></tr>"
        for name, text, cell in lines
    )
    placed = record["geometry"] is not None and not record["geometry"].is_empty
    lost = "" if placed else f"<b>{escape(phrase('lost', lang))}</b>"
    return (
        f"<div style='line-height:1.45;overflow-wrap:anywhere'><table>{body}</table>"
        f"<div style='color:#666'>{escape(phrase('source', lang, source=prefix))}</div>{lost}"
        f"<ul style='margin:4px 0;padding-left:18px'>{said}</ul>{_tests(round_, position, lang)}{_past(past, position, lang)}</div>"
    )


def _cell(text: str, record: Mapping[Any, Any] | pd.Series, lang: Lang) -> str:
    """Return a cell, or that a value stands somewhere in its row."""
    row = record["source_row"]
    return text.replace(phrase("row", row=row), phrase("row", lang, row=row)) if lang != "zh" else text


def _finding(row: Mapping[Any, Any], lang: Lang) -> str:
    # What a rule quotes is data; a detail that was written in Chinese is left out of an English message.
    quoted = {"value": row.get("value"), "proposal": row.get("proposal"), "detail": "…"}
    message = row["message"] if lang == "zh" else RULES[row["rule"]].en.format(**quoted)
    where = str(row["cell"]) or phrase("whole_row", lang)
    return phrase("finding", lang, severity=code("severity", row["severity"], lang), message=message, cell=where)


def _tests(round_: Round, position: int, lang: Lang) -> str:
    """Return the subject's rapid tests as HTML, nothing where it has none."""
    found = past_of.tests(round_, position)
    lines = []
    for row in found.to_dict("records"):
        result = code("test_result", row["result"], lang) if pd.notna(row["result"]) else "—"
        value = "" if pd.isna(row["value"]) else f"{row['value']:g} {'' if pd.isna(row['unit']) else row['unit']}"
        item = "—" if pd.isna(row["item"]) else str(row["item"])
        about = [str(row["sampled_on"]), item, result, *([value.strip()] if value else [])]
        lines.append(
            (joined(about, lang, by="clause"), f"{row['source_file']}〔{row['source_sheet']}〕{row['source_cell']}")
        )
    return _lines(phrase("tests", lang), lines) if lines else ""


def _past(past: Past | None, position: int, lang: Lang) -> str:
    """Return the subject's rows in earlier rounds as HTML: size, window and point, each with its cell."""
    if past is None:
        return ""
    lines = []
    for row in past.of(position).to_dict("records"):
        prefix = row["size_cell"].partition("〕")[0] + "〕"
        values = ("size_cell", _size(row, lang)), ("window_cell", _window(row, lang)), ("point_cell", _point(row))
        texts = [phrase("at", lang, value=text, cell=row[cell].removeprefix(prefix)) for cell, text in values]
        head = phrase("told", lang, what=f"{row['round']} {row['subject_name']}", said=joined(texts, lang, by="clause"))
        lines.append((head, prefix))
    return _lines(phrase("past", lang), lines or [(phrase("no_past", lang), "")])


def _lines(head: str, lines: Sequence[tuple[str, str]]) -> str:
    items = "".join(f"<li>{escape(text)} <span style='color:#666'>{escape(cell)}</span></li>" for text, cell in lines)
    return f"<b>{escape(head)}</b><ul style='margin:2px 0 4px;padding-left:18px'>{items}</ul>"


def reveal(round_: Round, position: int, lang: Lang = "zh") -> tuple[Verdict, str]:
    """Return what is recorded when somebody looks at a record's phone, and whose it is.

    Raises
    ------
    DecisionsError
        No record is chosen, or it has no phone.
    """
    if position < 0 or pd.isna(round_.records["contact_phone"].iloc[position]):
        raise DecisionsError(phrase("need_phone", lang))
    record = round_.records.iloc[position]
    name = "—" if pd.isna(record["subject_name"]) else str(record["subject_name"])
    target = {"record_id": str(record["record_id"]), "round": round_.name}
    return Verdict(
        "phone_shown", target, {"shown": True}, "查看联系电话", round=round_.name, hint={"label": name}
    ), name


def counts(chosen: Chosen, lang: Lang = "zh") -> str:
    """Return the totals per product as HTML, and what the map cannot show."""
    table = chosen.summary[chosen.summary["records"] > 0]
    columns = ["product", "subjects", "buyers", "area_mu", "head_count"]
    places = [f"{located}/{count}" for located, count in zip(table["located"], table["records"], strict=True)]
    whole = table.assign(head_count=table["head_count"].map("{:.0f}".format, na_action="ignore"))
    products = {name: each.label(lang) for name, each in chosen.board.rules.products.items()}
    written = shown(whole[columns], products=products, lang=lang)
    written.insert(1, label("located", lang), pd.Series(places, index=written.index, dtype="str"))
    missing, own = chosen.not_located, chosen.board.places
    towns = dict(zip(own.names.values(), own.labels(lang).values(), strict=True))
    where = [
        f"{phrase('town_unknown', lang) if pd.isna(town) else towns.get(town, town)} {count}"
        for town, count in missing.items()
    ]
    total = phrase("located_of", lang, n=int((chosen.keep & chosen.board.located).sum()), m=len(chosen))
    rest = phrase("not_located", lang, n=int(missing.sum()), where=joined(where, lang)) if where else ""
    return f"{html_table(written)}<div>{escape(total + rest)}</div>"


def bars(chosen: Chosen, lang: Lang = "zh") -> list[dict[str, Any]]:
    """Return one bar a township that has anything, in the order of the codes: subjects by product, beside it area and subjects."""
    products, names = chosen.board.rules.products, chosen.board.places.labels(lang)
    towns: dict[str, list[dict[str, Any]]] = {}
    for row in chosen.townships.to_dict("records"):
        towns.setdefault(str(row["township_code"]), []).append(row)
    out = []
    for town, rows_ in towns.items():
        parts = [
            {
                "value": int(row["subjects"] + row["buyers"]),
                "colour": products[row["product"]].colour,
                "text": phrase(
                    "told", lang, what=products[row["product"]].label(lang),
                    said=phrase("n_subjects", lang, n=int(row["subjects"])),
                ),
            }
            for row in rows_
        ]  # fmt: skip
        areas = [row["area_mu"] for row in rows_ if not math.isnan(row["area_mu"])]
        text = phrase("bar", lang, n=sum(row["subjects"] for row in rows_))
        text += phrase("bar_area", lang, area=math.fsum(areas)) if areas else ""
        out.append({"key": town, "label": names.get(town, town), "parts": parts, "text": text})
    return out


def calendar(chosen: Chosen, lang: Lang = "zh") -> list[dict[str, Any]]:
    """Return one line a product that is on the market at some time: records in each of the 36 periods, buyers apart."""
    products = chosen.board.rules.products
    periods = [seasons.period_text(at, lang) for at in range(PERIODS)]
    return [
        {"label": products[name].label(lang), "colour": products[name].colour, "values": row, "periods": periods}
        for name, row in zip(chosen.calendar.index, chosen.calendar.to_numpy().tolist(), strict=True)
        if any(row)
    ]


def months(window: tuple[int, int] | None) -> list[str]:
    """Return the key of the calendar's month that a window is, if it is one."""
    return [str(window[0] // 3)] if window and window[0] % 3 == 0 and window[1] == window[0] + 2 else []


def rows(board: Board, positions: npt.NDArray[Any], lang: Lang = "zh") -> list[dict[str, Any]]:
    """Return the records at `positions` as rows of a table; no phones, no contacts. The key is the position."""
    towns = board.places.labels(lang)
    found = board.records.iloc[positions].to_dict("records")
    values = [_values(record, board.rules, towns, lang) for record in found]
    return [
        {"key": str(at), "texts": [own[name] for name in _TABLE]}
        for at, own in zip(positions.tolist(), values, strict=True)
    ]


def _values(
    record: Mapping[Any, Any] | pd.Series, rules: Rules, towns: Mapping[str, str], lang: Lang
) -> dict[str, str]:
    """Return a record's values as people read them; — where there is none."""
    own = {name: "—" if pd.isna(record[name]) else str(record[name]) for name in _CARD if name in record}
    if pd.notna(record["township_code"]):
        own["township"] = towns.get(str(record["township_code"]), own["township"])
    for name in ("subject_type", "production_mode", "coord_status"):
        own[name] = codes(name, lang).get(own[name], own[name])
    known = codes("trace_methods", lang)
    own["trace_methods"] = joined([known.get(part, part) for part in own["trace_methods"].split(";")], lang)
    product = rules.products.get(own["product"])
    own["product"] = product.label(lang) if product else own["product"]
    own["size"], own["market_windows"], own["point"] = _size(record, lang), _window(record, lang), _point(record)
    return own


def _size(record: Mapping[Any, Any] | pd.Series, lang: Lang) -> str:
    if pd.isna(record["size_value"]):
        return "—"
    size = f"{record['size_value']:,.2f}".rstrip("0").rstrip(".")
    unit = code("size_unit", record["size_unit"], lang) if pd.notna(record["size_unit"]) else ""
    return phrase("measured", lang, size=size, unit=unit).strip()


def _window(record: Mapping[Any, Any] | pd.Series, lang: Lang) -> str:
    windows = record["market_windows"]
    return "—" if pd.isna(windows) else windows_text(str(windows), lang)


def _point(record: Mapping[Any, Any] | pd.Series) -> str:
    located = pd.notna(record["lon"]) and pd.notna(record["lat"])
    return f"{record['lon']:.6f}, {record['lat']:.6f}" if located else "—"
