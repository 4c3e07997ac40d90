"""Locate: the panel in which somebody walks through doubtful points and decides each, saved at every step.

The proposals are computed in `proposals`, the decision is written by `decisions`; here are only the controls between them. All of them are
native and reached by keyboard; every text from a sheet is escaped before it becomes HTML.
"""

from html import escape
from typing import Any, Final

import ipyleaflet
import ipywidgets
import pandas as pd
import shapely

from originmap import maps, verdicts
from originmap.decisions import DecisionsError, Person, Store, Verdict
from originmap.proposals import Proposals
from originmap.rounds import Round
from originmap.vocab import code

_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#882255")
_NO_TOWN_ZOOM: Final = 10.0


class Locate:
    """Doubtful points one after the other: readings drawn, evidence beside, accept, refuse, drag, type, undo.

    Attributes
    ----------
    previous, following, accept, refuse, undo, place
        Buttons: back, on, take the point where the marker stands, refuse the chosen reading, take back the last decision, put the
        marker where `lon` and `lat` say.
    reading
        Which reading the marker is put on; the readings stand best first.
    lon, lat, why, who, section
        Texts: degrees in WGS84, the reason, and who decides.
    marker
        The point to be accepted; it can be dragged.
    map, candidates, cells
        The ipyleaflet map, the readings as one layer, the townships.
    status, evidence, left
        HTML: what was saved, what speaks for each reading, how many are left.
    view
        All of it, to be displayed.
    """

    def __init__(self, round_: Round, proposals: Proposals, store: Store, *, who: str = "", section: str = "") -> None:
        """Build the widgets at the first record of the queue; decisions go to `store`, nowhere else."""
        self.round_, self.proposals, self.store = round_, proposals, store
        self.rows = list(proposals.queue.index)
        self.at = 0
        self.decided: dict[int, str] = {}
        self._refused: dict[str, tuple[int, str]] = {}
        self._history: list[tuple[int, str]] = []
        self._how = "typed"
        self._busy = False
        self._build(who, section)
        self._show()

    @property
    def current(self) -> pd.Series | None:
        """The record that is shown, None when there is nothing to decide."""
        return self.proposals.queue.loc[self.rows[self.at]] if self.rows else None

    def readings(self) -> pd.DataFrame:
        """Return the readings of the record that is shown, those refused left out, the best first."""
        rows = self.proposals.candidates
        if not self.rows:
            return rows.iloc[:0]
        gone = {reading for row, reading in self._refused.values() if row == self.rows[self.at]}
        return rows[(rows["row"] == self.rows[self.at]) & ~rows["refused"] & ~rows["reading"].isin(list(gone))]

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
        }
        return pd.DataFrame({"值": facts}).rename_axis("项")

    def _build(self, who: str, section: str) -> None:
        wide = {"width": "220px"}

        def button(text: str, tip: str, act: Any) -> ipywidgets.Button:
            made = ipywidgets.Button(description=text, tooltip=tip, layout={"width": "104px"})
            made.on_click(lambda _: self._try(act))
            return made

        self.previous = button("上一个", "回到前一条", lambda: self._go(-1))
        self.following = button("下一个", "看后一条", lambda: self._go(1))
        self.accept = button("采用此点", "把图上标记的位置定为这条记录的点位", self._accept)
        self.refuse = button("不采用此读法", "记下这种读法不对", self._refuse)
        self.undo = button("撤销", "撤销本次打开后最近的一个决定", self._undo)
        self.place = button("放到此处", "把标记放到填写的经纬度", self._place)
        self.reading = ipywidgets.Dropdown(options=[("—", "")], description="读法", layout={"width": "320px"})
        self.lon = ipywidgets.Text(description="经度", placeholder="118.0501", layout={"width": "190px"})
        self.lat = ipywidgets.Text(description="纬度", placeholder="25.2301", layout={"width": "190px"})
        self.why = ipywidgets.Text(description="理由", placeholder="如：电话核实", layout={"width": "400px"})
        self.who = ipywidgets.Text(value=who, description="决定人", layout=wide)
        self.section = ipywidgets.Text(value=section, description="科室", layout=wide)
        self.status, self.evidence, self.left, self.card = (ipywidgets.HTML() for _ in range(4))
        self.cells = maps.cell_layer(maps.cells(self.round_.places))
        self.candidates = ipyleaflet.GeoJSON(
            data=_collection([]), name="各种读法", point_style={"radius": 8, "weight": 2}
        )
        self.marker = ipyleaflet.Marker(location=(0.0, 0.0), draggable=True, visible=False, title="拖动到正确的位置")
        note = maps.map_note(self.round_.places, is_sample=self.round_.is_sample)
        self.map = maps.township_map(
            self.round_.places,
            [self.cells, maps.label_layer(self.round_.places), self.candidates, self.marker],
            note=note,
        )
        self.reading.observe(self._chosen, "value")
        self.marker.observe(self._dragged, "location")
        box = ipywidgets
        self.view = box.VBox(
            [
                box.HBox([self.previous, self.following, self.left]),
                self.card,
                box.HBox([self.map, box.VBox([self.evidence], layout={"width": "430px", "overflow": "auto"})]),
                box.HBox([self.reading, self.lon, self.lat, self.place]),
                box.HBox([self.who, self.section, self.why]),
                box.HBox([self.accept, self.refuse, self.undo]),
                self.status,
            ]
        ).add_class("originmap")

    def _try(self, act: Any) -> None:
        """Run what a button does; what cannot be done is said under the buttons, never a traceback."""
        try:
            act()
        except (DecisionsError, ValueError) as error:
            self.status.value = f"<b style='color:#A03000'>{escape(str(error))}</b>"

    def _go(self, step: int) -> None:
        if self.rows:
            self.at = (self.at + step) % len(self.rows)
            self.status.value = ""
            self._show()

    def _show(self) -> None:
        """Bring every widget in line with the record that is shown."""
        left = len(self.rows) - len(self.decided)
        for widget in (self.accept, self.refuse, self.previous, self.following, self.place, self.reading):
            widget.disabled = not self.rows
        self.undo.disabled = not self._history
        if self.current is None:
            self.left.value = "<b>没有待定的点位。</b>"
            return
        self.left.value = f"第 {self.at + 1} / {len(self.rows)} 条，<b>还剩 {left} 条</b>"
        row, told = self.current, self.readings()
        done = "　<b style='color:#00664B'>已定</b>" if self.rows[self.at] in self.decided else ""
        self.card.value = (
            f"<b>{escape(str(row['township']))}　{escape(str(row['subject_name']))}</b>{done}　"
            f"原文“{escape('' if pd.isna(row['text']) else str(row['text']))}”　"
            f"{escape(str(row['source_file']))} 第 {row['source_row']} 行"
        )
        self.evidence.value = _evidence(told, row)
        self._busy = True
        named = [(f"{n}. {code('reading', str(name))}", str(name)) for n, name in enumerate(told["reading"], start=1)]
        self.reading.options = [*named, ("—", "")]
        self.reading.value = named[0][1] if named else ""
        self._busy = False
        self.candidates.data = _collection([_dot(one, n) for n, one in enumerate(told.to_dict("records"))])
        self._put_on_reading()
        self._look()

    def _look(self) -> None:
        """Show the township and what is drawn in it."""
        row = self.current
        towns = self.round_.places.townships.set_index("township_code")
        code_of = None if row is None else row["township_code"]
        if code_of in towns.index and towns.geometry[code_of] is not None:
            middle = towns.geometry[code_of].centroid
            self.map.center = (round(middle.y, 4), round(middle.x, 4))
            self.map.zoom = _NO_TOWN_ZOOM + 1.5

    def _chosen(self, _: Any) -> None:
        if not self._busy:
            self._put_on_reading()

    def _put_on_reading(self) -> None:
        told = self.readings()
        chosen = told[told["reading"] == self.reading.value]
        if len(chosen):
            self._put(float(chosen["lon"].iat[0]), float(chosen["lat"].iat[0]), str(self.reading.value))
        else:
            self.marker.visible = False
            self.lon.value = self.lat.value = ""

    def _put(self, lon: float, lat: float, how: str) -> None:
        self._busy = True
        self.marker.location, self.marker.visible, self._how = (round(lat, 6), round(lon, 6)), True, how
        self.lon.value, self.lat.value = f"{lon:.6f}", f"{lat:.6f}"
        self._busy = False

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
        self._put(lon, lat, "typed")

    def _accept(self) -> None:
        row = self.current
        if row is None or not self.marker.visible:
            raise DecisionsError("先选一种读法，或填写经纬度并“放到此处”。")
        lat, lon = self.marker.location
        verdict = verdicts.point_verdict(
            self.round_.records, self.round_.raw, str(row["record_id"]), lon, lat, why=self.why.value, how=self._how
        )
        made = self.store.record(verdict, by=self._person())
        self.decided[self.rows[self.at]] = made
        self._history.append((self.at, made))
        said = f"已保存：{row['subject_name']} → {lon:.6f},{lat:.6f}（{self.who.value}）。"
        self._go(1)
        self.status.value = escape(said)

    def _refuse(self) -> None:
        row, reading = self.current, str(self.reading.value)
        if row is None or not reading:
            raise DecisionsError("先选要否定的读法。")
        target = {"record_id": str(row["record_id"]), "reading": reading}
        _, before, hint = verdicts.about(self.round_.records, self.round_.raw, target["record_id"], "point")
        verdict = Verdict("proposal_refused", target, {"refused": True}, self.why.value, before, self.round_.name, hint)
        made = self.store.record(verdict, by=self._person())
        self._refused[made] = (self.rows[self.at], reading)
        self._history.append((self.at, made))
        self._show()
        self.status.value = f"已记下：不采用“{escape(code('reading', reading))}”。"

    def _undo(self) -> None:
        if not self._history:
            raise DecisionsError("本次打开后还没有决定可撤销。")
        at, made = self._history[-1]
        self.store.undo(made, by=self._person(), why=self.why.value or "撤销")
        self._history.pop()
        self._refused.pop(made, None)
        self.decided = {row: decision for row, decision in self.decided.items() if decision != made}
        self.at = at
        self._show()
        self.status.value = "已撤销，原来的点位恢复。"

    def _person(self) -> Person:
        return Person(self.who.value, self.section.value)


def _collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}


def _dot(one: dict[str, Any], number: int) -> dict[str, Any]:
    colour = _COLOURS[number % len(_COLOURS)]
    point = shapely.geometry.mapping(shapely.Point(one["lon"], one["lat"]))
    style = {"color": colour, "fillColor": colour, "fillOpacity": 0.5}
    return {"type": "Feature", "geometry": point, "properties": {"style": style, "reading": one["reading"]}}


def _metres(value: Any) -> str:
    if pd.isna(value):
        return "—"
    return "在内" if value == 0 else f"{value / 1000:.1f} 公里" if value >= 1000 else f"{value:.0f} 米"


def _evidence(told: pd.DataFrame, row: pd.Series) -> str:
    """Return the table of readings: where each would be, how far from what is known, how likely."""
    reason = "" if pd.isna(row["reason"]) else f"<p>不能代拟：{escape(code('undecidable', str(row['reason'])))}</p>"
    if told.empty:
        return reason + "<p>没有可用的读法，请填写坐标或在图上拖动。</p>"
    head = "".join(f"<th>{name}</th>" for name in ("", "读法", "距乡镇", "距其他地块", "距上批", "精度", "可能"))
    lines = []
    for number, one in enumerate(told.to_dict("records")):
        colour = _COLOURS[number % len(_COLOURS)]
        parts = [
            f"<span style='color:{colour}'>●</span> {number + 1}",
            escape(code("reading", str(one["reading"]))),
            _metres(one["township_m"]),
            "—" if pd.isna(one["others_m"]) else f"{one['others_m']:,.0f} 米",
            "—" if pd.isna(one["earlier_m"]) else f"{one['earlier_m']:,.0f} 米",
            f"±{max(one['precision_m'], 1):,.0f} 米",
            f"{one['share']:.0%}",
        ]
        lines.append("<tr>" + "".join(f"<td>{part}</td>" for part in parts) + "</tr>")
    return f"{reason}<table class='om-rows'><tr>{head}</tr>{''.join(lines)}</table>"
