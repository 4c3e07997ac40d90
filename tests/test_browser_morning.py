"""00_start_here as a plain page, in Voila and a real Chromium: no code, another round, a new file, everything made at one button."""

import re
from pathlib import Path

import pytest
from books import collection_sheet, grower, write_book
from browsers import WAIT_MS, in_voila, playwright

from originmap.notebooks import working_copies

pytestmark = pytest.mark.browser
MAKE_MS = 900_000


@pytest.fixture
def county(tmp_path: Path) -> Path:
    base = tmp_path / "某县"
    write_book(base / "2023-02" / "二月.xlsx", {"S": collection_sheet(grower())})
    write_book(
        base / "2023-03" / "三月.xlsx", {"S": collection_sheet(grower(), grower(种养殖主体="乙", 电话="13900000002"))}
    )
    write_book(base / "2023-03" / "三月芹菜.xlsx", {"S": collection_sheet(grower(产品名称="芹菜"))})
    return base


def test_the_first_page_as_a_plain_page(chromium: str, root: Path, county: Path, tmp_path: Path) -> None:
    folder, _ = working_copies(county / "2023-03", tmp_path / "private")
    copy = folder / "00_start_here.ipynb"
    copy.write_text(copy.read_text(encoding="utf-8").replace("outputs/report", (tmp_path / "出").as_posix()), "utf-8")
    with in_voila(chromium, copy, root, tmp_path) as (page, errors, abroad):
        desk = page.locator(".originmap").first
        desk.wait_for(timeout=3 * WAIT_MS)
        playwright.expect(desk).to_contain_text("收到 2 个文件", timeout=WAIT_MS)
        assert page.locator("text=MorningDesk(").count() == 0, "no line of code"
        page.wait_for_timeout(2000)
        # A file is dropped into the folder: it is noticed by itself, and read when asked.
        write_book(county / "2023-03" / "新来.xlsx", {"S": collection_sheet(grower(乡镇="感德镇", 种养殖主体="丙"))})
        playwright.expect(desk).to_contain_text("文件夹有变动", timeout=WAIT_MS)
        desk.get_by_role("button", name="重新读取").click()
        playwright.expect(desk).to_contain_text("收到 3 个文件", timeout=WAIT_MS)
        page.screenshot(path=tmp_path / "desk.png", full_page=True)
        # Another moment, another round.
        desk.get_by_placeholder(re.compile("月底")).fill("2023-02-17 16:59")
        desk.locator("select").first.select_option(label="2023-02")
        playwright.expect(desk).to_contain_text("收到 1 个文件", timeout=WAIT_MS)
        playwright.expect(desk).to_contain_text("截至2月17日（周五）16时59分")
        desk.get_by_role("button", name="全部出齐").click()
        playwright.expect(desk).to_contain_text("出齐了", timeout=MAKE_MS)
        page.screenshot(path=tmp_path / "made.png", full_page=True)
    assert abroad == []
    assert errors == []
    names = {file.name for file in (tmp_path / "出").rglob("*")}
    assert {
        "index.html",
        "进度表.xlsx",
        "进度表.png",
        "湖头镇_平台录入表.xlsx",
        "40_progress.html",
        "产地分布图.pdf",
    } <= names
    # The other working copies open with the same round and moment from now on.
    assert "2023-02-17 16:59" in (folder / "10_intake.ipynb").read_text(encoding="utf-8")
