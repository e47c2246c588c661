// The note on the image that is shown. It goes out with a verdict; until there is one, it waits
// here and is there again when its image is.

const NOTHING = "Kept with your verdict. Name no patient.";

export class Notes {
  #field;
  #words;
  #drafts = new Map();
  #image = null;

  /**
   * @param {HTMLTextAreaElement} field
   * @param {HTMLElement} words where it is said whether the note is kept
   */
  constructor(field, words) {
    this.#field = field;
    this.#words = words;
    field.addEventListener("input", () => {
      this.#drafts.set(this.#image, field.value);
      this.#words.textContent = "Not kept yet: it goes with your verdict.";
    });
    addEventListener("beforeunload", (event) => {
      if ([...this.#drafts.values()].some((text) => text.trim())) event.preventDefault();
    });
  }

  /** What is written now. */
  get text() {
    return this.#field.value.trim();
  }

  /** Whether what is written differs from what a verdict holds. */
  changed(kept) {
    return this.#drafts.has(this.#image) && this.text !== (kept ?? "");
  }

  /** Show the note of an image: what was begun, or what is kept. */
  show(image) {
    this.#image = image.id;
    this.#field.value = this.#drafts.get(image.id) ?? image.mine?.note ?? "";
    this.#words.textContent = this.#drafts.has(image.id) ? "Not kept yet: it goes with your verdict." : NOTHING;
  }

  /** Let a draft go once the service has it. */
  settled(image) {
    if (image.mine && this.#drafts.get(image.id)?.trim() === image.mine.note) this.#drafts.delete(image.id);
    if (image.id !== this.#image || this.#drafts.has(image.id)) return;
    if (document.activeElement !== this.#field) this.#field.value = image.mine?.note ?? "";
    this.#words.textContent = image.mine?.note ? "Kept." : NOTHING;
  }
}
