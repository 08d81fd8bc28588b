"""Slot: all that a replica knows about one slot, and what it may still say of it."""

from __future__ import annotations

from msgspec.structs import astuple

from consensus import evidence
from consensus.evidence import Evidence, SignedHeader
from consensus.messages import WireBlock
from consensus.votes import (
    MAY_SAY,
    VOTE_KINDS,
    Certificate,
    Subject,
    Vote,
    VoteKind,
    certificate_of,
)
from ledger import domains
from ledger.block import Block

STATEMENTS_PER_KIND_MAX = 2
"""Different statements of one voter kept per kind: two convict it, more add nothing."""


class Proposed:
    """A leader's signed block, as received, on its way to being judged.

    Args:
        block: The block.
        wire: The same, as it came.
        durable: Whether it is stored here.
    """

    __slots__ = ("block", "durable", "judged_certified", "proved", "refused", "wire")

    def __init__(self, block: Block, wire: WireBlock, *, durable: bool = False) -> None:
        self.block = block
        self.durable = durable
        self.wire = wire
        self.refused = False
        self.judged_certified = False
        self.proved = False
        """Whether a range has proved it to be final."""


class Slot:
    """Proposals, votes and certificates of one slot. Counts and convicts; decides nothing."""

    __slots__ = (
        "accused",
        "certificates",
        "first_proposal",
        "headers",
        "lost",
        "own",
        "proposals",
        "seen",
        "tallies",
        "timed_out",
    )

    def __init__(self) -> None:
        self.proposals: dict[bytes, Proposed] = {}
        self.headers: set[bytes] = set()
        self.seen: dict[bytes, SignedHeader] = {}
        self.first_proposal: bytes | None = None
        self.tallies: dict[Subject, dict[str, Vote]] = {}
        self.certificates: dict[Subject, Certificate] = {}
        self.own: dict[VoteKind, Vote] = {}
        self.accused: set[str] = set()
        self.timed_out = False
        self.lost = False
        """Whether so many have voted Skip that too few are left for Final votes, if none lies."""

    def add_header(self, block: Block) -> None:
        """Note the header of a justified proposal."""
        if len(self.headers) < STATEMENTS_PER_KIND_MAX:
            self.headers.add(block.hash)

    def see(self, signed: SignedHeader, leader: str) -> Evidence | None:
        """Note a leader's signed header, justified or not. Return evidence if it is its second.

        Only justified ones count against the slot: who could make others skip a slot far ahead
        with two headers that nothing leads to could stop them all.
        """
        block = domains.block_hash(signed.header)
        earlier = next((self.seen[h] for h in self.seen if h != block), None)
        if len(self.seen) < STATEMENTS_PER_KIND_MAX:
            self.seen[block] = signed
        if earlier is None or leader in self.accused:
            return None
        self.accused.add(leader)
        return evidence.of_headers("two-proposals", leader, earlier, signed)

    @property
    def two_faced(self) -> bool:
        """Whether the leader made two different justified proposals for this slot."""
        return len(self.headers) > 1

    def add_proposal(self, proposed: Proposed) -> None:
        """Take a proposal to be judged."""
        self.proposals[proposed.block.hash] = proposed
        if self.first_proposal is None:
            self.first_proposal = proposed.block.hash

    def has(self, vote: Vote, subject: Subject) -> bool:
        """Return whether this voter's statement of ``subject`` is already counted."""
        tally = self.tallies.get(subject)
        return tally is not None and vote.voter in tally

    def is_full(self, vote: Vote) -> bool:
        """Return whether this voter already made as many statements of the kind as are kept."""
        made = [
            s for s, tally in self.tallies.items() if s.kind == vote.kind and vote.voter in tally
        ]
        return len(made) >= STATEMENTS_PER_KIND_MAX

    def count(self, vote: Vote, subject: Subject) -> Evidence | None:
        """Count a verified vote. Return evidence if it is the voter's first contradiction here.

        Args:
            vote: The vote.
            subject: What it says.
        """
        lie = None if vote.voter in self.accused else self._contradiction_with(vote)
        if lie is not None:
            self.accused.add(vote.voter)
        self.tallies.setdefault(subject, {})[vote.voter] = vote
        return lie

    def _contradiction_with(self, vote: Vote) -> Evidence | None:
        for tally in self.tallies.values():
            earlier = tally.get(vote.voter)
            if earlier is None:
                continue
            lie = evidence.of_votes(earlier, vote)
            if lie is not None:
                return lie
        return None

    @property
    def may_say(self) -> tuple[VoteKind, ...]:
        """What this voter may say next; nothing if what it has said is not in the table."""
        return MAY_SAY.get(tuple(kind for kind in VOTE_KINDS if kind in self.own), ())

    def votes_of(self, voter: str) -> list[Vote]:
        """Return what a voter is known to have said of this slot, by itself or in certificates."""
        return [tally[voter] for tally in self.tallies.values() if voter in tally]

    def certify(self, subject: Subject, quorum: int) -> Certificate | None:
        """Return a new certificate if ``subject`` has just reached the quorum."""
        if subject in self.certificates:
            return None
        tally = self.tallies.get(subject, {})
        if len(tally) < quorum:
            return None
        return certificate_of(dict(sorted(tally.items())[:quorum]))

    def certificate(self, kind: VoteKind) -> Certificate | None:
        """Return the certificate of ``kind``, the first by subject if there were several."""
        if not self.certificates:
            return None
        found = [s for s in self.certificates if s.kind == kind]
        return self.certificates[min(found, key=astuple)] if found else None

    @property
    def skipped(self) -> bool:
        """Whether the slot has a Skip certificate."""
        return self.certificate("skip") is not None

    @property
    def is_only_skipped(self) -> bool:
        """Whether it was skipped, and no certificate says anything else."""
        kinds = {subject.kind for subject in self.certificates}
        return kinds == {"skip"}

    @property
    def exit_certificate(self) -> Certificate | None:
        """The certificate that lets a replica leave the slot: Notar before Skip."""
        return self.certificate("notar") or self.certificate("skip")
