"""How true values are typed: sizes, points, market windows, phones, names and choices in the notations that people use.

Each function returns what is typed, and where it is not the true value itself, what a right reading of it gives.
"""

from datetime import date
from typing import Final

from originmap.rules import Product
from originmap.sample.county import Ground
from originmap.sample.trades import Dice, Window, last_day

Cell = str | float | int | date | None
_EXCEL_EPOCH: Final = date(1899, 12, 30)
WIDE: Final = str.maketrans("0123456789.,", "０１２３４５６７８９．，")
_HALF: Final = str.maketrans("０１２３４５６７８９．，", "0123456789.,")


SHORT_TRACES: Final = {
    "certificate": "合格证",
    "code": "追溯码",
    "ear_tag": "耳标",
    "quarantine": "检疫合格证",
    "label": "标签",
    "other": "其它",
}


def write_phone(phone: str, dice: Dice, *, as_number: bool) -> tuple[Cell, str]:
    """Return a phone as typed and as it then reads.

    Landlines are 0595-0000xxxx: no local number begins with 0.
    """
    if dice.chance(0.92):
        return (int(phone) if as_number else phone), phone
    landline = f"0595-0000{phone[-4:]}"
    masked = f"{phone[:3]}****{phone[-4:]}"
    ways: tuple[tuple[Cell, str], ...] = (
        (f"{phone[:3]} {phone[3:7]} {phone[7:]}", phone),
        (f"{phone[:3]}-{phone[3:7]}-{phone[7:]}", phone),
        (phone.translate(WIDE), phone),
        (f"+86 {phone}", phone),
        (f"{phone}/{landline}", f"{phone};{landline}"),
        (landline, landline),
        (masked, masked),
    )
    return dice.pick(ways)


def write_size(value: float, product: Product, dice: Dice, *, bare: bool = True) -> Cell:
    """Return a size as one of the notations that write it exactly; unless `bare`, text names its unit and numbers are left plain."""
    plain = f"{value:g}"
    if product.kind == "livestock":
        word = "羽" if product.unit == "bird" and dice.chance(0.5) else {"bird": "只", "head": "头"}[product.unit]
        word = "只" if product.code == "mutton_sheep" and dice.chance(0.4) else word
        ways: dict[Cell, float] = {
            int(value): 60,
            f"{value:.0f}{word}": 22,
            f"约{value:.0f}{word}": 4,
            f"{value:.0f}": 6,
        }
        ways |= {f"存栏{value:.0f}{word}": 2, f"{value:.0f}（{word}）": 2, f"{value:,.0f}{word}": 3}
        if value >= 10_000 and value % 100 == 0:
            ways[f"{value / 10_000:g}万{word}"] = 60
        if value >= 1000 and value % 1000 == 0 and value < 10_000:
            ways[f"{'一二三四五六七八九'[int(value) // 1000 - 1]}千{word}"] = 4
        return dice.weighted(ways if bare else {way: share for way, share in ways.items() if _named(way)})
    ways = {value: 55, f"{plain}亩": 20, plain: 6, f"约{plain}亩": 3, plain.translate(WIDE): 4}
    tenths = round(value * 10)
    if abs(value * 10 - tenths) < 1e-9:
        if tenths < 10:
            ways[f"{tenths}分"] = 15
        elif tenths % 10:
            ways[f"{tenths // 10}亩{tenths % 10}分"] = 6
        if tenths == 15:
            ways["一亩半"] = 30
        if tenths == 5:
            ways["半亩"] = 6
        if tenths % 10 == 0 and tenths <= 100:
            ways[f"{'一二三四五六七八九十'[tenths // 10 - 1]}亩"] = 3
        if tenths % 15 == 0 and tenths >= 30:
            ways[f"{value / 15:g}公顷"] = 4
    square = round(value * 2000 / 3)
    if round(square * 0.0015, 2) == value and value <= 3:
        ways |= {f"{square}㎡": 2, f"{square}平方米": 2, f"{square}平方": 1}
    ways |= {f"{plain}亩左右": 2, f"{plain.translate(WIDE)}亩": 2, f" {plain} 亩": 2}
    return dice.weighted(ways if bare else {way: share for way, share in ways.items() if _named(way)})


def _named(way: Cell) -> bool:
    """Tell whether a size is a plain number or names its unit: a bare text would be taken in the header's unit."""
    return not isinstance(way, str) or not way.translate(_HALF).strip().removeprefix("约").replace(".", "").isdigit()


def write_point(lon: float, lat: float, habit: str, dice: Dice) -> tuple[tuple[Cell, Cell], float, float]:
    """Return the two axes as typed, and lon and lat as they then read (degrees)."""
    way = habit if dice.chance(0.9) else "text"
    if way in ("dms", "hanzi"):
        marks = "°′″" if way == "dms" else "度分秒"
        texts, values = [], []
        for value, letter in ((lon, "E"), (lat, "N")):
            seconds = round(value * 3600)
            parts = (seconds // 3600, seconds // 60 % 60, seconds % 60)
            pad = "02d" if way == "dms" else "d"
            text = f"{parts[0]}{marks[0]}{parts[1]:{pad}}{marks[1]}{parts[2]:{pad}}{marks[2]}"
            texts.append(text + letter if way == "dms" else text)
            values.append(round(seconds / 3600, 6))
        return (texts[0], texts[1]), values[0], values[1]
    decimals = dice.pick((4, 5, 6, 6))
    x, y = round(lon, decimals), round(lat, decimals)
    if way == "number":
        return (x, y), x, y
    first, second = f"{x:.{decimals}f}", f"{y:.{decimals}f}"
    if way == "wide":
        return (first.translate(WIDE), second.translate(WIDE)), x, y
    if way == "signs":  # a stop and a degree sign where a point belongs
        return (first.replace(".", "。"), f"{second}°"), x, y
    if way == "east":
        return (f"东经{first}", f"北纬{second}"), x, y
    return ((f"E{first}", f"N{second}") if way == "letters" else (first, second)), x, y


def write_window(window: Window, round_: str, habit: str, dice: Dice, *, two: bool) -> tuple[Cell, Cell]:
    """Return a market window for a from and a to cell, or for one cell (the second then None)."""
    if window.kind == "year":
        return dice.weighted({"全年": 8.0, "常年": 1.0, "周年供应": 0.5}), None
    if window.kind == "two":
        months = [month for month, _ in window.parts]
        return f"{months[0]}-{months[1]}月、{months[2]}-{months[3]}月", None
    year = int(round_[:4])
    way = habit if dice.chance(0.85) else "month"
    if window.kind == "from":
        first = date(year, window.parts[0][0], 1)
        words: dict[str, Cell] = {
            "excel": first,
            "serial": str((first - _EXCEL_EPOCH).days),
            "hanzi": f"{first.month}月{first.day}日",
        }
        return words.get(way, f"{first.year}/{first.month}/{first.day}"), None
    (a, a_part), (b, b_part) = window.parts
    if a_part or b_part:
        periods = ("", "上旬", "中旬", "下旬")
        start, end = f"{a}月{periods[a_part]}", f"{b}月{periods[b_part]}"
        return (start, end) if two else (f"{start}-{end}", None)
    if window.kind == "wrap":
        return (f"{a}月", f"次年{b}月") if two else (f"{a}月至次年{b}月", None)
    if not two:
        hanzi = "一 二 三 四 五 六 七 八 九 十 十一 十二".split()
        if a == b:
            alone = {
                "dotted": f"{year}.{a}",
                "compact": f"{year}{a:02d}",
                "long": f"{a}月份",
                "hanzi": f"{hanzi[a - 1]}月",
            }
            return alone.get(way, f"{a}月"), None
        listed = "、".join(str(month) for month in range(a, b + 1))
        long = {
            "long": f"{year}年{a}月-{b}月",
            "dotted": f"{year}.{a}-{year}.{b}",
            "compact": f"{a}月～{b}月",
            "hanzi": f"{hanzi[a - 1]}月至{hanzi[b - 1]}月",
            "serial": f"{listed}月" if b - a == 2 else f"{year}/{a}-{year}/{b}",
        }
        return long.get(way, f"{a}-{b}月"), None
    last = last_day(year, b, 0)
    pairs: dict[str, tuple[Cell, Cell]] = {
        "long": (f"{year}年{a}月", f"{year}年{b}月"),
        "dotted": (f"{year}.{a}", f"{year}.{b}"),
        "excel": (date(year, a, 1), last),
        "serial": (str((date(year, a, 1) - _EXCEL_EPOCH).days), str((last - _EXCEL_EPOCH).days)),
        "compact": (f"{year}{a:02d}", f"{year}{b:02d}"),
    }
    return pairs.get(way, (f"{a}月", f"{b}月底" if dice.chance(0.1) else f"{b}月"))


def write_name(name: str, ground: Ground, dice: Dice) -> str:
    """Return a subject's name, now and then in a form that still means the same."""
    if dice.chance(0.94):
        return name
    if name.endswith("农民专业合作社"):
        bare = name.removeprefix("安溪县")
        shorter = (
            bare,
            name.replace("农民专业", "专业"),
            name.replace("农民专业", ""),
            f"{ground.name}{bare}",
            f"福建省{name}",
        )
        return dice.pick(shorter)
    if len(name) < 4:
        return dice.pick((f"{name[0]} {name[1:]}", f"{name[0]}　{name[1:]}", f"{name} "))
    return f"安溪县{name.removeprefix('安溪')}"


def type_words(kind: str, product: Product, dice: Dice) -> str:
    """Return a subject type, now and then in its short form."""
    words = {
        "enterprise": ("农产品生产企业", "企业"),
        "cooperative": ("农民专业合作社", "合作社"),
        "family_farm": ("家庭农场", "家庭农场"),
        "household": ("农户", "种植户" if product.kind == "crop" else "养殖户"),
        "buyer": ("产地收购商", "产地收购商"),
    }
    return words[kind][dice.chance(0.2)]


def product_words(product: Product, dice: Dice) -> str:
    """Return a product's name, now and then an alias."""
    if dice.chance(0.008) and product.noted_aliases:
        return next(iter(product.noted_aliases))
    return dice.pick(product.aliases) if product.aliases and dice.chance(0.1) else product.name


def day_words(day: date, dice: Dice) -> Cell:
    """Return a day as a real date or one of its texts."""
    ways: tuple[Cell, ...] = (
        day,
        day.isoformat(),
        f"{day.year}.{day.month}.{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
    )
    return dice.pick(ways)
