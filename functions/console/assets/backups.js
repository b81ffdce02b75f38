// Backups, and the drills that restore them.

import { button, element, notice, time } from "./elements.js";
import { list } from "./list.js";
import { call } from "./session.js";

export async function show(main, { may }) {
  const table = list("The newest first", "admin/backups", [
    ["Kind", (run) => run.kind],
    ["State", (run) => run.state],
    ["Asked for", (run) => time(run.requested_at)],
    ["Ended", (run) => time(run.finished_at)],
    ["Seconds", (run) => (run.duration_seconds == null ? "-" : run.duration_seconds.toFixed(1))],
    ["Bytes", (run) => (run.compressed_bytes == null ? "-" : run.compressed_bytes.toLocaleString())],
    ["Dump", (run) => element("code", {}, run.object_key ?? "-")],
    ["Failed by", (run) => run.error ?? "-"],
  ]);
  if (may("backups:run")) {
    main.append(element("p", {}, button("Ask for a backup", async () => {
      await call("POST", "admin/backups");
      notice("The backup function makes it within five minutes.");
      await table.reload();
    })));
  }
  main.append(table);
  await table.reload();
}
