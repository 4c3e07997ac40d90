"""The synthetic county's layouts, as data: which columns a township's sheet has and what stands above, between and below its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

LayoutName = Literal["A", "B", "C", "D", "E", "F", "G", "H"]
UNIT_WORDS: Final = {"mu": "亩", "head": "头", "bird": "只"}


@dataclass(frozen=True)
class Column:
    """One column: the field, its header, the merged group that it stands under, and the one over that.

    A field ``size:mu`` or ``size:head`` holds crops' or animals' sizes only; an empty field is a column nobody headed.
    """

    field: str
    head: str
    group: str = ""
    over: str = ""


@dataclass(frozen=True)
class Layout:
    """One layout.

    Attributes
    ----------
    columns
        From left to right.
    apart
        Columns of a second table for animals, under a header of its own; none when they stand among the crops.
    above
        Blank rows above the title.
    office_line
        Whether a line with 填报单位 and 填报日期 follows the title.
    headings
        Whether a line names the product of the rows below it.
    merged
        Fields whose equal cells are merged downwards.
    subtotal
        The field after whose runs a 小计 row stands.
    total
        Whether a 合计 row ends the sheet.
    notes
        Lines below.
    blank_every, again_every, hidden_every
        After so many rows one is left blank, the header is repeated, a row is hidden; 0 for never.
    """

    columns: tuple[Column, ...]
    apart: tuple[Column, ...] = ()
    above: int = 0
    office_line: bool = False
    headings: bool = False
    merged: tuple[str, ...] = ()
    subtotal: str = ""
    total: bool = False
    notes: tuple[str, ...] = ()
    blank_every: int = 0
    again_every: int = 0
    hidden_every: int = 0

    @property
    def fields(self) -> frozenset[str]:
        """Which fields some column holds."""
        return frozenset(column.field.partition(":")[0] for column in (*self.columns, *self.apart))

    @property
    def sorted(self) -> bool:
        """Whether rows stand product by product."""
        return bool(self.subtotal or self.headings)

    def head_rows(self, columns: tuple[Column, ...]) -> int:
        """Return how many rows a header takes."""
        return 1 + any(column.group for column in columns) + any(column.over for column in columns)


_A: Final = (
    Column("number", "序号"),
    Column("township", "乡镇"),
    Column("village", "村"),
    Column("subject_name", "种养殖主体名称"),
    Column("subject_type", "主体类型"),
    Column("contact_name", "联系人"),
    Column("contact_phone", "联系电话"),
    Column("product", "产品名称"),
    Column("size", "种养规模(亩、头、只)"),
    Column("plot", "地块/基地"),
    Column("cropping", "茬次"),
    Column("base_address", "基地地址"),
    Column("lon", "经度(°)"),
    Column("lat", "纬度(°)"),
    Column("market_from", "预计上市时间"),
    Column("market_to", "下市时间"),
    Column("production_mode", "生产方式(露地/设施)"),
    Column("trace_methods", "追溯方式"),
    Column("credit_grade", "信用等级"),
    Column("supervisor_name", "网格化监管员"),
    Column("supervisor_phone", "监管员电话"),
    Column("collector_name", "信息采集员"),
    Column("collector_phone", "采集员电话"),
    Column("collected_on", "采集日期"),
    Column("remark", "备注"),
)
_B: Final = (
    Column("number", "序号"),
    Column("village", "村（居）"),
    Column("product", "品种"),
    Column("subject_name", "种养殖主体"),
    Column("subject_type", "主体类型"),
    Column("contact_name", "姓名", "联系人及联系方式"),
    Column("contact_phone", "电话", "联系人及联系方式"),
    Column("size", "种养规模"),
    Column("plot", "地块/基地"),
    Column("cropping", "茬次"),
    Column("base_address", "基地地址"),
    Column("lon", "经度", "点位经纬度"),
    Column("lat", "纬度", "点位经纬度"),
    Column("market_from", "预计上市时间"),
    Column("market_to", "预计下市时间"),
    Column("production_mode", "生产方式"),
    Column("trace_methods", "追溯方式"),
    Column("credit_grade", "信用等级"),
    Column("supervisor_name", "姓名", "网格化监管员"),
    Column("supervisor_phone", "电话", "网格化监管员"),
    Column("collector_name", "姓名", "信息采集员"),
    Column("collector_phone", "电话", "信息采集员"),
    Column("collected_on", "采集日期"),
)
_C: Final = (
    Column("number", "编号"),
    Column("village", "所在村"),
    Column("subject_name", "生产主体"),
    Column("product", "品种"),
    Column("size", "规模"),
    Column("contact", "负责人及电话"),
    Column("base_address", "产地"),
    Column("point", "坐标"),
    Column("market_window", "上市期"),
    Column("production_mode", "种植方式"),
    Column("cropping", "茬口"),
    Column("subject_type", "主体类别"),
    Column("trace_methods", "追溯方法"),
    Column("credit_grade", "信用"),
    Column("contract", "合同号"),
    Column("supervisor", "网格员及电话"),
    Column("collector", "采集员及电话"),
)
# Three header rows, a blank column at the edge and one between, persons with their phones in one cell.
_BASE, _GROWN, _WATCH = "基本信息", "生产信息", "监管信息"
_D: Final = (
    Column("", ""),
    Column("number", "序号"),
    Column("township", "所属乡镇"),
    Column("village", "行政村"),
    Column("subject_name", "经营主体名称", "", _BASE),
    Column("subject_type", "类型", "", _BASE),
    Column("contact", "联系人及电话", "", _BASE),
    Column("", ""),
    Column("product", "农产品名称", "", _GROWN),
    Column("size", "规模", "", _GROWN),
    Column("cropping", "茬次", "", _GROWN),
    Column("lon", "经度", "点位坐标", _GROWN),
    Column("lat", "纬度", "点位坐标", _GROWN),
    Column("base_address", "详细地址", "", _GROWN),
    Column("market_window", "预计上市及下市时间", "", _GROWN),
    Column("production_mode", "栽培方式", "", _GROWN),
    Column("trace_methods", "溯源方式", "", _WATCH),
    Column("credit_grade", "信用评级", "", _WATCH),
    Column("supervisor", "网格化监管员及电话", "", _WATCH),
    Column("collector", "信息采集员及电话", "", _WATCH),
)
# Crops' and animals' sizes in a column each, headers written downwards.
_E: Final = (
    Column("number", "序\n号"),
    Column("village", "村\n居"),
    Column("subject_name", "生产\n主体\n名称"),
    Column("subject_type", "主体\n类别"),
    Column("contact_name", "负责人"),
    Column("contact_phone", "手机"),
    Column("product", "品种\n名称"),
    Column("size:mu", "面积\n（亩）"),
    Column("size:head", "存栏\n（头、只）"),
    Column("plot", "地块\n名称"),
    Column("cropping", "茬\n次"),
    Column("base_address", "产地\n地址"),
    Column("point", "定位"),
    Column("market_from", "上市\n时间"),
    Column("market_to", "下市\n时间"),
    Column("production_mode", "生产\n方式"),
    Column("trace_methods", "追溯\n方式"),
    Column("credit_grade", "信用\n等级"),
    Column("supervisor_name", "监管员"),
    Column("supervisor_phone", "电话"),
    Column("collector_name", "采集员"),
    Column("collector_phone", "电话"),
    Column("collected_on", "采集\n时间"),
)
# Crops, and animals under a header of their own with other columns.
_F: Final = (
    Column("number", "序号"),
    Column("village", "村"),
    Column("subject_name", "种植主体"),
    Column("subject_type", "主体类型"),
    Column("contact_name", "联系人姓名"),
    Column("contact_phone", "手机号码"),
    Column("product", "产品"),
    Column("size:mu", "种植面积/亩"),
    Column("cropping", "茬次"),
    Column("base_address", "地址"),
    Column("point", "点位坐标"),
    Column("market_window", "采收期"),
    Column("production_mode", "种植方式"),
    Column("trace_methods", "追溯方式"),
    Column("credit_grade", "信用等级"),
    Column("supervisor", "监管员及电话"),
    Column("collector_name", "填表人"),
)
_F_ANIMALS: Final = (
    Column("number", "序号"),
    Column("village", "村"),
    Column("subject_name", "养殖主体"),
    Column("subject_type", "主体类型"),
    Column("product", "品种"),
    Column("size:head", "存栏量(头、只)"),
    Column("contact_name", "法人"),
    Column("contact_phone", "电话"),
    Column("base_address", "地址"),
    Column("lon", "经度"),
    Column("lat", "纬度"),
    Column("market_from", "预计上市"),
    Column("market_to", "下市"),
    Column("trace_methods", "追溯方式"),
    Column("credit_grade", "信用等级"),
    Column("supervisor", "监管员及电话"),
    Column("collector_name", "填表人"),
)
# One sheet a product: its name and its unit stand above the rows only.
_G: Final = (
    Column("number", "序号"),
    Column("village", "所在村"),
    Column("subject_name", "主体名称"),
    Column("subject_type", "主体类型"),
    Column("contact_name", "负责人姓名"),
    Column("contact_phone", "联系电话"),
    Column("size", "规模"),
    Column("plot", "基地名称"),
    Column("cropping", "茬次"),
    Column("base_address", "产地地址"),
    Column("lon", "经度"),
    Column("lat", "纬度"),
    Column("market_window", "上市时间及下市时间"),
    Column("production_mode", "生产方式"),
    Column("trace_methods", "追溯方式"),
    Column("credit_grade", "信用等级"),
    Column("supervisor_name", "网格员"),
    Column("supervisor_phone", "网格员电话"),
    Column("collector_name", "填报人"),
    Column("collector_phone", "电话"),
    Column("collected_on", "填报日期"),
)
# A line above each product's rows names it.
_H: Final = tuple(column for column in _A if column.field not in ("township", "product", "remark"))

LAYOUTS: Final[Mapping[LayoutName, Layout]] = {
    "A": Layout(_A),
    "B": Layout(
        _B,
        office_line=True,
        merged=("village",),
        subtotal="product",
        total=True,
        notes=("注：1.规模以上主体逐个填报；2.同一主体有多个地块的分行填写。",),
    ),
    "C": Layout(_C, blank_every=9),
    "D": Layout(_D, above=2, merged=("township", "village")),
    "E": Layout(
        _E,
        office_line=True,
        subtotal="village",
        notes=("填表说明：", "1、规模以上主体逐个填报。", "2、多个地块分行填。", "（3）空格表示没有"),
        hidden_every=13,
    ),
    "F": Layout(_F, _F_ANIMALS, again_every=20, total=True),
    "G": Layout(_G),
    "H": Layout(_H, headings=True, notes=("审核人：某某　　填表人：某某",)),
}

REGISTRY: Final = (
    Column("number", "序号"),
    Column("township", "乡镇"),
    Column("village", "村"),
    Column("subject_name", "主体名称"),
    Column("subject_type", "主体类型"),
    Column("contact_name", "联系人"),
    Column("contact_phone", "联系电话"),
    Column("product", "品种"),
    Column("size", "规模"),
    Column("unit", "单位"),
    Column("base_address", "地址"),
    Column("remark", "备注"),
)
# A column a product beside the subject.
REGISTRY_SUBJECT: Final = (
    Column("number", "序号"),
    Column("village", "村"),
    Column("subject_name", "主体名称"),
    Column("subject_type", "主体类型"),
    Column("contact_name", "联系人"),
    Column("contact_phone", "联系电话"),
)
