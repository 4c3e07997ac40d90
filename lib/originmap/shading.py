"""Shading: a figure for every township of what is selected, its class by fixed breaks, or the reason why it is unknown.

Area, animals, subjects and findings come from the chosen records; coverage and gap from the reconciliation, tests from the ledger of rapid
tests, both for the chosen products and townships. 亩 and heads never meet in a figure, and an unknown is no class and no zero.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from originmap import coding
from originmap.board import Board, Chosen
from originmap.coding import Bools, Floats, Ints
from originmap.plans import COVERAGE_COLOURS, coverage_class, coverage_labels
from originmap.rapidtests import placed, samples
from originmap.reconcile import KNOWN, planting_area
from originmap.rounds import Round
from originmap.rules import Rules, RulesError
from originmap.selection import Selection
from originmap.vocab import Lang, code

# Sand to brown: light enough for points of any product at its start, in order in grey. White is a known zero.
_MORE: Final = ("#FFFFFF", "#EBDAB6", "#D3B47E", "#B68B4C", "#8B5F2A", "#553409")
# Worst darkest, as in the coverage classes.
_PASSED: Final = ("#7F0A1F", "#C9523F", "#EB9A78", "#F3C9B2", "#EEF7FC")


class Measure(NamedTuple):
    """How a figure is drawn: the colours of its classes, whether it is a total (has a zero, may be a symbol) and follows every filter."""

    colours: tuple[str, ...]
    total: bool
    filtered: bool


MEASURES: Final[Mapping[str, Measure]] = {
    "area_mu": Measure(_MORE, total=True, filtered=True),
    "heads": Measure(_MORE, total=True, filtered=True),
    "subjects": Measure(_MORE, total=True, filtered=True),
    "coverage_pct": Measure(tuple(COVERAGE_COLOURS), total=False, filtered=False),
    "gap_mu": Measure(COVERAGE_COLOURS[::-1], total=False, filtered=False),
    "findings": Measure(_MORE, total=True, filtered=True),
    "tests": Measure(_MORE, total=True, filtered=False),
    "pass_pct": Measure(_PASSED, total=False, filtered=False),
}


@dataclass(frozen=True, eq=False)
class Shading:
    """A figure for every township.

    Attributes
    ----------
    measure, unit
        Of `MEASURES`; ``mu``, ``head``, ``bird``, ``pct`` or empty for a count.
    products
        Those that it is about.
    table
        One row a township in the order of the codes: `township_code, township, value` (NaN: unknown), `class_index` (NA: unknown), `reason` (a
        code of `no_figure`, empty where known), `partial` (some of the products are unknown there and in no figure).
    edges, colours
        Its breaks, and one colour a class.
    unfit
        Why nothing is drawn, a key of ``phrases.PHRASES``; `table` is empty then. Empty where the chosen products have such a figure.
    """

    measure: str
    unit: str
    products: tuple[str, ...]
    table: pd.DataFrame
    edges: tuple[float, ...] = ()
    colours: tuple[str, ...] = ()
    unfit: str = ""

    @property
    def fits(self) -> bool:
        """Whether the chosen products have such a figure."""
        return not self.unfit

    def labels(self, rules: Rules, lang: Lang = "zh") -> list[str]:
        """Return the classes as people read them, one a colour."""
        if self.measure == "coverage_pct":
            return coverage_labels(rules)
        written = [f"{edge:g}".replace("-", "−") for edge in self.edges]
        to = " 至 " if lang == "zh" else " to "
        between = [f"{low}{to if '−' in low else '–'}{high}" for low, high in pairwise(written)]
        last = written[-1] if self.unit == "pct" and self.edges[-1] == 100 else f"≥{written[-1]}"
        names = [f"<{written[0]}", *between, last]
        return [
            f"{name}%" if self.unit == "pct" else name for name in (["0", *names] if len(self.colours) == 6 else names)
        ]

    def unit_text(self, lang: Lang = "zh") -> str:
        """Return the unit as people read it, empty for counts."""
        return "%" if self.unit == "pct" else code("size_unit", self.unit, lang) if self.unit else ""

    def texts(self) -> list[str]:
        """Return each township's figure as it is written, — where unknown."""
        decimals = 1 if self.unit in ("mu", "pct") else 0
        return [
            "—" if math.isnan(value) else f"{value:,.{decimals}f}".replace("-", "−") for value in self.table["value"]
        ]


class Facts:
    """What the chosen records do not tell by themselves; each part is computed when it is first asked for, once a round."""

    def __init__(self, round_: Round, board: Board) -> None:
        self._round, self._board = round_, board

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """As ``reconcile.planting_area``."""
        return planting_area(self._round)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """As ``rapidtests.samples``."""
        return samples(self._round.rapid_tests, self._round.places)

    @cached_property
    def placed(self) -> pd.DataFrame:
        """As ``rapidtests.placed``."""
        return placed(self.samples, self._board)

    @cached_property
    def findings(self) -> tuple[Ints, Ints]:
        """Positions on the board of the records with errors or warnings against them, and how many each has."""
        found = self._round.findings
        against = found[found["severity"].isin(["error", "warning"]) & found["record_id"].notna()]
        counts = self._board.records["record_id"].map(against.groupby("record_id").size()).fillna(0).to_numpy("int64")
        rows = np.flatnonzero(counts)
        return rows, counts[rows]

    @cached_property
    def _met(self) -> Bools:
        """Which township (rows) has a record of which product, as the board numbers them."""
        town, product = (self._board.coded[name] for name in ("township_code", "product"))
        met = np.zeros((len(town.names) + 1, len(product.names) + 1), dtype=bool)
        met[town.place, product.place] = True
        return met

    def silent(self, products: Sequence[str]) -> dict[str, str]:
        """Return ``{township_code: reason}`` of the townships that said nothing of any of the products, or nothing at all."""
        told, rules = self._round.submissions, self._round.rules
        came = set(told["township_code"])
        spoke = set(told.loc[told["product"].isin(list(products)), "township_code"])
        town, product = (self._board.coded[name].names for name in ("township_code", "product"))
        wanted = [at for at, name in enumerate(product) if name in products]
        spoke |= {town[at] for at in np.flatnonzero(self._met[:-1, wanted].any(axis=1))}
        due = any(rules.products[name].due_from <= self._round.as_of.date() for name in products)
        why = "not_reported" if due else "not_due"
        return {at: why if at in came else "not_submitted" for at in self._round.places.names if at not in spoke}


def of(measure: str, chosen: Chosen, selection: Selection, facts: Facts) -> Shading:
    """Return a measure of every township.

    Raises
    ------
    ValueError
        There is no such measure; `RulesError` where the rules' breaks are not four rising numbers.
    """
    if measure not in MEASURES:
        msg = f"没有“{measure}”这种乡镇数；可用：{'、'.join(MEASURES)}。"
        raise ValueError(msg)
    rules, places = chosen.board.rules, chosen.board.places
    products, unit, unfit = _suited(measure, selection.products or tuple(rules.products), rules)
    if measure in ("tests", "pass_pct") and facts.samples.empty:
        unfit = "no_ledger"
    empty = pd.DataFrame(columns=["township_code", "township", "value", "class_index", "reason", "partial"])
    if unfit:
        return Shading(measure, unit, products, empty, unfit=unfit)
    frame = pd.DataFrame({"township_code": list(places.names), "township": list(places.names.values())})
    frame["value"], frame["reason"], frame["partial"] = np.nan, "", False
    frame = frame.set_index("township_code")
    if measure in ("coverage_pct", "gap_mu"):
        _reconciled(frame, measure, facts.gaps, products)
    elif measure in ("tests", "pass_pct"):
        _tested(frame, measure, facts.samples, products)
    else:
        _counted(frame, measure, chosen, products, facts)
    if selection.townships:
        out = ~frame.index.isin(selection.townships)
        frame.loc[out, "value"], frame.loc[out, "reason"], frame.loc[out, "partial"] = np.nan, "not_chosen", False
    frame["value"] = frame["value"].round(2)
    edges = breaks(measure, unit, rules)
    frame["class_index"] = _classes(frame["value"], measure, edges, rules)
    columns = ["township_code", "township", "value", "class_index", "reason", "partial"]
    return Shading(measure, unit, products, frame.reset_index()[columns], edges, tuple(MEASURES[measure].colours))


def breaks(measure: str, unit: str, rules: Rules) -> tuple[float, ...]:
    """Return the four breaks of a measure (of a unit, for animals) from ``rules["classes"]``: the same for every product and round."""
    name = {"coverage_pct": "coverage", "heads": unit}.get(measure, measure)
    given = rules["classes"].get(name)
    edges = [edge for edge in given if isinstance(edge, (int, float))] if isinstance(given, list) else []
    if len(edges) != 4 or edges != sorted(set(edges)) or edges != given:
        msg = f"规则文件 classes.{name} 应为 4 个由小到大的数，现为 {given!r}。"
        raise RulesError(msg)
    return tuple(float(edge) for edge in edges)


def _suited(measure: str, wanted: Sequence[str], rules: Rules) -> tuple[tuple[str, ...], str, str]:
    """Return which of the wanted products a measure is about, its unit, and why it suits none."""
    of = {name: rules.products[name] for name in wanted}
    if measure in ("area_mu", "coverage_pct", "gap_mu"):
        table = measure != "area_mu"
        own = tuple(name for name, product in of.items() if product.unit == "mu" and (product.baseline or not table))
        unit = "pct" if measure == "coverage_pct" else "mu"
        return own, unit, "" if own else "no_table" if table else "no_crop"
    if measure == "heads":
        own = tuple(name for name, product in of.items() if product.unit != "mu")
        return own, rules.products[own[0]].unit if own else "", "" if len(own) == 1 else "herds" if own else "no_herd"
    return tuple(wanted), "pct" if measure == "pass_pct" else "", ""


def _counted(frame: pd.DataFrame, measure: str, chosen: Chosen, products: Sequence[str], facts: Facts) -> None:
    """Fill in what the chosen records add up to; a township that said nothing is unknown, one of which nothing is chosen has 0."""
    if measure in ("area_mu", "heads"):
        own = chosen.townships[chosen.townships["product"].isin(list(products))].groupby("township_code")
        size = own["area_mu" if measure == "area_mu" else "head_count"].sum(min_count=1).reindex(frame.index)
        growers = own["subjects"].sum().reindex(frame.index, fill_value=0)
        frame["value"] = size.mask(growers == 0, 0.0)
        frame.loc[frame["value"].isna(), "reason"] = "no_size"
    else:
        town = chosen.board.coded["township_code"]
        found = _subjects(chosen) if measure == "subjects" else _against(chosen, facts.findings)
        counts = pd.Series(found[: len(town.names)], index=list(town.names))
        frame["value"] = counts.reindex(frame.index, fill_value=0.0).astype("float64")
    silent = pd.Series(facts.silent(products), dtype="str").reindex(frame.index)
    lost = silent.notna()
    frame.loc[lost, "value"], frame.loc[lost, "reason"] = np.nan, silent[lost]


def _subjects(chosen: Chosen) -> Floats:
    """Count distinct subjects, buyers apart, by township (its place on the board)."""
    board = chosen.board
    met = coding.present(board.subject, np.flatnonzero(chosen.keep & ~board.buyer))
    at = board.subject_towns[np.flatnonzero(met)]
    return np.bincount(at[at >= 0], minlength=len(board.coded["township_code"].names)).astype("float64")


def _against(chosen: Chosen, found: tuple[Ints, Ints]) -> Floats:
    """Count what stands against the chosen records by township (its place on the board)."""
    town = chosen.board.coded["township_code"]
    rows, counts = found
    at = np.where(chosen.keep[rows], town.place[rows], -1)
    here = at >= 0
    return np.bincount(at[here], weights=counts[here], minlength=len(town.names)).astype("float64")


def _reconciled(frame: pd.DataFrame, measure: str, gaps: pd.DataFrame, products: Sequence[str]) -> None:
    """Fill in coverage or gap over the products whose figures are known; where none is, the first reason in the order of the statuses."""
    of = gaps[gaps["product"].isin(list(products))]
    known = of[of["gap_status"].isin(KNOWN)].groupby("township_code")
    sums = known[["baseline_mu", "collected_mu"]].sum().reindex(frame.index)
    number = known.size().reindex(frame.index, fill_value=0)
    if measure == "gap_mu":
        frame["value"] = (sums["baseline_mu"] - sums["collected_mu"]).round(2) + 0.0
    else:
        frame["value"] = (100 * sums["collected_mu"] / sums["baseline_mu"].where(sums["baseline_mu"] > 0)).round(1)
        frame.loc[sums["baseline_mu"] == 0, "reason"] = "zero_baseline"
    frame["partial"] = (number > 0) & (number < len(products)) & frame["value"].notna()
    lost = of[~of["gap_status"].isin(KNOWN)]
    for status in ("not_due", "no_baseline", "not_reported", "not_submitted"):
        has = frame.index.isin(lost.loc[lost["gap_status"] == status, "township_code"])
        frame.loc[has & (number == 0).to_numpy(), "reason"] = status


def _tested(frame: pd.DataFrame, measure: str, tests: pd.DataFrame, products: Sequence[str]) -> None:
    """Fill in the number of samples, or the share of those with a result that passed."""
    own = tests[tests["product"].isin(list(products))].groupby("township_code")
    number = own.size().reindex(frame.index, fill_value=0)
    if measure == "tests":
        frame["value"] = number.astype("float64")
        return
    passed, told = ((own["result"].agg(lambda result, want=want: result.isin(want).sum()).reindex(frame.index, fill_value=0))
                    for want in (["pass"], ["pass", "fail"]))  # fmt: skip
    frame["value"] = (100 * passed / told.where(told > 0)).round(1)
    frame.loc[told == 0, "reason"] = "no_result"
    frame.loc[number == 0, "reason"] = "no_tests"


def _classes(values: pd.Series, measure: str, edges: Sequence[float], rules: Rules) -> pd.Series:
    if measure == "coverage_pct":
        status = pd.Series("balanced", index=values.index).mask(values.isna(), "not_reported")
        return coverage_class(pd.DataFrame({"coverage_pct": values, "gap_status": status}), rules)
    found = pd.Series(np.searchsorted(edges, values, side="right"), index=values.index, dtype="Int64")
    if MEASURES[measure].total:
        found = (found + 1).mask(values == 0, 0)
    return found.mask(values.isna())
