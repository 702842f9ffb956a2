// The own account: sessions, the second factor, and how this browser shows the console.
import { blurs, setBlur } from "./case.js";
import { api, get, me, post } from "./client.js";
import { ago, complaint, field, h, plain, put, s, table, tick } from "./dom.js";
import { failed, say, signOut } from "./session.js";
import { t } from "./words.js";

// "Firefox, Linux" out of what a browser says of itself; each list in the order that tells them apart.
const NAMES = [["Edg", "OPR", "Firefox", "Chrome", "Safari"], ["Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux"]];
const browser = (agent = "") => NAMES.map((names) => names.find((one) => agent.includes(one))).filter(Boolean).join(", ") || agent.slice(0, 60) || "?";

export async function show(into) {
  const open = me.must_enrol ? { sessions: [] } : await get("/v1/session/all");
  const factor = h("div");
  const begin = h("button", { onclick: async () => {
    try { offer(factor, await post("/v1/session/factor")); } catch (error) { failed(error); }
  } }, t("factor.begin"));
  put(into, h("h1", t("account.title", { name: me.name })),
    me.must_enrol && h("p.why", t("factor.must")),
    h("section.sheet.padded", h("h2", t("factor")), h("p", t("factor.what")), begin, factor),
    me.must_enrol ? null : h("section.sheet.padded", h("h2", t("account.look")), tick(t("account.blur"), { checked: blurs(), onchange: setBlur })),
    h("section.sheet.padded", h("h2", t("account.sessions")),
      open.sessions.length ? table(t("account.sessions"), [t("account.browser"), t("account.since")], open.sessions.map((one) => [browser(one.agent) + (one.current ? ` (${t("account.this")})` : ""), ago(one.started)]), true) : null,
      h("div.row", plain(() => signOut(), t("sign_out")), h("button.danger", { onclick: () => signOut(true) }, t("account.everywhere")))));
}

// Dark on white with a margin of four modules, as cameras need it, whatever the colours of the page.
const qr = ({ size, path }) => s("svg", { viewBox: `-4 -4 ${size + 8} ${size + 8}`, class: "qr", role: "img", "aria-label": t("factor.qr") }, s("path", { d: path }));

function offer(into, fresh) {
  const password = h("input", { type: "password", autocomplete: "current-password", required: true });
  const code = h("input", { inputmode: "numeric", autocomplete: "one-time-code", maxlength: "8", required: true });
  const said = complaint();
  put(into, h("form.narrow", { onsubmit: async () => {
    try {
      await api("PUT", "/v1/session/factor", { password: password.value, secret: fresh.secret, code: code.value });
      say({ text: t("factor.done") });
      put(into);
      if (me.must_enrol) { me.must_enrol = false; location.hash = "#/"; location.reload(); }
    } catch (error) { said.textContent = error.message; }
  } }, h("p", t("factor.scan")), qr(fresh.qr), h("p", t("factor.type_in")), h("p", h("code.secret", fresh.secret.replace(/(.{4})/g, "$1 ").trim())), h("p", h("a", { href: fresh.address }, t("factor.open"))),
  field(t("password"), password), field(t("code"), code), said, h("button", t("factor.set"))));
  password.focus();
}
