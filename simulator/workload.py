"""The business that clients do: records of all parties, most of them valid, some of them not.

It keeps its own small book of what was said, so that later records fit earlier ones; it knows
nothing of what the ledger makes of them but the answers that the clients got.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from ledger import canonical
from ledger.genesis import Genesis
from simulator.chance import Chance
from simulator.plan import Plan
from simulator.process import MORNING_MS

RECEIVERS = 4
WRONG_PPM = 60_000


class Said(NamedTuple):
    """A record that a client says: its id, its bytes and its type."""

    id: str
    raw: bytes
    type: str


class Workload:
    """A day's business.

    Args:
        plan: How much of it.
        genesis: The consortium.
    """

    def __init__(self, plan: Plan, genesis: Genesis) -> None:
        self._left = plan.records
        self._genesis = genesis
        self._numbers: dict[str, int] = {}
        self._payments = 0
        self._queues: dict[str, deque[tuple[str, dict[str, Any]]]] = {
            party: deque() for party in plan.parties
        }
        self._platform = genesis.sole("platform")
        self._institution = genesis.sole("institution")
        self._registering = RECEIVERS
        for number in range(RECEIVERS):
            self._queues[self._institution].append(_registration(number))

    @property
    def is_done(self) -> bool:
        """Whether all records of the plan were handed out."""
        return self._left <= 0

    def next(self, party: str, count: int, chance: Chance) -> list[Said]:
        """Return up to ``count`` records that ``party`` says now."""
        queue = self._queues[party]
        said: list[Said] = []
        while len(said) < count and self._left > 0:
            if not queue and not self._registering and party in (self._platform, self._institution):
                self._new_payment(chance)
            if not queue:
                break
            said.append(self._say(party, *queue.popleft()))
            self._left -= 1
        return said

    def answered(self, said: Said, outcome: str) -> None:
        """Learn what became of a record."""
        if said.type == "receiver.registered":
            self._registering -= 1

    def _say(self, party: str, type_: str, fields: dict[str, Any]) -> Said:
        number = self._numbers[party] = self._numbers.get(party, 0) + 1
        record_id = f"{party}-{number}"
        record = {"at": MORNING_MS, "id": record_id, "type": type_, **fields}
        return Said(record_id, canonical.encode(record), type_)

    def _new_payment(self, chance: Chance) -> None:
        self._payments += 1
        payment = f"P{self._payments}"
        amount = 100 + chance.below(100_000)
        wrong = chance.happens(WRONG_PPM)
        both = {"payment": payment, "order": f"O{self._payments}", "currency": "CNY"}
        capture = {**both, "amount": amount + wrong, "channel": "wechat", "captured_at": MORNING_MS}
        legs = _legs(amount, chance)
        split = {**both, "amount": amount, "mode": "fixed", "legs": legs}
        self._queues[self._institution].append(("payment.captured", capture))
        self._queues[self._platform].append(("split.instructed", split))


def _registration(number: int) -> tuple[str, dict[str, Any]]:
    return "receiver.registered", {
        "receiver": f"shop-{number}",
        "kind": "bank_account",
        "commitment": f"{number:064x}",
        "last4": f"{number:04d}",
        "currency": "CNY",
        "cycle": ("T+1", "T+0", "D+1")[number % 3],
    }


def _legs(amount: int, chance: Chance) -> list[dict[str, Any]]:
    count = 1 + chance.below(3)
    parts = [amount // (count + 1) for _ in range(count - 1)]
    parts.append(amount - sum(parts))
    return [
        {
            "leg": place,
            "receiver": f"shop-{chance.below(RECEIVERS)}",
            "amount": part,
            "purpose": "goods",
        }
        for place, part in enumerate(parts, 1)
    ]
