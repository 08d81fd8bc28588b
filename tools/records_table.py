"""The tables of ``docs/contracts.md``: ``python -m tools.records_table docs/contracts.md``.

Every record type is one row, made from what the code says of itself:

* author: the rule's roles; where the contract decides, the paragraph ``Stated by …`` of the
  record's docstring;
* fields: the struct's, with the unit that its type implies;
* refused unless: the paragraph ``Refused unless …`` of the docstring;
* codes: those with which the contract itself refuses;
* examples, one a record, as files for ``tongzhang submit`` have them;
* posts and expects: what applied records were seen to do in rehearsals of the workload.

What is not between the two marks of the page is written by hand and stays as it is.
"""

from __future__ import annotations

import inspect
import sys
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from ledger import canonical, records
from ledger.contracts import CONTRACTS, EXAMPLES
from ledger.contracts.agreements import Period
from ledger.contracts.calendars import Dates
from ledger.records import Record, Rule, type_name
from tools.records_seen import Seen, see

BEGIN = "<!-- made by python -m tools.records_table docs/contracts.md: begin -->"
END = "<!-- end -->"
HEAD = (
    "| record | author | fields | refused unless | codes | posts | expects |\n" + "|---" * 7 + "|"
)
STATED, REFUSED = "Stated by ", "Refused unless "
NOTHING = "–"

UNITS: tuple[tuple[object, str], ...] = (
    (records.Identifier, ""),
    (records.Text, ""),
    (records.Currency, ""),
    (records.Amount, "minor units"),
    (records.EventTime, "ms"),
    (records.Day, "date"),
    (date, "date"),
    (records.PartyName, "party"),
    (records.Commitment, "64 hex"),
    (Period, "`YYYY-MM`"),
    (Dates, "dates"),
)
"""What stands in brackets behind a field of a type; of other types it is their description."""


def page(text: str) -> str:
    """Return the page ``text`` with its tables made anew.

    Raises:
        ValueError: the page lacks one of the two marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no place for the tables: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def tables() -> str:
    """Return one table a contract, each under its heading."""
    seen = see()
    return "\n".join(_section(contract, seen) for contract in CONTRACTS)


def _section(contract: ModuleType, seen: dict[str, Seen]) -> str:
    title, _, says = (inspect.getdoc(contract) or "").splitlines()[0].partition(": ")
    path = f"`{contract.__name__.replace('.', '/')}.py`"
    rows = [_row(rule, seen[type_name(rule.record)]) for rule in contract.RULES]
    intro = f"{says[:1].upper()}{says[1:]} ({path})"
    examples = [_example(rule) for rule in contract.RULES]
    return "\n".join(
        (f"### {title}", "", intro, "", HEAD, *rows, "", "```json", *examples, "```", "")
    )


def _example(rule: Rule) -> str:
    return canonical.encode(EXAMPLES[type_name(rule.record)]).decode()


def _row(rule: Rule, seen: Seen) -> str:
    type_ = type_name(rule.record)
    cells = (
        f"`{type_}`",
        " or ".join(rule.authors) or said(rule.record, STATED),
        fields(rule.record),
        said(rule.record, REFUSED),
        _codes(rule),
        seen.posts,
        seen.expects,
    )
    return f"| {' | '.join(cell.rstrip('.') or NOTHING for cell in cells)} |"


def said(record: type[Record], opening: str) -> str:
    """Return the paragraph of a record's docstring that begins with ``opening``, without that."""
    for paragraph in (inspect.getdoc(record) or "").split("\n\n"):
        text = " ".join(paragraph.split())
        if text.startswith(opening):
            return text.removeprefix(opening)
    return ""


def _codes(rule: Rule) -> str:
    return ", ".join(f"`{code}`" for code in sorted(rule.record.CODES))


def fields(kind: type[msgspec.Struct]) -> str:
    """Return the fields of a struct with their units, those that may be left out at the end."""
    hints = get_type_hints(kind, include_extras=True)
    own = [each for each in msgspec.structs.fields(kind) if each.name not in ("at", "id")]
    found: dict[bool, list[str]] = {True: [], False: []}
    for each in own:
        unit = _unit(hints[each.name])
        found[each.required].append(f"`{each.name}` ({unit})" if unit else f"`{each.name}`")
    optional = f"; optional {', '.join(found[False])}" if found[False] else ""
    return ", ".join(found[True]) + optional


def _unit(hint: Any) -> str:
    for kind, unit in UNITS:
        if hint == kind:
            return unit
    if get_origin(hint) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(hint))
    if get_origin(hint) is not Annotated:
        return ""
    inner, *notes = get_args(hint)
    if get_origin(inner) is tuple:
        each = get_args(inner)[0]
        is_struct = isinstance(each, type) and issubclass(each, msgspec.Struct)
        return f"each {fields(each) if is_struct else _unit(each)}"
    return next((str(each.description) for each in reversed(notes) if _describes(each)), "")


def _describes(note: object) -> bool:
    return isinstance(note, Meta) and bool(note.description)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
