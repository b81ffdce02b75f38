// A list of the API as a table, page after page.

import { button, element } from "./elements.js";
import { get } from "./session.js";

/** @import { Column, Query, Table } from "../types/index.d.ts" */

/**
 * Creates a table of the items that `path` lists; `table.reload(query)` reads them again.
 * @template Item
 * @param {string} caption
 * @param {string} path
 * @param {Column<Item>[]} columns
 * @returns {Table}
 */
export function list(caption, path, columns) {
  const rows = element("tbody");
  const empty = element("p", {});
  const more = button("More", () => load());
  /** @type {Query} */
  let filters = {};
  /** @type {string | null} */
  let cursor = null;

  async function load() {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...filters, cursor })) if (value) query.set(name, String(value));
    /** @type {{ items: Item[], next_cursor: string | null }} */
    const page = await get(`${path}?${query}`);
    rows.append(...page.items.map((item) =>
      element("tr", {}, columns.map(([, cell]) => element("td", {}, cell(item))))));
    cursor = page.next_cursor;
    more.hidden = !cursor;
    empty.textContent = rows.children.length ? "" : "No entries.";
  }

  const head = element("tr", {}, columns.map(([title]) => element("th", { scope: "col" }, title)));
  const table = element("table", {}, element("caption", {}, caption), element("thead", {}, head), rows);
  const reload = async (/** @type {Query} */ query = filters) => {
    filters = query;
    cursor = null;
    rows.replaceChildren();
    await load();
  };
  return Object.assign(element("section", { class: "scroll" }, table, empty, more), { reload });
}
