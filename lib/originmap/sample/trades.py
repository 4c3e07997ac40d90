"""What is kept in the synthetic county, how large and in which season, and the dice that everything is drawn with."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import Final, Literal, TypeVar

import numpy as np

T = TypeVar("T")

_NORMAL = NormalDist()


class Dice:
    """Uniform draws from one numpy stream, fetched in blocks because a call a number would be slow."""

    def __init__(self, *key: int) -> None:
        self._stream = np.random.default_rng(list(key))
        self._block: list[float] = []

    def __call__(self) -> float:
        if not self._block:
            self._block = self._stream.random(4096).tolist()
        return self._block.pop()

    def chance(self, share: float) -> bool:
        return self() < share

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self() * (high - low + 1))

    def between(self, low: float, high: float) -> float:
        return low + self() * (high - low)

    def normal(self) -> float:
        return _NORMAL.inv_cdf(min(max(self(), 1e-9), 1 - 1e-9))

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self() * len(options))]

    def weighted(self, options: Mapping[T, float]) -> T:
        rest = self() * sum(options.values())
        for option, weight in options.items():
            rest -= weight
            if rest < 0:
                return option
        return next(reversed(list(options)))

    def order(self, count: int) -> list[int]:
        """Return 0 … count - 1 shuffled."""
        return [int(number) for number in self._stream.permutation(count)]


@dataclass(frozen=True, slots=True)
class Window:
    """When something comes to market. A part is (month, ten-day period), the period 0 for the whole month."""

    kind: Literal["months", "wrap", "year", "two", "from"]
    parts: tuple[tuple[int, int], ...] = ()

    def iso(self, round_: str) -> str:
        """Return the ISO pairs that a right reading gives in a round ``YYYY-MM`` (domain practice).

        >>> Window("wrap", ((10, 0), (3, 0))).iso("2023-03")
        '2022-10-01/2023-03-31'
        """
        year, month = int(round_[:4]), int(round_[5:])
        if self.kind == "year":
            return f"{year}-01-01/{year}-12-31"
        if self.kind == "from":
            return f"{_first(year, *self.parts[0])}/"
        if self.kind == "wrap":
            start = year - 1 if month <= self.parts[1][0] else year
            return f"{_first(start, *self.parts[0])}/{last_day(start + 1, *self.parts[1])}"
        pairs = zip(self.parts[::2], self.parts[1::2], strict=True)
        return ";".join(f"{_first(year, *start)}/{last_day(year, *end)}" for start, end in pairs)


def _first(year: int, month: int, period: int) -> date:
    return date(year, month, 1 + 10 * max(period - 1, 0))


def last_day(year: int, month: int, period: int) -> date:
    """Return the last day of a month (`period` 0 or 3) or of its first or second ten days."""
    return date(year, month, 10 * period if period in (1, 2) else calendar.monthrange(year, month)[1])


@dataclass(frozen=True)
class Trade:
    """How a product is kept here: its share of rows, how many townships have it, its sizes and its seasons."""

    share: float
    spread: float
    median: float
    sigma: float
    top: float
    step: float
    windows: Mapping[Window, float]
    traces: tuple[tuple[str, ...], ...]
    noun: str


def _months(*parts: int) -> Window:
    return Window("months" if len(parts) == 2 else "two", tuple((month, 0) for month in parts))


_WINTER = {Window("wrap", ((10, 0), (3, 0))): 3.0, Window("wrap", ((11, 0), (4, 0))): 2.0, _months(3, 5): 2.0}
_CELERY = {**_WINTER, Window("months", ((3, 2), (5, 3))): 2.0, _months(4, 6, 9, 11): 1.0, _months(4, 4): 1.0}
_SUMMER = {_months(5, 7): 4.0, _months(5, 8): 2.0, _months(6, 9): 2.0, Window("months", ((4, 3), (7, 1))): 2.0}
_COWPEA = {**_SUMMER, _months(5, 5): 1.0, _months(4, 6, 9, 11): 1.0, Window("from", ((5, 1),)): 1.0}
_CHIVE = {Window("year"): 4.0, _months(3, 11): 2.0, _months(4, 6, 9, 11): 1.0, Window("months", ((3, 1), (10, 3))): 1.0}
_HERD = {
    Window("year"): 5.0,
    _months(5, 7): 1.0,
    _months(9, 12): 1.0,
    _months(6, 6): 1.0,
    Window("from", ((8, 1),)): 1.0,
}
_PLANT = (
    ("certificate",),
    ("certificate", "code"),
    ("certificate", "label"),
    ("code",),
    ("certificate", "code", "label"),
)
_BIRD = (("certificate",), ("quarantine",), ("certificate", "quarantine"), ("code", "label"))
_EARED = (("ear_tag", "quarantine"), ("quarantine",), ("certificate", "ear_tag", "quarantine"), ("quarantine", "other"))

TRADES: Final[Mapping[str, Trade]] = {
    "cowpea": Trade(0.24, 0.88, 1.6, 0.8, 60, 0.1, _COWPEA, _PLANT, "蔬菜"),
    "chinese_chive": Trade(0.14, 0.62, 1.4, 0.7, 40, 0.1, _CHIVE, _PLANT, "蔬菜"),
    "celery": Trade(0.16, 0.68, 1.5, 0.8, 50, 0.1, _CELERY, _PLANT, "蔬菜"),
    "egg": Trade(0.11, 0.6, 2400, 0.9, 60000, 100, {Window("year"): 1.0, _months(3, 12): 0.2}, _BIRD, "蛋禽"),
    "silkie": Trade(0.06, 0.4, 2200, 0.6, 30000, 100, _HERD, _BIRD, "家禽"),
    "beef_cattle": Trade(0.10, 0.6, 11, 0.7, 300, 1, _HERD, _EARED, "养牛"),
    "mutton_sheep": Trade(0.06, 0.4, 75, 0.4, 700, 1, _HERD, _EARED, "养羊"),
    "pig": Trade(0.13, 0.7, 110, 1.0, 6000, 1, _HERD, _EARED, "生猪"),
}
