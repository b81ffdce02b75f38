// Signing in: a tenant, a username and a password, and a one-time code where the server asks for one.

import { element, field, form } from "./elements.js";
import { ApiError, signIn } from "./session.js";

/**
 * Shows the form; `done` is called when the session has begun.
 * @param {Element} main
 * @param {() => Promise<void>} done
 */
export function show(main, done) {
  const code = field("One-time code", "otp", { autocomplete: "one-time-code", maxlength: 128 });
  code.hidden = true;
  const password = { type: "password", autocomplete: "current-password", required: true, maxlength: 256 };
  const fields = [
    field("Tenant (none for an operator)", "tenant", { autocomplete: "organization", maxlength: 128 }),
    field("Username", "username", { autocomplete: "username", required: true, maxlength: 128 }),
    field("Password", "password", password),
    code,
  ];
  const node = form({ class: "tall", id: "sign-in" }, fields, "Sign in", async (data) => {
    try {
      await signIn(Object.fromEntries([...data].filter(([, value]) => value)));
    } catch (error) {
      if (error instanceof ApiError && error.code === "mfa_required") {
        code.hidden = false;
        code.querySelector("input")?.focus();
      }
      throw error;
    }
    await done();
  });
  main.replaceChildren(element("h1", {}, "Sign in"), node);
  node.querySelector("input")?.focus();
}
