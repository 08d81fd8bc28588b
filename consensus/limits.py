"""Limits of the agreement protocol."""

from __future__ import annotations

SLOT_WINDOW = 256
"""Votes for slots further ahead of the current one are dropped; certificates are not."""

EVIDENCE_SLOTS = 32
"""How many slots behind the last final one keep their votes, to convict late liars."""

JUSTIFICATION_MAX = 1024
"""Certificates that one proposal may carry."""

CATCH_UP_DELAY_MS = 100
"""How long a certified block may be missing before it is asked for."""

RANGE_BLOCKS_MAX = 256
"""Final blocks in one answer."""

RANGE_BYTES_MAX = 4 * 2**20
"""Bytes of final blocks in one answer, beyond the first certified run."""

STATEMENTS_BYTES_MAX = 256 * 1024
"""Bytes of votes and headers in one answer about a party's own statements, the first slot beside.

Of the batches the first one goes whatever its size.
"""

EVIDENCE_FILE_BYTES_MAX = 256 * 1024
"""Bytes of an evidence file: two block headers of 64 KiB in base64, and room."""
