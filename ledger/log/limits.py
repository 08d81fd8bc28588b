"""Limits of the log's decoders and encoders. Everything that comes from outside meets one."""

from __future__ import annotations

INTEGER_MAX = 2**63 - 1
"""Largest tree size, index, height, slot or timestamp (what other tlog tools can read)."""

NAME_BYTES_MAX = 255
NOTE_BYTES_MAX = 128 * 1024
NOTE_SIGNATURES_MAX = 64
"""The signed-note specification asks for at least 16; 31 members and unknown keys fit."""

PATH_HASHES_MAX = 63
EXTRA_BYTES_MAX = 64 * 1024
PROOF_BYTES_MAX = 256 * 1024
TILE_PATH_CHARS_MAX = 64
ENTRY_BYTES_MAX = 2**16 - 1
TILES_CACHED_MAX = 64
