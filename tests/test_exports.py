"""Tables that an office prints: right figures, text as text, unknown as —."""

from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from books import area_sheet, collection_sheet, grower, write_book

import originmap as om
from originmap import exports, returns


@pytest.fixture(scope="module")
def sample() -> om.Round:
    return om.open_round()


def test_the_summary_has_the_areas_of_the_reconciliation(sample: om.Round) -> None:
    table = exports.summary_table(sample).set_index("乡镇")
    gaps = om.reconcile.planting_area(sample)
    for product in sample.rules.baseline_products:
        name = sample.rules.products[product].name
        expected = gaps[gaps["product"] == product].set_index("township")["collected_mu"]
        made = table[f"{name}›面积(亩)"].drop("合计")
        pd.testing.assert_series_equal(made.astype(float), expected, check_names=False)
        assert table.loc["合计", f"{name}›面积(亩)"] == pytest.approx(expected.sum(), abs=0.01)


def test_a_township_that_sent_nothing_is_unknown_not_zero(sample: om.Round) -> None:
    table = exports.summary_table(sample).set_index("乡镇")
    silent = om.reconcile.planting_area(sample)
    (name,) = silent.loc[silent["gap_status"] == "not_submitted", "township"].unique()
    assert table.loc[name].isna().all()


def test_numbers_stay_numbers_and_unknown_is_a_dash(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"乡镇": ["湖头镇", "=1+1"], "豇豆›面积": [1.5, None], "豇豆›主体": pd.array([3, None], "Int64")}
    )
    exports.write_xlsx(tmp_path / "t.xlsx", frame, title="一张表", notes=["说明"])
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=1, max_row=5)]
    assert rows[0][0] == "一张表"
    assert rows[1:3] == [["乡镇", "豇豆", None], [None, "面积", "主体"]]
    assert rows[3:5] == [["湖头镇", 1.5, 3], ["=1+1", "—", "—"]]
    assert sheet["A5"].data_type == "s"
    assert sheet["B4"].number_format == "#,##0.00"
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.print_title_rows == "$2:$3"
    before = (tmp_path / "t.xlsx").read_bytes()
    exports.write_xlsx(tmp_path / "t.xlsx", frame, title="一张表", notes=["说明"])
    assert (tmp_path / "t.xlsx").read_bytes() == before


def test_a_wide_table_gives_way_in_its_texts_never_in_its_numbers() -> None:
    long = "很长的一段话，要占很多格才写得下，所以要折行"
    frame = pd.DataFrame({"数": [1_234_567.89], **{f"文{number}": [long] for number in range(8)}})
    widths = exports._widths(frame)
    assert sum(widths) <= exports.PAGE_WIDTH + len(widths)
    assert widths[0] >= len("1,234,567.89")
    assert exports._lines(frame.iloc[0], widths) > 1


def test_corrections_name_the_cell_and_the_subject(tmp_path: Path) -> None:
    rows = [grower(), grower(序号=2, 种养殖主体="王小样", 种养规模="若干")]
    write_book(
        tmp_path / "2023-03" / "a.xlsx", {"S": collection_sheet(*rows), "面积": area_sheet([1, "湖头镇", 3, 4, 5])}
    )
    round_ = om.open_round(tmp_path / "2023-03")
    table = returns.correction_list(returns.corrections(round_), "350524102")
    assert table[["单元格", "主体", "字段", "现填内容"]].to_numpy().tolist() == [["I4", "王小样", "种养规模", "若干"]]
    assert returns.correction_list(returns.corrections(round_), "350524100").empty
