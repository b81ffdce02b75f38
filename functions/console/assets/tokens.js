// API tokens: for programs, with the scopes that they need.

import { button, confirmed, element, field, form, shownOnce, time } from "./elements.js";
import { list } from "./list.js";
import { call, path } from "./session.js";

/** @import { Column, Context, Item, Returned } from "../types/index.d.ts" */

const TENANT_SCOPES = ["accounts:read", "accounts:write", "secrets:read", "secrets:write", "secrets:reveal"];
const PLATFORM_SCOPES = ["metrics:read"];

/**
 * @param {Element} main
 * @param {Context} context
 */
export async function show(main, { may, user }) {
  /** @type {Column<Item<"/auth/tokens">>[]} */
  const columns = [
    ["Name", (token) => token.name],
    ["Begins with", (token) => element("code", {}, token.prefix)],
    ["Scopes", (token) => token.scopes.join(", ")],
    ["Created", (token) => time(token.created_at)],
    ["Expires", (token) => time(token.expires_at)],
    ["Last used", (token) => time(token.last_used_at)],
    ["", (token) => may("tokens:write") && button("Revoke", async () => {
      if (!await confirmed(`Revoke the token ${token.name}? Its requests are rejected at once.`, "Revoke")) return;
      await call("DELETE", path("auth", "tokens", token.id));
      await table.reload();
    }, { class: "bad" })],
  ];
  const table = list("API tokens", "auth/tokens", columns);
  main.append(table);
  if (may("tokens:write")) {
    const scopes = user.role === "operator" ? PLATFORM_SCOPES : TENANT_SCOPES;
    const boxes = scopes.map((scope) =>
      element("label", {}, element("input", { type: "checkbox", name: "scopes", value: scope }), scope));
    const created = element("div");
    main.append(element("h2", {}, "New token"), form({ id: "new-token" }, [
      field("Name", "name", { required: true, maxlength: 100, autocomplete: "off" }),
      field("Expires", "expires", { type: "date" }),
      element("fieldset", {}, element("legend", {}, "Scopes"), boxes),
    ], "Create token", async (data, node) => {
      const expires = data.get("expires");
      const body = {
        name: data.get("name"),
        scopes: data.getAll("scopes"),
        ...(expires && { expires_at: new Date(String(expires)).toISOString() }),
      };
      /** @type {{ value: Returned<"/auth/tokens", "post", 201> }} */
      const { value } = await call("POST", "auth/tokens", { body });
      created.replaceChildren(shownOnce(`The token ${value.name}.`, value.token));
      node.reset();
      await table.reload();
    }), created);
  }
  await table.reload();
}
