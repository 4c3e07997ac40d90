"""Uploading: what a township has to enter into the national platform, what is left out and why; and when its products reach the market."""

from typing import Any, Final

import pandas as pd

from originmap import seasons, vocab
from originmap.findings import blocking
from originmap.kept import worked_out
from originmap.progress import matched_rows
from originmap.rounds import Round
from originmap.subjects import normal_name, standing

# The columns of the notice's list of fields (section 3); the platform's own form is not public.
SHEET_HEADER: Final = [
    "序号", "乡镇", "村", "种养殖主体", "主体类型", "联系人", "联系电话", "产品名称", "种养规模", "单位", "基地地址", "经度", "纬度",
    "预计上市时间", "下市时间", "生产方式", "追溯方式", "信用等级", "网格化监管员", "监管员电话", "信息采集员", "采集员电话",
]  # fmt: skip
LEFT_HEADER: Final = ["序号", "文件", "工作表", "单元格", "种养殖主体", "品种", "原因"]
NOT_A_TEMPLATE: Final = "非平台模板：国家追溯平台的录入表样式未公开，本表按通知所列字段排列，请对照录入。"
# The field of each column, as headers.toml calls it: what a template's headers are matched by.
FIELDS: Final = [
    "number", "township", "village", "subject_name", "subject_type", "contact_name", "contact_phone", "product", "size", "unit",
    "base_address", "lon", "lat", "market_from", "market_to", "production_mode", "trace_methods", "credit_grade", "supervisor_name",
    "supervisor_phone", "collector_name", "collector_phone",
]  # fmt: skip


def to_upload(round_: Round, township_code: str, *, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a township's rows to be entered, as written for its platform: accepted, in 附件1's scope, and in no export yet (`FIELDS`).

    `rows` are `sorted_out`, where several townships are asked for.
    """
    rows = sorted_out(round_) if rows is None else rows
    rows = rows[(rows["township_code"] == township_code) & (rows["reason"] == "")].sort_values(
        ["product_order", "source_file", "source_sheet", "source_row"], kind="stable"
    )
    names = {code: product.name for code, product in round_.rules.products.items()}
    frame = pd.DataFrame({name: rows[name] for name in FIELDS if name in rows})
    frame["number"] = range(1, len(rows) + 1)
    frame["size"], frame["unit"] = rows["size_value"], rows["size_unit"].map(vocab.codes("size_unit"))
    frame["product"] = rows["product"].map(names)
    for name in ("subject_type", "production_mode", "credit_grade"):
        frame[name] = rows[name].map(vocab.codes(name))
    methods = vocab.codes("trace_methods")
    frame["trace_methods"] = rows["trace_methods"].map(
        lambda text: "、".join(methods[code] for code in text.split(";")), na_action="ignore"
    )
    return frame[FIELDS].reset_index(drop=True)


def sheet(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `to_upload` headed in Chinese."""
    return frame.set_axis(SHEET_HEADER, axis=1)


def left_out(round_: Round, township_code: str, *, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a township's rows that are not to be entered, each with its cell and why, with `LEFT_HEADER`; `rows` as for `to_upload`."""
    rows = sorted_out(round_) if rows is None else rows
    rows = rows[(rows["township_code"] == township_code) & (rows["reason"] != "")]
    rows = rows.sort_values(["source_file", "source_sheet", "source_row"], kind="stable")
    names = {code: product.name for code, product in round_.rules.products.items()}
    cells = [round_.cell(row, "subject_name").rpartition("〕")[2] for _, row in rows.iterrows()]
    parts = [range(1, len(rows) + 1), rows["source_file"], rows["source_sheet"], cells, rows["subject_name"], rows["product"].map(names),
             rows["reason"]]  # fmt: skip
    return pd.DataFrame(dict(zip(LEFT_HEADER, parts, strict=True))).reset_index(drop=True)


def sorted_out(round_: Round) -> pd.DataFrame:
    """Return every township's rows with `reason`, an empty text where a row is to be entered."""
    rows = pd.DataFrame(round_.records.drop(columns="geometry"))
    rows = rows[rows["township_code"].notna()]
    scoped = rows["in_scope"].fillna(value=False).astype(bool)
    reason = pd.Series("", index=rows.index, dtype="str")
    ready = rows[(rows["status"] == "accepted") & scoped]
    if len(ready):
        there = matched_rows(ready, round_).to_numpy()
        reason[ready.index[there]] = "平台已有（导出中同名）"
    reason = reason.mask((rows["status"] == "accepted") & ~scoped, "规模以下，不在附件1")
    reason = reason.mask(rows["status"] == "duplicate", "重复，或已由后报的取代")
    errors = round_.findings[round_.findings["rule"].isin(blocking())]
    why = errors.groupby("record_id")["message"].agg("；".join)
    waits = rows["status"] == "quarantined"
    reason = reason.mask(waits, "待更正：" + rows["record_id"].map(why).astype("str").fillna("见更正清单"))
    order = {code: at for at, code in enumerate(round_.rules.products)}
    return rows.assign(reason=reason, product_order=rows["product"].map(order))


def market_table(round_: Round) -> pd.DataFrame:
    """Return table (e) 上市时间表: a row a township and product, a column a ten-day period (主体数/面积), a total a product last.

    Accepted rows but buyers', standing areas or heads; a subject counts in every period that a window of its touches. Months in which nothing is
    on the market have no column; a blank cell is a period in which the township has none of it on the market.
    """
    return worked_out(lambda: _market_table(round_), "market", of=[round_.digest])


def _market_table(round_: Round) -> pd.DataFrame:
    rows = pd.DataFrame(round_.records.drop(columns="geometry"))
    rows = rows[(rows["status"] == "accepted") & (rows["subject_type"] != "buyer") & rows["market_windows"].notna()]
    rows = rows.assign(subject=normal_name(rows["subject_name"], round_.places)).reset_index(drop=True)
    touched = seasons.periods(rows["market_windows"])
    months = [month for month in range(12) if touched[:, 3 * month : 3 * month + 3].any()]
    measure = str(round_.rules["reconcile"]["area_measure"])
    columns: dict[str, pd.Series] = {}
    by = ["township_code", "product"]
    for at in (3 * month + part for month in months for part in range(3)):
        here = rows[touched[:, at]]
        areas = standing(here, by, measure=measure)
        sizes = areas.fillna(standing(here, by, value="head_count").reindex(areas.index))
        counts = here.groupby(by)["subject"].nunique()
        columns[f"{at // 3 + 1}月›{'上中下'[at % 3]}"] = pd.Series(
            list(zip(counts, sizes.reindex(counts.index), strict=True)), index=counts.index, dtype="object"
        )
    key = pd.MultiIndex.from_frame(rows[by].drop_duplicates())
    order = {code: number for number, code in enumerate(round_.rules.products)}
    key = key[pd.MultiIndex.from_arrays([key.get_level_values(0), key.get_level_values(1).map(order)]).argsort()]
    made: list[dict[str, Any]] = []
    for town, product in key:
        made.append(
            {"乡镇": round_.places.names[town], "品种": _product(round_, product)}
            | {name: _figure(column.get((town, product))) for name, column in columns.items()}
        )
    for product in (code for code in order if code in set(key.get_level_values(1))):
        total: dict[str, Any] = {"乡镇": "全县合计", "品种": _product(round_, product)}
        for name, column in columns.items():
            pairs = [pair for (_, code), pair in column.items() if code == product]
            total[name] = _figure((sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs))) if pairs else ""
        made.append(total)
    return pd.DataFrame(made, columns=["乡镇", "品种", *columns])


def _product(round_: Round, code: str) -> str:
    product = round_.rules.products[code]
    return f"{product.name}({vocab.code('size_unit', product.unit)})"


def _figure(pair: tuple[int, float] | None) -> str:
    return "" if pair is None else f"{pair[0]}/{pair[1]:.2f}".rstrip("0").rstrip(".")
