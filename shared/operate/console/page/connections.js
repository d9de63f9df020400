// Connections with Revento: how each does, and what it tells of its event.
import { el } from "./dom.js";
import { button, code, count, empty, facts, moment, pill, value } from "./parts.js";

export function connections(list, on) {
  if (!on) return empty("Connections are off.", "They are on where REVENTO_CLIENT_ID is set.");
  if (list.length === 0) {
    return empty("No event is connected.", "An organizer connects one by the link that this prints: ", el("code", null, "revento-alerts connections link EVENT"));
  }
  return el("ul", { class: "rows" }, list.map(row));
}

// isIll says whether a person has to do something about a connection. One that was ended needs nothing.
export function isIll(it) {
  return it.state !== "ended" && (it.state !== "active" || it.failing || it.health === "error");
}

function row(it) {
  return el("li", { "data-key": it.id },
    el("details", null,
      el("summary", null,
        el("span", { class: "what" }, el("strong", null, value(it.name || it.event_id)),
          el("span", { class: "quiet" }, it.name && [value(it.event_id), " · "], value(it.organization_id))),
        el("span", { class: "when" }, it.observed_at ? moment(it.observed_at) : "not looked at yet"),
        el("span", { class: "fate" }, pill(...fate(it)), el("span", { class: "quiet" }, attendance(it.participants)))),
      el("div", { class: "inside" },
        it.state !== "active" && it.state !== "ended" && el("p", { class: "why" }, cures[it.state] ?? "An organizer has to connect it anew."),
        facts(["State", pill(it.state)], ["Reason", it.reason && value(it.reason.replaceAll("_", " "))],
          ["Health", pill(it.health)], ["Last fault", it.failing && it.health_reason && value(it.health_reason.replaceAll("_", " "))],
          ["Looked at", it.observed_at && moment(it.observed_at)], ["Looked at next", it.due_at && moment(it.due_at)],
          ["Event", code(it.event_id), "wide"], ["Organization", code(it.organization_id), "wide"],
          ["When it is", dates(it)], ["Published", it.publish_status && value(it.publish_status)],
          ...people(it.participants),
          ["All read", it.completed_at && moment(it.completed_at)], ...freshness(it.freshness),
          ["Connected", moment(it.connected_at)], ["Consent ends", it.grant_ends && moment(it.grant_ends)]),
        it.state === "active" && !it.stopped && el("div", { class: "row end" }, button("Look now", "probe", it.event_id, { "aria-label": `Look at ${it.event_id} now` })))));
}

const cures = {
  revoked: "Somebody took the consent back: its organizer has to connect the event anew.",
  needs_consent: "Its tokens are of no use any more: its organizer has to connect the event anew.",
};

// fate is the one word that tells most of a connection.
function fate(it) {
  if (it.stopped && it.state !== "ended") return ["held", "stopped"];
  if (it.state !== "active") return [it.state];
  return [it.flapping ? "warning" : it.health, it.flapping ? "flapping" : undefined];
}

// attendance is who comes, in a line: "212 registered, 3 cancelled".
function attendance(known) {
  if (!known) return "";
  const parts = statuses(known).map(([status, number]) => `${number} ${status.replaceAll("_", " ")}`);
  return value([...parts, known.cancelled > 0 && `${known.cancelled} cancelled`].filter(Boolean).join(", "));
}

// statuses are those that participants have, the most frequent first.
function statuses(known) {
  return Object.entries(known.by_status ?? {}).sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
}

function people(known) {
  if (!known) return [];
  return [["Participants", count(known.total, "participant")], ...statuses(known).map(([status, number]) => [value(status.replaceAll("_", " ")), number]),
    ["Missing once", known.missing_once || null], ["Cancelled", known.cancelled || null]];
}

function dates(it) {
  return it.start_date && value([it.start_date, it.end_date].filter(Boolean).join(" to "));
}

function freshness(known) {
  return Object.entries(known ?? {}).sort().map(([thing, at]) => [value(`Newest ${thing.replaceAll("_", " ")}`), moment(at)]);
}
