// How a site does: volume, verdicts, time to decision, overrides, people and reasons, and the drift of the scores.
import { get } from "./client.js";
import { calm, h, number, percent, put, s, select, sheet, span, table } from "./dom.js";
import { here, nameOf, siteSelect } from "./session.js";
import { t, Word, word } from "./words.js";

const W = innerWidth < 480 ? 300 : 440;
const H = 180;
const LEFT = 40;
const BOTTOM = 24;

const total = (values) => values.reduce((one, two) => one + two, 0);
const sum = (days, name) => total(days.map((day) => day.counts[name] ?? 0));

const floor = (high) => s("line", { x1: LEFT, x2: W - 8, y1: H - BOTTOM - high, y2: H - BOTTOM - high, class: "grid" });

// A drawing with its legend, and the same figures as a table below.
function chart(title, { legend, told, alt, drawn, heads, rows }) {
  return h("figure.sheet.padded", h("figcaption", h("h2", title), legend.length ? h("p.legend", legend.map(([colour, name]) => h("span", h("i", { class: `s${colour}` }), name))) : null), told,
    s("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${title}. ${alt}`, class: "chart" }, drawn),
    h("details", h("summary", t("figures.table")), table(title, heads, rows, true)));
}

// Stacked bars.
function bars(title, labels, series) {
  const totals = labels.map((_, at) => total(series.map((one) => one.values[at])));
  const most = Math.max(1, ...totals);
  const marks = most === 1 ? [0, 1] : [0, Math.round(most / 2), most];
  const wide = (W - LEFT - 8) / labels.length;
  const tall = (value) => (H - BOTTOM - 14) * value / most;
  const every = Math.ceil(labels.length * 60 / W);
  const drawn = labels.flatMap((label, at) => {
    let top = H - BOTTOM;
    const parts = series.map((one, which) => {
      const high = tall(one.values[at]);
      top -= high;
      return one.values[at] ? s("rect", { x: LEFT + at * wide + wide * 0.12, y: top, width: wide * 0.76, height: high, class: `s${which}` }, s("title", {}, `${label}: ${one.name} ${number(one.values[at])}`)) : null;
    });
    if (at % every === 0) parts.push(s("text", { x: LEFT + (at + 0.5) * wide, y: H - 6, "text-anchor": "middle" }, label));
    return parts;
  });
  const scale = marks.map((mark) => [floor(tall(mark)), s("text", { x: LEFT - 6, y: H - BOTTOM - tall(mark) + 4, "text-anchor": "end" }, number(mark))]);
  return chart(title, { legend: series.length > 1 ? series.map((one, which) => [which, one.name]) : [], alt: t("figures.as_table"), drawn: [scale.flat(), drawn],
    heads: [t("figures.label"), ...series.map((one) => one.name)], rows: labels.map((label, at) => [label, ...series.map((one) => number(one.values[at]))]) });
}

// Two distributions in shares, so that a day and a month compare.
function drift(title, days, kind) {
  const today = days.at(-1);
  const before = days.slice(0, -1).slice(-30);
  const shared = (of) => {
    const values = Array.from({ length: 20 }, (_, at) => sum(of, `${kind}:${at}`));
    return { total: total(values), shares: values.map((value) => value / (total(values) || 1)) };
  };
  const now = shared([today]);
  const then = shared(before);
  const most = Math.max(0.05, ...now.shares, ...then.shares);
  const x = (at) => LEFT + (W - LEFT - 8) * at / 20;
  const y = (value) => H - BOTTOM - (H - BOTTOM - 14) * Math.sqrt(value / most);
  const stairs = (shares) => shares.map((value, at) => `${at ? "L" : "M"}${x(at)} ${y(value)}L${x(at + 1)} ${y(value)}`).join("");
  const psi = now.total && then.total ? total(now.shares.map((value, at) => { const a = Math.max(value, 1e-4); const b = Math.max(then.shares[at], 1e-4); return (a - b) * Math.log(a / b); })) : null;
  const told = psi === null ? t("figures.drift.none") : t(psi > 0.25 ? "figures.drift.much" : psi > 0.1 ? "figures.drift.some" : "figures.drift.little", { psi: psi.toFixed(2) });
  const heads = [t("figures.today", { n: number(now.total) }), t("figures.month", { n: number(then.total) })];
  return chart(title, { legend: [[0, heads[0]], [3, heads[1]]], told: calm(told), alt: told, drawn: [[0, 0.25, 0.5, 0.75, 1].map((part) => s("text", { x: x(part * 20), y: H - 6, "text-anchor": "middle" }, String(part))),
    floor(0), s("path", { d: stairs(then.shares), class: "step s3" }), s("path", { d: stairs(now.shares), class: "step s0" })],
  heads: [t("figures.score"), ...heads], rows: now.shares.map((value, at) => [`${(at / 20).toFixed(2)}–${((at + 1) / 20).toFixed(2)}`, percent(value), percent(then.shares[at])]) });
}

const counted = (title, kind, found) => table(title, [t("figures.reason"), t("figures.count")], found.sort(([, one], [, two]) => two - one).map(([name, value]) => [Word(kind, name), number(value)]));
const tile = (label, value, hint) => h("div.tile", h("span.calm", label), h("strong", value), hint && h("small.calm", hint));

export async function show(into, _, query) {
  const site = query.get("site") || here();
  const count = Number(query.get("days")) || 30;
  const again = (change) => { location.hash = `#/figures?${new URLSearchParams({ site, days: count, ...change })}`; };
  const stats = await get("/v1/stats", { site, days: Math.max(31, count) });
  const days = stats.days.slice(-count);
  const labels = days.map((day) => day.day.slice(5).replace("-", "/"));
  const values = (name) => days.map((day) => day.counts[name] ?? 0);
  const decided = sum(days, "d:approve") + sum(days, "d:reject");
  const times = [60, 300, 900, 3600, 14400, 86400].map((edge) => `<${span(edge)}`).concat(t("figures.later"));
  const byTime = times.map((_, at) => sum(days, `tt:${at}`));
  let half = 0;
  const median = times[byTime.findIndex((value) => (half += value) >= decided / 2 && half > 0)] ?? "–";
  const people = new Map();
  const reasons = new Map();
  for (const day of days) {
    for (const [name, value] of Object.entries(day.counts)) {
      const [, id, what] = /^by:(.+):(approve|reject)$/.exec(name) ?? [];
      if (id) people.set(id, { approve: 0, reject: 0, ...people.get(id), [what]: (people.get(id)?.[what] ?? 0) + value });
      if (value && name.startsWith("dr:")) reasons.set(name.slice(3), (reasons.get(name.slice(3)) ?? 0) + value);
    }
  }
  const ruled = [...people].filter(([, one]) => one.approve + one.reject).sort(([, one], [, two]) => two.approve + two.reject - one.approve - one.reject);
  const held = Object.entries(stats.waiting).filter(([name]) => name.startsWith("r:")).map(([name, value]) => [name.slice(2), value]);
  const scopes = ["address", "email", "form"].filter((one) => sum(days, `429:${one}`));
  put(into, h("div.row.spaced", h("h1", t("nav.figures")), siteSelect(site, (chosen) => again({ site: chosen })),
    select([7, 30, 90].map((n) => [String(n), t("days", { n })]), String(count), { "aria-label": t("figures.span"), onchange: (chosen) => again({ days: chosen }) })),
  h("div.tiles", tile(t("queue.count.about"), number(stats.waiting.total), t("figures.oldest", { age: span(stats.oldest_seconds) })), tile(t("figures.came_in"), number(sum(days, "in"))),
    tile(t("figures.decided"), number(decided), t("figures.undone", { n: number(sum(days, "undone")) })), tile(t("figures.median"), decided ? median : "–"),
    tile(t("figures.override"), decided ? percent(sum(days, "override") / decided) : "–", t("figures.override_hint")), tile(t("figures.labels"), number(stats.labels))),
  h("div.figures",
    bars(t("figures.verdicts"), labels, ["approve", "hold", "reject"].map((one) => ({ name: word("verdict", one), values: values(`v:${one}`) }))),
    bars(t("figures.decisions"), labels, ["approve", "reject"].map((one) => ({ name: word("did", one), values: values(`d:${one}`) }))),
    bars(t("figures.time"), times, [{ name: t("figures.cases"), values: byTime }]),
    bars(t("figures.limits"), labels, [{ name: t("figures.limits_name"), values: values("r:velocity") }, ...scopes.map((one) => ({ name: t(`figures.429.${one}`), values: values(`429:${one}`) }))]),
    drift(t("figures.drift_spam"), stats.days, "hs"), drift(t("figures.drift_toxicity"), stats.days, "ht"),
    sheet(ruled.length ? table(t("figures.people"), [t("figures.person"), Word("did", "approve"), Word("did", "reject"), t("figures.share")], ruled.map(([id, { approve, reject }]) => [nameOf(id), number(approve), number(reject), percent(reject / (approve + reject))])) : calm(t("figures.nobody"))),
    sheet(reasons.size ? counted(t("figures.reasons"), "decision", [...reasons]) : calm(t("figures.no_reasons")), held.length ? counted(t("figures.held"), "reason", held) : null)));
}
