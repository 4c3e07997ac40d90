"""Confirm: the panels in which people stand in for whole files: the datum of a township's file, and the points and plots of a field file.

What is proposed is `diagnosis`'s and `survey`'s, the decisions are `decisions`'; nothing by itself changes anything.
"""

from html import escape
from pathlib import Path
from typing import Any

import ipywidgets
import pandas as pd

from originmap import survey, verdicts
from originmap.datum import CANDIDATES
from originmap.decisions import DecisionsError, Store
from originmap.panels import CSS, Signature
from originmap.proposals import Proposals
from originmap.rounds import Round
from originmap.vocab import code, codes


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
    signed, why
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
        self.signed = Signature(who, section)
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
                box.HBox([self.signed.who, self.signed.section, self.why]),
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
        person = self.signed.person
        if not self.chosen.value:
            raise DecisionsError("先选要采用的。")
        made = survey.decided(self.features, self.matches, self.chosen.value, self.round_, why=self.why.value)
        self._done = [self.store.record(verdict, by=person) for verdict in made]
        self.chosen.value = ()
        self.status.value = f"已保存 {len(made)} 条决定（{escape(person.name)}）；重新打开批次即生效。"
        self._enable()

    def _undo(self) -> None:
        person = self.signed.person
        for made in reversed(self._done):
            self.store.undo(made, by=person, why=self.why.value or "撤销")
        self.status.value = f"已撤销 {len(self._done)} 条。"
        self._done = []
        self._enable()

    def _enable(self) -> None:
        self.adopt.disabled = not self.chosen.options
        self.undo.disabled = not self._done


class Datums:
    """The files whose datum nobody has vouched for: what their points speak for, confirmed one by one or as proposed.

    Attributes
    ----------
    file, datum
        Which file, and which datum it is to be; the proposed one, where there is one.
    signed, why
        Who decides, and why (the evidence, if empty).
    save, save_all, undo
        Buttons: confirm this file, confirm every file as proposed, take back what was confirmed last.
    left
        The files that wait, columns as ``diagnosis.COLUMNS``: those in another datum than WGS84 first, those that cannot be told last.
    status, table
        HTML: what was done, and all that waits.
    view
        All of it, to be displayed.
    """

    def __init__(self, round_: Round, made: Proposals, store: Store, *, who: str = "", section: str = "") -> None:
        """Build the widgets; decisions go to `store`, nowhere else."""
        self.round_, self.store = round_, store
        told = made.datums
        order = told["datum"].map({"gcj02": 0, "bd09": 0, "wgs84": 1}).fillna(2)
        self.left = told.assign(order=order).sort_values(["order", "file"]).drop(columns="order").reset_index(drop=True)
        self._done: list[tuple[str, pd.DataFrame]] = []
        box = ipywidgets
        slim = {"description_width": "auto"}
        self.file = box.Dropdown(options=[], description="文件", layout={"width": "520px"}, style=slim)
        names = [(code("datum", name), name) for name in CANDIDATES]
        self.datum = box.Dropdown(
            options=[("—", ""), *names], description="坐标系", layout={"width": "260px"}, style=slim
        )
        self.signed = Signature(who, section)
        self.why = box.Text(description="理由", placeholder="不填则写依据", layout={"width": "430px"}, style=slim)
        self.save = box.Button(description="认定", tooltip="认定这个文件的坐标系")
        self.save_all = box.Button(
            description="全部按建议认定", tooltip="有建议的文件都按建议认定", layout={"width": "140px"}
        )
        self.undo = box.Button(description="撤销", tooltip="撤销刚才认定的")
        self.status, self.table = box.HTML(), box.HTML()
        for button, act in ((self.save, self._save), (self.save_all, self._save_all), (self.undo, self._undo)):
            button.on_click(lambda _, act=act: self._try(act))
        self.file.observe(lambda _: self._suggest(), "value")
        self.view = box.VBox(
            [
                box.HTML(CSS),
                self.table,
                box.HBox([self.file, self.datum]),
                box.HBox([self.signed.who, self.signed.section, self.why]),
                box.HBox([self.save, self.save_all, self.undo]),
                self.status,
            ]
        ).add_class("originmap")
        self._show()

    def shown(self) -> pd.DataFrame:
        """Return what waits, for people: file, points, subjects compared, the datum proposed, how sure, and why or why not."""
        told = self.left
        sure = told["confidence"].clip(upper=0.999).map("{:.1%}".format).where(told["datum"].notna(), "—")
        frame = {
            "文件": told["file"],
            "坐标": told["points"],
            "可比的主体": told["anchors"],
            "建议": told["datum"].map(codes("datum")).fillna("判断不了"),
            "把握": sure,
            "依据": told["reason"].map(codes("datum_reason")),
        }
        return pd.DataFrame(frame).set_axis(range(1, len(told) + 1)).rename_axis("序号")

    def _try(self, act: Any) -> None:
        try:
            act()
        except DecisionsError as error:
            self.status.value = f"<b style='color:#A03000'>{escape(str(error))}</b>"

    def _show(self) -> None:
        shown = self.shown()
        self.table.value = _table(shown)
        self.file.options = [(f"{one['文件']}（{one['建议']}）", one["文件"]) for one in shown.to_dict("records")]
        self.file.value = next(iter(self.left["file"]), None)
        waits = bool(len(shown))
        self.save.disabled, self.save_all.disabled = not waits, not self.left["datum"].notna().any()
        self.undo.disabled = not self._done
        if not waits:
            self.table.value = "<b>没有待认定坐标系的文件。</b>"
        self._suggest()

    def _suggest(self) -> None:
        told = self.left.loc[self.left["file"] == self.file.value, "datum"].dropna()
        self.datum.value = str(told.iat[0]) if len(told) else ""

    def _save(self) -> None:
        if not self.file.value or not self.datum.value:
            raise DecisionsError("先选文件和坐标系；判断不了的，问过采集员再选。")
        self._record(self.left[self.left["file"] == self.file.value].assign(datum=self.datum.value))

    def _save_all(self) -> None:
        self._record(self.left[self.left["datum"].notna()])

    def _record(self, rows: pd.DataFrame) -> None:
        person = self.signed.person
        gone = self.left[self.left["file"].isin(list(rows["file"]))]
        reasons = codes("datum_reason")
        for one in rows.to_dict("records"):
            why = self.why.value.strip() or f"依据：{reasons[one['reason']]}，{one['anchors']} 个主体"
            verdict = verdicts.datum_verdict(self.round_.name, one["file"], one["datum"], why=why)
            self._done.append((self.store.record(verdict, by=person), gone[gone["file"] == one["file"]]))
            self.left = self.left[self.left["file"] != one["file"]].reset_index(drop=True)
        self._show()
        self.status.value = f"已认定 {len(rows)} 个文件（{escape(person.name)}）；重新打开批次即生效。"

    def _undo(self) -> None:
        made, row = self._done[-1]
        self.store.undo(made, by=self.signed.person, why=self.why.value or "撤销")
        self._done = self._done[:-1]
        self.left = pd.concat([row, self.left], ignore_index=True)
        self._show()
        self.status.value = f"已撤销：{escape(str(row['file'].iat[0]))}。"


def _table(shown: pd.DataFrame) -> str:
    head = "".join(
        f"<th style='white-space:nowrap'>{escape(name)}</th>" for name in (str(shown.index.name), *shown.columns)
    )
    lines = [
        "<tr>" + "".join(f"<td>{escape(str(text))}</td>" for text in (number, *row)) + "</tr>"
        for number, row in zip(shown.index, shown.to_numpy(), strict=True)
    ]
    return f"<div style='overflow:auto;max-height:340px'><table class='om-rows'><tr>{head}</tr>{''.join(lines)}</table></div>"
