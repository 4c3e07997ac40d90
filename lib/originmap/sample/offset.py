"""Points that are not what they seem: whole files typed in GCJ-02 or BD-09, two points of two decimals, a late file of three rows.

What a row's cells say is in ``truth`` as `lon, lat`; where its plot really lies, as `true_lon, true_lat`. The two differ here alone.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from originmap.datum import from_wgs84
from originmap.rules import Product
from originmap.sample.county import Ground, Holding, Names, Subject, draw_plots
from originmap.sample.forms import Entry
from originmap.sample.mistakes import FEW_ROWS
from originmap.sample.trades import TRADES, Dice, Window

_KNOWN = 10  # subjects of the month before that make a datum plain
_TINY_MOST = 5
_CLEAR_DEGREES = 0.02  # of the town's seat
_COARSE = 2  # points of two decimals
_LATE_ROWS = 3


@dataclass
class Offsets:
    """Decides which files of a county are in another datum; `waiting` are those still to be found a file for."""

    rows: int
    waiting: list[str] = field(default_factory=list)
    coarse: int = 0
    supplement: bool = False

    def __post_init__(self) -> None:
        self.waiting = ["gcj02", "bd09"] if self.rows >= FEW_ROWS else ["gcj02"]
        self.coarse = _COARSE if self.rows >= FEW_ROWS else 0
        self.supplement = self.rows >= FEW_ROWS

    def shift(self, entries: Sequence[Entry], *, single: bool) -> tuple[str, int] | None:
        """Bring a township's entries into the next datum; return it and how many subjects the month before knows, None if left alone.

        A tiny county has no month before. A file fits that is the township's only one (`single`) and where no point is wrong besides.
        """
        known = {
            entry.holding.subject.name
            for entry in entries
            if entry.holding.february and entry.holding.product.code == "cowpea" and entry.status == "accepted"
        }
        wrong = any(rule.startswith("point_") and rule != "point_missing" for entry in entries for rule in entry.rules)
        enough = len(known) >= _KNOWN if self.rows >= FEW_ROWS else len(entries) <= _TINY_MOST
        if not (self.waiting and single and enough) or wrong:
            return None
        datum = self.waiting.pop(0)
        for entry in entries:
            to_datum(entry, datum)
        return datum, len(known) if self.rows >= FEW_ROWS else 0

    def coarsen(self, entries: Sequence[Entry]) -> None:
        """Type one point of a township with two decimals, as long as there are too few of them."""
        rows = Counter(id(entry.holding) for entry in entries)
        for entry in entries if self.coarse else ():
            lon, lat = round(entry.plot.lon, 2), round(entry.plot.lat, 2)
            seat = entry.ground.seat
            clear = max(abs(lon - seat[0]), abs(lat - seat[1])) > _CLEAR_DEGREES
            two = all(round(value * 100) % 10 for value in (lon, lat))
            if not entry.rules and rows[id(entry.holding)] == 1 and clear and two and entry.truth["lon"] is not None:
                _type(entry, lon, lat, 2)
                entry.mark("point_coarse", "point")
                self.coarse -= 1
                return


def to_datum(entry: Entry, datum: str) -> None:
    """Type an entry's point in another datum; one that was not typed stays so."""
    if entry.truth["lon"] is None:
        return
    lon, lat = from_wgs84([entry.truth["lon"]], [entry.truth["lat"]], datum)
    _type(entry, round(float(lon[0]), 6), round(float(lat[0]), 6), 6)


def _type(entry: Entry, lon: float, lat: float, decimals: int) -> None:
    number = not isinstance(entry.atoms["lon"], str)
    plain = (lon, lat) if number else (f"{lon:.{decimals}f}", f"{lat:.{decimals}f}")
    entry.atoms.update(lon=plain[0], lat=plain[1])
    entry.truth.update(lon=lon, lat=lat)


def late_comers(land: Ground, product: Product, names: Names, dice: Dice) -> list[Holding]:
    """Return three households that were forgotten: in no registry and unknown the month before."""
    trade, found = TRADES[product.code], []
    for _ in range(_LATE_ROWS):
        name = names.stranger(dice)
        subject = Subject(name, "household", name, names.spare_phone(), dice.pick(list(land.villages)))
        size = round(product.threshold + dice.whole(1, 20) * trade.step, 2)
        plots = draw_plots(land, subject, product, size, 1, dice)
        window: Window = dice.pick(list(trade.windows))
        mode, traces = dice.pick(("open", "protected")), dice.pick(trade.traces)
        found.append(Holding(subject, product, "unlisted", None, plots, window, mode, traces, "A", february=False))
    return found
