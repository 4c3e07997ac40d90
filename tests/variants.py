"""Small sheets made to order: any layout with any notation and a planted mistake, and what a right reading of each gives."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from originmap.headers import column_letter
from originmap.sample.files import file_bytes
from originmap.sample.notations import Cell
from originmap.sample.sheets import Grid

VILLAGE = "郭埔村"
CROPS = {"豇豆": "cowpea", "韭菜": "chinese_chive", "芹菜": "celery"}
ANIMALS = {"鸡蛋": "egg", "肉牛": "beef_cattle", "肉羊": "mutton_sheep", "生猪": "pig"}
UNITS = {"egg": "bird", "beef_cattle": "head", "mutton_sheep": "head", "pig": "head"}
# What is typed, and what it means.
AREAS: Sequence[tuple[Cell, float]] = (
    *((2.5, 2.5), ("2.5亩", 2.5), ("约3亩", 3.0), ("３.５", 3.5), ("7分", 0.7), ("一亩半", 1.5), ("2亩3分", 2.3)),
    *(("0.2公顷", 3.0), ("1300㎡", 1.95), ("2000平方米", 3.0), ("3 亩 左右", 3.0), ("半亩", 0.5), ("5.25亩地", 5.25)),
)
HEADS: Mapping[str, Sequence[tuple[Cell, float]]] = {
    "egg": ((1200, 1200), ("1.2万只", 12000), ("600羽", 600), ("2千只", 2000), ("1万2千羽", 12000), ("1,500只", 1500)),
    "beef_cattle": ((30, 30), ("30头", 30), ("约20头", 20), ("存栏15（头）", 15)),
    "mutton_sheep": ((80, 80), ("80只", 80), ("120头", 120)),
    "pig": ((300, 300), ("三百二十头", 320), ("1200头左右", 1200)),
}
WINDOWS: Sequence[tuple[Cell, str]] = (
    *(("5月", "2023-05-01/2023-05-31"), ("3月上旬", "2023-03-01/2023-03-10"), ("5-7月", "2023-05-01/2023-07-31")),
    *(
        ("3月中旬-5月下旬", "2023-03-11/2023-05-31"),
        ("2023年5月-7月", "2023-05-01/2023-07-31"),
        ("全年", "2023-01-01/2023-12-31"),
    ),
    *(
        ("2023.5", "2023-05-01/2023-05-31"),
        ("2023/5/1", "2023-05-01/"),
        ("202305", "2023-05-01/2023-05-31"),
        ("45047", "2023-05-01/"),
    ),
    *(
        (date(2023, 5, 1), "2023-05-01/"),
        ("10月至次年3月", "2022-10-01/2023-03-31"),
        ("4月底", "2023-04-25/2023-04-30"),
    ),
    *(("4-6月、9-11月", "2023-04-01/2023-06-30;2023-09-01/2023-11-30"), ("五月至七月", "2023-05-01/2023-07-31")),
    *(
        ("5月中下旬", "2023-05-11/2023-05-31"),
        ("5、6、7月", "2023-05-01/2023-07-31"),
        ("６月", "2023-06-01/2023-06-30"),
    ),
)
DAYS: Sequence[tuple[Cell, str]] = (
    *(
        (date(2023, 3, 5), "2023-03-05"),
        ("2023-03-05", "2023-03-05"),
        ("2023.3.6", "2023-03-06"),
        ("2023年3月7日", "2023-03-07"),
    ),
    *(("44990", "2023-03-05"), ("20230308", "2023-03-08")),
)
# Mistakes: rule, field, what is typed; the field's value is then not to be had.
MISTAKES: Sequence[tuple[str, str, Cell]] = (
    *(
        ("", "", None),
        ("size_unreadable", "size", "若干"),
        ("size_unreadable", "size", "2-3"),
        ("size_unreadable", "size", "5（含1）"),
    ),
    *(("size_missing", "size", None), ("size_unit_mismatch", "size", "30头"), ("size_implausible", "size", 900_000)),
    *(
        ("window_unreadable", "window", "春节前后"),
        ("window_unreadable", "window", "待定"),
        ("window_missing", "window", None),
    ),
    *(("point_unreadable", "point", "见地图"), ("point_zero", "point", "0,0"), ("point_missing", "point", None)),
    *(
        ("subject_missing", "subject", None),
        ("subject_type_unknown", "type", "其它"),
        ("phone_invalid", "phone", "1390000123"),
    ),
    *(
        ("product_unknown", "product", "四季豆"),
        ("product_ambiguous", "product", "菜豆"),
        ("township_unknown", "township", "云上镇"),
    ),
    *(
        ("trace_unknown", "traces", "口头承诺"),
        ("credit_unknown", "credit", "五星"),
        ("date_unreadable", "day", "昨天"),
    ),
)
HEADERS: Mapping[str, Sequence[str]] = {
    "number": ("序号", "编号"),
    "township": ("乡镇", "所属乡镇", "乡（镇）"),
    "village": ("村", "行政村", "村（居）"),
    "subject": ("种养殖主体", "主体名称", "生产主体名称", "经营主体"),
    "type": ("主体类型", "类型", "主体类别"),
    "contact": ("联系人", "负责人"),
    "phone": ("电话", "手机", "联系电话"),
    "product": ("产品名称", "品种", "农产品名称"),
    "size": ("种养规模", "规模", "存栏、暂养规模"),
    "address": ("基地地址", "产地", "详细地址"),
    "point": ("点位经纬度", "坐标", "经纬度"),
    "window": ("预计上市时间/下市时间", "上市期", "采收期"),
    "mode": ("生产方式", "种植方式"),
    "traces": ("追溯方式", "溯源方式"),
    "credit": ("信用等级", "信用"),
    "supervisor": ("网格化监管员", "监管员", "协管员"),
    "supervisor_phone": ("电话",),
    "collector": ("信息采集员", "采集员", "填表人"),
    "collector_phone": ("电话",),
    "day": ("采集日期", "采集时间"),
}
JOINED = {"contact": "联系人及电话", "supervisor": "网格员及电话", "collector": "采集员及电话"}
PHONES = {"contact": "phone", "supervisor": "supervisor_phone", "collector": "collector_phone"}
GROUPS = {"contact": ("联系人及联系方式", "姓名"), "phone": ("联系人及联系方式", "电话"), "supervisor": ("网格化监管员", "姓名"),
          "supervisor_phone": ("网格化监管员", "电话"), "lon": ("点位经纬度", "经度"), "lat": ("点位经纬度", "纬度")}  # fmt: skip
# Where a mistake's value goes missing, by canonical column.
LOST = {"size": ("size_value",), "window": ("market_windows",), "point": ("lon", "lat"), "subject": ("subject_name",),
        "type": ("subject_type",), "phone": ("contact_phone",), "product": ("product", "size_value"), "traces": ("trace_methods",),
        "township": ("township_code",), "credit": ("credit_grade",), "day": ("collected_on",)}  # fmt: skip
CANONICAL = {"township": "township_code", "subject": "subject_name", "type": "subject_type", "contact": "contact_name",
             "phone": "contact_phone", "product": "product", "size": "size_value", "address": "base_address", "window": "market_windows",
             "mode": "production_mode", "traces": "trace_methods", "credit": "credit_grade", "supervisor": "supervisor_name",
             "supervisor_phone": "supervisor_phone", "collector": "collector_name", "collector_phone": "collector_phone",
             "day": "collected_on"}  # fmt: skip
LAYOUTS = ("one", "two", "apart", "wide", "headings", "unit", "again")
STYLES = ("flat", "flat", "downwards", "groups", "three")
FORMATS = (
    ".xlsx",
    ".xlsx",
    ".xls",
    ".ods",
    ".csv",
    ".docx",
    ".html",
)  # the last is a web page under the name of an .xls
MERGING = (".xlsx", ".xls", ".ods", ".html")
FACTORS = {"公顷": 15.0, "㎡": 0.0015, "万只": 10_000.0, "头": 1.0}
_SURNAMES, _GIVEN = "林陈王李黄张吴苏谢郑", "禾岚溪晴穗芸舟桐霁野苓澄榆溯朗茗汀昭棠砚"

Row = dict[str, tuple[Cell, Any]]


@dataclass
class Variant:
    """One made sheet: its file and what must be found in it.

    `rows` are (Excel row, intended values by canonical column); `planted` are (cell, rule).
    """

    name: str
    content: bytes
    layout: str
    rows: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    planted: set[tuple[str, str]] = field(default_factory=set)


def variants(count: int, seed: int) -> Iterator[Variant]:
    """Yield `count` variants; the same seed gives the same ones."""
    for number in range(count):
        yield _Maker(number, random.Random(f"{seed}:{number}")).make()  # noqa: S311 - no secret


class _Maker:
    """Makes one variant; a class because a sheet is built in steps that share its page, rows and places."""

    def __init__(self, number: int, dice: random.Random) -> None:
        self.number, self.dice = number, dice
        self.layout = LAYOUTS[number % len(LAYOUTS)]
        self.suffix = dice.choice(FORMATS)
        self.style = dice.choice(STYLES)
        if self.style == "three" and self.suffix not in MERGING:
            self.style = "groups"
        self.join = self.style in ("flat", "downwards") and dice.random() < 0.4
        self.page: list[list[Cell]] = []
        self.merges: list[tuple[int, int, int, int]] = []
        self.heads = {name: dice.choice(words) for name, words in HEADERS.items()}
        suffix = ".xls" if self.suffix == ".html" else self.suffix
        self.made = Variant(f"变体{number:03d}{suffix}", b"", self.layout)
        self.unit = ""

    def make(self) -> Variant:
        people = [self._person(turn) for turn in range(self.dice.randint(3, 6))]
        spoilt = self._spoil(people)
        self._above(people)
        {"wide": self._wide, "apart": self._apart, "headings": self._headings}.get(self.layout, self._plain)(
            people, spoilt
        )
        for _ in range(self.dice.randint(0, 2)):
            self.page.append([])
        if self.dice.random() < 0.5:
            self.page += [["填表说明："], ["1、逐户填报。"], ["2、表内人名均为虚构，如有雷同纯属巧合。"]]
        width = max(len(row) for row in self.page)
        rows = [[*row, *[None] * (width - len(row))] for row in self.page]
        grid = Grid("表一", rows, merges=tuple(self.merges) if self.suffix in MERGING else ())
        self.made.content = file_bytes(Path(self.made.name).suffix, [grid], coat=self.suffix == ".html")
        return self.made

    # ---- what the rows say ----

    def _person(self, turn: int) -> Row:
        """Return a row: by field what is typed and what it means."""
        dice, at = self.dice, self.number * 6 + turn
        name = _SURNAMES[at % 10] + _GIVEN[at // 10 % 20] + _GIVEN[at // 200 % 20]
        crop = {"wide": True, "unit": self.number % 2 == 0}.get(self.layout, dice.random() < 0.6)
        words = list(CROPS if crop else ANIMALS)
        word = words[self.number % len(words)] if self.layout == "unit" else dice.choice(words)
        code = (CROPS | ANIMALS)[word]
        phone = f"139{self.number:03d}0{turn}{turn:03d}"
        phones: Sequence[tuple[Cell, str]] = (
            *((phone, phone), (int(phone), phone), (f"{phone[:3]} {phone[3:7]} {phone[7:]}", phone)),
            (f"{phone}/0595-0000{self.number:03d}{turn}", f"{phone};0595-0000{self.number:03d}{turn}"),
            (f"{phone[:3]}****{phone[7:]}", f"{phone[:3]}****{phone[7:]}"),
        )
        x, y = f"{118.04 + at % 97 * 0.0003:.4f}", f"{25.22 + at // 97 * 0.0003:.4f}"
        points: Sequence[Cell] = (
            *(f"{x},{y}", f"{x}，{y}", f"E{x} N{y}", f"东经{x}，北纬{y}", f"{x} {y}", f"经度：{x} 纬度：{y}"),
            f"{x},{y}".translate(str.maketrans("0123456789.", "０１２３４５６７８９．")),
        )
        trace = dice.choice((("承诺达标合格证", "certificate"), ("合格证、追溯码", "certificate;code")))
        split = self.style in ("groups", "three")
        return {
            "township": (dice.choice(("湖头镇", "湖头", "安溪县湖头镇", "湖头镇 ")), "350524102"),
            "village": (VILLAGE, VILLAGE),
            "subject": (dice.choice((name, f"{name} ", f" {name}")), name),
            "type": (dice.choice(("农户", "种植户")), "household"),
            "contact": (name, name),
            "phone": dice.choice(phones),
            "product": (word, code),
            "size": dice.choice(AREAS if crop else HEADS[code]),
            "address": (f"{VILLAGE}{at}号地", f"{VILLAGE}{at}号地"),
            "point": (f"{x},{y}" if split else dice.choice(points), (float(x), float(y))),
            "window": dice.choice(WINDOWS),
            "mode": ("露地", "open") if crop else (None, None),
            "traces": trace if crop else ("动物检疫合格证", "quarantine"),
            "credit": dice.choice((("A", "A"), ("B级", "B"), ("优", "A"))),
            "supervisor": ("乙某", "乙某"),
            "supervisor_phone": (13800000009, "13800000009"),
            "collector": ("丙某", "丙某"),
            "collector_phone": ("13800000008", "13800000008"),
            "day": dice.choice(DAYS),
        }

    def _spoil(self, people: list[Row]) -> int:
        """Plant the mistake in one row and return which, -1 when the layout has no cell for it."""
        self.rule, self.field, typed = MISTAKES[self.number // len(LAYOUTS) % len(MISTAKES)]
        nowhere = {"wide": ("product", "size"), "headings": ("product",), "unit": ("product", "size")}
        if not self.rule or self.field in nowhere.get(self.layout, ()):
            self.rule = ""
            return -1
        at = self.dice.randrange(len(people))
        if self.rule == "size_unit_mismatch" and people[at]["product"][0] in ANIMALS:
            typed = "30亩"
        if self.layout in ("two", "apart") and self.field == "product" and people[at]["product"][0] in ANIMALS:
            self.rule = ""  # a row whose product nobody knows could stand in either column
            return -1
        people[at][self.field] = (typed, people[at][self.field][1])
        return at

    # ---- how they are laid out ----

    def _above(self, people: Sequence[Row]) -> None:
        title = f"湖头镇{people[0]['product'][0] if self.layout == 'unit' else ''}采集表（样例数据）"
        way = self.dice.randrange(3)
        self.page += [
            [[title]],
            [[], [], [title]],
            [[title], ["填报单位：湖头镇人民政府", None, None, "填报日期：2023年3月8日"]],
        ][way]

    def _columns(self, *, product: bool = True) -> list[str]:
        """Return the fields from left to right; an empty one is a blank column."""
        fields = ["number", "township", "village", "subject", "type", "contact", "phone", "product", "size", "address"]
        if self.dice.random() < 0.3:
            fields.remove("village")
        if not product or self.layout == "unit":
            fields.remove("product")
        if self.layout == "two":
            fields[fields.index("size") : fields.index("size") + 1] = ["size:mu", "size:head"]
        point = ["lon", "lat"] if self.style in ("groups", "three") else ["point"]
        fields += [
            *point,
            "window",
            "mode",
            "traces",
            "credit",
            "supervisor",
            "supervisor_phone",
            "collector",
            "collector_phone",
            "day",
        ]
        if self.join:
            fields = [name for name in fields if name not in PHONES.values()]
        if self.dice.random() < 0.3 and self.style == "flat":
            fields.insert(self.dice.randrange(2, len(fields)), "")
        if self.dice.random() < 0.3:
            at = fields.index("address")
            fields[at - 1 : at + 1] = ["address", fields[at - 1]]
        return fields

    def _head(self, name: str) -> str:
        plain = {"": "", "size:mu": "面积（亩）", "size:head": "存栏（头、只）", "lon": "经度", "lat": "纬度"}
        text = JOINED[name] if self.join and name in JOINED else plain.get(name) or self.heads.get(name, name)
        if name == "size" and self.unit:
            text = f"{text}({self.unit})" if self.unit != "㎡" else "面积/㎡"
        if self.style == "downwards" and len(text) > 2:
            text = f"{text[:2]}\n{text[2:]}*"
        return text if name else ""

    def _header(self, fields: Sequence[str]) -> None:
        """Add a header of one to three rows in the sheet's style."""
        begin = len(self.page)
        if self.style in ("flat", "downwards"):
            self.page.append([self._head(name) or None for name in fields])
            return
        low = [GROUPS[name][1] if name in GROUPS else None for name in fields]
        top: list[Cell] = [GROUPS[name][0] if name in GROUPS else self._head(name) for name in fields]
        for at in range(len(fields) - 1, 0, -1):
            if fields[at] in GROUPS and top[at] == top[at - 1]:
                top[at] = None
        height = 1
        if self.style == "three":
            height = 2
            first, last = fields.index("subject"), fields.index("phone")
            over: list[Cell] = [text if at < first or at > last else None for at, text in enumerate(top)]
            over[first] = "基本信息"
            self.merges.append((begin, first, begin, last))
            top = [text if first <= at <= last else None for at, text in enumerate(top)]
            # Groups to the right of it begin in the first row and reach into the second.
            self.page.append(over)
        self.page += [top, [*low]]
        for at, name in enumerate(fields):
            start = begin if self.page[begin][at] is not None else begin + height - 1
            if name not in GROUPS:
                if (
                    name
                    and self.page[start][at] is not None
                    and not (self.style == "three" and self.page[begin][at] == "基本信息")
                ):
                    self.merges.append((start, at, begin + height, at))
                elif name:
                    self.merges.append((begin + height - 1, at, begin + height, at))
            elif at + 1 < len(fields) and fields[at + 1] in GROUPS and GROUPS[fields[at + 1]][0] == GROUPS[name][0]:
                row = begin if self.style == "three" and self.page[begin][at] == GROUPS[name][0] else begin + height - 1
                self.merges.append((row, at, begin + height - 1, at + 1))

    def _row(self, person: Row, number: int, fields: Sequence[str], *, spoilt: bool) -> None:
        """Add a row and what it must be read to."""
        typed: dict[str, Cell] = {name: value for name, (value, _) in person.items()} | {"number": number}
        crop = person["product"][1] in CROPS.values()
        typed["size:mu"], typed["size:head"] = (typed["size"], None) if crop else (None, typed["size"])
        x, _, y = str(typed["point"] or "").partition(",")
        typed["lon"], typed["lat"] = x or None, y or None
        if self.join:
            for name, phone in PHONES.items():
                said = [str(typed[part]) for part in (name, phone) if typed[part] is not None]
                typed[name] = " ".join(said) or None
        self.page.append([typed.get(name) for name in fields])
        at = len(self.page)
        values = {CANONICAL[name]: meant for name, (_, meant) in person.items() if name in CANONICAL}
        values["lon"], values["lat"] = person["point"][1]
        if spoilt:
            for lost in LOST[self.field]:
                values[lost] = None
            if self.rule == "size_implausible":
                values["size_value"] = 900_000
            own = {
                "point": ("point", "lon"),
                "size": ("size", "size:mu" if crop else "size:head"),
                "phone": ("phone", "contact"),
            }
            place = next(name for name in own.get(self.field, (self.field,)) if name in fields)
            self.made.planted.add((f"{column_letter(fields.index(place))}{at}", self.rule))
        self.made.rows.append((at, values))

    def _body(self, people: Sequence[Row], fields: Sequence[str], spoilt: Row | None, *, again: bool = False) -> None:
        for number, person in enumerate(people, 1):
            if again and number > 1 and number % 2:
                self._header(fields)
            elif self.dice.random() < 0.1:
                self.page.append([])
            self._row(person, number, fields, spoilt=person is spoilt)
        if self.dice.random() < 0.4:
            total: list[Cell] = [None] * len(fields)
            total[0] = self.dice.choice(("小计", "合计", f"{VILLAGE}小计"))
            self.page.append(total)

    def _plain(self, people: list[Row], spoilt: int) -> None:
        wrong = people[spoilt] if spoilt >= 0 else None
        if self.layout == "unit":
            code = people[0]["product"][1]
            self.unit = (
                self.dice.choice(("公顷", "㎡")) if code in CROPS.values() else "万只" if code == "egg" else "头"
            )
            for person in people:
                value = person["size"][1]
                person["size"] = (round(value / FACTORS[self.unit], 6), value)
        fields = self._columns()
        self._header(fields)
        self._body(people, fields, wrong, again=self.layout == "again")

    def _apart(self, people: list[Row], spoilt: int) -> None:
        wrong = people[spoilt] if spoilt >= 0 else None
        groups = [[p for p in people if (p["product"][1] in CROPS.values()) is crop] for crop in (True, False)]
        for turn, group in enumerate(group for group in groups if group):
            if turn and self.dice.random() < 0.7:
                self.page += [[], ["二、养殖业"]]
            fields = self._columns()
            if turn:
                fields[-2:] = reversed(fields[-2:])
                fields[1:3] = reversed(fields[1:3])
            self._header(fields)
            self._body(group, fields, wrong)

    def _headings(self, people: list[Row], spoilt: int) -> None:
        wrong = people[spoilt] if spoilt >= 0 else None
        fields = self._columns(product=False)
        self._header(fields)
        words = dict.fromkeys(str(person["product"][0]) for person in people)
        for turn, word in enumerate(words):
            self.page.append([f"{'一二三四五六'[turn]}、{word}" if turn % 2 == 0 else f"（{turn + 1}）{word}"])
            self._body([person for person in people if person["product"][0] == word], fields, wrong)

    def _wide(self, people: list[Row], spoilt: int) -> None:
        fields = [name for name in self._columns() if name not in ("product", "size")]
        start = fields.index("address")
        fields[start:start] = list(CROPS)
        self.heads |= {word: f"{word}(亩)" for word in CROPS}
        self._header(fields)
        for number, person in enumerate(people, 1):
            self._row(person, number, fields, spoilt=number - 1 == spoilt)
            row, values = self.made.rows.pop()
            sizes = self.dice.sample(list(CROPS), self.dice.randint(1, 3))
            for word in sizes:
                typed, meant = self.dice.choice(AREAS)
                self.page[-1][fields.index(word)] = typed
                self.made.rows.append((row, values | {"product": CROPS[word], "size_value": meant}))
            for word in set(CROPS) - set(sizes):
                self.page[-1][fields.index(word)] = self.dice.choice((None, 0, "/"))
