// Which key does what in the large view; the help panel is made from the same list.

/** @type {[string[], string, string][]} keys as shown, command, what it does */
export const KEYS = [
  [["Space"], "agree-next", "agree and go to the next; where you have a verdict, only go on"],
  [["A"], "agree", "agree and stay"],
  [["1", "…", "9"], "class", "say which class it is, in the order of the list"],
  [["0"], "unsure", "cannot tell"],
  [["N"], "note", "write a note; Ctrl + Enter keeps it, Esc leaves it"],
  [["U", "Ctrl + Z"], "undo", "take your last verdict back, and show its image"],
  [["→", "←"], "next", "next and previous image"],
  [["Home", "End"], "first", "first and last image"],
  [["+", "−"], "nearer", "nearer and farther"],
  [["F"], "fit", "fit the picture into the window"],
  [["O"], "actual", "one pixel of the picture on one of the screen"],
  [["W"], "why", "show what the answer rests on, or the picture again"],
  [["Shift + arrows"], "pan", "move the picture"],
  [["?"], "help", "show these keys"],
  [["Esc"], "back", "back to the gallery"],
];

const PLAIN = {
  " ": "agree-next", a: "agree", 0: "unsure", n: "note", u: "undo", ArrowRight: "next", ArrowLeft: "previous",
  Home: "first", End: "last", "+": "nearer", "=": "nearer", "-": "farther", _: "farther", f: "fit", o: "actual", w: "why", "?": "help",
};
const PANS = { ArrowRight: [-1, 0], ArrowLeft: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };

/**
 * Read a key.
 * @param {KeyboardEvent} event
 * @returns {[string, any?]|null} a command and what it is about; null where the key means nothing
 */
export function commandOf(event) {
  const { key, shiftKey } = event;
  if (event.ctrlKey || event.metaKey) return key.toLowerCase() === "z" && !shiftKey ? ["undo"] : null;
  if (event.altKey || event.isComposing) return null;
  if (shiftKey && PANS[key]) return ["pan", PANS[key]];
  if (/^[1-9]$/.test(key)) return ["class", Number(key) - 1];
  const command = PLAIN[key.length === 1 ? key.toLowerCase() : key];
  return command ? [command] : null;
}
