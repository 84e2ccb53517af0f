// Draws a comparison's lines. Colours after M. Okabe and K. Ito, told apart by colour-blind people too.

const DASHES = [[], [7, 4], [2, 3], [7, 3, 2, 3]], WEIGHTS = { bold: [3, 1], plain: [2, 1], faint: [1, 0.5] };

class Lines {
  constructor(plot) {
    this.plot = plot; this.spots = []; this.host = byId(`plot-${plot.name}`);
    this.host.append(make("h2", plot.heading), make("p", `${plot.sentence}.`, "dim"));
    this.canvas = new Canvas(this.host, 360, `${plot.heading}. ${plot.sentence}`);
    this.keys = make("ul", undefined, "keys"); this.host.append(this.keys);
    this.canvas.element.addEventListener("pointermove", (event) => this.hint(event));
    this.canvas.element.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
  }
  draw() {
    const { canvas, plot: { axes, bands, lines } } = this; this.spots = [];
    canvas.room = canvas.element.clientWidth || canvas.room; canvas.begin();
    const values = [...lines.flatMap((each) => each.values), ...bands.flatMap((each) => [...each.low, ...each.high])].filter(Number.isFinite), span = extent(values);
    const xs = new Scale([0, Math.max(...lines.flatMap((each) => each.places), 1)], false), ys = new Scale(span, isWide(span));
    xs.low = 0; canvas.axes(xs, ys, ...axes);
    const c = canvas.context, at = (place, value) => [canvas.x(xs.to(place)), canvas.y(ys.to(value))];
    for (const { places, low, high, colour } of bands) {
      const corners = (side) => places.flatMap((place, i) => (Number.isFinite(side[i]) ? [...(i && Number.isFinite(side[i - 1]) ? [at(place, side[i - 1])] : []), at(place, side[i])] : []));
      c.globalAlpha = 0.16; c.fillStyle = style(`line${colour}`); c.beginPath();
      [...corners(high), ...corners(low).reverse()].forEach((point) => c.lineTo(...point)); c.fill();
    }
    this.keys.replaceChildren();
    for (const { name, places, values, colour, dash, weight } of lines) {
      const [width, opacity] = WEIGHTS[weight], points = places.flatMap((place, i) => (Number.isFinite(values[i]) ? [at(place, values[i])] : []));
      c.globalAlpha = opacity; canvas.path(points, style(`line${colour}`), width, DASHES[dash], true);
      places.forEach((place, i) => { if (Number.isFinite(values[i])) this.spots.push([...at(place, values[i]), `${name}\n${axes[0]}: ${show(place)}\n${axes[1]}: ${show(values[i])}`]); });
      this.keys.append(this.key(name, colour, dash, width, opacity));
    }
    c.globalAlpha = 1;
  }
  key(name, colour, dash, width, opacity) {
    const item = make("li"), swatch = make("canvas"); Object.assign(swatch, { width: 56, height: 20 });
    const c = swatch.getContext("2d"); c.scale(2, 2); c.globalAlpha = opacity;
    Canvas.prototype.path.call({ context: c }, [[1, 5], [27, 5]], style(`line${colour}`), width, DASHES[dash]);
    item.append(swatch, ` ${name}`); return item;
  }
  hint(event) {
    const box = this.canvas.element.getBoundingClientRect(), tip = byId("tip"); let found = null, least = 200;
    for (const [x, y, words] of this.spots) { const far = (x - event.clientX + box.left) ** 2 + (y - event.clientY + box.top) ** 2; if (far <= least) { least = far; found = words; } }
    tip.hidden = found === null; if (found === null) return;
    tip.textContent = found; tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 260)}px`; tip.style.top = `${event.clientY + 14}px`;
  }
}

const drawn = JSON.parse(byId("frozen").textContent).plots.map((plot) => new Lines(plot));
const drawLines = () => { palette.clear(); drawn.forEach((each) => each.draw()); };
window.addEventListener("resize", drawLines); whilePrinting(drawLines);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawLines);
drawLines(); document.documentElement.dataset.opened = performance.now().toFixed(0);
