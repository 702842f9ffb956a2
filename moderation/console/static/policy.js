// A site's policy: thresholds and rules, tried on the last 500 comments before they are set, with every earlier version.
import { attempt, profiles } from "./admin.js";
import { veil } from "./case.js";
import { api, get, post } from "./client.js";
import { calm, complaint, field, h, number, plain, put, select, table, tick, to, when } from "./dom.js";
import { gather, nameOf, say } from "./session.js";
import { quiet } from "./text.js";
import { t, Word, word } from "./words.js";

const NEVER = 1.01;
const ATTRIBUTES = ["spam", "toxicity", "severe_toxicity", "profanity", "threat", "insult", "identity_attack", "signals"];
const NUMBERS = [["trust_after", 1, 1000], ["links_allowed", 0, 1000], ["min_form_seconds", 0, 3600, 0.5], ["undo_seconds", 0, 86400], ["wait_warning_minutes", 1, 525600], ["retention_days", 0, 36500]];
const SWITCHES = ["hold_unsupported", "hold_is_spam", "reported_visible", "keep_contact"];
const LIMITS = ["address", "email", "form_address", "reports_address", "site", "text"];

export async function show(into, site) {
  const address = to`/v1/sites/${site}/policy`;
  const { policy, profiles: known } = await get(address);
  const said = complaint();
  const seen = h("div", { role: "status" });
  const profile = profiles(policy.profile);
  const first = select([["score", t("policy.first.score")], ["hold", t("policy.first.hold")]], policy.first_comment);
  const bars = ATTRIBUTES.map((name) => {
    const own = policy.thresholds[name];
    const box = (part) => {
      const label = `${Word("score", name)}: ${t(`policy.${part}`)}`;
      const off = own?.[part] > 1;
      const score = h("input", { type: "number", min: "0.01", max: "1", step: "0.01", value: off ? "" : own?.[part] ?? "", disabled: off, "aria-label": label });
      const never = tick(t("policy.never"), { checked: off, "aria-label": `${label}: ${t("policy.never")}`, onchange: (off) => { score.disabled = off; } });
      return { cell: [score, " ", never], value: () => score.disabled ? NEVER : Number(score.value) || undefined, grey: (at) => { score.placeholder = score.disabled ? "" : at > 1 ? t("policy.never") : at.toFixed(2); } };
    };
    return { name, hold: box("hold_at"), reject: box("reject_at") };
  });
  // as the service does it: the profile's side gives way to the one that is typed
  const grey = () => bars.forEach(({ name, hold, reject }) => {
    const { hold_at, reject_at } = known[profile.value][name];
    hold.grey(Math.min(hold_at, reject.value() ?? NEVER));
    reject.grey(Math.max(reject_at, hold.value() ?? 0));
  });
  grey();
  const counted = (from) => ([name, min = 1, max = 1000000, step = 1]) => [name, h("input", { type: "number", min, max, step, value: from[name], required: true })];
  const numbers = NUMBERS.map(counted(policy));
  const switches = SWITCHES.map((name) => [name, tick(t(`policy.${name}`), { checked: policy[name] })]);
  const limits = LIMITS.map((name) => counted(policy.limits)([name]));
  const read = (boxes) => Object.fromEntries(boxes.map(([name, input]) => [name, Number(input.value)]));
  const wanted = () => ({
    ...policy, profile: profile.value, first_comment: first.value,
    thresholds: Object.fromEntries(bars.map(({ name, hold, reject }) => [name, { hold_at: hold.value(), reject_at: reject.value() }]).filter(([, own]) => own.hold_at || own.reject_at)),
    ...read(numbers), ...Object.fromEntries(switches.map(([name, box]) => [name, box.firstChild.checked])),
    limits: read(limits),
  });
  const preview = attempt(said, async () => { draw(seen, await post(`${address}/preview`, wanted(), { seconds: 60 })); });
  const set = (chosen) => attempt(said, async () => {
    await api("PUT", address, { ...chosen(), version: policy.version });
    await gather();
    say({ text: t("policy.set") });
    show(into, site);
  });
  const form = h("form.sheet.padded.policy", { onchange: grey, onsubmit: set(wanted) }, h("h2", t("policy.title", { version: policy.version })), h("div.row.fields", field(t("policy.profile"), profile, t("policy.profile.hint")), field(t("policy.first"), first)),
  table(t("policy.thresholds"), [t("figures.score"), t("policy.hold_at"), t("policy.reject_at")], bars.map(({ name, hold, reject }) => [Word("score", name), hold.cell, reject.cell])), calm(t("policy.thresholds.hint")),
  h("div.row.fields", numbers.map(([name, input]) => field(t(`policy.${name}`), input, name === "undo_seconds" && t("policy.undo_hint")))),
  h("fieldset", h("legend", t("policy.limits")), h("div.row.fields", limits.map(([name, input]) => field(t(`policy.limit.${name}`), input)))),
  h("div.switches", switches.map(([, box]) => box)),
  said, h("div.row", h("button.plain", { type: "button", id: "preview", onclick: preview }, t("policy.try")), h("button", { id: "set-policy" }, t("policy.save"))));
  const { versions } = await get(`${address}/versions`);
  const title = t("policy.versions", { n: versions.length });
  put(into, h("div.stack", form, seen, h("details.sheet.padded", h("summary", title),
    table(title, [t("policy.which"), t("policy.when"), t("ledger.by"), t("policy.profile"), ""], versions.map((one) => [String(one.policy.version), when(one.at), one.by ? nameOf(one.by) : "–", t(`profile.${one.policy.profile}`), one.policy.version === policy.version ? t("policy.present") : plain(set(() => one.policy), t("policy.again"))]), true))));
}

function draw(into, found) {
  const row = (name) => { const a = found.present[name] ?? 0; const b = found.proposed[name] ?? 0; return [Word("verdict", name), number(a), number(b), b - a ? `${b > a ? "+" : "−"}${number(Math.abs(b - a))}` : "0"]; };
  const decided = found.against_people.decided ?? 0;
  put(into, h("section.sheet.padded", { id: "preview-result" }, h("h2", t("preview.title", { n: number(found.looked_at) })),
    table(t("preview.counts"), [t("preview.verdict"), t("preview.now"), t("preview.then"), t("preview.change")], ["approve", "hold", "reject"].map(row), true),
    decided ? h("p", t("preview.people", { n: number(decided), now: number(found.against_people.present ?? 0), then: number(found.against_people.proposed ?? 0) })) : null,
    h("h3", t("preview.flips", { n: number(found.flipped) })),
    h("ul.found", found.flips.map((one) => h("li", h("a.brief", { href: to`#/comment/${one.id}`, target: "_blank", rel: "noopener" }, h("span.line", h("b", quiet(one.name, 50)), h("span.badge", `${word("verdict", one.now)} → ${word("verdict", one.then)}`), one.decision && h("span.calm", t("preview.decided", { what: word("did", one.decision.decision) }))), veil(one, 200)))))));
  into.querySelector("section").scrollIntoView({ block: "nearest" });
}
