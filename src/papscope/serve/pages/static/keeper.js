// Verdicts on their way to the service. One is called kept only after the service said so; one
// that could not be sent is sent again, outlives a reload of the page, and is never dropped
// without a word.

import { ask } from "./api.js";

const PAUSES = [1, 2, 5, 10, 30]; // seconds before each next try

/**
 * @typedef {{image: string, name: string, verdict: {kind: string, label?: string, note: string}|null}} Entry
 *   `verdict` is null for taking the last one back.
 */

export class Keeper {
  #case;
  #heard;
  #queue = [];
  #flying = null;
  #running = false;
  #wake = null;
  #place;

  /**
   * @param {string} caseId
   * @param {string} who
   * @param {{kept: (image: any) => void, undone: (imageId: string, byService: boolean) => void,
   *   refused: (entry: Entry, error: any) => void, changed: (count: number, imageId: string) => void,
   *   delayed: (error: any, seconds: number) => void}} heard
   */
  constructor(caseId, who, heard) {
    this.#case = caseId;
    this.#heard = heard;
    this.#place = `papscope-unsent ${who} ${caseId}`;
    addEventListener("online", () => this.retry());
    addEventListener("beforeunload", (event) => {
      if (this.#queue.length) event.preventDefault();
    });
    try {
      this.#queue = JSON.parse(sessionStorage.getItem(this.#place) ?? "[]");
    } catch {
      this.#queue = [];
    }
    if (this.#queue.length) this.#run();
  }

  /** How many are not kept yet. */
  get count() {
    return this.#queue.length;
  }

  /** The verdict of an image that is on its way; undefined where none is. */
  sending(imageId) {
    return this.#queue.findLast((one) => one.image === imageId && one.verdict)?.verdict;
  }

  /** Send a verdict; one of the same image that has not gone out yet is replaced. */
  give(image, verdict) {
    const waiting = this.#queue.find((one) => one !== this.#flying && one.image === image.id && one.verdict);
    if (waiting) waiting.verdict = verdict;
    else this.#queue.push({ image: image.id, name: image.name, verdict });
    this.#changed(image.id);
    this.#run();
  }

  /** Take the last verdict back, here or at the service. */
  undo() {
    const last = this.#queue.at(-1);
    if (last?.verdict && last !== this.#flying) {
      this.#queue.pop();
      this.#changed(last.image);
      this.#heard.undone(last.image, false);
      return;
    }
    this.#queue.push({ image: "", name: "", verdict: null });
    this.#changed("");
    this.#run();
  }

  /** Try now and not later. */
  retry() {
    this.#wake?.();
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    for (let tries = 0; this.#queue.length; ) {
      const entry = this.#queue[0];
      this.#flying = entry;
      try {
        const answer = await this.#send(entry);
        this.#done(entry);
        if (entry.verdict) this.#heard.kept(answer);
        else this.#heard.undone(answer.image_id, true);
        tries = 0;
      } catch (error) {
        if (!error.passing) {
          this.#done(entry);
          this.#heard.refused(entry, error);
          continue;
        }
        const pause = error.after ?? PAUSES[Math.min(tries, PAUSES.length - 1)];
        tries += 1;
        this.#heard.delayed(error, pause);
        await this.#sleep(pause);
      }
    }
    this.#running = false;
  }

  #send({ image, verdict }) {
    if (!verdict) return ask(`/v1/cases/${this.#case}/undo`, { method: "POST" });
    return ask(`/v1/images/${image}/verdict`, { method: "PUT", json: verdict });
  }

  #done(entry) {
    this.#queue.splice(this.#queue.indexOf(entry), 1);
    this.#flying = null;
    this.#changed(entry.image);
  }

  #changed(imageId) {
    try {
      if (this.#queue.length) sessionStorage.setItem(this.#place, JSON.stringify(this.#queue));
      else sessionStorage.removeItem(this.#place);
    } catch {
      // a browser that keeps nothing: the warning before leaving is what remains
    }
    this.#heard.changed(this.#queue.length, imageId);
  }

  #sleep(seconds) {
    return new Promise((yes) => {
      const clock = setTimeout(yes, seconds * 1000);
      this.#wake = () => {
        clearTimeout(clock);
        yes();
      };
    });
  }
}
