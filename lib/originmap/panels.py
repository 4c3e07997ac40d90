"""Panels: widgets as a thin shell over a pure selection. What they show is computed elsewhere, and tested there.

Every control is a native one, reachable by keyboard; every text from a sheet is escaped before it becomes HTML.
"""

from html import escape
from typing import Final

import ipywidgets
import pandas as pd

from originmap import maps
from originmap.plans import coverage_labels
from originmap.reconcile import KNOWN, county
from originmap.rounds import Round
from originmap.vocab import code, codes, label, shown

# The slider's own read-out is cut at 72 px; a description above its list leaves the list its width.
CSS: Final = """<style>
.originmap .widget-readout{min-width:12.5em;max-width:none}
.originmap .widget-select-multiple .widget-label{text-align:left;width:auto;font-weight:bold}
.originmap .widget-select-multiple select{width:100%;min-height:170px}
.originmap .widget-html-content{line-height:1.4}
.originmap table{border-collapse:collapse;font-size:12px;line-height:1.3}
.originmap table.om-rows th{position:sticky;top:0;background:#EFEDE6;color:#222}
.originmap table.om-rows th,.originmap table.om-rows td{border-bottom:1px solid #D8D4C8;padding:2px 7px;text-align:left}
.originmap table.om-rows td{white-space:nowrap}
.originmap table.om-rows td.n,.originmap table.om-rows th.n{text-align:right}
</style>"""


class CoveragePanel:
    """Coverage of one crop: a menu that moves the map of townships, the counts and the ranked table together.

    `product`, `map`, `cells`, `counts`, `legend`, `table`, `view`; `gaps` is what ``reconcile.planting_area`` returns.
    """

    def __init__(self, round_: Round, gaps: pd.DataFrame) -> None:
        self.rules, self.places, self.gaps = round_.rules, round_.places, gaps
        options = [(self.rules.products[name].name, name) for name in dict.fromkeys(gaps["product"])]
        self.product = ipywidgets.Dropdown(options=options, description=label("product"), layout={"width": "240px"})
        self.cells = maps.cell_layer(maps.cells(self.places))
        self._labels = maps.label_layer(self.places)
        note = maps.map_note(self.places, is_sample=round_.is_sample)
        self.map = maps.township_map(self.places, [self.cells, self._labels], note=note)
        self.title = ipywidgets.HTML(CSS + title_line(round_, "面积核对"))
        self.counts, self.legend = ipywidgets.HTML(), ipywidgets.HTML()
        self.table = ipywidgets.HTML(layout={"max_height": "380px", "overflow": "auto"})
        side = ipywidgets.VBox([self.legend, self.table], layout={"flex": "2 1 360px", "grid_gap": "6px"})
        drawing = ipywidgets.Box([self.map], layout={"flex": "3 1 500px", "display": "block"})
        both = ipywidgets.HBox([drawing, side], layout={"flex_flow": "row wrap", "grid_gap": "4px 14px"})
        self.view = ipywidgets.VBox([self.title, self.product, self.counts, both])
        self.view.add_class("originmap")
        self._apply()
        self.product.observe(self._apply, "value")

    @property
    def shown(self) -> pd.DataFrame:
        """The chosen crop's rows of `gaps`, the largest difference first, unknown ones last."""
        of = self.gaps[self.gaps["product"] == self.product.value]
        size = of["gap_mu"].abs().where(of["gap_status"].isin(KNOWN))
        return of.loc[size.sort_values(ascending=False, kind="stable", na_position="last").index]

    def digest(self) -> pd.DataFrame:
        """Return what the map holds now, read from its layer: townships by class and reason, and its hashes."""
        names = codes("gap_status")
        first = {label("product"): self.rules.products[self.product.value].name}
        first |= {names.get(name, name): f"{count} 个乡镇" for name, count in self._counted().items()}
        return maps.digest(self.cells, beside=first)

    def _counted(self) -> dict[str, int]:
        """Count the cells on the map per class and per reason of an unknown one."""
        names = coverage_labels(self.rules)
        counts: dict[str, int] = dict.fromkeys(names, 0)
        for feature in self.cells.data["features"]:
            own = feature["properties"]
            at = own["class_index"]
            name = str(own["gap_status"]) if at is None else names[at]
            counts[name] = counts.get(name, 0) + 1
        return counts

    def _apply(self, _: object = None) -> None:
        product = self.product.value
        self.cells.data = maps.coverage_cells(self.gaps, self.places, self.rules, product)
        own = [feature["properties"] for feature in self.cells.data["features"]]
        maps.relabel(self._labels, self.places, {each["township_code"]: str(each["label"]) for each in own})
        self.legend.value = maps.coverage_legend(self.rules, self._counted())
        total = county(self.gaps, products=[product])
        known = f"数据齐全 {total['known_townships'].iat[0]}/{total['townships'].iat[0]} 个乡镇"
        total = shown(total.drop(columns=["product", "known_townships", "townships"])).iloc[0]
        said = "，".join([known, *(f"{name} {value}" for name, value in total.items())])
        self.counts.value = f"<b>{escape(self.rules.products[product].name)}</b>：{escape(said)}"
        columns = ["township", "baseline_mu", "collected_mu", "gap_mu", "coverage_pct", "gap_status"]
        self.table.value = html_table(shown(self.shown[columns]))


def title_line(round_: Round, theme: str) -> str:
    """Return the line above a panel as HTML: county, theme, round, and that it is internal, or a sample."""
    sample = "　<b style='color:#B00020'>样例数据（虚构）</b>" if round_.is_sample else ""
    text = f"{round_.rules['county']['full_name']}{theme}　{round_.name} 批次，截至 {round_.as_of:%Y-%m-%d}　{code('profile', 'internal')}"
    return f"<div style='font-size:13px'>{escape(text)}{sample}</div>"


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
