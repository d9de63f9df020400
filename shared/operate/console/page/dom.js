// Elements are made, never parsed: a value from outside is text or an attribute, whatever it holds.

// el makes an element. Attributes that are null or false are left out; children may be nested, and are text where they are no nodes.
export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) set(node, name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

// set sets an attribute. data-colour becomes a style as well, by the one way that the page's policy leaves open.
function set(node, name, value) {
  node.setAttribute(name, value);
  if (name === "data-colour") node.style.setProperty("--colour", value);
}

// show makes what is inside a place like the children that are given, and touches only what differs: focus, scrolling and
// open details stay. Among its neighbours, an element with data-key is the same one as long as it has that key.
export function show(place, ...children) {
  patchChildren(place, el(place.tagName, null, children));
}

function patchChildren(old, fresh) {
  const wanted = new Set();
  for (const child of fresh.children) if (child.dataset.key) wanted.add(child.dataset.key);
  const known = new Map();
  for (const child of [...old.children]) {
    if (!child.dataset.key) continue;
    if (wanted.has(child.dataset.key)) known.set(child.dataset.key, child);
    else child.remove();
  }
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const same = child.dataset?.key ? known.get(child.dataset.key) : alike(at, child) ? at : null;
    if (!same) {
      old.insertBefore(child, at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else old.insertBefore(same, at);
    patch(same, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function alike(node, fresh) {
  return node && node.nodeName === fresh.nodeName && !node.dataset?.key;
}

// kept are the attributes that stay as they are: whether details are open is the reader's to say, and style is set's.
const kept = new Set(["open", "style"]);

function patch(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !kept.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !kept.has(name)) set(old, name, value);
  }
  patchChildren(old, fresh);
}
