"""Coding: columns as small whole numbers, and rows numbered by several columns at once, so that sums over a million are quick."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from originmap import texts
from originmap.places import Places
from originmap.rules import Rules
from originmap.vocab import CODES, codes

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Coded:
    """A column as numbers: `place` of each row among `names`, −1 where unknown; with `several` the bits of all its values."""

    place: Ints
    names: tuple[str, ...]
    several: bool = False

    def among(self, wanted: Sequence[str]) -> Bools:
        """Tell which rows have one of the wanted values."""
        if self.several:
            bits = sum(1 << self.names.index(value) for value in wanted if value in self.names)
            return (self.place & bits) != 0
        table = np.zeros(len(self.names) + 1, dtype=bool)  # the last: unknown
        table[[place for place, value in enumerate(self.names) if value in wanted]] = True
        found: Bools = table[self.place]
        return found


@dataclass(frozen=True)
class Groups:
    """Rows by group: `row` is each row's group, −1 for none; `of` is each group's place in the next wider grouping."""

    row: Ints
    of: Ints


def coded(columns: pd.DataFrame, name: str, rules: Rules, places: Places) -> Coded:
    """Return a column as numbers; every code of the rules or the vocabulary has its place, met or not."""
    if name == "trace_methods":
        at, known = texts.distinct(columns[name])
        methods = tuple(codes(name))
        bits = [sum(1 << methods.index(part) for part in text.split(";") if part in methods) for text in known]
        return Coded(np.array([*bits, 0])[at], methods, several=True)
    first = {"product": list(rules.products), "township_code": list(places.names)}.get(
        name, list(codes(name)) if name in CODES else []
    )
    at, known = texts.distinct(columns[name])
    values = tuple(dict.fromkeys([*first, *sorted(known)]))
    return Coded(np.array([*(values.index(value) for value in known), -1], dtype="int64")[at], values)


def severities(record_id: pd.Series, findings: pd.DataFrame | None) -> Coded:
    """Return which severities of findings each record has, as bits."""
    names = tuple(codes("severity"))
    bits = np.zeros(len(record_id), dtype="int64")
    if findings is not None:
        against = findings[findings["record_id"].notna()]
        for at, severity in enumerate(names):
            ids = set(against.loc[against["severity"] == severity, "record_id"])
            bits |= record_id.isin(ids).to_numpy().astype("int64") << at
    return Coded(bits, names, several=True)


def numbered(*parts: npt.NDArray[np.integer], whole: bool = False) -> Ints:
    """Return numbers of rows by their parts, in the order of these; with `whole`, −1 where any part is."""
    key = np.zeros(len(parts[0]), dtype="int64")
    for part in parts:
        key = np.unique(key * (int(part.max(initial=-1)) + 2) + part + 1, return_inverse=True)[1].astype("int64")
    if whole:
        lost = np.logical_or.reduce([part < 0 for part in parts])
        key = np.where(lost, -1, np.unique(np.where(lost, -1, key), return_inverse=True)[1] - bool(lost.any()))
    return key


def grouped(plots: Ints, season: Ints) -> Groups:
    """Return the seasons of plots as groups, numbered in their order within a plot; no plot, no group."""
    at = numbered(plots, season)
    lost = plots < 0
    at = np.where(lost, -1, np.unique(np.where(lost, -1, at), return_inverse=True)[1] - bool(lost.any()))
    return Groups(at, wider(at, plots))


def wider(groups: Ints, at: npt.NDArray[np.integer]) -> Ints:
    """Return each group's value of `at`, which its rows share."""
    found = np.full(int(groups.max(initial=-1)) + 1, -1, dtype="int64")
    found[groups[groups >= 0]] = at[groups >= 0]
    return found


def ranked(text: pd.Series) -> Ints:
    """Return each text's place among the distinct ones in their order, −1 where NA."""
    at, known = texts.distinct(text)
    return np.array([*np.argsort(np.argsort(known)), -1], dtype="int64")[at]


def present(groups: Ints, rows: Ints, count: int | None = None) -> Bools:
    """Tell which groups any of `rows` (positions) is in; `groups` holds each row's, −1 for none."""
    met = np.zeros((int(groups.max(initial=-1)) + 1 if count is None else count) + 1, dtype=bool)
    met[groups[rows]] = True
    return met[:-1]


def sums(groups: Groups, values: Floats, rows: Ints) -> tuple[Floats, Ints]:
    """Return each group's sum over `rows` (positions), and the groups that have any known value."""
    at, own = groups.row[rows], values[rows]
    told = (at >= 0) & ~np.isnan(own)
    at = at[told]
    total = np.bincount(at, weights=own[told], minlength=len(groups.of)).astype("float64")
    return total, np.flatnonzero(present(groups.row, rows[told], len(groups.of)))
