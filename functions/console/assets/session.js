// The session. The access token is in this module's memory alone and is gone with the page; the refresh token is in a
// cookie that no script can read. The local storage only says whether there may be such a cookie, so that a visitor
// without one causes no failed request.

/** @import { Problem, Returned } from "../types/index.d.ts" */

// The API is beside the page: /console/... is one of its paths, behind a stage's name too.
const base = new URL("../", document.baseURI);

// The access token is renewed this long before it expires.
const MARGIN_MS = 30_000;

/** @type {string | null} */
let token = null;
let renewAt = 0;
/** @type {Promise<void> | null} */
let renewing = null;

const MARK = "holdfast-signed-in";

/** An error response of the API (RFC 9457), or no response at all (status 0). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {Problem} problem
   */
  constructor(status, problem) {
    const fields = (problem.errors ?? []).map((error) => `${error.field} ${error.message}`).join("; ");
    super(fields || problem.detail || `The server returned ${status}.`);
    this.status = status;
    this.code = problem.code ?? "";
  }
}

/**
 * @typedef {object} Options
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string>} [headers]
 */

/**
 * @param {string} method
 * @param {string} at
 * @param {Options & { bearer?: string | null }} options
 * @returns {Promise<{ value: any, etag: string }>}
 */
async function send(method, at, { body, headers = {}, bearer } = {}) {
  const sent = { ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (bearer) sent["Authorization"] = `Bearer ${bearer}`;
  let response;
  try {
    response = await fetch(new URL(at, base), {
      method, headers: sent, body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin", redirect: "error", cache: "no-store",
    });
  } catch {
    throw new ApiError(0, { detail: "The server cannot be reached." });
  }
  const text = await response.text();
  let value = null;
  try { value = text ? JSON.parse(text) : null; } catch { /* Not JSON: the status says enough. */ }
  if (!response.ok) throw new ApiError(response.status, value ?? {});
  return { value, etag: response.headers.get("ETag") ?? "" };
}

/** @param {Returned<"/auth/step-up", "post">} tokens */
function keep({ access_token, expires_in }) {
  token = access_token;
  renewAt = Date.now() + expires_in * 1000 - MARGIN_MS;
  localStorage.setItem(MARK, "yes");
}

function forget() {
  token = null;
  localStorage.removeItem(MARK);
}

/** Whether there may be a session to continue. */
export function mayResume() {
  return localStorage.getItem(MARK) !== null;
}

/**
 * Signs in.
 * @param {Record<string, unknown>} credentials
 */
export async function signIn(credentials) {
  keep((await send("POST", "auth/browser/login", { body: credentials })).value);
}

/** @type {() => Promise<boolean>} */
let authenticate = async () => false;

/**
 * Sets what asks the user to authenticate again, and whether that succeeded.
 * @param {() => Promise<boolean>} ask
 */
export function authenticateBy(ask) {
  authenticate = ask;
}

/**
 * Authenticates again in the same session.
 * @param {Record<string, unknown>} proof
 */
export async function stepUp(proof) {
  if (Date.now() >= renewAt) await renew();
  keep((await send("POST", "auth/step-up", { body: proof, bearer: token })).value);
}

/** Renews the access token by the cookie; concurrent callers share one renewal. */
export function renew() {
  renewing ??= send("POST", "auth/browser/refresh")
    .then(({ value }) => keep(value))
    .catch((error) => {
      if (error.status === 401) forget();
      throw error;
    })
    .finally(() => { renewing = null; });
  return renewing;
}

/** Ends the session, here and on the server. */
export async function signOut() {
  try {
    if (Date.now() >= renewAt) await renew();
    await send("POST", "auth/browser/logout", { bearer: token });
  } catch (error) {
    // 401: the session has ended already.
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
  }
  forget();
}

/**
 * Calls the API. Where a recent authentication is required, asks for it and calls once more. Where the session has
 * ended, dispatches `session-ended` on the document.
 * @param {string} method
 * @param {string} at
 * @param {Options} options
 */
export async function call(method, at, options = {}) {
  try {
    if (Date.now() >= renewAt) await renew();
    try {
      return await send(method, at, { ...options, bearer: token });
    } catch (error) {
      const old = error instanceof ApiError && error.code === "reauthentication_required";
      if (!old || !await authenticate()) throw error;
      return await send(method, at, { ...options, bearer: token });
    }
  } catch (error) {
    if (error instanceof ApiError && error.status === 401 && error.code === "unauthenticated") {
      forget();
      error.message = "The session has ended. Sign in again.";
      document.dispatchEvent(new Event("session-ended"));
    }
    throw error;
  }
}

/**
 * Reads a resource.
 * @param {string} at
 */
export async function get(at) {
  return (await call("GET", at)).value;
}

/**
 * Joins segments, which may contain any character, to a path.
 * @param {string[]} segments
 */
export function path(...segments) {
  return segments.map(encodeURIComponent).join("/");
}
