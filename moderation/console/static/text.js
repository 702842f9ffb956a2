// Shows a comment's text as it is: moved words marked, hidden and direction characters as visible tags, nothing clickable.
import { h } from "./dom.js";
import { t } from "./words.js";

const GHOSTS = new Map(`ad:SHY 34f:CGJ 61c:ALM 115f:HF 1160:HF 17b4:KIV 17b5:KIV 180e:MVS 200b:ZWSP 200c:ZWNJ 200d:ZWJ 200e:LRM 200f:RLM 202a:LRE 202b:RLE 202c:PDF
202d:LRO 202e:RLO 2060:WJ 2066:LRI 2067:RLI 2068:FSI 2069:PDI 3164:HF feff:BOM ffa0:HF 2028:LS 2029:PS fffc:OBJ`.split(/\s/).map((one) => one.split(":")));
const JOINS = /[\p{Extended_Pictographic}\u200d\ufe0f\p{sc=Arabic}\p{sc=Devanagari}\p{sc=Bengali}\p{sc=Tamil}\p{sc=Malayalam}\p{sc=Sinhala}\p{Emoji_Modifier}]/u;

function ghost(points, at) {
  const code = points[at].codePointAt(0);
  const hex = code.toString(16);
  if (/^200[cd]$/.test(hex) && at > 0 && JOINS.test(points[at - 1]) && JOINS.test(points[at + 1] ?? "")) return "";
  if (GHOSTS.has(hex)) return GHOSTS.get(hex);
  if (/[^\P{Cc}\t\n\r]/u.test(points[at])) return `U+${hex.toUpperCase().padStart(2, "0")}`;
  return code >> 12 === 0xe0 ? "TAG" : "";
}

const kindOf = ({ weight, attribute }) => weight < 0 ? "cool" : attribute === "spam" ? "hot spam" : "hot";

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
      out.push(h("mark", { class: `${strength} ${kindOf(word)}`, title }, run));
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

// A name within a sentence: without the characters that nobody sees or that turn what follows.
export const tame = (name, most = 40) => Array.from((name ?? "").replace(/\p{C}/gu, "")).slice(0, most).join("") || t("case.no_name");

// What the colours of a text mean, those of them that are in it.
export function legend(text, words = []) {
  const shown = [...new Set(words.map(kindOf))].map((kind) => h(`mark.middling.${kind}`, t(`text.${kind.split(" ").pop()}`)));
  if (Array.from(text).some((_, at, points) => ghost(points, at))) shown.push(h("span.ghost", t("text.hidden")));
  return shown.length ? h("p.legend", shown) : null;
}

// A text without accents, case and punctuation: what is left differs where letters were disguised.
const LETTERS = { "ı": "i", "ø": "o", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ς": "σ" };
export const bareLetters = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replace(/[\p{P}\s]+/gu, " ").trim().replace(/[ıøłđßæœς]/g, (one) => LETTERS[one]);

export const quiet = (text, most = 300) => {
  const points = Array.from(text ?? "");
  return h("span.foreign", { dir: "auto" }, pieces(points.slice(0, most).join("")), points.length > most ? "…" : "");
};
