// Bars, a calendar and a table whose rows can be clicked or reached by keyboard: Tab to the list, arrows within it. Every text is set as
// text, never as markup; what is too long to show stands in the tip.
const make = (tag, cls, text) => {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  return node;
};

const drawers = {
  bars(box, model, press) {
    const chosen = new Set(model.get("chosen"));
    const most = Math.max(...model.get("rows").map(row => row.parts.reduce((sum, part) => sum + part.value, 0)), 1e-9);
    for (const row of model.get("rows")) {
      const line = make("button", "om-bar");
      line.type = "button";
      line.dataset.key = row.key;
      line.setAttribute("aria-pressed", chosen.has(row.key));
      line.append(make("span", "om-name", row.label));
      line.title = row.label;
      const track = make("span", "om-track");
      for (const part of row.parts) {
        const bar = make("span", "om-part");
        bar.style.width = `${(100 * part.value) / most}%`;
        bar.style.background = part.colour;
        bar.title = part.text;
        track.append(bar);
      }
      line.append(track, make("span", "om-text", row.text));
      line.addEventListener("click", () => press(row.key));
      box.append(line);
    }
  },
  calendar(box, model, press) {
    const table = make("table", "om-calendar"), chosen = new Set(model.get("chosen"));
    const months = table.createTHead().insertRow();
    months.append(make("th"));
    for (let month = 0; month < 12; month += 1) {
      const head = make("th"), button = make("button", "om-month", model.get("columns")[month].label);
      head.colSpan = 3;
      button.type = "button";
      button.dataset.key = String(month);
      button.setAttribute("aria-pressed", chosen.has(String(month)));
      button.addEventListener("click", () => press(String(month)));
      head.append(button);
      months.append(head);
    }
    const body = table.createTBody();
    for (const row of model.get("rows")) {
      const line = body.insertRow(), most = Math.max(...row.values, 1);
      line.append(make("th", "", row.label));
      row.values.forEach((value, at) => {
        const cell = line.insertCell();
        cell.className = at % 3 === 2 ? "om-end" : "";
        cell.title = `${row.label} ${row.periods[at]}: ${value}`;
        if (value) {
          const fill = make("span", "om-fill");
          fill.style.background = row.colour;
          fill.style.height = `${Math.max(12, (100 * value) / most)}%`;
          cell.append(fill);
        }
      });
    }
    box.append(table);
  },
  table(box, model, press) {
    const table = make("table", "om-rows"), chosen = new Set(model.get("chosen"));
    const head = table.createTHead().insertRow();
    model.get("columns").forEach(column => head.append(make("th", column.number ? "n" : "", column.label)));
    const body = table.createTBody();
    for (const row of model.get("rows")) {
      const line = body.insertRow();
      line.dataset.key = row.key;
      line.setAttribute("aria-selected", chosen.has(row.key));
      row.texts.forEach((text, at) => {
        const cell = line.insertCell();
        cell.textContent = cell.title = text;
        if (model.get("columns")[at].number) cell.className = "n";
      });
      line.addEventListener("click", () => press(row.key));
      line.addEventListener("keydown", event => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(row.key); }
      });
    }
    box.append(table);
  },
};

function render({ model, el }) {
  const box = make("div", `om-listing om-${model.get("shape")}`);
  const press = key => {
    const chosen = model.get("chosen");
    model.set("chosen", chosen.length === 1 && chosen[0] === key ? [] : [key]);
    model.save_changes();
  };
  // One stop of the Tab key a list, where it was left; arrows, Home and End go on from there.
  const stop = node => {
    for (const other of box.querySelectorAll("[data-key]")) other.tabIndex = other === node ? 0 : -1;
  };
  box.addEventListener("focusin", event => { if (event.target.dataset.key !== undefined) stop(event.target); });
  box.addEventListener("keydown", event => {
    const nodes = [...box.querySelectorAll("[data-key]")], at = nodes.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: nodes.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    nodes[Math.min(Math.max(to, 0), nodes.length - 1)].focus();
  });
  const draw = () => {
    const held = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    box.replaceChildren();
    if (model.get("title")) box.append(make("div", "om-title", model.get("title")));
    drawers[model.get("shape")](box, model, press);
    const nodes = [...box.querySelectorAll("[data-key]")], chosen = model.get("chosen");
    stop(nodes.find(node => node.dataset.key === (held ?? chosen[0])) ?? nodes[0]);
    if (held !== null) [...box.querySelectorAll("[data-key]")].find(node => node.dataset.key === held)?.focus();
  };
  for (const name of ["rows", "chosen", "title", "columns"]) model.on(`change:${name}`, draw);
  draw();
  el.append(box);
}

export default { render };
