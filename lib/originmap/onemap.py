"""The one map (一张图): one selection that drives map, totals, charts, table and card together, from five records to a million.

What is shown is computed in `board`, `detail` and `cards`; here are only the widgets between them. Every control is reached by keyboard,
every text from a sheet is escaped before it becomes HTML, and what is sent to the browser is bounded whatever the number of records.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, Final

import ipywidgets
import numpy as np
import pandas as pd

from originmap import cards, detail, maps, seasons, selection, takeaway
from originmap.board import Board, Chosen, sentence
from originmap.controls import WRAP, Controls
from originmap.decisions import DecisionsError, Person, Store
from originmap.layers import Layers
from originmap.listing import Listing
from originmap.panels import CSS, Signature, Turns, title_line
from originmap.past import Past
from originmap.phrases import joined, phrase
from originmap.rounds import Round
from originmap.selection import Selection
from originmap.vocab import Lang, code

ROWS_SHOWN: Final = 50


class OneMap:
    """The one map: filters, map, totals, charts, table and card, moved by one selection.

    Attributes
    ----------
    controls
        The filters, see `controls.Controls`.
    layers
        What else the map shows, and its menus, see `layers.Layers`.
    map, points, cells, ring
        The ipyleaflet map and its layers, WGS84 but under a base map of another datum. `points` holds every point while few are in view, groups of them while many are.
    townships, calendar, table
        Charts and rows that can be chosen, see `listing.Listing`: a township, a month, a record (by its position).
    saved, name, signed, save, reveal
        Selections on record, and what it takes to save one or to see a phone number: both are recorded, with who signs.
    look_back
        The button that reads earlier rounds for the card.
    title, sentence, legend, counts, card, said, parameters
        HTML of what is selected, of the chosen record, of what was just done, and the selection as a line for a notebook.
    takeaway
        The buttons that write what is in view to files, see `takeaway.Takeaway`.
    view
        All of it, to be displayed.
    board, selection, chosen, detail
        The encoded records, the `Selection` in force, what it leaves, and what the map was last sent.
    """

    def __init__(
        self,
        round_: Round,
        store: Store | None = None,
        *,
        products: Sequence[str] = (),
        window: str = "",
        chosen: Selection | None = None,
        out: Path | str = takeaway.OUT,
        lang: Lang = "zh",
        rules_file: Path | str | None = None,
    ) -> None:
        """Build the widgets.

        Parameters
        ----------
        round_
            An opened round.
        store
            Where saved selections and revealed phones are recorded; without one neither can be had.
        products, window
            Codes, and a window as people write it (5月上旬, 5-7月), set at first.
        chosen
            A whole selection to begin with instead.
        out
            The folder that what is carried away is written to.
        lang
            ``zh`` or ``en``: of everything but names and what stands in the sheets.
        rules_file
            The rules that the round was opened with, where they were not the reference's: earlier rounds are read by them too.

        Raises
        ------
        ValueError
            A product is not in the rules, the window cannot be read, or the language is none.
        """
        if lang not in ("zh", "en"):
            raise ValueError(f"lang 应为 zh 或 en，现为 {lang!r}。")
        self._lang, self._say = lang, partial(phrase, lang=lang)
        self.round_, self.store, self.rules, self.places = round_, store, round_.rules, round_.places
        if unknown := [product for product in products if product not in self.rules.products]:
            raise ValueError(f"没有产品 {'、'.join(unknown)}；可用：{'、'.join(self.rules.products)}。")
        first = chosen or Selection(products=tuple(products), window=seasons.parse_window(window))
        self.board = Board.of_round(round_)
        self._turns = Turns()
        self.controls = Controls(self.board, self._apply, self._turns, lang)
        self._past = Past(round_, rules=rules_file)
        self._looks_back = False
        self._record = -1
        self._busy = False
        self.takeaway = takeaway.Takeaway(self.look, out, lang)
        self._build()
        self._list_saved()
        self.controls.set(first)
        self._observe()

    def show(self, position: int) -> None:
        """Show the card of the record at a position of ``board.records``; −1 shows none."""
        self._record = position
        known = position >= 0
        placed = known and bool(self.board.located[position])
        where = (float(self.board.lon[position]), float(self.board.lat[position])) if placed else ()
        self.layers.put(self.ring, maps.ring(*where))
        self.card.value = self._card() if known else cards.hint(self._lang)
        self.reveal.disabled, self.look_back.disabled = not known or self.store is None, not known
        self._quietly(lambda: setattr(self.table, "chosen", [str(position)] if position >= 0 else []))

    def _card(self, *, phones: bool = False) -> str:
        past = self._past if self._looks_back else None
        return cards.card(self.round_, self._record, phones=phones, past=past, lang=self._lang)

    def look(self) -> takeaway.View:
        """Return what is in view now, to be carried away."""
        shown = [made for made in self.layers.shadings if made is not None and made.fits]
        of = (self.round_, self.selection, self.chosen, self.layers.sight(), self._lang)
        return takeaway.View(*of, shading=next(iter(shown), None))

    def digest(self) -> pd.DataFrame:
        """Return what the map holds now, read from its layer, beside the counts that must agree with it."""
        found = int((self.chosen.keep & self.board.located).sum())
        words = selection.filters(self.selection, self.rules, places=self.places, lang=self._lang)
        first = {
            self._say("filters"): joined(words, self._lang, by="clause"),
            self._say("located"): f"{found} / {len(self.chosen)}",
        }
        if len(self.detail.groups):
            count = int(self.detail.groups["records"].sum())
            first[self._say("groups")] = self._say("groups_of", n=count, k=len(self.detail.groups))
        return maps.digest(self.points, beside=first | self.layers.digest(), lang=self._lang)

    def _build(self) -> None:
        lang, say = self._lang, self._say
        self.points = maps.point_layer(maps.nothing(), lang)
        self.ring = maps.ring_layer(lang)
        self.title = ipywidgets.HTML(CSS + title_line(self.round_, say("theme_one_map"), lang))
        self.sentence, self.legend, self.counts, self.card, self.said = (ipywidgets.HTML() for _ in range(5))
        self.parameters = ipywidgets.HTML()
        above, tell = [self.points, self.ring], partial(setattr, self.card, "value")
        self.layers = Layers(self.round_, self.board, above, redraw=self._redraw, tell=tell, lang=lang)
        self.map, self.cells = self.layers.map, self.layers.cells
        self.townships = Listing(shape="bars", title=say("bars_title"))
        self.calendar = Listing(shape="calendar", title=say("calendar_title"))
        self.calendar.columns = [{"label": seasons.month_text(at, lang)} for at in range(12)]
        self.table = Listing(shape="table", columns=cards.columns(lang))
        self.saved = ipywidgets.Dropdown(description=say("saved"), layout={"width": "320px"})
        self.name = ipywidgets.Text(description=say("name"), layout={"width": "200px"})
        self.signed = Signature(lang=lang)
        self.save = ipywidgets.Button(description=say("save"), disabled=self.store is None)
        self.reveal = ipywidgets.Button(description=say("reveal"), disabled=True, layout={"width": "170px"})
        self.look_back = ipywidgets.Button(description=say("look_back"), disabled=True)
        self.view = self._laid_out()

    def _laid_out(self) -> Any:
        side = ipywidgets.VBox(
            [self.counts, self.card, self.look_back], layout={"flex": "1 1 340px", "grid_gap": "6px"}
        )
        below = [self.map, self.layers.legend, self.legend, self.layers.lists.view]
        drawing = ipywidgets.Box(below, layout={"flex": "3 1 520px", "display": "block"})
        both = ipywidgets.HBox([drawing, side], layout={"flex_flow": "row wrap", "grid_gap": "4px 14px"})
        bars = ipywidgets.Box([self.townships], layout={"flex": "1 1 420px", "display": "block"})
        year = ipywidgets.Box([self.calendar], layout={"flex": "1 1 560px", "display": "block", "overflow": "auto"})
        charts = ipywidgets.HBox([bars, year], layout={"flex_flow": "row wrap", "grid_gap": "4px 14px"})
        keep = ipywidgets.HBox(
            [self.saved, self.name, self.signed.who, self.signed.section, self.save, self.reveal], layout=WRAP
        )
        view = ipywidgets.VBox(
            [
                self.title,
                self.controls.view,
                self.layers.view,
                self.sentence,
                both,
                charts,
                self.table,
                keep,
                self.said,
                self.parameters,
                self.takeaway.view,
            ]
        )
        view.add_class("originmap")
        return view

    def _observe(self) -> None:
        turns, controls = self._turns, self.controls
        self.saved.observe(self._unless_busy(lambda new: controls.set(new) if new else None), "value")
        self.save.on_click(turns(lambda _: self._recorded(self._save)))
        self.reveal.on_click(turns(lambda _: self._recorded(self._reveal)))
        self.look_back.on_click(turns(lambda _: self._look_back()))
        self.points.on_click(turns(self._point_clicked))
        self.cells.on_click(turns(lambda *, properties, **_: controls.look_at_town(str(properties["township_code"]))))
        self.townships.observe(self._unless_busy(lambda new: controls.look_at_town((*new, "")[0])), "chosen")
        self.calendar.observe(
            self._unless_busy(lambda new: controls.look_at_month(int(new[0]) if new else None)), "chosen"
        )
        self.table.observe(self._unless_busy(lambda new: self.show(int((*new, "-1")[0]))), "chosen")
        self.map.observe(turns(self._map_moved), "bounds")

    def _unless_busy(self, act: Callable[[Any], None]) -> Callable[..., None]:
        return self._turns(lambda change: None if self._busy else act(change["new"]))

    def _quietly(self, act: Callable[[], None]) -> None:
        """Set widgets without an answer to each of them."""
        was, self._busy = self._busy, True
        try:
            act()
        finally:
            self._busy = was

    def _point_clicked(self, *, properties: Mapping[str, Any], **_: object) -> None:
        """Show a record's card; go nearer to a group."""
        if "record_id" not in properties:
            self.layers.go(properties["lon"], properties["lat"])
            self.map.zoom = min(float(self.map.zoom) + 2, float(self.map.max_zoom))
            return
        found = np.flatnonzero(self.board.records["record_id"].to_numpy() == properties["record_id"])
        if len(found):
            self.show(int(found[0]))

    def _map_moved(self, _: object) -> None:
        if not self.detail.all_sent:
            self._draw()

    def _recorded(self, act: Callable[[Store, Person], str]) -> None:
        """Do what leaves a record; what is wrong with it is said in one line."""
        try:
            if self.store is not None:
                self.said.value = escape(act(self.store, self.signed.person))
        except DecisionsError as error:
            self.said.value = f"<b style='color:#B00020'>{escape(str(error))}</b>"

    def _look_back(self) -> None:
        """Show earlier rounds too, on this card and all that follow; they are read now."""
        self._looks_back = True
        if self._record >= 0:
            self.card.value = self._card()

    def _save(self, store: Store, person: Person) -> str:
        if not self.name.value.strip():
            raise DecisionsError(self._say("need_name"))
        verdict = selection.verdict(self.name.value, person.name, self.selection, round_name=self.round_.name)
        store.record(verdict, by=person)
        self._list_saved()
        return self._say("save_done", name=self.name.value.strip())

    def _reveal(self, store: Store, person: Person) -> str:
        verdict, name = cards.reveal(self.round_, self._record, self._lang)
        store.record(verdict, by=person)
        self.card.value = self._card(phones=True)
        return self._say("reveal_done", name=name, who=person.name, section=person.section)

    def _list_saved(self) -> None:
        found = selection.saved(self.store.entries()) if self.store else {}
        self._quietly(lambda: self.saved.set_trait("options", [("—", None), *found.items()]))
        self._quietly(lambda: self.saved.set_trait("index", 0))
        self.saved.disabled = not found

    def _apply(self) -> None:
        """Select once, then give every view its new content in one go; the map first."""
        self.selection = self.controls.selection
        self.chosen: Chosen = self.board.choose(self.selection)
        self._draw()
        self.layers.show(self.chosen, self.selection)
        self._quietly(self._tell)
        self.show(self._record if self._record >= 0 and self.chosen.keep[self._record] else -1)

    def _redraw(self) -> None:
        """Draw points and ring where another base map puts them."""
        self._draw()
        self.show(self._record)

    def _draw(self) -> None:
        self.detail = detail.of_view(self.chosen, self.layers.sight(), float(self.map.zoom))
        if len(self.detail.groups):
            data, legend = maps.groups(self.detail.groups, self.rules), maps.group_legend
        else:
            rows = self.board.records.iloc[self.detail.rows]
            unknown = not rows["product"].isin(list(self.rules.products)).all()
            data, legend = maps.points(rows, self.rules), partial(maps.point_legend, unknown=unknown)
        self.layers.put(self.points, data if self.layers.points_shown.value else maps.nothing())
        self.legend.value = legend(self.rules, self.selection.products, self._lang)

    def _tell(self) -> None:
        measure = code("area_measure", str(self.rules["reconcile"]["area_measure"]), self._lang)
        said = sentence(self.selection, self.chosen, names=True, lang=self._lang)
        self.sentence.value = (
            f"<b style='font-size:15px'>{escape(said)}</b> <span>{escape(self._say('measure', measure=measure))}</span>"
        )
        written = self._say("parameters", line=selection.line(self.selection))
        self.parameters.value = f"<span style='color:#666;overflow-wrap:anywhere'>{escape(written)}</span>"
        self.counts.value = cards.counts(self.chosen, self._lang)
        self.townships.show(cards.bars(self.chosen, self._lang), chosen=self.selection.townships[:1])
        self.calendar.show(cards.calendar(self.chosen, self._lang), chosen=cards.months(self.selection.window))
        count = len(self.chosen)
        note = self._say("rows_cut" if count > ROWS_SHOWN else "rows", n=count, shown=ROWS_SHOWN)
        self.table.show(cards.rows(self.board, self.chosen.rows[:ROWS_SHOWN], self._lang), title=note)
