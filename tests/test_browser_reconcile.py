"""30_reconcile as an analyst opens it: choose a crop and a township, decide a doubtful pair by keyboard, and it is saved."""

import shutil

import nbformat
import pytest
from browsers import in_jupyterlab, playwright

import originmap as om
from originmap.notebooks import working_copies

pytestmark = pytest.mark.browser

# The sample's mark would send decisions to a copy: here a county of its own is worked in, as an office does.
CELL = """import originmap as om
round_ = om.open_round({inbox!r})
panel = om.balance.Balance(round_, om.decisions.of_county(round_.folder), who="林一", section="种植业股")
panel.view"""


def test_a_pair_decided_in_the_browser_is_kept_and_everything_moves(chromium, root, tmp_path):
    county = tmp_path / "county"
    shutil.copytree(root / "data/sample/anxi/2023-03", county / "2023-03")
    folder, settings = working_copies(county / "2023-03", tmp_path / "private")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.format(inbox=str(county / "2023-03")))])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, folder / "decide.ipynb")
    round_ = om.open_round(county / "2023-03")
    queue = om.gaps.review(round_, om.growers.growers(round_), product="cowpea")
    with in_jupyterlab(chromium, folder / "decide.ipynb", settings, tmp_path) as (page, errors, abroad):
        panel = page.locator(".originmap").first
        panel.get_by_role("button", name="是同一个", exact=True).wait_for()
        playwright.expect(panel).to_contain_text(f"还剩 {len(queue)} 对")
        playwright.expect(panel).to_contain_text(str(queue["left_name"].iat[0]))
        assert panel.locator("svg .om-bar").count() == 9
        page.wait_for_timeout(1500)
        page.screenshot(path=tmp_path / "county.png")
        panel.get_by_placeholder("如：电话核实").fill("电话核实")
        panel.get_by_placeholder("如：电话核实").press("Tab")
        panel.get_by_role("button", name="是同一个", exact=True).press("Enter")
        playwright.expect(panel).to_contain_text("已保存")
        playwright.expect(panel).to_contain_text(f"还剩 {len(queue) - 1} 对")
        saved = om.decisions.of_county(county / "2023-03").entries()
        assert saved[["kind", "who", "why"]].to_numpy().tolist() == [["match", "林一", "电话核实"]]
        panel.locator("select").nth(1).select_option(label="湖头镇")
        playwright.expect(panel).to_contain_text("湖头镇　豇豆")
        page.screenshot(path=tmp_path / "township.png")
        panel.locator("select").nth(1).select_option(label="金谷镇")
        playwright.expect(panel).to_contain_text("画不出（不是 0）")
        assert panel.locator("svg .om-bar").count() == 0
    assert abroad == []
    assert errors == []
