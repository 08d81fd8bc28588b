"""A log that is opened like a file: what was verified, and readers of what it adds up to."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
from msgspec.structs import asdict

from consensus.messages import encode
from consensus.votes import Subject, Vote
from consensus.votes import certificate_of as of_votes
from ledger.block import Tip
from ledger.genesis import Genesis
from ledger.log.checkpoint import cosigner_name
from ledger.log.note import COSIGNATURE, Note, NoteKey, split_cosignature
from ledger.log.receipt import open_consortium_checkpoint
from ledger.log_faults import LogFault
from ledger.log_walk import LogEnd
from node.storage.engine import open_sealed
from node.storage.log_file import LogFile, Stamp
from node.storage.queries import LedgerReader
from node.storage.snapshots import Snapshots

META = "log"
"""Names the summary in the table ``meta``."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What was verified of a log, up to the first thing that is false.

    ``height``, ``size``, ``root``, ``state`` and ``time`` (ms) are those of the last good block.
    ``checkpoint`` is the signed note at its end,
    empty if that is not good, and ``cosigners`` who cosigned it. The good part is ``certified`` if
    it leads, by its hashes, to such a checkpoint. ``sha256`` and ``stamp`` are of the file.
    """

    file: str
    sha256: str
    stamp: Stamp
    ledger: str
    origin: str
    height: int
    size: int
    root: str
    state: str
    time: int
    certified: bool
    checkpoint: str
    cosigners: tuple[str, ...]
    fault: LogFault | None


class OpenedLog:
    """A log, verified and executed. Everything may be called from any thread.

    Args:
        genesis: The founding document.
        summary: What was verified.
        snapshots: What it adds up to.
    """

    def __init__(self, genesis: Genesis, summary: Summary, snapshots: Snapshots) -> None:
        self.genesis = genesis
        self.summary = summary
        self._snapshots = snapshots

    def reader(self) -> AbstractContextManager[LedgerReader]:
        """Give a reader; for use from any thread."""
        return self._snapshots.reader()

    def close(self) -> None:
        """Close the index."""
        self._snapshots.close()


def opened(index: Path, genesis: Genesis, summary: Summary | None) -> OpenedLog:
    """Return the log of a whole index.

    Args:
        index: The database.
        genesis: The founding document.
        summary: What was verified; read from the index if left out.

    Raises:
        NodeError: the index cannot be read.
        LookupError: it has no summary.
        msgspec.DecodeError: it has one of another form.
    """
    snapshots = Snapshots(open_sealed(index))
    try:
        if summary is None:
            with snapshots.reader() as reader:
                text = reader.meta(META)
            if text is None:
                raise LookupError("an index has no summary")
            summary = msgspec.json.decode(text, type=Summary)
    except BaseException:
        snapshots.close()
        raise
    return OpenedLog(genesis, summary, snapshots)


def summary_of(genesis: Genesis, log: LogFile, tip: Tip, ending: LogEnd) -> Summary:
    """Return what was verified of a log that was read to its end."""
    return Summary(
        file=str(log.path),
        sha256=log.whole.sha256,
        stamp=log.stamp,
        ledger=genesis.ledger,
        origin=genesis.origin,
        height=tip.height,
        size=tip.size,
        root=tip.root.hex(),
        state=tip.state.hex(),
        time=tip.time,
        certified=ending.certified,
        checkpoint=ending.checkpoint,
        cosigners=ending.cosigners,
        fault=ending.fault,
    )


def certificate_of(checkpoint_text: str, genesis: Genesis) -> bytes:
    """Return the encoded certificate that a checkpoint's cosignatures are.

    Args:
        checkpoint_text: A served checkpoint that was verified.
        genesis: The founding document.
    """
    checkpoint = open_consortium_checkpoint(checkpoint_text, genesis).checkpoint
    what = (checkpoint.slot, checkpoint.block, checkpoint.height, checkpoint.size, checkpoint.root)
    subject = Subject("final", *what)
    voters = {
        NoteKey(cosigner_name(genesis.origin, name), COSIGNATURE, key.public_key).key_id: name
        for name, key in genesis.verifiers.items()
        if name in genesis.voters
    }
    votes = {}
    for line in Note.parse(checkpoint_text).signatures:
        voter = voters.get(line.key_id)
        if voter is not None and line.name == cosigner_name(genesis.origin, voter):
            time_s, signature = split_cosignature(line.signature)
            votes[voter] = Vote(voter=voter, signature=signature, time=time_s, **asdict(subject))
    return encode(of_votes(votes))
