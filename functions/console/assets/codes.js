// The user's own one-time codes: a second factor.

import { button, element, field, form, notice, shownOnce } from "./elements.js";
import { call } from "./session.js";

/** @import { Returned } from "../types/index.d.ts" */

const INTRODUCTION = "With one-time codes, a password alone no longer signs in. Any authenticator app generates them "
  + "(RFC 6238).";

const code = () => field("Code from the app", "code", { required: true, autocomplete: "one-time-code" });

/** @param {Element} main */
export async function show(main) {
  const container = element("div");
  const enrol = button("Set up", async () => {
    /** @type {{ value: Returned<"/auth/mfa/totp", "post"> }} */
    const { value } = await call("POST", "auth/mfa/totp");
    const confirm = form({ id: "confirm-codes" }, [code()], "Confirm", async (data) => {
      await call("POST", "auth/mfa/totp/confirm", { body: { code: data.get("code") } });
      container.replaceChildren();
      notice("One-time codes are required from now on.");
    });
    container.replaceChildren(shownOnce("The secret for the app.", value.secret),
      shownOnce("Recovery codes, each valid for one sign-in.", value.recovery_codes.join("\n")), confirm);
  });
  const disable = form({}, [code()], "Disable", async (data, node) => {
    await call("DELETE", "auth/mfa/totp", { body: { code: data.get("code") } });
    node.reset();
    notice("One-time codes are disabled.");
  });
  main.append(element("p", {}, INTRODUCTION), element("p", {}, enrol), container,
    element("h2", {}, "Disable"), disable);
}
