// Draws /openapi.json. Everything from the document is set as text, never as markup.

const VERBS = ["get", "post", "put", "patch", "delete"];
const MAX_DEPTH = 4;

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

/** `code` in backticks, the rest as it is. */
const prose = (text) =>
  String(text ?? "")
    .split(/`([^`]*)`/)
    .map((part, at) => (at % 2 ? make("code", {}, part) : part));

class Reference {
  constructor(document) {
    this.document = document;
    this.operations = Object.entries(document.paths).flatMap(([path, item]) =>
      VERBS.filter((verb) => item[verb]).map((verb) => ({ path, verb, ...item[verb] })),
    );
  }

  /** What stands behind a reference to a schema or to an answer. */
  resolve(given) {
    const [kind, name] = given?.$ref?.split("/").slice(-2) ?? [];
    return name ? { name, ...this.document.components[kind][name] } : (given ?? {});
  }

  /** The properties of a schema, of its parts and of its alternatives. */
  properties(given) {
    const schema = this.resolve(given);
    const own = Object.entries(schema.properties ?? {}).map(([name, value]) => ({
      name,
      schema: value,
      must: (schema.required ?? []).includes(name),
    }));
    const parts = [...(schema.allOf ?? []), ...(schema.oneOf ?? []), ...(schema.anyOf ?? [])];
    const seen = new Set();
    return [...own, ...parts.flatMap((part) => this.properties(part))].filter(
      ({ name }) => !seen.has(name) && seen.add(name),
    );
  }

  type(given) {
    const schema = this.resolve(given);
    if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(" | ");
    const types = [].concat(schema.type ?? []);
    if (types.includes("array")) return `${this.type(schema.items)}[]`;
    const alternatives = [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])];
    if (!types.length && alternatives.length) return [...new Set(alternatives.map((one) => this.type(one)))].join(" | ");
    return types.join(" | ") || schema.name || "any";
  }

  fields(given, depth = 0) {
    const schema = this.resolve(given);
    const inner = [].concat(schema.type ?? []).includes("array") ? schema.items : given;
    const properties = depth < MAX_DEPTH ? this.properties(inner) : [];
    if (!properties.length) return null;
    return make(
      "ul",
      { class: "fields" },
      ...properties.map(({ name, schema: field, must }) =>
        make(
          "li",
          {},
          make("code", {}, name),
          " ",
          make("span", { class: "type" }, this.type(field)),
          must ? make("span", { class: "must" }, " required") : null,
          " ",
          make("span", { class: "soft" }, ...prose(this.resolve(field).description)),
          this.fields(field, depth + 1),
        ),
      ),
    );
  }

  body(content) {
    return Object.entries(content ?? {}).map(([kind, { schema }]) =>
      make("div", {}, make("span", { class: "type" }, kind), this.fields(schema)),
    );
  }

  example(operation) {
    const open = operation.security?.some((one) => Object.keys(one).length === 0) || operation.security?.length === 0;
    const lines = [`curl -X ${operation.verb.toUpperCase()} '${location.origin}${operation.path}'`];
    if (!open) lines.push(`-H "Authorization: Bearer $TOKEN"`);
    const schema = operation.requestBody?.content?.["application/json"]?.schema;
    if (schema) {
      lines.push(`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(this.sample(schema))}'`);
    }
    return lines.join(" \\\n  ");
  }

  sample(given, depth = 0) {
    const schema = this.resolve(given);
    if (schema.example !== undefined) return schema.example;
    if (schema.enum) return schema.enum[0];
    const type = [].concat(schema.type ?? [])[0];
    if (type === "array") return depth < MAX_DEPTH ? [this.sample(schema.items, depth + 1)] : [];
    if (type === "integer" || type === "number") return schema.minimum ?? 0;
    if (type === "boolean") return true;
    if (type === "string") return "…";
    const must = this.properties(given).filter((property) => property.must);
    return Object.fromEntries(must.map(({ name, schema: field }) => [name, this.sample(field, depth + 1)]));
  }

  article(operation) {
    const { path, verb, summary, description, parameters, requestBody, responses, operationId } = operation;
    return make(
      "article",
      { id: operationId },
      make("h3", {}, make("span", { class: `verb ${verb}` }, verb), ` ${path}`),
      make(
        "div",
        {},
        make("p", {}, ...prose(summary)),
        description ? make("p", { class: "soft" }, ...prose(description)) : null,
        parameters?.length ? make("h4", {}, "Parameters") : null,
        parameters?.length
          ? make(
              "ul",
              { class: "fields" },
              ...parameters.map((one) =>
                make(
                  "li",
                  {},
                  make("code", {}, one.name),
                  " ",
                  make("span", { class: "type" }, `${one.in} · ${this.type(one.schema)}`),
                  one.required ? make("span", { class: "must" }, " required") : null,
                  " ",
                  make("span", { class: "soft" }, ...prose(one.description)),
                ),
              ),
            )
          : null,
        requestBody ? make("h4", {}, "Body") : null,
        ...this.body(requestBody?.content),
        make("h4", {}, "Answers"),
        ...Object.entries(responses).map(([status, given]) => {
          const answer = this.resolve(given);
          return make(
            "details",
            {},
            make("summary", {}, make("code", {}, status), " ", ...prose(answer.description)),
            ...this.body(answer.content),
          );
        }),
        make("h4", {}, "Example"),
        make("pre", {}, this.example(operation)),
      ),
    );
  }

  matches(operation, words) {
    const text = JSON.stringify([operation.path, operation.verb, operation.tags, operation.summary, operation.description]).toLowerCase();
    return words.every((word) => text.includes(word));
  }

  draw(search) {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.operations.filter((operation) => this.matches(operation, words));
    const groups = this.document.tags
      .map((tag) => ({ tag, operations: found.filter((operation) => operation.tags?.includes(tag.name)) }))
      .filter(({ operations }) => operations.length);
    document.getElementById("nav").replaceChildren(
      ...groups.flatMap(({ tag, operations }) => [
        make("h2", {}, tag.name),
        ...operations.map(({ path, verb, operationId }) =>
          make("a", { href: `#${operationId}` }, make("span", { class: `verb ${verb}` }, verb), path.replace(/^\/v1/, "")),
        ),
      ]),
    );
    document.getElementById("main").replaceChildren(
      make("h1", {}, "API reference"),
      make("p", { class: "soft" }, this.document.info.description),
      ...(groups.length ? [] : [make("p", {}, "Nothing matches.")]),
      ...groups.map(({ tag, operations }) =>
        make(
          "section",
          {},
          make("h2", {}, tag.name.replace("-", " ")),
          make("p", { class: "soft" }, tag.description),
          ...operations.map((operation) => this.article(operation)),
        ),
      ),
    );
  }
}

const main = document.getElementById("main");
const search = document.getElementById("search");
try {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`the service answered ${response.status}`);
  const reference = new Reference(await response.json());
  document.getElementById("version").textContent = reference.document.info.version;
  reference.draw("");
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
  search.addEventListener("input", () => reference.draw(search.value));
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === search) return;
    event.preventDefault();
    search.focus();
  });
} catch (error) {
  main.replaceChildren(make("p", {}, `The reference could not be loaded: ${error.message}`));
}
