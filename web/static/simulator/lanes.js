/** The lanes: a chain for each node, a column for each slot, coloured by what the node knows. */

import { Sheet } from "./colors.js";
import { FINAL, NOTARIZED } from "./recording.js";
import { initialOf } from "./stage.js";

const HEAD = 34;
const ROW = 30;
const NARROW = 560;

/** The picture of all chains. */
export class Lanes {
  /**
   * @param {HTMLElement} box Where it goes.
   * @param {import("./recording.js").Recording} recording What is played.
   * @param {import("./words.js").Words} words How things are called.
   * @param {(at: number) => void} seek Is told which moment was asked for.
   */
  constructor(box, recording, words, seek) {
    this.sheet = new Sheet(box);
    this.recording = recording;
    this.words = words;
    this.first = null;
    box.style.height = `${HEAD + ROW * recording.nodes.length + 6}px`;
    box.addEventListener("click", (event) => {
      const slot = this.slotAt(event.clientX - box.getBoundingClientRect().left);
      const begin = slot === null ? Infinity : recording.slotBegins[slot];
      if (Number.isFinite(begin)) seek(begin);
    });
  }

  slotAt(x) {
    const slot = Math.floor((x - this.left) / this.step + (this.first ?? 1));
    return x < this.left || slot < 1 || slot > this.recording.slotMax ? null : slot;
  }

  /** Draw a moment; `isStill` jumps where it would glide. */
  draw(at, colors, isStill) {
    this.sheet.resize();
    const { width } = this.sheet;
    this.left = width < NARROW ? 84 : 116;
    this.step = width < NARROW ? 30 : 36;
    this.colors = colors;
    const columns = Math.max(1, (width - this.left) / this.step);
    const slot = this.recording.slotAt(at);
    const target = Math.max(1, Math.min(slot - columns * 0.72 + 1, this.recording.slotMax - columns + 1.5));
    const isFar = this.first === null || Math.abs(target - this.first) > columns;
    this.first = isFar || isStill ? target : this.first + (target - this.first) * 0.18;
    const pen = this.sheet.clear();
    pen.textBaseline = "middle";
    pen.save();
    pen.beginPath();
    pen.rect(this.left, 0, width - this.left, this.sheet.height);
    pen.clip();
    const last = Math.min(this.recording.slotMax, Math.ceil(this.first + columns));
    const shown = [];
    for (let each = Math.max(1, Math.floor(this.first)); each <= last; each++) shown.push(each);
    for (const each of shown) this.drawHead(pen, each, slot, at);
    for (const each of shown) this.drawLinks(pen, each, at);
    for (const each of shown) this.drawCells(pen, each, at);
    pen.restore();
    this.drawNames(pen, at);
  }

  x(slot) {
    return this.left + (slot - this.first) * this.step;
  }

  /** Return the blocks that were proposed in a slot by a moment. */
  blocks(slot, at) {
    const { blocks, slotBlocks } = this.recording;
    return (slotBlocks[slot] ?? []).filter((i) => blocks[i].at <= at);
  }

  drawHead(pen, slot, present, at) {
    const { recording, colors, step } = this;
    const x = this.x(slot);
    const blocks = this.blocks(slot, at);
    if (slot === present) {
      pen.globalAlpha = 0.1;
      pen.fillStyle = colors.accent;
      pen.fillRect(x, 0, step, this.sheet.height);
      pen.globalAlpha = 1;
    }
    const isPast = slot <= present;
    pen.textAlign = "center";
    pen.fillStyle = isPast ? colors.text : colors.muted;
    pen.globalAlpha = isPast ? 1 : 0.45;
    pen.font = `600 11px ${colors.font}`;
    const leader = recording.nodes[recording.leader(slot)];
    pen.fillText(initialOf(this.words, leader.party), x + step / 2, 9);
    pen.font = `11px ${colors.font}`;
    pen.fillStyle = colors.muted;
    const said = blocks.length ? recording.blocks[blocks[0]].height : isPast ? "–" : "";
    pen.fillText(said, x + step / 2, 24);
    pen.globalAlpha = 1;
  }

  /** Join final blocks with the ones before them, over the slots that were skipped. */
  drawLinks(pen, slot, at) {
    pen.strokeStyle = this.colors.good;
    pen.globalAlpha = 0.55;
    pen.lineWidth = 2.5;
    this.recording.nodes.forEach((_, node) => {
      for (const [block, state] of this.recording.cell(node, slot, at)) {
        const parent = state === FINAL ? this.parents()[block] : undefined;
        if (!parent) continue;
        const y = HEAD + ROW * (node + 0.5);
        pen.beginPath();
        pen.moveTo(this.x(slot) + 4, y);
        pen.lineTo(this.x(parent) + this.step - 4, y);
        pen.stroke();
      }
    });
    pen.globalAlpha = 1;
  }

  drawCells(pen, slot, at) {
    const blocks = this.blocks(slot, at);
    this.recording.nodes.forEach((_, node) => {
      this.drawCell(pen, HEAD + ROW * node, this.x(slot), this.recording.cell(node, slot, at), blocks);
    });
  }

  drawCell(pen, y, x, states, blocks) {
    const { colors, step } = this;
    const size = step - 8;
    const middle = y + ROW / 2;
    const known = blocks.filter((block) => states.has(block));
    if (!known.length) {
      if (states.has(-1)) this.drawSkip(pen, x + step / 2, middle, size);
      return;
    }
    const height = (ROW - 6 - (known.length - 1) * 2) / known.length;
    known.forEach((block, i) => {
      const state = states.get(block);
      const top = y + 3 + i * (height + 2);
      const isOther = blocks.indexOf(block) > 0 && (state !== FINAL || this.isForked(block));
      this.drawBlock(pen, [x + 4, top, size, height], state, isOther);
    });
    if (states.has(-1)) {
      pen.fillStyle = colors.warn;
      pen.fillRect(x + 6, y + ROW - 5, size - 4, 2.5);
    }
  }

  drawBlock(pen, [x, y, width, height], state, isOther) {
    const { colors } = this;
    const color = isOther ? colors.bad : state === FINAL ? colors.good : colors.accent;
    pen.beginPath();
    pen.roundRect(x, y, width, height, 5);
    pen.strokeStyle = pen.fillStyle = color;
    pen.lineWidth = 1.5;
    if (state === FINAL) pen.fill();
    else if (state === NOTARIZED) {
      pen.globalAlpha = 0.32;
      pen.fill();
      pen.globalAlpha = 1;
    }
    pen.stroke();
    if (state !== FINAL || height < 12) return;
    pen.strokeStyle = colors.surface;
    pen.lineWidth = 2;
    pen.beginPath();
    const [cx, cy] = [x + width / 2, y + height / 2];
    pen.moveTo(cx - 5, cy);
    pen.lineTo(cx - 1.5, cy + 3.5);
    pen.lineTo(cx + 5, cy - 4);
    pen.stroke();
  }

  /** Return whether another block of the same height is final somewhere. */
  isForked(block) {
    const { blocks, finals } = this.recording;
    this.heights ??= finals.reduce((found, { block: all }) => {
      for (const each of all) (found[blocks[each].height] ??= new Set()).add(each);
      return found;
    }, []);
    return this.heights[blocks[block].height]?.size > 1;
  }

  /** Return the slot of the block before each final block, counted once. */
  parents() {
    if (this.slotsBefore) return this.slotsBefore;
    this.slotsBefore = [];
    for (const { block } of this.recording.finals) {
      block.forEach((each, i) => {
        const before = this.recording.blocks[block[i - 1]];
        const isNext = before && before.height + 1 === this.recording.blocks[each].height;
        if (isNext) this.slotsBefore[each] ??= before.slot; // a rebuilt node begins anew
      });
    }
    return this.slotsBefore;
  }

  drawSkip(pen, x, y, size) {
    pen.strokeStyle = this.colors.warn;
    pen.lineWidth = 2;
    pen.lineCap = "round";
    pen.beginPath();
    pen.moveTo(x - size * 0.2, y - size * 0.2);
    pen.lineTo(x + size * 0.2, y + size * 0.2);
    pen.moveTo(x + size * 0.2, y - size * 0.2);
    pen.lineTo(x - size * 0.2, y + size * 0.2);
    pen.stroke();
    pen.lineCap = "butt";
  }

  drawNames(pen, at) {
    const { recording, colors, words } = this;
    const isNarrow = this.left < 100;
    pen.textAlign = "left";
    recording.nodes.forEach(({ name, lie }, node) => {
      const y = HEAD + ROW * node + ROW / 2;
      const isOn = recording.isOn(node, at);
      pen.fillStyle = !isOn ? colors.muted : lie ? colors.bad : colors.good;
      pen.beginPath();
      pen.arc(6, y, 4, 0, 7);
      pen.fill();
      pen.fillStyle = isOn ? colors.text : colors.muted;
      pen.font = `${isNarrow ? 11 : 13}px ${colors.font}`;
      pen.fillText(words.party(name), 16, y, this.left - 20);
    });
  }
}

