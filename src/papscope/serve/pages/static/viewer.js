// The large view: one image after the other, by mouse, touch or keyboard alone.

import { find, isTyping } from "./dom.js";
import { commandOf } from "./keys.js";
import { messagesIn, say } from "./live.js";
import { Notes } from "./notes.js";
import { drawPanel } from "./panel.js";
import { drawScaleBar } from "./scalebar.js";
import { Stage } from "./stage.js";
import { cardWords } from "./card.js";
import { Why } from "./why.js";
import { percent } from "./words.js";

const PAN = 60; // screen pixels for each press of a key

export class Viewer {
  #dialog = find("#viewer");
  #picture = find("#picture");
  #stage;
  #notes;
  #why = new Why();
  #keeper;
  #case;
  #images = [];
  #at = 0;
  #may;

  /**
   * @param {{keeper: import("./keeper.js").Keeper, may: boolean, aboutCase: () => any, closed: (index: number) => void}} given
   */
  constructor({ keeper, may, aboutCase, closed }) {
    this.#keeper = keeper;
    this.#may = may;
    this.#case = aboutCase;
    this.#stage = new Stage(find("#stage"), this.#picture, () => this.#scaled());
    this.#notes = new Notes(find("#note"), find("#note-words"));
    this.#picture.addEventListener("error", () => (find("#missing").hidden = false));
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#dialog.addEventListener("close", () => {
      this.#leaveNote();
      messagesIn(null);
      this.#why.begin(this.#now);
      closed(this.#at);
    });
    const commands = { back: "back", previous: "previous", next: "next", undo: "undo", agree: "agree-next", unsure: "unsure", nearer: "nearer", farther: "farther", fit: "fit", actual: "actual", why: "why", "help-open": "help" };
    for (const [id, command] of Object.entries(commands)) find(`#${id}`).addEventListener("click", () => this.#do(command));
    // after a click the keys must mean what they mean on the picture: Space agrees, and does not
    // press the same button again
    this.#dialog.addEventListener("click", (event) => {
      if (event.detail > 0 && event.target.closest("button") && this.#dialog.open) find("#stage").focus();
    });
    find("#note").addEventListener("blur", () => this.#leaveNote());
  }

  get isOpen() {
    return this.#dialog.open;
  }

  /** Show the image of a place in a list, which is walked through from there. */
  open(images, index) {
    this.#images = images;
    this.#at = index;
    this.#dialog.showModal();
    messagesIn(this.#dialog);
    find("#stage").focus();
    this.#show();
  }

  /** The image that is, or was last, shown. */
  get current() {
    return this.#now;
  }

  /** Let the note of an image go, as the service has it. */
  kept(image) {
    this.#notes.settled(image);
  }

  /** Draw anew what may have changed of an image. */
  refresh(imageId) {
    if (this.isOpen && (imageId === undefined || this.#now.id === imageId)) this.#draw();
  }

  /** Go to an image, where the list has it. */
  goTo(imageId) {
    const at = this.#images.findIndex((one) => one.id === imageId);
    if (at >= 0 && this.isOpen) this.#go(at);
    return at >= 0;
  }

  get #now() {
    return this.#images[this.#at];
  }

  #show() {
    const image = this.#now;
    find("#missing").hidden = true;
    this.#why.begin(image);
    this.#picture.src = `/v1/images/${image.id}/picture`;
    this.#picture.alt = `${image.name}: ${cardWords(image, false)}`;
    for (const step of [1, -1, 2]) {
      const near = this.#images[this.#at + step];
      if (near) new Image().src = `/v1/images/${near.id}/picture`;
    }
    this.#notes.show(image);
    this.#draw();
    find("#panel").scrollTop = 0;
    say(`Image ${this.#at + 1} of ${this.#images.length}: ${cardWords(image, Boolean(this.#keeper.sending(image.id)))}`);
  }

  #draw() {
    const image = this.#now;
    const about = this.#case();
    find("#which").textContent = `${(this.#at + 1).toLocaleString("en-GB")} of ${this.#images.length.toLocaleString("en-GB")}`;
    find("#name").textContent = image.name;
    find("#previous").disabled = this.#at === 0;
    find("#next").disabled = this.#at === this.#images.length - 1;
    const sending = this.#keeper.sending(image.id);
    const judged = Boolean(sending ?? image.mine);
    find("#agree .words").textContent = judged ? "Next" : "Agree and next";
    drawPanel(image, about, { may: this.#may, sending, closed: about.closed }, (place) => this.#say(place));
    if (judged && this.#may) find("#agree").disabled = false;
    find("#undo").disabled = !this.#may || about.closed;
    this.#notes.settled(image);
    this.#scaled();
  }

  #scaled() {
    const scale = this.#stage?.scale ?? 1;
    find("#scale").textContent = percent(scale * devicePixelRatio);
    drawScaleBar(find("#scale-bar"), this.#why.isOn ? null : this.#case().um_per_px, scale, Math.min(220, find("#stage").clientWidth * 0.35));
  }

  #go(at) {
    if (at < 0 || at >= this.#images.length) {
      say(at < 0 ? "This is the first image." : "This is the last image.");
      return;
    }
    this.#leaveNote();
    this.#at = at;
    this.#show();
  }

  #key(event) {
    if (event.target === find("#note")) {
      this.#keyInNote(event);
      return;
    }
    const command = commandOf(event);
    const presses = event.key === " " && event.target.closest("button, a");
    if (!command || isTyping(event.target) || presses || event.target.closest("dialog") !== this.#dialog) return;
    event.preventDefault();
    this.#do(...command);
  }

  #keyInNote(event) {
    if (event.key === "Escape") event.preventDefault(); // leaves the note, not the large view
    else if (!(event.key === "Enter" && (event.ctrlKey || event.metaKey))) return;
    find("#stage").focus();
  }

  #do(command, about) {
    const { length } = this.#images;
    const ways = {
      next: () => this.#go(this.#at + 1),
      previous: () => this.#go(this.#at - 1),
      first: () => this.#go(0),
      last: () => this.#go(length - 1),
      nearer: () => this.#stage.step(1),
      farther: () => this.#stage.step(-1),
      fit: () => this.#stage.fit(),
      actual: () => this.#stage.actual(),
      pan: () => this.#stage.pan(about[0] * PAN, about[1] * PAN),
      why: () => this.#why.toggle(this.#now),
      help: () => find("#help").showModal(),
      back: () => this.#dialog.close(),
      note: () => find("#note").focus(),
      undo: () => this.#undo(),
      unsure: () => this.#give({ kind: "unsure" }),
      class: () => this.#say(about),
      agree: () => this.#agree(),
      "agree-next": () => this.#agreeAndNext(),
    };
    ways[command]();
  }

  #agreeAndNext() {
    const image = this.#now;
    const judged = this.#keeper.sending(image.id) ?? image.mine;
    if (judged || this.#agree()) this.#go(this.#at + 1);
  }

  #agree() {
    const { answer } = this.#now;
    if (answer && !answer.unlike) return this.#give({ kind: "agree" });
    say(answer ? "It is unlike anything seen: there is no class to agree with. Say what it is, or that you cannot tell." : "There is no answer to agree with.");
    return false;
  }

  #say(place) {
    const label = this.#case().classes[place]?.name;
    if (!label) return;
    this.#give(label === this.#now.answer?.label ? { kind: "agree" } : { kind: "correct", label });
  }

  #give(verdict) {
    if (!this.#may || this.#case().closed) {
      say(this.#may ? "The case is closed." : "Verdicts take a reviewer.");
      return false;
    }
    this.#keeper.give(this.#now, { ...verdict, note: this.#notes.text });
    this.#draw();
    return true;
  }

  #undo() {
    if (!this.#may || this.#case().closed) return;
    this.#keeper.undo();
  }

  /** A note that was changed beside a verdict goes out with it; without one it waits here. */
  #leaveNote() {
    const image = this.#now;
    const standing = image && (this.#keeper.sending(image.id) ?? image.mine);
    if (standing && this.#notes.changed(standing.note)) {
      const { kind, label } = standing;
      this.#give(kind === "correct" ? { kind, label } : { kind });
    }
  }
}
