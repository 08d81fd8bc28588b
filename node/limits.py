"""Limits of a running node: pools, queues and retries."""

from __future__ import annotations

POOL_BATCHES_PER_PARTY_MAX = 64
"""Batches of one party that wait to become final; more are dropped and come again (R8)."""

QUEUE_RECORDS_MAX = 20_000
"""Own records waiting for a signature; a submission beyond that gets ``busy``."""

RECENT_REFUSALS_MAX = 4096
"""Refused submissions remembered, for those who ask again."""

RESENT_BATCHES_MAX = 16
"""Batches of the pool said again at once (R8)."""

DIFFERING_BLOCKS_MAX = 4
"""Blocks with another result here, kept to say which key differs."""

DIFFERENCE_CHARS_MAX = 1000
"""Characters of a sentence that says so; half of it comes from a peer."""

DIFFERENCE_WAIT_MS = 2000
"""How long a host whose state has diverged waits to hear which key it is, before it stops."""

EVIDENCE_PER_PARTY_MAX = 32
"""Evidence kept against one party: one piece convicts it, and it could sign without end."""
