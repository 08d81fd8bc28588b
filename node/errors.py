"""Errors of the node package.

NodeError                    every error below; has a stable kebab-case ``code``
├── StorageError             the database did not do what was asked: ``disk-full``,
│                            ``storage-failed``, ``bad-database-url``, ``no-database-driver``,
│                            ``wrong-ledger``, ``wrong-party``, ``wrong-schema``,
│                            ``wrong-block``, ``scratch-failed``
├── Busy                     the queue is full, nothing was taken: ``busy``
├── Stuck                    it is full and nothing can leave it: ``no-quorum``, ``not-signing``
├── Silenced                 this party's key has signed a contradiction, and signs nothing more:
│                            ``key-contradicts-itself``
├── Halted                   the node has stopped for safety; the code says why
├── CorruptLedger            stored bytes are not what was stored: ``corrupt-ledger``
├── HomeError                a home directory that cannot be used: ``not-a-home``,
│                            ``home-locked``, ``home-not-empty``, ``home-unreadable``,
│                            ``bad-config``, ``bad-genesis``, ``bad-key``, ``wrong-key``,
│                            ``key-exposed``, ``unknown-member``
└── TokenError               a token or token file that cannot be used: ``bad-tokens``,
                             ``bad-scopes``, ``bad-label``, ``no-such-token``,
                             ``too-many-tokens``
"""

from __future__ import annotations


class NodeError(Exception):
    """An error with a stable code and a sentence that says what to do next.

    Args:
        code: Stable kebab-case identifier; part of the public interface.
        message: What was expected, what came, and the next step.
        definite: Whether it is known that nothing was changed.
    """

    def __init__(self, code: str, message: str, *, definite: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.definite = definite

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class StorageError(NodeError):
    """The database failed. When ``definite``, nothing of the failed write is stored."""


class CorruptLedger(NodeError):
    """The database holds something else than what was written to it.

    Args:
        message: What was expected and what was found.
        height: The first bad block, or None when the damage belongs to no block.
    """

    def __init__(self, message: str, *, height: int | None = None) -> None:
        where = "" if height is None else f"block {height}: "
        super().__init__("corrupt-ledger", f"{where}{message} {REBUILD}")
        self.height = height


class Busy(NodeError):
    """The node has as much work as it can hold. Nothing of the call was taken.

    Args:
        waiting: How many records wait.
    """

    def __init__(self, waiting: int) -> None:
        super().__init__("busy", f"{waiting} records wait for a signature; try again in a moment")
        self.retry_after_s = 1


class Stuck(NodeError):
    """The queue is full, and nothing that waits can become final. Nothing of the call was taken.

    Args:
        code: ``no-quorum`` or ``not-signing``.
        why: What stands in the way.
    """

    def __init__(self, code: str, why: str) -> None:
        super().__init__(code, f"{why}. The queue is full, and nothing more was taken")


CONTRADICTED = "key-contradicts-itself"


class Silenced(NodeError):
    """This key has signed two statements that contradict each other. Nothing was taken."""

    def __init__(self) -> None:
        super().__init__(
            CONTRADICTED,
            "two statements signed with this party's key contradict each other: it lied, or was "
            "put back to an old copy, or its key is used elsewhere as well. This node signs "
            "nothing more; it follows, reads and answers. See `tongzhang evidence list`",
        )


class Halted(NodeError):
    """The node has stopped for safety and takes nothing more; restart it after a look."""


class HomeError(NodeError):
    """A node's home directory is missing, damaged, in use or not this party's."""


class TokenError(NodeError):
    """A bearer token or the file that lists them cannot be used."""


REBUILD = (
    "Stop the node, keep a copy of the database, and run `tongzhang node HOME --rebuild`: "
    "it fetches the whole ledger from the peers again."
)
