"""The output tree: whole, swapped in, the same bytes; a bad call is one line and leaves everything as it was."""

import contextlib
import getpass
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pypdf
import pytest
from books import area_sheet, collection_sheet, grower, write_book

import originmap as om
from originmap import cli, publishing
from originmap.contents import texts
from originmap.rounds import PROJECT


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Return a small round in a folder with spaces and Chinese characters."""
    folder = tmp_path / "安溪 县 报送" / "2023-03"
    rows = [
        grower(),
        grower(序号=2, 种养殖主体="=cmd|' /C calc'!A0", 电话="13900009999"),
        grower(序号=3, 种养殖主体="<script>alert(1)</script>", 种养规模="若干"),
        grower(序号=4, 产品名称="生猪", 种养规模="=1+1", 种养殖主体="陈小样 000000199001011239"),
    ]
    write_book(folder / "湖头镇 报送.xlsx", {"附件1": collection_sheet(*rows)})
    write_book(folder / "附件5.xlsx", {"S": area_sheet([1, "湖头镇", 3, 4, 5])})
    return folder


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield a file's own bytes and, unpacked, those of every part of a package, every stream of a PDF."""
    data = path.read_bytes()
    yield "", data
    if data.startswith(b"PK"):
        with zipfile.ZipFile(path) as package:
            for part in package.infolist():
                yield f"{part.filename} {part.date_time}", package.read(part)
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL) if data.startswith(b"%PDF") else ():
        with contextlib.suppress(zlib.error):
            yield "", zlib.decompress(stream)


def kept_to_itself(folder: Path, *private: str) -> list[str]:
    """Return where a tree tells a path or user of this machine, or the day it was made."""
    today = datetime.now(tz=UTC)
    days = (f"{today:%Y-%m-%d}", f"{today:%Y%m%d}", f"{today.year}, {today.month}, {today.day},")
    words = [*private, str(PROJECT), tempfile.gettempdir() + "/", *days]
    user = getpass.getuser()
    words += [user] if len(user) > 4 else [f"/{user}/", f">{user}<"]
    return [
        f"{path.relative_to(folder)}: {word}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for name, data in contents(path)
        for word in words
        if word.encode() in data or word in name
    ]


def test_a_path_or_a_date_is_found_wherever_it_hides(tmp_path: Path) -> None:
    day = datetime.now(tz=UTC)
    (tmp_path / "a.html").write_text(f"<p>{day:%Y-%m-%d}</p>", encoding="utf-8")
    (tmp_path / "b.pdf").write_bytes(b"%PDF stream\n" + zlib.compress(str(PROJECT).encode()) + b"\nendstream")
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(zipfile.ZipInfo("docProps/core.xml", (2023, 1, 1, 0, 0, 0)), f"<c>{tmp_path}</c>")
    with zipfile.ZipFile(tmp_path / "d.docx", "w") as package:
        package.writestr(zipfile.ZipInfo("x", (day.year, day.month, day.day, 0, 0, 0)), "")
    found = {line.partition(":")[0] for line in kept_to_itself(tmp_path, str(tmp_path))}
    assert found == {"a.html", "b.pdf", "c.xlsx", "d.docx"}


def run(*arguments: object) -> int:
    try:
        return cli.main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)


def test_check_writes_the_contract(tmp_path: Path, inbox: Path) -> None:
    out = tmp_path / "结果 一"
    assert run("check", inbox, "--out", out) == 0
    assert set(tree(out)) == {
        "findings.csv",
        "records.parquet",
        "registry.parquet",
        "planting_area.parquet",
        "summary.json",
        "manifest.json",
        "returns/湖头镇_湖头镇 报送_更正.xlsx",
    }
    findings = pd.read_csv(out / "findings.csv", dtype="str", keep_default_na=False, encoding="utf-8-sig")
    assert list(findings.columns) == om.findings.FINDING_COLUMNS
    assert (out / "findings.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    records = gpd.read_parquet(out / "records.parquet")
    assert list(records.columns) == om.checks.RECORD_COLUMNS
    assert len(records) == 4
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    for sheet in summary["sheets"]:
        parts = sheet["accepted"] + sheet["quarantined"] + sheet["duplicate"] + sheet["skipped"]
        assert sheet["rows_in"] == parts
        assert sum(sheet["skipped_because"].values()) == sheet["skipped"]
    area = pd.read_parquet(out / "planting_area.parquet")
    assert area.loc[area["product"] == "cowpea", "source_cell"].tolist() == ["C3"]


def test_nothing_private_or_live_leaves(tmp_path: Path, inbox: Path) -> None:
    out = tmp_path / "out"
    run("check", inbox, "--out", out)
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file() and path.suffix != ".xlsx")
    assert b"13900009999" not in everything
    assert b"000000199001011239" not in everything
    records = gpd.read_parquet(out / "records.parquet")
    assert records["contact_phone"].tolist()[1] == "139****9999"
    # In Excel a text from a sheet stays text, in .xlsx and in .csv.
    book = openpyxl.load_workbook(out / "returns" / "湖头镇_湖头镇 报送_更正.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert any(cell.value == "=1+1" and cell.data_type == "s" for cell in cells)
    assert all(cell.data_type != "f" for cell in cells)
    assert "'=1+1" in (out / "findings.csv").read_text(encoding="utf-8-sig")


def test_no_returns_and_fail_on(tmp_path: Path, inbox: Path) -> None:
    assert run("check", inbox, "--out", tmp_path / "a", "--no-returns", "--fail-on", "error") == 1
    assert not (tmp_path / "a" / "returns").exists()
    assert run("check", inbox, "--out", tmp_path / "a") == 0


@pytest.mark.parametrize("command", ["check", "report"])
def test_a_bad_call_is_one_line_and_writes_nothing(
    tmp_path: Path, inbox: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "2023-04"
    empty.mkdir()
    foreign = tmp_path / "别人的"
    foreign.mkdir()
    (foreign / "论文.docx").write_text("不要动", encoding="utf-8")
    bad_rules = tmp_path / "bad.toml"
    bad_rules.write_text("[products.cowpea]\nthreshold = 'x'\n", encoding="utf-8")
    out = tmp_path / "out"
    calls = [
        [tmp_path / "没有"],
        [empty],
        [inbox, "--as-of", "明天"],
        [inbox, "--rules", bad_rules],
        [inbox, "--out", foreign],
    ]
    for call in calls:
        assert run(command, *call, *([] if "--out" in call else ["--out", out])) == 2
        shown = capsys.readouterr()
        assert shown.err.strip().count("\n") == 0, shown.err
        assert "Traceback" not in shown.err
    assert not out.exists()
    assert tree(foreign) == {"论文.docx": hashlib.sha256("不要动".encode()).hexdigest()}
    assert not [path for path in tmp_path.iterdir() if path.name.endswith((".new", ".old"))]


def test_an_unknown_township_is_said(tmp_path: Path, inbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong, near in (("湖头真", "湖头镇"), ("新康", "")):
        assert run("report", inbox, "--out", tmp_path / "o", "--township", wrong) == 2
        said = capsys.readouterr().err
        assert f"没有这个乡镇：{wrong}。{f'是否想写 {near}？' if near else ''}可用：" in said
        assert said.count("\n") == 1
    assert not list(tmp_path.glob("o*"))


def test_a_report_verifies_itself_whatever_the_jobs_and_says_nothing_of_the_machine(
    tmp_path: Path, inbox: Path
) -> None:
    def done(*options: object) -> str:
        command = [sys.executable, "-m", "originmap.cli", "report", inbox, *options]
        return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout

    # Three townships of the 24, one with something to say: each of the others would be made the same way twice more.
    towns = [part for name in ("湖头镇", "凤城镇", "福田乡") for part in ("--township", name)]
    done("--out", tmp_path / "一", "--jobs", "1", *towns)
    one = tree(tmp_path / "一")
    # Made again by two processes, and every byte compared.
    assert "逐字节一致" in done("--verify", tmp_path / "一", "--jobs", "2")
    assert tree(tmp_path / "一") == one
    assert kept_to_itself(tmp_path / "一", str(tmp_path)) == []
    assert {"index.html", "manifest.json", "tables/面积核对表.xlsx", "briefings/县级简报图.pdf"} <= set(one)
    assert {
        "gis/产地一张图.gpkg",
        "gis/产地一张图.qgs",
        "gis/产地点位.kml",
        "gis/未定位.xlsx",
        "maps/一张图.html",
    } <= set(one)
    assert 'href="maps/一张图.html"' in (tmp_path / "一" / "index.html").read_text(encoding="utf-8")
    assert {f"notebooks/{stem}.{kind}" for stem in ("00_start_here", "20_one_map", "30_reconcile", "70_briefing", "10_intake")
            for kind in ("ipynb", "html")} <= set(one)  # fmt: skip
    assert {"desk/湖头镇/湖头镇_更正清单.xlsx", "desk/湖头镇/湖头镇 报送_更正.xlsx"} <= set(one)
    manifest = json.loads((tmp_path / "一" / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["outputs"]) == set(one) - {"manifest.json"}
    assert set(manifest["inputs"]) == {"湖头镇 报送.xlsx", "附件5.xlsx"}
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "一").rglob("*.html")]
    # In a notebook's file only what is shown as HTML could run; plain text of it is text.
    for path in (tmp_path / "一").rglob("*.ipynb"):
        shown = [
            out.get("data", {})
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
            for out in cell.get("outputs", ())
        ]
        pages += ["".join(data["text/html"]) for data in shown if "text/html" in data]
    assert "alert(1)" in "".join(pages)
    assert "<script>alert(1)</script>" not in "".join(pages)
    assert "13900009999" not in "".join(pages)


def test_a_public_tree_names_nobody(tmp_path: Path, inbox: Path) -> None:
    assert run("report", inbox, "--out", tmp_path / "p", "--profile", "public", "--jobs", "1") == 0
    public = tree(tmp_path / "p")
    assert not [name for name in public if name.startswith(("desk", "notebooks"))]
    assert "maps/一张图.html" not in public
    assert {"tables/乡镇品种汇总.xlsx", "tables/面积核对表.xlsx", "maps/产地分布图.png", "maps/乡镇品种汇总图.pdf", "maps/品种/豇豆.png",
            "gis/产地网格.gpkg", "briefings/安溪县简报.docx", "index.html", "manifest.json"} <= set(public)  # fmt: skip
    round_ = om.open_round(inbox)
    people = [
        "subject_name",
        "contact_name",
        "supervisor_name",
        "collector_name",
        "contact_phone",
        "supervisor_phone",
        "collector_phone",
    ]
    private = {str(value) for name in people for value in round_.records[name].dropna()} - {""}
    assert {"林小样", "13900009999"} <= private
    private |= {"湖头镇 报送", "附件5.xlsx", "000000199001011239"}
    for name in public:
        said = "\n".join(text for _, text in texts(name, (tmp_path / "p" / name).read_bytes()))
        # A program of its own for what pages say.
        if name.endswith(".pdf"):
            said += "".join(page.extract_text() for page in pypdf.PdfReader(tmp_path / "p" / name).pages)
        assert not [value for value in private if value in said], name
        assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", said), name
    book = openpyxl.load_workbook(tmp_path / "p" / "tables" / "乡镇品种汇总.xlsx")
    cells = {str(cell.value) for row in book.active.iter_rows() for cell in row}
    assert {"×", "—", "公开"} <= {part for text in cells for part in (text, *text.replace("。", " ").split())}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are no copies")
def test_what_workers_are_copies_of_has_no_threads() -> None:
    ask = "import os, originmap.report; print(len(os.listdir('/proc/self/task')))"
    env = {**os.environ, **om.report.ALONE}
    said = subprocess.run([sys.executable, "-c", ask], env=env, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "1"


@pytest.mark.skipif("ORIGINMAP_SOAK" not in os.environ, reason="minutes long: make soak")
@pytest.mark.parametrize(
    ("kills", "least_s", "most_s", "command"),
    [
        (100, 0.5, 3.0, ["check"]),
        (5, 5.0, 40.0, ["report", "--county-only", "--jobs", "2"]),
    ],
)
def test_a_killed_command_leaves_the_old_tree_or_the_new_one(
    tmp_path: Path, inbox: Path, kills: int, least_s: float, most_s: float, command: list[str]
) -> None:
    """The real commands, killed at random: what stands is a tree that a command finished, byte by byte; no worker lives on."""
    whole = [
        sys.executable,
        "-m",
        "originmap.cli",
        command[0],
        str(inbox),
        "--out",
        str(tmp_path / "out"),
        *command[1:],
    ]
    subprocess.run(whole, check=True, capture_output=True)
    before, chance = tree(tmp_path / "out"), np.random.default_rng(7)
    for _ in range(kills):
        running = subprocess.Popen(whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(chance.uniform(least_s, most_s))
        running.kill()
        running.wait()
        publishing.complete_swap(tmp_path / "out")
        assert tree(tmp_path / "out") == before
    subprocess.run(whole, check=True, capture_output=True)
    assert tree(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("out")) == ["out"]
