"""Notation: what people type into a cell, read to a value or refused. Raw text is kept by the callers.

Each grammar reads one text; `texts.over` applies it to a column once per distinct text. Nothing here knows products, places
or sheets.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_TENS = {"十": 10, "百": 100, "千": 1000}
_SCALES = {"百": 100, "千": 1000, "万": 10000}
_NUMBER = r"(?:\d[\d,]*(?:\.\d+)?|\.\d+|[零〇一二两三四五六七八九十百千半]+)"


class Quantity(NamedTuple):
    """A number and the unit written with it, empty when none is."""

    value: float
    unit: str


class Point(NamedTuple):
    """Two numbers in the order lon, lat as read, in degrees; `rule` names the finding, empty when plain.

    `settled` is false when the reading is only a proposal; `decimals` is the fewer of the two numbers' decimals.
    """

    lon: float
    lat: float
    rule: str
    settled: bool
    decimals: int


def narrow(text: str) -> str:
    """Return text in half-width form without any white space.

    >>> narrow("３ ．５ 亩")
    '3.5亩'
    """
    return "".join(unicodedata.normalize("NFKC", text).split()).replace("。", ".")


def number(text: str) -> float | None:
    """Read a number in digits or Chinese numerals, None when it is neither.

    >>> number("1,200"), number("三百二十"), number("十"), number("半"), number("x")
    (1200.0, 320.0, 10.0, 0.5, None)
    """
    if re.fullmatch(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+", text):
        return float(text.replace(",", ""))
    if text == "半":
        return 0.5
    if not text or not set(text) <= set(_DIGITS) | set(_TENS):
        return None
    total, digit = 0, 0
    for char in text:
        if char in _TENS:
            total += (digit or 1) * _TENS[char]
            digit = 0
        elif digit:
            return None
        else:
            digit = _DIGITS[char]
    return float(total + digit)


_AHEAD = re.compile(r"^(?:现有|现|存栏|种植|面积|规模|共|合计|合)+(?=[约大近\d.一二三四五六七八九十百千半两])")
_ROUGHLY = re.compile(r"^(?:约|大约|近|大概)")
_BEHIND = re.compile(r"(?:左右|上下|整|地|\.)+$")
_THOUSANDS = re.compile(r"(\d)万(\d)千")
_BRACKETED = re.compile(r"\(([^()\d]+)\)$")


@lru_cache(maxsize=16)
def _sizes(units: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return the pattern of a size in one of `units`, and the units by their half-width forms."""
    words = "|".join(sorted((re.escape(narrow(unit)) for unit in units), key=len, reverse=True))
    pattern = rf"({_NUMBER})([百千]?万?)({words})?(?:(半)|({_NUMBER})({words}))?"
    return re.compile(pattern, re.IGNORECASE), {narrow(unit): unit for unit in units}


def quantity(text: str, units: Mapping[str, float]) -> Quantity | None:
    """Read one size; None when it is not exactly one number (a range, a sum, a remark, a negative, 若干).

    Grammar: ``[共存栏约…] number [百千万] [unit] [半 | number unit] [左右…]``. A bracketed unit is a unit; full-width signs, white
    space and thousands' commas mean nothing.

    Parameters
    ----------
    text
        The cell.
    units
        Words for units with their factor *within their own family*: a compound such as 2亩3分 is read in the first
        unit, the second converted by the ratio of the two factors.

    >>> units = {"亩": 1.0, "分": 0.1, "只": 1.0}
    >>> quantity("约3亩", units), quantity("一亩半", units), quantity("2亩3分", units)
    (Quantity(value=3.0, unit='亩'), Quantity(value=1.5, unit='亩'), Quantity(value=2.3, unit='亩'))
    >>> quantity("1.2万只", units), quantity("３.５", units), quantity("2-3亩", units), quantity("若干", units)
    (Quantity(value=12000.0, unit='只'), Quantity(value=3.5, unit=''), None, None)
    >>> quantity("存栏约500(只)", units), quantity("1万2千只", units), quantity("3亩地", units)
    (Quantity(value=500.0, unit='只'), Quantity(value=12000.0, unit='只'), Quantity(value=3.0, unit='亩'))
    """
    pattern, names = _sizes(tuple(units))
    clean = _AHEAD.sub("", narrow(text))
    clean = _BEHIND.sub("", _ROUGHLY.sub("", clean))
    clean = _THOUSANDS.sub(r"\1.\2万", _BRACKETED.sub(r"\1", clean))
    match = pattern.fullmatch(clean)
    if match is None:
        return None
    value = number(match[1])
    if value is None:
        return None
    for sign in match[2]:
        value *= _SCALES[sign]
    unit = names.get(match[3] or "", "")
    if match[4]:
        return Quantity(value + 0.5, unit) if unit else None
    if match[5]:
        part = number(match[5])
        second = names.get(match[6], "")
        if not unit or part is None or units[second] >= units[unit]:
            return None
        # round: 2 + 3 x 0.1 must be 2.3, not 2.3000000000000003
        value = round(value + part * units[second] / units[unit], 10)
    return Quantity(value, unit)


_RANGE = re.compile(r"[-—–~～至到]+")


def likely_size(text: str, units: Mapping[str, float]) -> str:
    """Return what a refused size most likely means, in a notation that is read; empty when nobody can say.

    A proposal for a person, never a value: a range gives its middle, a sum its total, a remark is left off.

    >>> units = {"亩": 1.0, "分": 0.1, "只": 1.0}
    >>> likely_size("2-3亩", units), likely_size("3+2", units), likely_size("5000（含育雏1000）", units)
    ('2.5亩', '5', '5000')
    >>> likely_size("-3", units), likely_size("30多只", units), likely_size("3亩5", units), likely_size("若干", units)
    ('3', '30只', '3.5亩', '')
    """
    clean = narrow(text).strip("-—+、,")
    clean = re.sub(r"\(.*$|[,;，；].*$", "", clean) or clean
    clean = re.sub(r"(?<=[\d一二三四五六七八九十百千万])[余多来几](?=\D|$)|以上|以下|以内|多$", "", clean)
    word = "|".join(sorted((re.escape(narrow(unit)) for unit in units), key=len, reverse=True))
    if half := re.fullmatch(rf"(\d+)({word})(\d)", clean):
        clean = f"{half[1]}.{half[3]}{half[2]}"
    for parts, together in ((_RANGE.split(clean), _middle), (clean.split("+"), sum)):
        read = [quantity(part, units) for part in parts]
        unit = next((size.unit for size in reversed(read) if size and size.unit), "")
        if read and all(size is not None and size.unit in ("", unit) for size in read):
            return f"{together([size.value for size in read if size]):.10g}{unit}"
    return ""


def _middle(values: list[float]) -> float:
    return (values[0] + values[-1]) / 2


_DMS = re.compile(r"(\d{1,3})[°度˚º](\d{1,2}(?:\.\d+)?)(?:['′’分](\d{1,2}(?:\.\d+)?)?(?:[\"″”秒]|''|′′)?)?")
_DECIMAL = re.compile(r"-?\d+(?:\.\d+)?")


def point(text: str, bounds: tuple[float, float, float, float]) -> Point | None:
    """Read a point from one text with both numbers; None when there are not two.

    Parameters
    ----------
    text
        ``118.186,25.056``, swapped, in degrees and minutes, with letters, full width, the decimal point lost.
    bounds
        `west, south, east, north` in degrees: where a reading is believed without a question.

    >>> box = (117.0, 24.5, 119.0, 26.0)
    >>> point("118.186,25.056", box)
    Point(lon=118.186, lat=25.056, rule='', settled=True, decimals=3)
    >>> point("25.056，118.186", box).rule, point("0,0", box).rule, point("见地图", box)
    ('point_swapped', 'point_zero', None)
    >>> point("118186,25056", box)
    Point(lon=118.186, lat=25.056, rule='point_decimal_lost', settled=False, decimals=3)
    >>> round(point("118°11′09″E 25°03′21″N", box).lon, 6)
    118.185833
    """
    clean = unicodedata.normalize("NFKC", text).replace("。", ".").replace("，", ",").replace("′′", "″")
    degrees = _DMS.findall(re.sub(r"\s+", "", clean))
    if len(degrees) == 2:
        if any(float(minutes) >= 60 or float(seconds or 0) >= 60 for _, minutes, seconds in degrees):
            return None
        a, b = (int(d) + float(m) / 60 + float(s or 0) / 3600 for d, m, s in degrees)
        decimals = 4
    else:
        found = _DECIMAL.findall(clean)
        if len(found) != 2 or re.search(r"[^\d.,;:、/\s\-EeNn东经北纬度°()\[\]]", clean):
            return None
        a, b = float(found[0]), float(found[1])
        decimals = min(len(part.partition(".")[2]) for part in found)
    north, east = re.search(r"[Nn北]", clean), re.search(r"[Ee东]", clean)
    if north and east and north.start() < east.start():
        # The letters say which is which: latitude first is no mistake.
        a, b = b, a
    if _inside(a, b, bounds):
        return Point(a, b, "", True, decimals)
    if _inside(b, a, bounds):
        return Point(b, a, "point_swapped", True, decimals)
    if a == 0 and b == 0:
        return Point(0.0, 0.0, "point_zero", False, 0)
    for first, second in ((a, b), (b, a)):
        lon, lat = _shift(first, 3), _shift(second, 2)
        if lon is not None and lat is not None and _inside(lon, lat, bounds):
            return Point(lon, lat, "point_decimal_lost", False, min(len(str(n).partition(".")[2]) for n in (lon, lat)))
    return Point(a, b, "point_far", False, decimals)


def dms_as_decimal(value: float) -> float | None:
    """Return degrees from a number typed D.MMSS (118.1109 for 118°11′09″), None when it cannot be one.

    >>> round(dms_as_decimal(118.1109), 6), dms_as_decimal(118.186), dms_as_decimal(25.0772)
    (118.185833, None, None)
    """
    text = f"{value:.4f}"
    if abs(float(text) - value) > 1e-9:
        return None
    whole, _, rest = text.partition(".")
    minutes, seconds = int(rest[:2]), int(rest[2:])
    if minutes >= 60 or seconds >= 60:
        return None
    return int(whole) + minutes / 60 + seconds / 3600


def _inside(lon: float, lat: float, bounds: tuple[float, float, float, float]) -> bool:
    west, south, east, north = bounds
    return west <= lon <= east and south <= lat <= north


def _shift(value: float, width: int) -> float | None:
    """Put the decimal point back after `width` digits of a whole number."""
    if value != int(value) or value <= 0 or len(str(int(value))) <= width:
        return value if value != int(value) else None
    return float(int(value)) / float(10 ** (len(str(int(value))) - width))


_MOBILE = re.compile(r"(?<!\d)(?:\+?86)?(1\d{10})(?!\d)")
_MASKED = re.compile(r"(?<!\d)(1\d{2}\*{4}\d{4})(?!\d)")
_VEILED = re.compile(r"(?<!\d)(1\d{2})[*xX×·•.…]{3,4}(\d{4})(?!\d)")
_LANDLINE = re.compile(r"(?<!\d)(0\d{2,3}-?\d{7,8})(?!\d)")
_FLOAT = re.compile(r"\d\.\d+[eE]\+?1[01]")


class Phone(NamedTuple):
    """Numbers joined by ``;`` (empty when none), what is left of the text, and a rule when something is wrong."""

    numbers: str
    rest: str
    rule: str


def phone(text: str) -> Phone:
    """Read phone numbers out of a cell that may hold a name too.

    >>> phone("张三 138 0000 1234")
    Phone(numbers='13800001234', rest='张三', rule='')
    >>> phone("1.38E+10").rule, phone("1380000123").rule
    ('phone_float', 'phone_invalid')
    >>> phone("(0595)23280000 / 138XXXX1234").numbers
    '138****1234;0595-23280000'
    """
    clean = unicodedata.normalize("NFKC", text)
    if not clean.isalnum():
        # 138XXXX1234, (0595)23280000 and 13800001234.0
        clean = re.sub(r"\((0\d{2,3})\)\s*", r"\1-", clean)
        clean = re.sub(r"(?<=1\d{10})\.0+(?!\d)", "", clean)
    if not clean.isdigit():
        clean = _VEILED.sub(r"\1****\2", clean)
    if _FLOAT.search(clean):
        return Phone("", _FLOAT.sub("", clean).strip(), "phone_float")
    close = re.sub(r"(?<=[\d*])[\s-]+(?=[\d*])", "", clean)
    dashed = re.sub(r"(?<=\d)\s+(?=\d)", "", clean)
    numbers = _MOBILE.findall(close) + _MASKED.findall(close) + _LANDLINE.findall(dashed)
    source = dashed if _LANDLINE.search(dashed) else close
    rest = _MOBILE.sub("", _MASKED.sub("", _LANDLINE.sub("", source)))
    rest = re.sub(r"^[\s/、,;:()]+|[\s/、,;:()]+$", "", rest)
    if numbers:
        return Phone(";".join(dict.fromkeys(numbers)), re.sub(r"\d{5,}", "", rest), "")
    if re.search(r"\d{4,}", close):
        return Phone("", re.sub(r"[\d\s/、,;:+-]{4,}", "", close).strip(), "phone_invalid")
    return Phone("", clean.strip(), "")


def choices(text: str, forms: Mapping[str, str]) -> tuple[str, str]:
    """Read one or several choices; return the codes joined by ``;`` in the order written, and what was not known.

    >>> choices("合格证、追溯码", {"合格证": "certificate", "追溯码": "code"})
    ('certificate;code', '')
    """
    clean = narrow(text)
    if clean in forms:
        return forms[clean], ""
    parts = [part for part in re.split(r"[、,;/+和及|]", clean) if part]
    codes = dict.fromkeys(forms[part] for part in parts if part in forms)
    return ";".join(codes), "、".join(part for part in parts if part not in forms)
