"""Limits of the HTTP interface. Units stand in the names."""

from __future__ import annotations

from ledger.limits import RECORD_BYTES_MAX

ARRAY_RECORDS_MAX = 1000
"""Records of an array. More are sent as a stream."""

BODY_BYTES_MAX = 1024 * 1024
"""A single record or an array of records. A stream has no limit in total."""

HEAD_BYTES_MAX = 64 * 1024
"""A request's line and headers."""

HEADERS_MAX = 128
"""Headers of a request, trailers included; each takes more memory than its bytes."""

HEAD_WAIT_S = 10.0
"""How long a client may take for them."""

PIPELINED_MAX = 16
"""Requests of one connection that wait for the answers before theirs."""

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

STRANGERS_MAX = 256
"""Connections that have shown neither a valid token nor a key; newer ones displace older ones."""

STRANGERS_PER_ADDRESS_MAX = 192
"""Those of one address; behind a proxy all strangers have one."""

IPV6_SITE_BITS = 64
"""Leading bits of an IPv6 address that make one address here: the rest is the holder's choice."""

CLIENTS_MAX = 320
"""Connections that have shown a valid token; further ones stay strangers, and are served."""

KEEP_ALIVE_S = 75.0
"""How long a connection may be idle, from its opening or its last request with a valid token."""

CLOSE_LINGER_S = 1.0
"""How long the other end of a closed connection may take to read what it was told."""

CROWD_TOLD_EVERY_S = 60.0
"""How often the log says that connections make room."""

UNPROVED_BYTES_MAX = 4 * 1024
"""All that may come on a peer's connection before its proof; a handshake takes about 500 bytes."""

LINE_BYTES_MAX = RECORD_BYTES_MAX
"""One line of a stream, its line ending not counted."""

CHUNK_LINES = 500
"""Lines of a stream that are handed to the node at once."""

STREAM_BYTES_MAX = 32 * 1024 * 1024
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

BLOCKS_PAGE_MAX = 100

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

FEEDS_PER_TOKEN = 64
"""Feeds and waiting questions of one token that are open at once."""

FEEDS_MAX = 256
"""Those of all tokens."""

FEED_PART_BYTES_MAX = 64 * 1024
"""About how much of a feed is written to a client at once."""

FEED_UNREAD_BYTES = 128 * 1024
"""What the system may keep of a feed for a client that does not read."""

FEED_TOKENS_EVERY_S = 5.0
"""How often the tokens of open feeds are looked up: those of revoked ones end."""

FEED_LIFE_S = 3600.0
"""How long a feed lives: who comes again shows a token or session that is still good."""

FEED_RETRY_MS = 2000
"""When a client whose feed ended comes again."""

FEED_WAIT_MS_MAX = 30_000
"""How long a question for entries may wait for some."""

NEWS_POLL_S = 0.05
"""How often the ledger's height is looked at while somebody listens."""

NEWS_READ_MAX = 1000
"""New entries that are read at once, the newest first."""

NEWS_ENTRIES_MAX = 4096
NEWS_BYTES_MAX = 8 * 1024 * 1024
"""New entries that are kept for all who listen, and what they may take."""

NEWS_SHOWN_MAX = 20
"""Entries that a tick of news shows."""

NEWS_KEEP_ALIVE_S = 15.0
"""How often something is said where nothing happens."""

PROGRESS_S = 1.0
"""How often a feed says how far it has got in entries that it does not show."""

SCAN_PAGE = 100
SCAN_MAX = 2000
"""Older entries that are read from the database, and looked through in one go."""

TICK_S = 0.25
TICK_MAX_S = 0.8
TICK_LISTENERS = 80
"""How often news ticks: every ``TICK_S``; with more listeners than these less often."""

READER_THREADS = 8
"""Reads that use the database at once."""

READER_NICE = 19
"""By how much the readers give way to votes and submissions."""

WANTED_BYTES_MAX = 16 * 1024
"""What says which simulation is wanted."""

SIMULATION_S_MAX = 120.0
"""How long a simulation may run, by the clock on the wall."""

SIMULATIONS_WAITING_MAX = 6
"""Simulations that wait for their turn; one runs."""

SIMULATIONS_PER_TOKEN = 2
"""Simulations of one token that run or wait."""

SIMULATIONS_KEPT = 8
"""Simulations that are over and can still be watched."""

RECORDING_BYTES_MAX = 4 * 1024 * 1024
"""A recording, compressed."""
