"""Selection: which records an analyst is looking at, as plain data: one sentence for people, one dictionary for files and parameters.

A filter is a frozen `Selection`; `board.Board.choose` applies it.
"""

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import pandas as pd

from originmap import decisions
from originmap.decisions import DecisionsError, Verdict
from originmap.phrases import joined, phrase
from originmap.places import Places
from originmap.rules import Rules
from originmap.seasons import PERIODS, window_text
from originmap.vocab import Lang, code, codes

# Which column each filter of codes looks at; one more filter is one more field of Selection and one more line here.
COLUMNS: Final[Mapping[str, str]] = {
    "products": "product",
    "townships": "township_code",
    "villages": "village",
    "subject_types": "subject_type",
    "production_modes": "production_mode",
    "trace_methods": "trace_methods",
    "credit_grades": "credit_grade",
    "coord_statuses": "coord_status",
    "statuses": "status",
    "severities": "severity",
}
# Whose values are data, not codes of the vocabulary.
_FREE: Final = ("product", "township_code", "village", "credit_grade")


@dataclass(frozen=True)
class Selection:
    """What to look at; an empty filter lets everything through.

    Attributes
    ----------
    products, townships, villages, subject_types, production_modes, trace_methods, credit_grades, coord_statuses
        Codes, any of which will do (townships: 9-digit codes; villages: names as written).
    min_size, max_size, size_unit
        Bounds, both included, in `size_unit` (mu, head or bird). With a bound, rows of another unit and rows without a
        size are not selected: nobody knows whether they reach it.
    window
        First and last ten-day period, 0 … 35; the first may be the later one, for the year is a circle. A row is on the
        market then when any of its periods lies within.
    statuses
        Only accepted rows by default.
    severities
        Records with a finding of any of these.
    text
        What subject, village, plot or address must contain; width, case and spaces do not matter.

    Raises
    ------
    ValueError
        A filter is no tuple of codes, a code is none, bounds are turned round or have no unit, a period is none.
    """

    products: tuple[str, ...] = ()
    townships: tuple[str, ...] = ()
    villages: tuple[str, ...] = ()
    subject_types: tuple[str, ...] = ()
    production_modes: tuple[str, ...] = ()
    trace_methods: tuple[str, ...] = ()
    credit_grades: tuple[str, ...] = ()
    coord_statuses: tuple[str, ...] = ()
    min_size: float | None = None
    max_size: float | None = None
    size_unit: str | None = None
    window: tuple[int, int] | None = None
    statuses: tuple[str, ...] = ("accepted",)
    severities: tuple[str, ...] = ()
    text: str = ""

    def __post_init__(self) -> None:
        for field, column in COLUMNS.items():
            values = getattr(self, field)
            if not isinstance(values, tuple) or not all(isinstance(value, str) for value in values):
                raise ValueError(f"{field} 应为代码的元组，如 ('a', 'b')，现为 {values!r}。")
            known = list(values) if column in _FREE else list(codes(column))
            if unknown := [value for value in values if value not in known]:
                raise ValueError(f"{field} 中没有 {'、'.join(unknown)}；可用：{'、'.join(known)}。")
        bounds = [value for value in (self.min_size, self.max_size) if value is not None]
        if any(not math.isfinite(value) or value < 0 for value in bounds) or bounds != sorted(bounds):
            raise ValueError(f"规模范围应由小到大、不为负，现为 {self.min_size} 到 {self.max_size}。")
        if bounds and self.size_unit not in codes("size_unit"):
            raise ValueError(f"规模范围要有单位（{'、'.join(codes('size_unit'))}），现为 {self.size_unit!r}。")
        if not isinstance(self.text, str):
            raise ValueError(f"text 应为文字，现为 {self.text!r}。")  # noqa: TRY004 - one kind of error for a wrong filter
        if self.window is not None and [at in range(PERIODS) for at in self.window] != [True, True]:
            raise ValueError(f"window 应为两个旬号（0 到 {PERIODS - 1}），现为 {self.window!r}。")

    def written(self) -> dict[str, Any]:
        """Return the filters that are set, as plain values for a file or a notebook's parameters; `read` reads them back.

        >>> Selection(products=("cowpea",), window=(12, 14)).written()
        {'products': ['cowpea'], 'window': [12, 14]}
        """
        return {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }


def read(written: Mapping[str, Any]) -> Selection:
    """Return the selection that `Selection.written` wrote.

    Raises
    ------
    ValueError
        A filter is not known, or its value is none.

    >>> read({"products": ["cowpea"], "window": [12, 14]})
    Selection(products=('cowpea',), townships=(), villages=(), subject_types=(), production_modes=(), trace_methods=(), \
credit_grades=(), coord_statuses=(), min_size=None, max_size=None, size_unit=None, window=(12, 14), statuses=('accepted',), \
severities=(), text='')
    """
    names = [field.name for field in fields(Selection)]
    if unknown := [name for name in written if name not in names]:
        raise ValueError(f"没有筛选项 {'、'.join(unknown)}；可用：{'、'.join(names)}。")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in written.items()
    }
    return Selection(**values)


def filters(selection: Selection, rules: Rules, *, places: Places | None = None, lang: Lang = "zh") -> list[str]:
    """Return the filters in words, one a filter; products always stand first. Names of townships need `places`."""
    names = {} if places is None else places.labels(lang)

    def said(field: str, values: Sequence[str]) -> str:
        return joined([code(field, value, lang) for value in values], lang)

    products = joined([rules.products[product].label(lang) for product in selection.products], lang)
    parts = [products or phrase("all_products", lang)]
    parts.append(joined([names.get(town, town) for town in selection.townships], lang))
    parts.append(joined(selection.villages, lang))
    parts.append(said("subject_type", selection.subject_types))
    parts.append(said("production_mode", selection.production_modes))
    parts.append(said("trace_methods", selection.trace_methods))
    parts.append(joined([phrase("credit", lang, grade=grade) for grade in selection.credit_grades], lang))
    low, high = selection.min_size, selection.max_size
    if selection.size_unit and not (low is None and high is None):
        text = f"≤{high:g}" if low is None else f"≥{low:g}" if high is None else f"{low:g}–{high:g}"
        parts.append(phrase("measured", lang, size=text, unit=code("size_unit", selection.size_unit, lang)))
    if selection.window is not None:
        parts.append(phrase("on_market", lang, window=window_text(selection.window, lang)))
    points = (phrase("point_is", lang, status=code("coord_status", value, lang)) for value in selection.coord_statuses)
    parts.append(joined(points, lang))
    if selection.statuses != ("accepted",):
        parts.append(said("status", selection.statuses) or phrase("any_status", lang))
    if selection.severities:
        parts.append(phrase("with_findings", lang, severity=said("severity", selection.severities)))
    if selection.text.strip():
        parts.append(phrase("saying", lang, text=selection.text.strip()))
    return [part for part in parts if part]


def verdict(name: str, who: str, selection: Selection, *, round_name: str = "") -> Verdict:
    """Return the record that keeps a selection under a name, each person's names apart; `saved` reads it back.

    Raises
    ------
    DecisionsError
        There is no name.
    """
    if not name.strip():
        msg = "请给这个选择起个名称。"
        raise DecisionsError(msg)
    target = {"name": name.strip(), "who": who.strip()}
    return Verdict("selection", target, selection.written(), "存下筛选", round=round_name, hint={"label": name.strip()})


def saved(entries: pd.DataFrame) -> dict[str, Selection]:
    """Return ``{name（who）: selection}`` of the decisions on record, by name; one that can no longer be read is left out."""
    found = {}
    for row in decisions.holding(entries, "selection").to_dict("records"):
        with contextlib.suppress(ValueError):
            found[f"{row['target']['name']}（{row['target']['who']}）"] = read(row["after"])
    return dict(sorted(found.items()))


def named(entries: pd.DataFrame, name: str) -> Selection:
    """Return a saved selection by its name as `saved` gives it, or by the bare name where one person alone has saved one.

    Raises
    ------
    ValueError
        Nobody has saved one of that name, or several people have; the message names those there are.
    """
    known = saved(entries)
    fits = [full for full in known if full == name or full.rpartition("（")[0] == name.strip()]
    if name in known or len(fits) == 1:
        return known[name if name in known else fits[0]]
    raise ValueError(
        f"{'有几个' if fits else '没有'}名为“{name}”的已存选择；可用：{'、'.join(fits or known) or '无'}。"
    )


def parameters(selection: Selection) -> dict[str, Any]:
    """Return the filters that are set as a notebook's parameters: `Selection.written` with the window as people write it.

    >>> parameters(Selection(products=("cowpea",), window=(12, 12)))
    {'products': ['cowpea'], 'window': '5月上旬'}
    """
    window = {} if selection.window is None else {"window": window_text(selection.window)}
    return selection.written() | window


def line(selection: Selection) -> str:
    """Return `parameters` as one line of assignments, to be copied; — where no filter is set.

    >>> line(Selection(products=("cowpea",), window=(12, 12)))
    "products = ['cowpea']; window = '5月上旬'"
    """
    return "; ".join(f"{name} = {value!r}" for name, value in parameters(selection).items()) or "—"
