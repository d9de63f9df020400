// Dead letters, with their reasons.
import { el } from "./dom.js";
import { button, code, count, empty, facts, moment, pill, providers, value } from "./parts.js";

const reasons = {
  max_age: "it was tried for longer than alerts may take",
  max_alert_age: "it was tried for longer than alerts may take",
  max_receives: "its queue gave it out too often",
  queue_retention: "its provider asked to wait until its queue would have dropped it",
  outcome_unknown: "whether it was posted is not known, and it could not be told",
  attempts_died: "every attempt died before its answer was known",
};

export function letters(list, hidden, results) {
  return [
    results && outcome(results),
    list.length === 0
      ? none(hidden)
      : [
        el("div", { class: "row head" },
          el("span", { class: "quiet" }, "Mend what the reason names first; a redrive then tries anew."),
          list.length > 1 && button(`Redrive all ${list.length}`, "redrive", list.map((letter) => letter.id).join(" "))),
        el("ul", { class: "rows" }, list.map(letter)),
      ],
    hidden > 0 && el("p", { class: "quiet foot" }, `${count(hidden, "more is", "more are")} being looked at by somebody else.`),
  ];
}

function none(hidden) {
  return hidden > 0
    ? empty("None is in sight.", "A dead letter is hidden while somebody looks at it, for five minutes at the most.")
    : empty("Nothing has been given up on.", "A message that cannot be delivered comes here with its reason; it is kept for 14 days.");
}

function letter(it) {
  const kind = it.kind ?? it.destination;
  const name = it.event_type || (it.readable ? "message" : "unreadable message");
  return el("li", { class: "letter", "data-key": it.id },
    el("div", { class: "what" }, el("strong", null, value(name)),
      el("span", { class: "quiet" }, providers[kind] ?? value(kind ?? `queue ${it.queue}`), " ", it.channel && value(it.channel))),
    el("div", { class: "row end" },
      button("Redrive", "redrive", it.id, { "aria-label": `Redrive ${name} ${it.id}` }),
      button("Drop …", "drop", it.id, { class: "danger", "aria-label": `Drop ${name} ${it.id}` })),
    el("p", { class: "reason" }, pill("parked", it.reason), " ", reasons[it.reason?.split(":")[0]]),
    facts(["Parked", moment(it.parked_at ?? it.sent_at)], ["Letter", code(it.id)], ["Delivery", it.delivery_id && code(it.delivery_id)]));
}

function outcome(results) {
  return el("div", { class: "outcome", role: "status" },
    el("ul", null, results.map((result) => el("li", null, pill(result.outcome), " ",
      value(result.letter.event_type || result.letter.id), result.note && ": ", result.note && value(result.note)))),
    results.stopped && el("p", { class: "why" }, "It ended early: ", value(results.stopped), ". The rest stays."),
    button("Dismiss", "dismiss", "letters"));
}
