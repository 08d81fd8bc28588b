"""Evidence: who signed what contradicts itself, with both statements side by side."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from api.evidence import EvidenceId, no_such_evidence
from api.evidence_views import evidence_document, evidence_page
from consensus.evidence_file import Statement
from ledger import domains
from ledger.log.checkpoint import Checkpoint
from views.texts import gettext
from web.page import Pages, Visit

_PREFIXES = (domains.VOTE, domains.PROPOSAL, domains.BATCH)
_FIRST = ("kind", "party", "proposer", "slot", "number", "block", "batches", "height")
"""What is told first of a statement."""


class SaidTwice(NamedTuple):
    """One thing that both statements say, or one of them."""

    name: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        """Whether both say something of it, and not the same."""
        return self.first != self.second and "" not in (self.first, self.second)


def add_to(pages: Pages) -> None:
    """Add the pages of evidence."""
    pages.add("/chain/evidence", "evidence.html", evidence_list)
    pages.add("/chain/evidence/{id}", "lie.html", lie_page)


def evidence_list(visit: Visit) -> Mapping[str, Any]:
    """Show whose keys have signed what contradicts itself."""
    return {
        "evidence": evidence_page(visit.reader).evidence,
        "parties": visit.genesis.names,
        "in_words": in_words,
        "twin": "/v1/evidence",
        "live": "/live",
    }


def lie_page(visit: Visit, id: EvidenceId) -> Mapping[str, Any]:  # noqa: A002 - as in the address
    """Show one piece of evidence.

    Raises:
        Problem: ``no-such-evidence``.
    """
    found = evidence_document(visit.reader, id, visit.genesis)
    if found is None:
        raise no_such_evidence()
    statements = found.file.statements
    said = [said_in(each) for each in statements]
    return {
        "lie": found,
        "words": in_words(found),
        "lines": compared(*said),
        "statements": statements,
        "key": next(each.key for each in visit.genesis.members if each.name == found.party),
        "twin": f"/v1/evidence/{id}",
    }


def in_words(lie: Any) -> str:
    """Return in the reader's language what one key has signed that contradicts itself."""
    where = lie.slot or lie.number
    return _words()[lie.kind].format(party=lie.party, where=where)


def _words() -> Mapping[str, str]:
    return {
        "two-notar": gettext("{party} voted for two different blocks in slot {where}."),
        "two-final": gettext("{party} declared two different blocks final in slot {where}."),
        "final-skip": gettext(
            "{party} declared a block final in slot {where}, and said that the slot is skipped."
        ),
        "final-notar": gettext(
            "{party} declared one block final in slot {where}, and voted for another."
        ),
        "two-proposals": gettext("{party} proposed two different blocks for slot {where}."),
        "two-batches": gettext("{party} signed two different batches with number {where}."),
    }


def said_in(statement: Statement) -> Mapping[str, str]:
    """Return what a signed statement says, by name."""
    signed = b64decode(statement.signed)
    for prefix in _PREFIXES:
        if signed.startswith(prefix):
            said = msgspec.json.decode(signed.removeprefix(prefix))
            return {
                "statement": prefix.decode().strip(),
                **{name: _text(said[name]) for name in sorted(said, key=_place)},
            }
    return _checkpoint_said(signed.decode())


def _checkpoint_said(text: str) -> Mapping[str, str]:
    """Return what a Final vote says: it is a cosigned checkpoint."""
    form, time, point = text.split("\n", 2)
    said = Checkpoint.parse(point)
    return {
        "statement": form,
        "kind": "final",
        "slot": str(said.slot),
        "block": said.block.hex(),
        "height": str(said.height),
        "size": str(said.size),
        "root": said.root.hex(),
        "time": time.removeprefix("time "),
        "ledger": said.origin.rpartition("/")[2],
        "origin": said.origin,
    }


def _place(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def _text(value: Any) -> str:
    return "\n".join(value) if isinstance(value, list) else str(value)


def compared(first: Mapping[str, str], second: Mapping[str, str]) -> list[SaidTwice]:
    """Return what two statements say, line by line."""
    names = dict.fromkeys((*first, *second))
    return [SaidTwice(name, first.get(name, ""), second.get(name, "")) for name in names]
