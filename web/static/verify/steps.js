/**
 * Steps of a check: each with what was computed, whether it holds, and what was not reached.
 */

import { Refusal } from "./bytes.js";

/** The steps of each kind of file, in the order in which they are made. */
export const PLANS = {
  genesis: ["read", "parties", "rules"],
  policy: ["read", "parties", "same"],
  checkpoint: ["read", "origin", "signatures", "quorum"],
  receipt: [
    "read", "origin", "signatures", "quorum", "leaf", "inclusion", "author", "batch", "named",
  ],
  evidence: ["read", "ledger", "statements", "contradiction", "convicted"],
};

/**
 * What was computed in a step.
 * @typedef {{name: string, value: string}} Fact
 * @typedef {{id: string, state: "good"|"bad"|"skipped", facts: Fact[], error?: Refusal}} Step
 */

/** Runs the steps of one check, in order, until one fails. */
export class Steps {
  /** @param {keyof typeof PLANS} kind */
  constructor(kind) {
    this.kind = kind;
    /** @type {Step[]} */
    this.done = [];
  }

  /**
   * Return what a step returns; keep what it tells and why it failed.
   * @template T
   * @param {string} id
   * @param {(tell: (name: string, value: string) => void) => T} work
   * @returns {T}
   */
  run(id, work) {
    const step = { id, state: "good", facts: [] };
    this.done.push(step);
    try {
      return work((name, value) => step.facts.push({ name, value }));
    } catch (error) {
      step.state = "bad";
      step.error = error;
      throw error;
    }
  }

  /** Return all steps; those behind a failed one are skipped. @returns {Step[]} */
  all() {
    const rest = PLANS[this.kind].slice(this.done.length);
    return [...this.done, ...rest.map((id) => ({ id, state: "skipped", facts: [] }))];
  }
}

/**
 * Return the result of a check: its steps, and what it proves or why it is refused.
 * @param {keyof typeof PLANS} kind
 * @param {(steps: Steps) => object} check
 * @returns {{kind: string, good: boolean, steps: Step[], proved?: object, error?: Refusal}}
 */
export function checked(kind, check) {
  const steps = new Steps(kind);
  try {
    const proved = check(steps);
    return { kind, good: true, steps: steps.all(), proved };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { kind, good: false, steps: steps.all(), error };
  }
}
