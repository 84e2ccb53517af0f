// The plots. Each draws what passes the filter; a click on a mark chooses its trial, a drawn rectangle filters.

const MOST_LINES = 300, MOST_POINTS = 4000, MOST_SMALL = 1000, CELLS = 36;

class Plot {
  constructor(heading, words, height, wide) {
    this.host = document.createElement("section");
    this.host.className = wide ? "plot wide" : "plot";
    const title = document.createElement("h2"); title.textContent = heading; this.host.append(title);
    this.words = document.createElement("p"); this.words.textContent = words; this.host.append(this.words);
    this.canvas = new Canvas(this.host, height, `${heading}. ${words}`);
    this.spots = []; // [x, y, row] of what can be chosen
    this.areas = []; // where a rectangle filters: {x, y: column names or null, box, xs, ys}
    listen(this);
  }
  shown() { return true; }
  redraw() {
    this.host.hidden = !this.shown();
    if (this.host.hidden) return;
    this.spots = []; this.areas = []; this.canvas.begin(); this.draw(this.canvas);
  }
  points(canvas, xs, ys, xname, yname, rows) {
    const x = column(xname).values, y = column(yname).values, outcome = column("outcome");
    const kinds = outcome.words.map((word) => KINDS[word] || "rest");
    const colours = Object.fromEntries(Object.keys(SHAPES).map((kind) => [kind, style(kind)])), faint = style("faint");
    const size = rows.length > 1500 ? 2 : 3.5;
    for (const passes of [0, 1]) for (const row of rows) {
      if (mask[row] !== passes || !Number.isFinite(x[row]) || !Number.isFinite(y[row])) continue;
      const kind = kinds[outcome.values[row]], at = [canvas.x(xs.to(x[row])), canvas.y(ys.to(y[row]))];
      if (!passes && rows.length > MOST_POINTS) continue;
      canvas.mark(...at, SHAPES[kind], passes ? colours[kind] : faint, passes ? size : 1.5);
      if (passes) this.spots.push([...at, row]);
    }
    const row = study.rowOf?.get(chosen.trial);
    if (row !== undefined && Number.isFinite(y[row])) {
      canvas.mark(canvas.x(xs.to(x[row])), canvas.y(ys.to(y[row])), "ring", style("ink"), 8);
    }
    this.areas.push({ x: xname, y: yname, xs, ys, box: [canvas.x(0), canvas.y(1), canvas.x(1), canvas.y(0)], canvas });
  }
}

const withValue = () => (kept.valued ||= study.order.filter((row) => Number.isFinite(column("value").values[row])).reverse()); // best last
const seenOnes = () => (kept.passing ||= withValue().filter((row) => mask[row]));
const faintest = (lines) => Math.min(0.35, Math.max(0.06, 7 / lines)); // of many lines, each must be paler
function thin(rows, most) { // the best and the rest evenly; rows: best last
  if (rows.length <= most) return rows;
  const step = rows.length / most;
  return Array.from({ length: most }, (_, place) => rows[Math.min(rows.length - 1, Math.floor((place + 1) * step) - 1)]);
}

class History extends Plot {
  constructor() { super("History", "Every trial's best value in the order they began, and the best so far.", 320, true); }
  draw(canvas) {
    const rows = withValue(), value = column("value").values, trial = column("trial").values;
    const levels = [["published default", study.head?.baseline, "accent", [6, 4]],
      ...(study.head?.yardsticks || []).map((each) => [each.name, each.value, "dim", [2, 3]])].filter((each) => Number.isFinite(each[1]));
    const seen = seenOnes();
    const span = extent([...(seen.length ? seen : rows).map((row) => value[row]), ...levels.map((each) => each[1])]);
    const xs = new Scale([0, Math.max(...trial, 1)], false), ys = new Scale(span, isWide(span));
    canvas.axes(xs, ys, "trial", label("value"));
    const c = canvas.context; c.save(); c.beginPath(); c.rect(canvas.x(0), 0, canvas.x(1) - canvas.x(0), canvas.y(0)); c.clip();
    this.points(canvas, xs, ys, "trial", "value", rows);
    let best = Infinity; const steps = [];
    for (const row of seen.filter(isCompleted).sort((a, b) => trial[a] - trial[b])) if (sign() * value[row] < best) {
      best = sign() * value[row]; steps.push([canvas.x(xs.to(trial[row])), canvas.y(ys.to(value[row]))]);
    }
    if (steps.length) canvas.path([...steps, [canvas.x(1), steps.at(-1)[1]]], style("good"), 2, [], true);
    c.textAlign = "right"; c.textBaseline = "bottom";
    for (const [name, level, colour, dash] of levels) {
      const y = canvas.y(ys.to(level)); canvas.path([[canvas.x(0), y], [canvas.x(1), y]], style(colour), 1.2, dash);
      c.fillStyle = style(colour); c.fillText(cut(c, `${name} ${show(level)}`, 260), canvas.x(1) - 4, y - 2);
    }
    c.restore();
  }
}

class Curves extends Plot {
  constructor() { super("Learning curves", `The objective by epoch; at most ${MOST_LINES} trials, the best darkest, running ones dashed.`, 300); }
  shown() { return study.curves.size > 0; }
  draw(canvas) {
    const trial = column("trial")?.values || [], rows = study.rows ? thin(seenOnes(), MOST_LINES) : [];
    const running = study.running.map((each) => each.trial).filter((each) => study.curves.has(each));
    const numbers = [...rows.map((row) => trial[row]), ...running], ends = [];
    let longest = 1; const finite = [];
    for (const each of numbers) { const curve = study.curves.get(each) || []; longest = Math.max(longest, curve.length); finite.push(...extent(curve)); if (curve.length) ends.push(curve.at(-1)); }
    const sorted = finite.sort((a, b) => a - b), span = [sorted[0], sorted[Math.floor(0.97 * (sorted.length - 1))]];
    if (!sorted.length) return;
    const xs = new Scale([1, longest], false), ys = new Scale(span, isWide(span));
    canvas.axes(xs, ys, "epoch", label("value"));
    const c = canvas.context; c.save(); c.beginPath(); c.rect(canvas.x(0), 0, canvas.width, canvas.y(0)); c.clip();
    rows.forEach((row, place) => {
      const isBest = place === rows.length - 1, curve = study.curves.get(trial[row]); if (!curve) return;
      c.globalAlpha = isBest || trial[row] === chosen.trial ? 1 : faintest(rows.length) + 0.6 * (place / rows.length) ** 2;
      const colour = trial[row] === chosen.trial ? style("ink") : isBest ? style("good") : trial[row] === 0 ? style("pruned") : style("accent");
      this.curve(canvas, xs, ys, curve, colour, isBest || trial[row] === chosen.trial ? 2.5 : 1, [], row);
    });
    c.globalAlpha = 1;
    for (const each of running) this.curve(canvas, xs, ys, study.curves.get(each), style("dead"), 1.5, [4, 3], null);
    c.restore();
  }
  curve(canvas, xs, ys, values, colour, width, dash, row) {
    const points = [];
    values.forEach((value, place) => { if (Number.isFinite(value)) points.push([canvas.x(xs.to(place + 1)), canvas.y(ys.to(value))]); });
    canvas.path(points, colour, width, dash);
    if (row !== null && points.length) for (const point of points) this.spots.push([...point, row]);
  }
}

class Parallel extends Plot {
  constructor() { super("Parallel coordinates", "A line per trial, the best green; drag along an axis to filter.", 340, true); this.canvas.pad = { left: 40, right: 70, top: 24, bottom: 40 }; }
  shown() { return study.rows > 0; }
  draw(canvas) {
    const most = Math.max(3, Math.floor((canvas.width || 900) / 105));
    const names = [...byImportance().slice(0, most - 1).map((name) => `param.${name}`), "value"].filter(has);
    const rows = thin(seenOnes(), MOST_LINES);
    const scales = names.map((name) => scaleOf(name, column(name).values, name === "value" ? seenOnes() : null));
    const c = canvas.context, at = (place) => canvas.x(names.length > 1 ? place / (names.length - 1) : 0.5);
    rows.forEach((row, place) => {
      const isBest = place === rows.length - 1, isChosen = column("trial").values[row] === chosen.trial;
      const points = names.map((name, axis) => {
        const value = column(name).values[row];
        return [at(axis), Number.isNaN(value) ? canvas.y(-0.08) : canvas.y(scales[axis].to(value))];
      });
      c.globalAlpha = isBest || isChosen ? 1 : faintest(rows.length) + 0.5 * (place / rows.length) ** 3;
      canvas.path(points, style(isChosen ? "ink" : isBest ? "good" : "accent"), isBest || isChosen ? 2.5 : 1);
      for (const point of points) this.spots.push([...point, row]);
    });
    c.globalAlpha = 1;
    names.forEach((name, axis) => {
      c.strokeStyle = style("dim"); c.lineWidth = 1; canvas.line(at(axis), canvas.y(0), at(axis), canvas.y(1));
      c.fillStyle = style("ink"); c.textAlign = "center"; c.textBaseline = axis % 2 ? "top" : "bottom";
      c.fillText(cut(c, label(name), 190), Math.min(Math.max(at(axis), 45), canvas.width - 60), axis % 2 ? canvas.y(-0.07) : 16);
      c.fillStyle = style("dim"); c.textAlign = "left"; c.textBaseline = "middle";
      for (const [value, text] of scales[axis].ticks(4)) {
        const short = cut(c, text, 62), y = canvas.y(scales[axis].to(value));
        c.globalAlpha = 0.8; c.fillStyle = style("panel"); c.fillRect(at(axis) + 3, y - 7, c.measureText(short).width + 3, 14);
        c.globalAlpha = 1; c.fillStyle = style("dim"); c.fillText(short, at(axis) + 4, y);
      }
      const range = filter.ranges.get(name);
      if (range) {
        const ends = range.map((end) => canvas.y(Math.min(1, Math.max(0, scales[axis].to(end)))));
        canvas.path([[at(axis), ends[0]], [at(axis), ends[1]]], style("good"), 6);
      }
      this.areas.push({ x: null, y: name, ys: scales[axis], box: [at(axis) - 14, canvas.y(1), at(axis) + 14, canvas.y(0)], canvas });
    });
  }
}

class Slice extends Plot {
  constructor() {
    super("Slices", "Value against one hyperparameter at a time, those that mattered most first.", 10, true);
    this.canvas.element.remove(); this.grid = document.createElement("div"); this.grid.className = "plots"; this.host.append(this.grid); this.parts = [];
  }
  shown() { return study.rows > 0; }
  prepare() {
    const names = byImportance().map((name) => `param.${name}`).filter(has).slice(0, 8);
    if (names.join() !== this.parts.map((part) => part.name).join()) {
      this.grid.replaceChildren(); this.parts = names.map((name) => new SlicePart(name)); this.parts.forEach((part) => this.grid.append(part.host));
    }
  }
  redraw() { this.parts.forEach((part) => part.redraw()); }
}

class SlicePart extends Plot {
  constructor(name) { super(label(name), "", 200); this.name = name; this.words.remove(); }
  draw(canvas) {
    const rows = withValue(), seen = seenOnes(), span = extent(column("value").values, seen);
    const xs = scaleOf(this.name, column(this.name).values), ys = new Scale(span, isWide(span));
    canvas.axes(xs, ys, label(this.name), label("value"));
    canvas.context.save(); canvas.context.beginPath(); canvas.context.rect(canvas.x(0), 0, canvas.width, canvas.y(0)); canvas.context.clip();
    this.points(canvas, xs, ys, this.name, "value", rows.length > MOST_SMALL ? thin(seen, MOST_SMALL) : rows);
    canvas.context.restore();
  }
}

class Contour extends Plot {
  constructor() {
    super("Two hyperparameters", "Value over two of them, from the nearest trials (inverse distance): the stronger the colour, the better.", 340);
    this.picks = ["x", "y"].map((axis) => {
      const pick = document.createElement("select"); pick.setAttribute("aria-label", `hyperparameter along ${axis}`);
      pick.addEventListener("change", () => this.redraw()); this.canvas.element.before(pick); return pick;
    });
  }
  shown() { return study.rows > 2 && study.about.dimensions.length > 1; }
  draw(canvas) {
    const all = study.about.dimensions.map((each) => `param.${each.name}`).filter(has);
    const usual = has("param.lr_gen") && has("param.lr_dis") ? ["param.lr_gen", "param.lr_dis"] : byImportance().slice(0, 2).map((n) => `param.${n}`);
    this.picks.forEach((pick, place) => {
      if (pick.options.length !== all.length) { pick.replaceChildren(...all.map((name) => new Option(label(name), name))); pick.value = usual[place]; }
    });
    const [xname, yname] = this.picks.map((pick) => pick.value), x = column(xname).values, y = column(yname).values;
    const rows = thin(seenOnes().filter((row) => Number.isFinite(x[row]) && Number.isFinite(y[row])), 200);
    const xs = scaleOf(xname, x), ys = scaleOf(yname, y), value = column("value").values, c = canvas.context;
    const span = extent(value, rows), shade = new Scale(span, isWide(span));
    const known = rows.map((row) => [xs.to(x[row]), ys.to(y[row]), sign() > 0 ? 1 - shade.to(value[row]) : shade.to(value[row])]);
    const [left, top, right, bottom] = [canvas.x(0), canvas.y(1), canvas.x(1), canvas.y(0)];
    if (known.length > 2) for (let i = 0; i < CELLS; i++) for (let j = 0; j < CELLS; j++) {
      let sum = 0, weight = 0;
      for (const [a, b, goodness] of known) { const far = ((i + 0.5) / CELLS - a) ** 2 + ((j + 0.5) / CELLS - b) ** 2 + 4e-4, w = 1 / (far * Math.sqrt(far)); sum += w * goodness; weight += w; }
      c.globalAlpha = Math.min(0.85, Math.max(0.03, (sum / weight) ** 2 * 0.85)); c.fillStyle = style("accent");
      // Whole pixels, each painted once: what is see-through shows seams otherwise.
      const edge = (from, to, part) => Math.round(from + (to - from) * part / CELLS);
      const [x0, x1, y0, y1] = [edge(left, right, i), edge(left, right, i + 1), edge(bottom, top, j + 1), edge(bottom, top, j)];
      c.fillRect(x0, y0, x1 - x0, y1 - y0);
    }
    c.globalAlpha = 1; canvas.axes(xs, ys, label(xname), label(yname));
    this.points(canvas, xs, ys, xname, yname, thin(seenOnes(), MOST_SMALL));
  }
}

class Pair extends Plot { // two figures of each trial against each other: objectives, or what the reader picks
  constructor() {
    super("Two figures", "Any two figures of each trial's best epoch: objectives, validation, health.", 320);
    this.picks = ["x", "y"].map((axis) => {
      const pick = document.createElement("select"); pick.setAttribute("aria-label", `figure along ${axis}`);
      pick.addEventListener("change", () => this.redraw()); this.canvas.element.before(pick); return pick;
    });
  }
  shown() { return study.rows > 0; }
  draw(canvas) {
    const all = ["value", "wall_s", "epochs", ...[...study.columns.keys()].filter((name) => name.startsWith("metric.") && name !== `metric.${label("value")}`)];
    const second = study.about.objectives[1] ? `metric.${study.about.objectives[1].metric}` : all.find((name) => name.startsWith("metric.health/dis_auc")) || "wall_s";
    this.picks.forEach((pick, place) => {
      if (pick.options.length !== all.length) { pick.replaceChildren(...all.map((name) => new Option(label(name), name))); pick.value = ["value", second][place]; }
    });
    const [xname, yname] = this.picks.map((pick) => pick.value), rows = withValue(), seen = seenOnes();
    const xspan = extent(column(xname).values, seen), yspan = extent(column(yname).values, seen);
    const xs = new Scale(xspan, isWide(xspan)), ys = new Scale(yspan, isWide(yspan));
    canvas.axes(xs, ys, label(xname), label(yname)); this.points(canvas, xs, ys, xname, yname, thin(seen, MOST_POINTS));
    const front = new Set(study.head?.front || []), trial = column("trial").values;
    for (const row of seen) if (front.has(trial[row])) canvas.mark(canvas.x(xs.to(column(xname).values[row])), canvas.y(ys.to(column(yname).values[row])), "ring", style("good"), 7);
  }
}
