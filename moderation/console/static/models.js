// The models: versions with their figures, shadow agreement, promotion and rollback with the gate's words, and a text to try.
import { badges } from "./case.js";
import { api, maybe, me, post } from "./client.js";
import { field, h, percent, put, select, table, when } from "./dom.js";
import { say, sites } from "./session.js";
import { pieces } from "./text.js";
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
      const got = await post(`/v1/score?site=${encodeURIComponent(site.value)}`, { text: text.value });
      put(told, h("p", {}, h("strong", {}, word("verdict", got.would ?? got.verdict)), " ", badges(got.reasons), got.would ? h("span", { class: "calm" }, ` ${t("try.watched")}`) : null),
        h("p", { class: "text foreign", dir: "auto" }, pieces(text.value, got.words)),
        table(t("try.scores"), [t("figures.score"), ""], Object.entries(got.scores).map(([name, score]) => [word("score", name), h("span", { class: "score" }, h("meter", { min: "0", max: "1", low: "0.5", high: "0.8", optimum: "0", value: String(score), "aria-label": word("score", name) }), " ", percent(score))]), true),
        h("p", { class: "calm" }, t("case.given_by", { models: got.model.join(", "), policy: "", lang: got.lang || "?" })));
    } catch (error) { put(told, h("p", { class: "wrong" }, error.fields?.[0]?.message ?? error.message)); }
  };
  return h("form", { class: "sheet padded", onsubmit: go }, h("h2", {}, t("try.title")), field(t("try.text"), text), sites().length > 1 ? field(t("site"), site) : null, h("button", {}, t("try.go")), told);
}

const flat = (value, name = "") => value && typeof value === "object" && !Array.isArray(value) ? Object.entries(value).flatMap(([key, inner]) => flat(inner, name ? `${name} · ${key}` : key)) : [[name, typeof value === "number" ? String(Math.round(value * 10000) / 10000) : Array.isArray(value) ? value.map(String).join(", ").slice(0, 200) : String(value ?? "")]];

function versions(found, again) {
  if (!found) return h("p", { class: "empty" }, t("models.not_here"));
  const list = found.versions ?? found.models ?? [];
  const act = (path, body) => async () => {
    try { await api("POST", path, body ?? {}, { seconds: 120 }); say({ text: t("saved") }); again(); } catch (error) { say({ kind: "wrong", text: t("models.refused", { detail: error.message }) }); }
  };
  const may = ["ml", "admin"].includes(me.role);
  return h("section", { class: "stack" }, h("div", { class: "row spaced" }, h("h2", {}, t("models.versions")), may && list.length > 1 ? h("button", { class: "plain", onclick: act("/v1/models/rollback") }, t("models.rollback")) : null),
    list.map((one) => {
      const name = one.version ?? one.id ?? one.name;
      const state = one.state ?? (name === found.active ? "active" : name === found.shadow ? "shadow" : "retired");
      const gate = one.gate ?? one.verdict;
      return h("article", { class: "sheet padded" }, h("h3", {}, name, " ", h("span", { class: `badge ${state === "active" ? "mine" : state === "shadow" ? "held" : ""}` }, word("model", state))),
        h("p", { class: "calm" }, [one.kind, one.base ? t("models.base", { base: one.base }) : ""].filter(Boolean).join(" · "), " ", when(one.made_at ?? one.created_at)),
        gate ? h("p", { class: "why" }, typeof gate === "string" ? gate : gate.words ?? gate.detail ?? flat(gate).map(([key, value]) => `${key}: ${value}`).join("; ")) : null,
        one.agreement !== undefined || one.shadow_agreement ? h("p", {}, t("models.agreement", { detail: flat(one.agreement ?? one.shadow_agreement).map(([key, value]) => `${key} ${value}`.trim()).join(", ") })) : null,
        one.figures ? h("details", {}, h("summary", {}, t("models.figures")), table(t("models.figures"), [t("models.figure"), t("models.value")], flat(one.figures).slice(0, 200), true)) : null,
        may && state !== "active" ? h("div", { class: "row" }, h("button", { onclick: act(`/v1/models/${encodeURIComponent(name)}/promote`) }, t("models.promote")), state !== "shadow" ? h("button", { class: "plain", onclick: act(`/v1/models/${encodeURIComponent(name)}/shadow`) }, t("models.shadow")) : null) : null);
    }));
}
