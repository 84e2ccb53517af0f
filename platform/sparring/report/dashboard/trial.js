// One trial in full: its figures by epoch beside the published default's, what its optimizers held, its notes.

const details = new Map(); // trial -> {epochs, figures, optimizers}, as far as somebody has looked
const GROUPS = [["Validation", /^val\//], ["Health of each net", /^health\//], ["Losses", /^train\/(?!lr)/], ["Learning rates as the optimizers held them", /^train\/lr/]];

async function detailOf(trial) {
  const known = details.get(trial), epochs = study.curves.get(trial)?.length || 0;
  if (known && known.epochs >= epochs || !study.live) return known;
  const answer = await fetch(`trial?number=${trial}`);
  if (answer.status === 200) remember(await answer.json());
  return details.get(trial);
}

function remember(detail) {
  detail.figures = Object.fromEntries(Object.entries(detail.figures).map(([name, values]) => [name, decode(values)]));
  details.set(detail.trial, detail);
}

const notesOf = (trial) => (study.notes || []).filter((each) => each.trial === trial);
const notesList = (trial) => notesOf(trial).map((each) => { const line = make("p", each.text, "note"); if (each.written) line.append(make("span", ` ${each.written}`, "dim")); return line; });

async function fillDetail(host, trial) {
  const [detail, usual] = [await detailOf(trial), trial === 0 ? null : await detailOf(0)];
  if (chosen.trial !== trial) return; // somebody has gone on meanwhile
  if (!detail) { host.replaceChildren(make("p", "This file holds the curves of the best trials and of the published default alone.", "dim")); return; }
  const parts = detail.optimizers.length ? [make("h2", "What its optimizers held"), optimizersTable(detail)] : [];
  if (Object.keys(detail.figures).length) parts.push(make("p", `By epoch: blue this trial${usual ? ", dashed the published default" : ""}; the dotted line is its best epoch.`));
  const canvases = [];
  for (const [heading, pattern] of GROUPS) {
    const names = Object.keys(detail.figures).filter((name) => pattern.test(name)); if (!names.length) continue;
    const grid = make("div", undefined, "smalls");
    for (const name of names) {
      const canvas = new Canvas(grid, 130, `${name} by epoch`); canvas.pad = { left: 52, right: 8, top: 20, bottom: 22 };
      canvases.push([canvas, name]);
    }
    parts.push(make("h2", heading), grid);
  }
  host.replaceChildren(...parts);
  canvases.forEach(([canvas]) => { canvas.room = canvas.element.clientWidth; });
  canvases.forEach(([canvas, name]) => drawFigure(canvas, name, detail, usual));
}

function optimizersTable({ optimizers, figures }) {
  return tableOf(["phase", "nets", "optimizer", "learning rate, first to last epoch", "weight decay", "betas"], optimizers.map((each) => {
    const rates = figures[each.rate], span = rates?.length ? `${show(rates[0])} to ${show(rates.at(-1))}` : show(each.lr);
    return [[each.phase, each.nets.join(", "), each.optimizer, span, show(each.weight_decay), each.betas ? each.betas.map(show).join(", ") : "–"], ""];
  }), "texts");
}

function drawFigure(canvas, name, detail, usual) {
  const mine = detail.figures[name], theirs = usual?.figures[name] || new Float32Array(0), c = canvas.begin();
  const span = extent([...mine, ...theirs]), xs = new Scale([1, Math.max(mine.length, theirs.length, 2)], false), ys = new Scale(span, isWide(span));
  canvas.axes(xs, ys, "", ""); c.fillStyle = style("ink"); c.textAlign = "left"; c.textBaseline = "top"; c.fillText(cut(c, name, canvas.width - 12), 4, 2);
  const line = (values, colour, dash) => canvas.path([...values].map((value, i) => [canvas.x(xs.to(i + 1)), canvas.y(ys.to(value))]).filter((point) => Number.isFinite(point[1])), style(colour), 1.6, dash);
  line(theirs, "dim", [4, 3]); line(mine, "accent", []);
  const best = column("best_epoch").values[study.rowOf.get(detail.trial)];
  if (best) canvas.path([[canvas.x(xs.to(best)), canvas.y(0)], [canvas.x(xs.to(best)), canvas.y(1)]], style("good"), 1, [2, 3]);
}
