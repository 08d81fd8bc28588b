"""Records: what a party may state, and the rule that says who may state it.

A record is canonical JSON, ``{"at":…,"id":…,"type":…, …fields of its type}``. Each type is one
frozen struct, the only definition of its fields: decoding, validation and documentation come from
it. The contracts in :mod:`ledger.contracts` define the types; this module holds what all share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec
from msgspec import Meta

from ledger import currencies, forms, texts
from ledger.genesis import Genesis
from ledger.limits import IDENTIFIER_CHARS_MAX, SAFE_INTEGER_MAX, TEXT_CHARS_MAX
from ledger.members import SUPERVISOR
from ledger.state import Key, Row, Transaction

Identifier = Annotated[
    str,
    texts.of_form(
        forms.IDENTIFIER,
        "an identifier chosen by its author: letters, digits and . _ : - | * @",
        IDENTIFIER_CHARS_MAX,
    ),
]
PartyName = Annotated[
    str, Meta(pattern=forms.shut(forms.PARTY), max_length=32, description="a party")
]
Amount = Annotated[
    int, Meta(ge=1, le=SAFE_INTEGER_MAX, description="an amount in minor units of the currency")
]
AmountOrNothing = Annotated[
    int, Meta(ge=0, le=SAFE_INTEGER_MAX, description="minor units, or 0 for nothing")
]
if TYPE_CHECKING:
    Currency = str
else:
    Currency = Annotated[Literal[currencies.CODES], Meta(description="ISO 4217 code")]
TimeMs = Annotated[
    int, Meta(ge=0, le=SAFE_INTEGER_MAX, description="milliseconds since the epoch, UTC")
]
EventTime = Annotated[
    int,
    Meta(
        ge=forms.YEAR_2000_MS,
        le=SAFE_INTEGER_MAX,
        description="when it happened: milliseconds (not seconds) since the epoch, from 2000 on",
    ),
]
Day = Annotated[str, Meta(pattern=forms.shut(forms.DAY), description="an ISO 8601 date")]
Text = Annotated[
    str,
    texts.of_form(
        forms.LINE, "text of one line, without control characters", TEXT_CHARS_MAX, chars_min=1
    ),
]
Commitment = Annotated[
    str, Meta(pattern=forms.shut(forms.HASH), description="a salted SHA-256 commitment in hex")
]


# gc=False: records and rows hold only texts, numbers and tuples of them, so they can form no
# cycles, and the garbage collector need not walk the many thousands that a node keeps.
class Record(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="type",
    gc=False,
):
    """A record: its author's id for it, and when its author says it happened.

    ``id`` is unique per author and is the idempotency key; ``at`` is a claim in ms since the
    epoch, at most a day after the block, that no other rule relies on. ``CODES`` are those with
    which the contract itself refuses records of the type; :func:`ledger.execute.refusals` adds
    those that come of any record.
    """

    CODES: ClassVar[tuple[str, ...]]

    at: TimeMs
    id: Identifier


class BatchHead(Row, frozen=True):
    """The last batch of a party that the log holds: its number and its hash in hex.

    ``records`` counts what the party has stated in ``minute``, by the times of blocks, since the
    epoch: its quota is judged by that.
    """

    TABLE: ClassVar[str] = "batch_heads"

    party: str
    number: int
    hash_hex: str
    minute: int
    records: int

    def stated_in(self, minute: int) -> int:
        """Return how many records the party has stated in a minute, none before its latest."""
        return self.records if self.minute == minute else 0


class Recorded(Row, frozen=True):
    """A record id that its author has used, and the index of its entry."""

    TABLE: ClassVar[str] = "recorded"
    KEY: ClassVar[int] = 2

    party: str
    id: str
    entry: int


class Rule(NamedTuple):
    """The execution of one record type.

    ``authors`` are the roles that may state it; empty means that the contract itself checks.
    ``apply`` changes a transaction or raises :class:`ledger.errors.Refused`. ``keys`` names the
    rows that ``apply`` will ask for. ``subject`` names what the record is about; where the record
    itself begins its subject, ``refused_subject`` names what it is about when it is refused.
    ``supervised`` opens it to supervisors, which may state no money.
    """

    record: type[Record]
    authors: tuple[str, ...]
    apply: Callable[[Transaction, Any], None]
    keys: Callable[[Any, Genesis], list[tuple[type[Row], Key]]]
    subject: Callable[[Any], str]
    refused_subject: Callable[[Any], str] | None = None
    supervised: bool = False

    def is_for(self, role: str) -> bool:
        """Return whether a party of this role may state it, as far as roles decide that."""
        if self.authors:
            return role in self.authors
        return self.supervised or role != SUPERVISOR


def type_name(record: type[Record]) -> str:
    """Return the ``type`` under which ``record`` is written, such as ``payment.captured``."""
    return str(record.__struct_config__.tag)
