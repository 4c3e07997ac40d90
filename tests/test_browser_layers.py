"""Base maps in Chromium: tiles in GCJ-02 and BD-09 lie in register with our points, local files are shown, and nothing is asked for unasked."""

import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import nbformat
import numpy as np
import pytest
from browsers import browsing, free_port, in_jupyterlab, playwright, serving
from PIL import Image, ImageDraw

import originmap as om
from originmap import basemaps, datum
from originmap.notebooks import working_copies

pytestmark = pytest.mark.browser

SAMPLE = "data/sample/anxi/2023-03"
RED, PICTURE, LAND = (255, 0, 0), (250, 80, 250), (233, 230, 220)
ZOOM = 16
BASES = {
    "甲": ("gcj02", "gcj02"),
    "乙": ("bd09", "bd09"),
    "丙": ("gcj02", "wgs84"),
}  # tiles drawn in, and said to be in
CELLS = """
import originmap as om
round_ = om.open_round({sample!r}, rules={rules!r})
panel = om.onemap.OneMap(round_)
panel.controls.text.value = {name!r}
panel.layers.map.zoom = {zoom}
panel.layers.go({lon}, {lat})
panel.view
"""
# Where the pixels of a colour on the canvas of points have their middle, in pixels of the page.
MIDDLE = """
([canvas, hex]) => {
  const {width, height} = canvas;
  const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
  const rgb = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
  let count = 0, left = 0, top = 0;
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
    const at = 4 * (y * width + x);
    if (data[at + 3] > 128 && rgb.every((value, part) => Math.abs(value - data[at + part]) < 40)) { count += 1; left += x; top += y; }
  }
  const box = canvas.getBoundingClientRect(), scale = box.width / width;
  return count ? [box.left + (left / count + 0.5) * scale, box.top + (top / count + 0.5) * scale] : null;
}
"""
HIDE = (
    ".leaflet-overlay-pane canvas, .leaflet-marker-pane, .leaflet-control-container { visibility: hidden !important }"
)


@pytest.fixture(scope="module")
def place(root):
    """A record that no other shares its name with: its name, product, and point (WGS84)."""
    records = om.open_round(root / SAMPLE).records
    names = records["subject_name"].value_counts()
    row = records[(records["status"] == "accepted") & (records["product"] == "cowpea") & records.geometry.notna()
                  & records["subject_name"].map(names).eq(1)].iloc[0]  # fmt: skip
    alone = records["subject_name"].str.contains(row["subject_name"], regex=False).sum()
    assert alone == 1
    return row["subject_name"], float(row["lon"]), float(row["lat"])


@pytest.fixture
def tiles(place):
    """A tile server on this machine that marks the place in red, in the datum that its address names; and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            name, zoom, x, y = self.path.strip("/").removesuffix(".png").split("/")
            lon, lat = (float(value) for value in datum.from_wgs84(*place[1:], name))
            side = 256 * 2 ** int(zoom)
            sine = np.sin(np.radians(lat))
            at_x = (lon + 180) / 360 * side - 256 * int(x)
            at_y = (0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)) * side - 256 * int(y)
            picture = Image.new("RGB", (256, 256), (225, 238, 225))
            ImageDraw.Draw(picture).ellipse([at_x - 9, at_y - 9, at_x + 9, at_y + 9], fill=RED)
            body = io.BytesIO()
            picture.save(body, "PNG")
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(body.getvalue())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def notebook(root, place, tiles, tmp_path, monkeypatch):
    """A notebook with the one map at the place, and rules with every kind of base map."""
    name, lon, lat = place
    folder = tmp_path / basemaps.FOLDER
    folder.mkdir(parents=True)
    Image.new("RGB", (64, 64), PICTURE).save(folder / "影像 1.png")
    land = om.maps.gpd.GeoDataFrame({"name": ["a"]}, geometry=[om.maps.shapely.Point(lon, lat).buffer(0.05)], crs=4326)
    land.to_file(folder / "land.pmtiles", driver="PMTiles", layer="land", MINZOOM=8, MAXZOOM=14)
    entries = {
        code: {"name": code, "tiles": f"{tiles[0]}/{drawn}/{{z}}/{{x}}/{{y}}.png", "datum": said}
        for code, (drawn, said) in BASES.items()
    }
    entries["图"] = {
        "name": "图",
        "file": str(folder / "影像 1.png"),
        "bounds": [lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01],
    }
    entries["片"] = {"name": "片", "file": str(folder / "land.pmtiles")}
    lines = [f'[basemaps."{code}"]\n' + "".join(f"{key} = {json.dumps(value)}\n" for key, value in entry.items())
             for code, entry in entries.items()]  # fmt: skip
    rules = tmp_path / "base.toml"
    rules.write_text("\n".join(lines), encoding="utf-8")
    source = CELLS.format(sample=str(root / SAMPLE), rules=str(rules), name=name, zoom=ZOOM, lon=lon, lat=lat)
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source.strip())])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "底图.ipynb"
    nbformat.write(made, path)
    monkeypatch.setenv(basemaps.SERVED, str(tmp_path))
    return path


def choose(page, name):
    page.locator(".originmap .widget-dropdown", has_text="底图").locator("select").select_option(label=name)
    page.wait_for_timeout(1200)


def seen(page, colour):
    """Return the middle of a colour's pixels on the map and their number, what is drawn over the base map hidden."""
    style = page.add_style_tag(content=HIDE)
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
    style.evaluate("node => node.remove()")
    box = page.locator(".leaflet-container").first.bounding_box()
    left, top = int(box["x"]), int(box["y"])
    part = shot[max(top, 0) : top + int(box["height"]), left : left + int(box["width"])]
    rows, columns = np.nonzero((np.abs(part - colour) < 24).all(axis=2))
    return (columns.mean() + left + 0.5, rows.mean() + max(top, 0) + 0.5) if len(rows) else None, len(rows)


def apart(page):
    """Return how many pixels our point lies from the place that the tiles mark."""
    canvas = page.locator(".leaflet-overlay-pane canvas").first.element_handle()
    ours = page.evaluate(MIDDLE, [canvas, "#0072B2"])
    marked, _ = seen(page, RED)
    assert ours is not None
    assert marked is not None
    return float(np.hypot(ours[0] - marked[0], ours[1] - marked[1]))


def open_map(page):
    page.locator(".originmap .leaflet-container").first.wait_for()
    page.locator(".originmap .leaflet-container").first.scroll_into_view_if_needed()
    playwright.expect(page.locator(".originmap").first).to_contain_text("已定位 1 / 1 条")
    page.wait_for_timeout(800)


def local_files_are_shown(page, folder):
    choose(page, "图")
    assert seen(page, PICTURE)[1] > 20_000
    page.screenshot(path=folder / "picture.png")
    choose(page, "片")
    page.wait_for_timeout(700)
    assert seen(page, LAND)[1] > 20_000
    page.screenshot(path=folder / "pmtiles.png")


def test_tiles_lie_in_register_in_jupyterlab(chromium, root, notebook, tiles, tmp_path):
    _, settings = working_copies(root / SAMPLE, tmp_path / "private")
    with in_jupyterlab(chromium, notebook, settings, tmp_path) as (page, errors, abroad):
        open_map(page)
        assert tiles[1] == []  # nothing is asked for before somebody chooses it
        for name in ("甲", "乙"):
            choose(page, name)
            page.screenshot(path=tmp_path / f"{name}.png")
            assert apart(page) <= 2, name
        choose(page, "丙")  # the same tiles, not said to be shifted: what the test would see without the shift
        assert apart(page) > 100
        assert tiles[1] != []
        local_files_are_shown(page, tmp_path)
        choose(page, "只有乡镇单元（不连网）")
        assert seen(page, PICTURE)[1] == 0
    assert abroad == []
    assert errors == []


def test_local_files_are_shown_in_voila_and_no_others(chromium, root, notebook, tmp_path):
    port = free_port()
    arguments = [
        str(notebook), "--template=originmap", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", "--Voila.port_retries=0",
        f"--Voila.root_dir={tmp_path}", f"--VoilaConfiguration.file_allowlist=['{basemaps.SHOWN}']",
    ]  # fmt: skip
    home, templates = f"http://127.0.0.1:{port}", root / "lib" / "originmap"
    with (
        serving(
            "voila", arguments, f"{home}/voila/static/voila.js", tmp_path / "voila.log", JUPYTER_PATH=str(templates)
        ),
        browsing(chromium, tmp_path) as (page, errors, abroad),
    ):
        page.goto(home)
        open_map(page)
        local_files_are_shown(page, tmp_path)
        assert page.request.get(f"{home}/voila/files/base.toml").status == 403
    assert abroad == []
    assert errors == []
