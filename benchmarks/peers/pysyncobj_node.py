"""A node of PySyncObj: ``JOURNAL PORT ADDRESS OTHERS…``; it runs in an environment of its own.

On PORT it answers lines: ``put RECORD[TAB RECORD…]`` when the records are applied here, ``count``
with how many are, and ``state``. It ends when its standard input does.

PySyncObj writes its journal through a mapped file that it never syncs. What it says to others here
is said only after the journal is on the disk: one sync for all entries since the one before.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys
from contextlib import suppress
from hashlib import sha256

from pysyncobj import SyncObj, SyncObjConf, replicated, syncobj
from pysyncobj.journal import FileJournal
from pysyncobj.transport import TCPTransport

TICK_S = 0.001
HEARTBEAT_S = 0.002
"""How often the leader sends what has come: it gathers entries until then."""


class SyncedJournal(FileJournal):
    """A journal that knows whether it is on the disk."""

    last: SyncedJournal
    """The one that was opened last."""

    def __init__(self, path: str) -> None:
        self.dirty = False
        SyncedJournal.last = self
        super().__init__(path)

    def add(self, command: object, idx: int, term: int) -> None:
        """Append an entry."""
        super().add(command, idx, term)
        self.dirty = True

    def deleteEntriesFrom(self, entryFrom: int) -> None:  # noqa: N802, N803 - PySyncObj's names
        """Drop entries."""
        super().deleteEntriesFrom(entryFrom)
        self.dirty = True

    def sync(self) -> None:
        """Put on the disk what is not there yet."""
        if self.dirty:
            self.flush()
            self.dirty = False


class SyncedTransport(TCPTransport):
    """A transport that lets nothing out before its node's journal is on the disk."""

    def __init__(self, node: SyncObj, me: object, others: object) -> None:
        self.journal = SyncedJournal.last  # a node opens its journal just before its transport
        super().__init__(node, me, others)

    def send(self, node: object, message: object) -> bool:
        """Sync, and send."""
        self.journal.sync()
        return super().send(node, message)


syncobj.createJournal = SyncedJournal


class Records(SyncObj):
    """Records by the first bytes of their hash, the same on every node."""

    def __init__(self, journal: str, address: str, others: list[str]) -> None:
        self.kept: dict[bytes, bytes] = {}
        conf = SyncObjConf(
            journalFile=journal,
            autoTick=False,
            appendEntriesPeriod=HEARTBEAT_S,
            appendEntriesBatchSizeBytes=2**20,
            sendBufferSize=2**20,
            recvBufferSize=2**20,
            raftMinTimeout=1.0,
            raftMaxTimeout=2.0,
            connectionRetryTime=0.2,
            logCompactionMinEntries=10**9,
            logCompactionMinTime=10**9,
        )
        super().__init__(address, others, conf, transportClass=SyncedTransport)

    @replicated
    def put(self, records: list[bytes]) -> None:
        """Keep records."""
        for record in records:
            self.kept[sha256(record).digest()[:16]] = record


class Server:
    """Lines in, lines out, on non-blocking sockets of the one thread that also ticks.

    Args:
        records: What is asked.
        port: Where.
    """

    def __init__(self, records: Records, port: int) -> None:
        self._records = records
        self._selector = selectors.DefaultSelector()
        self._parts: dict[socket.socket, bytes] = {}
        listening = socket.create_server(("127.0.0.1", port), backlog=512)
        listening.setblocking(False)
        self._selector.register(listening, selectors.EVENT_READ)
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        self._listening = listening

    def turn(self) -> None:
        """Take what has come."""
        for key, _ in self._selector.select(0):
            if key.fileobj is sys.stdin:
                if not os.read(sys.stdin.fileno(), 4096):
                    os._exit(0)
            elif key.fileobj is self._listening:
                self._accept()
            else:
                self._read(key.fileobj)

    def _accept(self) -> None:
        made, _ = self._listening.accept()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parts[made] = b""
        self._selector.register(made, selectors.EVENT_READ)

    def _read(self, wire: socket.socket) -> None:
        try:
            data = wire.recv(2**20)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(wire)
            del self._parts[wire]
            wire.close()
            return
        *lines, self._parts[wire] = (self._parts[wire] + data).split(b"\n")
        for line in lines:
            self._answer(wire, line)

    def _answer(self, wire: socket.socket, line: bytes) -> None:
        word, _, rest = line.partition(b" ")
        if word == b"put":
            self._records.put(rest.split(b"\t"), callback=_reply(wire))
        elif word == b"count":
            _say(wire, b"%d" % len(self._records.kept))
        else:
            leads = self._records._isLeader()
            follows = self._records.isReady() and self._records._getLeader() is not None
            _say(wire, b"leads" if leads else b"follows" if follows else b"starts")


def _reply(wire: socket.socket) -> object:
    def done(_: object, error: object) -> None:
        _say(wire, b"done" if not error else b"failed %r" % error)

    return done


def _say(wire: socket.socket, text: bytes) -> None:
    with suppress(OSError):  # it went away
        wire.sendall(text + b"\n")


def main() -> None:
    """Run a node until standard input ends."""
    journal, port, address, *others = sys.argv[1:]
    records = Records(journal, address, others)
    server = Server(records, int(port))
    while True:
        server.turn()
        records.doTick(TICK_S)


if __name__ == "__main__":
    main()
