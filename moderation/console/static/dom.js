// Elements without markup: what is written inside is always a text node, so nothing a commenter wrote is ever parsed.
const SVG = "http://www.w3.org/2000/svg";

function fill(element, given, inside) {
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "onsubmit") element.addEventListener("submit", (event) => { event.preventDefault(); value(event); });
    else if (name === "onchange") element.addEventListener("change", () => value(element.type === "checkbox" ? element.checked : element.value));
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "open") element[name] = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...inside.flat(3).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

// Replace what is inside an element; an element that is not there (any more) stays away.
export const put = (element, ...inside) => {
  if (!element) return;
  element.replaceChildren();
  fill(element, null, inside);
};
// h("p.calm", "text", element, ...): the attributes may be left out.
export const h = (name, ...inside) => {
  const given = inside[0]?.constructor === Object ? inside.shift() : null;
  const [tag, ...classes] = name.split(".").filter(Boolean);
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  return fill(element, given, inside);
};
export const plain = (act, ...inside) => h("button.plain", { onclick: act }, ...inside);
export const calm = (...inside) => h("p.calm", ...inside);
export const kbd = (key) => [" ", h("kbd", key)];
export const tick = (label, given) => h("label.check", h("input", { type: "checkbox", ...given }), " ", label);
export const sheet = (...inside) => h("div.sheet.padded", ...inside);
export const s = (name, given, ...inside) => fill(document.createElementNS(SVG, name), given, inside);

// An address with what it names encoded: to`/v1/queue/${id}/claim`.
export const to = (parts, ...named) => String.raw({ raw: parts }, ...named.map(encodeURIComponent));

export const $ = (id) => document.getElementById(id);

// Only http and https ever become a link.
export function outLink(address, label) {
  const { protocol, href } = URL.canParse(address) ? new URL(address) : {};
  return /^https?:$/.test(protocol) ? h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow ugc" }, label) : h("span", label);
}

export function field(label, input, hint) {
  const id = input.id || `f${Math.random().toString(36).slice(2, 9)}`;
  input.id = id;
  const told = hint && h("small.calm", { id: `${id}-hint` }, hint);
  if (told) input.setAttribute("aria-describedby", `${id}-hint`);
  return h("div.field", h("label", { for: id }, label), input, told);
}

export function select(options, chosen, given = {}) {
  return h("select", given, options.map(([value, label]) =>
    h("option", { value, selected: value === chosen }, label)));
}

// Where an error is told, inside a form.
export const complaint = (...inside) => h("p.wrong", { role: "alert" }, ...inside);

export function table(caption, heads, rows, hidden = false) {
  return h("div", { class: heads.length > 4 ? "scroll cards" : "scroll", tabindex: "0", role: "region", "aria-label": caption }, h("table",
    h("caption", { class: hidden ? "unseen" : "" }, caption),
    h("thead", h("tr", heads.map((head) => head ? h("th", { scope: "col" }, head) : h("td")))),
    h("tbody", rows.map((row) => h("tr", row.map((cell, at) => at ? h("td", { data: { label: heads[at] } }, cell) : h("th", { scope: "row" }, cell)))))));
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
export function ago(written) {
  const seconds = (new Date(written) - Date.now()) / 1000;
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return relative.format(Math.round(seconds), "second");
}
export const when = (written) => written
  ? h("time", { datetime: written, title: new Date(written).toLocaleString() }, ago(written)) : "";
export const number = (value) => new Intl.NumberFormat("en").format(value);
export const percent = (value) => `${Math.round(value * 100)} %`;
export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}
