// The keyboard: one table of keys and what they do, and the overlay that lists it. Single keys can be switched off.
import { h, tick } from "./dom.js";
import { t } from "./words.js";

const KEYS = [
  ["next", ["j", "ArrowDown"]], ["previous", ["k", "ArrowUp"]], ["approve", ["f", "a"]], ["reject", ["d", "r"]],
  ["reason", [..."123456789"]], ["undo", ["u"]], ["skip", ["s"]], ["escalate", ["e"]],
  ["claim", ["c"]], ["select", ["x"]], ["unmark", ["Escape"]], ["learn", ["t"]], ["similar", ["g"]], ["reveal", ["b"]], ["single", ["z"]],
  ["search", ["/"]], ["help", ["?"]],
];
const BY_KEY = new Map(KEYS.flatMap(([name, keys]) => keys.map((key) => [key, name])));
const SWITCH = "cm.keys.off";
let actions = {};
let typed = -1e3;

export const use = (wanted) => { actions = wanted; };
const isOff = () => localStorage.getItem(SWITCH) === "1";
const typing = (target) => target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

addEventListener("keydown", (event) => {
  // a key that is held presses what is there once, not also what comes after it
  if (event.repeat && event.key === "Enter" && event.target.tagName !== "TEXTAREA") event.preventDefault();
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  const here = typing(event.target);
  const letter = event.key.length === 1;
  // who was typing a moment ago types on, also where the field has just gone with its case
  if (here || (letter && event.timeStamp - typed < 1000)) {
    typed = letter ? event.timeStamp : -1e3;
    if (!here) event.preventDefault();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  const name = BY_KEY.get(letter ? event.key.toLowerCase() : event.key);
  if (!name || (isOff() && name !== "help" && name !== "unmark")) return;
  if (event.key.startsWith("Arrow") && event.target.closest?.("[data-scrolls]")) return;
  const act = name === "help" ? overlay : actions[name];
  if (!act) return;
  if (event.repeat && name !== "next" && name !== "previous") return;
  if (act(event.key) !== false) event.preventDefault();
});

const LABELS = { ArrowDown: "↓", ArrowUp: "↑", Escape: "Esc" };
export function overlay() {
  const dialog = h("dialog.keys", { "aria-labelledby": "keys-title", onclose: () => dialog.remove() },
    h("h2", { id: "keys-title" }, t("keys.title")),
    h("dl", KEYS.map(([name, keys]) => h("div",
      h("dt", (keys.length > 4 ? [keys[0], "–", keys.at(-1)] : keys).map((key) => key === "–" ? "–" : h("kbd", LABELS[key] ?? key))),
      h("dd", t(`keys.${name}`))))),
    h("p", tick(t("keys.switch"), { id: "keys-on", checked: !isOff(), onchange: (event) => localStorage.setItem(SWITCH, event.target.checked ? "0" : "1") })),
    h("button", { onclick: () => dialog.close() }, t("close")));
  document.body.append(dialog);
  dialog.showModal();
}
