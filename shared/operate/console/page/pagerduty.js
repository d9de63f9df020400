// Incidents as PagerDuty shows them.
import { el } from "./dom.js";
import { code, count, empty, external, facts, moment, pill, value } from "./parts.js";

export function incidents(list) {
  if (list.length === 0) {
    return empty("Nobody has been paged.", "A route with pagerduty: opens an incident here. Try the sample application.revision_requested.");
  }
  return el("ul", { class: "cards" }, list.map((it, place) => incident(it, list.length - place)));
}

function incident(it, number) {
  return el("li", { class: `incident ${it.state}`, "data-key": `${number}` },
    el("div", { class: "row" }, pill(it.state, it.state === "triggered" ? "Triggered" : it.state === "resolved" ? "Resolved" : it.state),
      el("span", { class: `severity ${it.severity}` }, value(it.severity)),
      el("span", { class: "quiet" }, it.triggers > 1 ? `one page, ${count(it.triggers, "trigger")}` : "one page"),
      el("span", { class: "when" }, moment(it.opened_at))),
    el("h3", null, value(it.summary)),
    facts(["Source", it.source && value(it.source)], ["Component", it.component && value(it.component)], ["Group", it.group && value(it.group)],
      ["Class", it.class && value(it.class)]),
    it.state === "resolved" && el("p", { class: "resolution" }, value(it.resolution), " ", moment(it.resolved_at)),
    el("details", { class: "more" }, el("summary", null, "Custom details"), details(it.details), facts(["Dedup key", code(it.dedup_key), "wide"])),
    it.link && el("p", null, external(it.link, "Open in Revento")));
}

function details(given) {
  if (given === null || typeof given !== "object") return facts(["Details", value(JSON.stringify(given ?? ""))]);
  return facts(...Object.entries(given).map(([name, held]) => [value(name), value(typeof held === "string" ? held : JSON.stringify(held))]));
}
