// The large picture: moved and enlarged, its own pixels shown as they are.

const MOST = 40; // screen pixels along one of the picture's
const STEP = 1.25;
const FITTING = 8; // a small cell is not enlarged beyond this unless somebody asks

export class Stage {
  #room;
  #picture;
  #told;
  #scale = 1;
  #x = 0;
  #y = 0;
  #fits = true;
  #held = new Map();

  /**
   * @param {HTMLElement} room what the picture is seen through
   * @param {HTMLImageElement} picture
   * @param {(scale: number) => void} told after each change, in screen pixels along one of the picture's
   */
  constructor(room, picture, told) {
    this.#room = room;
    this.#picture = picture;
    this.#told = told;
    picture.addEventListener("load", () => this.fit());
    new ResizeObserver(() => (this.#fits ? this.fit() : this.#draw())).observe(room);
    room.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    room.addEventListener("pointerdown", (event) => this.#down(event));
    room.addEventListener("pointermove", (event) => this.#move(event));
    for (const kind of ["pointerup", "pointercancel"]) room.addEventListener(kind, (event) => this.#up(event));
    room.addEventListener("dblclick", () => (this.#fits ? this.zoom(2) : this.fit()));
  }

  get scale() {
    return this.#scale;
  }

  /** Show all of it, as large as there is room. */
  fit() {
    const { naturalWidth: width, naturalHeight: height } = this.#picture;
    if (!width || !this.#room.clientWidth) return;
    const edge = Math.min(32, this.#room.clientWidth * 0.05);
    this.#scale = Math.min(FITTING, (this.#room.clientWidth - edge) / width, (this.#room.clientHeight - edge) / height);
    this.#x = this.#y = 0;
    this.#fits = true;
    this.#draw();
  }

  /** Enlarge by a factor about a point of the room, its middle unless one is given. */
  zoom(factor, atX = 0, atY = 0) {
    const least = Math.min(0.05, this.#scale);
    const scale = Math.min(MOST, Math.max(least, this.#scale * factor));
    const by = scale / this.#scale;
    this.#x = atX - (atX - this.#x) * by;
    this.#y = atY - (atY - this.#y) * by;
    this.#scale = scale;
    this.#fits = false;
    this.#draw();
  }

  /** One step nearer (+1) or farther (-1). */
  step(way) {
    this.zoom(STEP ** way);
  }

  /** One pixel of the picture on one of the screen. */
  actual() {
    this.zoom(1 / (this.#scale * devicePixelRatio));
  }

  /** Move the picture, in screen pixels. */
  pan(x, y) {
    this.#x += x;
    this.#y += y;
    this.#fits = false;
    this.#draw();
  }

  #draw() {
    const { naturalWidth: width, naturalHeight: height } = this.#picture;
    // some of the picture stays in sight, however far it is moved
    const [farX, farY] = [width, height].map((side, place) => {
      const room = place ? this.#room.clientHeight : this.#room.clientWidth;
      return Math.max(0, (side * this.#scale + room) / 2 - 48);
    });
    this.#x = Math.min(farX, Math.max(-farX, this.#x));
    this.#y = Math.min(farY, Math.max(-farY, this.#y));
    this.#picture.style.transform = `translate(-50%, -50%) translate(${this.#x}px, ${this.#y}px) scale(${this.#scale})`;
    this.#picture.classList.toggle("enlarged", this.#scale > 1);
    this.#told(this.#scale);
  }

  #middle(event) {
    const room = this.#room.getBoundingClientRect();
    return [event.clientX - room.left - room.width / 2, event.clientY - room.top - room.height / 2];
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    this.zoom(Math.exp(-Math.max(-60, Math.min(60, lines)) * (event.ctrlKey ? 0.012 : 0.004)), ...this.#middle(event));
  }

  #down(event) {
    if (event.button !== 0 || event.target.closest("button")) return;
    this.#room.setPointerCapture(event.pointerId);
    this.#held.set(event.pointerId, event);
    this.#room.classList.add("held");
  }

  #move(event) {
    const before = this.#held.get(event.pointerId);
    if (!before) return;
    const other = [...this.#held.values()].find((one) => one.pointerId !== event.pointerId);
    if (other) {
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      const [ax, ay] = this.#middle(event);
      const [bx, by] = this.#middle(other);
      this.zoom(apart(event) / apart(before), (ax + bx) / 2, (ay + by) / 2);
      this.pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
    } else {
      this.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    }
    this.#held.set(event.pointerId, event);
  }

  #up(event) {
    this.#held.delete(event.pointerId);
    if (!this.#held.size) this.#room.classList.remove("held");
  }
}
