// The message catalogue: every sentence by its name, in the language of the browser where there is one.
import en from "./en.js";

const CATALOGUES = { en };
const wanted = (navigator.languages ?? ["en"]).map((one) => one.slice(0, 2)).find((one) => CATALOGUES[one]) ?? "en";
// { queue: { title } } -> { "queue.title" }
const flat = (groups) => Object.fromEntries(Object.entries(groups).flatMap(([group, words]) => typeof words === "string" ? [[group, words]] : Object.entries(words).map(([name, text]) => [name ? `${group}.${name}` : group, text])));
const english = flat(en);
const catalogue = flat(CATALOGUES[wanted]);
document.documentElement.lang = wanted;

// A sentence with its facts filled in; a number `n` that is 1 chooses the sentence's `.one`.
export function t(name, facts = {}) {
  const sentence = (facts.n === 1 && catalogue[`${name}.one`]) || (catalogue[name] ?? english[name] ?? name);
  return sentence.replace(/\{(\w+)\}/g, (whole, fact) => fact in facts ? String(facts[fact]) : whole);
}
// The word of a reason, a status, a role ... or the name itself, made readable.
export function word(kind, name) {
  const named = `${kind}.${name}`;
  return t(named) === named ? String(name ?? "").replaceAll("_", " ") : t(named);
}
// "Greek" of `el`, where the browser knows the language.
const languages = new Intl.DisplayNames([wanted], { type: "language" });
export function languageName(tag) {
  try { return tag && tag !== "und" ? languages.of(tag) : ""; } catch { return tag; }
}
export const anyLanguage = (tag) => languageName(tag) || t("other_lang");
// The same where a row or a sentence begins with it.
export const Word = (kind, name) => word(kind, name).replace(/^./u, (first) => first.toUpperCase());
