// The plots of a study as a whole: how its values are spread, what mattered, what more trials would bring, its seconds.

class Distribution extends Plot {
  constructor() { super("Distribution", "Share of the trials that are at least as good: grey all, blue those that pass the filter.", 300); }
  shown() { return study.rows > 0 && withValue().length > 1; }
  draw(canvas) {
    const rows = withValue(), value = column("value").values, span = extent(value, rows);
    const xs = new Scale(span, isWide(span)), ys = new Scale([0, 1], false);
    canvas.axes(xs, ys, label("value"), "share of trials");
    for (const [some, colour, width] of [[rows, "faint", 2], [seenOnes(), "accent", 2.5]]) {
      const sorted = [...some].reverse().sort((a, b) => sign() * (value[a] - value[b]));
      canvas.path(sorted.map((row, place) => [canvas.x(xs.to(value[row])), canvas.y(ys.to((place + 1) / sorted.length))]), style(colour), width, [], true);
      if (colour === "accent") sorted.forEach((row, place) => this.spots.push([canvas.x(xs.to(value[row])), canvas.y(ys.to((place + 1) / sorted.length)), row]));
    }
    this.areas.push({ x: "value", y: null, xs, box: [canvas.x(0), canvas.y(1), canvas.x(1), canvas.y(0)], canvas });
  }
}

class Timeline extends Plot {
  constructor() { super("Slots", "When each slot trained which trial, from its last beginning to its end; gaps are waiting.", 240, true); }
  shown() { return study.rows > 0 && has("slot"); }
  draw(canvas) {
    const slot = column("slot"), started = column("started").values, ended = column("ended").values;
    const words = [...new Set([...(slot.words || []), ...study.running.map((each) => each.slot)])];
    const now = study.live ? Date.now() / 1000 - study.first : extent(ended)[1];
    const last = study.running.length && study.live ? now : extent(ended)[1];
    const xs = new Scale([0, last], false), ys = new Scale([0, Math.max(words.length - 1, 0)], false, words);
    canvas.axes(xs, ys, "seconds since the first trial began", "slot");
    const c = canvas.context, tall = Math.min(26, (canvas.y(0) - canvas.y(1)) / words.length - 2);
    const bar = (place, from, to, colour, faint) => {
      const y = canvas.y(ys.to(place)) - tall / 2, x = canvas.x(xs.to(from)); c.globalAlpha = faint ? 0.2 : 0.85; c.fillStyle = colour;
      c.fillRect(x, y, Math.max(1, canvas.x(xs.to(to)) - x - 0.6), tall); return [x, y];
    };
    for (let row = 0; row < study.rows; row++) {
      if (Number.isNaN(slot.values[row]) || !Number.isFinite(started[row])) continue;
      const [x, y] = bar(words.indexOf(slot.words[slot.values[row]]), started[row], ended[row], style(KINDS[outcomeOf(row)] || "rest"), !mask[row]);
      if (mask[row]) this.spots.push([(x + canvas.x(xs.to(ended[row]))) / 2, y + tall / 2, row]);
    }
    for (const each of study.running) bar(words.indexOf(each.slot), each.started, last, style("good"), false);
    c.globalAlpha = 1;
    this.areas.push({ x: "started", y: null, xs, box: [canvas.x(0), canvas.y(1), canvas.x(1), canvas.y(0)], canvas });
  }
}

class Importance extends Plot {
  constructor() { super("What mattered", "", 300); this.canvas.pad.left = 150; }
  shown() { return (study.head?.importance?.factors || []).length > 0; }
  draw(canvas) {
    const { factors, sentence } = study.head.importance, c = canvas.context;
    this.words.textContent = `${sentence[0].toUpperCase()}${sentence.slice(1)}.`;
    canvas.height = 60 + 19 * factors.length; canvas.pad.right = canvas.room < 480 ? 12 : 165; canvas.begin();
    const xs = new Scale([Math.min(0, ...factors.map((f) => f.share - f.spread)), Math.max(...factors.map((f) => f.share + f.spread))], false);
    const ys = new Scale([0, factors.length - 1], false, [...factors].reverse().map((f) => f.name));
    canvas.axes(xs, { to: ys.to.bind(ys), ticks: () => ys.ticks(99) }, "share of the ranks' variance", "");
    factors.forEach((factor, place) => {
      const y = canvas.y(ys.to(factors.length - 1 - place)), [zero, end] = [canvas.x(xs.to(0)), canvas.x(xs.to(factor.share))];
      c.fillStyle = style("accent"); c.fillRect(Math.min(zero, end), y - 6, Math.abs(end - zero), 12);
      canvas.path([[canvas.x(xs.to(factor.share - factor.spread)), y], [canvas.x(xs.to(factor.share + factor.spread)), y]], style("ink"), 1);
      c.fillStyle = style("dim"); c.textAlign = "right"; c.textBaseline = "middle"; if (canvas.pad.right > 12) c.fillText(cut(c, factor.best, 150), canvas.width - 4, y); // in the best quarter
    });
  }
}

class Prospects extends Plot {
  constructor() { super("What more trials would bring", "", 300); }
  shown() { return (study.head?.beyond || []).length > 0; }
  draw(canvas) {
    const { expected, beyond, prospect, foretold } = study.head, all = [...expected, ...beyond], c = canvas.context;
    this.words.textContent = `${foretold.trials} more trials: ${show(foretold.expected)} expected (${show(foretold.low)} to ${show(foretold.high)}). ${prospect}.`;
    const span = extent(all.flatMap(([, value, low, high]) => [value, low, high]).filter((each) => each !== null));
    const xs = new Scale([1, all.at(-1)[0]], false), ys = new Scale(span, isWide(span));
    canvas.axes(xs, ys, "drawn trials", label("value"));
    for (const [line, colour, dash] of [[expected, "good", []], [beyond, "pruned", [6, 4]]]) {
      const known = line.filter((each) => each.every((value) => value !== null)), at = ([trials, value]) => [canvas.x(xs.to(trials)), canvas.y(ys.to(value))];
      if (!known.length) continue;
      const edge = [...known.map(([n, , , high]) => at([n, high])), ...known.map(([n, , low]) => at([n, low])).reverse()];
      c.globalAlpha = 0.18; c.fillStyle = style(colour); c.beginPath(); edge.forEach((point) => c.lineTo(...point)); c.fill(); c.globalAlpha = 1;
      canvas.path(known.map(at), style(colour), 2, dash);
    }
    canvas.legend([["expected best of so many", "good", []], ["best so far, and with so many more", "pruned", [6, 4]]]);
  }
}

const MOST_TIMED = 200;
class Seconds extends Plot {
  constructor() { super("Where the seconds went", "", 300, true); this.canvas.pad.top = 44; }
  shown() { return (study.head?.stages || []).length > 0; }
  draw(canvas) {
    const { stages, timing } = study.head, trial = column("trial").values, parts = stages.map((each) => column(each.column).values);
    this.words.textContent = `${timing}; at most the last ${MOST_TIMED} of those that pass the filter.`;
    const isTimed = (row) => mask[row] && parts.every((values) => Number.isFinite(values[row]));
    const rows = study.order.filter(isTimed).sort((a, b) => trial[a] - trial[b]).slice(-MOST_TIMED);
    const highest = Math.max(...rows.map((row) => parts.reduce((sum, values) => sum + values[row], 0)), 0);
    const xs = new Scale([0, Math.max(rows.length - 1, 0)], false, rows.map((row) => String(trial[row]))), ys = new Scale([0, highest || 1], false);
    ys.low = 0; canvas.axes(xs, ys, "trial", "seconds");
    const c = canvas.context, wide = Math.max(1, 0.9 * (canvas.x(xs.to(1)) - canvas.x(xs.to(0))));
    rows.forEach((row, place) => {
      let below = 0; const x = canvas.x(xs.to(place)) - wide / 2;
      parts.forEach((values, part) => {
        const [from, to] = [canvas.y(ys.to(below)), canvas.y(ys.to(below += values[row]))];
        c.fillStyle = style(`part${part}`); c.fillRect(x, to, wide, from - to);
      });
      this.spots.push([x + wide / 2, canvas.y(ys.to(below / 2)), row]);
    });
    canvas.legend(stages.filter((each) => each.seconds > 0).map((each) => [`${each.name} ${(100 * each.share).toFixed(1)} %`, `part${stages.indexOf(each)}`, null]));
  }
}
