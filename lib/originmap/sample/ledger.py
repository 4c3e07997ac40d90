"""What was planned, kept as plain rows: who is registered with how much, who was collected with how much, and where it stands.

`terms` and `doubles` work the truth of the reconciliation out from these rows alone; they never see a sheet again.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from originmap.sample.county import Ground, Holding
from originmap.sample.forms import Entry
from originmap.sample.listing import Listed

Spot = tuple[str, str, int]  # file, sheet, row
_BETWEEN: Final = ";"


@dataclass(frozen=True, slots=True)
class InRegistry:
    """A registry row."""

    township: str
    product: str
    holder: str
    name: str
    phone: str
    village: str
    size: float | None
    buyer: bool
    kind: str
    spot: Spot


@dataclass(frozen=True, slots=True)
class InSheet:
    """A collection row; `plot`, `cropping`, `month` and `size` as a right reading has them."""

    round: str
    township: str
    product: str
    holder: str
    name: str
    written: str
    phone: str
    village: str
    plot: str
    cropping: str
    month: str
    size: float | None
    buyer: bool
    status: str
    spot: Spot


@dataclass(slots=True)
class Ledger:
    """A county's rows as they are written; `holder` is one subject's product, the same in registry and sheets."""

    listed: list[InRegistry] = field(default_factory=list)
    collected: list[InSheet] = field(default_factory=list)
    lands: dict[str, Ground] = field(default_factory=dict)
    baseline: dict[tuple[str, str, str], float | None] = field(default_factory=dict)
    states: dict[tuple[str, str, str], str] = field(default_factory=dict)
    zeros: list[tuple[str, str, str, str]] = field(default_factory=list)  # round, township, product, file
    _numbers: dict[int, str] = field(default_factory=dict)

    def township(self, land: Ground, holdings: Sequence[Holding]) -> None:
        """Begin a township: what is kept there gets its numbers."""
        self.lands[land.code] = land
        self._numbers = {id(item): f"{land.code}-{number}" for number, item in enumerate(holdings)}

    def add(self, land: Ground, holdings: Sequence[Holding]) -> None:
        """Give numbers to what is kept there besides."""
        self._numbers |= {id(item): f"{land.code}-late-{number}" for number, item in enumerate(holdings)}

    def collect(self, round_: str, entries: Sequence[Entry], spots: dict[int, Spot]) -> None:
        """Add a township's collection rows; `spots` says by ``id`` of an entry where it stands."""
        for entry in entries:
            truth = entry.truth
            if not truth["product"] or not truth["subject_name"]:
                continue  # quarantined, and nobody's
            self.collected.append(
                InSheet(
                    round_,
                    truth["township_code"],
                    truth["product"],
                    self._numbers[id(entry.holding)],
                    truth["subject_name"],
                    str(entry.atoms["subject_name"]),
                    truth["contact_phone"] or "",
                    truth["village"] or "",
                    truth["plot_key"] or "",
                    str(truth["cropping"] or ""),
                    str(truth["collected_on"] or round_)[:7],
                    truth["size_value"],
                    truth["subject_type"] == "buyer",
                    entry.status,
                    spots[id(entry)],
                )
            )

    def enter(self, land: Ground, item: Listed, spot: Spot) -> None:
        """Add a registry row that stands at `spot`."""
        shown = item.shown
        holder = self._numbers.get(id(item.holding)) or f"{land.code}+{len(self.listed)}"
        self.listed.append(
            InRegistry(
                land.code,
                shown.product.code,
                holder,
                shown.subject.name,
                shown.subject.phone,
                shown.subject.village,
                shown.registered,
                shown.subject.type == "buyer",
                item.kind,
                spot,
            )
        )


def standing(rows: Sequence[InSheet], *, crop: bool) -> float:
    """Return one holder's standing size: per plot the rows of a cropping summed, the largest cropping counted; of heads the latest month."""
    plots: dict[str, list[InSheet]] = defaultdict(list)
    for row in rows:
        plots[row.plot].append(row)
    total = 0.0
    for own in plots.values():
        latest = max(row.month for row in own)
        croppings: dict[str, float] = defaultdict(float)
        for row in own:
            if crop or row.month == latest:
                croppings[row.cropping] += row.size or 0.0
        total += max(croppings.values())
    return round(total, 2)


def told(spots: Sequence[Spot]) -> str:
    """Return rows as text: ``文件〔表〕行``, joined by a semicolon."""
    return _BETWEEN.join(f"{file}〔{sheet}〕{row}" for file, sheet, row in spots)
