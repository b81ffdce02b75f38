// The users of the tenant, or of the platform.

import { button, choice, confirmed, element, field, form, notice, shownOnce, time } from "./elements.js";
import { list } from "./list.js";
import { call, path } from "./session.js";

/** @import { Column, Context, Item, Returned } from "../types/index.d.ts" */
/** @typedef {Item<"/admin/users">} ListedUser */

/**
 * @param {Element} main
 * @param {Context} context
 */
export async function show(main, { may, user: self }) {
  const writes = may("users:write");

  /** @param {ListedUser} user */
  const actions = (user) => [
    button(user.status === "active" ? "Suspend" : "Activate", async () => {
      const body = { status: user.status === "active" ? "suspended" : "active" };
      const headers = { "If-Match": `"${user.version}"` };
      await call("PATCH", path("admin", "users", user.id), { body, headers });
      await table.reload();
    }),
    button("End sessions", async () => {
      await call("POST", path("admin", "users", user.id, "revoke"));
      notice(`${user.username} is signed out everywhere.`);
    }),
    button("Delete", async () => {
      if (!await confirmed(`Delete the user ${user.username}?`, "Delete")) return;
      await call("DELETE", path("admin", "users", user.id));
      await table.reload();
    }, { class: "bad" }),
  ];
  /** @type {Column<ListedUser>[]} */
  const columns = [
    ["Username", (user) => user.username],
    ["Role", (user) => user.role],
    ["Status", (user) => user.status],
    ["One-time codes", (user) => (user.mfa ? "set up" : "-")],
    ["Updated", (user) => time(user.updated_at)],
    ["", (user) => writes && user.id !== self.subject && actions(user)],
  ];
  const table = list("Users", "admin/users", columns);
  main.append(table);
  if (writes) {
    const roles = self.role === "operator" ? ["operator"] : ["viewer", "editor", "admin"];
    const created = element("div");
    main.append(element("h2", {}, "New user"), form({ id: "new-user" }, [
      field("Username", "username", { required: true, autocomplete: "off" }),
      choice("Role", "role", roles),
    ], "Create user", async (data, node) => {
      /** @type {{ value: Returned<"/admin/users", "post", 201> }} */
      const { value } = await call("POST", "admin/users", { body: Object.fromEntries(data) });
      const { username, password } = value;
      created.replaceChildren(password ? shownOnce(`The password of ${username}.`, password) : "");
      node.reset();
      await table.reload();
    }), created);
  }
  await table.reload();
}
