"""Panels: what all panels share: their style, the line above them, who signs, tables of texts. Every text from a sheet is escaped before it becomes HTML."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from threading import RLock
from typing import Any, Final

import ipywidgets
import pandas as pd

from originmap.decisions import DecisionsError, Person
from originmap.phrases import phrase
from originmap.rounds import Round
from originmap.vocab import Lang, code

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


def title_line(round_: Round, theme: str, lang: Lang = "zh") -> str:
    """Return the line above a panel as HTML: county, theme, round, and that it is internal, or a sample."""
    sample = f"　<b style='color:#B00020'>{escape(phrase('sample', lang))}</b>" if round_.is_sample else ""
    region = round_.rules["county"]["full_name" if lang == "zh" else "name_en"]
    about = {"round": round_.name, "as_of": f"{round_.as_of:%Y-%m-%d}", "profile": code("profile", "internal", lang)}
    text = phrase("title", lang, region=region, theme=theme, **about)
    return f"<div style='font-size:13px'>{escape(text)}{sample}</div>"


class Turns:
    """Handlers of one panel, one after the other: JupyterLab may call them from several threads at a time."""

    def __init__(self) -> None:
        self._lock = RLock()

    def __call__(self, act: Callable[..., None]) -> Callable[..., None]:
        """Return `act` as a handler that waits for its turn; within its own turn it goes on."""

        def in_turn(*given: Any, **named: Any) -> None:
            with self._lock:
                act(*given, **named)

        return in_turn


class Folds:
    """Parts that a button each (`buttons`) shows and hides; an accordion's headers cannot be reached by keyboard. All of it is `view`."""

    def __init__(self, parts: Sequence[Any], titles: Sequence[str]) -> None:
        """Fold `parts` away under their titles."""
        self.buttons = [ipywidgets.ToggleButton(description=title, layout={"width": "auto"}) for title in titles]
        for button, part in zip(self.buttons, parts, strict=True):
            part.layout.display = "none"
            button.observe(partial(self._turned, part), "value")
        row = {"flex_flow": "row wrap"}
        self.view = ipywidgets.VBox([ipywidgets.HBox(self.buttons, layout=row), *parts])

    @staticmethod
    def _turned(part: Any, change: Mapping[str, Any]) -> None:
        part.layout.display = None if change["new"] else "none"


class Signature:
    """Who decides: two fields, `who` and `section`, and the `person` that they name."""

    def __init__(self, who: str = "", section: str = "", *, lang: Lang = "zh") -> None:
        """Build the fields, filled in with what is known."""
        self._lang = lang
        self.who, self.section = (
            ipywidgets.Text(value=value, description=phrase(name, lang), layout={"width": "200px"})
            for name, value in (("who", who), ("section", section))
        )

    @property
    def person(self) -> Person:
        """Who signs; raises DecisionsError while a field is empty."""
        if not self.who.value.strip() or not self.section.value.strip():
            raise DecisionsError(phrase("need_who", self._lang))
        return Person(self.who.value, self.section.value)


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
