// Authenticating again before something that a stolen session must not do.

import { element, field, form } from "./elements.js";
import { ApiError, stepUp } from "./session.js";

const QUESTION = "Confirm that it is you: this needs a password that was given in the last five minutes.";

/**
 * Asks for the password, and for a one-time code where the server wants one.
 * @returns {Promise<boolean>} whether the user authenticated
 */
export function ask() {
  return new Promise((resolve) => {
    const password = { type: "password", autocomplete: "current-password", required: true, maxlength: 256 };
    const code = field("One-time code", "otp", { autocomplete: "one-time-code", maxlength: 128 });
    code.hidden = true;
    const node = form({ class: "tall", id: "step-up" }, [field("Password", "password", password), code], "Continue",
      async (data) => {
        try {
          await stepUp(Object.fromEntries([...data].filter(([, value]) => value)));
        } catch (error) {
          if (error instanceof ApiError && error.code === "mfa_required") {
            code.hidden = false;
            code.querySelector("input")?.focus();
          }
          throw error;
        }
        dialog.close("yes");
      });
    const cancel = element("button", { type: "button", onclick: () => dialog.close("") }, "Cancel");
    /** @type {HTMLDialogElement} */
    const dialog = element("dialog", { "aria-label": QUESTION }, element("p", {}, QUESTION), node, cancel);
    dialog.onclose = () => { dialog.remove(); resolve(dialog.returnValue === "yes"); };
    document.body.append(dialog);
    dialog.showModal();
  });
}
