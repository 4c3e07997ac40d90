"""One vocabulary for code and people: every stored code and column has a Chinese and an English form.

Product names are data (``rules.toml``); everything else that an analyst reads under a column or for a code is here.
"""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import pandas as pd

from originmap.codebook import CODES

__all__ = ["CODES", "COLUMNS", "Lang", "code", "codes", "label", "shown"]

Lang = Literal["zh", "en"]

COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "record_id": ("记录号", "Record"),
    "round": ("批次", "Round"),
    "township_code": ("乡镇代码", "Township code"),
    "township": ("乡镇", "Township"),
    "village": ("村", "Village"),
    "subject_name": ("种养殖主体", "Subject"),
    "subject_type": ("主体类型", "Subject type"),
    "contact_name": ("联系人", "Contact"),
    "contact_phone": ("联系电话", "Phone"),
    "product": ("产品", "Product"),
    "plot_key": ("地块/基地", "Plot"),
    "cropping": ("茬次", "Cropping"),
    "size": ("种养规模", "Size"),
    "size_value": ("规模数值", "Size value"),
    "size_unit": ("规模单位", "Size unit"),
    "area_mu": ("面积(亩)", "Area (mu)"),
    "plot_mu": ("地块面积(亩)", "Plot (mu)"),
    "difference_mu": ("相差(亩)", "Difference (mu)"),
    "how": ("来路", "How"),
    "head_count": ("数量(头只)", "Heads"),
    "base_address": ("基地地址", "Address"),
    "lon": ("经度", "Longitude"),
    "lat": ("纬度", "Latitude"),
    "point": ("点位经纬度", "Point"),
    "coord_status": ("点位状态", "Point status"),
    "market_window": ("上市期", "Market window"),
    "market_windows": ("上市期", "Market windows"),
    "market_from": ("预计上市时间", "Market from"),
    "market_to": ("下市时间", "Market to"),
    "production_mode": ("生产方式", "Production mode"),
    "trace_methods": ("追溯方式", "Trace methods"),
    "credit_grade": ("信用等级", "Credit grade"),
    "supervisor_name": ("网格化监管员", "Supervisor"),
    "supervisor_phone": ("监管员电话", "Supervisor phone"),
    "collector_name": ("信息采集员", "Collector"),
    "collector_phone": ("采集员电话", "Collector phone"),
    "collected_on": ("采集日期", "Collected on"),
    "in_scope": ("达到规模标准", "In scope"),
    "status": ("状态", "Status"),
    "remark": ("备注", "Remark"),
    "source_file": ("文件", "File"),
    "source_sheet": ("工作表", "Sheet"),
    "source_row": ("行", "Row"),
    "source_cell": ("单元格", "Cell"),
    "rule": ("规则", "Rule"),
    "severity": ("级别", "Severity"),
    "file": ("文件", "File"),
    "sheet": ("工作表", "Sheet"),
    "cell": ("单元格", "Cell"),
    "row": ("行", "Row"),
    "field": ("字段", "Field"),
    "value": ("现填内容", "Value"),
    "message": ("问题", "Message"),
    "proposal": ("建议", "Proposal"),
    "kind": ("表类", "Kind"),
    "rows_in": ("行数", "Rows in"),
    "accepted": ("采用", "Accepted"),
    "quarantined": ("待更正", "Quarantined"),
    "duplicate": ("重复", "Duplicate"),
    "skipped": ("跳过", "Skipped"),
    "total": ("合计", "Total"),
    "baseline_mu": ("附件5底数(亩)", "Baseline (mu)"),
    "registry_mu": ("名录面积(亩)", "Registry (mu)"),
    "collected_mu": ("采集面积(亩)", "Collected (mu)"),
    "gap_mu": ("差额(亩)", "Gap (mu)"),
    "tolerance_mu": ("允许差(亩)", "Tolerance (mu)"),
    "coverage_pct": ("覆盖率(%)", "Coverage (%)"),
    "gap_status": ("核对结果", "Result"),
    "subjects": ("主体数", "Subjects"),
    "records": ("记录数", "Records"),
    "error": ("错误", "Errors"),
    "warning": ("存疑", "Warnings"),
    "located": ("已定位", "Located"),
    "not_located": ("未定位", "Not located"),
    "count": ("数量", "Count"),
    "townships": ("乡镇数", "Townships"),
    "buyer": ("收购商", "Buyer"),
    "buyers": ("收购商", "Buyers"),
    "example": ("例", "Example"),
    "reason": ("原因", "Reason"),
    "known_townships": ("数据齐全乡镇数", "Townships known"),
    "baseline_cell": ("附件5出处", "Baseline cell"),
    "slip_file": ("更正表", "Slip"),
    "slip_sheet": ("更正表工作表", "Slip's sheet"),
    "slip_row": ("更正表行", "Slip's row"),
    "original_file": ("原文件", "Original"),
    "original_sheet": ("原工作表", "Original's sheet"),
    "original_row": ("原行", "Original's row"),
    "before": ("原填内容", "Before"),
    "after": ("改后内容", "After"),
    "outcome": ("结果", "Outcome"),
    "unregistered_mu": ("未入名录(亩)", "Not registered (mu)"),
    "exempt_mu": ("规模以下(亩)", "Below threshold (mu)"),
    "missing_mu": ("漏采(亩)", "Missing (mu)"),
    "unreadable_mu": ("无法识别(亩)", "Unreadable (mu)"),
    "size_difference_mu": ("面积不一致(亩)", "Size difference (mu)"),
    "unlisted_mu": ("名录外(亩)", "Unlisted (mu)"),
    "registry_heads": ("名录存栏", "Registered heads"),
    "collected_heads": ("采集存栏", "Collected heads"),
    "gap_heads": ("差额", "Gap (heads)"),
    "exempt_heads": ("规模以下", "Below threshold (heads)"),
    "missing_heads": ("漏采", "Missing (heads)"),
    "unreadable_heads": ("无法识别", "Unreadable (heads)"),
    "size_difference_heads": ("数量不一致", "Size difference (heads)"),
    "unlisted_heads": ("名录外", "Unlisted (heads)"),
    "in_review": ("其中待核同名", "Of which in review"),
    "registry_unsized": ("名录无面积(条)", "Registered without size"),
    "term": ("构成", "Term"),
    "amount": ("数量", "Amount"),
    "action": ("怎么办", "What to do"),
    "responsible": ("谁来办", "Who"),
    "registered_name": ("名录主体", "Registered as"),
    "collected_name": ("采集主体", "Collected as"),
    "registered_size": ("名录规模", "Registered size"),
    "collected_size": ("采集规模", "Collected size"),
    "mark": ("标记", "Mark"),
    "registry_cells": ("名录出处", "Registry cells"),
    "collection_cells": ("采集出处", "Collection cells"),
    "scope": ("应入", "Belongs in"),
    "there": ("附件1", "In 附件1"),
    "registered": ("已入名录", "Registered"),
    "explanation": ("乡镇说明", "Township's explanation"),
    "verified": ("核实人/日期", "Verified by"),
    "evidence": ("依据", "Evidence"),
    "score": ("相似度", "Score"),
    "received_on": ("收到时间", "Received"),
    "received_at": ("收到时间", "Received"),
    "channel": ("渠道", "Channel"),
    "document": ("文件", "Document"),
    "submission": ("报送性质", "Submission"),
    "extent": ("报送范围", "Extent"),
    "stamped": ("盖章件", "Stamped copy"),
    "registrar": ("登记人", "Registered by"),
    "confirmed": ("已确认", "Confirmed"),
    "level": ("级别", "Level"),
    "office": ("单位", "Office"),
    "role": ("角色", "Role"),
    "duty": ("职务", "Position"),
    "name": ("姓名", "Name"),
    "phone": ("电话", "Phone"),
    "uploaded_on": ("录入时间", "Uploaded on"),
    "uploaded_count": ("已录入数", "Uploaded"),
    "basis": ("依据", "Basis"),
    "sample_id": ("样品编号", "Sample"),
    "sampled_on": ("抽样日期", "Sampled on"),
    "test_item": ("检测项目", "Item"),
    "test_result": ("检测结果", "Result"),
    "test_value": ("检测值", "Value"),
    "progress": ("报送情况", "Progress"),
    "timeliness": ("是否按时", "Timeliness"),
    "report_by": ("报送期限", "Report by"),
    "upload_by": ("录入期限", "Upload by"),
    "to_mend": ("待更正", "To mend"),
    "uploaded": ("平台已录入", "Uploaded"),
    "not_uploaded": ("未录入", "Not uploaded"),
    "upload_basis": ("录入依据", "Upload basis"),
    "alert": ("事项", "Alert"),
    "what": ("情况", "What"),
    "since": ("自何时起", "Since"),
    "call": ("找谁", "Call"),
    "closes": ("怎样算了结", "What closes it"),
    "cells": ("出处", "Cells"),
    "completeness": ("报齐率", "Completeness"),
    "correctness": ("数据采用率", "Correctness"),
    "on_time_share": ("按时率", "On time"),
    "rank": ("名次", "Rank"),
    "change": ("变化", "Change"),
    "due": ("应报品种", "Due"),
    "judged": ("可判迟早", "Judged"),
    "on_time": ("按时品种", "On time"),
    "completed": ("已报品种(含零)", "Completed"),
    "with_value": ("有数的乡镇", "With a figure"),
    "zero_reports": ("零报告", "Zero reports"),
    "unknown": ("没有报", "Unknown"),
    "size_before": ("上批规模", "Size before"),
    "size_after": ("本批规模", "Size now"),
    "subject_before": ("上批主体", "Subject before"),
    "subject_after": ("本批主体", "Subject now"),
    "difference": ("增减", "Difference"),
    "moved_m": ("移动(米)", "Moved (m)"),
    "cell_before": ("上批出处", "Cell before"),
    "cell_after": ("本批出处", "Cell now"),
    "rating": ("得分", "Rating"),
}


def label(name: str, lang: Lang = "zh") -> str:
    """Return what people read for a column name; raises KeyError for a name without a label."""
    return COLUMNS[name][0 if lang == "zh" else 1]


def code(field: str, value: str, lang: Lang = "zh") -> str:
    """Return what people read for a stored code of `field`; an unknown code raises KeyError."""
    return CODES[field][value][0 if lang == "zh" else 1]


def codes(field: str, lang: Lang = "zh") -> dict[str, str]:
    """Return ``{code: label}`` of a coded field, in its working order."""
    return {key: forms[0 if lang == "zh" else 1] for key, forms in CODES[field].items()}


def shown(frame: pd.DataFrame, *, products: Mapping[str, str] | None = None, lang: Lang = "zh") -> pd.DataFrame:
    """Return a frame for people: headings and codes translated, figures written out, NA as —.

    Parameters
    ----------
    frame
        Canonical columns; a column without a label keeps its name.
    products
        ``{product code: name}`` for a `product` column.
    lang
        ``zh`` or ``en``.
    """
    out = {}
    for name in frame.columns:
        column = frame[name]
        forms = products if name == "product" else codes(name, lang) if name in CODES else None
        if forms is not None:
            column = column.map(forms).where(column.isin(list(forms)), column)
        texts = [_written(value) for value in column]
        out[label(name, lang) if name in COLUMNS else name] = pd.Series(texts, index=frame.index, dtype="str")
    return pd.DataFrame(out, index=frame.index)


def _written(value: object) -> str:
    if pd.isna(value):
        return "—"
    if isinstance(value, (bool, np.bool_)):
        return "是" if value else "否"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return str(value)
