// Shows the OpenAPI document: one line a route, with what it takes and answers behind it.
const make = (name, text, ...inside) => {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  element.append(...inside);
  return element;
};
// what stands between backticks is code
const prose = (text) => text.split("`").map((part, at) => (at % 2 ? make("code", part) : part));

const reference = await (await fetch("/docs/openapi.json")).json();
const named = (schema) => schema?.$ref ? reference.components.schemas[schema.$ref.split("/").pop()] : schema;
const byTag = new Map(reference.tags.map(({ name }) => [name, []]));
for (const [path, methods] of Object.entries(reference.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    byTag.get(operation.tags[0]).push({ path, method: method.toUpperCase(), operation });
  }
}

const place = document.getElementById("reference");
const contents = make("nav", "");
contents.setAttribute("aria-label", "Contents");
place.append(contents);
for (const { name, description } of reference.tags) {
  const heading = make("h2", name);
  const link = make("a", name);
  heading.id = name;
  link.href = `#${name}`;
  contents.append(link, " ");
  place.append(heading, make("p", description));
  const routes = byTag.get(name);
  for (const { path, method, operation } of routes) {
    const box = make("details", "", make("summary", "", make("code", `${method} ${path}`), " ", ...prose(operation.summary)));
    if (operation.description) box.append(make("p", "", ...prose(operation.description)));
    box.append(make("p", `For: ${operation["x-roles"]?.join(", ") ?? "everybody"}`));
    const query = operation.parameters.filter((parameter) => parameter.in === "query");
    if (query.length) box.append(make("p", `Query: ${query.map((parameter) => parameter.name + (parameter.required ? " (required)" : "")).join(", ")}`));
    box.append(make("h3", "Example"), make("pre", operation["x-codeSamples"][0].source));
    for (const response of Object.values(operation.responses)) {
      const [content] = Object.values(response.content ?? {});
      const answer = content?.example ?? response["x-example"];
      if (answer !== undefined) box.append(make("h3", "Answer"), make("pre", typeof answer === "string" ? answer : JSON.stringify(answer, null, 2)));
    }
    const body = named(Object.values(operation.requestBody?.content ?? {})[0]?.schema);
    if (body) box.append(make("h3", "Body"), make("pre", JSON.stringify(body, null, 2)));
    for (const [status, response] of Object.entries(operation.responses)) {
      box.append(make("p", `${status}: ${response.description}`));
      const schema = response.content?.["application/json"]?.schema;
      if (schema) box.append(make("pre", JSON.stringify(named(schema), null, 2)));
    }
    place.append(box);
  }
}
