// The build that answers, its schema, and for operators the findings of the hardening checklist.

import { element, facts, time } from "./elements.js";
import { get } from "./session.js";

/** @import { Context, Returned } from "../types/index.d.ts" */

/**
 * @param {Element} main
 * @param {Context} context
 */
export async function show(main, { may }) {
  /** @type {Returned<"/admin/status", "get">} */
  const status = await get("admin/status");
  main.append(facts([
    ["Version", status.version],
    ["Commit", element("code", {}, status.commit)],
    ["Built", time(status.build_time)],
    ["Schema", String(status.schema_version)],
    ["Features", status.features.join(", ") || "-"],
  ]));
  if (may("schema:read")) {
    /** @type {Returned<"/admin/schema", "get">} */
    const schema = await get("admin/schema");
    main.append(element("h2", {}, "Schema"), facts([
      ["Version", `${schema.version} of ${schema.expected}`],
      ["Pending", String(schema.pending.length)],
      ["Failed", String(schema.failed.length)],
      ["Drift", String(schema.drift.length)],
    ]));
  }
  if (may("config:read")) {
    /** @type {Returned<"/admin/hardening", "get">} */
    const { findings } = await get("admin/hardening");
    const rows = findings.map((finding) => element("tr", {},
      [finding.id, finding.result, finding.severity, finding.asks].map((text) => element("td", {}, text))));
    const titles = ["Control", "Result", "Severity", "Requirement"];
    const head = titles.map((title) => element("th", { scope: "col" }, title));
    main.append(element("h2", {}, "Hardening"), element("section", { class: "scroll" },
      element("table", {}, element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows))));
  }
}
