// The study as typed columns: what came from the ledger, what is chosen of it, and who wants to hear of changes.

const study = { about: null, head: null, rows: 0, seq: 0, version: 0, columns: new Map(), curves: new Map(),
  running: [], first: null, order: [] };
const filter = { outcomes: new Set(), ranges: new Map(), reached: 0 };
const chosen = { trial: null };
let mask = new Uint8Array(0);
let kept = {}; // what several plots ask for, until the filter changes

function decode(column) {
  const text = atob(column.data), bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) bytes[place] = text.charCodeAt(place); // a tenth of what from() takes
  return new Float32Array(bytes.buffer);
}

class Column {
  constructor() { this.values = new Float32Array(0); this.words = null; this.size = 0; }
  append(coming) {
    let fresh = decode(coming);
    if (coming.words) {
      this.words ||= [];
      const place = coming.words.map((word) => {
        const known = this.words.indexOf(word);
        return known >= 0 ? known : this.words.push(word) - 1;
      });
      fresh = fresh.map((value) => (Number.isNaN(value) ? value : place[value]));
    }
    const all = new Float32Array(this.size + fresh.length);
    all.set(this.values); all.set(fresh, this.size);
    this.values = all; this.size = all.length;
  }
  text(row) {
    const value = this.values[row];
    if (Number.isNaN(value)) return "–";
    return this.words ? this.words[value] : show(value);
  }
}

const column = (name) => study.columns.get(name);
const has = (name) => study.columns.has(name);

function accept(answer) {
  if (answer.about) study.about = answer.about;
  if (answer.head) { study.head = answer.head; study.version = answer.version; study.notes = answer.notes || []; }
  Object.values(answer.details || {}).forEach(remember);
  if (answer.trials) {
    for (const [name, coming] of Object.entries(answer.trials)) {
      if (!has(name)) study.columns.set(name, new Column());
      column(name).append(coming);
    }
    study.rows += answer.count; study.first = answer.first; study.running = answer.running; study.seq = answer.seq;
    const trials = decode(answer.curves.trial), lengths = decode(answer.curves.length), values = decode(answer.curves.value);
    let start = 0;
    trials.forEach((trial, place) => {
      study.curves.set(trial, values.subarray(start, start + lengths[place])); start += lengths[place];
    });
    rank();
  }
  if (!filter.outcomes.size && has("outcome")) filter.outcomes = new Set(Object.keys(study.about.outcomes));
  apply();
}

const sign = () => (study.about.objectives[0].goal === "minimize" ? 1 : -1);
const outcomeOf = (row) => column("outcome").words[column("outcome").values[row]];
const isCompleted = (row) => outcomeOf(row) === "completed" && Number.isFinite(column("value").values[row]);

function rank() { // rows, completed ones by value first, then the others by value
  const value = column("value").values, outcome = column("outcome"), done = (outcome.words || []).indexOf("completed");
  const key = (row) => (Number.isNaN(value[row]) ? Infinity : sign() * value[row]);
  study.order = Array.from({ length: study.rows }, (_, row) => row).sort((a, b) =>
    (outcome.values[a] !== done) - (outcome.values[b] !== done) || key(a) - key(b) || a - b);
  study.place = new Int32Array(study.rows); study.order.forEach((row, place) => { study.place[row] = place; });
  study.rowOf = new Map(Array.from(column("trial").values, (trial, row) => [trial, row]));
}

function apply() { // which rows pass the filter
  kept = {};
  mask = new Uint8Array(study.rows).fill(1);
  if (!study.rows) return;
  const outcome = column("outcome"), allowed = (outcome.words || []).map((word) => filter.outcomes.has(word));
  for (let row = 0; row < study.rows; row++) if (!allowed[outcome.values[row]]) mask[row] = 0;
  const epochs = column("epochs").values;
  if (filter.reached) for (let row = 0; row < study.rows; row++) if (epochs[row] < filter.reached) mask[row] = 0;
  for (const [name, [low, high]] of filter.ranges) {
    const values = column(name).values;
    for (let row = 0; row < study.rows; row++) if (!(values[row] >= low && values[row] <= high)) mask[row] = 0;
  }
}

const count = () => mask.reduce((sum, each) => sum + each, 0);

function rungs() { // epochs at which trials were stopped
  const found = new Map();
  for (let row = 0; row < study.rows; row++) if (outcomeOf(row) === "pruned") {
    const at = column("epochs").values[row]; found.set(at, (found.get(at) || 0) + 1);
  }
  return [...found.keys()].sort((a, b) => a - b);
}

const dimension = (name) => study.about.dimensions.find((each) => `param.${each.name}` === name);
const label = (name) => name.replace(/^(param|metric)\./, "").replace(/^value$/, study.about.objectives[0].metric);
function byImportance() {
  const names = (study.head?.importance?.factors || []).map((each) => each.name);
  return names.length ? names : study.about.dimensions.map((each) => each.name);
}
