// The platform's tenants.

import { button, element, field, form, shownOnce, time } from "./elements.js";
import { list } from "./list.js";
import { call, path } from "./session.js";

/** @import { Column, Context, Item, Returned } from "../types/index.d.ts" */

/**
 * @param {Element} main
 * @param {Context} context
 */
export async function show(main, { may }) {
  /** @type {Column<Item<"/admin/tenants">>[]} */
  const columns = [
    ["Slug", (tenant) => element("code", {}, tenant.slug)],
    ["Name", (tenant) => tenant.name],
    ["Status", (tenant) => tenant.status],
    ["Created", (tenant) => time(tenant.created_at)],
    ["", (tenant) => may("tenants:write") && button(tenant.status === "active" ? "Suspend" : "Activate", async () => {
      const status = tenant.status === "active" ? "suspended" : "active";
      const headers = { "If-Match": `"${tenant.version}"` };
      await call("PATCH", path("admin", "tenants", tenant.id), { body: { status }, headers });
      await table.reload();
    })],
  ];
  const table = list("Tenants", "admin/tenants", columns);
  main.append(table);
  if (may("tenants:write")) {
    const created = element("div");
    main.append(element("h2", {}, "New tenant"), form({ id: "new-tenant" }, [
      field("Slug", "slug", { required: true, autocomplete: "off" }),
      field("Name", "name", { required: true, autocomplete: "off" }),
      field("First admin", "admin", { required: true, autocomplete: "off" }),
    ], "Create tenant", async (data, node) => {
      const body = { slug: data.get("slug"), name: data.get("name"), admin: { username: data.get("admin") } };
      /** @type {{ value: Returned<"/admin/tenants", "post", 201> }} */
      const { value } = await call("POST", "admin/tenants", { body });
      const { username = "", password } = value.admin ?? {};
      created.replaceChildren(password ? shownOnce(`The password of ${username}.`, password) : "");
      node.reset();
      await table.reload();
    }), created);
  }
  await table.reload();
}
