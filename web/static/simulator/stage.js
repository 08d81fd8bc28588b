/** The stage: nodes on a circle, messages between them, cuts, faults. Drawn on a canvas. */

import { Sheet } from "./colors.js";

const FLYING_MAX = 700;
const INITIALS = { platform: "P", institution: "I", funder: "F", auditor: "A", guarantor: "G", merchant: "M", supervisor: "S" };

/** Kinds of messages, in the order of the legend: colour and shape. */
export const KINDS = {
  proposal: ["accent", "block"], notar: ["accent", "dot"], final: ["good", "dot"], skip: ["warn", "dot"],
  certificate: ["good", "diamond"], batch: ["muted", "bar"], evidence: ["bad", "triangle"],
  nonsense: ["bad", "cross"], rest: ["muted", "speck"],
};

/** Return the kind in the legend of a kind of message. */
export function kindOf(name) {
  const [first, second] = name.split(" ");
  if (first === "vote") return second;
  return first in KINDS ? first : "rest";
}

/** Draw the sign of a kind of message around a point. */
export function drawSign(pen, shape, x, y, size) {
  pen.beginPath();
  if (shape === "block") pen.roundRect(x - size * 1.3, y - size * 1.3, size * 2.6, size * 2.6, size * 0.6);
  else if (shape === "diamond") {
    pen.moveTo(x, y - size * 1.25);
    pen.lineTo(x + size * 1.25, y);
    pen.lineTo(x, y + size * 1.25);
    pen.lineTo(x - size * 1.25, y);
  } else if (shape === "triangle") {
    pen.moveTo(x, y - size * 1.5);
    pen.lineTo(x + size * 1.4, y + size);
    pen.lineTo(x - size * 1.4, y + size);
  } else if (shape === "bar") pen.rect(x - size, y - size * 0.55, size * 2, size * 1.1);
  else if (shape === "cross") {
    pen.lineWidth = Math.max(1.5, size * 0.5);
    pen.moveTo(x - size * 0.9, y - size * 0.9);
    pen.lineTo(x + size * 0.9, y + size * 0.9);
    pen.moveTo(x + size * 0.9, y - size * 0.9);
    pen.lineTo(x - size * 0.9, y + size * 0.9);
    pen.stroke();
    return;
  } else pen.arc(x, y, shape === "speck" ? size * 0.55 : size, 0, 7);
  pen.fill();
}

/** The picture of the network. */
export class Stage {
  /**
   * @param {HTMLElement} box Where it goes.
   * @param {import("./recording.js").Recording} recording What is played.
   * @param {import("./words.js").Words} words How things are called.
   */
  constructor(box, recording, words) {
    this.sheet = new Sheet(box);
    this.recording = recording;
    this.words = words;
    this.kinds = recording.doc.kinds.map(kindOf);
    /** Kinds of the legend that are not shown. */
    this.hidden = new Set();
    this.isStill = false;
  }

  layOut() {
    const { width, height } = this.sheet;
    const count = this.recording.nodes.length;
    this.size = Math.max(19, Math.min(34, Math.min(width, height) / 11));
    const radius = [Math.min(width / 2 - this.size * 2, height * 0.8), height / 2 - this.size * (count > 4 ? 2 : 1.7)];
    this.places = this.recording.nodes.map((_, i) => {
      const turn = (2 * Math.PI * i) / count - Math.PI / 2 + (count === 4 ? Math.PI / 4 : 0);
      return [width / 2 + radius[0] * Math.cos(turn), height / 2 - this.size * 0.3 + radius[1] * Math.sin(turn)];
    });
  }

  /** Draw a moment. `rate` is how many µs of the run pass in a second. */
  draw(at, rate, colors) {
    this.sheet.resize();
    this.layOut();
    this.colors = colors;
    const pen = this.sheet.clear();
    const faults = this.recording.faultsAt(at);
    this.drawLines(pen, faults);
    this.drawMessages(pen, at);
    this.recording.nodes.forEach((_, i) => this.drawNode(pen, i, at, rate));
  }

  /** Return a point of the way from a node to another: a slight bow, so that ways there and back part. */
  point(from, to, part) {
    const [ax, ay] = this.places[from];
    const [bx, by] = this.places[to];
    const bow = 0.07 * 4 * part * (1 - part);
    return [ax + (bx - ax) * part - (by - ay) * bow, ay + (by - ay) * part + (bx - ax) * bow];
  }

  drawLines(pen, faults) {
    const { nodes } = this.recording;
    const onLines = faults.filter((fault) => fault.kind === "partition" || fault.kind === "network");
    for (let one = 0; one < nodes.length; one++) {
      for (let other = one + 1; other < nodes.length; other++) {
        if (nodes[one].party === nodes[other].party) continue;
        const there = onLines.filter((fault) => this.recording.strikes(fault, one, other));
        const back = onLines.filter((fault) => this.recording.strikes(fault, other, one));
        const isCut = [...there, ...back].some((fault) => fault.kind === "partition");
        const isBad = there.length + back.length > 0;
        this.drawLine(pen, one, other, isCut ? "bad" : isBad ? "warn" : "line");
        if (isCut) this.drawCut(pen, one, other);
      }
    }
  }

  drawLine(pen, one, other, color) {
    pen.beginPath();
    pen.moveTo(...this.places[one]);
    pen.lineTo(...this.places[other]);
    pen.strokeStyle = this.colors[color];
    pen.lineWidth = color === "line" ? 1.25 : 1.75;
    pen.setLineDash(color === "line" ? [] : color === "bad" ? [2, 7] : [7, 5]);
    pen.stroke();
    pen.setLineDash([]);
  }

  drawCut(pen, one, other) {
    const [ax, ay] = this.places[one];
    const [bx, by] = this.places[other];
    const [x, y] = [(ax + bx) / 2, (ay + by) / 2];
    const turn = Math.atan2(by - ay, bx - ax);
    pen.save();
    pen.translate(x, y);
    pen.rotate(turn);
    pen.fillStyle = this.colors.surface;
    pen.fillRect(-9, -12, 18, 24);
    pen.strokeStyle = this.colors.bad;
    pen.lineWidth = 2.5;
    pen.lineCap = "round";
    pen.beginPath();
    for (const side of [-4, 4]) {
      pen.moveTo(side - 3, 9);
      pen.lineTo(side + 3, -9);
    }
    pen.stroke();
    pen.restore();
  }

  drawMessages(pen, at) {
    const { recording } = this;
    const size = Math.max(3, this.size / 6.5);
    recording.inFlight(at, FLYING_MAX, (i) => {
      const kind = this.kinds[recording.kind[i]];
      if (this.hidden.has(kind)) return;
      const [color, shape] = KINDS[kind];
      const part = (at - recording.at[i]) / recording.took[i];
      const end = recording.isLost[i] ? 0.55 : 1;
      const [x, y] = this.point(recording.from[i], recording.to[i], Math.min(part, end));
      const [tx, ty] = this.point(recording.from[i], recording.to[i], this.isStill ? 0 : Math.max(0, Math.min(part, end) - 0.1));
      pen.strokeStyle = pen.fillStyle = this.colors[color];
      pen.globalAlpha = 0.35;
      pen.lineWidth = size * 0.7;
      pen.beginPath();
      pen.moveTo(tx, ty);
      pen.lineTo(x, y);
      pen.stroke();
      pen.globalAlpha = 1;
      if (recording.isLost[i] && part > end) {
        pen.globalAlpha = Math.max(0, 1 - (part - end) / (1 - end));
        pen.strokeStyle = this.colors.bad;
        drawSign(pen, "cross", x, y, size * 1.4);
        pen.globalAlpha = 1;
      } else drawSign(pen, shape, x, y, size);
    });
  }

  drawNode(pen, node, at, rate) {
    const { recording, colors, size } = this;
    const [x, y] = this.places[node];
    const { lie, party, name } = recording.nodes[node];
    const isOn = recording.isOn(node, at);
    const leads = recording.leader(recording.slotAt(at)) === node;
    const age = (at - recording.tipTime(node, at)) / rate;
    if (isOn && age < 0.5 && !this.isStill) {
      pen.globalAlpha = 0.5 * (1 - age / 0.5);
      pen.strokeStyle = colors.good;
      pen.lineWidth = 3;
      pen.beginPath();
      pen.arc(x, y, size + 4 + age * 26, 0, 7);
      pen.stroke();
      pen.globalAlpha = 1;
    }
    pen.beginPath();
    pen.arc(x, y, size, 0, 7);
    pen.fillStyle = isOn ? colors.surface : colors.bg;
    pen.fill();
    pen.lineWidth = 2.5;
    pen.strokeStyle = !isOn ? colors.muted : lie ? colors.bad : colors.good;
    pen.setLineDash(isOn ? [] : [4, 5]);
    pen.stroke();
    pen.setLineDash([]);
    if (leads && isOn) this.drawCrown(pen, x, y - size - 4);
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = isOn ? colors.text : colors.muted;
    pen.font = `600 ${Math.round(size * 0.72)}px ${colors.font}`;
    const height = recording.tip(node, at)?.height ?? 0;
    pen.fillText(isOn ? height : this.words.texts.off, x, y + 1);
    this.drawName(pen, x, y + size + 6, party, name, lie);
  }

  drawName(pen, x, y, party, name, lie) {
    const { colors } = this;
    const said = this.words.party(name);
    pen.textBaseline = "top";
    pen.font = `600 13px ${colors.font}`;
    pen.fillStyle = colors.text;
    pen.strokeStyle = colors.surface;
    pen.lineWidth = 4;
    pen.strokeText(said, x, y);
    pen.fillText(said, x, y);
    if (!lie) return;
    pen.font = `600 11px ${colors.font}`;
    const told = this.words.texts.liar;
    const width = pen.measureText(told).width + 14;
    pen.fillStyle = colors.bad;
    pen.beginPath();
    pen.roundRect(x - width / 2, y + 18, width, 17, 8.5);
    pen.fill();
    pen.fillStyle = colors.surface;
    pen.fillText(told, x, y + 21);
  }

  drawCrown(pen, x, y) {
    pen.fillStyle = this.colors.accent;
    pen.beginPath();
    pen.moveTo(x - 8, y);
    pen.lineTo(x - 9, y - 10);
    pen.lineTo(x - 4, y - 5);
    pen.lineTo(x, y - 12);
    pen.lineTo(x + 4, y - 5);
    pen.lineTo(x + 9, y - 10);
    pen.lineTo(x + 8, y);
    pen.closePath();
    pen.fill();
  }
}

/** Return the sign of a party in a narrow place: one letter, or one character. */
export function initialOf(words, party) {
  const role = party.split("-")[0];
  return words.language === "zh" ? words.party(party)[0] : INITIALS[role] ?? party[0].toUpperCase();
}
