"""Tables: what is stored, and how rows of state become columns.

The node's own tables are written down here. A contract's rows are mapped from their type hints:
``int`` is a 64-bit integer, ``str`` a text, ``bool`` a boolean, ``tuple[str, ...]`` a text that
holds a JSON array, and ``X | None`` may be null. The first ``KEY`` fields are the primary key.

Texts compare byte by byte on every database, so that pages sort alike everywhere.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from hashlib import sha256
from inspect import Parameter, signature
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import astuple
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from ledger.state import Row
from node.errors import CorruptLedger

INTEGER: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
BYTES = LargeBinary()

_TYPES: dict[object, TypeEngine[Any]] = {
    int: INTEGER,
    str: TEXT,
    bool: Boolean(create_constraint=False),
    tuple: TEXT,
}
_texts = msgspec.json.Decoder(tuple[str, ...])

_NAME_CHARS_MAX = 63
"""Of an index. Source: PostgreSQL, identifiers."""


class RowTable:
    """One row type and its table.

    Args:
        kind: The row type.
        metadata: Where the table is entered.

    Raises:
        TypeError: a field has a type that no column holds.
    """

    def __init__(self, kind: type[Row], metadata: MetaData) -> None:
        self.kind = kind
        self.fields = kind.__struct_fields__
        self.key_fields = self.fields[: kind.KEY]
        hints = get_type_hints(kind)
        shapes = {name: _shape(kind, name, hints[name]) for name in self.fields}
        columns = [
            Column(
                name,
                _TYPES[shape],
                primary_key=name in self.key_fields,
                nullable=nullable,
                autoincrement=False,
            )
            for name, (shape, nullable) in shapes.items()
        ]
        indexes = [Index(_index_name(kind.TABLE, names), *names) for names in kind.INDEXES]
        self.table = Table(kind.TABLE, metadata, *columns, *indexes, sqlite_with_rowid=False)
        self.texts = tuple(i for i, n in enumerate(self.fields) if shapes[n][0] is tuple)
        """Places of the columns whose text holds a JSON array."""
        self._bools = tuple(i for i, n in enumerate(self.fields) if shapes[n][0] is bool)
        self._by_name = _is_keywords_only(kind)

    def encode(self, row: Row) -> tuple[Any, ...]:
        """Return the row as column values, in the order of its fields."""
        values = astuple(row)
        if not self.texts:
            return values
        changed = list(values)
        for place in self.texts:
            if changed[place] is not None:
                changed[place] = msgspec.json.encode(changed[place]).decode()
        return tuple(changed)

    def encode_all(self, rows: Iterable[Row | None]) -> list[tuple[Any, ...]]:
        """Return those rows that are none of None as column values."""
        if self.texts:
            return [self.encode(row) for row in rows if row is not None]
        return [astuple(row) for row in rows if row is not None]

    def decode(self, values: tuple[Any, ...]) -> Row:
        """Return the row that stands in these columns.

        Raises:
            CorruptLedger: a column does not hold what :meth:`encode` puts there.
        """
        if not self.texts and not self._bools:
            return self._row(values)
        changed = list(values)
        for place in self._bools:
            if changed[place] is not None:
                changed[place] = bool(changed[place])
        for place in self.texts:
            if changed[place] is not None:
                changed[place] = self._texts(changed[place])
        return self._row(changed)

    def _row(self, values: Sequence[Any]) -> Row:
        if not self._by_name:
            return self.kind(*values)
        try:
            return msgspec.convert(values, self.kind)  # quicker than by keywords
        except msgspec.ValidationError as error:
            raise CorruptLedger(f"a row of {self.table.name} is damaged: {error}.") from error

    def _texts(self, value: Any) -> tuple[str, ...]:
        try:
            return _texts.decode(value)
        except (msgspec.DecodeError, TypeError) as error:
            raise CorruptLedger(f"a row of {self.table.name} is damaged: {error}.") from error


class Tables:
    """All tables of one node's database.

    Args:
        rows: The row types of the contracts.
    """

    def __init__(self, rows: tuple[type[Row], ...]) -> None:
        self.metadata = metadata = MetaData()
        self.meta = Table(
            "meta",
            metadata,
            Column("key", TEXT, primary_key=True),
            Column("value", TEXT, nullable=False),
        )
        self.blocks = _blocks(metadata)
        self.batches = _batches(metadata)
        self.entries = _entries(metadata)
        self.tiles = Table(
            "tiles",
            metadata,
            Column("level", INTEGER, primary_key=True, autoincrement=False),
            Column("index", INTEGER, primary_key=True, autoincrement=False),
            Column("data", BYTES, nullable=False),
        )
        self.consensus = Table(
            "consensus",
            metadata,
            Column("slot", INTEGER, primary_key=True, autoincrement=False),
            Column("kind", TEXT, primary_key=True),
            Column("name", TEXT, primary_key=True),
            Column("body", BYTES, nullable=False),
        )
        self.journal = Table(
            "journal",
            metadata,
            Column("number", INTEGER, primary_key=True, autoincrement=False),
            Column("body", BYTES, nullable=False),
        )
        self.evidence = Table(
            "evidence",
            metadata,
            Column("id", TEXT, primary_key=True),
            Column("body", BYTES, nullable=False),
            Column("created_at", INTEGER, nullable=False),
        )
        self.rows = {kind: RowTable(kind, metadata) for kind in rows}

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change when any table or index changes."""
        parts = [str(each) for each in self.definitions(if_not_exists=False)]
        return sha256("\n".join(parts).encode()).hexdigest()[:16]

    @cached_property
    def sqlite_schema(self) -> frozenset[tuple[str, str]]:
        """What a SQLite file says of these tables and indexes: the name and definition of each."""
        made = self.definitions(if_not_exists=False)
        dialect = sqlite.dialect()
        texts = ((str(each.element.name), str(each.compile(dialect=dialect))) for each in made)
        return frozenset((name, text.strip()) for name, text in texts)

    def definitions(self, *, if_not_exists: bool = True) -> list[CreateTable | CreateIndex]:
        """Return what makes all tables and indexes, always in one order: equal files everywhere."""
        found: list[CreateTable | CreateIndex] = []
        for table in sorted(self.metadata.tables.values(), key=lambda each: each.name):
            found.append(CreateTable(table, if_not_exists=if_not_exists))
            indexes = sorted(table.indexes, key=lambda each: str(each.name))
            found += [CreateIndex(each, if_not_exists=if_not_exists) for each in indexes]
        return found


@lru_cache(maxsize=8)
def tables_of(rows: tuple[type[Row], ...]) -> Tables:
    """Return the tables for these row types; the same object for the same types."""
    return Tables(rows)


def _blocks(metadata: MetaData) -> Table:
    return Table(
        "blocks",
        metadata,
        Column("height", INTEGER, primary_key=True, autoincrement=False),
        Column("slot", INTEGER, nullable=False),
        Column("hash", BYTES, nullable=False),
        Column("time", INTEGER, nullable=False),
        Column("raw_header", BYTES, nullable=False),
        Column("signature", BYTES, nullable=False),
        Column("justification", BYTES, nullable=False),
        Column("certificate", BYTES),
        Column("first_index", INTEGER, nullable=False),
        Column("size", INTEGER, nullable=False),
        Column("checksum", BYTES, nullable=False),
        UniqueConstraint("hash"),
    )


def _batches(metadata: MetaData) -> Table:
    return Table(
        "batches",
        metadata,
        Column("party", TEXT, primary_key=True),
        Column("number", INTEGER, primary_key=True, autoincrement=False),
        Column("height", INTEGER, nullable=False),
        Column("position", INTEGER, nullable=False),
        Column("hash", BYTES, nullable=False),
        Column("raw_header", BYTES, nullable=False),
        Column("signature", BYTES, nullable=False),
        Column("first_index", INTEGER, nullable=False),
        Column("count", INTEGER, nullable=False),
        Index("batches_by_height_position", "height", "position"),
    )


def _entries(metadata: MetaData) -> Table:
    return Table(
        "entries",
        metadata,
        Column("index", INTEGER, primary_key=True, autoincrement=False),
        Column("height", INTEGER, nullable=False),
        Column("party", TEXT, nullable=False),
        Column("id", TEXT, nullable=False),
        Column("type", TEXT, nullable=False),
        Column("subject", TEXT, nullable=False),
        Column("outcome", TEXT, nullable=False),
        Column("leaf", BYTES, nullable=False),
        Index("entries_by_subject_index", "subject", "index"),
    )


def block_checksum(height: int, justification: bytes, certificate: bytes | None) -> bytes:
    """Return what tells later whether the bytes that no hash of the chain covers are still whole.

    Args:
        height: The block's height.
        justification: The stored justification.
        certificate: The stored certificate; None and empty differ.
    """
    tail = b"-" if certificate is None else b"+" + certificate
    head = f"{height} {len(justification)}\n".encode()
    return sha256(head + justification + tail).digest()


def _index_name(table: str, names: tuple[str, ...]) -> str:
    return f"{table}_by_{'_'.join(names)}"[:_NAME_CHARS_MAX]


def _is_keywords_only(kind: type[Row]) -> bool:
    return next(iter(signature(kind).parameters.values())).kind is Parameter.KEYWORD_ONLY


def _shape(kind: type[Row], name: str, hint: object) -> tuple[object, bool]:
    """Return the plain type of a field and whether it may be None."""
    nullable = False
    if get_origin(hint) in (Union, types.UnionType):
        inner = [each for each in get_args(hint) if each is not type(None)]
        nullable = len(inner) < len(get_args(hint))
        hint = inner[0] if len(inner) == 1 else hint
    if get_origin(hint) is Literal and all(isinstance(each, str) for each in get_args(hint)):
        hint = str
    if get_args(hint) == (str, ...) and get_origin(hint) is tuple:
        hint = tuple
    if hint not in _TYPES:
        raise TypeError(f"{kind.__name__}.{name} has type {hint}, which no column holds")
    return hint, nullable
