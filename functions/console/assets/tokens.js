// API tokens: for programs, with the scopes that they need.

import { button, confirmed, element, field, form, shownOnce, time } from "./elements.js";
import { list } from "./list.js";
import { call, path } from "./session.js";

const TENANT = ["accounts:read", "accounts:write", "secrets:read", "secrets:write", "secrets:reveal"];

export async function show(main, { may, who }) {
  const table = list("API tokens", "auth/tokens", [
    ["Name", (token) => token.name],
    ["Begins with", (token) => element("code", {}, token.prefix)],
    ["Scopes", (token) => token.scopes.join(", ")],
    ["Created", (token) => time(token.created_at)],
    ["Runs out", (token) => time(token.expires_at)],
    ["Last used", (token) => time(token.last_used_at)],
    ["", (token) => may("tokens:write") && button("Revoke", async () => {
      if (!await confirmed(`Revoke the token ${token.name}? What uses it is refused at once.`, "Revoke")) return;
      await call("DELETE", path("auth", "tokens", token.id));
      await table.reload();
    }, { class: "bad" })],
  ]);
  main.append(table);
  if (may("tokens:write")) {
    const scopes = who.role === "operator" ? ["metrics:read"] : TENANT;
    const boxes = scopes.map((scope) => element("label", {}, element("input", { type: "checkbox", name: "scopes", value: scope }), scope));
    const made = element("div");
    main.append(element("h2", {}, "A new token"), form({ id: "new-token" }, [
      field("Name", "name", { required: true, maxlength: 100, autocomplete: "off" }),
      field("Runs out", "expires", { type: "date" }),
      element("fieldset", {}, element("legend", {}, "Scopes"), boxes),
    ], "Create token", async (given, entered) => {
      const body = { name: given.get("name"), scopes: given.getAll("scopes") };
      if (given.get("expires")) body.expires_at = new Date(given.get("expires")).toISOString();
      const { value } = await call("POST", "auth/tokens", { body });
      made.replaceChildren(shownOnce(`The token ${value.name}.`, value.token));
      entered.reset();
      await table.reload();
    }), made);
  }
  await table.reload();
}
