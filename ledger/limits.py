"""Limits of the ledger's decoders. What a consortium may choose for itself is in its genesis."""

from __future__ import annotations

SAFE_INTEGER_MAX = 2**53 - 1
"""Largest integer a record may carry (RFC 8785 section 3.2.2.3, IEEE 754 doubles)."""

RECORD_BYTES_MAX = 16 * 1024
IDENTIFIER_CHARS_MAX = 64
TEXT_CHARS_MAX = 256
AHEAD_MS_MAX = 86_400_000
"""How far a claimed time may lie after its block: more than any clock set to a wrong time zone."""

EFFECTIVE_YEARS_MAX = 10
"""How long after its block an agreement may take effect: more than anybody agrees beforehand."""

STALE_NAMED_MAX = 20
"""How many of a month's stale charges are known by name; all are counted."""

FEE_RATE_PPM_MAX = 100_000
FEE_MINIMUM_MAX = 100_000
FEE_MAXIMUM_MAX = 100_000_000
"""What a fee may be agreed to be: 10 %, at least 1,000.00 and at most 1,000,000.00 of a payment.

Parts per million and minor units. Beyond it somebody mistook the unit.
"""

NESTING_MAX = 8

MEMBERS_MAX = 31
MINUTE_MS = 60_000
PARTY_RECORDS_MAX = 10_000_000
"""Largest quota of a party, in records a minute: more than any consortium makes final."""

LEGS_CEILING = 50
GENESIS_BYTES_MAX = 256 * 1024
REQUEST_BYTES_MAX = 16 * 1024
SIGNATURES_BYTES_MAX = 16 * 1024
BATCH_HEADER_BYTES_MAX = 1024
BLOCK_HEADER_BYTES_MAX = 64 * 1024
HOLIDAYS_MAX = 2000
YEAR_MIN = 2000
YEAR_MAX = 2999
"""Years that a calendar can decide."""

YEAR_DAYS_MAX = 366
