// Shows a comment's text as it is: moved words marked, hidden and direction characters as visible tags, nothing clickable.
import { h } from "./dom.js";
import { t } from "./words.js";

const GHOSTS = new Map([
  [0x00ad, "SHY"], [0x034f, "CGJ"], [0x061c, "ALM"], [0x115f, "HF"], [0x1160, "HF"], [0x17b4, "KIV"], [0x17b5, "KIV"],
  [0x180e, "MVS"], [0x200b, "ZWSP"], [0x200c, "ZWNJ"], [0x200d, "ZWJ"], [0x200e, "LRM"], [0x200f, "RLM"],
  [0x202a, "LRE"], [0x202b, "RLE"], [0x202c, "PDF"], [0x202d, "LRO"], [0x202e, "RLO"], [0x2060, "WJ"],
  [0x2066, "LRI"], [0x2067, "RLI"], [0x2068, "FSI"], [0x2069, "PDI"], [0x3164, "HF"], [0xfeff, "BOM"], [0xffa0, "HF"],
  [0x2028, "LS"], [0x2029, "PS"], [0xfffc, "OBJ"],
]);
const JOINS = /[\p{Extended_Pictographic}\u200d\ufe0f\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Tamil}\p{Script=Malayalam}\p{Script=Sinhala}\p{Emoji_Modifier}]/u;

function ghost(points, at) {
  const code = points[at].codePointAt(0);
  if ((code === 0x200c || code === 0x200d) && at > 0 && JOINS.test(points[at - 1]) && JOINS.test(points[at + 1] ?? "")) return "";
  if (GHOSTS.has(code)) return GHOSTS.get(code);
  if ((code < 32 && code !== 10 && code !== 9 && code !== 13) || (code >= 0x7f && code <= 0x9f)) return `U+${code.toString(16).toUpperCase().padStart(2, "0")}`;
  if (code >= 0xe0000 && code <= 0xe0fff) return "TAG";
  return "";
}

// The text as a list of nodes. `words` are {attribute, begin, end, weight} in code points.
export function pieces(text, words = []) {
  const points = Array.from(text);
  const heat = new Array(points.length).fill(null);
  for (const word of words) {
    for (let at = Math.max(0, word.begin); at < Math.min(word.end, points.length); at += 1) {
      if (!heat[at] || Math.abs(word.weight) > Math.abs(heat[at].weight)) heat[at] = word;
    }
  }
  const out = [];
  let run = "";
  let word = null;
  const flush = () => {
    if (!run) return;
    if (!word) out.push(document.createTextNode(run));
    else {
      const strength = Math.abs(word.weight) >= 1.5 ? "strong" : Math.abs(word.weight) >= 0.6 ? "middling" : "weak";
      const title = t("text.moved", { attribute: word.attribute.replaceAll("_", " "), weight: (word.weight > 0 ? "+" : "") + word.weight.toFixed(1) });
      out.push(h("mark", { class: `${word.weight < 0 ? "cool" : "hot"} ${strength} ${word.attribute === "spam" ? "spam" : "toxic"}`, title }, run));
    }
    run = "";
  };
  for (let at = 0; at < points.length; at += 1) {
    const tag = ghost(points, at);
    if (heat[at] !== word) { flush(); word = heat[at]; }
    if (tag) {
      flush();
      out.push(h("span.ghost", { title: t("text.hidden") }, tag));
    } else run += points[at] === "\r" ? "" : points[at];
  }
  flush();
  return out;
}

export const quiet = (text, most = 300) => {
  const points = Array.from(text ?? "");
  return h("span.foreign", { dir: "auto" }, pieces(points.slice(0, most).join("")), points.length > most ? "…" : "");
};
