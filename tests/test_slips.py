"""A slip comes back: mended, sorted, shortened, re-saved; it is known again and told apart from what it was made from."""

import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
from books import COLLECTION_HEADER, REGISTRY_HEADER, area_sheet, collection_sheet, grower, write_book
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import originmap as om
from originmap import cli, copies, pairs, slips
from originmap.headers import column_letter

TOWN = "350524102"
FILE = "湖头镇 报送.xlsx"
# Header, a wrong text, a right one, the rule that goes.
MISTAKES = (
    ("种养规模", "若干", "2.5亩", "size_unreadable"),
    ("点位经纬度", "见地图", "118.0502,25.2302", "point_unreadable"),
    ("产品名称", "四季豆", "豇豆", "product_unknown"),
    ("预计上市时间/下市时间", "待定", "5-7月", "window_unreadable"),
    ("主体类型", "其它人", "农户", "subject_type_unknown"),
    ("生产方式", "半露地", "露地", "production_mode_unknown"),
)
HEADERS = COLLECTION_HEADER


def cell(header: str, row: int) -> str:
    return f"{column_letter(HEADERS.index(header))}{row}"


def rows_of(count: int, wrong: dict[int, tuple[str, str]]) -> list[list[object]]:
    """Return `count` growers, one a plot; `wrong` lays one wrong cell into a row (3, 4, …)."""
    return [
        grower(
            序号=at + 1,
            种养殖主体=f"样户{'甲乙丙丁戊己庚辛壬癸'[at]}",
            电话=f"1391234567{at}",
            **{
                "联系人": f"样户{'甲乙丙丁戊己庚辛壬癸'[at]}",
                "基地地址": f"前溪村{at + 1}号地",
                "点位经纬度": f"118.05{at + 1:02},25.23{at + 1:02}",
            }
            | dict([wrong[at + 3]] if at + 3 in wrong else []),
        )
        for at in range(count)
    ]


def inbox(folder: Path, wrong: dict[int, tuple[str, str]], count: int = 6) -> Path:
    write_book(folder / "2023-03" / FILE, {"附件1": collection_sheet(*rows_of(count, wrong))})
    return folder / "2023-03"


WRONG = {3 + at: (header, text) for at, (header, text, _, _) in enumerate(MISTAKES)}
RIGHT = {cell(header, 3 + at): right for at, (header, _, right, _) in enumerate(MISTAKES)}


def slip_of(folder: Path, file: str = FILE) -> bytes:
    return om.returns.slip_bytes(om.open_round(folder), file, TOWN)


def put_back(folder: Path, data: bytes, name: str = "改好了.xlsx") -> om.Round:
    (folder / name).write_bytes(data)
    return om.open_round(folder)


def problems(round_: om.Round) -> pd.DataFrame:
    return round_.findings[round_.findings["severity"].isin(["error", "warning"])]


def outcome(round_: om.Round) -> list[tuple[str, str, str]]:
    frame = round_.resubmissions
    return sorted(zip(frame["outcome"], frame["cell"].fillna(""), frame["rule"].fillna(""), strict=True))


def test_mended_and_put_back_its_findings_are_gone_and_nothing_else_moved(tmp_path: Path) -> None:
    folder = inbox(tmp_path / "a", WRONG)
    before = om.open_round(folder)
    assert sorted(problems(before)["rule"]) == sorted(rule for *_, rule in MISTAKES)
    mended = copies.mended(slip_of(folder), {("附件1", at): text for at, text in RIGHT.items()})
    after = put_back(folder, mended)
    assert problems(after).empty
    assert after.findings["rule"].value_counts()["superseded_by_slip"] == 1
    assert sorted(set(after.resubmissions["outcome"])) == ["mended"]
    assert len(after.resubmissions) == len(MISTAKES)
    # The same as if the township had sent the right sheet at once.
    right = om.open_round(inbox(tmp_path / "b", {}))
    counted = after.records[after.records["status"] == "accepted"]
    own = [name for name in right.records.columns if name not in ("source_file", "geometry")]
    pd.testing.assert_frame_equal(
        pd.DataFrame(counted[own]).reset_index(drop=True), pd.DataFrame(right.records[own]), check_dtype=False
    )
    assert counted.geometry.geom_equals(right.records.geometry, align=False).all()
    assert (after.records["status"] == "duplicate").sum() == len(before.records)
    assert not after.records["record_id"].duplicated().any()
    for sheet in after.sheets.to_dict("records"):
        parts = [sheet[name] for name in ("accepted", "quarantined", "duplicate", "skipped")]
        assert sheet["rows_in"] == sum(parts)
    kinds = after.sheets.set_index("sheet")["kind"]
    assert kinds["更正清单"] == kinds["originmap_meta"] == "slip"
    assert not {"sheet_unrecognised", "column_unknown", "sheet_hidden"} & set(after.findings["rule"])
    pd.testing.assert_frame_equal(after.submissions, right.submissions)
    # Nothing to send again.
    assert list(om.returns.slips(after)) == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mended=st.sets(st.sampled_from(sorted(RIGHT))),
    deleted=st.sets(st.integers(9, 10)),
    moved=st.booleans(),
    keys=st.booleans(),
)
def test_any_part_mended_is_told_from_the_rest(
    *, tmp_path_factory: pytest.TempPathFactory, mended: set[str], deleted: set[int], moved: bool, keys: bool
) -> None:
    folder = inbox(tmp_path_factory.mktemp("r"), WRONG, count=8)
    book = openpyxl.load_workbook(BytesIO(slip_of(folder)))
    sheet = book["附件1"]
    for at in mended:
        sheet[at].value = RIGHT[at]
    lines = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=3)]
    kept = [line for number, line in enumerate(lines, start=3) if number not in deleted]
    if moved:
        kept.reverse()
    for number in range(3, sheet.max_row + 1):
        line = kept[number - 3] if number - 3 < len(kept) else [None] * sheet.max_column
        for column, value in enumerate(line, start=1):
            # The key is the last column.
            sheet.cell(number, column).value = None if column == len(line) and not keys else value
    stream = BytesIO()
    book.save(stream)
    round_ = put_back(folder, stream.getvalue())
    expected = {
        rule: "mended" if cell(header, 3 + at) in mended else "remaining"
        for at, (header, _, _, rule) in enumerate(MISTAKES)
    }
    frame = round_.resubmissions
    asked = frame[frame["rule"].notna() & (frame["rule"] != "")]
    assert dict(zip(asked["rule"], asked["outcome"], strict=True)) == expected
    rest = frame.drop(asked.index)
    assert rest["outcome"].tolist() == ["removed"] * len(deleted)
    assert set(rest["original_row"]) == deleted
    assert set(problems(round_)["rule"]) == {rule for rule, how in expected.items() if how == "remaining"}


def test_rows_and_cells_that_changed_besides_are_shown(tmp_path: Path) -> None:
    folder = inbox(tmp_path, {3: ("种养规模", "若干")}, count=3)
    book = openpyxl.load_workbook(BytesIO(slip_of(folder)))
    sheet = book["附件1"]
    sheet["I3"].value = "2-3亩"  # not mended at all
    sheet["J4"].value = "前溪村200号地"  # nobody asked
    sheet["I5"].value = "很多"  # nobody asked, and wrong now
    new = grower(
        序号=9, 种养殖主体="新来的", 基地地址="别处", 电话="13700000000", 联系人="新来的", 点位经纬度="118.0777,25.2444"
    )
    for column, value in enumerate(new, start=1):
        sheet.cell(6, column).value = value
    stream = BytesIO()
    book.save(stream)
    round_ = put_back(folder, stream.getvalue())
    assert outcome(round_) == [
        ("added", "D6", ""),
        ("changed", "I5", "size_unreadable"),
        ("changed", "J4", ""),
        ("remaining", "I3", "size_unreadable"),
    ]
    changed = round_.resubmissions.set_index("cell").loc["J4"]
    assert (changed["before"], changed["after"], changed["original_row"]) == ("前溪村2号地", "前溪村200号地", 4)


def test_a_slip_without_its_hidden_sheet_or_without_its_keys_is_known(tmp_path: Path) -> None:
    for number, cut in enumerate(("meta", "keys")):
        folder = inbox(tmp_path / str(number), WRONG)
        book = openpyxl.load_workbook(BytesIO(slip_of(folder)))
        if cut == "meta":
            del book[slips.META_SHEET]
            del book[slips.LIST_SHEET]
        else:
            book["附件1"].delete_cols(book["附件1"].max_column)
        book["附件1"]["I3"].value = "2.5亩"
        stream = BytesIO()
        book.save(stream)
        round_ = put_back(folder, stream.getvalue())
        assert outcome(round_)[0] == ("mended", "I3", "size_unreadable")
        assert len(outcome(round_)) == len(MISTAKES)
        assert "column_unknown" not in set(round_.findings["rule"])
        assert (round_.records["status"] == "duplicate").sum() == 6


def test_without_its_original_a_slip_still_tells(tmp_path: Path) -> None:
    folder = inbox(tmp_path, WRONG)
    data = copies.mended(slip_of(folder), {("附件1", "I3"): "2.5亩"})
    (folder / FILE).unlink()
    round_ = put_back(folder, data)
    assert sorted(round_.resubmissions["outcome"]) == ["mended"] + ["remaining"] * 5
    assert len(round_.records) == 6
    assert set(round_.resubmissions["original_file"]) == {FILE}


def test_a_slip_renamed_keeps_the_township_that_its_originals_name_told(tmp_path: Path) -> None:
    rows = [grower(乡镇=None), grower(乡镇=None, 序号=2, 种养殖主体="王小样", 种养规模="若干")]
    write_book(tmp_path / "2023-03" / FILE, {"附件1": collection_sheet(*rows)})
    folder = tmp_path / "2023-03"
    round_ = put_back(folder, copies.mended(slip_of(folder), {("附件1", "I4"): 3}), "表.xlsx")
    assert round_.records["township"].tolist() == ["湖头镇"] * 4
    assert problems(round_).empty


def test_a_slip_may_be_mended_twice(tmp_path: Path) -> None:
    folder = inbox(tmp_path, WRONG)
    once = put_back(folder, copies.mended(slip_of(folder), {("附件1", "I3"): "2.5亩"}), "一.xlsx")
    assert len(problems(once)) == 5
    second = om.returns.slip_bytes(once, "一.xlsx", TOWN)
    book = openpyxl.load_workbook(BytesIO(second))
    assert book.sheetnames == [slips.LIST_SHEET, "附件1", slips.META_SHEET]
    header = [cell.value for cell in book["附件1"][2]]
    assert header.count(slips.NOTE_HEADER) == header.count(slips.KEY_HEADER) == 1
    # What was mended is no longer marked, what was not still is.
    assert book["附件1"]["I3"].comment is None
    assert book["附件1"]["I3"].fill.fill_type is None
    assert book["附件1"]["K4"].comment is not None
    twice = put_back(folder, copies.mended(second, {("附件1", at): text for at, text in RIGHT.items()}), "二.xlsx")
    assert problems(twice).empty
    assert twice.records.groupby("source_file")["status"].unique().map(list).to_dict() == {
        "一.xlsx": ["duplicate"],
        "二.xlsx": ["accepted"],
        FILE: ["duplicate"],
    }
    assert sorted(twice.resubmissions["outcome"]) == ["mended"] * 5
    # Also without the one in between.
    (folder / "一.xlsx").unlink()
    alone = om.open_round(folder)
    assert alone.records["status"].value_counts().to_dict() == {"accepted": 6, "duplicate": 6}


def test_two_equal_slips_count_once_and_two_that_differ_wait(tmp_path: Path) -> None:
    folder = inbox(tmp_path, WRONG)
    slip = slip_of(folder)
    mended = copies.mended(slip, {("附件1", at): text for at, text in RIGHT.items()})
    put_back(folder, mended, "一.xlsx")
    again = put_back(folder, mended, "二.xlsx")
    assert again.records["status"].value_counts().to_dict() == {"duplicate": 12, "accepted": 6}
    assert problems(again).empty
    differ = put_back(folder, copies.mended(mended, {("附件1", "I5"): 9}), "二.xlsx")
    assert differ.records["status"].value_counts().to_dict() == {"quarantined": 12, "duplicate": 6}
    told = differ.findings[differ.findings["rule"] == "slip_versions_differ"]
    assert len(told) == 12
    assert told["message"].str.contains("一.xlsx、二.xlsx").all()
    assert set(told["cell"]) == {f"D{row}" for row in range(3, 9)}


def test_a_masked_number_never_replaces_the_real_one(tmp_path: Path) -> None:
    folder = inbox(tmp_path, WRONG)
    changes = {("附件1", "G3"): "139****5670", ("附件1", "G4"): "137****0000", ("附件1", "I3"): "2.5亩"}
    round_ = put_back(folder, copies.mended(slip_of(folder), changes))
    counted = round_.records[round_.records["source_file"] == "改好了.xlsx"]
    assert counted["contact_phone"].tolist()[:2] == ["13912345670", "13912345671"]
    told = round_.findings[round_.findings["rule"] == "slip_masked_number"]
    assert told[["cell", "value"]].to_numpy().tolist() == [["G4", "137****0000"]]
    assert "G3" not in set(round_.resubmissions["cell"])
    assert "13912345671" not in round_.resubmissions.to_csv()


def test_one_townships_slip_supersedes_its_own_rows_of_a_county_wide_file(tmp_path: Path) -> None:
    towns = ("湖头镇", "官桥镇", "长坑乡")
    names = [f"样户{name}" for name in "甲乙丙丁戊己庚辛壬"]
    rows = [grower(序号=at, 乡镇=towns[at % 3], 村=None, 种养殖主体=name, 联系人=name, 电话=f"1391234567{at}", 基地地址=f"{at}号地",
                   点位经纬度="见地图", 种养规模="若干" if at in (0, 1) else 2.5) for at, name in enumerate(names)]  # fmt: skip
    write_book(tmp_path / "2023-03" / "汇总.xlsx", {"全县": collection_sheet(*rows)})
    folder = tmp_path / "2023-03"
    before = om.open_round(folder)
    made = {code: data for code, _, data in om.returns.slips(before)}
    assert len(made) == 3
    texts = {code: openpyxl.load_workbook(BytesIO(data)) for code, data in made.items()}
    for code, book in texts.items():
        own = {row[1].value for row in book["全县"].iter_rows(min_row=3) if row[1].value}
        assert len(own) == 1, code
        everything = " ".join(str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row)
        assert sum(name in everything for name in names) == 3
    # The list points to the slip's own cells.
    listed = texts[TOWN][slips.LIST_SHEET]
    spots = [row[2] for row in listed.iter_rows(min_row=6) if row[2].hyperlink]
    assert {spot.value for spot in spots} == {"I3", "K3", "K4", "K5"}
    assert texts[TOWN]["全县"]["I3"].value == "若干"
    after = put_back(folder, copies.mended(made[TOWN], {("全县", "I3"): 2.5}), "回.xlsx")
    status = after.records.groupby(["source_file", "township"])["status"].unique().map(sorted).to_dict()
    assert status == {
        ("回.xlsx", "湖头镇"): ["accepted"],
        ("汇总.xlsx", "官桥镇"): ["accepted", "quarantined"],
        ("汇总.xlsx", "长卿镇"): ["accepted"],
        ("汇总.xlsx", "湖头镇"): ["duplicate"],
    }
    assert after.resubmissions["outcome"].value_counts().to_dict() == {"remaining": 3, "mended": 1}
    # A second slip, made from the first, still stands for these rows alone.
    second = om.returns.slip_bytes(after, "回.xlsx", TOWN)
    (folder / "回.xlsx").unlink()
    last = put_back(folder, second, "再回.xlsx")
    assert last.records["status"].value_counts()["duplicate"] == 3
    assert len(last.records) == 12


def test_registries_and_planting_areas_are_superseded_too(tmp_path: Path) -> None:
    listed = [["湖头镇", "前溪村", "林小样", "农户", "林小样", "13900000001", "豇豆", "若干", "亩", "前溪村"],
              ["湖头镇", "前溪村", "王小样", "农户", "王小样", "13900000002", "豇豆", 3, "亩", "前溪村"]]  # fmt: skip
    book = {"名录": [["名录（样例数据）"], REGISTRY_HEADER, *listed], "面积": area_sheet([1, "湖头镇", 3, 4, 5, 12])}
    write_book(tmp_path / "2023-03" / FILE, book)
    folder = tmp_path / "2023-03"
    round_ = put_back(folder, copies.mended(slip_of(folder), {("名录", "H3"): 2}))
    assert round_.registry["area_mu"].dropna().tolist() == [2, 3, 3]
    assert round_.registry["status"].tolist() == ["accepted"] * 2 + ["duplicate"] * 2
    assert problems(round_).empty
    assert len(round_.planting_area) == 3
    counts = round_.sheets.set_index(["file", "sheet"])[["accepted", "duplicate"]]
    assert counts.loc[(FILE, "面积")].tolist() == [0, 1]
    assert counts.loc[("改好了.xlsx", "面积")].tolist() == [1, 0]


def test_a_column_a_product_and_values_in_two_columns_are_told_apart(tmp_path: Path) -> None:
    head = [
        "乡镇",
        "种养殖主体",
        "主体类型",
        "联系人",
        "电话",
        "豇豆",
        "韭菜",
        "经度",
        "纬度",
        "预计上市时间",
        "下市时间",
    ]
    rows = [["采集表（样例数据）"], head,
            ["湖头镇", "样户甲", "农户", "样户甲", "13912345670", "若干", "很多", 118.0501, 25.2301, "5月", "待定"],
            ["湖头镇", "样户乙", "农户", "样户乙", "13912345671", 2.5, "若干", 0, 0, "5月", "7月"]]  # fmt: skip
    write_book(tmp_path / "2023-03" / FILE, {"附件1": rows})
    folder = tmp_path / "2023-03"
    before = om.open_round(folder)
    assert sorted(before.findings.loc[before.findings["severity"] == "error", "cell"]) == [
        "F3", "G3", "G4", "H4", "H4", "J3", "J3",
    ]  # fmt: skip
    changes = {("附件1", "F3"): 2, ("附件1", "H4"): 118.0501, ("附件1", "I4"): 25.2301, ("附件1", "K3"): "7月"}
    round_ = put_back(folder, copies.mended(slip_of(folder), changes))
    assert {(how, at) for how, at, _ in outcome(round_)} == {
        ("remaining", "A2"),  # columns that the sheet lacks
        ("mended", "F3"), ("remaining", "G3"), ("remaining", "G4"), ("mended", "H4"), ("mended", "J3"),
    }  # fmt: skip
    frame = round_.resubmissions.set_index("cell")
    assert frame.loc["F3", ["field", "before", "after"]].tolist() == ["size", "若干", "2"]
    assert frame.loc["J3", ["before", "after"]].tolist() == ["5月 / 待定", "5月 / 7月"]
    for sheet in round_.sheets.to_dict("records"):
        assert sheet["rows_in"] == sum(sheet[name] for name in ("accepted", "quarantined", "duplicate", "skipped"))


def test_a_zero_report_in_a_superseded_sheet_is_said_once(tmp_path: Path) -> None:
    zero = [["芹菜采集表（样例数据）"], HEADERS, ["无"]]
    write_book(
        tmp_path / "2023-03" / FILE, {"附件1": collection_sheet(*rows_of(2, {3: ("种养规模", "若干")})), "芹菜": zero}
    )
    folder = tmp_path / "2023-03"
    round_ = put_back(folder, copies.mended(slip_of(folder), {("附件1", "I3"): 2.5}))
    assert round_.submissions[["product", "state"]].to_numpy().tolist() == [["celery", "zero"], ["cowpea", "reported"]]
    assert (round_.findings["rule"] == "zero_report").sum() == 1


@pytest.mark.parametrize("suffix", ["xlsx", "ods"])
def test_a_slip_saved_by_libreoffice_is_known(tmp_path: Path, suffix: str) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("no LibreOffice found")
    folder = inbox(tmp_path, WRONG)
    source = tmp_path / "slip" / "退.xlsx"
    source.parent.mkdir()
    source.write_bytes(copies.mended(slip_of(folder), {("附件1", "I3"): "2.5亩"}))
    out = tmp_path / "saved"
    command = [
        office,
        "--headless",
        f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
        "--convert-to",
        suffix,
        "--outdir",
        out,
        source,
    ]
    subprocess.run([str(part) for part in command], check=True, capture_output=True, timeout=180)
    round_ = put_back(folder, (out / f"退.{suffix}").read_bytes(), f"退.{suffix}")
    assert sorted(round_.resubmissions["outcome"]) == ["mended"] + ["remaining"] * 5
    assert round_.records["status"].value_counts().to_dict()["duplicate"] == 6
    assert not {"sheet_unrecognised", "column_unknown", "sheet_hidden"} & set(round_.findings["rule"])


def test_a_round_with_a_slip_is_written_like_any_other(tmp_path: Path) -> None:
    folder = inbox(tmp_path, WRONG)
    before = om.open_round(folder)
    round_ = put_back(folder, copies.mended(slip_of(folder), {("附件1", "I3"): "2.5亩"}))
    assert round_.records.dtypes.to_dict() == before.records.dtypes.to_dict()
    assert round_.records.crs == before.records.crs
    out = tmp_path / "out"
    assert cli.main(["check", str(folder), "--out", str(out)]) == 0
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["records"] == {"accepted": 5, "quarantined": 1, "duplicate": 6}
    assert len(gpd.read_parquet(out / "records.parquet")) == 12
    # The slip goes back once more; its original does not.
    assert [path.name for path in (out / "returns").iterdir()] == ["湖头镇_改好了_更正.xlsx"]
    # Counted once: five of six plots.
    assert om.reconcile.planting_area(round_)["collected_mu"].sum() == 12.5


# ---- the parts ----


def test_the_hidden_sheet_is_read_back_as_it_was_written() -> None:
    asked = pd.DataFrame([[0, 3, "I3", "size", "size_unreadable", "若干"], [0, pd.NA, "", "", "sheet_refused", ""]],
                         columns=slips.ASKED_COLUMNS).astype({"number": "Int64", "row": "Int64"})  # fmt: skip
    parent = slips.Generation("汇总.xlsx", slips.letters(b"x"), {0: frozenset({3, 4, 5, 9}), 2: frozenset()})
    origin = slips.Origin("湖头镇.xlsx", slips.letters(b"y"), (parent,), TOWN, "2023-03", ("附件1", "表"), None, asked)
    written = slips.meta_rows(origin)
    cells = np.full((len(written), 8), None, dtype=object)
    for at, row in enumerate(written):
        for column, text in enumerate(row):
            cells[at, column] = text or None
    read = slips._read_meta(cells)
    assert read is not None
    assert (read.file, read.sha256, read.township_code, read.sheets) == (
        origin.file,
        origin.sha256,
        TOWN,
        origin.sheets,
    )
    assert read.generations[1].rows == {0: frozenset({3, 4, 5, 9})}
    assert read.rows is None
    assert read.scope == origin.scope != slips.WHOLE
    names = ["cell", "field", "rule", "value"]
    assert read.asked[names].to_numpy().tolist() == asked[names].to_numpy().tolist()
    assert read.asked[["number", "row"]].astype("object").equals(asked[["number", "row"]].astype("object"))


def test_no_digest_looks_like_an_id_number() -> None:
    assert not any(sign.isdigit() for at in range(200) for sign in slips.letters(str(at).encode()))


@given(
    st.lists(st.tuples(st.sampled_from("甲乙丙"), st.sampled_from("豆韭"), st.integers(0, 3)), max_size=12),
    st.lists(st.tuples(st.sampled_from("甲乙丙"), st.sampled_from("豆韭"), st.integers(0, 3)), max_size=12),
)
def test_rows_are_matched_one_to_one(new: list[tuple[str, str, int]], old: list[tuple[str, str, int]]) -> None:
    def spots(rows: list[tuple[str, str, int]]) -> dict[pairs.Spot, pairs.Values]:
        return {("S", at): {"subject_name": name, "product": what, "plot": "1", "size": str(size)}
                for at, (name, what, size) in enumerate(rows, start=1)}  # fmt: skip

    after, before = spots(new), spots(old)
    found = pairs.match(after, before, {})
    assert list(found) == list(after)
    hits = [spot for spot in found.values() if spot is not None]
    assert len(hits) == len(set(hits))
    assert set(hits) <= set(before)
    # Equal rows are never left apart.
    left_new = [after[spot] for spot, hit in found.items() if hit is None]
    left_old = [values for spot, values in before.items() if spot not in hits]
    assert not any(one in left_old for one in left_new)
    # With keys, the keys decide.
    keyed = {("S", at): ("S", len(old) + 1 - at) for at in range(1, min(len(new), len(old)) + 1)}
    again = pairs.match(after, before, keyed)
    assert all(again[spot] == hit for spot, hit in keyed.items())
