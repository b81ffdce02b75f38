// Makes elements. Every text becomes a text node: nothing that comes from a server is ever read as markup.

/** An element with attributes, properties (`onclick` and the like) and children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made[key] = value;
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

/** A labelled field. */
export function field(label, name, attributes = {}) {
  return element("label", {}, label, element("input", { name, ...attributes }));
}

/** A labelled choice; each is a text, or a pair of value and text. */
export function choice(label, name, choices) {
  const options = choices.map((each) => (Array.isArray(each) ? each : [each, each]));
  const select = element("select", { name }, options.map(([value, text]) => element("option", { value }, text)));
  return element("label", {}, label, select);
}

/** A form whose submission runs `act` with its fields; its button waits, and a refusal is told below. */
export function form(attributes, fields, button, act) {
  const refusal = element("p", { class: "refusal", role: "alert" });
  const submit = element("button", { class: "main" }, button);
  const made = element("form", attributes, fields, submit, refusal);
  made.onsubmit = async (event) => {
    event.preventDefault();
    refusal.textContent = "";
    submit.disabled = true;
    try {
      await act(new FormData(made), made);
    } catch (error) {
      refusal.textContent = error.message;
    } finally {
      submit.disabled = false;
    }
  };
  return made;
}

/** A button that runs `act`; a refusal is told in the notice. */
export function button(text, act, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, text);
  made.onclick = async () => {
    made.disabled = true;
    try {
      await act(made);
    } catch (error) {
      notice(error.message);
    } finally {
      made.disabled = false;
    }
  };
  return made;
}

/** Tells something in passing, to screen readers too. */
export function notice(text) {
  const place = document.getElementById("notice");
  place.textContent = text;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => { place.textContent = ""; }, 8000);
}

/** Asks before something that cannot be undone. */
export function confirmed(question, yes) {
  return new Promise((resolve) => {
    const answer = (value) => () => dialog.close(value);
    const buttons = element("form", {},
      element("button", { type: "button", class: "bad", onclick: answer("yes") }, yes),
      element("button", { type: "button", onclick: answer("") }, "Cancel"));
    const dialog = element("dialog", { "aria-label": question }, element("p", {}, question), buttons);
    dialog.onclose = () => { dialog.remove(); resolve(dialog.returnValue === "yes"); };
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Something that is shown once, with a button that copies it. */
export function shownOnce(title, text) {
  const output = element("output", {}, text);
  const copy = button("Copy", async () => { await navigator.clipboard.writeText(text); notice("Copied."); });
  return element("div", { class: "shown" }, element("p", {}, `${title} It is not shown again.`), output, " ", copy);
}

/** A time as the reader writes it; the exact one on hover. */
export function time(text) {
  return text ? element("time", { datetime: text, title: text }, new Date(text).toLocaleString()) : "-";
}
