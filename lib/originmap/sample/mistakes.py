"""Planted mistakes: a table of what townships get wrong, each for one rule of ``findings``, and who plants them."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shapely.geometry import Point as ShapelyPoint

from originmap.sample.county import Ground
from originmap.sample.forms import Entry
from originmap.sample.notations import Cell
from originmap.sample.trades import Dice

FEW_ROWS: Final = 400
MISTAKES_APART: Final = 4  # rows for each mistake where there are few
_DEGREE_KM: Final = 101.0  # a degree of longitude at 25° N, the shorter of the two
_CLEARLY_OUTSIDE_KM: Final = 7.0  # beyond the 5 km that schematic cells tolerate
_CLEARLY_INSIDE_KM: Final = 3.0


@dataclass(frozen=True)
class Mistake:
    """One planted mistake: the rule it must trigger, the field where, whom it fits and what it does to a row."""

    rule: str
    field: str
    spoil: Callable[[Entry, Dice], None]
    fits: Callable[[Entry], bool] = lambda _: True
    february: bool = False
    twin: bool = False  # adds a second row beside the spoilt one
    group: int = 1  # so many rows of different subjects have it together: the first is spoilt, the others follow it
    follow: Callable[[Entry, Entry], None] = lambda entry, leader: None  # noqa: ARG005 - a group of one
    run: bool = False  # they stand under each other, and only the first is marked


def _put(texts: Sequence[Cell], name: str, *blank: str) -> Callable[[Entry, Dice], None]:
    """Type one of `texts` into `name`; the truth of `name` and of `blank` is then not to be had."""

    def spoil(entry: Entry, dice: Dice) -> None:
        entry.atoms[name] = dice.pick(texts)
        for lost in (name, *blank):
            if lost in entry.truth:
                entry.truth[lost] = None

    return spoil


def _point(first: Cell, second: Cell) -> Callable[[Entry, Dice], None]:
    def spoil(entry: Entry, _: Dice) -> None:
        entry.atoms.update(lon=first, lat=second)
        entry.truth.update(lon=None, lat=None)

    return spoil


def _window(text: Cell) -> Callable[[Entry, Dice], None]:
    def spoil(entry: Entry, _: Dice) -> None:
        entry.atoms.update(market_from=text, market_to=None)
        entry.truth["market_windows"] = None

    return spoil


def _short_phone(entry: Entry, _: Dice) -> None:
    entry.atoms["contact_phone"] = entry.holding.subject.phone[:-1]
    entry.truth["contact_phone"] = None


def _square_metres(entry: Entry, _: Dice) -> None:
    entry.atoms["size"] = entry.truth["size_value"] = round(float(entry.truth["size_value"]) * 2000 / 3)


def _id_number(entry: Entry, dice: Dice) -> None:
    # No region begins with 000000 and the check digit is wrong on purpose: nobody has this number.
    body = f"000000{dice.whole(1900, 1909)}0101{dice.whole(0, 999):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    right = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]
    entry.atoms["contact_name"] = f"{entry.holding.subject.contact} {body}{'7' if right != '7' else '5'}"


def _plain_point(entry: Entry, lon: float, lat: float, decimals: int = 6) -> None:
    entry.atoms.update(lon=f"{lon:.{decimals}f}", lat=f"{lat:.{decimals}f}")
    entry.truth.update(lon=round(lon, decimals), lat=round(lat, decimals))


def _swapped(entry: Entry, _: Dice) -> None:
    _plain_point(entry, entry.plot.lon, entry.plot.lat)
    entry.atoms.update(lon=entry.atoms["lat"], lat=entry.atoms["lon"])


def _far(entry: Entry, _: Dice) -> None:
    _plain_point(entry, entry.plot.lon, entry.plot.lat, 5)
    entry.atoms["lon"] = f"{entry.plot.lon + 10:.5f}"


def _decimal_lost(entry: Entry, _: Dice) -> None:
    lon, lat = round(entry.plot.lon * 1000), round(entry.plot.lat * 1000)
    entry.atoms.update(lon=str(lon), lat=str(lat))
    entry.truth.update(lon=lon / 1000, lat=lat / 1000)


def _as_decimal(value: float) -> tuple[str, float]:
    seconds = round(value * 3600)
    text = f"{seconds // 3600}.{seconds // 60 % 60:02d}{seconds % 60:02d}"
    return text, round(seconds / 3600, 6)


def _dms(entry: Entry, _: Dice) -> None:
    (x, lon), (y, lat) = _as_decimal(entry.plot.lon), _as_decimal(entry.plot.lat)
    entry.atoms.update(lon=x, lat=y)
    entry.truth.update(lon=lon, lat=lat)


def _dms_shows(entry: Entry) -> bool:
    """Tell whether degrees and minutes typed as a decimal land clearly outside the township: else nobody can see it."""
    return (
        _away_km(entry.ground, float(_as_decimal(entry.plot.lon)[0]), float(_as_decimal(entry.plot.lat)[0]))
        > _CLEARLY_OUTSIDE_KM
    )


def _away_km(ground: Ground, lon: float, lat: float) -> float:
    return float(ground.cell.distance(ShapelyPoint(lon, lat))) * _DEGREE_KM


def _outside(entry: Entry, dice: Dice) -> None:
    # Minutes of 60 and more, so that it cannot be read as degrees and minutes either.
    options = [
        (lon / 100, lat / 100)
        for lon in range(11762, 11800, 3)
        for lat in range(2495, 2536, 3)
        if _CLEARLY_OUTSIDE_KM < _away_km(entry.ground, lon / 100, lat / 100) < 40
    ]
    lon, lat = dice.pick(options)
    _plain_point(entry, round(lon + dice.between(0.001, 0.009), 5), round(lat + dice.between(0.001, 0.009), 5), 5)


def _other_township(near: Mapping[str, Ground]) -> Mistake:
    """Return the mistake of naming a neighbour; `near` gives a township's nearest one."""

    def spoil(entry: Entry, _: Dice) -> None:
        other = near[entry.ground.code]
        # Village and address still tell the truth.
        if entry.holding.subject.village not in other.villages:
            entry.mark("village_elsewhere", "village")
        if entry.ground.name in entry.plot.address:
            entry.mark("address_township_differs", "base_address")
        entry.atoms["township"] = other.name
        entry.truth.update(township_code=other.code, township=other.name)

    def fits(entry: Entry) -> bool:
        # Close to the border, so that this is the only thing wrong.
        close = _away_km(near[entry.ground.code], entry.plot.lon, entry.plot.lat) < _CLEARLY_INSIDE_KM
        return entry.hand.has("township") and entry.hand.titled and _lone(entry) and close

    return Mistake("township_differs", "township", spoil, fits)


def _same(_: Entry, __: Dice) -> None:
    """Leave the row as it is: its twin is the mistake."""


def _other_size(entry: Entry, _: Dice) -> None:
    # Called with the twin.
    value = round(float(entry.truth["size_value"]) * 1.5 + 0.1, 1)
    entry.truth["size_value"] = entry.atoms["size"] = value if entry.holding.product.kind == "crop" else round(value)


def _crop(entry: Entry) -> bool:
    return entry.holding.product.kind == "crop"


def _lone(entry: Entry) -> bool:
    """Tell whether the row stands alone and in no registry: losing it then changes no other row's category."""
    return entry.whole and entry.holding.category == "unlisted"


def _whole(entry: Entry) -> bool:
    return entry.whole and entry.holding.category in ("matched", "unlisted", "size_difference")


def _has(entry: Entry, name: str) -> bool:
    return name in entry.hand.columns(entry.holding.product)


def _named_crop(entry: Entry) -> bool:
    """Tell whether losing its product loses the row alone, and is seen."""
    return _lone(entry) and _crop(entry) and _has(entry, "product")


def _several(entry: Entry) -> bool:
    """Tell whether nothing above the rows names a product in their stead."""
    return entry.hand.mixed and entry.holding.product.code != "cowpea"


def _birds(entry: Entry) -> bool:
    return _whole(entry) and entry.holding.product.kind == "livestock" and float(entry.truth["size_value"]) >= 1000


def _both_sizes(entry: Entry, dice: Dice) -> None:
    entry.atoms["size:other"] = dice.whole(2, 9)


def _young_too(entry: Entry, _: Dice) -> None:
    size = round(float(entry.truth["size_value"]))
    entry.atoms["size"] = f"{size}（含育雏{size // 5}）"
    entry.truth["size_value"] = None


def _cowpea(entry: Entry) -> bool:
    return _whole(entry) and entry.holding.product.code == "cowpea"


def _phone_shows(entry: Entry) -> bool:
    """Tell whether a name without its phone is seen to lack one, and where."""
    return entry.hand.layout != "C" or entry.hand.contact_head == "负责人及电话"


_SIZE = ("size_value",)
MISTAKES: Final = (
    Mistake("subject_missing", "subject_name", _put((None,), "subject_name"), _lone),
    Mistake("subject_type_missing", "subject_type", _put((None,), "subject_type"), february=True),
    Mistake("subject_type_unknown", "subject_type", _put(("其它", "种植大户"), "subject_type")),
    Mistake("phone_missing", "contact_phone", _put((None,), "contact_phone"), _phone_shows, february=True),
    Mistake("phone_invalid", "contact_phone", _short_phone, february=True),
    Mistake("phone_float", "contact_phone", _put(("1.38E+10", "1.59E+10"), "contact_phone")),
    Mistake("size_missing", "size", _put((None,), "size", *_SIZE), _whole, february=True),
    Mistake("size_unreadable", "size", _put(("若干", "2-3亩", "3+2", "-2", "3亩多"), "size", *_SIZE), _cowpea, february=True),
    Mistake("size_unreadable", "size", _young_too, _birds),
    Mistake("size_twice", "size", _both_sizes, lambda e: _whole(e) and _has(e, "size") and e.hand.layout == "E"),
    Mistake("size_unit_mismatch", "size", _put(("30头",), "size", *_SIZE), _cowpea),
    Mistake("size_implausible", "size", _square_metres, lambda e: _cowpea(e) and 1 <= float(e.truth["size_value"]) <= 3),
    Mistake("window_missing", "market_window", _window(None)),
    Mistake("window_unreadable", "market_window", _window("待定"), february=True),
    Mistake("window_unreadable", "market_window", _window("春节前后")),
    Mistake("window_unreadable", "market_window", _window("5-7")),
    Mistake("date_unreadable", "collected_on", _put(("昨天",), "collected_on"), lambda e: _has(e, "collected_on")),
    Mistake("product_unknown", "product", _put(("四季豆", "豇斗"), "product", *_SIZE), _named_crop),
    Mistake("product_ambiguous", "product", _put(("菜豆",), "product", *_SIZE), _named_crop),
    Mistake("product_missing", "product", _put((None,), "product", *_SIZE), lambda e: _lone(e) and _has(e, "product") and _several(e)),
    Mistake("production_mode_unknown", "production_mode", _put(("半露地",), "production_mode"), _crop),
    Mistake("trace_unknown", "trace_methods", _put(("口头承诺",), "trace_methods")),
    Mistake("credit_unknown", "credit_grade", _put(("五星",), "credit_grade")),
    Mistake("point_missing", "point", _point(None, None), february=True),
    Mistake("point_unreadable", "point", _point("见地图", None)),
    Mistake("point_zero", "point", _point(0, 0)),
    Mistake("point_swapped", "point", _swapped, february=True),
    Mistake("point_dms_as_decimal", "point", _dms, _dms_shows, february=True),
    Mistake("point_decimal_lost", "point", _decimal_lost, february=True),
    Mistake("point_far", "point", _far),
    Mistake("point_outside", "point", _outside),
    Mistake("id_number_dropped", "contact_name", _id_number, lambda e: _has(e, "contact_name")),
    Mistake("duplicate_row", "subject_name", _same, twin=True, february=True),
    Mistake("possible_duplicate", "size", _other_size, lambda e: _whole(e) and e.holding.category == "matched", twin=True),
)  # fmt: skip


def _shown(mistake: Mistake, entry: Entry) -> bool:
    """Tell whether a mistake fits a row and the row has a cell for it."""
    person = mistake.field.partition("_")[0]
    places = {"point": {"point", "lon"}, "market_window": {"market_window", "market_from"}}
    names = places.get(mistake.field, {mistake.field, person})
    return bool(names & entry.hand.columns(entry.holding.product)) and mistake.fits(entry)


class Planter:
    """Plants mistakes evenly over the townships; what finds no fitting row waits for the next township."""

    def __init__(
        self, rows: int, near: Mapping[str, Ground], *, more: Sequence[Mistake] = (), february: bool = False
    ) -> None:
        table = (*MISTAKES, _other_township(near), *more)
        self.mistakes = [mistake for mistake in table if mistake.february or not february]
        # At least two of each in a county of ordinary size, some of them once in a tiny one.
        self.quota = max(1 if february else 2, round(rows * 0.0012))
        if rows < FEW_ROWS:
            self.mistakes = self.mistakes[:: math.ceil(MISTAKES_APART * len(self.mistakes) / rows)]
            self.quota = 1
        self._planted = [0] * len(self.mistakes)

    @property
    def twins(self) -> int:
        """How many rows the mistakes add."""
        return self.quota * sum(mistake.twin for mistake in self.mistakes)

    def plant(self, entries: list[Entry], done: float, dice: Dice) -> list[Entry]:
        """Return `entries` with their share of mistakes, `done` being the share of the county's rows written by then."""
        untouched = [not entry.rules and entry.holding.category not in ("buyer", "below") for entry in entries]
        twins: dict[int, Entry] = {}
        for number, mistake in enumerate(self.mistakes):
            # Offset by the mistake, so that the townships do not all have the same ones.
            due = self.quota if done * 1.3 >= 1 else int(self.quota * done * 1.3 + number * 0.37 % 1)
            wanted = due - self._planted[number]
            if wanted <= 0:
                continue
            fitting = [at for at, free in enumerate(untouched) if free and _shown(mistake, entries[at])]
            if mistake.group > 1:
                for at in self._together(mistake, entries, fitting, dice):
                    untouched[at] = False
                continue
            for _ in range(min(wanted, len(fitting))):
                at = fitting.pop(int(dice() * len(fitting)))
                untouched[at] = False
                self._planted[number] += 1
                entry = entries[at]
                if mistake.twin:
                    twins[at] = self._twin(mistake, entry, dice)
                else:
                    mistake.spoil(entry, dice)
                    entry.mark(mistake.rule, mistake.field)
        planted = []
        for at, entry in enumerate(entries):
            planted.extend([entry, twins[at]] if at in twins else [entry])
        return planted

    def _together(self, mistake: Mistake, entries: Sequence[Entry], fitting: Sequence[int], dice: Dice) -> list[int]:
        """Plant a mistake that several subjects share; return the rows that have it, none where too few fit."""
        # Whoever has other rows has the same phone there: those would have to be marked as well.
        rows = Counter(entry.holding.subject.name for entry in entries)
        fitting = [at for at in fitting if rows[entries[at].holding.subject.name] == 1]
        start = int(dice() * len(fitting))
        chosen: list[int] = []
        for at in [*fitting[start:], *([] if mistake.run else fitting[:start])]:
            before = entries[chosen[-1]].holding if chosen else entries[at].holding
            if mistake.run and chosen and (at != chosen[-1] + 1 or entries[at].holding.product is not before.product):
                chosen = []
            chosen.append(at)
            if len(chosen) == mistake.group:
                break
        if len(chosen) < mistake.group:
            return []
        leader = entries[chosen[0]]
        mistake.spoil(leader, dice)
        for at in chosen[1:]:
            mistake.follow(entries[at], leader)
        for at in chosen[: 1 if mistake.run else None]:
            entries[at].mark(mistake.rule, mistake.field)
            self._planted[self.mistakes.index(mistake)] += 1
        return chosen

    @staticmethod
    def _twin(mistake: Mistake, entry: Entry, dice: Dice) -> Entry:
        twin = replace(entry, atoms=dict(entry.atoms), truth=dict(entry.truth), rules=[], fields=[])
        mistake.spoil(twin, dice)
        twin.mark(mistake.rule, mistake.field)
        if mistake.rule == "duplicate_row":
            twin.status = "duplicate"
        else:
            entry.mark(mistake.rule, mistake.field)
        return twin
