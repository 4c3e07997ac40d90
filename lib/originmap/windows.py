"""Windows: when a product is on the market, as typed, read to ISO dates or refused."""

import calendar
import re
from datetime import date, timedelta
from typing import NamedTuple

from originmap.notation import narrow, number

_DASH = re.compile(r"[—–−―－~～〜]+|--+|至|到")
_EXCEL_EPOCH = date(1899, 12, 30)
YEARS_BELIEVED = 10


class Moment(NamedTuple):
    """A date as written: `year` 0 when not given, `next_year` for 次年; `first` to `last` are days of the month."""

    year: int
    month: int
    first: int
    last: int
    next_year: bool
    is_day: bool


_DAY = re.compile(r"(\d{4})(?:([-/.])(\d{1,2})\2(\d{1,2})|年(\d{1,2})月(\d{1,2})[日号]?)(?: ?\d\d:\d\d:\d\d)?")
_MONTH = re.compile(
    r"(?:(\d{4})[年./-]|(\d{2})年|(次年|翌年|来年|明年|第二年|隔年))?(\d{1,2})(月)?(份)?(上旬|中旬|下旬|上中旬|中上旬|中下旬|初|中|底|末)?(?:(\d{1,2})[日号])?"
)
_PARTS = {
    "上旬": (1, 10),
    "初": (1, 10),
    "中旬": (11, 20),
    "中": (11, 20),
    "下旬": (21, 31),
    "底": (25, 31),
    "末": (25, 31),
    "上中旬": (1, 20),
    "中上旬": (1, 20),
    "中下旬": (11, 31),
}


def _month_end(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _moment(text: str, *, bare: bool) -> Moment | None:
    """Read one date or part of a month; a bare number is a month only where `bare` allows it."""
    if day := _DAY.fullmatch(text):
        year, month, first = int(day[1]), int(day[3] or day[5]), int(day[4] or day[6])
        try:
            date(year, month, first)
        except ValueError:
            return None
        return Moment(year, month, first, first, False, True)
    if re.fullmatch(r"\d{5}", text) and 40000 <= int(text) <= 60000:
        serial = _EXCEL_EPOCH + timedelta(days=int(text))
        return Moment(serial.year, serial.month, serial.day, serial.day, False, True)
    if re.fullmatch(r"20\d{4}", text):
        text = f"{text[:4]}年{text[4:]}月"
    if re.fullmatch(r"20\d{6}", text):
        return _moment(f"{text[:4]}-{text[4:6]}-{text[6:]}", bare=bare)
    match = _MONTH.fullmatch(text)
    if match is None:
        return None
    year = int(match[1]) if match[1] else 2000 + int(match[2]) if match[2] else 0
    month = int(match[4])
    if not 1 <= month <= 12 or (not match[5] and not year and not bare):
        return None
    if match[8]:
        first = int(match[8])
        if not match[5] or match[7] or not 1 <= first <= _month_end(year or 2024, month):
            return None
        return Moment(year, month, first, first, bool(match[3]), True)
    if match[7] and not match[5]:
        return None
    first, last = _PARTS.get(match[7] or "", (1, 31))
    return Moment(year, month, first, last, bool(match[3]), False)


def market_windows(text: str, year: int, month: int) -> str | None:
    """Read a market window as ISO pairs joined by ``;``, None when refused; a single date has no end.

    Parameters
    ----------
    text
        The cell: 5月, 3月上旬, 3月中旬-5月下旬, 5-7月, 2023年5月-7月, 2023.5, 2023/5/1, 202305, 45047, 10月至次年3月, 全年,
        4月底, 4-6月、9-11月, 五月至七月, 5月中下旬, 5、6、7月.
    year, month
        The round's. Without a year a window lies in the round's year; one that wraps starts the year before if the
        round's month is not after its end month (domain practice).

    >>> market_windows("3月中旬-5月下旬", 2023, 3), market_windows("10月至次年3月", 2023, 3)
    ('2023-03-11/2023-05-31', '2022-10-01/2023-03-31')
    >>> market_windows("4-6月、9-11月", 2023, 3), market_windows("2023/5/1", 2023, 3), market_windows("待定", 2023, 3)
    ('2023-04-01/2023-06-30;2023-09-01/2023-11-30', '2023-05-01/', None)
    >>> market_windows("五月至七月", 2023, 3), market_windows("5、6、7月", 2023, 3), market_windows("5月中下旬", 2023, 3)
    ('2023-05-01/2023-07-31', '2023-05-01/2023-07-31', '2023-05-11/2023-05-31')
    """
    clean = re.sub(r"(?:上市|左右|供应|出栏|采收)+$", "", _arabic(narrow(text)))
    if clean in ("全年", "常年", "周年", "长年", "一年四季", "四季", "长期"):
        return f"{year}-01-01/{year}-12-31"
    pairs = []
    for piece in re.split(r"[、,,;;和及]", _listed_months(clean)):
        pair = _window(piece, year, month)
        if pair is None:
            return None
        pairs.append(pair)
    return ";".join(pairs)


def _arabic(text: str) -> str:
    """Return 五月 as 5月, 十一月 as 11月."""
    return re.sub(r"[一二三四五六七八九十]+(?=月)", lambda match: f"{number(match[0]):g}", text)


def _listed_months(text: str) -> str:
    """Return 5、6、7月 as 5月-7月 and 5、8月 as 5月、8月; other texts as they are."""
    match = re.fullmatch(r"(\d{1,2}(?:[、,]\d{1,2})+)月", text)
    if match is None:
        return text
    months = [int(part) for part in re.split(r"[、,]", match[1])]
    if months == list(range(months[0], months[0] + len(months))):
        return f"{months[0]}月-{months[-1]}月"
    return "、".join(f"{month}月" for month in months)


# Spring Festival (new year's day of the lunar calendar), public almanac.
_SPRING_FESTIVAL = (
    *(date(2020, 1, 25), date(2021, 2, 12), date(2022, 2, 1), date(2023, 1, 22), date(2024, 2, 10), date(2025, 1, 29)),
    *(date(2026, 2, 17), date(2027, 2, 6), date(2028, 1, 26), date(2029, 2, 13), date(2030, 2, 3), date(2031, 1, 23)),
)
_SEASONS = {
    "春": "3-5月",
    "夏": "6-8月",
    "秋": "9-11月",
    "冬": "12月-次年2月",
    "上半年": "1-6月",
    "下半年": "7-12月",
    "年初": "1月",
    "年底": "12月",
    "年末": "12月",
    "元旦": "1月上旬",
    "清明": "4月上旬",
    "五一": "5月上旬",
    "端午": "6月",
    "中秋": "9月",
    "国庆": "10月上旬",
    "随时": "全年",
    "不定期": "全年",
}


def likely(text: str, year: int, month: int) -> str:
    """Return what a refused window most likely means, in a notation that is read; empty when nobody can say.

    A proposal for a person, never a value. 春节前后 is ten days to either side of the Spring Festival nearest to the round.

    >>> likely("春节前后", 2023, 3), likely("5-7", 2023, 3), likely("5.1-7.31", 2023, 3), likely("待定", 2023, 3)
    ('2023年1月中旬-2023年2月上旬', '5-7月', '5月1日-7月31日', '')
    """
    clean = narrow(text)
    if re.search(r"春节|过年|年关", clean):
        middle = date(year, month, 15)
        day_ = min(_SPRING_FESTIVAL, key=lambda festival: abs(festival - middle))
        ends = (day_ - timedelta(days=10), day_ + timedelta(days=10))
        proposal = "-".join(f"{at.year}年{at.month}月{'上中下'[min((at.day - 1) // 10, 2)]}旬" for at in ends)
        return proposal if abs(day_ - middle).days < 365 else ""
    if season := next((season for word, season in _SEASONS.items() if word in clean), ""):
        return season
    day_month = re.sub(r"(?<![\d.])(\d{1,2})\.(\d{1,2})(?![\d.])", r"\1月\2日", clean)
    stripped = re.sub(r"[(（].*$|[?？]|预计|大约|约|开始|起|前后", "", clean)
    tries = (day_month, f"{clean}月", stripped, f"{stripped}月")
    return next((way for way in tries if way != clean and market_windows(way, year, month)), "")


def _window(piece: str, year: int, month: int) -> str | None:
    single = _moment(piece, bare=False)
    if single is not None:
        return _pair(single, None, year, month) if single.is_day else _pair(single, single, year, month)
    piece = _DASH.sub("~", piece)
    ends = piece.split("~") if "~" in piece else piece.split("-")
    if len(ends) != 2:
        return None
    last = _moment(ends[1], bare=False)
    first = _moment(ends[0], bare=True)
    if last is None and (day := re.fullmatch(r"(\d{1,2})[日号]|([上中下]旬)", ends[1])) and first is not None:
        last = _moment(f"{first.month}月{day[0]}", bare=False)
    if last is None and first is not None and first.year and re.fullmatch(r"\d{1,2}", ends[1]):
        last = _moment(ends[1], bare=True)
    if first is None or last is None:
        return None
    return _pair(first, last, year, month)


def _pair(first: Moment, last: Moment | None, year: int, month: int) -> str | None:
    """Give two moments their years (see `market_windows`) and write them as an ISO pair, None when they run backwards."""
    end = last or first
    # 9999-12-31 and 1900-01-00 are ways of saying nothing.
    if any(moment.year and abs(moment.year - year) > YEARS_BELIEVED for moment in (first, end)):
        return None
    if last is not None and last is first and first.next_year:
        first = end = first._replace(year=year + 1, next_year=False)
    wraps = end.next_year or (end.month, end.last) < (first.month, first.first)
    if first.year:
        start_year = first.year
        end_year = end.year or start_year + wraps
    elif end.year:
        end_year = end.year
        start_year = end_year - wraps
    else:
        start_year = year - 1 if wraps and month <= end.month else year
        end_year = start_year + wraps
    start = date(start_year, first.month, min(first.first, _month_end(start_year, first.month)))
    if last is None:
        return f"{start.isoformat()}/"
    stop = date(end_year, end.month, min(end.last, _month_end(end_year, end.month)))
    return f"{start.isoformat()}/{stop.isoformat()}" if start <= stop else None


def turned(text: str, year: int, month: int) -> str | None:
    """Return the reading of a window whose two ends were typed in the wrong order, None when it is none.

    >>> turned("2023年7月-2023年5月", 2023, 3), turned("待定", 2023, 3)
    ('2023-05-01/2023-07-31', None)
    """
    clean = _DASH.sub("~", narrow(text))
    ends = clean.split("~") if "~" in clean else clean.split("-")
    return market_windows(f"{ends[1]}~{ends[0]}", year, month) if len(ends) == 2 and all(ends) else None


def between(first: str | None, last: str | None, year: int, month: int) -> str | None:
    """Read a window typed in two cells, its start and its end; a start alone has no end.

    >>> between("5月", "7月", 2023, 3), between("2023-05-01", None, 2023, 3)
    ('2023-05-01/2023-07-31', '2023-05-01/')
    >>> between("5-7月", None, 2023, 3)
    '2023-05-01/2023-07-31'
    """
    if first is None:
        return None
    if last is None:
        start = _moment(_arabic(narrow(first)), bare=False)
        return market_windows(first, year, month) if start is None else _pair(start, None, year, month)
    start, stop = _moment(_arabic(narrow(first)), bare=True), _moment(_arabic(narrow(last)), bare=True)
    if start is None or stop is None:
        return market_windows(first, year, month) if narrow(first) == narrow(last) else None
    return _pair(start, stop, year, month)


def day(text: str) -> date | None:
    """Read one calendar day, None when it is not one.

    >>> day("2023年3月5日"), day("45000"), day("3月")
    (datetime.date(2023, 3, 5), datetime.date(2023, 3, 15), None)
    """
    moment = _moment(narrow(text), bare=False)
    if moment is None or not moment.is_day or not moment.year:
        return None
    return date(moment.year, moment.month, moment.first)
