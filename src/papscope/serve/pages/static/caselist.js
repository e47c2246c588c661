// The list of cases, newest first, kept up to date while a model is at work.

import { ask } from "./api.js";
import { find, make } from "./dom.js";
import { many, time } from "./words.js";

const PIECE = 50;
const PAUSE = 4000;

const STATES = {
  empty: "empty",
  waiting: "waiting for the model",
  running: "being looked at",
  cancelled: "stopped",
  failed: "the model failed",
};

function progress(label, value, max) {
  return make("progress", { "aria-label": label, value, max: Math.max(1, max) });
}

function entry(one) {
  const state = one.closed ? "closed" : (STATES[one.state] ?? "");
  const busy = one.state === "running" || one.state === "waiting";
  const looked = one.answered + one.failed;
  const facts = [many(one.images, "image"), one.failed && `${one.failed.toLocaleString("en-GB")} without an answer`, one.refused && `${many(one.refused, "file")} refused`];
  const review = one.images ? `${one.reviewed.toLocaleString("en-GB")} of ${one.images.toLocaleString("en-GB")} reviewed` : "nothing to review";
  return make("li", { class: "case-row" },
    make("a", { class: "case-title", href: `/cases/${one.id}`, text: one.title }),
    make("span", { class: `chip ${one.closed ? "closed" : one.state}`, text: state, hidden: !state }),
    make("span", { class: "soft small", text: facts.filter(Boolean).join(" · ") }),
    busy ? make("span", { class: "small" }, progress(`${one.title}: images answered`, looked, one.images), `${looked.toLocaleString("en-GB")} of ${one.images.toLocaleString("en-GB")} looked at`)
      : make("span", { class: "small" }, progress(`${one.title}: images reviewed`, one.reviewed, one.images), review),
    make("span", { class: "soft small when", text: `${one.created_by}, ${time(one.created_at)}` }));
}

export class CaseList {
  #limit = PIECE;
  #clock = 0;
  #drawn = "";

  constructor() {
    find("#more").addEventListener("click", () => {
      this.#limit = Math.min(500, this.#limit + PIECE);
      this.load();
    });
  }

  /** Read the list anew. */
  async load() {
    clearTimeout(this.#clock);
    const { total, cases } = await ask(`/v1/cases?offset=0&limit=${this.#limit}`);
    const drawn = JSON.stringify([total, cases]);
    if (drawn !== this.#drawn) this.#draw(total, cases);
    this.#drawn = drawn;
    const busy = cases.some((one) => one.state === "running" || one.state === "waiting");
    if (busy) this.#clock = setTimeout(() => this.load().catch(() => undefined), PAUSE);
  }

  /** Cases exported together can be split by case, one alone cannot: see the manual. */
  #offerCorrections(reviewed) {
    const link = document.querySelector("#all-corrections");
    if (!link) return; // a reader may not
    link.hidden = !reviewed.length;
    link.href = `/v1/corrections?${new URLSearchParams(reviewed.map((one) => ["case", one.id]))}`;
  }

  #draw(total, cases) {
    const list = find("#cases");
    const held = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    list.replaceChildren(...cases.map(entry));
    if (held) list.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus();
    find("#cases-count").textContent = total ? total.toLocaleString("en-GB") : "";
    find("#none").hidden = total > 0;
    this.#offerCorrections(cases.filter((one) => one.reviewed));
    find("#more").hidden = cases.length >= total || this.#limit >= 500;
  }
}
