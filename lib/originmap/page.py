"""The printed page: A4 in millimetres, packaged Song and Hei, a frame at a round scale, and the map's furniture.

Nothing here is global: every text names its font file, and figures are made without a window. All page coordinates are
millimetres from the lower left corner, ground coordinates metres in the projected CRS that the rules name.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
import pylopdf_fonts_zh_cn as faces
import pyproj
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.patches import Rectangle
from shapely import LineString, box

from originmap.places import WGS84
from originmap.plans import PT_PER_MM, Floats
from originmap.vocab import Lang, code

MM_PER_INCH: Final = 25.4
INK, FAINT, PAPER, ALERT = "#1A1A1A", "#8A8A8A", "#FFFFFF", "#B00020"

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "distribution": ("重点农产品产地分布图", "Where watched products are grown and raised"),
    "coverage": ("{product}采集覆盖率图", "Share of the {product} baseline collected"),
    "briefing": ("重点农产品产地与面积核对简图", "Watched products: where they are and what is missing"),
    "sample": ("样例数据", "SAMPLE DATA"),
    "sample_line": ("（样例数据，不反映真实情况）", "(sample data, not the real situation)"),
    "as_of": ("数据截至：{date}", "Data as of {date}"),
    "round": ("{year}年{month}月批次", "Round {year}-{month:02d}"),
    "crs": ("坐标系：{name}", "CRS: {name}"),
    "source": ("数据来源：{source}", "Source: {source}"),
    "drawn_by": ("制图：{who}", "Drawn by: {who}"),
    "review": ("审图号：{number}", "Map review number: {number}"),
    "no_review": ("未取得（公开前须送审）", "none yet (to be reviewed before publication)"),
    "collection": ("各乡镇报送的采集表（附件1）", "collection sheets of the townships (附件1)"),
    "base": ("底图：{source}", "base map: {source}"),
    "legend": ("图　例", "Legend"),
    "located": ("已定位 {n} / {m} 条", "{n} of {m} records located"),
    "located_head": ("已定位/全部（条）", "located/all"),
    "outside": ("图幅以外 {k} 条未画出", "{k} beyond the frame, not drawn"),
    "not_located": ("未定位 {k} 条：{where}", "{k} not located: {where}"),
    "none": ("无", "none"),
    "unknown_township": ("乡镇不明", "township unknown"),
    "buyer": ("产地收购商（不计入规模）", "Buyer at origin (outside totals)"),
    "size": ("符号大小（规模）", "Symbol size"),
    "outline": ("县界", "County boundary"),
    "outline_schematic": ("县界（概化示意）", "County outline (generalised)"),
    "township_line": ("乡镇界", "Township boundary"),
    "seat": ("乡镇驻地", "Township seat"),
    "estimated": ("{names}驻地位置为估计。", "Seats estimated: {names}."),
    "known_head": ("已知乡镇", "known"),
    "seat_estimate": ("乡镇驻地（位置为估计）", "Township seat (estimated)"),
    "classes": ("覆盖率（采集÷附件5底数）", "Coverage (collected ÷ baseline)"),
    "balanced": ("基本一致", "balanced"),
    "over": ("多于底数", "above baseline"),
    "unknown": ("未知（不是 0）", "Unknown (not 0)"),
    "zero_baseline": ("底数为 0，不计覆盖率", "Baseline 0: no rate"),
    "towns": ("{k}个乡镇", "{k} townships"),
    "circle": ("圆面积（附件5底数，无底数按采集，亩）", "Circle area (baseline, else collected, mu)"),
    "spread": ("圆为避让略有移动的，以黑点标出驻地；无面积可依的用固定大小。", "Where a circle was moved a dot marks the seat; those without an area one size."),
    "county": ("全县（{k}/{m} 个乡镇）", "County ({k} of {m} townships)"),
    "county_row": ("合计", "Total"),
    "known": ("{of} 个乡镇", "{of} townships"),
    "measure": ("采集面积口径：{measure}。", "Collected area: {measure}."),
    "table_note": (
        "单位：亩。差额＝底数−采集；“—”为未知，不是 0；合计只含底数与采集均已知的乡镇。",
        "In mu. Gap = baseline − collected; — is unknown, not 0; totals sum the townships with both known.",
    ),
    "baseline_mu": ("底数", "Baseline"),
    "collected_mu": ("采集", "Collected"),
    "gap_mu": ("差额", "Gap"),
    "coverage_pct": ("覆盖率", "Coverage"),
    "township": ("乡镇", "Township"),
    "number": ("序号", "No."),
    "waterfall": ("{product}面积差额构成图", "How the {product} gap is made up"),
    "waterfall_heads": ("{product}存栏差额构成图", "How the {product} difference is made up"),
    "waterfall_crop": ("未入名录含口径差异，待核。", "Not registered includes differences of definition. "),
    "waterfall_of": ("{where}，单位：{unit}", "{where}, in {unit}"),
    "known_of": ("全县：底数、名录、采集齐全的 {k} / {m} 个乡镇", "County: {k} of {m} townships with all three figures"),
    "known_heads": ("全县：名录、采集齐全的 {k} / {m} 个乡镇", "County: {k} of {m} townships with both figures"),
    "not_drawn": ("底数、名录、采集不齐，没有可画的数（不是 0）。", "The figures are not all known: nothing to draw (not 0)."),
    "bar_total": ("总数", "total"),
    "bar_down": ("减少", "less"),
    "bar_up": ("增加", "more"),
    "lists": ("附件5面积表、附件4名录、附件1采集表", "planting-area table, registry and collection sheets"),
    "of_which": ("其中待核 {size}", "of which in review {size}"),
    "waterfall_note": (
        "规模以下不要求采集；漏采应补采；无法识别应改表；面积、数量不一致应核实；名录外应补录名录。疑似同名待核的按没有对上计。",
        "Undecided pairs count as unmatched.",
    ),
    "and": ("；", "; "),
}  # fmt: skip


def word(key: str, lang: Lang, **values: object) -> str:
    """Return one of `WORDS` with its values filled in."""
    return WORDS[key][0 if lang == "zh" else 1].format(**values)


@dataclass(frozen=True)
class Furniture:
    """What a printed map says of itself.

    Attributes
    ----------
    region
        The full name of the region, which the title begins with: 福建省泉州市安溪县.
    round
        ``YYYY-MM``.
    as_of
        The data date.
    profile
        ``internal`` (内部资料) or ``public`` (公开, points on a 1 km grid).
    sample
        Whether the data is synthetic: said in the title's second line and across the map.
    title
        Replaces the title that each map makes of `region` and its theme.
    review_number
        The 审图号 of a published map.
    area_measure
        ``standing`` or ``sown``; the rules' when empty.
    """

    region: str
    round: str
    as_of: datetime
    profile: Literal["internal", "public"] = "internal"
    sample: bool = False
    source: str = ""
    drawn_by: str = ""
    note: str = ""
    title: str = ""
    review_number: str = ""
    area_measure: str = ""
    lang: Lang = "zh"

    def __post_init__(self) -> None:
        """Raise ValueError for a profile, language or round that is none."""
        if self.profile not in ("internal", "public") or self.lang not in ("zh", "en"):
            raise ValueError(
                f"profile must be internal or public and lang zh or en, not {self.profile!r}, {self.lang!r}"
            )
        if not re.fullmatch(r"\d{4}-\d{2}", self.round):
            raise ValueError(f"round must be YYYY-MM, not {self.round!r}")

    def word(self, key: str, **values: object) -> str:
        """Return one of `WORDS` in the map's language."""
        return word(key, self.lang, **values)

    @property
    def date_text(self) -> str:
        """The data date, with its time of day unless that is the end of the day."""
        moment = self.as_of
        day = f"{moment.year}年{moment.month}月{moment.day}日" if self.lang == "zh" else moment.strftime("%Y-%m-%d")
        return day if (moment.hour, moment.minute) in ((23, 59), (0, 0)) else f"{day} {moment:%H:%M}"

    @property
    def round_text(self) -> str:
        """The round as people write it: 2023年3月批次."""
        year, month = self.round.split("-")
        return self.word("round", year=year, month=int(month))


@dataclass(frozen=True)
class Frame:
    """Where the map stands on the page (mm) and the ground of its lower left corner (m) at 1 : `scale`."""

    left: float
    bottom: float
    width: float
    height: float
    x0: float
    y0: float
    scale: int

    def page(self, x: Any, y: Any) -> tuple[Floats, Floats]:
        """Return page millimetres of ground coordinates."""
        return self.left + (np.asarray(x) - self.x0) * 1000 / self.scale, self.bottom + (
            np.asarray(y) - self.y0
        ) * 1000 / self.scale

    def ground(self, x: Any, y: Any) -> tuple[Floats, Floats]:
        """Return ground coordinates of page millimetres."""
        return self.x0 + (np.asarray(x) - self.left) * self.scale / 1000, self.y0 + (
            np.asarray(y) - self.bottom
        ) * self.scale / 1000

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """West, south, east, north in metres."""
        return self.x0, self.y0, self.x0 + self.width * self.scale / 1000, self.y0 + self.height * self.scale / 1000


def fit(
    bounds: Sequence[float],
    *,
    left: float,
    bottom: float,
    width: float,
    height: float,
    margin: float = 1.5,
    steps: Sequence[int] = (),
) -> Frame:
    """Return the frame that holds `bounds` (metres) in the page rectangle (mm) at the largest scale of `steps`, else in round 10,000s."""
    west, south, east, north = bounds
    needed = 1000 * max((east - west) / (width - 2 * margin), (north - south) / (height - 2 * margin))
    scale = next((step for step in sorted(steps) if step >= needed), int(np.ceil(needed / 10_000)) * 10_000)
    x0, y0 = (west + east - width * scale / 1000) / 2, (south + north - height * scale / 1000) / 2
    return Frame(left, bottom, width, height, x0, y0, scale)


def face(size: float, *, serif: bool = False) -> FontProperties:
    """Return packaged Hei, or Song when `serif`, by its file: no font of the system is ever looked for."""
    return FontProperties(fname=str(faces.serif_path() if serif else faces.sans_path()), size=size)


@lru_cache(maxsize=4096)
def _advance(sign: str, *, serif: bool) -> float:
    """Return a sign's width in ems, from the packaged face itself."""
    return float(_opened(serif=serif).load_char(ord(sign)).linearHoriAdvance) / 65536 / 100


@lru_cache(maxsize=2)
def _opened(*, serif: bool) -> FT2Font:  # once: a Chinese face has tens of megabytes
    font = FT2Font(str(faces.serif_path() if serif else faces.sans_path()))
    font.set_size(100, 72)
    return font


def width_mm(text: str, size: float, *, serif: bool = False) -> float:
    """Return how wide a text prints, in millimetres."""
    return sum(_advance(sign, serif=serif) for sign in text) * size / PT_PER_MM


def wrap(text: str, *, size: float, width: float) -> list[str]:
    """Break a text into lines of at most `width` mm; no line begins with a closing sign.

    Latin words, numbers, and a name tied to its number by a no-break space stay whole.
    """
    lines, line = [], ""
    for part in re.findall(r"[^\s、：；]+\u00a0\d+[、,]?|[!-~°′–−]+|.", text):
        closing = len(part) == 1 and (part in "，。、；：）”％" or unicodedata.category(part) in ("Pe", "Pf"))
        if line and width_mm(line + part, size) > width and not (closing and width_mm(line, size) <= width):
            lines.append(line.rstrip())
            line = part.lstrip()
        else:
            line += part
    return [*lines, line] if line else lines


def write(
    axes: Axes, x: float, y: float, text: str, size: float = 7, *, serif: bool = False, halo: bool = False, **style: Any
) -> None:
    """Write a text at page millimetres; a halo is drawn apart, so that the text itself stays selectable in a PDF."""
    look: dict[str, Any] = {
        "color": INK,
        "va": "center",
        "zorder": 6,
        "fontproperties": face(size, serif=serif),
        "parse_math": False,
    } | style
    if halo:
        edge = patheffects.Stroke(linewidth=1.8, foreground=PAPER)
        axes.text(x, y, text, **(look | {"path_effects": [edge], "gid": "halo", "zorder": look["zorder"] - 0.1}))
    axes.text(x, y, text, **look)


def paragraph(axes: Axes, x: float, y: float, text: str, *, width: float, size: float = 7, **style: Any) -> float:
    """Write wrapped lines downwards from `y`; return the y below the last."""
    pitch = size * 1.42 / PT_PER_MM
    for line in wrap(text, size=size, width=width):
        write(axes, x, y - pitch / 2, line, size, **style)
        y -= pitch
    return y


def a4(*, landscape: bool, a3: bool = False) -> tuple[Figure, Axes]:
    """Return an empty A4 (or A3) figure and the axes over the whole of it, in millimetres."""
    short, long = (297.0, 420.0) if a3 else (210.0, 297.0)
    width, height = (long, short) if landscape else (short, long)
    figure = Figure(figsize=(width / MM_PER_INCH, height / MM_PER_INCH), dpi=100, facecolor=PAPER)
    sheet = figure.add_axes((0, 0, 1, 1), zorder=2)
    sheet.set(xlim=(0, width), ylim=(0, height))
    sheet.set_axis_off()
    return figure, sheet


def ground(figure: Figure, frame: Frame, *, sample: str = "") -> Axes:
    """Return the map's own axes, in metres, clipped at the frame; `sample` stands lightly across it."""
    width, height = (inches * MM_PER_INCH for inches in figure.get_size_inches())
    axes = figure.add_axes(
        (frame.left / width, frame.bottom / height, frame.width / width, frame.height / height), zorder=1
    )
    west, south, east, north = frame.extent
    axes.set(xlim=(west, east), ylim=(south, north), xticks=[], yticks=[], facecolor="#F3F5F6")
    for spine in axes.spines.values():
        spine.set(linewidth=1.1, color=INK)
    if sample:
        size = 0.5 * frame.width * PT_PER_MM / max(width_mm(sample, 1) * PT_PER_MM, 1)
        style: dict[str, Any] = {"ha": "center", "va": "center", "rotation": 30, "color": "#000000", "alpha": 0.07}
        style |= {"zorder": 1.5, "fontproperties": face(size), "gid": "watermark"}
        axes.text((west + east) / 2, (south + north) / 2, sample, **style)
    return axes


def graticule(frame: Frame, crs: str) -> gpd.GeoDataFrame:
    """Return the meridians and parallels that cross the frame: `axis` (lon, lat), `minutes`, geometry in `crs`."""
    edge = box(*frame.extent)
    west, south, east, north = gpd.GeoSeries([edge], crs=crs).to_crs(WGS84).total_bounds
    span = 60 * max(east - west, north - south)
    step = next((minutes for minutes in (1, 2, 5, 10, 15, 20, 30, 60, 120) if span / minutes <= 7), 300)
    rows = []
    for axis, low, high in (("lon", west, east), ("lat", south, north)):
        for minutes in range(int(np.ceil(60 * low / step)) * step, int(60 * high) + 1, step):
            fixed, run = (
                np.full(30, minutes / 60),
                np.linspace(*((south, north) if axis == "lon" else (west, east)), 30),
            )
            rows.append((axis, minutes, LineString(np.column_stack([fixed, run] if axis == "lon" else [run, fixed]))))
    lines = gpd.GeoDataFrame(rows, columns=["axis", "minutes", "geometry"], crs=WGS84).to_crs(crs)
    lines["geometry"] = lines.intersection(edge)
    return lines[~lines.is_empty].reset_index(drop=True)


def draw_graticule(axes: Axes, sheet: Axes, frame: Frame, crs: str) -> None:
    """Draw thin meridians and parallels, and their degrees below and left of the frame."""
    for row in graticule(frame, crs).itertuples():
        x, y = np.asarray(row.geometry.coords).T
        axes.plot(x, y, color="#B9C4CC", linewidth=0.3, zorder=2)
        degrees = f"{row.minutes // 60}°{row.minutes % 60:02d}′"
        across, up = frame.page(x, y)
        if (
            row.axis == "lon"
            and up.min() < frame.bottom + 0.1
            and frame.left + 6 < across[up.argmin()] < frame.left + frame.width - 6
        ):
            write(sheet, across[up.argmin()], frame.bottom - 1, f"{degrees}E", 6.5, ha="center", va="top")
        if (
            row.axis == "lat"
            and across.min() < frame.left + 0.1
            and frame.bottom + 6 < up[across.argmin()] < frame.bottom + frame.height - 6
        ):
            write(sheet, frame.left - 1, up[across.argmin()], f"{degrees}N", 6.5, ha="right", rotation=90)


def crs_text(crs: str, lang: Lang) -> str:
    """Return the name of a CRS as it is printed, with its code."""
    known = pyproj.CRS(crs)
    found = re.fullmatch(r"CGCS2000 / 3-degree Gauss-Kr[uü]ger CM (\d+)E", known.name)
    if found and lang == "zh":
        return f"2000国家大地坐标系（CGCS2000），高斯-克吕格投影3度带，中央经线{found[1]}°E（{crs}）"
    return f"{known.name} ({crs})"


def heading(sheet: Axes, furniture: Furniture, theme: str, *, size: float, more: str = "") -> None:
    """Write the title, its second line and, boxed at the right, whether the sheet is internal or public."""
    width, height = sheet.get_xlim()[1], sheet.get_ylim()[1]
    title = furniture.title or furniture.region + ("" if furniture.lang == "zh" else ": ") + theme
    text = code("profile", furniture.profile, furniture.lang)
    wide = width_mm(text, 10.5) + 4
    size = min(size, size * (width - 2 * wide - 32) / width_mm(title, size, serif=True))
    write(sheet, width / 2, height - 12.5, title, size, serif=True, ha="center")
    said = furniture.word("sample_line") + "　" if furniture.sample else ""
    dates = f"{furniture.round_text}　{furniture.word('as_of', date=furniture.date_text)}{more and f'　{more}'}"
    start = width / 2 - width_mm(said + dates, 9.5) / 2
    write(sheet, start, height - 20, said, 9.5, color=ALERT)
    write(sheet, start + width_mm(said, 9.5), height - 20, dates, 9.5)
    stamp = Rectangle(
        (width - 11 - wide, height - 16), wide, 7, facecolor=PAPER, edgecolor=ALERT, linewidth=1, zorder=5
    )
    sheet.add_patch(stamp)
    write(sheet, width - 11 - wide / 2, height - 12.5, text, 10.5, ha="center", color=ALERT)


def foot(sheet: Axes, furniture: Furniture, crs: str, *, left: float, top: float) -> float:
    """Write CRS (none on a sheet without a map), who drew it, source and, on a public sheet, the review number; return the y below."""
    right = sheet.get_xlim()[1] - 11
    who = furniture.word("drawn_by", who=furniture.drawn_by)
    write(sheet, right, top - 1.75, who, 7, ha="right")
    y = top
    if crs:
        name = furniture.word("crs", name=crs_text(crs, furniture.lang))
        y = paragraph(sheet, left, top, name, width=right - left - width_mm(who, 7) - 4)
    if furniture.profile == "public":
        number = furniture.review_number or furniture.word("no_review")
        y = paragraph(sheet, left, y, furniture.word("review", number=number), width=right - left)
    return paragraph(sheet, left, y, furniture.word("source", source=furniture.source), width=right - left)
