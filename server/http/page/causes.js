
// ---- what made memory grow ----

const kCausesShown = 12;
const kReasons = {
  fresh_write: "new value", in_place: "changed in place", delete: "deleted", expire: "expired", evict: "evicted",
};
const kKinds = {
  entry: "entries", large_value: "large values", node: "nodes of aggregates", index: "index", metadata: "metadata",
  outside: "outside the arenas",
};

function words(known, name) {
  return known[name] ?? name.replaceAll("_", " ");
}

function causeName(row) {
  const parts = [row.command];
  if (row.database >= 0) parts.push(`db ${row.database}`);
  parts.push(words(kKinds, row.kind), words(kReasons, row.reason));
  return parts.join(" · ");
}

function causeBar(row, largest) {
  const bar = make("div", {class: "bar", "aria-hidden": "true"});
  for (const effect of ["copied", "fresh", "reused"]) {
    if (row[effect] === 0) continue;
    const part = make("span", {class: effect});
    part.style.width = `${100 * row[effect] / largest}%`;
    bar.append(part);
  }
  return bar;
}

function causeItem(row, largest) {
  const figures = ["copied", "fresh", "reused"].filter((effect) => row[effect] > 0)
    .map((effect) => `${bytes(row[effect])} ${effect === "fresh" ? "new" : effect}`).join(", ");
  return make("li", {}, make("div", {class: "cause-line"}, make("span", {}, causeName(row)), make("span", {}, figures)),
    causeBar(row, largest));
}

function total(row) {
  return row.copied + row.fresh + row.reused;
}

function showCauses(save) {
  const rows = (save?.causes ?? []).filter((row) => total(row) > 0).sort((a, b) => total(b) - total(a));
  const largest = rows.length ? total(rows[0]) : 1;
  byId("causes-empty").hidden = rows.length > 0;
  byId("causes-legend").hidden = rows.length === 0;
  byId("causes").replaceChildren(...rows.slice(0, kCausesShown).map((row) => causeItem(row, largest)));
}
