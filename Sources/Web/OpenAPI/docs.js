// Draws /openapi.json. Text goes into the page as text, never as markup.
"use strict";

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter(child => child !== null));
  return made;
}

function resolved(api, value) {
  return value?.$ref ? value.$ref.split("/").slice(1).reduce((found, part) => found?.[part], api) : value;
}

// A schema as an example-like outline: names of schemas stay names below the second level.
function outline(api, schema, depth = 0) {
  if (!schema) return "any";
  if (schema.$ref && depth > 1) return schema.$ref.split("/").pop();
  const known = resolved(api, schema);
  if (known.const !== undefined) return JSON.stringify(known.const);
  if (known.enum) return known.enum.map(value => JSON.stringify(value)).join(" | ");
  for (const kind of ["anyOf", "oneOf"]) {
    if (known[kind]) return known[kind].map(part => outline(api, part, depth)).join(" | ");
  }
  if (known.allOf) return known.allOf.map(part => outline(api, part, depth)).join(" & ");
  if (known.type === "array") return `[${outline(api, known.items, depth + 1)}]`;
  if (known.properties) {
    const indent = "  ".repeat(depth + 1);
    const lines = Object.entries(known.properties).map(([name, part]) =>
      `${indent}${name}${(known.required ?? []).includes(name) ? "" : "?"}: ${outline(api, part, depth + 1)}`);
    return `{\n${lines.join(",\n")}\n${"  ".repeat(depth)}}`;
  }
  return [known.type ?? "any"].flat().join(" | ");
}

function contents(api, holder) {
  return Object.entries(holder?.content ?? {}).map(([type, media]) =>
    element("div", {}, element("code", {}, type), element("pre", {}, outline(api, media.schema))));
}

function parameters(api, operation) {
  if (!operation.parameters) return null;
  const rows = operation.parameters.map(parameter => element("tr", {},
    element("td", {}, element("code", {}, parameter.name)), element("td", {}, parameter.in),
    element("td", {}, outline(api, parameter.schema)), element("td", {}, parameter.description ?? "")));
  return element("table", {}, ...rows);
}

function responses(api, operation) {
  return Object.entries(operation.responses).flatMap(([status, response]) => {
    const known = resolved(api, response);
    return [element("h4", {}, `${status} ${known.description}`), ...contents(api, known)];
  });
}

function drawn(api, path, method, operation) {
  const needs = operation.security ?? api.security;
  const access = needs.length === 0 ? "public" : needs.map(need => Object.keys(need)[0]).join(" or ");
  const body = element("div", {},
    operation.description ? element("p", {}, operation.description) : null,
    element("p", {}, `Access: ${access}`), parameters(api, operation),
    ...(operation.requestBody ? [element("h4", {}, "Body"), ...contents(api, operation.requestBody)] : []),
    ...responses(api, operation));
  return element("details", { id: operation.operationId },
    element("summary", {}, element("span", { class: `method ${method}` }, method.toUpperCase()),
      element("code", {}, path), element("span", { class: "summary" }, ` ${operation.summary}`)), body);
}

async function draw() {
  const main = document.getElementById("operations");
  const api = await (await fetch("/openapi.json")).json();
  document.getElementById("description").textContent = api.info.description;
  for (const tag of api.tags) {
    const section = element("section", {}, element("h2", {}, tag.name), element("p", {}, tag.description));
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (operation.tags.includes(tag.name)) section.append(drawn(api, path, method, operation));
      }
    }
    main.append(section);
  }
  main.setAttribute("aria-busy", "false");
  if (location.hash) document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
}

document.getElementById("find").addEventListener("input", event => {
  const word = event.target.value.toLowerCase();
  for (const operation of document.querySelectorAll("details")) {
    operation.hidden = !operation.querySelector("summary").textContent.toLowerCase().includes(word);
  }
});
draw().catch(error => { document.getElementById("operations").textContent = `The document can't be shown: ${error}`; });
