// Deletions that were asked for, and how far they have come.
import { el } from "./dom.js";
import { button, code, count, empty, facts, moment, pill, value } from "./parts.js";

const open = ["requested", "scheduled", "started"];

export function deletions(list, statements) {
  if (list.length === 0) {
    return empty("No deletion has been asked for.", "Revento asks with data.deletion_required when a connection ends.");
  }
  return el("ul", { class: "rows" }, list.map((it) => row(it, statements[it.id])));
}

function row(it, statement) {
  return el("li", { "data-key": it.id },
    el("details", { "data-opens": "statement", "data-subject": it.id },
      el("summary", null,
        el("span", { class: "what" }, el("strong", null, value(it.event_id || "event not named")), el("span", { class: "quiet" }, value(it.organization_id || "organization not named"))),
        el("span", { class: "when" }, moment(it.requested_at)),
        el("span", { class: "fate" }, pill(it.state), it.overdue_at && " ", it.overdue_at && pill("critical", "overdue"), el("span", { class: "quiet" }, next(it)))),
      el("div", { class: "inside" },
        it.held && el("p", { class: "why" }, "Held for a person: ", value(it.held), "."),
        it.keys && facts(["Keys", value(it.keys.join(", ")), "wide"]),
        it.type && facts(["Type", value(it.type), "wide"]),
        facts(["Deletion", code(it.id), "wide"], ["Of all up to", moment(it.cutoff)], ["Due", it.due && moment(it.due)],
          ["Stopped", it.stopped_at && moment(it.stopped_at)], ["Confirmed", it.confirmed_at && moment(it.confirmed_at)],
          ["Brought forward", it.brought_forward_at && moment(it.brought_forward_at)],
          ["Started", it.started_at && moment(it.started_at)], ["Finished", it.finished_at && moment(it.finished_at)],
          ["Records deleted", found(it)], ["Incidents resolved", it.resolved || null], ["Closed", it.closed_at && moment(it.closed_at)],
          ["Note", it.note && value(it.note), "wide"]),
        el("div", { class: "row end" },
          (open.includes(it.state) || it.state === "held" && it.stopped_at) && button("Delete now …", "delete-now", it.id, { class: "danger" }),
          it.state === "held" && button("Close with a note …", "close", it.id)),
        el("pre", { class: "statement", tabindex: "0", "aria-label": "Statement" }, value(statement ?? "Reading the statement …")),
        statement && el("div", { class: "row end" }, button("Copy the statement", "copy", statement)))));
}

function next(it) {
  if (it.state === "held") return "waits for a person";
  if (it.state === "finished") return ["finished ", moment(it.finished_at)];
  return open.includes(it.state) && it.due ? ["due ", moment(it.due)] : "";
}

function found(it) {
  const kinds = Object.entries(it.found ?? {});
  if (!it.started_at && kinds.length === 0) return null;
  const sum = kinds.reduce((total, [, number]) => total + number, 0);
  return count(sum, "record") + (kinds.length > 0 ? ` (${kinds.map(([kind, number]) => `${kind} ${number}`).join(", ")})` : "");
}
