// The accounts of the tenant.

import { choice, element, field, form, notice, time } from "./elements.js";
import { list } from "./list.js";
import { call } from "./session.js";

export async function show(main, { may }) {
  const table = list("Accounts, by name", "accounts", [
    ["Name", (account) => element("a", { href: `#/account/${account.id}` }, account.name)],
    ["Owner", (account) => account.owner ?? "-"],
    ["Status", (account) => account.status],
    ["Changed", (account) => time(account.updated_at)],
  ]);
  const search = form({ role: "search" }, [
    field("Name begins with", "q", { type: "search" }),
    choice("Status", "status", [["", "any"], "active", "suspended"]),
  ], "Search", (given) => table.reload(Object.fromEntries(given)));
  const create = may("accounts:write") && form({ id: "new-account" }, [
    field("Name", "name", { required: true, maxlength: 200 }),
    field("Owner", "owner", { maxlength: 200 }),
  ], "Create account", async (given, made) => {
    const owner = given.get("owner");
    await call("POST", "accounts", { body: { name: given.get("name"), ...(owner && { owner }) } });
    made.reset();
    notice("The account was created.");
    await table.reload();
  });
  main.append(search, table);
  if (create) main.append(element("h2", {}, "A new account"), create);
  await table.reload();
}
