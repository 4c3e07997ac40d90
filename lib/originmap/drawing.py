"""Drawing: a plot outlined on the map corner by corner, its area in 亩 beside the reported one as it grows.

Corners are set by clicks, or by keyboard where the marker stands. The panel around it decides what becomes of the outline.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

import ipyleaflet
import ipywidgets

from originmap import plots, testimony
from originmap.decisions import DecisionsError
from originmap.places import Places

_DRAWN: Final = {"color": "#A03000", "weight": 3, "fillColor": "#A03000", "fillOpacity": 0.15, "dashArray": "6 4"}
_KEPT: Final = {"color": "#00664B", "weight": 3, "fillColor": "#00664B", "fillOpacity": 0.2}
_CORNER: Final = {"radius": 4, "weight": 1, "color": "#FFFFFF", "fillColor": "#A03000", "fillOpacity": 1.0}
_FIELD_ZOOM: Final = 17.0  # a field of some 亩 fills a tenth of the map


class Drawing:
    """The controls of one outline.

    Attributes
    ----------
    start
        Toggle: while it is on, each click on the map sets a corner.
    corner, back, save
        Buttons: a corner where the marker stands, the last corner taken back, the outline kept.
    told
        HTML: the area drawn beside the one reported, or what is wrong.
    layer
        The outlines on the map, kept ones solid, the one that is being drawn dashed.
    corners
        ``(lon, lat)`` so far.
    view
        The controls in a row.
    """

    def __init__(
        self,
        around: Any,
        places: Places,
        *,
        save: Callable[[], None],
        spot: Callable[[], tuple[float, float] | None],
    ) -> None:
        """Listen to the map `around`; `save` keeps the outline, `spot` says where the marker stands."""
        self._map, self._places, self._spot = around, places, spot
        self.corners: list[tuple[float, float]] = []
        self._kept: list[Mapping[str, Any]] = []
        self._reported: float | None = None
        self.start = ipywidgets.ToggleButton(
            description="勾绘地块", tooltip="按下后在图上逐个点地块的角", layout={"width": "104px"}
        )
        self.corner = self._button("标记处为角", "把标记所在的位置作为一个角（可用键盘）", self._add_marker)
        self.back = self._button("撤回一角", "去掉最后一个角", self._take_back)
        self.save = self._button("保存地块", "把勾绘的面记为这条记录的地块", save)
        self.told = ipywidgets.HTML()
        self.layer = ipyleaflet.GeoJSON(data=testimony.collection([]), name="地块", point_style=_CORNER)
        self.start.observe(self._switched, "value")
        around.double_click_zoom = False
        around.on_interaction(self._clicked)
        row = [self.start, self.corner, self.back, self.save, self.told]
        self.view = ipywidgets.HBox(row, layout={"align_items": "center"})
        self.show([], None)

    @property
    def geometry(self) -> dict[str, Any]:
        """The outline drawn so far, as GeoJSON; raises DecisionsError with fewer than three corners."""
        if len(self.corners) < 3:
            raise DecisionsError("先勾绘地块：至少点三个角。")
        return {"type": "Polygon", "coordinates": [[*self.corners, self.corners[0]]]}

    def show(self, kept: Sequence[Mapping[str, Any]], reported_mu: float | None) -> None:
        """Start anew with another record: its `kept` outlines (GeoJSON) and the size it reports."""
        self._kept, self._reported, self.corners = list(kept), reported_mu, []
        self.start.value = False
        self._draw()

    def add(self, lon: float, lat: float) -> None:
        """Set a corner."""
        self.corners = [*self.corners, (round(lon, plots.DECIMALS), round(lat, plots.DECIMALS))]
        self._draw()

    def _button(self, text: str, tip: str, act: Callable[[], None]) -> ipywidgets.Button:
        made = ipywidgets.Button(description=text, tooltip=tip, layout={"width": "104px"})
        made.on_click(lambda _: act())
        return made

    def _clicked(self, **event: Any) -> None:
        if self.start.value and event.get("type") == "click":
            lat, lon = event["coordinates"]
            self.add(float(lon), float(lat))

    def _add_marker(self) -> None:
        spot = self._spot()
        if spot is None:
            self.told.value = "先把标记放到一个角上（填经纬度，“放到此处”）。"
        else:
            self.add(*spot)

    def _take_back(self) -> None:
        self.corners = self.corners[:-1]
        self._draw()

    def _switched(self, _: Any) -> None:
        spot = self._spot()
        if self.start.value and spot is not None and self._map.zoom < _FIELD_ZOOM:
            self._map.center, self._map.zoom = (spot[1], spot[0]), _FIELD_ZOOM
        self._map.default_style = ipyleaflet.MapStyle(cursor="crosshair" if self.start.value else "grab")
        self._say()

    def _draw(self) -> None:
        shapes = [testimony.feature(one, style=_KEPT) for one in self._kept]
        if len(self.corners) > 2:
            shapes.append(testimony.feature(self.geometry, style=_DRAWN))
        elif len(self.corners) == 2:
            shapes.append(testimony.feature({"type": "LineString", "coordinates": self.corners}, style=_DRAWN))
        shapes += [
            testimony.feature({"type": "Point", "coordinates": spot}, style=_CORNER, corner=True)
            for spot in self.corners
        ]
        self.layer.data = testimony.collection(shapes)
        self._say()

    def _say(self) -> None:
        self.back.disabled = not self.corners
        self.save.disabled = len(self.corners) < 3
        if len(self.corners) > 2:
            try:
                said = plots.compared(plots.outline(self.geometry, self._places)[1], self._reported)
            except DecisionsError as error:
                said = f"<b style='color:#A03000'>{escape(str(error))}</b>"
        elif self.corners or self.start.value:
            said = f"已点 {len(self.corners)} 个角，至少三个。"
        else:
            said = "；".join(plots.compared(plots.outline(one, self._places)[1], self._reported) for one in self._kept)
        self.told.value = said
