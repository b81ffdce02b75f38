// The users of the tenant, or of the platform.

import { button, choice, confirmed, element, field, form, notice, shownOnce, time } from "./elements.js";
import { list } from "./list.js";
import { call, path } from "./session.js";

export async function show(main, { may, who }) {
  const writes = may("users:write");
  const change = async (user, body) => {
    const headers = { "If-Match": `"${user.version}"` };
    await call("PATCH", path("admin", "users", user.id), { body, headers });
    await table.reload();
  };
  const table = list("Users", "admin/users", [
    ["Username", (user) => user.username],
    ["Role", (user) => user.role],
    ["Status", (user) => user.status],
    ["One-time codes", (user) => (user.mfa ? "set up" : "-")],
    ["Changed", (user) => time(user.updated_at)],
    ["", (user) => writes && user.id !== who.subject && [
      button(user.status === "active" ? "Suspend" : "Activate",
        () => change(user, { status: user.status === "active" ? "suspended" : "active" })),
      button("End sessions", async () => {
        await call("POST", path("admin", "users", user.id, "revoke"));
        notice(`${user.username} is signed out everywhere.`);
      }),
      button("Delete", async () => {
        if (!await confirmed(`Delete the user ${user.username}?`, "Delete")) return;
        await call("DELETE", path("admin", "users", user.id));
        await table.reload();
      }, { class: "bad" }),
    ]],
  ]);
  const made = element("div");
  main.append(table);
  if (writes) {
    const roles = who.role === "operator" ? ["operator"] : ["viewer", "editor", "admin"];
    main.append(element("h2", {}, "A new user"), form({ id: "new-user" }, [
      field("Username", "username", { required: true, autocomplete: "off" }),
      choice("Role", "role", roles),
    ], "Create user", async (given, entered) => {
      const { value } = await call("POST", "admin/users", { body: Object.fromEntries(given) });
      made.replaceChildren(shownOnce(`The password of ${value.username}.`, value.password));
      entered.reset();
      await table.reload();
    }), made);
  }
  await table.reload();
}
