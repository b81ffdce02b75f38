// Creates elements. Every text becomes a text node: nothing that comes from a server is ever parsed as markup.

/** @import { Attributes, Child } from "../types/index.d.ts" */

/**
 * Creates an element with attributes, event handlers (`onclick` and the like) and children.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} attributes
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") Object.assign(node, { [key]: value });
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, String(value));
  }
  node.append(...flat(children));
  return node;
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function flat(children) {
  return children.flatMap((child) => {
    if (Array.isArray(child)) return flat(child);
    return child == null || child === false ? [] : [child];
  });
}

/**
 * Creates a labelled input.
 * @param {string} label
 * @param {string} name
 * @param {Attributes} attributes
 */
export function field(label, name, attributes = {}) {
  return element("label", {}, label, element("input", { name, ...attributes }));
}

/**
 * Creates a labelled select; each choice is a text, or a pair of value and text.
 * @param {string} label
 * @param {string} name
 * @param {(string | [string, string])[]} choices
 */
export function choice(label, name, choices) {
  const options = choices.map((each) => {
    const [value, text] = Array.isArray(each) ? each : [each, each];
    return element("option", { value }, text);
  });
  return element("label", {}, label, element("select", { name }, options));
}

/**
 * Creates a form whose submission runs `act` with its data. Its button is disabled meanwhile; an error is shown below.
 * @param {Attributes} attributes
 * @param {Child[]} fields
 * @param {string} submitText
 * @param {(values: FormData, form: HTMLFormElement) => Promise<unknown>} act
 */
export function form(attributes, fields, submitText, act) {
  const error = element("p", { class: "error", role: "alert" });
  const submit = element("button", { class: "main" }, submitText);
  const node = element("form", attributes, fields, submit, error);
  node.onsubmit = async (event) => {
    event.preventDefault();
    error.textContent = "";
    submit.disabled = true;
    try {
      await act(new FormData(node), node);
    } catch (thrown) {
      error.textContent = message(thrown);
    } finally {
      submit.disabled = false;
    }
  };
  return node;
}

/**
 * Creates a button that runs `act`; an error is shown as a notice.
 * @param {string} text
 * @param {() => unknown} act
 * @param {Attributes} attributes
 */
export function button(text, act, attributes = {}) {
  const node = element("button", { type: "button", ...attributes }, text);
  node.onclick = async () => {
    node.disabled = true;
    try {
      await act();
    } catch (thrown) {
      notice(message(thrown));
    } finally {
      node.disabled = false;
    }
  };
  return node;
}

/**
 * The text of an error, for people.
 * @param {unknown} thrown
 */
export function message(thrown) {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/**
 * The element of the page with this id, which the markup contains.
 * @param {string} id
 */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`The page has no element ${id}.`);
  return node;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let noticeTimer;

/**
 * Shows a text for a few seconds, to screen readers too.
 * @param {string} text
 */
export function notice(text) {
  const output = byId("notice");
  output.textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { output.textContent = ""; }, 8000);
}

/**
 * Asks for confirmation before something that cannot be undone.
 * @param {string} question
 * @param {string} yes
 * @returns {Promise<boolean>}
 */
export function confirmed(question, yes) {
  return new Promise((resolve) => {
    const buttons = element("form", {},
      element("button", { type: "button", class: "bad", onclick: () => dialog.close("yes") }, yes),
      element("button", { type: "button", onclick: () => dialog.close("") }, "Cancel"));
    /** @type {HTMLDialogElement} */
    const dialog = element("dialog", { "aria-label": question }, element("p", {}, question), buttons);
    dialog.onclose = () => { dialog.remove(); resolve(dialog.returnValue === "yes"); };
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * Shows a text that is shown once, with a button that copies it.
 * @param {string} title
 * @param {string} text
 */
export function shownOnce(title, text) {
  const output = element("output", {}, text);
  const copy = button("Copy", async () => { await navigator.clipboard.writeText(text); notice("Copied."); });
  return element("div", { class: "shown" }, element("p", {}, `${title} It is not shown again.`), output, " ", copy);
}

/**
 * Formats a time in the reader's locale; the exact one on hover.
 * @param {string | null | undefined} text
 */
export function time(text) {
  return text ? element("time", { datetime: text, title: text }, new Date(text).toLocaleString()) : "-";
}

/**
 * A definition list of names and values.
 * @param {[string, Child][]} pairs
 */
export function facts(pairs) {
  return element("dl", {}, pairs.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}
