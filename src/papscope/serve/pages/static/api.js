// Questions to the service, in its own words: JSON in, JSON out, errors that say what to do.

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

/** What the service refused, or that it could not be reached. */
export class Failed extends Error {
  /**
   * @param {number} status 0 where no answer came
   * @param {{code?: string, what?: string, hint?: string}} told
   * @param {number|null} after seconds that the service asks to wait
   */
  constructor(status, told, after = null) {
    super(told.what ?? `the service answered ${status}`);
    this.status = status;
    this.code = told.code ?? "";
    this.hint = told.hint ?? "";
    this.after = after;
  }

  /** Whether the same question may well be answered later. */
  get passing() {
    return this.status === 0 || this.status === 401 || this.status === 408 || this.status === 429 || this.status >= 500;
  }

  /** What happened and what to do, in one line. */
  get line() {
    return [this.message, this.hint].filter(Boolean).map(sentence).join(" ");
  }
}

/** The word that every change has to bring; see the head of the page. */
export function csrf() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

/** Take that word anew: it is another one once the service was started again. */
async function renewed() {
  const answer = await fetch("/v1/me", { headers: { Accept: "application/json" }, credentials: "same-origin" });
  const place = document.querySelector('meta[name="csrf-token"]');
  if (!answer.ok || !place) return false;
  place.content = (await answer.json()).csrf;
  return true;
}

/** Where one signs in, and comes back from. */
export function signInPlace() {
  return `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
}

/** Read an error's body: `{"error": {code, what, hint}}`, or whatever a proxy put in its place. */
export function failure(status, text, after) {
  let told = {};
  try {
    told = JSON.parse(text).error ?? {};
  } catch {
    told = { what: status ? `the service answered ${status}` : undefined };
  }
  return new Failed(status, told, after ? Number(after) || null : null);
}

/**
 * Ask the service.
 * @param {string} path
 * @param {{method?: string, json?: unknown, signal?: AbortSignal, again?: boolean}} [how]
 *     again: whether this is the second time, with a new word
 * @returns {Promise<any>} its JSON; null where it has none
 */
export async function ask(path, { method = "GET", json, signal, again = false } = {}) {
  const headers = { Accept: "application/json" };
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = csrf();
  let answer;
  try {
    answer = await fetch(path, {
      method, headers, signal, credentials: "same-origin",
      body: json === undefined ? undefined : JSON.stringify(json),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failed(0, { code: "unreachable", what: "the service cannot be reached", hint: "It will be tried again." });
  }
  const text = await answer.text();
  if (answer.ok) return text ? JSON.parse(text) : null;
  const failed = failure(answer.status, text, answer.headers.get("Retry-After"));
  if (failed.code === "forged" && !again && (await renewed())) return ask(path, { method, json, signal, again: true });
  throw failed;
}
