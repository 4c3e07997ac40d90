"""Cards: what stands beside the one map, ready to be drawn: a record with the cell of every value, totals, bars, a year, rows.

Rows for charts and tables are plain texts and numbers; HTML is escaped here. Growers' phones are masked unless somebody asks on record.
"""

import math
from collections.abc import Mapping
from html import escape
from typing import Any, Final

import numpy.typing as npt
import pandas as pd

from originmap import seasons
from originmap.board import Board, Chosen
from originmap.decisions import DecisionsError, Verdict
from originmap.findings import mask_phone
from originmap.panels import html_table
from originmap.rounds import Round
from originmap.rules import Rules
from originmap.seasons import PERIODS, windows_text
from originmap.vocab import CODES, code, label, shown

HINT: Final = (
    "<span style='color:#666'>点图上的圆或表中的一行，看一条记录和它的每个单元格；点一个乡镇，只看这个乡镇。</span>"
)
_TABLE: Final = (
    "township village subject_name subject_type product size market_windows production_mode coord_status"
).split()
COLUMNS: Final = [{"label": label(name), "number": name == "size"} for name in _TABLE]
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


def card(round_: Round, position: int, *, phones: bool = False) -> str:
    """Return the record at a position of ``round_.records`` as HTML: every value with its cell, and the findings against it."""
    record = round_.records.iloc[position]
    values = _values(record, round_.rules)
    if not phones and pd.notna(record["contact_phone"]):
        values["contact_phone"] = mask_phone(values["contact_phone"])
    prefix = f"{record['source_file']}〔{record['source_sheet']}〕"
    lines = [
        (label(name), values[name], round_.cell(record, field).removeprefix(prefix)) for name, field in _CARD.items()
    ]
    found = round_.findings[round_.findings["record_id"] == record["record_id"]]
    said = "".join(
        f"<li>{escape(code('severity', row['severity']))}：{escape(str(row['message']))}（{escape(str(row['cell']) or '整行')}）</li>"
        for row in found.to_dict("records")
    )
    body = "".join(
        f"<tr><td style='color:#666;white-space:nowrap;padding-right:8px;vertical-align:top'>{escape(name)}</td>"
        f"<td style='overflow-wrap:anywhere'>{escape(text)}</td><td style='color:#666;padding-left:8px'>{escape(cell)}</td></tr>"
        for name, text, cell in lines
    )
    placed = record["geometry"] is not None and not record["geometry"].is_empty
    lost = "" if placed else "<b>没有定位，图上没有它。</b>"
    return (
        f"<div style='line-height:1.45'><table>{body}</table><div style='color:#666'>出处：{escape(prefix)}</div>{lost}"
        f"<ul style='margin:4px 0;padding-left:18px'>{said}</ul></div>"
    )


def reveal(round_: Round, position: int) -> tuple[Verdict, str]:
    """Return what is recorded when somebody looks at a record's phone, and whose it is.

    Raises
    ------
    DecisionsError
        No record is chosen, or it has no phone.
    """
    if position < 0 or pd.isna(round_.records["contact_phone"].iloc[position]):
        msg = "请先选一条有电话的记录。"
        raise DecisionsError(msg)
    record = round_.records.iloc[position]
    name = "—" if pd.isna(record["subject_name"]) else str(record["subject_name"])
    target = {"record_id": str(record["record_id"]), "round": round_.name}
    return Verdict(
        "phone_shown", target, {"shown": True}, "查看联系电话", round=round_.name, hint={"label": name}
    ), name


def counts(chosen: Chosen) -> str:
    """Return the totals per product as HTML, and what the map cannot show."""
    table = chosen.summary[chosen.summary["records"] > 0]
    columns = ["product", "subjects", "buyers", "area_mu", "head_count"]
    places = [f"{located}/{count}" for located, count in zip(table["located"], table["records"], strict=True)]
    whole = table.assign(head_count=table["head_count"].map("{:.0f}".format, na_action="ignore"))
    written = shown(whole[columns], products={name: each.name for name, each in chosen.board.rules.products.items()})
    written.insert(1, "已定位", pd.Series(places, index=written.index, dtype="str"))
    missing = chosen.not_located
    where = "、".join(f"{'乡镇不明' if pd.isna(town) else town} {count}" for town, count in missing.items())
    total = f"已定位 {int(table['located'].sum())} / {int(table['records'].sum())} 条"
    rest = f"；未定位 {int(missing.sum())} 条：{where}" if len(missing) else ""
    return f"{html_table(written)}<div>{escape(total + rest)}</div>"


def bars(chosen: Chosen) -> list[dict[str, Any]]:
    """Return one bar a township that has anything, in the order of the codes: subjects by product, beside it area and subjects."""
    products, names = chosen.board.rules.products, chosen.board.places.names
    towns: dict[str, list[dict[str, Any]]] = {}
    for row in chosen.townships.to_dict("records"):
        towns.setdefault(str(row["township_code"]), []).append(row)
    out = []
    for town, rows_ in towns.items():
        parts = [
            {
                "value": int(row["subjects"] + row["buyers"]),
                "colour": products[row["product"]].colour,
                "text": f"{products[row['product']].name}：{row['subjects']:.0f} 个主体",
            }
            for row in rows_
        ]
        areas = [row["area_mu"] for row in rows_ if not math.isnan(row["area_mu"])]
        text = f"{sum(row['subjects'] for row in rows_):.0f} 个" + (f"，{math.fsum(areas):,.1f} 亩" if areas else "")
        out.append({"key": town, "label": names.get(town, town), "parts": parts, "text": text})
    return out


def calendar(chosen: Chosen) -> list[dict[str, Any]]:
    """Return one line a product that is on the market at some time: records in each of the 36 periods, buyers apart."""
    products = chosen.board.rules.products
    periods = [seasons.period_text(at) for at in range(PERIODS)]
    return [
        {"label": products[name].name, "colour": products[name].colour, "values": row, "periods": periods}
        for name, row in zip(chosen.calendar.index, chosen.calendar.to_numpy().tolist(), strict=True)
        if any(row)
    ]


def months(window: tuple[int, int] | None) -> list[str]:
    """Return the key of the calendar's month that a window is, if it is one."""
    return [str(window[0] // 3)] if window and window[0] % 3 == 0 and window[1] == window[0] + 2 else []


def rows(board: Board, positions: npt.NDArray[Any]) -> list[dict[str, Any]]:
    """Return the records at `positions` as rows of a table; no phones, no contacts. The key is the position."""
    return [
        {"key": str(at), "texts": [_values(record, board.rules)[name] for name in _TABLE]}
        for at, record in zip(positions.tolist(), board.records.iloc[positions].to_dict("records"), strict=True)
    ]


def _values(record: Mapping[Any, Any], rules: Rules) -> dict[str, str]:
    """Return a record's values as people read them; — where there is none."""
    own = {name: "—" if pd.isna(record[name]) else str(record[name]) for name in _CARD if name in record}
    for name in ("subject_type", "production_mode", "coord_status"):
        own[name] = CODES[name].get(own[name], (own[name],))[0]
    known = CODES["trace_methods"]
    own["trace_methods"] = "、".join(known.get(part, (part,))[0] for part in own["trace_methods"].split(";"))
    product = rules.products.get(own["product"])
    own["product"] = product.name if product else own["product"]
    own["size"] = "—"
    if pd.notna(record["size_value"]):
        own["size"] = f"{record['size_value']:,.2f}".rstrip("0").rstrip(".")
        own["size"] += code("size_unit", record["size_unit"]) if pd.notna(record["size_unit"]) else ""
    if pd.notna(record["market_windows"]):
        own["market_windows"] = windows_text(str(record["market_windows"]))
    located = pd.notna(record["lon"]) and pd.notna(record["lat"])
    own["point"] = f"{record['lon']:.6f}, {record['lat']:.6f}" if located else "—"
    return own
