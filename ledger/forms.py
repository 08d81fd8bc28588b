"""Forms of texts in records and questions: a pattern, and what it wants in words.

The patterns are what decoders and schemas use; people who sent something else are told the words: a
regular expression helps nobody.
"""

from __future__ import annotations

from ledger import currencies

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

IDENTIFIER = r"^[A-Za-z0-9_][A-Za-z0-9._:|*@-]{0,63}$"
PARTY = r"^[a-z][a-z0-9-]{0,31}$"
CURRENCY = rf"^({'|'.join(currencies.CODES)})$"
DAY = rf"^{_DAY}$"
MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
CYCLE = r"^[TD]\+([0-9]|[12][0-9]|30)$"
LINE = r"^[^\x00-\x1f\x7f]+$"
HASH = r"^[0-9a-f]{64}$"
LAST_FOUR = r"^[0-9A-Z]{4}$"
SUBJECT = r"^[a-z][a-z-]{0,15}:[A-Za-z0-9_][A-Za-z0-9._:|*@-]{0,63}(/leg:[1-9][0-9]?)?$"
PLACE = rf"^([0-9]{{1,16}}|{_DAY})$"

YEAR_2000_MS = 946_684_800_000
"""No event of a record is older; what seems to be was stated in seconds."""

WORDS = {
    IDENTIFIER: "an id: 1 to 64 letters, digits and . _ : - | * @, the first a letter, digit or _",
    CURRENCY: "a code of ISO 4217, such as CNY, USD or EUR",
    PARTY: "a party's name: 1 to 32 small letters, digits and -, the first a letter",
    DAY: "a date, such as 2026-03-31",
    MONTH: "a month, such as 2026-03",
    CYCLE: "T+n business days or D+n calendar days, n from 0 to 30: such as T+1",
    LINE: "text of one line, without control characters",
    HASH: "64 hex digits in lower case",
    LAST_FOUR: "4 digits or capital letters",
    SUBJECT: "kind:id, such as refund:R-7, or payment:id/leg:n for one leg",
    PLACE: "a block's height, or a date such as 2026-03-31",
}
"""What each pattern wants."""


def shut(pattern: str) -> str:
    """Return a pattern as decoders of records need it: no newline may follow what fits.

    There ``$`` alone also matches before a last newline.
    """
    return rf"{pattern}(?!\n)"


_EXPECTED = {f"`str` matching regex {shut(form)!r}": words for form, words in WORDS.items()} | {
    f"`int` >= {YEAR_2000_MS}": "milliseconds since the epoch, from the year 2000 on (not seconds)"
}
"""What a decoder's complaint calls a form, and what people call it."""


def in_words(complaint: str) -> str:
    """Return a decoder's complaint with the words of a form in the place of its pattern."""
    start, _, place = complaint.rpartition(" - at ")
    words = _EXPECTED.get(start.removeprefix("Expected "))
    return complaint if words is None else f"Expected {words} - at {place}"
