
// ---- asking the server, again and again ----

const kPollRunningMs = 250;
const kPollIdleMs = 1500;
const kPollHiddenMs = 5000;
const kPatienceMs = 5000;

// Without name and password, should the address have them: fetch() takes none there, and the browser knows them.
const kBase = location.origin + location.pathname;

const page = {
  selected: null,    // the number of a past save that was chosen; null: follow the latest
  shown: null,       // the save on the page, its timeline gathered from many answers
  answer: null,      // the last one
  lostSince: null,   // since when the server does not answer
  timer: 0,
  asked: 0,          // questions so far: only the answer to the newest counts
};

const charts = {
  resident: new Chart(byId("resident-chart"), "Resident memory of server and child during the save", readBoth),
  growth: new Chart(byId("growth-chart"), "Copied pages, new memory and growth during the save", readBoth),
};

function readBoth(atMs) {
  charts.resident.read(atMs);
  charts.growth.read(atMs);
}

// Of a save that is known, only what is new is asked for.
function question() {
  const parameters = new URLSearchParams();
  const {shown, selected} = page;
  const id = selected ?? (shown?.result === "running" ? shown.id : null);
  if (id !== null) parameters.set("id", id);
  if (shown && id === shown.id && shown.timeline.length) parameters.set("after", shown.timeline.at(-1).at_ms);
  return `${kBase}api/snapshot?${parameters}`;
}

// A save that went on while we looked has its new points added to those we have.
function merge(save) {
  if (!save) return null;
  const {shown} = page;
  if (shown?.id !== save.id || shown.started_unix_ms !== save.started_unix_ms) return save;
  const last = shown.timeline.at(-1)?.at_ms ?? -1;
  return {...save, timeline: shown.timeline.concat(save.timeline.filter(({at_ms}) => at_ms > last))};
}

async function fetchAnswer() {
  const response = await fetch(question(), {signal: AbortSignal.timeout(kPatienceMs), cache: "no-store"});
  if (!response.ok) throw new Error(`the server answers ${response.status}: ${await response.text()}`);
  return response.json();
}

function showAnswer(answer) {
  const restarted = page.answer && page.answer.server.run_id !== answer.server.run_id;
  if (restarted) page.selected = page.shown = null;
  if (answer.save === null) page.selected = null;
  page.answer = answer;
  page.shown = merge(answer.save);
  const running = page.shown?.result === "running" ? page.shown : null;
  showServer(answer.server);
  showState(answer, running);
  showForecast(answer);
  showCharts(charts, page.shown, answer);
  showCauses(page.shown);
  showHistory(answer.history, page.shown?.id, select);
  byId("follow").hidden = page.selected === null;
}

function showConnection(error) {
  const lost = error !== null;
  if (!lost) page.lostSince = null;
  else page.lostSince ??= Date.now();
  byId("connection").className = `badge ${lost ? "gone" : "live"}`;
  setText(byId("connection-text"), lost ? "not reachable" : "live");
  byId("lost").hidden = !lost;
  if (!lost) return;
  setText(byId("lost"), `The server has not answered since ${clockTime(page.lostSince)}. What you see is as of then; ` +
    "this page goes on by itself when the server is back.");
  byId("save").disabled = byId("cancel").disabled = true;
}

// A newer save than the one we follow: it is what to show next, at once.
function isBehind(answer) {
  return page.selected === null && answer.latest_id !== null && page.shown?.id !== answer.latest_id;
}

function delay(answer) {
  if (!answer) return kPollIdleMs;
  if (document.hidden) return kPollHiddenMs;
  if (isBehind(answer)) return 0;
  return answer.running ? kPollRunningMs : kPollIdleMs;
}

async function poll() {
  clearTimeout(page.timer);
  const number = ++page.asked;
  let answer = null;
  let failure = null;
  try {
    answer = await fetchAnswer();
  } catch (error) {
    failure = error;
  }
  if (number !== page.asked) return;
  showConnection(failure);
  if (answer) showAnswer(answer);
  if (answer && isBehind(answer)) page.shown = null;
  page.timer = setTimeout(poll, delay(answer));
}

// ---- what the reader does ----

function select(id) {
  page.selected = id;
  page.shown = null;
  poll();
}

async function order(path) {
  try {
    const response = await fetch(kBase + path, {method: "POST", headers: {"X-Cowslip-Request": "1"}});
    const text = await response.text();
    const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
    setText(byId("said"), isJson ? JSON.parse(text).message : text);
  } catch {
    setText(byId("said"), "The server did not answer.");
  }
  if (path === "api/save") page.selected = null;
  poll();
}

byId("save").addEventListener("click", () => order("api/save"));
byId("cancel").addEventListener("click", () => order("api/cancel"));
byId("follow").addEventListener("click", () => select(null));
document.addEventListener("visibilitychange", () => document.hidden || poll());
poll();
