/** The time line: traffic, faults, marks and the moment shown; a slider for mouse, touch and keys. */

import { Sheet } from "./colors.js";
import { countUntil } from "./recording.js";
import { TONES } from "./moments.js";

const TOP = 16;
const BANDS = 9;
const NEAR = 7;

/** The slider over the whole run. */
export class Timeline {
  /**
   * @param {HTMLElement} box Where it goes; it becomes the slider.
   * @param {import("./recording.js").Recording} recording What is played.
   * @param {import("./words.js").Words} words How things are called.
   * @param {object[]} marks Moments that are marked.
   * @param {(at: number) => void} seek Is told which moment was asked for.
   */
  constructor(box, recording, words, marks, seek) {
    this.sheet = new Sheet(box);
    Object.assign(this, { box, recording, words, marks });
    box.tabIndex = 0;
    box.setAttribute("role", "slider");
    box.setAttribute("aria-label", words.texts.timeline);
    box.setAttribute("aria-valuemin", "0");
    box.setAttribute("aria-valuemax", String(Math.round(recording.end / 1000)));
    const move = (event) => seek(this.momentAt(event));
    box.addEventListener("pointerdown", (event) => {
      box.setPointerCapture(event.pointerId);
      move(event);
    });
    box.addEventListener("pointermove", (event) => {
      if (box.hasPointerCapture(event.pointerId)) move(event);
      else this.hover(event);
    });
    box.addEventListener("pointerleave", () => (box.title = ""));
  }

  /** Return the moment at a pointer; one that is marked, if it is near. */
  momentAt(event) {
    const x = event.clientX - this.box.getBoundingClientRect().left;
    const mark = this.markAt(event);
    return mark ? mark.at : (this.recording.end * x) / this.sheet.width;
  }

  markAt(event) {
    const { left, top } = this.box.getBoundingClientRect();
    if (event.clientY - top > TOP) return undefined;
    const x = event.clientX - left;
    return this.marks.find((mark) => Math.abs(this.x(mark.at) - x) < NEAR);
  }

  hover(event) {
    const mark = this.markAt(event);
    this.box.title = mark ? this.words.sentence(mark) : "";
  }

  x(at) {
    return (at / this.recording.end) * this.sheet.width;
  }

  /** Draw a moment; what does not move is drawn once for each size and theme. */
  draw(at, colors) {
    if (this.sheet.resize() || colors !== this.colors) {
      this.colors = colors;
      this.still = this.drawStill();
    }
    const pen = this.sheet.clear();
    if (!this.still.width || !this.still.height) return; // it has no room yet
    pen.drawImage(this.still, 0, 0, this.sheet.width, this.sheet.height);
    const x = this.x(at);
    const { height } = this.sheet;
    pen.fillStyle = colors.accent;
    pen.globalAlpha = 0.12;
    pen.fillRect(0, TOP, x, height - TOP);
    pen.globalAlpha = 1;
    pen.fillRect(x - 1, 2, 2, height - 2);
    pen.beginPath();
    pen.arc(x, height - 8, 7, 0, 7);
    pen.fill();
    const second = Math.round(at / 1000);
    if (second === this.said) return;
    this.said = second;
    this.box.setAttribute("aria-valuenow", String(second));
    this.box.setAttribute("aria-valuetext", this.words.clock(at));
  }

  drawStill() {
    const { colors, sheet, recording } = this;
    const still = document.createElement("canvas");
    [still.width, still.height] = [sheet.canvas.width, sheet.canvas.height];
    const pen = still.getContext("2d");
    pen.scale(sheet.ratio, sheet.ratio);
    this.drawTraffic(pen);
    for (const fault of recording.doc.faults) this.drawFault(pen, fault);
    for (const mark of this.marks) {
      pen.fillStyle = colors[TONES[mark.kind]];
      pen.beginPath();
      pen.arc(Math.min(this.sheet.width - 4, Math.max(4, this.x(mark.at))), 8, 4, 0, 7);
      pen.fill();
    }
    return still;
  }

  drawTraffic(pen) {
    const { recording, colors } = this;
    const { width, height } = this.sheet;
    const bars = Math.max(1, Math.floor(width / 4));
    const counts = [];
    const finals = [];
    for (let i = 0; i <= bars; i++) {
      counts.push(countUntil(recording.at, (recording.end * i) / bars));
      finals.push(countUntil(recording.finalTimes, (recording.end * i) / bars));
    }
    const highest = Math.max(1, ...counts.slice(1).map((count, i) => count - counts[i]));
    const room = height - TOP - BANDS - 6;
    for (let i = 0; i < bars; i++) {
      const size = Math.sqrt((counts[i + 1] - counts[i]) / highest) * room;
      const isFinal = finals[i + 1] > finals[i];
      pen.fillStyle = isFinal ? colors.good : colors.muted;
      pen.globalAlpha = isFinal ? 0.65 : 0.35;
      pen.fillRect((i * width) / bars, height - BANDS - size, width / bars - 1, size);
    }
    pen.globalAlpha = 1;
  }

  drawFault(pen, fault) {
    const x = this.x(fault.begin);
    const isCut = fault.kind === "partition" || fault.kind === "crash" || fault.kind === "corrupt";
    pen.fillStyle = isCut ? this.colors.bad : this.colors.warn;
    pen.globalAlpha = 0.75;
    const width = Math.max(2, this.x(fault.end) - x);
    pen.fillRect(x, this.sheet.height - BANDS + 3, width, 4);
    pen.globalAlpha = 0.07;
    pen.fillRect(x, TOP, width, this.sheet.height - TOP - BANDS);
    pen.globalAlpha = 1;
  }
}
