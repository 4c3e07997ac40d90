"""Waterfalls: a gap step by step, from the baseline down to what was collected, as a picture for the screen.

The steps come from ``gaps.waterfall``; `columns` says where each bar stands, for the screen and for the printed page alike.
"""

from html import escape
from typing import Final

import pandas as pd

from originmap.vocab import Lang, code

# Dark totals, hatched falls, light dotted rises: told apart in grey, and by anybody's eyes.
FILLS: Final = {"total": "#3F4B54", "down": "#C9803A", "up": "#CFE3F0"}
HATCHES: Final = {"total": "", "down": "/////", "up": "...."}
_WIDTH, _HEIGHT, _LEFT, _TOP, _FOOT = 780, 330, 10, 30, 68
_PATTERNS: Final = (
    "<defs><pattern id='om-down' width='7' height='7' patternUnits='userSpaceOnUse' patternTransform='rotate(45)'>"
    f"<rect width='7' height='7' fill='{FILLS['down']}'/><rect width='2.4' height='7' fill='#7A4310'/></pattern>"
    "<pattern id='om-up' width='7' height='7' patternUnits='userSpaceOnUse'>"
    f"<rect width='7' height='7' fill='{FILLS['up']}'/><circle cx='3.5' cy='3.5' r='1.3' fill='#33566E'/></pattern></defs>"
)


def columns(steps: pd.DataFrame, *, lang: Lang = "zh") -> pd.DataFrame:
    """Return where each bar stands, as shares of the height: `step, kind, label, value, doubt, low, high, level`.

    `value` and `doubt` are texts (the amount, signed but for totals; what of it awaits a decision, empty for none); `level` is where the
    line to the next bar runs. Empty when a figure is unknown.
    """
    if steps[["start", "end"]].isna().any(axis=None):
        return pd.DataFrame(columns=["step", "kind", "label", "value", "doubt", "low", "high", "level"])
    top = max(float(steps[["start", "end"]].max(axis=None)), 0.01)
    low, high = steps[["start", "end"]].min(axis=1) / top, steps[["start", "end"]].max(axis=1) / top
    values = [size_text(row.amount, signed=row.kind != "total") for row in steps.itertuples()]
    doubts = [size_text(size) if pd.notna(size) and size else "" for size in steps["in_review"]]
    herd = steps["step"].iat[0] == "registry"
    labels = [
        code("step", "head_difference" if herd and step == "size_difference" else step, lang) for step in steps["step"]
    ]
    return steps[["step", "kind"]].assign(
        label=labels, value=values, doubt=doubts, low=low.clip(lower=0.0), high=high, level=steps["end"] / top
    )


def size_text(size: float, *, signed: bool = False) -> str:
    """Return an amount as a bar's label: two decimals where it has any, a true minus sign.

    >>> size_text(1234.5), size_text(-3.0, signed=True), size_text(0.25, signed=True), size_text(0.0, signed=True)
    ('1,234.5', '−3', '+0.25', '0')
    """
    text = f"{abs(size):,.2f}".rstrip("0").rstrip(".")
    sign = "−" if size < 0 else "+" if signed and size > 0 else ""
    return sign + text


def svg(steps: pd.DataFrame, *, title: str, empty: str) -> str:
    """Return the waterfall as one SVG for a page; `empty` is what stands there when a figure is unknown. All texts are escaped."""
    head = f"<div style='font-weight:bold'>{escape(title)}</div>"
    drawn = drawing(steps, title=title)
    return head + (drawn or f"<div style='padding:24px 8px;border:1px dashed #999'>{escape(empty)}</div>")


def drawing(
    steps: pd.DataFrame, *, title: str, face: str = "sans-serif", width: int = _WIDTH, height: int = _HEIGHT
) -> str:
    """Return the waterfall's SVG alone, its texts in `face`; an empty text when a figure is unknown."""
    bars = columns(steps)
    if bars.empty:
        return ""
    bottom = height - _FOOT
    pitch = (width - 2 * _LEFT) / len(bars)
    wide = pitch * 0.62
    parts = [_PATTERNS, _line(_LEFT, bottom, width - _LEFT, bottom, "#222")]
    for at, bar in enumerate(bars.itertuples()):
        x = _LEFT + pitch * at + (pitch - wide) / 2
        y_high, y_low = (bottom - share * (bottom - _TOP) for share in (bar.high, bar.low))
        fill = FILLS["total"] if bar.kind == "total" else f"url(#om-{bar.kind})"
        tall = max(y_low - y_high, 1.0)
        parts.append(
            f"<rect class='om-bar' x='{x:.1f}' y='{y_high:.1f}' width='{wide:.1f}' height='{tall:.1f}' fill='{fill}' stroke='#222' stroke-width='0.8'/>"
        )
        if at + 1 < len(bars):
            level = bottom - bar.level * (bottom - _TOP)
            parts.append(_line(x + wide, level, x + pitch, level, "#777"))
        middle = x + wide / 2
        parts.append(_text(middle, y_high - 5, bar.value, 12.5, "bold"))
        parts.append(_text(middle, bottom + 17, bar.label, 12.5))
        if bar.doubt:
            parts.append(_text(middle, bottom + 33, f"待核 {bar.doubt}", 11))
    legend = (("total", "总数"), ("down", "减少"), ("up", "增加"))
    for at, (kind, word) in enumerate(legend):
        fill = FILLS["total"] if kind == "total" else f"url(#om-{kind})"
        x = _LEFT + 90 * at
        parts.append(
            f"<rect x='{x}' y='{height - 18}' width='16' height='12' fill='{fill}' stroke='#222' stroke-width='0.8'/>"
        )
        parts.append(_text(x + 22, height - 8, word, 12, anchor="start"))
    drawn = "".join(parts)
    return (
        f"<svg viewBox='0 0 {width} {height}' width='100%' style='max-width:{width}px' role='img' "
        f"aria-label='{escape(title)}' font-family='{face}'>{drawn}</svg>"
    )


def _line(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    return f"<line x1='{x:.1f}' y1='{y:.1f}' x2='{to_x:.1f}' y2='{to_y:.1f}' stroke='{colour}' stroke-width='1'/>"


def _text(x: float, y: float, text: str, size: float, weight: str = "normal", *, anchor: str = "middle") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' font-weight='{weight}' text-anchor='{anchor}' fill='#1A1A1A'>{escape(text)}</text>"
