/**
 * Words for people: what a result says in one sentence, in the language of the page.
 */

import en from "./words-en.js";
import zh from "./words-zh.js";

const WORDS = { en, zh };
const DECIMALS = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};
const STEERING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Return the words of a language. @param {string} language - such as `zh-CN` */
export const wordsOf = (language) => WORDS[language.startsWith("zh") ? "zh" : "en"];

/** Return a sentence with its fields filled in. */
export const filled = (text, fields) =>
  text.replace(/\{([a-z]+)\}/g, (whole, name) => String(fields[name] ?? whole));

/** Return text with what would steer a reader's eye written out. @param {string} text */
export function harmless(text) {
  return text.replace(STEERING, (sign) =>
    sign === "\n" || sign === "\t" ? sign : `\\u${sign.codePointAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Return an amount as people write it.
 * @param {bigint} minor - minor units
 * @param {string} currency - ISO 4217 code
 */
export function money(minor, currency) {
  const known = Object.keys(DECIMALS).find((count) => DECIMALS[count].split(" ").includes(currency));
  const decimals = Number(known ?? 2);
  const digits = String(minor).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals).replace(/\B(?=(\d{3})+$)/g, ",");
  const amount = decimals ? `${whole}.${digits.slice(-decimals)}` : whole;
  return currency === "CNY" ? `¥${amount}` : `${amount} ${currency}`;
}

/** Return what a record states: its type, amount and id, as far as it has them. */
export function stated(record, words) {
  let said;
  try {
    said = JSON.parse(record);
  } catch {
    return "–";
  }
  const type = typeof said.type === "string" ? said.type : "–";
  const parts = [words.types?.[type] ?? type.replace(/[._]/g, " ")];
  if (Number.isSafeInteger(said.amount) && said.amount >= 0 && typeof said.currency === "string") {
    parts.push(money(BigInt(said.amount), said.currency));
  }
  if (typeof said.id === "string") parts.push(`(${said.id})`);
  return parts.join(" ");
}

/**
 * Return the sentence that a result comes to.
 * @param {ReturnType<typeof import("./check.js").check>} result
 * @param {import("./trust.js").Trust|undefined} trust
 */
export function sentence(result, trust, words) {
  const { said } = words;
  if (!result.good) return filled(said.bad, { sentence: words.codes[result.error.code] });
  const own = result.proved;
  if (own.trust) {
    const { name, members, voters, quorum } = own.trust;
    return filled(said[result.kind], {
      name, members: members.length, voters: voters.length, quorum,
    });
  }
  if (result.kind === "evidence") {
    const text = own.kind === "two-batches" ? said.batches : said.evidence;
    return filled(text, { party: own.party, lie: words.lies[own.kind], at: own.at });
  }
  const outcome =
    own.outcome === "applied" ? said.applied : filled(said.refused, { code: own.outcome });
  return filled(said[result.kind], {
    ...own, outcome, what: own.record && stated(own.record, words),
    count: own.cosigners.length, voters: trust.voters.length, names: own.cosigners.join(", "),
  });
}
