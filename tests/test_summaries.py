"""The tables that are printed and submitted: the terms add up, buyers stand apart, 亩 and 头 are never one figure."""

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import originmap as om
from originmap import exports, summaries
from originmap.decisions import Person, Store


@pytest.fixture(scope="module")
def sample() -> om.Round:
    return om.open_round()


@pytest.fixture(scope="module")
def gaps(sample: om.Round) -> pd.DataFrame:
    return om.reconcile.planting_area(sample)


TERMS = ["未入名录(亩)", "规模以下(亩)", "漏采(亩)", "无法识别(亩)", "面积不一致(亩)", "名录外(亩)"]


def test_the_area_check_adds_up_in_every_row_and_prints_what_townships_say(
    sample: om.Round, gaps: pd.DataFrame, tmp_path: Path
) -> None:
    store = Store(tmp_path / "d.db")
    said = om.gaps.explanation(sample, "350524102", "cowpea", "有 8 亩已改种水稻", why="电话核实")
    store.record(said, by=Person("林一", "种植业股"), at="2023-03-20T10:00:00+08:00")
    told = om.gaps.explanations(sample, store.entries())
    table, last = summaries.area_table(sample, gaps, gaps, explanations=told)
    assert list(table.columns) == [
        "乡镇", "产品", "附件5底数(亩)", "名录面积(亩)", "采集面积(亩)", "差额(亩)", *TERMS, "核对结果", "乡镇说明", "核实人/日期",
    ]  # fmt: skip
    known = table.dropna(subset=["附件5底数(亩)", "名录面积(亩)", "采集面积(亩)"])
    total = known[TERMS[:4]].sum(axis=1) - known[TERMS[4:]].sum(axis=1)
    assert len(known) > 40
    assert ((total - known["差额(亩)"]).abs() < 0.005).all()
    assert table.iloc[-last:]["乡镇"].isin(["全县合计", "其中名录齐全"]).all()
    exports.write_xlsx(tmp_path / "t.xlsx", table, title="面积核对表", totals=last)
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    (row,) = [row for row in sheet.iter_rows(values_only=True) if row[0] == "湖头镇" and row[1] == "豇豆"]
    assert row[-2:] == ("有 8 亩已改种水稻", "林一（种植业股）2023-03-20")
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.page_setup.paperSize == 9
    assert sheet.cell(sheet.max_row, 1).font.bold


def test_the_countys_row_sums_the_townships_that_it_names(sample: om.Round, gaps: pd.DataFrame) -> None:
    table, last = summaries.area_table(sample, gaps, gaps)
    rows, totals = table.iloc[:-last], table.iloc[-last:]
    for product in ("豇豆", "韭菜", "芹菜"):
        of = rows[(rows["产品"] == product) & rows["附件5底数(亩)"].notna() & rows["采集面积(亩)"].notna()]
        whole = of[of["名录面积(亩)"].notna()]
        assert totals.loc[totals["产品"] == product, "名录面积(亩)"].notna().any()
        for total in totals[totals["产品"] == product].to_dict("records"):
            summed = whole if pd.notna(total["名录面积(亩)"]) else of
            assert total["核对结果"] == f"{len(summed)}/24 个乡镇"
            assert total["差额(亩)"] == pytest.approx(summed["差额(亩)"].sum(), abs=0.005)
    public, only = summaries.area_table(sample, gaps.iloc[:0], gaps)
    assert len(public) == only == last


def test_herds_are_checked_in_their_own_unit(sample: om.Round) -> None:
    herds = om.reconcile.livestock(sample)
    table, last = summaries.herd_table(sample, herds)
    assert last == 5
    assert set(table.loc[table["产品"] == "鸡蛋", "规模单位"]) == {"只"}
    whole = table.iloc[:-last].dropna(subset=["差额"])
    total = whole[["规模以下", "漏采", "无法识别"]].sum(axis=1) - whole[["数量不一致", "名录外"]].sum(axis=1)
    assert len(whole) > 50
    assert ((total - whole["差额"]).abs() < 0.005).all()


def test_both_lists_are_handed_on_whole_with_their_totals_last(sample: om.Round, gaps: pd.DataFrame) -> None:
    table, last = summaries.collection_table(sample)
    accepted = sample.records[sample.records["status"] == "accepted"]
    assert len(table) - last == len(accepted)
    assert table["序号"].iloc[: len(accepted)].tolist() == [str(at + 1) for at in range(len(accepted))]
    assert table["乡镇"].iloc[-1] == "合计"
    assert pd.isna(table["规模数值"].iloc[-1])  # 亩 and heads make no sum
    cowpea = table[(table["乡镇"] == "小计") & (table["产品"] == "豇豆")].iloc[0]
    assert cowpea["规模数值"] == pytest.approx(gaps.loc[gaps["product"] == "cowpea", "collected_mu"].sum(), abs=0.005)
    phones = table["联系电话"].iloc[:-last]
    assert phones.str.contains(r"\*\*\*\*").any()
    assert not phones.str.contains(r"\d{7}").any()
    listed, last = summaries.registry_table(sample)
    assert len(listed) - last == int((sample.registry["status"] == "accepted").sum())
    assert listed["种养殖主体"].iloc[-1].startswith(f"{_growers(sample)} 个主体")


def _growers(sample: om.Round) -> int:
    rows = sample.registry[(sample.registry["status"] == "accepted") & (sample.registry["subject_type"] != "buyer")]
    return int((rows["township_code"] + om.subjects.normal_name(rows["subject_name"], sample.places)).nunique())
