// Asks the server every second, and lets plots and panels hear of the pointer.

const PAPER = 700; // pixels of a sheet's width
const plots = [];
const waiting = { frame: 0 };

function listen(plot) {
  const element = plot.canvas.element; let from = null, box = null;
  const place = (event) => { const at = element.getBoundingClientRect(); return [event.clientX - at.left, event.clientY - at.top]; };
  const nearest = ([x, y]) => {
    let found = null, least = 144;
    for (const [a, b, row] of plot.spots) { const far = (a - x) ** 2 + (b - y) ** 2; if (far <= least) { least = far; found = row; } }
    return found;
  };
  const areaAt = ([x, y]) => plot.areas.find(({ box: [left, top, right, bottom] }) => x >= left - 4 && x <= right + 4 && y >= top - 4 && y <= bottom + 4);
  element.addEventListener("pointerdown", (event) => { if (event.button === 0) { from = place(event); if (event.pointerType !== "touch") element.setPointerCapture(event.pointerId); } });
  element.addEventListener("pointermove", (event) => {
    const at = place(event), area = from && areaAt(from);
    if (area && Math.hypot(at[0] - from[0], at[1] - from[1]) > 6 && event.pointerType !== "touch") {
      box = at; plot.redraw(); const c = plot.canvas.context; c.fillStyle = style("accent"); c.globalAlpha = 0.18;
      const [left, right] = area.x ? [from[0], at[0]] : [area.box[0], area.box[2]], [top, bottom] = area.y ? [from[1], at[1]] : [area.box[1], area.box[3]];
      c.fillRect(left, top, right - left, bottom - top); c.globalAlpha = 1; hint(null); return;
    }
    hint(nearest(at), event);
  });
  element.addEventListener("pointerup", (event) => {
    const at = place(event), area = from && areaAt(from);
    if (box && area) {
      for (const [name, scale, share, one, two] of [[area.x, area.xs, (p) => plot.canvas.shareX(p), from[0], at[0]], [area.y, area.ys, (p) => plot.canvas.shareY(p), from[1], at[1]]]) {
        if (name) filter.ranges.set(name, [scale.from(share(one)), scale.from(share(two))].sort((a, b) => a - b));
      }
      refresh();
    } else if (from) { const row = nearest(at); if (row !== null) choose(column("trial").values[row]); }
    from = box = null;
  });
  element.addEventListener("pointerleave", () => hint(null));
  element.addEventListener("keydown", (event) => { // arrows walk from trial to trial, the best first
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || !study.rows) return;
    event.preventDefault();
    const rows = study.order.filter((row) => mask[row]), now = rows.indexOf(study.rowOf.get(chosen.trial));
    const next = rows[Math.max(0, Math.min(rows.length - 1, now + step))]; if (next !== undefined) choose(column("trial").values[next], false);
  });
}

function hint(row, event) {
  const tip = byId("tip"); tip.hidden = row === null; if (row === null) return;
  const lines = byImportance().map((name) => `param.${name}`).filter(has).slice(0, 5).map((name) => `${label(name)} ${column(name).text(row)}`);
  tip.textContent = [`trial ${column("trial").values[row]}, ${outcomeOf(row).replaceAll("_", " ")}`, `${label("value")} ${column("value").text(row)}, epoch ${column("best_epoch").text(row)} of ${column("epochs").text(row)}`, ...lines].join("\n");
  tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 260)}px`; tip.style.top = `${Math.min(event.clientY + 14, innerHeight - 150)}px`;
}

function choose(trial, toggles = true) {
  chosen.trial = toggles && trial === chosen.trial ? null : trial; drawDetail(); freshenTable(); redrawPlots();
}

const watcher = new IntersectionObserver((entries) => { // what is out of sight is drawn when it comes into sight
  for (const { target, isIntersecting } of entries) {
    if (target === byId("table")) { tableView.isSeen = isIntersecting; if (isIntersecting && tableView.isStale) drawTable(); continue; }
    const plot = plots.find((each) => each.host === target); plot.isSeen = isIntersecting;
    if (isIntersecting && plot.isStale) { plot.isStale = false; plot.redraw(); }
  }
}, { rootMargin: "150px" });
const tableView = { isSeen: false, isStale: true }; // it takes longer than a plot
watcher.observe(byId("table"));
function freshenTable() { if (tableView.isSeen) drawTable(); else tableView.isStale = true; }
function redrawPlots(all = false) {
  if (all && tableView.isStale) drawTable();
  for (const plot of plots) if (all || plot.isSeen) { plot.isStale = false; plot.redraw(); } else plot.isStale = true;
}
function measure() { // all widths at once, before anything is drawn: reading one after a change lays out the page again
  palette.clear();
  const all = plots.flatMap((plot) => plot.parts || [plot]), rooms = all.map((plot) => plot.canvas.element.clientWidth);
  all.forEach((plot, place) => { if (rooms[place]) plot.canvas.room = isPrinting() ? Math.min(rooms[place], PAPER) : rooms[place]; });
}
function refresh() {
  const began = performance.now(); apply(); freshenTable(); drawFilters(); drawState(); redrawPlots();
  document.documentElement.dataset.filtered = (performance.now() - began).toFixed(1);
}

function drawAll() {
  byId("main").hidden = false;
  if (!plots.length) {
    plots.push(new History(), new Curves(), new Importance(), new Parallel(), new Contour(), new Distribution(), new Pair(), new Prospects(), new Ranks(), new Slice(), new Timeline(), new Seconds());
    byId("plots").append(...plots.map((plot) => plot.host)); plots.forEach((plot) => watcher.observe(plot.host));
  }
  drawHead(); drawState();
  if (study.rows) {
    drawFilters(); drawFacts(); drawDetail(); freshenTable(); plots.forEach((plot) => { plot.host.hidden = !plot.shown(); plot.prepare?.(); });
    measure(); redrawPlots();
  }
  else { byId("filters").replaceChildren(); plots.forEach((plot) => { plot.host.hidden = true; }); }
}

async function follow() {
  let delay = 1000;
  try {
    const answer = await fetch(`rows?since=${study.seq}&version=${study.version}`);
    if (answer.status === 200) {
      const began = performance.now(); accept(await answer.json()); drawAll();
      if (!document.documentElement.dataset.opened && study.rows) document.documentElement.dataset.opened = performance.now().toFixed(0);
      document.documentElement.dataset.drawn = (performance.now() - began).toFixed(1);
    } else if (answer.status !== 204) throw new Error(await answer.text());
    document.documentElement.dataset.rows = study.rows;
  } catch (error) { byId("state").textContent = `no answer: ${error.message}; trying again`; delay = 5000; }
  setTimeout(follow, delay);
}

async function listStudies() {
  const rows = await (await fetch("studies")).json(), nav = byId("studies"), table = make("table"), head = make("tr");
  byId("name").textContent = "Studies"; nav.hidden = false;
  for (const name of ["study", "model", "data set", "trials", "best", "last written"]) head.append(make("th", name));
  table.append(head);
  for (const row of rows) {
    const line = make("tr"), link = make("a", row.name), cell = make("td"); link.href = `${encodeURIComponent(row.name)}/`; cell.append(link);
    line.append(cell, ...["model", "dataset", "trials", "best", "written"].map((key) => make("td", row[key]))); table.append(line);
  }
  nav.replaceChildren(table);
}

let timer = 0;
const later = () => { clearTimeout(timer); timer = setTimeout(() => study.rows && drawAll(), 120); };
window.addEventListener("resize", later);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
whilePrinting(() => { if (study.rows) { drawAll(); redrawPlots(true); } });
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && study.rows) { chosen.trial = null; drawDetail(); clearFilter(); } });

if (byId("frozen")) { accept(JSON.parse(byId("frozen").textContent)); drawAll(); document.documentElement.dataset.opened = performance.now().toFixed(0); }
else if (location.pathname.split("/").length > 3) { study.live = true; follow(); }
else listStudies();
