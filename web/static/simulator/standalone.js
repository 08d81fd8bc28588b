/** A recording in a file of its own: language and theme are chosen here, the rest is the player. */

import { Player } from "./player.js";

const TITLES = { en: "Tongzhang simulator", zh: "模拟器" };
const THEMES = { en: { light: "Light", dark: "Dark" }, zh: { light: "浅色", dark: "深色" } };

const doc = JSON.parse(document.getElementById("recording").textContent);
const root = document.getElementById("player");
const asked = new URLSearchParams(location.hash.slice(1));
let language = asked.get("lang") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
let player;

/** Show the run in the present language, from a moment. */
function show(at, isPlaying) {
  player?.close();
  player = new Player(root, doc, { language, at, isPlaying });
  window.player = player;
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = `${TITLES[language]} · ${doc.seed}`;
  document.getElementById("title").textContent = TITLES[language];
  document.getElementById("language").textContent = language === "zh" ? "English" : "中文";
  document.getElementById("theme").textContent = THEMES[language][theme() === "dark" ? "light" : "dark"];
}

function theme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

document.getElementById("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  show(player.clock.now, player.clock.isPlaying);
});
document.getElementById("theme").addEventListener("click", (event) => {
  const next = theme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  event.target.textContent = THEMES[language][theme() === "dark" ? "light" : "dark"];
});
if (asked.get("theme")) document.documentElement.dataset.theme = asked.get("theme");
show(1000 * Number(asked.get("at") ?? 0), !asked.has("at"));
