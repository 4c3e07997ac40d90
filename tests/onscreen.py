"""The one map in a real browser: what its page shows, read from the page, and what plain pandas says that it should show."""

import time
from datetime import timedelta

import pandas as pd

from originmap.subjects import normal_name

SHOWN, WAIT_S, UNKNOWN = 50, 20, "#767676"

# Run before anything else on the page: every circle that Leaflet draws on a canvas is kept until its place is cleared.
WATCH = """
(() => {
  const proto = CanvasRenderingContext2D.prototype, {arc, fill, clearRect} = proto;
  const book = canvas => canvas.circles ??= {pass: 0, of: new Map(), last: null};
  proto.clearRect = function (x, y, w, h) {
    const kept = book(this.canvas), all = x === 0 && y === 0 && w === this.canvas.width;
    kept.pass += 1;
    for (const [key, one] of kept.of) {
      if (all || (one.x >= x && one.x <= x + w && one.y >= y && one.y <= y + h)) kept.of.delete(key);
    }
    return clearRect.call(this, x, y, w, h);
  };
  proto.arc = function (x, y, r, ...rest) {
    const kept = book(this.canvas), key = `${x},${y},${r}`;
    if (kept.of.get(key)?.pass !== kept.pass) kept.of.set(key, {x, y, r, pass: kept.pass, fills: []});
    kept.last = kept.of.get(key);
    return arc.call(this, x, y, r, ...rest);
  };
  proto.fill = function (...rest) {
    const kept = book(this.canvas);
    if (kept.last && this.globalAlpha) kept.last.fills.push(this.fillStyle.toUpperCase());
    kept.last = null;
    return fill.apply(this, rest);
  };
})();
"""
# Circles by colour, bars, the calendar's lines, the table and the counts.
STATE = """
panel => {
  const circles = {};
  for (const canvas of panel.querySelectorAll('.leaflet-container canvas')) {
    for (const one of canvas.circles?.of.values() ?? []) for (const fill of one.fills) circles[fill] = (circles[fill] ?? 0) + 1;
  }
  const texts = (root, selector) => [...root.querySelectorAll(selector)].map(node => node.textContent);
  const number = match => match ? parseInt(match[1].replaceAll(',', '')) : null;
  const table = panel.querySelector('.om-listing.om-table'), said = panel.textContent;
  return {
    circles,
    bars: texts(panel, '.om-bar .om-text').map(text => parseInt(text.replaceAll(',', ''))),
    lines: texts(panel, '.om-calendar tbody th'),
    located: said.match(/已定位 \\d+ \\/ \\d+ 条/)?.[0],
    subjects: number(said.match(/：([\\d,]+) 个主体/)),
    records: number(table.querySelector('.om-title')?.textContent.match(/共 ([\\d,]+) 条/)),
    rows: texts(table, 'tbody td:nth-child(3)'),
  };
}
"""
# Where on the page a circle is drawn (the first), or a spot of the map that is only a township's own colour.
CIRCLE = """
panel => {
  const canvas = [...panel.querySelectorAll('.leaflet-container canvas')].find(one => one.circles?.of.size), box = canvas.getBoundingClientRect();
  const one = canvas.circles.of.values().next().value;
  return [box.left + one.x - canvas._leaflet_pos.x, box.top + one.y - canvas._leaflet_pos.y];
}
"""
TOWNSHIP = """
panel => {
  // The colour lies in a pane of its own, below the points and outlines, which must leave the place free.
  const [ground, above] = ['ground', 'overlay'].map(name => panel.querySelector(`.leaflet-${name}-pane canvas`));
  const {width, height} = above, box = above.getBoundingClientRect();
  const [colours, drawn] = [ground, above].map(canvas => canvas.getContext('2d').getImageData(0, 0, width, height).data);
  const plain = (x, y) => drawn[4 * (y * width + x) + 3] === 0
    && [0xF4, 0xF1, 0xE8].every((value, part) => Math.abs(value - colours[4 * (y * width + x) + part]) < 3);
  for (let y = height >> 1; y < height - 60; y += 4) for (let x = 100; x < width - 100; x += 4) {
    let clear = true;
    for (let i = -12; clear && i <= 12; i += 3) for (let j = -12; clear && j <= 12; j += 3) clear = plain(x + i, y + j);
    if (clear) return [box.left + x * box.width / width, box.top + y * box.height / height];
  }
  return null;
}
"""
# What can be worked and is seen, lists apart, whose rows are one stop: each gets a number to be known by.
CONTROLS = """
panel => [...panel.querySelectorAll('select, input, button, [role=slider], .leaflet-control a')].filter(node =>
  !node.disabled && node.offsetParent && node.tabIndex !== -1 && node.getAttribute('aria-disabled') !== 'true' && !node.closest('[disabled]')
).map((node, at) => node.dataset.stop = String(at))
"""


def shown(panel):
    """Return what a panel shows now."""
    return panel.evaluate(STATE)


def expected(round_, rows):
    """Return what it should show of some rows, by plain pandas."""
    products = round_.rules.products
    placed = rows[rows.geometry.notna() & ~rows.geometry.is_empty]
    colours = placed["product"].map({name: one.colour for name, one in products.items()})
    colours = colours.mask((placed["subject_type"] == "buyer") & colours.notna(), "#FFFFFF").fillna(UNKNOWN)
    growers = rows[rows["subject_type"] != "buyer"]
    growers = growers.assign(
        who=normal_name(growers["subject_name"], round_.places)
    )  # rows without a name are one in a township
    known = rows[rows["product"].isin(list(products))]  # bars are made of products
    each = (
        growers[growers.index.isin(known.index)]
        .drop_duplicates(["township_code", "product", "who"])
        .groupby("township_code")
        .size()
    )
    windows = set(growers.loc[growers["market_windows"].notna(), "product"])
    return {
        "circles": colours.value_counts().to_dict(),
        "bars": [int(each.get(town, 0)) for town in round_.places.names if (known["township_code"] == town).any()],
        "lines": [one.name for name, one in products.items() if name in windows],
        "located": f"已定位 {len(placed)} / {len(rows)} 条",
        "subjects": len(growers.drop_duplicates(["township_code", "who"])),
        "records": len(rows),
        "rows": rows["subject_name"].fillna("—").tolist()[:SHOWN],
    }


def settles(panel, wanted):
    """Wait until a panel shows all that is wanted; else fail with what it shows instead."""
    deadline = time.monotonic() + WAIT_S
    while (now := shown(panel)) != wanted and time.monotonic() < deadline:
        time.sleep(0.03)
    apart = {name: (now[name], wanted[name]) for name in wanted if now[name] != wanted[name]}
    assert not apart, apart


def on_market(windows, month, third=None):
    """Tell which market windows hold a day of a month, or of its first, second or last ten days, in any year."""

    def holds(text):
        if pd.isna(text):
            return False
        for pair in text.split(";"):
            start, _, stop = pair.partition("/")
            first = pd.Timestamp(start)
            # An open end stands for its own ten days.
            last = pd.Timestamp(stop) if stop else first
            days = [first + timedelta(days) for days in range((last - first).days + 1)]
            if any(day.month == month and third in (None, min((day.day - 1) // 10, 2)) for day in days):
                return True
        return False

    known = {text: holds(text) for text in windows.unique()}
    return windows.map(known).astype(bool)
