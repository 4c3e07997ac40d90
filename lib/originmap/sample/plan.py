"""Who does what in the synthetic county: what each township grows, on how many rows, and how it sends it in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from originmap.rules import Rules
from originmap.sample.county import Ground
from originmap.sample.forms import Hand, draw_hand
from originmap.sample.layouts import LayoutName
from originmap.sample.trades import TRADES, Dice

# By the order of the draw, as are the roles: G needs a sheet a product, H, F and E all of them in one.
_LAYOUTS: Final[tuple[LayoutName, ...]] = (
    *("A", "B", "C", "A", "B", "C", "D", "B", "C", "E", "B", "C"),
    *("G", "G", "C", "D", "B", "C", "F", "H", "E", "F", "H", "D"),
)
# What is sent as something else than .xlsx; a coat is a web page named .xls.
_FORMATS: Final = {8: "coat", 11: "csv", 17: "docx", 18: "zip", 20: "xls", 21: "ods"}
TINY_ROWS: Final = 120
_TINY_MOST: Final = 4  # and one more where a row stands twice


@dataclass(frozen=True)
class Roles:
    """Which township does what, by index; `budgets` holds its rows a product."""

    silent: int
    zero: int
    unreported: tuple[int, str]
    accounts: int
    hidden: int
    pdf: int
    february_zero: int
    own_registry: tuple[int, ...]
    registry_sheet: tuple[int, ...]
    wide_registry: int
    no_registry: int
    apart: tuple[int, ...]
    by_product: tuple[int, ...]
    by_kind: tuple[int, ...]
    formats: Mapping[int, str]
    hands: tuple[Hand, ...]
    budgets: tuple[Mapping[str, int], ...]


def plan(lands: Sequence[Ground], rows: int, rules: Rules, *, seed: int) -> Roles:
    """Return who grows what, on how many rows, in which layout and with which peculiarity."""
    dice = Dice(seed, 0)
    order = dice.order(len(lands))
    layouts = [_LAYOUTS[order.index(at) % len(_LAYOUTS)] for at in range(len(lands))]
    weight = [len(land.villages) * float(np.exp(0.5 * dice.normal())) for land in lands]
    products = [code for code in rules.products if code in TRADES]
    cells = {
        (at, code): weight[at] * TRADES[code].share * float(np.exp(0.5 * dice.normal()))
        for at in range(len(lands))
        for code in products
        if dice.chance(TRADES[code].spread)
    }
    silent, zero = order[0], order[1]
    cells.pop((zero, "celery"), None)
    crops = [code for code in ("chinese_chive", "celery", "cowpea") if (order[2], code) in cells]
    unreported = (order[2], crops[0] if crops and sum(at == order[2] for at, _ in cells) > 1 else "")
    unsent = {key for key in cells if key[0] == silent or key == unreported}
    sent = {key: value for key, value in cells.items() if key not in unsent}
    counts = _apportion(sent, rows)
    per_row = rows / sum(sent.values())
    counts |= {key: max(1, round(cells[key] * per_row)) for key in unsent}
    budgets = tuple({code: counts[at, code] for code in products if counts.get((at, code))} for at in range(len(lands)))
    without = [at for at in order[1:] if "cowpea" not in budgets[at]]
    return Roles(
        silent=silent,
        zero=zero,
        unreported=unreported,
        accounts=order[3],
        hidden=order[12],
        pdf=order[4],
        february_zero=without[0] if without else -1,
        own_registry=(order[5], order[6]),
        registry_sheet=(order[7],),
        wide_registry=order[6],
        no_registry=order[19],
        formats={order[place]: form for place, form in _FORMATS.items()},
        apart=tuple(order[8:12]),
        by_product=tuple(order[12:17]),
        by_kind=tuple(order[17:19]),
        hands=tuple(
            draw_hand(layouts[at], land, Dice(seed, at, 5), mixed=at not in (zero, *order[12:17]))
            for at, land in enumerate(lands)
        ),
        budgets=budgets,
    )


def _apportion(weights: Mapping[tuple[int, str], float], total: int) -> dict[tuple[int, str], int]:
    """Share out `total` by largest remainder, at least one row for every township while they last."""
    scale = total / sum(weights.values())
    counts = {key: int(value * scale) for key, value in weights.items()}
    rest = sorted(weights, key=lambda key: (counts[key] - weights[key] * scale, key))
    for key in rest[: total - sum(counts.values())]:
        counts[key] += 1
    for at in sorted({at for at, _ in weights}):
        own = [key for key in counts if key[0] == at]
        rich = max(counts, key=lambda key: (counts[key], key))
        if not any(counts[key] for key in own) and counts[rich] > 1:
            counts[rich] -= 1
            counts[max(own, key=lambda key: (weights[key], key))] += 1
    return _levelled(counts) if total < TINY_ROWS else counts


def _levelled(counts: Mapping[tuple[int, str], int]) -> dict[tuple[int, str], int]:
    """Move rows from townships with many to those with few."""
    level = dict(counts)
    while True:
        sums = {at: sum(rows for key, rows in level.items() if key[0] == at) for at, _ in level}
        most, least = max(sums, key=lambda at: (sums[at], at)), min(sums, key=lambda at: (sums[at], at))
        if sums[most] <= _TINY_MOST or sums[least] >= _TINY_MOST:
            return level
        level[max((key for key in level if key[0] == most), key=lambda key: (level[key], key))] -= 1
        level[max((key for key in level if key[0] == least), key=lambda key: (level[key], key))] += 1


def neighbours(lands: Sequence[Ground]) -> dict[str, Ground]:
    """Return for each township the one whose seat is nearest."""
    pairs = [
        ((land.seat[0] - other.seat[0]) ** 2 + (land.seat[1] - other.seat[1]) ** 2, land.code, other)
        for land in lands
        for other in lands
        if other is not land
    ]
    # The farthest first, so that the nearest is what stays.
    return {code: other for _, code, other in sorted(pairs, key=lambda pair: -pair[0])}


def draw_baseline(
    lands: Sequence[Ground],
    crops: Sequence[str],
    figures: Mapping[tuple[str, str], tuple[float, float]],
    zero: Ground,
    *,
    seed: int,
) -> tuple[dict[tuple[str, str], float | None], int | None]:
    """Return the planting-area table's areas (亩, None where left blank) and the township whose 合计 is wrong.

    `figures` holds registered and collected area by (township code, crop). Most baselines lie above the registered area, some
    at the collected one, one below it, one is written 0; the township `zero` has some celery although it will report none.
    """
    dice = Dice(seed, 7)
    areas: dict[tuple[str, str], float | None] = {}
    known = list(figures) or [("", "")]
    over, unknown = dice.pick(known), dice.pick(known)
    for key in ((land.code, code) for land in lands for code in crops):
        if key not in figures:
            # Nothing grown: mostly a written 0, now and then left blank.
            areas[key] = None if dice.chance(0.1) else 0.0
            continue
        registered, collected = figures[key]
        if key == over:
            area = collected * 0.8
        elif dice.chance(0.3) and collected:
            area = collected * dice.between(0.98, 1.03)
        else:
            area = registered * dice.between(1.0, 1.25)
        areas[key] = None if key == unknown else round(area, 1)
    # Where least is grown the table says 0: more is collected than it knows of.
    least = sorted(
        (figures[key][1], key) for key, area in areas.items() if area and key != over and figures[key][1] > 1
    )
    if least:
        areas[least[0][1]] = 0.0
    if "celery" in crops:
        areas[zero.code, "celery"] = 3.2
    full = [land.index for land in lands if all(areas[land.code, code] for code in crops)]
    return areas, dice.pick(full) if full else None
