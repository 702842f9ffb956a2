// What happens on a site while it happens: server-sent events, and where those fail, nothing but the queue's own timer.
import { to } from "./dom.js";
let source = null;
let retry = null;
const EVENTS = ["comment.judged", "comment.edited", "comment.reported", "comment.erased", "comment.rescored", "case.decided", "case.undone", "case.escalated"];

export function open(site, tell) {
  close();
  source = new EventSource(to`/v1/events?site=${site}`);
  const read = (event) => {
    try { tell(JSON.parse(event.data)); } catch { /* a line that is no event changes nothing */ }
  };
  EVENTS.forEach((name) => source.addEventListener(name, read));
  source.addEventListener("error", () => {
    // the browser reconnects by itself unless the answer was a refusal
    if (source?.readyState === EventSource.CLOSED) retry = setTimeout(() => open(site, tell), 30000);
  });
}
export function close() {
  clearTimeout(retry);
  source?.close();
  source = null;
}
