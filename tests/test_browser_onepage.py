"""The one page as somebody opens it from a stick, in Chromium: no server, no network; filters, table and counts are those of pandas."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from browsers import browsing
from many import HOSTILE, many

from originmap import onepage

pytestmark = pytest.mark.browser

PIXELS = """colour => {
  const canvas = document.getElementById('map'), wanted = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));
  const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let at = 0; at < all.length; at += 4) count += wanted.every((value, index) => Math.abs(all[at + index] - value) < 3);
  return count;
}"""
PAINT_MS = """async () => {
  const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const from = performance.now();
  document.getElementById('product-0').click();
  await frame(); await frame();
  return performance.now() - from;
}"""


def counts(page):
    return (
        page.locator("#counts").inner_text(),
        page.locator("#drawn").inner_text(),
        page.locator("#listed").inner_text(),
    )


def expected(rows):
    """What the page must say of these rows, the map fitted to all of them."""
    seen = int(rows.geometry.notna().sum())
    said = f"已定位 {seen:,} / {len(rows):,} 条" if len(rows) else "没有符合的记录"
    return said, f"图上画出 {seen:,} 个点", f"共 {len(rows):,} 条，列出前 {min(200, len(rows)):,} 条"


def agrees(page, rows):
    page.wait_for_timeout(120)
    said, drawn, listed = counts(page)
    assert (said, drawn.split("，")[0], listed) == expected(rows)
    assert page.locator("#rows tbody tr").count() == min(200, len(rows))


def use_the_filters(page, round_):
    rules, records = round_.rules, round_.records
    colours = [product.colour for product in rules.products.values()]
    agrees(page, records)
    before = [page.evaluate(PIXELS, colour) for colour in colours]
    assert min(before) > 20
    for number, product in enumerate(rules.products):
        own = records[records["product"] == product]
        assert page.locator(f"#count-{number}").inner_text() == f"{own.geometry.notna().sum()} / {len(own)}"
    page.locator("#product-1").uncheck()
    page.locator("#product-7").press("Space")
    left = records[~records["product"].isin([list(rules.products)[at] for at in (1, 7)])]
    agrees(page, left)
    assert [page.evaluate(PIXELS, colours[at]) for at in (1, 7)] == [0, 0]
    page.locator("#town").select_option("5")
    agrees(page, left[left["township_code"] == list(round_.places.names)[5]])
    page.locator("#town").select_option("-1")
    agrees(page, left[left["township_code"] == "999999999"])
    page.locator("#everything").click()
    agrees(page, records)
    assert [page.evaluate(PIXELS, colour) for colour in colours] == before


def look_at_a_hostile_name(page):
    """It is a name in the table, and in the card that it opens."""
    names = page.locator("#rows tbody td:nth-child(3)").all_inner_texts()
    assert any(name.startswith("<script>alert(1)</script>") for name in names)
    hostile = next(index for index, name in enumerate(names) if name.startswith("\"'><img"))
    page.locator("#rows tbody td button").nth(hostile).click()
    assert names[hostile] in page.locator("#card").inner_text()
    assert page.locator("main img, main script").count() == 0


def move_by_keys(page, records):
    page.locator("#fit").click()
    page.locator("#map").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(100)
    inside = int(counts(page)[1].split("窗口内 ")[1].split()[0])
    assert 0 < inside < int(records.geometry.notna().sum())
    page.locator("#more").click()
    assert page.locator("#rows tbody tr").count() == len(records)


def many_times(records, times):
    """Return the records that many times over, scattered."""
    large = pd.concat([records] * times, ignore_index=True)
    away = np.random.default_rng(1).normal(0, 0.02, (len(large), 2))
    seen = large.geometry.notna().to_numpy()
    spots = shapely.get_coordinates(large.geometry.to_numpy()[seen]) + away[seen]
    geometry = np.full(len(large), None, dtype=object)
    geometry[seen] = shapely.points(spots)
    return large.assign(record_id=[f"{at:08x}" for at in range(len(large))]).set_geometry(
        gpd.GeoSeries(geometry, crs=4326)
    )


def test_from_a_folder_with_filters_and_hostile_names_and_without_a_network(chromium, tmp_path):
    round_ = many()
    records = round_.records
    records.loc[3, "subject_name"] = "长" * 100
    records.loc[4, "township_code"] = "999999999"
    files = {"all": records, "none": records.iloc[:0], "one": records[records.geometry.notna()].iloc[:1]}
    files["large"] = many_times(records, 250)
    for name, rows in files.items():
        onepage.write(tmp_path / f"{name}.html", round_, rows, sentence=f"{HOSTILE[0]}：全部")
    asked = []
    with browsing(chromium, tmp_path) as (page, errors, _):
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "all.html").as_uri())
        use_the_filters(page, round_)
        look_at_a_hostile_name(page)
        page.screenshot(path=tmp_path / "page.png")
        move_by_keys(page, records)
        for name in ("none", "one", "large"):
            page.goto((tmp_path / f"{name}.html").as_uri())
            agrees(page, files[name])
        milliseconds = page.evaluate(PAINT_MS)
        print(f"100,000 points: a filter is drawn in {milliseconds:.0f} ms")
        assert milliseconds < 5000
    assert errors == []
    assert [url for url in asked if not url.endswith(".html")] == []
