/** The clock of the player: which moment of the run is shown. */

/** Speeds that can be chosen. At 1× a usual block takes about two seconds. */
export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20];

const QUIET_FACTOR = 12;

/** Return a number rounded to 1, 2 or 5 times a power of ten. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((step) => step * power >= value * 0.999);
}

/** A moment that moves while it plays. */
export class Clock {
  /** @param {import("./recording.js").Recording} recording What is played. */
  constructor(recording) {
    this.recording = recording;
    this.end = recording.end;
    /** µs of the run in a second at 1×. */
    this.base = nice(Math.max(1000, recording.blockInterval / 2));
    this.speed = 1;
    this.now = 0;
    this.isPlaying = false;
    this.skipsQuiet = true;
    /** Whether nothing is under way, so that time runs faster. */
    this.isQuiet = false;
  }

  /** Move on by a while of real time, in ms. */
  advance(realMs) {
    const rate = (this.base * this.speed) / 1000;
    const next = this.recording.nextDeparture(this.now);
    const waits = next - this.now > rate * 400;
    this.isQuiet = this.skipsQuiet && waits && !this.recording.inFlight(this.now, 1, () => {});
    const step = realMs * rate * (this.isQuiet ? QUIET_FACTOR : 1);
    this.now = this.isQuiet ? Math.min(this.now + step, next) : this.now + step;
    if (this.now >= this.end) {
      this.now = this.end;
      this.isPlaying = false;
    }
  }

  /** Show a moment. */
  seek(at) {
    this.now = Math.min(this.end, Math.max(0, at));
  }

  /** Play, from the beginning if the end is reached, or stop. */
  toggle() {
    if (!this.isPlaying && this.now >= this.end) this.now = 0;
    this.isPlaying = !this.isPlaying;
  }

  /** Choose the next faster or slower speed. */
  change(by) {
    const place = SPEEDS.indexOf(this.speed) + by;
    this.speed = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, place))];
  }
}
