/** The form of the simulator: what may be chosen, a run, how far it is, and then the player. */

import { make } from "./colors.js";
import { Player } from "./player.js";

const POLL_MS = 700;
const form = document.querySelector("[data-simulate]");
const place = document.querySelector("[data-player]");
const said = form.querySelector("[data-said]");
const bar = form.querySelector("[data-progress]");
const words = form.dataset;
const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
let player;

/** Ask the node; return the answer, or throw what it says is wrong. */
async function ask(address, how = {}) {
  const answer = await fetch(address, { headers: { accept: "application/json" }, ...how });
  const body = await answer.json();
  if (!answer.ok) {
    const told = form.getAttribute(`data-problem-${body.code}`) ?? body.detail ?? body.title;
    throw Object.assign(new Error(told), { code: body.code });
  }
  return body;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Offer what may be chosen. */
function offer(choices) {
  const { scenario, liar, lie } = form.elements;
  for (const { name } of choices.scenarios) scenario.append(new Option(name, name));
  for (const party of choices.parties) liar.append(new Option(party, party));
  for (const each of choices.lies) lie.append(new Option(`${each.name} – ${each[language]}`, each.name));
  const trouble = form.querySelector("[data-trouble]");
  for (const each of choices.trouble) {
    const label = make("label");
    const box = make("input");
    Object.assign(box, { type: "checkbox", name: "trouble", value: each.name });
    label.append(box, make("span", "", each[language]));
    trouble.append(label);
  }
  form.addEventListener("input", () => adapt(choices));
  scenario.addEventListener("input", () => (form.elements.seed.value = scenario.value ? "" : "7"));
  adapt(choices);
  form.hidden = false;
}

/** Show what can be chosen beside what is chosen. */
function adapt(choices) {
  const { scenario, liar, lie, how, nodes } = form.elements;
  const found = choices.scenarios.find((each) => each.name === scenario.value);
  form.querySelector("[data-story]").textContent = found?.[language] ?? "";
  for (const each of form.querySelectorAll("[data-drawn]")) each.hidden = Boolean(found);
  for (const option of liar.options) option.disabled = choices.parties.indexOf(option.value) >= nodes.value;
  if (liar.selectedOptions[0]?.disabled) liar.value = "";
  lie.disabled = !liar.value;
  form.querySelector("[data-trouble]").hidden = how.value !== "named";
}

/** Return what is asked for. */
function wanted() {
  const { scenario, seed, nodes, blocks, liar, lie, how } = form.elements;
  const asked = seed.value ? { seed: Number(seed.value) } : {};
  if (scenario.value) return { ...asked, scenario: scenario.value };
  const named = [...form.querySelectorAll("[name=trouble]:checked")].map((box) => box.value);
  return {
    ...asked,
    blocks: Number(blocks.value),
    nodes: Number(nodes.value),
    liars: liar.value ? { [liar.value]: lie.value } : {},
    calm: how.value === "calm",
    faults: how.value === "named" ? named : [],
  };
}

/** Wait for a run; say how far it has come. */
async function finished(id) {
  for (;;) {
    const view = await ask(`/v1/simulations/${id}`);
    bar.max = view.blocks_wanted;
    bar.value = view.blocks;
    if (view.state === "done") return;
    if (view.state === "failed") throw new Error(fill(words.failed, view));
    const ahead = view.ahead ? ` (${fill(words.ahead, { count: view.ahead })})` : "";
    const { blocks, blocks_wanted } = view;
    said.textContent = view.state === "waiting" ? words.waiting + ahead : fill(words.running, { blocks, wanted: blocks_wanted });
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

/** Have the node simulate, and play what comes of it. */
async function simulate(event) {
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  bar.hidden = false;
  try {
    const how = { method: "POST", body: JSON.stringify(wanted()), headers: { "content-type": "application/json" } };
    const { id } = await ask("/v1/simulations", how);
    await finished(id);
    show(await ask(`/v1/simulations/${id}/recording`));
    said.textContent = words.done;
  } catch (error) {
    said.textContent = error instanceof TypeError ? words.offline : error.message;
  }
  bar.hidden = true;
  button.disabled = false;
}

function show(recording) {
  player?.close();
  player = new Player(place, recording, { language, isPlaying: true });
  place.scrollIntoView({ block: "start", behavior: player.isStill ? "auto" : "smooth" });
}

form.addEventListener("submit", simulate);
try {
  offer(await ask("/v1/simulations/choices"));
} catch {
  document.querySelector("[data-no-simulator]").hidden = false;
}
