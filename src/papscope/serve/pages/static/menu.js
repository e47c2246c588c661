// Buttons that open a list of things to do: `<button aria-expanded aria-controls>` and what it names.

/** Let every menu of the page open and close, by mouse and by keyboard. */
export function menus(within = document) {
  for (const button of within.querySelectorAll("[data-menu]")) {
    const list = document.getElementById(button.getAttribute("aria-controls"));
    const items = () => [...list.querySelectorAll("a, button:not([disabled])")];
    const open = (yes) => {
      button.setAttribute("aria-expanded", String(yes));
      list.hidden = !yes;
      if (yes) items()[0]?.focus();
    };
    button.addEventListener("click", () => open(list.hidden));
    list.addEventListener("click", (event) => {
      if (event.target.closest("a, button")) open(false);
    });
    list.addEventListener("keydown", (event) => {
      const all = items();
      const at = all.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (to !== undefined) {
        event.preventDefault();
        all[(to + all.length) % all.length].focus();
      } else if (event.key === "Escape") {
        open(false);
        button.focus();
      }
    });
    document.addEventListener("click", (event) => {
      if (!list.hidden && !list.contains(event.target) && !button.contains(event.target)) open(false);
    });
    list.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !list.contains(event.relatedTarget) && event.relatedTarget !== button) open(false);
    });
  }
}
