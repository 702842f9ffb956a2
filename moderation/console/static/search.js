// Search over every comment of a site, decided or not.
import { badges, veil } from "./case.js";
import { get, me } from "./client.js";
import { $, calm, h, put, select, to, when } from "./dom.js";
import { here, siteSelect } from "./session.js";
import { quiet } from "./text.js";
import { t, word } from "./words.js";

export async function show(into, _, query) {
  const site = query.get("site") || here();
  const asked = { site, q: query.get("q") ?? "", status: query.get("status") ?? "" };
  const again = (change) => { location.hash = `#/search?${new URLSearchParams({ ...asked, ...change })}`; };
  $("search").value = asked.q;
  const list = h("ul.found");
  const told = h("p.calm", { role: "status" }, t("loading"));
  const next = h("button.plain", { hidden: true }, t("search.more"));
  put(into, h("h1", t("search.title", { q: asked.q })),
    h("div.row.spaced", siteSelect(site, (chosen) => again({ site: chosen })),
      select([["", t("search.any")], ...["pending", "approved", "rejected"].map((one) => [one, word("status", one)])], asked.status, { "aria-label": t("search.status"), onchange: (status) => again({ status }) })),
    told, h("div.sheet", list), next);
  let before = "";
  let count = 0;
  const load = async () => {
    next.disabled = true;
    const page = await get("/v1/comments/search", { ...asked, before, limit: 50 }, { seconds: 60 });
    count += page.comments.length;
    list.append(...page.comments.map((one) => found(one)));
    before = page.cursor ?? "";
    next.hidden = !before;
    next.disabled = false;
    told.textContent = count ? t(page.complete ? "search.found" : "search.found_so_far", { n: count }) : t(before ? "search.not_yet" : "search.nothing");
  };
  next.addEventListener("click", load);
  await load();
}

export function found(one) {
  const made = one.decision;
  return h("li", h("a.brief", { href: to`#/comment/${one.id}` }, h("span.line", h("b", quiet(one.name, 60)), h(`span.status.${one.status}`, word("status", one.status)),
    badges(one.reasons ?? [], one), when(one.received_at)), veil(one, 220)),
  made && calm(t("case.by", { name: made.by === me.id ? t("you") : made.name || made.by, reason: word("decision", made.reason) })));
}
