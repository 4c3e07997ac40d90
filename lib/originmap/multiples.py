"""Small multiples: one little map a round, the same circles' scale on all, so that a product's year is seen at a glance."""

from collections.abc import Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from originmap import page, vocab
from originmap.page import FAINT, INK, PAPER, Furniture, write
from originmap.places import Places, points_of
from originmap.rules import Rules
from originmap.symbols import mark, outline_of

PLAN_COLUMNS: Final = ["round", "township_code", "township", "kind", "value", "area_pt2"]
MOST_ROUNDS: Final = 12
_LARGEST_PT2: Final = 260.0
_DOT_PT2: Final = 7.0


def plan(series: pd.DataFrame, places: Places, product: str) -> gpd.GeoDataFrame:
    """Return what the maps show: a row a round and township with `PLAN_COLUMNS`, its seat in ``places.measure_crs``.

    Parameters
    ----------
    series
        As ``changes.series`` gives it; of more than `MOST_ROUNDS` rounds the latest.

    Returns
    -------
    `kind` is value, zero or unknown (the round does not speak of the product there), `area_pt2` the circle's area, in proportion to `value` (亩 or
    heads) on one scale over all rounds.
    """
    rounds = sorted(series["round"].unique())[-MOST_ROUNDS:]
    rows = series[(series["product"] == product) & series["round"].isin(rounds)]
    towns = places.townships[["township_code", "seat_lon", "seat_lat"]]
    rows = rows.merge(towns, on="township_code", how="left", validate="m:1").sort_values(
        ["round", "township_code"], ignore_index=True
    )
    kind = np.select([rows["value"].isna(), rows["value"] == 0], ["unknown", "zero"], default="value")
    largest = rows["value"].max()
    area = _LARGEST_PT2 * rows["value"] / largest if largest > 0 else rows["value"] * 0
    rows = rows.assign(kind=pd.Series(kind, index=rows.index, dtype="str"), area_pt2=area)
    seats = points_of(rows["seat_lon"], rows["seat_lat"]).to_crs(places.measure_crs)
    return gpd.GeoDataFrame(rows[PLAN_COLUMNS], geometry=seats)


def maps(series: pd.DataFrame, places: Places, rules: Rules, furniture: Furniture, *, product: str) -> Figure:
    """Draw a product's rounds side by side on one A4 landscape sheet, internal only: it names townships' figures.

    Raises
    ------
    ValueError
        The furniture is a public sheet's, or no round is given.
    """
    if furniture.profile == "public":
        raise ValueError("分批次小图按乡镇列出数值，只有内部版。")
    drawn = plan(series, places, product)
    if drawn.empty:
        raise ValueError("没有批次可画。")
    entry = rules.products[product]
    unit = vocab.code("size_unit", entry.unit)
    figure, sheet = page.a4(landscape=True)
    page.heading(
        sheet, furniture, f"{entry.name}分批次（{'面积' if entry.kind == 'crop' else '存栏'}，{unit}）", size=20
    )
    rounds = list(dict.fromkeys(drawn["round"]))
    columns = min(4, len(rounds))
    down = -(-len(rounds) // columns)
    width, height = 270.0 / columns, 148.0 / down
    outline = outline_of(places)
    for at, name in enumerate(rounds):
        left, bottom = 12 + (at % columns) * width, 178 - (at // columns + 1) * height
        frame = page.fit(outline.bounds, left=left, bottom=bottom, width=width - 3, height=height - 9)
        ground = page.ground(figure, frame, sample=_sample(furniture))
        for ring in gpd.GeoSeries([outline]).explode().exterior:
            ground.plot(*np.asarray(ring.coords).T, color=FAINT, linewidth=0.6)
        here = drawn[drawn["round"] == name]
        x, y = frame.page(here.geometry.x, here.geometry.y)
        for east, north, row in zip(x, y, here.itertuples(), strict=True):
            if row.kind == "value":
                mark(
                    sheet,
                    east,
                    north,
                    "o",
                    max(row.area_pt2, 1.5),
                    facecolor=entry.colour,
                    edgecolor=PAPER,
                    linewidth=0.4,
                    zorder=5,
                )
            else:
                cross = "x" if row.kind == "zero" else "o"
                look: dict[str, Any] = (
                    {"color": INK, "linewidth": 0.8}
                    if cross == "x"
                    else {"facecolor": PAPER, "edgecolor": FAINT, "linewidth": 0.6}
                )
                sheet.scatter([east], [north], s=_DOT_PT2, marker=cross, zorder=4.5, **look)
        write(sheet, left + (width - 3) / 2, bottom + height - 4.5, _caption(name, here, unit), 8.5, ha="center")
    top = _legend(sheet, drawn, unit, entry.colour, 24.5)
    page.foot(sheet, furniture, places.measure_crs, left=12, top=top - 3)
    return figure


def _sample(furniture: Furniture) -> str:
    """Return what stands across a sample's map, nothing on others."""
    return "样例数据" if furniture.sample else ""


def _caption(name: str, here: pd.DataFrame, unit: str) -> str:
    known = here[here["kind"] != "unknown"]
    total = f"{known['value'].sum():,.2f}".rstrip("0").rstrip(".") if len(known) else "—"
    return f"{name}　{total}{unit if len(known) else ''}（{len(known)}/{len(here)} 个乡镇）"


def _legend(sheet: Axes, drawn: gpd.GeoDataFrame, unit: str, colour: str, y: float) -> float:
    """Draw what circles and signs mean; return the y below."""
    largest = float(drawn["value"].max())
    x = 14.0
    if largest > 0:
        for share in (1.0, 0.25):
            mark(sheet, x, y, "o", _LARGEST_PT2 * share, facecolor=colour, edgecolor=PAPER, linewidth=0.4)
            text = f"{largest * share:,.1f}".rstrip("0").rstrip(".") + unit
            write(sheet, x + 5, y, text, 7.5)
            x += 34
    sheet.scatter([x], [y], s=_DOT_PT2, marker="x", color=INK, linewidth=0.8)
    write(sheet, x + 3, y, "零报告", 7.5)
    sheet.scatter([x + 24], [y], s=_DOT_PT2, marker="o", facecolor=PAPER, edgecolor=FAINT, linewidth=0.6)
    write(sheet, x + 27, y, "没有报（不是 0）", 7.5)
    return y - 4


def shown(plans: Sequence[gpd.GeoDataFrame]) -> pd.DataFrame:
    """Return the numbers that maps draw: by round how many townships have a value, report zero, are unknown, and the sum."""
    rows = pd.concat([pd.DataFrame(one.drop(columns="geometry")) for one in plans], ignore_index=True)
    table = (
        rows.groupby(["round", "kind"])
        .size()
        .unstack(fill_value=0)
        .reindex(columns=["value", "zero", "unknown"], fill_value=0)
    )
    table["sum"] = rows.groupby("round")["value"].sum(min_count=1)
    return table.reset_index().rename_axis(columns=None)
