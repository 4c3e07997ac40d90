"""How the synthetic county is written down, row by row.

A *hand* is one township's habits. `write_row` turns a true row into texts and numbers as they would be typed and keeps
beside them what a right reading gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

from originmap.findings import RULES
from originmap.rules import Product
from originmap.sample.county import Ground, Holding, Names, Plot
from originmap.sample.layouts import LAYOUTS, Layout, LayoutName
from originmap.sample.notations import (
    SHORT_TRACES,
    Cell,
    day_words,
    product_words,
    type_words,
    write_name,
    write_phone,
    write_point,
    write_size,
    write_window,
)
from originmap.sample.trades import Dice
from originmap.vocab import CODES


@dataclass(frozen=True)
class Hand:
    """One township's habits: its layout and which notations it prefers."""

    layout: LayoutName
    township: str
    phone_as_number: bool
    point: str
    dates: str
    titled: bool
    contact_head: str
    size_unit: str = ""
    mixed: bool = False  # several products a sheet

    @property
    def form(self) -> Layout:
        """What its sheets look like."""
        return LAYOUTS[self.layout]

    def has(self, name: str) -> bool:
        """Tell whether its sheets have a column for a field."""
        return name in self.form.fields

    def columns(self, product: Product) -> frozenset[str]:
        """Return the fields that a row of `product` has a cell for."""
        form = self.form
        own = form.apart if form.apart and product.kind == "livestock" else form.columns
        return frozenset(column.field.partition(":")[0] for column in own)


@dataclass(slots=True)
class Entry:
    """A row of a collection sheet: `atoms` is what gets typed, `truth` what a right reading gives."""

    holding: Holding
    plot: Plot
    ground: Ground
    hand: Hand
    round: str
    atoms: dict[str, Cell] = field(default_factory=dict)
    truth: dict[str, Any] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    status: str = "accepted"
    whole: bool = False  # the holding's only row

    def mark(self, rule: str, name: str) -> None:
        """Note that this row must trigger `rule` at field `name`."""
        self.rules.append(rule)
        self.fields.append(name)
        if RULES[rule].blocks:
            self.status = "quarantined"


@dataclass(frozen=True)
class Officials:
    """A township's supervisors and collectors, each (name, phone)."""

    supervisors: tuple[tuple[str, str], ...]
    collectors: tuple[tuple[str, str], ...]

    def atoms(self, entry: Entry) -> dict[str, Cell]:
        """Return the cells about officials for a row: one supervisor a village."""
        turn = list(entry.ground.villages).index(entry.holding.subject.village)
        names: dict[str, Cell] = {}
        for person, people in (("supervisor", self.supervisors), ("collector", self.collectors)):
            name, phone = people[turn % len(people)]
            names |= {f"{person}_name": name, f"{person}_phone": phone, person: f"{name} {phone}"}
        return names


def draw_officials(land: Ground, names: Names, seed: int) -> Officials:
    """Return a township's three supervisors and two collectors."""
    dice = Dice(seed, land.index, 4)
    people = [(names.person(dice), names.phone()) for _ in range(5)]
    return Officials(tuple(people[:3]), tuple(people[3:]))


def draw_hand(layout: LayoutName, ground: Ground, dice: Dice, *, mixed: bool = False) -> Hand:
    """Return the habits of one township."""
    short = ground.name[:-1]
    forms = {ground.name: 4.0, short: 2.0, f"安溪县{ground.name}": 1.0, f"福建省安溪县{ground.name}人民政府": 0.5}
    township = ground.former or dice.weighted(forms)
    columns = {"number": 5.0, "text": 3.0, "wide": 1.0, "dms": 2.0, "hanzi": 1.0, "signs": 1.0}
    cells = {"text": 4.0, "wide": 2.0, "letters": 2.0, "dms": 3.0, "hanzi": 1.0, "east": 1.0}
    form = LAYOUTS[layout]
    return Hand(
        layout=layout,
        township=township,
        phone_as_number=dice.chance(0.4),
        point=dice.weighted(columns if "lon" in form.fields else cells),
        dates=dice.pick(("month", "month", "long", "dotted", "excel", "compact", "serial", "hanzi")),
        titled=layout in "BDFGH" or dice.chance(0.6),
        contact_head=dice.pick(("负责人及电话", "负责人", "联系方式")),
        size_unit=dice.pick(("公顷", "㎡")) if layout == "G" else "",
        mixed=mixed,
    )


def write_row(
    holding: Holding, plot: Plot, cropping: int, where: tuple[Ground, Hand], round_: str, dice: Dice
) -> Entry:
    """Return one row as typed, with what a right reading gives. `cropping` counts from 0."""
    ground, hand = where
    subject, product = holding.subject, holding.product
    crop, has = product.kind == "crop", hand.columns(product)
    size = plot.sizes[cropping]
    axes, lon, lat = write_point(plot.lon, plot.lat, hand.point, dice)
    labels = {name: forms[0] for name, forms in CODES["trace_methods"].items()}
    words = labels if dice.chance(0.7) else SHORT_TRACES
    # The day is the plot's own, so that one herd keeps its date however often it is written.
    day = (round(plot.lon * 1e6) + round(plot.lat * 1e6)) % 13 + 1
    collected = date(int(round_[:4]), int(round_[5:]), day if round_ != "2023-02" else day % 9 + 8)
    dated = "collected_on" in has and (not crop or day % 3 > 0)
    several = len(plot.sizes) > 1
    typed = "plot" in has and plot.name is not None
    phone, phones = write_phone(subject.phone, dice, as_number=hand.phone_as_number and "contact_phone" in has)
    start, end = write_window(holding.window, round_, hand.dates, dice, two="market_to" in has)
    entry = Entry(holding, plot, ground, hand, round_)
    entry.atoms = {
        "township": hand.township if dice.chance(0.9) else ground.name,
        "village": subject.village,
        "subject_name": write_name(subject.name, ground, dice),
        "subject_type": type_words(subject.type, product, dice),
        "contact_name": subject.contact,
        "contact_phone": phone,
        "product": product_words(product, dice) if "product" in has else product.name,
        "size": write_size(size, product, dice, bare=not hand.size_unit),
        "plot": plot.name if typed else None,
        "cropping": f"第{'一二三'[cropping]}茬" if "cropping" in has and (several or (crop and day % 4 == 0)) else None,
        "base_address": plot.address,
        "lon": axes[0],
        "lat": axes[1],
        "market_from": start,
        "market_to": end,
        "production_mode": {"open": ("露地", "露天"), "protected": ("设施", "大棚")}[holding.mode][dice.chance(0.3)]
        if holding.mode
        else None,
        "trace_methods": dice.pick(("、", "、", "，", "/")).join(words[code] for code in holding.traces),
        "credit_grade": holding.credit if dice.chance(0.5) else f"{holding.credit}级",
        "collected_on": day_words(collected, dice) if dated else None,
    }
    entry.truth = {
        "township_code": ground.code,
        "township": ground.name,
        "village": subject.village,
        "subject_name": subject.name,
        "subject_type": subject.type,
        "contact_name": subject.contact,
        "contact_phone": phones,
        "product": product.code,
        # Without 地块 the address stands for the plot, its county and township left out.
        "plot_key": plot.name if typed else plot.address.removeprefix("安溪县").removeprefix(ground.name),
        "cropping": cropping + 1 if entry.atoms["cropping"] else None,
        "size_value": size,
        "base_address": plot.address,
        "lon": lon,
        "lat": lat,
        "market_windows": holding.window.iso(round_),
        "production_mode": holding.mode,
        "trace_methods": ";".join(holding.traces),
        "credit_grade": holding.credit,
        "collected_on": collected.isoformat() if dated else None,
    }
    if entry.atoms["product"] in (product.noted_aliases or {}):
        severity = (product.noted_aliases or {})[str(entry.atoms["product"])]
        entry.mark("product_alias_noted" if severity == "note" else "product_alias_doubtful", "product")
    return entry


def runs(values: Sequence[object]) -> list[tuple[int, int]]:
    """Return (first, last) of every stretch of equal values.

    >>> runs(["a", "a", "b"])
    [(0, 1), (2, 2)]
    """
    edges = [0, *(at for at, (a, b) in enumerate(pairwise(values), 1) if a != b), len(values)]
    return [(first, last - 1) for first, last in pairwise(edges) if first < last]
