// The platform's tenants.

import { button, element, field, form, shownOnce, time } from "./elements.js";
import { list } from "./list.js";
import { call, path } from "./session.js";

export async function show(main, { may }) {
  const table = list("Tenants", "admin/tenants", [
    ["Slug", (tenant) => element("code", {}, tenant.slug)],
    ["Name", (tenant) => tenant.name],
    ["Status", (tenant) => tenant.status],
    ["Since", (tenant) => time(tenant.created_at)],
    ["", (tenant) => may("tenants:write") && button(tenant.status === "active" ? "Suspend" : "Activate", async () => {
      const status = tenant.status === "active" ? "suspended" : "active";
      const headers = { "If-Match": `"${tenant.version}"` };
      await call("PATCH", path("admin", "tenants", tenant.id), { body: { status }, headers });
      await table.reload();
    })],
  ]);
  main.append(table);
  if (may("tenants:write")) {
    const made = element("div");
    main.append(element("h2", {}, "A new tenant"), form({ id: "new-tenant" }, [
      field("Slug", "slug", { required: true, autocomplete: "off" }),
      field("Name", "name", { required: true, autocomplete: "off" }),
      field("First admin", "admin", { required: true, autocomplete: "off" }),
    ], "Create tenant", async (given, entered) => {
      const body = { slug: given.get("slug"), name: given.get("name"), admin: { username: given.get("admin") } };
      const { value } = await call("POST", "admin/tenants", { body });
      made.replaceChildren(shownOnce(`The password of ${value.admin.username}.`, value.admin.password));
      entered.reset();
      await table.reload();
    }), made);
  }
  await table.reload();
}
