"""Panels: widgets as a thin shell over a pure selection. What they show is computed elsewhere, and tested there.

Every control is a native one, reachable by keyboard; every text from a sheet is escaped before it becomes HTML.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import ipywidgets
import pandas as pd

from originmap import maps, selection
from originmap.rounds import Round
from originmap.selection import PERIODS, Selection
from originmap.vocab import code, codes, label, shown

ROWS_SHOWN: Final = 50
# The window's slider runs into the next year, so that 11月–次年2月 is one stretch of it.
_SLIDER_PERIODS: Final = PERIODS + 18
# Steps of the size's slider, in the unit of the chosen products; the last step is no limit.
_STEPS: Final[Mapping[str, tuple[float, ...]]] = {
    "mu": (0, 0.5, 1, 2, 3, 5, 10, 20, 50, 100),
    "head": (0, 5, 10, 30, 50, 100, 200, 500, 1000, 5000),
    "bird": (0, 100, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000),
}
_RESTING: Final = (("先选同一单位的产品", 0.0), ("不限", math.inf))
# The slider's own read-out is cut at 72 px; a description above its list leaves the list its width.
CSS: Final = """<style>
.originmap .widget-readout{min-width:12.5em;max-width:none}
.originmap .widget-select-multiple .widget-label{text-align:left;width:auto;font-weight:bold}
.originmap .widget-select-multiple select{width:100%;min-height:170px}
.originmap .widget-html-content{line-height:1.4}
.originmap table{border-collapse:collapse;font-size:12px;line-height:1.3}
.originmap table.om-rows th{position:sticky;top:0;background:#EFEDE6;color:#222}
.originmap table.om-rows th,.originmap table.om-rows td{border-bottom:1px solid #D8D4C8;padding:2px 7px;text-align:left}
.originmap table.om-rows th,.originmap table.om-rows td{white-space:nowrap}
.originmap table.om-rows td.n,.originmap table.om-rows th.n{text-align:right}
</style>"""
_TABLE: Final = (
    "township village subject_name subject_type product size market_windows production_mode coord_status"
).split()


class OneMap:
    """The one map: filters that move map, counts and table together.

    Attributes
    ----------
    product, township, subject_type, production_mode
        Lists, several may be chosen; none is all. `value` is a tuple of codes.
    size
        ``(from, to)`` in the unit of the chosen products, ``math.inf`` for no limit; it rests while their units differ.
    window, any_time
        First and last ten-day period (0 = 1月上旬; from 36 on the next year's), in force unless `any_time` is ticked.
    reset
        Button that takes all filters away.
    row
        Number of the row in the table whose card is shown; a click on a point chooses it too. 0 is none.
    map, points, cells, ring
        The ipyleaflet map and its layers, WGS84.
    title, sentence, legend, counts, card, table
        HTML of what is selected.
    view
        All of it, to be displayed.
    selection, records
        The `Selection` in force and the records that it leaves.
    """

    def __init__(self, round_: Round, *, products: Sequence[str] = (), window: str = "") -> None:
        """Build the widgets; `products` (codes) and `window` (as people write it: 5月上旬, 5-7月) are set at first.

        Raises
        ------
        ValueError
            A product is not in the rules, or the window cannot be read.
        """
        self.rules, self.places = round_.rules, round_.places
        if unknown := [product for product in products if product not in self.rules.products]:
            raise ValueError(f"没有产品 {'、'.join(unknown)}；可用：{'、'.join(self.rules.products)}。")
        span = selection.parse_window(window)
        self._all = selection.named(round_.records, self.places)
        self.selection = Selection()
        self.records = self._all.iloc[:0]
        self._build_filters()
        self.cells = maps.cell_layer(maps.cells(self.places))
        self.points = maps.point_layer(maps.points(self.records, self.rules))
        self.ring = maps.ring_layer()
        layers = [self.cells, self.points, self.ring, maps.label_layer(self.places)]
        self.map = maps.township_map(self.places, layers, note=maps.map_note(self.places, is_sample=round_.is_sample))
        self.title = ipywidgets.HTML(CSS + title_line(round_, "产地一张图"))
        self.sentence, self.legend, self.counts, self.card, self.table = (ipywidgets.HTML() for _ in range(5))
        self.view = self._laid_out()
        self._busy = False
        self.product.value = tuple(products)
        if span is not None:
            self.window.value = (span[0], span[1] + PERIODS * (span[1] < span[0]))
            self.any_time.value = False
        self._fit_sizes()
        self._apply()
        self._observe()

    def digest(self) -> pd.DataFrame:
        """Return what the map holds now, read from its layer, beside the counts that must agree with it."""
        found = selection.located(self.records)
        first = {
            "筛选": "，".join(selection.filters(self.selection, self.rules, places=self.places)),
            "已定位": f"{int(found.sum())} / {len(found)}",
        }
        return maps.digest(self.points, beside=first)

    def _build_filters(self) -> None:
        products = [(product.name, name) for name, product in self.rules.products.items()]
        towns = [(name, town) for town, name in self.places.names.items()]
        self.product = _several(label("product"), products)
        self.township = _several(label("township"), towns)
        self.subject_type = _several(label("subject_type"), _pairs("subject_type"))
        self.production_mode = _several(label("production_mode"), _pairs("production_mode"))
        wide = {"continuous_update": False, "layout": {"width": "520px"}}
        self.size = ipywidgets.SelectionRangeSlider(options=_RESTING, index=(0, 1), description="规模", **wide)
        self.size.disabled = True
        self.window = ipywidgets.SelectionRangeSlider(
            options=[(selection.period_text(at), at) for at in range(_SLIDER_PERIODS)],
            index=(0, PERIODS - 1),
            description="上市期",
            **wide,
        )
        self.any_time = ipywidgets.Checkbox(
            value=True, description="不限上市期", indent=False, layout={"width": "110px"}
        )
        self.reset = ipywidgets.Button(description="清除筛选", tooltip="显示全部记录", layout={"width": "100px"})
        self.row = ipywidgets.BoundedIntText(value=0, min=0, max=0, description="看第几条", layout={"width": "180px"})

    def _observe(self) -> None:
        lists = [self.product, self.township, self.subject_type, self.production_mode]
        for widget in (*lists, self.size, self.any_time):
            widget.observe(self._changed, "value")
        self.window.observe(self._window_moved, "value")
        self.row.observe(self._show_card, "value")
        self.reset.on_click(self._cleared)
        self.points.on_click(self._point_clicked)
        self.cells.on_click(self._cell_clicked)

    def _laid_out(self) -> Any:
        lists = ipywidgets.HBox(
            [self.product, self.township, self.subject_type, self.production_mode],
            layout={"flex_flow": "row wrap", "grid_gap": "4px 12px"},
        )
        times = ipywidgets.HBox([self.window, self.any_time], layout={"flex_flow": "row wrap"})
        sizes = ipywidgets.HBox([self.size, self.reset], layout={"flex_flow": "row wrap"})
        side = ipywidgets.VBox([self.counts, self.row, self.card], layout={"flex": "1 1 340px", "grid_gap": "6px"})
        drawing = ipywidgets.Box([self.map, self.legend], layout={"flex": "3 1 520px", "display": "block"})
        both = ipywidgets.HBox([drawing, side], layout={"flex_flow": "row wrap", "grid_gap": "4px 14px"})
        self.table.layout = {"max_height": "280px", "overflow": "auto"}
        view = ipywidgets.VBox([self.title, lists, times, sizes, self.sentence, both, self.table])
        view.add_class("originmap")
        return view

    def _changed(self, change: Mapping[str, Any]) -> None:
        if self._busy:
            return
        if change["owner"] is self.product:
            self._fit_sizes()
        self._apply()

    def _window_moved(self, _: object) -> None:
        if self._busy:
            return
        self._quietly(lambda: setattr(self.any_time, "value", False))  # whoever moves the slider means it
        self._apply()

    def _cleared(self, _: object) -> None:
        self._quietly(self._clear)
        self._fit_sizes()
        self._apply()

    def _clear(self) -> None:
        for widget in (self.product, self.township, self.subject_type, self.production_mode):
            widget.value = ()
        self.any_time.value = True
        self.window.value = (0, PERIODS - 1)

    def _cell_clicked(self, *, properties: Mapping[str, Any], **_: object) -> None:
        """Look at one township; a second click looks at all again."""
        town = (str(properties["township_code"]),)
        self.township.value = () if self.township.value == town else town

    def _point_clicked(self, *, properties: Mapping[str, Any], **_: object) -> None:
        found = (self.records["record_id"] == properties["record_id"]).to_numpy().nonzero()[0]
        if len(found):
            self.row.value = int(found[0]) + 1

    def _fit_sizes(self) -> None:
        """Give the size's slider the steps of the chosen products' unit; a mixture of 亩 and 头 has none."""
        units = {self.rules.products[name].unit for name in self.product.value}
        options: Sequence[tuple[str, float]] = _RESTING
        if len(units) == 1:
            unit = next(iter(units))
            options = [(f"{step:g}{code('size_unit', unit)}", float(step)) for step in _STEPS[unit]]
            options = [*options, ("不限", math.inf)]
        if tuple(self.size.options) != tuple(options):
            self._quietly(lambda: self._set_sizes(options))

    def _set_sizes(self, options: Sequence[tuple[str, float]]) -> None:
        with self.size.hold_sync():
            self.size.options = options
            self.size.index = (0, len(options) - 1)
            self.size.disabled = options is _RESTING

    def _quietly(self, act: Any) -> None:
        """Set widgets without an update after each of them."""
        self._busy = True
        try:
            act()
        finally:
            self._busy = False

    def _asked(self) -> Selection:
        low, high = self.size.value
        limited = not self.size.disabled and (low > 0 or high < math.inf)
        first, last = self.window.value
        return Selection(
            products=tuple(self.product.value),
            townships=tuple(self.township.value),
            subject_types=tuple(self.subject_type.value),
            production_modes=tuple(self.production_mode.value),
            min_size=low if limited and low > 0 else None,
            max_size=high if limited and high < math.inf else None,
            size_unit=self.rules.products[self.product.value[0]].unit if limited else None,
            window=None if self.any_time.value else selection.circular(first, last),
        )

    def _apply(self) -> None:
        """Select once, then give every view its new content in one go."""
        self.selection = self._asked()
        self.records = selection.select(self._all, self.selection)
        self.points.data = maps.points(self.records, self.rules)
        said = selection.sentence(self.selection, self.records, self.rules, places=self.places)
        measure = code("area_measure", str(self.rules["reconcile"]["area_measure"]))
        self.sentence.value = f"<b style='font-size:15px'>{escape(said)}</b> <span>（{escape(measure)}）</span>"
        self.legend.value = maps.point_legend(self.rules, self.selection.products)
        self.counts.value = _counts(self.records, self.rules)
        self.table.value = _rows(self.records, self.rules)
        self._quietly(self._count_rows)
        self._show_card()

    def _count_rows(self) -> None:
        self.row.value, self.row.max = 0, len(self.records)

    def _show_card(self, _: object = None) -> None:
        at = self.row.value
        if self._busy:
            return
        if not at:
            self.ring.data = maps.ring()
            self.card.value = (
                "<span style='color:#666'>点图上的圆，或写表中的序号，看一条记录；点一个乡镇，只看这个乡镇。</span>"
            )
            return
        record = self.records.iloc[at - 1]
        known = bool(selection.located(self.records.iloc[[at - 1]]).iloc[0])
        self.ring.data = maps.ring(record.geometry.x, record.geometry.y) if known else maps.ring()
        self.card.value = maps.card(record, self.rules) + ("" if known else "<b>没有定位，图上没有它。</b>")


def _several(name: str, options: Sequence[tuple[str, str]]) -> Any:
    return ipywidgets.SelectMultiple(
        options=options,
        rows=min(len(options), 8),
        description=f"{name}（不选 = 全部）",
        tooltip="按住 Ctrl 可多选",
        layout={"width": "190px", "flex_flow": "column"},
    )


def _pairs(field: str) -> list[tuple[str, str]]:
    return [(name, value) for value, name in codes(field).items()]


def _names(rules: Any) -> dict[str, str]:
    return {name: product.name for name, product in rules.products.items()}


def title_line(round_: Round, theme: str) -> str:
    """Return the line above a panel as HTML: county, theme, round, and that it is internal, or a sample."""
    sample = "　<b style='color:#B00020'>样例数据（虚构）</b>" if round_.is_sample else ""
    text = f"{round_.rules['county']['full_name']}{theme}　{round_.name} 批次，截至 {round_.as_of:%Y-%m-%d}　{code('profile', 'internal')}"
    return f"<div style='font-size:13px'>{escape(text)}{sample}</div>"


def _counts(records: Any, rules: Any) -> str:
    """Return the counts per product, and what the map cannot show."""
    table = selection.summary(records, rules)
    table = table[table["records"] > 0]
    columns = ["product", "subjects", "buyers", "area_mu", "head_count"]
    table = table.assign(head_count=table["head_count"].map("{:.0f}".format, na_action="ignore"))
    places = [f"{located}/{count}" for located, count in zip(table["located"], table["records"], strict=True)]
    written = shown(table[columns], products=_names(rules))
    written.insert(1, "已定位", pd.Series(places, index=written.index, dtype="str"))
    missing = selection.not_located(records)
    where = "、".join(f"{'乡镇不明' if pd.isna(town) else town} {count}" for town, count in missing.items())
    total = f"已定位 {int(table['located'].sum())} / {int(table['records'].sum())} 条"
    rest = f"；未定位 {int(missing.sum())} 条：{where}" if len(missing) else ""
    return f"{html_table(written)}<div>{escape(total + rest)}</div>"


def _rows(records: Any, rules: Any) -> str:
    """Return the first rows as HTML, numbered as `OneMap.row` counts them; no phones, no contacts."""
    rows = pd.DataFrame(records.head(ROWS_SHOWN))
    windows = rows["market_windows"].map(selection.windows_text, na_action="ignore").astype("str")
    parts = shown(rows[["size_value", "size_unit"]])
    size = (parts[label("size_value")] + parts[label("size_unit")]).mask(rows["size_value"].isna())
    written = shown(rows.assign(market_windows=windows, size=size)[_TABLE], products=_names(rules))
    written.insert(0, "序号", pd.Series(range(1, len(rows) + 1), index=rows.index).astype("str"))
    note = f"共 {len(records)} 条" + (f"，列出前 {ROWS_SHOWN} 条" if len(records) > ROWS_SHOWN else "")
    return f"{html_table(written)}<div>{note}</div>"


def html_table(table: pd.DataFrame) -> str:
    """Return a table of texts as HTML, all of it escaped, figures to the right."""
    right = [bool(table[name].str.fullmatch(r"[-−\d.,/%]+|—").all()) for name in table]
    marks = [" class='n'" if figure else "" for figure in right]
    head = "".join(f"<th{mark}>{escape(str(name))}</th>" for name, mark in zip(table, marks, strict=True))
    lines = (
        "".join(f"<td{mark}>{escape(str(text))}</td>" for text, mark in zip(row, marks, strict=True))
        for row in table.itertuples(index=False)
    )
    return f"<table class='om-rows'><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
