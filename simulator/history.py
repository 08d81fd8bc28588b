"""History of a run: what its clients did and were told, in order, for checkers to judge."""

from __future__ import annotations

from typing import Literal, NamedTuple

OperationKind = Literal["submit", "answer", "read"]


class Operation(NamedTuple):
    """One event of one client.

    ``submit``: a record was handed to the node; ``answer``: it was told to be final at ``entry`` in
    the block of ``height``, or refused before signing with ``outcome`` and no entry; ``read``: the
    node showed ``height`` as its last block, and at ``entry`` an entry of ``party`` with this id
    and outcome (empty if there was none). A client submits records of its own party, and reads
    those of all. ``node`` is the party whose node it asks, empty for its own.
    """

    at_us: int
    client: str
    kind: OperationKind
    party: str
    record_id: str
    outcome: str = ""
    entry: int = -1
    height: int = 0
    node: str = ""


class BalanceRead(NamedTuple):
    """A client read a balance: the node showed ``height`` as its last block, and as of a block at
    or below it the account with ``amount`` in a currency; None if nothing was ever posted there.
    """

    client: str
    node: str
    height: int
    as_of: int
    account: tuple[str, str]
    amount: int | None
