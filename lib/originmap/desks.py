"""Desks: panels that work on what came in. Widgets are a thin shell; what they show and write is computed elsewhere."""

import hashlib
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

import ipywidgets
import pandas as pd

from originmap import intake
from originmap.corrections import field_names
from originmap.findings import RULES, SEVERITIES
from originmap.panels import CSS, html_table, title_line
from originmap.returns import write_slips
from originmap.rounds import Round, resolve
from originmap.vocab import code, codes, label, shown

CELLS_SHOWN: Final = 200
_COLUMNS: Final = ["severity", "file", "sheet", "cell", "field", "value", "message", "proposal"]
_WIDE: Final = {"width": "330px"}


class IntakeDesk:
    """Findings by township, severity and rule down to their cells, and the slips that go back.

    Attributes
    ----------
    township, severity, rule
        Menus; an empty text is all. `rule` offers what the other two leave.
    counts, table
        HTML of what is chosen.
    write, message
        The button that writes the slips of the chosen township, or of all, and what came of it.
    view
        All of it, to be displayed.
    found, rows
        Every finding, and those that are chosen.
    first
        The township chosen at first.
    """

    def __init__(self, round_: Round, *, township: str = "", out: Path | str = "outputs/returns") -> None:
        """Build the widgets; `township` (its name, a former one too) is chosen at first, `out` is where slips go.

        Raises
        ------
        ValueError
            The county has no such township.
        """
        self._round, self._out = round_, out
        self._codes = {name: town for town, name in round_.places.names.items()}
        self.found = intake.findings(round_)
        self.rows = self.found.iloc[:0]
        self.first = self._named(township)
        self._build(self.first)
        self.title = ipywidgets.HTML(CSS + title_line(round_, "收件与更正"))
        self.counts, self.message = ipywidgets.HTML(), ipywidgets.HTML()
        self.table = ipywidgets.HTML(layout={"max_height": "420px", "overflow": "auto"})
        wrap = {"flex_flow": "row wrap", "grid_gap": "4px 14px"}
        menus = ipywidgets.HBox([self.township, self.severity, self.rule], layout=wrap)
        slips = ipywidgets.HBox([self.write, self.message], layout=wrap)
        self.view = ipywidgets.VBox([self.title, menus, self.counts, self.table, slips])
        self.view.add_class("originmap")
        self._busy = False
        self._apply()
        for widget in (self.township, self.severity, self.rule):
            widget.observe(self._changed, "value")
        self.write.on_click(self._write)

    def digest(self) -> pd.DataFrame:
        """Return what the table holds now, read from the widget: how many, of which severity, where from, and its hash."""
        counts = self.rows["severity"].value_counts()
        first = self.rows.iloc[0] if len(self.rows) else None
        values = {
            "筛选": "，".join(text for text in (self.township.value, *self._chosen_words()) if text) or "全部",
            "问题": str(len(self.rows)),
            **{name: str(int(counts.get(key, 0))) for key, name in codes("severity").items()},
            "文件": str(self.rows["file"].nunique()),
            "第一处": f"{first['file']}〔{first['sheet']}〕{first['cell']}" if first is not None else "—",
            "表格行数": str(self.table.value.count("<tr>") - 1),
            "表格摘要": hashlib.sha256(self.table.value.encode()).hexdigest()[:12],
        }
        return pd.DataFrame({"值": pd.Series(values)}).rename_axis("桌上的")

    def _named(self, township: str) -> str:
        if not township:
            return ""
        town = self._round.places.township_of(pd.Series([township], dtype="str")).iat[0]
        if town not in self._round.places.names:
            raise ValueError(f"没有这个乡镇：{township}。可用：{'、'.join(self._codes)}。")
        return self._round.places.names[town]

    def _build(self, township: str) -> None:
        counts = self.found["township"].value_counts()
        towns = [
            (f"{name}（{counts.get(name, 0)}）", name)
            for name in self._codes
            if counts.get(name, 0) or name == township
        ]
        towns += [(f"{name}（{counts[name]}）", name) for name in (intake.NOBODY,) if name in counts]
        levels = [(code("severity", name), name) for name in SEVERITIES]
        self.township = ipywidgets.Dropdown(
            options=[("全部", ""), *towns], value=township, description=label("township")
        )
        self.severity = ipywidgets.Dropdown(options=[("全部", ""), *levels], value="", description=label("severity"))
        self.rule = ipywidgets.Dropdown(options=[("全部", "")], value="", description=label("rule"), layout=_WIDE)
        self.write = ipywidgets.Button(description="写更正表", tooltip="所选乡镇（不选是全部）的更正表，每个文件一份")

    def _chosen_words(self) -> list[str]:
        severity = code("severity", self.severity.value) if self.severity.value else ""
        return [severity, self.rule.value]

    def _changed(self, change: Mapping[str, Any]) -> None:
        if not self._busy:
            self._apply(keep_rules=change["owner"] is self.rule)

    def _apply(self, *, keep_rules: bool = False) -> None:
        """Choose once, then give every view its new content."""
        here = intake.chosen(self.found, township=self.township.value, severity=self.severity.value)
        if not keep_rules:
            self._offer_rules(here)
        self.rows = intake.chosen(here, rule=self.rule.value)
        counts = self.rows["severity"].value_counts()
        parts = [f"{name} {counts[key]}" for key, name in codes("severity").items() if key in counts]
        said = (
            f"{len(self.rows)} 处：{'，'.join(parts)}；{self.rows['file'].nunique()} 个文件"
            if len(self.rows)
            else "没有问题"
        )
        if len(self.rows) > CELLS_SHOWN:
            said += f"；列出前 {CELLS_SHOWN} 处"
        self.counts.value = f"<b style='font-size:15px'>{escape(said)}</b>"
        self.table.value = html_table(cells(self.rows.head(CELLS_SHOWN)))

    def _offer_rules(self, here: pd.DataFrame) -> None:
        counts = here["rule"].value_counts()
        rules = [name for name in RULES if name in counts]
        kept = self.rule.value if self.rule.value in rules else ""
        options = [
            (f"{RULES[name].zh.format(value='…', proposal='…', detail='…')}（{counts[name]}）", name) for name in rules
        ]
        self._busy = True
        try:
            self.rule.options = [("全部", ""), *options]
            self.rule.value = kept
        finally:
            self._busy = False

    def _write(self, _: object) -> None:
        town = self._codes.get(self.township.value)
        if self.township.value and town is None:
            self.message.value = "这些问题定不了乡镇，没有更正表。"
            return
        self.message.value = "正在写……"
        folder = resolve(self._out)
        try:
            written = write_slips(self._round, folder, townships=[town] if town else None)
        except OSError as error:
            self.message.value = f"写不了：{escape(str(error.strerror or error))} {escape(Path(error.filename or '').name)}。请关闭打开着的表再试。"
            return
        names = "、".join(path.name for path in written[:5]) + (" 等" if len(written) > 5 else "")
        self.message.value = (
            f"已写 {len(written)} 份到 {escape(str(self._out))}：{escape(names)}。工作件，勿外传。"
            if written
            else "没有要更正的。"
        )


def cells(found: pd.DataFrame) -> pd.DataFrame:
    """Return findings for people: severity, file, sheet, cell, field, what stands there, what is wrong, what is proposed."""
    return shown(found[_COLUMNS].assign(field=field_names(found)))
