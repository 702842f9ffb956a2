// One comment by its address: it can be decided here, also again.
import { askWhy, caseView, claimed, putBar, REASONS } from "./case.js";
import { get, post } from "./client.js";
import * as decisions from "./decisions.js";
import { $, h, put, to } from "./dom.js";
import * as keys from "./keys.js";
import { failed, say } from "./session.js";
import { t } from "./words.js";

export async function show(into, [id]) {
  const state = { learn: true, asks: "" };
  const load = async () => { state.one = await get(to`/v1/queue/${id}`); };
  await load();
  if (!into.isConnected) return;
  put(into, h("h1.unseen", t("nav.comment")), h("p", h("a", { href: "#/queue" }, t("comment.back"))),
    h("div.sheet.alone", h("div", { id: "pane" }), h("div", { id: "bar" })));
  const waits = () => state.one.state !== "decided";
  const chosen = () => state.together ? [state.one, ...(state.one.similar ?? [])] : [state.one];
  const after = setTimeout.bind(null, async () => { await load().catch(() => {}); draw(); }, 700);
  const decide = (decision, reason = null) => {
    decisions.decide(chosen(), { decision, reason, note: $("note")?.value ?? "", learn: state.learn });
    state.asks = "";
    state.together = false;
    after();
  };
  const act = {
    approve: () => decide("approve"), reject: () => { ask("why"); askWhy(chosen()); },
    reason: (key) => state.asks === "why" && decide("reject", REASONS[key - 1]),
    cancel: () => { ask(""); document.querySelector("#bar .reject")?.focus(); },
    learn: () => { state.learn = !state.learn; bar(); }, undo: async () => { await decisions.undo(); after(); },
    skip: () => { location.hash = "#/queue"; }, reveal: () => { state.revealed = !state.revealed; draw(); },
    together: (wanted) => { state.together = wanted; bar(); }, similar: () => $("together")?.click(),
    unmark: () => state.asks ? act.cancel() : false, escalate: () => { if (waits()) { ask("whom"); $("escalation").focus(); } },
    passOn: async () => {
      await post(to`/v1/queue/${id}/escalate`, { note: $("escalation").value }).then(() => say({ text: t("escalate.done") }), failed);
      state.asks = "";
      after();
    },
    claim: async () => { await post(to`/v1/queue/${id}/claim`, { lease_seconds: 900 }).then(() => { claimed.add(id); say({ text: t("claim.done") }); }, failed); after(); },
  };
  const ask = (what) => { state.asks = what; bar(); };
  function bar() {
    putBar({ learn: state.learn, asks: state.asks, count: chosen().length, act, decided: !waits() });
  }
  function draw() {
    if (!into.isConnected) return;
    put($("pane"), caseView({ one: state.one, revealed: state.revealed, together: state.together, act }));
    bar();
  }
  draw();
  keys.use(act);
}
