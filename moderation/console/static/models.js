// The models: versions with their figures, shadow agreement, promotion and rollback with the gate's words, and a text to try.
import { badges, bar } from "./case.js";
import { api, get, maybe, post } from "./client.js";
import { calm, field, h, percent, plain, put, select, table, to, when } from "./dom.js";
import { say, sites } from "./session.js";
import { pieces, quiet } from "./text.js";
import { t, word } from "./words.js";

export async function show(into) {
  const found = await maybe("/v1/models");
  put(into, h("h1", {}, t("nav.models")), h("div", { class: "stack" }, tryText(), versions(found, () => show(into))));
}

function tryText() {
  const text = h("textarea", { rows: "4", maxlength: "20000" });
  const site = select(sites().map((one) => [one.id, one.name || one.id]), sites()[0]?.id ?? "");
  const told = h("div", { role: "status", id: "tried" });
  const go = async (event) => {
    event.preventDefault();
    try {
      const got = await post(to`/v1/score?site=${site.value}`, { text: text.value });
      put(told, h("p", {}, h("strong", {}, word("verdict", got.would ?? got.verdict)), " ", badges(got.reasons), got.would ? h("span", { class: "calm" }, ` ${t("try.watched")}`) : null),
        h("p", { class: "text foreign", dir: "auto" }, pieces(text.value, got.words)),
        table(t("try.scores"), [t("figures.score"), ""], Object.entries(got.scores).map(([name, score]) => [word("score", name), h("span", { class: "score" }, bar(score), " ", percent(score))]), true),
        calm(t("case.given_by", { models: got.model.join(", "), policy: "", lang: got.lang || "?" })));
    } catch (error) { put(told, h("p", { class: "wrong" }, error.fields?.[0]?.message ?? error.message)); }
  };
  return h("form", { class: "sheet padded", onsubmit: go }, h("h2", {}, t("try.title")), field(t("try.text"), text), sites().length > 1 ? field(t("site"), site) : null, h("button", {}, t("try.go")), told);
}

const flat = (value, name = "") => value && typeof value === "object" && !Array.isArray(value) ? Object.entries(value).flatMap(([key, inner]) => flat(inner, name ? `${name} · ${key}` : key)) : [[name, typeof value === "number" ? String(Math.round(value * 10000) / 10000) : String(value ?? "").slice(0, 200)]];

function versions(found, again) {
  if (!found) return h("p", { class: "empty" }, t("models.not_here"));
  const told = h("p", { role: "status" });
  const act = (method, path, body) => async () => {
    try {
      const done = await api(method, path, body, { seconds: 120 });
      if (done?.state === "running") { watch(done, told, again); return; }
      say({ text: done?.checks ? t("models.moved", { version: done.version }) : t("saved") });
      again();
    } catch (error) { told.textContent = t("models.refused", { detail: error.message }); }
  };
  const button = (label, kind, ...given) => h("button", { class: kind, onclick: act(...given) }, t(label));
  return h("section", { class: "stack" }, h("div", { class: "row spaced" }, h("h2", {}, t("models.versions")), button("models.adapt", "plain", "POST", "/v1/models/adapt", {}), button("models.rollback", "plain", "POST", "/v1/models/rollback", {})),
    told, found.warnings.map((one) => h("p", { class: "why" }, one)),
    found.versions.map((one) => {
      const at = to`/v1/models/${one.version}`;
      const more = h("div", {});
      const open = (path, draw) => async () => { try { put(more, draw(await get(path))); } catch (error) { put(more, calm(error.message)); } };
      const table_ = (rows) => table(t("nav.figures"), [t("models.figure"), t("models.value")], rows.slice(0, 300), true);
      return h("article", { class: "sheet padded" }, h("h3", {}, one.version, " ", h("span", { class: `badge ${one.state === "active" ? "mine" : one.state === "shadow" ? "held" : ""}` }, word("model", one.state))),
        calm([one.kind, one.base && t("models.base", { base: one.base }), t("models.labels", { n: one.labels })].filter(Boolean).join(" · "), " · ", when(one.made_at)),
        one.marks.map((mark) => h("p", { class: "why" }, mark)),
        h("div", { class: "row" }, one.state === "active" ? null : [button("models.promote", "", "POST", `${at}/promote`, { force: false }), button("models.compare", "plain", "POST", "/v1/models/compare", { version: one.version }),
          button(one.state === "shadow" ? "models.unshadow" : "models.shadow", "plain", "PUT", "/v1/models/shadow", { version: one.state === "shadow" ? null : one.version })],
        plain(open(at, ({ figures, thresholds, languages }) => table_(flat({ figures, thresholds, languages }))), t("nav.figures")),
        one.state === "shadow" ? plain(open(`${at}/agreement`, (got) => [h("p", {}, t("models.agreement", { n: got.n })), table_(flat(got.attributes)), h("ul", { class: "found" }, got.flips.slice(0, 20).map((flip) => h("li", {}, h("span", { class: "calm" }, `${word("score", flip.attribute)}: ${percent(flip.active)} → ${percent(flip.shadow)} `), quiet(flip.text, 200))))]), t("models.agree")) : null,
        h("a", { href: `${at}/report`, target: "_blank", rel: "noopener" }, t("models.report"))), more);
    }));
}

async function watch(job, told, again) {
  while (job.state === "running" && told.isConnected) {
    told.textContent = t("models.running", { kind: job.kind });
    await new Promise((go) => setTimeout(go, 2000));
    job = await get(to`/v1/models/jobs/${job.id}`).catch(() => job);
  }
  if (!told.isConnected) return;
  await again();
  say({ kind: job.state === "failed" ? "wrong" : "calm", text: job.message || job.state });
}
