// The accounts of the tenant.

import { choice, element, field, form, notice, time } from "./elements.js";
import { list } from "./list.js";
import { call } from "./session.js";

/** @import { Column, Context, Item } from "../types/index.d.ts" */

/**
 * @param {Element} main
 * @param {Context} context
 */
export async function show(main, { may }) {
  /** @type {Column<Item<"/accounts">>[]} */
  const columns = [
    ["Name", (account) => element("a", { href: `#/account/${account.id}` }, account.name)],
    ["Owner", (account) => account.owner ?? "-"],
    ["Status", (account) => account.status],
    ["Updated", (account) => time(account.updated_at)],
  ];
  const table = list("Accounts, by name", "accounts", columns);
  const search = form({ role: "search" }, [
    field("Name begins with", "q", { type: "search" }),
    choice("Status", "status", [["", "any"], "active", "suspended"]),
  ], "Search", (data) => table.reload(Object.fromEntries(data)));
  main.append(search, table);
  if (may("accounts:write")) {
    main.append(element("h2", {}, "New account"), form({ id: "new-account" }, [
      field("Name", "name", { required: true, maxlength: 200 }),
      field("Owner", "owner", { maxlength: 200 }),
    ], "Create account", async (data, node) => {
      const owner = data.get("owner");
      await call("POST", "accounts", { body: { name: data.get("name"), ...(owner && { owner }) } });
      node.reset();
      notice("The account was created.");
      await table.reload();
    }));
  }
  await table.reload();
}
