"""10_intake's desk by its values, without a browser: menus, cells and slips, and the plain tables behind it."""

from pathlib import Path

import pytest
from books import area_sheet, collection_sheet, grower, write_book

import originmap as om
from originmap import copies, desks, intake

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def round_(tmp_path_factory: pytest.TempPathFactory) -> om.Round:
    folder = tmp_path_factory.mktemp("desk") / "2023-03"
    rows = [
        grower(),
        grower(序号=2, 种养规模="若干", 种养殖主体=HOSTILE),
        grower(序号=3, 主体类型=HOSTILE, 基地地址="3号"),
    ]
    write_book(folder / "湖头镇.xlsx", {"附件1": collection_sheet(*rows), "空": []})
    others = [grower(乡镇="官桥镇", 点位经纬度="见地图"), grower(乡镇="长坑乡", 产品名称="四季豆", 点位经纬度=None)]
    write_book(
        folder / "汇总.xlsx", {"全县": collection_sheet(*others), "附件5": area_sheet([1, "湖头镇", 3, 4, 5, 99])}
    )
    (folder / "蓬莱镇.pdf").write_bytes(b"%PDF-1.4")
    return om.open_round(folder)


@pytest.fixture
def desk(round_: om.Round, tmp_path: Path) -> desks.IntakeDesk:
    return desks.IntakeDesk(round_, out=tmp_path / "退")


def test_menus_narrow_what_the_table_holds(desk: desks.IntakeDesk, round_: om.Round) -> None:
    assert len(desk.rows) == len(desk.found) == len(round_.findings)
    desk.severity.value = "error"
    assert set(desk.rows["severity"]) == {"error"}
    assert [value for _, value in desk.rule.options] == ["", "product_unknown", "size_unreadable", "point_unreadable"]
    desk.rule.value = "size_unreadable"
    assert desk.rows[["file", "cell", "value"]].to_numpy().tolist() == [["湖头镇.xlsx", "I4", "若干"]]
    # A rule that another township does not have falls back to all.
    desk.township.value = "官桥镇"
    assert desk.rule.value == ""
    assert desk.rows["rule"].tolist() == ["point_unreadable"]
    assert "1 处：错误 1；1 个文件" in desk.counts.value
    values = desk.digest()["值"]
    assert values["筛选"] == "官桥镇，错误"
    assert (values["问题"], values["表格行数"], values["第一处"]) == ("1", "1", "汇总.xlsx〔全县〕K3")
    desk.severity.value = desk.township.value = ""
    assert len(desk.rows) == len(desk.found)


def test_no_text_of_a_sheet_becomes_markup(desk: desks.IntakeDesk) -> None:
    assert HOSTILE not in desk.table.value
    assert "&lt;script&gt;" in desk.table.value


def test_a_township_may_be_chosen_at_first_by_any_of_its_names(round_: om.Round) -> None:
    desk = desks.IntakeDesk(round_, township="长坑乡")
    assert (desk.first, desk.township.value) == ("长卿镇", "长卿镇")
    assert set(desk.rows["township"]) == {"长卿镇"}
    # One that nothing is wrong with is there too.
    assert desks.IntakeDesk(round_, township="祥华乡").rows.empty
    with pytest.raises(ValueError, match="没有这个乡镇：桃花镇"):
        desks.IntakeDesk(round_, township="桃花镇")


def test_the_button_writes_what_the_command_writes(desk: desks.IntakeDesk, round_: om.Round, tmp_path: Path) -> None:
    desk.township.value = "湖头镇"
    desk.write.click()
    assert [path.name for path in (tmp_path / "退").iterdir()] == ["湖头镇_湖头镇_更正.xlsx"]
    assert "已写 1 份" in desk.message.value
    desk.township.value = ""
    desk.write.click()
    by_button = {path.name: path.read_bytes() for path in (tmp_path / "退").iterdir()}
    om.returns.write_slips(round_, tmp_path / "令")
    assert by_button == {path.name: path.read_bytes() for path in (tmp_path / "令").iterdir()}
    assert sorted(by_button) == [
        "官桥镇_汇总_更正.xlsx",
        "未定乡镇_更正清单.xlsx",
        "湖头镇_湖头镇_更正.xlsx",
        "长卿镇_汇总_更正.xlsx",
    ]
    desk.township.value = intake.NOBODY
    desk.write.click()
    assert "定不了乡镇" in desk.message.value


def test_a_slip_held_open_is_said(round_: om.Round, tmp_path: Path) -> None:
    (tmp_path / "占着").write_text("", encoding="utf-8")
    desk = desks.IntakeDesk(round_, out=tmp_path / "占着" / "里")
    desk.write.click()
    assert desk.message.value.startswith("写不了")


def test_what_came_from_whom(round_: om.Round) -> None:
    table = intake.received(round_)
    lines = table.set_index(["file", "sheet"])
    assert lines.loc[("湖头镇.xlsx", "附件1"), "township"] == "湖头镇"
    assert lines.loc[("汇总.xlsx", "全县"), "township"] == "多个乡镇（2）"
    assert lines.loc[("汇总.xlsx", "附件5"), "township"] == intake.UNSAID
    assert lines.loc[("蓬莱镇.pdf", ""), "reason"] == "已收到（PDF），需转换成表格后才能读取"
    silent = table[table["file"] == intake.NOTHING]
    # Who sent a scan, or stands in a county-wide sheet, did not send nothing.
    assert not {"湖头镇", "蓬莱镇", "官桥镇", "长卿镇"} & set(silent["township"])
    assert len(silent) == len(round_.places.names) - 4
    assert silent["rows_in"].isna().all()
    known = table.dropna(subset=["rows_in"])
    assert (known["rows_in"] == known[["accepted", "quarantined", "duplicate", "skipped"]].sum(axis=1)).all()
    files = intake.received_files(table)
    assert len(files) == len(table)
    assert files["rows_in"].sum() == table["rows_in"].sum()


def test_rules_by_townships_add_up(round_: om.Round) -> None:
    found = intake.findings(round_)
    table = intake.by_rule(found, round_)
    asked = found["severity"].isin(["error", "warning"])
    assert table["合计"].iat[-1] == asked.sum()
    towns = [name for name in table.columns if name not in ("级别", "问题", "合计")]
    assert (table[towns].sum(axis=1) == table["合计"]).all()
    assert table["级别"].tolist()[:-1] == sorted(table["级别"].tolist()[:-1], key=["错误", "存疑"].index)
    worst = intake.worst_files(found, round_)
    assert worst["file"].tolist()[0] == "汇总.xlsx"
    due = intake.slips_due(found, round_)
    assert set(due["township"]) == {"湖头镇", "官桥镇", "长卿镇"}
    assert due[["error", "warning"]].to_numpy().sum() == (asked & (found["township"] != intake.NOBODY)).sum()


def test_before_and_after(tmp_path: Path) -> None:
    folder = tmp_path / "2023-03"
    write_book(
        folder / "湖头镇.xlsx",
        {"附件1": collection_sheet(grower(种养规模="若干"), grower(种养殖主体="王小样", 产品名称="四季豆"))},
    )
    round_ = om.open_round(folder)
    assert intake.mended(round_).empty
    assert intake.before_after(round_).empty
    slip = om.returns.slip_bytes(round_, "湖头镇.xlsx", "350524102")
    (folder / "回.xlsx").write_bytes(copies.mended(slip, {("附件1", "I3"): 2.5, ("附件1", "C4"): "珍地村"}))
    again = om.open_round(folder)
    assert intake.mended(again).to_dict("records") == [
        {"slip_file": "回.xlsx", "original_file": "湖头镇.xlsx", "已改好": 1, "没有改好": 1, "另有改动": 1, "新增行": 0, "删去行": 0}
    ]  # fmt: skip
    detail = intake.before_after(again)
    assert detail["outcome"].tolist() == ["remaining", "changed", "mended"]
    assert detail[["field", "before", "after"]].iloc[1:].to_numpy().tolist() == [
        ["村", "前溪村", "珍地村"],
        ["种养规模", "若干", "2.5"],
    ]
    # The slip's own sheets are no sheets that came.
    assert set(intake.received(again)["kind"].dropna()) == {"附件1采集表"}
