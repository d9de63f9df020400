// Deliveries, and one delivery's whole story.
import { el } from "./dom.js";
import { button, code, empty, external, facts, moment, pill, providers, value } from "./parts.js";

export function deliveries(list, more, traces) {
  if (list.length === 0) {
    return empty("Nothing has come yet.", "Send a sample with one of the buttons, or have Revento post to the webhook URL above.");
  }
  return [
    el("ul", { class: "rows" }, list.map((delivery) => row(delivery, traces[delivery.delivery_id]))),
    more && el("p", { class: "row foot" }, button("Show older deliveries", "older", more)),
  ];
}

function row(delivery, trace) {
  const summary = el("summary", null,
    el("span", { class: "what" }, el("strong", null, value(delivery.type || "of unknown type")),
      delivery.event_name && el("span", null, value(delivery.event_name)), code(delivery.delivery_id)),
    el("span", { class: "when" }, moment(delivery.received_at)),
    el("span", { class: "fate" }, fate(delivery)));
  return el("li", { "data-key": delivery.delivery_id },
    el("details", { "data-opens": "trace", "data-subject": delivery.delivery_id }, summary, el("div", { class: "inside" }, story(trace))));
}

const states = { claimed: "being taken", handed_off: "handed off", ignored: "ignored by its route" };

function fate(delivery) {
  const destinations = delivery.destinations ?? [];
  if (destinations.length === 0) return pill(delivery.state, states[delivery.state]);
  return destinations.map((destination) => el("span", { class: "destination" },
    providers[destination.kind] ?? value(destination.kind), " ",
    destination.channel && value(destination.channel), destination.channel && " ", pill(destination.state)));
}

function story(trace) {
  if (!trace) return el("p", { class: "quiet" }, "Reading its story …");
  if (trace.error) return el("p", { class: "failure" }, "Its story could not be read: ", value(trace.error));
  return [told(trace), (trace.others ?? []).map(other)];
}

// other is the story of another event that came under the same delivery id.
function other(trace) {
  return el("div", { class: "other" },
    el("h3", null, "Another event came under this delivery id, which is not signed, and was worked on by itself: ", value(trace.type || "of unknown type")),
    told(trace));
}

function told(trace) {
  return [
    facts(["Delivery", code(trace.delivery_id), "wide"], ["Event", trace.event_name && value(trace.event_name)], ["State", pill(trace.state, states[trace.state])],
      ["Received", moment(trace.received_at)], ["Handed off", trace.handed_off_at && moment(trace.handed_off_at)],
      ["Secret", trace.secret && `number ${trace.secret}`]),
    trace.why && el("p", { class: "why" }, value(trace.why)),
    (trace.alerts ?? []).map(alert),
    (trace.steps ?? []).length > 0 && el("h3", null, "Step by step"),
    el("ol", { class: "steps" }, (trace.steps ?? []).map((step) => el("li", null, moment(step.at),
      el("div", null, el("span", null, value(step.what)), step.detail && el("span", { class: "quiet" }, value(step.detail)))))),
  ];
}

function alert(sent) {
  return el("div", { class: "alert" },
    el("h3", null, providers[sent.kind] ?? value(sent.kind), " ", sent.channel && value(sent.channel), " ", pill(sent.state),
      sent.possibly_repeated && " ", sent.possibly_repeated && pill("warning", "possibly repeated")),
    sent.note && el("p", null, value(sent.note)),
    facts(["Answer", sent.answer && value(sent.answer), "wide"], ["Attempts", sent.attempts], ["First attempt", sent.first_attempt && moment(sent.first_attempt)],
      ["Last attempt", sent.last_attempt && moment(sent.last_attempt)], ["Message", sent.ts && code(sent.ts)],
      ["Dead letter", sent.letter && code(sent.letter)], ["Shown at", sent.link && external(sent.link), "wide"], ["Alert key", sent.alert_key && code(sent.alert_key), "wide"]));
}
