"""Confirm: the panel in which points and plots taken in the field are read from a file, held against the records, and adopted one by one or together.

Reading and matching are `survey`'s, the decisions `decisions`'; a file by itself changes nothing.
"""

from html import escape
from pathlib import Path
from typing import Any

import ipywidgets
import pandas as pd

from originmap import survey
from originmap.datum import CANDIDATES
from originmap.decisions import DecisionsError, Person, Store
from originmap.panels import CSS
from originmap.proposals import Proposals
from originmap.rounds import Round
from originmap.vocab import code


class Confirm:
    """A file of field points: what each is matched to and why, and which are adopted.

    Attributes
    ----------
    upload, path, read
        A file from the browser, or one on this machine by its path and the button that reads it.
    datum
        What the file's degrees are in.
    chosen
        The features that are to be adopted; those that are sure are chosen beforehand. `value` is a tuple of labels of `matches`.
    who, section, why
        Who decides, and why (the file and the feature's name, if empty).
    adopt, undo
        Buttons: adopt the chosen ones, take back what was adopted last.
    features, matches
        The file as ``survey.read`` and ``survey.match`` give it.
    status, table
        HTML: what was done, and every feature of the file, matched or not.
    view
        All of it, to be displayed.
    """

    def __init__(self, round_: Round, made: Proposals, store: Store, *, who: str = "", section: str = "") -> None:
        """Build the widgets; decisions go to `store`, nowhere else."""
        self.round_, self.proposals, self.store = round_, made, store
        self.features, self.matches = pd.DataFrame(), pd.DataFrame()
        self._done: list[str] = []
        box = ipywidgets
        slim = {"description_width": "auto"}

        def button(text: str, tip: str, act: Any) -> ipywidgets.Button:
            built = box.Button(description=text, tooltip=tip, layout={"width": "104px"})
            built.on_click(lambda _: self._try(act))
            return built

        self.upload = box.FileUpload(accept=",".join(survey.SUFFIXES), multiple=False, description="选文件")
        self.path = box.Text(
            description="或路径", placeholder="外业/3月20日.gpx", layout={"width": "400px"}, style=slim
        )
        self.read = button("读取", "读这个路径的文件", self._read_path)
        datums = [(code("datum", name), name) for name in CANDIDATES]
        self.datum = box.Dropdown(options=datums, description="坐标系", layout={"width": "260px"}, style=slim)
        self.chosen = box.SelectMultiple(options=[], rows=8, layout={"width": "900px"})
        self.who = box.Text(value=who, description="决定人", layout={"width": "190px"}, style=slim)
        self.section = box.Text(value=section, description="科室", layout={"width": "190px"}, style=slim)
        self.why = box.Text(description="理由", placeholder="不填则写文件和名称", layout={"width": "430px"}, style=slim)
        self.adopt = button("采用所选", "把选中的点和地块记为这些记录的决定", self._adopt)
        self.undo = button("撤销", "撤销刚才采用的全部", self._undo)
        self.status, self.table = box.HTML(), box.HTML()
        self.upload.observe(lambda _: self._try(self._read_upload), "value")
        self.datum.observe(lambda _: self._try(self._again), "value")
        self._content: tuple[bytes, str] | None = None
        self.view = box.VBox(
            [
                box.HTML(CSS),
                box.HBox([self.upload, self.path, self.read, self.datum]),
                self.table,
                box.HTML("<b>要采用的</b>（按住 Ctrl 可多选；拿得准的已先选上）"),
                self.chosen,
                box.HBox([self.who, self.section, self.why]),
                box.HBox([self.adopt, self.undo]),
                self.status,
            ]
        ).add_class("originmap")
        self._enable()

    def load(self, content: bytes, file: str) -> None:
        """Read a file's bytes and show what each feature is matched to; raises DecisionsError for one that cannot be used."""
        features = survey.read(content, file, datum=self.datum.value)
        self._content, self.features = (content, file), features
        self.matches = survey.match(features, self.round_, self.proposals)
        products = {name: product.name for name, product in self.round_.rules.products.items()}
        shown = survey.shown(self.matches, products)
        options = [
            (
                f"{number}. {one['文件里的名称']}（{one['类别']}）→ {one['乡镇']} {one['种养殖主体']} {one['产品']}",
                label,
            )
            for (number, one), label in zip(shown.iterrows(), self.matches.index, strict=True)
            if pd.notna(self.matches.loc[label, "row"])
        ]
        self.chosen.options = options
        self.chosen.value = tuple(self.matches.index[self.matches["sure"]])
        self.table.value = _table(shown)
        lost = int(self.matches["row"].isna().sum())
        self.status.value = escape(
            f"{file}：{len(shown)} 个要素，{len(options)} 个对到记录，{int(self.matches['sure'].sum())} 个拿得准；"
            f"{lost} 个对不上，列在表里，不会丢。"
        )
        self._enable()

    def _try(self, act: Any) -> None:
        try:
            act()
        except (DecisionsError, ValueError, OSError) as error:
            said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            self.status.value = f"<b style='color:#A03000'>{escape(said)}</b>"

    def _read_upload(self) -> None:
        for one in self.upload.value:
            self.load(bytes(one["content"]), str(one["name"]))

    def _read_path(self) -> None:
        path = Path(self.path.value.strip()).expanduser()
        if not path.is_file():
            raise DecisionsError(f"没有这个文件：{self.path.value.strip() or '（未填）'}")
        self.load(survey.content(path), path.name)

    def _again(self) -> None:
        if self._content is not None:
            self.load(*self._content)

    def _adopt(self) -> None:
        person = Person(self.who.value, self.section.value)
        if not self.chosen.value:
            raise DecisionsError("先选要采用的。")
        made = survey.decided(self.features, self.matches, self.chosen.value, self.round_, why=self.why.value)
        self._done = [self.store.record(verdict, by=person) for verdict in made]
        self.chosen.value = ()
        self.status.value = f"已保存 {len(made)} 条决定（{escape(person.name)}）；重新打开批次即生效。"
        self._enable()

    def _undo(self) -> None:
        person = Person(self.who.value, self.section.value)
        for made in reversed(self._done):
            self.store.undo(made, by=person, why=self.why.value or "撤销")
        self.status.value = f"已撤销 {len(self._done)} 条。"
        self._done = []
        self._enable()

    def _enable(self) -> None:
        self.adopt.disabled = not self.chosen.options
        self.undo.disabled = not self._done


def _table(shown: pd.DataFrame) -> str:
    head = "".join(
        f"<th style='white-space:nowrap'>{escape(name)}</th>" for name in (str(shown.index.name), *shown.columns)
    )
    lines = [
        "<tr>" + "".join(f"<td>{escape(str(text))}</td>" for text in (number, *row)) + "</tr>"
        for number, row in zip(shown.index, shown.to_numpy(), strict=True)
    ]
    return f"<div style='overflow:auto;max-height:340px'><table class='om-rows'><tr>{head}</tr>{''.join(lines)}</table></div>"
