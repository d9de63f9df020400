// Messages as Slack shows them. https://docs.slack.dev/messaging/formatting-message-text/
import { el } from "./dom.js";
import { count, empty, external, utc, value, words } from "./parts.js";

export function channels(list) {
  if (list.length === 0) {
    return empty("No message has been posted.", "A route with slack posts here. Try the sample application.revision_requested.");
  }
  return list.map((channel) => el("div", { class: "channel", "data-key": channel.id },
    el("h3", null, "# ", value(channel.id)),
    el("ol", { class: "messages" }, roots(channel.messages).map(([root, replies]) => el("li", { "data-key": root.ts }, message(root), thread(replies))))));
}

// roots are the messages that are no replies, the newest first, each with its replies; Slack hides a deleted one without replies.
function roots(messages) {
  return messages.filter((it) => !it.thread_ts || it.thread_ts === it.ts)
    .map((root) => [root, messages.filter((it) => it.thread_ts === root.ts && it !== root)])
    .filter(([root, replies]) => !root.deleted || replies.length > 0)
    .reverse();
}

function thread(replies) {
  if (replies.length === 0) return null;
  return el("div", { class: "thread" },
    el("p", { class: "replies" }, count(replies.length, "reply", "replies")),
    el("ol", null, replies.map((reply) => el("li", { "data-key": reply.ts }, message(reply)))));
}

function message(it) {
  if (it.deleted) return el("p", { class: "quiet" }, "This message was deleted.");
  const blocks = list(it.blocks);
  return el("article", { class: "message" },
    el("div", { class: "avatar", "aria-hidden": "true" }, "R"),
    el("div", { class: "body" },
      el("p", { class: "sender" }, el("strong", null, "revento-alerts"), el("span", { class: "app" }, "APP"), stamp(it.ts)),
      blocks.length > 0 ? blocks.map((block) => drawn(block, it.text)) : mrkdwn(it.text),
      list(it.attachments).map((attachment) => attached(attachment, it.text)),
      it.updated && el("span", { class: "quiet edited" }, "(edited)")));
}

function list(given) {
  return Array.isArray(given) ? given : [];
}

// stamp is a message's time: its ts is in seconds.
function stamp(ts) {
  const at = new Date(Number(ts) * 1000);
  if (Number.isNaN(at.getTime())) return value(ts);
  return el("time", { datetime: at.toISOString(), title: utc(at), class: "quiet" }, words(at));
}

// A colour is Slack's own name for one, or six hex digits.
const named = { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" };

function attached(attachment, text) {
  const colour = named[attachment.color] ?? (/^#?[0-9a-f]{6}$/i.test(attachment.color) ? `#${attachment.color.replace("#", "")}` : null);
  const blocks = list(attachment.blocks);
  return el("div", { class: "attachment", "data-colour": colour },
    blocks.length > 0 ? blocks.map((block) => drawn(block, attachment.fallback || text)) : value(attachment.text || attachment.fallback || ""));
}

// drawn draws a block of a kind that alerts are made of; of another kind it shows what stands in for it.
function drawn(block, fallback) {
  switch (block?.type) {
    case "header":
      return el("p", { class: "block header" }, text(block.text));
    case "section":
      return el("div", { class: "block section" }, block.text && el("p", null, text(block.text)),
        list(block.fields).length > 0 && el("div", { class: "fields" }, list(block.fields).map((field) => el("p", null, text(field)))));
    case "context":
      return el("p", { class: "block context" }, list(block.elements).map((element) => el("span", null, text(element))));
    case "divider":
      return el("hr", { class: "block" });
    default:
      return el("p", { class: "block quiet" }, `(${block?.type ?? "unreadable block"}) `, value(block?.alt_text || (fallback ?? "")));
  }
}

function text(object) {
  if (object?.type === "mrkdwn") return mrkdwn(object.text);
  return value(object?.text ?? object?.alt_text ?? "");
}

// The marks of mrkdwn: a block of code, a control sequence, code, an emoji, bold, italic and struck text.
const mark = /```([^`]+)```|<([^<>\n]+)>|`([^`\n]+)`|:([a-z0-9_+-]+):|(?<![\w*])\*([^*\n]+)\*(?!\w)|(?<!\w)_([^_\n]+)_(?!\w)|(?<!\w)~([^~\n]+)~(?!\w)/g;

function mrkdwn(written) {
  const parts = [];
  let end = 0;
  for (const found of String(written ?? "").matchAll(mark)) {
    parts.push(plain(written.slice(end, found.index)), marked(found));
    end = found.index + found[0].length;
  }
  parts.push(plain(String(written ?? "").slice(end)));
  return el("bdi", { class: "mrkdwn" }, parts);
}

function marked([whole, block, control, inline, emoji, bold, italic, struck]) {
  if (block !== undefined) return el("pre", null, unescaped(block));
  if (control !== undefined) return sequence(control);
  if (inline !== undefined) return el("code", null, unescaped(inline));
  if (emoji !== undefined) return symbol(emoji, whole);
  if (bold !== undefined) return el("b", null, mrkdwn(bold));
  if (italic !== undefined) return el("i", null, mrkdwn(italic));
  return el("s", null, mrkdwn(struck));
}

const emojis = ["rotating_light", "red_circle", "large_orange_circle", "large_blue_circle", "white_check_mark", "repeat", "rewind", "hourglass"];

function symbol(name, whole) {
  if (!emojis.includes(name)) return whole;
  return el("span", { class: `emoji ${name}`, role: "img", "aria-label": name.replaceAll("_", " ") });
}

// sequence shows what stands in angle brackets: a date, a mention as it is written, or a link.
function sequence(inside) {
  const [target, label] = inside.split(/\|(.*)/s).map((part) => unescaped(part));
  if (target.startsWith("!date^")) return date(target, label);
  if (/^[!@#]/.test(target)) return value(target);
  return external(target, label);
}

// date knows the form that the alerts use; for any other the fallback is shown.
function date(target, fallback) {
  const [, seconds, form] = target.split("^");
  const at = new Date(Number(seconds) * 1000);
  if (form !== "{date_short_pretty} at {time}" || Number.isNaN(at.getTime())) return value(fallback ?? "");
  const day = at.toDateString() === new Date().toDateString() ? "Today"
    : at.toLocaleDateString("en-US", { month: "short", day: "numeric", year: "numeric" });
  return el("time", { datetime: at.toISOString(), title: utc(at) },
    `${day} at ${at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}`);
}

function plain(part) {
  return unescaped(part).split("\n").flatMap((line, number) => (number > 0 ? [el("br"), line] : [line]));
}

function unescaped(part) {
  return (part ?? "").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
