"""A synthetic county as it truly is: people, plots, holdings and points, all invented.

Nothing here knows how a sheet looks. Every township draws from a stream of its own, so that a later addition to one part
leaves the others as they are. Names of townships and villages are real, everything about subjects is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from originmap.places import Places
from originmap.rules import Product, Rules
from originmap.sample.trades import TRADES, Dice, Trade, Window

_SURNAMES: Final = "林陈王李黄张吴苏谢郑许蔡叶周廖章詹温沈柯易白唐高邱肖曾施汪康何钟孟杜范龚方江彭"
_GIVEN: Final = "禾岚溪晴穗芸舟桐霁野苓澄榆溯朗茗汀昭棠砚湄樵峦蔚筠岑漪葭珩泠萤垚霖菘藜蓁陌沅旸秧莳畦"
_STEMS: Final = "晨露青岚碧禾春溪翠谷丰穗绿野金秋云岭清泉山月和风田园朝霞星野松涛竹影沃土嘉禾"
_SPOTS: Final = (
    "溪尾片",
    "后垄",
    "洋中",
    "坂头",
    "石埕",
    "岭脚",
    "田心",
    "水尾",
    "大路边",
    "桥头",
    "山仔后",
    "东坪",
    "西坑",
    "顶厝洋",
    "下寮",
)
_INSET_M: Final = 300.0
_SEAT_CLEAR_DEGREES: Final = 0.002

Category = Literal["matched", "size_difference", "unlisted", "missing", "exempt", "below", "buyer"]
_COLLECTED: Final[Mapping[Category, float]] = {
    "matched": 76,
    "size_difference": 12,
    "unlisted": 8,
    "below": 2.5,
    "buyer": 1.2,
}
_REGISTERED_ONLY: Final[Mapping[Category, float]] = {"missing": 0.1, "exempt": 2.05}  # for each collected one


@dataclass(frozen=True, slots=True)
class Subject:
    """Who grows or keeps something; households are their own contact."""

    name: str
    type: str
    contact: str
    phone: str
    village: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A piece of land or a stable. `sizes` holds one size a cropping, in 亩 or heads; `lon`, `lat` are WGS84."""

    name: str | None
    address: str
    lon: float
    lat: float
    sizes: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """One subject's product in one township; `registered` is None where no registry knows it."""

    subject: Subject
    product: Product
    category: Category
    registered: float | None
    plots: tuple[Plot, ...]
    window: Window
    mode: str | None
    traces: tuple[str, ...]
    credit: str
    february: bool


@dataclass(frozen=True)
class Ground:
    """A township as the sample sees it: its names, its villages with a middle each, and the cell its points lie in."""

    index: int
    code: str
    name: str
    former: str
    pinyin: str
    seat: tuple[float, float]
    cell: BaseGeometry
    villages: Mapping[str, tuple[float, float]]


def grounds(places: Places, *, seed: int) -> list[Ground]:
    """Return the townships in the order of their codes, points kept 300 m inside each cell."""
    inside = places.townships.geometry.to_crs(places.measure_crs).buffer(-_INSET_M).to_crs("EPSG:4326")
    found = []
    for index, (row, cell) in enumerate(zip(places.townships.itertuples(), inside, strict=True)):
        dice, seat = Dice(seed, index, 1), (float(str(row.seat_lon)), float(str(row.seat_lat)))
        shapely.prepare(cell)
        names = places.villages.loc[places.villages["township_code"] == row.township_code, "village"]
        villages = {village_name(name): _anywhere(cell, seat, dice) for name in names}
        texts = (str(row.township_code), str(row.township), str(row.former_name), str(row.pinyin))
        found.append(Ground(index, *texts, seat, cell, villages))
    return found


def village_name(official: str) -> str:
    """Return a village as people write it.

    >>> village_name("美法村委会"), village_name("下西社区居委会")
    ('美法村', '下西社区')
    """
    for tail, kept in (("社区居委会", "社区"), ("村委会", "村"), ("居委会", "社区"), ("居民会", "")):
        if official.endswith(tail):
            return official.removesuffix(tail).removesuffix("村" if kept == "村" else "") + kept
    return official


class Names:
    """Invented names and phones; a person's name occurs once a township, an organisation's and a phone once a county."""

    def __init__(self, seed: int) -> None:
        dice = Dice(seed, 2)
        self._phones = dice.order(700_000)
        self._stems = dice.order(len(_STEMS) ** 2)
        self._used: set[str] = set()
        self._people, self._organisations, self._spare = 0, 0, 0

    def new_township(self) -> None:
        self._used.clear()

    def phone(self) -> str:
        """Return a number of the form 1xx0000xxxx, which no carrier gives out in this form."""
        # Handed out in turn; the form has 700,000 numbers, more subjects than that start again.
        number = self._phones[self._people % len(self._phones)]
        self._people += 1
        return f"1{30 + number // 10_000}0000{number % 10_000:04d}"

    def spare_phone(self) -> str:
        """Return a number from the other end, so that who is drawn afterwards keeps his."""
        self._spare += 1
        number = self._phones[-self._spare % len(self._phones)]
        return f"1{30 + number // 10_000}0000{number % 10_000:04d}"

    def person(self, dice: Dice) -> str:
        for attempt in range(60):
            given = dice.pick(_GIVEN) + (dice.pick(_GIVEN) if attempt or dice.chance(0.85) else "")
            name = dice.pick(_SURNAMES) + given
            if name not in self._used:
                self._used.add(name)
                break
        return name

    @staticmethod
    def stranger(dice: Dice) -> str:
        """Return a person's name without keeping it."""
        return dice.pick(_SURNAMES) + dice.pick(_GIVEN) + dice.pick(_GIVEN)

    def organisation(self, kind: str, ground: Ground, noun: str, dice: Dice) -> str:
        turn, at = divmod(self._organisations, len(self._stems))
        self._organisations += 1
        first, second = divmod(self._stems[at], len(_STEMS))
        stem = _STEMS[first] + _STEMS[second] + (_STEMS[turn % len(_STEMS)] if turn else "")
        if kind == "cooperative":
            return f"安溪县{stem}{noun}农民专业合作社"
        if kind == "family_farm":
            return f"{ground.name}{stem}家庭农场" if dice.chance(0.4) else f"{stem}家庭农场"
        return f"安溪{stem}{noun}收购点" if kind == "buyer" else f"安溪{stem}农业发展有限公司"


def draw_township(ground: Ground, budget: Mapping[str, int], rules: Rules, names: Names, *, seed: int) -> list[Holding]:
    """Return a township's holdings: collected ones that fill `budget` rows a product, and those only registered."""
    dice = Dice(seed, ground.index, 3)
    names.new_township()
    holdings: list[Holding] = []
    at = _Drawing(ground, names, dice, [])
    for code, rows in budget.items():
        product = rules.products[code]
        known: list[Subject] = []
        left, collected = rows, 0
        while left > 0:
            holding = _holding(at, product, dice.weighted(_COLLECTED), left)
            left -= sum(len(plot.sizes) for plot in holding.plots)
            collected += 1
            holdings.append(holding)
            known.append(holding.subject)
        for category, share in _REGISTERED_ONLY.items():
            for _ in range(int(collected * share + dice())):
                holding = _holding(at, product, category, 1)
                holdings.append(holding)
                known.append(holding.subject)
        at.spare[:] = [subject for subject in known if subject.type != "buyer"]
    return holdings


@dataclass(frozen=True)
class _Drawing:
    """What drawing a township goes by; `spare` are the subjects of the product before, who may hold this one too."""

    ground: Ground
    names: Names
    dice: Dice
    spare: list[Subject]


def _holding(at: _Drawing, product: Product, category: Category, rows: int) -> Holding:
    ground, names, dice, spare, trade = at.ground, at.names, at.dice, at.spare, TRADES[product.code]
    small = category in ("exempt", "below")
    kind = "buyer" if category == "buyer" else "household"
    if category != "buyer" and dice.chance(0.02 if small else 0.4):
        kind = dice.weighted({"cooperative": 45.0, "family_farm": 40.0, "enterprise": 15.0})
    if spare and category != "buyer" and dice.chance(0.1):
        subject = spare.pop(int(dice() * len(spare)))
    else:
        person = names.person(dice)
        name = person if kind == "household" else names.organisation(kind, ground, trade.noun, dice)
        subject = Subject(name, kind, person, names.phone(), dice.pick(list(ground.villages)))
    threshold = product.threshold
    if small:
        units = threshold / (0.01 if product.kind == "crop" else 1)
        size = dice.whole(max(1, round(units * 0.15)), round(units) - 1) * (0.01 if product.kind == "crop" else 1)
        size = round(max(size, product.plausible[0]), 2)
    else:
        size = _size(trade, threshold, trade.median * (1 if subject.type == "household" else 2.5), dice)
    registered = None if category in ("unlisted", "buyer") else size
    collected = size
    while category == "size_difference" and collected == size:
        collected = max(threshold, round(round(size * dice.between(0.65, 1.5) / trade.step) * trade.step, 2))
    # A few of the missing were collected a month ago and have vanished since: they keep their plot.
    february = product.code == "cowpea" and dice.chance(0.3 if category == "missing" else 0.88)
    plots: tuple[Plot, ...] = ()
    if category != "exempt" and (category != "missing" or february):
        plots = draw_plots(ground, subject, product, collected, rows if not small else 1, dice)
    mode = dice.weighted({"open": 7.0, "protected": 3.0}) if product.kind == "crop" else None
    window = dice.weighted(trade.windows)
    credit = dice.weighted({"A": 6.0, "B": 3.0, "C": 1.0})
    return Holding(
        subject, product, category, registered, plots, window, mode, dice.pick(trade.traces), credit, february
    )


def _size(trade: Trade, threshold: float, median: float, dice: Dice) -> float:
    raw = median * float(np.exp(trade.sigma * dice.normal()))
    step = 0.01 if trade.step < 1 and dice.chance(0.2) else trade.step
    return round(min(max(round(raw / step) * step, threshold), trade.top), 2)


def draw_plots(
    ground: Ground, subject: Subject, product: Product, size: float, rows: int, dice: Dice
) -> tuple[Plot, ...]:
    """Return plots that sum to `size`, on no more than `rows` rows."""
    crop = product.kind == "crop"
    count = dice.weighted({1: 76.0, 2: 17.0, 3: 7.0}) if crop and size >= 1 else 1
    count = min(count, rows)
    shares = [dice.between(0.6, 1.4) for _ in range(count)]
    # Whole hundredths (or heads), so that the parts sum to the whole exactly.
    parts = [round(round(size * share / sum(shares), 1), 2) for share in shares[:-1]]
    parts.append(round(size - sum(parts), 2))
    again = dice.whole(0, count - 1) if crop and rows > count and dice.chance(0.09) else None
    first_spot, form = dice.whole(0, len(_SPOTS) - 1), dice.pick(("", ground.name, f"安溪县{ground.name}"))
    named = count > 1 or dice.chance(0.5)
    plots = []
    for index, part in enumerate(parts):
        spot = _SPOTS[(first_spot + index) % len(_SPOTS)]
        lon, lat = _near(ground, ground.villages[subject.village], dice)
        name = (f"{index + 1}号地块" if crop else "1号场") if named else None
        second = (round(max(part * dice.pick((1.0, 0.8, 0.5)), 0.1), 2),) if again == index else ()
        plots.append(Plot(name, f"{form}{subject.village}{spot}", lon, lat, (part, *second)))
    return tuple(plots)


def _near(ground: Ground, middle: tuple[float, float], dice: Dice) -> tuple[float, float]:
    for _ in range(40):
        lon, lat = round(middle[0] + 0.006 * dice.normal(), 6), round(middle[1] + 0.006 * dice.normal(), 6)
        if _fits(ground.cell, ground.seat, lon, lat):
            return lon, lat
    return _anywhere(ground.cell, ground.seat, dice)


def _anywhere(cell: BaseGeometry, seat: tuple[float, float], dice: Dice) -> tuple[float, float]:
    west, south, east, north = cell.bounds
    while True:
        lon, lat = round(dice.between(west, east), 6), round(dice.between(south, north), 6)
        if _fits(cell, seat, lon, lat):
            return lon, lat


def _fits(cell: BaseGeometry, seat: tuple[float, float], lon: float, lat: float) -> bool:
    clear = max(abs(lon - seat[0]), abs(lat - seat[1])) > _SEAT_CLEAR_DEGREES
    return clear and bool(shapely.contains_xy(cell, lon, lat))
