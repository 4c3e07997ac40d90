"""Mess that came up in a fresh reading: each case once went wrong in silence, and must not again."""

import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from books import COLLECTION_HEADER, REGISTRY_HEADER, area_sheet, collection_sheet, grower, write_book

import originmap as om
from originmap import cli
from originmap.rounds import InboxError
from originmap.rules import RulesError

ID = "000000198001011234"


def opened(tmp_path: Path, rows: object, name: str = "湖头镇.xlsx", sheet: str = "S") -> om.Round:
    write_book(tmp_path / "2023-03" / name, {sheet: rows})  # type: ignore[dict-item]
    return om.open_round(tmp_path / "2023-03")


def gap(round_: om.Round, product: str = "cowpea", township: str = "湖头镇") -> pd.Series:
    gaps = om.reconcile.planting_area(round_)
    return gaps[(gaps["township"] == township) & (gaps["product"] == product)].iloc[0]


def test_a_line_of_known_words_above_the_header_does_not_hide_it(tmp_path: Path) -> None:
    line = ["乡镇", "湖头镇", "填报人", "某某", "填报日期", "2023-03-01"]
    round_ = opened(tmp_path, [["采集表（样例数据）"], line, COLLECTION_HEADER, grower()])
    assert round_.records["status"].tolist() == ["accepted"]


@pytest.mark.parametrize(
    "text", [f"ID{ID}", f"{ID}13912345678", "000000-19800101-1234", "00000019800101123Ｘ", f"证{ID}号"]
)
@pytest.mark.parametrize("column", ["联系人", "基地地址", "产品名称", "种养殖主体", "备注外"])
def test_no_form_of_an_id_number_gets_out(tmp_path: Path, text: str, column: str) -> None:
    rows = (
        [*collection_sheet(grower(**{column: text}))] if column != "备注外" else [*collection_sheet(grower()), [text]]
    )
    opened(tmp_path, rows, name=f"湖头镇{ID}.xlsx", sheet=f"表{ID}")
    assert cli.main(["check", str(tmp_path / "2023-03"), "--out", str(tmp_path / "out")]) == 0
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            assert ID[6:] not in path.name
            blob = path.read_bytes()
            if path.suffix == ".xlsx":
                with zipfile.ZipFile(path) as archive:
                    blob = b"".join(archive.read(name) for name in archive.namelist())
            for part in (ID, "19800101-1234", "19800101123"):
                assert part.encode() not in blob, (path, part)
    records = gpd.read_parquet(tmp_path / "out" / "records.parquet")
    assert not records.astype("str").apply(lambda values: values.str.contains("19800101", na=False)).any(axis=None)


@pytest.mark.parametrize("number", ["0595-23281234", "139-1234-5678", "139 1234 5678", "13912345678"])
def test_a_growers_number_is_masked_wherever_it_was_typed(tmp_path: Path, number: str) -> None:
    changes: dict[str, object] = dict.fromkeys(("种养殖主体", "基地地址", "村", "茬次", "信用等级"), f"某{number}")
    opened(tmp_path, collection_sheet(grower(电话=number, **changes)), name=f"湖头镇{number}.xlsx")
    cli.main(["check", str(tmp_path / "2023-03"), "--out", str(tmp_path / "out")])
    texts = (tmp_path / "out" / "findings.csv").read_text(encoding="utf-8-sig")
    texts += (tmp_path / "out" / "summary.json").read_text(encoding="utf-8")
    texts += (tmp_path / "out" / "manifest.json").read_text(encoding="utf-8")
    texts += gpd.read_parquet(tmp_path / "out" / "records.parquet").to_csv()
    assert number not in texts
    assert number.replace("-", "").replace(" ", "") not in texts


@pytest.mark.parametrize(
    "rows",
    [
        [["账号：demo 密码：样例口令9"]],
        [["登录账户", "登录密钥"], ["demo", "样例口令9"]],
        [["user", "pwd"], ["demo", "样例口令9"]],
        [*collection_sheet(grower()), *[[None]] * 60, ["单位", "平台账号", "密码"], ["湖头镇", "demo", "样例口令9"]],
    ],
)
def test_accounts_in_any_shape_are_refused_and_never_quoted(tmp_path: Path, rows: list[list[object]]) -> None:
    round_ = opened(tmp_path, rows)
    assert round_.sheets["kind"].tolist() == ["refused"]
    assert "样例口令9" not in round_.findings.to_csv()
    assert "样例口令9" not in "".join(round_.headline())


def test_a_remark_about_an_account_refuses_nothing_and_unknown_sheets_are_not_quoted(tmp_path: Path) -> None:
    rows = [["表（样例数据）"], [*COLLECTION_HEADER, "备注"], [*grower(), "平台账号未开通"]]
    assert opened(tmp_path, rows).records["status"].tolist() == ["accepted"]
    odd = opened(tmp_path / "b", [["某某的秘密", "13912345678"], ["x", "y"]])
    assert "秘密" not in odd.findings.to_csv()


@pytest.mark.parametrize(
    ("unit", "size", "area"),
    [("m²", 2000, 3.0), ("平方", 2000, 3.0), ("公顷", 0.2, 3.0), ("亩", 3, 3.0), (None, 3, 3.0)],
)
def test_a_unit_in_its_own_column_is_obeyed(tmp_path: Path, unit: str | None, size: float, area: float) -> None:
    row = ["湖头镇", "前溪村", "林小样", "农户", "林小样", "13900000001", "豇豆", size, unit, "前溪村"]
    round_ = opened(tmp_path, [["名录（样例数据）"], REGISTRY_HEADER, row])
    assert round_.registry["area_mu"].tolist() == [area]


@pytest.mark.parametrize("unit", ["头", "筐"])
def test_a_unit_that_does_not_fit_is_an_error_not_a_guess(tmp_path: Path, unit: str) -> None:
    row = ["湖头镇", "前溪村", "林小样", "农户", "林小样", "13900000001", "豇豆", 3, unit, "前溪村"]
    round_ = opened(tmp_path, [["名录（样例数据）"], REGISTRY_HEADER, row])
    assert "size_unit_mismatch" in round_.findings["rule"].tolist()
    assert round_.registry["area_mu"].isna().all()


def test_a_column_of_offices_headed_unit_is_no_unit(tmp_path: Path) -> None:
    row = ["湖头镇", "前溪村", "林小样", "农户", "林小样", "13900000001", "豇豆", 3, "湖头镇农业服务中心", "前溪村"]
    round_ = opened(tmp_path, [["名录（样例数据）"], REGISTRY_HEADER, row])
    assert round_.registry["area_mu"].tolist() == [3.0]


@pytest.mark.parametrize(
    ("line", "header", "size", "value"),
    [
        ("单位：公顷", "种植面积", 0.2, 3.0),
        ("单位：平方米", "种植面积", 2000, 3.0),
        ("填报单位：湖头镇", "种植面积(百亩)", 0.03, 3.0),
        ("填报单位：湖头镇", "种养规模（亩、头、只）", 3, 3.0),
    ],
)
def test_a_unit_in_the_header_or_above_it_is_obeyed(
    tmp_path: Path, line: str, header: str, size: float, value: float
) -> None:
    head = [header if name == "种养规模" else name for name in COLLECTION_HEADER]
    round_ = opened(tmp_path, [["样例数据", line], head, grower(种养规模=size)])
    assert round_.records["area_mu"].tolist() == [value]


def test_rows_filled_in_advance_are_blank_not_reports(tmp_path: Path) -> None:
    blank = [[2, "湖头镇", *[None] * 5, "韭菜"], [3, "湖头镇"]]
    round_ = opened(tmp_path, [*collection_sheet(grower()), *blank])
    assert len(round_.records) == 1
    assert "chinese_chive" not in round_.submissions["product"].tolist()


def test_a_buyer_alone_reports_nothing_grown_and_never_displaces_a_grower(tmp_path: Path) -> None:
    write_book(tmp_path / "2023-03" / "面积.xlsx", {"S": area_sheet([1, "湖头镇", 3, 4, 5])})
    buyer = grower(主体类型="产地收购商")
    alone = opened(tmp_path, collection_sheet(buyer))
    assert gap(alone)["gap_status"] == "not_reported"
    both = opened(tmp_path, collection_sheet(buyer, grower()))
    assert both.records["status"].tolist() == ["accepted", "accepted"]
    assert gap(both)["collected_mu"] == 2.5


def test_what_arrived_unread_is_never_not_submitted(tmp_path: Path) -> None:
    write_book(tmp_path / "2023-03" / "面积.xlsx", {"S": area_sheet([1, "湖头镇", 3, 4, 5], [2, "官桥镇", 3, 4, 5])})
    (tmp_path / "2023-03" / "湖头镇采集表.pdf").write_bytes(b"%PDF-1.4")
    round_ = opened(tmp_path, [["看不懂"], ["x", "y"]], name="x.xlsx", sheet="官桥镇")
    assert gap(round_)["gap_status"] == gap(round_, township="官桥镇")["gap_status"] == "not_reported"


@pytest.mark.parametrize(
    "row",
    [["无"], [None, None, None, "本月无种植"], [1, None, None, "零报告。"], [1, "湖头镇", None, "无", *[None] * 4, 0]],
)
def test_a_zero_report_is_understood_as_it_is_written(tmp_path: Path, row: list[object]) -> None:
    round_ = opened(tmp_path, [["豇豆采集表（样例数据）"], COLLECTION_HEADER, row])
    assert round_.records.empty
    assert round_.submissions[["product", "state"]].to_numpy().tolist() == [["cowpea", "zero"]]


def test_a_township_or_product_named_in_passing_decides_nothing(tmp_path: Path) -> None:
    rows = [
        ["蓬莱村豇豆采集表（样例数据）"],
        COLLECTION_HEADER,
        grower(乡镇=None),
        ["注：本表经与湖头镇核对，芹菜另报"],
    ]
    assert opened(tmp_path, rows, name="官桥镇.xlsx").records["township"].tolist() == ["官桥镇"]
    other = opened(tmp_path / "b", collection_sheet(grower(产品名称=None), title="样例数据"), sheet="水芹菜")
    assert other.records["status"].tolist() == ["quarantined"]


def test_points_that_nobody_could_read_make_no_duplicates(tmp_path: Path) -> None:
    rows = [grower(点位经纬度="1180501,252301"), grower(点位经纬度="1180511,252311")]
    assert opened(tmp_path, collection_sheet(*rows)).records["status"].tolist() == ["accepted", "accepted"]
    plain, full = grower(), grower(基地地址="湖头镇前溪村1号地")
    assert sorted(opened(tmp_path / "b", collection_sheet(plain, full)).records["status"]) == ["accepted", "duplicate"]


def test_every_error_has_a_slip_to_stand_on(tmp_path: Path) -> None:
    rows = collection_sheet(grower(乡镇="桃花镇"), title="填报单位：湖头镇")
    round_ = opened(tmp_path, rows, name="甲.xlsx")
    assert "township_unknown" in round_.findings["rule"].tolist()
    assert om.returns.correction_list(om.returns.corrections(round_), "350524102")["单元格"].tolist() == ["B3"]
    (tmp_path / "2023-03" / "乙.xlsx").write_bytes(b"\x89PNG")
    again = om.open_round(tmp_path / "2023-03")
    assert om.returns.correction_list(om.returns.corrections(again), "")["文件/工作表"].tolist() == ["乙.xlsx/"]


@pytest.mark.parametrize("reference", ["XFD1048576", "ZZZZZZ3", "ZZ900000", "A" + "9" * 5000])
def test_one_far_cell_is_one_finding(tmp_path: Path, reference: str) -> None:
    good = write_book(tmp_path / "2023-03" / "好.xlsx", {"S": collection_sheet(grower())})
    bad = tmp_path / "2023-03" / "远.xlsx"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                row = "".join(char for char in reference if char.isdigit())
                far = f'<row r="{row}"><c r="{reference}"><v>1</v></c></row></sheetData>'
                text = text.replace(b"</sheetData>", far.encode())
            target.writestr(name, text)
    round_ = om.open_round(tmp_path / "2023-03")
    assert round_.findings.loc[round_.findings["file"] == "远.xlsx", "rule"].tolist() == ["file_too_large"]
    assert len(round_.records) == 1


def test_a_workbook_with_one_garbled_part_is_one_finding(tmp_path: Path) -> None:
    good = write_book(tmp_path / "2023-03" / "好.xlsx", {"S": collection_sheet(*[grower(序号=n) for n in range(50)])})
    blob = bytearray(good.read_bytes())
    with zipfile.ZipFile(good) as archive:
        start = archive.getinfo("xl/worksheets/sheet1.xml").header_offset
    blob[start + 90 : start + 130] = b"\xff" * 40
    (tmp_path / "2023-03" / "花.xlsx").write_bytes(bytes(blob))
    round_ = om.open_round(tmp_path / "2023-03")
    assert round_.findings.loc[round_.findings["file"] == "花.xlsx", "rule"].tolist() == ["file_unreadable"]


@pytest.mark.parametrize(
    "text",
    [
        "[county]\nname = 3",
        "[places]\ntolerance_m = 3",
        "[limits]\nfile_mb = 'x'",
        "products = 3",
        "[products.cowpea]\nplausible = [1]",
        "[products.cowpea]\nthreshold = nan",
        "[products.cowpea]\nthreshold = true",
        "[products.cowpea]\naliases = 'x'",
        "[reconcile]\ntolerence_mu = 1",
        "[reconcile]\ntolerance_mu = 'a'",
        "foo = 3",
        "[headers.rows]\ntotal = 3",
    ],
)
def test_a_wrong_entry_of_the_rules_is_one_clear_line(tmp_path: Path, text: str) -> None:
    write_book(tmp_path / "2023-03" / "a.xlsx", {"S": collection_sheet(grower())})
    (tmp_path / "2023-03" / "round.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RulesError):
        om.open_round(tmp_path / "2023-03")
    assert cli.main(["check", str(tmp_path / "2023-03"), "--out", str(tmp_path / "o")]) == 2


def test_a_ninth_product_is_an_edit_of_the_rules_alone(tmp_path: Path) -> None:
    rules = tmp_path / "tea.toml"
    rules.write_text(
        '[products.tea]\nname = "茶叶"\nname_en = "Tea"\nkind = "crop"\nunit = "mu"\nthreshold = 1\nreport_by = 2023-03-15\n'
        'upload_by = 2023-03-25\nbaseline = true\nplausible = [0.1, 500]\ncolour = "#445500"\n',
        encoding="utf-8",
    )
    area = [["面积（样例数据）"], ["乡镇", "豇豆", "茶叶"], ["湖头镇", 3, 12]]
    write_book(tmp_path / "2023-03" / "面积.xlsx", {"S": area})
    write_book(tmp_path / "2023-03" / "a.xlsx", {"S": collection_sheet(grower(产品名称="茶叶", 种养规模=11.5))})
    gaps = om.reconcile.planting_area(om.open_round(tmp_path / "2023-03", rules=rules))
    (row,) = gaps[(gaps["township"] == "湖头镇") & (gaps["product"] == "tea")].to_dict("records")
    assert (row["baseline_mu"], row["collected_mu"], row["gap_status"]) == (12, 11.5, "balanced")


def test_smaller_ones(tmp_path: Path) -> None:
    write_book(
        tmp_path / "2023-03" / "a.xlsx", {"S": collection_sheet(grower(**{"预计上市时间/下市时间": "9999-12-31"}))}
    )
    round_ = om.open_round(tmp_path / "2023-03")
    assert round_.findings.loc[round_.findings["file"] == "a.xlsx", "rule"].tolist() == ["window_unreadable"]
    for text in ("2023-W10", "2023-03-15T17:00+08:00", "20230315"):
        with pytest.raises(InboxError, match="截止时间"):
            om.open_round(tmp_path / "2023-03", as_of=text)
    assert cli.main(["check", str(tmp_path / "2023-03"), "--out", str(tmp_path / "2023-03" / "out")]) == 2
    (tmp_path / "2023-03" / "round.toml").write_text('[datum]\n"b.xlsx" = "gcj02"\n', encoding="utf-8")
    assert cli.main(["check", str(tmp_path / "2023-03"), "--out", str(tmp_path / "2023-03" / "out")]) == 2
