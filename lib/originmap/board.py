"""Board: a round's records encoded once as small numbers, so that any filter over a million of them is arithmetic.

`Board.choose` applies a `Selection`; what is chosen adds up the same way as the reconciliation does: subjects are distinct names in a
township, areas are standing (per plot the largest cropping) or sown, a herd's latest month counts, buyers stand outside every total.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.compute as pc
import shapely

from originmap import coding, texts
from originmap.coding import Bools, Coded, Floats, Groups, Ints
from originmap.places import Places
from originmap.rules import Rules
from originmap.seasons import PERIODS, periods
from originmap.selection import COLUMNS, Selection, filters
from originmap.subjects import normal_name
from originmap.vocab import code

# Columns that a text is looked for in.
SEARCHED: Final = ("subject_name", "village", "plot_key", "base_address")
_COUNTS: Final = ["records", "located", "subjects", "buyers"]
_NOWHERE: Final = shapely.Point(np.nan, np.nan)


@dataclass(frozen=True)
class _Key:
    """What totals are summed by: each row's, each plot's and each holder's place among `count`, −1 where unknown."""

    count: int
    rows: Ints
    plots: Ints
    holders: Ints


@dataclass(frozen=True, repr=False, eq=False)
class Board:
    """Records encoded for filters and totals.

    Attributes
    ----------
    records
        As given, in their order.
    rules, places
        What they were judged by.
    coded
        ``{column: Coded}`` of the columns that filters look at.
    area, heads
        Size of each row in 亩, and in heads or birds; NaN where unknown or of the other kind.
    lon, lat
        Degrees (WGS84), NaN without a settled point.
    window, seasons
        Each row's place among the rows of `seasons` (n × 36 ten-day periods), whose last row is "no window".
    subject
        Number of each row's subject: township and name for comparison.
    holders, croppings, months, keys
        What totals need: each row's subject and product, plots by cropping and by month, and what is summed by.
    """

    records: gpd.GeoDataFrame
    rules: Rules
    places: Places
    coded: Mapping[str, Coded]
    area: Floats
    heads: Floats
    lon: Floats
    lat: Floats
    window: Ints
    seasons: Bools
    subject: Ints
    holders: Ints
    croppings: Groups
    months: Groups
    keys: Mapping[str, _Key]

    @classmethod
    def of(
        cls, records: gpd.GeoDataFrame, rules: Rules, places: Places, *, findings: pd.DataFrame | None = None
    ) -> Self:
        """Encode records; `findings` (``Round.findings``) are needed for the filter of severities.

        Raises
        ------
        ValueError
            A market window is not of the form of `seasons.periods`.
        """
        columns = pd.DataFrame(records.drop(columns="geometry"))
        coded = {
            name: coding.coded(columns, name, rules, places)
            for name in [*COLUMNS.values(), "size_unit"]
            if name in columns
        }
        coded["severity"] = coding.severities(columns["record_id"], findings)
        where = shapely.get_coordinates(records.geometry.fillna(_NOWHERE).to_numpy())
        window, known = texts.distinct(columns["market_windows"].astype("str"))
        name = texts.distinct(normal_name(columns["subject_name"], places))[0]
        town, product = coded["township_code"], coded["product"]
        subject = coding.numbered(town.place, name)
        holder = coding.numbered(subject, product.place)
        width = len(product.names)
        cell = np.where((town.place < 0) | (product.place < 0), -1, town.place * width + product.place)
        plot = coding.numbered(cell, name, texts.distinct(columns["plot_key"])[0], whole=True)
        cropping = texts.distinct(columns["cropping"])[0]
        month = coding.ranked(columns["collected_on"].str[:7].fillna(columns["round"]))
        by = {"product": (width, product.place), "cell": (len(town.names) * width, cell)}
        return cls(
            records=records,
            rules=rules,
            places=places,
            coded=coded,
            area=columns["area_mu"].to_numpy("float64", na_value=np.nan),
            heads=columns["head_count"].to_numpy("float64", na_value=np.nan),
            lon=where[:, 0],
            lat=where[:, 1],
            window=np.where(window < 0, len(known), window),
            seasons=np.vstack([periods(pd.Series(known, dtype="str")), np.zeros((1, PERIODS), dtype=bool)]),
            subject=subject,
            holders=holder,
            croppings=coding.grouped(plot, cropping),
            months=coding.grouped(plot, month),
            keys={
                key: _Key(count, at, coding.wider(plot, at), coding.wider(holder, at))
                for key, (count, at) in by.items()
            },
        )

    def choose(self, selection: Selection) -> "Chosen":
        """Return the records that pass every filter; what is unknown passes no filter set on it."""
        keep = np.ones(len(self.records), dtype=bool)
        for field, column in COLUMNS.items():
            if wanted := getattr(selection, field):
                keep &= self.coded[column].among(wanted)
        low, high = selection.min_size, selection.max_size
        if not (low is None and high is None):
            size = self.area if selection.size_unit == "mu" else self.heads
            # A comparison with NaN is false: an unknown size passes no bound.
            keep &= (size >= (low or 0.0)) & (size <= (math.inf if high is None else high))
            keep &= self.coded["size_unit"].among([str(selection.size_unit)])
        if selection.window is not None:
            first, last = selection.window
            wanted_periods = (first + np.arange((last - first) % PERIODS + 1)) % PERIODS
            keep &= np.asarray(self.seasons[:, wanted_periods].any(axis=1))[self.window]
        if selection.text.strip():
            keep &= self._saying(selection.text)
        return Chosen(self, keep)

    def villages(self, townships: Sequence[str] = ()) -> list[str]:
        """Return the names of villages that records lie in, of all townships or of some, sorted."""
        town, village = self.coded["township_code"], self.coded["village"]
        keep = village.place >= 0
        if townships:
            keep &= town.among(townships)
        return [village.names[place] for place in np.unique(village.place[keep])]

    def _saying(self, text: str) -> Bools:
        """Tell which rows say a text, whatever its width, case and spaces."""
        wanted = texts.half_width(pd.Series([text], dtype="str")).str.lower().iat[0]
        hit: Bools = pc.match_substring(texts.arrow(self._said), wanted).to_numpy()
        return hit

    @cached_property
    def _said(self) -> pd.Series:
        columns = [self.records[name] for name in SEARCHED if name in self.records]
        joined = texts.half_width(texts.joined(columns))
        return texts.series(pc.utf8_lower(texts.arrow(joined)), joined.index)

    @cached_property
    def buyer(self) -> Bools:
        """Whether each row is a buyer's."""
        return self.coded["subject_type"].among(["buyer"])

    @cached_property
    def mercator(self) -> Floats:
        """Each point's place between the top (0) and the bottom (1) of the world in web Mercator, NaN without a point."""
        sine = np.sin(np.radians(self.lat))
        part: Floats = 0.5 - np.log((1 + sine) / (1 - sine)) / (4 * math.pi)
        return part

    @cached_property
    def located(self) -> Bools:
        """Whether each row has a settled point."""
        return ~np.isnan(self.lon)


@dataclass(frozen=True, repr=False, eq=False)
class Chosen:
    """The records that a selection leaves: `keep` is true at theirs."""

    board: Board
    keep: Bools

    def __len__(self) -> int:
        return int(self.keep.sum())

    @cached_property
    def rows(self) -> Ints:
        """Positions of the chosen records, in their order."""
        return np.flatnonzero(self.keep)

    @cached_property
    def records(self) -> gpd.GeoDataFrame:
        """The chosen records themselves."""
        return self.board.records.iloc[self.rows]

    @cached_property
    def not_located(self) -> pd.Series:
        """``{township: records without a point}`` in the order of the codes, unknown townships last; only those that have any."""
        town = self.board.coded["township_code"]
        counts = np.bincount(
            town.place[self.keep & ~self.board.located] % (len(town.names) + 1), minlength=len(town.names) + 1
        )
        order = [*np.argsort(town.names), len(town.names)]
        names = [*(self.board.places.names.get(value, value) for value in town.names), np.nan]
        index = pd.Index([names[at] for at in order], dtype="str", name="township")
        found = pd.Series(counts[order], index=index, dtype="int64")
        return found[found > 0]

    def subjects(self, *, buyers: bool = False) -> int:
        """Count distinct subjects (township and name) over all products, buyers only or buyers apart."""
        board = self.board
        return int((np.bincount(board.subject[self.keep & (board.buyer == buyers)]) > 0).sum())

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Totals per product, in the order of the rules; every product has its row.

        Columns `product, records, located, subjects` (distinct township and name, buyers apart), `buyers` (distinct), `area_mu` (亩, the
        rules' area measure) and `head_count` (heads or birds, a herd's latest month); sizes leave buyers out and are NA where no
        size is known or the product has none of the kind, never 0.
        """
        table = self._totals("product").set_axis(self.board.coded["product"].names)
        table = table.reindex(list(self.board.rules.products))
        table[_COUNTS] = table[_COUNTS].fillna(0).astype("int64")
        return table.rename_axis("product").reset_index()

    @cached_property
    def townships(self) -> pd.DataFrame:
        """Totals per township and product, columns as `summary` after `township_code`; pairs without a record are left out."""
        table = self._totals("cell").reset_index(names="cell")
        table = table[table["records"] > 0]
        coded = self.board.coded
        town, product = coded["township_code"].names, coded["product"].names
        at = table.pop("cell").to_numpy()
        table.insert(
            0, "township_code", pd.Series([town[place // len(product)] for place in at], table.index, dtype="str")
        )
        table.insert(1, "product", pd.Series([product[place % len(product)] for place in at], table.index, dtype="str"))
        order = {value: at for at, value in enumerate([*self.board.places.names, *self.board.rules.products])}
        return table.sort_values(["township_code", "product"], key=lambda column: column.map(order), ignore_index=True)

    @cached_property
    def calendar(self) -> pd.DataFrame:
        """Records on the market per product (rows, in the order of the rules) and ten-day period (columns 0 … 35), buyers apart."""
        board = self.board
        product, seasons = board.coded["product"], board.seasons.astype("int64")
        keep = self.keep & ~board.buyer & (product.place >= 0)
        counts = np.bincount(
            product.place[keep] * len(seasons) + board.window[keep], minlength=len(seasons) * len(product.names)
        )
        table = pd.DataFrame(counts.reshape(-1, len(seasons)) @ seasons, index=pd.Index(product.names, name="product"))
        return table.reindex(list(board.rules.products), fill_value=0)

    def _totals(self, by: str) -> pd.DataFrame:
        """Return `records, located, subjects, buyers, area_mu, head_count` per product, or per township and product."""
        board, key = self.board, self.board.keys[by]
        count = key.count
        keep = self.keep & (key.rows >= 0)
        grower, buyer = self.keep & ~board.buyer, self.keep & board.buyer
        table = pd.DataFrame(index=pd.RangeIndex(count))
        table["records"] = np.bincount(key.rows[keep], minlength=count)
        table["located"] = np.bincount(key.rows[keep & board.located], minlength=count)
        for name, rows in (("subjects", grower), ("buyers", buyer)):
            holders = np.bincount(board.holders[rows], minlength=len(key.holders)) > 0
            table[name] = np.bincount(key.holders[holders & (key.holders >= 0)], minlength=count)
        for name, plots in self._plots.items():
            known = ~np.isnan(plots) & (key.plots >= 0)
            totals = np.bincount(key.plots[known], weights=plots[known], minlength=count).round(2)
            table[name] = np.where(np.bincount(key.plots[known], minlength=count) > 0, totals, np.nan)
        return table

    @cached_property
    def _plots(self) -> dict[str, Floats]:
        """Return what stands on each plot, in 亩 and in heads, buyers apart; NaN where it is unknown."""
        growers = self.keep & ~self.board.buyer
        standing = self.board.rules["reconcile"]["area_measure"] == "standing"
        return {"area_mu": self._areas(growers, standing=standing), "head_count": self._heads(growers)}

    def _areas(self, rows: Bools, *, standing: bool) -> Floats:
        """Return each plot's area, the largest of its croppings or all of them together; NaN where none is known."""
        groups = self.board.croppings
        sums, known = coding.sums(groups, self.board.area, rows)
        plots = np.full(len(self.board.keys["cell"].plots), -math.inf if standing else 0.0)
        (np.maximum if standing else np.add).at(plots, groups.of[known], sums[known])
        plots[np.bincount(groups.of[known], minlength=len(plots)) == 0] = np.nan
        return plots

    def _heads(self, rows: Bools) -> Floats:
        """Return each herd's count in the latest month that the chosen rows tell of; NaN where that month's is unknown."""
        groups = self.board.months
        sums, known = coding.sums(groups, self.board.heads, rows)
        present = np.flatnonzero(np.bincount(groups.row[rows & (groups.row >= 0)], minlength=len(groups.of)) > 0)
        plots = np.full(len(self.board.keys["cell"].plots), np.nan)
        # Months of a herd are numbered in their order: what is written last is the latest.
        plots[groups.of[present]] = np.where(known[present], sums[present], np.nan)
        return plots


def sentence(selection: Selection, chosen: Chosen, *, names: bool = False) -> str:
    """Say in one sentence what is selected and what it adds up to: never 亩 with heads. With `names`, townships by name.

    ``豇豆，≥2亩，5月上旬上市：37 个主体，112.4 亩``. Areas of all crops are one figure, animals one figure a product.
    """
    rules, table = chosen.board.rules, chosen.summary.set_index("product")
    results = [f"{chosen.subjects():,} 个主体"]
    if table["area_mu"].notna().any():
        results.append(f"{table['area_mu'].sum():,.1f} 亩")
    heads = table["head_count"].dropna()
    for product, count in heads.items():
        name = f"{rules.products[product].name} " if len(heads) > 1 or len(selection.products) != 1 else ""
        results.append(f"{name}{count:,.0f} {code('size_unit', rules.products[product].unit)}")
    if buyers := chosen.subjects(buyers=True):
        results.append(f"另有产地收购商 {buyers} 家")
    said = filters(selection, rules, places=chosen.board.places if names else None)
    return f"{'，'.join(said)}：{'，'.join(results)}"
