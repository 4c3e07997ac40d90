"""One vocabulary for code and people: every stored code and column has a Chinese and an English form.

Product names are data (``rules.toml``); everything else that an analyst reads under a column or for a code is here.
"""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import pandas as pd

from originmap.headings import COLUMNS

Lang = Literal["zh", "en"]

CODES: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "subject_type": {
        "enterprise": ("农产品生产企业", "Enterprise"),
        "cooperative": ("农民专业合作社", "Cooperative"),
        "family_farm": ("家庭农场", "Family farm"),
        "household": ("农户", "Household"),
        "buyer": ("产地收购商", "Buyer at origin"),
    },
    "production_mode": {"open": ("露地", "Open field"), "protected": ("设施", "Protected")},
    "trace_methods": {
        "certificate": ("承诺达标合格证", "Compliance certificate"),
        "code": ("电子追溯码", "Trace code"),
        "ear_tag": ("电子耳标", "Ear tag"),
        "quarantine": ("动物检疫合格证", "Quarantine certificate"),
        "label": ("包装标识", "Label"),
        "other": ("其他", "Other"),
    },
    "credit_grade": {"A": ("A", "A"), "B": ("B", "B"), "C": ("C", "C"), "D": ("D", "D")},
    "size_unit": {"mu": ("亩", "mu"), "head": ("头", "head"), "bird": ("只", "birds")},
    "status": {
        "accepted": ("采用", "Accepted"),
        "quarantined": ("待更正", "Quarantined"),
        "duplicate": ("重复", "Duplicate"),
    },
    "severity": {
        "error": ("错误", "Error"),
        "warning": ("存疑", "Warning"),
        "fixed": ("已修正", "Fixed"),
        "note": ("提示", "Note"),
    },
    "coord_status": {
        "ok": ("正常", "OK"),
        "fixed": ("已修正", "Fixed"),
        "proposed": ("待确认", "Proposed"),
        "outside": ("在乡镇外", "Outside"),
        "missing": ("无坐标", "Missing"),
    },
    "gap_status": {
        "not_due": ("未要求", "Not due"),
        "no_baseline": ("无底数", "No baseline"),
        "not_submitted": ("未报", "Not submitted"),
        "not_reported": ("未报此品种", "Not reported"),
        "balanced": ("一致", "Balanced"),
        "short": ("偏少", "Short"),
        "over": ("偏多", "Over"),
    },
    "kind": {
        "collection": ("附件1采集表", "Collection sheet"),
        "registry": ("附件4名录", "Registry"),
        "planting_area": ("附件5面积表", "Planting-area table"),
        "contacts": ("附件2联系方式", "Contacts"),
        "rapid_tests": ("快检结果", "Rapid tests"),
        "uploads": ("平台已录入", "Uploads"),
        "receipts": ("收件登记", "Receipts"),
        "slip": ("更正表附页", "Return slip's own sheet"),
        "refused": ("拒收", "Refused"),
        "unrecognised": ("未识别", "Not recognised"),
        "empty": ("空表", "Empty"),
    },
    "file_status": {
        "read": ("已读取", "Read"),
        "to_convert": ("已到，待转换", "Arrived, to be converted"),
        "unreadable": ("无法读取", "Unreadable"),
        "later": ("截止后收到", "Received later"),
    },
    "progress": {
        "not_due": ("未要求", "Not due"),
        "not_reported": ("未报", "Not reported"),
        "zero": ("零报告", "Zero report"),
        "unread": ("已来件未能读取", "Arrived, not readable"),
        "reported": ("已报", "Reported"),
    },
    "timeliness": {
        "on_time": ("按时", "On time"),
        "late": ("迟报", "Late"),
        "overdue": ("逾期未报", "Overdue"),
        "unregistered": ("未登记收件", "Receipt not registered"),
        "pending": ("未到期", "Not yet due"),
        "": ("—", "—"),
    },
    "alert": {
        "not_submitted": ("逾期未报", "Not submitted by the date"),
        "late": ("迟报", "Late"),
        "unread": ("来件未能读取", "Arrived, not readable"),
        "unregistered": ("来件未登记", "Receipt not registered"),
        "not_uploaded": ("逾期未录入平台", "Collected, not uploaded by the date"),
        "upload_unknown": ("平台录入情况不明", "Uploads not known"),
        "livestock_stale": ("养殖信息未更新", "Livestock not kept current"),
        "collected_late": ("上市后才采集", "Collected after its market start"),
        "crop_past": ("上市期已过无新茬", "Past its window, no newer cropping"),
        "registered_missing": ("名录有、采集无", "Registered but missing"),
        "zero_against_baseline": ("零报告与底数不符", "Zero report against a baseline"),
        "values_wrong": ("信息明显有误", "Values clearly wrong"),
        "vanished": ("主体消失", "Subject vanished"),
        "changed": ("主体有变化", "Subject changed"),
        "no_lead": ("缺牵头负责人", "No lead"),
        "no_keeper": ("缺具体责任人", "No keeper"),
        "contact_changed": ("责任人变动", "Contact changed"),
    },
    "change": {
        "new": ("新增", "New"),
        "gone": ("消失", "Gone"),
        "grown": ("增大", "Grown"),
        "shrunk": ("减小", "Shrunk"),
        "moved": ("点位移动", "Moved"),
        "renamed": ("改名", "Renamed"),
        "review": ("疑似改名，待核", "Renamed?"),
        "unchanged": ("未变", "Unchanged"),
    },
    "upload_basis": {
        "entry": ("平台导出按名称核对", "Matched from an export"),
        "count": ("手工计数", "Typed counts"),
        "": ("没有数据", "Unknown"),
    },
    "extent": {
        "full": ("全量", "Full"),
        "increment": ("增量", "Increment"),
        "unchanged": ("无变化", "Unchanged"),
        "zero": ("零报告", "Zero report"),
    },
    "submission": {
        "first": ("首报", "First"),
        "supplement": ("补报", "Supplement"),
        "correction": ("更正", "Correction"),
    },
    "level": {"county": ("县级", "County"), "township": ("乡镇", "Township")},
    "role": {"lead": ("牵头负责人", "Lead"), "keeper": ("具体责任人", "Keeper")},
    "test_result": {"pass": ("合格", "Pass"), "fail": ("不合格", "Fail")},
    "skip_reason": {
        "later": ("截止后收到", "Received later"),
        "title": ("标题行", "Title"),
        "header": ("表头", "Header"),
        "blank": ("空行", "Blank"),
        "total": ("合计行", "Total"),
        "note": ("说明行", "Note"),
        "zero_report": ("零报告", "Zero report"),
        "refused": ("拒收", "Refused"),
        "unrecognised": ("未识别", "Not recognised"),
    },
    "outcome": {
        "mended": ("已改好", "Mended"),
        "remaining": ("没有改好", "Remaining"),
        "changed": ("另有改动", "Changed"),
        "added": ("新增行", "Added"),
        "removed": ("删去行", "Removed"),
    },
    "area_measure": {"standing": ("在田面积", "Standing area"), "sown": ("播种面积", "Sown area")},
    "reading": {
        "typed": ("原样", "As typed"),
        "swapped": ("经纬互换", "Swapped"),
        "dms": ("度分秒写成小数", "Degrees, minutes, seconds"),
        "minutes": ("度分写成小数", "Degrees, minutes"),
        "decimal_lost": ("补小数点", "Decimal point put back"),
        "digit": ("改一位数字", "One digit mended"),
        "gcj02": ("按 GCJ-02", "GCJ-02"),
        "bd09": ("按 BD-09", "BD-09"),
        "swapped_gcj02": ("互换并按 GCJ-02", "Swapped, GCJ-02"),
        "swapped_bd09": ("互换并按 BD-09", "Swapped, BD-09"),
        "swapped_dms": ("互换并按度分秒", "Swapped, degrees, minutes, seconds"),
    },
    "undecidable": {
        "no_text": ("没有填坐标", "Nothing is typed"),
        "no_numbers": ("读不出坐标", "No reading"),
        "not_home": ("各种读法都不在本乡镇", "No reading lies in the township"),
        "several": ("几种读法都有可能", "Several are as likely"),
        "not_own": ("填的像是办公室或众人共用的坐标，不是地块的", "An office's or a shared point, not the plot's"),
    },
    "datum": {
        "wgs84": ("WGS84", "WGS84"),
        "cgcs2000": ("CGCS2000", "CGCS2000"),
        "gcj02": ("GCJ-02（高德、微信）", "GCJ-02"),
        "bd09": ("BD-09（百度）", "BD-09"),
    },
    "datum_reason": {
        "anchors": ("已定位主体的位置", "Subjects already located"),
        "cells": ("乡镇范围和驻地", "Cells and seats"),
        "no_points": ("判断不了：没有坐标", "Cannot tell: no points"),
        "few_anchors": ("判断不了：已定位的主体太少", "Cannot tell: too few located subjects"),
        "undecided": ("判断不了：证据相当", "Cannot tell: evidence is even"),
        "fits_none": ("判断不了：哪种坐标系都不合", "Cannot tell: no datum fits"),
        "files_differ": ("判断不了：同一采集员的文件互相矛盾", "Cannot tell: one collector's files differ"),
    },
    "decision": {
        "point": ("点位", "Point"),
        "size": ("规模", "Size"),
        "plot": ("地块", "Plot"),
        "datum": ("坐标系", "Datum"),
        "match": ("主体匹配", "Match"),
        "proposal_refused": ("否定读法", "Refused reading"),
        "gap_explanation": ("差额说明", "Explanation of a gap"),
        "undo": ("撤销", "Undo"),
    },
    "how": {"drawn": ("图上勾绘", "Drawn"), "survey": ("外业采集", "Survey")},
    "survey_match": {
        "record_id": ("记录号一致", "By record number"),
        "name": ("主体、产品一致", "By subject and product"),
        "nearest": ("只是位置最近", "Nearest only"),
        "no_record": ("对不上任何记录", "Fits no record"),
        "not_a_place": ("不是点也不是面，或坐标不通", "Neither point nor plot"),
    },
    "effect": {
        "applied": ("已采用", "Applied"),
        "stale": ("原文已变，待核", "The text has changed"),
        "orphaned": ("记录已不在", "The row is gone"),
        "conflict": ("互相矛盾，未采用", "In conflict"),
        "": ("—", "—"),
    },
    "term": {
        "unregistered": ("未入名录（含口径差异，待核）", "In no registry yet, or defined differently"),
        "exempt": ("规模以下", "Below the threshold"),
        "missing": ("漏采", "Missing"),
        "unreadable": ("无法识别", "Unreadable"),
        "size_difference": ("面积不一致", "Size difference"),
        "unlisted": ("名录外", "In no registry"),
        "unsized": ("名录无面积，未采集", "Registered without a size, not collected"),
        "unregistered_unreadable": ("名录外，待更正", "In no registry, unreadable"),
        "matched": ("一致", "Equal"),
    },
    "step": {
        "baseline": ("附件5底数", "Baseline"),
        "unregistered": ("未入名录", "Not registered"),
        "registry": ("名录", "Registry"),
        "exempt": ("规模以下", "Below threshold"),
        "missing": ("漏采", "Missing"),
        "unreadable": ("无法识别", "Unreadable"),
        "size_difference": ("面积不一致", "Size difference"),
        "head_difference": ("数量不一致", "Size difference"),
        "unlisted": ("名录外", "Unlisted"),
        "collected": ("采集", "Collected"),
    },
    "action": {
        "unregistered": ("入户调查，补登名录；口径不同的由乡镇说明", "Survey; the township explains"),
        "exempt": ("无需处理", "Nothing to do"),
        "missing": ("补采", "Collect"),
        "unreadable": ("改表后重报", "Mend the sheet"),
        "size_difference": ("实地核实面积", "Verify"),
        "unlisted": ("补录入名录", "Add to the registry"),
    },
    "responsible": {
        "unregistered": ("乡镇农业农村部门", "The township"),
        "exempt": ("—", "—"),
        "missing": ("乡镇信息采集员", "The township's collector"),
        "unreadable": ("乡镇填表人", "Whoever filled in the sheet"),
        "size_difference": ("网格化监管员", "The supervisor"),
        "unlisted": ("乡镇名录管理人", "Whoever keeps the township's registry"),
    },
    "scope": {
        "due": ("附件1和名录", "附件1 and registry"),
        "exempt": ("名录（规模以下）", "Registry alone"),
        "buyer": ("附件1（收购商）", "附件1 (buyer)"),
        "unknown": ("规模不明", "Size unknown"),
    },
    "there": {
        "collected": ("已采集", "Collected"),
        "unreadable": ("待更正", "To be corrected"),
        "missing": ("漏采", "Missing"),
        "not_reported": ("乡镇未报", "Not reported"),
        "not_needed": ("不要求", "Not asked for"),
    },
    "gis_table": {
        "base_points": ("产地点位", "Bases"),
        "not_located": ("未定位", "Not located"),
        "townships": ("乡镇", "Townships"),
        "gaps": ("缺口", "Gaps"),
        "grid": ("网格", "Grid"),
        "rapid_tests": ("快检", "Rapid tests"),
        "plots": ("地块", "Plots"),
    },
    # What a township is shaded or marked with, and why its figure is not known.
    "measure": {
        "area_mu": ("面积", "Area"),
        "heads": ("存栏", "Animals"),
        "subjects": ("主体数", "Subjects"),
        "coverage_pct": ("覆盖率（采集 ÷ 底数）", "Coverage (collected ÷ planting area)"),
        "gap_mu": ("差额（底数 − 采集）", "Gap (planting area − collected)"),
        "findings": ("问题数（错误、存疑）", "Findings (errors, warnings)"),
        "tests": ("快检批次", "Rapid tests"),
        "pass_pct": ("快检合格率", "Rapid tests passed"),
    },
    "no_figure": {
        "not_chosen": ("不在所选乡镇", "Township not selected"),
        "not_submitted": ("未报", "Not submitted"),
        "not_reported": ("未报此品种", "Not reported"),
        "no_baseline": ("无底数", "No baseline"),
        "zero_baseline": ("底数为 0", "Baseline is 0"),
        "not_due": ("未要求", "Not due"),
        "no_size": ("没有可用的规模", "No size known"),
        "no_tests": ("没有检测", "Not tested"),
        "no_result": ("没有写结果", "No result given"),
    },
    "off_map": {
        "no_subject": ("采集表里没有这个主体", "No such subject in the collection sheets"),
        "no_point": ("主体没有定位", "The subject has no point"),
        "no_township": ("不知乡镇", "Township unknown"),
    },
    "profile": {"internal": ("内部资料", "Internal"), "public": ("公开", "Public")},
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
        texts = [_written(value, lang) for value in column]
        out[label(name, lang) if name in COLUMNS else name] = pd.Series(texts, index=frame.index, dtype="str")
    return pd.DataFrame(out, index=frame.index)


def _written(value: object, lang: Lang) -> str:
    if pd.isna(value):
        return "—"
    if isinstance(value, (bool, np.bool_)):
        return ("是" if value else "否") if lang == "zh" else ("yes" if value else "no")
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return str(value)
