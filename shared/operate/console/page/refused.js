// Requests that were refused: when, why and from where, and nothing of their content.
import { el } from "./dom.js";
import { code, count, empty, moment, pill, value } from "./parts.js";

export function refused(list) {
  if (list.length === 0) {
    return empty("Nothing has been refused since serve was started.", "What is refused is shown here, the last 200, with its reason.");
  }
  return [
    el("p", { class: "quiet pad" }, `${count(list.length, "request")} since serve was started, the newest first; 200 at the most.`),
    el("ul", { class: "rows" }, list.map(row)),
  ];
}

// Only what is of this program has a colour: anybody can have a request refused.
function row(it) {
  return el("li", { class: "refusal" },
    el("div", { class: "what" }, pill("quiet", `${it.code} ${String(it.status ?? "").replaceAll("_", " ")}`), " ", it.delivery_id && code(it.delivery_id)),
    el("span", { class: "when" }, moment(it.at)),
    el("p", { class: "reason" }, value(it.reason), it.sender && el("span", { class: "quiet" }, " from ", value(it.sender))));
}
