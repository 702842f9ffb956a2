// Who is signed in, the sites and colleagues, and the messages at the foot of the page.
import { api, maybe, me, onReached, onSignInNeeded, post, remember } from "./client.js";
import * as decisions from "./decisions.js";
import { $, complaint, field, h, kbd, plain, put, select } from "./dom.js";
import { t } from "./words.js";

let known = [];
let colleagues = new Map();
export const sites = () => known;
export const choices = () => known.map((one) => [one.id, one.name || one.id]);
// The site that this tab works on.
const SITE = "cm.site";
export const here = () => (known.find((one) => one.id === sessionStorage.getItem(SITE)) ?? known[0])?.id ?? "";
export const go = (id) => sessionStorage.setItem(SITE, id);
// The choice of a site, after the `others` that may be chosen as well; none where there is nothing to choose.
export const siteSelect = (chosen, change, others = []) => known.length < 2 && !others.length ? null : select([...others, ...choices()], chosen, { "aria-label": t("site"), onchange: change });
export const nameOf = (id) => id === me.id ? t("you") : colleagues.get(id) ?? (id?.startsWith("key:") ? t("a_key") : t("a_colleague"));

export async function begin() {
  try {
    remember(await api("GET", "/v1/session", undefined, { quiet: true }));
  } catch (error) {
    if (![401, 403].includes(error.status)) throw error;
    return false;
  }
  return true;
}

export async function gather() {
  const [found, people] = await Promise.all([maybe("/v1/sites"), maybe("/v1/moderators/names")]);
  known = found?.sites ?? [];
  colleagues = new Map((people?.people ?? []).map((one) => [one.id, one.name]));
  decisions.iAm(me.name, nameOf);
}

// What a form does on its way in: once at a time, and what went wrong is told in it.
const entering = (said, button, act, told) => async () => {
  said.textContent = "";
  button.disabled = true;
  try { await act(); } catch (error) { said.textContent = told(error); }
  button.disabled = false;
};

function signInForm(done) {
  const said = complaint();
  const email = h("input", { type: "email", name: "email", autocomplete: "username", required: true, value: me.email ?? "" });
  const password = h("input", { type: "password", name: "password", autocomplete: "current-password", required: true });
  const code = h("input", { name: "code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "8" });
  const button = h("button", t("sign_in"));
  return h("form.signin", { onsubmit: entering(said, button, async () => {
    remember(await api("POST", "/v1/session", { email: email.value, password: password.value, code: code.value }, { quiet: true }));
    me.email = email.value;
    password.value = code.value = "";
    await done();
  }, (error) => {
    password.focus();
    return error.status === 429 ? t("sign_in.wait", { n: Math.ceil((error.retryAfter || 60) / 60) }) : error.code === "sign_in_refused" ? t("sign_in.wrong") : error.message;
  }) },
  // over plain http from another machine the browser would drop the cookie, and sign-in would come round for ever
  !isSecureContext && complaint(t("sign_in.insecure")),
  field(t("email"), email), field(t("password"), password), field(t("code"), code, t("code.hint")), said, button);
}

// In place of everything, at the start.
export function signInPage(into, done) {
  document.title = `${t("sign_in")} · ${t("title")}`;
  put(into, h("main.door", h("h1", t("title")), signInForm(done)));
  into.querySelector("input")?.focus();
}

// Over everything, where a session ended: what was typed and decided stays where it is.
onSignInNeeded(() => new Promise((go) => {
  const dialog = h("dialog.door", { "aria-labelledby": "again-title", oncancel: (event) => event.preventDefault() },
    h("h2", { id: "again-title" }, t("sign_in.again")), h("p", t("sign_in.kept")), signInForm(() => { dialog.close(); dialog.remove(); go(); }));
  document.body.append(dialog);
  dialog.showModal();
}));

export function invitationPage(into, invited, done) {
  let token = "";
  try { token = decodeURIComponent(invited); } catch { /* cut short, it invites nobody */ }
  const title = h("h1", t("invitation"));
  if (!token) { put(into, h("main.door", title, complaint(t("invitation.broken")))); return; }
  const said = complaint();
  const password = h("input", { type: "password", autocomplete: "new-password", minlength: "12", maxlength: "128", required: true });
  const button = h("button", t("invitation.set"));
  put(into, h("main.door", title, h("form.signin", { onsubmit: entering(said, button, async () => {
    me.email = (await post("/v1/session/invitation", { token, password: password.value }, { quiet: true })).email;
    history.replaceState(null, "", "#/queue");
    done();
  }, (error) => error.code === "sign_in_refused" ? t("invitation.ended") : error.message) }, field(t("password.new"), password, t("password.hint")), said, button)));
  password.focus();
}

export async function signOut(everywhere = false) {
  await api("DELETE", everywhere ? "/v1/session/all" : "/v1/session", undefined, { quiet: true }).catch(() => {});
  sessionStorage.clear();
  location.hash = "";
  location.reload();
}

// Messages at the foot: what was done, what failed, what a colleague did.
let undoIt = () => {};
export const onUndo = (act) => { undoIt = act; };
export function say({ kind = "calm", text, undo = false }) {
  const box = $("said");
  const line = h(`p.said.${kind}`, h("span", text), undo && [plain(() => undoIt(), t("act.undo"), kbd("u")), h("span.fuse", { "aria-hidden": "true" })]);
  if (undo || kind === "faster") settled();
  box.append(line);
  while (box.children.length > 4) box.firstChild.remove();
  setTimeout(() => line.remove(), kind === "wrong" ? 15000 : kind === "faster" ? 8000 : decisions.UNDO_SECONDS * 1000);
}
// What a message offered to take back is taken back, or another decision is the last one.
const settled = () => document.querySelectorAll("#said .decided").forEach((one) => one.remove());
decisions.on("said", say);
decisions.on("undoing", settled);
export const failed = (error) => say({ kind: "wrong", text: error.message });

let lost = false;
function banner() {
  const waiting = decisions.waiting();
  const at = $("line");
  if (!at) return;
  at.hidden = !lost;
  at.textContent = waiting ? t("line.lost_with", { n: waiting }) : t("line.lost");
}
decisions.on("changed", banner);
onReached((yes) => {
  if (lost === !yes) return;
  lost = !yes;
  banner();
  if (!lost) say({ text: t("line.back") });
});
