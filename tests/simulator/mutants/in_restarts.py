"""Bugs in restarts, in how long runs of skipped slots are justified, and in who is shut out."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from consensus import replica, statements
from consensus.block_tree import BlockTree
from consensus.errors import BadMessage
from consensus.messages import KeyStatements
from ledger.batch import Batch
from node.host.machine import LedgerMachine
from node.host.parts import Parts
from node.host.recall import Recall
from simulator.plan import Fault, Plan
from tests.simulator.mutants.mutant import mutant, plan_of

OLD_COPY = Fault(
    kind="crash", at_ms=700, for_ms=300, who=("institution",), disk="backup", age_ms=500
)
AT_ONCE = Fault(kind="flood", at_ms=1001, who=("institution",), count=3)
AWAY = Fault(kind="crash", at_ms=650, for_ms=2000, who=("funder",))
BOUND = 64
"""Skipped slots that a planted proposer bears; the real one bears any number."""
NIGHT = Fault(kind="network", at_ms=300, for_ms=80_000, delay_ms=1, bytes_max=1200)


def _night() -> Plan:
    return replace(plan_of(1, NIGHT), until_ms=90_000, timeout_ms=500, cap_ms=1000)


@mutant("I2", plan_of(1, OLD_COPY, AT_ONCE))
def signs_before_the_dialogue_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that has started signs at once, and asks only by the way."""
    monkeypatch.setattr(Parts, "answers_needed", property(lambda self: 0))


@mutant("I2", plan_of(1, OLD_COPY, AT_ONCE, AWAY))
def ignores_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node counts the answers, and takes nothing of them as its own."""
    monkeypatch.setattr(replica.statements, "take", lambda context, recalled: None)
    monkeypatch.setattr(Recall, "learn", lambda self, batch: None)


@mutant("I2", plan_of(1, OLD_COPY, AT_ONCE, AWAY, liars={"auditor": "parrot"}))
def takes_an_answer_of_an_earlier_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer counts whatever its nonce says, so that an old one can be played again."""
    refuse = statements._refuse_another_dialogue

    def lenient(said: KeyStatements, *args: Any, nonce: bytes, **named: Any) -> None:
        refuse(said, *args, nonce=said.nonce, **named)

    monkeypatch.setattr(statements, "_refuse_another_dialogue", lenient)


@mutant("I7", _night())
def proposes_nothing_after_many_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader has a bound for the skipped slots that its block would have to justify."""
    parent_for = BlockTree.parent_for

    def bounded(self: BlockTree, number: int) -> Any:
        found = parent_for(self, number)
        return None if found is None or number - found[0].slot > BOUND else found

    monkeypatch.setattr(BlockTree, "parent_for", bounded)


@mutant("I8", plan_of(1))
def shuts_out_who_did_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of more than one record is taken for one that is too large."""

    def strict(self: LedgerMachine, batch: Batch) -> None:
        if len(batch.records) > 1:
            raise BadMessage("batch-too-large", "more than one record")

    monkeypatch.setattr(LedgerMachine, "refuse_too_large", strict)
