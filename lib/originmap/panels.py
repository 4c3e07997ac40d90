"""Panels: what all panels share: their style, the line above them, tables of texts. Every text from a sheet is escaped before it becomes HTML."""

from html import escape
from typing import Final

import pandas as pd

from originmap.rounds import Round
from originmap.vocab import code

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
