"""Testimony: what speaks for each reading of a point, and what people have decided, as HTML and GeoJSON beside the map.

Every text from a sheet or from a person is escaped.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

import pandas as pd
import shapely

from originmap.vocab import code, codes

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#882255")
_SAID: Final = "#333333"  # where somebody has decided
_ROWS: Final = "om-rows"


def dots(readings: pd.DataFrame, said: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Return the readings as coloured dots in their order, and where people have decided (`lon, lat`) as hollow ones."""
    spots = [
        (one["lon"], one["lat"], one["reading"], {"color": colour, "fillColor": colour, "fillOpacity": 0.5})
        for one, colour in zip(readings.to_dict("records"), _cycle(len(readings)), strict=True)
    ]
    hollow = {"color": _SAID, "fillOpacity": 0.0, "weight": 3}
    spots += [(one["lon"], one["lat"], "said", hollow) for one in said]
    return collection(
        feature(shapely.geometry.mapping(shapely.Point(lon, lat)), style=style, reading=name)
        for lon, lat, name, style in spots
    )


def table(readings: pd.DataFrame, row: pd.Series) -> str:
    """Return the table of readings: where each would be, how far from what is known, how likely."""
    reason = "" if pd.isna(row["reason"]) else f"<p>不能代拟：{escape(code('undecidable', str(row['reason'])))}</p>"
    if readings.empty:
        return reason + "<p>没有可用的读法，请填写坐标或在图上拖动。</p>"
    head = "".join(f"<th>{name}</th>" for name in ("", "读法", "距乡镇", "距其他<br>地块", "距上批", "精度", "可能"))
    lines = []
    for number, (one, colour) in enumerate(zip(readings.to_dict("records"), _cycle(len(readings)), strict=True)):
        parts = [
            f"<span style='color:{colour}'>●</span> {number + 1}",
            escape(code("reading", str(one["reading"]))),
            _metres(one["township_m"], inside="在内"),
            _metres(one["others_m"]),
            _metres(one["earlier_m"]),
            f"±{max(one['precision_m'], 1):,.0f} 米",
            f"{one['share']:.0%}",
        ]
        lines.append("<tr>" + "".join(f"<td>{part}</td>" for part in parts) + "</tr>")
    return f"{reason}<table class='{_ROWS}'><tr>{head}</tr>{''.join(lines)}</table>"


def datum(row: pd.Series, settled: Mapping[str, str], told: pd.DataFrame) -> str:
    """Return what is known of the datum of a record's file: settled (``Round.datums``), suspected or not to be told (``Proposals.datums``)."""
    file = str(row["source_file"])
    if file in settled:
        return f"本文件坐标系已认定：{escape(code('datum', settled[file]))}"
    mine = told[told["file"] == file]
    if mine.empty or pd.isna(mine["datum"].iat[0]):
        return "本文件坐标系判断不了，按 WGS84 看"
    name, sure = str(mine["datum"].iat[0]), float(mine["confidence"].iat[0])
    return f"本文件坐标系疑为 {escape(code('datum', name))}（{min(sure, 0.999):.1%}），待认定"


def on_record(entries: pd.DataFrame) -> str:
    """Return what stands decided about one record, contradictions said first; empty where nothing does. `entries` as ``decisions.plain``."""
    if entries.empty:
        return ""
    clash = entries["state"].eq("conflict").any()
    head = (
        "<b style='color:#A03000'>两人的决定不同，都留着，都未采用</b>：再定一次即取代它们"
        if clash
        else "已有决定；再定一次即取代"
    )
    return f"<p style='margin:6px 0 2px'>{head}</p>{_ledger(entries.to_dict('records'), {})}"


def ledger(told: pd.DataFrame, products: Mapping[str, str]) -> str:
    """Return what became of the decisions of a round: how many hold, and those that do not, each with its reason.

    `told` as ``decisions.plain``, `products` ``{code: name}``.
    """
    names = codes("effect")
    counts = told["effect"].value_counts()
    said = "，".join(f"{names[name]} {counts[name]} 条" for name in names if name and name in counts)
    if not said:
        return ""
    waiting = told[told["effect"].isin(["orphaned", "conflict", "stale"])]
    listed = _ledger(waiting.to_dict("records"), products) if len(waiting) else ""
    return f"<details{' open' if listed else ''}><summary>本批次的决定：{said}</summary>{listed}</details>"


def said_text(entry: Mapping[str, Any]) -> str:
    """Return in a few words what a decision says."""
    after = entry["after"]
    if "lon" in after:
        return f"{after['lon']:.6f},{after['lat']:.6f}"
    if "area_mu" in after:
        return f"地块 {after['area_mu']:g} 亩"
    if "datum" in after:
        return code("datum", str(after["datum"]))
    if "refused" in after:
        return f"不采用“{code('reading', str(entry['target']['reading']))}”"
    return f"{after['value']:g} {code('size_unit', str(after['unit']))}" if "unit" in after else "—"


def collection(features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return a GeoJSON collection."""
    return {"type": "FeatureCollection", "features": list(features)}


def feature(geometry: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    """Return a GeoJSON feature."""
    return {"type": "Feature", "geometry": dict(geometry), "properties": properties}


def _ledger(entries: Sequence[Mapping[str, Any]], products: Mapping[str, str]) -> str:
    """Return the table of decisions; whom each is about only with `products`, for a table of several records."""
    names = ("类别", *(["对象"] if products else []), "现定", "决定人", "日期", "理由")
    lines = []
    for one in entries:
        effect = f"（{code('effect', str(one['effect']))}）" if one.get("effect") else ""
        label = " ".join(products.get(word, word) for word in str(one["hint"].get("label", "")).split(" "))
        parts = [
            code("decision", str(one["kind"])) + effect,
            *([label] if products else []),
            said_text(one),
            f"{one['who']}（{one['section']}）",
            str(one["at"])[:10],
            str(one["why"]),
        ]
        lines.append(
            "<tr>" + "".join(f"<td style='white-space:normal'>{escape(part)}</td>" for part in parts) + "</tr>"
        )
    head = "".join(f"<th>{name}</th>" for name in names)
    return f"<table class='{_ROWS}'><tr>{head}</tr>{''.join(lines)}</table>"


def _cycle(count: int) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(count)]


def _metres(value: Any, *, inside: str = "") -> str:
    if pd.isna(value):
        return "—"
    if inside and value == 0:
        return inside
    return f"{value / 1000:,.1f} 公里" if value >= 1000 else f"{value:.0f} 米"
