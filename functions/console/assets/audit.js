// The audit log: what was done, by whom, and whether the log is whole.

import { button, element, field, form, time } from "./elements.js";
import { list } from "./list.js";
import { get } from "./session.js";

export async function show(main) {
  const targets = (row) => Object.entries(row.targets).map(([name, id]) => `${name} ${id}`).join(", ");
  const table = list("The newest first", "admin/audit", [
    ["Time", (row) => time(row.at)],
    ["Who", (row) => row.actor.name ?? row.actor.kind],
    ["Action", (row) => element("code", {}, row.action)],
    ["Status", (row) => String(row.status)],
    ["About", (row) => targets(row) || row.path],
    ["From", (row) => row.source_ip ?? "-"],
    ["Request", (row) => element("code", {}, row.request_id)],
  ]);
  const filters = form({ role: "search", id: "filters" }, [
    field("From", "from", { type: "datetime-local" }),
    field("To", "to", { type: "datetime-local" }),
    field("Who", "actor"),
    field("Action", "action", { placeholder: "secret.reveal" }),
    field("Status", "status", { inputmode: "numeric", pattern: "[0-9]{3}" }),
    field("Path begins with", "path"),
    field("Request id", "request_id"),
    field("Account id", "account_id"),
  ], "Filter", (given) => {
    const query = Object.fromEntries(given);
    for (const end of ["from", "to"]) if (query[end]) query[end] = new Date(query[end]).toISOString();
    return table.reload(query);
  });
  const told = element("p", { id: "verified", role: "status" });
  main.append(filters, element("p", {}, button("Verify the log", () => verify(told))), told, table);
  await table.reload();
}

/** Has the server verify the seals, part after part; offline, `holdfast audit verify` does it from an export. */
async function verify(told) {
  let [cursor, seals, rows, answer] = ["", 0, 0, null];
  do {
    told.textContent = `Verifying: ${seals} seals so far.`;
    answer = await get(`admin/audit/verify${cursor && `?cursor=${encodeURIComponent(cursor)}`}`);
    seals += answer.seals;
    rows += answer.rows;
    cursor = answer.next_cursor;
  } while (answer.ok && cursor);
  told.textContent = answer.ok
    ? `Whole: ${rows} rows under ${seals} seals, sealed through ${answer.sealed_through ?? "nothing yet"}.`
    : `Not whole. The first that is wrong: ${JSON.stringify(answer.first_bad)}`;
  told.className = answer.ok ? "" : "refusal";
}
