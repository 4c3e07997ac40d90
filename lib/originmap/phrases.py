"""Phrases: what the one map says beside the vocabulary's labels and codes, each in Chinese and English.

A sentence is one entry with its values in braces; a list is joined with the language's own marks. Names that come from sheets stay as they are.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from originmap.vocab import Lang

PHRASES: Final[Mapping[str, tuple[str, str]]] = {
    # marks between words
    "list": ("、", ", "),
    "clause": ("，", ", "),
    "sentence": ("；", "; "),
    "told": ("{what}：{said}", "{what}: {said}"),
    "at": ("{value}（{cell}）", "{value} ({cell})"),
    "measured": ("{size}{unit}", "{size} {unit}"),
    # the line above and the note on the map
    "theme_one_map": ("产地一张图", " on one map"),
    "title": ("{region}{theme}　{round} 批次，截至 {as_of}　{profile}", "{region}{theme}, round {round}, as of {as_of}. {profile}"),
    "sample": ("样例数据（虚构）", "Sample data (invented)"),
    "schematic": ("乡镇为示意单元，非行政区域界线", "Townships are schematic cells, not boundaries"),
    "official": ("乡镇界线由本地提供", "Township boundaries as provided locally"),
    "layer_cells": ("乡镇（示意单元）", "Townships (schematic)"),
    "layer_points": ("产地", "Places of origin"),
    "layer_ring": ("所选记录", "Chosen record"),
    "layer_names": ("乡镇名", "Township names"),
    # controls
    "none_is_all": ("{name}（不选 = 全部）", "{name} (none = all)"),
    "hold_ctrl": ("按住 Ctrl 可多选", "Hold Ctrl to choose several"),
    "size": ("规模", "Size"),
    "one_unit": ("先选同一单位的产品", "choose products of one unit"),
    "no_limit": ("不限", "no limit"),
    "window": ("上市期", "On market"),
    "any_time": ("不限上市期", "Any time"),
    "play": ("放映全年，一旬一旬", "Play the year, ten days a step"),
    "find": ("查找", "Find"),
    "find_in": ("主体、村、地块或地址", "subject, village, plot or address"),
    "reset": ("清除筛选", "Clear filters"),
    "reset_tip": ("显示全部记录", "Show all records"),
    "more": ("更多筛选：追溯方式、信用、点位、问题、状态", "More filters: trace method, credit, point, findings, status"),
    # seasons
    "period": ("{month}月{third}旬", "{third} {month}"),
    "next_year": ("次年{when}", "{when} next year"),
    "all_year": ("全年", "all year"),
    "one_month": ("{month}月", "{month}"),
    "months": ("{first}–{last}月", "{first}–{last}"),
    "months_round": ("{first}月–次年{last}月", "{first}–{last} next year"),
    "from_on": ("{window}起", "from {window}"),
    # filters in words, and the sentence
    "all_products": ("全部产品", "All products"),
    "credit": ("信用{grade}", "credit {grade}"),
    "on_market": ("{window}上市", "on the market {window}"),
    "point_is": ("点位{status}", "point {status}"),
    "any_status": ("各种状态", "any status"),
    "with_findings": ("有{severity}", "with {severity}"),
    "saying": ("含“{text}”", "saying “{text}”"),
    "n_subjects": ("{n:,} 个主体", "{n:,} subjects"),
    "n_buyers": ("另有产地收购商 {n} 家", "and {n} buyers at origin"),
    "measure": ("（{measure}）", " ({measure})"),
    # charts, table, counts
    "bars_title": ("各乡镇主体数，按品种（点一行只看这个乡镇）", "Subjects by township and product (press one to look at that township)"),
    "bar": ("{n:.0f} 个", "{n:.0f}"),
    "bar_area": ("，{area:,.1f} 亩", ", {area:,.1f} mu"),
    "calendar_title": ("上市时间，按旬；每个品种自成比例（点月份只看这个月）", "On the market, ten days a column, each product on its own scale (press a month)"),
    "rows": ("共 {n:,} 条", "{n:,} records"),
    "rows_cut": ("共 {n:,} 条，列出前 {shown} 条", "{n:,} records, the first {shown} listed"),
    "located_of": ("已定位 {n} / {m} 条", "{n} of {m} located"),
    "not_located": ("；未定位 {n} 条：{where}", "; {n} not located: {where}"),
    "town_unknown": ("乡镇不明", "township unknown"),
    # the card
    "hint": ("点图上的圆或表中的一行，看一条记录和它的每个单元格；点一个乡镇，只看这个乡镇。",
             "Press a circle on the map or a row of the table for a record and the cell of each value; a township to look at it alone."),
    "whole_row": ("整行", "the row"),
    "row": ("第 {row} 行", "row {row}"),
    "finding": ("{severity}：{message}（{cell}）", "{severity}: {message} ({cell})"),
    "source": ("出处：{source}", "Source: {source}"),
    "tests": ("快检", "Rapid tests"),
    "past": ("以前批次", "Earlier rounds"),
    "no_past": ("以前的批次里没有找到这个主体的这个产品。", "No earlier round tells of this subject and product."),
    "look_back": ("看以前批次", "Earlier rounds"),
    "lost": ("没有定位，图上没有它。", "Not located: the map does not show it."),
    # selections and phones on record
    "saved": ("已存选择", "Saved"),
    "name": ("名称", "Name"),
    "who": ("决定人", "Your name"),
    "section": ("科室", "Section"),
    "save": ("存下这个选择", "Save selection"),
    "save_done": ("已存：{name}", "Saved: {name}"),
    "need_name": ("请给这个选择起个名称。", "Give the selection a name."),
    "need_who": ("请先写明决定人的姓名和科室。", "Write your name and section first."),
    "need_phone": ("请先选一条有电话的记录。", "Choose a record with a phone first."),
    "reveal": ("显示电话（留记录）", "Show phone (recorded)"),
    "reveal_done": ("已显示“{name}”的电话，并已记录：{who}（{section}）。", "Phone of “{name}” shown, and that is recorded: {who} ({section})."),
    "parameters": ("交给简报的参数：{line}", "As a parameter for a briefing: {line}"),
    # legends
    "legend_products": ("品种", "Product"),
    "legend_sizes": ("规模", "Size"),
    "product_unknown": ("产品不明", "product unknown"),
    "hollow": ("{who}（空心）", "{who} (hollow)"),
    "legend_groups": ("分组", "Groups"),
    "legend_records": ("记录数", "Records"),
    "half": ("{product}占一半以上", "at least half {product}"),
    "mixed": ("各品种都不到一半", "no product has half"),
    "n_records": ("{n} 条", "{n}"),
    "grouped": ("记录太多，先按方格合成一组；点一组放大，不超过 {n:,} 个点时逐个画出。",
                "Too many records for single points: squares are drawn as groups. Press one to go nearer; {n:,} points or fewer are drawn singly."),
    # layers: what townships are shaded and marked with, rapid tests, plots, base maps
    "shade": ("乡镇底色", "Shading"),
    "mark": ("乡镇符号", "Symbols"),
    "no_layer": ("不画", "None"),
    "base_map": ("底图", "Base map"),
    "no_base": ("只有乡镇单元（不连网）", "Township cells (offline)"),
    "show_points": ("产地点", "Places of origin"),
    "show_tests": ("快检", "Rapid tests"),
    "show_plots": ("地块", "Plots"),
    "layer_ground": ("乡镇底色", "Township shading"),
    "layer_marks": ("乡镇符号", "Township symbols"),
    "layer_base": ("底图", "Base map"),
    "no_crop": ("所选的都不以亩计，没有面积可画。", "None of the chosen products is measured in mu: there is no area to draw."),
    "no_herd": ("所选的都不是畜禽，没有存栏可画。", "None of the chosen products is livestock: there are no animals to draw."),
    "herds": ("头和只、不同的畜禽不能相加：请只选一种畜禽。", "Heads of different animals do not add up: choose one kind."),
    "no_table": ("附件5面积表里没有所选的品种，没有底数可比。", "The planting-area table has none of the chosen products."),
    "no_ledger": ("本批次没有快检结果。", "This round has no rapid tests."),
    "cells_are": ("示意单元", "schematic cells"),
    "about": ("{measure}（{unit}）", "{measure} ({unit})"),
    "n_towns": ("{what}：{n} 个乡镇", "{what}: {n} townships"),
    "partial": ("其中 {n} 个乡镇有品种不明，只按已知的品种算：{where}", "In {n} townships only the known products count: {where}"),
    "unfiltered": ("只随品种和乡镇筛选变，不随规模、上市期等变。", "Follows the filters of product and township only."),
    "total_shaded": ("总量涂色受乡镇大小影响，比多少请用“乡镇符号”。", "A shaded total depends on a township's extent: compare amounts by symbols."),
    "no_cell": ("没有单元可涂：{where}", "Without a cell to shade: {where}"),
    "by_area": ("圆的面积与数值成比例", "The area of a circle is proportional to the value"),
    "zero_marks": ("0 不画：{n} 个乡镇", "0 is not drawn: {n} townships"),
    "ring_unknown": ("{what}（虚线小圈）：{n} 个乡镇", "{what} (small dashed ring): {n} townships"),
    "figures": ("各乡镇数值", "Township figures"),
    "no_figures": ("选一种乡镇底色或符号，这里列出各乡镇的数。", "Choose a shading or symbols: the figures are listed here."),
    "class": ("档次", "Class"),
    "off_map": ("图上没有的记录：{n} / {m} 条", "Records not on the map: {n} of {m}"),
    "off_map_cut": ("列出前 {n} 条", "the first {n} are listed"),
    "all_on_map": ("所选记录都在图上。", "All chosen records are on the map."),
    "reason": ("原因", "Reason"),
    "tests_placed": ("快检 {m} 批：{n} 批在主体的点上，{k} 批只知乡镇，{j} 批放不上图", "{m} rapid tests: {n} at the subject's point, {k} at the township's seat, {j} not on the map"),
    "tests_rest": ("不在主体点上的快检：{n} 批", "Rapid tests not at a subject's point: {n}"),
    "no_rest": ("快检都在主体的点上。", "All rapid tests stand at a subject's point."),
    "test_pass": ("合格（绿色方框）", "passed (green square)"),
    "test_fail": ("有不合格（深红粗三角）", "failed (thick dark red triangle)"),
    "test_unknown": ("没写结果（虚线菱形）", "no result (dashed diamond)"),
    "test_seat": ("白底：只知乡镇，画在驻地", "white inside: only the township is known, drawn at its seat"),
    "n_samples": ("{what}：{n} 批", "{what}: {n}"),
    "result": ("结果", "Result"),
    "n_plots": ("地块 {n} 个，勾绘共 {area} 亩", "{n} plots, {area} mu as drawn"),
    "no_plots": ("本批次还没有勾绘的地块。", "No plot has been drawn in this round."),
    "plot": ("{name}　{product}：{said}", "{name}, {product}: {said}"),
    "in_datum": ("底图“{name}”是 {datum}：点、单元、符号为显示移过去，数据仍是 WGS84。", "“{name}” is in {datum}: what is drawn is shifted for display, the data stay WGS84."),
    # the digest
    "digest": ("图上画的", "On the map"),
    "value": ("值", "Value"),
    "filters": ("筛选", "Filters"),
    "located": ("已定位", "Located"),
    "groups": ("分组", "Groups"),
    "groups_of": ("{n} 条，{k} 组", "{n} records in {k} groups"),
    "features": ("图上要素", "Features"),
    "area_sum": ("逐个面积之和(亩)", "Sum of areas (mu)"),
    "west_east": ("西、东", "West, east"),
    "south_north": ("南、北", "South, north"),
    "coordinates": ("坐标摘要", "Digest of coordinates"),
    "symbols": ("符号摘要", "Digest of symbols"),
    # carried away
    "take": ("带走：", "Carry away:"),
    "take_picture": ("图（PNG、PDF）", "Picture (PNG, PDF)"),
    "take_page": ("网页（离线可用）", "Web page (offline)"),
    "take_gpkg": ("GeoPackage 和 QGIS 项目", "GeoPackage and QGIS project"),
    "take_geojson": ("GeoJSON", "GeoJSON"),
    "take_kml": ("KML", "KML"),
    "take_xlsx": ("Excel 表", "Excel table"),
    "taking": ("正在写……", "Writing …"),
    "taken": ("已写到 {folder}：{names}。", "Written to {folder}: {names}."),
    "taken_lost": ("没有定位的 {n} 条只在 GeoPackage、网页和 Excel 表里。", "{n} without a point are only in the GeoPackage, the page and the Excel table."),
    "taken_of": ("选中：{sentence}。", "Chosen: {sentence}."),
}  # fmt: skip


def phrase(key: str, lang: Lang = "zh", **values: object) -> str:
    """Return one of `PHRASES` with its values filled in; raises KeyError for a key that is none, or a value that is missing.

    >>> phrase("located_of", n=3, m=5), phrase("located_of", "en", n=3, m=5)
    ('已定位 3 / 5 条', '3 of 5 located')
    """
    return PHRASES[key][0 if lang == "zh" else 1].format(**values)


def joined(parts: Iterable[str], lang: Lang = "zh", *, by: str = "list") -> str:
    """Return parts as a list (``by="list"``), as clauses or as sentences, with the language's own marks.

    >>> joined(["豇豆", "韭菜"]), joined(["cowpea", "chive"], "en")
    ('豇豆、韭菜', 'cowpea, chive')
    """
    return PHRASES[by][0 if lang == "zh" else 1].join(parts)
