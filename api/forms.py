"""Forms of texts in questions: a pattern, and what it wants in words.

A text that does not fit is answered with the words: a regular expression helps nobody.
"""

from __future__ import annotations

from ledger import currencies
from ledger import forms as of_records

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

IDENTIFIER = r"^[A-Za-z0-9_][A-Za-z0-9._:|*@-]{0,63}$"
CURRENCY = rf"^({'|'.join(currencies.CODES)})$"
DAY = rf"^{_DAY}$"
MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
PLACE = rf"^([0-9]{{1,16}}|{_DAY})$"
EVIDENCE_ID = r"^[0-9a-f]{64}$"

WORDS = {
    IDENTIFIER: of_records.WORDS[of_records.IDENTIFIER],
    CURRENCY: "a code of ISO 4217, such as CNY, USD or EUR",
    DAY: of_records.WORDS[of_records.DAY],
    MONTH: of_records.WORDS[of_records.MONTH],
    PLACE: "a block's height, or a date such as 2026-03-31",
    EVIDENCE_ID: "an id of evidence: 64 hex digits",
}
"""What each pattern wants."""
