// The user's own one-time codes: a second factor.

import { element, field, form, notice, shownOnce } from "./elements.js";
import { call } from "./session.js";

/** @import { Returned } from "../types/index.d.ts" */

const INTRODUCTION = "With one-time codes, a password alone no longer signs in. Any authenticator app generates them "
  + "(RFC 6238).";

const code = () => field("Code from the app", "code", { required: true, autocomplete: "one-time-code" });
const password = () => field("Password", "password",
  { type: "password", required: true, autocomplete: "current-password", maxlength: 256 });

/** @param {string[]} codes */
const recovery = (codes) => shownOnce("Recovery codes, each valid for one sign-in.", codes.join("\n"));

/** @param {Element} main */
export async function show(main) {
  const container = element("div");
  const enrol = form({ id: "enrol-codes" }, [password()], "Set up", async (data, node) => {
    /** @type {{ value: Returned<"/auth/mfa/totp", "post"> }} */
    const { value } = await call("POST", "auth/mfa/totp", { body: { password: data.get("password") } });
    node.reset();
    const confirm = form({ id: "confirm-codes" }, [code()], "Confirm", async (values) => {
      await call("POST", "auth/mfa/totp/confirm", { body: { code: values.get("code") } });
      container.replaceChildren();
      notice("One-time codes are required from now on.");
    });
    container.replaceChildren(shownOnce("The secret for the app.", value.secret),
      recovery(value.recovery_codes), confirm);
  });
  const renew = form({ id: "renew-codes" }, [code()], "Create", async (data, node) => {
    /** @type {{ value: Returned<"/auth/mfa/recovery-codes", "post"> }} */
    const { value } = await call("POST", "auth/mfa/recovery-codes", { body: { code: data.get("code") } });
    node.reset();
    container.replaceChildren(recovery(value.recovery_codes));
  });
  const disable = form({}, [code()], "Disable", async (data, node) => {
    await call("DELETE", "auth/mfa/totp", { body: { code: data.get("code") } });
    node.reset();
    notice("One-time codes are disabled.");
  });
  main.append(element("p", {}, INTRODUCTION), enrol, container, element("h2", {}, "New recovery codes"), renew,
    element("h2", {}, "Disable"), disable);
}
