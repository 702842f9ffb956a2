// The console's front door: who is signed in, which page is open, the head over every page.
import { me, Offline } from "./client.js";
import * as decisions from "./decisions.js";
import { $, calm, h, plain, put, to } from "./dom.js";
import * as keys from "./keys.js";
import { begin, gather, invitationPage, onUndo, signInPage, signOut } from "./session.js";
import { t } from "./words.js";

const app = $("app");
const STAFF = ["moderator", "admin"];
// page -> who sees it; the module of its name shows it
const PAGES = {
  queue: { who: STAFF, menu: true },
  search: { who: STAFF },
  comment: { who: STAFF },
  author: { who: STAFF },
  figures: { who: [...STAFF, "ml"], menu: true },
  models: { who: ["ml", "admin"], menu: true },
  admin: { who: ["admin"], menu: true },
  account: { who: [...STAFF, "ml"] },
};
const menu = () => Object.keys(PAGES).filter((one) => PAGES[one].menu && PAGES[one].who.includes(me.role));
let leave;

async function start() {
  const invitation = /^#invitation=(.*)$/.exec(location.hash);
  if (invitation) { invitationPage(app, invitation[1], start); return; }
  try {
    if (!await begin()) { signInPage(app, enter); return; }
  } catch (error) {
    put(app, h("main.door", h("h1", t("title")), h("p", { role: "alert" }, error instanceof Offline ? t("start.offline") : error.message),
      h("button", { onclick: start }, t("try_again"))));
    return;
  }
  await enter();
}

async function enter() {
  if (me.must_enrol) { location.hash = "#/account"; } else await gather();
  head();
  go();
  decisions.resume();
}

function head() {
  const search = h("form", { role: "search", class: "find", onsubmit: () => {
    location.hash = to`#/search?q=${$("search").value}`;
  } }, h("label.unseen", { for: "search" }, t("search.label")), h("input", { id: "search", type: "search", placeholder: t("search.placeholder"), maxlength: "200" }));
  put(app,
    h("a", { href: "#main", class: "skip", onclick: (event) => { event.preventDefault(); $("main").focus(); } }, t("skip")),
    h("header.top",
      h("nav", { "aria-label": t("nav") }, menu().map((name) => h("a", { href: `#/${name}`, data: { page: name } }, t(`nav.${name}`)))),
      STAFF.includes(me.role) ? search : h("span"),
      h("div.self", h("button.plain.help", { onclick: keys.overlay, "aria-label": t("keys.title"), title: t("keys.title") }, "?"),
        h("a", { href: "#/account", data: { page: "account" } }, t("nav.own", { name: me.name || me.id })), plain(() => signOut(), t("sign_out")))),
    h("main", { id: "main", tabindex: "-1" }));
}

async function go() {
  if (!$("main")) return;
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  let name, rest;
  try { [name, ...rest] = path.split("/").map(decodeURIComponent); } catch { /* cut short, it names no page */ }
  const [first = "account"] = menu();
  const page = PAGES[name];
  if (!page || !page.who.includes(me.role)) { location.replace(`#/${first}`); return; }
  leave?.();
  leave = null;
  keys.use({});
  document.querySelectorAll(".top [data-page]").forEach((one) => {
    if (one.dataset.page === name) one.setAttribute("aria-current", "page"); else one.removeAttribute("aria-current");
  });
  document.title = `${t(`nav.${name}`)} · ${t("title")}`;
  // a page left while it asks draws into the void
  const main = $("main").cloneNode(true);
  $("main").replaceWith(main);
  main.className = `page-${name}`;
  main.ariaBusy = true;
  try {
    const left = await (await import(`./${name}.js`)).show(main, rest, new URLSearchParams(query));
    if (typeof left === "function") main.isConnected ? leave = left : left();
  } catch (error) {
    put(main, h("div.empty", h("p.big", t("page.wrong")), calm(error.message), h("button", { onclick: go }, t("try_again"))));
  }
  main.ariaBusy = false;
}

onUndo(async () => {
  if ($("queue")) document.dispatchEvent(new CustomEvent("cm-undo"));
  else await decisions.undo();
});
addEventListener("hashchange", () => { if (location.hash.startsWith("#invitation=")) location.reload(); else go(); });
start();
