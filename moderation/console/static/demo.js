// The demo's page: what is wrong is said beside the fields, what is published stands below the article.
import { Comments, Refused } from "/client/comments.js";

const form = document.getElementById("form");
const said = document.getElementById("said");
const list = document.getElementById("list");
const FIELDS = ["text", "name", "email"];

const settings = await (await fetch("/demo/settings.json")).json();
const comments = new Comments({ url: location.origin, formKey: settings.form_key, page: `${location.origin}/demo` });

function wrong(field, message) {
  document.getElementById(`${field}-wrong`).textContent = message;
  const input = document.getElementById(field);
  if (message) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
}

function say(text) {
  said.textContent = text;
  said.hidden = !text;
}

async function show() {
  const thread = await comments.list();
  list.replaceChildren(...thread.comments.map((comment) => {
    const box = document.createElement("div");
    box.className = "comment";
    box.id = comment.id;
    const name = document.createElement("b");
    name.textContent = comment.name;
    const text = document.createElement("p");
    text.textContent = comment.text;
    box.append(name, text);
    return box;
  }));
  if (!thread.count) list.textContent = "No comments yet.";
}

form.addEventListener("submit", () => {
  FIELDS.forEach((field) => wrong(field, ""));
  say("");
});

comments.attach(form, async ({ answer, error }) => {
  if (answer) {
    say(answer.message);
    await show();
  } else if (error instanceof Refused && error.errors.length) {
    error.errors.forEach((one) => FIELDS.includes(one.field) ? wrong(one.field, one.message) : say(one.message));
    document.querySelector("[aria-invalid]")?.focus();
  } else {
    say(error instanceof Refused ? error.message : "The comment could not be sent. It is still in the form; please try again.");
  }
});

form.action = `/v1/forms/${settings.form_key}/comments`;
await show();
