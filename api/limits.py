"""Limits of the HTTP interface. Units stand in the names."""

from __future__ import annotations

from ledger.limits import RECORD_BYTES_MAX

ARRAY_RECORDS_MAX = 1000
"""Records of an array. More are sent as a stream."""

BODY_BYTES_MAX = 1024 * 1024
"""A single record or an array of records. A stream has no limit in total."""

HEAD_BYTES_MAX = 64 * 1024
"""A request's line and headers."""

HEAD_WAIT_S = 10.0
"""How long a client may take for them."""

CONNECTIONS_MAX = 768
"""Open connections of clients and peers together."""

MINUTE_S = 60.0
"""How long wrong tokens, and requests without a valid one, are counted together."""

GUESSES_PER_ADDRESS_MAX = 20
GUESSES_MAX = 200
"""Wrong tokens that are judged a minute, from one address and in total."""

GUESSES_TOLD_MAX = 5
"""Addresses of them that the log names in a minute."""

GUESS_WAIT_S = 1.0
"""How long the answer to a further one takes."""

GUESSES_WAITING_MAX = 64
"""How many wait for it at once; further ones are refused at once."""

FULL_TOLD_EVERY_S = 60.0
"""How often the log says that there are too many."""

LINE_BYTES_MAX = RECORD_BYTES_MAX
"""One line of a stream, its line ending not counted."""

CHUNK_LINES = 500
"""Lines of a stream that are handed to the node at once."""

STREAM_BYTES_MAX = 64 * 1024 * 1024
"""What all streams together may hold: records under way, and results that nobody has read yet."""

LINE_COST_BYTES = 1024
"""What a record under way costs beside its own bytes."""

PART_BYTES_MAX = 256 * 1024
"""Results that are written to a client at once."""

ROOM_POLL_S = 0.05
"""How often a stream that pauses looks whether there is room again."""

STALL_S = 30.0
"""How long a client that has to read its results may read none."""

STALL_LOOKS = 30
BUSY_WAIT_FIRST_S = 0.02
BUSY_WAIT_MAX_S = 0.5

TIMEOUT_MS_DEFAULT = 10_000
TIMEOUT_MS_MAX = 60_000

PAGE_DEFAULT = 100
PAGE_MAX = 1000
SCANNED_MAX = 10 * PAGE_MAX
"""Rows that are looked through for one page."""

BLOCKS_PAGE_MAX = 100
TIMELINE_MAX = 1000
TIMELINE_REFUSED_MAX = 100
"""Refused entries of a timeline: whoever states many of them crowds out no other's."""

HEIGHT_WAIT_S = 2.0
"""How long a reader waits for the height that it asks for."""

HEIGHT_POLL_S = 0.02

READS_PER_TOKEN = 4
"""Reads of one token that are answered at once."""

READS_WAITING_MAX = 256
"""Reads of one token that are under way or wait for their turn."""

READS_MAX = 32
"""Reads of all tokens that are answered at once."""

READ_TURN_WAIT_S = 10.0
"""How long a read waits for its turn."""

READ_ANSWER_WAIT_S = 60.0
"""How long the readers may take for the first part of an answer, and for each further one."""

READER_THREADS = 8
"""Reads that use the database at once."""

READER_NICE = 10
"""By how much the readers give way to votes and submissions."""
