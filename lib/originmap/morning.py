"""Morning: the analyst's desk. Pick a round and a moment, read the folder again, see what is to be done, make everything with one button.

Widgets are a thin shell; what they show and write is computed elsewhere. The folder is looked at again and again, so that a new file is noticed.
"""

import asyncio
import contextlib
import hashlib
import os
from html import escape
from pathlib import Path
from typing import Any, Final

import ipywidgets
import pandas as pd

from originmap import alerts, changes, outgoing, progress, receipts, vocab
from originmap.archives import list_files
from originmap.earlier import ROUND_NAME
from originmap.notebooks import committed, point_at
from originmap.panels import CSS, html_table, title_line
from originmap.publishing import OutputError
from originmap.report import Settings, write_report
from originmap.rounds import PROJECT, InboxError, Round, earlier_rounds, open_round, parse_as_of, resolve
from originmap.rules import RulesError

WATCH_SECONDS: Final = 3.0
_WIDE: Final = {"width": "260px"}


class MorningDesk:
    """The first page: round, moment, three lines, today's list, the progress table, all outputs.

    Attributes
    ----------
    round, as_of, reread
        The menu of the county's rounds, the moment (empty is the end of the round's month), the button that reads again.
    changed
        Says when files have come, gone or changed since the folder was read.
    headline, today, sentence, table, lines
        HTML of what was read: three lines, today's list, the sentence, table (a), the receipts that wait for a person.
    register
        The button that writes the proposed lines into the round's folder, to be filled in there.
    make, bar, message
        The button for all outputs, its progress, and what came of it.
    view
        All of it, to be displayed.
    opened
        The round that is shown.
    """

    def __init__(
        self,
        inbox: Path | str,
        *,
        as_of: str = "",
        rules: str = "",
        out: Path | str = "outputs/report",
        watch: bool = True,
    ) -> None:
        """Read the round and build the widgets; `out` is where everything is written.

        Raises
        ------
        InboxError
            As ``rounds.open_round``.
        """
        self._rules, self._out = rules, out
        folder = resolve(inbox)
        siblings = {
            item.name: item
            for item in folder.resolve().parent.iterdir()
            if ROUND_NAME.fullmatch(item.name) and item.is_dir()
        }
        self._folders = dict(sorted({**siblings, folder.resolve().name: folder}.items(), reverse=True))
        self.opened: Round = open_round(folder, as_of=as_of, rules=rules or None)
        self._before: Round | None = None
        self._seen = ""
        self._build(folder.resolve().name, as_of)
        self._show()
        self.reread.on_click(self._read)
        self.round.observe(self._read, "value")
        self.make.on_click(self._make)
        self.register.on_click(self._register)
        if watch:
            with contextlib.suppress(RuntimeError):
                # Kept, or the loop may let go of it.
                self._task = asyncio.get_running_loop().create_task(self._watch())

    def digest(self) -> pd.DataFrame:
        """Return what the page holds now, read from the widgets: its round and moment, rows of its tables, and a hash of each."""
        parts = {"今天要办": self.today, "进度表": self.table, "待登记": self.lines}
        values = {
            "批次": self.round.value,
            "截至": f"{self.opened.as_of:%Y-%m-%d %H:%M}",
            "文件夹": (self.changed.value and "有变动") or "没有变动",
        }
        for name, widget in parts.items():
            values[f"{name}行数"] = str(max(widget.value.count("<tr>") - 1, 0))
            values[f"{name}摘要"] = hashlib.sha256(widget.value.encode()).hexdigest()[:12]
        return pd.DataFrame({"值": pd.Series(values)}).rename_axis("页上的")

    def _build(self, name: str, as_of: str) -> None:
        self.round = ipywidgets.Dropdown(options=list(self._folders), value=name, description="批次")
        self.as_of = ipywidgets.Text(
            value=as_of, description="截至", placeholder="2023-03-15 17:00，空着是月底", layout=_WIDE
        )
        self.reread = ipywidgets.Button(description="重新读取", icon="refresh", tooltip="再读一遍这个批次的文件夹")
        self.make = ipywidgets.Button(
            description="全部出齐", button_style="primary", tooltip="地图、表格、简报、笔记本、各乡镇工作件"
        )
        self.register = ipywidgets.Button(description="列出待登记的件", tooltip="写进批次文件夹，补上收到时间和登记人")
        self.bar = ipywidgets.IntProgress(value=0, max=1, layout={"width": "260px", "visibility": "hidden"})
        self.title, self.changed, self.message = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.headline, self.sentence, self.links = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        scroll = {"max_height": "420px", "overflow": "auto"}
        self.today, self.lines = ipywidgets.HTML(), ipywidgets.HTML(layout={"max_height": "200px", "overflow": "auto"})
        self.table = ipywidgets.HTML(layout=scroll)
        wrap = {"flex_flow": "row wrap", "grid_gap": "4px 14px"}
        self.view = ipywidgets.VBox([
            self.title, ipywidgets.HBox([self.round, self.as_of, self.reread, self.changed], layout=wrap), self.headline,
            _head("今天要办"), self.today, _head("进度"), self.sentence, self.table, _head("没有登记的件"), self.lines,
            ipywidgets.HBox([self.register], layout=wrap), _head("出件"), ipywidgets.HBox([self.make, self.bar], layout=wrap), self.message,
            self.links,
        ])  # fmt: skip
        self.view.add_class("originmap")

    # ---- what is shown ----

    def _show(self) -> None:
        round_ = self.opened
        names = {code: product.name for code, product in round_.rules.products.items()}
        self._seen = folder_state(round_.folder)
        self._before = next(iter(earlier_rounds(round_, count=1, rules=self._rules or None)), None)
        found = progress.status(round_)
        changed = changes.changes(self._before, round_) if self._before is not None else None
        told = alerts.alerts(round_, found, changes=changed, before=self._before)
        self.title.value = CSS + title_line(round_, "报送与待办")
        self.changed.value = ""
        self.headline.value = "".join(f"<div>{escape(line)}</div>" for line in round_.headline())
        self.today.value = html_table(vocab.shown(alerts.daily(told)))
        self.sentence.value = f"<p style='user-select:all'>{escape(progress.sentence(round_, found))}</p>"
        self.table.value = html_table(vocab.shown(progress.table(round_, found), products=names))
        lines = receipts.proposed(round_.files, round_.receipts, round_.sheets, round_.places)
        self.lines.value = html_table(vocab.shown(lines[["乡镇", "文件"]])) if len(lines) else "都登记了。"
        self.register.disabled = not len(lines)
        self.links.value = links()

    def _read(self, _: object = None) -> None:
        """Read the chosen round at the chosen moment; what cannot be read leaves the page as it was and says why."""
        text = self.as_of.value.strip()
        self.changed.value = "正在读……"
        try:
            opened = open_round(
                self._folders[self.round.value], as_of=parse_as_of(text) if text else None, rules=self._rules or None
            )
        except (InboxError, RulesError) as error:
            self.changed.value = f"<b style='color:#B00020'>{escape(str(error))}</b>"
            return
        self.opened = opened
        self._show()
        # The working copies beside this one open with the same round; the committed notebooks stay as they are.
        if Path.cwd().resolve() != (PROJECT / "notebooks").resolve():
            point_at(Path.cwd(), inbox=str(opened.folder), as_of=text)

    # ---- new files ----

    def look(self) -> bool:
        """Look at the folder; tell, and say on the page, whether it is another than the one that was read."""
        now = folder_state(self.opened.folder)
        other = now != self._seen
        if other:
            self.changed.value = "<b style='color:#B00020'>文件夹有变动，请重新读取。</b>"
        return other

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            with contextlib.suppress(OSError):
                self.look()

    # ---- what is written ----

    def _register(self, _: object) -> None:
        round_ = self.opened
        lines = receipts.proposed(round_.files, round_.receipts, round_.sheets, round_.places)
        try:
            path = outgoing.write_proposals(lines, round_.folder)
        except OSError as error:
            self.message.value = f"写不了：{escape(str(error.strerror or error))}。请关闭打开着的表再试。"
            return
        self.message.value = f"已写 {len(lines)} 行到 {escape(path.name)}（在批次文件夹里）。补上收到时间和登记人，再重新读取；没有补的行不算数。"

    def _make(self, _: object) -> None:
        settings = Settings(
            inbox=self.opened.folder.resolve(),
            as_of=self.as_of.value.strip(),
            rules=resolve(self._rules) if self._rules else None,
        )
        self.make.disabled, self.bar.layout.visibility = True, "visible"
        self.message.value = "正在出……"
        try:
            _, place = write_report(settings, resolve(self._out), tell=self._tell)
        except (OutputError, InboxError, RulesError, OSError) as error:
            self.message.value = f"<b style='color:#B00020'>没有出成：{escape(str(error))}</b>"
        else:
            count = sum(1 for path in place.rglob("*") if path.is_file())
            self.message.value = f"出齐了：{escape(str(self._out))}，{count} 个文件，从 index.html 看起。"
        finally:
            self.make.disabled, self.bar.layout.visibility = False, "hidden"

    def _tell(self, done: int, total: int, what: str) -> None:
        self.bar.max, self.bar.value = total, done
        self.message.value = f"正在出：{escape(what)}（{done}/{total}）"


def folder_state(folder: Path) -> str:
    """Return what a folder holds, as one text: names, sizes and times of its files. It decides nothing but whether to read again."""
    stats = [(path.relative_to(folder).as_posix(), path.stat()) for path in list_files(folder)]
    return hashlib.sha256(
        "\n".join(f"{name}\x1f{stat.st_size}\x1f{stat.st_mtime_ns}" for name, stat in stats).encode()
    ).hexdigest()


def links() -> str:
    """Return the other notebooks as HTML; a plain page that serves this one alone has no links, and says how to open them."""
    names = [path.stem for path in committed() if path.stem != "00_start_here"]
    alone = os.environ.get("SERVER_SOFTWARE", "").startswith("voila") and "/voila/render/" not in os.environ.get(
        "SCRIPT_NAME", ""
    )
    if alone:
        return f"其他各页：{'、'.join(names)}；用 originmap lab 打开，或 originmap app --notebook 页名。"
    return "　".join(f"<a href='{name}.ipynb' target='_blank'>{name}</a>" for name in names)


def _head(text: str) -> Any:
    return ipywidgets.HTML(f"<h3 style='margin:10px 0 2px'>{escape(text)}</h3>")
