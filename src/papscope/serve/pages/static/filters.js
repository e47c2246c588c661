// The choice of what the gallery shows and in which order: plain radio buttons and boxes.

import { find, make, measure } from "./dom.js";
import { UNLIKE } from "./referral.js";
import { SURENESSES } from "./words.js";

const REVIEWS = [
  ["any", "All"],
  ["not-me", "Not yet by me"],
  ["me", "By me"],
  ["corrected", "Corrected by me"],
  ["unsure", "I could not tell"],
  ["disagreement", "Readers differ"],
];

export class Filters {
  #form = find("#choice");
  #told;

  /** @param {(orderChanged: boolean) => void} told after each change */
  constructor(told) {
    this.#told = told;
    this.#fill("#surenesses", "sureness", [["any", "Any"], ...SURENESSES.map(([, , word], place) => [String(place), word])]);
    this.#fill("#reviews", "review", REVIEWS);
    this.#form.addEventListener("change", (event) => told(event.target.name === "order"));
    this.#form.addEventListener("reset", () => {
      const { order } = this;
      requestAnimationFrame(() => {
        this.#form.elements.order.value = order; // what is cleared is the filters
        told(false);
      });
    });
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    const narrow = matchMedia("(max-width: 60rem)");
    const fold = () => (find("#filters").open = !narrow.matches);
    narrow.addEventListener("change", fold);
    fold();
  }

  get order() {
    return this.#form.elements.order.value;
  }

  /** What `images.passes` asks for. */
  get chosen() {
    const sureness = this.#form.elements.sureness.value;
    return {
      labels: new Set([...this.#form.querySelectorAll("input[name=label]:checked")].map((one) => one.value)),
      sureness: sureness === "any" ? null : SURENESSES[Number(sureness)],
      review: this.#form.elements.review.value,
      refer: this.#form.elements.refer?.value ?? "any",
    };
  }

  /**
   * Show how many there are of each class, and how many images are left.
   * @param {any[]} classes
   * @param {Map<string, number>} counts
   * @param {number} shown
   * @param {number} total
   * @param {[string, string, number|null][]} refers the choices by what rules say; few where there
   *   are no rules
   */
  count(classes, counts, shown, total, refers) {
    this.#refers(refers);
    const checked = this.chosen.labels;
    const known = new Set(classes.map((one) => one.name));
    const strange = [...counts.keys()].filter((name) => name && !known.has(name)).map((name) => ({ name }));
    strange.sort((one, other) => (one.name === UNLIKE) - (other.name === UNLIKE));
    const none = counts.get("") ? [{ name: "", words: "no answer" }] : [];
    const most = Math.max(1, ...counts.values());
    const held = document.activeElement?.name === "label" ? document.activeElement.value : null;
    find("#labels").replaceChildren(...[...classes, ...strange, ...none].map((one) => {
      const count = counts.get(one.name) ?? 0;
      const box = make("input", { type: "checkbox", name: "label", value: one.name });
      box.checked = checked.has(one.name); // not the attribute, to which a reset would go back
      return make("label", { class: "tally", title: one.means || false },
        box,
        make("span", { class: `class-name ${one.side ?? ""}`, text: one.words ?? one.name }),
        make("span", { class: "num", text: count.toLocaleString("en-GB") }),
        measure(make("span", { class: "bar" }), count / most));
    }));
    if (held !== null) this.#form.querySelector(`input[name=label][value="${CSS.escape(held)}"]`)?.focus();
    const all = shown === total;
    find("#filtered").textContent = all ? "" : `${shown.toLocaleString("en-GB")} of ${total.toLocaleString("en-GB")}`;
    find("#clear").hidden = all && !checked.size;
  }

  /** Show the choices by what rules say, with their numbers; nothing where there are no rules. */
  #refers(choices) {
    const place = find("#refers");
    const chosen = this.#form.elements.refer?.value ?? "any";
    const held = document.activeElement?.name === "refer";
    find("#refer-field").hidden = !choices.length;
    place.replaceChildren(...choices.map(([value, words, count]) => {
      const box = make("input", { type: "radio", name: "refer", value });
      return make("label", { class: value.startsWith("=") ? "counted why" : "counted" }, box, make("span", { text: words }),
        make("span", { class: "num", text: count === null ? "" : count.toLocaleString("en-GB") }));
    }));
    const now = [...place.querySelectorAll("input")].find((one) => one.value === chosen) ?? place.querySelector("input");
    place.querySelector("input")?.setAttribute("checked", ""); // to which a reset goes back
    if (now) now.checked = true;
    if (held) now?.focus();
  }

  #fill(place, name, choices) {
    find(place).replaceChildren(...choices.map(([value, words], index) => make("label", {}, make("input", { type: "radio", name, value, checked: index === 0 }), ` ${words}`)));
  }
}
