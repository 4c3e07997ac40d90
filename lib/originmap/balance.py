"""Balance: the panel of the area check. Map, waterfall and list move together; doubtful pairs are decided in it, one by one.

What it shows is computed in `reconcile`, `gaps` and `waterfalls`, verdicts are written by `decisions`; here are only the controls between
them. All of them are native and reached by keyboard; every text from a sheet is escaped before it becomes HTML.
"""

import hashlib
from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Final

import ipywidgets
import pandas as pd

from originmap import gaps as gaps_of
from originmap import maps, matching, waterfalls
from originmap.decisions import DecisionsError, Store
from originmap.growers import PARTS, growers
from originmap.panels import CSS, Signature, html_table, title_line
from originmap.plans import coverage_labels
from originmap.reconcile import planting_area
from originmap.rounds import Round
from originmap.vocab import code, codes, label, shown

ROWS_SHOWN: Final = 60
_WIDE: Final = {"width": "220px"}
_WRAP: Final = {"flex_flow": "row wrap", "grid_gap": "4px 14px"}


class Balance:
    """The area check of a crop, for the county or a township: why the figures differ, who is behind it, who must do what.

    Attributes
    ----------
    product, township, term
        Menus; an empty township is the county, an empty term all but those below the threshold, with whom there is nothing to do. A click on a cell of the map chooses its township.
    map, cells
        The ipyleaflet map and its layer of coverage classes.
    waterfall, terms, rows
        HTML: the gap step by step, its terms with what to do, the subjects behind the chosen term with their cells.
    pair, same, different, undo
        Which doubtful pair is looked at (0 for none), the buttons that decide it, and the one that takes the last decision back.
    explanation, explain
        What the township says of its gap, and the button that records it.
    signed, why
        Who decides, and the reason.
    card, left, status
        HTML: the pair with its evidence, how many are left, and what was saved.
    view
        All of it, to be displayed.
    linked, gaps, queue
        What is shown now: as ``growers.growers``, ``reconcile.planting_area`` and ``gaps.review`` give it.
    """

    def __init__(
        self,
        round_: Round,
        store: Store,
        *,
        measure: str | None = None,
        tolerance_mu: float | None = None,
        product: str = "",
        who: str = "",
        section: str = "",
    ) -> None:
        """Build the widgets; verdicts go to `store`, nowhere else, and what it holds already applies.

        Raises
        ------
        ValueError
            `product` is no crop with a baseline, or the measure is none.
        """
        self.round_, self.store = round_, store
        self._measure, self._tolerance = measure, tolerance_mu
        self._made: list[str] = []
        self._busy = False
        crops = round_.rules.baseline_products
        if product and product not in crops:
            raise ValueError(f"没有底数的产品：{product}；可用：{'、'.join(crops)}。")
        self._compute()
        self._build(product or crops[0], who, section)
        self._apply()
        for widget in (self.product, self.township, self.term):
            widget.observe(self._changed, "value")
        self.pair.observe(self._show_pair, "value")
        self.cells.on_click(self._cell_clicked)

    def digest(self) -> pd.DataFrame:
        """Return what the panel holds now, read from its widgets; the hashes are of the drawing and of the list."""
        counts: dict[str, int] = {}
        names = coverage_labels(self.round_.rules)
        for feature in self.cells.data["features"]:
            own = feature["properties"]
            text = code("gap_status", own["gap_status"]) if own["class_index"] is None else names[own["class_index"]]
            counts[text] = counts.get(text, 0) + 1
        found = {
            label("product"): self.round_.rules.products[self.product.value].name,
            label("township"): self.round_.places.names.get(self.township.value, "全县"),
            **{f"图上 {name}": str(counts[name]) for name in sorted(counts)},
            "柱": str(self.waterfall.value.count("om-bar")),
            "构成行": str(self.terms.value.count("<tr>") - 1),
            "列出主体": str(self.rows.value.count("<tr>") - 1),
            "待核": str(self.pair.max),
            "看第几对": str(self.pair.value),
            "图摘要": _hash(self.waterfall.value),
            "表摘要": _hash(self.terms.value + self.rows.value),
        }
        return pd.DataFrame({"值": found}).rename_axis("面板上的")

    @property
    def steps(self) -> pd.DataFrame:
        """The waterfall that is shown, as ``gaps.waterfall`` gives it."""
        where = {"product": self.product.value, "township_code": self.township.value}
        return gaps_of.waterfall(self.linked, self.gaps, **where)

    def _compute(self) -> None:
        entries = self.store.entries()
        self.linked = growers(self.round_, measure=self._measure, entries=entries)
        self.gaps = planting_area(self.round_, tolerance_mu=self._tolerance, linked=self.linked)
        self._explained = gaps_of.explanations(self.round_, entries)

    def _build(self, product: str, who: str, section: str) -> None:
        box, round_ = ipywidgets, self.round_
        products = [(round_.rules.products[name].name, name) for name in round_.rules.baseline_products]
        towns = [("全县", ""), *((name, town) for town, name in round_.places.names.items())]
        parts = [
            ("要办的（规模以下除外）", ""),
            *((code("term", name), name) for name in (*PARTS, "unsized", "unregistered_unreadable")),
        ]
        self.product = box.Dropdown(options=products, value=product, description=label("product"), layout=_WIDE)
        self.township = box.Dropdown(options=towns, value="", description=label("township"), layout=_WIDE)
        self.term = box.Dropdown(options=parts, value="", description=label("term"), layout={"width": "300px"})
        self.cells = maps.cell_layer(maps.cells(round_.places))
        self._labels = maps.label_layer(round_.places)
        note = maps.map_note(round_.places, is_sample=round_.is_sample)
        self.map = maps.township_map(round_.places, [self.cells, self._labels], note=note)
        self.title = box.HTML(CSS + title_line(round_, "面积核对"))
        self.waterfall, self.terms, self.legend, self.card, self.left, self.status = (box.HTML() for _ in range(6))
        self.rows = box.HTML(layout={"max_height": "340px", "overflow": "auto"})
        self.pair = box.BoundedIntText(value=0, min=0, max=0, description="看第几对", layout={"width": "180px"})
        self.same = self._button("是同一个", "名录和采集的是同一个主体", lambda: self._decide(same=True))
        self.different = self._button("不是同一个", "是两个主体", lambda: self._decide(same=False))
        self.undo = self._button("撤销", "撤销本次打开后最近的一个决定", self._undo)
        self.signed = Signature(who, section)
        self.why = box.Text(description="理由", placeholder="如：电话核实", layout={"width": "380px"})
        self.explanation = box.Text(description="乡镇说明", placeholder="先选一个乡镇", layout={"width": "560px"})
        self.explain = self._button("记下说明", "存为决定，印在面积核对表里", self._explain)
        drawing = box.Box([self.map, self.legend], layout={"flex": "3 1 480px", "display": "block"})
        side = box.VBox([self.waterfall, self.terms], layout={"flex": "4 1 560px", "grid_gap": "6px"})
        self.view = box.VBox(
            [
                self.title,
                box.HBox([self.product, self.township, self.term], layout=_WRAP),
                box.HBox([drawing, side], layout=_WRAP),
                self.rows,
                box.HTML("<b>疑似同名，由人来定</b>"),
                box.HBox([self.pair, self.left], layout=_WRAP),
                self.card,
                box.HBox([self.signed.who, self.signed.section, self.why], layout=_WRAP),
                box.HBox([self.same, self.different, self.undo], layout=_WRAP),
                box.HBox([self.explanation, self.explain], layout=_WRAP),
                self.status,
            ]
        ).add_class("originmap")

    def _button(self, text: str, tip: str, act: Callable[[], None]) -> Any:
        made = ipywidgets.Button(description=text, tooltip=tip, layout={"width": "110px"})
        made.on_click(lambda _: self._try(act))
        return made

    def _try(self, act: Callable[[], None]) -> None:
        """Run what a button does; what cannot be done is said under the buttons, never a traceback."""
        try:
            act()
        except (DecisionsError, ValueError) as error:
            self.status.value = f"<b style='color:#A03000'>{escape(str(error))}</b>"

    def _changed(self, _: Mapping[str, Any]) -> None:
        if not self._busy:
            self.status.value = ""
            self._apply()

    def _cell_clicked(self, *, properties: Mapping[str, Any], **_: object) -> None:
        """Look at one township; a second click looks at the county again."""
        town = str(properties["township_code"])
        self.township.value = "" if self.township.value == town else town

    def _apply(self) -> None:
        """Give every view its new content: the map of the crop, the waterfall, the terms, the subjects, the queue."""
        product, town, round_ = self.product.value, self.township.value, self.round_
        self.cells.data = maps.coverage_cells(self.gaps, round_.places, round_.rules, product)
        own = [feature["properties"] for feature in self.cells.data["features"]]
        maps.relabel(self._labels, round_.places, {each["township_code"]: str(each["label"]) for each in own})
        counted: dict[str, int] = dict.fromkeys(names := coverage_labels(round_.rules), 0)
        for each in own:
            name = str(each["gap_status"]) if each["class_index"] is None else names[each["class_index"]]
            counted[name] = counted.get(name, 0) + 1
        self.legend.value = maps.coverage_legend(round_.rules, counted)
        steps = self.steps
        self.waterfall.value = waterfalls.svg(steps, title=self._heading(steps), empty=self._unknown(town))
        self.terms.value = self._term_table(product, town)
        self.rows.value = self._subject_table(product, town)
        self.queue = gaps_of.review(round_, self.linked, product=product, township_code=town)
        self._busy = True
        self.pair.max = len(self.queue)
        self.pair.value = min(max(self.pair.value, 1), len(self.queue))
        self.explanation.placeholder = "说明这个乡镇、这个品种的差额" if town else "先选一个乡镇"
        self.explanation.value = self._said(product, town)
        self._busy = False
        self._show_pair()

    def _heading(self, steps: pd.DataFrame) -> str:
        name = self.round_.rules.products[self.product.value].name
        where = self.round_.places.names.get(
            self.township.value,
            f"全县（三个数齐全的 {steps['known_townships'].iat[0]}/{steps['townships'].iat[0]} 个乡镇）",
        )
        return f"{where}　{name}　{code('area_measure', self.linked.measure)}（亩）"

    def _unknown(self, town: str) -> str:
        """Return why nothing can be drawn: the figures that are known, and the status."""
        rows = self.gaps[(self.gaps["township_code"] == town) & (self.gaps["product"] == self.product.value)]
        if rows.empty:
            return "没有一个乡镇的底数、名录、采集三个数齐全。"
        columns = ["baseline_mu", "registry_mu", "collected_mu", "gap_status"]
        said = shown(rows[columns]).iloc[0]
        return "三个数不齐，画不出（不是 0）：" + "，".join(f"{name} {value}" for name, value in said.items())

    def _term_table(self, product: str, town: str) -> str:
        made = gaps_of.terms(self.linked, self.gaps, product=product, township_code=town)
        made = made.assign(sign=made["sign"].map({1: "＋", -1: "−"}))
        table = shown(made[["sign", "term", "amount", "in_review", "subjects", "action", "responsible"]])
        table = table.rename(columns={"sign": "", label("amount"): "面积(亩)"})
        return html_table(table)

    def _subject_table(self, product: str, town: str) -> str:
        made = gaps_of.subjects(self.round_, self.linked, product=product, township_code=town, term=self.term.value)
        made = made if self.term.value else made[made["term"] != "exempt"]
        columns = [
            "township",
            "term",
            "registered_name",
            "collected_name",
            "registered_size",
            "collected_size",
            "amount",
        ]
        table = shown(made[[*columns, "mark", "registry_cells", "collection_cells"]].head(ROWS_SHOWN))
        more = f"，列出前 {ROWS_SHOWN} 个" if len(made) > ROWS_SHOWN else ""
        return f"{html_table(table)}<div>共 {len(made)} 个主体{more}</div>"

    def _said(self, product: str, town: str) -> str:
        told = self._explained
        own = told[(told["township_code"] == town) & (told["product"] == product)]
        return "" if own.empty else str(own["explanation"].iat[0])

    def _show_pair(self, _: object = None) -> None:
        if self._busy:
            return
        at = self.pair.value
        for widget in (self.same, self.different):
            widget.disabled = not at
        self.undo.disabled = not self._made
        every = int(self.linked.known["in_review"].sum())
        self.left.value = f"这里<b>还剩 {len(self.queue)} 对</b>，全县所有品种共 {every} 对"
        self.card.value = "没有待核的。" if not at else _card(self.queue.iloc[at - 1])

    def _decide(self, *, same: bool) -> None:
        if not self.pair.value:
            raise DecisionsError("这里没有待核的。")
        row = self.queue.iloc[self.pair.value - 1]
        verdict = matching.verdict(
            row["township_code"],
            row["left_subject"],
            row["right_subject"],
            same=same,
            why=self.why.value,
            evidence=str(row["evidence"]),
            round_name=self.round_.name,
        )
        self._made.append(self.store.record(verdict, by=self.signed.person))
        self._compute()
        self._apply()
        word = "是同一个" if same else "不是同一个"
        self.status.value = escape(
            f"已保存：{row['left_name']} 和 {row['right_name']} {word}（{self.signed.who.value}）。"
        )

    def _undo(self) -> None:
        if not self._made:
            raise DecisionsError("本次打开后还没有决定可撤销。")
        self.store.undo(self._made[-1], by=self.signed.person, why=self.why.value or "撤销")
        self._made.pop()
        self._compute()
        self._apply()
        self.status.value = "已撤销，恢复原样。"

    def _explain(self) -> None:
        town, product = self.township.value, self.product.value
        if not town:
            raise DecisionsError("先选一个乡镇，再写说明。")
        gap = self.gaps.loc[(self.gaps["township_code"] == town) & (self.gaps["product"] == product), "gap_mu"].iat[0]
        verdict = gaps_of.explanation(self.round_, town, product, self.explanation.value, why=self.why.value, gap=gap)
        self._made.append(self.store.record(verdict, by=self.signed.person))
        self._compute()
        self._apply()
        self.status.value = escape(f"已保存：{self.round_.places.names[town]}的说明（{self.signed.who.value}）。")


def _card(row: pd.Series) -> str:
    """Return a pair side by side as HTML, with what speaks for it."""
    sides = {
        "名录": ("left_name", "left_village", "registered_size", "registry_cells"),
        "采集": ("right_name", "right_village", "collected_size", "collection_cells"),
    }
    columns = {"subject_name": 0, "village": 1, "size": 2, "cell": 3}
    table = pd.DataFrame({label(name): [row[fields[at]] for fields in sides.values()] for name, at in columns.items()})
    table.insert(0, "", list(sides))
    unit = codes("size_unit")[row["size_unit"]]
    said = f"{row['township']}　相似度 {row['score']:.0f}　依据：{row['evidence']}　规模单位：{unit}"
    return f"<div>{escape(said)}</div>{html_table(shown(table))}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
