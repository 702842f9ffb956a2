// The word lists of a site, tried on a text before they are saved.
import { attempt } from "./admin.js";
import { api, get, post } from "./client.js";
import { calm, complaint, field, h, put, to } from "./dom.js";
import { say } from "./session.js";
import { pieces } from "./text.js";
import { t } from "./words.js";

export async function show(into, site) {
  const address = to`/v1/sites/${site}`;
  const { policy } = await get(`${address}/policy`);
  const said = complaint();
  const blocked = h("textarea", { value: policy.blocked_words.join("\n"), rows: "8", spellcheck: "false" });
  const suspect = h("textarea", { value: policy.suspect_words.join("\n"), rows: "8", spellcheck: "false" });
  const sample = h("textarea", { rows: "3" });
  const seen = h("div", { role: "status", id: "words-result" });
  const lines = (area) => area.value.split("\n").map((line) => line.trim()).filter(Boolean);
  const attemptWords = attempt(said, async () => {
    const parts = [];
    for (const [name, area] of [["blocked", blocked], ["suspect", suspect]]) {
      const found = await post(`${address}/words/try`, { words: lines(area), text: sample.value }).catch((error) => { error.message = `${t(`words.${name}`)}: ${error.message}`; throw error; });
      parts.push(h("p", h("strong", t(`words.${name}`)), ": ", found.terms.length ? found.terms.join(", ") : t("words.nothing")),
        found.words.length ? h("p.text.foreign", { dir: "auto" }, pieces(sample.value, found.words.map(([begin, end]) => ({ begin, end, weight: 2, attribute: name === "blocked" ? "toxicity" : "spam" })))) : null);
    }
    put(seen, ...parts.filter(Boolean));
  });
  put(into, h("form.sheet.padded", { onsubmit: attempt(said, async () => {
    await api("PUT", `${address}/policy`, { ...policy, blocked_words: lines(blocked), suspect_words: lines(suspect) });
    say({ text: t("saved") });
    show(into, site);
  }) }, calm(t("words.hint")), h("div.pair", field(t("words.blocked"), blocked, t("words.blocked.hint")), field(t("words.suspect"), suspect, t("words.suspect.hint"))),
  field(t("words.sample"), sample), seen, said, h("div.row", h("button.plain", { type: "button", id: "try-words", onclick: attemptWords }, t("words.try")), h("button", t("words.save")))));
}
