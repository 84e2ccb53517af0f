// Ranks over pairs of hyperparameters: what Optuna calls plot_rank.

const CIVIDIS = [[0, 32, 77], [56, 73, 108], [123, 123, 120], [187, 174, 110], [255, 234, 70]];
// From dark to bright, told apart by colour-blind people and in grey. Source: J. Nuñez et al., arXiv:1712.01662.

function shadeOf(goodness) { // the best has most contrast with the page
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches && !isPrinting();
  const at = (isDark ? goodness : 1 - goodness) * (CIVIDIS.length - 1), low = Math.min(Math.floor(at), CIVIDIS.length - 2);
  return `rgb(${CIVIDIS[low].map((each, i) => Math.round(each + (at - low) * (CIVIDIS[low + 1][i] - each))).join(",")})`;
}

const MOST_RANKED = 400;
class Ranks extends Plot {
  constructor() {
    super("Ranks", "Pairs of the hyperparameters that mattered most: large marks of most contrast are the best of those that pass the filter, small pale ones the worst.", 10, true);
    this.canvas.element.remove(); this.grid = document.createElement("div"); this.grid.className = "plots thirds"; this.host.append(this.grid); this.parts = [];
  }
  shown() { return study.rows > 2 && study.about.dimensions.length > 1; }
  prepare() {
    const names = byImportance().map((name) => `param.${name}`).filter(has).slice(0, 4);
    const pairs = names.flatMap((one, i) => names.slice(i + 1).map((other) => [one, other]));
    if (pairs.join() !== this.parts.map((part) => part.names).join()) {
      this.grid.replaceChildren(); this.parts = pairs.map((pair) => new RanksPart(pair)); this.parts.forEach((part) => this.grid.append(part.host));
    }
  }
  redraw() { this.parts.forEach((part) => part.redraw()); }
}

class RanksPart extends Plot {
  constructor(names) { super(names.map(label).join(" × "), "", 210); this.names = names; this.words.remove(); }
  draw(canvas) {
    const [xname, yname] = this.names, x = column(xname).values, y = column(yname).values;
    const xs = scaleOf(xname, x), ys = scaleOf(yname, y);
    canvas.axes(xs, ys, label(xname), label(yname));
    const rows = thin(seenOnes(), MOST_RANKED).filter((row) => Number.isFinite(x[row]) && Number.isFinite(y[row]));
    const large = rows.length > 200 ? 3.2 : 5;
    rows.forEach((row, place) => {
      const goodness = rows.length > 1 ? place / (rows.length - 1) : 1, at = [canvas.x(xs.to(x[row])), canvas.y(ys.to(y[row]))];
      canvas.mark(...at, "circle", shadeOf(goodness), 3 + (large - 3) * goodness); this.spots.push([...at, row]);
    });
    const row = study.rowOf.get(chosen.trial);
    if (row !== undefined) canvas.mark(canvas.x(xs.to(x[row])), canvas.y(ys.to(y[row])), "ring", style("ink"), 8);
    this.areas.push({ x: xname, y: yname, xs, ys, box: [canvas.x(0), canvas.y(1), canvas.x(1), canvas.y(0)], canvas });
  }
}
