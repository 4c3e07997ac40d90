// The one map as one page: filters, a canvas and a table over the records that stand in the page itself. Texts are only ever set as text.
"use strict";
(() => {
  const el = (id) => document.getElementById(id);
  const { words, products, towns, sizes, columns, rows } = JSON.parse(el("data").textContent);
  const n = rows.product.length, STEP = 200;
  const canvas = el("map"), pen = canvas.getContext("2d");
  const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key].toLocaleString());
  const shown = new Set(products.keys());  // products that are ticked
  let town = "", chosen = [], listed = STEP, picked = -1, view = null, waiting = false;

  // ---- where a place stands: longitudes narrowed to the county's middle, then pixels
  const all = towns.flatMap((each) => each.rings.flat()), spots = all.length ? all : [[117.5, 24.5], [118.5, 25.5]];
  const sides = [0, 1].map((axis) => spots.reduce(([low, high], spot) =>
    [Math.min(low, spot[axis]), Math.max(high, spot[axis])], [Infinity, -Infinity]));
  const narrow = Math.cos((sides[1][0] + sides[1][1]) / 2 * Math.PI / 180);
  const at = (lon, lat) => [(lon * narrow - view.x) * view.scale + canvas.clientWidth / 2,
                            (view.y - lat) * view.scale + canvas.clientHeight / 2];
  const fit = () => {
    const wide = (sides[0][1] - sides[0][0]) * narrow, high = sides[1][1] - sides[1][0];
    view = { x: (sides[0][0] + sides[0][1]) / 2 * narrow, y: (sides[1][0] + sides[1][1]) / 2,
             scale: 0.94 * Math.min(canvas.clientWidth / wide, canvas.clientHeight / high) };
    view.least = view.scale / 4;
    draw();
  };
  const zoom = (factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) => {
    const scale = Math.min(Math.max(view.scale * factor, view.least), view.least * 40000);
    const dx = x - canvas.clientWidth / 2, dy = y - canvas.clientHeight / 2;
    view.x += dx / view.scale - dx / scale;
    view.y -= dy / view.scale - dy / scale;
    view.scale = scale;
    draw();
  };
  const move = (x, y) => { view.x -= x / view.scale; view.y += y / view.scale; draw(); };

  // ---- drawing: one small picture a product, size and kind, stamped wherever it is needed
  const stamps = new Map();
  const radius = (row) => sizes.radius_px[rows.size_class[row] < 0 ? sizes.radius_px.length - 1 : rows.size_class[row]];
  const stamp = (row) => {
    const key = [rows.product[row], rows.size_class[row], rows.buyer[row]].join();
    if (!stamps.has(key)) {
      const r = radius(row), ratio = window.devicePixelRatio || 1, picture = document.createElement("canvas");
      picture.width = picture.height = Math.ceil((2 * r + 4) * ratio);
      const own = picture.getContext("2d"), colour = products[rows.product[row]].colour;
      own.scale(ratio, ratio);
      own.arc(r + 2, r + 2, r, 0, 2 * Math.PI);
      own.fillStyle = rows.buyer[row] ? "#FFFFFF" : colour;
      own.fill();
      own.lineWidth = rows.buyer[row] ? 2 : 0.8;
      own.strokeStyle = rows.buyer[row] ? colour : "#FFFFFF";
      own.stroke();
      stamps.set(key, picture);
    }
    return stamps.get(key);
  };
  const draw = () => { if (!waiting) { waiting = true; requestAnimationFrame(paint); } };
  const paint = () => {
    waiting = false;
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio)) { canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); stamps.clear(); }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.lineWidth = 1;
    pen.strokeStyle = "#8C8778";
    towns.forEach((each, index) => {
      pen.beginPath();
      each.rings.forEach((ring) => { ring.forEach((spot, first) => pen[first ? "lineTo" : "moveTo"](...at(...spot))); pen.closePath(); });
      pen.fillStyle = town !== "" && Number(town) === index ? "#E9E2CB" : "#F4F1E8";
      pen.fill("evenodd");
      pen.stroke();
    });
    let inView = 0, drawn = 0;
    for (const row of chosen) {
      if (rows.lon[row] === null) continue;
      const [x, y] = at(rows.lon[row], rows.lat[row]), r = radius(row) + 2;
      drawn += 1;
      if (x < -r || y < -r || x > width + r || y > height + r) continue;
      inView += 1;
      pen.drawImage(stamp(row), x - r, y - r, 2 * r, 2 * r);
    }
    if (picked >= 0 && rows.lon[picked] !== null) {
      pen.beginPath();
      pen.arc(...at(rows.lon[picked], rows.lat[picked]), 13, 0, 2 * Math.PI);
      pen.lineWidth = 3;
      pen.strokeStyle = "#000000";
      pen.stroke();
    }
    pen.font = "600 12px sans-serif";
    pen.textAlign = "center";
    pen.lineJoin = "round";
    for (const each of towns) {
      if (!each.at) continue;
      const [x, y] = at(...each.at);
      pen.lineWidth = 3; pen.strokeStyle = "#FFFFFF"; pen.strokeText(each.name, x, y);
      pen.fillStyle = "#222222"; pen.fillText(each.name, x, y);
    }
    el("drawn").textContent = say(words.drawn, { k: drawn, v: inView });
  };

  // ---- what is chosen, counted and listed
  const cell = (line, text, tag = "td") => { const made = document.createElement(tag); made.textContent = text; line.append(made); return made; };
  const values = (row) => columns.map(({ key }) => key === "product" ? products[rows.product[row]].name
    : key === "township" ? (towns[rows.town[row]] || { name: words.unknown_town }).name
    : key === "located" ? (rows.lon[row] === null ? words.no : words.yes)
    : rows[key].texts ? rows[key].texts[rows[key].at[row]] : rows[key][row]);
  const select = () => {
    chosen = [];
    const counts = products.map(() => [0, 0]);
    for (let row = 0; row < n; row += 1) {
      if (town !== "" && rows.town[row] !== Number(town)) continue;
      const count = counts[rows.product[row]], seen = rows.lon[row] !== null;
      count[0] += seen; count[1] += 1;
      if (shown.has(rows.product[row])) chosen.push(row);
    }
    products.forEach((_, index) => { el(`count-${index}`).textContent = counts[index].map((each) => each.toLocaleString()).join(" / "); });
    const seen = chosen.filter((row) => rows.lon[row] !== null).length;
    el("counts").textContent = chosen.length ? say(words.counts, { n: seen, m: chosen.length }) : words.none;
    if (!chosen.includes(picked)) pick(-1);
    listed = STEP;
    list();
    // Large ones below, as on the screen and on paper.
    chosen.sort((one, other) => radius(other) - radius(one) || one - other);
    draw();
  };
  const list = () => {
    const order = [...chosen].sort((one, other) => one - other), body = document.createElement("tbody");
    for (const row of order.slice(0, listed)) {
      const line = document.createElement("tr");
      values(row).forEach((text, index) => {
        const made = cell(line, columns[index].key === "subject" ? "" : text);
        if (columns[index].key !== "subject") return;
        const button = document.createElement("button");
        button.textContent = text;
        button.addEventListener("click", () => pick(row, true));
        made.append(button);
      });
      body.append(line);
    }
    el("rows").tBodies[0].replaceWith(body);
    el("listed").textContent = say(words.listed, { k: Math.min(listed, order.length), m: order.length });
    el("more").hidden = listed >= order.length;
  };
  const pick = (row, centre = false) => {
    picked = row;
    const card = document.createElement("table");
    const put = (name, text) => { const line = card.insertRow(); cell(line, name, "th"); cell(line, text); };
    if (row >= 0) { values(row).forEach((text, index) => put(columns[index].label, text)); put(words.record, rows.id[row]); }
    el("card").replaceChildren(row < 0 ? words.hint : card);
    if (centre && row >= 0 && rows.lon[row] !== null) { view.x = rows.lon[row] * narrow; view.y = rows.lat[row]; }
    draw();
  };

  // ---- controls
  products.forEach((_, index) => el(`product-${index}`).addEventListener("change", (event) => {
    shown[event.target.checked ? "add" : "delete"](index); select(); }));
  el("town").addEventListener("change", (event) => { town = event.target.value; select(); });
  el("more").addEventListener("click", () => { listed += STEP; list(); });
  el("everything").addEventListener("click", () => {
    products.forEach((_, index) => { shown.add(index); el(`product-${index}`).checked = true; });
    town = el("town").value = "";
    select(); fit();
  });
  el("in").addEventListener("click", () => zoom(1.6));
  el("out").addEventListener("click", () => zoom(1 / 1.6));
  el("fit").addEventListener("click", fit);
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.offsetX, event.offsetY); }, { passive: false });
  const keys = { ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0), ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
                 "+": () => zoom(1.6), "=": () => zoom(1.6), "-": () => zoom(1 / 1.6), 0: fit };
  canvas.addEventListener("keydown", (event) => { if (keys[event.key]) { event.preventDefault(); keys[event.key](); } });
  let from = null, travelled = 0;
  canvas.addEventListener("pointerdown", (event) => { from = event; travelled = 0; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    travelled += Math.abs(event.clientX - from.clientX) + Math.abs(event.clientY - from.clientY);
    move(event.clientX - from.clientX, event.clientY - from.clientY);
    from = event;
  });
  canvas.addEventListener("pointerup", (event) => {
    from = null;
    if (travelled > 4) return;
    let best = -1, near = 12;
    for (const row of chosen) {
      if (rows.lon[row] === null) continue;
      const [x, y] = at(rows.lon[row], rows.lat[row]), away = Math.hypot(x - event.offsetX, y - event.offsetY);
      if (away <= near) { near = away; best = row; }
    }
    pick(best);
  });
  window.addEventListener("resize", draw);
  fit();
  select();
})();
