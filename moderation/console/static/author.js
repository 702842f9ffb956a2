// An author of a site: what is known, every comment still there, and the marks moderators give.
import { sure } from "./admin.js";
import { get, me, post } from "./client.js";
import { calm, field, h, plain, put, select, to } from "./dom.js";
import { found } from "./search.js";
import { failed, say } from "./session.js";
import { quiet } from "./text.js";
import { t, word } from "./words.js";

export async function show(into, [site, id]) {
  const address = to`/v1/authors/${id}`;
  const one = await get(address, { site });
  const days = select([["0", t("author.for_ever")], ...[1, 7, 30, 365].map((n) => [String(n), t("days", { n })])], "30");
  const mark = async (name) => {
    try {
      await post(address + to`/mark?site=${site}`, { mark: name, days: name ? Number(days.value) : 0 });
      say({ text: t(name ? "author.marked" : "author.unmarked", { mark: word("mark", name) }) });
      show(into, [site, id]);
    } catch (error) { failed(error); }
  };
  const until = one.mark_until ? ` ${t("author.until", { date: new Date(one.mark_until).toLocaleDateString() })}` : "";
  put(into, h("h1", t("nav.author"), " ", quiet(one.comments[0]?.name ?? id, 80)),
    h("p", h("a", { href: "#/queue" }, t("comment.back"))),
    h("div.sheet.padded",
      h("p", t("case.record", one), one.mark && [" · ", h(`span.badge.${one.mark}`, word("mark", one.mark)), until]),
      h("div.row", field(t("author.how_long"), days), plain(() => mark("trusted"), t("author.trust")), plain(() => mark("watched"), t("author.watch")),
        h("button.danger", { onclick: () => mark("blocked") }, t("author.block")), one.mark && plain(() => mark(""), t("author.unmark"))),
      calm(t("author.explained")), me.role === "admin" && privacy()),
    h("h2", t("author.comments")), h("div.sheet", h("ul.found", one.comments.map(found))));
}

// Everything that is kept of a person, by the e-mail address: the service keeps only a digest of it.
function privacy() {
  const email = h("input", { type: "email", required: true });
  const ask = (path, done) => async () => {
    try { done(await post(`/v1/privacy/${path}`, { email: email.value }, { seconds: 60 })); } catch (error) { failed(error); }
  };
  const save = (kept) => {
    const link = h("a", { href: URL.createObjectURL(new Blob([JSON.stringify(kept, null, 2)], { type: "application/json" })), download: "person.json" });
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return h("details", h("summary", t("author.privacy")), h("form.narrow", { onsubmit: ask("export", save) }, field(t("author.email"), email), h("div.row", h("button.plain", t("author.export")),
    h("button", { type: "button", class: "danger", onclick: (event) => sure(event, ask("erase", () => { say({ text: t("author.erased") }); location.hash = "#/queue"; })) }, t("author.erase")))));
}
