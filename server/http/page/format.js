
// ---- figures in words ----

const kByteUnits = ["B", "KB", "MB", "GB", "TB", "PB"];

function bytes(value) {
  if (value === null || value === undefined) return "–";
  let size = Math.abs(value);
  let unit = 0;
  while (size >= 999.5 && unit < kByteUnits.length - 1) {
    size /= 1024;
    unit++;
  }
  const digits = unit === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return `${value < 0 ? "−" : ""}${size.toFixed(digits)} ${kByteUnits[unit]}`;
}

function count(value) {
  return Math.round(value).toLocaleString("en-US").replaceAll(",", "\u202f");
}

function milliseconds(value) {
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < 100_000) return `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)} s`;
  return span(value / 1000);
}

function microseconds(value) {
  return value < 1000 ? `${value} µs` : milliseconds(value / 1000).replace(/^(\d) ms$/, `${(value / 1000).toFixed(1)} ms`);
}

// For axes: "2.00 s" is "2 s".
function plain(text) {
  return text.replace(/(\.\d*?)0+(?= )/, "$1").replace(/\.(?= )/, "");
}

// A time span in its two largest units.
function span(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = Math.max(0, units.findIndex(([, size]) => seconds >= size));
  if (seconds < 1) return "0 s";
  let rest = Math.round(seconds);
  return units.slice(first, first + 2).map(([name, size]) => {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    return amount > 0 ? `${amount} ${name}` : "";
  }).filter(Boolean).join(" ");
}

function percent(share) {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

// The server's reasons are made to stand within a line of the log.
function sentence(text) {
  if (text === "") return "";
  return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

function clockTime(unixMs) {
  return new Date(unixMs).toLocaleTimeString("en-GB");
}

// With the date (2026-01-31) when it is not today's.
function dayAndTime(unixMs) {
  const day = new Date(unixMs).toLocaleDateString("sv-SE");
  return day === new Date().toLocaleDateString("sv-SE") ? clockTime(unixMs) : `${day} ${clockTime(unixMs)}`;
}

// Steps of 1, 2 or 5 times a power of ten: about `wanted` of them up to `top`.
function ticks(top, wanted) {
  const rough = top / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const found = [];
  for (let value = 0; value <= top * 1.0001; value += step) found.push(value);
  return found;
}

// ---- elements ----

function byId(id) {
  return document.getElementById(id);
}

// Writes only what changed, so that screen readers speak only of what changed.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
