// A list of the API as a table, page after page.

import { button, element } from "./elements.js";
import { get } from "./session.js";

/**
 * A table of what `path` lists. Columns are pairs of a title and what makes a cell of an item; `query` narrows it.
 * `table.reload(query)` reads it anew.
 */
export function list(caption, path, columns, query = {}) {
  const rows = element("tbody");
  const empty = element("p", {});
  const more = button("More", () => load());
  let narrowed = query;
  let cursor = null;

  async function load() {
    const given = Object.entries({ ...narrowed, cursor }).filter(([, value]) => value);
    const page = await get(`${path}?${new URLSearchParams(given)}`);
    rows.append(...page.items.map((item) => element("tr", {}, columns.map(([, cell]) => element("td", {}, cell(item))))));
    cursor = page.next_cursor;
    more.hidden = !cursor;
    empty.textContent = rows.children.length ? "" : "There is nothing here.";
  }

  const head = element("tr", {}, columns.map(([title]) => element("th", { scope: "col" }, title)));
  const table = element("table", {}, element("caption", {}, caption), element("thead", {}, head), rows);
  const made = element("section", { class: "scroll" }, table, empty, more);
  made.reload = async (query = narrowed) => {
    narrowed = query;
    cursor = null;
    rows.replaceChildren();
    await load();
  };
  return made;
}
