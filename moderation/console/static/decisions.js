// Decisions on their way: sent at once, kept and sent later where the line is gone, taken back by one key.
// What waits to be sent is kept for this tab, without any text of a comment.
import { api, Offline } from "./client.js";
import { ago, to } from "./dom.js";
import { tame } from "./text.js";
import { t, word } from "./words.js";

export const UNDO_SECONDS = 10;
const KEPT = "cm.unsent";
// What is answered so is sent again.
const LATER = [401, 429, 503];
const listeners = { changed: [], returned: [], said: [], undoing: [] };
export const on = (event, tell) => listeners[event].push(tell);
const tell = (event, ...facts) => listeners[event].forEach((one) => one(...facts));

let unsent = recall("sessionStorage", KEPT);
const sent = [];
let sending = false;
let pause = 0;

function recall(kept, name) {
  try { return JSON.parse(self[kept].getItem(name) ?? "[]"); } catch { return []; }
}
function remember(kept, name, list) {
  try { self[kept].setItem(name, JSON.stringify(list)); } catch { /* a full or forbidden storage loses nothing that is still in memory */ }
}
function keep() {
  remember("sessionStorage", KEPT, unsent);
  tell("changed");
}

export const waiting = () => unsent.length;
export const isOnItsWay = (id) => unsent.some((one) => one.id === id);

// `cases` is a list of {id, version}. All of them are one act: one message, one undo.
export function decide(cases, { decision, reason = null, note = "", learn = true }) {
  const act = `${Date.now()}-${Math.random().toString(36).slice(2, 7)}`;
  for (const one of cases) {
    unsent.push({ act, id: one.id, version: one.version, decision, reason, note, learn, undo_seconds: UNDO_SECONDS });
  }
  tell("said", { kind: "decided", text: t(`decided.${decision}`, { n: cases.length, reason: word("decision", reason), name: tame(cases[0].name) }), undo: true });
  sent.push({ act, versions: new Map() });
  if (sent.length > 50) sent.shift();
  tally(cases.length);
  keep();
  send();
}

async function send() {
  if (sending) return;
  sending = true;
  while (unsent.length) {
    const act = unsent[0].act;
    const group = unsent.filter((one) => one.act === act).slice(0, 100);
    const settle = () => { unsent = unsent.filter((one) => !group.includes(one)); keep(); };
    try {
      await deliver(group);
      pause = 0;
      settle();
    } catch (error) {
      if (!(error instanceof Offline) && !LATER.includes(error.status)) {
        settle();
        group.forEach((one) => tell("returned", one.id));
        tell("said", { kind: "wrong", text: t("decided.refused", { detail: error.message }) });
        continue;
      }
      pause = Math.min(Math.max(pause * 2, (error.retryAfter ?? 0) * 1000, 1000), 15000);
      tell("changed");
      await Promise.race([new Promise((go) => setTimeout(go, pause)), new Promise((go) => addEventListener("online", go, { once: true }))]);
    }
  }
  sending = false;
}

async function deliver(group) {
  const act = sent.find((one) => one.act === group[0].act);
  const bodies = group.map(({ act: _, ...one }) => one);
  const { results } = await api("POST", "/v1/queue/decisions", { decisions: bodies }, { seconds: bodies.length > 1 ? 60 : 15 });
  let faster = 0;
  results.forEach((answer, at) => {
    const mine = bodies[at];
    if (typeof answer.status === "string") act?.versions.set(mine.id, answer.version);
    else if (answer.code === "case_decided" && answer.moderator) {
      // an answer that was lost on the way: it is our own decision that stands there
      if (answer.version === mine.version + 1 && isMine(answer, mine)) { act?.versions.set(mine.id, answer.version); return; }
      faster += 1;
      if (results.length === 1) tell("said", { kind: "faster", text: t("decided.faster", { name: answer.moderator, what: word("did", answer.decision), ago: ago(answer.decided_at) }) });
    } else {
      tell("returned", mine.id);
      tell("said", answer.code === "case_taken" ? { kind: "faster", text: t("decided.taken", { name: nameOf(answer.moderator) }) } : { kind: "wrong", text: t("decided.refused", { detail: answer.detail }) });
    }
  });
  if (faster && results.length > 1) tell("said", { kind: "faster", text: t("decided.faster.some", { n: faster }) });
}

let myName = "";
let nameOf = (id) => id;
export const iAm = (name, names) => { myName = name; nameOf = names; };
const isMine = (answer, mine) => answer.moderator === myName && answer.decision === mine.decision;

// Take the newest act back: what was not sent is dropped, what was sent is undone.
export async function undo() {
  tell("undoing");
  const act = sent.pop();
  if (!act) { tell("said", { text: t("undo.nothing") }); return []; }
  const back = [];
  const held = new Set(unsent.filter((one) => one.act === act.act).map((one) => one.id));
  if (held.size && pause) {
    unsent = unsent.filter((one) => one.act !== act.act);
    keep();
    back.push(...held);
  } else if (held.size) {
    for (let turn = 0; turn < 100 && unsent.some((one) => one.act === act.act); turn += 1) await new Promise((go) => setTimeout(go, 50));
  }
  for (const [id, version] of act.versions) {
    try {
      await api("POST", to`/v1/queue/${id}/undo`, { version });
      back.push(id);
    } catch (error) {
      tell("said", { kind: "wrong", text: t("undo.refused", { detail: error.message }) });
    }
  }
  if (back.length) {
    tally(-back.length);
    tell("said", { kind: "undone", text: t("undo.done", { n: back.length }) });
  }
  keep();
  return back;
}

// The own tally of today and the pace of the last ten minutes; it stays in this browser.
const today = () => `cm.tally.${new Date().toISOString().slice(0, 10)}`;
function tally(n) {
  const times = recall("localStorage", today());
  const now = n < 0 ? times.slice(0, n) : [...times, ...new Array(n).fill(Math.round(Date.now() / 1000))];
  remember("localStorage", today(), now.slice(-5000));
}
export function pace() {
  const times = recall("localStorage", today());
  const now = Date.now() / 1000;
  const recent = times.filter((one) => now - one < 600);
  const minutes = recent.length ? Math.max(1, (now - recent[0]) / 60) : 1;
  return { today: times.length, perMinute: recent.length / minutes };
}

addEventListener("beforeunload", (event) => { if (unsent.length) event.preventDefault(); });
export const resume = () => { if (unsent.length) send(); };
