"""A portfolio loaded into a ledger of its own: the contracts themselves, without nodes between."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from typing import TypeVar

from demo.loans.cast import PortfolioPlan
from demo.loans.generate import Portfolio
from demo.loans.said import moment
from ledger import canonical
from ledger.batch import seal
from ledger.block import Tip, genesis_tip
from ledger.domains import ZERO_HASH
from ledger.errors import Refused
from ledger.execute import execute
from ledger.genesis import Genesis, Member, Role, found
from ledger.keys import Signer
from ledger.log.merkle import Frontier
from ledger.state import EmptyView, Overlay, Row

R = TypeVar("R", bound=Row)

_BATCH_RECORDS = 500


class LoadedPortfolio:
    """The state of a ledger after all that a portfolio's parties have stated.

    ``refused`` holds each refusal by the id of its record.

    Args:
        portfolio: What is stated; it is executed at noon of the day after its last.
    """

    def __init__(self, portfolio: Portfolio) -> None:
        self.plan = portfolio.plan
        self.genesis = founded(portfolio.plan)
        self.now = moment(portfolio.plan.end + 1, 120)
        self.refused: dict[str, Refused] = {}
        self.records: Counter[str] = Counter()
        self._tip: Tip = genesis_tip(self.genesis)
        self._frontier = Frontier()
        self._view = Overlay(EmptyView())
        self._heads: dict[str, tuple[int, bytes]] = {}
        for turn in portfolio.turns:
            records = [canonical.encode(said.record) for said in turn.said]
            for start in range(0, len(records), _BATCH_RECORDS):
                self._run(turn.party, records[start : start + _BATCH_RECORDS])

    def _run(self, party: str, records: list[bytes]) -> None:
        head = self._heads.get(party, (0, ZERO_HASH))
        batch = seal(_signer(party), self.genesis.ledger, party, head, records)
        done = execute(self.genesis, self._tip, self._frontier, self._view, self.now, [batch])
        self._view.merge(done.changes)
        self._frontier, self._heads[party] = done.frontier, (batch.number, batch.hash)
        height = self._tip.height + 1
        self._tip = Tip(height, height, ZERO_HASH, self.now, done.size, done.root, done.state)
        self.records["applied"] += len(records) - len(done.refusals)
        self.records["refused"] += len(done.refusals)
        first = done.first_index
        for entry, refused in done.refusals:
            self.refused[str(canonical.parse(records[entry - first])["id"])] = refused

    def get(self, kind: type[R], *key: object) -> R | None:
        """Return a row, or None."""
        return self._view.get(kind, key)

    def rows(self, kind: type[R]) -> Iterator[R]:
        """Yield all rows of a kind."""
        for row in self._view.changes.get(kind, {}).values():
            if row is not None:
                yield row  # type: ignore[misc]


def cast_of(plan: PortfolioPlan) -> list[tuple[str, Role]]:
    """Return the parties of a plan and their roles."""
    parties: list[tuple[str, Role]] = [
        (plan.platform, "platform"),
        (plan.institution, "institution"),
    ]
    parties += [(name, "funder") for name in plan.funders]
    return [*parties, (plan.guarantor, "guarantor")]


def founded(plan: PortfolioPlan) -> Genesis:
    """Return a genesis of the plan's parties; its keys are made of their names."""
    members = tuple(
        Member(key=b64encode(_signer(name).public_key).decode(), name=name, role=role)
        for name, role in cast_of(plan)
    )
    return found("portfolio", members, len(members) * 2 // 3 + 1, moment(plan.start))


def _signer(name: str) -> Signer:
    return Signer(sha256(b"portfolio key of " + name.encode()).digest())
