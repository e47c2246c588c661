// Light, dark or as the system: decided before anything is drawn, so that nothing flashes.
// A classic script in the head, not a module, for that very reason.
(() => {
  const KEY = "papscope-colours";
  const ORDER = ["system", "light", "dark"];
  const NAMES = { system: "auto", light: "light", dark: "dark" };
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      const kept = localStorage.getItem(KEY);
      return ORDER.includes(kept) ? kept : "system";
    } catch {
      return "system"; // a browser that keeps nothing
    }
  }

  function show() {
    const choice = chosen();
    const scheme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    document.documentElement.dataset.theme = scheme;
    const button = document.getElementById("theme");
    if (button) {
      button.textContent = `Colours: ${NAMES[choice]}`;
    }
  }

  show();
  dark.addEventListener("change", show);
  addEventListener("storage", show);
  addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme")?.addEventListener("click", () => {
      const next = ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length];
      try {
        localStorage.setItem(KEY, next);
      } catch {
        return;
      }
      show();
    });
  });
})();
