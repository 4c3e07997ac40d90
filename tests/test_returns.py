"""What goes back to a township: its own workbook, marked, with nothing in it that must not travel."""

import re
import shutil
import subprocess
import zipfile
from datetime import datetime
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from books import AREA_HEADER, COLLECTION_HEADER, REGISTRY_HEADER, collection_sheet, grower, write_book
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation

import originmap as om
from originmap import cli, marks, rebuilt, slips
from originmap.headers import column_letter
from originmap.returns import deadline, slip_bytes, write_slips

TOWN, FILE = "350524102", "湖头镇.xlsx"
ID = "350524198001011234"
LEFT = {
    "size_unreadable": "remaining",
    "sheet_unrecognised": "remaining",
    "id_number_dropped": "mended",
    "sheet_refused": "mended",
}
BAD = {"种养规模": "若干", "种养殖主体": "王小样", "电话": "13912345678", "点位经纬度": "118.0502,25.2302"}


END = len(COLLECTION_HEADER)
# The columns of the remark, the note and the key behind a collection sheet's own.
REMARK, NOTE, KEY = (column_letter(END + more) for more in range(3))


def texts(data: bytes) -> str:
    with zipfile.ZipFile(BytesIO(data)) as package:
        return "\n".join(package.read(name).decode("utf-8", "replace") for name in package.namelist())


def opened(data: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(BytesIO(data))


def plain(folder: Path, *rows: list[object], **sheets: list[list[object]]) -> Path:
    content = collection_sheet(*(rows or (grower(), grower(序号=2, **BAD))))
    write_book(folder / "2023-03" / FILE, {"附件1": content, **sheets})
    return folder / "2023-03"


@pytest.fixture
def bureau(tmp_path: Path) -> Path:
    """A workbook as an office makes one: merged and wrapped heads, widths, formulas, comments, names, a hidden row and sheet."""
    folder = tmp_path / "2023-03"
    folder.mkdir()
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "采集 表'一"
    sheet.append(["重点农产品采集表（样例数据）"])
    sheet.append([*COLLECTION_HEADER, "备注"])
    for row in (
        grower(),
        grower(序号=2, **BAD),
        grower(序号=3, 种养殖主体="陈小样", 电话="13900000003", 基地地址="3号", 点位经纬度="118.0503,25.2303"),
        grower(序号=4, 种养殖主体="=1+1", 电话="13900000004", 基地地址="4号", 点位经纬度="118.0504,25.2304"),
    ):
        sheet.append([*row, "x"])
    sheet["D6"].value, sheet["D6"].data_type = "=1+1", "s"
    sheet.merge_cells(f"A1:{REMARK}1")
    sheet["A1"].font = Font(name="黑体", size=18)
    sheet["I3"].value = "=1.5+1"
    sheet[f"{REMARK}3"].value = "=[1]别的表!A1"
    sheet[f"{REMARK}4"].value = "=SUM(附件3!A1:A2)"
    sheet[f"{REMARK}5"].value = "=总数*2"
    sheet["Q5"].value = '=WEBSERVICE("x")'
    sheet[f"{REMARK}6"].value = f"身份证 {ID}"
    sheet["E4"].fill = PatternFill("solid", fgColor="FF112233")
    sheet["E4"].comment = Comment("原来的批注", "某人")
    sheet["I4"].comment = Comment(f"证号{ID}", "某人")
    sheet.column_dimensions["D"].width = 33
    sheet.column_dimensions[NOTE].min, sheet.column_dimensions[NOTE].max = END + 2, 16384
    sheet.column_dimensions[NOTE].width = 3
    sheet.row_dimensions[5].hidden = True
    sheet.row_dimensions[4].height = 15
    sheet.add_data_validation(DataValidation("list", formula1='"农户,家庭农场"', sqref="E3:E9"))
    sheet.protection.sheet = True
    sheet.oddFooter.center.text = f"制表 {ID}"
    accounts = book.create_sheet("附件3")
    accounts.append(["单位", "账号", "密码"])
    accounts.append(["湖头镇", "huotou", "秘密口令"])
    notes = book.create_sheet("随手记")
    notes.append(["随手写的", None, int(ID)])
    notes.sheet_state = "hidden"
    book.defined_names["总数"] = DefinedName("总数", attr_text="'采集 表''一'!$I$3")
    book.defined_names["证"] = DefinedName("证", attr_text=f'"{ID}"')
    book.properties.creator = f"某人{ID}"
    book.properties.title = ID
    book.save(folder / FILE)
    _give_values(folder / FILE, {"I3": "2.5", f"{REMARK}3": "7", f"{REMARK}4": "8", f"{REMARK}5": "5", "Q5": "44990"})
    return folder


def _give_values(path: Path, values: dict[str, str]) -> None:
    """Put the values behind the formulas that a spreadsheet program would have saved."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    text = parts["xl/worksheets/sheet1.xml"].decode()
    for cell, value in values.items():
        text, hits = re.subn(rf'(<c r="{cell}"[^>]*><f>[^<]*</f>)<v\s*/?>(?:</v>)?', rf"\g<1><v>{value}</v>", text)
        assert hits == 1
    parts["xl/worksheets/sheet1.xml"] = text.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, part in parts.items():
            package.writestr(name, part)


def test_a_slip_is_the_townships_own_workbook_with_marks(bureau: Path) -> None:
    round_ = om.open_round(bureau)
    data = slip_bytes(round_, FILE, TOWN)
    book = opened(data)
    assert book.sheetnames == [slips.LIST_SHEET, "采集 表'一", "随手记", slips.META_SHEET]
    assert [sheet.sheet_state for sheet in book] == ["visible", "visible", "hidden", "veryHidden"]
    sheet = book["采集 表'一"]
    # Layout, styles, widths, hidden rows and order as they were.
    assert f"A1:{REMARK}1" in {str(merged) for merged in sheet.merged_cells.ranges}
    assert (sheet["A1"].font.name, sheet["A1"].font.size) == ("黑体", 18)
    assert sheet.column_dimensions["D"].width == 33
    assert sheet.row_dimensions[5].hidden
    assert [sheet[f"D{row}"].value for row in range(3, 7)] == ["林小样", "王小样", "陈小样", "=1+1"]
    assert sheet["E4"].fill.fgColor.rgb == "FF112233"
    assert sheet["E4"].comment.text == "原来的批注"
    assert len(sheet.data_validations.dataValidation) == 1
    assert not sheet.protection.sheet
    # The offending cell: coloured, commented, its own comment kept without the number.
    assert sheet["I4"].value == "若干"
    assert sheet["I4"].fill.fgColor.rgb.endswith(marks.FILLS["error"])
    assert sheet["I4"].comment.text.startswith("证号")
    assert "无法读成一个数" in sheet["I4"].comment.text
    # 问题说明 behind the last used column, headed like its neighbour; the key behind that, hidden.
    assert sheet[f"{NOTE}2"].value == slips.NOTE_HEADER
    assert sheet[f"{NOTE}2"].font.b == sheet[f"{REMARK}2"].font.b
    assert sheet[f"{NOTE}4"].value.startswith("1. 【错误】种养规模（I4）：规模“若干”无法读成一个数。应填：")
    assert sheet[f"{NOTE}4"].alignment.wrap_text
    assert 30 <= sheet.column_dimensions[NOTE].width <= 60
    assert sheet.row_dimensions[4].height > 15
    assert sheet[f"{NOTE}3"].value is None
    assert sheet.column_dimensions[KEY].hidden
    assert slips._KEY.fullmatch(sheet[f"{KEY}3"].value)
    # Own numbers stand as typed: it is the township's own paper, and says so.
    assert sheet["G4"].value == "13912345678"
    assert "工作件，勿外传" in book[slips.LIST_SHEET]["A2"].value


def test_formulas_stay_where_they_hold_and_become_values_where_they_would_not(bureau: Path) -> None:
    data = slip_bytes(om.open_round(bureau), FILE, TOWN)
    sheet, values = opened(data)["采集 表'一"], openpyxl.load_workbook(BytesIO(data), data_only=True)["采集 表'一"]
    assert (sheet["I3"].value, values["I3"].value) == ("=1.5+1", 2.5)
    # To another workbook, to a refused sheet, by a name that is gone.
    assert [sheet[f"{REMARK}{row}"].value for row in (3, 4, 5)] == [7, 8, 5]
    # To the network.
    assert sheet["Q5"].value == 44990
    # Text that looks like a formula is text.
    assert (sheet["D6"].value, sheet["D6"].data_type) == ("=1+1", "s")
    live = [
        cell.coordinate for each in opened(data) for row in each.iter_rows() for cell in row if cell.data_type == "f"
    ]
    assert live == ["I3"]


def test_nothing_travels_that_must_not(bureau: Path) -> None:
    data = slip_bytes(om.open_round(bureau), FILE, TOWN)
    everything = texts(data)
    assert ID not in everything
    assert "198001011234" not in everything
    for word in ("秘密口令", "huotou", "某人3505"):
        assert word not in everything
    assert opened(data)["随手记"]["C1"].value is None
    with zipfile.ZipFile(BytesIO(data)) as package:
        assert not [name for name in package.namelist() if re.search("externalLink|vba|media|pivot|embeddings", name)]


@pytest.mark.parametrize(
    "place", ["cell", "number", "comment", "author", "link", "validation", "format", "title", "header"]
)
def test_an_id_number_is_nowhere_in_the_package(tmp_path: Path, place: str) -> None:
    folder = plain(tmp_path)
    book = openpyxl.load_workbook(folder / FILE)
    sheet = book["附件1"]
    if place == "cell":
        sheet["J3"].value = f"前溪 {ID[:6]} {ID[6:14]} {ID[14:]}"
    elif place == "number":
        sheet["Z50"].value = int(ID)
    elif place in ("comment", "author"):
        sheet["J3"].comment = Comment(ID if place == "comment" else "x", ID if place == "author" else "x")
    elif place == "link":
        sheet["J3"].hyperlink = f"http://localhost/{ID}"
    elif place == "validation":
        sheet.add_data_validation(DataValidation("list", formula1=f'"{ID}"', sqref="J3"))
    elif place == "format":
        from openpyxl.formatting.rule import FormulaRule

        sheet.conditional_formatting.add("J3:J9", FormulaRule([f'J3="{ID}"']))
    elif place == "title":
        book.create_sheet(f"表{ID}")
    else:
        sheet.oddHeader.left.text = ID
    book.save(folder / FILE)
    data = slip_bytes(om.open_round(folder), FILE, TOWN)
    everything = texts(data)
    assert ID not in everything
    assert ID[6:14] not in everything.replace("19800101-", "")
    sheet = opened(data)["附件1"]
    assert sheet["I4"].value == "若干"
    # Taken out of the copy; only where it cannot be found is the sheet built anew.
    assert (sheet["A3"].font.name == "宋体") == (place == "format")


def test_the_list_stands_first_and_leads_to_each_cell(tmp_path: Path) -> None:
    folder = plain(tmp_path, grower(), grower(序号=2, **BAD), grower(序号=3, 种养殖主体="陈小样", 主体类型="其它人"))
    round_ = om.open_round(folder, as_of="2023-03-31")
    sheet = opened(slip_bytes(round_, FILE, TOWN)).worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    head = rows.index(list(slips.LIST_HEADER))
    assert rows[head + 1][:9] == [
        1, "湖头镇.xlsx/附件1", "I4", "王小样", "种养规模", "若干", "【错误】规模“若干”无法读成一个数", "一个数，如 2.5亩、600只", "2023-04-03（周一）",
    ]  # fmt: skip
    assert rows[head + 2][2] == "E5"
    assert rows[head + 3][0] == "合计 2 处：错误 1，存疑 1"
    link = sheet.cell(head + 2, 3).hyperlink
    assert (link.location, link.target) == ("'附件1'!I4", None)
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize, sheet.page_setup.fitToHeight) == (
        "landscape",
        9,
        0,
    )
    assert sheet.print_title_rows == f"${head + 1}:${head + 1}"
    assert [sheet.cell(head, column).value[:1] for column in (2, 3, 5)] == ["红", "黄", "绿"]


def test_the_time_allowed_is_a_rule(tmp_path: Path) -> None:
    folder = plain(tmp_path)
    (folder / "round.toml").write_text("[returns]\ndays = 1\n", encoding="utf-8")
    assert deadline(om.open_round(folder, as_of="2023-03-31 12:00")) == "2023-04-01（周六）"


def test_the_same_bytes_each_time(bureau: Path) -> None:
    round_ = om.open_round(bureau)
    one = slip_bytes(round_, FILE, TOWN)
    assert one == slip_bytes(om.open_round(bureau), FILE, TOWN)
    with zipfile.ZipFile(BytesIO(one)) as package:
        assert {info.date_time for info in package.infolist()} == {(2023, 1, 1, 0, 0, 0)}
        assert package.namelist()[0] == "[Content_Types].xml"
        core = package.read("docProps/core.xml").decode()
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", core)) == {"2023-01-01T00:00:00Z"}


def test_a_large_workbook_is_rebuilt_from_what_was_read(bureau: Path) -> None:
    (bureau / "round.toml").write_text("[returns]\nannotate_mb = 0\n", encoding="utf-8")
    round_ = om.open_round(bureau)
    data = slip_bytes(round_, FILE, TOWN)
    assert data == slip_bytes(round_, FILE, TOWN)
    book = opened(data)
    assert book.sheetnames == [slips.LIST_SHEET, "采集 表'一", "随手记", slips.META_SHEET]
    sheet = book["采集 表'一"]
    assert sheet["I4"].value == "若干"
    assert sheet["I4"].fill.fgColor.rgb.endswith(marks.FILLS["error"])
    assert "无法读成一个数" in sheet["I4"].comment.text
    assert sheet[f"{NOTE}2"].value == slips.NOTE_HEADER
    assert sheet[f"{NOTE}4"].value.startswith("1. 【错误】")
    assert sheet.column_dimensions[KEY].hidden
    assert f"A1:{REMARK}1" in {str(merged) for merged in sheet.merged_cells.ranges}
    # Figures are figures, phones are text, text is never a formula.
    assert (sheet["I3"].value, sheet["G4"].value) == (2.5, "13912345678")
    assert (sheet["D6"].value, sheet["D6"].data_type) == ("=1+1", "s")
    assert ID not in texts(data)
    assert "秘密口令" not in texts(data)
    # Read again it says the same.
    (bureau / "回.xlsx").write_bytes(data)
    again = om.open_round(bureau)
    live = again.records[again.records["source_file"] == "回.xlsx"]
    same = ["record_id", "subject_name", "area_mu", "contact_phone", "status"]
    assert live[same].to_numpy().tolist()[0] == round_.records[same].to_numpy().tolist()[0]
    # The number and the accounts have been taken out for them; the size is theirs to mend.
    assert again.resubmissions.set_index("rule")["outcome"].to_dict() == LEFT


@pytest.mark.parametrize("suffix", ["xls", "ods"])
def test_what_cannot_be_annotated_returns_as_xlsx(bureau: Path, suffix: str, tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("no LibreOffice found")
    command = [
        office,
        "--headless",
        f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
        "--convert-to",
        suffix,
        "--outdir",
        bureau,
        bureau / FILE,
    ]
    subprocess.run([str(part) for part in command], check=True, capture_output=True, timeout=180)
    (bureau / FILE).unlink()
    round_ = om.open_round(bureau)
    written = write_slips(round_, tmp_path / "out")
    assert [path.name for path in written] == ["湖头镇_湖头镇_更正.xlsx"]
    sheet = openpyxl.load_workbook(written[0])["采集 表'一"]
    assert sheet[f"{NOTE}4"].value.startswith("1. 【错误】种养规模（I4）")
    assert (bureau / "回.xlsx").write_bytes(written[0].read_bytes())
    assert om.open_round(bureau).resubmissions.set_index("rule")["outcome"].to_dict() == LEFT


def test_each_township_gets_its_own_sheets_only(tmp_path: Path) -> None:
    other = [
        ["采集表（样例数据）", "填报单位：官桥镇"],
        COLLECTION_HEADER,
        grower(乡镇="官桥镇", 种养规模="若干", 种养殖主体="官桥户"),
    ]
    mine = [["采集表（样例数据）", "填报单位：湖头镇"], COLLECTION_HEADER, grower(种养规模="若干", 种养殖主体="湖头户")]
    areas = [["面积（样例数据）"], AREA_HEADER, [1, "官桥镇", 1, 2, 3, 6]]
    write_book(tmp_path / "2023-03" / "两镇.xlsx", {"甲": mine, "乙": other, "面积": areas, "记": [["不认识的", "表"]]})
    round_ = om.open_round(tmp_path / "2023-03")
    made = {code: opened(data) for code, _, data in om.returns.slips(round_)}
    assert {round_.places.names[code]: book.sheetnames[1:-1] for code, book in made.items()} == {
        "湖头镇": ["甲"],
        "官桥镇": ["乙"],
    }


def test_a_row_with_another_townships_name_stays_with_whoever_wrote_it(tmp_path: Path) -> None:
    rows = [
        ["采集表（样例数据）", "填报单位：湖头镇"],
        COLLECTION_HEADER,
        grower(),
        grower(序号=2, 基地地址="2号"),
        grower(序号=3, 乡镇="官桥镇", 点位经纬度=None),
    ]
    write_book(tmp_path / "2023-03" / "表.xlsx", {"甲": rows})
    round_ = om.open_round(tmp_path / "2023-03")
    assert {round_.places.names[code] for code, _, _ in om.returns.slips(round_)} == {"湖头镇"}


def test_a_file_that_cannot_be_read_returns_as_its_list(tmp_path: Path) -> None:
    folder = plain(tmp_path)
    (folder / "湖头镇补报.xlsx").write_bytes(b"PK\x03\x04 no")
    (folder / "不知谁的.xlsx").write_bytes(b"PK\x03\x04 no")
    written = write_slips(om.open_round(folder), tmp_path / "out")
    assert sorted(path.name for path in written) == [
        "未定乡镇_更正清单.xlsx",
        "湖头镇_湖头镇_更正.xlsx",
        "湖头镇_湖头镇补报_更正.xlsx",
    ]
    book = openpyxl.load_workbook(tmp_path / "out" / "湖头镇_湖头镇补报_更正.xlsx")
    assert book.sheetnames == [slips.LIST_SHEET, slips.META_SHEET]


def test_same_names_in_two_folders_do_not_collide(tmp_path: Path) -> None:
    for name in ("甲", "乙"):
        write_book(
            tmp_path / "2023-03" / name / "湖头镇_附件1.xlsx",
            {"S": collection_sheet(grower(种养规模="若干", 种养殖主体=name))},
        )
    written = write_slips(om.open_round(tmp_path / "2023-03"), tmp_path / "out")
    assert sorted(path.name for path in written) == ["湖头镇_附件1(2)_更正.xlsx", "湖头镇_附件1_更正.xlsx"]


def test_several_header_rows_and_a_wide_title_leave_room_for_the_note(tmp_path: Path) -> None:
    head = [
        ["种养殖主体", "联系人及联系方式", None, "产品名称", "种养规模", "生产方式", "追溯方式"],
        [None, "姓名", "电话", *[None] * 4],
    ]
    rows = [
        ["湖头镇采集表（样例数据）", *[None] * 9],
        *head,
        ["王小样", "王小样", "13912345678", "豇豆", "若干", "露地", "合格证"],
    ]
    merges = [("S", "A1:J1"), ("S", "B2:C2"), *[("S", f"{letter}2:{letter}3") for letter in "ADEFG"]]
    write_book(tmp_path / "2023-03" / FILE, {"S": rows}, merges=merges)
    round_ = om.open_round(tmp_path / "2023-03")
    sheet = opened(slip_bytes(round_, FILE, TOWN))["S"]
    assert sheet["H2"].value == slips.NOTE_HEADER
    assert "H2:H3" in {str(merged) for merged in sheet.merged_cells.ranges}
    assert "（E4）" in sheet["H4"].value


def test_registry_slips_and_numbers_that_are_no_figures(tmp_path: Path) -> None:
    row = ["湖头镇", "前溪村", "王小样", "农户", "王小样", "0595-23280000", "豇豆", "若干", "亩", "001"]
    write_book(tmp_path / "2023-03" / FILE, {"名录": [["名录（样例数据）"], REGISTRY_HEADER, row]})
    (tmp_path / "2023-03" / "round.toml").write_text("[returns]\nannotate_mb = 0\n", encoding="utf-8")
    sheet = opened(slip_bytes(om.open_round(tmp_path / "2023-03"), FILE, TOWN))["名录"]
    assert (sheet["J3"].value, sheet["F3"].value) == ("001", "0595-23280000")
    assert [rebuilt.is_figure(text) for text in ("2.5", "2.50", "1e5", "inf", "007", "12")] == [
        True,
        False,
        False,
        False,
        False,
        True,
    ]


def test_nothing_to_mend_is_said(tmp_path: Path) -> None:
    folder = plain(tmp_path, grower())
    with pytest.raises(ValueError, match=r"湖头镇\.xlsx 里没有要 湖头镇 更正的"):
        slip_bytes(om.open_round(folder), FILE, TOWN)
    assert write_slips(om.open_round(folder), tmp_path / "out") == []


def test_the_commands_write_them(tmp_path: Path) -> None:
    folder = plain(tmp_path)
    assert cli.main(["check", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert [path.name for path in (tmp_path / "out" / "returns").iterdir()] == ["湖头镇_湖头镇_更正.xlsx"]
    assert cli.main(["check", str(folder), "--out", str(tmp_path / "none"), "--no-returns"]) == 0
    assert not (tmp_path / "none" / "returns").exists()
    round_ = om.open_round(folder)
    desk = write_slips(round_, tmp_path / "desk", nested=True)
    assert sorted(path.relative_to(tmp_path / "desk").as_posix() for path in desk) == [
        "湖头镇/湖头镇_更正.xlsx",
        "湖头镇/湖头镇_更正清单.xlsx",
    ]
    assert write_slips(round_, tmp_path / "x", townships=["350524100"]) == []


def test_the_value_behind_a_formula_is_written_by_its_type() -> None:
    part = "".join(f'<c r="A{at}" s="1"><f>X{at}&amp;1</f><v /></c>' for at in range(1, 6))
    made = marks._with_values(part, {"A1": 2.5, "A2": "a<b", "A3": True, "A4": "#DIV/0!", "A5": datetime(2023, 3, 1)})  # noqa: DTZ001
    assert re.findall(r'r="(A\d)" s="1"( t="\w+")?><f>[^<]*</f><v>([^<]*)</v>', made) == [
        ("A1", "", "2.5"), ("A2", ' t="str"', "a&lt;b"), ("A3", ' t="b"', "1"), ("A4", ' t="e"', "#DIV/0!"), ("A5", "", "44986.0"),
    ]  # fmt: skip
