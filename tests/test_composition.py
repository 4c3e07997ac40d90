"""A round is put together from submissions and the round before: full, increment, unchanged, zero; newer over older."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from books import collection_sheet, grower, write_book

import originmap as om

RECEIPTS = ["乡镇", "品种", "收到时间", "渠道", "文件", "首报/补报/更正", "全量/增量/无变化/零报告", "盖章件", "登记人"]


def plot(name: str, size: object = 2.5, **more: object) -> list[object]:
    return grower(种养殖主体=name, 联系人=name, 种养规模=size, 基地地址=f"前溪村{name}家", **more)


def receipt(
    file: str | None, at: str | None, extent: str | None = "全量", *, product: str | None = "豇豆", town: str = "湖头镇"
) -> list[object]:
    return [town, product, at, "微信", file, "首报", extent, None, "林登记"]


def put(folder: Path, files: dict[str, Sequence[Sequence[object]]], *lines: Sequence[object]) -> Path:
    for name, rows in files.items():
        write_book(folder / name, {"S": collection_sheet(*rows)})
    if lines:
        write_book(folder / "收件登记.xlsx", {"R": [RECEIPTS, *lines]})
    return folder


def stands(round_: om.Round) -> dict[str, str]:
    """Return what counts: size and file by subject."""
    rows = round_.records[round_.records["status"] == "accepted"]
    return {row.subject_name: f"{row.size_value:g} {row.source_file}" for row in rows.itertuples()}


def rules_of(round_: om.Round) -> list[str]:
    names = ["superseded_by_receipt", "submissions_undecided", "nothing_before", "rows_carried", "rounds_skipped", "arrived_later", "receipt_contradicts"]  # fmt: skip
    return sorted(round_.findings.loc[round_.findings["rule"].isin(names), "rule"])


def test_the_newer_full_submission_holds_and_the_older_rows_become_duplicate(tmp_path: Path) -> None:
    files = {"旧.xlsx": [plot("甲"), plot("乙")], "新.xlsx": [plot("甲", 3), plot("丙", 4)]}
    lines = [receipt("旧.xlsx", "2023-03-05 09:00"), receipt("新.xlsx", "2023-03-09 09:00")]
    round_ = om.open_round(put(tmp_path / "2023-03", files, *lines))
    assert stands(round_) == {"甲": "3 新.xlsx", "丙": "4 新.xlsx"}
    old = round_.records[round_.records["source_file"] == "旧.xlsx"]
    assert old["status"].tolist() == ["duplicate", "duplicate"]
    assert round_.records["record_id"].is_unique
    assert rules_of(round_) == ["superseded_by_receipt"]
    assert round_.superseded[["file", "count", "slip"]].to_numpy().tolist() == [["旧.xlsx", 2, "新.xlsx"]]
    counts = round_.sheets.set_index("file").loc["旧.xlsx"]
    assert counts["rows_in"] == counts[["accepted", "quarantined", "duplicate", "skipped"]].sum()


def test_the_order_of_receipts_decides_not_names_or_file_times(tmp_path: Path) -> None:
    files = {"1.xlsx": [plot("甲", 3)], "2.xlsx": [plot("甲", 2)]}
    lines = [receipt("2.xlsx", "2023-03-05 09:00"), receipt("1.xlsx", "2023-03-05 09:01")]
    assert stands(om.open_round(put(tmp_path / "2023-03", files, *lines))) == {"甲": "3 1.xlsx"}


def test_a_later_file_of_another_product_takes_nothing_away(tmp_path: Path) -> None:
    files = {"a.xlsx": [plot("甲")], "b.xlsx": [plot("乙", 产品名称="芹菜")]}
    lines = [receipt("a.xlsx", "2023-03-05 09:00"), receipt("b.xlsx", "2023-03-09 09:00", product="芹菜")]
    assert set(stands(om.open_round(put(tmp_path / "2023-03", files, *lines)))) == {"甲", "乙"}


def test_versions_that_nothing_puts_in_order_wait(tmp_path: Path) -> None:
    files = {"a.xlsx": [plot("甲"), plot("乙")], "b.xlsx": [plot("甲", 3), plot("乙")], "c.xlsx": [plot("丙")]}
    round_ = om.open_round(put(tmp_path / "2023-03", files))
    assert stands(round_) == {"丙": "2.5 c.xlsx"}
    waits = round_.findings[round_.findings["rule"] == "submissions_undecided"]
    assert waits[["file", "cell"]].to_numpy().tolist() == [["a.xlsx", "D3"], ["a.xlsx", "D4"], ["b.xlsx", "D3"], ["b.xlsx", "D4"]]  # fmt: skip
    assert "a.xlsx、b.xlsx" in waits["message"].iat[0]
    # Registered at the same minute: still nobody can tell.
    lines = [receipt("a.xlsx", "2023-03-05 09:00"), receipt("b.xlsx", "2023-03-05 09:00")]
    assert "甲" not in stands(om.open_round(put(tmp_path / "2023-03", {}, *lines)))
    # One line with a later time decides.
    lines[1] = receipt("b.xlsx", "2023-03-05 09:01")
    assert stands(om.open_round(put(tmp_path / "2023-03", {}, *lines)))["甲"] == "3 b.xlsx"


def test_files_that_speak_of_other_growers_are_parts_of_one_submission(tmp_path: Path) -> None:
    files = {"东片.xlsx": [plot("甲"), plot("乙")], "西片.xlsx": [plot("丙"), plot("丁"), plot("乙", 9)]}
    assert set(stands(om.open_round(put(tmp_path / "2023-03", {"东片.xlsx": files["东片.xlsx"], "西片.xlsx": files["西片.xlsx"][:2]})))) == set("甲乙丙丁")  # fmt: skip
    lines = [receipt(name, "2023-03-05 09:00") for name in ("东片.xlsx", "西片.xlsx")]
    assert set(stands(om.open_round(put(tmp_path / "2023-03", {}, *lines)))) == set("甲乙丙丁")


def test_what_was_received_after_as_of_had_not_arrived(tmp_path: Path) -> None:
    files = {"a.xlsx": [plot("甲")], "b.xlsx": [plot("甲", 3)]}
    lines = [receipt("a.xlsx", "2023-03-05 09:00"), receipt("b.xlsx", "2023-03-15 17:00")]
    folder = put(tmp_path / "2023-03", files, *lines)
    before = om.open_round(folder, as_of="2023-03-15 16:59")
    assert stands(before) == {"甲": "2.5 a.xlsx"}
    assert rules_of(before) == ["arrived_later"]
    assert before.files.set_index("file").loc["b.xlsx", "status"] == "later"
    counts = before.sheets.set_index("file").loc["b.xlsx"]
    assert (counts["rows_in"], counts["skipped"], counts["accepted"]) == (3, 3, 0)
    assert stands(om.open_round(folder, as_of="2023-03-15 17:00")) == {"甲": "3 b.xlsx"}
    early = om.open_round(folder, as_of="2023-03-01")
    assert early.records.empty
    assert early.submissions.empty


def test_an_increment_is_laid_over_the_round_before(tmp_path: Path) -> None:
    put(tmp_path / "2023-02", {"二月.xlsx": [plot("甲"), plot("乙"), plot("坏", "若干")]})
    march = put(
        tmp_path / "2023-03",
        {"三月.xlsx": [plot("乙", 5), plot("丙")]},
        receipt("三月.xlsx", "2023-03-05 09:00", "增量"),
    )
    round_ = om.open_round(march)
    assert stands(round_) == {"乙": "5 三月.xlsx", "丙": "2.5 三月.xlsx", "甲": "2.5 ../2023-02/二月.xlsx"}
    carried = round_.records[round_.records["source_file"].str.startswith("../")]
    assert carried["round"].unique().tolist() == ["2023-02"]
    assert carried.set_index("subject_name")["status"].to_dict() == {"甲": "accepted", "坏": "quarantined"}
    row = carried[carried["subject_name"] == "甲"].iloc[0]
    assert round_.cell(row, "size") == "../2023-02/二月.xlsx〔S〕I3"
    bad = round_.findings[round_.findings["rule"] == "size_unreadable"]
    assert bad[["file", "cell"]].to_numpy().tolist() == [["../2023-02/二月.xlsx", "I5"]]
    assert rules_of(round_) == ["rows_carried"]
    assert round_.carried.to_numpy().tolist() == [["350524102", "cowpea", "increment", "2023-02", 2]]
    assert round_.records["record_id"].is_unique
    assert len(round_.raw) == len(round_.records)


def test_unchanged_carries_the_round_before_on_and_says_from_where(tmp_path: Path) -> None:
    put(tmp_path / "2022-11", {"去年.xlsx": [plot("甲"), plot("乙", 产品名称="芹菜")]})
    march = put(tmp_path / "2023-03", {"别.xlsx": [plot("丙", 乡镇="感德镇")]}, receipt(None, "2023-03-05 09:00", "无变化", product=None))  # fmt: skip
    round_ = om.open_round(march)
    assert stands(round_) == {"丙": "2.5 别.xlsx", "甲": "2.5 ../2022-11/去年.xlsx", "乙": "2.5 ../2022-11/去年.xlsx"}
    said = set(round_.submissions[["township_code", "product", "state"]].itertuples(index=False, name=None))
    assert ("350524102", "cowpea", "reported") in said
    skipped = round_.findings[round_.findings["rule"] == "rounds_skipped"]["message"].item()
    assert "2022-11" in skipped
    assert "3 个月" in skipped
    # Products that no earlier round has are said, not made up.
    nothing = round_.findings[round_.findings["rule"] == "nothing_before"]
    assert len(nothing) == len(round_.rules.products) - 2
    assert ("350524102", "pig", "reported") not in said


def test_an_unchanged_round_goes_through_an_unchanged_one(tmp_path: Path) -> None:
    put(tmp_path / "2023-01", {"一月.xlsx": [plot("甲")]})
    for name in ("2023-02", "2023-03"):
        put(tmp_path / name, {"别.xlsx": [plot("丙", 乡镇="感德镇")]}, receipt(None, f"{name}-05 09:00", "无变化"))
    round_ = om.open_round(tmp_path / "2023-03")
    assert stands(round_)["甲"] == "2.5 ../2023-01/一月.xlsx"
    assert round_.records.set_index("subject_name").loc["甲", "round"] == "2023-01"


def test_without_a_round_before_an_increment_is_what_it_is_and_unchanged_is_unknown(tmp_path: Path) -> None:
    lines = [receipt("a.xlsx", "2023-03-05 09:00", "增量"), receipt(None, "2023-03-05 09:00", "无变化", product="芹菜")]
    round_ = om.open_round(put(tmp_path / "2023-03", {"a.xlsx": [plot("甲")]}, *lines))
    assert stands(round_) == {"甲": "2.5 a.xlsx"}
    assert rules_of(round_) == ["nothing_before", "nothing_before"]
    assert round_.carried["from_round"].isna().all()
    assert "celery" not in set(round_.submissions["product"].dropna())


def test_a_zero_report_takes_the_place_of_older_rows_and_of_the_round_before(tmp_path: Path) -> None:
    put(tmp_path / "2023-02", {"二月.xlsx": [plot("甲")]})
    lines = [receipt("a.xlsx", "2023-03-05 09:00"), receipt(None, "2023-03-09 09:00", "零报告")]
    march = put(tmp_path / "2023-03", {"a.xlsx": [plot("甲"), plot("乙", 产品名称="芹菜")]}, *lines)
    round_ = om.open_round(march)
    assert stands(round_) == {"乙": "2.5 a.xlsx"}
    states = round_.submissions.set_index("product")["state"]
    assert states.to_dict() == {"celery": "reported", "cowpea": "zero"}
    # Before the zero report came the rows stood.
    assert set(stands(om.open_round(march, as_of="2023-03-08"))) == {"甲", "乙"}


def test_an_increment_over_this_rounds_own_full_submission(tmp_path: Path) -> None:
    put(tmp_path / "2023-02", {"二月.xlsx": [plot("走了")]})
    lines = [receipt("a.xlsx", "2023-03-05 09:00"), receipt("b.xlsx", "2023-03-09 09:00", "增量")]
    files = {"a.xlsx": [plot("甲"), plot("乙")], "b.xlsx": [plot("乙", 7), plot("丙")]}
    round_ = om.open_round(put(tmp_path / "2023-03", files, *lines))
    assert stands(round_) == {"甲": "2.5 a.xlsx", "乙": "7 b.xlsx", "丙": "2.5 b.xlsx"}


def test_a_herds_new_month_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    pigs = {"产品名称": "生猪", "生产方式": None, "茬次": None, "追溯方式": "动物检疫合格证"}
    put(tmp_path / "2023-02", {"二月.xlsx": [plot("甲", "60头", 采集日期="2023-02-10", **pigs), plot("乙", "80头", 采集日期="2023-02-10", **pigs)]})  # fmt: skip
    files = {"三月.xlsx": [plot("甲", "66头", 采集日期="2023-03-10", **pigs)]}
    round_ = om.open_round(
        put(tmp_path / "2023-03", files, receipt("三月.xlsx", "2023-03-11 09:00", "增量", product="生猪"))
    )
    assert stands(round_) == {"甲": "66 三月.xlsx", "乙": "80 ../2023-02/二月.xlsx"}


def test_carried_and_new_rows_make_one_standing_total(tmp_path: Path) -> None:
    small = [grower(种养殖主体="甲", 种养规模=0.3, 基地地址=f"前溪村{n}号地") for n in range(2)]
    put(tmp_path / "2023-02", {"二月.xlsx": small[:1]})
    round_ = om.open_round(
        put(tmp_path / "2023-03", {"三月.xlsx": small[1:]}, receipt("三月.xlsx", "2023-03-05 09:00", "增量"))
    )
    assert round_.records["in_scope"].tolist() == [True, True]


def test_a_receipt_for_nothing_and_no_receipts_change_no_row(tmp_path: Path) -> None:
    folder = put(tmp_path / "2023-03", {"a.xlsx": [plot("甲")]})
    without = om.open_round(folder)
    with_one = om.open_round(put(folder, {}, receipt("没有.xlsx", "2023-03-05 09:00")))
    pd.testing.assert_frame_equal(pd.DataFrame(without.records), pd.DataFrame(with_one.records))
    assert without.receipts.empty
    assert without.receipts.columns.tolist() == with_one.receipts.columns.tolist()


def test_proposed_lines_wait_for_a_person(tmp_path: Path) -> None:
    folder = put(
        tmp_path / "2023-03",
        {"湖头镇/a.xlsx": [plot("甲")], "b.xlsx": [plot("乙")]},
        receipt("b.xlsx", "2023-03-05 09:00"),
    )
    (folder / "感德镇说明.pdf").write_bytes(b"%PDF-1.4")
    round_ = om.open_round(folder)
    lines = om.receipts.proposed(round_.files, round_.receipts, round_.sheets, round_.places)
    assert lines[["乡镇", "文件", "收到时间", "登记人"]].to_numpy().tolist() == [
        ["感德镇", "感德镇说明.pdf", "", ""], ["湖头镇", "湖头镇/a.xlsx", "", ""],
    ]  # fmt: skip
    # As typed into the sheet they are proposals still, and change nothing.
    write_book(folder / "登记2.xlsx", {"R": [list(lines.columns), *lines.to_numpy().tolist()]})
    again = om.open_round(folder)
    assert stands(again) == stands(round_)
    assert (again.findings["rule"] == "receipt_unconfirmed").sum() == 2
    assert om.receipts.proposed(again.files, again.receipts, again.sheets, again.places).empty


def test_a_stray_row_of_another_townships_file_takes_nothing_away(tmp_path: Path) -> None:
    files = {"湖头.xlsx": [plot("甲"), plot("乙")], "感德.xlsx": [plot("丙", 乡镇="感德镇"), plot("误", 乡镇="湖头镇")]}
    lines = [receipt("湖头.xlsx", "2023-03-05 09:00"), receipt("感德.xlsx", "2023-03-09 09:00", town="感德镇")]
    round_ = om.open_round(put(tmp_path / "2023-03", files, *lines))
    assert set(stands(round_)) == {"甲", "乙", "丙", "误"}
    found = om.progress.status(round_)
    hutou = found[(found["township"] == "湖头镇") & (found["product"] == "cowpea")].iloc[0]
    assert str(hutou["received_at"]) == "2023-03-05 09:00:00"
