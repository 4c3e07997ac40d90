"""Planted doubts: rows that can be read and still make no sense, each for one rule of ``sense`` or ``peers``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from originmap.sample.county import Ground
from originmap.sample.forms import Entry
from originmap.sample.mistakes import Mistake
from originmap.sample.trades import Dice
from originmap.vocab import CODES

# What the notice asks for (section 3), and the columns that may carry it.
ASKED: Final[Mapping[str, tuple[str, ...]]] = {
    "subject_type": ("subject_type",),
    "contact_name": ("contact_name", "contact"),
    "contact_phone": ("contact_phone", "contact"),
    "base_address": ("base_address",),
    "point": ("point", "lon"),
    "market_window": ("market_window", "market_from"),
    "production_mode": ("production_mode",),
    "trace_methods": ("trace_methods",),
    "credit_grade": ("credit_grade",),
    "supervisor_name": ("supervisor_name", "supervisor"),
    "supervisor_phone": ("supervisor_phone", "supervisor"),
    "collector_name": ("collector_name", "collector"),
    "collector_phone": ("collector_phone", "collector"),
}


def asked_in_vain(columns: Mapping[str, int], entries: Sequence[Entry]) -> list[str]:
    """Return the fields that a sheet with these columns has no place for, though its rows need them."""
    crops = any(entry.truth["product"] and _crop(entry) and entry.truth["subject_type"] != "buyer" for entry in entries)
    return [
        name
        for name, places in ASKED.items()
        if not set(places) & set(columns) and (crops or name != "production_mode")
    ]


def _crop(entry: Entry) -> bool:
    return entry.holding.product.kind == "crop"


def _has(entry: Entry, *names: str) -> bool:
    return set(names) <= entry.hand.columns(entry.holding.product)


def _two(entry: Entry) -> bool:
    return _has(entry, "contact_name", "supervisor_name", "supervisor_phone", "collector_name", "collector_phone")


def _herd(entry: Entry) -> bool:
    return entry.holding.product.unit == "head"


def _household(entry: Entry) -> bool:
    return entry.holding.subject.type == "household"


def _blank(name: str) -> Callable[[Entry, Dice], None]:
    def spoil(entry: Entry, _: Dice) -> None:
        entry.atoms[name] = None
        if name in entry.truth:
            entry.truth[name] = None
        if name == "base_address" and entry.atoms["plot"] is None:
            entry.truth["plot_key"] = None

    return spoil


def _choice(name: str, code: str, text: str = "") -> Callable[[Entry, Dice], None]:
    """Type a choice that is one, but not here."""

    def spoil(entry: Entry, _: Dice) -> None:
        entry.atoms[name], entry.truth[name] = text or CODES[name][code][0], code

    return spoil


def _window(first: str, last: str, read: str | None) -> Callable[[Entry, Dice], None]:
    """Type a window, in two cells or one; `{y}` is the round's year, `{z}` the year before, `{n}` the year after."""

    def spoil(entry: Entry, _: Dice) -> None:
        year = int(entry.round[:4])
        years = {"y": year, "z": year - 1, "n": year + 1}
        start, stop = first.format(**years), last.format(**years)
        two: tuple[str, str | None] = (
            (start, stop) if "market_to" in entry.hand.columns(entry.holding.product) else (f"{start}-{stop}", None)
        )
        entry.atoms.update(market_from=two[0], market_to=two[1])
        entry.truth["market_windows"] = read and read.format(**years)

    return spoil


def _last_year(entry: Entry, _: Dice) -> None:
    day = f"{int(entry.round[:4]) - 1}-03-05"
    entry.atoms["collected_on"] = entry.truth["collected_on"] = day


def _no_village(entry: Entry, _: Dice) -> None:
    entry.atoms["village"] = entry.truth["village"] = "云外新村"


def _on_seat(entry: Entry, _: Dice) -> None:
    lon, lat = entry.ground.seat
    entry.atoms.update(lon=f"{lon:.5f}", lat=f"{lat:.5f}")
    entry.truth.update(lon=round(lon, 5), lat=round(lat, 5))


def _square_metres(entry: Entry, dice: Dice) -> None:
    # A small plot paced out: 0.36 to 0.44 亩, too small a number for the plausible range to stop it.
    entry.atoms["size"] = entry.truth["size_value"] = dice.whole(240, 290)


def _cropping(entry: Entry, _: Dice) -> None:
    entry.atoms["cropping"], entry.truth["cropping"] = "第一茬", 1


def _leader(_: Entry, __: Dice) -> None:
    """Leave the first of a group as it is: the others repeat it."""


def _repeats(*names: str) -> Callable[[Entry, Entry], None]:
    def follow(entry: Entry, leader: Entry) -> None:
        for name in names:
            entry.atoms[name] = leader.atoms[name]
            entry.truth[name] = leader.truth[name]
        if "base_address" in names and entry.atoms["plot"] is None:
            address = str(leader.truth["base_address"])
            entry.truth["plot_key"] = address.removeprefix("安溪县").removeprefix(entry.ground.name)

    return follow


def _alone(entry: Entry) -> bool:
    """Tell whether the row is its subject's only one and is no small grower's: it may lose its address."""
    return entry.whole and entry.holding.category in ("matched", "unlisted", "size_difference")


_DOUBTS: Final = (
    Mistake("contact_name_missing", "contact_name", _blank("contact_name"), _two),
    Mistake("base_address_missing", "base_address", _blank("base_address"), _alone),
    Mistake("production_mode_missing", "production_mode", _blank("production_mode"), _crop, february=True),
    Mistake("trace_methods_missing", "trace_methods", _blank("trace_methods")),
    Mistake("credit_grade_missing", "credit_grade", _blank("credit_grade"), february=True),
    Mistake("supervisor_name_missing", "supervisor_name", _blank("supervisor_name"), _two),
    Mistake("supervisor_phone_missing", "supervisor_phone", _blank("supervisor_phone"), _two),
    Mistake("collector_name_missing", "collector_name", _blank("collector_name"), _two),
    Mistake("collector_phone_missing", "collector_phone", _blank("collector_phone"), _two),
    Mistake("subject_type_contradicts", "subject_type", _choice("subject_type", "household"), lambda e: e.truth["subject_type"] == "cooperative"),
    Mistake("production_mode_on_livestock", "production_mode", _choice("production_mode", "protected"), lambda e: not _crop(e)),
    Mistake("cropping_on_livestock", "cropping", _cropping, lambda e: not _crop(e)),
    Mistake("trace_contradicts", "trace_methods", _choice("trace_methods", "quarantine"), _crop),
    Mistake("trace_lacks_animal_proof", "trace_methods", _choice("trace_methods", "label", "标签"), _herd),
    Mistake("window_backwards", "market_window", _window("{y}年7月", "{y}年5月", None), february=True),
    Mistake("window_too_long", "market_window", _window("{y}年5月", "{n}年8月", "{y}-05-01/{n}-08-31")),
    Mistake("window_past", "market_window", _window("{z}年5月", "{z}年7月", "{z}-05-01/{z}-07-31")),
    Mistake("date_implausible", "collected_on", _last_year, lambda e: _has(e, "collected_on") and _crop(e)),
    Mistake("village_unknown", "village", _no_village, lambda e: not e.hand.form.sorted),
    Mistake("point_on_seat", "point", _on_seat),
    Mistake("size_beside_peers", "size", _square_metres, lambda e: _crop(e) and _household(e) and e.whole and e.holding.category == "unlisted"),
    # A number that came masked may be anybody's.
    Mistake("phone_shared", "contact_phone", _leader, lambda e: "*" not in (e.truth["contact_phone"] or "*"), group=3, follow=_repeats("contact_phone")),
    Mistake("point_shared", "point", _leader, lambda e: e.truth["lon"] is not None, group=4, follow=_repeats("lon", "lat")),
    # Where rows are sorted the copies would not stand under each other.
    Mistake("column_pasted", "base_address", _leader, lambda e: _alone(e) and not e.hand.form.sorted, group=8, follow=_repeats("base_address"), run=True),
)  # fmt: skip


def doubts(near: Mapping[str, Ground]) -> tuple[Mistake, ...]:
    """Return all planted doubts; `near` gives a township's nearest neighbour."""

    def elsewhere(entry: Entry, _: Dice) -> None:
        home, other = entry.ground, near[entry.ground.code]
        tail = entry.plot.address.removeprefix("安溪县").removeprefix(home.name)
        entry.atoms["base_address"] = entry.truth["base_address"] = f"{other.name}{tail}"

    return (*_DOUBTS, Mistake("address_township_differs", "base_address", elsewhere, _alone))
