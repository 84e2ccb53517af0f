// Tables beside the plots: the best configuration, methods without a search, outcomes and what they mean.

function nameOf(trial) { // what a trial is called beside its number
  const name = study.head?.tries?.[trial];
  if (trial === 0 || !name) return trial === 0 ? "default" : "";
  return study.head.queued?.includes(trial) ? name : `'${name}'`;
}

function section(heading, words, content) {
  const part = make("section", undefined, "plot"); part.append(make("h2", heading), ...(words ? [make("p", words)] : []), content);
  return part;
}

function drawFacts() {
  const parts = [bestConfiguration(), race(), methods(), outcomes()].filter(Boolean);
  byId("facts").replaceChildren(...parts);
}

function bestConfiguration() {
  const row = study.rowOf?.get(study.head?.best), zero = study.rowOf?.get(0);
  if (row === undefined) return null;
  const lines = study.about.dimensions.map((each) => `param.${each.name}`).filter(has).map((name) => {
    const [usual, found] = [zero === undefined ? "–" : column(name).text(zero), column(name).text(row)];
    return [[label(name), usual, found], usual === found ? "" : "changed"];
  });
  const shown = lines.filter(([[, usual, found]]) => usual !== "–" || found !== "–");
  const called = nameOf(study.head.best);
  return section("Best configuration", "What the search changed is marked; a dash is a hyperparameter that does not apply.",
    tableOf(["", "published default", `trial ${study.head.best}${called && study.head.best ? ` (${called})` : ""}`], shown));
}

function race() {
  const found = study.head?.race || [];
  if (!found.length) return null;
  const lines = found.map((each) => [[`${each.trial}${nameOf(each.trial) && ` (${nameOf(each.trial)})`}`, show(each.searched), show(each.median), each.values.map(show).join(", ")], each.trial === study.head.best ? "best" : ""]);
  return section("Fresh seeds", "Trained again after the search, from seeds that had no part in it; the best median first.", tableOf(["trial", "in the search", "median", "each"], lines));
}

function methods() {
  const { methods: found, tested } = study.head || {};
  if (!found?.length) return null;
  const header = ["", ...(tested ? [tested, "95 % interval"] : []), label("value")];
  return section("Yardsticks", "Methods without a search, on the same split; the best first.",
    tableOf(header, found.map((each) => [[each.name, ...(tested ? [show(each.test), each.interval] : []), show(each.value)], each.mark])));
}

function outcomes() {
  if (!study.rows) return null;
  const counts = countOutcomes(), there = Object.keys(study.about.outcomes).filter((each) => counts.has(each));
  const table = tableOf(["outcome", "trials", "what it means"], there.map((each) => [[each.replaceAll("_", " "), counts.get(each).toLocaleString("en"), study.about.outcomes[each]], "words"]));
  return section("Outcomes", "", table);
}
