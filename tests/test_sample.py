"""The synthetic county: reproducible, invented throughout, and its truth stands where it says."""

import csv
import hashlib
import io
import re
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path

import docx
import lxml.html
import pytest
from python_calamine import CalamineWorkbook

from originmap.findings import RULES
from originmap.places import load_places
from originmap.rules import load_rules
from originmap.sample import write_county, write_sample
from originmap.sample.county import grounds
from originmap.sample.doubles import EXCHANGE
from originmap.sample.doubts import doubts
from originmap.sample.layouts import LAYOUTS
from originmap.sample.mistakes import MISTAKES
from originmap.sample.notations import write_size
from originmap.sample.plan import plan
from originmap.sample.trades import Dice, Window

# Rules of what a register of receipts must be found to say, which no reader knows yet.
COMMITTED = Path(__file__).resolve().parents[1] / "data" / "sample"
FORMATS = {".xlsx", ".xls", ".ods", ".csv", ".docx", ".zip", ".pdf", ".toml"}


@pytest.fixture(scope="session")
def county(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    return write_sample(folder)[0]


def truth(county, name):
    with (county / "truth" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def sheets(county, round_):
    """Every sheet as rows of texts, read by others than us: ``{(file, sheet): rows}``."""
    found = {}
    for path in sorted((county / round_).rglob("*")):
        name = path.relative_to(county / round_).as_posix()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                members = {f"{name}/{member}": archive.read(member) for member in archive.namelist()}
        else:
            members = {name: path.read_bytes()} if path.is_file() else {}
        for member, content in members.items():
            found.update({(member, sheet): rows for sheet, rows in tables(member, content)})
    return found


def tables(name, content):
    """Yield (sheet, rows) of one file's tables; formats that name no sheets count them."""
    if content.startswith(b"<html"):
        page = lxml.html.fromstring(content.decode("gb18030"))
        for number, table in enumerate(page.iter("table"), 1):
            yield f"表{number}", [spread(row, "colspan") for row in table.iter("tr")]
    elif name.endswith(".csv"):
        yield "表1", list(csv.reader(io.StringIO(content.decode("gb18030"))))
    elif name.endswith(".docx"):
        for number, table in enumerate(docx.Document(io.BytesIO(content)).tables, 1):
            yield f"表{number}", [[cell.text for cell in row.cells] for row in table.rows]
    elif name.endswith((".xlsx", ".xls", ".ods")):
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for sheet in book.sheet_names:
            rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            yield sheet, [[text(cell) for cell in row] for row in rows]


def spread(row, attribute):
    """Return a web table's cells, one that spans several repeated."""
    return [cell.text or "" for cell in row for _ in range(int(cell.get(attribute, "1")))]


def text(cell):
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


@pytest.fixture(scope="session")
def cells(county):
    return {round_: sheets(county, round_) for round_ in ("2023-02", "2023-03")}


def cell_text(cells, row):
    letters, number = re.fullmatch(r"([A-Z]+)(\d+)", row["cell"]).groups()
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return cells[row["round"]][row["file"], row["sheet"]][int(number) - 1][column - 1]


def test_the_same_seed_gives_the_same_bytes_as_the_committed_sample(county):
    assert digests(county.parent) == digests(COMMITTED)
    assert {path.name for path in COMMITTED.iterdir()} == {"anxi", "tiny"}


@pytest.mark.parametrize("name", ["anxi", "tiny"])
def test_every_format_is_among_the_files(name):
    files = [path for path in (COMMITTED / name / "2023-03").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == FORMATS
    coats = {path.read_bytes()[:4] for path in files if path.suffix == ".xls"}
    assert coats == {b"<htm", b"\xd0\xcf\x11\xe0"}


def test_every_layout_is_among_the_sheets():
    rules = load_rules()
    used = {hand.layout for hand in plan(grounds(load_places(rules), seed=2023), 1500, rules, seed=2023).hands}
    assert used == set(LAYOUTS)


def test_another_seed_gives_another_county(county, tmp_path):
    write_county(tmp_path / "other", seed=7, rows=400)
    assert not set(digests(tmp_path / "other" / "truth").values()) & set(digests(county / "truth").values())


def test_several_counties_differ_and_replace_an_earlier_sample(tmp_path):
    first = write_sample(tmp_path, counties=2, rows=30)
    assert [path.name for path in first] == ["county-0001", "county-0002"]
    assert digests(first[0] / "truth") != digests(first[1] / "truth")
    (first[0] / "2023-03" / "old.xlsx").write_bytes(b"")
    before = digests(first[1])
    write_sample(tmp_path, counties=2, rows=30)
    assert not (first[0] / "2023-03" / "old.xlsx").exists()
    assert digests(first[1]) == before


def test_a_folder_that_is_no_sample_is_left_alone(tmp_path):
    real = tmp_path / "anxi" / "2023-03" / "湖头镇.xlsx"
    real.parent.mkdir(parents=True)
    real.write_bytes(b"real")
    with pytest.raises(ValueError, match="不是样例数据"):
        write_sample(tmp_path)
    assert real.read_bytes() == b"real"


@pytest.mark.parametrize("wrong", [{"counties": 0}, {"rows": 0}, {"seed": -1}])
def test_a_bad_number_is_one_clear_error(tmp_path, wrong):
    with pytest.raises(ValueError, match="正整数"):
        write_sample(tmp_path, **wrong)


def test_every_file_says_that_it_is_a_sample(county, cells):
    for rounds in cells.values():
        marked = {
            file
            for (file, _), rows in rounds.items()
            if rows and any("样例数据" in cell for row in rows[:5] for cell in row)
        }
        assert marked == {file for file, _ in rounds}
        assert len(marked) > 20
    for path in county.rglob("*"):
        if path.suffix in (".toml", ".md", ".pdf"):
            assert "样例数据" in path.read_text(encoding="utf-8")


def test_every_long_number_is_invented(county, cells):
    """Phones are 1xx0000xxxx; the two ID numbers have a region that does not exist and a wrong check digit."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    phones = 0
    for rounds in cells.values():
        for rows in rounds.values():
            for cell in (cell for row in rows for cell in row):
                for number in re.findall(r"(?<![\d.])\d{10,}X?(?!\d)", unicodedata.normalize("NFKC", cell)):
                    if len(number) == 18:
                        assert number.startswith("000000")
                        right = (
                            sum(int(digit) * weight for digit, weight in zip(number[:17], weights, strict=True)) % 11
                        )
                        assert number[17] != "10X98765432"[right]
                    else:
                        assert re.fullmatch(r"1[3-9]\d0000\d{3,4}", number), number
                        phones += 1
    assert phones > 6000
    subjects = {
        (row["township_code"], row["subject_name"]): row["contact_phone"]
        for row in truth(county, "collection")
        if re.fullmatch(r"\d{11}", row["contact_phone"])
        and row["subject_name"]
        and not {"township_differs", "phone_shared"} & set(row["mistakes"].split(";"))
    }
    assert len(set(subjects.values())) == len(subjects) > 900
    landlines = [row["contact_phone"] for row in truth(county, "collection") if "-" in row["contact_phone"]]
    assert len(landlines) > 20
    assert all("0595-0000" in phone for phone in landlines)  # no local number begins with 0


def test_truth_rows_stand_where_they_say(county, cells):
    for name in ("collection", "registry"):
        for row in truth(county, name):
            written = cells[row["round"]][row["file"], row["sheet"]][int(row["row"]) - 1]
            subject = row["subject_written"] or row["subject_name"]
            assert subject in written if subject else row["mistakes"] == "subject_missing"
    for row in truth(county, "planting_area"):
        written = cell_text(cells, row)
        assert (float(written) if written else None) == (float(row["area_mu"]) if row["area_mu"] else None)


def test_counts_are_those_of_a_real_county(county, cells):
    collection, registry = truth(county, "collection"), truth(county, "registry")
    march = [row for row in collection if row["round"] == "2023-03"]
    assert sum("superseded_by_slip" not in row["mistakes"] for row in march) == 1503  # a late file has three
    assert {row["product"] for row in collection if row["round"] == "2023-02"} == {"cowpea"}
    assert len({row["product"] for row in march} - {""}) == 8
    assert 3500 < len(registry) < 4500
    assert len({row["township_code"] for row in registry}) == 23  # one sends none
    categories = Counter(row["category"] for row in registry)
    assert set(categories) == {"matched", "size_difference", "missing", "exempt", "unreadable", "unsized", "buyer"}
    assert categories["exempt"] > len(registry) / 2
    spoilt = sum(
        bool(set(row["mistakes"].split(";")) - {"", "below_threshold", "buyer_noted", "superseded_by_slip"})
        for row in march
    )
    assert 0.05 < spoilt / len(march) < 0.1
    states = Counter(row["state"] for row in truth(county, "submissions") if row["round"] == "2023-03")
    assert states["not_submitted"] == 8
    assert states["zero"] == 1
    used = (
        {row["file"] for row in collection}
        | {row["file"] for row in registry}
        | {row["file"] for row in truth(county, "mistakes")}
    )
    for name in ("planting_area", "receipts", "contacts", "uploads", "rapid_tests"):
        used |= {row["file"] for row in truth(county, name)}
    assert {file for rounds in cells.values() for file, _ in rounds} <= used


def test_every_mistake_is_planted_and_names_a_rule_and_a_cell(county, cells):
    planted = truth(county, "mistakes")
    assert {row["rule"] for row in planted} <= set(RULES)
    counts = Counter(row["rule"] for row in planted if row["round"] == "2023-03")
    assert [mistake.rule for mistake in (*MISTAKES, *doubts({})) if counts[mistake.rule] < 2] == []
    assert counts["township_differs"] == 2
    files = {
        "sheet_refused",
        "sheet_hidden",
        "file_to_convert",
        "zero_report",
        "column_unknown",
        "township_from_file_name",
    }
    assert all(counts[rule] for rule in (*files, "baseline_total_differs", "below_threshold"))
    for row in planted:
        if row["rule"] == "column_missing" or (row["rule"] == "phone_missing" and cell_text(cells, row)):
            continue  # against a header, or a name without its number
        if row["cell"]:
            blank = row["rule"].endswith("_missing") and not row["rule"].startswith("receipt_")
            assert (cell_text(cells, row) == "") == blank, row


def amounts(lines):
    return round(sum(float(line["amount"] or 0) for line in lines), 2)


def test_every_term_adds_up_to_the_gap_and_has_its_subjects(county):
    """D − C is the sum of its terms wherever D, R and C are known, and each term that of its subjects."""
    terms = truth(county, "terms")
    cells = {(line["round"], line["township_code"], line["product"]) for line in terms}
    claimed = 0
    for cell in sorted(cells):
        own = [line for line in terms if (line["round"], line["township_code"], line["product"]) == cell]
        total = {line["term"]: float(line["amount"]) for line in own if not line["subject_name"]}
        subjects = [line for line in own if line["subject_name"]]
        for term in {line["term"] for line in subjects} - {"unsized"}:
            assert amounts([line for line in subjects if line["term"] == term]) == pytest.approx(total[term], abs=0.006)
        if own[0]["claimed"] == "yes":
            claimed += 1
            reasons = sum(total[term] for term in ("unregistered", "exempt", "missing", "unreadable"))
            reasons -= total["size_difference"] + total["unlisted"]
            assert total["baseline"] - total["collected"] == pytest.approx(reasons, abs=0.006)
    assert claimed > 40
    of_crops = [line for line in terms if line["unit"] == "mu" and line["claimed"] == "yes"]
    for term in ("exempt", "missing", "unreadable", "size_difference", "unlisted"):
        towns = {line["township_code"] for line in of_crops if line["term"] == term and line["subject_name"]}
        assert len(towns) >= 3, term
    signs = {
        line["amount"].startswith("-")
        for line in of_crops
        if line["term"] == "size_difference" and line["subject_name"]
    }
    assert signs == {True, False}
    assert sum(line["note"] == "名录无面积" and line["term"] == "size_difference" for line in terms) >= 3
    assert {line["status"] for line in truth(county, "gap_status")} == {
        *("not_due", "no_baseline", "not_submitted", "not_reported", "balanced", "short", "over"),
    }


def test_pairs_and_verdicts_are_of_names_that_stand_in_the_files(county, cells):
    pairs, verdicts = truth(county, "pairs"), truth(county, "verdicts")
    kinds = Counter(pair["kind"] for pair in pairs)
    uncertain = {"space", "width", "prefix", "legal_form", "bracket", "typo", "sound", "person", "bracket_behind"}
    others = {"near_person", "father_son", "near_farm", "near_both"}
    assert all(kinds[kind] >= 2 for kind in uncertain | others), kinds
    for pair in pairs:
        where = "2023-03" if pair["against"] == "registry" else pair["against"]
        assert pair["listed_name"] in cells[where][pair["file"], pair["sheet"]][int(pair["row"]) - 1]
        for spot in pair["collected_at"].split(";"):
            file, sheet, row = re.fullmatch(r"(.+)〔(.+)〕(\d+)", spot).groups()
            assert pair["collected_name"] in cells[pair["round"]][file, sheet][int(row) - 1]
        assert (pair["same"] == "no") == (pair["kind"] in others | {"phone", "alike"})
    # What a person must say is a small part of all: the rest is settled by the names themselves.
    asked = {
        (line["township_code"], line["product"], line["name_a"], line["name_b"]): line["verdict"] for line in verdicts
    }
    true = [pair for pair in pairs if pair["against"] == "registry" and pair["same"] == "yes"]
    said = [
        pair
        for pair in true
        if (pair["township_code"], pair["product"], pair["listed_name"], pair["collected_name"]) in asked
    ]
    assert 0 < len(said) < 0.02 * len(true)
    assert {pair["kind"] for pair in said} == {"typo", "sound", "person", "bracket_behind"}
    assert Counter(asked.values())["different"] > 15


def columns_of(cells, row, count):
    """The cells of a truth row's Excel row, at least `count`."""
    written = cells[row["round"]][row["file"], row["sheet"]][int(row["row"]) - 1]
    return [*written, *[""] * (count - len(written))]


def test_receipts_are_those_of_a_real_register(county, cells):
    receipts = truth(county, "receipts")
    sent = {
        (row["round"], row["file"].partition(".zip/")[0].removesuffix(".zip")) for row in truth(county, "collection")
    }
    for line in receipts:
        town, products, _, channel, document, *said = columns_of(cells, line, 9)
        assert town
        assert len(products.split("、")) == len(line["products"].split(";"))
        assert (channel, document) == (line["channel"], line["document"])
        words = {"first": "首报", "supplement": "补报", "correction": "更正", "full": "全量", "increment": "增量"}
        words |= {"unchanged": "无变化", "zero": "零报告"}
        assert said[:2] == [words[line["submission"]], words[line["extent"]]]
        assert said[3] == line["registrar"]
    for round_, last in (("2023-02", "2023-02-17"), ("2023-03", "2023-03-15")):
        own = [line for line in receipts if line["round"] == round_]
        late = [line for line in own if line["late"]]
        assert late
        assert all(line["received_at"][:10] > last for line in late)
        # One came within an hour of midnight.
        assert sum(line["received_at"][11:13] == "00" and line["received_at"][11:16] != "00:00" for line in late) == 1
        named = {line["document_file"] for line in own}
        missing = {file for at, file in sent if at == round_ and "_更正" not in file} - {
            name.removesuffix(".zip") for name in named
        }
        assert len(missing) == 2  # one that nobody registered, one that the register does not tell from others
        assert {line["extent"] for line in own} >= {"full", "zero"}
        twice = Counter(line["township_code"] for line in own if line["submission"] == "correction")
        assert len(twice) == 1
    march = [line for line in receipts if line["round"] == "2023-03"]
    assert {line["extent"] for line in march} == {"full", "increment", "unchanged", "zero"}
    # What was only said in April must change nothing at the end of March.
    assert all(line["received_at"] > "2023-04" for line in march if line["extent"] == "unchanged")


def test_contacts_lack_one_and_change_one(county, cells):
    contacts = truth(county, "contacts")
    for row in contacts:
        level, office, _, _, *person = columns_of(cells, row, 7)
        assert (level, office) == ({"county": "县", "township": "乡镇"}[row["level"]], row["office"])
        assert person == [row["name"], row["duty"], row["phone"]]
    held = {
        round_: {
            (row["township_code"], row["role"], row["products"]): row["name"]
            for row in contacts
            if row["round"] == round_
        }
        for round_ in ("2023-02", "2023-03")
    }
    assert sum(held["2023-02"][key] != held["2023-03"][key] for key in held["2023-02"]) == 1
    keepers = Counter(code for code, role, _ in held["2023-03"] if role == "keeper" and code)
    assert len(keepers) == 23
    assert sorted(keepers.values())[-2:] == [1, 2]
    assert len({code for code, role, _ in held["2023-03"] if role == "lead"}) == 25


def test_uploads_are_entries_and_counts(county, cells):
    uploads = truth(county, "uploads")
    entries, counts = ([row for row in uploads if row["basis"] == basis] for basis in ("entry", "count"))
    assert 200 < len(entries) < 500
    for row in entries:
        assert row["subject_written"] in columns_of(cells, row, 6)
    for row in counts:
        assert row["count"] in columns_of(cells, row, 3)
    march = {(row["basis"], row["township_code"]) for row in uploads if row["round"] == "2023-03"}
    by_export, by_count = ({code for way, code in march if way == basis} for basis in ("entry", "count"))
    assert len(by_export) >= 3
    assert len(by_count) >= 7
    assert not by_export & by_count
    assert sum(not row["collected_at"] for row in entries) == 4  # two a round are known to the platform alone


def test_rapid_tests_are_of_collected_subjects(county, cells):
    tests = truth(county, "rapid_tests")
    assert len(tests) == 150
    assert sum(row["result"] == "fail" for row in tests) == 6
    assert 0 < sum(not row["collected_at"] for row in tests) < 6
    for row in tests:
        code, _, subject, *_, result, value, unit, _ = columns_of(cells, row, 10)
        assert (code, subject, unit) == (row["sample_id"], row["subject_written"], row["unit"])
        assert result == {"pass": "合格", "fail": "不合格"}[row["result"]]
        assert (value == "未检出") == (row["value"] == "")


def test_points_of_a_file_in_another_datum_stand_off_by_it_and_no_others(county):
    """Where cells and true points differ is said: GCJ-02 stands some 575 m off here, BD-09 some 1.2 km."""
    datums = {row["file"]: row for row in truth(county, "datums")}
    assert Counter((row["datum"], row["decidable"]) for row in datums.values()) == {
        ("gcj02", "yes"): 1,
        ("bd09", "yes"): 1,
        ("gcj02", "no"): 1,
    }
    assert all(int(row["known_subjects"]) >= 10 for row in datums.values() if row["decidable"] == "yes")
    reach = {"gcj02": (500, 650), "bd09": (1000, 1400)}
    coarse = 0
    for row in truth(county, "collection"):
        if not row["lon"]:
            continue
        east = (float(row["lon"]) - float(row["true_lon"])) * 101_000
        north = (float(row["lat"]) - float(row["true_lat"])) * 111_000
        off = (east**2 + north**2) ** 0.5
        where = datums.get(row["file"]) if row["round"] == "2023-03" else None
        told = set(row["mistakes"].split(";"))
        if where:
            assert reach[where["datum"]][0] < off < reach[where["datum"]][1]
        elif "point_coarse" in told:
            coarse += 1
            assert off < 800
        elif not told & {"point_on_seat", "point_shared", "point_outside", "point_decimal_lost"}:
            assert off < 40, row
    assert coarse == 2


def test_blocking_rules_quarantine(county):
    for row in truth(county, "collection"):
        blocked = any(RULES[rule].blocks for rule in row["mistakes"].split(";") if rule)
        assert (row["status"] == "quarantined") == blocked
        assert (row["status"] == "duplicate") == bool(
            {"duplicate_row", "superseded_by_slip"} & set(row["mistakes"].split(";"))
        )


def test_rows_scale(tmp_path):
    write_county(tmp_path / "tiny", rows=60)
    assert len(truth(tmp_path / "tiny", "mistakes")) > 20
    assert len(truth(tmp_path / "tiny", "rapid_tests")) < 60
    rows = [row for row in truth(tmp_path / "tiny", "collection") if row["round"] == "2023-03"]
    assert len(rows) == 60
    assert len({row["township_code"] for row in rows}) == 23
    write_county(tmp_path / "larger", rows=3000)
    rows = [row for row in truth(tmp_path / "larger", "collection") if row["round"] == "2023-03"]
    assert abs(len(rows) - 3003) <= 3
    assert len(truth(tmp_path / "larger", "registry")) > 6500


@pytest.mark.parametrize(
    ("window", "round_", "iso"),
    [
        (Window("year"), "2023-03", "2023-01-01/2023-12-31"),
        (Window("wrap", ((10, 0), (3, 0))), "2023-03", "2022-10-01/2023-03-31"),
        (Window("wrap", ((11, 0), (2, 0))), "2023-03", "2023-11-01/2024-02-29"),
        (Window("months", ((3, 2), (5, 3))), "2023-03", "2023-03-11/2023-05-31"),
        (Window("two", ((4, 0), (6, 0), (9, 0), (11, 0))), "2023-02", "2023-04-01/2023-06-30;2023-09-01/2023-11-30"),
        (Window("from", ((5, 1),)), "2023-03", "2023-05-01/"),
    ],
)
def test_windows_mean_what_the_domain_says(window, round_, iso):
    assert window.iso(round_) == iso


def test_sizes_are_written_in_many_ways():
    rules, dice = load_rules(), Dice(1)
    written = {write_size(value, rules.products["cowpea"], dice) for value in (0.5, 1.5, 2.3, 3.0) for _ in range(400)}
    assert {"半亩", "三亩", "2.3亩左右", " 2.3 亩"} <= written
    assert {1.5, "2.3亩", "约3亩", "３", "5分", "一亩半", "2亩3分", "0.2公顷"} <= written
    birds = {write_size(12000, rules.products["egg"], dice) for _ in range(200)}
    assert {12000, "1.2万只", "1.2万羽"} <= birds
    named = {write_size(value, rules.products["cowpea"], dice, bare=False) for value in (1.5, 2.3) for _ in range(400)}
    assert {1.5, "2.3亩", "2亩3分"} <= named
    assert not {"2.3", "２.３", "1.5"} & named


def test_workbooks_carry_no_clock(county):
    for path in county.rglob("*.xlsx"):
        with zipfile.ZipFile(path) as book:
            fixed = (2023, 1, 1, 0, 0, 0) if "_更正" in path.name else (1980, 1, 31, 0, 0, 0)
            assert {info.date_time for info in book.infolist()} == {fixed}
            day = b"2023-01-01" if "_更正" in path.name or path.name == EXCHANGE else b"2023-02-08"
            assert day + b"T00:00:00Z" in book.read("docProps/core.xml")


def test_nobody_grows_everything(county):
    grown = {(row["township_code"], row["product"]) for row in truth(county, "registry")}
    assert all(5 <= sum(product == code for _, product in grown) < 24 for code in load_rules().products)
