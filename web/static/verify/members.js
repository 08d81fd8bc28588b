/**
 * Rules for the parties and the calendar of a founding document.
 *
 * The same rules as ledger/members.py, ledger/registration.py and ledger/calendar.py.
 */

import { Refusal, base64 } from "./bytes.js";
import { fitKey } from "./ed25519.js";

/** Roles, those that vote first. */
export const ROLES = [
  "platform", "institution", "funder", "guarantor", "merchant", "auditor", "supervisor",
];
const SOLE_ROLES = ["platform", "institution"];

const ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY";
const CREDIT_CODE = new RegExp(`^[${ALPHABET}]{2}[0-9]{6}[${ALPHABET}]{10}$`);
const OTHER =
  /^[a-z][a-z0-9-]{0,31}:[^\x00-\x20\x7f]([^\x00-\x1f\x7f]{0,62}[^\x00-\x20\x7f])?$/u;

const differ = (values) => new Set(values).size === values.length;

/** Return the 32 bytes of a member's key. @param {{name: string, key: string}} member */
export function keyOf(member) {
  let raw;
  try {
    raw = Uint8Array.from(atob(member.key), (sign) => sign.charCodeAt(0));
  } catch {
    raw = new Uint8Array();
  }
  if (raw.length !== 32 || base64(raw) !== member.key) {
    throw new Refusal("bad-member-key", { came: `${member.name}: ${member.key}` });
  }
  return raw;
}

/** Refuse parties that cannot make a consortium. */
export function refuseBadMembers(members) {
  if (!differ(members.map(({ name }) => name))) throw new Refusal("duplicate-member");
  if (!differ(members.map(({ key }) => key))) throw new Refusal("duplicate-key-material");
  members.forEach(refuseBadMember);
  for (const role of SOLE_ROLES) {
    const count = members.filter((member) => member.role === role).length;
    if (count !== 1) throw new Refusal("bad-roles", { expected: `1 ${role}`, came: `${count}` });
  }
}

function refuseBadMember(member) {
  try {
    fitKey(keyOf(member));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal("bad-member-key", { came: `${member.name}: ${member.key}` });
  }
  const text = member.registration;
  if (!text || OTHER.test(text)) return;
  if (!CREDIT_CODE.test(text) || checkCharacter(text) !== text[17]) {
    throw new Refusal("bad-registration", { came: text });
  }
}

/** Return the 18th character of a credit code. Source: GB 32100-2015, sections 4 and 5. */
function checkCharacter(code) {
  let [total, weight] = [0, 1];
  for (const sign of code.slice(0, 17)) {
    total += ALPHABET.indexOf(sign) * weight;
    weight = (weight * 3) % 31;
  }
  return ALPHABET[(31 - (total % 31)) % 31];
}

/** Refuse a calendar whose days or names do not fit. */
export function refuseBadCalendar(calendar, members) {
  const { holidays, workdays, accepted_by: names } = calendar;
  const years = calendar.years.map(String);
  const others = members.filter(
    ({ role }) => role !== "supervisor" && !SOLE_ROLES.includes(role),
  );
  const fits =
    [holidays, workdays, years].every(isAscending) &&
    [...holidays, ...workdays].every((day) => isDay(day) && years.includes(day.slice(0, 4))) &&
    workdays.every(isWeekend) &&
    !holidays.some((day) => workdays.includes(day)) &&
    differ(names) &&
    names.every((name) => others.some((member) => member.name === name));
  if (!fits) throw new Refusal("bad-calendar");
}

const isAscending = (days) => days.every((day, at) => at === 0 || days[at - 1] < day);

const isDay = (day) => {
  const time = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(day);
};

const isWeekend = (day) => [0, 6].includes(new Date(`${day}T00:00:00Z`).getUTCDay());
