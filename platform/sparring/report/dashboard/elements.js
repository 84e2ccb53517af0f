// What every page builds itself of: elements, tables, numbers as texts. A study's texts are only ever texts.

const byId = (id) => document.getElementById(id);
function make(tag, text, name) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
}

const isPrinting = () => "print" in document.documentElement.dataset;
function whilePrinting(draw) { // light colours on paper, whatever the screen has; a canvas keeps what was drawn before
  window.addEventListener("beforeprint", () => { document.documentElement.dataset.print = ""; draw(); });
  window.addEventListener("afterprint", () => { delete document.documentElement.dataset.print; draw(); });
}

function tableOf(header, rows, name = "") { // rows: [cells, mark]; a mark is the row's class, name the table's
  const top = make("tr"), head = make("thead"), body = make("tbody"), table = make("table"), scroll = make("div", undefined, `scroll ${name}`);
  header.forEach((text) => { const cell = make("th", text); cell.scope = "col"; top.append(cell); });
  for (const [cells, mark] of rows) {
    const line = make("tr", undefined, mark); cells.forEach((text) => line.append(make("td", text))); body.append(line);
  }
  head.append(top); table.append(head, body); scroll.append(table);
  return scroll;
}

function show(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e5 ? String(Number(value.toPrecision(4))) : value.toExponential(2).replace(/\.?0+e/, "e");
}
