// The queue: the list of what waits beside one case in focus. Decides, moves on by itself, and keeps up with colleagues.
// What of it is here, and how it is drawn, is in list.js.
import { askWhy, claimed, REASONS } from "./case.js";
import { get, me, Offline, post } from "./client.js";
import * as decisions from "./decisions.js";
import { $, h, put, to } from "./dom.js";
import * as keys from "./keys.js";
import {
  act, begin, chosen, current, draw, drawBar, drawCase, drawFilters, drawHolder, drawList, drawPace, firstFree, free, index, isBack, isGone, narrow, narrowed, nextFree,
  PAGE, remove, setSingle, state, take, unmark,
} from "./list.js";
import * as live from "./live.js";
import { go, here, nameOf, say } from "./session.js";
import { t, word } from "./words.js";

const LEASE = 60;
let place = null;
let leased = "";
let timers = [];
let refreshing = null;
let again = false;

export function show(into) {
  place = into;
  const site = here();
  if (state.site !== site) begin(site);
  put(place, h("h1.unseen", t("nav.queue")),
    h("div.filters", { id: "filters", role: "group", "aria-label": t("queue.filters") }),
    h("div.queue", { id: "queue" },
      h("section.list", { id: "list", "aria-label": t("queue.list") }),
      h("section.pane", { "aria-label": t("queue.case") }, h("div", { id: "pane" }), h("div", { id: "bar" }))));
  narrowed();
  keys.use(act);
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
  document.removeEventListener("cm-undo", undo);
  narrow.removeEventListener("change", narrowed);
  place = null;
}

// Loading.

const query = ({ site, sort, reason, lang, thread, escalated } = state) => ({ site, sort, reason, lang, thread, escalated, limit: PAGE });

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

function filterBy(change) {
  Object.assign(state, { cases: [], cursor: null, loading: true, focus: "" }, change);
  release();
  state.marked.clear();
  draw();
  load();
}
function reload() {
  state.loading = true;
  drawList();
  load();
}
function chooseSite(id) {
  release();
  go(id);
  live.close();
  show(place);
}

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

function focusOn(id, byHand = false) {
  if (leased && leased !== id) release();
  state.focus = id;
  state.byHand = byHand;
  state.asks = "";
  state.together = false;
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
  drawCase();
}

function open(id) {
  focusOn(id, true);
  if (narrow.matches) setSingle(true, false);
  drawCase();
  $("case")?.focus({ preventScroll: true });
}

function skip() {
  const next = current() && nextFree();
  if (!next) return;
  claimed.delete(state.focus);
  focusOn(next);
  drawCase();
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

function decide(decision, given = null) {
  const cases = chosen();
  if (!cases.length) return;
  decisions.decide(cases, { decision, reason: given, note: $("note")?.value ?? "", learn: state.learn });
  cases.forEach((one) => state.gone.add(`${one.id} ${one.version}`));
  state.marked.clear();
  state.asks = "";
  state.learn = true;
  moveOn(cases.map((one) => one.id));
  drawPace();
}

function ask(what) {
  state.asks = what;
  drawBar();
}
function askReason() {
  if (!chosen().length) return;
  ask("why");
  askWhy(chosen());
}
function cancel() {
  ask("");
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
}
decisions.on("returned", (id) => { isBack(id); schedule(); });

function askEscalation() {
  if (!current()) return;
  ask("whom");
  $("escalation")?.focus();
}
async function passOn() {
  try {
    await post(to`/v1/queue/${state.focus}/escalate`, { note: $("escalation").value });
    say({ text: t("escalate.done") });
    leased = "";
    skip();
    ask("");
    refresh();
  } catch (error) {
    say({ kind: "wrong", text: error instanceof Offline ? t("escalate.offline") : error.message });
  }
}
function learn() {
  state.learn = !state.learn;
  drawBar();
  say({ text: t(state.learn ? "learn.on" : "learn.off") });
}
function together(wanted) {
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

Object.assign(act, {
  approve: () => decide("approve"), reject: askReason, reason: (key) => state.asks === "why" && decide("reject", REASONS[key - 1]), cancel, undo, skip, learn,
  escalate: askEscalation, passOn, claim: () => state.focus && lease(state.focus, true), unmark: () => state.asks ? cancel() : unmark(),
  next: () => step(1), previous: () => step(-1), open, reveal, together, similar: () => $("together")?.click(),
  single: () => setSingle(!$("queue").classList.contains("single")), filterBy, chooseSite, reload, more,
});
