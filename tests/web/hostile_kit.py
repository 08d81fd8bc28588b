"""Ledgers in real databases behind real applications with pages, whose records try everything.

All free text of their records is meant to harm: scripts, quotes, marks of direction, characters of
no width, the longest lines there may be, emoji. Their blocks have real certificates, but for some
that later ones cover, and slots are skipped between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar

from api.site import Site
from consensus import messages, votes
from consensus.evidence import Evidence
from consensus.justification import leader_of
from ledger import domains
from ledger.batch import Batch
from ledger.block import Block, BlockHeader, batch_hashes, encode_header, tip_of
from ledger.execute import Execution
from ledger.limits import SAFE_INTEGER_MAX, TEXT_CHARS_MAX
from tests.api.loans_kit import KeptLoans, portfolio
from tests.api.queries_kit import Kept, month
from tests.ledger import fee_kit, refund_kit
from tests.ledger.ledger_kit import split
from tests.web.lies_kit import convict
from web.site import SITE

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "</title></textarea></pre><style>*{display:none}</style>",
    "{{ 7 * 7 }} {% raw %} ${7*7} &lt;b&gt; &#60;i&#62;",
    "\u202egnirts a fo dne eht\u202c",
    "no\u200bwidth\u200d\u2060\ufeff at all",
    "\u2066isolated\u2069 \u200fmarks\u200e",
    "javascript:alert(3) data:text/html,x",
    "W" * TEXT_CHARS_MAX,
    "退款\u3000原因：不一致",
    "😀👩\u200d👩\u200d👧🏳️\u200d🌈 e\u0301\u0323\u0308\u0334",
    "=1+1 | <a href=//evil.example>x</a>",
)
"""Texts of one line, as the ledger takes them."""
NO_DAY_S = SAFE_INTEGER_MAX // 1000
SKIPPED_EVERY, COVERED_EVERY = 7, 5


class Hostile(Kept):
    """A ledger of hostile records."""

    SITE: ClassVar[Site | None] = SITE

    def __init__(self, *given: Any, **choices: Any) -> None:
        self._texts = cycle(HOSTILE)
        self.said: dict[str, set[str]] = {}
        """Which free texts were stated, by type of record and field."""
        self.lies: Mapping[str, Evidence] = {}
        """What convicts a party, by the kind of its lie."""
        super().__init__(*given, **choices)

    def record(self, type_: str, fields: dict[str, Any]) -> bytes:
        return super().record(type_, self._harmful(type_, fields))

    def _harmful(self, type_: str, fields: dict[str, Any]) -> dict[str, Any]:
        changed = dict(fields)
        if "reason" in fields:
            changed["reason"] = self._next(type_, "reason")
        if type_ == "payment.captured":
            changed["channel"] = self._next(type_, "channel")
        elif "channel" in fields:  # both halves name it alike
            self.said[f"{type_} channel"] = {str(fields["channel"])}
        if "legs" in fields and isinstance(fields["legs"], list):
            changed["legs"] = [
                {**each, "purpose": self._next(type_, "legs.purpose")} for each in fields["legs"]
            ]
        return changed

    def _next(self, type_: str, field: str) -> str:
        text = next(self._texts)
        self.said.setdefault(f"{type_} {field}", set()).add(text)
        return text

    def certificate(self, block: Block) -> bytes | None:
        """Return a real certificate; None for some blocks, which the next one covers.

        One voter signs a time of signing that is on no day of the calendar.
        """
        if block.height % COVERED_EVERY == 0:
            return None
        subject = votes.final_subject(tip_of(block))
        signing = self.genesis.voters[: self.genesis.quorum]
        times = [block.header.time // 1000] * (len(signing) - 1) + [NO_DAY_S]
        signed = {
            name: votes.sign_vote(subject, self.homes[name].signer, name, time_s, self.genesis)
            for name, time_s in zip(signing, times, strict=True)
        }
        return messages.encode(votes.certificate_of(signed))

    def _block(self, batches: tuple[Batch, ...], done: Execution) -> Block:
        height = self.tip.height + 1
        slot = self.tip.slot + (4 if height % SKIPPED_EVERY == 0 else 1)
        proposer = leader_of(slot, self.genesis)
        header = BlockHeader(
            batches=batch_hashes(batches),
            height=height,
            ledger=self.genesis.ledger,
            parent=self.tip.hash.hex(),
            proposer=proposer,
            root=done.root.hex(),
            size=done.size,
            slot=slot,
            state=done.state.hex(),
            time=self.now,
        )
        raw = encode_header(header)
        signed = self.homes[proposer].signer.sign(domains.proposal_signature_input(raw))
        return Block(raw, signed, tuple(batches))


def hostile_month(folder: Path) -> Hostile:
    """Return a month of business of every kind, with every free text that its records have."""
    kept = month(folder, ledger=Hostile)
    kept.register("spare")
    kept.apply("institution", "receiver.suspended", receiver="spare", reason="")
    kept.apply("institution", "receiver.resumed", receiver="spare", reason="")
    kept.instruct("P21")
    kept.apply("platform", "split.amended", **split("P21", 9_000))
    kept.apply("platform", "split.withdrawn", payment="P21", reason="")
    kept.apply("institution", "refund_float.deposited", **refund_kit.movement_of("M9"))
    kept.apply("institution", "refund_float.reversed", movement="M9", reason="")
    kept.state("institution", "fee.reversed", **fee_kit.reversal_of("P6"))
    for agreement in ("A8", "A9"):
        terms = fee_kit.terms(agreement, channel=HOSTILE[0], effective_from="2026-08-01")
        kept.apply("institution", "fee.agreed", **terms)
    kept.apply("platform", "offer.closed", **fee_kit.closing("A8"))
    kept.apply("platform", "fee.accepted", **terms)
    kept.lies = convict(kept.store, kept.homes["funder"], kept.now)
    return kept


def hostile_loans(folder: Path) -> HostileLoans:
    """Return a portfolio of loans with every free text that its records have."""
    kept = portfolio(folder, ledger=HostileLoans)
    kept.state("guarantor", "compensation.withdrawn", compensation="C1", reason="")
    return kept


class HostileLoans(Hostile, KeptLoans):
    """A ledger of loans whose records are hostile."""
