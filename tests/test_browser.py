"""20_one_map as an analyst opens it, in JupyterLab and in Voila: each filter moves all there is to the figures of plain pandas, and nothing leaves the machine."""

import re

import nbformat
import onscreen
import pytest
from browsers import WAIT_MS, in_jupyterlab, in_voila, playwright
from many import HOSTILE, LONG
from onscreen import expected, on_market, settles

import originmap as om
from originmap.notebooks import working_copies

pytestmark = pytest.mark.browser

SAMPLE = "data/sample/anxi/2023-03"
# Beside the sample's map, one of a round whose every name is made to break out of the page.
HOSTILE_CELL = """import pathlib
from many import hostile
other = om.onemap.OneMap(hostile(), om.decisions.Store(pathlib.Path({store!r})))
other.view"""


@pytest.fixture(scope="module")
def round_(root):
    return om.open_round(root / SAMPLE)


@pytest.fixture
def notebooks(root, tmp_path):
    """Working copies as ``originmap lab`` lays them, and JupyterLab's settings for them."""
    return working_copies(root / SAMPLE, tmp_path / "private")


@pytest.fixture
def one_map(notebooks):
    """The working copy of 20_one_map down to the map itself: what follows it is run by the notebooks' own tests."""
    path = notebooks[0] / "20_one_map.ipynb"
    book = nbformat.read(path, as_version=4)
    at = next(at for at, cell in enumerate(book.cells) if cell.source.endswith("panel.view"))
    book.cells = book.cells[: at + 1]
    nbformat.write(book, path)
    return path


def opened(page):
    """The panel, when it is there."""
    panel = page.locator(".originmap").first
    panel.locator(".leaflet-container canvas").first.wait_for(timeout=2 * WAIT_MS)
    panel.scroll_into_view_if_needed()
    return panel


def each_filter(page, panel, round_):
    """Set each filter as a person does and hold map, table, charts and counts to plain pandas; one after the other, alone."""
    records = round_.records
    rows = records[records["status"] == "accepted"]
    lists = panel.locator("select[multiple]")
    texts = rows[["subject_name", "village", "plot_key", "base_address"]].fillna("").agg("\n".join, axis=1)
    village = rows["village"].value_counts().index[0]
    doubtful = set(round_.findings.loc[round_.findings["severity"] == "warning", "record_id"])
    chosen = [
        (0, "韭菜", rows[rows["product"] == "chinese_chive"]),
        (1, "湖头镇", rows[rows["township"] == "湖头镇"]),
        (2, village, rows[rows["village"] == village]),
        (3, "家庭农场", rows[rows["subject_type"] == "family_farm"]),
        (4, "设施", rows[rows["production_mode"] == "protected"]),
        (5, "电子追溯码", rows[rows["trace_methods"].str.split(";").map(lambda of: "code" in of, na_action="ignore").eq(True)]),
        (6, "B", rows[rows["credit_grade"] == "B"]),
        (7, "已修正", rows[rows["coord_status"] == "fixed"]),
        (8, "存疑", rows[rows["record_id"].isin(doubtful)]),
    ]  # fmt: skip
    reset = panel.get_by_role("button", name="清除筛选")
    everything = expected(round_, rows)
    settles(panel, everything)
    panel.get_by_role("button", name=re.compile("更多筛选")).press("Enter")
    for at, label, found in chosen:
        assert 0 < len(found) < len(rows), label
        lists.nth(at).select_option(label=label)
        settles(panel, expected(round_, found))
        lists.nth(at).select_option([])
    # Statuses are accepted alone at first.
    lists.nth(9).select_option(label="待更正")
    settles(panel, expected(round_, records[records["status"] == "quarantined"]))
    reset.press("Enter")
    settles(panel, everything)
    panel.get_by_placeholder("主体、村、地块或地址").fill("合作社")
    panel.get_by_placeholder("主体、村、地块或地址").press("Enter")
    settles(panel, expected(round_, rows[texts.str.contains("合作社")]))
    panel.get_by_placeholder("主体、村、地块或地址").fill("没有这样的名字")
    panel.get_by_placeholder("主体、村、地块或地址").press("Enter")
    settles(panel, expected(round_, rows[:0]))
    reset.click()

    # By keyboard: a product, a size, a month, and the sentence that says so.
    lists.first.focus()
    page.keyboard.press("Home")
    rows = rows[rows["product"] == "cowpea"]
    settles(panel, expected(round_, rows))
    panel.locator(".noUi-handle").nth(2).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    rows = rows[rows["area_mu"] >= 2]
    settles(panel, expected(round_, rows))
    panel.get_by_role("button", name="5月", exact=True).press("Enter")
    rows = rows[on_market(rows["market_windows"], 5)]
    settles(panel, expected(round_, rows))
    playwright.expect(panel).to_contain_text(f"豇豆，≥2亩，5月上市：{expected(round_, rows)['subjects']} 个主体")
    playwright.expect(panel).to_contain_text("products = ['cowpea']; min_size = 2.0; size_unit = 'mu'; window = '5月'")
    reset.click()
    settles(panel, everything)


def the_year(panel, round_):
    """Play it: the window goes on by itself, and what is shown goes with it."""
    rows = round_.records[round_.records["status"] == "accepted"]
    play = panel.locator(".widget-play button").first
    play.click()
    playwright.expect(panel).to_contain_text(re.compile("1月[中下]旬上市"))
    play.click()
    said, now = "", panel.inner_text()
    while said != now:  # what was on its way arrives yet
        panel.page.wait_for_timeout(1000)
        said, now = now, panel.inner_text()
    month, third = re.search(r"(\d+)月(.)旬上市", now).groups()
    settles(panel, expected(round_, rows[on_market(rows["market_windows"], int(month), "上中下".index(third))]))
    panel.get_by_role("button", name="清除筛选").click()
    settles(panel, expected(round_, rows))
    panel.get_by_role("button", name="GeoJSON", exact=True).click()
    playwright.expect(panel).to_contain_text("已写到 outputs/map：2023-03_全部产品.geojson。")


def townships_and_cards(page, panel, round_):
    """Click a township on the map, then look at one record alone: its circle, its card, the rounds before."""
    rows = round_.records[round_.records["status"] == "accepted"]
    settles(panel, expected(round_, rows))
    canvas = panel.locator(".leaflet-container").first
    canvas.scroll_into_view_if_needed()
    spot = panel.evaluate(onscreen.TOWNSHIP)
    page.mouse.click(*spot)
    town = panel.locator('.om-bar[aria-pressed="true"] .om-name').first.inner_text()
    settles(panel, expected(round_, rows[rows["township"] == town]))
    # Zoom and centre stay when filters move.
    panel.locator(".leaflet-control-zoom-in").click()
    scale = panel.locator(".leaflet-control-scale-line").first
    playwright.expect(scale).not_to_have_text("10 km")
    near = scale.inner_text()
    lone = rows[rows.geometry.notna() & (rows["township"] != town) & rows["contact_phone"].notna()]
    lone = lone[
        lone["record_id"].isin(round_.findings["record_id"]) & ~lone["subject_name"].duplicated(keep=False)
    ].iloc[0]
    panel.get_by_role("button", name="清除筛选").click()
    panel.get_by_placeholder("主体、村、地块或地址").fill(lone["subject_name"])
    panel.get_by_placeholder("主体、村、地块或地址").press("Enter")
    playwright.expect(panel.locator(".om-table .om-title")).to_have_text("共 1 条")
    assert scale.inner_text() == near
    panel.locator(".leaflet-control-zoom-out").click()
    playwright.expect(scale).to_have_text("10 km")
    settles(panel, expected(round_, rows[rows["record_id"] == lone["record_id"]]))
    page.mouse.click(*panel.evaluate(onscreen.CIRCLE))
    card = panel.locator("table", has_text="联系电话")
    playwright.expect(card).to_contain_text(lone["subject_name"])
    playwright.expect(card).to_contain_text(round_.cell(lone, "size").partition("〕")[2])
    playwright.expect(card).not_to_contain_text(str(lone["contact_phone"]))
    assert panel.locator('.om-table tr[aria-selected="true"]').count() == 1
    panel.get_by_role("button", name="看以前批次").press("Enter")
    playwright.expect(panel).to_contain_text(re.compile("以前批次.*(2023-02|没有找到)"), timeout=WAIT_MS)
    panel.get_by_role("button", name="清除筛选").click()
    settles(panel, expected(round_, rows))


def by_keyboard(page, panel):
    """Tab through: everything that can be worked gets its turn; within a list the arrows go on."""
    stops = set(panel.evaluate(onscreen.CONTROLS))
    assert len(stops) > 25
    panel.locator("select").first.focus()
    met = set()
    for _ in range(len(stops) + 20):
        met.add(page.evaluate("document.activeElement.dataset.stop"))
        page.keyboard.press("Tab")
    assert stops - met == set()
    panel.locator(".om-table tbody tr").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    playwright.expect(panel.locator(".om-table tbody tr").nth(1)).to_have_attribute("aria-selected", "true")
    playwright.expect(panel).to_contain_text(re.compile("出处：.*〔.*〕"))


# As written: a list's option has other spaces, so that none is lost.
TEXTS = "nodes => nodes.map(node => node.textContent.replaceAll('\\xa0', ' '))"


def names_stay_text(page, panel):
    """Every hostile name stands on the page as it is written, wherever names appear, and none became markup."""
    places = [
        ".om-bar .om-name",
        ".om-calendar tbody th",
        ".leaflet-marker-pane div > div",
        "select[multiple] option",
        ".om-table td",
    ]
    panel.locator(".om-table tbody tr").nth(1).click()
    panel.get_by_label("名称").fill(LONG)
    panel.get_by_label("决定人").fill(HOSTILE[0])
    panel.get_by_label("科室").fill(HOSTILE[1])
    panel.get_by_role("button", name="存下这个选择").click()
    saved = panel.locator("select:not([multiple]) option", has_text="长长")
    playwright.expect(saved).to_have_text(f"{LONG}（{HOSTILE[0]}）")
    for place in places:
        texts = panel.locator(place).evaluate_all(TEXTS)
        for name in (LONG, *HOSTILE[:3]):
            assert any(name in text for text in texts), (place, name)
    villages = panel.locator("select[multiple]").nth(2).locator("option").evaluate_all(TEXTS)
    assert LONG in villages
    card = panel.locator("table", has_text="联系电话").inner_text()
    assert card.count(LONG) >= 2
    said = panel.inner_text()
    assert f"已存：{LONG}" in said
    legend = panel.locator("div", has_text="品种").last.inner_text()
    assert HOSTILE[0] in legend
    assert panel.locator("script, img:not(.leaflet-marker-icon):not(.leaflet-tile)").count() == 0
    assert page.evaluate("document.body.scrollWidth") <= page.viewport_size["width"]


def test_in_jupyterlab(chromium, root, one_map, notebooks, round_, tmp_path, monkeypatch):
    book = nbformat.read(one_map, as_version=4)
    book.cells.append(nbformat.v4.new_code_cell(HOSTILE_CELL.format(store=str(tmp_path / "decisions.db"))))
    nbformat.write(book, one_map)
    monkeypatch.syspath_prepend(root / "tests")
    monkeypatch.setenv("PYTHONPATH", str(root / "tests"), prepend=":")
    with in_jupyterlab(chromium, one_map, notebooks[1], tmp_path, script=onscreen.WATCH) as (page, errors, abroad):
        panel = opened(page)
        each_filter(page, panel, round_)
        the_year(panel, round_)
        other = page.locator(".originmap").last
        other.scroll_into_view_if_needed()
        names_stay_text(page, other)
        page.screenshot(path=tmp_path / "hostile.png", full_page=True)
    assert abroad == []
    assert errors == []


def test_the_intake_desk_in_jupyterlab(chromium, notebooks, round_, tmp_path):
    folder, settings = notebooks
    path = folder / "10_intake.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("outputs/returns", (tmp_path / "退").as_posix()), "utf-8")
    with in_jupyterlab(chromium, folder / "10_intake.ipynb", settings, tmp_path) as (page, errors, abroad):
        desk = page.locator(".originmap").first
        desk.wait_for()
        desk.scroll_into_view_if_needed()
        # The notebook's own cells play with the menus and end with everything shown.
        playwright.expect(desk).to_contain_text(f"{len(om.intake.findings(round_))} 处：", timeout=WAIT_MS)
        page.wait_for_timeout(1500)
        playwright.expect(desk).to_contain_text(f"{len(om.intake.findings(round_))} 处：")
        page.screenshot(path=tmp_path / "desk.png")
        menus = desk.locator("select")
        menus.nth(0).select_option(
            label=next(iter(menus.nth(0).locator("option", has_text="龙门镇").all_inner_texts()))
        )
        menus.nth(1).select_option(label="错误")
        wrong = om.intake.findings(round_).query("township == '龙门镇' and severity == 'error'")
        assert len(wrong) > 1
        playwright.expect(desk).to_contain_text(f"{len(wrong)} 处：错误 {len(wrong)}；1 个文件")
        playwright.expect(desk.locator("table")).to_contain_text("3月报送/龙门镇上报.xlsx")
        desk.get_by_role("button", name="写更正表").click()
        playwright.expect(desk).to_contain_text("已写 1 份", timeout=WAIT_MS)
        page.screenshot(path=tmp_path / "written.png")
    assert [file.name for file in (tmp_path / "退").iterdir()] == ["龙门镇_龙门镇上报_更正.xlsx"]
    assert abroad == []
    assert errors == []


def test_in_voila(chromium, root, one_map, round_, tmp_path):
    with in_voila(chromium, one_map, root, tmp_path, script=onscreen.WATCH) as (page, errors, abroad):
        panel = opened(page)
        each_filter(page, panel, round_)
        the_year(panel, round_)
        townships_and_cards(page, panel, round_)
        page.screenshot(path=tmp_path / "card.png", full_page=True)
        by_keyboard(page, panel)
    assert abroad == []
    assert errors == []
