"""Patience with leaders (R8): how long each was waited for, and who is given no time.

A leader whose link is down is given no time. So is one that was waited for too long: every wait is
a debt, a long one a much larger debt, and only time pays it back. Words pay nothing: a peer that
votes and never proposes, that proposes every other time, or at the last moment, is waited for a
few per cent of the time and no more. A leader that comes back first has to propose in a slot of its
own, as every honest one does at once; that also forgives, now and then, what it owed before.

Debts count only while the ledger moves: once a slot has timed out and nothing became final since,
it may be the network that is slow, and all leaders need time. And no more than n−q leaders are
given no time because of what they owe, those whose links are down counted first.
"""

from __future__ import annotations

from ledger.genesis import Genesis

FREE_PARTS = 50
"""A proposal is never late within this part of the first slot timeout, …"""
RECORDS_PER_MS = 4
"""… nor while its records may still have been executed."""
STEEPNESS = 4
"""A wait of the first slot timeout owes 1 + this many times its length."""
PAYS_BACK = 6
"""A debt of 1 ms is paid back in so many ms."""
TOLERATED_PARTS = 2
"""A debt of up to this part of the first slot timeout costs nothing."""
DEBT_MAX = 6
"""The largest debt, in first slot timeouts: it is tolerated again after 33 of them."""
PROBATION = 12
"""A leader that came back and does not propose is given time again after so many of them."""
FORGIVEN_EVERY = 60
"""Coming back forgives once in so many first slot timeouts."""


class _Turn:
    """One leader that is waited for, and since when."""

    __slots__ = ("leader", "proposed", "since_ms")

    def __init__(self, leader: str, since_ms: int) -> None:
        self.leader = leader
        self.since_ms = since_ms
        self.proposed = False


class Patience:
    """What the leaders of one ledger owe to one replica. All times are ticks in ms.

    Args:
        genesis: The ledger: voters, quorum, timeouts.
        me: This voter, who never waits for itself.
    """

    def __init__(self, genesis: Genesis, me: str) -> None:
        self._base_ms = genesis.timeouts.base_ms
        self._voters = genesis.voters
        self._spare = genesis.spare
        self._me = me
        self._down: set[str] = set()
        self._back: set[str] = set()
        """Who came back and has not proposed yet."""
        self._paid_at: dict[str, int] = {}
        """By leader when its debt is paid back."""
        self._forgives_at: dict[str, int] = {}
        self._trusted_at: dict[str, int] = {}
        """By leader when its blocks are executed again; one of them was refused."""
        self.waiting: int | None = None
        """The slot whose leader is waited for; None while nobody is."""
        self._turn = _Turn("", 0)

    # -- links -----------------------------------------------------------------------------------

    def up(self, party: str, now_ms: int) -> None:
        """Note that a peer's link is up again."""
        if party in self._down:
            self._down.discard(party)
            self._back.add(party)
            at_ms = now_ms + PROBATION * self._base_ms
            self._paid_at[party] = max(at_ms, self._paid_at.get(party, 0))

    def heard(self, leader: str, now_ms: int) -> None:
        """Note that a leader has proposed in a slot of its own, be it too late."""
        if leader in self._back:
            self._back.discard(leader)
            if self._forgives_at.get(leader, 0) <= now_ms and self.trusts(leader, now_ms):
                self._forgives_at[leader] = now_ms + FORGIVEN_EVERY * self._base_ms
                del self._paid_at[leader]

    def down(self, party: str) -> None:
        """Note that a peer's link is down."""
        self._down.add(party)

    # -- waits -----------------------------------------------------------------------------------

    def begin(self, slot: int, leader: str, now_ms: int, *, proposed: bool) -> None:
        """Begin to wait for a leader, if nobody is waited for; it may have ``proposed`` before."""
        if self.waiting is None and leader != self._me:
            self.waiting = slot
            self._turn = _Turn(leader, now_ms)
            self._turn.proposed = proposed

    def proposed(self, records: int, now_ms: int) -> None:
        """Note that the proposal waited for is here, and how many records it holds."""
        if not self._turn.proposed:
            self._turn.proposed = True
            self._owe(now_ms - self._turn.since_ms - records // RECORDS_PER_MS, now_ms)

    def end(self, now_ms: int, *, wasted: bool) -> None:
        """End the wait, if there is one; all of it is owed if nothing came of the slot."""
        if wasted and self.waiting is not None:
            self._owe(now_ms - self._turn.since_ms, now_ms)
        self.waiting = None

    def refused(self, leader: str, now_ms: int) -> None:
        """Note that a leader's block was executed in vain: it owes the most that is owed."""
        if leader != self._me:
            at_ms = now_ms + PAYS_BACK * DEBT_MAX * self._base_ms
            self._trusted_at[leader] = self._paid_at[leader] = at_ms

    def trusts(self, leader: str, now_ms: int) -> bool:
        """Return whether a leader's blocks are executed before a quorum has notarized them."""
        return self._trusted_at.get(leader, 0) <= now_ms

    def _owe(self, waited_ms: int, now_ms: int) -> None:
        late_ms = waited_ms - self._base_ms // FREE_PARTS
        if late_ms <= 0:
            return
        leader = self._turn.leader
        owes_ms = late_ms + STEEPNESS * late_ms * late_ms // self._base_ms
        owes_ms = min(DEBT_MAX * self._base_ms, owes_ms + self._owes_ms(leader, now_ms))
        self._paid_at[leader] = now_ms + PAYS_BACK * owes_ms

    def _owes_ms(self, leader: str, now_ms: int) -> int:
        return max(0, self._paid_at.get(leader, 0) - now_ms) // PAYS_BACK

    # -- who is given no time --------------------------------------------------------------------

    def is_down(self, party: str) -> bool:
        """Return whether a peer's link is down."""
        return party in self._down

    def silent(self, now_ms: int, *, moving: bool) -> tuple[str, ...]:
        """Return the voters that are given no time, in genesis order.

        Args:
            now_ms: The steady clock.
            moving: Whether no slot has timed out since something became final.
        """
        down = [name for name in self._voters if name in self._down]
        tolerated_ms = self._base_ms // TOLERATED_PARTS
        owing = [
            name
            for name in self._voters
            if name not in self._down and self._owes_ms(name, now_ms) > tolerated_ms
        ]
        owing.sort(key=lambda name: -self._paid_at[name])
        spare = max(0, self._spare - len(down)) if moving else 0
        silent = {*down, *owing[:spare]}
        return tuple(name for name in self._voters if name in silent)
