// The session. The access token is in this module's memory alone and is gone with the page; the refresh token is in a cookie
// that no script can read. What is stored beside is only whether there may be such a cookie, so that strangers are not refused
// one that they never had.

// The API is where the page came from: /console/... lies beside it, behind a stage's name too.
const base = new URL("../", document.baseURI);

// So long before it runs out, the access token is renewed.
const MARGIN_MS = 30_000;

let token = null;
let renewAt = 0;
let renewing = null;

const MARK = "holdfast-signed-in";

/** A refusal, as the API words it (RFC 9457). */
export class Refusal extends Error {
  constructor(status, problem) {
    const fields = (problem.errors ?? []).map((error) => `${error.field} ${error.message}`).join("; ");
    super(fields || problem.detail || `The answer was ${status}.`);
    this.status = status;
    this.code = problem.code ?? "";
  }
}

async function send(method, path, { body, headers = {}, bearer } = {}) {
  const sent = { ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (bearer) sent.Authorization = `Bearer ${bearer}`;
  let answer;
  try {
    answer = await fetch(new URL(path, base), {
      method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin", redirect: "error", cache: "no-store",
    });
  } catch {
    throw new Refusal(0, { detail: "The server cannot be reached." });
  }
  const text = await answer.text();
  let read = null;
  try { read = text ? JSON.parse(text) : null; } catch { /* no JSON: the status alone tells */ }
  if (!answer.ok) throw new Refusal(answer.status, read ?? {});
  return { value: read, etag: answer.headers.get("ETag") };
}

function keep({ access_token, expires_in }) {
  token = access_token;
  renewAt = Date.now() + expires_in * 1000 - MARGIN_MS;
  localStorage.setItem(MARK, "yes");
}

function forget() {
  token = null;
  localStorage.removeItem(MARK);
}

/** Whether a session may be there to go on with. */
export function mayResume() {
  return localStorage.getItem(MARK) !== null;
}

/** Signs in. */
export async function signIn(credentials) {
  keep((await send("POST", "auth/browser/login", { body: credentials })).value);
}

/** Renews the access token by the cookie; one renewal serves all who wait for it. */
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
    // A session that is over already is what was asked for.
    if (error.status !== 401) throw error;
  }
  forget();
}

/** Calls the API; where the session is over, the document is told by `session-ended`. */
export async function call(method, path, options = {}) {
  try {
    if (Date.now() >= renewAt) await renew();
    return await send(method, path, { ...options, bearer: token });
  } catch (error) {
    if (error.status === 401 && error.code === "unauthenticated") {
      forget();
      error.message = "The session is over. Sign in again.";
      document.dispatchEvent(new Event("session-ended"));
    }
    throw error;
  }
}

/** Reads something. */
export async function get(path) {
  return (await call("GET", path)).value;
}

/** A path from segments that may hold anything. */
export function path(...segments) {
  return segments.map(encodeURIComponent).join("/");
}
