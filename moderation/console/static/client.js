// Talks to /v1 with the session's cookie. A session that ended asks for the password in place, and the request goes on.
class Problem extends Error {
  constructor(status, body) {
    super(body.errors?.[0]?.message || body.detail || body.title || `The service answered ${status}.`);
    this.status = status;
    this.body = body;
    this.code = body.code ?? "";
    this.fields = body.errors ?? [];
  }
}

export class Offline extends Error {}

export const me = { id: "", name: "", role: "", sites: [], csrf: "" };
let signInAgain = null;
let signingIn = null;
let reached = () => {};

export function onSignInNeeded(ask) { signInAgain = ask; }
export function onReached(tell) { reached = tell; }
export function remember(session) { Object.assign(me, session); }

async function ask(method, path, body, seconds) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = me.csrf;
  let answer;
  try {
    answer = await fetch(path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin", cache: "no-store", redirect: "error", signal: AbortSignal.timeout(seconds * 1000),
    });
  } catch (error) {
    reached(false);
    throw new Offline(error.name === "TimeoutError" ? "The service does not answer." : "The service cannot be reached.");
  }
  reached(true);
  if (answer.status === 204) return null;
  const text = await answer.text().catch(() => "");
  let found = {};
  try { found = text ? JSON.parse(text) : {}; } catch { /* a proxy's page is not ours to read */ }
  if (!answer.ok) {
    const problem = new Problem(answer.status, found);
    problem.retryAfter = Number(answer.headers.get("Retry-After")) || 0;
    throw problem;
  }
  return found;
}

export async function api(method, path, body, { seconds = 15, quiet = false } = {}) {
  try {
    return await ask(method, path, body, seconds);
  } catch (error) {
    if (error.status !== 401 || quiet || !signInAgain) throw error;
    signingIn ??= signInAgain().finally(() => { signingIn = null; });
    await signingIn;
    return ask(method, path, body, seconds);
  }
}

export const get = (path, query = {}, options) => {
  const given = Object.entries(query).filter(([, value]) => value || value === 0);
  return api("GET", given.length ? `${path}?${new URLSearchParams(given)}` : path, undefined, options);
};
export const post = (path, body = {}, options) => api("POST", path, body, options);

// null where the route is not there (an older service, a part that is switched off).
export async function maybe(path, query) {
  try {
    return await get(path, query);
  } catch (error) {
    if ([403, 404, 405].includes(error.status)) return null;
    throw error;
  }
}
