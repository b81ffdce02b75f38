// One-time codes of one's own: a second factor.

import { button, element, field, form, notice, shownOnce } from "./elements.js";
import { call } from "./session.js";

export async function show(main) {
  const place = element("div");
  main.append(
    element("p", {}, "With one-time codes, a password alone no longer signs in. Any authenticator app makes them (RFC 6238)."),
    element("p", {}, button("Set up", async () => {
      const { value } = await call("POST", "auth/mfa/totp");
      const confirm = form({ id: "confirm-codes" },
        [field("Code from the app", "code", { required: true, autocomplete: "one-time-code" })], "Confirm",
        async (given) => {
          await call("POST", "auth/mfa/totp/confirm", { body: { code: given.get("code") } });
          place.replaceChildren();
          notice("One-time codes are asked for from now on.");
        });
      place.replaceChildren(shownOnce("The secret for the app.", value.secret),
        shownOnce("Recovery codes, each good for one sign-in.", value.recovery_codes.join("\n")), confirm);
    })),
    place,
    element("h2", {}, "Remove"),
    form({}, [field("Code from the app", "code", { required: true, autocomplete: "one-time-code" })], "Remove", async (given, made) => {
      await call("DELETE", "auth/mfa/totp", { body: { code: given.get("code") } });
      made.reset();
      notice("One-time codes are no longer asked for.");
    }));
}
