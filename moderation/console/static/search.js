// Search over every comment of a site, decided or not.
import { badges } from "./case.js";
import { get, me } from "./client.js";
import { calm, h, put, select, to, when } from "./dom.js";
import { here, siteSelect, sites } from "./session.js";
import { quiet } from "./text.js";
import { t, word } from "./words.js";

export async function show(into, _, query) {
  const site = query.get("site") || here();
  const asked = { site, q: query.get("q") ?? "", status: query.get("status") ?? "" };
  const again = (change) => { location.hash = `#/search?${new URLSearchParams({ ...asked, ...change })}`; };
  document.getElementById("search").value = asked.q;
  const list = h("ul.found");
  const told = h("p.calm", { role: "status" }, t("loading"));
  const next = h("button.plain", { hidden: true }, t("search.more"));
  put(into, h("h1", t("search.title", { q: asked.q })),
    h("div.row.spaced", sites().length > 1 ? siteSelect(site, (chosen) => again({ site: chosen })) : null,
      select([["", t("search.any")], ...["pending", "approved", "rejected"].map((one) => [one, word("status", one)])], asked.status, { "aria-label": t("search.status"), onchange: (event) => again({ status: event.target.value }) })),
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
  return h("li", h("a", { href: to`#/comment/${one.id}`, class: "brief" }, h("span.line", h("b", quiet(one.name, 60)), h("span", { class: `status ${one.status}` }, word("status", one.status)),
    badges(one.reasons ?? []), when(one.received_at)), quiet(one.text, 220)),
  made ? calm(t("case.by", { name: made.by === me.id ? t("you") : made.name || made.by, reason: made.reason ? word("decision", made.reason) : "" })) : null);
}
