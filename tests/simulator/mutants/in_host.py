"""Bugs in the host, the journal and what clients are told."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from consensus.effects import Effects
from node.host import gossip, voters
from node.host.accusations import Accusations
from node.host.host import Host
from node.host.journal import Journal
from node.host.submission import Submission
from node.storage.store import Store
from simulator.plan import Fault
from tests.simulator.mutants.in_storage import TORN
from tests.simulator.mutants.mutant import mutant, plan_of

LOST = Fault(kind="crash", at_ms=400, for_ms=2900, who=("platform",), disk="lost")
SOON = tuple(
    Fault(kind="crash", at_ms=600 * i, for_ms=30, who=("institution",), disk="lost")
    for i in range(1, 8)
)
FAR = Fault(kind="network", at_ms=500, for_ms=9000, who=("institution",), delay_ms=200)
SHORT = tuple(
    Fault(kind="crash", at_ms=100 + 150 * i, for_ms=100, who=("institution",), effect=1 + i)
    for i in range(10)
)


@mutant("I2", plan_of(1))
def sends_before_it_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be durable first is sent first."""
    perform = Host._perform

    def hasty(self: Host, effects: Effects) -> None:
        sends, effects.send = effects.send, []
        for send in sends:
            self._sender.send(send)
        perform(self, effects)

    monkeypatch.setattr(Host, "_perform", hasty)


@mutant("I2", plan_of(1))
def own_batches_are_not_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signed page of the journal goes out before it is durable."""
    seal_next = Journal._seal_next

    class Forgetful:
        def __init__(self, store: Store) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        def save(self, items: object) -> None:
            """Forget."""

    def careless(self: Journal, *args: Any) -> Any:
        if isinstance(self._store, Store):
            self._store = Forgetful(self._store)  # type: ignore[assignment]
        return seal_next(self, *args)

    monkeypatch.setattr(Journal, "_seal_next", careless)


@mutant("I2", plan_of(1, LOST))
def votes_after_a_lost_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that has lost its votes votes again."""
    monkeypatch.setattr(Store, "abstains", lambda self: False)


@mutant("I7", plan_of(1, LOST))
def says_that_it_votes_after_a_lost_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that has lost its votes lets the others count on it."""
    monkeypatch.setattr(voters, "_at_start", lambda parts: voters.RECALLING)


@mutant("I2", plan_of(1, *SOON, FAR, think_ms=300))
def seals_after_a_lost_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that has lost its journal begins a new one without asking for its last page."""
    peer_up = Host.peer_up

    def sure(self: Host, peer: str) -> None:
        self.journal.may_seal = True
        peer_up(self, peer)

    monkeypatch.setattr(Host, "peer_up", sure)


@mutant("I4", plan_of(7, *TORN))
def answers_before_it_is_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client hears "final" of a block while no paper says so yet."""
    perform = Host._perform

    def hasty(self: Host, effects: Effects) -> None:
        self.delivery.deliver(effects.deliver)
        perform(self, replace(effects, deliver=[]))

    monkeypatch.setattr(Host, "_perform", hasty)


@mutant("I4", plan_of(1))
def answers_with_the_next_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are told the index after the entry's own."""
    finalize = Submission.finalize

    def wrong(self: Submission, index: int, *args: Any) -> None:
        finalize(self, index + 1, *args)

    monkeypatch.setattr(Submission, "finalize", wrong)


@mutant("history", plan_of(1, *SHORT))
def forgets_what_the_log_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that is handed in again after a crash is refused as used, instead of found."""

    def take(self: Journal, submission: Submission) -> Submission:
        known = self._by_id.get(submission.id)
        if known is not None:
            return self._same_or_reused(submission, known.raw, known)
        self._by_id[submission.id] = submission
        self._queue.append(submission)
        return submission

    monkeypatch.setattr(Journal, "_take", take)


@mutant("I8", plan_of(1, liars={"funder": "slanderer"}))
def evidence_is_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a peer calls evidence is kept and said on."""
    monkeypatch.setattr(gossip, "verify_evidence", lambda evidence, genesis: None)


@mutant("I8", plan_of(1, liars={"funder": "colluder", "auditor": "colluder"}))
def evidence_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody remembers who has lied."""
    monkeypatch.setattr(Accusations, "add", lambda self, evidence, wall_ms: False)
