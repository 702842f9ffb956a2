// The people who sign in: invited by a link that works once, changed, disabled, signed out.
import { attempt, once, sure } from "./admin.js";
import { api, get, me, post } from "./client.js";
import { complaint, field, h, put, select, sheet, table, tick } from "./dom.js";
import { say, sites } from "./session.js";
import { t, word } from "./words.js";

export async function show(into) {
  const said = complaint();
  const link = h("div");
  const list = h("div");
  const email = h("input", { type: "email", required: true, maxlength: "254" });
  const name = h("input", { maxlength: "100" });
  const role = select(["moderator", "ml", "admin"].map((one) => [one, t(`role.${one}`)]), "moderator");
  const boxes = sites().map((one) => tick(one.name || one.id, { value: one.id }));
  const draw = async () => {
    const { people } = await get("/v1/moderators");
    const act = (one, what) => async (event) => sure(event, async () => { await what(); say({ text: t("saved") }); await draw(); });
    put(list, table(t("admin.people"), [t("name"), t("email"), t("keys.role"), t("admin.sites"), t("people.state"), ""], people.map((one) => [one.name, one.email, t(`role.${one.role}`), one.sites.join(", ") || t("people.all_sites"),
      [word("state", one.state), one.second_factor ? ` · ${t("people.factor")}` : ""],
      one.id === me.id ? t("you") : h("div.row",
        h("button.plain.small", { onclick: (event) => sure(event, async () => { once(link, t("people.link", { name: one.name }), (await post(`/v1/moderators/${one.id}/reinvite`)).link, t("people.link.hint")); await draw(); }) }, t("people.reinvite")),
        h("button.plain.small", { onclick: act(one, () => api("DELETE", `/v1/moderators/${one.id}/sessions`)) }, t("sign_out")),
        h("button.danger.small", { onclick: act(one, () => api("PATCH", `/v1/moderators/${one.id}`, { disabled: one.state !== "disabled" })) }, t(one.state === "disabled" ? "people.enable" : "people.disable")))])));
  };
  put(into, h("div.stack", h("form.sheet.padded", { onsubmit: attempt(said, async () => {
    const made = await post("/v1/moderators", { email: email.value, name: name.value, role: role.value, sites: boxes.map((box) => box.firstChild).filter((box) => box.checked).map((box) => box.value) });
    once(link, t("people.link", { name: made.person.name }), made.link, t("people.link.hint"));
    email.value = name.value = "";
    await draw();
  }) }, h("h2", t("people.add")), h("div.row.fields", field(t("email"), email), field(t("name"), name), field(t("keys.role"), role)),
  sites().length > 1 && h("fieldset", h("legend", t("admin.sites")), h("div.row", boxes), h("small.calm", t("people.sites.hint"))), said, h("button", t("people.invite")), link), sheet(list)));
  await draw();
}
