"""Controls: the widgets that a selection is made with. What they say is a `Selection`, and any selection moves them back."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import ipywidgets

from originmap import seasons
from originmap.board import Board
from originmap.panels import Folds, Turns
from originmap.phrases import phrase
from originmap.seasons import PERIODS
from originmap.selection import Selection
from originmap.vocab import Lang, code, codes, label

# The window's slider runs into the next year, so that 11月–次年2月 is one stretch of it.
_SLIDER_PERIODS: Final = PERIODS + 18
# Steps of the size's slider, in the unit of the chosen products; the last step is no limit.
_STEPS: Final[Mapping[str, tuple[float, ...]]] = {
    "mu": (0, 0.5, 1, 2, 3, 5, 10, 20, 50, 100),
    "head": (0, 5, 10, 30, 50, 100, 200, 500, 1000, 5000),
    "bird": (0, 100, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000),
}
# Filters of codes in the order of the screen, and the field of the selection that each sets: the first five always, the rest on request.
_LISTS: Final[Mapping[str, str]] = {
    "product": "products",
    "township": "townships",
    "village": "villages",
    "subject_type": "subject_types",
    "production_mode": "production_modes",
    "trace_methods": "trace_methods",
    "credit_grade": "credit_grades",
    "coord_status": "coord_statuses",
    "severity": "severities",
    "status": "statuses",
}
_ALWAYS: Final = 5
WRAP: Final = {"flex_flow": "row wrap", "grid_gap": "4px 12px", "align_items": "center"}


class Controls:
    """Lists, sliders and a text that say which records are looked at.

    Attributes
    ----------
    lists
        ``{column: list widget}`` of the filters of codes (product, township, village, subject_type, production_mode, trace_methods,
        credit_grade, coord_status, severity, status); several may be chosen, none is all.
    size
        ``(from, to)`` in the unit of the chosen products, ``math.inf`` for no limit; it rests while their units differ.
    window, any_time, play
        First and last ten-day period (0 = 1月上旬; from 36 on the next year's), in force unless `any_time` is ticked; `play` runs through
        the year, one period after the other.
    text, reset, more
        What subject, village, plot or address must contain; the button that takes all filters away; the last five lists, folded.
    view
        All of them, to be displayed.
    """

    def __init__(self, board: Board, changed: Callable[[], None], turns: Turns, lang: Lang = "zh") -> None:
        """Build the widgets for the records of `board`; `changed` is called once after each change, whoever made it, in its turn."""
        self._lang, self._say = lang, partial(phrase, lang=lang)
        self._resting = ((self._say("one_unit"), 0.0), (self._say("no_limit"), math.inf))
        self._board, self._rules, self._tell = board, board.rules, changed
        self._busy = True
        options = {
            "product": [(product.label(lang), name) for name, product in self._rules.products.items()],
            "township": [(name, town) for town, name in board.places.labels(lang).items()],
            "village": [],
            "credit_grade": [(name, name) for name in board.coded["credit_grade"].names],
        }
        self.lists = {
            column: self._several(column, options[column] if column in options else _pairs(column, lang))
            for column in _LISTS
        }
        wide = {"continuous_update": False, "layout": {"width": "520px"}}
        self.size = ipywidgets.SelectionRangeSlider(
            options=self._resting, index=(0, 1), description=self._say("size"), **wide
        )
        self.size.disabled = True
        self.window = ipywidgets.SelectionRangeSlider(
            options=[(seasons.period_text(at, lang), at) for at in range(_SLIDER_PERIODS)],
            index=(0, PERIODS - 1),
            description=self._say("window"),
            **wide,
        )
        self.any_time = ipywidgets.Checkbox(
            value=True, description=self._say("any_time"), indent=False, layout={"width": "110px"}
        )
        self.play = ipywidgets.Play(min=0, max=PERIODS - 1, interval=900)
        self.play.tooltip = self._say("play")
        self.text = ipywidgets.Text(
            description=self._say("find"),
            placeholder=self._say("find_in"),
            continuous_update=False,
            layout={"width": "300px"},
        )
        self.reset = ipywidgets.Button(description=self._say("reset"), tooltip=self._say("reset_tip"))
        self.view = self._laid_out()
        for widget in (*self.lists.values(), self.size, self.any_time, self.text):
            widget.observe(turns(self._changed), "value")
        self.window.observe(turns(self._window_moved), "value")
        self.play.observe(lambda change: setattr(self.window, "value", (change["new"],) * 2), "value")
        self.reset.on_click(turns(lambda _: self.set(Selection())))

    @property
    def selection(self) -> Selection:
        """What the controls say now."""
        low, high = self.size.value
        limited = not self.size.disabled and (low > 0 or high < math.inf)
        first, last = self.window.value
        return Selection(
            **{field: tuple(self.lists[column].value) for column, field in _LISTS.items()},
            min_size=low if limited and low > 0 else None,
            max_size=high if limited and high < math.inf else None,
            size_unit=self._rules.products[self.lists["product"].value[0]].unit if limited else None,
            window=None if self.any_time.value else seasons.circular(first, last),
            text=self.text.value,
        )

    def set(self, chosen: Selection) -> None:
        """Move every control to a selection; bounds of size go to the nearest steps that hold them."""
        self._busy = True
        try:
            self._move_to(chosen)
        finally:
            self._busy = False
        self._tell()

    def look_at_town(self, town: str) -> None:
        """Look at one township; a second call, or an empty code, looks at all again."""
        asked = self.lists["township"]
        asked.value = () if not town or asked.value == (town,) else (town,)

    def look_at_month(self, month: int | None) -> None:
        """Look at what is on the market in one month (0 … 11), or at any time."""
        if month is None:
            self.any_time.value = True
        else:
            self.window.value = (3 * month, 3 * month + 2)

    def _laid_out(self) -> Any:
        lists = list(self.lists.values())
        self.more = Folds([ipywidgets.HBox(lists[_ALWAYS:], layout=WRAP)], [self._say("more")])
        times = ipywidgets.HBox([self.window, self.any_time, self.play], layout=WRAP)
        sizes = ipywidgets.HBox([self.size, self.text, self.reset], layout=WRAP)
        return ipywidgets.VBox([ipywidgets.HBox(lists[:_ALWAYS], layout=WRAP), self.more.view, times, sizes])

    def _changed(self, _: object) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            self._fit()
        finally:
            self._busy = False
        self._tell()

    def _window_moved(self, _: object) -> None:
        if self._busy:
            return
        self._busy = True
        self.any_time.value = False  # whoever moves the slider means it
        self._busy = False
        self._tell()

    def _move_to(self, chosen: Selection) -> None:
        for column, field in _LISTS.items():
            if column != "village":
                known = {value for _, value in self.lists[column].options}
                self.lists[column].value = tuple(value for value in getattr(chosen, field) if value in known)
        self._fit()
        known = {value for _, value in self.lists["village"].options}
        self.lists["village"].value = tuple(name for name in chosen.villages if name in known)
        self.text.value = chosen.text
        self.any_time.value = chosen.window is None
        first, last = chosen.window or (0, PERIODS - 1)
        self.window.value = (first, last + PERIODS * (last < first))
        if not self.size.disabled:
            steps = [value for _, value in self.size.options]
            low, high = chosen.min_size or 0.0, math.inf if chosen.max_size is None else chosen.max_size
            at_least = [at for at, step in enumerate(steps) if step <= low]
            at_most = [at for at, step in enumerate(steps) if step >= high]
            self.size.index = (at_least[-1], at_most[0])

    def _fit(self) -> None:
        """Give the size's slider the steps of the chosen products' unit, and the villages those of the chosen townships."""
        units = {self._rules.products[name].unit for name in self.lists["product"].value}
        options: Sequence[tuple[str, float]] = self._resting
        if len(units) == 1:
            unit = next(iter(units))
            word = code("size_unit", unit, self._lang)
            options = [(self._say("measured", size=f"{step:g}", unit=word), float(step)) for step in _STEPS[unit]]
            options = [*options, self._resting[1]]
        if tuple(self.size.options) != tuple(options):
            with self.size.hold_sync():
                self.size.options, self.size.index = options, (0, len(options) - 1)
                self.size.disabled = options is self._resting
        villages = tuple((name, name) for name in self._board.villages(self.lists["township"].value))
        asked = self.lists["village"]
        if tuple(asked.options) != villages:
            kept = tuple(name for name in asked.value if (name, name) in villages)
            with asked.hold_sync():
                asked.options, asked.value = villages, kept

    def _several(self, column: str, options: Sequence[tuple[str, str]]) -> Any:
        return ipywidgets.SelectMultiple(
            options=options,
            rows=min(max(len(options), 4), 8),
            description=self._say("none_is_all", name=label(column, self._lang)),
            tooltip=self._say("hold_ctrl"),
            layout={"width": "180px", "flex_flow": "column"},
        )


def _pairs(field: str, lang: Lang) -> list[tuple[str, str]]:
    return [(name, value) for value, name in codes(field, lang).items()]
