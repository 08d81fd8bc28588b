/** The player of a recording: picture, chains, time line, words. */

import { Clock, SPEEDS } from "./clock.js";
import { colorsOf, make, onTheme } from "./colors.js";
import { Lanes } from "./lanes.js";
import { momentsOf, TONES } from "./moments.js";
import { countUntil, Recording } from "./recording.js";
import { drawSign, kindOf, KINDS, Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { badge, checks, command, figures, marks, table } from "./verdict.js";
import { Words } from "./words.js";

const TOLD = 14;
const LOOKED = 60;
const STILL_MS = 600;
const ICONS = {
  play: "M5 3l12 7-12 7z",
  pause: "M5 3h4v14h-4zM11 3h4v14h-4z",
  before: "M3 3h2.5v14h-2.5zM17 3v14l-10-7z",
  back: "M14 3.5l1.8 1.8-4.8 4.7 4.8 4.7-1.8 1.8-6.5-6.5z",
  forward: "M6 3.5l-1.8 1.8 4.8 4.7-4.8 4.7 1.8 1.8 6.5-6.5z",
  after: "M14.5 3h2.5v14h-2.5zM3 3v14l10-7z",
};

/** A player in its place on the page. */
export class Player {
  /**
   * @param {HTMLElement} root What it fills.
   * @param {object} doc A recording.
   * @param {{language?: string, at?: number, isPlaying?: boolean}} how In which language, from when.
   */
  constructor(root, doc, { language = "en", at = 0, isPlaying = false } = {}) {
    this.root = root;
    this.recording = new Recording(doc);
    this.words = new Words(language, this.recording);
    this.clock = new Clock(this.recording);
    this.moments = momentsOf(this.recording);
    this.times = Float64Array.from(this.moments, (moment) => moment.at);
    this.marked = this.moments.filter((moment) => moment.isMark);
    this.isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    /** How long frames took to draw, in ms: the last 600. */
    this.frameMs = [];
    this.seek = (moment) => {
      this.clock.seek(moment);
      this.draw();
    };
    this.build();
    this.endTheme = onTheme(() => this.takeColors());
    this.resizes = new ResizeObserver(() => this.draw());
    this.resizes.observe(root);
    this.onKey = (event) => this.press(event);
    document.addEventListener("keydown", this.onKey);
    this.clock.seek(at);
    this.takeColors();
    if (isPlaying && !this.isStill) this.toggle();
  }

  /** Take the player off the page. */
  close() {
    this.clock.isPlaying = false;
    this.endTheme();
    this.resizes.disconnect();
    document.removeEventListener("keydown", this.onKey);
    this.root.replaceChildren();
  }

  // -- building -----------------------------------------------------------------------------------

  build() {
    const { root, recording, words } = this;
    const { texts } = words;
    root.classList.add("sim");
    root.lang = words.language === "zh" ? "zh-CN" : "en";
    root.replaceChildren();
    const head = make("header", "sim-head");
    const { story } = recording.doc;
    const said = make("div");
    said.append(make("h2", "", this.title()));
    if (story[words.language]) said.append(make("p", "", story[words.language]));
    head.append(said, badge(recording, words));
    const stage = this.panel("sim-stage", texts.network);
    this.faults = make("span", "sim-faults");
    this.stageBox = make("div", "sim-canvas");
    this.stageBox.setAttribute("role", "img");
    stage.querySelector("h3").append(this.faults);
    stage.append(this.stageBox, this.legend());
    const lanes = this.panel("sim-lanes", texts.chain);
    this.lanesBox = make("div", "sim-canvas");
    lanes.append(this.stateLegend(), this.lanesBox);
    root.append(head, stage, this.side(), lanes, this.controls(), ...this.below());
    this.stage = new Stage(this.stageBox, recording, words);
    this.lanes = new Lanes(this.lanesBox, recording, words, this.seek);
    this.timeline = new Timeline(this.timelineBox, recording, words, this.marked, this.seek);
    this.stage.isStill = this.isStill;
  }

  title() {
    const { doc, voters } = this.recording;
    const { texts } = this.words;
    return `${texts.seed} ${doc.seed} · ${texts.voters(doc.quorum, voters.length)}`;
  }

  panel(name, title) {
    const found = make("section", `sim-panel ${name}`);
    found.setAttribute("aria-label", title);
    found.append(make("h3", "", title));
    return found;
  }

  side() {
    const { texts } = this.words;
    const side = this.panel("sim-side", texts.now);
    this.shown = {};
    const figureList = make("dl", "sim-now");
    for (const [name, title] of [["time", texts.time], ["height", texts.height], ["slot", texts.slot], ["records", texts.records], ["flying", texts.flying]]) {
      const box = make("div");
      this.shown[name] = make("dd");
      box.append(make("dt", "", title), this.shown[name]);
      figureList.append(box);
    }
    this.told = make("ol", "sim-told");
    this.told.setAttribute("aria-live", "off");
    side.querySelector("h3").before(figureList);
    side.append(this.told);
    return side;
  }

  legend() {
    const { texts } = this.words;
    const list = make("div", "sim-legend");
    const used = new Set(this.recording.doc.kinds.map((name) => kindOf(name)));
    for (const [kind, [color, shape]] of Object.entries(KINDS)) {
      if (!used.has(kind)) continue;
      const button = make("button", "sim-kind");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      const sign = make("canvas");
      sign.width = sign.height = 32;
      sign.dataset.sign = `${color} ${shape}`;
      button.append(sign, make("span", "", texts.kinds[kind]));
      button.addEventListener("click", () => {
        const isHidden = !this.stage.hidden.delete(kind);
        if (isHidden) this.stage.hidden.add(kind);
        button.setAttribute("aria-pressed", String(!isHidden));
        this.draw();
      });
      list.append(button);
    }
    return list;
  }

  stateLegend() {
    const list = make("p", "sim-states");
    for (const state of ["proposed", "notarized", "final", "skipped", "other"]) {
      const item = make("span", `state-${state}`);
      item.append(make("i"), make("span", "", this.words.texts[state]));
      list.append(item);
    }
    return list;
  }

  controls() {
    const { texts } = this.words;
    const bar = make("div", "sim-bar");
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", texts.timeline);
    const buttons = make("div", "sim-buttons");
    const acts = {
      before: () => this.jump(this.marked.map((mark) => mark.at), -1),
      back: () => this.jump(this.recording.finalTimes, -1),
      play: () => this.toggle(),
      forward: () => this.jump(this.recording.finalTimes, 1),
      after: () => this.jump(this.marked.map((mark) => mark.at), 1),
    };
    for (const [name, act] of Object.entries(acts)) {
      const button = make("button", `sim-button sim-${name}`);
      button.append(icon(name));
      button.type = "button";
      button.setAttribute("aria-label", texts[name]);
      button.title = texts[name];
      button.addEventListener("click", act);
      buttons.append(button);
      if (name === "play") this.playButton = button;
    }
    buttons.append(this.speedChoice(), this.quietChoice());
    this.timelineBox = make("div", "sim-timeline");
    this.clockShown = make("output", "sim-clock");
    buttons.append(this.clockShown);
    bar.append(this.timelineBox, buttons);
    return bar;
  }

  speedChoice() {
    const label = make("label", "sim-speed", this.words.texts.speed);
    this.speeds = make("select");
    for (const speed of SPEEDS) this.speeds.append(new Option(`${speed}×`, speed, speed === 1, speed === 1));
    this.speeds.addEventListener("change", () => {
      this.clock.speed = Number(this.speeds.value);
      this.draw();
    });
    label.append(this.speeds);
    return label;
  }

  quietChoice() {
    const label = make("label", "sim-quiet");
    const box = make("input");
    box.type = "checkbox";
    box.checked = true;
    box.addEventListener("change", () => (this.clock.skipsQuiet = box.checked));
    label.append(box, make("span", "", this.words.texts.skipQuiet));
    return label;
  }

  below() {
    const { recording, words } = this;
    const { texts } = words;
    const moments = this.panel("sim-moments", texts.moments);
    moments.append(marks(this.marked, words, this.seek));
    const verdict = this.panel("sim-verdict", texts.checks);
    verdict.append(checks(recording, words), figures(recording, words));
    const repeat = this.panel("sim-repeat", texts.repeat);
    const plan = make("details");
    const source = make("pre", "", recording.doc.plan);
    source.tabIndex = 0;
    plan.append(make("summary", "", texts.plan), source);
    const asText = make("details", "sim-text");
    asText.append(make("summary", "", texts.asText));
    asText.addEventListener("toggle", () => {
      if (asText.children.length === 1) asText.append(table(recording, words));
    });
    repeat.append(command(recording, words), make("p", "muted", texts.repeatNote), plan, asText, make("p", "muted", texts.keys));
    return [verdict, repeat, moments];
  }

  // -- moving -------------------------------------------------------------------------------------

  /** Play or stop. */
  toggle() {
    this.clock.toggle();
    this.last = performance.now();
    this.draw();
    if (this.clock.isPlaying) requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    if (!this.clock.isPlaying) return;
    const passed = now - this.last;
    if (!this.isStill || passed >= STILL_MS) {
      this.last = now;
      this.clock.advance(Math.min(passed, 2 * STILL_MS));
      const began = performance.now();
      this.draw();
      this.frameMs.push(performance.now() - began);
      if (this.frameMs.length > 600) this.frameMs.shift();
    }
    requestAnimationFrame((next) => this.frame(next));
  }

  /** Go to the next or the last one of some sorted times. */
  jump(times, by) {
    const { now } = this.clock;
    const place = by > 0 ? countUntil(times, now + 0.5) : countUntil(times, now - 0.5) - 1;
    this.seek(times[place] ?? (by > 0 ? this.recording.end : 0));
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, select, textarea, [contenteditable]")) return;
    const times = event.shiftKey ? this.marked.map((mark) => mark.at) : this.recording.finalTimes;
    const acts = {
      ArrowLeft: () => this.jump(times, -1),
      ArrowRight: () => this.jump(times, 1),
      Home: () => this.seek(0),
      End: () => this.seek(this.recording.end),
      "+": () => this.changeSpeed(1),
      "=": () => this.changeSpeed(1),
      "-": () => this.changeSpeed(-1),
    };
    if (!event.target.closest?.("button, summary, a")) acts[" "] = () => this.toggle();
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  changeSpeed(by) {
    this.clock.change(by);
    this.speeds.value = String(this.clock.speed);
    this.draw();
  }

  // -- showing ------------------------------------------------------------------------------------

  takeColors() {
    this.colors = colorsOf(this.root);
    for (const sign of this.root.querySelectorAll("[data-sign]")) {
      const [color, shape] = sign.dataset.sign.split(" ");
      const pen = sign.getContext("2d");
      pen.clearRect(0, 0, 32, 32);
      pen.fillStyle = pen.strokeStyle = this.colors[color];
      drawSign(pen, shape, 16, 16, 8);
    }
    this.draw();
  }

  /** Show the present moment. */
  draw() {
    const { clock, colors } = this;
    if (!colors) return;
    const rate = clock.base * clock.speed;
    this.stage.draw(clock.now, rate, colors);
    this.lanes.draw(clock.now, colors, this.isStill || !clock.isPlaying);
    this.timeline.draw(clock.now, colors);
    this.tell();
  }

  tell() {
    const { clock, recording, words, shown } = this;
    const { now } = clock;
    const slot = recording.slotAt(now);
    const tips = recording.nodes.map((_, node) => recording.tip(node, now)?.height ?? 0);
    const records = recording.records(now);
    const flying = recording.inFlight(now, 2000, () => {});
    const { texts } = words;
    put(shown.time, words.clock(now));
    put(shown.height, words.number(Math.max(...tips)));
    put(shown.slot, slot ? `${slot} · ${words.node(recording.leader(slot))}` : "–");
    put(shown.records, words.number(records.applied) + (records.refused ? ` · ${records.refused} ${texts.refused}` : ""));
    put(shown.flying, words.number(flying));
    const act = clock.isPlaying ? "pause" : "play";
    this.playButton.querySelector("path").setAttribute("d", ICONS[act]);
    this.playButton.setAttribute("aria-label", texts[act]);
    this.playButton.title = texts[act];
    const rate = (clock.base * clock.speed) / 1000;
    put(this.clockShown, clock.isPlaying && clock.isQuiet ? texts.quiet : `${words.number(rate)} ms ${texts.perSecond}`);
    const faults = recording.faultsAt(now).map((fault) => words.fault(fault));
    put(this.faults, faults.join(" · ") || texts.calm);
    this.faults.classList.toggle("is-on", faults.length > 0);
    this.tellMoments(countUntil(this.times, now));
  }

  tellMoments(count) {
    if (count === this.count) return;
    this.count = count;
    const rows = this.latest(count);
    this.told.replaceChildren(...rows.map(({ moment, said, times }) => {
      const row = make("li", `tone-${TONES[moment.kind]}`);
      row.append(make("time", "", this.words.clock(moment.at)), make("span", "", said));
      if (times > 1) row.append(make("i", "", `×${times}`));
      return row;
    }));
    if (rows.length) this.stageBox.setAttribute("aria-label", `${this.words.clock(rows[0].moment.at)}: ${rows[0].said}`);
  }

  /** Return the last moments up to a count, newest first; what is said again and again is one row. */
  latest(count) {
    const rows = [];
    for (let i = count - 1; i >= Math.max(0, count - LOOKED) && rows.length < TOLD; i--) {
      const said = this.words.sentence(this.moments[i]);
      const again = rows.find((row) => row.said === said);
      if (again) again.times++;
      else rows.push({ moment: this.moments[i], said, times: 1 });
    }
    return rows;
  }
}

/** Set a text, if it is another one. */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Return a picture for a button. */
function icon(name) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", "0 0 20 20");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  picture.append(path);
  return picture;
}
