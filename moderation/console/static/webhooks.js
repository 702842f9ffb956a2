// The webhooks of a site: added (the secret is shown once), tested, their deliveries read and sent again.
import { attempt, once, sure } from "./admin.js";
import { api, get, maybe, post } from "./client.js";
import { ago, calm, complaint, field, h, plain, put, table, to, when } from "./dom.js";
import { failed, say } from "./session.js";
import { t, word } from "./words.js";

export async function show(into, site) {
  const address = to`/v1/sites/${site}/webhooks`;
  const found = await maybe(address);
  if (!found) { put(into, h("p.empty", t("hooks.none_here"))); return; }
  const said = complaint();
  const url = h("input", { type: "url", required: true, placeholder: "https://" });
  put(into, h("div.stack", h("form.sheet.padded", { onsubmit: attempt(said, async () => {
    const made = await post(address, { url: url.value });
    await show(into, site);
    once(into.querySelector(".made"), t("hooks.secret"), made.secret);
  }) }, h("h2", t("hooks.add")), field(t("hooks.url"), url, t("hooks.url.hint")), said, h("button", t("add")), h("div.made")),
  found.webhooks.length ? found.webhooks.map((one) => hook(one, site, () => show(into, site))) : h("p.empty", t("hooks.none"))));
}

// What is sent again may have to wait: for the end of its decision's embargo, or for an earlier event (then no time is told).
const replayed = ({ next_try_ms: at }) => say({ text: at ? t("hooks.replayed", { when: ago(Math.max(at, Date.now())) }) : t("hooks.replay_after") });

function hook(one, site, again) {
  const at = (path = "") => to`/v1/webhooks/${one.id}` + path + to`?site=${site}`;
  const told = h("p", { role: "status" });
  const made = h("div");
  const deliveries = h("div");
  const load = async () => {
    const { open, ended } = await get(at("/deliveries"));
    const rows = [...open, ...ended].map((item) => { const last = item.attempts.at(-1); return [h("code", item.type), when(item.at), item.comment ? h("a", { href: to`#/comment/${item.comment}` }, item.comment) : "", word("delivery", item.state), String(item.attempts.length), last ? last.error || String(last.status) : "–",
      h("button.plain.small", { onclick: async () => { await post(at(to`/deliveries/${item.id}/replay`)).then(replayed, failed); load(); } }, t("hooks.replay"))]; });
    put(deliveries, rows.length ? table(t("hooks.deliveries"), [t("ledger.event"), t("ledger.when"), t("nav.comment"), t("people.state"), t("hooks.attempts"), t("hooks.last"), ""], rows) : calm(t("hooks.no_deliveries")));
  };
  const act = (what) => (event) => sure(event, async () => { await what(); again(); });
  return h("section.sheet.padded", h("h2", one.url), h("p", one.enabled ? t("hooks.on") : t("hooks.off", { why: one.disabled ?? "" }), " · ", t("hooks.secrets", { n: one.secrets })),
    h("div.row", plain(async () => {
      told.textContent = t("loading");
      try { const got = await post(at("/test")); told.textContent = got.delivered ? t("hooks.test_good", { status: got.status, seconds: got.seconds.toFixed(2) }) : t("hooks.test_bad", { error: got.error ?? "" }); } catch (error) { told.textContent = error.message; }
    }, t("hooks.test")), plain(load, t("hooks.deliveries")),
    plain(async (event) => sure(event, async () => { once(made, t("hooks.secret"), (await post(at("/secret"))).secret); }), t("hooks.rotate")),
    one.secrets > 1 && plain(act(() => api("DELETE", at("/secret"))), t("hooks.retire")),
    plain(act(() => api("PATCH", at(), { enabled: !one.enabled })), t(one.enabled ? "hooks.turn_off" : "hooks.turn_on")), h("button.danger", { onclick: act(() => api("DELETE", at())) }, t("remove"))), told, made, deliveries);
}
