// Backups, and the drills that restore them.

import { button, element, notice, time } from "./elements.js";
import { list } from "./list.js";
import { call } from "./session.js";

/** @import { Column, Context, Item } from "../types/index.d.ts" */

/**
 * @param {Element} main
 * @param {Context} context
 */
export async function show(main, { may }) {
  /** @type {Column<Item<"/admin/backups">>[]} */
  const columns = [
    ["Kind", (run) => run.kind],
    ["State", (run) => run.state],
    ["Requested", (run) => time(run.requested_at)],
    ["Finished", (run) => time(run.finished_at)],
    ["Seconds", (run) => (run.duration_seconds == null ? "-" : run.duration_seconds.toFixed(1))],
    ["Bytes", (run) => (run.compressed_bytes == null ? "-" : run.compressed_bytes.toLocaleString())],
    ["Archive", (run) => element("code", {}, run.object_key ?? "-")],
    ["Error", (run) => run.error ?? "-"],
  ];
  const table = list("Newest first", "admin/backups", columns);
  if (may("backups:run")) {
    main.append(element("p", {}, button("Request a backup", async () => {
      await call("POST", "admin/backups");
      notice("The backup function starts it within five minutes.");
      await table.reload();
    })));
  }
  main.append(table);
  await table.reload();
}
