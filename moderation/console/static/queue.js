// The queue: the list of what waits beside one case in focus. Decides, moves on by itself, and keeps up with colleagues.
import { askWhy, badges, caseView, claimed, holder, putBar, REASONS, veil } from "./case.js";
import { get, me, Offline, post } from "./client.js";
import * as decisions from "./decisions.js";
import { $, calm, h, kbd, number, plain, put, select, to, when } from "./dom.js";
import * as keys from "./keys.js";
import * as live from "./live.js";
import { choices, go, here, nameOf, say, sites } from "./session.js";
import { quiet } from "./text.js";
import { anyLanguage, t, word } from "./words.js";

const PAGE = 50;
const LEASE = 60;
const SINGLE = "cm.single";
const fresh = () => ({
  site: "", sort: "priority", reason: "", lang: "", thread: "", escalated: false, cases: [], cursor: null, count: 0, exact: true, filters: null,
  focus: "", marked: new Set(), details: new Map(), learn: true, asking: false, escalating: false, together: false, revealed: new Set(),
  loading: true, wrong: "", gone: new Set(), byHand: false,
});
let state = fresh();
let place = null;
let leased = "";
let timers = [];
let refreshing = null;
let again = false;

export function show(into) {
  place = into;
  const site = here();
  if (state.site !== site) state = { ...fresh(), site };
  put(place, h("h1.unseen", t("nav.queue")),
    h("div.filters", { id: "filters", role: "group", "aria-label": t("queue.filters") }),
    h("div.queue", { id: "queue" },
      h("section.list", { id: "list", "aria-label": t("queue.list") }),
      h("section.pane", { "aria-label": t("queue.case") }, h("div", { id: "pane" }), h("div", { id: "bar" }))));
  narrowed();
  keys.use({
    next: () => step(1), previous: () => step(-1), approve: () => decide("approve"), reject: askReason,
    reason: (key) => state.asking ? reason(Number(key) - 1) : false, undo, skip, escalate: askEscalation, claim, select: () => mark(), unmark: () => state.asking || state.escalating ? cancel() : unmark(), learn: toggleLearn,
    similar: () => together(!state.together), reveal, single: () => setSingle(!$("queue").classList.contains("single")), search: () => $("search").focus(),
  });
  if (!site) { put(place, h("p.empty", t("queue.no_site"))); return leave; }
  draw();
  load();
  live.open(site, news);
  timers = [setInterval(heartbeat, 20000), setInterval(refresh, 12000)];
  document.addEventListener("cm-undo", undo);
  narrow.addEventListener("change", narrowed);
  return leave;
}

function leave() {
  timers.forEach(clearInterval);
  live.close();
  release();
  keys.use({});
  document.removeEventListener("cm-undo", undo);
  narrow.removeEventListener("change", narrowed);
  place = null;
}

const narrow = matchMedia("(max-width: 820px)");
const narrowed = () => setSingle(narrow.matches || localStorage.getItem(SINGLE) === "1", false);
// Alone, no mark can be seen: none is left over. On a narrow screen every case is alone, and the buttons say what is marked.
function setSingle(wanted, kept = true) {
  if (wanted && kept) unmark();
  $("queue").classList.toggle("single", wanted);
  if (kept && !narrow.matches) localStorage.setItem(SINGLE, wanted ? "1" : "0");
}

// Loading.

const query = () => ({ site: state.site, sort: state.sort, reason: state.reason, lang: state.lang, thread: state.thread, escalated: state.escalated || "", limit: PAGE });

async function load() {
  try {
    const page = await get("/v1/queue", query());
    if (!place) return;
    filters().catch(() => {});
    state.wrong = "";
    take(page);
    state.loading = false;
    if (!current()) focusOn(firstFree());
    draw();
  } catch (error) {
    state.loading = false;
    state.wrong = error.message;
    if (place) drawList();
  }
}

async function filters() {
  state.filters = await get("/v1/queue/filters", { site: state.site });
  if (place) drawFilters();
}

function take(page) {
  const known = new Map(state.cases.map((one) => [one.id, one]));
  const first = new Set(page.cases.map((one) => one.id));
  const kept = page.cursor ? state.cases.slice(PAGE).filter((one) => !first.has(one.id)) : [];
  // what is in focus stays where the eyes are, also when more urgent ones came in
  const looking = known.get(state.focus);
  if (page.cases.some((one) => one.id === looking?.id && one.version !== looking.version)) {
    state.seen = looking;
    setTimeout(() => { state.seen = null; }, 1000);
  }
  const order = page.cases.filter((one) => !isGone(one));
  if (looking && !first.has(looking.id) && !kept.includes(looking) && !isGone(looking) && page.cursor) order.unshift(looking);
  if (!kept.length) state.cursor = page.cursor;
  state.cases = [...order, ...kept];
  const here = new Set(state.cases.map((one) => one.id));
  state.marked.forEach((id) => { if (!here.has(id)) state.marked.delete(id); });
  state.count = page.count;
  state.exact = page.exact;
  state.cases.forEach((one) => { if (known.get(one.id)?.version !== one.version) state.details.delete(one.id); });
}

const isGone = (one) => decisions.isOnItsWay(one.id) || state.gone.has(`${one.id} ${one.version}`);

async function more() {
  if (!state.cursor || state.fetching) return;
  state.fetching = true;
  try {
    const page = await get("/v1/queue", { ...query(), cursor: state.cursor });
    const known = new Set(state.cases.map((one) => one.id));
    state.cases.push(...page.cases.filter((one) => !known.has(one.id) && !isGone(one)));
    state.cursor = page.cursor;
    if (place) {
      if (!current()) focusOn(firstFree());
      drawList();
    }
  } catch { /* asked again with the next step */ }
  state.fetching = false;
}

// Asking by itself must not keep a session alive that nobody uses: after five quiet minutes it stops until somebody is back.
const QUIET = 300000;
let lastSeen = Date.now();
const attentive = () => !document.hidden && Date.now() - lastSeen < QUIET;
function present() {
  const was = attentive();
  lastSeen = Date.now();
  if (!was && place) { live.open(state.site, news); refresh(); }
}
["keydown", "pointerdown", "pointermove", "wheel"].forEach((name) => addEventListener(name, present, { passive: true }));
document.addEventListener("visibilitychange", () => { if (!document.hidden) present(); });

// One refresh at a time; what happens meanwhile asks for another one.
async function refresh() {
  if (!place) return;
  if (!attentive()) { if (Date.now() - lastSeen >= QUIET) live.close(); return; }
  if (refreshing) { again = true; return; }
  refreshing = (async () => {
    try {
      const [page] = await Promise.all([get("/v1/queue", query()), filters()]);
      if (!place) return;
      const had = state.focus;
      take(page);
      if (!current()) focusOn(firstFree());
      state.wrong = "";
      drawList();
      if (had !== state.focus || !state.details.has(had)) {
        drawCase();
        if (current()) detail(current());
      } else drawHolder();
    } catch { /* the line at the top says that the service is not reached */ }
  })();
  await refreshing;
  refreshing = null;
  if (again) { again = false; setTimeout(refresh, 1500); }
}

function news(event) {
  const id = event.c;
  if (event.e === "case.decided" && id && event.by !== me.id) {
    const known = state.cases[index(id)];
    if (known) {
      state.gone.add(`${id} ${known.version}`);
      if (id === state.focus) {
        say({ kind: "faster", text: t("queue.decided_by", { name: nameOf(event.by), what: word("did", event.d) }) });
        moveOn([id]);
      } else remove([id]);
    }
  }
  schedule();
}
let soon = null;
function schedule() {
  soon ??= setTimeout(() => { soon = null; refresh(); }, 900);
}

// Where one is.

const index = (id) => state.cases.findIndex((one) => one.id === id);
const current = () => state.cases[index(state.focus)];
const free = (one) => !one.holder || one.holder === me.id;
const firstFree = () => (state.cases.find(free) ?? state.cases[0])?.id ?? "";

function focusOn(id, byHand = false) {
  if (leased && leased !== id) release();
  state.focus = id;
  state.byHand = byHand;
  state.asking = state.escalating = state.together = false;
  state.learn ||= !state.marked.size;
  if (!id) return;
  const at = index(id);
  for (const one of state.cases.slice(at, at + 3)) detail(one);
  if (at > state.cases.length - 10) more();
  clearTimeout(focusOn.timer);
  focusOn.timer = setTimeout(() => lease(id), byHand ? 250 : 0);
}

async function detail(one) {
  if (state.details.has(one.id)) return;
  state.details.set(one.id, null);
  try {
    const found = await get(to`/v1/queue/${one.id}`);
    state.details.set(one.id, found);
    if (place && state.focus === one.id) drawCase();
  } catch {
    state.details.delete(one.id);
  }
}

function step(by) {
  const at = index(state.focus);
  const next = state.cases[Math.min(Math.max(at + by, 0), state.cases.length - 1)];
  if (!next || next.id === state.focus) { if (by > 0) more(); return; }
  focusOn(next.id, true);
  drawFocus();
  drawCase();
}

// The next free case after the one in focus, or else one before it; none of those that are `out`.
function nextFree(out) {
  const at = index(state.focus);
  return [...state.cases.slice(at + 1), ...state.cases.slice(0, at)].find((one) => free(one) && !out?.has(one.id))?.id ?? "";
}
function skip() {
  const next = current() && nextFree();
  if (!next) return;
  claimed.delete(state.focus);
  focusOn(next);
  drawFocus();
  drawCase();
}

function remove(ids) {
  const out = new Set(ids);
  state.cases = state.cases.filter((one) => !out.has(one.id));
  ids.forEach((id) => state.marked.delete(id));
  state.count = Math.max(0, state.count - ids.length);
  drawList();
}

function moveOn(ids) {
  const out = new Set(ids);
  if (out.has(state.focus)) {
    leased = "";
    focusOn(nextFree(out));
  }
  remove(ids);
  drawCase();
  if (!state.cases.length) refresh();
}

// Leases.

async function lease(id, aloud = false) {
  if (!place || state.focus !== id) return;
  try {
    if (aloud) claimed.add(id);
    await post(to`/v1/queue/${id}/claim`, { lease_seconds: claimed.has(id) ? 900 : LEASE });
    if (!place || state.focus !== id) { giveBack(id); return; }
    leased = id;
    const one = current();
    if (one) one.holder = me.id;
    drawHolder();
    if (aloud) say({ text: t("claim.done") });
  } catch (error) {
    claimed.delete(id);
    if (error.code !== "case_taken" || state.focus !== id) return;
    const one = current();
    if (one) one.holder = error.body.moderator;
    // a case that came by itself is given to the colleague; one that was chosen stays in view
    if (!state.byHand && state.cases.some(free)) { skip(); drawList(); } else { drawList(); drawHolder(); }
  }
}
function release() {
  const id = leased;
  leased = "";
  if (id && !decisions.isOnItsWay(id)) giveBack(id);
}
function giveBack(id) {
  if (claimed.has(id)) return;
  const one = state.cases[index(id)];
  if (one) one.holder = null;
  post(to`/v1/queue/${id}/release`, undefined, { quiet: true }).catch(() => {});
}
function heartbeat() {
  if (leased && attentive()) lease(leased);
}
addEventListener("pagehide", () => { if (leased && !claimed.has(leased)) fetch(to`/v1/queue/${leased}/release`, { method: "POST", keepalive: true, headers: { "X-CSRF-Token": me.csrf } }); });

// Deciding.

function chosen() {
  // what changed a moment ago was not read yet: the service refuses a decision on the version before
  const one = state.seen?.id === state.focus ? state.seen : current();
  if (state.marked.size) return state.cases.filter((item) => state.marked.has(item.id));
  if (!one) return [];
  const similar = state.together ? state.details.get(one.id)?.similar ?? [] : [];
  return [one, ...similar.filter((item) => item.id !== one.id)];
}

// How many cases are marked where they are others than the one in view: then a decision is for what is not seen.
const elsewhere = () => state.marked.size === 1 && state.marked.has(state.focus) ? 0 : state.marked.size;

function decide(decision, given = null) {
  const cases = chosen();
  if (!cases.length) return;
  const note = $("note")?.value ?? "";
  decisions.decide(cases, { decision, reason: given, note, learn: state.learn });
  cases.forEach((one) => state.gone.add(`${one.id} ${one.version}`));
  state.marked.clear();
  state.learn = true;
  moveOn(cases.map((one) => one.id));
  drawPace();
}

function askReason() {
  if (!chosen().length) return;
  state.asking = true;
  state.escalating = false;
  drawBar();
  askWhy(chosen());
}
function reason(at) {
  if (REASONS[at]) decide("reject", REASONS[at]);
}
function cancel() {
  state.asking = state.escalating = false;
  drawBar();
  document.querySelector("#bar .reject")?.focus();
}
async function undo() {
  const back = await decisions.undo();
  if (!back.length || !place) return;
  back.forEach((id) => { isBack(id); state.details.delete(id); });
  const found = await Promise.all(back.slice(0, 100).map((id) => get(to`/v1/queue/${id}`).catch(() => null)));
  const again_ = found.filter((one) => one && one.state !== "decided" && index(one.id) < 0);
  again_.forEach((one) => state.details.set(one.id, one));
  state.cases.unshift(...again_);
  state.count += again_.length;
  if (again_[0]) focusOn(again_[0].id, true);
  draw();
  drawPace();
}
function isBack(id) {
  for (const key of state.gone) if (key.startsWith(`${id} `)) state.gone.delete(key);
}
decisions.on("returned", (id) => { isBack(id); schedule(); });

function askEscalation() {
  if (!current()) return;
  state.escalating = true;
  state.asking = false;
  drawBar();
  $("escalation")?.focus();
}
async function escalate() {
  const id = state.focus;
  const note = $("escalation").value;
  try {
    await post(to`/v1/queue/${id}/escalate`, { note });
    say({ text: t("escalate.done") });
    state.escalating = false;
    leased = "";
    skip();
    drawBar();
    refresh();
  } catch (error) {
    say({ kind: "wrong", text: error instanceof Offline ? t("escalate.offline") : error.message });
  }
}
function claim() { if (state.focus) lease(state.focus, true); }
function mark(id = state.focus) {
  if (id && !state.marked.delete(id)) state.marked.add(id);
  drawList();
  drawBar();
}
function unmark() {
  if (!state.marked.size) return false;
  state.marked.clear();
  drawList();
  drawBar();
}
function toggleLearn() {
  state.learn = !state.learn;
  drawBar();
  say({ text: t(state.learn ? "learn.on" : "learn.off") });
}
function together(wanted) {
  if (!(state.details.get(state.focus)?.similar ?? []).length) return;
  state.together = wanted;
  drawCase();
}
function reveal() {
  const one = current();
  if (!one) return;
  if (!state.revealed.delete(one.id)) state.revealed.add(one.id);
  drawList();
  drawCase();
}

// Drawing.

// What has the focus, where it is within this.
const active = (selector) => document.activeElement?.closest(selector) && document.activeElement;

function draw() {
  drawFilters();
  drawList();
  drawCase();
  drawPace();
}

function chip(key, label, count, pressed, act) {
  return h("button.chip", { "aria-pressed": pressed ? "true" : "false", "data-key": key, onclick: act }, label, count === undefined ? null : h("b", number(count)));
}
function filterBy(change) {
  Object.assign(state, { cases: [], cursor: null, loading: true, focus: "" }, change);
  release();
  state.marked.clear();
  draw();
  load();
}
const EVERYTHING = { reason: "", lang: "", thread: "", escalated: false };
function drawFilters() {
  const known = state.filters;
  const had = active("#filters")?.dataset.key;
  const by = (name, value) => () => filterBy({ [name]: state[name] === value ? "" : value });
  const pick = (key, label, options, act) => select(options, state[key], { "data-key": key, "aria-label": label, onchange: act });
  const places = sites().length > 1 && sites().length < 6 ? choices().map(([id, name]) => chip(`s:${id}`, name, undefined, id === state.site, () => chooseSite(id))) : [];
  const parts = [chip("all", t("queue.all"), known?.total, !filtered(), () => filterBy(EVERYTHING))];
  for (const [name, count] of Object.entries(known?.reasons ?? {})) parts.push(chip(`r:${name}`, word("reason", name), count, state.reason === name, by("reason", name)));
  const langs = Object.entries(known?.langs ?? {});
  if (langs.length > 1 || state.lang) for (const [name, count] of langs) parts.push(chip(`l:${name}`, anyLanguage(name), count, state.lang === name, by("lang", name)));
  parts.push(chip("esc", t("queue.escalated"), undefined, state.escalated, () => filterBy({ escalated: !state.escalated })));
  const threads = (known?.threads ?? []).map(([url, title, count]) => [url, `${(title || url).slice(0, 60)} (${count})`]);
  put($("filters"), places.length ? h("div.chips.places", { role: "group", "aria-label": t("site") }, places) : null, h("div.chips", parts), h("div.picks",
    sites().length > 5 && pick("site", t("site"), choices(), chooseSite),
    threads.length ? pick("thread", t("queue.thread"), [["", t("queue.every_thread")], ...threads], (thread) => filterBy({ thread })) : null,
    pick("sort", t("queue.sort"), ["priority", "oldest", "newest"].map((one) => [one, t(`sort.${one}`)]), (sort) => filterBy({ sort })),
    h("span.calm.pace", { id: "pace" })));
  if (had) document.querySelector(`#filters [data-key="${CSS.escape(had)}"]`)?.focus();
  drawPace();
}
function chooseSite(id) {
  release();
  go(id);
  live.close();
  show(place);
}
function drawPace() {
  const told = decisions.pace();
  const at = $("pace");
  if (at) at.textContent = told.today > 0 ? t("pace", { today: told.today, rate: told.perMinute.toFixed(1) }) : "";
}

function row(one) {
  const held = one.holder && one.holder !== me.id;
  return h("li", { class: `item${state.marked.has(one.id) ? " marked" : ""}${held ? " held" : ""}`, data: { id: one.id } },
    h("input", { type: "checkbox", checked: state.marked.has(one.id), "aria-label": t("queue.mark", { name: one.name || t("case.no_name") }), onchange: () => mark(one.id) }),
    h("button.open", { "aria-current": one.id === state.focus && "true", onclick: () => open(one.id) },
      h("span.line", h("b", quiet(one.name || t("case.no_name"), 40)), when(one.received_at)),
      h("span.snippet", veil(one, 110, state.revealed.has(one.id))),
      h("span.line", badges((one.held_for ?? []).slice(0, 3), one), one.escalated && h("span.badge.escalated", t("queue.escalated")),
        held && h("span.badge.held", nameOf(one.holder)))));
}
function open(id) {
  focusOn(id, true);
  if (narrow.matches) setSingle(true, false);
  drawFocus();
  drawCase();
  $("case")?.focus({ preventScroll: true });
}
function drawList() {
  const list = $("list");
  if (!list) return;
  const top = list.scrollTop;
  const had = active("#list li")?.closest("li").dataset.id;
  const box = document.activeElement?.type === "checkbox";
  let body;
  if (state.loading && !state.cases.length) body = h("ul.items", { "aria-busy": "true" }, [1, 2, 3, 4, 5, 6].map(() => h("li.item.ghostly")));
  else if (state.wrong && !state.cases.length) body = h("div.empty", h("p", t("queue.wrong")), calm(state.wrong), h("button", { onclick: () => { state.loading = true; drawList(); load(); } }, t("try_again")));
  else if (!state.cases.length) body = empty();
  else body = h("ul.items", state.cases.map(row));
  put(list,
    h("div.listhead", h("span", state.exact ? t("queue.count", { n: number(state.count) }) : t("queue.count.about")), h("span", { id: "bulk" }, state.marked.size ? [t("queue.marked", { n: state.marked.size }), " ", plain(unmark, t("queue.unmark"), kbd("Esc"))] : null)),
    body, state.cursor && state.cases.length ? h("button.plain.more", { onclick: more }, t("queue.more")) : "");
  list.scrollTop = top;
  if (had) list.querySelector(`li[data-id="${CSS.escape(had)}"] ${box ? "input" : ".open"}`)?.focus({ preventScroll: true });
  document.title = state.count ? `(${number(state.count)}) ${t("title")}` : t("title");
}
const filtered = () => state.reason || state.lang || state.thread || state.escalated;
function empty() {
  const which = filtered() ? "queue.empty_filter" : "queue.empty";
  return h("div.empty", h("p.big", t(which)), calm(t(`${which}_hint`)), filtered() && h("button", { onclick: () => filterBy(EVERYTHING) }, t("queue.all")));
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
function drawCase() {
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
      h("button.plain", { onclick: () => step(-1), "aria-label": t("keys.previous") }, "‹"), h("button.plain", { onclick: () => step(1), "aria-label": t("keys.next") }, "›"), h("button.plain.alone", { onclick: () => setSingle(true), title: t("keys.single") }, t("queue.alone"))),
    caseView({ one, revealed: state.revealed.has(one.id), together: state.together, act: { reveal, together } }));
  pane.scrollTop = 0;
  if (within) $(within)?.focus({ preventScroll: true });
  drawBar();
}
const position = () => t("queue.position", { at: index(state.focus) + 1, n: number(state.count) });
function drawHolder() {
  const one = current();
  const meta = document.querySelector("#pane .meta");
  if (!one || !meta) return;
  if ($("position")?.textContent !== position()) put($("position"), position());
  meta.querySelectorAll(".mine, .held").forEach((item) => item.remove());
  meta.append(holder(one) ?? "");
}
function drawBar() {
  if (!$("bar")) return;
  const count = chosen().length;
  putBar(count > 0 && { learn: state.learn, asking: state.asking, escalates: state.escalating, count, marked: elsewhere(), name: chosen()[0].name, act: {
    approve: () => decide("approve"), reject: askReason, reason, cancel, learn: toggleLearn, undo, skip, askEscalation, escalate, claim,
  } });
}
