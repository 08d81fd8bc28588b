/** What every page does with a script: copy buttons, theme, relative times, and news of the ledger. */
import { follow } from "./live.js";

/** Lets buttons copy, and shows what only a script can do. Called again for what is new on a page. */
export function enliven(root) {
  for (const button of root.querySelectorAll(".copy[hidden]")) button.hidden = false;
  for (const each of root.querySelectorAll("[data-needs-script][hidden]")) each.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await copy(button.dataset.copy);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});

/** Copies a text, also where a page has no clipboard because it came without TLS. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

const themes = document.querySelector("[data-theme-switch]");
if (themes) {
  themes.hidden = false;
  themes.addEventListener("click", () => {
    const root = document.documentElement;
    const now = root.dataset.theme
      ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* it holds for this page */ }
  });
}

enliven(document);
if (document.body.dataset.live) follow(document.body.dataset.live, enliven);
