"""State as rows: what contracts read and change, and how changes are layered and hashed.

A contract declares its rows as frozen structs; the first ``KEY`` fields are the primary key. A
:class:`View` answers "which row stands under this key"; an :class:`Overlay` is a view with changes
on top of another view; a :class:`Transaction` collects the changes of one record and either merges
them whole or leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import msgspec
from msgspec.structs import astuple

if TYPE_CHECKING:
    from ledger.genesis import Genesis, Role

Key = tuple[Any, ...]
Keys = Iterable[tuple[type["Row"], Key]]


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One row of state. Fields are ``str``, ``int``, ``bool`` or a tuple of strings.

    A row encodes as the array of its fields, in the order of their declaration.
    ``TABLE`` names the table, ``KEY`` counts the leading fields that are the primary key,
    ``INDEXES`` lists further column tuples that readers search by.
    """

    TABLE: ClassVar[str]
    KEY: ClassVar[int] = 1
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = ()

    @property
    def key(self) -> Key:
        """The primary key as a tuple."""
        return astuple(self)[: self.KEY]

    def leads_to(self) -> Keys:
        """Return the keys of rows that a record which needs this row will need next."""
        return ()


R = TypeVar("R", bound=Row)
Changes = dict[type[Row], dict[Key, Row | None]]


_ABSENT: Any = object()


class View(Protocol):
    """A read-only state at one block."""

    def get(self, kind: type[R], key: Key) -> R | None:
        """Return the row under ``key``, or None."""

    def prefetch(self, keys: Keys) -> None:
        """Load rows that will be asked for, one query a table."""


class EmptyView:
    """The state before the first block."""

    def get(self, kind: type[R], key: Key) -> R | None:
        """Return None: nothing exists yet."""
        return None

    def prefetch(self, keys: Keys) -> None:
        """Do nothing: there is nothing to load."""


class Overlay:
    """A view that shows ``changes`` before what lies ``below``.

    Rows that were prefetched are kept in ``known`` until :meth:`rest`: a block asks for the same
    rows again and again.

    Args:
        below: The view underneath.
        changes: Rows by type and key; None marks a deleted row.
    """

    __slots__ = ("below", "changes", "known")

    def __init__(self, below: View, changes: Changes | None = None) -> None:
        self.below = below
        self.changes: Changes = changes if changes is not None else {}
        self.known: Changes = {}

    def get(self, kind: type[R], key: Key) -> R | None:
        """Return the row under ``key`` as of this layer, or None."""
        for rows in (self.changes.get(kind), self.known.get(kind)):
            if rows is not None:
                row: Any = rows.get(key, _ABSENT)
                if row is not _ABSENT:
                    return row  # type: ignore[no-any-return]
        return self.below.get(kind, key)

    def prefetch(self, keys: Keys) -> None:
        """Load rows below this layer and keep them at hand."""
        wanted = [(kind, key) for kind, key in keys if key not in self.known.get(kind, ())]
        self.below.prefetch(wanted)
        read = self.below.get
        for kind, key in wanted:
            rows = self.known.get(kind)
            if rows is None:
                rows = self.known[kind] = {}
            rows[key] = read(kind, key)

    def rest(self) -> None:
        """Let go of prefetched rows: the layer will only be read from now on."""
        self.known = {}

    def merge(self, changes: Changes) -> None:
        """Take over ``changes`` of a transaction that succeeded."""
        for kind, rows in changes.items():
            mine = self.changes.get(kind)
            if mine is None:
                self.changes[kind] = rows.copy()
            else:
                mine.update(rows)


class Transaction:
    """The changes of one record on top of a view, and the facts that its contract may use.

    Nothing reaches the view from here: who runs the transaction merges ``changes`` when the record
    was applied, and drops them when it was refused.

    Args:
        view: The state before the record.
        genesis: The consortium's founding document.
        author: The party that states the record.
        role: The author's role.
        entry: Index of the record's entry in the log.
        height: Height of the block that is being executed.
        time_ms: The block's time, ms since the epoch.
    """

    __slots__ = (
        "_below",
        "_changed",
        "_known",
        "author",
        "changes",
        "entry",
        "genesis",
        "height",
        "memo",
        "role",
        "time_ms",
        "view",
    )

    def __init__(  # noqa: PLR0917 - the facts of one record; each is needed, none is optional
        self,
        view: Overlay,
        genesis: Genesis,
        author: str,
        role: str,
        entry: int,
        height: int,
        time_ms: int,
    ) -> None:
        self.view = view
        self._changed, self._known, self._below = view.changes, view.known, view.below.get
        self.genesis = genesis
        self.author = author
        self.role = role
        self.entry = entry
        self.height = height
        self.time_ms = time_ms
        self.changes: Changes = {}
        self.memo: dict[Key, str] = {}
        """Results of pure functions, kept from record to record of one block."""

    def begin(self, entry: int) -> None:
        """Drop all changes and go on with the record at index ``entry``."""
        self.entry = entry
        self.changes = {}

    def get(self, kind: type[R], key: Key) -> R | None:
        """Return the row under ``key`` as this record sees it, or None."""
        row: Any
        rows = self.changes.get(kind)
        if rows is not None:
            row = rows.get(key, _ABSENT)
            if row is not _ABSENT:
                return row  # type: ignore[no-any-return]
        # The two layers of the view, read here because every contract reads all the time.
        rows = self._changed.get(kind)
        if rows is not None:
            row = rows.get(key, _ABSENT)
            if row is not _ABSENT:
                return row  # type: ignore[no-any-return]
        rows = self._known.get(kind)
        if rows is not None:
            row = rows.get(key, _ABSENT)
            if row is not _ABSENT:
                return row  # type: ignore[no-any-return]
        return self._below(kind, key)

    def put(self, row: Row) -> None:
        """Set ``row`` under its own key."""
        kind = type(row)
        rows = self.changes.get(kind)
        if rows is None:
            rows = self.changes[kind] = {}
        rows[astuple(row)[: kind.KEY]] = row

    def table(self, kind: type[Row]) -> dict[Key, Row | None]:
        """Return this record's changes of one table, for loops over many rows."""
        rows = self.changes.get(kind)
        if rows is None:
            rows = self.changes[kind] = {}
        return rows

    def sole(self, role: Role) -> str:
        """Return the one party in a role that only one may hold."""
        name = self.memo.get(("sole", role))
        if name is None:
            name = self.memo["sole", role] = self.genesis.sole(role)
        return name

    def delete(self, kind: type[Row], key: Key) -> None:
        """Delete the row under ``key``, which must exist."""
        self.changes.setdefault(kind, {})[key] = None


def change_list(changes: Changes) -> list[list[Any]]:
    """Return changes as ``[table, key, row or false]``, sorted by table and key.

    This is the form that the state hash covers; a row encodes as the array of its fields, and
    ``false`` marks a deleted row.
    """
    listed: list[list[Any]] = []
    for kind in sorted(changes, key=lambda k: k.TABLE):
        table = kind.TABLE
        listed += [[table, key, row or False] for key, row in sorted(changes[kind].items())]
    return listed
