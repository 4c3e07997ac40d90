"""What people type is read to its value or refused, never guessed."""

import doctest
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originmap import notation, windows

UNITS = {"亩": 1.0, "分": 0.1, "公顷": 15.0, "㎡": 0.0015, "头": 1.0, "只": 1.0, "羽": 1.0}
BOX = (117.1, 24.3, 118.8, 25.9)


def test_docstring_examples() -> None:
    for module, least in ((notation, 10), (windows, 5)):
        result = doctest.testmod(module)
        assert result.attempted >= least
        assert result.failed == 0


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("2.5", 2.5, ""),
        ("2.5亩", 2.5, "亩"),
        ("约3亩", 3.0, "亩"),
        ("３.５", 3.5, ""),
        ("3分", 3.0, "分"),
        ("一亩半", 1.5, "亩"),
        ("2亩3分", 2.3, "亩"),
        ("0.2公顷", 0.2, "公顷"),
        ("1300㎡", 1300.0, "㎡"),
        ("1.2万只", 12000.0, "只"),
        ("500羽", 500.0, "羽"),
        ("1,200", 1200.0, ""),
        ("三百二十头", 320.0, "头"),
        ("半亩", 0.5, "亩"),
    ],
)
def test_sizes_are_read(text: str, value: float, unit: str) -> None:
    assert notation.quantity(text, UNITS) == (value, unit)


@pytest.mark.parametrize("text", ["3+2", "5000（含育雏1000）", "若干", "2-3亩", "-3", "3亩2", "2分3亩", "", "亩"])
def test_sizes_are_refused(text: str) -> None:
    assert notation.quantity(text, UNITS) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5月", "2023-05-01/2023-05-31"),
        ("3月上旬", "2023-03-01/2023-03-10"),
        ("3月中旬-5月下旬", "2023-03-11/2023-05-31"),
        ("5-7月", "2023-05-01/2023-07-31"),
        ("2023年5月-7月", "2023-05-01/2023-07-31"),
        ("2023.5", "2023-05-01/2023-05-31"),
        ("2023/5/1", "2023-05-01/"),
        ("202305", "2023-05-01/2023-05-31"),
        ("45047", "2023-05-01/"),
        ("10月至次年3月", "2022-10-01/2023-03-31"),
        ("全年", "2023-01-01/2023-12-31"),
        ("4月底", "2023-04-25/2023-04-30"),
        ("4-6月、9-11月", "2023-04-01/2023-06-30;2023-09-01/2023-11-30"),
        ("2023.5-7", "2023-05-01/2023-07-31"),
        ("2月下旬", "2023-02-21/2023-02-28"),
        ("11月-次年2月", "2023-11-01/2024-02-29"),
    ],
)
def test_windows_are_read(text: str, expected: str) -> None:
    assert windows.market_windows(text, 2023, 3) == expected


@pytest.mark.parametrize("text", ["待定", "春节前后", "13月", "5", "2月30日", "2023-02-30", "5月5月", "上旬"])
def test_windows_are_refused(text: str) -> None:
    assert windows.market_windows(text, 2023, 3) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("五月至七月", "2023-05-01/2023-07-31"),
            ("十一月", "2023-11-01/2023-11-30"),
            ("5、6、7月", "2023-05-01/2023-07-31"),
        ),
        *(("5、8月", "2023-05-01/2023-05-31;2023-08-01/2023-08-31"), ("5月上中旬", "2023-05-01/2023-05-20")),
        *(
            ("周年供应", "2023-01-01/2023-12-31"),
            ("10月到第二年3月", "2022-10-01/2023-03-31"),
            ("5月份", "2023-05-01/2023-05-31"),
        ),
    ],
)
def test_windows_in_words_and_lists(text: str, expected: str) -> None:
    assert windows.market_windows(text, 2023, 3) == expected


@pytest.mark.parametrize(
    ("text", "likely"),
    [
        *(
            ("2-3亩", "2.5亩"),
            ("3+2", "5"),
            ("5000（含育雏1000）", "5000"),
            ("-3", "3"),
            ("30余头", "30头"),
            ("3亩5", "3.5亩"),
        ),
        *(("50只以上", "50只"), ("2亩-4亩", "3亩"), ("若干", ""), ("", ""), ("亩", ""), ("无", ""), ("2亩+3头", "")),
    ],
)
def test_a_refused_size_has_its_likely_reading(text: str, likely: str) -> None:
    assert notation.quantity(text, UNITS) is None
    assert notation.likely_size(text, UNITS) == likely


@pytest.mark.parametrize(
    ("text", "likely"),
    [
        *(
            ("春节前后", "2023年1月中旬-2023年2月上旬"),
            ("5-7", "5-7月"),
            ("5.1-7.31", "5月1日-7月31日"),
            ("春季", "3-5月"),
        ),
        *(("上半年", "1-6月"), ("随时", "全年"), ("5月（预计）", "5月"), ("待定", ""), ("13月", ""), ("", "")),
    ],
)
def test_a_refused_window_has_its_likely_reading(text: str, likely: str) -> None:
    assert windows.market_windows(text, 2023, 3) is None
    assert windows.likely(text, 2023, 3) == likely


@given(
    st.text("0123456789一三十半.-+~（）()亩分头只约多余含 月旬上中下至春节初底年日", max_size=12), st.integers(1, 12)
)
def test_a_proposal_is_always_readable(text: str, month: int) -> None:
    size, window = notation.likely_size(text, UNITS), windows.likely(text, 2023, month)
    assert not size or notation.quantity(size, UNITS) is not None
    assert not window or windows.market_windows(window, 2023, month) is not None


def test_a_wrapping_window_starts_this_year_once_its_end_month_is_past() -> None:
    assert windows.market_windows("10月-3月", 2023, 3) == "2022-10-01/2023-03-31"
    assert windows.market_windows("10月-3月", 2023, 4) == "2023-10-01/2024-03-31"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("118.186,25.056", ""),
        ("118.186 25.056", ""),
        ("118°11′09″E 25°03′21″N", ""),
        ("118度11分9.6秒，25度3分21.6秒", ""),
        ("E118.186 N25.056", ""),
        ("N25.056 E118.186", ""),
        ("１１８.１８６，２５．０５６", ""),
        ("118°11.16′, 25°3.36′", ""),
        ("25.056,118.186", "point_swapped"),
        ("118186,25056", "point_decimal_lost"),
        ("128.186,25.056", "point_far"),
        ("0,0", "point_zero"),
    ],
)
def test_points_are_read(text: str, rule: str) -> None:
    point = notation.point(text, BOX)
    assert point is not None
    assert point.rule == rule
    assert point.settled == (rule in ("", "point_swapped"))
    if rule not in ("point_far", "point_zero"):
        assert abs(point.lon - 118.186) < 3e-4
        assert abs(point.lat - 25.056) < 3e-4


@pytest.mark.parametrize("text", ["见地图", "118.186", "118.1,25.0,3", "湖头镇118号25栋", "118°61′00″ 25°03′21″"])
def test_points_are_refused(text: str) -> None:
    assert notation.point(text, BOX) is None


@given(st.floats(117.2, 118.7), st.floats(24.4, 25.8), st.sampled_from([",", "，", " ", "、", ";"]))
def test_a_decimal_pair_is_read_exactly(lon: float, lat: float, comma: str) -> None:
    point = notation.point(f"{lon:.6f}{comma}{lat:.6f}", BOX)
    assert point is not None
    assert (point.lon, point.lat, point.settled) == (round(lon, 6), round(lat, 6), True)


@given(st.decimals(0, 100_000, places=2, allow_nan=False), st.sampled_from(["", "亩", "只", "头"]))
def test_a_plain_size_is_read_exactly(value: object, unit: str) -> None:
    assert notation.quantity(f"{value}{unit}", UNITS) == (float(str(value)), unit)


@given(st.text(max_size=40))
def test_no_text_breaks_a_reader(text: str) -> None:
    notation.quantity(text, UNITS)
    windows.market_windows(text, 2023, 3)
    notation.point(text, BOX)
    notation.phone(text)
    windows.day(text)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_a_month_range_never_runs_backwards(first: int, last: int, month: int) -> None:
    window = windows.market_windows(f"{first}-{last}月", 2023, month)
    assert window is not None
    start, end = window.split("/")
    assert start < end
    assert (int(start[5:7]), int(end[5:7])) == (first, last)


def test_phones() -> None:
    cases = {
        "13900001234": ("13900001234", "", ""),
        "张三139 0000 1234": ("13900001234", "张三", ""),
        "0595-23230000": ("0595-23230000", "", ""),
        "13900001234/13800001234": ("13900001234;13800001234", "", ""),
        "139****1234": ("139****1234", "", ""),
        "1.39E+10": ("", "", "phone_float"),
        "1390000123": ("", "", "phone_invalid"),
        "(0595)23230000": ("0595-23230000", "", ""),
        "139XXXX1234": ("139****1234", "", ""),
        "139····1234": ("139****1234", "", ""),
        "13900001234.0": ("13900001234", "", ""),
        "+86 13900001234": ("13900001234", "", ""),
        "张三": ("", "张三", ""),
    }
    for text, expected in cases.items():
        assert notation.phone(text) == expected, text


def test_chinese_numbers() -> None:
    digits = "零一二三四五六七八九"
    for tens, ones in itertools.product(range(1, 10), range(10)):
        text = f"{digits[tens] if tens > 1 else ''}十{digits[ones] if ones else ''}"
        assert notation.number(text) == tens * 10 + ones
