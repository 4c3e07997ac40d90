"""Layers: what the one map shows beside its points: shaded townships, symbols at the seats, rapid tests, plots and a base map.

The figures come from `shading` and `rapidtests`, base maps from `basemaps`, words and tables from `legends`; here are the widgets. Everything
is drawn where the base map's datum puts it; what the screen says is taken back to WGS84.
"""

from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from typing import Any, Final

import ipyleaflet
import ipywidgets
import pandas as pd
import traitlets

from originmap import basemaps, ground, legends, maps, plots, rapidtests, shading
from originmap.board import Board, Chosen
from originmap.maps import GeoJson
from originmap.panels import Folds, html_table
from originmap.phrases import phrase
from originmap.rounds import Round
from originmap.selection import Selection
from originmap.shading import MEASURES, Shading
from originmap.vocab import Lang, codes

WRAP: Final = {"flex_flow": "row wrap", "grid_gap": "4px 12px", "align_items": "center"}
_PLOT: Final = {"color": "#5B2A86", "weight": 2.5, "fill": False}
_OVER_BASE: Final = 0.6  # opacity of shaded cells where something lies below


class _Below(ipyleaflet.GeoJSON):  # type: ignore[misc]
    """Features in a pane below the points: new ones never cover them, and clicks go to the cells."""

    pane = traitlets.Unicode("ground").tag(sync=True, o=True)


class Layers:
    """The layers of the one map and their controls.

    Attributes
    ----------
    map
        The ipyleaflet map.
    shade, mark, base, points_shown, tests_shown, plots_shown
        Menus of what townships are coloured by and have symbols for and of base maps, switches of points, rapid tests and plots.
    cells, ground, symbols, tests, plots
        GeoJSON layers; `cells` is clicked, `ground` coloured.
    legend, said, figures, off_map, test_list
        HTML: what the layers mean, what is wrong with a base map, and tables of what they show and cannot show.
    base_map
        The `basemaps.BaseMap` in force.
    samples
        The rapid tests that are shown, as ``rapidtests.placed``; none before the switch is on.
    shadings
        The `shading.Shading` of `shade` and of `mark`, None where none is drawn.
    view, lists
        The controls, and the tables that open at a press.
    """

    def __init__(
        self,
        round_: Round,
        board: Board,
        above: list[Any],
        *,
        redraw: Callable[[], None],
        tell: Callable[[str], None],
        lang: Lang = "zh",
    ) -> None:
        """Build layers and controls; nothing is drawn before `show`.

        Parameters
        ----------
        round_, board
            The round and its encoded records.
        above
            Layers that are drawn over the cells: the points, the chosen record.
        redraw
            Called when points must be drawn elsewhere, or not at all.
        tell
            Called with HTML about the test or plot that was clicked.

        Raises
        ------
        RulesError
            A base map of the rules cannot be used.
        """
        self._round, self._board, self._lang, self._say = round_, board, lang, partial(phrase, lang=lang)
        self._redraw, self._tell = redraw, tell
        self._facts = shading.Facts(round_, board)
        self._bases = basemaps.configured(round_.rules)
        self.base_map = self._bases[""]
        self.samples = pd.DataFrame()
        self.shadings: tuple[Shading | None, Shading | None] = (None, None)
        self._build(above)
        self._observe()

    def choose(self, *, shading: str = "", base_map: str = "") -> None:
        """Set the menus of shading and base map, by their codes; empty for none.

        Raises
        ------
        ValueError
            There is no such measure or base map, or the base map's file or key is missing.
        """
        for menu, code, name in ((self.shade, shading, "shading"), (self.base, base_map, "base_map")):
            known = [value for _, value in menu.options]
            if code not in known:
                msg = f"{name} 没有“{code}”；可用：{'、'.join(filter(None, known)) or '（规则里没有配置）'}。"
                raise ValueError(msg)
            menu.value = code
        if self.said.value:
            raise ValueError(self._wrong)

    def show(self, chosen: Chosen, selection: Selection) -> None:
        """Draw what is chosen."""
        self._chosen, self._selection = chosen, selection
        self._shade()
        self._draw_tests()
        self._draw_plots()
        off, count = legends.off_map(self._round, chosen, self._lang)
        self.off_map.value = off
        self.lists.buttons[1].description = self._say("off_map", n=count, m=len(chosen))

    def put(self, layer: Any, data: GeoJson) -> None:
        """Give a layer GeoJSON in WGS84, drawn where the base map puts it; what is there already is not sent again."""
        placed = self.base_map.placed(data)
        if placed != layer.data:
            layer.data = placed

    def sight(self) -> tuple[float, float, float, float] | None:
        """Return west, south, east and north of the screen in WGS84, None before there is one."""
        return self.base_map.box(self.map.bounds)

    def go(self, lon: float, lat: float) -> None:
        """Bring a place (WGS84) to the middle of the screen."""
        self.map.center = list(reversed(self.base_map.spot(lon, lat)))

    def digest(self) -> dict[str, str]:
        """Return what the layers hold, read from them, one line each that draws something."""
        lines: dict[str, str] = {}
        for key, made, layer in (("shade", self.shadings[0], self.ground), ("mark", self.shadings[1], self.symbols)):
            if made is not None:
                lines |= legends.digest(self._say(key), made, self._round.rules, self._lang)
                lines[f"{self._say(key)} #"] = maps.drawn(layer)["symbols"]
        for key, layer, named in (("show_tests", self.tests, "key"), ("show_plots", self.plots, "id")):
            if marks := {feature["properties"][named] for feature in layer.data["features"]}:
                lines[self._say(key)] = str(len(marks))
        if self.base_map.code:
            lines[self._say("base_map")] = f"{self.base_map.name} {basemaps.NAMES[self.base_map.datum]}"
        return lines

    def _build(self, above: list[Any]) -> None:
        places, say, lang = self._round.places, self._say, self._lang
        self._outlines = maps.cells(places, styles={town: {"fillOpacity": 0.0} for town in places.names})
        self.cells = maps.cell_layer(self._outlines, lang)
        self.ground = _Below(data=ground.cells(None, places), name=say("layer_ground"))
        self.symbols = _Below(
            data=maps.nothing(), name=say("layer_marks"), pane="totals", point_style={"pane": "totals"}
        )
        self.plots = ipyleaflet.GeoJSON(data=maps.nothing(), name=say("show_plots"))
        self.tests = ipyleaflet.GeoJSON(data=maps.nothing(), name=say("show_tests"))
        self._under = ipyleaflet.LayerGroup(layers=(), name=say("layer_base"))
        self.labels = maps.label_layer(places, lang)
        self._seats = [tuple(reversed(marker.location)) for marker in self.labels.layers]
        note = maps.map_note(places, is_sample=self._round.is_sample, lang=lang)
        drawn = [self._under, self.ground, self.symbols, self.cells, self.plots, *above, self.tests, self.labels]
        self.map = maps.township_map(places, drawn, note=note)
        measures = codes("measure", lang)
        none = (say("no_layer"), "")
        self.shade = self._menu("shade", [none, *((measures[name], name) for name in MEASURES)])
        self.mark = self._menu("mark", [none, *((measures[name], name) for name in MEASURES if MEASURES[name].total)])
        self.base = self._menu("base_map", [(one.name or say("no_base"), code) for code, one in self._bases.items()])
        self.base.layout.display = "" if len(self._bases) > 1 else "none"
        self.points_shown, self.tests_shown, self.plots_shown = (
            ipywidgets.Checkbox(description=say(key), indent=False, layout={"width": "auto"})
            for key in ("show_points", "show_tests", "show_plots")
        )
        self.points_shown.value = True
        self.tests_shown.disabled = self._round.rapid_tests.empty
        self.plots_shown.disabled = self._round.plots.empty
        self.legend, self.said, self.figures, self.off_map, self.test_list = (ipywidgets.HTML() for _ in range(5))
        for table in (self.figures, self.off_map, self.test_list):
            table.layout = {"max_height": "320px", "overflow": "auto"}
        self.lists = Folds([self.figures, self.off_map, self.test_list], [say("figures"), "", say("show_tests")])
        self.view = ipywidgets.HBox(
            [self.shade, self.mark, self.points_shown, self.tests_shown, self.plots_shown, self.base, self.said],
            layout=WRAP,
        )

    def _menu(self, key: str, options: list[tuple[str, str]]) -> Any:
        return ipywidgets.Dropdown(description=self._say(key), options=options, value="", layout={"width": "270px"})

    def _observe(self) -> None:
        for menu in (self.shade, self.mark):
            menu.observe(lambda _: self._shade(), "value")
        self.points_shown.observe(lambda _: self._redraw(), "value")
        self.tests_shown.observe(lambda _: self._draw_tests(), "value")
        self.plots_shown.observe(lambda _: self._draw_plots(), "value")
        self.base.observe(lambda change: self._rebase(change["new"]), "value")
        self.map.observe(lambda _: self._draw_tests(), "zoom")  # their marks keep their size on the screen
        self.tests.on_click(self._test_clicked)
        self.plots.on_click(self._plot_clicked)

    def _shade(self) -> None:
        made = {
            name: shading.of(name, self._chosen, self._selection, self._facts)
            for name in (self.shade.value, self.mark.value)
            if name
        }
        self.shadings = (made.get(self.shade.value), made.get(self.mark.value))
        coloured, totals = self.shadings
        places, over = self._round.places, bool(self.base_map.code)
        self.put(
            self.ground,
            ground.cells(coloured, places, opacity=_OVER_BASE if over else 1.0, plain=0.0 if over else 1.0),
        )
        self.put(self.symbols, ground.symbols(totals, places))
        texts = legends.under_names(coloured, totals)
        maps.relabel(self.labels, places, texts, self._lang)
        self.figures.value = legends.figures(self.shadings, self._round, self._lang)
        self._legend()

    def _legend(self) -> None:
        coloured, totals = self.shadings
        parts = [legends.classes(coloured, self._round, self._lang), legends.circles(totals, self._round, self._lang)]
        if self.tests_shown.value:
            parts.append(legends.samples(self.samples, self._lang))
        if self.plots_shown.value:
            parts.append(legends.plots(self._shown_plots, self._lang))
        if self.base_map.shifts:
            said = self._say("in_datum", name=self.base_map.name, datum=basemaps.NAMES[self.base_map.datum])
            parts.append(f"<div style='color:#666'>{escape(said)}</div>")
        self.legend.value = "".join(parts)

    def _draw_tests(self) -> None:
        if not self.tests_shown.value:
            if self.tests.data["features"]:
                self.put(self.tests, maps.nothing())
                self.test_list.value = ""
                self.lists.buttons[2].description = self._say("show_tests")
                self._legend()
            return
        self.samples = rapidtests.chosen(self._facts.placed, self._selection)
        self.put(self.tests, rapidtests.features(rapidtests.marks(self.samples), float(self.map.zoom)))
        html, count = legends.rest_of_tests(self.samples, self._round, self._lang)
        self.test_list.value = html
        self.lists.buttons[2].description = self._say("tests_rest", n=count)
        self._legend()

    def _draw_plots(self) -> None:
        if self.plots_shown.disabled:
            return
        every = self._round.plots
        self._shown_plots = every[every["record_id"].isin(set(self._chosen.records["record_id"]))]
        rows = self._shown_plots if self.plots_shown.value else self._shown_plots.iloc[:0]
        features = [
            {"type": "Feature", "geometry": maps.rounded(geometry.__geo_interface__),
             "properties": {"id": str(key), "area_mu": float(area), "style": _PLOT}}
            for key, area, geometry in zip(rows["id"], rows["plot_mu"], rows.geometry, strict=True)
        ]  # fmt: skip
        self.put(self.plots, {"type": "FeatureCollection", "features": features})
        self._legend()

    def _test_clicked(self, *, properties: Mapping[str, Any], **_: object) -> None:
        behind = rapidtests.of_mark(self.samples, str(properties["key"]))
        self._tell(html_table(legends.sample_table(behind, self._round, self._lang)))

    def _plot_clicked(self, *, properties: Mapping[str, Any], **_: object) -> None:
        row = self._shown_plots[self._shown_plots["id"].astype("str") == str(properties["id"])].iloc[0]
        product = self._round.rules.products[row["product"]].label(self._lang)
        said = plots.compared(row["plot_mu"], row["area_mu"])
        self._tell(escape(self._say("plot", name=row["subject_name"], product=product, said=said)))

    def _rebase(self, code: str) -> None:
        """Lay another base map below, and everything where its datum puts it; the same place stays in the middle."""
        if code == self.base_map.code:
            return
        try:
            self._lay(code)
        except ValueError as error:
            self._wrong = str(error)
            self.said.value = f"<b style='color:#B00020'>{escape(self._wrong)}</b>"
            self.base.value = self.base_map.code
            return
        self.said.value = ""
        self.show(self._chosen, self._selection)
        self._redraw()

    def _lay(self, code: str) -> None:
        layer = basemaps.layer(self._bases[code])
        lat, lon = self.map.center
        middle = self.base_map.back(lon, lat)
        self.base_map = self._bases[code]
        self._under.layers = () if layer is None else (layer,)
        self.put(self.cells, self._outlines)
        for marker, seat in zip(self.labels.layers, self._seats, strict=True):
            marker.location = list(reversed(self.base_map.spot(*seat)))
        self.go(*middle)
