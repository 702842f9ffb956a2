// The demo's form: posts with the form key, shows what is wrong beside the fields, and the approved comments below the article.
const form = document.getElementById("form");
const said = document.getElementById("said");
const list = document.getElementById("list");
const page = location.origin + "/demo";
const opened = performance.now();
const FIELDS = ["text", "name", "email"];

const settings = await (await fetch("/demo/settings.json")).json();
const address = `/v1/forms/${settings.form_key}/comments`;

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
  const answer = await fetch(`/v1/threads?form_key=${encodeURIComponent(settings.form_key)}&url=${encodeURIComponent(page)}`);
  if (!answer.ok) return;
  const thread = await answer.json();
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

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  FIELDS.forEach((field) => wrong(field, ""));
  say("");
  const value = (id) => document.getElementById(id).value;
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        text: value("text"), name: value("name"), email: value("email"), honeypot: value("homepage"),
        form_seconds: (performance.now() - opened) / 1000, thread: { url: page, title: document.title },
      }),
    });
    const body = await answer.json();
    if (answer.ok) {
      say(body.message);
      document.getElementById("text").value = "";
      await show();
    } else if (body.errors) {
      body.errors.forEach((error) => FIELDS.includes(error.field) ? wrong(error.field, error.message) : say(error.message));
      document.querySelector("[aria-invalid]")?.focus();
    } else {
      say(body.detail);
    }
  } catch {
    say("The comment could not be sent. It is still in the form; please try again.");
  }
  button.disabled = false;
});

form.action = address;
await show();
