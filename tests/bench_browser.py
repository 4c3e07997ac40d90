"""From a filter to a settled page in Chromium: the one map beside a plain GeoJSON layer, MarkerCluster and Heatmap of the same records."""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bench
import ipyleaflet
import ipywidgets
import nbformat
from browsers import in_voila, playwright

import originmap as om

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LOAD_S, LIMIT_S, QUIET_MS = 150, 60, 1000
# Notes when a filter was set, and when something on the page last changed: a node, or a canvas.
CLOCK = """
(() => {
  window.last = 0;
  const now = () => { window.last = performance.now(); };
  const proto = CanvasRenderingContext2D.prototype;
  for (const name of ['arc', 'fill', 'clearRect', 'drawImage', 'putImageData']) {
    const own = proto[name];
    proto[name] = function (...given) { now(); return own.apply(this, given); };
  }
  document.addEventListener('change', () => { window.started = performance.now(); }, true);
  document.addEventListener('DOMContentLoaded', () => new MutationObserver(now).observe(
    document.body, {subtree: true, childList: true, characterData: true, attributes: true}));
})();
"""


def page(kind: str, count: int) -> Any:
    """Return what a page shows: our panel, or a plain map with the same filter of products and a line that says what it holds."""
    round_ = bench.many_records(count)
    if kind == "one map":
        return om.onemap.OneMap(round_).view
    places, rules = round_.places, round_.rules
    lon, lat = (round_.records[name].to_numpy().round(6) for name in ("lon", "lat"))
    product = round_.records["product"].to_numpy()
    add, show = _layer(kind)
    chosen = ipywidgets.SelectMultiple(options=[(one.name, name) for name, one in rules.products.items()])
    said = ipywidgets.HTML()

    def apply(_: object = None) -> None:
        keep = [at for at, name in enumerate(product) if not chosen.value or name in chosen.value]
        show(lon[keep].tolist(), lat[keep].tolist(), product[keep].tolist())
        said.value = f"{len(keep)} shown"

    apply()
    chosen.observe(apply, "value")
    west, south, east, north = places.townships.total_bounds
    drawn = ipyleaflet.Map(
        layers=(add,), center=[(south + north) / 2, (west + east) / 2], zoom=10, prefer_canvas=True, max_zoom=18
    )
    return ipywidgets.VBox([chosen, said, drawn]).add_class("originmap")


def _layer(kind: str) -> tuple[Any, Callable[..., None]]:
    if kind == "GeoJSON":
        layer = ipyleaflet.GeoJSON(data={"type": "FeatureCollection", "features": []}, point_style={"radius": 4})

        def show(lon: list[float], lat: list[float], product: list[str]) -> None:
            layer.data = {"type": "FeatureCollection", "features": [
                {"type": "Feature", "geometry": {"type": "Point", "coordinates": [x, y]}, "properties": {"product": name}}
                for x, y, name in zip(lon, lat, product, strict=True)
            ]}  # fmt: skip
    elif kind == "Heatmap":
        layer = ipyleaflet.Heatmap(locations=[], radius=8)

        def show(lon: list[float], lat: list[float], product: list[str]) -> None:
            layer.locations = [[y, x, 1.0] for x, y in zip(lon, lat, strict=True)]
    else:
        layer = ipyleaflet.MarkerCluster(markers=())

        def show(lon: list[float], lat: list[float], product: list[str]) -> None:
            layer.markers = tuple(
                ipyleaflet.Marker(location=(y, x), draggable=False) for x, y in zip(lon, lat, strict=True)
            )

    return layer, show


def settled_s(chromium: str, kind: str, count: int, turns: int) -> list[float]:
    """Return the seconds from each filter to the last change on the page; raises a time-out of Playwright's where it takes too long."""
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        cell = nbformat.v4.new_code_cell(f"import bench_browser\nbench_browser.page({kind!r}, {count})")
        book = nbformat.v4.new_notebook(cells=[cell])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, folder / "page.ipynb")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(root / "lib"), str(root / "tests")])
        with in_voila(chromium, folder / "page.ipynb", root, folder, script=CLOCK, load_s=LOAD_S) as (shown, _, _):
            panel = shown.locator(".originmap").first
            panel.locator(".leaflet-container, .jp-OutputArea-output[data-mime-type*=stderr]").first.wait_for(
                timeout=LOAD_S * 1000
            )
            lists = panel.locator("select[multiple]").first
            _quiet(shown)
            took = []
            for turn in range(turns):
                before = panel.inner_text()
                products = [] if turn % 2 else ["豇豆", "生猪"]
                shown.evaluate("window.last = 0")
                lists.select_option(label=products, timeout=LIMIT_S * 1000)
                words = "共 [\\d,]+ 条|\\d+ shown"
                shown.wait_for_function(
                    f"before => (document.querySelector('.originmap').innerText.match(/{words}/) ?? [''])[0] !== (before.match(/{words}/) ?? [''])[0]",
                    arg=before,
                    timeout=LIMIT_S * 1000,
                )
                _quiet(shown)
                took.append(shown.evaluate("(window.last - window.started) / 1000"))
            return took


def _quiet(shown: Any) -> None:
    """Wait until nothing has changed on the page for a while."""
    shown.wait_for_function(f"performance.now() - window.last > {QUIET_MS}", timeout=LIMIT_S * 1000)


def measure(runs: int) -> None:
    """Measure all four, each up to the largest size that it survives: a page within `LOAD_S`, each filter within `LIMIT_S`."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or ""
    ours: dict[int, float] = {}
    for kind in ("one map", "GeoJSON", "MarkerCluster", "Heatmap"):
        for count in SIZES:
            start = time.perf_counter()
            try:
                took = statistics.median(settled_s(chromium, kind, count, 2 * runs if kind == "one map" else 2))
            except (playwright.Error, AssertionError) as error:
                said = str(error).splitlines()[0][:80]
                bench.line(f"{kind}, {count:,} records", f"not within {LIMIT_S} s", said, met=kind != "one map")
                break
            ours.setdefault(count, took)
            times = "" if kind == "one map" else f" = {took / ours[count]:.1f} x ours"
            budget = "<= 2 s" if kind == "one map" else f"apart ({time.perf_counter() - start:.0f} s with its start)"
            bench.line(
                f"{kind}, {count:,} records: filter to settled",
                f"{took:.2f} s{times}",
                budget,
                met=kind != "one map" or took <= 2,
            )
