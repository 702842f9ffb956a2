// What waits: what of it is here, where one is in it, and how it is drawn with the filters, the case in focus and the bar.
import { badges, caseView, holder, putBar, veil } from "./case.js";
import { me } from "./client.js";
import * as decisions from "./decisions.js";
import { $, calm, h, kbd, number, plain, put, select, when } from "./dom.js";
import { choices, nameOf, sites } from "./session.js";
import { quiet } from "./text.js";
import { anyLanguage, t, word } from "./words.js";

export const PAGE = 50;
const fresh = (site) => ({
  site, sort: "priority", reason: "", lang: "", thread: "", escalated: false, cases: [], cursor: null, count: 0, exact: true, filters: null,
  focus: "", marked: new Map(), details: new Map(), learn: true, asks: "", together: false, revealed: new Set(), seen: new Map(),
  loading: true, fetching: false, wrong: "", gone: new Set(), byHand: false,
});
export const state = fresh("");
export const begin = (site) => Object.assign(state, fresh(site));
// What can be done, by the names under which the keys, the list and the bar ask for it.
export const act = { select: () => mark() };

// What is in it.

export function take(page) {
  const known = new Map(state.cases.map((one) => [one.id, one]));
  const first = new Set(page.cases.map((one) => one.id));
  const kept = page.cursor ? state.cases.slice(PAGE).filter((one) => !first.has(one.id)) : [];
  // what is in focus stays where the eyes are, also when more urgent ones came in
  const looking = known.get(state.focus);
  for (const { id, version } of page.cases) {
    const one = known.get(id);
    if (!one || one.version === version) continue;
    state.seen.set(id, one);
    setTimeout(() => state.seen.delete(id), 1000);
  }
  const order = page.cases.filter((one) => !isGone(one));
  if (looking && !first.has(looking.id) && !kept.includes(looking) && !isGone(looking) && page.cursor) order.unshift(looking);
  if (!kept.length) state.cursor = page.cursor;
  state.cases = [...order, ...kept];
  const here = new Set(state.cases.map((one) => one.id));
  state.marked.forEach((_, id) => { if (!here.has(id)) state.marked.delete(id); });
  state.count = page.count;
  state.exact = page.exact;
  state.cases.forEach((one) => { if (known.get(one.id)?.version !== one.version) state.details.delete(one.id); });
}

export const isGone = (one) => decisions.isOnItsWay(one.id) || state.gone.has(`${one.id} ${one.version}`);
export function isBack(id) {
  for (const key of state.gone) if (key.startsWith(`${id} `)) state.gone.delete(key);
}

export function remove(ids) {
  const out = new Set(ids);
  state.cases = state.cases.filter((one) => !out.has(one.id));
  ids.forEach((id) => state.marked.delete(id));
  state.count = Math.max(0, state.count - ids.length);
  drawList();
}

// Where one is.

export const index = (id) => state.cases.findIndex((one) => one.id === id);
export const current = () => state.cases[index(state.focus)];
export const free = (one) => !one.holder || one.holder === me.id;
export const firstFree = () => (state.cases.find(free) ?? state.cases[0])?.id ?? "";
// The next free case after the one in focus, or else one before it; none of those that are `out`.
export function nextFree(out) {
  const at = index(state.focus);
  return [...state.cases.slice(at + 1), ...state.cases.slice(0, at)].find((one) => free(one) && !out?.has(one.id))?.id ?? "";
}

// A case as it was read. What changed a moment ago was not yet: the service refuses a decision on the version before.
const read = (id) => state.seen.get(id) ?? state.cases[index(id)];

// What is marked is decided as it stood when it was marked: who marks it has read that, and perhaps nothing since.
export function chosen() {
  const one = read(state.focus);
  if (state.marked.size) return [...state.marked.values()];
  if (!one) return [];
  const similar = state.together ? state.details.get(one.id)?.similar ?? [] : [];
  return [one, ...similar.filter((item) => item.id !== one.id)];
}

// How many cases are marked where they are others than the one in view: then a decision is for what is not seen.
const elsewhere = () => state.marked.size === 1 && state.marked.has(state.focus) ? 0 : state.marked.size;

function mark(id = state.focus) {
  if (id && !state.marked.delete(id)) state.marked.set(id, read(id));
  drawList();
  drawBar();
}
export function unmark() {
  if (!state.marked.size) return false;
  state.marked.clear();
  drawList();
  drawBar();
}

const SINGLE = "cm.single";
export const narrow = matchMedia("(max-width: 820px)");
export const narrowed = () => setSingle(narrow.matches || localStorage.getItem(SINGLE) === "1", false);
// Alone, no mark can be seen: none is left over. On a narrow screen every case is alone, and the buttons say what is marked.
export function setSingle(wanted, kept = true) {
  if (wanted && kept) unmark();
  $("queue").classList.toggle("single", wanted);
  if (kept && !narrow.matches) localStorage.setItem(SINGLE, wanted ? "1" : "0");
}

// Drawing.

// What has the focus, where it is within this.
const active = (selector) => document.activeElement?.closest(selector) && document.activeElement;

export function draw() {
  drawFilters();
  drawList();
  drawCase();
}

function chip(key, label, count, pressed, go) {
  return h("button.chip", { "aria-pressed": String(pressed), "data-key": key, onclick: go }, label, count !== undefined && h("b", number(count)));
}
const EVERYTHING = { reason: "", lang: "", thread: "", escalated: false };
export function drawFilters() {
  const known = state.filters;
  const had = active("#filters")?.dataset.key;
  const by = (name, value) => () => act.filterBy({ [name]: state[name] === value ? "" : value });
  const pick = (key, label, options, go) => select(options, state[key], { "data-key": key, "aria-label": label, onchange: go });
  const few = sites().length < 6;
  const parts = [chip("all", t("queue.all"), known?.total, !filtered(), () => act.filterBy(EVERYTHING))];
  for (const [name, count] of Object.entries(known?.reasons ?? {})) parts.push(chip(`r:${name}`, word("reason", name), count, state.reason === name, by("reason", name)));
  const langs = Object.entries(known?.langs ?? {});
  if (langs.length > 1 || state.lang) for (const [name, count] of langs) parts.push(chip(`l:${name}`, anyLanguage(name), count, state.lang === name, by("lang", name)));
  parts.push(chip("esc", t("queue.escalated"), undefined, state.escalated, () => act.filterBy({ escalated: !state.escalated })));
  const threads = (known?.threads ?? []).map(([url, title, count]) => [url, `${(title || url).slice(0, 60)} (${count})`]);
  put($("filters"), few && sites().length > 1 && h("div.chips.places", { role: "group", "aria-label": t("site") },
    choices().map(([id, name]) => chip(`s:${id}`, name, undefined, id === state.site, () => act.chooseSite(id)))), h("div.chips", parts), h("div.picks",
    !few && pick("site", t("site"), choices(), act.chooseSite),
    threads.length ? pick("thread", t("queue.thread"), [["", t("queue.every_thread")], ...threads], (thread) => act.filterBy({ thread })) : null,
    pick("sort", t("queue.sort"), ["priority", "oldest", "newest"].map((one) => [one, t(`sort.${one}`)]), (sort) => act.filterBy({ sort })),
    h("span.calm.pace", { id: "pace" })));
  if (had) document.querySelector(`#filters [data-key="${CSS.escape(had)}"]`)?.focus();
  drawPace();
}
export function drawPace() {
  const told = decisions.pace();
  put($("pace"), told.today > 0 && t("pace", { today: told.today, rate: told.perMinute.toFixed(1) }));
}

function row(one) {
  const held = one.holder && one.holder !== me.id;
  return h("li", { class: `item${state.marked.has(one.id) ? " marked" : ""}${held ? " held" : ""}`, data: { id: one.id } },
    h("input", { type: "checkbox", checked: state.marked.has(one.id), "aria-label": t("queue.mark", { name: one.name || t("case.no_name") }), onchange: () => mark(one.id) }),
    h("button.open", { "aria-current": one.id === state.focus && "true", onclick: () => act.open(one.id) },
      h("span.line", h("b", quiet(one.name || t("case.no_name"), 40)), when(one.received_at)),
      h("span.snippet", veil(one, 110, state.revealed.has(one.id))),
      h("span.line", badges((one.held_for ?? []).slice(0, 3), one), one.escalated && h("span.badge.escalated", t("queue.escalated")),
        held && h("span.badge.held", nameOf(one.holder)))));
}
export function drawList() {
  const list = $("list");
  if (!list) return;
  const top = list.scrollTop;
  const had = active("#list li")?.closest("li").dataset.id;
  const box = document.activeElement?.type === "checkbox";
  let body;
  if (state.loading && !state.cases.length) body = h("ul.items", { "aria-busy": "true" }, [1, 2, 3, 4, 5, 6].map(() => h("li.item.ghostly")));
  else if (state.wrong && !state.cases.length) body = h("div.empty", h("p", t("queue.wrong")), calm(state.wrong), h("button", { onclick: act.reload }, t("try_again")));
  else if (!state.cases.length) body = empty();
  else body = h("ul.items", state.cases.map(row));
  put(list,
    h("div.listhead", h("span", state.exact ? t("queue.count", { n: number(state.count) }) : t("queue.count.about")), h("span", { id: "bulk" }, state.marked.size ? [t("queue.marked", { n: state.marked.size }), " ", plain(unmark, t("queue.unmark"), kbd("Esc"))] : null)),
    body, state.cursor && state.cases.length ? h("button.plain.more", { onclick: act.more }, t("queue.more")) : "");
  list.scrollTop = top;
  if (had) list.querySelector(`li[data-id="${CSS.escape(had)}"] ${box ? "input" : ".open"}`)?.focus({ preventScroll: true });
  document.title = state.count ? `(${number(state.count)}) ${t("title")}` : t("title");
}
const filtered = () => state.reason || state.lang || state.thread || state.escalated;
function empty() {
  const which = filtered() ? "queue.empty_filter" : "queue.empty";
  return h("div.empty", h("p.big", t(which)), calm(t(`${which}_hint`)), filtered() && h("button", { onclick: () => act.filterBy(EVERYTHING) }, t("queue.all")));
}
function drawFocus() {
  document.querySelectorAll("#list [aria-current]").forEach((one) => one.removeAttribute("aria-current"));
  const at = document.querySelector(`#list li[data-id="${CSS.escape(state.focus)}"] .open`);
  at?.setAttribute("aria-current", "true");
  at?.closest("li").scrollIntoView({ block: "nearest" });
}
function shown() {
  const one = current();
  return one && { ...state.details.get(one.id), ...one };
}
export function drawCase() {
  const pane = $("pane");
  if (!pane) return;
  drawFocus();
  const one = shown();
  const within = active("#pane")?.id;
  if (!one) {
    put(pane, state.loading ? h("div.case.ghostly") : state.cases.length ? h("p.empty", t("queue.none_free")) : narrow.matches && !state.wrong ? empty() : h("div"));
    drawBar();
    return;
  }
  put(pane,
    h("div.walk", h("button.plain.to-list", { onclick: () => setSingle(false) }, t("queue.to_list")),
      h("span.calm", { role: "status", id: "position" }, position()),
      h("button.plain", { onclick: act.previous, "aria-label": t("keys.previous") }, "‹"), h("button.plain", { onclick: act.next, "aria-label": t("keys.next") }, "›"), h("button.plain.alone", { onclick: () => setSingle(true), title: t("keys.single") }, t("queue.alone"))),
    caseView({ one, revealed: state.revealed.has(one.id), together: state.together, act }));
  pane.scrollTop = 0;
  if (within) $(within)?.focus({ preventScroll: true });
  drawBar();
}
const position = () => t("queue.position", { at: index(state.focus) + 1, n: number(state.count) });
export function drawHolder() {
  const one = current();
  const meta = document.querySelector("#pane .meta");
  if (!one || !meta) return;
  if ($("position")?.textContent !== position()) put($("position"), position());
  meta.querySelectorAll(".mine, .held").forEach((item) => item.remove());
  meta.append(holder(one) ?? "");
}
export function drawBar() {
  if (!$("bar")) return;
  const [first, ...others] = chosen();
  putBar(first && { learn: state.learn, asks: state.asks, count: 1 + others.length, marked: elsewhere(), name: first.name, act });
}
