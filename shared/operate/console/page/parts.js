// The small parts that every section is made of.
import { el } from "./dom.js";

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const short = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const long = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

// moment shows a time as the reader's clock shows it, and on pointing at it in UTC. What is no time is shown as it is.
export function moment(text) {
  const at = new Date(text ?? "");
  if (Number.isNaN(at.getTime())) return value(text ?? "");
  return el("time", { datetime: at.toISOString(), title: utc(at) }, words(at));
}

export function utc(at) {
  return at.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

export function words(at, now = new Date()) {
  if (at.toDateString() === now.toDateString()) return clock.format(at);
  return (at.getFullYear() === now.getFullYear() ? short : long).format(at);
}

// value shows a text from outside, whose direction stays its own.
export function value(text) {
  return el("bdi", null, text);
}

// code shows an id. A long one is cut by the style, and whole on pointing at it.
export function code(text) {
  return el("code", { title: text }, value(text));
}

const tones = {
  good: ["sent", "handed_off", "finished", "resolved", "redriven", "applied", "active", "healthy"],
  warn: ["retrying", "acknowledged", "held", "kept", "missing", "warning", "throttled"],
  bad: ["parked", "triggered", "critical", "error", "revoked", "needs_consent"],
  busy: ["claimed", "waiting", "sending", "requested", "scheduled", "started", "info"],
};

// pill shows a state, with the colour that goes with it.
export function pill(state, text = String(state ?? "").replaceAll("_", " ")) {
  const tone = Object.keys(tones).find((name) => tones[name].includes(state)) ?? "quiet";
  return el("span", { class: `pill ${tone}` }, value(text));
}

// facts is a list of names and what goes with them; a fact without a value is left out, a wide one has a line of its own.
export function facts(...pairs) {
  const given = pairs.filter(([, shown]) => shown !== null && shown !== undefined && shown !== "");
  return el("dl", { class: "facts" }, given.map(([name, shown, width]) => el("div", { class: width }, el("dt", null, name), el("dd", null, shown))));
}

// button does what main.js knows under the name, with the subject. It never turns into another one under the reader's hand.
export function button(label, does, subject, attributes) {
  return el("button", { type: "button", "data-key": `${does} ${subject}`, "data-do": does, "data-subject": subject, ...attributes }, label);
}

// empty says what is not there, and what to do about that.
export function empty(title, ...more) {
  return el("div", { class: "empty" }, el("p", null, el("strong", null, title)), el("p", null, more));
}

// external is a link to another site, or its text where the address is none of the web's.
export function external(address, label) {
  let parsed;
  try {
    parsed = new URL(address);
  } catch {
    return value(label || address);
  }
  if (!["https:", "http:", "mailto:"].includes(parsed.protocol)) return value(label || address);
  return el("a", { href: parsed.href, target: "_blank", rel: "noopener noreferrer" }, value(label || address));
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

// providers are what destinations and queues are called by people.
export const providers = { slack: "Slack", pagerduty: "PagerDuty", digest: "Digest", deletion: "Deletion", purge: "Purge" };
