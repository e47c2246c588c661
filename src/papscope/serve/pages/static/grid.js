// A grid of thousands of cards of which only those near the window exist.
//
// The page itself scrolls. Each card is an <li> with aria-posinset and aria-setsize, put in its
// place by a transform; one of them at a time can be reached by Tab, and arrows move between them.

import { oncePerFrame } from "./dom.js";

const AROUND = 2; // rows kept above and below the window
const WORDS = 4.9; // rem below a card's picture
const LINE = 1.35; // rem for each further line

export class Grid {
  #list;
  #build;
  #open;
  #items = [];
  #shown = new Map();
  #active = 0;
  #columns = 1;
  #width = 0;
  #rowHeight = 1;
  #step = 1;
  #lines = 0;

  /**
   * @param {HTMLElement} list the <ol>
   * @param {(item: any, index: number) => HTMLElement} build a card's <button>
   * @param {(index: number) => void} open
   */
  constructor(list, build, open) {
    this.#list = list;
    this.#build = build;
    this.#open = open;
    const draw = oncePerFrame(() => this.#draw());
    addEventListener("scroll", draw, { passive: true });
    new ResizeObserver(() => this.#lay()).observe(list);
    list.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("focusin", (event) => this.#focused(event));
    list.addEventListener("click", (event) => {
      const card = event.target.closest("li");
      if (card) this.#open(Number(card.dataset.index));
    });
  }

  /** Show other items, with so many lines more below each picture. */
  show(items, lines = 0) {
    this.#lines = lines;
    const held = this.#list.contains(document.activeElement) ? this.#items[this.#active]?.id : null;
    const at = items.findIndex((one) => one.id === held);
    this.#items = items;
    this.#active = at >= 0 ? at : Math.min(this.#active, Math.max(0, items.length - 1));
    this.#clear();
    this.#lay();
    if (at >= 0) this.#hold(at);
  }

  /** Draw an item's card anew. */
  refresh(item) {
    for (const [index, card] of this.#shown) {
      if (this.#items[index]?.id !== item.id) continue;
      const hadFocus = card.contains(document.activeElement);
      card.replaceChildren(this.#build(this.#items[index], index));
      this.#tab(card, index);
      if (hadFocus) card.firstElementChild.focus();
    }
  }

  /** Bring an item into view and focus it. */
  focus(index) {
    if (!this.#items.length) return;
    this.#active = Math.min(this.#items.length - 1, Math.max(0, index));
    const row = Math.floor(this.#active / this.#columns);
    const top = this.#list.getBoundingClientRect().top + row * this.#rowHeight;
    const bottom = top + this.#rowHeight;
    const margin = 72;
    if (top < margin) scrollBy({ top: top - margin, behavior: "instant" });
    else if (bottom > innerHeight) scrollBy({ top: bottom - innerHeight, behavior: "instant" });
    this.#draw();
    this.#shown.get(this.#active)?.firstElementChild.focus({ preventScroll: true });
  }

  #lay() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const width = this.#list.clientWidth;
    const gap = (width < 30 * rem ? 0.6 : 0.9) * rem;
    const least = (width < 30 * rem ? 8.8 : 10.5) * rem;
    const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
    const card = (width - gap * (columns - 1)) / columns;
    const rowHeight = Math.round(card + (WORDS + LINE * this.#lines) * rem + gap);
    if (rowHeight !== this.#rowHeight || width !== this.#width || columns !== this.#columns) this.#clear();
    [this.#columns, this.#width, this.#rowHeight] = [columns, width, rowHeight];
    this.#list.style.setProperty("--card", `${card}px`);
    this.#list.style.setProperty("--row", `${rowHeight - gap}px`);
    this.#list.style.height = `${Math.ceil(this.#items.length / columns) * rowHeight}px`;
    this.#step = card + gap;
    this.#draw();
  }

  /** Keep the focus on an item that has moved, without moving the page. */
  #hold(at) {
    if (!this.#shown.has(at)) this.#add(at);
    this.#shown.get(at).firstElementChild.focus({ preventScroll: true });
  }

  #clear() {
    this.#shown.clear();
    this.#list.replaceChildren();
  }

  #window() {
    const top = -this.#list.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / this.#rowHeight) - AROUND);
    const last = Math.ceil((top + innerHeight) / this.#rowHeight) + AROUND;
    return [first * this.#columns, Math.min(this.#items.length, Math.max(0, last) * this.#columns)];
  }

  #draw() {
    const [from, to] = this.#window();
    for (const [index, card] of this.#shown) {
      const wanted = (index >= from && index < to) || (index === this.#active && card.contains(document.activeElement));
      if (!wanted || index >= this.#items.length) {
        this.#shown.delete(index);
        card.remove();
      }
    }
    for (let index = from; index < to; index += 1) if (!this.#shown.has(index)) this.#add(index);
    if (!this.#shown.has(this.#active) && from < to) this.#active = from;
    for (const [index, card] of this.#shown) this.#tab(card, index);
  }

  #add(index) {
    const card = document.createElement("li");
    card.dataset.index = index;
    card.setAttribute("aria-posinset", index + 1);
    card.setAttribute("aria-setsize", this.#items.length);
    card.append(this.#build(this.#items[index], index));
    const [row, column] = [Math.floor(index / this.#columns), index % this.#columns];
    card.style.transform = `translate(${column * this.#step}px, ${row * this.#rowHeight}px)`;
    const after = [...this.#list.children].find((one) => Number(one.dataset.index) > index);
    this.#list.insertBefore(card, after ?? null);
    this.#shown.set(index, card);
  }

  #tab(card, index) {
    card.firstElementChild.tabIndex = index === this.#active ? 0 : -1;
  }

  #focused(event) {
    const card = event.target.closest("li");
    if (!card) return;
    this.#active = Number(card.dataset.index);
    for (const [index, one] of this.#shown) this.#tab(one, index);
  }

  #key(event) {
    const screen = Math.max(1, Math.floor(innerHeight / this.#rowHeight)) * this.#columns;
    const step = {
      ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.#columns, ArrowUp: -this.#columns,
      PageDown: screen, PageUp: -screen, Home: -Infinity, End: Infinity,
    }[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.focus(Math.min(this.#items.length - 1, Math.max(0, this.#active + step)));
  }
}
