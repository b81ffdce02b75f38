// Signing in: a tenant, a name and a password, and a one-time code where one is asked for.

import { element, field, form } from "./elements.js";
import { signIn } from "./session.js";

/** The form; `done` is called when the session has begun. */
export function show(main, done) {
  const code = field("One-time code", "otp", { autocomplete: "one-time-code", maxlength: 128 });
  code.hidden = true;
  const fields = [
    field("Tenant (none for an operator)", "tenant", { autocomplete: "organization", maxlength: 128 }),
    field("Username", "username", { autocomplete: "username", required: true, maxlength: 128 }),
    field("Password", "password", { type: "password", autocomplete: "current-password", required: true, maxlength: 256 }),
    code,
  ];
  const made = form({ class: "tall", id: "sign-in" }, fields, "Sign in", async (given) => {
    const named = ["tenant", "username", "password", "otp"].map((name) => [name, given.get(name)]);
    try {
      await signIn(Object.fromEntries(named.filter(([, value]) => value)));
    } catch (error) {
      if (error.code === "mfa_required") {
        code.hidden = false;
        code.querySelector("input").focus();
      }
      throw error;
    }
    await done();
  });
  main.replaceChildren(element("h1", {}, "Sign in"), made);
  made.querySelector("input").focus();
}
