// What is around the sections: the place, the queues, the samples, the routes.
import { el } from "./dom.js";
import { button, code, empty, providers, value } from "./parts.js";

export function place(overview) {
  return [
    el("span", { class: "tag" }, value(overview.environment)),
    el("span", null, "stack ", value(overview.stack)),
    el("span", { class: "webhook" }, "webhook ", code(overview.webhook_url), button("Copy", "copy", overview.webhook_url, { "aria-label": "Copy the webhook URL" })),
  ];
}

export function queues(list) {
  return el("ul", { class: "tiles" }, list.map((queue) => el("li", { class: queue.dead > 0 ? "tile bad" : "tile", "data-key": queue.name },
    el("h3", null, value(providers[queue.name] ?? queue.name)),
    el("dl", null,
      number("waiting", queue.waiting), number("in work", queue.in_flight), number("dead", queue.dead)))));
}

function number(name, amount) {
  return el("div", { class: amount > 0 ? `number ${name}` : "number zero" }, el("dt", null, name), el("dd", null, amount));
}

export function samples(overview, sent) {
  const real = [!overview.records_slack && "Slack", !overview.records_pagerduty && "PagerDuty"].filter(Boolean);
  return [
    el("p", { class: "quiet" }, "A freshly signed delivery is posted to the webhook. ",
      real.length === 0 ? "Nothing leaves this machine." : `${real.join(" and ")} will get it for real.`),
    el("ul", { class: "chips" }, (overview.sample_types ?? []).map((type) => el("li", { "data-key": type }, button(value(type), "sample", type)))),
    sent && el("p", { class: sent.error ? "failure" : "outcome" }, sent.error
      ? ["The sample was not taken: ", value(sent.error)]
      : [value(sent.type), ": answered ", el("strong", null, sent.code, " ", value(sent.status)), sent.delivery_id && " to delivery ", sent.delivery_id && code(sent.delivery_id)]),
  ];
}

export function routes(answer) {
  return [
    el("table", null,
      el("thead", null, el("tr", null, ["Event type and setting", "Route"].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", null, (answer.routes ?? []).map((route) => el("tr", { "data-key": route.trigger },
        el("th", { scope: "row" }, breakable(route.trigger), el("span", { class: "setting" }, breakable(route.variable),
          route.default ? "" : [" ", el("span", { class: "pill busy" }, "changed")])),
        el("td", { class: route.route === "off" ? "quiet" : null }, breakable(route.route)))))),
    el("h3", null, "Declare in the Revento manifest"),
    (answer.declare ?? []).length === 0
      ? empty("No route uses an event type.", "Set a route, and declare its type.")
      : el("div", { class: "declare" }, el("pre", { tabindex: "0", "aria-label": "Event types to declare" }, value(JSON.stringify(answer.declare, null, 2))),
        button("Copy", "copy", JSON.stringify(answer.declare, null, 2), { "aria-label": "Copy the event types to declare" })),
  ];
}

export function warnings(list) {
  return (list ?? []).map((warning) => el("p", { class: "banner warn" }, el("strong", null, "Warning: "), value(warning)));
}

// breakable lets a line end where a name's parts do.
function breakable(text) {
  return el("bdi", null, text.split(/(?<=[.,:_])/).flatMap((part, place) => (place > 0 ? [el("wbr"), part] : [part])));
}
