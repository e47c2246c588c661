// What an answer rests on, laid over the picture: asked for when somebody wants to see it, and gone
// with the next image.

import { ask, failure } from "./api.js";
import { find } from "./dom.js";
import { say } from "./live.js";

export class Why {
  #picture = find("#picture");
  #button = find("#why");
  #words = find("#why-words");
  #near = find("#near-words");
  #asking = null;
  #map = null;
  #before = null;

  /** Whether the map is shown. */
  get isOn() {
    return this.#before !== null;
  }

  /** Begin with another image: no map, and none that is still on its way. */
  begin(image) {
    this.#away();
    this.#button.disabled = !image.answer || image.answer.unlike;
  }

  /** Show the map of an image, or its picture again. */
  async toggle(image) {
    if (this.#button.disabled) {
      say(image.answer ? "It is unlike anything seen: there is nothing to explain." : "There is no answer to explain.");
      return;
    }
    if (this.isOn || this.#asking) {
      this.#back();
      return;
    }
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#button.setAttribute("aria-pressed", "true");
    this.#tell("Looking what the answer rests on…");
    this.#tellNear(image, signal);
    try {
      const found = await this.#fetched(image, signal);
      if (!signal.aborted) this.#lay(found, image);
    } catch (error) {
      if (signal.aborted) return;
      this.#button.setAttribute("aria-pressed", "false");
      this.#tell(error.line ?? "The service cannot be reached. Ask again in a moment.");
    } finally {
      if (!signal.aborted) this.#asking = null;
    }
  }

  /** Say which training cells the network finds most alike, where the model carries any. */
  async #tellNear(image, signal) {
    try {
      const { nearest } = await ask(`/v1/images/${image.id}/nearest`, { signal });
      if (signal.aborted || !nearest.length) return;
      this.#near.textContent = `Looks to the network like these training cells: ${nearest.map((one) => `${one.label} (${one.distance.toFixed(2)})`).join(", ")}. In brackets how far, 0 for the same.`;
      this.#near.hidden = false;
    } catch {
      // it is told beside the map, and only where it is there
    }
  }

  async #fetched(image, signal) {
    const answer = await fetch(`/v1/images/${image.id}/explanation.png`, { signal, credentials: "same-origin" });
    if (!answer.ok) throw failure(answer.status, await answer.text(), answer.headers.get("Retry-After"));
    return answer.blob();
  }

  #lay(found, { answer }) {
    this.#before = [this.#picture.src, this.#picture.alt];
    this.#map = URL.createObjectURL(found);
    this.#picture.src = this.#map;
    this.#picture.alt = `Map of what the network used for ${answer.label}`;
    this.#tell(`This shows what the network used for ${answer.label}, not where disease is. Yellow to red speaks for it, blue against it. The picture is as the network saw it.`);
  }

  #tell(text) {
    this.#words.textContent = text;
    this.#words.hidden = !text;
    if (text) say(text);
  }

  #back() {
    const before = this.#before;
    this.#away();
    if (before) [this.#picture.src, this.#picture.alt] = before;
    say("The picture.");
  }

  #away() {
    this.#asking?.abort();
    this.#asking = this.#before = null;
    if (this.#map) URL.revokeObjectURL(this.#map);
    this.#map = null;
    this.#button.setAttribute("aria-pressed", "false");
    this.#tell("");
    this.#near.hidden = true;
    this.#near.textContent = "";
  }
}
