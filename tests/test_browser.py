"""20_one_map as an analyst opens it, in JupyterLab and in Voila: a filter changes what is drawn, and nothing leaves the machine."""

import re

import pytest
from browsers import WAIT_MS, browsing, free_port, in_jupyterlab, playwright, serving

import originmap as om
from originmap.notebooks import working_copies

pytestmark = pytest.mark.browser

SAMPLE = "data/sample/anxi/2023-03"

# How many pixels of the map's canvas have (nearly) each of these colours: what is drawn, not what was meant to be.
COUNT_COLOURS = """
([canvas, colours]) => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const wanted = colours.map(hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16)));
  const counts = colours.map(() => 0);
  for (let at = 0; at < data.length; at += 4) {
    wanted.forEach((rgb, number) => {
      if (rgb.every((value, part) => Math.abs(value - data[at + part]) < 24)) counts[number] += 1;
    });
  }
  return counts;
}
"""
# The middle of a dot: a pixel whose surroundings have its colour too.
FIND_DOT = """
([canvas, hex]) => {
  const {width, height} = canvas;
  const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
  const rgb = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
  const same = (x, y) => rgb.every((value, part) => Math.abs(value - data[4 * (y * width + x) + part]) < 24);
  const box = canvas.getBoundingClientRect(), scale = box.width / width;
  const view = canvas.closest('.leaflet-container').getBoundingClientRect();
  for (let y = 3; y < height - 3; y += 1) for (let x = 3; x < width - 3; x += 1) {
    const at = [box.left + x * scale, box.top + y * scale];
    const inside = at[0] > view.left + 60 && at[0] < view.right - 60 && at[1] > view.top + 60 && at[1] < view.bottom - 60;
    if (inside && [[0, 0], [3, 0], [-3, 0], [0, 3], [0, -3]].every(([i, j]) => same(x + i, y + j))) return at;
  }
  return null;
}
"""


@pytest.fixture(scope="module")
def round_(root):
    return om.open_round(root / SAMPLE)


@pytest.fixture
def notebooks(root, tmp_path):
    """Working copies as ``originmap lab`` lays them, and JupyterLab's settings for them."""
    return working_copies(root / SAMPLE, tmp_path / "private")


def drawn(page, round_):
    """Count the pixels of each product's colour on the map."""
    colours = [product.colour for product in round_.rules.products.values()]
    canvas = page.locator(".leaflet-container canvas").first.element_handle()
    return dict(zip(round_.rules.products, page.evaluate(COUNT_COLOURS, [canvas, colours]), strict=True))


def use_the_map(page, round_, folder):
    """Work with the panel as a person does, and hold the map to it."""
    accepted = round_.records[round_.records["status"] == "accepted"]
    cowpea = accepted[accepted["product"] == "cowpea"]
    every = f"已定位 {accepted.geometry.notna().sum()} / {len(accepted)} 条"
    page.locator(".leaflet-container canvas").first.wait_for()
    # The notebook's own cells play with the filters and end with everything shown.
    panel = page.locator(".originmap").first
    playwright.expect(panel).to_contain_text(every, timeout=WAIT_MS)
    page.wait_for_timeout(500)
    before = drawn(page, round_)
    page.screenshot(path=folder / "all.png")
    assert min(before.values()) > 20, before

    products = panel.locator("select[multiple]").first
    products.focus()
    page.keyboard.press("Home")  # the first of the list: by keyboard alone
    playwright.expect(panel).to_contain_text(f"已定位 {cowpea.geometry.notna().sum()} / {len(cowpea)} 条")
    playwright.expect(panel).to_contain_text(re.compile("豇豆：.* 个主体，.* 亩"))
    page.wait_for_timeout(500)
    after = drawn(page, round_)
    page.screenshot(path=folder / "cowpea.png")
    assert after["cowpea"] > 200, after
    # All other colours are gone but for a few blended pixels at the rims.
    assert all(after[name] < max(20, before[name] // 10) for name in after if name != "cowpea"), (before, after)

    page.locator(".leaflet-container").first.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    canvas = page.locator(".leaflet-container canvas").first.element_handle()
    spot = page.evaluate(FIND_DOT, [canvas, round_.rules.products["cowpea"].colour])
    assert spot is not None
    page.mouse.click(*spot)
    playwright.expect(panel).to_contain_text("出处")
    playwright.expect(panel).to_contain_text(re.compile(r"出处：.*〔.*〕"))
    page.wait_for_timeout(300)
    page.screenshot(path=folder / "card.png")

    panel.get_by_role("button", name="清除筛选").click()
    playwright.expect(panel).to_contain_text(every)
    page.wait_for_timeout(500)
    again = drawn(page, round_)
    assert again == pytest.approx(before, rel=0.02, abs=5)
    panel.get_by_role("button", name="GeoJSON", exact=True).click()
    playwright.expect(panel).to_contain_text("已写到 outputs/map：2023-03_全部产品.geojson。")


def test_in_jupyterlab(chromium, notebooks, round_, tmp_path):
    folder, settings = notebooks
    with in_jupyterlab(chromium, folder / "20_one_map.ipynb", settings, tmp_path) as (page, errors, abroad):
        page.locator(".originmap .leaflet-container").first.wait_for()
        page.locator(".originmap").first.scroll_into_view_if_needed()
        use_the_map(page, round_, tmp_path)
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


def test_in_voila(chromium, root, notebooks, round_, tmp_path):
    folder, _ = notebooks
    templates, port = root / "lib" / "originmap", free_port()
    arguments = [
        str(folder / "20_one_map.ipynb"), "--template=originmap", "--no-browser",
        f"--port={port}", "--Voila.ip=127.0.0.1", "--Voila.port_retries=0",
    ]  # fmt: skip
    home = f"http://127.0.0.1:{port}"
    with (
        # Voila's own templates fetch an icon font from elsewhere; ours does not, and lies beside the library.
        serving(
            "voila", arguments, f"{home}/voila/static/voila.js", tmp_path / "voila.log", JUPYTER_PATH=str(templates)
        ),
        browsing(chromium, tmp_path) as (page, errors, abroad),
    ):
        page.goto(home)
        page.locator(".originmap .leaflet-container").first.wait_for()
        page.locator(".originmap").first.scroll_into_view_if_needed()
        use_the_map(page, round_, tmp_path)
    assert abroad == []
    assert errors == []
