"""What is carried away holds what is on the screen: the same records, colours, sizes and breaks, compared as data; hostile names are names."""

import dataclasses
import json
import re
from itertools import cycle
from pathlib import Path

import geopandas as gpd
import html5lib
import numpy as np
import openpyxl
import pandas as pd
import pytest
from many import HOSTILE, many

from originmap import figures, gate, handover, onemap, onepage, plans, takeaway
from originmap.board import Board
from originmap.publishing import OutputError
from originmap.selection import Selection


@pytest.fixture(scope="module")
def round_():
    return many()


@pytest.fixture
def panel(round_, tmp_path):
    return onemap.OneMap(round_, out=tmp_path)


def looking(round_, selection=None, bounds=None):
    chosen = Board.of(round_.records, round_.rules, round_.places, findings=round_.findings).choose(
        selection or Selection()
    )
    return takeaway.View(round_, selection or Selection(), chosen, bounds)


def on_screen(layer):
    """What a layer of the screen draws: ``{record_id: (colour, hollow, radius)}``."""
    made = {}
    for feature in layer.data["features"]:
        own, style = feature["properties"], feature["properties"]["style"]
        hollow = style["fillColor"] == "#FFFFFF"
        made[own["record_id"]] = (style["color"] if hollow else style["fillColor"], hollow, style["radius"])
    return made


def on_paper(plan):
    """What a plan of the printed map draws, in the same terms."""
    return {row.record_id: (row.colour, row.buyer, float(plans.radius_px(row.area_pt2))) for row in plan.itertuples()}


def on_the_page(text):
    """What the page's own data draws, in the same terms."""
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    rows, radii = data["rows"], data["sizes"]["radius_px"]
    return {
        name: (data["products"][product]["colour"], bool(buyer), radii[index])
        for name, product, buyer, index, lon in zip(
            rows["id"], rows["product"], rows["buyer"], rows["size_class"], rows["lon"], strict=True
        )
        if lon is not None
    }


def printed(figure):
    """What stands on the sheet itself, read from what was drawn: sorted (x, y, colour, hollow, ink in pt²) of all points."""
    (ground,) = [axes for axes in figure.axes if axes.get_xlim()[1] > 10_000]
    made = []
    for marks in ground.collections:
        if marks.get_zorder() >= 4.4 or marks.get_zorder() == 2.6:  # seats and township figures
            continue
        spots = np.round(marks.get_offsets(), 1).tolist()
        faces, edges = (
            [tuple(rgb) for rgb in np.round(colours * 255).astype(int)[:, :3].tolist()]
            for colours in (marks.get_facecolor(), marks.get_edgecolor())
        )
        for spot, face, edge in zip(spots, cycle(faces), cycle(edges), strict=False):
            hollow = face == (255, 255, 255)
            made.append((*spot, edge if hollow else face, hollow))
    return sorted(made)


SELECTIONS = [
    Selection(),
    Selection(products=("cowpea", "pig")),
    Selection(products=("cowpea",), min_size=2.0, size_unit="mu", window=(12, 12)),
    Selection(statuses=("quarantined",)),
    Selection(text="没有这样的"),
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=lambda selection: str(selection.written()))
def test_screen_paper_and_page_hold_the_same(panel, round_, selection):
    panel.controls.set(selection)
    view = panel.look()
    assert (
        on_screen(panel.points)
        == on_paper(takeaway.plan(view))
        == on_the_page(onepage.page(round_, view.chosen.records))
    )
    assert takeaway.differences(panel.points, view).empty
    assert len(on_screen(panel.points)) == int((view.chosen.keep & view.chosen.board.located).sum())


def test_the_sheet_draws_its_plan(round_):
    view = looking(round_, Selection(products=("cowpea", "pig")))
    plan = takeaway.plan(view)
    rgb = [tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5)) for colour in plan["colour"]]
    spots = plan.geometry.get_coordinates().round(1).to_numpy().tolist()
    expected = sorted((*spot, colour, hollow) for spot, colour, hollow in zip(spots, rgb, plan["buyer"], strict=True))
    assert printed(takeaway.picture(view)) == expected
    assert len(expected) > 50


@pytest.mark.parametrize("measure", ["subjects", "findings"])
def test_a_township_figure_has_the_same_classes_and_colours_on_screen_and_paper(panel, round_, measure):
    panel.layers.choose(shading=measure)
    view = panel.look()
    features = [
        feature["properties"]
        for feature in panel.layers.ground.data["features"]
        if "class_index" in feature["properties"]
    ]
    screen = {own["township_code"]: (own["class_index"], own["style"]["fillColor"]) for own in features}
    marks = takeaway.town_marks(view)
    paper = {row.township_code: (row.class_index, row.colour) for row in marks.plan.itertuples()}
    assert {town: look for town, look in screen.items() if look[0] is not None} == {
        town: look for town, look in paper.items() if not pd.isna(look[0])
    }
    assert {town for town, (at, _) in screen.items() if at is None} == {
        town for town, look in paper.items() if look[1] == ""
    }
    assert sum(count for _, _, count in marks.lines) == len(round_.places.townships)
    figure = takeaway.picture(view)
    (ground,) = [axes for axes in figure.axes if axes.get_xlim()[1] > 10_000]
    drawn = [marks for marks in ground.collections if marks.get_zorder() == 2.6]
    assert sum(len(marks.get_offsets()) for marks in drawn) == len(paper)
    assert marks.title in [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.mark.parametrize("what", ["colour", "break", "record"])
def test_a_difference_is_seen(panel, round_, what):
    """The comparison bites: one other colour, one other break or one point less, and the two are not the same."""
    rules = round_.rules
    if what == "colour":
        cowpea = dataclasses.replace(rules.products["cowpea"], colour="#0072B3")
        rules = dataclasses.replace(rules, products={**rules.products, "cowpea": cowpea})
    elif what == "break":
        rules = dataclasses.replace(
            rules, source={**rules.source, "classes": {**rules.source["classes"], "size": {"mu": [1.0, 5.5, 20.0]}}}
        )
    records = round_.records.iloc[1:] if what == "record" else round_.records
    other = type(round_)(**{**vars(round_), "rules": rules, "records": records})
    assert on_paper(takeaway.plan(looking(other))) != on_screen(panel.points)
    told = takeaway.differences(panel.points, looking(other))
    if what == "record":
        assert told["record_id"].tolist() == ["r0000"]
    elif what == "colour":
        assert set(told["colour"] + told["colour_print"]) == {"#0072B2#0072B3"}
    else:
        sizes = round_.records.set_index("record_id")["area_mu"]
        assert set(told["record_id"]) == set(sizes[(sizes >= 5) & (sizes < 5.5)].index) & set(on_screen(panel.points))
    assert len(told) > 0


def test_the_picture_shows_what_is_in_sight(round_):
    west, south, east, north = 117.9, 25.0, 118.3, 25.2
    view = looking(round_, bounds=(west, south, east, north))
    figure = takeaway.picture(view)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    (ground,) = [axes for axes in figure.axes if axes.get_xlim()[1] > 10_000]
    frame = gpd.GeoSeries.from_xy(
        *zip(*[(x, y) for x in ground.get_xlim() for y in ground.get_ylim()], strict=True), crs=4548
    ).to_crs(4326)
    assert frame.x.min() <= west and east <= frame.x.max() and frame.y.min() <= south and north <= frame.y.max()  # noqa: PT018 - one frame
    inside = takeaway.plan(view).cx[slice(*ground.get_xlim()), slice(*ground.get_ylim())]
    beyond = len(takeaway.plan(view)) - len(inside)
    assert beyond > 0
    assert f"图幅以外 {beyond} 条未画出" in "".join(texts)
    assert "选中：全部产品：" in "".join(texts)
    assert "内部资料" in texts
    whole = looking(round_, bounds=(100.0, 20.0, 130.0, 30.0))
    outline = figures.outline_of(round_.places).bounds
    (ground,) = [axes for axes in takeaway.picture(whole).axes if axes.get_xlim()[1] > 10_000]
    assert ground.get_xlim()[1] - ground.get_xlim()[0] < 1.6 * (outline[2] - outline[0])


def test_each_button_writes_its_files_and_says_where(panel, tmp_path):
    panel.controls.lists["product"].value = ("cowpea",)
    panel.controls.size.value = (2.0, float("inf"))
    expected = panel.chosen.records
    there = expected[expected.geometry.notna()]
    for button in panel.takeaway.buttons.values():
        button.click()
        assert panel.takeaway.said.value.startswith(f"已写到 {tmp_path.as_posix()}：2023-03_豇豆，≥2亩.")
    stem = tmp_path / "2023-03_豇豆，≥2亩"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{stem.name}.{end}" for end in ("png", "pdf", "html", "gpkg", "qgs", "geojson", "kml", "xlsx")
    )
    assert sorted(gpd.read_file(f"{stem}.gpkg", layer="base_points")["record_id"]) == sorted(there["record_id"])
    assert sorted(gpd.read_file(f"{stem}.geojson")["id"]) == sorted(there["record_id"])
    sheet = openpyxl.load_workbook(f"{stem}.xlsx").active
    assert sum(str(cell).startswith("r0") for row in sheet.iter_rows(values_only=True) for cell in row[-1:]) == len(
        expected
    )
    assert set(on_the_page(Path(f"{stem}.html").read_text(encoding="utf-8"))) == set(there["record_id"])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for form in ("page", "gpkg", "geojson", "kml", "xlsx"):
        panel.takeaway.buttons[form].click()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_held_open_leaves_all_as_it_was_and_says_so(panel, tmp_path, monkeypatch):
    panel.takeaway.buttons["xlsx"].click()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def held(self, target):
        raise PermissionError(13, "held", str(target))

    monkeypatch.setattr(Path, "replace", held)
    panel.takeaway.buttons["xlsx"].click()
    assert "可能正被别的程序打开" in panel.takeaway.said.value
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert not panel.takeaway.buttons["xlsx"].disabled
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="不能写到"):
        takeaway.save(panel.look(), tmp_path / "file" / "x", "kml")


def test_what_must_not_leave_is_not_carried_away(panel, tmp_path, monkeypatch):
    monkeypatch.setattr(handover, "mask_phones", lambda numbers: numbers)
    with pytest.raises(OutputError, match=r"contact_phone|电话"):
        takeaway.save(panel.look(), tmp_path, "geojson")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(gate, "inspect", lambda *_: None)
    assert takeaway.save(panel.look(), tmp_path, "geojson")


def test_names_of_files_are_safe_and_apart(round_):
    plain = looking(round_, Selection(products=("cowpea",), window=(12, 14))).stem
    assert plain == "2023-03_豇豆，5月上市"
    stems = [
        looking(round_, Selection(text=text)).stem for text in (*HOSTILE, "a/b", "a\\b", "长" * 100, "长" * 101, "..")
    ]
    assert len(set(stems)) == len(stems)
    for stem in stems:
        assert not re.search(r'[\x00-\x1f\\/:*?"<>|]', stem)
        assert len(stem.encode()) < 240


def test_the_page_holds_no_phone_no_markup_of_a_sheet_and_no_address(round_):
    text = onepage.page(round_, round_.records, sentence=HOSTILE[2])
    assert "13800001234" not in text
    assert "138****1234" not in text
    assert "张三" not in text
    assert "alert(1)</script>" not in text
    assert text.count("<script") == 2
    assert text.count("</script>") == 2
    elements = list(html5lib.parse(text, namespaceHTMLElements=False).iter())
    assert {"img", "link", "iframe"} & {element.tag for element in elements} == set()
    assert [element.tag for element in elements if {"src", "href", "onerror"} & set(element.attrib)] == []
    assert not re.search("https?:", text)
    assert "内部资料" in text
    assert "样例数据" in text
    assert onepage.page(round_, round_.records, sentence=HOSTILE[2]) == text
    english = onepage.page(round_, round_.records, lang="en")
    assert "Sample data" in english
    assert "Cowpea" in english
    assert not re.search(
        "[\u4e00-\u9fff]",
        re.sub(
            r'"(?:id|subject|village)":(?:\[.*?\]|\{.*?\}),',
            "",
            re.sub("<script type.*?</script>", "", english, flags=re.DOTALL).split("<script>")[0],
        ),
    )


def test_a_page_of_nothing_and_of_one(round_):
    assert on_the_page(onepage.page(round_, round_.records.iloc[:0])) == {}
    one = round_.records[round_.records.geometry.notna()].iloc[:1]
    assert set(on_the_page(onepage.page(round_, one))) == set(one["record_id"])


def test_a_hundred_thousand_points_stay_a_file_that_opens(round_):
    records = pd.concat([round_.records] * 250, ignore_index=True)
    records = records.assign(record_id=[f"{at:016x}" for at in range(len(records))], subject_name="某某合作社")
    made = onepage.page(round_, records)
    assert len(made) < 12_000_000
