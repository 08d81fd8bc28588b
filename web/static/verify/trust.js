/**
 * What a verifier trusts: a founding document (genesis) or a trust policy.
 *
 * Who gives it decides whom you trust. The same rules as ledger/genesis.py; of policies only the
 * one form that ledger/log/policy.py writes is read.
 */

import { Refusal, hex, sha256, textOf, utf8 } from "./bytes.js";
import { fitKey } from "./ed25519.js";
import { parse } from "./json.js";
import { ROLES, keyOf, refuseBadCalendar, refuseBadMembers } from "./members.js";
import { COSIGNATURE, ED25519, noteKey, parseVkey, vkey } from "./note.js";
import {
  decode, integer, list, mapping, natural, optional, positive, struct, text, word,
} from "./schema.js";

/**
 * Whom a check trusts. `members` of a policy are those that vote: it names no others.
 * @typedef {{name: string, ledger: string, origin: string, quorum: number, voters: string[],
 *   members: {name: string, role: string, legal_name: string, key: Uint8Array}[],
 *   logKeys: Uint8Array[], from: "genesis"|"policy"}} Trust
 */

const GENESIS = utf8("tongzhang/genesis/v2\n");
const GENESIS_BYTES_MAX = 256 * 1024;
const MEMBERS_MAX = 31;
const KINDS = [
  "capture", "instruction", "reversal", "payout-result", "arrival", "float-confirmation",
  "refund-result", "dispute", "fee-acceptance", "fee-reversal", "fee-settlement",
  "profit-acceptance", "profit-confirmation", "calendar-acceptance", "loan-acceptance",
  "loan-funding", "compensation",
];

const name = text({ pattern: /^[a-z][a-z0-9-]{0,31}$/ });
const line = (max) => text({ max, pattern: /^[^\x00-\x1f\x7f]*$/u });
const days = optional(list(text({ pattern: /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/ }), { max: 2000 }), []);
const between = (least, most, initial) => optional(integer(BigInt(least), BigInt(most)), initial);
const MOST = Number.MAX_SAFE_INTEGER;

const genesisDocument = struct({
  calendar: struct({
    accepted_by: optional(list(name), []),
    cutoff_minute: between(1, 1440, 1440n),
    holidays: days,
    utc_offset_minutes: between(-840, 840, 480n),
    workdays: days,
    years: optional(list(integer(2000n, 2999n), { max: 999 }), []),
  }),
  cost_limit_ppm: integer(1n, 1_000_000n),
  created_at: natural,
  due_ms: mapping(positive),
  governance: struct({}),
  limits: struct({
    amount: between(1, MOST, 10_000_000_000_000n),
    batch_bytes: between(32_768, 16 * 2 ** 20, 524_288n),
    batch_records: between(1, 10_000, 1000n),
    block_bytes: between(32_768, 64 * 2 ** 20, 2_097_152n),
    block_records: between(1, 50_000, 2000n),
    drift_ms: between(1, MOST, 300_000n),
    legs: between(1, 50, 10n),
    party_records: between(1, 10_000_000, 10_000_000n),
  }),
  members: list(struct({
    key: text(),
    name,
    role: word(...ROLES),
    address: optional(line(300), ""),
    legal_name: optional(line(200), ""),
    registration: optional(text(), ""),
  })),
  name,
  quorum: natural,
  timeouts: struct({
    base_ms: between(10, 60_000, 1000n),
    cap_ms: between(10, 600_000, 8000n),
  }),
  version: optional(word(2n), 2n),
});

/**
 * Return whom a founding document says to trust.
 * @param {Uint8Array} bytes
 * @param {import("./steps.js").Steps} steps
 * @returns {Trust}
 */
export function readGenesis(bytes, steps) {
  const genesis = steps.run("read", (tell) => {
    if (bytes.length > GENESIS_BYTES_MAX) throw new Refusal("genesis-too-large");
    refuseFormat1(bytes);
    const found = decode(bytes, genesisDocument);
    tell("ledger", hex(sha256(GENESIS, bytes)));
    return found;
  });
  const ledger = hex(sha256(GENESIS, bytes));
  const origin = `tongzhang/${genesis.name}/${ledger}`;
  const voters = genesis.members.filter(({ role }) => role !== "supervisor");
  steps.run("parties", (tell) => {
    tell("origin", origin);
    refuseBadGroup(genesis, voters.length);
    for (const own of genesis.members) tell("party", `${own.name} (${own.role}) ${hex(keyOf(own))}`);
    tell("quorum", `${genesis.quorum} / ${voters.length}`);
  });
  steps.run("rules", () => refuseBadRules(genesis));
  const members = genesis.members.map((own) => ({ ...own, key: keyOf(own) }));
  return {
    from: "genesis", name: genesis.name, ledger, origin, quorum: Number(genesis.quorum), members,
    voters: voters.map((own) => own.name), logKeys: members.map((own) => own.key),
  };
}

function refuseFormat1(bytes) {
  let tree;
  try {
    ({ tree } = parse(bytes));
  } catch {
    return; // what is wrong with it, the schema says
  }
  const versions = (tree.pairs ?? []).filter(([key]) => key === "version");
  if (versions.at(-1)?.[1].value === 1n) throw new Refusal("format-1", { expected: "2", came: "1" });
}

function refuseBadGroup({ members, quorum }, voters) {
  if (!members.length || members.length > MEMBERS_MAX) {
    throw new Refusal("bad-member-count", { came: `${members.length}` });
  }
  refuseBadMembers(members);
  const least = Math.floor(voters / 2) + 1;
  if (quorum < least || quorum > voters) {
    throw new Refusal("bad-quorum", { expected: `${least}–${voters}`, came: `${quorum}` });
  }
}

function refuseBadRules({ timeouts, limits, calendar, members, due_ms: due }) {
  if (timeouts.cap_ms < timeouts.base_ms) throw new Refusal("bad-timeouts");
  const holds =
    limits.batch_records <= limits.block_records &&
    limits.batch_bytes <= limits.block_bytes &&
    limits.batch_records <= limits.party_records;
  if (!holds) throw new Refusal("bad-limits");
  refuseBadCalendar(calendar, members);
  const strange = [...due.keys()].find((kind) => !KINDS.includes(kind));
  if (strange !== undefined) throw new Refusal("bad-due-ms", { came: strange });
}

/**
 * Return the policy of a founding document, as nodes serve it.
 * @param {Trust} trust
 */
export function policyText(trust) {
  const voting = trust.members.filter((own) => trust.voters.includes(own.name));
  const names = voting.map((own) => `${trust.origin}/${own.name}`);
  const keys = voting.map((own, at) => vkey(noteKey(names[at], COSIGNATURE, own.key)));
  return [
    ...trust.logKeys.map((key) => `log ${vkey(noteKey(trust.origin, ED25519, key))}\n`),
    ...keys.map((key, at) => `witness ${names[at]} ${key}\n`),
    `group consortium ${trust.quorum} ${names.join(" ")}\n`,
    "quorum consortium\n",
  ].join("");
}

/**
 * Return whom a policy says to trust; beside a founding document it has to be that one's.
 * @param {Uint8Array} bytes
 * @param {Trust|undefined} known
 * @param {import("./steps.js").Steps} steps
 * @returns {Trust}
 */
export function readPolicy(bytes, known, steps) {
  const trust = steps.run("read", (tell) => {
    if (bytes.length > GENESIS_BYTES_MAX) throw new Refusal("text-too-large");
    const found = parsePolicy(textOf(bytes, "not-text"));
    tell("ledger", found.ledger);
    return found;
  });
  steps.run("parties", (tell) => {
    tell("origin", trust.origin);
    if (new Set(trust.logKeys.map(hex)).size !== trust.logKeys.length) {
      throw new Refusal("duplicate-key");
    }
    trust.logKeys.forEach(fitKey);
    for (const own of trust.members) tell("party", `${own.name} ${hex(own.key)}`);
    tell("quorum", `${trust.quorum} / ${trust.voters.length}`);
    if (trust.quorum < 1 || trust.quorum > trust.voters.length) {
      throw new Refusal("bad-quorum", { came: `${trust.quorum}` });
    }
  });
  steps.run("same", () => {
    if (known?.from === "genesis" && policyText(known) !== policyText(trust)) {
      throw new Refusal("policy-differs", { expected: known.ledger, came: trust.ledger });
    }
  });
  return trust;
}

function parsePolicy(source) {
  const lines = source.split("\n").map((each) => each.split(" "));
  const logs = lines.filter(([what]) => what === "log").map(([, key]) => parseVkey(key ?? ""));
  const witnesses = lines.filter(([what]) => what === "witness");
  const group = lines.find(([what]) => what === "group") ?? [];
  const origin = logs[0]?.name ?? "";
  const named = /^tongzhang\/([a-z][a-z0-9-]{0,31})\/([0-9a-f]{64})$/.exec(origin);
  if (named === null) throw new Refusal("bad-policy", { came: origin });
  const members = witnesses.map(([, own, key]) => ({
    name: (own ?? "").slice(origin.length + 1), role: "", legal_name: "", key: parseVkey(key ?? "").key,
  }));
  const trust = {
    from: "policy", name: named[1], ledger: named[2], origin, quorum: Number(group[2]), members,
    voters: members.map((own) => own.name), logKeys: logs.map(({ key }) => key),
  };
  const plain = members.every((own) => /^[a-z][a-z0-9-]{0,31}$/.test(own.name));
  const keys = trust.logKeys.map(hex);
  const places = members.map(({ key }) => keys.indexOf(hex(key)));
  const inOrder = places.every((place, at) => place > (places[at - 1] ?? -1));
  if (!plain || !inOrder || policyText(trust) !== source) throw new Refusal("bad-policy");
  return trust;
}
