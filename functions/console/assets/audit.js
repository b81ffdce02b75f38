// The audit log: who did what, and whether the log is intact.

import { button, element, field, form, time } from "./elements.js";
import { list } from "./list.js";
import { get } from "./session.js";

/** @import { Column, Context, Item, Query, Returned } from "../types/index.d.ts" */
/** @typedef {Item<"/admin/audit">} Row */

/** @param {Row} row */
const targets = (row) => Object.entries(row.targets ?? {}).map(([name, id]) => `${name} ${id}`).join(", ");

/**
 * @param {Element} main
 * @param {Context} context
 */
export async function show(main, { user }) {
  /** @type {Column<Row>[]} */
  const columns = [
    ["Time", (row) => time(row.at)],
    ["Actor", (row) => row.actor.name ?? row.actor.kind],
    ["Action", (row) => element("code", {}, row.action)],
    ["Status", (row) => String(row.status)],
    ["Target", (row) => targets(row) || row.path],
    ["Source address", (row) => row.source_ip ?? "-"],
    ["Request", (row) => element("code", {}, row.request_id)],
  ];
  const table = list("Newest first", "admin/audit", columns);
  table.id = "log";
  const filters = form({ role: "search", id: "filters" }, [
    field("From", "from", { type: "datetime-local" }),
    field("To", "to", { type: "datetime-local" }),
    field("Actor id", "actor"),
    field("Role", "role", { placeholder: "operator" }),
    field("Action", "action", { placeholder: "secret.reveal" }),
    field("Status", "status", { inputmode: "numeric", pattern: "[0-9]{3}" }),
    field("Path begins with", "path"),
    field("Request id", "request_id"),
    field("Account id", "account_id"),
  ], "Filter", (data) => {
    /** @type {Query} */
    const query = Object.fromEntries(data);
    for (const end of ["from", "to"]) if (query[end]) query[end] = new Date(String(query[end])).toISOString();
    return table.reload(query);
  });
  const result = element("p", { id: "verified", role: "status" });
  if (user.tenant) main.append(await operators());
  main.append(filters, element("p", {}, button("Verify the log", () => verify(result))), result, table);
  await table.reload();
}

/**
 * Lists what the platform's operators did in the tenant, and why: its admins see that first.
 * @returns {Promise<HTMLElement>}
 */
async function operators() {
  /** @type {Column<Row>[]} */
  const columns = [
    ["Time", (row) => time(row.at)],
    ["Operator", (row) => row.actor.name ?? row.actor.kind],
    ["Action", (row) => element("code", {}, row.action)],
    ["Reason", (row) => row.reason ?? "-"],
    ["Status", (row) => String(row.status)],
    ["Target", (row) => targets(row) || row.path],
  ];
  const table = list("What operators of the platform did here, newest first", "admin/audit", columns);
  table.id = "operators";
  await table.reload({ role: "operator", limit: "10" });
  return table;
}

/**
 * Has the server verify the seals, page after page; offline, `holdfast audit verify` does it from an export.
 * @param {HTMLElement} result
 */
async function verify(result) {
  let [seals, rows] = [0, 0];
  /** @type {string | null | undefined} */
  let cursor = null;
  /** @type {Returned<"/admin/audit/verify", "get">} */
  let page;
  do {
    result.textContent = `Verifying: ${seals} seals so far.`;
    page = await get(`admin/audit/verify${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`);
    seals += page.seals;
    rows += page.rows;
    cursor = page.next_cursor;
  } while (page.ok && cursor);
  result.textContent = page.ok
    ? `Intact: ${rows} rows under ${seals} seals, sealed through ${page.sealed_through ?? "nothing yet"}.`
    : `Not intact. The first mismatch: ${JSON.stringify(page.first_bad)}`;
  result.className = page.ok ? "" : "error";
}
