"""State as rows: what contracts read and change, and how changes are layered and hashed.

A contract declares its rows as frozen structs; the first ``KEY`` fields are the primary key. A
:class:`StateView` answers "which row stands under this key"; an :class:`Overlay` is one with
changes on top of another; a :class:`Transaction` makes the changes of one record to an overlay and
takes them all back if the record is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeVar

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


class Walk(NamedTuple):
    """A way along an index of a row type, or along its key.

    ``fixed`` are the values of its leading columns and ``order`` the columns after them, of which
    the first may be bounded: not below ``since``, and below ``until``. ``backwards`` it goes from
    the last row to the first.
    """

    fixed: Mapping[str, Any]
    order: Sequence[str]
    since: Any = None
    until: Any = None
    backwards: bool = False


R = TypeVar("R", bound=Row)
Changes = dict[type[Row], dict[Key, Row | None]]


Wanted = dict[type[Row], set[Key]]
"""Keys of rows to be read, by type."""

NEVER = -1
"""The time or the entry, in a row, of what has not happened."""

ABSENT: Any = object()
"""Stands where a layer has not changed a row."""


class StateView(Protocol):
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


class LayerRows(dict[Key, R | None]):
    """The rows of one type as a layer shows them while changes are made: read, or changed.

    What is not here yet is read from below. ``changed`` holds what the layer has changed, for good;
    a row that was added is here only once somebody asks for it.
    """

    __slots__ = ("_below", "_kind", "changed")

    def __init__(self, kind: type[R], below: StateView) -> None:
        self._kind = kind
        self._below = below
        self.changed: dict[Key, R | None] = {}

    def __missing__(self, key: Key) -> R | None:
        row: Any = self.changed.get(key, ABSENT)
        row = self[key] = self._below.get(self._kind, key) if row is ABSENT else row
        return row  # type: ignore[no-any-return]


class LayerTables(dict[type[Row], LayerRows[Any]]):
    """The rows of every type that a layer was asked for."""

    __slots__ = ("_below",)

    def __init__(self, below: StateView) -> None:
        super().__init__()
        self._below = below

    def __missing__(self, kind: type[Row]) -> LayerRows[Any]:
        rows: LayerRows[Any] = LayerRows(kind, self._below)
        self[kind] = rows
        return rows

    if TYPE_CHECKING:  # at run time it is that of dict

        def __getitem__(self, kind: type[R]) -> LayerRows[R]: ...


class Overlay:
    """A view that shows its own changes before what lies ``below``.

    While changes are made, the layer keeps what it has read: a block asks for the same rows again
    and again. :meth:`rest` ends that.

    Args:
        below: The view underneath.
        changes: LayerRows by type and key; None marks a deleted row.
    """

    __slots__ = ("below", "tables")

    def __init__(self, below: StateView, changes: Changes | None = None) -> None:
        self.below = below
        self.tables = LayerTables(below)
        if changes:
            self.merge(changes)

    @property
    def changes(self) -> Changes:
        """The changes of this layer: rows by type and key; None marks a deleted row."""
        return {kind: rows.changed for kind, rows in self.tables.items() if rows.changed}

    def get(self, kind: type[R], key: Key) -> R | None:
        """Return the row under ``key`` as of this layer, or None."""
        rows = self.tables.get(kind)
        row: Any = ABSENT if rows is None else rows.changed.get(key, ABSENT)
        return self.below.get(kind, key) if row is ABSENT else row

    def fetch(self, wanted: Wanted) -> Changes:
        """Return the rows under many keys as of this layer."""
        found: Changes = {}
        deeper: Wanted = {}
        for kind, keys in wanted.items():
            own = self.tables[kind].changed if kind in self.tables else None
            here = own.keys() & keys if own else ()
            found[kind] = {key: own[key] for key in here} if own else {}
            if len(here) < len(keys):
                deeper[kind] = keys.difference(here)
        if deeper:
            for kind, rows in self.below.fetch(deeper).items():
                found[kind].update(rows)
        return found

    def prefetch(self, wanted: Wanted) -> Changes:
        """Load rows from below, keep them at hand, and return those that were new."""
        tables = self.tables
        new: Wanted = {}
        for kind, keys in wanted.items():
            known = tables[kind]
            unknown = keys.difference(known).difference(known.changed)
            if unknown:
                new[kind] = unknown
        found = self.below.fetch(new)
        for kind, rows in found.items():
            tables[kind].update(rows)
        return found

    def rest(self) -> Changes:
        """End the making of changes, and return them: the layer will only be read from now on.

        LayerRows that were made and deleted again are no change of the state, and go.
        """
        for kind, rows in self.tables.items():
            rows.clear()
            changed = rows.changed
            gone = () if all(changed.values()) else [key for key in changed if not changed[key]]
            for key in gone:
                if self.below.get(kind, key) is None:
                    del changed[key]
        return self.changes

    def merge(self, changes: Changes) -> None:
        """Take over the changes of a block that was executed on this layer."""
        for kind, rows in changes.items():
            table = self.tables[kind]
            table.changed.update(rows)
            for key in table.keys() & rows.keys():
                table[key] = rows[key]


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
        "author",
        "entry",
        "genesis",
        "height",
        "log",
        "postings",
        "role",
        "rows",
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
        self.rows = view.tables
        """The rows as this record sees them, by type and key; None is none. Only for reading."""
        self.log: list[tuple[LayerRows[Any], Key, Any]] = []
        """What :meth:`undo` puts back: rows, key, and what the layer had changed, or ABSENT."""
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

    def begin(self, entry: int, subject: str = "") -> None:
        """Go on with the record at index ``entry``; what was changed so far stays."""
        self.entry = entry
        self.subject = subject
        self.postings = 0
        self.log.clear()

    def undo(self) -> None:
        """Take back every change since :meth:`begin`: the record was refused."""
        for rows, key, before in reversed(self.log):
            if before is ABSENT:
                rows.pop(key, None)  # to be read from below again
                del rows.changed[key]
            else:
                rows[key] = rows.changed[key] = before
        self.log.clear()

    def put(self, row: Row) -> None:
        """Set ``row`` under its own key."""
        kind = type(row)
        self.set(kind, astuple(row)[: kind.KEY], row)

    def set(self, kind: type[Row], key: Key, row: Row | None) -> None:
        """Set or (None) delete the row under ``key``, which must be the row's own."""
        rows = self.rows[kind]
        changed = rows.changed
        self.log.append((rows, key, changed.get(key, ABSENT)))
        changed[key] = rows[key] = row

    def add(self, kind: type[Row], key: Key, row: Row) -> None:
        """Set a row under a key of its own that nobody has read or set before."""
        rows = self.rows[kind]
        self.log.append((rows, key, ABSENT))
        rows.changed[key] = row

    def sole(self, role: Role) -> str:
        """Return the one party in a role that only one may hold."""
        return self.genesis.soles[role]

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
        standing = [*filter(None, map(rows.__getitem__, keys))]
        deleted = [key for key in keys if rows[key] is None] if len(standing) < len(rows) else []
        listed.append([kind.TABLE, standing, deleted])
    return listed
