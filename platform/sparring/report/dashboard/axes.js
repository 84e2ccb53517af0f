// A canvas with two axes: scales, ticks, points, what lies under the pointer, a rectangle that is drawn over it.

const palette = new Map(); // asking the browser for a colour makes it lay out the page, so each is asked for once
function style(name) {
  if (!palette.has(name)) palette.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return palette.get(name);
}
const KINDS = { completed: "completed", pruned: "pruned", diverged: "sick", collapsed: "sick", infeasible: "sick",
  crashed: "dead", out_of_memory: "dead", timed_out: "dead", interrupted: "rest" };
const SHAPES = { completed: "circle", pruned: "triangle", sick: "square", dead: "cross", rest: "ring" };

function extent(values, rows) {
  let low = Infinity, high = -Infinity;
  const look = (value) => { if (Number.isFinite(value)) { if (value < low) low = value; if (value > high) high = value; } };
  if (rows) rows.forEach((row) => look(values[row])); else values.forEach(look);
  return low > high ? [0, 1] : [low, high];
}

const isWide = ([low, high]) => low > 0 && high > 10 * low;

class Scale {
  constructor([low, high], log, places) {
    this.log = log && low > 0; this.places = places;
    const [a, b] = this.log ? [Math.log10(low), Math.log10(high)] : [low, high];
    const margin = places ? 0.5 : b > a ? 0.04 * (b - a) : Math.abs(a) * 0.1 || 1;
    [this.low, this.high] = [a - margin, b + margin];
  }
  to(value) { // from 0 to 1
    if (this.log && value <= 0) return 0.012; // `off` of a logarithmic range
    return ((this.log ? Math.log10(value) : value) - this.low) / (this.high - this.low);
  }
  from(share) {
    const value = this.low + share * (this.high - this.low);
    return this.log ? 10 ** value : value;
  }
  steps(most) { // 1, 2 and 5 of each decade, or 1 and 3 where these are too many
    for (const digits of [[1, 2, 5], [1, 3], [1]]) {
      const found = [];
      for (let decade = Math.floor(this.low); decade <= this.high; decade++) for (const digit of digits) {
        const value = Number(`${digit}e${decade}`);
        if (Math.log10(value) >= this.low && Math.log10(value) <= this.high) found.push([value, show(value)]);
      }
      if (found.length <= most || digits.length === 1) return found;
    }
    return [];
  }
  ticks(most) {
    if (this.places) {
      const step = Math.ceil(this.places.length / most);
      return this.places.map((word, place) => [place, word]).filter(([place]) => place % step === 0);
    }
    if (this.log && this.high - this.low > 0.6) {
      if (this.high - this.low < 2.2) return this.steps(most);
      const first = Math.ceil(this.low), last = Math.floor(this.high), step = Math.ceil((last - first + 1) / most);
      return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => 10 ** (first + i * step)).map((v) => [v, show(v)]);
    }
    const [a, b] = [this.from(0), this.from(1)], rough = (b - a) / most, size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((each) => each * size).find((each) => each >= rough);
    const found = [];
    for (let value = Math.ceil(a / step) * step; value <= b; value += step) {
      const clean = Math.abs(value) < step / 1e6 ? 0 : value;
      found.push([clean, show(Number(clean.toPrecision(12)))]);
    }
    return found;
  }
}

function scaleOf(name, values, rows) { // of a hyperparameter by its range, of anything else by what there is
  const known = dimension(name), words = column(name)?.words;
  if (words) return new Scale([0, Math.max(words.length - 1, 0)], false, words);
  const span = known && !known.choices.length ? [known.low, known.high] : extent(values, rows);
  return new Scale(span, known ? known.log || isWide(span) && known.choices.length > 2 : isWide(span));
}

class Canvas {
  constructor(host, height, title) {
    this.element = document.createElement("canvas");
    this.element.tabIndex = 0; this.element.setAttribute("role", "img"); this.element.setAttribute("aria-label", title);
    host.append(this.element);
    this.height = height; this.pad = { left: 58, right: 12, top: 8, bottom: 36 };
  }
  begin() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.room || 560;
    this.element.width = Math.round(this.width * ratio); this.element.height = Math.round(this.height * ratio);
    this.element.style.height = `${this.height}px`;
    this.context = this.element.getContext("2d");
    this.context.scale(ratio, ratio); this.context.font = "12px system-ui, sans-serif";
    return this.context;
  }
  x(share) { return this.pad.left + share * (this.width - this.pad.left - this.pad.right); }
  y(share) { return this.height - this.pad.bottom - share * (this.height - this.pad.top - this.pad.bottom); }
  shareX(pixel) { return (pixel - this.pad.left) / (this.width - this.pad.left - this.pad.right); }
  shareY(pixel) { return (this.height - this.pad.bottom - pixel) / (this.height - this.pad.top - this.pad.bottom); }
  axes(xs, ys, xname, yname) {
    const c = this.context, ink = style("dim");
    c.lineWidth = 1; c.strokeStyle = style("grid"); c.fillStyle = ink;
    c.textAlign = "center"; c.textBaseline = "top";
    const room = this.width - this.pad.left - this.pad.right;
    for (const [value, text] of xs.ticks(Math.max(2, Math.floor(room / 80)))) {
      const at = this.x(xs.to(value)); this.line(at, this.y(0), at, this.y(1));
      c.fillText(cut(c, text, 90), at, this.y(0) + 4);
    }
    c.textAlign = "right"; c.textBaseline = "middle";
    for (const [value, text] of ys.ticks(6)) {
      const at = this.y(ys.to(value)); this.line(this.x(0), at, this.x(1), at);
      c.fillText(cut(c, text, this.pad.left - 8), this.x(0) - 5, at);
    }
    c.textAlign = "center"; c.textBaseline = "bottom"; c.fillText(cut(c, xname, room), this.x(0.5), this.height - 1);
    c.save(); c.translate(11, this.y(0.5)); c.rotate(-Math.PI / 2); c.textBaseline = "middle";
    c.fillText(cut(c, yname, this.height - 40), 0, 0); c.restore();
  }
  line(x1, y1, x2, y2) {
    const c = this.context; c.beginPath(); c.moveTo(x1, y1); c.lineTo(x2, y2); c.stroke();
  }
  path(points, colour, width = 1.5, dash = [], step = false) {
    const c = this.context; c.strokeStyle = colour; c.lineWidth = width; c.setLineDash(dash); c.beginPath();
    let last = null;
    for (const [x, y] of points) {
      if (!last) c.moveTo(x, y); else { if (step) c.lineTo(x, last[1]); c.lineTo(x, y); }
      last = [x, y];
    }
    c.stroke(); c.setLineDash([]);
  }
  legend(entries) { // [words, colour, dash, or null for an area], in lines above the plot's upper edge or in its corner
    const c = this.context; c.textAlign = "left"; c.textBaseline = "middle"; let [x, y] = [this.pad.left + 6, this.pad.top > 30 ? 10 : this.pad.top + 8];
    for (const [words, colour, dash] of entries) {
      const text = cut(c, words, this.width - this.pad.left - 50), room = 28 + c.measureText(text).width;
      if (x + room > this.width - this.pad.right && x > this.pad.left + 6) { x = this.pad.left + 6; y += 16; }
      if (dash) this.path([[x, y], [x + 18, y]], style(colour), 2, dash); else { c.fillStyle = style(colour); c.fillRect(x + 4, y - 5, 11, 10); }
      c.fillStyle = style("ink"); c.fillText(text, x + 22, y); x += room + 10;
    }
  }
  mark(x, y, shape, colour, size = 3.5) {
    const c = this.context; c.fillStyle = colour;
    if (size < 3) { c.fillRect(x - size, y - size, 2 * size, 2 * size); return; } // of very many, no shape can be told
    c.strokeStyle = colour; c.lineWidth = 1.5; c.beginPath();
    if (shape === "circle") { c.arc(x, y, size, 0, 7); c.fill(); }
    else if (shape === "ring") { c.arc(x, y, size, 0, 7); c.stroke(); }
    else if (shape === "square") c.fillRect(x - size, y - size, 2 * size, 2 * size);
    else if (shape === "triangle") {
      c.moveTo(x, y + size + 1); c.lineTo(x - size - 1, y - size); c.lineTo(x + size + 1, y - size); c.fill();
    } else {
      c.moveTo(x - size, y - size); c.lineTo(x + size, y + size); c.moveTo(x + size, y - size); c.lineTo(x - size, y + size);
      c.stroke();
    }
  }
}

function cut(context, text, room) { // what does not fit ends in …
  text = String(text).replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  if (context.measureText(text).width <= room) return text;
  while (text.length > 1 && context.measureText(`${text}…`).width > room) text = text.slice(0, -1);
  return `${text}…`;
}
