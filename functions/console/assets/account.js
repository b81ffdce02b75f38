// One account and its secrets. A secret's value is read when somebody asks for it, and is hidden again after a while.

import { button, confirmed, element, field, form, notice, time } from "./elements.js";
import { list } from "./list.js";
import { call, get, path } from "./session.js";

// How long a revealed value stays on the screen.
const SHOWN_MS = 30_000;

export async function show(main, { may }, id) {
  const at = path("accounts", id);
  const { value: account, etag } = await call("GET", at);
  main.querySelector("h1").textContent = account.name;
  const facts = { Status: account.status, Owner: account.owner ?? "-", Id: account.id };
  main.append(element("dl", {}, Object.entries(facts).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])));
  if (may("accounts:write")) main.append(actions(at, account, etag));
  if (!may("secrets:read")) return;

  const secrets = list("Secrets", `${at}/secrets`, [
    ["Name", (secret) => element("code", {}, secret.name)],
    ["Version", (secret) => String(secret.version)],
    ["Changed", (secret) => time(secret.updated_at)],
    ["Value", (secret) => (may("secrets:reveal") ? revealing(`${at}/${path("secrets", secret.name)}`) : "hidden")],
    ["", (secret) => may("secrets:write") && button("Delete", async () => {
      if (!await confirmed(`Delete the secret ${secret.name}?`, "Delete")) return;
      await call("DELETE", `${at}/${path("secrets", secret.name)}`);
      await secrets.reload();
    }, { class: "bad" })],
  ]);
  main.append(element("h2", {}, "Secrets"), secrets);
  if (may("secrets:write")) {
    main.append(form({ id: "new-secret" }, [
      field("Name", "name", { required: true, pattern: "[A-Za-z][A-Za-z0-9_.\\-]{0,127}", autocomplete: "off" }),
      field("Value", "value", { type: "password", required: true, autocomplete: "off" }),
    ], "Put secret", async (given, made) => {
      await call("PUT", `${at}/${path("secrets", given.get("name"))}`, { body: { value: given.get("value") } });
      made.reset();
      notice("The secret was put.");
      await secrets.reload();
    }));
  }
  await secrets.reload();
}

function actions(at, account, etag) {
  const suspended = account.status === "suspended";
  const change = async (body) => {
    await call("PATCH", at, { body, headers: { "If-Match": etag } });
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  };
  return element("p", {},
    button(suspended ? "Activate" : "Suspend", () => change({ status: suspended ? "active" : "suspended" })), " ",
    button("Delete account", async () => {
      if (!await confirmed(`Delete the account ${account.name}?`, "Delete")) return;
      await call("DELETE", at, { headers: { "If-Match": etag } });
      location.hash = "#/accounts";
    }, { class: "bad" }));
}

/** A button that shows a value, and hides it again. Each showing is written to the audit log. */
function revealing(at) {
  const place = element("span");
  const hide = () => place.replaceChildren(button("Reveal", async () => {
    const revealed = await get(`${at}/value`);
    const text = revealed.value ?? `base64: ${revealed.value_base64}`;
    const timer = setTimeout(hide, SHOWN_MS);
    place.replaceChildren(element("output", {}, text), " ", button("Hide", () => { clearTimeout(timer); hide(); }));
  }));
  hide();
  return place;
}
