// The frame: the signed-in user, the pages that user may see, and the page that the address names.

import { button, byId, element, message, notice } from "./elements.js";
import { authenticateBy, get, mayResume, renew, signOut } from "./session.js";
import * as signIn from "./sign-in.js";
import * as stepUp from "./step-up.js";

/** @import { Context, User } from "../types/index.d.ts" */

/**
 * @typedef {object} Page
 * @property {string} name in the address
 * @property {string} title
 * @property {string} [needs] a permission
 * @property {string} [within] the page of the menu that it belongs to
 * @property {() => Promise<{ show(main: Element, context: Context, argument: string): Promise<void> }>} load
 */

// In the order of the menu, each loaded when it is opened, so that the first page needs few files.
// The server decides what a user may do; this only hides pages that it would reject.
/** @type {Page[]} */
const PAGES = [
  { name: "accounts", title: "Accounts", needs: "accounts:read", load: () => import("./accounts.js") },
  { name: "account", title: "Account", needs: "accounts:read", load: () => import("./account.js"), within: "accounts" },
  { name: "tenants", title: "Tenants", needs: "tenants:read", load: () => import("./tenants.js") },
  { name: "users", title: "Users", needs: "users:read", load: () => import("./users.js") },
  { name: "tokens", title: "Tokens", needs: "tokens:read", load: () => import("./tokens.js") },
  { name: "audit", title: "Audit log", needs: "audit:read", load: () => import("./audit.js") },
  { name: "backups", title: "Backups", needs: "backups:read", load: () => import("./backups.js") },
  { name: "status", title: "Status", needs: "audit:read", load: () => import("./status.js") },
  { name: "codes", title: "One-time codes", load: () => import("./codes.js") },
];

const main = byId("main");
const menu = byId("menu");
const leave = byId("sign-out");
/** @type {User | null} */
let user = null;

/** @type {Context["may"]} */
const may = (permission) => !permission || Boolean(user?.permissions.some((held) => held === permission));

function renderHeader() {
  menu.hidden = !user;
  leave.hidden = !user;
  const tenant = user?.tenant ? ` of ${user.tenant.name}` : "";
  byId("who").textContent = user ? `${user.username}, ${user.role}${tenant}` : "";
  const shown = PAGES.filter((page) => user && !page.within && may(page.needs));
  byId("pages").replaceChildren(...shown.map(({ name, title }) =>
    element("li", {}, element("a", { href: `#/${name}`, id: `page-${name}` }, title))));
}

function showSignIn() {
  user = null;
  renderHeader();
  signIn.show(main, enter);
}

async function enter() {
  user = await get("auth/whoami");
  renderHeader();
  await route();
}

/** Shows the page that the address names, or the first of the menu. */
async function route() {
  if (!user) return;
  const [name, argument = ""] = location.hash.replace(/^#\//, "").split("/").map(decodeURIComponent);
  const page = PAGES.find((each) => each.name === name && may(each.needs)) ?? PAGES.find((each) => may(each.needs));
  if (!page) return;
  for (const link of menu.querySelectorAll("a")) {
    if (link.hash === `#/${page.within ?? page.name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${page.title} - Holdfast`;
  // A page that loads slowly must not write over the one that was opened after it.
  const container = element("div", {}, element("h1", {}, page.title));
  main.replaceChildren(container);
  main.focus();
  try {
    const module = await page.load();
    await module.show(container, { may, user }, argument);
  } catch (error) {
    container.append(element("p", { class: "error", role: "alert" }, message(error)), button("Try again", route));
  }
}

leave.onclick = async () => {
  try {
    await signOut();
    location.hash = "";
    showSignIn();
  } catch (error) {
    notice(message(error));
  }
};
authenticateBy(stepUp.ask);
window.addEventListener("hashchange", route);
document.addEventListener("session-ended", () => {
  if (!user) return;
  showSignIn();
  notice("The session has ended. Sign in again.");
});

if (mayResume()) {
  try {
    await renew();
    await enter();
  } catch {
    showSignIn();
  }
} else {
  showSignIn();
}
