"""Seasons: the year as a circle of 36 ten-day periods (旬), 0 = 1月上旬; market windows as periods, and periods in words."""

from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from originmap.phrases import joined, phrase
from originmap.vocab import Lang
from originmap.windows import market_windows

PERIODS: Final = 36
_THIRDS: Final = {"zh": "上中下", "en": ("early", "mid", "late")}
_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


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


def month_text(at: int, lang: Lang = "zh") -> str:
    """Return a month (0 … 11) as people write it.

    >>> month_text(4), month_text(4, "en")
    ('5月', 'May')
    """
    return phrase("one_month", lang, month=_month(at, lang))


def _month(at: int, lang: Lang) -> str:
    return str(at + 1) if lang == "zh" else _MONTHS[at]


def period_text(at: int, lang: Lang = "zh") -> str:
    """Return a ten-day period as people write it; from 36 on it is the next year's.

    >>> period_text(12), period_text(37), period_text(37, "en")
    ('5月上旬', '次年1月中旬', 'mid Jan next year')
    """
    text = phrase("period", lang, month=_month(at % PERIODS // 3, lang), third=_THIRDS[lang][at % 3])
    return phrase("next_year", lang, when=text) if at >= PERIODS else text


def circular(first: int, last: int) -> tuple[int, int]:
    """Bring a stretch of periods that may run into the next year back to the circle; a year or more is the whole circle.

    >>> circular(12, 20), circular(30, 41), circular(3, 40)
    ((12, 20), (30, 5), (0, 35))
    """
    return (0, PERIODS - 1) if last - first >= PERIODS - 1 else (first % PERIODS, last % PERIODS)


def window_text(window: tuple[int, int], lang: Lang = "zh") -> str:
    """Return a window as people write it, whole months without their thirds.

    >>> [window_text(pair) for pair in ((12, 12), (12, 14), (12, 20), (13, 20), (30, 5), (0, 35))]
    ['5月上旬', '5月', '5–7月', '5月中旬–7月下旬', '11月–次年2月', '全年']
    >>> [window_text(pair, "en") for pair in ((12, 14), (13, 20), (30, 5))]
    ['May', 'mid May–late Jul', 'Nov–Feb next year']
    """
    first, last = window
    if (last - first) % PERIODS == PERIODS - 1:
        return phrase("all_year", lang)
    if first % 3 == 0 and last % 3 == 2:
        if first // 3 == last // 3 and last > first:
            return month_text(first // 3, lang)
        months = {"first": _month(first // 3, lang), "last": _month(last // 3, lang)}
        return phrase("months_round" if last < first else "months", lang, **months)
    # The next year's periods are numbered from 36 on.
    end = period_text(last + PERIODS * (last < first), lang)
    return end if first == last else f"{period_text(first, lang)}–{end}"


def windows_text(text: str, lang: Lang = "zh") -> str:
    """Return ISO pairs as people write them.

    >>> windows_text("2023-04-01/2023-06-30;2023-09-01/2023-11-30"), windows_text("2023-08-01/")
    ('4–6月、9–11月', '8月上旬起')
    """
    parts = []
    for pair in text.split(";"):
        start, _, stop = pair.partition("/")
        first = period(date.fromisoformat(start))
        last = period(date.fromisoformat(stop)) if stop else first
        said = window_text((first, last), lang)
        parts.append(said if stop else phrase("from_on", lang, window=said))
    return joined(parts, lang)
