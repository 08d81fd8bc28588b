"""State as rows: what contracts read and change, and how changes are layered and hashed.

A contract declares its rows as frozen structs; the first ``KEY`` fields are the primary key. A
:class:`View` answers "which row stands under this key"; an :class:`Overlay` is a view with changes
on top of another view; a :class:`Transaction` makes the changes of one record to an overlay and
takes them all back if the record is refused.
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


Wanted = dict[type[Row], set[Key]]
"""Keys of rows to be read, by type."""

_ABSENT: Any = object()


class View(Protocol):
    """A read-only state at one block."""

    def get(self, kind: type[R], key: Key) -> R | None:
        """Return the row under ``key``, or None."""

    def fetch(self, wanted: Wanted) -> Changes:
        """Return the rows under many keys, None where there is none: one query a table."""


class EmptyView:
    """The state before the first block."""

    def get(self, kind: type[R], key: Key) -> R | None:
        """Return None: nothing exists yet."""
        return None

    def fetch(self, wanted: Wanted) -> Changes:
        """Return None for every key."""
        return {kind: dict.fromkeys(keys) for kind, keys in wanted.items()}


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

    def fetch(self, wanted: Wanted) -> Changes:
        """Return the rows under many keys as of this layer."""
        found: Changes = {}
        deeper: Wanted = {}
        for kind, keys in wanted.items():
            own = self.changes.get(kind, {})
            found[kind] = {key: own[key] for key in own.keys() & keys}
            rest = keys - own.keys() if found[kind] else keys
            if rest:
                deeper[kind] = rest
        if deeper:
            for kind, rows in self.below.fetch(deeper).items():
                found[kind].update(rows)
        return found

    def prefetch(self, wanted: Wanted) -> Changes:
        """Load rows from below, keep them at hand, and return those that were new."""
        new = {
            k: keys - self.known[k].keys() if k in self.known else keys
            for k, keys in wanted.items()
        }
        found = self.below.fetch({kind: keys for kind, keys in new.items() if keys})
        for kind, rows in found.items():
            self.known.setdefault(kind, {}).update(rows)
        return found

    def rest(self) -> None:
        """End the making of changes: the layer will only be read from now on.

        Rows that were made and deleted again are no change of the state, and go.
        """
        self.known = {}
        for kind, rows in list(self.changes.items()):
            for key in [key for key, row in rows.items() if row is None]:
                if self.below.get(kind, key) is None:
                    del rows[key]
            if not rows:
                del self.changes[kind]

    def merge(self, changes: Changes) -> None:
        """Take over the changes of a block that was executed on this layer."""
        for kind, rows in changes.items():
            self.changes.setdefault(kind, {}).update(rows)


class Transaction:
    """One record's changes to a view, which are all undone if the record is refused.

    Args:
        view: The state; changes are written to it at once.
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
        "_undo",
        "author",
        "entry",
        "genesis",
        "height",
        "memo",
        "postings",
        "role",
        "subject",
        "time_ms",
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
        self._changed, self._known, self._below = view.changes, view.known, view.below.get
        self._undo: list[tuple[type[Row], Key, Any]] = []
        self.genesis = genesis
        self.author = author
        self.role = role
        self.entry = entry
        self.height = height
        self.time_ms = time_ms
        self.subject = ""
        """What the record is about, such as ``payment:P1``."""
        self.postings = 0
        """How many lines this record has posted to the books."""
        self.memo: dict[object, str] = {}
        """Results of pure functions, kept from record to record of one block."""

    def begin(self, entry: int, subject: str = "") -> None:
        """Go on with the record at index ``entry``; what was changed so far stays."""
        self.entry = entry
        self.subject = subject
        self.postings = 0
        self._undo.clear()

    def undo(self) -> None:
        """Take back every change since :meth:`begin`: the record was refused."""
        for kind, key, before in reversed(self._undo):
            rows = self._changed[kind]
            if before is _ABSENT:
                del rows[key]
            else:
                rows[key] = before
            if not rows:
                del self._changed[kind]
        self._undo.clear()

    def get(self, kind: type[R], key: Key) -> R | None:
        """Return the row under ``key`` as this record sees it, or None."""
        # The two layers of the view, read here because every contract reads all the time.
        row: Any
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
        self.set(kind, astuple(row)[: kind.KEY], row)

    def set(self, kind: type[Row], key: Key, row: Row | None) -> None:
        """Set or (None) delete the row under ``key``, which must be the row's own."""
        rows = self._changed.get(kind)
        if rows is None:
            rows = self._changed[kind] = {}
        self._undo.append((kind, key, rows.get(key, _ABSENT)))
        rows[key] = row

    def sole(self, role: Role) -> str:
        """Return the one party in a role that only one may hold."""
        name = self.memo.get(role)
        if name is None:
            name = self.memo[role] = self.genesis.sole(role)
        return name

    def delete(self, kind: type[Row], key: Key) -> None:
        """Delete the row under ``key``, which must exist."""
        self.set(kind, key, None)


def change_list(changes: Changes) -> list[list[Any]]:
    """Return changes as ``[table, rows, deleted]`` by table name: what the state hash covers.

    ``rows`` are the rows that stand now, each as the array of its fields, and ``deleted`` the keys
    of those that are gone; both are sorted by key.
    """
    listed: list[list[Any]] = []
    for kind in sorted(changes, key=lambda k: k.TABLE):
        rows = changes[kind]
        keys = sorted(rows)
        standing = [row for row in map(rows.__getitem__, keys) if row is not None]
        deleted = [key for key in keys if rows[key] is None] if len(standing) < len(rows) else []
        listed.append([kind.TABLE, standing, deleted])
    return listed
