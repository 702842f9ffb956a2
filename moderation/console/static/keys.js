// The keyboard: one table of keys and what they do, and the overlay that lists it. Single keys can be switched off.
import { $, h, tick } from "./dom.js";
import { t } from "./words.js";

const KEYS = [
  ["next", ["j", "ArrowDown"]], ["previous", ["k", "ArrowUp"]], ["approve", ["f", "a"]], ["reject", ["d", "r"]],
  ["reason", [..."123456"]], ["undo", ["u"]], ["skip", ["s"]], ["escalate", ["e"]],
  ["claim", ["c"]], ["select", ["x"]], ["unmark", ["Escape"]], ["learn", ["t"]], ["similar", ["g"]], ["reveal", ["b"]], ["single", ["z"]],
  ["search", ["/"]], ["help", ["?"]],
];
const BY_KEY = new Map(KEYS.flatMap(([name, keys]) => keys.map((key) => [key, name])));
const SWITCH = "cm.keys.off";
let actions = {};
let typed = -1e3;

export const use = (wanted) => { actions = wanted; };
const isOff = () => localStorage.getItem(SWITCH) === "1";
const typing = (target) => target.closest?.("input:not([type=checkbox]), textarea, select");

addEventListener("keydown", (event) => {
  // a held key presses once, not also what comes next
  if (event.repeat && event.key === "Enter" && event.target.tagName !== "TEXTAREA") event.preventDefault();
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  const here = typing(event.target) && !(event.key === "Escape" && event.target.closest("#bar"));
  const letter = event.key.length === 1;
  // who was typing types on for a moment where the field went with its case
  if (/^(Enter|Escape|Tab)$/.test(event.key)) typed = -1e3;
  if (here || (letter && event.timeStamp - typed < 1000)) {
    if (letter) typed = event.timeStamp;
    if (!here) event.preventDefault();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  const name = BY_KEY.get(letter ? event.key.toLowerCase() : event.key);
  if (!name || (isOff() && name !== "help" && name !== "unmark")) return;
  if (event.key.startsWith("Arrow") && event.target.closest?.("[data-scrolls]")) return;
  const act = { help: overlay, search: () => $("search")?.focus(), ...actions }[name];
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
    h("p", tick(t("keys.switch"), { id: "keys-on", checked: !isOff(), onchange: (on) => localStorage.setItem(SWITCH, on ? "0" : "1") })),
    h("button", { onclick: () => dialog.close() }, t("close")));
  document.body.append(dialog);
  dialog.showModal();
}
