"""Limits of the agreement protocol."""

from __future__ import annotations

SLOT_WINDOW = 256
"""Votes for slots further ahead of the current one are dropped; certificates are not."""

EVIDENCE_SLOTS = 32
"""How many slots behind the last final one keep their votes, to convict late liars."""

SKIPS_CARRIED_MAX = 16
"""Skip certificates that travel with a block, of the last slots before it; others are fetched."""

EXITS_MAX = 256
"""Exit certificates in one answer."""

EXITS_BYTES_MAX = 128 * 1024
"""Bytes of the certificates in one such answer, the first one not counted."""

EXITS_BLOCKS_MAX = 16
"""Final blocks that one such answer is looked for in: the first one holds what lacks first."""

WAITING_PER_SLOT_MAX = 2
"""Blocks of one slot that wait for Skip certificates, beside a notarized one."""

SAID_SLOTS_MAX = 32
"""Slots that are not over of which all is said again at once (R8)."""

SUSPECTED_MAX = 8
"""Blocks of one leader that are asked for because votes tell of them, beside one known here."""

CATCH_UP_DELAY_MS = 100
"""How long a certified block may be missing before it is asked for."""

RANGE_BLOCKS_MAX = 256
"""Final blocks in one answer."""

RANGE_HEADERS_MAX = 8192
"""Headers in one answer that lead on to a certificate: more blocks in a row without one of their
own would need a final vote lost in each. The frame bounds their bytes.
"""

STATEMENTS_BYTES_MAX = 256 * 1024
"""Bytes of votes and headers in one answer about a party's own statements, the first slot beside.

Of the batches the first one goes whatever its size.
"""

EVIDENCE_FILE_BYTES_MAX = 256 * 1024
"""Bytes of an evidence file: two block headers of 64 KiB in base64, and room."""
