// How a site does: volume, verdicts, time to decision, overrides, people and reasons, and the drift of the scores.
import { get } from "./client.js";
import { calm, h, number, percent, put, s, select, sheet, span, table } from "./dom.js";
import { here, nameOf, siteSelect, sites } from "./session.js";
import { t, Word, word } from "./words.js";

const W = innerWidth < 480 ? 300 : 440;
const H = 180;
const LEFT = 40;
const BOTTOM = 24;

const sum = (days, name) => days.reduce((total, day) => total + (day.counts[name] ?? 0), 0);

// Stacked bars, with the same figures as a table below.
function bars(title, labels, series, { unit = "" } = {}) {
  const totals = labels.map((_, at) => series.reduce((total, one) => total + one.values[at], 0));
  const most = Math.max(1, ...totals);
  const wide = (W - LEFT - 8) / labels.length;
  const tall = (value) => (H - BOTTOM - 14) * value / most;
  const every = Math.ceil(labels.length * 60 / W);
  const drawn = labels.flatMap((label, at) => {
    let top = H - BOTTOM;
    const parts = series.map((one, which) => {
      const high = tall(one.values[at]);
      top -= high;
      return one.values[at] ? s("rect", { x: LEFT + at * wide + wide * 0.12, y: top, width: wide * 0.76, height: high, class: `s${which}` }, s("title", {}, `${label}: ${one.name} ${number(one.values[at])}${unit}`)) : null;
    });
    if (at % every === 0) parts.push(s("text", { x: LEFT + (at + 0.5) * wide, y: H - 6, "text-anchor": "middle" }, label));
    return parts;
  });
  const scale = [0, 0.5, 1].map((part) => [s("line", { x1: LEFT, x2: W - 8, y1: H - BOTTOM - tall(most * part), y2: H - BOTTOM - tall(most * part), class: "grid" }),
    s("text", { x: LEFT - 6, y: H - BOTTOM - tall(most * part) + 4, "text-anchor": "end" }, most * part >= 10 || Number.isInteger(most * part) ? number(Math.round(most * part)) : (most * part).toFixed(1))]);
  return h("figure.sheet.padded", h("figcaption", h("h2", title), series.length > 1 ? h("p.legend", series.map((one, which) => h("span", h("i", { class: `s${which}` }), one.name))) : null),
    s("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${title}. ${t("figures.as_table")}`, class: "chart" }, scale.flat(), drawn),
    h("details", h("summary", t("figures.table")), table(title, [t("figures.label"), ...series.map((one) => one.name)], labels.map((label, at) => [label, ...series.map((one) => number(one.values[at]) + unit)]), true)));
}

// Two distributions in shares, so that a day and a month compare.
function drift(title, days, kind) {
  const today = days[days.length - 1];
  const before = days.slice(0, -1).slice(-30);
  const read = (of) => Array.from({ length: 20 }, (_, at) => of.reduce((total, day) => total + (day.counts[`${kind}:${at}`] ?? 0), 0));
  const share = (values) => { const total = values.reduce((one, two) => one + two, 0); return { total, shares: values.map((value) => total ? value / total : 0) }; };
  const now = share(read([today]));
  const then = share(read(before));
  const most = Math.max(0.05, ...now.shares, ...then.shares);
  const x = (at) => LEFT + (W - LEFT - 8) * at / 20;
  const y = (value) => H - BOTTOM - (H - BOTTOM - 14) * Math.sqrt(value / most);
  const stairs = (shares) => shares.map((value, at) => `${at ? "L" : "M"}${x(at)} ${y(value)}L${x(at + 1)} ${y(value)}`).join("");
  const psi = now.total && then.total ? now.shares.reduce((total, value, at) => { const a = Math.max(value, 1e-4); const b = Math.max(then.shares[at], 1e-4); return total + (a - b) * Math.log(a / b); }, 0) : null;
  const told = psi === null ? t("figures.drift.none") : t(psi > 0.25 ? "figures.drift.much" : psi > 0.1 ? "figures.drift.some" : "figures.drift.little", { psi: psi.toFixed(2) });
  return h("figure.sheet.padded", h("figcaption", h("h2", title), h("p.legend", h("span", h("i.s0"), t("figures.today", { n: number(now.total) })), h("span", h("i.s3"), t("figures.month", { n: number(then.total) })))),
    calm(told),
    s("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${title}. ${told}`, class: "chart" }, [0, 0.25, 0.5, 0.75, 1].map((part) => s("text", { x: x(part * 20), y: H - 6, "text-anchor": "middle" }, String(part))),
      s("line", { x1: LEFT, x2: W - 8, y1: H - BOTTOM, y2: H - BOTTOM, class: "grid" }), s("path", { d: stairs(then.shares), class: "step s3" }), s("path", { d: stairs(now.shares), class: "step s0" })),
    h("details", h("summary", t("figures.table")), table(title, [t("figures.score"), t("figures.today", { n: now.total }), t("figures.month", { n: then.total })], now.shares.map((value, at) => [`${(at / 20).toFixed(2)}–${((at + 1) / 20).toFixed(2)}`, percent(value), percent(then.shares[at])]), true)));
}

const tile = (label, value, hint) => h("div.tile", h("span.calm", label), h("strong", value), hint ? h("small.calm", hint) : null);

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
      const by = /^by:(.+):(approve|reject)$/.exec(name);
      if (by) people.set(by[1], { ...people.get(by[1]), [by[2]]: (people.get(by[1])?.[by[2]] ?? 0) + value });
      if (name.startsWith("dr:")) reasons.set(name.slice(3), (reasons.get(name.slice(3)) ?? 0) + value);
    }
  }
  const held = Object.entries(stats.waiting).filter(([name]) => name.startsWith("r:"));
  const scopes = ["address", "email", "form"].filter((one) => sum(days, `429:${one}`));
  put(into, h("div.row.spaced", h("h1", t("nav.figures")), sites().length > 1 ? siteSelect(site, (chosen) => again({ site: chosen })) : null,
    select([7, 30, 90].map((n) => [String(n), t("days", { n })]), String(count), { "aria-label": t("figures.span"), onchange: (event) => again({ days: event.target.value }) })),
  h("div.tiles", tile(t("queue.count.about"), number(stats.waiting.total), t("figures.oldest", { age: span(stats.oldest_seconds) })), tile(t("figures.came_in"), number(sum(days, "in"))),
    tile(t("figures.decided"), number(decided), t("figures.undone", { n: number(sum(days, "undone")) })), tile(t("figures.median"), decided ? median : "–"),
    tile(t("figures.override"), decided ? percent(sum(days, "override") / decided) : "–", t("figures.override_hint")), tile(t("figures.labels"), number(stats.labels))),
  h("div.figures",
    bars(t("figures.verdicts"), labels, ["approve", "hold", "reject"].map((one) => ({ name: word("verdict", one), values: values(`v:${one}`) }))),
    bars(t("figures.decisions"), labels, ["approve", "reject"].map((one) => ({ name: word("did", one), values: values(`d:${one}`) }))),
    bars(t("figures.time"), times, [{ name: t("figures.cases"), values: byTime }]),
    bars(t("figures.limits"), labels, [{ name: t("figures.limits_name"), values: values("r:velocity") }, ...scopes.map((one) => ({ name: t(`figures.429.${one}`), values: values(`429:${one}`) }))]),
    drift(t("figures.drift_spam"), stats.days, "hs"), drift(t("figures.drift_toxicity"), stats.days, "ht"),
    sheet(people.size ? table(t("figures.people"), [t("figures.person"), Word("did", "approve"), Word("did", "reject"), t("figures.share")], [...people].sort((one, two) => (two[1].approve ?? 0) + (two[1].reject ?? 0) - (one[1].approve ?? 0) - (one[1].reject ?? 0)).map(([id, one]) => [nameOf(id), number(one.approve ?? 0), number(one.reject ?? 0), percent((one.reject ?? 0) / ((one.approve ?? 0) + (one.reject ?? 0)))])) : calm(t("figures.nobody"))),
    sheet(reasons.size ? table(t("figures.reasons"), [t("figures.reason"), t("figures.count")], [...reasons].sort((one, two) => two[1] - one[1]).map(([name, value]) => [Word("decision", name), number(value)])) : calm(t("figures.no_reasons")),
      held.length ? table(t("figures.held"), [t("figures.reason"), t("figures.count")], held.sort((one, two) => two[1] - one[1]).map(([name, value]) => [Word("reason", name.slice(2)), number(value)])) : null)));
}
