// The frame: who is signed in, which pages they may see, and the page that the address names.

import { button, element, notice } from "./elements.js";
import { get, mayResume, renew, signOut } from "./session.js";
import * as signIn from "./sign-in.js";

// In the order of the menu, each loaded when it is opened: so a first look asks the function for few files at a time.
// The server decides who may do what; this only spares people pages that would be refused.
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

const main = document.getElementById("main");
const leave = document.getElementById("sign-out");
let who = null;

const may = (permission) => !permission || Boolean(who?.permissions.includes(permission));

function frame() {
  document.querySelector("nav").hidden = !who;
  leave.hidden = !who;
  document.getElementById("who").textContent = who ? `${who.username}, ${who.role}${who.tenant ? ` of ${who.tenant.name}` : ""}` : "";
  const shown = PAGES.filter((page) => who && !page.within && may(page.needs));
  document.getElementById("pages").replaceChildren(
    ...shown.map(({ name, title }) => element("li", {}, element("a", { href: `#/${name}`, id: `page-${name}` }, title))));
}

function stranger() {
  who = null;
  frame();
  signIn.show(main, enter);
}

async function enter() {
  who = await get("auth/whoami");
  frame();
  await route();
}

/** Shows the page that the address names. */
async function route() {
  if (!who) return;
  const [name, argument] = location.hash.replace(/^#\//, "").split("/").map(decodeURIComponent);
  const named = PAGES.find((page) => page.name === name && may(page.needs));
  const { title, load, name: found, within } = named ?? PAGES.find((page) => may(page.needs));
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${within ?? found}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${title} - Holdfast`;
  // A page that takes long must not write over the one that was opened after it.
  const place = element("div", {}, element("h1", {}, title));
  main.replaceChildren(place);
  main.focus();
  try {
    const page = await load();
    await page.show(place, { may, who }, argument);
  } catch (error) {
    place.append(element("p", { class: "refusal", role: "alert" }, error.message), button("Try again", route));
  }
}

leave.onclick = async () => {
  try {
    await signOut();
    location.hash = "";
    stranger();
  } catch (error) {
    notice(error.message);
  }
};
window.addEventListener("hashchange", route);
document.addEventListener("session-ended", () => {
  if (!who) return;
  stranger();
  notice("The session is over. Sign in again.");
});

if (mayResume()) {
  try {
    await renew();
    await enter();
  } catch {
    stranger();
  }
} else {
  stranger();
}
