// A client for the pages that comments stand under. No dependencies; needs a form key, which is no secret.
//
//   import { Comments } from "https://moderation.example.org/client/comments.js";
//   const comments = new Comments({ url: "https://moderation.example.org", formKey: "cmf1_..." });
//   comments.attach(document.querySelector("form"));          // fields named text (or comment), name, email, honeypot
//   const { comments: shown } = await comments.list();

export class Refused extends Error {
  // What the service says of a comment that it does not take: errors is [{field, code, message}].
  constructor(status, problem) {
    super(problem.detail ?? "The comment was not taken.");
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.errors = problem.errors ?? [];
    this.retryAfter = problem.retryAfter ?? 0;
  }
}

export class Comments {
  // `page` is the address the comments stand under: without its fragment, the same for every reader.
  constructor({ url, formKey, page, title, fetch = globalThis.fetch.bind(globalThis), headers = {} }) {
    this.base = `${url.replace(/\/$/, "")}/v1`;
    this.formKey = formKey;
    this.page = page ?? location.href.split("#")[0];
    this.title = title ?? globalThis.document?.title ?? "";
    this.fetch = fetch;
    this.headers = headers;
    this.opened = performance.now();
  }

  // Give the approved comments, oldest first: {count, comments: [{id, name, text, url, parent_id, submitted_at}], cursor}.
  async list(cursor = "") {
    const query = new URLSearchParams({ url: this.page, form_key: this.formKey });
    if (cursor) query.set("cursor", cursor);
    return this.#read(await this.fetch(`${this.base}/threads?${query}`, { headers: this.headers }));
  }

  // Send a comment; gives {id, status: approved|pending, message}. Throws Refused, or TypeError without a connection.
  async submit(fields) {
    const body = {
      ...fields,
      form_seconds: (performance.now() - this.opened) / 1000,
      thread: { url: this.page, title: this.title },
    };
    return this.#read(await this.fetch(`${this.base}/forms/${encodeURIComponent(this.formKey)}/comments`, {
      method: "POST",
      headers: { ...this.headers, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }));
  }

  // Report a published comment.
  async report(id, reason = "") {
    return this.#read(await this.fetch(`${this.base}/comments/${encodeURIComponent(id)}/reports`, {
      method: "POST",
      headers: { ...this.headers, "Content-Type": "application/json", Authorization: `Bearer ${this.formKey}` },
      body: JSON.stringify({ reason }),
    }));
  }

  // Let a form send through this client. The page decides what is shown: told({answer}) or told({error}); what was
  // typed stays in the form until it was taken.
  attach(form, told = () => {}) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const typed = new FormData(form);
      const buttons = [...form.querySelectorAll("button, input[type=submit]")];
      buttons.forEach((button) => { button.disabled = true; });
      try {
        const answer = await this.submit({
          text: String(typed.get("text") ?? typed.get("comment") ?? ""),
          name: String(typed.get("name") ?? ""),
          email: String(typed.get("email") ?? ""),
          honeypot: String(typed.get("honeypot") ?? ""),
          parent_id: String(typed.get("parent_id") ?? ""),
        });
        form.reset();
        told({ answer });
      } catch (error) {
        told({ error });
      }
      buttons.forEach((button) => { button.disabled = false; });
    });
  }

  async #read(answer) {
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refused(answer.status, { ...body, retryAfter: Number(answer.headers.get("retry-after") ?? 0) });
    return body;
  }
}
