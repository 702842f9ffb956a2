// One case: the text with the words that moved its scores, why it waits, who wrote it, and what a decision teaches.
import { me } from "./client.js";
import { $, calm, h, kbd, outLink, percent, plain, put, tick, to, when } from "./dom.js";
import { nameOf } from "./session.js";
import { bareLetters, legend, pieces, quiet, tame } from "./text.js";
import { anyLanguage, languageName, t, Word, word } from "./words.js";

export const REASONS = ["spam", "toxic", "off_topic", "personal_data", "illegal", "other"];
const TEACHES = { approve: "not_spam", spam: "spam", toxic: "toxic" };
const teaches = (what, learn) => t(`teaches.${learn ? TEACHES[what] ?? "nothing" : "nothing"}`);

const BLUR = "cm.blur";
export const blurs = () => localStorage.getItem(BLUR) !== "0";
export const setBlur = (wanted) => localStorage.setItem(BLUR, wanted ? "1" : "0");
function isNasty(one) {
  const scores = one.scores ?? {};
  return [...one.held_for ?? [], ...one.reasons ?? []].includes("toxicity") ||
    ["toxicity", "severe_toxicity", "threat", "identity_attack", "insult"].some((name) => (scores[name] ?? 0) >= 0.7);
}

// A text in a list: blurred where it is abusive, and as long not read out either.
export const veil = (one, most, revealed = false, within = false) => blurs() && !revealed && (within || isNasty(one))
  ? [h("span.unseen", t("case.blurred")), h("span.veiled", { "aria-hidden": "true" }, quiet(one.text, most))] : quiet(one.text, most);

export function badges(reasons, one = {}) {
  const lang = languageName(one.judged_lang || one.lang);
  return reasons.map((reason) => h(`span.badge.${reason}`, reason === "unsupported_language" && lang ? t("case.weak_in", { lang }) : word("reason", reason)));
}

// The reason that the verdicts of all cases give for a rejection; no other is suggested.
const SUGGESTS = { toxicity: "toxic", spam: "spam" };
export function askWhy(cases) {
  const found = cases.map((one) => (one.held_for ?? one.reasons ?? []).flatMap((reason) => SUGGESTS[reason] ?? []));
  const [first, ...others] = new Set(found.flat());
  $(first && !others.length && found.every((one) => one.length) ? `why-${first}` : "why")?.focus();
}

export function bar(score) {
  return h("meter", { min: "0", max: "1", low: "0.5", high: "0.8", optimum: "0", value: String(score), "aria-label": percent(score) });
}

const part = (name, title, ...inside) => h(`section.${name}`, { "aria-labelledby": `${name}-title` }, h("h3", { id: `${name}-title` }, title), inside);

function signals(one) {
  const loud = one.signals.filter((signal) => signal.reason !== "clear");
  const still = one.signals.filter((signal) => signal.reason === "clear");
  const row = (signal) => h("tr", h("th", { scope: "row" }, Word("signal", signal.name)), h("td", signal.detail),
    h("td.score", signal.score ? [bar(signal.score), " ", percent(signal.score)] : ""));
  return part("signals", t("case.signals"),
    loud.length ? h("table", h("tbody", loud.map(row))) : calm(t("case.nothing_seen")),
    h("details", h("summary", t("case.all_signals", { n: still.length })),
      h("table", h("tbody", still.map(row), Object.entries(one.scores).map(([name, score]) => h("tr",
        h("th", { scope: "row" }, Word("score", name)), h("td", t("case.model_score")), h("td.score", bar(score), " ", percent(score)))))),
      calm(t("case.given_by", { models: one.model.join(", ") || t("none"), policy: one.policy ?? "?", lang: anyLanguage(one.judged_lang) }))));
}

function brief(item, shown, within) {
  return h("li", h("div.line", h(`span.status.${item.status}`, word("status", item.status)), when(item.received_at),
    item.decision && h("span.calm", t("case.by", { name: item.decision.name || item.decision.by, reason: word("decision", item.decision.reason) }))),
  h("a.brief", { href: to`#/comment/${item.id}` }, veil(item, 160, shown, within)));
}

function author(one, revealed, veiled) {
  const known = one.author_history;
  const list = known?.latest ?? [];
  return part("author", t("nav.author"),
    h("p", h("a.foreign", { href: to`#/author/${one.site}/${one.author}` }, quiet(one.name || t("case.no_name"), 80)),
      known?.mark && h(`span.badge.${known.mark}`, word("mark", known.mark)), " ",
      known ? h("span.calm", t("case.record", known)) : h("span.calm", t("loading"))),
    one.url && calm(t("case.website"), " ", quiet(one.url, 120)),
    list.length ? h("ul.briefs", list.slice(0, 5).map((item) => brief(item, revealed, veiled))) : known && calm(t("case.first")));
}

// What was claimed aloud: it is kept for its fifteen minutes, also out of sight.
export const claimed = new Set();

// Who looks at a case just now.
export const holder = (one) => one.holder && (one.holder === me.id ? h("span.badge.mine", t("case.mine")) : h("span.badge.held", t("case.held", { name: nameOf(one.holder) })));

// Everything that can be done is in `act`.
export function caseView({ one, revealed, together, act }) {
  const nasty = blurs() && isNasty(one);
  const veiled = nasty && !revealed;
  const similar = one.similar ?? [];
  const decided = one.state === "decided";
  const lang = one.judged_lang || one.lang;
  const text = h("div", { class: `text foreign${veiled ? " veiled" : ""}`, dir: "auto", lang: lang || null, "data-scrolls": true, ...veiled ? { "aria-hidden": "true" } : { tabindex: "0", role: "group", "aria-label": t("case.text") } },
    pieces(one.text, one.words));
  const thread = one.thread;
  const folded = !veiled && one.normalised && bareLetters(one.normalised) !== bareLetters(one.text);
  return h("article.case", { id: "case", tabindex: "-1", "aria-labelledby": "case-title" },
    h("header",
      h("h2", { id: "case-title" }, quiet(one.name || t("case.no_name"), 80)),
      h("p.meta", when(one.received_at), h("span", word("channel", one.channel)), lang && h("span", languageName(lang)),
        one.edits ? h("span", t("case.edits", { n: one.edits })) : null, one.reports ? h("span.badge.reported", t("case.reports", { n: one.reports })) : null,
        holder(one)),
      thread && h("p.thread", t("case.under"), " ", outLink(thread.url, quiet(thread.title || thread.url, 120)))),
    h("p.why", decided ? decidedLine(one) : [h("strong", t("case.held_because")), " ", quiet(one.why || t("case.no_reason"), 400)]),
    one.escalated && h("p.why.escalated", h("strong", t("case.escalated")), " ", quiet(one.escalated, 500)),
    one.parent && h("blockquote.parent", calm(t("case.answers", { name: one.parent.name })), veil(one.parent, 300, revealed, veiled)),
    h("div.textbox", veiled && h("p.unseen", t("case.blurred")), text,
      nasty && h("button", { class: veiled ? "unveil" : "plain small unveil", onclick: act.reveal }, t(veiled ? "case.show_text" : "case.blur"), kbd("b"))),
    veiled ? null : legend(one.text, one.words),
    folded && h("details.folded", h("summary", t("case.reads_as")), h("p.foreign", { dir: "auto" }, pieces(one.normalised))),
    similar.length ? part("similar", t("case.similar", { n: similar.length }),
      decided ? null : tick([t("case.together", { n: similar.length }), kbd("g")], { id: "together", checked: together, onchange: act.together }),
      h("details", h("summary", t("case.show_similar")), h("ul.briefs", similar.slice(0, 20).map((item) => brief(item, revealed, veiled))))) : null,
    signals(one), author(one, revealed, veiled),
    h("p.calm.translate", t("case.translate")));
}

function decidedLine(one) {
  const made = one.decision;
  if (!made) return t("case.machine", { status: word("status", one.status) });
  return [t("case.decided", { name: made.name || made.by, what: word("did", made.decision), reason: made.reason ? ` (${word("decision", made.reason)})` : "" }), " ", when(made.at), made.note && h("span", " “", quiet(made.note, 300), "”")];
}

// Draw the bar anew: what is typed in it stays, and so does the focus unless other buttons came in its place.
export function putBar(given) {
  const bar = $("bar");
  const mode = bar.firstChild?.className;
  const had = [...bar.querySelectorAll("button, input, #why")].indexOf(document.activeElement);
  const typed = ["note", "escalation"].map((id) => [id, $(id)?.value]);
  put(bar, given && actionBar(given));
  for (const [id, value] of typed) if (value && $(id)) $(id).value = value;
  if (had >= 0) (bar.firstChild?.className === mode ? bar.querySelectorAll("button, input, #why")[had] : $("case"))?.focus({ preventScroll: true });
}

const note = (id, label, required) => h("label.note", label, h("input", { id, required, maxlength: "2000", autocomplete: "off" }));

// `asks` is what it asks for: why it is rejected, or what somebody else shall look at ("whom").
// `marked` counts what is marked instead of the case in view; `name` is whom it concerns where that is one.
function actionBar({ learn, asks, count, act, decided, marked = 0, name }) {
  const many = marked ? ` (${t("queue.marked", { n: marked })})` : count > 1 ? ` (${count})` : "";
  const whom = marked ? h("p.whom", { role: "status" }, t("act.whom", { n: marked, name: tame(name) })) : null;
  const learns = tick([t("act.learn"), kbd("t")], { checked: learn, onchange: act.learn });
  if (asks === "why") {
    return h("div.actions.asking", { role: "group", "aria-label": t("act.why") },
      whom, h("p.ask", { id: "why", tabindex: "-1" }, t("act.why"), many),
      h("div.reasons", REASONS.map((reason, at) => h("button.reason", { id: `why-${reason}`, onclick: () => act.reason(at + 1) },
        h("kbd", String(at + 1)), h("span", word("decision", reason)), h("small", teaches(reason, learn))))),
      h("form", { onsubmit: () => { act.reject(); $("why").append(h("span.wrong", { role: "alert" }, " ", t("act.needs_why"))); } },
        note("note", t("act.note"))),
      h("div.row", learns,
        plain(act.cancel, t("cancel"), kbd("Esc"))));
  }
  if (asks) {
    return h("form.actions.asking", { onsubmit: act.passOn },
      note("escalation", t("act.escalate_why"), true),
      h("div.row", h("button", t("act.escalate")), h("button.plain", { type: "button", onclick: act.cancel }, t("cancel"), kbd("Esc"))));
  }
  return h("div.actions", { role: "group", "aria-label": t("act.decide") }, whom,
    h("button.approve", { onclick: act.approve }, h("span", t("act.approve"), many, kbd("f")), h("small", teaches("approve", learn))),
    h("button.reject", { onclick: act.reject }, h("span", t("act.reject"), many, kbd("d")), h("small", t("act.reject_hint"))),
    h("div.lesser",
      learns,
      plain(act.undo, t("act.undo"), kbd("u")),
      decided ? null : [plain(act.skip, t("act.skip"), kbd("s")), plain(act.escalate, t("act.escalate"), kbd("e")), plain(act.claim, t("act.claim"), kbd("c"))]));
}
