// Elements from a name, what they carry, and what lies in them. Never HTML from text: a sender's
// file name is text wherever it goes.

/**
 * Make an element.
 * @param {string} tag
 * @param {Record<string, any>} [given] attributes; `class`, `text` and `on` (listeners by event)
 *   besides. `false`, `null` and `undefined` leave an attribute out; `true` sets it empty.
 * @param {...(Node|string|null)} inside
 */
export function make(tag, given = {}, ...inside) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name === "text") one.textContent = value;
    else if (name === "on") for (const [event, heard] of Object.entries(value)) one.addEventListener(event, heard);
    else if (value !== false && value !== null && value !== undefined) one.setAttribute(name, value === true ? "" : value);
  }
  one.append(...inside.filter((each) => each !== null && each !== undefined));
  return one;
}

/** Find what a page must have, or say which part is missing. */
export function find(selector, within = document) {
  const found = within.querySelector(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

/** Do something at most once per frame, however often it is asked for. */
export function oncePerFrame(what) {
  let asked = 0;
  return () => {
    if (!asked) {
      asked = requestAnimationFrame(() => {
        asked = 0;
        what();
      });
    }
  };
}

/** Whether typing goes into a field, so that letters are no commands. */
export function isTyping(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
}

/** Give a bar its length, 0..1. Set by script and not in HTML, as the page allows no style there. */
export function measure(bar, share) {
  bar.style.setProperty("--share", String(Math.min(1, Math.max(0, share))));
  return bar;
}
