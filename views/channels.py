"""Numbers of channels and banks, by which what they are of is found."""

from __future__ import annotations

from ledger.contracts.channels import NumberedSubject
from ledger.state import Walk
from views.reader import Reader, walked


def subjects_numbered(reader: Reader, number: str, kind: str) -> list[str]:
    """Return the ids of what records with a channel's number were about, of one kind."""
    rows = walked(reader, NumberedSubject, Walk({"number": number}, ("subject",)))
    parts = (row.subject.partition(":") for row in rows)
    return [name for of, _, name in parts if of == kind]
