/** The drawing area, for a mouse, a pen or a finger. */

import { centerCrop, context, paste, whole } from "./canvas.js";

const PEN = 0.085; // in parts of the side: strokes become as wide as those of MNIST's digits

export class Pad {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(finished: boolean) => void} onInk Called after every part of a stroke.
   */
  constructor(canvas, onInk) {
    this.canvas = canvas;
    this.onInk = onInk;
    this.isDrawing = false; // false while it is empty or shows an image
    this.last = null;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(type, (event) => this.#up(event));
    }
    this.clear();
  }

  clear() {
    this.isDrawing = false;
    context(this.canvas).fillStyle = "#000";
    context(this.canvas).fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** Show an image until the user draws or clears. */
  show(image) {
    this.clear();
    paste(this.canvas, whole(this.canvas), image, centerCrop(image, 1));
  }

  #down(event) {
    if (!event.isPrimary || event.button !== 0) return; // only one finger, and only the main button
    if (!this.isDrawing) this.clear();
    this.isDrawing = true;
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.#position(event);
    this.#line(this.last); // a tap draws a dot
    this.onInk(false);
  }

  #move(event) {
    if (!this.last || !event.isPrimary) return;
    // A browser reports once per frame. The positions in between make the line smooth.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length ? events : [event]) this.#line(this.#position(part));
    this.onInk(false);
  }

  #up(event) {
    if (!this.last || !event.isPrimary) return;
    this.last = null;
    this.onInk(true);
  }

  #line(to) {
    const { canvas, last } = this;
    const ink = context(canvas);
    Object.assign(ink, { lineWidth: PEN * canvas.width, lineCap: "round", lineJoin: "round" });
    ink.strokeStyle = "#fff";
    ink.beginPath();
    ink.moveTo(last.x, last.y);
    ink.lineTo(to.x, to.y);
    ink.stroke();
    this.last = to;
  }

  #position({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    return { x: (clientX - box.left) * scale, y: (clientY - box.top) * scale };
  }
}
