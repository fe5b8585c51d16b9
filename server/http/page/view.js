
// ---- from the server's answer to the page ----

const kResidentLines = [
  {key: "parent_resident", name: "server", className: "parent"},
  {key: "child_resident", name: "child, shared pages included", className: "child"},
];
const kGrowthLines = [
  {key: "growth", name: "growth of both", className: "growth"},
  {key: "copied", name: "copied pages now", className: "copied"},
  {key: "fresh", name: "written to new memory, summed up", className: "fresh"},
];

function showTiles(holder, tiles) {
  const shown = tiles.filter(Boolean);
  const state = JSON.stringify(shown);
  if (holder.dataset.state === state) return;
  holder.dataset.state = state;
  holder.replaceChildren(...shown.map(([name, value, more]) => make("div", {}, make("dt", {}, name),
    make("dd", {}, value, ...(more ? [make("small", {}, more)] : [])))));
}

function showServer(server) {
  setText(byId("server-line"), `${server.version} · port ${server.port} · up ${span(server.uptime_seconds)}`);
  showTiles(byId("tiles"), [
    ["Resident", bytes(server.resident), `${bytes(server.used_memory)} in use`],
    ["Keys", count(server.keys)],
    ["Changes", `${count(server.writes_per_second)} /s`, `${count(server.commands_per_second)} commands/s`],
    server.maxmemory > 0 && ["maxmemory", bytes(server.maxmemory)],
  ]);
}

// ---- the state, and what can be done ----

function progressOf(save) {
  return save.keys_total > 0 ? Math.min(1, save.keys_written / save.keys_total) : 0;
}

function describeRunning(save, forecast) {
  const parts = [`${count(save.keys_written)} of ${count(save.keys_total)} keys after ${milliseconds(save.duration_ms)}`];
  if (forecast) parts.push(`about ${milliseconds(forecast.remaining_ms)} to go`);
  return parts.join(", ");
}

function describeIdle(answer) {
  const last = answer.history.at(-1);
  if (!last) return "No save since the start.";
  const ago = span(Math.max(0, (answer.server.now_unix_ms - last.started_unix_ms - last.duration_ms) / 1000));
  return `The last one: ${last.result}, ${ago} ago, took ${milliseconds(last.duration_ms)}, ` +
    `grew by ${bytes(last.growth_peak)}.`;
}

function showState(answer, running) {
  const {server} = answer;
  const progress = byId("progress");
  progress.hidden = !running && !server.loading;
  if (server.loading) {
    const share = server.loading_total_bytes ? server.loading_loaded_bytes / server.loading_total_bytes : 0;
    setText(byId("state-title"), "The dataset is being loaded");
    setText(byId("state-detail"), percent(share));
    progress.value = 100 * share;
  } else if (running) {
    setText(byId("state-title"), "A save is running");
    setText(byId("state-detail"), describeRunning(running, answer.forecast_running));
    progress.value = 100 * progressOf(running);
  } else {
    setText(byId("state-title"), answer.running ? "A save is running" : "No save is running");
    setText(byId("state-detail"), describeIdle(answer));
  }
  showActions(answer);
}

function showActions({read_only: readOnly, running, server}) {
  byId("save").hidden = byId("cancel").hidden = readOnly !== "";
  byId("save").disabled = running || server.loading;
  byId("cancel").disabled = !running;
  byId("read-only").hidden = readOnly === "";
  setText(byId("read-only"), readOnly);
}

// ---- what the next save would cost ----

function showForecast({forecast_next: next, verdict}) {
  const mark = byId("verdict-mark");
  mark.className = `mark ${verdict.fits ? "fits" : "tight"}`;
  setText(mark, verdict.fits ? "It fits." : "It does not fit.");
  setText(byId("verdict-text"), sentence(verdict.reason));
  showTiles(byId("forecast"), [
    ["Pause of the fork", microseconds(next.fork_us)],
    ["Duration", milliseconds(next.duration_ms)],
    ["Growth", bytes(next.growth), `${bytes(next.growth_low)} to ${bytes(next.growth_high)}`],
    ["Peak of both", bytes(next.peak_memory)],
    verdict.limit > 0 && ["Room", bytes(verdict.headroom), `before ${verdict.limit_name}`],
  ]);
  setText(byId("basis"), sentence(next.basis));
}

// ---- the charts ----

function forecastBand(save, forecast) {
  if (save.result !== "running" || !forecast || forecast.growth_high <= 0) return null;
  return {low: forecast.growth_low, high: forecast.growth_high, from_ms: save.duration_ms,
    to_ms: Math.max(save.duration_ms + 1, forecast.duration_ms)};
}

// What may be added to the memory at the fork before the limit is reached, as of now.
function growthLimit(save, {verdict, server}) {
  if (!(verdict.limit > 0)) return 0;
  return verdict.headroom + Math.max(0, server.resident - save.parent_resident_at_fork);
}

function chartTitle(save) {
  const state = save.result === "running" ? "running now" : `${save.result}, ${dayAndTime(save.started_unix_ms)}`;
  return `Memory during save #${save.id} (${state})`;
}

function showCharts(charts, save, answer) {
  const points = save?.timeline ?? [];
  byId("charts").hidden = points.length === 0;
  byId("chart-empty").hidden = points.length > 0;
  if (!save || points.length === 0) return;
  setText(byId("chart-title"), chartTitle(save));
  const running = save.result === "running";
  const forecast = running ? answer.forecast_running : null;
  const span_ms = Math.max(200, points.at(-1).at_ms, forecast?.duration_ms ?? 0);
  const limitName = answer.verdict.limit_name || "limit";
  charts.resident.draw({points, lines: kResidentLines, span_ms, limit: answer.verdict.limit, limitName});
  charts.growth.draw({points, lines: kGrowthLines, span_ms, limit: running ? growthLimit(save, answer) : 0,
    limitName: "room before " + limitName, band: forecastBand(save, forecast), expected: "forecast_growth"});
}
