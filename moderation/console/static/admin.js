// The admins' pages: tabs for sites, policy, word lists, keys, webhooks, people and the ledger.
import { api, get, me, post } from "./client.js";
import { calm, complaint, field, h, plain, put, select, sheet, table, to, when } from "./dom.js";
import { failed, gather, here, nameOf, say, siteSelect, sites } from "./session.js";
import { t, Word, word } from "./words.js";

const TABS = {
  sites: { show: sitesPage }, policy: { ofSite: true, module: "policy" }, words: { ofSite: true, module: "wordlists" },
  keys: { show: keysPage }, webhooks: { ofSite: true, module: "webhooks" }, people: { module: "people" }, ledger: { show: ledgerPage },
};

export async function show(into, [tab = "sites", site = ""]) {
  const page = TABS[tab] ?? TABS.sites;
  const chosen = site || here();
  const body = h("div");
  put(into, h("h1", t("nav.admin")),
    h("nav.tabs", { "aria-label": t("admin.tabs") }, Object.keys(TABS).map((name) => h("a", { href: `#/admin/${name}${TABS[name].ofSite ? to`/${chosen}` : ""}`, "aria-current": name === tab && "page" }, t(`admin.${name}`)))),
    page.ofSite && h("div.spaced", siteSelect(chosen, (other) => { location.hash = to`#/admin/${tab}/${other}`; })),
    body);
  return (page.show ?? (await import(`./${page.module}.js`)).show)(body, chosen);
}

export const profiles = (chosen, given) => select(["watch", "balanced", "strict"].map((one) => [one, t(`profile.${one}`)]), chosen, given);
export function attempt(said, act) {
  return async () => {
    said.textContent = "";
    try { await act(); } catch (error) {
      said.textContent = error.fields?.length ? error.fields.map((one) => `${Word("policy", one.field)}: ${one.message}`).join(" ") : error.message;
    }
  };
}
// A secret that is shown once, and copied.
export function once(into, label, secret, hint) {
  const input = h("input.secret", { value: secret, readonly: true, "aria-label": label });
  put(into, h("div.once", { role: "status" }, h("p", h("strong", label)), h("div.row", input, h("button", { type: "button", onclick: async () => {
    input.select();
    await navigator.clipboard?.writeText(secret).then(() => say({ text: t("copied") }), () => {});
  } }, t("copy"))), calm(hint ?? t("once.hint"))));
  input.select();
}

// Deleting a site: what goes and what stays, and its id typed once more.
function leaving(site, done) {
  const said = complaint();
  const typed = h("input", { required: true, autocomplete: "off", spellcheck: "false" });
  return h("details", h("summary", t("sites.delete")), h("form.narrow", { onsubmit: attempt(said, async () => {
    const gone = await api("DELETE", to`/v1/sites/${site.id}`, { confirm: typed.value.trim() });
    await gather();
    say({ text: t("sites.deleted", { site: site.id, n: gone.comments }) });
    done();
  }) }, h("p", t("sites.delete.what")), field(t("sites.delete.type", { id: site.id }), typed), said, h("button.danger", t("sites.delete.go"))));
}

async function sitesPage(into) {
  const said = complaint();
  const inputs = { id: h("input", { required: true, pattern: "[a-z0-9]([a-z0-9\\-]{0,30}[a-z0-9])?" }), name: h("input"), url: h("input", { type: "url" }), lang: h("input", { value: "en", maxlength: "16" }) };
  const profile = profiles("balanced", { onchange: () => hint() });
  const chosen = field(t("policy.profile"), profile, " ");
  const hint = () => put(chosen.lastChild, t(`profile.${profile.value}_hint`));
  hint();
  const form = h("form.sheet.padded.narrow", { onsubmit: attempt(said, async () => {
    await post("/v1/sites", { id: inputs.id.value, name: inputs.name.value, url: inputs.url.value, lang: inputs.lang.value, policy: { profile: profile.value } });
    await gather();
    say({ text: t("sites.added") });
    sitesPage(into);
  }) }, h("h2", t("sites.add")), field(t("keys.id"), inputs.id, t("sites.id.hint")), field(t("name"), inputs.name), field(t("address"), inputs.url), field(t("language"), inputs.lang), chosen, said, h("button", t("add")));
  const change = (site) => {
    const name = h("input", { value: site.name });
    const url = h("input", { value: site.url });
    const lang = h("input", { value: site.lang });
    const origins = h("textarea", { value: site.origins.join("\n"), rows: "3" });
    const wrong = complaint();
    const box = h("details.sheet.padded", h("summary", h("strong", site.name || site.id), " ", h("span.calm", `${site.id} · ${t(`profile.${site.profile}`)} · ${t("policy.version", { n: site.policy_version })}`)));
    const edit = h("form.narrow", { onsubmit: attempt(wrong, async () => {
      await api("PATCH", to`/v1/sites/${site.id}`, { name: name.value, url: url.value, lang: lang.value, origins: origins.value.split(/\s+/).filter(Boolean) });
      await gather();
      say({ text: t("saved") });
    }) }, field(t("name"), name), field(t("address"), url), field(t("language"), lang), field(t("sites.origins"), origins, t("sites.origins.hint")), wrong, h("button", t("save")));
    box.append(edit, ...(me.sites.length ? [] : [leaving(site, () => sitesPage(into))]));
    return box;
  };
  put(into, h("div.stack", sites().map(change), form));
}

async function keysPage(into) {
  const { keys } = await get("/v1/keys");
  const made = h("div");
  const said = complaint();
  const role = select(["site", "form", "compat", "scores", "moderator", "ml", "admin"].map((one) => [one, t(`role.${one}`)]), "site");
  const site = siteSelect(here(), () => {}, [["", t("keys.whole")]]);
  const label = h("input", { maxlength: "100" });
  const days = select([["0", t("keys.no_end")], ["30", t("days", { n: 30 })], ["365", t("days", { n: 365 })]], "0");
  const list = h("div");
  const draw = (found) => put(list, table(t("admin.keys"), [t("keys.id"), t("keys.role"), t("site"), t("keys.label"), t("keys.made"), ""],
    [...found].reverse().map((key) => [h("code", key.id), t(`role.${key.scores_only ? "scores" : key.role}`), key.site || t("keys.whole"), key.label, when(key.created_at),
      key.revoked ? h("span.status.rejected", t("keys.revoked")) : h("button.danger.small", { onclick: (event) => sure(event, async () => {
        await api("DELETE", to`/v1/keys/${key.id}`);
        draw((await get("/v1/keys")).keys);
      }) }, t("keys.revoke"))])));
  const form = h("form.sheet.padded", { onsubmit: attempt(said, async () => {
    const scores_only = role.value === "scores";
    const key = await post("/v1/keys", { role: scores_only ? "compat" : role.value, scores_only, site: site.value, label: label.value, days: Number(days.value) });
    once(made, t("keys.made_one"), key.key);
    draw((await get("/v1/keys")).keys);
  }) }, h("h2", t("keys.add")), h("div.row.fields", field(t("keys.role"), role), field(t("site"), site), field(t("keys.label"), label), field(t("keys.end"), days)), said, h("button", t("keys.make")), made);
  put(into, h("div.stack", form, sheet(list)));
  draw(keys);
}

// The first press asks, the second does: for what cannot be taken back.
export async function sure(event, act) {
  const button = event.currentTarget;
  if (!button.dataset.sure) {
    button.dataset.sure = "1";
    const before = button.textContent;
    button.textContent = t("sure");
    setTimeout(() => { delete button.dataset.sure; button.textContent = before; }, 5000);
    return;
  }
  await act().catch(failed);
}

async function ledgerPage(into) {
  let before = "";
  let entries = [];
  const which = siteSelect(here() || ".staff", () => { before = ""; entries = []; load(); }, [[".staff", t("ledger.staff")]]);
  const list = h("div");
  const next = plain(() => load(), t("queue.more"));
  const row = ({ id, at, hash, e, by, c, ...facts }) => [when(at), h("code", e), by ? nameOf(by) : t("ledger.machine"),
    [c ? h("a", { href: to`#/comment/${c}` }, c) : "", " ", Object.entries(facts).map(([name, value]) => `${word("fact", name)}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ")], h("code.calm", { title: `${id} ${hash}` }, hash.slice(0, 10))];
  const load = async () => {
    const page = await get("/v1/ledger", { site: which.value, before, limit: 100 });
    before = page.cursor ?? "";
    next.hidden = !before;
    entries.push(...page.entries);
    put(list, !entries.length ? calm(t("ledger.empty")) : table(t("admin.ledger"), ["when", "event", "by", "facts", "hash"].map((one) => t(`ledger.${one}`)), entries.map(row), true));
  };
  put(into, sheet(h("div.row.spaced", which, h("span.calm", t("ledger.what"))), list, next));
  await load();
}
