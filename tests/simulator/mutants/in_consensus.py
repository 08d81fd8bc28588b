"""Bugs in the replica, its slots, votes, timers and evidence."""

from __future__ import annotations

from typing import Any

import pytest

from consensus import (
    certificates,
    evidence,
    finality,
    justification,
    papers,
    proposals,
    voter,
    votes,
    witness,
)
from consensus.block_tree import BlockTree
from consensus.context import Context
from consensus.effects import Effects, Saved
from consensus.errors import BadVote
from consensus.replica import Replica
from consensus.slot import Slot
from consensus.votes import Certificate, verify_vote
from ledger.genesis import Genesis
from simulator.plan import Fault
from tests.simulator.mutants.mutant import mutant, plan_of

HALVES = Fault(kind="partition", at_ms=300, for_ms=3000, who=("platform", "funder"))
CRASHES = tuple(
    Fault(kind="crash", at_ms=200 + 150 * i, for_ms=100, who=(who,), effect=2 + i)
    for i, who in enumerate(("platform", "institution", "funder", "auditor") * 3)
)


@mutant("I1", plan_of(1, HALVES), alone=True)
@mutant("I3", plan_of(1, HALVES))
def quorum_minus_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates need one vote less than the quorum."""
    certify = Slot.certify

    def lenient(certificate: Certificate, genesis: Genesis) -> None:
        if len(certificate.votes) < genesis.quorum - 1:
            raise BadVote("no-quorum", "too few")
        for vote in certificate.votes:
            verify_vote(vote, genesis)

    monkeypatch.setattr(Slot, "certify", lambda self, s, quorum: certify(self, s, quorum - 1))
    monkeypatch.setattr(certificates, "verify_certificate", lenient)
    monkeypatch.setattr(justification, "verify_certificate", lenient)


@mutant("I2", plan_of(1))
def votes_are_not_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vote is sent and not made durable."""
    step = Replica.step

    def forgetful(self: Replica, *args: Any) -> Effects:
        effects = step(self, *args)
        effects.persist = [each for each in effects.persist if each.kind != "vote"]
        return effects

    monkeypatch.setattr(Replica, "step", forgetful)


@mutant("I2", plan_of(2, *CRASHES))
def votes_are_not_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restarted replica does not take back what it has signed, and signs again."""
    take_back = papers.take_back

    def forgetful(saved: Saved, context: Context) -> None:
        kept = tuple(each for each in saved.durables if each.kind == "certificate")
        take_back(Saved(saved.tip, saved.certificate, kept), context)

    monkeypatch.setattr(papers, "take_back", forgetful)


@mutant("I2", plan_of(1, liars={"funder": "equivocator"}))
def skips_after_final(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica votes Skip for a slot although it has voted Final there."""
    monkeypatch.setitem(votes.MAY_SAY, ("notar", "final"), ("skip",))


@mutant("I3", plan_of(1, liars={"funder": "ballot-stuffer"}))
def signatures_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever says that it is somebody's vote is believed to be."""
    for module in (votes, certificates, witness):
        monkeypatch.setattr(module, "verify_vote", lambda vote, genesis: None)


@mutant("I3", plan_of(1, liars={"funder": "bare"}))
def justification_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proposal is taken without the certificates that lead to it."""
    for module in (proposals, finality):
        monkeypatch.setattr(module, "refuse_unjustified", lambda *args: None)
    monkeypatch.setattr(BlockTree, "first_lacking", lambda *args: None)


@mutant(
    "I1",
    plan_of(
        1, Fault(kind="crash", at_ms=0, for_ms=1500, who=("auditor",)), liars={"funder": "rewriter"}
    ),
)
def ranges_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica that is behind takes any blocks that it is given."""
    monkeypatch.setattr(finality, "refuse_unproved", lambda *args: None)


@mutant("I7", plan_of(1, Fault(kind="crash", at_ms=300, who=("funder",))))
def nobody_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader that is gone is waited for, for ever."""
    monkeypatch.setitem(voter._RULES, "skip", lambda *_: None)


@mutant("I8", plan_of(1, HALVES))
def skip_after_notar_convicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Skip after a Notar is taken for a lie, though every honest party may have to sign both."""
    monkeypatch.setitem(evidence.LIES, ("notar", "skip"), "final-skip")
