// The models: versions with their figures, shadow agreement, promotion and rollback with the gate's words, and a text to try.
import { badges, bar } from "./case.js";
import { api, get, maybe, post } from "./client.js";
import { calm, field, h, number, percent, plain, put, select, table, to, when } from "./dom.js";
import { choices, here, say, sites } from "./session.js";
import { pieces, quiet } from "./text.js";
import { anyLanguage, t, Word, word } from "./words.js";

export const show = (into) => draw(into);

// `said` are lines on what is just done: what the gate had to say of a promotion, what a job learned and left out.
async function draw(into, said = []) {
  const found = await maybe("/v1/models");
  put(into, h("h1", t("nav.models")), h("div.stack", tryText(), versions(found, (said) => draw(into, said), said)));
}

function tryText() {
  const text = h("textarea", { rows: "4", maxlength: "20000" });
  const site = select(choices(), here());
  const told = h("div", { role: "status", id: "tried" });
  const go = async () => {
    try {
      const got = await post(to`/v1/score?site=${site.value}`, { text: text.value });
      put(told, h("p", h("strong", Word("verdict", got.would ?? got.verdict)), " ", badges(got.reasons), got.would && h("span.calm", ` ${t("try.watched")}`)),
        h("p.text.foreign", { dir: "auto" }, pieces(text.value, got.words)),
        table(t("try.scores"), [t("figures.score"), ""], Object.entries(got.scores).map(([name, score]) => [Word("score", name), h("span.score", bar(score), " ", percent(score))]), true),
        calm(t("try.given_by", { models: got.model.join(", "), lang: anyLanguage(got.lang) })));
    } catch (error) { put(told, h("p.wrong", error.message)); }
  };
  return h("form.sheet.padded", { onsubmit: go }, h("h2", t("try.title")), field(t("try.text"), text), sites().length > 1 && field(t("site"), site), h("button", t("try.go")), told);
}

// {row: {column: value}} as a table.
function grid(title, rows, named = (one) => Word("score", one)) {
  const columns = [...new Set(Object.values(rows).flatMap((row) => Object.keys(row)))];
  const told = (value) => typeof value === "number" ? number(value) : value === true ? "✓" : String(value || "–");
  return table(title, ["", ...columns.map((one) => one.replaceAll("_", " "))], Object.entries(rows).map(([name, row]) => [named(name), ...columns.map((one) => told(row[one]))]));
}

function versions(found, again, said) {
  if (!found) return h("p.empty", t("models.not_here"));
  const told = h("div", { role: "status" }, said.map((one) => calm(one)));
  const act = (method, path, body) => async () => {
    try {
      const done = await api(method, path, body, { seconds: 120 });
      if (done?.state === "running") { watch(done, told, again); return; }
      say({ text: done?.checks ? t("models.moved", { version: done.version }) : t("saved") });
      again(done?.checks?.map((one) => `${one.passed ? "✓" : "✗"} ${one.words}`));
    } catch (error) { told.textContent = t("models.refused", { detail: error.message }); }
  };
  const button = (label, kind, ...given) => h("button", { class: kind, onclick: act(...given) }, t(label));
  return h("section.stack", h("div.row.spaced", h("h2", t("models.versions")), button("models.adapt", "plain", "POST", "/v1/models/adapt", {}), button("models.rollback", "plain", "POST", "/v1/models/rollback", {})),
    told, found.warnings.map((one) => h("p.why", one)),
    found.versions.map((one) => {
      const at = to`/v1/models/${one.version}`;
      const more = h("div");
      const open = (path, draw) => async () => { try { put(more, draw(await get(path))); } catch (error) { put(more, calm(error.message)); } };
      return h("article.sheet.padded", h("h3", one.version, " ", h(`span.badge.${one.state === "active" ? "mine" : one.state === "shadow" ? "held" : ""}`, word("model", one.state))),
        calm([one.kind, one.base && t("models.base", { base: one.base }), t("models.labels", { n: one.labels })].filter(Boolean).join(" · "), " · ", when(one.made_at)),
        one.marks.map((mark) => h("p.why", mark)),
        h("div.row", one.state === "active" ? null : [button("models.promote", "", "POST", `${at}/promote`, { force: false }), button("models.compare", "plain", "POST", "/v1/models/compare", { version: one.version }),
          button(one.state === "shadow" ? "models.unshadow" : "models.shadow", "plain", "PUT", "/v1/models/shadow", { version: one.state === "shadow" ? null : one.version })],
        plain(open(at, ({ figures, thresholds, languages }) => [grid(t("nav.figures"), figures), grid(t("policy.thresholds"), thresholds), grid(t("languages"), languages, anyLanguage)]), t("nav.figures")),
        one.state === "shadow" && plain(open(`${at}/agreement`, (got) => [h("p", t("models.agreement", { n: got.n })), grid(t("models.agree"), got.attributes), h("ul.found", got.flips.slice(0, 20).map((flip) => h("li", h("span.calm", `${word("score", flip.attribute)}: ${percent(flip.active)} → ${percent(flip.shadow)} `), quiet(flip.text, 200))))]), t("models.agree")),
        plain(async () => {
          try { await get(`${at}/report`); window.open(`${at}/report`, "_blank", "noopener"); } catch (error) { put(more, calm(error.message)); }
        }, t("models.report"))), more);
    }));
}

async function watch(job, told, again) {
  while (job.state === "running" && told.isConnected) {
    told.textContent = t("models.running", { kind: job.kind });
    await new Promise((go) => setTimeout(go, 2000));
    job = await get(to`/v1/models/jobs/${job.id}`).catch(() => job);
  }
  if (!told.isConnected) return;
  const { told: lines = [], left_out: n } = job.result;
  if (n) lines.push(t("models.left_out", { n }));
  await again(lines.map((line) => line.replace(/^\w+(?=:)/, (name) => Word("score", name))));
  say({ kind: job.state === "failed" ? "wrong" : "calm", text: job.message || job.state });
}
