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
from originmap.phrases import joined, phrase
from originmap.places import Places
from originmap.rounds import Round
from originmap.rules import Rules
from originmap.seasons import PERIODS, periods
from originmap.selection import COLUMNS, Selection, filters
from originmap.subjects import normal_name
from originmap.vocab import Lang, code

# Columns that a text is looked for in.
SEARCHED: Final = ("subject_name", "village", "plot_key", "base_address")
_COUNTS: Final = ["records", "located", "subjects", "buyers"]
_NOWHERE: Final = shapely.Point(np.nan, np.nan)


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
    cells, holders, plots
        What totals need: each row's township × product (the last township is "unknown"), its holder (subject and product) and its plot.
    croppings, months
        Plots by cropping and by month.
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
    cells: Ints
    holders: Groups
    plots: Groups
    croppings: Groups
    months: Groups

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
        cell = np.where(product.place < 0, -1, town.place % (len(town.names) + 1) * width + product.place)
        known_cell = np.where(town.place < 0, -1, cell)
        plot = coding.numbered(known_cell, name, texts.distinct(columns["plot_key"])[0], whole=True)
        cropping = texts.distinct(columns["cropping"])[0]
        month = coding.ranked(columns["collected_on"].str[:7].fillna(columns["round"]))
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
            cells=cell,
            holders=Groups(holder, coding.wider(holder, cell)),
            plots=Groups(plot, coding.wider(plot, cell)),
            croppings=coding.grouped(plot, cropping),
            months=coding.grouped(plot, month),
        )

    @classmethod
    def of_round(cls, round_: Round) -> Self:
        """Encode a round's records and what was found against them."""
        return cls.of(round_.records, round_.rules, round_.places, findings=round_.findings)

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
        wanted = [at for at, name in enumerate(town.names) if not townships or name in townships]
        return [village.names[at] for at in np.flatnonzero(self._villages[wanted].any(axis=0))]

    @cached_property
    def _villages(self) -> Bools:
        """Which township (rows) has which village."""
        town, village = self.coded["township_code"], self.coded["village"]
        met = np.zeros((len(town.names) + 1, len(village.names) + 1), dtype=bool)
        met[town.place, village.place] = True
        return met[:-1, :-1]

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
    def subject_towns(self) -> Ints:
        """Place of each subject's township among its names, −1 where unknown."""
        return coding.wider(self.subject, self.coded["township_code"].place)

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

    @cached_property
    def _growers(self) -> Ints:
        return np.flatnonzero(self.keep & ~self.board.buyer)

    @cached_property
    def _buyers(self) -> Ints:
        return np.flatnonzero(self.keep & self.board.buyer)

    def subjects(self, *, buyers: bool = False) -> int:
        """Count distinct subjects (township and name) over all products, buyers only or buyers apart."""
        return int(coding.present(self.board.subject, self._buyers if buyers else self._growers).sum())

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Totals per product, in the order of the rules; every product has its row.

        Columns `product, records, located, subjects` (distinct township and name, buyers apart), `buyers` (distinct), `area_mu` (亩, the
        rules' area measure) and `head_count` (heads or birds, a herd's latest month); sizes leave buyers out and are NA where no
        size is known or the product has none of the kind, never 0.
        """
        names = self.board.coded["product"].names
        table = pd.DataFrame({name: _sum(figures) for name, figures in self._figures.items()}, index=list(names))
        table = table.reindex(list(self.board.rules.products))
        table[_COUNTS] = table[_COUNTS].fillna(0).astype("int64")
        return table.round(2).rename_axis("product").reset_index()

    @cached_property
    def townships(self) -> pd.DataFrame:
        """Totals per township and product, columns as `summary` after `township_code`; pairs without a record are left out."""
        town, product = (self.board.coded[name].names for name in ("township_code", "product"))
        index = pd.MultiIndex.from_product([town, product], names=["township_code", "product"])
        table = pd.DataFrame({name: figures[:-1].ravel() for name, figures in self._figures.items()}, index=index)
        table = table[table["records"] > 0].round(2).reset_index()
        order = {value: at for at, value in enumerate([*self.board.places.names, *self.board.rules.products])}
        return table.sort_values(["township_code", "product"], key=lambda column: column.map(order), ignore_index=True)

    @cached_property
    def calendar(self) -> pd.DataFrame:
        """Records on the market per product (rows, in the order of the rules) and ten-day period (columns 0 … 35), buyers apart."""
        board = self.board
        product, seasons = board.coded["product"], board.seasons.astype("int64")
        rows = self._growers[product.place[self._growers] >= 0]
        counts = np.bincount(
            product.place[rows] * len(seasons) + board.window[rows], minlength=len(seasons) * len(product.names)
        )
        table = pd.DataFrame(counts.reshape(-1, len(seasons)) @ seasons, index=pd.Index(product.names, name="product"))
        return table.reindex(list(board.rules.products), fill_value=0)

    @cached_property
    def _figures(self) -> dict[str, Floats]:
        """Return `records, located, subjects, buyers, area_mu, head_count` by township (rows, the last unknown) and product."""
        board, growers, buyers = self.board, self._growers, self._buyers
        shape = (len(board.coded["township_code"].names) + 1, len(board.coded["product"].names))

        def counted(cells: Ints) -> Floats:
            return np.bincount(cells[cells >= 0], minlength=shape[0] * shape[1]).reshape(shape).astype("float64")

        found = {"records": counted(board.cells[self.rows])}
        found["located"] = counted(board.cells[self.keep & board.located])
        for name, rows in (("subjects", growers), ("buyers", buyers)):
            found[name] = counted(board.holders.of[coding.present(board.holders.row, rows)])
        for name, plots in (("area_mu", self._areas(growers)), ("head_count", self._heads(growers))):
            known = ~np.isnan(plots)
            at = board.plots.of[known]
            totals = np.bincount(at, weights=plots[known], minlength=shape[0] * shape[1]).reshape(shape)
            found[name] = np.where(counted(at) > 0, totals, np.nan)
        return found

    def _areas(self, rows: Ints) -> Floats:
        """Return each plot's area, the largest of its croppings or all of them together; NaN where none is known."""
        standing = self.board.rules["reconcile"]["area_measure"] == "standing"
        groups = self.board.croppings
        sums, known = coding.sums(groups, self.board.area, rows)
        plots = np.full(len(self.board.plots.of), -math.inf if standing else 0.0)
        (np.maximum if standing else np.add).at(plots, groups.of[known], sums[known])
        plots[~coding.present(groups.of, known, len(plots))] = np.nan
        return plots

    def _heads(self, rows: Ints) -> Floats:
        """Return each herd's count in the latest month that the chosen rows tell of; NaN where that month's is unknown."""
        groups = self.board.months
        sums, known = coding.sums(groups, self.board.heads, rows)
        months = np.flatnonzero(coding.present(groups.row, rows, len(groups.of)))
        plots = np.full(len(self.board.plots.of), np.nan)
        # Months of a herd are numbered in their order: what is written last is the latest.
        plots[groups.of[months]] = np.where(np.isin(months, known), sums[months], np.nan)
        return plots


def _sum(figures: Floats) -> Floats:
    """Return the sums of columns, NaN where nothing in one is known."""
    totals: Floats = np.where(np.isnan(figures).all(axis=0), np.nan, np.nansum(figures, axis=0))
    return totals


def sentence(selection: Selection, chosen: Chosen, *, names: bool = False, lang: Lang = "zh") -> str:
    """Say in one sentence what is selected and what it adds up to: never 亩 with heads. With `names`, townships by name.

    ``豇豆，≥2亩，5月上旬上市：37 个主体，112.4 亩``. Areas of all crops are one figure, animals one figure a product.
    """
    rules, table = chosen.board.rules, chosen.summary.set_index("product")
    results = [phrase("n_subjects", lang, n=chosen.subjects())]
    if table["area_mu"].notna().any():
        results.append(f"{table['area_mu'].sum():,.1f} {code('size_unit', 'mu', lang)}")
    heads = table["head_count"].dropna()
    for product, count in heads.items():
        name = f"{rules.products[product].label(lang)} " if len(heads) > 1 or len(selection.products) != 1 else ""
        results.append(f"{name}{count:,.0f} {code('size_unit', rules.products[product].unit, lang)}")
    if buyers := chosen.subjects(buyers=True):
        results.append(phrase("n_buyers", lang, n=buyers))
    said = filters(selection, rules, places=chosen.board.places if names else None, lang=lang)
    return phrase("told", lang, what=joined(said, lang, by="clause"), said=joined(results, lang, by="clause"))
