"""The reader's contract: what views ask of one consistent snapshot of a ledger.

A node's database answers it (:mod:`node.storage.queries`); whatever else does shows the same views.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ledger.contracts.payouts import DueToReceiver, DueTotal, PayoutTotal
from ledger.contracts.receivers import Bucket
from ledger.expectations import Expectation, UnmetTotal
from ledger.state import Key, R, Walk


class StoredEntry(Protocol):
    """An entry as it is stored: ``leaf`` has its bytes."""

    # fmt: off
    @property
    def index(self) -> int: ...  # noqa: D102
    @property
    def height(self) -> int: ...  # noqa: D102
    @property
    def party(self) -> str: ...  # noqa: D102
    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def subject(self) -> str: ...  # noqa: D102
    @property
    def outcome(self) -> str: ...  # noqa: D102
    @property
    def leaf(self) -> bytes: ...  # noqa: D102
    # fmt: on


class Reader(Protocol):
    """Answers questions about one snapshot. Every answer is bounded."""

    def height(self) -> int:
        """Return the height of the snapshot's last block; 0 before the first."""

    def block_times(self, heights: Iterable[int]) -> dict[int, int]:
        """Return the times of blocks, in ms since the epoch, by height."""

    def size_after(self, height: int) -> int:
        """Return how many entries the log had after a block; more than any after the last one."""

    def newest_about(self, subject: str, limit: int, *, applied: bool) -> Sequence[StoredEntry]:
        """Return the newest entries about a subject, the newest first: applied, or refused ones."""

    def entries(self, start: int, limit: int) -> Sequence[StoredEntry]:
        """Return up to ``limit`` entries from index ``start`` on."""

    def row(self, kind: type[R], key: Key) -> R | None:
        """Return the row of state under ``key``."""

    def rows(
        self,
        kind: type[R],
        where: Mapping[str, str | int | bool] | None = None,
        after_key: Key | None = None,
        limit: int = 100,
    ) -> list[R]:
        """Return rows of state in the order of their keys."""

    def rows_under(self, kind: type[R], keys: Iterable[Key]) -> dict[Key, R]:
        """Return the rows of state that exist under many keys."""

    def rows_among(self, kind: type[R], among: Mapping[str, Sequence[Any]]) -> list[R]:
        """Return the rows of which each of some columns is one of some values."""

    def along(
        self, kind: type[R], walk: Walk, after: tuple[Any, ...] | None = None, limit: int = 100
    ) -> list[R]:
        """Return up to ``limit`` rows on a walk, after the place of the last row already seen."""

    def count_along(self, kind: type[R], walk: Walk, most: int) -> int:
        """Return how many rows there are on a walk, ``most`` at most."""

    def sums_under(self, account_class: str) -> dict[str, int]:
        """Return by currency the sum of the balances of a class of accounts, debit positive."""

    def due_receivers(self, latest: Mapping[str, str] | None, after: str, limit: int) -> list[str]:
        """Return receivers to which something is due that is in no payout, in their order.

        Args:
            latest: By cycle the last business date of captures that counts; all count if None.
            after: The last receiver already seen, or the empty string.
            limit: How many at most.
        """

    def due_buckets(self, latest: Mapping[str, str] | None, first: str, last: str) -> list[Bucket]:
        """Return what is due to the receivers from ``first`` to ``last``, in no payout.

        They come by receiver and business date. ``latest`` is as in :meth:`due_receivers`.
        """

    def due_totals(self) -> list[DueTotal]:
        """Return what is in no payout, summed by business date of captures, cycle and currency."""

    def due_most(self, latest: Mapping[str, str], limit: int) -> list[DueToReceiver]:
        """Return the receivers to which most is due that is in no payout, the most first.

        ``latest`` is as in :meth:`due_receivers`.
        """

    def payout_totals(self, since: str) -> list[PayoutTotal]:
        """Return the payouts of cut-off dates from ``since`` on, summed by date and state."""

    def unmet_sums(self, where: Mapping[str, str], as_of_ms: int) -> Sequence[UnmetTotal]:
        """Return the sums of what is not met, by opener, awaited party, kind, currency and state.

        Args:
            where: Values of ``opener``, ``awaited`` or ``kind`` to which the sums are narrowed.
            as_of_ms: Judge at this time what is overdue.
        """

    def oldest_unmet(self, state: str, limit: int) -> list[Expectation]:
        """Return expectations that are stored as open or as conflicting, the oldest first."""

    def sizes_at(self, times_ms: Sequence[int]) -> list[int]:
        """Return how many entries the log had at some times, in order, by the times of blocks."""

    def stated_at(self, parties: Sequence[str]) -> dict[str, int]:
        """Return when each party's newest batch came in, by the time of its block, in ms."""


CHUNK_MIN = 200
"""Rows of a query that goes on: a page of one item, of which few are wanted, needs many."""


def walked(
    reader: Reader, kind: type[R], walk: Walk, after: Any = None, chunk: int = 200
) -> Iterator[R]:
    """Yield the rows on a walk, ``chunk`` a query."""
    while True:
        rows = reader.along(kind, walk, after, chunk)
        yield from rows
        if len(rows) < chunk:
            return
        chunk = max(chunk, CHUNK_MIN)
        after = tuple(getattr(rows[-1], name) for name in walk.order)
