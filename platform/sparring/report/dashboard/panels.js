// What stands in words: head, checks, filter, the chosen trial, the table. Texts of a study are only ever texts.

function drawHead() {
  const about = study.about, head = study.head;
  document.title = about.name; byId("name").textContent = about.name;
  const searched = `${about.sampler}, ${about.pruner === "none" ? "no pruner" : about.pruner}`;
  byId("what").textContent = `${about.model} on ${about.dataset}, split ${about.split}; ${searched}; ${about.dimensions.length} hyperparameters`;
  if (!head) return;
  byId("cards").replaceChildren(...(head.cards || []).map(({ label: words, value }) => {
    const card = make("div", undefined, "card"); card.append(make("b", value), make("span", words)); return card;
  }));
  byId("words").replaceChildren(...(head.sentences || []).map((words) => make("p", words)),
    ...(head.verdict ? [make("p", head.verdict, head.loses ? "warn" : "")] : []),
    ...(head.notes || []).map((words) => make("p", words, "warn")), ...notesList(null));
  const checks = head.checks || [], open = checks.filter((each) => ["failed", "warning"].includes(each.status));
  const list = (some) => {
    const items = make("ul");
    for (const each of some) {
      const item = make("li", undefined, each.status === "too little to say" ? "unknown" : each.status);
      item.append(make("span", each.status, "mark"), make("b", `${each.question} `), each.sentence);
      if (each.way_out && each.status !== "passed") item.append(make("span", ` ${each.way_out}`, "dim"));
      items.append(item);
    }
    return items;
  };
  const rest = make("details"); rest.open = byId("checks").querySelector("details")?.open || false;
  rest.append(make("summary", `${checks.length - open.length} other checks: ${checks.filter((each) => each.status === "passed").length} passed`), list(checks.filter((each) => !open.includes(each))));
  byId("checks").replaceChildren(...(checks.length ? [list(open), rest] : []));
}

function drawState() {
  const ended = study.rows, running = study.running.length;
  byId("state").textContent = `${ended.toLocaleString("en")} ended${running ? `, ${running} running or paused` : ""}; ${count().toLocaleString("en")} pass the filter`;
}

function countOutcomes() {
  const counts = new Map(); for (let row = 0; row < study.rows; row++) counts.set(outcomeOf(row), (counts.get(outcomeOf(row)) || 0) + 1);
  return counts;
}

function drawFilters() {
  const host = byId("filters"), shown = study.rows ? column("outcome").words : [], parts = [];
  const counts = countOutcomes();
  for (const outcome of Object.keys(study.about.outcomes).filter((each) => shown.includes(each))) {
    const chip = make("button"), icon = new OffscreenIcon(KINDS[outcome] || "rest");
    chip.append(icon.element, ` ${outcome.replaceAll("_", " ")} ${counts.get(outcome)}`); chip.title = study.about.outcomes[outcome];
    chip.setAttribute("aria-pressed", filter.outcomes.has(outcome)); chip.dataset.outcome = chip.dataset.key = outcome;
    chip.addEventListener("click", () => { if (!filter.outcomes.delete(outcome)) filter.outcomes.add(outcome); refresh(); });
    parts.push(chip);
  }
  const reached = make("select"); reached.setAttribute("aria-label", "epochs reached"); reached.dataset.key = "reached";
  reached.append(new Option("any epoch", 0), ...rungs().map((rung) => new Option(`went beyond epoch ${rung}`, rung + 1)));
  reached.value = filter.reached; reached.addEventListener("change", () => { filter.reached = Number(reached.value); refresh(); });
  parts.push(reached);
  parts.push(rangePicker(), ...[...filter.ranges].map(([name, range]) => rangeChip(name, range)));
  const clear = make("button", "clear"); clear.id = clear.dataset.key = "clear"; clear.addEventListener("click", clearFilter);
  if (filter.ranges.size || filter.reached || filter.outcomes.size < Object.keys(study.about.outcomes).length) parts.push(clear);
  const focused = host.contains(document.activeElement) && document.activeElement.dataset.key;
  host.replaceChildren(...parts);
  if (focused) (host.querySelector(`[data-key="${CSS.escape(focused)}"]`) || host.querySelector("[data-key]")).focus();
}

function rangePicker() { // what a drawn rectangle does, for the keyboard and for touch
  const pick = make("select"); pick.dataset.key = "by"; pick.setAttribute("aria-label", "filter by a range of");
  const names = ["value", ...byImportance().map((name) => `param.${name}`), ...[...study.columns.keys()].filter((name) => name.startsWith("metric."))];
  pick.append(new Option("filter by …", ""), ...names.filter((name) => has(name) && !filter.ranges.has(name)).map((name) => new Option(label(name), name)));
  pick.addEventListener("change", () => {
    const words = column(pick.value).words; filter.ranges.set(pick.value, words ? [0, words.length - 1] : extent(column(pick.value).values)); refresh();
  });
  return pick;
}

function rangeChip(name, range) {
  const chip = make("span", undefined, "range"), words = column(name).words;
  chip.append(`${label(name)} `);
  range.forEach((end, side) => {
    const field = make(words ? "select" : "input"), said = `${side ? "highest" : "lowest"} ${label(name)}`;
    if (words) field.append(...words.map((word, place) => new Option(word, place))); else { field.type = "number"; field.step = "any"; }
    field.value = words ? Math.min(words.length - 1, Math.max(0, side ? Math.floor(end) : Math.ceil(end))) : Number(end.toPrecision(4));
    field.dataset.key = `${name} ${side}`; field.setAttribute("aria-label", said);
    field.addEventListener("change", () => {
      const ends = [...filter.ranges.get(name)]; if (!Number.isFinite(Number(field.value)) || field.value === "") { drawFilters(); return; }
      ends[side] = Number(field.value); filter.ranges.set(name, ends); refresh();
    });
    chip.append(...(side ? [" to "] : []), field);
  });
  const close = make("button", "✕"); close.setAttribute("aria-label", `let go of ${label(name)}`); close.dataset.key = `${name} close`;
  close.addEventListener("click", () => { filter.ranges.delete(name); refresh(); }); chip.append(" ", close);
  return chip;
}

function clearFilter() { filter.ranges.clear(); filter.reached = 0; filter.outcomes = new Set(Object.keys(study.about.outcomes)); refresh(); }

class OffscreenIcon { // the mark of an outcome, so that colour alone says nothing
  constructor(kind) {
    this.element = document.createElement("canvas"); Object.assign(this.element, { width: 28, height: 28 });
    Object.assign(this.element.style, { width: "14px", height: "14px", display: "inline-block", verticalAlign: "-2px", cursor: "pointer" });
    this.context = this.element.getContext("2d"); this.context.scale(2, 2);
    Canvas.prototype.mark.call(this, 7, 7, SHAPES[kind], style(kind), 4);
  }
}

function drawDetail() {
  const host = byId("detail"), row = study.rowOf?.get(chosen.trial); host.hidden = row === undefined;
  if (host.hidden) return;
  const zero = study.rowOf.get(0), name = chosen.trial === 0 ? "published default" : nameOf(chosen.trial);
  const heading = make("h2", `Trial ${chosen.trial}${name && `, ${name}`}: ${outcomeOf(row).replaceAll("_", " ")} after ${show(column("epochs").values[row])} epochs`);
  const table = make("table"), body = make("tbody"), top = make("tr"); top.append(make("th", ""), make("th", "this trial"), make("th", "published default"));
  const names = [...study.columns.keys()].filter((each) => each.startsWith("param.") || each.startsWith("metric."));
  for (const each of ["value", "wall_s", ...names]) {
    const [mine, usual] = [column(each).text(row), zero === undefined ? "–" : column(each).text(zero)];
    if (mine === "–" && usual === "–") continue;
    const line = make("tr", undefined, mine !== usual && each.startsWith("param.") ? "best" : ""); line.append(make("td", label(each)), make("td", mine), make("td", usual)); body.append(line);
  }
  const head = make("thead"); head.append(top); table.append(head, body);
  const scroll = make("div", undefined, "scroll"); scroll.append(table);
  const error = column("error").text(row), close = make("button", "close", "more"); close.addEventListener("click", () => { choose(null); byId("table").focus(); });
  const full = make("div"); full.setAttribute("aria-live", "polite");
  host.replaceChildren(heading, ...(error === "–" ? [] : [make("p", error, "warn")]), ...notesList(chosen.trial), close, full, scroll);
  fillDetail(full, chosen.trial);
}

const sorting = { name: null, down: false };
let shownRows = 50;
function drawTable() {
  tableView.isStale = false; const host = byId("table"); if (!study.rows) { host.replaceChildren(); return; }
  const others = study.about.objectives.slice(1).map((each) => `metric.${each.metric}`);
  const failed = column("error").words?.length ? ["error"] : [];
  const names = ["trial", "value", ...others, "outcome", "best_epoch", "epochs", "wall_s", ...failed, ...byImportance().map((name) => `param.${name}`).filter(has)];
  let rows = study.order.filter((row) => mask[row]);
  if (sorting.name) {
    const values = column(sorting.name).values, way = sorting.down ? -1 : 1;
    rows.sort((a, b) => (Number.isNaN(values[a]) - Number.isNaN(values[b])) || way * (values[a] - values[b]));
  }
  const top = make("tr"), body = make("tbody"), front = new Set(study.head?.front || []);
  top.append(make("th", "rank"));
  for (const name of names) {
    const cell = make("th"), button = make("button", label(name) + (sorting.name === name ? (sorting.down ? " ▼" : " ▲") : "")); button.dataset.sort = name;
    button.addEventListener("click", () => { Object.assign(sorting, { down: sorting.name === name && !sorting.down, name }); drawTable(); }); cell.append(button); top.append(cell);
  }
  for (const row of rows.slice(0, shownRows)) {
    const number = column("trial").values[row], line = make("tr"); line.tabIndex = 0; line.dataset.trial = number;
    if (number === chosen.trial) line.className = "chosen"; else if (number === study.head?.best) line.className = "best";
    line.append(make("td", isCompleted(row) ? String(study.place[row] + 1) : ""));
    const called = [nameOf(number), front.has(number) && "front", notesOf(number).length && "note"].filter(Boolean).map((each) => ` (${each})`).join("");
    for (const name of names) line.append(make("td", name === "trial" ? `${number}${called}` : name === "outcome" ? outcomeOf(row).replaceAll("_", " ") : column(name).text(row)));
    line.addEventListener("click", () => choose(number));
    line.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(number); }); body.append(line);
  }
  const head = make("thead"); head.append(top); const table = make("table"); table.append(head, body);
  const scroll = make("div", undefined, "scroll"), place = host.querySelector(".scroll"); scroll.append(table);
  const more = make("button", `show ${Math.min(200, rows.length - shownRows)} more`, "more"); more.addEventListener("click", () => { shownRows += 200; drawTable(); });
  const [left, down] = [place?.scrollLeft || 0, place?.scrollTop || 0], active = document.activeElement;
  const focused = host.contains(active) && (active.dataset.trial !== undefined ? `[data-trial="${active.dataset.trial}"]` : active.dataset.sort && `[data-sort="${CSS.escape(active.dataset.sort)}"]`);
  host.replaceChildren(make("h2", "Trials"), make("p", `${rows.length.toLocaleString("en")} of ${study.rows.toLocaleString("en")}; a click on a column's name sorts, on a line shows the trial everywhere.`), scroll, ...(rows.length > shownRows ? [more] : []));
  if (left || down) { scroll.scrollLeft = left; scroll.scrollTop = down; }
  if (focused) host.querySelector(focused)?.focus({ preventScroll: true });
}
