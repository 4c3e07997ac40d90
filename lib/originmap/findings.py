"""Findings: what is wrong, doubtful or repaired, each with its file, sheet and cell, from one table of rules.

A finding quotes what stands in the cell, says why it is wrong and, where possible, what would be right. Severity
`error` blocks a row or loses a value, `warning` is doubtful, `fixed` was repaired, `note` is for information.
"""

import difflib
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

from originmap import texts

Severity = Literal["error", "warning", "fixed", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "fixed", "note")
FINDING_COLUMNS: Final = [
    "rule",
    "severity",
    "file",
    "sheet",
    "cell",
    "row",
    "field",
    "value",
    "message",
    "proposal",
    "record_id",
]


@dataclass(frozen=True)
class Rule:
    """One rule of judgement. `blocks` quarantines the row; `zh` and `en` may name `{value}`, `{proposal}`, `{detail}`."""

    id: str
    severity: Severity
    zh: str
    en: str
    example: str
    source: str
    blocks: bool = False


_NOTICE1 = "notice, section 1 (who is collected)"
_NOTICE2 = "notice, section 2 (products and thresholds)"
_NOTICE3 = "notice, section 3 (fields of 附件1)"
_OURS = "ours"

_TABLE: Final = (
    # files and sheets
    Rule("file_unreadable", "error", "文件已损坏或打不开，请重发", "The file is damaged and cannot be opened", "半截的 .xlsx", _OURS),
    Rule("file_wrong_type", "error", "内容与扩展名不符：{detail}，请另存为 .xlsx 后重发", "The content is not what the name says: {detail}", "把照片改名为 .xlsx", _OURS),
    Rule("file_encrypted", "error", "文件加了密码，请去掉密码后重发", "The file is encrypted", "设了打开密码的 .xlsx", _OURS),
    Rule("file_too_large", "error", "文件超出限额：{detail}", "The file is over the limits: {detail}", "解压后 3 GB 的 .xlsx", _OURS),
    Rule("file_to_convert", "note", "已收到{detail}，需转换成表格后才能读取", "Arrived{detail}, to be converted before it can be read", "扫描件.pdf", _OURS),
    Rule("file_other_format", "note", "内容其实是{detail}，已照读", "Really another format ({detail}); it was read", "把网页另存成 .xls", _OURS),
    Rule("text_doubtful", "warning", "文本有疑：{detail}，请核对", "The text is doubtful: {detail}", "编码混杂的 .csv", _OURS),
    Rule("archive_empty", "error", "压缩包里没有文件，请重发", "The archive holds no file", "空的 .zip", _OURS),
    Rule("archive_too_deep", "error", "压缩包套了 {detail} 层以上，里面的未读，请解开后重发", "Archives nested deeper than {detail}: not read", "压缩包套压缩包", _OURS),
    Rule("sheet_refused", "warning", "疑为账号密码表，整张拒收，未读取任何内容", "Looks like accounts and passwords: refused whole, no cell kept", "附件3 登陆账号", "notice, 附件3"),
    Rule("sheet_unrecognised", "warning", "表头无法识别，整张未读：{detail}", "No known headers, the sheet was not read: {detail}", "没有表头的表", _OURS),
    Rule("sheet_ambiguous", "error", "表头同时像多种表：{detail}，整张未读", "The headers fit several kinds: {detail}", "两种表的列并排", _OURS),
    Rule("sheet_hidden", "note", "工作表是隐藏的，已照读", "The sheet is hidden; it was read", "隐藏的 Sheet2", _OURS),
    Rule("row_hidden", "note", "有隐藏的行，已照读：{detail}", "Hidden rows, which were read: {detail}", "筛选后藏起的第 5 行", _OURS),
    Rule("column_unknown", "note", "列“{value}”不认识，原样保留未用", "An unknown column, kept unused", "多出一列“合同号”", _OURS),
    Rule("id_number_dropped", "warning", "含身份证号，已删除且不保存", "An ID number was dropped and is not kept", "姓名栏填了身份证号", "PIPL, article 28"),
    # township and product
    Rule("township_unknown", "error", "无法确定乡镇", "The township cannot be told", "乡镇栏空，标题也未写", _OURS, blocks=True),
    Rule("township_from_file_name", "note", "表内未写乡镇，按文件名取“{proposal}”", "Township taken from the file's name: {proposal}", "湖头镇.xlsx", _OURS),
    Rule("township_differs", "warning", "此行乡镇“{value}”与填报单位“{detail}”不同", "The row's township differs from the sheet's ({detail})", "湖头镇的表里有一行写湖上乡", _OURS),
    Rule("product_missing", "error", "未填产品", "No product given", "产品栏空", _NOTICE3, blocks=True),
    Rule("product_unknown", "error", "“{value}”不是监管品种", "Not a watched product", "四季豆", _NOTICE2, blocks=True),
    Rule("product_ambiguous", "error", "“{value}”可指多种作物，请写明", "May mean several crops: to be named", "菜豆", _NOTICE2, blocks=True),
    Rule("product_alias_noted", "note", "“{value}”按“{proposal}”采用", "Read as {proposal}", "豆角", _NOTICE2),
    Rule("product_alias_doubtful", "warning", "“{value}”按“{proposal}”采用，请核实", "Read as {proposal}, to be verified", "牛", _NOTICE2),
    # subject and people
    Rule("subject_missing", "error", "未填种养殖主体", "No subject given", "主体栏空", _NOTICE3, blocks=True),
    Rule("subject_type_missing", "warning", "未填主体类型", "No subject type given", "主体类型栏空", _NOTICE3),
    Rule("subject_type_unknown", "warning", "主体类型“{value}”不在选项中", "Not one of the subject types", "其它", _NOTICE3),
    Rule("phone_missing", "warning", "未填联系电话", "No phone given", "电话栏空", _NOTICE3),
    Rule("contact_name_missing", "warning", "未填联系人", "No contact given", "联系人栏空或写“无”", _NOTICE3),
    Rule("phone_invalid", "warning", "电话号码位数或格式不对", "Not a phone number", "少一位的手机号", _NOTICE3),
    Rule("phone_float", "warning", "电话被存成科学计数，末位已丢失", "Stored as a float, digits are lost", "1.38E+10", _OURS),
    Rule("subject_type_contradicts", "warning", "主体名称像“{proposal}”，主体类型却填“{value}”", "The name says {proposal}, the type another", "某某合作社填成农户", _NOTICE3),
    Rule("buyer_noted", "note", "产地收购商只登记上图，其规模不计入任何合计", "A buyer is listed and mapped; its size counts in no total", "收购点填了 20 亩", _NOTICE1),
    Rule("phone_shared", "warning", "电话 {value} 同时填在 {detail} 个主体名下，请核实", "One phone under {detail} subjects", "全村填同一个手机号", _OURS),
    Rule("phone_of_official", "note", "联系电话与监管员或采集员“{detail}”的相同", "The grower's phone is an official's ({detail})", "农户电话栏填了采集员的手机", _OURS),
    # size
    Rule("size_missing", "error", "未填种养规模", "No size given", "规模栏空", _NOTICE3, blocks=True),
    Rule("size_unreadable", "error", "规模“{value}”无法读成一个数", "The size is not one number", "若干、2-3亩、3+2", _NOTICE3, blocks=True),
    Rule("size_unit_mismatch", "error", "规模“{value}”的单位与产品不符", "The unit does not fit the product", "豇豆 30头", _NOTICE3, blocks=True),
    Rule("size_twice", "warning", "同一行两列都填了规模，按“{detail}”列的“{value}”采用", "Two columns hold a size; the one headed {detail} is used", "面积和存栏都填了", _OURS),
    Rule("size_implausible", "error", "规模“{value}”超出合理范围（{detail}），疑单位有误", "Outside the plausible range ({detail})", "豇豆 2000（疑为平方米）", _OURS, blocks=True),
    Rule("size_beside_peers", "warning", "规模“{value}”与同类主体（{detail}）相差太大，疑应为 {proposal}", "Far from its peers ({detail}): {proposal}?", "豇豆 100（实为 100 分）", _OURS),
    Rule("unit_beside_peers", "warning", "整列规模疑按“{proposal}”填写：{detail}", "The whole column seems to be in {proposal}: {detail}", "全镇豇豆按平方米填", _OURS),
    Rule("below_threshold", "note", "规模在标准以下，应在名录，可不在附件1", "Below the threshold: belongs in the registry, not in 附件1", "豇豆 0.3亩", _NOTICE2),
    # market window and other fields
    Rule("window_missing", "warning", "未填上市时间", "No market window given", "上市时间栏空", _NOTICE3),
    Rule("window_unreadable", "error", "上市时间“{value}”无法读成日期", "The market window cannot be read", "待定、春节前后", _NOTICE3),
    Rule("window_backwards", "error", "上市时间“{value}”的起止颠倒", "The market window ends before it starts", "2023年7月至2023年5月", _NOTICE3),
    Rule("window_too_long", "warning", "上市时间长达 {detail} 天，超过一年", "The market window is longer than a year ({detail} days)", "2023年5月至2024年8月", _OURS),
    Rule("window_past", "warning", "上市时间“{value}”在采集之年以前，疑年份有误", "The market window lies before the year of collection", "2023 年 3 月采集，上市时间写 2022年5-7月", _OURS),
    Rule("date_unreadable", "warning", "日期“{value}”无法识别", "The date cannot be read", "采集日期写“昨天”", _NOTICE3),
    Rule("date_implausible", "warning", "采集日期“{value}”不在本批次可信的时间内（{detail}）", "The date cannot be this round's ({detail})", "3 月批次写 2022-03-05", _OURS),
    Rule("production_mode_unknown", "warning", "生产方式“{value}”不在选项中", "Not one of the production modes", "半露地", _NOTICE3),
    Rule("trace_unknown", "warning", "追溯方式“{value}”不在选项中", "Not one of the trace methods", "口头承诺", _NOTICE3),
    Rule("credit_unknown", "warning", "信用等级“{value}”不在选项中", "Not one of the credit grades", "五星", _OURS),
    Rule("base_address_missing", "warning", "未填基地地址", "No address given", "地址栏空", _NOTICE3),
    Rule("production_mode_missing", "warning", "种植产品未填生产方式", "No production mode given for a crop", "豇豆的生产方式栏空", _NOTICE3),
    Rule("trace_methods_missing", "warning", "未填追溯方式", "No trace method given", "追溯方式栏空", _NOTICE3),
    Rule("credit_grade_missing", "warning", "未填信用等级", "No credit grade given", "信用等级栏空", _NOTICE3),
    Rule("supervisor_name_missing", "warning", "未填网格化监管员", "No supervisor given", "监管员栏空", _NOTICE3),
    Rule("supervisor_phone_missing", "warning", "未填网格化监管员电话", "No phone of the supervisor given", "监管员电话栏空", _NOTICE3),
    Rule("collector_name_missing", "warning", "未填信息采集员", "No collector given", "采集员栏空", _NOTICE3),
    Rule("collector_phone_missing", "warning", "未填信息采集员电话", "No phone of the collector given", "采集员电话栏空", _NOTICE3),
    Rule("column_missing", "warning", "整张表没有“{detail}”：缺这一列，或各行全空", "The whole sheet lacks {detail}", "表内没有信用等级一列", _NOTICE3),
    Rule("production_mode_on_livestock", "note", "养殖产品不必填生产方式", "A production mode on livestock", "生猪填了“设施”", _NOTICE3),
    Rule("cropping_on_livestock", "note", "养殖产品没有茬次，未采用", "A cropping on livestock, not used", "生猪填了“第一茬”", _NOTICE3),
    Rule("trace_contradicts", "warning", "种植产品不应有“{detail}”", "A crop with {detail}", "豇豆填了动物检疫合格证", _NOTICE3),
    Rule("trace_lacks_animal_proof", "note", "牲畜的追溯方式里没有{detail}", "Livestock traced by neither of: {detail}", "肉牛只填“标签”", _OURS),
    Rule("village_unknown", "warning", "{detail}没有叫“{value}”的村（社区）", "No such village in {detail}", "汤头村写成汤投村", _OURS),
    Rule("village_elsewhere", "warning", "“{value}”是{detail}的村，与所填乡镇不符", "The village is one of {detail}", "湖头镇的行写了官桥镇的村", _OURS),
    Rule("address_township_differs", "warning", "地址写的是{detail}，与所填乡镇不符", "The address names {detail}, the row another township", "湖头镇的行，地址写官桥镇", _OURS),
    Rule("product_differs_from_sheet", "warning", "本表写明是{detail}，此处却是“{value}”", "The sheet is about {detail}, the row is not", "《豇豆采集表》里有一行芹菜", _OURS),
    # point
    Rule("point_missing", "warning", "未填经纬度", "No point given", "经纬度栏空", _NOTICE3),
    Rule("point_unreadable", "error", "经纬度“{value}”无法读取", "The point cannot be read", "见地图", _NOTICE3),
    Rule("point_zero", "error", "经纬度为 0,0", "The point is 0,0", "0,0", _OURS),
    Rule("point_swapped", "fixed", "经纬度写反，已按“{proposal}”采用", "Longitude and latitude were swapped", "25.056,118.186", _OURS),
    Rule("point_dms_as_decimal", "warning", "疑把度分秒写成了小数，待确认：{proposal}", "Degrees and minutes typed as a decimal? {proposal}", "118.1109,25.0321", _OURS),
    Rule("point_decimal_lost", "warning", "疑漏了小数点，待确认：{proposal}", "The decimal point is lost? {proposal}", "118186,25056", _OURS),
    Rule("point_far", "error", "坐标在本县以外", "The point lies outside the county", "128.186,25.056", _OURS),
    Rule("point_outside", "warning", "坐标距所填乡镇 {detail}，超出允许范围", "The point lies {detail} from its township", "点落在别的乡镇", _OURS),
    Rule("point_on_seat", "warning", "坐标就是{detail}政府驻地，不像基地", "The point is the seat of {detail}", "整表填镇政府的坐标", _OURS),
    Rule("point_shared", "warning", "{detail} 个主体填了同一个坐标，请核实", "{detail} subjects on one point", "全村共用一个坐标", _OURS),
    Rule("plots_apart", "warning", "此点距该主体其他地块 {detail}，请核实", "This point lies {detail} from the subject's other plots", "同一农户两块地相距 20 公里", _OURS),
    Rule("point_coarse", "note", "坐标只有 {detail} 的精度", "The point is only good to {detail}", "118.18,25.05（两位小数，±550 米）", _OURS),
    Rule("plot_area_differs", "warning", "图上勾绘的地块 {proposal}，与填报的“{value}”相差 {detail}，请核实", "The plot as drawn ({proposal}) differs from the size reported by {detail}", "填报 2.5 亩，勾绘 4.1 亩", _OURS),
    Rule("datum_declared", "note", "本文件坐标按 {proposal} 换算成 WGS84（依据：{detail}）", "Points of this file were converted from {proposal} ({detail})", 'round.toml 写 "湖头镇.xlsx" = "gcj02"', _OURS),
    # boundaries
    Rule("boundary_unmatched", "warning", "边界文件里的“{value}”对不上 townships.csv，未用；{detail}", "An area of the boundary file fits no township: not used", "边界里写“湖头”，名单里没有", _OURS),
    Rule("boundary_missing", "warning", "边界文件没有 {value}，其点位无法核对", "The boundary file lacks {value}: its points cannot be checked", "少了一个乡镇的面", _OURS),
    Rule("boundary_invalid", "fixed", "{value} 的边界自相交，已理顺", "The boundary of {value} crosses itself; it was mended", "8 字形的面", _OURS),
    Rule("boundary_name_differs", "warning", "代码 {value} 在边界文件里叫“{detail}”，在 townships.csv 叫“{proposal}”，按代码采用", "Code {value} is {detail} in the boundary file, {proposal} in townships.csv: taken by code", "代码与名称错位", _OURS),
    Rule("boundary_overlap", "warning", "{value} 与 {proposal} 的范围重叠 {detail}", "{value} and {proposal} overlap by {detail}", "两个面压在一起", _OURS),
    Rule("boundary_gap", "warning", "乡镇之间有空隙 {detail}（约在 {value}）", "A gap of {detail} between townships, near {value}", "有一块地不属任何乡镇", _OURS),
    Rule("boundary_seat_outside", "warning", "{value} 的驻地在其范围外 {detail}，疑代码或名称错位", "The seat of {value} lies {detail} outside it", "两个乡镇的面互换", _OURS),
    # decisions
    Rule("decided", "fixed", "已按决定采用“{proposal}”；{detail}", "Decided: {proposal}; {detail}", "电话核实后改正的点位", _OURS),
    Rule("decision_stale", "warning", "原有决定“{proposal}”未采用：此格内容已变，请重新核实；{detail}", "The decision {proposal} waits: the cell now says something else; {detail}", "乡镇重报时改了坐标", _OURS),
    Rule("decision_conflict", "warning", "对此有不同决定，均未采用：{proposal} {detail}", "People decided differently, neither holds: {proposal} {detail}", "两人各拖到一处", _OURS),
    # rows among each other
    Rule("duplicate_row", "warning", "与 {detail} 完全重复，只计一次", "The same as {detail}: counted once", "同一行贴了两遍", _OURS),
    Rule("possible_duplicate", "warning", "与 {detail} 主体、产品、地块、茬次相同而规模或点位不同，请核实", "Same subject, product and plot as {detail}, other size or point", "同一地块两个面积", _OURS),
    Rule("column_pasted", "warning", "“{value}”从此格一直复制{detail}，主体各不相同，请逐行核实", "One text pasted down a column {detail}", "整列填充同一个地址", _OURS),
    Rule("superseded_by_slip", "note", "{detail}行已由更正表“{proposal}”取代，不再计数", "Superseded by a returned slip: counted no more ({detail})", "原表与改好的更正表都在", _OURS),
    Rule("slip_versions_differ", "error", "同一张表有几份不同的更正表（{detail}），无法判断以哪份为准，请只留一份", "Several slips of one original differ ({detail}): one must go", "两次退回的更正表", _OURS, blocks=True),
    Rule("slip_masked_number", "warning", "打码的号码不能代替原号码，仍用原表的，如有变动请写全", "A masked number never replaces the real one", "138****1234", _OURS),
    Rule("zero_report", "note", "零报告：{detail}", "Zero report: {detail}", "无", _OURS),
    Rule("zero_report_unclear", "warning", "零报告未写明品种且同表另有数据，未采用", "A zero report without a product beside rows: not used", "有数据的表下写“无”", _OURS),
    # planting-area table and registry
    Rule("baseline_unreadable", "error", "面积“{value}”不是一个数", "The area is not a number", "待核", "notice, 附件5", blocks=True),
    Rule("baseline_total_differs", "warning", "合计“{value}”与各数之和 {proposal} 不符", "The total differs from the sum {proposal}", "合计行未更新", "notice, 附件5"),
    Rule("baseline_township_twice", "error", "乡镇在附件5中出现两次且数值不同（另见 {detail}），两处均不采用", "The township stands twice with other figures ({detail})", "湖头镇两行", "notice, 附件5", blocks=True),
    Rule("baseline_township_missing", "note", "附件5没有 {detail} 的行，其{value}底数未知", "No row for {detail}: the baseline of {value} is unknown", "面积表漏了湖头镇", "notice, 附件5"),
    Rule("baseline_crop_missing", "note", "附件5没有“{detail}”一列，没有底数可核", "No column for {detail}: there is no baseline", "面积表只有豇豆、芹菜两列", "notice, 附件5"),
    # receipts, contacts, uploads, rapid tests
    Rule("ledger_township_unknown", "warning", "“{value}”不是本县乡镇，此行未能归到乡镇", "No township of the county: the line belongs to none", "收件登记里写“桃花镇”", _OURS),
    Rule("ledger_product_unknown", "warning", "“{value}”不是监管品种，此行未能归到品种", "Not a watched product: the line belongs to none", "收件登记里写“蔬菜”", _OURS),
    Rule("ledger_word_unknown", "warning", "“{value}”不在选项中（{detail}），未采用", "Not one of the choices ({detail}), not used", "全量/增量栏写“部分”", _OURS),
    Rule("receipt_unconfirmed", "note", "收到时间或登记人空着，尚未确认，此行未用", "No time or nobody who registered it: not confirmed, not used", "程序建议的一行，无人填时间", _OURS),
    Rule("receipt_time_missing", "note", "收到时间没有写几点，按当日 0 点计", "No time of day: taken as the beginning of the day", "2023-03-15", _OURS),
    Rule("receipt_file_missing", "warning", "登记的文件“{value}”不在本批次的文件夹里", "The registered file is not in the folder", "登记了没有存进来的文件", _OURS),
    Rule("receipt_file_ambiguous", "warning", "登记的文件“{value}”有几份同名（{detail}），请写上文件夹", "Several files have this name ({detail})", "两个文件夹里都有 附件1.xlsx", _OURS),
    Rule("receipt_without_rows", "warning", "登记写有{detail}，但文件里没有它的行，也没有零报告", "Registered for {detail}, but the file has neither rows nor a zero report for it", "登记写豇豆、韭菜，文件只有豇豆", _OURS),
    Rule("receipt_contradicts", "warning", "登记为“{value}”，文件里却有{detail}的行，按行采用", "Registered as {value}, but the file has rows of {detail}: the rows hold", "登记零报告，表里有三行", _OURS),
    Rule("arrived_later", "note", "{detail} 收到，晚于截止时间，按未收到处理", "Received {detail}, after the moment that is looked at: taken as not arrived", "看 3 月 10 日的情况时，3 月 12 日收到的表", _OURS),
    Rule("superseded_by_receipt", "note", "{detail}，已由后收到的“{proposal}”取代，不再计数", "Superseded by a later submission: counted no more ({detail})", "同一乡镇先后报了两次全量", _OURS),
    Rule("submissions_undecided", "error", "同一乡镇同一品种有几份不同的表（{detail}），收件登记看不出先后，请登记收到时间，或只留一份", "Several submissions differ ({detail}) and nothing says which is newer", "湖头镇.xlsx 与 湖头镇(改).xlsx 都没有登记", _OURS, blocks=True),
    Rule("nothing_before", "warning", "登记为{value}，但以前的批次没有{detail}，无从沿用", "Registered as {value}, but no earlier round has {detail}", "第一个月就报“无变化”", _OURS),
    Rule("rows_carried", "note", "{value}，沿用 {proposal} 批次的 {detail} 条", "{detail} rows carried forward from {proposal} ({value})", "本月报“无变化”", _OURS),
    Rule("rounds_skipped", "note", "上一批次是 {proposal}，中间缺 {detail} 个月", "The round before is {proposal}: {detail} months are missing between", "2022-11 之后就是 2023-03", _OURS),
    Rule("contact_role_unknown", "warning", "看不出是牵头负责人还是具体责任人", "Neither a lead nor a keeper", "角色栏空", "notice, 附件2"),
    Rule("count_unreadable", "error", "已录入数“{value}”不是一个整数，未采用", "Not a whole number", "约 20", _OURS),
    Rule("count_twice", "warning", "同一乡镇同一品种的已录入数写了两次，均未采用", "Counted twice: neither is used", "湖头镇豇豆两行", _OURS),
    Rule("upload_subject_missing", "warning", "导出的条目没有主体，无法核对", "An entry without a subject cannot be compared", "主体栏空", _OURS),
    Rule("test_result_missing", "warning", "未填检测结果", "No test result given", "结果栏空", _OURS),
    Rule("test_value_unreadable", "note", "检测值“{value}”不是一个数", "The value is not a number", "检测值写“偏低”", _OURS),
    Rule("carried_forward", "note", "本批次没有{detail}", "Not in this round: {detail}", "3 月批次没有附件5", _OURS),
)  # fmt: skip

RULES: Final[Mapping[str, Rule]] = {rule.id: rule for rule in _TABLE}

_COMPARED_SIGNS: Final = 20
_COMPARED_TEXTS: Final = 500
_MOBILE = re.compile(r"(?<!\d)(1\d{2})(?:[ -]?\d{4}[ -]?|\.\d{4}\.)(\d{4})(?!\d)")
_LANDLINE = re.compile(r"(?<!\d)(?<!\d\.)(0\d{2,3})[- ]?\d{3,4}(\d{4})(?!\d|\.\d)")
# A sieve for both: each begins with three digits, of any script. All of the two in RE2 takes ten times as long.
_MAY_BE_PHONE = r"\p{Nd}{3}"


def mask_phones(text: pd.Series) -> pd.Series:
    """Return `text` with the middle digits of every mobile and landline number hidden, written together or apart.

    >>> mask_phones(pd.Series(["张三 13800001234", None], dtype="str")).tolist()
    ['张三 138****1234', nan]
    """
    return texts.each(text, mask_phone, sieve=_MAY_BE_PHONE)


def mask_phone(text: str) -> str:
    """Return one text as `mask_phones` does a column.

    >>> mask_phone("林 0595-23280000"), mask_phone("118.12345678,25.1")
    ('林 0595****0000', '118.12345678,25.1')
    """
    return _LANDLINE.sub(r"\1****\2", _MOBILE.sub(r"\1****\2", text))


def found(rule: str, at: pd.DataFrame, *, field: str = "", **said: pd.Series | str) -> pd.DataFrame:
    """Return one finding of `rule` for every row of `at`, still without severity and message.

    Parameters
    ----------
    rule
        An id of `RULES`; KeyError otherwise.
    at
        Where: columns `file, sheet, row, cell`, and `record_id` where known.
    field
        The canonical field concerned.
    said
        `value` (what stands there), `proposal`, `detail`; one text for all, or a series aligned to `at`.
    """
    # One construction: adding columns one by one costs more than everything else here.
    places = {column: at.get(column, pd.NA) for column in ("file", "sheet", "row", "cell", "record_id")}
    quoted = {column: said.get(column, "") for column in ("value", "proposal", "detail")}
    return pd.DataFrame({"rule": RULES[rule].id, "field": field, **places, **quoted}, index=at.index)


def compose(parts: Sequence[pd.DataFrame], *, lang: str = "zh") -> pd.DataFrame:
    """Return all findings as one frame with the columns `FINDING_COLUMNS`, sorted by file, sheet, row and rule.

    Messages are written from the table; mobile numbers in quoted text are masked, growers' and officials' alike.
    """
    kept = [part for part in parts if len(part)]
    if not kept:
        return pd.DataFrame({column: pd.Series(dtype="str") for column in FINDING_COLUMNS}).astype({"row": "Int64"})
    frame = pd.concat(kept, ignore_index=True)
    columns = ["file", "sheet", "cell", "record_id", "value", "proposal", "detail"]
    frame[columns] = frame[columns].astype("str").fillna("")
    for column in ("value", "proposal", "detail"):
        frame[column] = mask_phones(frame[column])
    frame["row"] = frame["row"].astype("Int64")
    frame["severity"] = frame["rule"].map({rule.id: rule.severity for rule in RULES.values()}).astype("str")
    forms = {rule.id: rule.zh if lang == "zh" else rule.en for rule in RULES.values()}
    frame["message"] = frame["rule"].map(forms).astype("str")
    quotes = frame["rule"].isin([rule for rule, form in forms.items() if "{" in form])
    told = frame.loc[quotes, ["rule", "value", "proposal", "detail"]].to_numpy()
    frame.loc[quotes, "message"] = [
        forms[rule].format(value=value, proposal=proposal, detail=detail) for rule, value, proposal, detail in told
    ]
    order = ["file", "sheet", "row", "rule", "field", "cell", "value", "record_id"]
    return frame.sort_values(order, ignore_index=True)[FINDING_COLUMNS]


def tally(findings: pd.DataFrame, *, lang: str = "zh") -> pd.DataFrame:
    """Count findings by rule: `severity, rule, message, example, count`, the gravest first, then the most frequent.

    `message` is the rule's own, … standing for what each finding quotes.
    """
    table = findings.groupby(["severity", "rule"]).size().rename("count").reset_index()
    forms = {
        rule.id: (rule.zh if lang == "zh" else rule.en).format(value="…", proposal="…", detail="…")
        for rule in RULES.values()
    }
    table["message"] = table["rule"].map(forms).astype("str")
    table["example"] = table["rule"].map({rule.id: rule.example for rule in RULES.values()}).astype("str")
    table["order"] = table["severity"].map({severity: place for place, severity in enumerate(SEVERITIES)})
    table = table.sort_values(["order", "count", "rule"], ascending=[True, False, True], ignore_index=True)
    return table[["severity", "rule", "message", "example", "count"]]


def rules_page() -> str:
    """Return the table of rules as Markdown, as it stands in ``docs/rules.md``; a test holds the two together."""
    head = [
        "# 规则表 · Rules",
        "",
        "Made from the table in `findings` by `make docs`; a test fails when they differ. An **error** blocks a row or loses a",
        "value, a **warning** is doubtful, **fixed** was repaired because only one reading is possible, a **note** informs.",
        "“Blocks” rows wait for correction (待更正) and count in no total; a registry row without a size is kept.",
        "",
        "| rule | severity | blocks | 中文 | English | example | source |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [
        f"| `{rule.id}` | {rule.severity} | {'yes' if rule.blocks else ''} | {rule.zh} | {rule.en} | {rule.example} | {rule.source} |"
        for rule in RULES.values()
    ]
    return "\n".join([*head, *rows, ""])


def written(values: pd.Series, form: str) -> pd.Series:
    """Return each value as text in a format such as ``{:.1f} 公里`` (aligned; empty stays text, unlike a map)."""
    return pd.Series([form.format(value) for value in values], index=values.index, dtype="str")


def closest(typed: pd.Series, options: Iterable[str], cutoff: float, *, but: Container[str] = ()) -> pd.Series:
    """Return for each text the one option that resembles it most, empty where none does or two do equally.

    Parameters
    ----------
    typed
        What was typed, NA allowed; each distinct text is compared once.
    options
        What might have been meant.
    cutoff
        The least likeness, 0 to 1 (difflib's ratio).
    but
        Texts that are known to mean something else.

    >>> closest(pd.Series(["半露地", "口头承诺"], dtype="str"), ["露地", "设施"], 0.6).tolist()
    ['露地', '']
    """
    names = sorted(set(options))
    distinct = [text for text in typed.dropna().unique() if len(text) <= _COMPARED_SIGNS and text not in but]
    nearest = {}
    # More than a few hundred other texts are another kind of column, not slips of the pen.
    for text in distinct if len(distinct) <= _COMPARED_TEXTS else ():
        near = difflib.get_close_matches(text, names, n=2, cutoff=cutoff)
        likeness = [difflib.SequenceMatcher(None, name, text).ratio() for name in near]
        if near and (len(near) == 1 or likeness[0] > likeness[1]):
            nearest[text] = near[0]
    if not nearest:
        return pd.Series("", index=typed.index, dtype="str")
    return typed.map(nearest).astype("str").fillna("")


def blocking() -> list[str]:
    """Return the ids of the rules that quarantine a row."""
    return [rule.id for rule in RULES.values() if rule.blocks]
