"""One page: records as one self-contained HTML page that opens offline from any folder, its filters by product and township still working.

Nothing is loaded from anywhere: data, style and 190 lines of plain JavaScript (beside this file) stand in the page. Names are set as text, never as markup;
phones and contacts are not in it.
"""

import json
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import jinja2
import numpy as np
import pandas as pd
import shapely

from originmap import texts
from originmap.places import Places
from originmap.plans import SIZE_PT2, UNSIZED_PT2, class_label, has_point, point_plan, radius_px, size_breaks
from originmap.rounds import Round
from originmap.rules import Rules
from originmap.seasons import windows_text
from originmap.vocab import Lang, code, codes, label

_HERE: Final = Path(__file__).parent
_DECIMALS: Final = 6  # of a degree: about 0.1 m
_SIMPLER: Final = 0.0002  # degrees, about 20 m: what an outline may lose on a screen
_COLUMNS: Final = {
    "township": "township", "village": "village", "subject": "subject_name", "kind": "subject_type", "product": "product", "size": "size",
    "window": "market_windows", "located": "located",
}  # fmt: skip
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("{region}产地一张图", "{region}: the one map"),
    "stamp": ("内部资料", "Internal"),
    "sample": ("样例数据（虚构）", "Sample data (invented)"),
    "dates": ("{round} 批次，数据截至 {as_of}", "Round {round}, data as of {as_of}"),
    "products": ("品种（已定位 / 全部，条）", "Products (located / all records)"),
    "buyer": ("产地收购商（空心）", "Buyer at origin (hollow)"),
    "size": ("规模", "Size"),
    "township": ("乡镇", "Township"),
    "all": ("全部乡镇", "All townships"),
    "unknown_town": ("乡镇不明", "Township unknown"),
    "reset": ("恢复全部", "Show everything"),
    "map_label": ("产地点位图：方向键移动，加减号缩放，0 恢复全图；下面的表列出同样的记录", "Map of bases: arrows move, plus and minus zoom, 0 fits; the table below lists the same records"),
    "zoom_in": ("放大", "Zoom in"),
    "zoom_out": ("缩小", "Zoom out"),
    "fit": ("全图", "Whole map"),
    "schematic": ("乡镇为示意单元，非行政区域界线。WGS84。点一个圆看一条记录。", "Townships are schematic cells, not boundaries. WGS84. Press a circle for its record."),
    "official": ("乡镇界线由本地提供。WGS84。点一个圆看一条记录。", "Township boundaries as given locally. WGS84. Press a circle for its record."),
    "table": ("同样的记录，按乡镇、品种、主体排列。", "The same records, by township, product and subject."),
    "more": ("再列 200 条", "200 more"),
    "noscript": ("请允许本页运行脚本：数据都在页内，不连网。", "Please allow this page its script: all data is inside, nothing is fetched."),
    "counts": ("已定位 {n} / {m} 条", "{n} of {m} records located"),
    "none": ("没有符合的记录", "No record matches"),
    "drawn": ("图上画出 {k} 个点，窗口内 {v} 个", "{k} points drawn, {v} in view"),
    "listed": ("共 {m} 条，列出前 {k} 条", "{m} records, the first {k} listed"),
    "hint": ("点图上的圆或表中的主体，看一条记录。", "Press a circle, or a subject in the table, for its record."),
    "record": ("记录号", "Record"),
    "yes": ("是", "yes"),
    "no": ("否", "no"),
}  # fmt: skip


def content(records: gpd.GeoDataFrame, rules: Rules, places: Places, *, lang: Lang = "zh") -> dict[str, Any]:
    """Return what the page draws and lists, as plain data, the rows by township, product and subject.

    `products` (name, colour), `sizes` (labels and radii, the last for an unknown size), `towns` (name, place of the name, rings), `columns` and `rows`: one
    list a column, `id` the record's. Texts that repeat are ``{"texts": [...], "at": [...]}``; without a point `lon` is None, without a size `size_class` is −1.
    """
    order = {name: at for at, name in enumerate(rules.products)}
    towns = {name: at for at, name in enumerate(places.names)}
    frame = records.assign(
        at_product=records["product"].map(order), at_town=records["township_code"].map(towns).fillna(-1)
    )
    frame = frame[frame["at_product"].notna()].sort_values(
        ["at_town", "at_product", "subject_name", "record_id"], na_position="last"
    )
    plan = point_plan(frame.assign(status="accepted"), rules).set_index("record_id")
    seen = has_point(frame).to_numpy()
    where = np.full((len(frame), 2), np.nan)
    where[seen] = shapely.get_coordinates(frame.geometry.to_numpy()[seen]).round(_DECIMALS)
    classes = frame["record_id"].map(plan["size_class"]).astype("Int64").fillna(-1)
    gap = "" if lang == "zh" else " "
    units = gap + frame["size_unit"].map(codes("size_unit", lang)).fillna("").astype("str")
    written = [f"{value:,.2f}".rstrip("0").rstrip(".") if pd.notna(value) else None for value in frame["size_value"]]
    sizes = pd.Series(written, index=frame.index, dtype="str") + units
    rows = {
        "product": frame["at_product"].astype("int64").tolist(),
        "town": frame["at_town"].astype("int64").tolist(),
        "id": frame["record_id"].tolist(),
        "subject": frame["subject_name"].fillna("—").tolist(),
        "village": _coded(frame["village"]),
        "kind": _coded(frame["subject_type"].map(codes("subject_type", lang))),
        "size": _coded(sizes),
        "window": _coded(texts.each(frame["market_windows"], partial(windows_text, lang=lang))),
        "size_class": classes.tolist(),
        "buyer": frame["subject_type"].eq("buyer").astype("int64").tolist(),
        "lon": [None if math.isnan(value) else value for value in where[:, 0].tolist()],
        "lat": [None if math.isnan(value) else value for value in where[:, 1].tolist()],
    }
    labels = [
        " · ".join(
            f"{class_label(edges, index)}{gap}{code('size_unit', unit, lang)}"
            for unit, edges in size_breaks(rules).items()
        )
        for index in range(len(SIZE_PT2))
    ]
    return {
        "products": [{"name": product.label(lang), "colour": product.colour} for product in rules.products.values()],
        "sizes": {"labels": labels, "radius_px": [float(radius_px(area)) for area in (*SIZE_PT2, UNSIZED_PT2)]},
        "towns": _towns(places, lang),
        "columns": [{"key": key, "label": label(name, lang)} for key, name in _COLUMNS.items()],
        "rows": rows,
    }


def page(round_: Round, records: gpd.GeoDataFrame, *, sentence: str = "", lang: Lang = "zh") -> str:
    """Return the page over `records`, which `sentence` says in words."""
    made = content(records, round_.rules, round_.places, lang=lang)
    words = {key: forms[0 if lang == "zh" else 1] for key, forms in WORDS.items()}
    about = round_.rules["county"]
    words["dates"] = words["dates"].format(round=round_.name, as_of=f"{round_.as_of:%Y-%m-%d %H:%M}")
    words["boundaries"] = words["schematic" if round_.places.quality == "schematic" else "official"]
    data = json.dumps({"words": words, **made}, ensure_ascii=False, separators=(",", ":"))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("one_page.html.j2").render(
        lang="zh-CN" if lang == "zh" else "en",
        title=words["title"].format(region=about["full_name" if lang == "zh" else "name_en"]),
        words=words,
        sentence=sentence,
        sample=round_.is_sample,
        content=made,
        # No text of the data can end the script that it stands in.
        data=data.replace("<", "\\u003c"),
        script=(_HERE / "onepage.js").read_text(encoding="utf-8"),
    )


def write(path: Path, round_: Round, records: gpd.GeoDataFrame, *, sentence: str = "", lang: Lang = "zh") -> None:
    """Write the page; arguments as `page`."""
    path.write_text(page(round_, records, sentence=sentence, lang=lang), encoding="utf-8")


def _towns(places: Places, lang: Lang) -> list[dict[str, Any]]:
    made = []
    for town in places.townships.itertuples():
        rings: list[Any] = []
        at = [town.seat_lon, town.seat_lat]
        if town.geometry is not None and not town.geometry.is_empty:
            plain = town.geometry.simplify(_SIMPLER)
            rings = [
                shapely.get_coordinates(ring).round(5).tolist()
                for part in getattr(plain, "geoms", [plain])
                for ring in (part.exterior, *part.interiors)
            ]
            at = shapely.get_coordinates(town.geometry.representative_point())[0].round(5).tolist()
        name = town.pinyin if lang == "en" and town.pinyin else town.township
        made.append({"name": name, "at": at, "rings": rings})
    return made


def _coded(column: pd.Series) -> dict[str, list[Any]]:
    """Return a text column as its distinct texts and each row's place among them; — where there is none."""
    at, known = texts.distinct(column.fillna("—").astype("str"))
    return {"texts": known, "at": at.tolist()}
