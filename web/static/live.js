/** News of the ledger: the page is asked for again when something that it shows may have changed. */
import { Idiomorph } from "./vendor/idiomorph-0.8.0/idiomorph.esm.js";

const PAUSE_MIN_MS = 1000;
const SPREAD_MS = 500;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Follows the news and keeps the page as new as they are, while somebody looks: a browser keeps six
 * connections to a node, for all of its tabs.
 * @param {string} address where the news come from
 * @param {(root: Element) => void} enliven what else a new part of the page needs
 */
export function follow(address, enliven) {
  const dot = document.querySelector("[data-live-dot]");
  const page = new Renewal(enliven);
  let source = null;
  if (dot) dot.hidden = false;

  function listen() {
    source = new EventSource(address);
    source.addEventListener("open", () => { dot?.classList.add("on"); page.online(); });
    source.addEventListener("news", (event) => page.hear(JSON.parse(event.data)));
    source.addEventListener("error", () => { dot?.classList.remove("on"); page.offline(source); });
  }

  function rest() {
    source?.close();
    source = null;
    dot?.classList.remove("on");
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) rest();
    else if (!source) { listen(); page.renew(); }
  });
  addEventListener("pagehide", rest);
  if (!document.hidden) listen();
}

/**
 * Renews the page: once at a time, with a rest after it, and never while nobody looks. The more pages
 * are open, the longer the node has them rest, unless they are the same page; and not all ask at once.
 */
class Renewal {
  constructor(enliven) {
    this.enliven = enliven;
    this.heard = 0;
    this.pauseMs = PAUSE_MIN_MS;
    this.sharedPauseMs = 0;
    this.due = false;
    this.running = false;
  }

  hear({ height, pause_ms: pauseMs }) {
    [this.heard, this.pauseMs] = [height, pauseMs];
    this.renew();
  }

  async renew() {
    this.due = true;
    if (this.running || document.hidden) return;
    this.running = true;
    while (this.due && !document.hidden) {
      await sleep(Math.random() * Math.min(this.longerMs(), SPREAD_MS));
      this.due = false;
      await this.once();
      await sleep(PAUSE_MIN_MS + (0.5 + Math.random()) * this.longerMs());
    }
    this.running = false;
  }

  /** By how much a rest is longer than the least, on the average. */
  longerMs() { return (this.sharedPauseMs || this.pauseMs) - PAUSE_MIN_MS; }

  /** Asks for the page as of the newest block it has heard of; all who heard the same share it. */
  async once() {
    const headers = { accept: "text/html", "tongzhang-heard": String(this.heard) };
    const answer = await fetch(location.href, { headers }).catch(() => null);
    if (!answer) return;
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") return this.say("signedOut");
    if (answer.status === 503) this.due = true;
    this.sharedPauseMs = Number(answer.headers.get("tongzhang-pause-ms"));
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const selector of ["main", "footer"]) morph(selector, fresh);
    this.enliven(document);
  }

  online() { if (this.said === "offline") this.say(""); }

  async offline(source) {
    this.say("offline");
    if (source.readyState !== EventSource.CLOSED) return;
    const headers = { accept: "text/html", "tongzhang-heard": String(this.heard) };
    const answer = await fetch(location.href, { headers }).catch(() => null);
    if (answer?.redirected) this.say("signedOut");
  }

  /** Says at the top what is the matter, in the words of the page's own language. */
  say(what) {
    this.said = what;
    document.getElementById("live-banner")?.remove();
    if (!what) return;
    const banner = Object.assign(document.createElement("div"),
      { id: "live-banner", className: "banner warn", role: "status" });
    banner.textContent = document.getElementById("texts").dataset[what];
    document.querySelector("main").before(banner);
  }
}

/** Makes a part of the page as it is in a new one; what the user typed or opened stays. */
function morph(selector, fresh) {
  const now = document.querySelector(selector), then = fresh.querySelector(selector);
  if (!now || !then) return;
  Idiomorph.morph(now, then.childNodes, {
    morphStyle: "innerHTML",
    ignoreActiveValue: true,
    callbacks: {
      beforeNodeMorphed: (old) => !(old.dataset?.keep !== undefined),
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
      afterNodeAdded: (node) => { if (node.tagName === "TR" || node.tagName === "LI") node.classList.add("fresh"); },
    },
  });
}
