"""50_locate as an analyst opens it: drag a point in the browser, open the round again, and it is there, with who and why."""

import json
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

FIELD = """
field = om.confirm.Confirm(round_, made, om.decisions.of_county(round_.folder), who="林一", section="种植业股")
from IPython.display import display
display(panel.view, field.view)"""


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


def opened_in_lab(cell, root, tmp_path):
    """A county of its own and a notebook of one cell about it."""
    county = tmp_path / "county"
    shutil.copytree(root / "data/sample/anxi/2023-03", county / "2023-03")
    folder, settings = working_copies(county / "2023-03", tmp_path / "private")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.format(inbox=str(county / "2023-03")))])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, folder / "drag.ipynb")
    return county / "2023-03", folder / "drag.ipynb", settings


def test_a_plot_is_drawn_by_clicks_and_a_field_file_is_taken_in(chromium, root, tmp_path):
    inbox, notebook, settings = opened_in_lab(CELL.replace("\npanel.view", FIELD), root, tmp_path)
    was = om.open_round(inbox)
    crop = was.records[was.records["area_mu"].notna() & (was.records["status"] == "accepted")].iloc[0]
    crop_id, subject = crop["record_id"], str(crop["subject_name"])
    with in_jupyterlab(chromium, notebook, settings, tmp_path) as (page, errors, abroad):
        panel = page.locator(".originmap").first
        panel.get_by_role("button", name="采用此点").wait_for()
        panel.get_by_placeholder("主体、乡镇、产品，空格分开").fill(crop_id)
        panel.get_by_placeholder("主体、乡镇、产品，空格分开").press("Tab")
        playwright.expect(panel).to_contain_text("1 条，请选")
        panel.locator("select").first.select_option(index=1)
        playwright.expect(panel).to_contain_text("另行打开的记录")
        panel.get_by_role("button", name="勾绘地块").click()
        page.wait_for_timeout(1500)  # the map moves to the field
        box = panel.locator(".leaflet-container").first.bounding_box()
        for number, (x, y) in enumerate(((300, 250), (360, 250), (360, 310), (300, 310)), start=1):
            page.mouse.click(box["x"] + x, box["y"] + y)
            playwright.expect(panel).to_contain_text(f"已点 {number} 个角" if number < 3 else "勾绘")
            page.wait_for_timeout(400)
        panel.get_by_placeholder("如：电话核实").fill("现场量过")
        panel.get_by_placeholder("如：电话核实").press("Tab")
        panel.get_by_role("button", name="保存地块").click()
        playwright.expect(panel).to_contain_text(f"已保存：{subject} 的地块")
        page.screenshot(path=tmp_path / "plot.png")
        drawn = om.open_round(inbox).plots
        assert drawn["record_id"].tolist() == [crop_id]
        assert len(drawn.geometry.iloc[0].exterior.coords) == 5  # four corners: no click was lost or doubled
        assert 0.5 < drawn["plot_mu"].iat[0] < 50

        field = page.locator(".originmap").last
        spot = {"type": "Point", "coordinates": [float(crop["lon"]) + 0.0003, float(crop["lat"])]}
        one = {"type": "Feature", "properties": {"name": "地头", "record_id": crop_id}, "geometry": spot}
        content = json.dumps({"type": "FeatureCollection", "features": [one]}).encode()
        with page.expect_file_chooser() as chooser:
            field.get_by_role("button", name="选文件").click()
        chooser.value.set_files({"name": "外业.geojson", "mimeType": "application/json", "buffer": content})
        playwright.expect(field).to_contain_text("1 个要素，1 个对到记录，1 个拿得准")
        field.get_by_role("button", name="采用所选").click()
        playwright.expect(field).to_contain_text("已保存 1 条决定")
        field.scroll_into_view_if_needed()
        page.screenshot(path=tmp_path / "field.png")
        row = om.open_round(inbox).records.set_index("record_id").loc[crop_id]
        assert row["lon"] == round(float(crop["lon"]) + 0.0003, 6)
    assert abroad == []
    assert errors == []


def test_a_dragged_point_is_in_the_round_when_it_is_opened_again(chromium, root, tmp_path):
    inbox, notebook, settings = opened_in_lab(CELL, root, tmp_path)
    was = om.open_round(inbox)
    first = om.proposals.of_round(was).queue.iloc[0]
    with in_jupyterlab(chromium, notebook, settings, tmp_path) as (page, errors, abroad):
        panel = page.locator(".originmap").first
        panel.get_by_role("button", name="采用此点").wait_for()
        drag_and_accept(page, panel, str(first["subject_name"]), tmp_path)
        again = om.open_round(inbox)
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
        back = om.open_round(inbox)
        pd.testing.assert_frame_equal(back.records, was.records)
        assert back.decisions["state"].tolist() == ["undone", "undo"]
    assert abroad == []
    assert errors == []
