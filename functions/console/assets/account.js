// One account and its secrets. A secret's value is read when the user reveals it, and is hidden again after a while.

import { button, confirmed, element, facts, field, form, notice, time } from "./elements.js";
import { list } from "./list.js";
import { call, get, path } from "./session.js";

/** @import { Column, Context, Item, Returned } from "../types/index.d.ts" */
/** @typedef {Returned<"/accounts/{id}", "get">} Account */

// A revealed value stays on the screen this long.
const SHOWN_MS = 30_000;

const SECRET_NAME = "[A-Za-z][A-Za-z0-9_.\\-]{0,127}";

/**
 * @param {Element} main
 * @param {Context} context
 * @param {string} id
 */
export async function show(main, { may }, id) {
  const at = path("accounts", id);
  const { value, etag } = await call("GET", at);
  /** @type {Account} */
  const account = value;
  const title = main.querySelector("h1");
  if (title) title.textContent = account.name;
  main.append(facts([["Status", account.status], ["Owner", account.owner ?? "-"], ["Id", account.id]]));
  if (may("accounts:write")) main.append(actions(at, account, etag));
  if (!may("secrets:read")) return;

  /** @type {Column<Item<"/accounts/{id}/secrets">>[]} */
  const columns = [
    ["Name", (secret) => element("code", {}, secret.name)],
    ["Version", (secret) => String(secret.version)],
    ["Updated", (secret) => time(secret.updated_at)],
    ["Value", (secret) => (may("secrets:reveal") ? revealable(`${at}/${path("secrets", secret.name)}`) : "hidden")],
    ["", (secret) => may("secrets:write") && button("Delete", async () => {
      if (!await confirmed(`Delete the secret ${secret.name}?`, "Delete")) return;
      await call("DELETE", `${at}/${path("secrets", secret.name)}`);
      await table.reload();
    }, { class: "bad" })],
  ];
  const table = list("Secrets", `${at}/secrets`, columns);
  main.append(element("h2", {}, "Secrets"), table);
  if (may("secrets:write")) {
    main.append(form({ id: "new-secret" }, [
      field("Name", "name", { required: true, pattern: SECRET_NAME, autocomplete: "off" }),
      field("Value", "value", { type: "password", required: true, autocomplete: "off" }),
    ], "Put secret", async (data, node) => {
      const name = String(data.get("name"));
      await call("PUT", `${at}/${path("secrets", name)}`, { body: { value: data.get("value") } });
      node.reset();
      notice("The secret was put.");
      await table.reload();
    }));
  }
  await table.reload();
}

/**
 * @param {string} at
 * @param {Account} account
 * @param {string} etag
 */
function actions(at, account, etag) {
  const suspended = account.status === "suspended";
  const update = async (/** @type {object} */ body) => {
    await call("PATCH", at, { body, headers: { "If-Match": etag } });
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  };
  return element("p", {},
    button(suspended ? "Activate" : "Suspend", () => update({ status: suspended ? "active" : "suspended" })), " ",
    button("Delete account", async () => {
      if (!await confirmed(`Delete the account ${account.name}?`, "Delete")) return;
      await call("DELETE", at, { headers: { "If-Match": etag } });
      location.hash = "#/accounts";
    }, { class: "bad" }));
}

/**
 * A button that shows a value, and hides it again. Each time is recorded in the audit log.
 * @param {string} at
 */
function revealable(at) {
  const container = element("span");
  const hide = () => container.replaceChildren(button("Reveal", async () => {
    /** @type {Returned<"/accounts/{id}/secrets/{name}/value", "get">} */
    const revealed = await get(`${at}/value`);
    const text = revealed.value ?? `base64: ${revealed.value_base64}`;
    const timer = setTimeout(hide, SHOWN_MS);
    const cover = button("Hide", () => { clearTimeout(timer); hide(); });
    container.replaceChildren(element("output", {}, text), " ", cover);
  }));
  hide();
  return container;
}
