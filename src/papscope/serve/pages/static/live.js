// What is told beside what is seen: to screen readers, and in the corner.

import { make, find } from "./dom.js";

/** Say something to a screen reader, politely. */
export function say(text) {
  const place = find("#spoken");
  place.textContent = "";
  requestAnimationFrame(() => {
    place.textContent = text;
  });
}

/** Let messages appear in an open dialog, as all else is inert then; null for the page. */
export function messagesIn(dialog) {
  (dialog ?? document.body).append(find("#toasts"), find("#spoken"));
}

/**
 * Show a message in the corner; what went wrong stays until it is read.
 * @param {string} text
 * @param {{wrong?: boolean, key?: string, action?: [string, () => void], stays?: boolean}} [how]
 *   `key`: a message with the same key is replaced.
 * @returns {() => void} takes it away
 */
export function toast(text, { wrong = false, key, action, stays = wrong } = {}) {
  const place = find("#toasts");
  if (key) place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.remove();
  const one = make("div", { class: wrong ? "toast wrong" : "toast", role: wrong ? "alert" : "status", "data-key": key });
  const away = () => one.remove();
  one.append(make("p", { text }));
  if (action) one.append(make("button", { type: "button", text: action[0], on: { click: () => (away(), action[1]()) } }));
  one.append(make("button", { type: "button", class: "quiet", "aria-label": "Put this message away", text: "×", on: { click: away } }));
  place.append(one);
  if (!stays) setTimeout(away, 6000);
  return away;
}

/** Put a message away. */
export function untoast(key) {
  document.querySelector(`#toasts [data-key="${CSS.escape(key)}"]`)?.remove();
}

/** Tell an error that nobody foresaw the place for. */
export function tellError(error, key = "error") {
  toast(error.line ?? String(error.message ?? error), { wrong: true, key });
}
