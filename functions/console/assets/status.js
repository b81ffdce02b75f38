// Which build answers, over which schema, and for operators what the hardening checklist found.

import { element, time } from "./elements.js";
import { get } from "./session.js";

function facts(pairs) {
  return element("dl", {}, pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

export async function show(main, { may }) {
  const status = await get("admin/status");
  main.append(facts([
    ["Version", status.version],
    ["Commit", element("code", {}, status.commit)],
    ["Built", time(status.build_time)],
    ["Schema", String(status.schema_version)],
    ["Switched on", status.features.join(", ") || "-"],
  ]));
  if (may("schema:read")) {
    const schema = await get("admin/schema");
    main.append(element("h2", {}, "Schema"), facts([
      ["Version", `${schema.version} of ${schema.expected}`],
      ["Pending", String(schema.pending.length)],
      ["Failed", String(schema.failed.length)],
      ["Drift", String(schema.drift.length)],
    ]));
  }
  if (may("config:read")) {
    const { findings } = await get("admin/hardening");
    const rows = findings.map((found) => element("tr", {},
      [found.id, found.result, found.severity, found.asks].map((text) => element("td", {}, text))));
    const head = ["Line", "Result", "Severity", "Asks"].map((title) => element("th", { scope: "col" }, title));
    main.append(element("h2", {}, "Hardening"), element("section", { class: "scroll" },
      element("table", {}, element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows))));
  }
}
