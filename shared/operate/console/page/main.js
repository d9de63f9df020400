// The page asks the API every two seconds while it is looked at, and shows what has changed.
import { get, post, Refusal } from "./api.js";
import { ask } from "./ask.js";
import { connections, isIll } from "./connections.js";
import { deletions } from "./deletions.js";
import { deliveries } from "./deliveries.js";
import { el, show } from "./dom.js";
import { letters } from "./letters.js";
import { place, queues, routes, samples, warnings } from "./overview.js";
import { incidents } from "./pagerduty.js";
import { empty, utc, value, words } from "./parts.js";
import { refused } from "./refused.js";
import { channels } from "./slack.js";

const pause = 2000; // milliseconds

// rarely is how long the answer of a source is good for, in milliseconds. Dead letters are held for as long as they are looked
// at, so they are looked at anew when their number changes; the routes change with a restart alone; each connection is a few reads.
const rarely = { letters: 30_000, routes: 30_000, connections: 10_000 };

const sources = {
  overview: "overview", deliveries: "deliveries", letters: "dead-letters", deletions: "deletions", routes: "routes", slack: "slack",
  pagerduty: "pagerduty", refused: "refused", connections: "connections",
};

// unknown is no number of dead letters: those that were out of sight are looked for at the next turn.
const unknown = -1;

const state = {
  answers: {}, // by source: the newest answer
  failures: {}, // by source: why there is no newer one
  readAt: {}, // by source: when that was, in milliseconds
  dead: 0, // how many dead letters there were when they were looked at
  older: [], // deliveries of the pages behind the first
  olderFrom: null, // where the next page begins
  traces: {}, // by delivery id
  statements: {}, // by deletion id
  sent: null, // what became of the newest sample
  results: null, // what became of letters
  reached: null, // when the server last answered; null before it did
  lost: false, // whether it does not answer
};

const byId = (id) => document.getElementById(id);

// Asking.

// What asks the server takes its turn: a look at the dead letters holds them for its time, and a redrive would miss them.
let turn = Promise.resolve();

function inTurn(work) {
  turn = turn.then(work, work);
  return turn;
}

const send = (path, asked) => inTurn(() => post(path, asked));

async function refresh() {
  await inTurn(readAll);
  draw();
}

// readAll reads the overview first: it says what else there is to read.
async function readAll() {
  await read("overview");
  const others = Object.keys(sources).filter((name) => name !== "overview" && isDue(name));
  await Promise.all([...others.map(read), ...opened("trace").map(readTrace), ...opened("statement").map(readStatement)]);
}

function isDue(name) {
  const overview = state.answers.overview;
  if (!overview || state.failures[name] || state.failures.overview) return true;
  if (name === "slack") return overview.records_slack;
  if (name === "pagerduty") return overview.records_pagerduty;
  if (name === "letters" && countDead(overview) !== state.dead) return true;
  return Date.now() - (state.readAt[name] ?? 0) >= (rarely[name] ?? 0);
}

function countDead(overview) {
  return (overview?.queues ?? []).reduce((sum, queue) => sum + queue.dead, 0);
}

async function read(name) {
  try {
    const dead = countDead(state.answers.overview);
    const answer = await get(sources[name]);
    took(name, state.answers[name], answer);
    state.answers[name] = answer;
    state.readAt[name] = Date.now();
    if (name === "letters") state.dead = answer.hidden > 0 ? unknown : dead;
    delete state.failures[name];
    reached();
  } catch (error) {
    if (error instanceof Refusal) {
      state.failures[name] = error;
      reached();
    } else {
      state.lost = true;
    }
  }
}

function reached() {
  state.lost = false;
  state.reached = new Date();
}

async function readTrace(id) {
  try {
    state.traces[id] = await get(`trace/${encodeURIComponent(id)}`);
  } catch (error) {
    state.traces[id] = { error: error.message };
  }
}

async function readStatement(id) {
  try {
    state.statements[id] = (await get(`deletions/${encodeURIComponent(id)}`)).statement;
  } catch {
    // The row shows the facts without it; the next look tries again.
  }
}

function opened(kind) {
  return [...document.querySelectorAll(`details[open][data-opens="${kind}"]`)].map((details) => details.dataset.subject);
}

// took says what is new to those who do not see it, and keeps what has left the newest page for those who look at older ones.
function took(name, before, now) {
  if (!before) return;
  if (name === "deliveries") {
    const [newest] = now.deliveries ?? [];
    if (newest && newest.delivery_id !== before.deliveries?.[0]?.delivery_id) say(`New delivery: ${newest.type}`);
    if (state.older.length > 0) state.older = merged(before.deliveries ?? [], state.older);
  }
  if (name === "letters" && (now.letters?.length ?? 0) > (before.letters?.length ?? 0)) say(`${now.letters.length} dead letters`);
}

function say(text) {
  byId("news").textContent = text;
}

// Drawing.

function draw() {
  const { overview, slack, pagerduty, routes: table, deletions: cases, letters: parked, refused: turned, connections: linked } = state.answers;
  drawTop(overview);
  section("queues", "overview", () => queues(overview.queues ?? []));
  section("samples", "overview", () => samples(overview, state.sent));
  section("deliveries", "deliveries", () => deliveries(allDeliveries(), nextPage(), state.traces));
  section("connections", "connections", () => connections(linked.connections ?? [], linked.on));
  section("dead-letters", "letters", () => letters(parked.letters ?? [], parked.hidden, state.results));
  section("deletions", "deletions", () => deletions(cases.deletions ?? [], state.statements));
  section("refused", "refused", () => refused(turned.refused ?? []));
  section("routes", "routes", () => routes(table));
  if (overview && !overview.records_slack) show(byId("slack-view"), real("Slack"));
  else section("slack", "slack", () => channels(slack.channels ?? []));
  if (overview && !overview.records_pagerduty) show(byId("pagerduty-view"), real("PagerDuty"));
  else section("pagerduty", "pagerduty", () => incidents(pagerduty.incidents ?? []));
}

// section draws a section's view. One that cannot be drawn does not keep the others from it.
function section(id, source, view) {
  const failure = state.failures[source];
  const known = state.answers[source];
  let drawn = !failure && el("p", { class: "quiet pad" }, "Reading …");
  try {
    if (known) drawn = view();
  } catch (error) {
    drawn = failed(`This could not be shown: ${error.message}`);
  }
  show(byId(`${id}-view`), failure && failed(`This could not be read: ${failure.message}`, known && " What is shown is older."), drawn);
}

function failed(...text) {
  return el("p", { class: "failure", role: "alert" }, value(text.filter(Boolean).join("")));
}

function real(provider) {
  return empty(`${provider} gets the alerts for real.`, "What it shows is there; here it is shown only where no credential is set.");
}

function drawTop(overview) {
  if (overview) {
    show(byId("place"), place(overview));
    show(byId("warnings"), warnings(overview.warnings));
    document.title = `${deadCount() > 0 ? `(${deadCount()}) ` : ""}revento-alerts · ${overview.environment}`;
  }
  show(byId("pulse"), pulse());
  show(byId("nav"), links());
}

function pulse() {
  if (state.lost) {
    const since = state.reached ? `What is shown is of ${words(state.reached)}.` : "";
    return el("span", { class: "live lost", role: "alert" }, "serve does not answer: is it running? ", since);
  }
  if (!state.reached) return el("span", { class: "live" }, "Reading …");
  return el("span", { class: "live on" }, "Live · ", el("time", { datetime: state.reached.toISOString(), title: utc(state.reached) }, words(state.reached)));
}

function deadCount() {
  return state.answers.letters?.letters?.length ?? 0;
}

function links() {
  const waiting = (state.answers.deletions?.deletions ?? []).filter((it) => it.state === "held").length;
  const ill = (state.answers.connections?.connections ?? []).filter(isIll).length;
  return [["deliveries", "Deliveries"], ["slack", "Slack"], ["pagerduty", "PagerDuty"], ["connections", "Connections", ill],
    ["dead-letters", "Dead letters", deadCount()], ["deletions", "Deletions", waiting], ["refused", "Refused"], ["routes", "Routes"], ["samples", "Samples"]]
    .map(([id, name, number]) => el("a", { href: `#${id}` }, name, number > 0 && " ", number > 0 && el("span", { class: "badge" }, number)));
}

// allDeliveries is the newest page, and behind it those that were asked for.
function allDeliveries() {
  return merged(state.answers.deliveries.deliveries ?? [], state.older);
}

function merged(newer, older) {
  const known = new Set(newer.map((delivery) => delivery.delivery_id));
  return [...newer, ...older.filter((delivery) => !known.has(delivery.delivery_id))];
}

function nextPage() {
  return state.older.length > 0 ? state.olderFrom : state.answers.deliveries.next;
}

// Doing.

const actions = {
  sample: sendSample,
  older: readOlder,
  redrive: (ids) => treat("redrive", ids.split(" ")),
  drop: dropLetter,
  "delete-now": deleteNow,
  close: closeDeletion,
  probe: probeConnection,
  copy: copyText,
  dismiss: () => { state.results = null; },
};

async function sendSample(type) {
  const overview = state.answers.overview;
  if (!(overview.records_slack && overview.records_pagerduty)) {
    const answer = await ask({ title: `Send ${type}?`, text: "Its alerts go out for real, and may page somebody.", confirm: "Send the sample" });
    if (!answer) return;
  }
  state.sent = { type, ...await attempt(() => send(`samples/${encodeURIComponent(type)}`)) };
  say(state.sent.error ? `The sample was not taken: ${state.sent.error}` : `Sample ${type}: ${state.sent.status}`);
}

async function readOlder(cursor) {
  const page = await get(`deliveries?before=${encodeURIComponent(cursor)}`);
  state.older = merged(state.older, page.deliveries ?? []);
  state.olderFrom = page.next;
}

async function dropLetter(id) {
  const answer = await ask({
    title: "Drop this dead letter?", text: `Letter ${id} is deleted for good. Nobody will be told what it was to tell.`, confirm: "Drop it", danger: true,
  });
  if (answer) await treat("drop", [id]);
}

async function treat(what, ids) {
  const answer = await attempt(() => send(`dead-letters/${what}`, { ids }));
  state.readAt.letters = 0;
  state.results = answer.results ?? ids.map((id) => ({ letter: { id }, outcome: "kept", note: answer.error }));
  state.results.stopped = answer.stopped;
}

async function deleteNow(id) {
  const answer = await ask({
    title: "Delete now?", text: `What is kept of this connection is deleted at once instead of on its date, and cannot be brought back. Deletion ${id}.`,
    confirm: "Delete now", danger: true,
  });
  if (answer) await demand(() => send(`deletions/${encodeURIComponent(id)}/now`));
}

async function closeDeletion(id) {
  const answer = await ask({ title: "Close this request?", text: `It is recorded as done by a person. Deletion ${id}.`, confirm: "Close it", note: true });
  if (answer) await demand(() => send(`deletions/${encodeURIComponent(id)}/close`, { note: answer.note }));
}

async function probeConnection(eventID) {
  await demand(() => send(`connections/${encodeURIComponent(eventID)}/probe`));
  state.readAt.connections = 0;
}

async function copyText(text) {
  await navigator.clipboard.writeText(text);
  say("Copied");
}

// attempt does something; a failure is its answer.
async function attempt(does) {
  try {
    return await does();
  } catch (error) {
    return { error: error.message };
  }
}

// demand does something, and tells where it fails.
async function demand(does) {
  try {
    await does();
  } catch (error) {
    await ask({ title: "That was not done", text: error.message, confirm: "Close", only: true });
  }
}

async function press(button) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    await demand(() => actions[button.dataset.do](button.dataset.subject));
  } finally {
    button.removeAttribute("aria-busy");
  }
  await refresh();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button) press(button);
});

// toggle does not bubble: it is caught on its way down.
document.addEventListener("toggle", (event) => {
  if (event.target.open && event.target.dataset?.opens) refresh();
}, true);

// Living.

let timer = null;

async function live() {
  clearTimeout(timer);
  try {
    await refresh();
  } finally {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(live, pause);
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) live();
});

live();
