"""Locate: the panel in which somebody walks through doubtful points, or opens any record, and decides; saved at every step.

The proposals are computed in `proposals`, the decision is written by `decisions`; here are only the controls between them. All of them are
native and reached by keyboard; every text from a sheet is escaped before it becomes HTML.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import Any, Final

import ipyleaflet
import ipywidgets
import pandas as pd
import shapely

from originmap import decisions, maps, proposals, testimony, verdicts
from originmap.decisions import DecisionsError, Store, Verdict
from originmap.drawing import Drawing
from originmap.panels import CSS, Signature
from originmap.proposals import Proposals
from originmap.rounds import Round
from originmap.vocab import code

_TOWN_ZOOM: Final = 11.5
_MOST_FOUND: Final = 50
_KINDS: Final = ("point", "size", "plot", "proposal_refused")


class Locate:
    """Doubtful points one after the other: readings drawn, evidence beside, accept, refuse, drag, type, outline, undo.

    Attributes
    ----------
    previous, following, accept, refuse, undo, place
        Buttons: back, on, take the point where the marker stands, refuse the chosen reading, take back the last decision (of this sitting, else
        of the record shown), put the marker where `lon` and `lat` say.
    find, found
        Words that a record has, and the records that have them: any can be opened, not only those of the queue.
    reading
        Which reading the marker is put on; the readings stand best first, then where people have decided.
    lon, lat, why, signed
        Texts: degrees in WGS84, the reason, and who decides.
    drawing
        The controls of the plot, see `drawing.Drawing`.
    marker
        The point to be accepted; it can be dragged.
    map, candidates, cells
        The ipyleaflet map, the readings as one layer, the townships.
    status, evidence, left, ledger
        HTML: what was saved, what speaks for each reading and what stands decided, how many are left, what became of all decisions.
    view
        All of it, to be displayed.
    """

    def __init__(
        self,
        round_: Round,
        made: Proposals,
        store: Store,
        *,
        who: str = "",
        section: str = "",
        earlier: Sequence[Round] = (),
    ) -> None:
        """Build the widgets at the first record of the queue; decisions go to `store`, nowhere else."""
        self.round_, self.proposals, self.store, self.earlier = round_, made, store, earlier
        self.rows = list(made.queue.index)
        self.at = 0
        self.decided: dict[int, str] = {}
        self._aside: Proposals | None = None
        self._row_of = dict(zip(round_.decisions["id"], round_.decisions["row"], strict=True))
        self._standing = pd.DataFrame()
        self._spots: dict[str, tuple[float, float]] = {}
        self._history: list[tuple[int, str]] = []
        self._how = "entered"
        self._busy = False
        self._build(who, section)
        self._show()

    @property
    def current(self) -> pd.Series | None:
        """The record that is shown, None when there is nothing to decide."""
        if self._aside is not None:
            return self._aside.queue.iloc[0]
        return self.proposals.queue.loc[self.rows[self.at]] if self.rows else None

    def readings(self) -> pd.DataFrame:
        """Return the readings of the record that is shown, those refused left out, the best first."""
        row = self.current
        rows = (self._aside or self.proposals).candidates
        if row is None:
            return rows.iloc[:0]
        entries = self._standing[self._standing["kind"] == "proposal_refused"]
        gone = [target["reading"] for target in entries["target"]]
        return rows[(rows["row"] == row.name) & ~rows["reading"].isin(gone)]

    def digest(self) -> pd.DataFrame:
        """Return what the panel shows, read from its widgets."""
        row = self.current
        spot = "—" if not self.marker.visible else f"{self.marker.location[1]:.6f},{self.marker.location[0]:.6f}"
        facts = {
            "还剩": str(len(self.rows) - len(self.decided)),
            "主体": "—" if row is None else str(row["subject_name"]),
            "原文": "—" if row is None or pd.isna(row["text"]) else str(row["text"]),
            "读法": "、".join(code("reading", str(name)) for name in self.readings()["reading"]) or "—",
            "图上各读法": str(len(self.candidates.data["features"])),
            "待采用的点": spot,
            "地块": self.drawing.told.value or "—",
        }
        return pd.DataFrame({"值": facts}).rename_axis("项")

    def show(self, row: int) -> None:
        """Show one record (its label), be it in the queue or not."""
        if row in self.rows:
            self.at, self._aside = self.rows.index(row), None
        else:
            self._aside = proposals.of_record(self.round_, row, self.proposals.datums, earlier=self.earlier)
        self.status.value = ""
        self._show()

    def _build(self, who: str, section: str) -> None:
        box = ipywidgets

        def button(text: str, tip: str, act: Any, width: str = "104px") -> ipywidgets.Button:
            made = ipywidgets.Button(description=text, tooltip=tip, layout={"width": width})
            made.on_click(lambda _: self._try(act))
            return made

        def text(name: str, width: str, hint: str = "") -> ipywidgets.Text:
            slim = {"description_width": "auto"}
            return box.Text(description=name, placeholder=hint, layout={"width": width}, style=slim)

        self.previous = button("上一个", "回到前一条", lambda: self._go(-1))
        self.following = button("下一个", "看后一条", lambda: self._go(1))
        self.accept = button("采用此点", "把图上标记的位置定为这条记录的点位", self._accept)
        self.accept.button_style = "primary"
        self.refuse = button("不采用此读法", "记下这种读法不对", self._refuse, "120px")
        self.undo = button("撤销", "撤销本次最近的一个决定；本次没有，则撤销这条记录已有的最近一个决定", self._undo)
        self.place = button("放到此处", "把标记放到填写的经纬度", self._place)
        self.reading = box.Dropdown(
            options=[("—", "")], description="读法", layout={"width": "330px"}, style={"description_width": "auto"}
        )
        self.lon, self.lat = text("经度", "170px", "118.0501"), text("纬度", "170px", "25.2301")
        self.why, self.signed = text("理由", "430px", "如：电话核实"), Signature(who, section)
        self.find = text("找记录", "260px", "主体、乡镇、产品，空格分开")
        self.find.continuous_update = False  # on enter: a large county is not searched at each letter
        self.found = box.Dropdown(options=[("—", -1)], layout={"width": "470px"})
        self.status, self.evidence, self.left, self.card, self.ledger = (box.HTML() for _ in range(5))
        names = {name: product.name for name, product in self.round_.rules.products.items()}
        self.ledger.value = testimony.ledger(decisions.plain(self.round_.decisions), names)
        self.cells = maps.cell_layer(maps.cells(self.round_.places))
        dots = {"radius": 8, "weight": 2}
        self.candidates = ipyleaflet.GeoJSON(data=testimony.collection([]), name="各种读法", point_style=dots)
        self.marker = ipyleaflet.Marker(location=(0.0, 0.0), draggable=True, visible=False, title="拖动到正确的位置")
        note = maps.map_note(self.round_.places, is_sample=self.round_.is_sample)
        self.map = maps.township_map(
            self.round_.places, [self.cells, maps.label_layer(self.round_.places), self.candidates], note=note
        )
        self.drawing = Drawing(
            self.map, self.round_.places, save=lambda: self._try(self._keep_plot), spot=self._marker_spot
        )
        self.map.add(self.drawing.layer)
        self.map.add(self.marker)
        self.reading.observe(self._chosen, "value")
        self.marker.observe(self._dragged, "location")
        self.find.observe(self._look_for, "value")
        self.found.observe(lambda change: self.show(int(change["new"])) if change["new"] >= 0 else None, "value")
        self.view = box.VBox(
            [
                box.HTML(CSS),
                box.HBox([self.previous, self.following, self.left], layout={"align_items": "center"}),
                box.HBox([self.find, self.found]),
                self.card,
                box.HBox([self.map, box.VBox([self.evidence], layout={"width": "500px", "overflow": "auto"})]),
                box.HBox([self.reading, self.lon, self.lat, self.place]),
                self.drawing.view,
                box.HBox([self.signed.who, self.signed.section, self.why]),
                box.HBox([self.accept, self.refuse, self.undo]),
                self.status,
                self.ledger,
            ]
        ).add_class("originmap")
        self.map.layout.width = "660px"

    def _try(self, act: Any) -> None:
        """Run what a button does; what cannot be done is said under the buttons, never a traceback."""
        try:
            act()
        except (DecisionsError, ValueError) as error:
            self.status.value = f"<b style='color:#A03000'>{escape(str(error))}</b>"

    def _go(self, step: int) -> None:
        if self._aside is not None:
            self._aside, step = None, 0
        if self.rows:
            self.at = (self.at + step) % len(self.rows)
        self.status.value = ""
        self._show()

    def _look_for(self, _: Any) -> None:
        """List the records that have all the words."""
        records = self.round_.records[self.round_.records["status"] != "duplicate"]
        names = {name: product.name for name, product in self.round_.rules.products.items()}
        parts = [records["township"], records["subject_name"], records["product"].map(names), records["village"]]
        shown = parts[0].fillna("").str.cat([part.fillna("") for part in parts[1:]], sep=" ")
        shown = shown + "　" + records["source_file"] + " 第 " + records["source_row"].astype("str") + " 行"
        for word in self.find.value.split():
            shown = shown[shown.str.contains(word, regex=False) | (records["record_id"].reindex(shown.index) == word)]
        listed = [(text, int(row)) for row, text in shown.head(_MOST_FOUND).items()] if self.find.value.strip() else []
        said = f"{len(shown)} 条，请选" if listed else "没有这样的记录" if self.find.value.strip() else "—"
        self.found.options = [(said, -1), *listed]

    def _show(self) -> None:
        """Bring every widget in line with the record that is shown."""
        row = self.current
        for widget in (self.accept, self.refuse, self.place, self.reading):
            widget.disabled = row is None
        self.previous.disabled = self.following.disabled = not self.rows
        left = len(self.rows) - len(self.decided)
        where = "另行打开的记录" if self._aside is not None else f"第 {self.at + 1} / {len(self.rows)} 条"
        self.left.value = (
            f"{where}，<b>还剩 {left} 条</b>" if self.rows or row is not None else "<b>没有待定的点位。</b>"
        )
        self._standing = self._decided_about(row)
        self.undo.disabled = not self._history and self._standing.empty
        if row is None:
            return
        told = self.readings()
        done = "　<b style='color:#00664B'>已定</b>" if row.name in self.decided else ""
        self.card.value = (
            f"<b>{escape(str(row['township']))}　{escape(str(row['subject_name']))}</b>{done}　"
            f"{self._product(row)}　原文“{escape('' if pd.isna(row['text']) else str(row['text']))}”　"
            f"{escape(str(row['source_file']))} 第 {row['source_row']} 行　{testimony.datum(row, self.round_.datums, self.proposals.datums)}"
        )
        shown = self._standing[self._standing["kind"] != "undo"]
        self.evidence.value = testimony.table(told, row) + testimony.on_record(shown)
        said = self._standing[self._standing["kind"] == "point"].to_dict("records")
        self.candidates.data = testimony.dots(told, [one["after"] for one in said])
        self._spots = {str(one["reading"]): (one["lon"], one["lat"]) for one in told.to_dict("records")}
        named = [(f"{n}. {code('reading', name)}", name) for n, name in enumerate(self._spots, start=1)]
        named += [(f"{one['who']} {str(one['at'])[:10]} 的决定", str(one["id"])) for one in said]
        self._spots |= {str(one["id"]): (one["after"]["lon"], one["after"]["lat"]) for one in said}
        holds = [str(one["id"]) for one in said if one["state"] == "active"]
        self._busy = True
        self.reading.options = [*named, ("—", "")]
        self.reading.value = holds[-1] if holds else named[0][1] if named else ""
        self._busy = False
        kept = [one["geometry"] for one in self._standing.loc[self._standing["kind"] == "plot", "after"]]
        area = self.round_.records["area_mu"].get(row.name)
        self.drawing.show(kept, None if pd.isna(area) else float(area))
        self._put_on_reading()
        self._look(row, kept)

    def _product(self, row: pd.Series) -> str:
        product = self.round_.rules.products.get(str(row["product"]))
        record = self.round_.records.loc[row.name]
        size = "" if pd.isna(record["size_value"]) else f" {record['size_value']:g}"
        unit = code("size_unit", record["size_unit"]) if size and pd.notna(record["size_unit"]) else ""
        return escape((product.name if product else "—") + size + unit)

    def _decided_about(self, row: pd.Series | None) -> pd.DataFrame:
        """Return what stands decided about a record, in the store as it is now: `decisions.plain`."""
        entries = decisions.state(self.store.entries())
        entries = entries[entries["kind"].isin(_KINDS) & entries["state"].isin(["active", "conflict"])]
        told = decisions.plain(entries)
        if row is None:
            return told.iloc[:0]
        ids, labels = told["target"].str["record_id"], told["id"].map(self._row_of)
        return told[((ids == row["record_id"]) & labels.isna()) | (labels == row.name)]

    def _look(self, row: pd.Series, kept: Sequence[Any]) -> None:
        """Show the township and what is drawn in it; a kept plot from near."""
        towns = self.round_.places.townships.set_index("township_code")
        code_of = row["township_code"]
        if kept:
            west, south, east, north = shapely.geometry.shape(kept[-1]).bounds
            self.map.center = (round((south + north) / 2, 6), round((west + east) / 2, 6))
            # A quarter of the map's width for the plot.
            wide = max(east - west, north - south, 1e-5)
            self.map.zoom = min(float(int(math.log2(maps.VIEW_PX[0] / 4 * 360 / 256 / wide))), 18.0)
        elif code_of in towns.index and towns.geometry[code_of] is not None:
            middle = towns.geometry[code_of].centroid
            self.map.center, self.map.zoom = (round(middle.y, 4), round(middle.x, 4)), _TOWN_ZOOM

    def _chosen(self, _: Any) -> None:
        if not self._busy:
            self._put_on_reading()

    def _put_on_reading(self) -> None:
        spot = self._spots.get(str(self.reading.value))
        if spot is not None:
            held = self._standing[self._standing["id"] == self.reading.value]
            self._put(*spot, str(held["after"].iat[0]["how"] if len(held) else self.reading.value))
        else:
            self.marker.visible = False
            self.lon.value = self.lat.value = ""

    def _put(self, lon: float, lat: float, how: str) -> None:
        self._busy = True
        self.marker.location, self.marker.visible, self._how = (round(lat, 6), round(lon, 6)), True, how
        self.lon.value, self.lat.value = f"{lon:.6f}", f"{lat:.6f}"
        self._busy = False

    def _marker_spot(self) -> tuple[float, float] | None:
        return (float(self.marker.location[1]), float(self.marker.location[0])) if self.marker.visible else None

    def _dragged(self, _: Any) -> None:
        if not self._busy:
            lat, lon = self.marker.location
            self._put(float(lon), float(lat), "drag")
            self.status.value = "已拖到新位置，按“采用此点”保存。"

    def _place(self) -> None:
        try:
            lon, lat = float(self.lon.value), float(self.lat.value)
        except ValueError:
            raise DecisionsError("经度、纬度应为十进制度，如 118.0501 和 25.2301。") from None
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise DecisionsError("经度、纬度超出范围（先经度，后纬度）。")
        self._put(lon, lat, "entered")

    def _accept(self) -> None:
        row, spot = self.current, self._marker_spot()
        if row is None or spot is None:
            raise DecisionsError("先选一种读法，或填写经纬度并“放到此处”。")
        about = (self.round_.records, self.round_.raw, str(row["record_id"]))
        kept = {"why": self.why.value, "how": self._how, "replaces": self._replaced("point")}
        held = self._record(row, verdicts.point_verdict(*about, *spot, **kept))
        if held and self._aside is None:
            self.decided[row.name] = self._history[-1][1]
        said = f"{row['subject_name']} → {spot[0]:.6f},{spot[1]:.6f}"
        self._go(1) if held else self._show()
        self._say(said, held=held)

    def _keep_plot(self) -> None:
        row, shape = self.current, self.drawing.geometry
        if row is None:
            raise DecisionsError("先打开一条记录。")
        about = (self.round_.records, self.round_.raw, str(row["record_id"]))
        kept = {"why": self.why.value, "replaces": self._replaced("plot")}
        held = self._record(row, verdicts.plot_verdict(*about, shape, self.round_.places, **kept))
        self._show()
        self._say(f"{row['subject_name']} 的地块，{self.drawing.told.value}", held=held)
        inside = shapely.geometry.shape(shape).representative_point()
        if not self.marker.visible:
            self._put(inside.x, inside.y, "plot")
            self.status.value += "　标记已放进地块，可“采用此点”。"

    def _replaced(self, kind: str) -> str:
        """Return the decisions that were shown beside the record: whoever decides now has seen them."""
        return " ".join(self._standing.loc[self._standing["kind"] == kind, "id"])

    def _record(self, row: pd.Series, verdict: Verdict) -> bool:
        """Save a decision; tell whether it holds, or somebody else has decided otherwise meanwhile."""
        made = self.store.record(verdict, by=self.signed.person)
        self._history.append((row.name, made))
        states = decisions.state(self.store.entries()).set_index("id")["state"]
        return bool(states[made] != "conflict")

    def _say(self, said: str, *, held: bool) -> None:
        if held:
            self.status.value = escape(f"已保存：{said}（{self.signed.who.value}）。")
        else:
            self.status.value = (
                f"<b style='color:#A03000'>已保存，但与别人刚才的决定不同，两条都留着、都未采用：{escape(said)}。</b>"
            )

    def _refuse(self) -> None:
        row, reading = self.current, str(self.reading.value)
        if row is None or reading not in set(self.readings()["reading"]):
            raise DecisionsError("先选要否定的读法。")
        target = {"record_id": str(row["record_id"]), "reading": reading}
        _, before, hint = verdicts.about(self.round_.records, self.round_.raw, target["record_id"], "point")
        self._record(
            row, Verdict("proposal_refused", target, {"refused": True}, self.why.value, before, self.round_.name, hint)
        )
        self._show()
        self.status.value = f"已记下：不采用“{escape(code('reading', reading))}”。"

    def _undo(self) -> None:
        row, early = self.current, not self._history
        if early and (row is None or self._standing.empty):
            raise DecisionsError("本次和这条记录都没有决定可撤销。")
        label, made = self._history[-1] if row is None or not early else (row.name, str(self._standing["id"].iat[-1]))
        self.store.undo(made, by=self.signed.person, why=self.why.value or "撤销")
        self._history = self._history[:-1]
        self.decided = {kept: decision for kept, decision in self.decided.items() if decision != made}
        self.show(label)
        self.status.value = "已撤销" + ("，重新打开批次后恢复原样。" if early else "，原来的恢复。")
