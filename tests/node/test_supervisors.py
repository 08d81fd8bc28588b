"""A supervisor reads everything and may dispute; it does not vote and states no money."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from pathlib import Path

import pytest

from consensus.errors import BadVote
from consensus.forks import liars_needed
from consensus.justification import leader_of
from consensus.votes import certificate_of, sign_vote, skip_subject, verify_certificate, verify_vote
from ledger.calendar import Calendar
from ledger.contracts import RULES
from ledger.errors import GenesisError, VerificationError
from ledger.genesis import Genesis, Member, Role, found
from ledger.keys import Signer
from ledger.log.checkpoint import (
    Checkpoint,
    Cosignature,
    cosign,
    cosigner_name,
    signed_checkpoint,
)
from ledger.log.policy import policy_text
from ledger.log.receipt import open_consortium_checkpoint
from ledger.members import DEALING_ROLES, ROLES, SUPERVISOR
from ledger.quorum import default_quorum
from node.home.founding import create_consortium
from node.node import Node
from node.storage.store import Store
from simulator.plan import Plan
from simulator.run import Runner
from simulator.swarm import draw
from simulator.trace import Trace
from tests.ledger.ledger_kit import CREATED_AT, HEX, MORNING, Ledger, signer

SIGNERS = {name: Signer(bytes([place]) * 32) for place, name in enumerate(ROLES, start=1)}
NAMES = ("platform", "supervisor", "institution", "funder", "auditor")
"""Not at the end, so that counting all parties instead of the voters goes wrong."""


def genesis_of(*names: str, quorum: int, **choices: object) -> Genesis:
    members = tuple(
        Member(key=b64encode(SIGNERS[name].public_key).decode(), name=name, role=name)  # type: ignore[arg-type]
        for name in names
    )
    return found("watched", members, quorum, 1_767_225_600_000, **choices)


GENESIS = genesis_of(*NAMES, quorum=3)


def test_voters_are_all_parties_but_supervisors_in_their_order() -> None:
    assert GENESIS.voters == ("platform", "institution", "funder", "auditor")
    assert GENESIS.names == NAMES


def test_voters_alone_lead() -> None:
    assert [leader_of(slot, GENESIS) for slot in range(5)] == [*GENESIS.voters, "platform"]


def test_a_quorum_is_one_of_voters() -> None:
    assert liars_needed(GENESIS) == 2
    with pytest.raises(GenesisError, match="with 4 voting parties the quorum must be 3 to 4"):
        genesis_of(*NAMES, quorum=5)
    with pytest.raises(GenesisError, match="bad-quorum"):
        genesis_of(*NAMES, quorum=2)
    assert default_quorum(len(GENESIS.voters)) == 3


def test_a_vote_of_a_supervisor_is_none() -> None:
    vote = sign_vote(skip_subject(1), SIGNERS["supervisor"], "supervisor", 0, GENESIS)
    with pytest.raises(BadVote, match="unknown-voter"):
        verify_vote(vote, GENESIS)
    votes = {
        name: sign_vote(skip_subject(1), SIGNERS[name], name, 0, GENESIS)
        for name in ("platform", "supervisor", "institution")
    }
    with pytest.raises(BadVote, match="unknown-voter"):
        verify_certificate(certificate_of(votes), GENESIS)
    del votes["supervisor"]
    votes["funder"] = sign_vote(skip_subject(1), SIGNERS["funder"], "funder", 0, GENESIS)
    verify_certificate(certificate_of(votes), GENESIS)


def test_a_supervisor_states_disputes_and_nothing_else() -> None:
    stated = [r.__struct_config__.tag for r, rule in RULES.items() if rule.is_for(SUPERVISOR)]
    assert stated == ["dispute.raised", "dispute.resolved"]


def test_a_supervisor_is_not_asked_to_accept_calendars() -> None:
    """It could not state that it does, and no year would ever hold."""
    asked = Calendar(accepted_by=("funder",))
    assert genesis_of(*NAMES, quorum=3, calendar=asked).calendar == asked
    with pytest.raises(GenesisError, match=r"bad-calendar: .*a supervisor accepts nothing"):
        genesis_of(*NAMES, quorum=3, calendar=Calendar(accepted_by=("supervisor",)))


def test_a_consortium_of_supervisors_alone_founds_nothing() -> None:
    with pytest.raises(GenesisError, match="bad-roles"):
        genesis_of("supervisor", quorum=1)


# -- what it states -----------------------------------------------------------------------------


def watched() -> Ledger:
    """Return a ledger with a captured payment, whose consortium has a supervisor."""
    members = tuple(
        Member(key=b64encode(signer(name).public_key).decode(), name=name, role=name)  # type: ignore[arg-type]
        for name in NAMES
    )
    ledger = Ledger(found("watched", members, 3, CREATED_AT))
    ledger.apply("institution", "payment.captured", **CAPTURE)
    return ledger


CAPTURE: dict[str, object] = {
    "payment": "pay-1",
    "order": "order-1",
    "amount": 10_000,
    "currency": "CNY",
    "channel": "wechat",
    "captured_at": MORNING,
}


def test_money_stated_by_a_supervisor_is_refused() -> None:
    refused = watched().refuse(
        "wrong-author", "supervisor", "payment.captured", **CAPTURE | {"payment": "pay-2"}
    )
    assert "got supervisor" in refused.message


def test_even_records_that_are_open_to_any_party_are_not_open_to_it() -> None:
    open_ones = [rule for rule in RULES.values() if not rule.authors and not rule.supervised]
    assert {rule.record.__struct_config__.tag for rule in open_ones} >= {"settlement.confirmed"}
    for rule in open_ones:
        assert not rule.is_for(SUPERVISOR)
        assert all(map(rule.is_for, DEALING_ROLES))


def test_a_supervisor_raises_a_dispute_and_withdraws_it() -> None:
    ledger = watched()
    said = {"dispute": "d-1", "subject": "payment:pay-1", "reason": "where is the contract?"}
    ledger.apply("supervisor", "dispute.raised", against="institution", **said)
    ledger.apply(
        "supervisor", "dispute.resolved", dispute="d-1", outcome="withdrawn", reason="seen"
    )


def test_a_supervisor_owns_no_receiver_and_shares_no_income() -> None:
    ledger = watched()
    receiver = {
        "receiver": "shop-1",
        "kind": "bank_account",
        "commitment": HEX,
        "last4": "1234",
        "cycle": "T+1",
        "currency": "CNY",
        "owner": "supervisor",
    }
    refused = ledger.refuse("unknown-party", "institution", "receiver.registered", **receiver)
    assert "Expected platform, institution, funder, auditor, got supervisor" in refused.message
    shares = [{"party": "platform", "ppm": 500_000}, {"party": "supervisor", "ppm": 500_000}]
    terms = {"agreement": "P-1", "currency": "CNY", "effective_from": "2026-05", "delay": "T+1"}
    refused = ledger.refuse(
        "unknown-party", "institution", "profit.agreed", recipients=shares, **terms
    )
    assert refused.got == "supervisor"


# -- at work ------------------------------------------------------------------------------------


def test_a_supervisor_is_no_part_of_a_quorum_that_is_connected(tmp_path: Path) -> None:
    parties: list[tuple[str, Role]] = [(name, name) for name in NAMES[:3]]  # type: ignore[misc]
    homes = create_consortium(tmp_path / "net", parties, 2)
    told = {}
    for name, home in homes.items():
        store = Store("sqlite://", home.genesis, party=name)
        told[name] = Node(home, store).ready()
        store.close()
    missing = "the node of institution is not connected"
    asks = "has started and asks the others what its key has signed before it votes"
    asking = f"only 0 of the 2 voters needed are reached: the node of platform {asks}; {missing}"
    none = "only 0 of the 2 voters needed are reached: the node of platform is not connected"
    assert told["platform"] == (False, asking)
    assert told["supervisor"] == (False, f"{none}; {missing}")


def test_supervised_consortia_keep_all_invariants_and_the_supervisor_signs_no_vote() -> None:
    sent: Counter[str] = Counter()
    for seed in range(3):
        plan = draw(seed, Plan(records=150, nodes=3 + seed, supervisor=True))
        assert plan.parties[1] == SUPERVISOR
        trace = Trace()
        with Runner() as runner:
            assert runner.run(plan, trace=trace).is_good
        lines = [line.split() for line in trace.lines]
        sent += Counter(line[5] for line in lines if line[1:3] == [SUPERVISOR, "send"])
        sent += Counter(line[4] for line in lines if line[1:3] == [SUPERVISOR, "answer"])
    assert sent["applied"], "its disputes"
    assert not sent["vote"]
    assert not sent["proposal"]


# -- what others verify -------------------------------------------------------------------------


def test_a_checkpoint_may_be_served_by_a_supervisor_and_is_cosigned_by_voters() -> None:
    origin, point = GENESIS.origin, Checkpoint(GENESIS.origin, 1, bytes(32), 1, 1, bytes(32))

    def lines(*names: str) -> list[Cosignature]:
        return [
            Cosignature(cosigner_name(origin, name), SIGNERS[name].public_key, 7, signature)
            for name in names
            if (signature := cosign(SIGNERS[name], point, 7))
        ]

    note = signed_checkpoint(point, SIGNERS[SUPERVISOR], lines("platform", "funder", "auditor"))
    assert len(open_consortium_checkpoint(note, GENESIS).cosigned_at) == 3
    short = signed_checkpoint(point, SIGNERS["platform"], lines("platform", "funder", SUPERVISOR))
    with pytest.raises(VerificationError, match="no-quorum"):
        open_consortium_checkpoint(short, GENESIS)


def test_the_trust_policy_takes_voters_for_witnesses_and_all_for_the_log() -> None:
    keys = {member.name: member.public_key for member in GENESIS.members}
    text = policy_text(GENESIS.origin, keys, GENESIS.quorum, witnesses=GENESIS.voters)
    assert text.count("\nwitness ") == len(GENESIS.voters)
    assert text.startswith("log ")
    assert text.count("log tongzhang/") == len(GENESIS.names)
    assert f"/{SUPERVISOR} " not in text
