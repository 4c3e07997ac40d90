"""What goes out: progress tables, chase lists, upload sheets; and the first page that makes them."""

import shutil
from io import BytesIO
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from books import collection_sheet, grower, write_book
from pypdf import PdfReader

import originmap as om
from originmap import morning, outgoing, printed, progress, uploading
from originmap.rules import RulesError

UPLOADS = ["乡镇", "主体", "产品", "规模", "录入时间"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("out") / "2023-03"
    rows = [
        grower(),
        grower(种养殖主体="已录", 电话="13900000002", 基地地址="二号地"),
        grower(种养殖主体="小户", 种养规模=0.2, 电话="13900000003", 基地地址="三号地"),
        grower(种养殖主体="若干户", 种养规模="若干", 电话="13900000004", 基地地址="四号地"),
        grower(),
    ]
    write_book(base / "a.xlsx", {"S": collection_sheet(*rows)})
    write_book(base / "导出.xlsx", {"U": [UPLOADS, ["湖头镇", "已录", "豇豆", None, "2023-03-01"]]})
    return base


@pytest.fixture(scope="module")
def round_(folder: Path) -> om.Round:
    return om.open_round(folder)


def test_an_upload_sheet_holds_what_is_to_be_entered_and_says_what_is_left_out(round_: om.Round) -> None:
    rows = uploading.to_upload(round_, "350524102")
    assert list(uploading.sheet(rows).columns) == uploading.SHEET_HEADER
    assert rows["subject_name"].tolist() == ["林小样"]
    # A township's own working paper keeps its own numbers.
    assert rows.iloc[0][["contact_phone", "product", "size", "unit", "production_mode", "trace_methods"]].tolist() == [
        "13900000001", "豇豆", 2.5, "亩", "露地", "承诺达标合格证",
    ]  # fmt: skip
    out = uploading.left_out(round_, "350524102")
    assert dict(zip(out["单元格"], out["原因"], strict=True)) == {
        "D4": "平台已有（导出中同名）",
        "D5": "规模以下，不在附件1",
        "D6": "待更正：规模“若干”无法读成一个数",
        "D7": "重复，或已由后报的取代",
    }
    assert len(rows) + len(out) == len(round_.records)


def test_without_a_template_the_sheet_says_so(round_: om.Round, tmp_path: Path) -> None:
    written = outgoing.write_desks(round_, tmp_path, townships=["350524102"])
    assert sorted(path.name for path in written) == [
        "湖头镇_催办清单.xlsx",
        "湖头镇_平台录入表.xlsx",
        "湖头镇_未列入平台录入表.xlsx",
    ]
    sheet = openpyxl.load_workbook(tmp_path / "湖头镇" / "湖头镇_平台录入表.xlsx").active
    texts = [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert any("非平台模板" in text for text in texts)
    assert any("勿外传" in text for text in texts)
    assert "13900000001" in texts
    again = tmp_path / "again"
    outgoing.write_desks(round_, again, townships=["350524102"])
    assert [path.read_bytes() for path in written] == [
        (again / path.relative_to(tmp_path)).read_bytes() for path in written
    ]


def test_a_template_is_filled_by_its_headers(round_: om.Round, tmp_path: Path) -> None:
    write_book(tmp_path / "模板.xlsx", {"说明": [["填表说明"]], "录入": [["国家追溯平台批量导入"], ["电话", "平台编号", "产品名称", "生产主体", "种植面积（亩）", "网格员", "联系电话"]]})  # fmt: skip
    rows = uploading.to_upload(round_, "350524102")
    data = outgoing.filled((tmp_path / "模板.xlsx").read_bytes(), rows, round_.rules)
    (tmp_path / "made.xlsx").write_bytes(data)
    sheet = openpyxl.load_workbook(tmp_path / "made.xlsx")["录入"]
    assert [cell.value for cell in sheet[3]] == ["13900000001", None, "豇豆", "林小样", 2.5, "监小样", "13900001001"]
    assert sheet["A1"].value == "国家追溯平台批量导入"
    assert data == outgoing.filled((tmp_path / "模板.xlsx").read_bytes(), rows, round_.rules)
    write_book(tmp_path / "别的.xlsx", {"S": [["甲", "乙"], [1, 2]]})
    with pytest.raises(RulesError, match="认识的表头"):
        outgoing.filled((tmp_path / "别的.xlsx").read_bytes(), rows, round_.rules)
    with pytest.raises(RulesError, match="打不开"):
        outgoing.filled(b"PK\x03\x04", rows, round_.rules)


def test_a_template_that_is_not_there_is_one_clear_line(folder: Path, tmp_path: Path) -> None:
    rules = tmp_path / "r.toml"
    rules.write_text('[progress]\nupload_template = "没有.xlsx"\n', encoding="utf-8")
    with pytest.raises(RulesError, match=r"找不到平台模板 没有\.xlsx"):
        outgoing.write_desks(om.open_round(folder, rules=rules), tmp_path / "desk", townships=["350524102"])


def test_the_tables_of_progress(round_: om.Round, tmp_path: Path) -> None:
    names = {path.name for path in outgoing.write_tables(round_, tmp_path)}
    assert names == {"进度表.xlsx", "进度表.png", "上市时间表.xlsx", "上市时间表.png", "预警清单.xlsx", "乡镇排名.xlsx"}
    sheet = openpyxl.load_workbook(tmp_path / "进度表.xlsx").active
    assert [cell.value for cell in sheet[2]] == progress.TABLE_HEADER
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.max_row > 26
    assert [cell.value for cell in sheet[27]][1:3] == ["合计", 192]


def test_the_market_table_by_hand(round_: om.Round) -> None:
    table = uploading.market_table(round_)
    # 5-7月: nine periods; 2.5 + 2.5 + 0.2 亩 of three subjects.
    assert list(table.columns) == ["乡镇", "品种", *(f"{month}月›{part}" for month in (5, 6, 7) for part in "上中下")]
    assert table["乡镇"].tolist() == ["湖头镇", "全县合计"]
    assert set(table.iloc[0, 2:]) == set(table.iloc[1, 2:]) == {"3/5.2"}


def test_a_picture_has_every_text_of_its_table() -> None:
    frame = pd.DataFrame(
        {"乡镇": ["湖头镇"] * 70, "未报品种": ["豇豆、韭菜"] * 70, "数": pd.array([1] * 69 + [None], dtype="Int64")}
    )
    made = printed.pages(frame, title="进度表", notes=["注"], totals=1, form="pdf")
    assert made == printed.pages(frame, title="进度表", notes=["注"], totals=1, form="pdf")
    texts = [page.extract_text() for page in PdfReader(BytesIO(made[0])).pages]
    whole = "".join(texts)
    assert len(texts) > 1
    assert whole.count("湖头镇") == 70
    assert whole.count("乡镇") == whole.count("进度表") == whole.count("注") == len(texts)
    assert whole.count("—") == 1
    assert len(printed.pages(frame, title="进度表")) == len(texts)


def test_a_large_figure_stays_a_figure() -> None:
    assert uploading._figure((180, 1033310.0)) == "180/1033310"
    assert uploading._figure((3, 6.20)) == "3/6.2"
    assert uploading._figure((2, 0.0)) == "2/0"
    assert uploading._figure((2, 100.0)) == "2/100"


def test_the_sample_adds_up_to_its_truth(root: Path) -> None:
    round_ = om.open_round(root / "data/sample/anxi/2023-03")
    total = progress.table(round_, progress.status(round_)).iloc[-1]
    truth = pd.read_csv(root / "data/sample/anxi/truth/collection.csv", dtype=str, keep_default_na=False)
    truth = truth[truth["round"] == "2023-03"]
    accepted = truth[truth["status"] == "accepted"]
    below = accepted["mistakes"].str.split(";").map(lambda names: "below_threshold" in names)
    states = pd.read_csv(root / "data/sample/anxi/truth/submissions.csv", dtype=str)
    states = states[states["round"] == "2023-03"]
    assert total["附件1条数"] == (~below).sum()
    assert total["待更正"] == ((truth["status"] == "quarantined") & (truth["product"] != "")).sum()
    assert (total["已报"], total["零报告"]) == (
        (states["state"] == "reported").sum(),
        (states["state"] == "zero").sum(),
    )


# ---- the first page ----


def test_the_first_page_reads_notices_and_registers(folder: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "county" / "2023-03"
    shutil.copytree(folder, inbox)
    write_book(tmp_path / "county" / "2023-02" / "b.xlsx", {"S": collection_sheet(grower(种养殖主体="二月"))})
    desk = morning.MorningDesk(inbox, out=tmp_path / "out", watch=False)
    assert desk.round.options == ("2023-03", "2023-02")
    assert "收到 2 个文件" in desk.headline.value
    assert desk.table.value.count("<tr>") == 26
    assert "a.xlsx" in desk.lines.value
    assert not desk.look()
    first = desk.digest()
    # A file is dropped into the folder.
    write_book(inbox / "c.xlsx", {"S": collection_sheet(grower(乡镇="感德镇", 种养殖主体="丙"))})
    assert desk.look()
    assert "有变动" in desk.changed.value
    desk.reread.click()
    assert "收到 3 个文件" in desk.headline.value
    assert desk.changed.value == ""
    assert desk.digest().loc["进度表摘要", "值"] != first.loc["进度表摘要", "值"]
    desk.register.click()
    (made,) = inbox.glob("收件登记*.xlsx")
    assert made.name in desk.message.value
    desk.reread.click()
    assert desk.register.disabled
    assert (desk.opened.findings["rule"] == "receipt_unconfirmed").sum() == 2
    desk.as_of.value = "某天"
    desk.reread.click()
    assert "截止时间" in desk.changed.value
    desk.as_of.value = "2023-02-10 12:00"
    desk.round.value = "2023-02"
    assert (desk.opened.name, f"{desk.opened.as_of:%m-%d %H:%M}") == ("2023-02", "02-10 12:00")


def test_one_button_makes_everything_and_tells_how_far_it_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = {name: om.report.PIECES[name] for name in ("tables", "progress", "desk")}
    monkeypatch.setattr(om.report, "PIECES", some)
    desk = morning.MorningDesk(folder, out=tmp_path / "out", watch=False)
    told: list[int] = []
    desk.bar.observe(lambda change: told.append(change["new"]), "value")
    desk.make.click()
    assert "出齐了" in desk.message.value, desk.message.value
    assert told == [1, 2]
    names = {path.name for path in (tmp_path / "out").rglob("*.xlsx")}
    assert {
        "进度表.xlsx",
        "面积核对表.xlsx",
        "湖头镇_催办清单.xlsx",
        "湖头镇_平台录入表.xlsx",
        "a_更正.xlsx",
    } <= names
    desk._out = folder / "里面"
    desk.make.click()
    assert "没有出成" in desk.message.value
    assert not desk.make.disabled


def test_working_copies_are_pointed_at_the_same_round(root: Path, tmp_path: Path) -> None:
    shutil.copy(root / "notebooks" / "10_intake.ipynb", tmp_path / "10_intake.ipynb")
    om.notebooks.point_at(tmp_path, inbox="data/private/anxi/2023-04", as_of="2023-04-15 17:00")
    known = om.notebooks.known_parameters(om.notebooks.read(tmp_path / "10_intake.ipynb"))
    assert (known["inbox"], known["as_of"]) == ("data/private/anxi/2023-04", "2023-04-15 17:00")


def test_a_plain_page_that_stands_alone_has_no_dead_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SERVER_SOFTWARE", raising=False)
    assert "href='40_progress.ipynb'" in morning.links()
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    monkeypatch.setenv("SCRIPT_NAME", "/")
    assert "href" not in morning.links()
    assert "originmap app --notebook" in morning.links()
    monkeypatch.setenv("SCRIPT_NAME", "/voila/render/00_start_here.ipynb")
    assert "href" in morning.links()
