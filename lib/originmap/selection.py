"""Selection: which records an analyst is looking at, as plain data, and what they add up to.

A filter is a frozen `Selection`; `select` applies it. The year is a circle of 36 ten-day periods (旬), 0 = 1月上旬.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from originmap.places import Places
from originmap.rules import Rules
from originmap.subjects import normal_name, standing
from originmap.vocab import code, codes
from originmap.windows import market_windows

PERIODS: Final = 36
_THIRDS: Final = "上中下"

# Which column each filter of codes looks at; one more filter is one more field of Selection and one more line here.
_COLUMNS: Final[Mapping[str, str]] = {
    "products": "product",
    "townships": "township_code",
    "subject_types": "subject_type",
    "production_modes": "production_mode",
    "statuses": "status",
}


@dataclass(frozen=True)
class Selection:
    """What to look at; an empty filter lets everything through.

    Attributes
    ----------
    products, townships, subject_types, production_modes
        Codes, any of which will do (townships: 9-digit codes).
    min_size, max_size, size_unit
        Bounds, both included, in `size_unit` (mu, head or bird). With a bound, rows of another unit and rows without a
        size are not selected: nobody knows whether they reach it.
    window
        First and last ten-day period, 0 … 35; the first may be the later one, for the year is a circle. A row is on the
        market then when any of its periods lies within.
    statuses
        Only accepted rows by default.

    Raises
    ------
    ValueError
        A filter is no tuple of codes, a code is none, bounds are turned round or have no unit, a period is none.
    """

    products: tuple[str, ...] = ()
    townships: tuple[str, ...] = ()
    subject_types: tuple[str, ...] = ()
    production_modes: tuple[str, ...] = ()
    min_size: float | None = None
    max_size: float | None = None
    size_unit: str | None = None
    window: tuple[int, int] | None = None
    statuses: tuple[str, ...] = ("accepted",)

    def __post_init__(self) -> None:
        for field, column in _COLUMNS.items():
            values = getattr(self, field)
            if not isinstance(values, tuple) or not all(isinstance(value, str) for value in values):
                raise ValueError(f"{field} 应为代码的元组，如 ('a', 'b')，现为 {values!r}。")
            known = list(values) if column in ("product", "township_code") else list(codes(column))
            if unknown := [value for value in values if value not in known]:
                raise ValueError(f"{field} 中没有 {'、'.join(unknown)}；可用：{'、'.join(known)}。")
        bounds = [value for value in (self.min_size, self.max_size) if value is not None]
        if any(not math.isfinite(value) or value < 0 for value in bounds) or bounds != sorted(bounds):
            raise ValueError(f"规模范围应由小到大、不为负，现为 {self.min_size} 到 {self.max_size}。")
        if bounds and self.size_unit not in codes("size_unit"):
            raise ValueError(f"规模范围要有单位（{'、'.join(codes('size_unit'))}），现为 {self.size_unit!r}。")
        if self.window is not None and [at in range(PERIODS) for at in self.window] != [True, True]:
            raise ValueError(f"window 应为两个旬号（0 到 {PERIODS - 1}），现为 {self.window!r}。")


def select(records: gpd.GeoDataFrame, selection: Selection) -> gpd.GeoDataFrame:
    """Return the records that pass every filter, as new data, in their order; what is unknown passes no filter set on it."""
    keep = np.ones(len(records), dtype=bool)
    for field, column in _COLUMNS.items():
        if wanted := getattr(selection, field):
            keep &= records[column].isin(wanted).to_numpy()
    if selection.min_size is not None or selection.max_size is not None:
        size = records["area_mu" if selection.size_unit == "mu" else "head_count"].to_numpy("float64", na_value=np.nan)
        # A comparison with NaN is false: an unknown size passes no bound.
        keep &= (size >= (selection.min_size or 0.0)) & (size <= (math.inf if selection.max_size is None else selection.max_size))  # fmt: skip
        keep &= records["size_unit"].eq(selection.size_unit).fillna(False).to_numpy(dtype=bool)
    if selection.window is not None:
        keep &= _on_market(records["market_windows"], selection.window)
    return records[keep]


def named(records: gpd.GeoDataFrame, places: Places) -> gpd.GeoDataFrame:
    """Return the records with `subject`, the name for comparison, so that counts agree with the reconciliation's."""
    return records.assign(subject=normal_name(records["subject_name"], places))


def period(day: date) -> int:
    """Return the ten-day period of a day, 0 … 35.

    >>> period(date(2023, 1, 10)), period(date(2023, 1, 11)), period(date(2023, 12, 31))
    (0, 1, 35)
    """
    return 3 * (day.month - 1) + min((day.day - 1) // 10, 2)


def periods(windows: pd.Series) -> npt.NDArray[np.bool_]:
    """Return which ten-day periods each market window touches: n × 36, a row without a window none.

    Parameters
    ----------
    windows
        ISO pairs joined by ``;``. An open end stands for its own period only; a window over a year's end runs round the
        circle; one of a year or longer holds all periods.

    Raises
    ------
    ValueError
        A text is not of this form.

    >>> periods(pd.Series(["2022-12-21/2023-01-10", "2023-02-05/"])).nonzero()[1].tolist()
    [0, 35, 3]
    """
    numbers, texts = pd.factorize(windows)
    table = np.zeros((len(texts) + 1, PERIODS), dtype=bool)  # the last row: no window
    for row, text in enumerate(texts):
        table[row] = _circle(str(text))
    return table[numbers]  # -1, no window, is the last row


def _circle(text: str) -> npt.NDArray[np.bool_]:
    on = np.zeros(PERIODS, dtype=bool)
    for pair in text.split(";"):
        try:
            start, _, stop = pair.partition("/")
            first = date.fromisoformat(start)
            last = date.fromisoformat(stop) if stop else first
        except ValueError as error:
            raise ValueError(f"上市期“{text}”应为 2023-05-01/2023-07-31 的形式，多段用 ; 分开。") from error
        length = (last.year - first.year) * PERIODS + period(last) - period(first) + 1
        if last < first:
            raise ValueError(f"上市期“{text}”的结束早于开始。")
        on[(period(first) + np.arange(min(length, PERIODS))) % PERIODS] = True
    return on


def _on_market(windows: pd.Series, window: tuple[int, int]) -> npt.NDArray[np.bool_]:
    first, last = window
    wanted = (first + np.arange((last - first) % PERIODS + 1)) % PERIODS
    numbers, texts = pd.factorize(windows)
    touched = np.zeros(len(texts) + 1, dtype=bool)
    touched[:-1] = periods(pd.Series(texts))[:, wanted].any(axis=1)
    result: npt.NDArray[np.bool_] = touched[numbers]
    return result


def parse_window(text: str) -> tuple[int, int] | None:
    """Read a window as people write it (5月上旬, 5-7月, 10月至次年3月, 全年); None for an empty text.

    Raises
    ------
    ValueError
        It cannot be read, or is made of several windows.

    >>> parse_window("5-7月"), parse_window("11月至次年2月"), parse_window("5月上旬"), parse_window("")
    ((12, 20), (30, 5), (12, 12), None)
    """
    if not text.strip():
        return None
    pairs = market_windows(text, 2023, 12)  # the year falls away: only the place in it counts
    if pairs is None or ";" in pairs:
        raise ValueError(f"上市期“{text}”无法识别，请写成 5月上旬、5-7月 或 11月至次年2月。")
    start, _, stop = pairs.partition("/")
    first = date.fromisoformat(start)
    return period(first), period(date.fromisoformat(stop) if stop else first)


def period_text(at: int) -> str:
    """Return a ten-day period as people write it; from 36 on it is the next year's.

    >>> period_text(12), period_text(37)
    ('5月上旬', '次年1月中旬')
    """
    return f"{'次年' if at >= PERIODS else ''}{at % PERIODS // 3 + 1}月{_THIRDS[at % 3]}旬"


def circular(first: int, last: int) -> tuple[int, int]:
    """Bring a stretch of periods that may run into the next year back to the circle; a year or more is the whole circle.

    >>> circular(12, 20), circular(30, 41), circular(3, 40)
    ((12, 20), (30, 5), (0, 35))
    """
    return (0, PERIODS - 1) if last - first >= PERIODS - 1 else (first % PERIODS, last % PERIODS)


def window_text(window: tuple[int, int]) -> str:
    """Return a window as people write it, whole months without their thirds.

    >>> [window_text(pair) for pair in ((12, 12), (12, 14), (12, 20), (13, 20), (30, 5), (0, 35))]
    ['5月上旬', '5月', '5–7月', '5月中旬–7月下旬', '11月–次年2月', '全年']
    """
    first, last = window
    if (last - first) % PERIODS == PERIODS - 1:
        return "全年"
    later = "次年" if last < first else ""
    if first % 3 == 0 and last % 3 == 2:
        if first // 3 == last // 3 and not later:
            return f"{first // 3 + 1}月"
        return f"{first // 3 + 1}{'月' if later else ''}–{later}{last // 3 + 1}月"
    return period_text(first) if first == last else f"{period_text(first)}–{later}{period_text(last)}"


def windows_text(text: str) -> str:
    """Return ISO pairs as people write them.

    >>> windows_text("2023-04-01/2023-06-30;2023-09-01/2023-11-30"), windows_text("2023-08-01/")
    ('4–6月、9–11月', '8月上旬起')
    """
    parts = []
    for pair in text.split(";"):
        start, _, stop = pair.partition("/")
        first = period(date.fromisoformat(start))
        last = period(date.fromisoformat(stop)) if stop else first
        parts.append(window_text((first, last)) + ("" if stop else "起"))
    return "、".join(parts)


def located(records: gpd.GeoDataFrame) -> pd.Series:
    """Return whether each record has a settled point, aligned to `records`."""
    return ~(records.geometry.isna() | records.geometry.is_empty)


def not_located(records: gpd.GeoDataFrame) -> pd.Series:
    """Return ``{township: records without a point}`` in the order of the codes; only townships that have any."""
    rows = records[~located(records)].sort_values("township_code", kind="stable", na_position="last")
    return rows.groupby("township", sort=False, dropna=False).size().astype("int64")


def summary(records: gpd.GeoDataFrame, rules: Rules) -> pd.DataFrame:
    """Add up records per product, in the order of the rules; every product has its row.

    Returns
    -------
    `product, records, located, subjects` (distinct township and name, buyers apart), `buyers` (distinct), `area_mu` (亩, the
    rules' area measure) and `head_count` (heads or birds, a herd's latest month); sizes leave buyers out and are NA where
    no size is known or the product has none of the kind, never 0.
    """
    rows = records.assign(
        subject=_subject(records),
        buyer=records["subject_type"].eq("buyer").fillna(False).astype(bool),
        located=located(records),
    )
    counted = rows[~rows["buyer"]].drop(columns="geometry")
    person = ["township_code", "subject"]
    table = pd.DataFrame(index=pd.Index(list(rules.products), name="product"))
    table["records"] = rows.groupby("product").size()
    table["located"] = rows.groupby("product")["located"].sum()
    table["subjects"] = counted.drop_duplicates(["product", *person]).groupby("product").size()
    table["buyers"] = rows[rows["buyer"]].drop_duplicates(["product", *person]).groupby("product").size()
    numbers = ["records", "located", "subjects", "buyers"]
    table[numbers] = table[numbers].fillna(0).astype("int64")
    measure = str(rules["reconcile"]["area_measure"])
    table["area_mu"] = standing(counted, ["product"], measure=measure).reindex(table.index)
    table["head_count"] = standing(counted, ["product"], value="head_count").reindex(table.index)
    return table.reset_index()


def subjects(records: gpd.GeoDataFrame, *, buyers: bool = False) -> int:
    """Count distinct subjects (township and name) over all products, buyers only or buyers apart."""
    rows = records[records["subject_type"].eq("buyer").fillna(False).astype(bool) == buyers]
    return len(pd.DataFrame({"town": rows["township_code"], "subject": _subject(rows)}).drop_duplicates())


def _subject(records: pd.DataFrame) -> pd.Series:
    return records["subject"] if "subject" in records else records["subject_name"]


def sentence(selection: Selection, records: gpd.GeoDataFrame, rules: Rules, *, places: Places | None = None) -> str:
    """Say in one sentence what is selected of `records`, and what it adds up to: never 亩 with heads.

    ``豇豆，≥2亩，5月上旬上市：37 个主体，112.4 亩``. Areas of all crops are one figure, animals one figure a product.
    """
    rows = select(records, selection)
    table = summary(rows, rules).set_index("product")
    results = [f"{subjects(rows):,} 个主体"]
    if table["area_mu"].notna().any():
        results.append(f"{table['area_mu'].sum():,.1f} 亩")
    heads = table["head_count"].dropna()
    for product, count in heads.items():
        name = f"{rules.products[product].name} " if len(heads) > 1 or len(selection.products) != 1 else ""
        results.append(f"{name}{count:,.0f} {code('size_unit', rules.products[product].unit)}")
    if buyers := subjects(rows, buyers=True):
        results.append(f"另有产地收购商 {buyers} 家")
    return f"{'，'.join(filters(selection, rules, places=places))}：{'，'.join(results)}"


def filters(selection: Selection, rules: Rules, *, places: Places | None = None) -> list[str]:
    """Return the filters in words, one a filter; products always stand first. Names of townships need `places`."""
    names = {} if places is None else places.names
    parts = ["、".join(rules.products[product].name for product in selection.products) or "全部产品"]
    parts.append("、".join(names.get(town, town) for town in selection.townships))
    parts.append("、".join(code("subject_type", value) for value in selection.subject_types))
    parts.append("、".join(code("production_mode", value) for value in selection.production_modes))
    low, high = selection.min_size, selection.max_size
    if selection.size_unit and not (low is None and high is None):
        text = f"≤{high:g}" if low is None else f"≥{low:g}" if high is None else f"{low:g}–{high:g}"
        parts.append(text + code("size_unit", selection.size_unit))
    if selection.window is not None:
        parts.append(f"{window_text(selection.window)}上市")
    return [part for part in parts if part]
