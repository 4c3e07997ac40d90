"""Files in, raw text tables out: nothing lost, everything with its cell."""

import zipfile
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter
from books import COLLECTION_HEADER, area_sheet, collection_sheet, grower, write_book

from originmap import sheets
from originmap.rules import Rules, load_rules


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules()


def read(folder: Path, rules: Rules) -> sheets.Inbox:
    return sheets.read_inbox(folder, rules)


def rules_found(inbox: sheets.Inbox) -> list[str]:
    return sorted(rule for part in inbox.findings for rule in part["rule"])


def test_every_row_of_a_sheet_is_a_record_or_skipped_with_a_reason(tmp_path: Path, rules: Rules) -> None:
    rows = collection_sheet(
        grower(),
        [None] * 5,
        grower(序号=2, 种养殖主体="陈小样"),
        ["小计", None, None, None, None, None, None, None, 5],
        COLLECTION_HEADER,
        grower(序号=3, 种养殖主体="王小样"),
        [4],
        ["合计", None, None, None, None, None, None, None, 7.5],
        ["注：1. 本表为样例。"],
        ["填表人：某某    审核人：某某"],
    )
    write_book(tmp_path / "a.xlsx", {"附件1": rows})
    inbox = read(tmp_path, rules)
    (table,) = inbox.tables
    assert table.kind == "collection"
    assert table.frame["row"].tolist() == [3, 5, 8]
    reasons = dict(zip(inbox.skipped["row"], inbox.skipped["reason"], strict=True))
    assert reasons == {1: "title", 2: "header", 4: "blank", 6: "total", 7: "header", 9: "blank", 10: "total",
                       11: "note", 12: "note"}  # fmt: skip
    assert inbox.sheets["rows_in"].tolist() == [12]


def test_merged_group_headers_and_cells_merged_downwards(tmp_path: Path, rules: Rules) -> None:
    top = [
        "序号",
        "村",
        "种养殖主体",
        "联系人及联系方式",
        None,
        "产品名称",
        "种植面积（亩）",
        "点位经纬度",
        None,
        "监管员",
        "电话",
    ]
    low = [None, None, None, "姓名", "电话", None, None, "经度", "纬度", None, None]
    body = [
        [1, "前溪村", "甲", "甲", "13900000001", "豇豆", 1, 118.05, 25.23, "乙", "13900000009"],
        [2, None, "丙", "丙", "13900000002", "豇豆", 2, 118.06, 25.23, "乙", "13900000009"],
    ]
    merges = [("S", cells) for cells in ("D2:E2", "H2:I2", "A2:A3", "B2:B3", "C2:C3", "B4:B5")]
    write_book(tmp_path / "b.xlsx", {"S": [["填报单位：湖头镇人民政府"], top, low, *body]}, merges=merges)
    (table,) = read(tmp_path, rules).tables
    assert table.columns["contact_name"] == 3
    assert table.columns["contact_phone"] == 4
    assert (table.columns["lon"], table.columns["lat"]) == (7, 8)
    # A bare 电话 belongs to the person before it.
    assert table.columns["supervisor_phone"] == 10
    assert table.headers["size"] == "种植面积（亩）"
    assert table.frame["village"].tolist() == ["前溪村", "前溪村"]
    assert table.frame["row"].tolist() == [4, 5]


def test_a_merged_size_is_not_multiplied(tmp_path: Path, rules: Rules) -> None:
    rows = collection_sheet(grower(种养规模=6), grower(序号=2, 种养规模=None))
    write_book(tmp_path / "c.xlsx", {"S": rows}, merges=[("S", "I3:I4")])
    (table,) = read(tmp_path, rules).tables
    assert table.frame["size"].tolist()[0] == "6"
    assert pd.isna(table.frame["size"].tolist()[1])


def test_accounts_are_refused_whole(tmp_path: Path, rules: Rules) -> None:
    secret = [["附件3 登陆账号"], ["单位", "登录账号", "密码"], ["湖头镇", "demo001", "样例口令9"]]
    write_book(tmp_path / "d.xlsx", {"账号": secret, "附件1": collection_sheet(grower())})
    inbox = read(tmp_path, rules)
    assert [table.sheet for table in inbox.tables] == ["附件1"]
    assert "sheet_refused" in rules_found(inbox)
    assert "样例口令9" not in repr(inbox)
    assert "demo001" not in repr(inbox)
    assert inbox.skipped.loc[inbox.skipped["sheet"] == "账号", "reason"].tolist() == ["refused"] * 3


def test_id_numbers_are_dropped_on_reading_and_not_repeated(tmp_path: Path, rules: Rules) -> None:
    number = "000000199001011239"
    write_book(tmp_path / "e.xlsx", {"S": collection_sheet(grower(联系人=f"林小样 {number}"))})
    inbox = read(tmp_path, rules)
    (table,) = inbox.tables
    assert table.frame["contact_name"].tolist() == ["林小样"]
    (part,) = [part for part in inbox.findings if len(part) and part["rule"].iat[0] == "id_number_dropped"]
    assert part["cell"].tolist() == ["F3"]
    assert number not in part.to_csv()


def test_numbers_stored_as_numbers_come_back_as_typed(tmp_path: Path, rules: Rules) -> None:
    write_book(tmp_path / "f.xlsx", {"S": collection_sheet(grower(电话=13900000001, 种养规模=3, 村="001"))})
    (table,) = read(tmp_path, rules).tables
    row = table.frame.iloc[0]
    assert (row["contact_phone"], row["size"], row["village"]) == ("13900000001", "3", "001")


def test_hidden_sheets_are_read_and_said(tmp_path: Path, rules: Rules) -> None:
    book = {"看得见": collection_sheet(grower()), "藏着": collection_sheet(grower())}
    write_book(tmp_path / "g.xlsx", book, hidden=["藏着"])
    inbox = read(tmp_path, rules)
    assert len(inbox.tables) == 2
    assert "sheet_hidden" in rules_found(inbox)


def test_extra_columns_are_said_and_kinds_told_apart(tmp_path: Path, rules: Rules) -> None:
    registry = [["乡镇", "主体名称", "联系人", "电话", "品种", "规模", "地址", "合同号"],
                ["湖头镇", "甲", "甲", "13900000001", "豇豆", 0.3, "前溪村", "H-1"]]  # fmt: skip
    area = area_sheet([1, "湖头镇", 10, None, 0, 10])
    unknown = [["今日天气"], ["晴"]]
    write_book(tmp_path / "h.xlsx", {"名录": registry, "面积": area, "闲话": unknown, "空": []})
    inbox = read(tmp_path, rules)
    kinds = dict(zip(inbox.sheets["sheet"], inbox.sheets["kind"], strict=True))
    assert kinds == {"名录": "registry", "面积": "planting_area", "闲话": "unrecognised", "空": "empty"}
    found = [part for part in inbox.findings if len(part) and part["rule"].iat[0] == "column_unknown"]
    assert [part["cell"].iat[0] for part in found] == ["H1"]
    assert "sheet_unrecognised" in rules_found(inbox)


def encrypted_workbook(path: Path) -> None:
    """Write the start of an OLE container that names an encrypted package, as Excel does."""
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504 + "EncryptedPackage".encode("utf-16-le"))


def test_bad_files_are_one_finding_each_and_the_rest_is_read(tmp_path: Path, rules: Rules) -> None:
    good = write_book(tmp_path / "好.xlsx", {"S": collection_sheet(grower())})
    (tmp_path / "断.xlsx").write_bytes(good.read_bytes()[:900])
    (tmp_path / "照片.xlsx").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100)
    (tmp_path / "空.xlsx").write_bytes(b"")
    (tmp_path / "扫描.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "~$好.xlsx").write_bytes(b"lock")
    encrypted_workbook(tmp_path / "密.xlsx")
    with zipfile.ZipFile(tmp_path / "别的.xlsx", "w") as archive:
        archive.writestr("readme.txt", "x")
    inbox = read(tmp_path, rules)
    by_file = {part["file"].iat[0]: part["rule"].iat[0] for part in inbox.findings if len(part)}
    assert by_file == {
        "断.xlsx": "file_unreadable",
        "照片.xlsx": "file_wrong_type",
        "空.xlsx": "file_unreadable",
        "扫描.pdf": "file_to_convert",
        "密.xlsx": "file_encrypted",
        "别的.xlsx": "file_wrong_type",
    }
    assert len(inbox.tables) == 1
    assert "~$好.xlsx" not in inbox.files["file"].tolist()
    assert dict(zip(inbox.files["file"], inbox.files["status"], strict=True))["扫描.pdf"] == "to_convert"


def test_a_file_over_the_limits_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    limits = tmp_path / "rules.toml"
    limits.write_text("[limits]\ninflated_mb = 0.01\n", encoding="utf-8")
    folder = tmp_path / "in"
    write_book(folder / "big.xlsx", {"S": collection_sheet(*[grower(序号=n) for n in range(900)])})
    assert rules_found(read(folder, load_rules(limits))) == ["file_too_large"]
    limits.write_text("[limits]\ncells = 100\n", encoding="utf-8")
    assert rules_found(read(folder, load_rules(limits))) == ["file_too_large"]


@pytest.mark.parametrize("suffix", [".et", ".xls", ".ods", ".XLSX"])
def test_a_workbook_is_read_for_what_it_is_whatever_its_suffix(tmp_path: Path, rules: Rules, suffix: str) -> None:
    write_book(tmp_path / "x.xlsx", {"S": collection_sheet(grower())}).rename(tmp_path / f"x{suffix}")
    assert len(read(tmp_path, rules).tables) == 1


def test_formula_text_stays_text(tmp_path: Path, rules: Rules) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "y.xlsx"), {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for i, row in enumerate(collection_sheet(grower(种养殖主体="=1+1"))):
            for j, value in enumerate(row):
                sheet.write_string(i, j, str(value))
    (table,) = read(tmp_path, rules).tables
    assert table.frame["subject_name"].tolist() == ["=1+1"]
