
// ---- saves so far ----

function historyCells(save) {
  const failed = save.error ? `: ${save.error}` : "";
  return [
    ["Began", dayAndTime(save.started_unix_ms), ""],
    ["Why", save.reason, ""],
    ["Result", save.result + failed, `result-${save.result.replaceAll(" ", "-")}`],
    ["Took", milliseconds(save.duration_ms), "number"],
    ["Fork", microseconds(save.fork_us), "number"],
    ["Written", bytes(save.bytes_written), "number"],
    ["Copied", bytes(save.copied_total), "number"],
    ["Growth", bytes(save.growth_peak), "number"],
  ];
}

function historyRow(save, shown, onSelect) {
  const button = make("button", {type: "button", class: "link", "aria-label": `Show save ${save.id}`}, `#${save.id}`);
  button.addEventListener("click", () => onSelect(save.id));
  const row = make("tr", shown ? {class: "shown", "aria-current": "true"} : {},
    make("td", {"data-label": "Save"}, button));
  for (const [label, text, className] of historyCells(save)) {
    row.append(make("td", {"data-label": label, class: className}, make("span", {}, text)));
  }
  return row;
}

let historyDrawn = "";

// The newest first. Drawn anew only when something is different, so that a focused button stays focused.
function showHistory(saves, shownId, onSelect) {
  const state = JSON.stringify([saves, shownId]);
  if (state === historyDrawn) return;
  historyDrawn = state;
  byId("history-empty").hidden = saves.length > 0;
  byId("history").hidden = saves.length === 0;
  const rows = [...saves].reverse().map((save) => historyRow(save, save.id === shownId, onSelect));
  const focused = document.activeElement?.getAttribute("aria-label");
  byId("history").tBodies[0].replaceChildren(...rows);
  if (focused?.startsWith("Show save")) byId("history").querySelector(`[aria-label="${focused}"]`)?.focus();
}
