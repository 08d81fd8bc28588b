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

SEEN_BATCHES_MAX = 128
"""Signed batch headers of one party, remembered from blocks that are not final."""

EVIDENCE_SAID_MAX = 16
"""Pieces of evidence said at once to a peer that comes up, and again with each heartbeat."""

EVIDENCE_SAID_BYTES_MAX = 2**20
"""Bytes of evidence said at once, the first piece not counted."""

EVIDENCE_SAY_MS = 60_000
"""How often evidence is said again: a frame may have been lost."""

CONFLICT_WAIT_MS = 5000
"""How long a host that met a second final history asks and answers about it, before it stops."""

CONFLICT_ASK_MS = 1000
"""How long a peer has to answer such a question before it is asked again."""

CONFLICT_QUESTIONS_MAX = 64
"""Questions that one peer is asked then."""

EVIDENCE_PER_PARTY_MAX = 32
"""Evidence kept against one party: one piece convicts it, and it could sign without end."""

RECALL_GRACE_MS = 500
"""How long a host waits for peers that are up, once enough have said what its key has signed."""

RECALL_AGAIN_MS = 500
"""How long a peer has to say so before it is asked again; doubled each time."""

RECALL_AGAIN_MAX_MS = 8000
"""The longest that a peer which is up is left unasked."""

CALLERS_MAX = 192
"""Incoming calls for parties of this ledger that wait for their proof."""

FRAGMENTS_MAX = 1024
"""Pieces of one message between peers; this software sends whole ones, a proxy may not."""

SHUT_OUT_FIRST_MS = 1000
"""How long a peer is not listened to after its first offence; each time twice as long, …"""

SHUT_OUT_MAX_MS = 30_000
"""… and at most so long: a quorum may need it."""

CLEAN_MS = 60_000
"""After so long without another offence a peer's are forgotten."""

REFUSED_FRAMES_MAX = 1024
"""Refused frames of one peer that are remembered by their hashes."""

CONTRADICTIONS_MAX = 256
"""Verified batches that contradict others, remembered so that they are not verified again."""

UNASKED_MAX = 16
"""Answers that nobody asked a peer for and that are no offence yet: questions are forgotten."""

WRITTEN_WITHIN_MS = 500
"""What final blocks have changed is written for readers at the latest after that."""

LISTENED_WITHIN_MS = 50
"""Within how long while somebody listens to what becomes final."""

REST_BEFORE_WRITING_MS = 20
"""And already then, if the ledger rests."""
