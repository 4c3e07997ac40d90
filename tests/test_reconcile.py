"""Gaps: exact where both sides are known, and unknown never zero."""

from pathlib import Path

import pandas as pd
import pytest
from books import REGISTRY_HEADER, area_sheet, collection_sheet, grower, write_book
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import originmap as om


def county(
    tmp_path: Path, *, area: list[list[object]], rows: list[list[object]], **sheets: list[list[object]]
) -> om.Round:
    folder = tmp_path / "2023-03"
    write_book(folder / "附件5.xlsx", {"S": area_sheet(*area)})
    write_book(folder / "附件1.xlsx", {"附件1": collection_sheet(*rows), **sheets})
    return om.open_round(folder)


def gap(round_: om.Round, township: str, product: str, **options: object) -> pd.Series:
    gaps = om.reconcile.planting_area(round_, **options)  # type: ignore[arg-type]
    (row,) = (row for _, row in gaps.iterrows() if row["township"] == township and row["product"] == product)
    return row


def test_one_row_per_township_and_baseline_crop(tmp_path: Path) -> None:
    gaps = om.reconcile.planting_area(county(tmp_path, area=[[1, "湖头镇", 3, None, 0]], rows=[grower()]))
    assert list(gaps.columns) == om.reconcile.GAP_COLUMNS
    assert len(gaps) == 24 * 3
    assert not gaps.duplicated(["township_code", "product"]).any()


def test_statuses_in_their_order(tmp_path: Path) -> None:
    celery = [["填报单位：湖头镇"], ["主体名称", "联系人", "电话", "种植面积(亩)", "地址", "坐标", "上市期"], ["无"]]
    area = [[1, "湖头镇", 2.9, 4, 5], [2, "感德镇", 0, 1, None], [3, "西坪镇", 9, 9, 9], [4, "长坑乡", 2.5, 0, 0]]
    rows = [grower(), grower(乡镇="感德镇"), grower(乡镇="长卿镇", 种养规模="若干")]
    round_ = county(tmp_path, area=area, rows=rows, 芹菜=celery)
    assert gap(round_, "湖头镇", "cowpea")["gap_status"] == "balanced"
    assert gap(round_, "湖头镇", "cowpea")["gap_mu"] == 0.4
    zero = gap(round_, "湖头镇", "celery")
    assert (zero["collected_mu"], zero["gap_mu"], zero["gap_status"], zero["coverage_pct"]) == (0, 4, "short", 0)
    silent = gap(round_, "湖头镇", "chinese_chive")
    assert silent["gap_status"] == "not_reported"
    assert silent[["collected_mu", "gap_mu", "coverage_pct"]].isna().all()
    over = gap(round_, "感德镇", "cowpea")
    assert (over["gap_status"], over["gap_mu"]) == ("over", -2.5)
    assert pd.isna(over["coverage_pct"])
    assert gap(round_, "感德镇", "chinese_chive")["gap_status"] == "no_baseline"
    assert gap(round_, "西坪镇", "cowpea")["gap_status"] == "not_submitted"
    assert pd.isna(gap(round_, "西坪镇", "cowpea")["collected_mu"])
    # Every row quarantined: something was reported, none of it counts.
    mended = gap(round_, "长卿镇", "cowpea")
    assert (mended["collected_mu"], mended["gap_status"]) == (0, "short")
    assert mended["baseline_cell"] == "附件5.xlsx〔S〕C6"


def test_not_due_before_the_month_of_the_report_date_unless_something_came(tmp_path: Path) -> None:
    folder = tmp_path / "2023-02"
    write_book(folder / "a.xlsx", {"面积": area_sheet([1, "湖头镇", 3, 4, 5]), "附件1": collection_sheet(grower())})
    round_ = om.open_round(folder)
    assert gap(round_, "湖头镇", "celery")["gap_status"] == "not_due"
    assert gap(round_, "湖头镇", "cowpea")["gap_status"] == "balanced"
    later = om.open_round(folder, as_of="2023-03-01")
    assert gap(later, "湖头镇", "celery")["gap_status"] == "not_reported"


def test_buyers_stand_outside_and_below_threshold_rows_inside(tmp_path: Path) -> None:
    rows = [
        grower(),
        grower(种养殖主体="商", 主体类型="产地收购商", 种养规模=50),
        grower(种养殖主体="小", 种养规模=0.3),
    ]
    round_ = county(tmp_path, area=[[1, "湖头镇", 3, 0, 0]], rows=rows)
    row = gap(round_, "湖头镇", "cowpea")
    assert (row["collected_mu"], row["subjects"]) == (2.8, 2)
    assert round_.records["in_scope"].tolist() == [True, True, False]


def test_registry_area_is_known_only_where_the_township_sent_one(tmp_path: Path) -> None:
    registry = [["名录（样例数据）"], REGISTRY_HEADER,
                ["湖头镇", "前溪村", "林小样", "农户", "林小样", "13900000001", "豇豆", 2.4, "亩", "前溪村"],
                ["湖头镇", "前溪村", "陈小样", "农户", "陈小样", "13900000002", "豇豆", None, "亩", "前溪村"]]  # fmt: skip
    round_ = county(tmp_path, area=[[1, "湖头镇", 3, 0, 0]], rows=[grower()], 名录=registry)
    assert gap(round_, "湖头镇", "cowpea")["registry_mu"] == 2.4
    assert gap(round_, "湖头镇", "celery")["registry_mu"] == 0
    assert pd.isna(gap(round_, "感德镇", "cowpea")["registry_mu"])
    # A registered subject without a size stays in the registry.
    assert round_.registry["status"].tolist() == ["accepted", "accepted"]


def test_the_planting_area_tables_own_mistakes_are_said_with_their_cells(tmp_path: Path) -> None:
    area = [
        [1, "湖头镇", 3, 4, 5, 13],
        [2, "感德镇", "待核", 1, 1, 2],
        [3, "西坪镇", 1, 1, 1, 3],
        [4, "西坪", 2, 1, 1, 4],
        [5, None, 1, 1, 1, 3],
        ["合计", None, 7, 7, 8],
    ]
    round_ = county(tmp_path, area=area, rows=[grower()])
    found = {(row["rule"], row["cell"]) for row in round_.findings.to_dict("records") if row["file"] == "附件5.xlsx"}
    assert found == {
        ("baseline_total_differs", "F3"),
        ("baseline_unreadable", "C4"),
        ("baseline_township_twice", "C5"),
        ("baseline_township_twice", "C6"),
        ("township_unknown", "B7"),
        ("baseline_township_missing", "B2"),
        ("baseline_total_differs", "D8"),
        ("baseline_total_differs", "E8"),
    }
    assert gap(round_, "感德镇", "cowpea")["gap_status"] == "no_baseline"
    assert gap(round_, "西坪镇", "cowpea")["gap_status"] == "no_baseline"
    assert gap(round_, "西坪镇", "celery")["baseline_mu"] == 1


def test_county_sums_the_same_known_townships_on_both_sides(tmp_path: Path) -> None:
    area = [[1, "湖头镇", 3, 4, 5], [2, "西坪镇", 100, 9, 9], [3, "感德镇", None, 1, 1]]
    round_ = county(tmp_path, area=area, rows=[grower(), grower(乡镇="感德镇")])
    total = om.reconcile.county(om.reconcile.planting_area(round_)).set_index("product").loc["cowpea"]
    assert (total["known_townships"], total["townships"], total["baseline_mu"], total["collected_mu"]) == (
        1,
        24,
        3,
        2.5,
    )
    assert pd.isna(om.reconcile.county(om.reconcile.planting_area(round_)).set_index("product").loc["celery", "gap_mu"])


def test_a_collected_figure_is_rebuilt_from_its_cells(tmp_path: Path) -> None:
    rows = [grower(), grower(种养殖主体="王", 种养规模="2亩3分")]
    round_ = county(tmp_path, area=[[1, "湖头镇", 3, 4, 5]], rows=rows)
    cells = om.reconcile.collected_cells(round_, "350524102", "cowpea")
    assert cells["source_cell"].tolist() == ["附件1.xlsx〔附件1〕I3", "附件1.xlsx〔附件1〕I4"]
    assert cells["area_mu"].sum() == gap(round_, "湖头镇", "cowpea")["collected_mu"]
    with pytest.raises(ValueError, match="不存在"):
        om.reconcile.collected_cells(round_, "1", "cowpea")
    with pytest.raises(ValueError, match="不在规则中"):
        om.reconcile.collected_cells(round_, "350524102", "rice")


def test_a_wrong_measure_is_one_clear_error(tmp_path: Path) -> None:
    round_ = county(tmp_path, area=[[1, "湖头镇", 3, 4, 5]], rows=[grower()])
    with pytest.raises(ValueError, match="standing"):
        om.reconcile.planting_area(round_, measure="all")


SIZES = st.lists(st.decimals("0.1", "20", places=2), min_size=1, max_size=6)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=SIZES, baseline=st.decimals(0, 60, places=2), seed=st.randoms(use_true_random=False))
def test_gap_is_exact_and_order_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[object], baseline: object, seed: object
) -> None:
    tmp_path = tmp_path_factory.mktemp("county")
    rows = [grower(种养殖主体=f"甲{n}", 种养规模=float(str(size))) for n, size in enumerate(sizes)]
    area: list[list[object]] = [[1, "湖头镇", float(str(baseline)), 0, 0]]
    first = gap(county(tmp_path / "a", area=area, rows=rows), "湖头镇", "cowpea")
    seed.shuffle(rows)  # type: ignore[attr-defined]
    second = gap(county(tmp_path / "b", area=area, rows=rows), "湖头镇", "cowpea")
    assert first["gap_mu"] == pytest.approx(float(str(baseline)) - sum(float(str(size)) for size in sizes), abs=0.005)
    pd.testing.assert_series_equal(first, second, check_names=False)
