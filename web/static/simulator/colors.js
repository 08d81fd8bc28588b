/** Colours and canvases: the page's custom properties, and sharp drawing at any pixel density. */

const NAMES = ["bg", "surface", "text", "muted", "line", "accent", "good", "warn", "bad"];

/** Return the page's colours by name, as a canvas takes them now. */
export function colorsOf(element) {
  const probe = make("span");
  element.append(probe);
  const found = {};
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  found.font = getComputedStyle(element).fontFamily;
  return found;
}

/** Call `act` whenever the page's theme changes. Return what ends that. */
export function onTheme(act) {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const watcher = new MutationObserver(act);
  watcher.observe(document.documentElement, { attributes: true });
  query.addEventListener("change", act);
  return () => {
    watcher.disconnect();
    query.removeEventListener("change", act);
  };
}

/** A canvas that fills its box. `resize()` says how large that is, in CSS pixels. */
export class Sheet {
  /** @param {HTMLElement} box Where the canvas goes. */
  constructor(box) {
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    box.append(this.canvas);
    this.box = box;
    this.pen = this.canvas.getContext("2d");
    this.width = this.height = 0;
  }

  /** Take the size of the box; return whether it has changed. */
  resize() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [this.box.clientWidth, this.box.clientHeight];
    if (width === this.width && height === this.height && ratio === this.ratio) return false;
    Object.assign(this, { width, height, ratio });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    return true;
  }

  /** Return the pen over an empty sheet. */
  clear() {
    this.pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.pen.clearRect(0, 0, this.width, this.height);
    return this.pen;
  }
}

/** Return a new element with a class and a text. */
export function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== "") element.textContent = text;
  return element;
}
