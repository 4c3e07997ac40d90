"""50_locate as an analyst opens it: drag a point in the browser, open the round again, and it is there, with who and why."""

import shutil

import nbformat
import pandas as pd
import pytest
from browsers import in_jupyterlab, playwright

import originmap as om
from originmap.notebooks import working_copies

pytestmark = pytest.mark.browser

# The sample's mark would send decisions to a copy: here a county of its own is worked in, as an office does.
CELL = """import originmap as om
round_ = om.open_round({inbox!r})
made = om.proposals.of_round(round_)
panel = om.locate.Locate(round_, made, om.decisions.of_county(round_.folder), who="林一", section="种植业股")
panel.view"""


def drag_and_accept(page, panel, first, folder):
    """Drag the marker of the first record that has a reading, and accept it by keyboard."""
    page.wait_for_timeout(1500)
    playwright.expect(panel).to_contain_text(first)
    marker = panel.locator("img.leaflet-marker-icon").first
    while not marker.is_visible():  # on to a record that has a reading to drag
        panel.get_by_role("button", name="下一个").click()
        page.wait_for_timeout(400)
    page.screenshot(path=folder / "before.png")
    spot = marker.bounding_box()
    x, y = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y - 10, steps=5)
    page.mouse.move(x + 40, y - 20, steps=5)
    page.mouse.up()
    playwright.expect(panel).to_contain_text("已拖到新位置")
    panel.get_by_placeholder("如：电话核实").fill("现场定位")
    panel.get_by_placeholder("如：电话核实").press("Tab")
    button = panel.get_by_role("button", name="采用此点")
    button.focus()
    page.keyboard.press("Enter")  # by keyboard
    playwright.expect(panel).to_contain_text("已保存")
    page.screenshot(path=folder / "after.png")


def test_a_dragged_point_is_in_the_round_when_it_is_opened_again(chromium, root, tmp_path):
    county = tmp_path / "county"
    shutil.copytree(root / "data/sample/anxi/2023-03", county / "2023-03")
    folder, settings = working_copies(county / "2023-03", tmp_path / "private")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.format(inbox=str(county / "2023-03")))])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, folder / "drag.ipynb")
    was = om.open_round(county / "2023-03")
    first = om.proposals.of_round(was).queue.iloc[0]
    with in_jupyterlab(chromium, folder / "drag.ipynb", settings, tmp_path) as (page, errors, abroad):
        panel = page.locator(".originmap").first
        panel.get_by_role("button", name="采用此点").wait_for()
        drag_and_accept(page, panel, str(first["subject_name"]), tmp_path)
        again = om.open_round(county / "2023-03")
        both = om.verdicts.side_by_side(again.records, again.raw, again.decisions)
        assert len(both) == 1
        told = both.iloc[0]
        assert (told["who"], told["section"], told["why"]) == ("林一", "种植业股", "现场定位")
        old = om.proposals.of_round(was)
        label = old.queue.index[old.queue["record_id"] == told["record_id"]][0]
        reading = old.candidates[(old.candidates["row"] == label) & (old.candidates["rank"] == 1)].iloc[0]
        assert told["text"] == old.queue.loc[label, "text"]
        assert told["lon"] > reading["lon"]  # it went to the right and up
        assert told["lat"] > reading["lat"]
        row = again.records.set_index("record_id").loc[told["record_id"]]
        assert (row["lon"], row["lat"], row["coord_status"]) == (told["lon"], told["lat"], "ok")

        panel.get_by_role("button", name="撤销").click()
        playwright.expect(panel).to_contain_text("已撤销")
        back = om.open_round(county / "2023-03")
        pd.testing.assert_frame_equal(back.records, was.records)
        assert back.decisions["state"].tolist() == ["undone", "undo"]
    assert abroad == []
    assert errors == []
