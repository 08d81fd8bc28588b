"""One running node: home, store, host, peer links and timers, put together."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from consensus.effects import Now
from ledger.contracts.calendars import CalendarYear, last_known, warning_of
from node.checking import BackgroundCheck
from node.errors import CONTRADICTED, Busy, Halted, NodeError, Silenced, Stuck
from node.home.home import Home
from node.host.host import Host
from node.host.submission import Submission
from node.host.voters import Hindrance
from node.peers.handshake import NONCE_BYTES, Identity
from node.peers.links import PeerLinks
from node.storage.beside import CheckStanding
from node.storage.marks import DAMAGE
from node.storage.store import Store

TICK_MIN_S = 0.001
TICK_MAX_S = 0.02
"""Deadlines move while events come in; the longest that one may be noticed late."""

LINGER_MS = 3000
"""How long a node that has found nothing to rebuild still answers others that rebuild as well."""

NOTHING_TO_REBUILD = "nothing-to-rebuild"
UNFOUNDED = (
    "as many peers as make a quorum with this node hold no block and nothing that its key has "
    "said: the ledger is new, and a rebuilt node would never vote in it. The home is as it was "
    "before; start the node without --rebuild. If that says `database-lost`, the database is gone: "
    "found anew, or let the others make a block and rebuild then (this party never votes again)"
)

logger = logging.getLogger("tongzhang.node")


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Now:
        """Return steady ticks and wall time, both in ms."""
        return Now(time.monotonic_ns() // 1_000_000, time.time_ns() // 1_000_000)


class Node:
    """A node in one process, driven by an event loop.

    Args:
        home: The node's home, locked by the caller.
        store: Its opened database.
        on_first_block: Called once the database holds a block, if it is a rebuilt one without; such
            a node stops if there is nothing to fetch.
        checking: Checks the database meanwhile; without one nobody does.
    """

    def __init__(
        self,
        home: Home,
        store: Store,
        *,
        on_first_block: Callable[[], None] | None = None,
        checking: BackgroundCheck | None = None,
    ) -> None:
        self.home = home
        self.genesis = home.genesis
        self.party = home.party
        self.store = store
        self.tokens = home.tokens
        self._clock = SystemClock()
        self._started_ms = self._clock.now().ticks_ms
        me = Identity(home.genesis, home.party, home.signer)
        self.peers = PeerLinks(me, home.config.peers)
        self.host = Host(
            home.genesis,
            home.party,
            home.signer,
            store,
            network=self.peers,
            clock=self._clock,
            nonce=secrets.token_bytes(NONCE_BYTES),
        )
        self.peers.bind(self.host)
        self._stopped = asyncio.Event()
        self._on_first_block = on_first_block
        self._checking = checking
        self._found_nothing_ms: int | None = None

    # -- running ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until :meth:`stop`, or until the host halts for safety.

        Raises:
            Halted: the node had to stop; the code says why.
        """
        for peer in self.peers.status():
            self.host.peer_down(peer)  # no slot waits for a leader that was never reached
        links = asyncio.create_task(self.peers.run(), name="peers")
        checking = asyncio.create_task(self._check(), name="check")
        try:
            while not self._stopped.is_set() and self.host.halted is None:
                await self._sleep_until_due()
                if self.host.deadline_ms() <= self._clock.now().ticks_ms:
                    self.host.tick()
                if self._on_first_block is not None:
                    self._watch_rebuild(self._on_first_block)
        finally:
            checking.cancel()
            self.peers.stop()
            await links
            self.host.write()
            self.store.close()
        if self.host.halted is not None:
            raise self.host.halted

    def stop(self) -> None:
        """End :meth:`run`."""
        self._stopped.set()

    async def _check(self) -> None:
        if self._checking is None:
            return
        try:
            await self._checking.run(self._on_damage, at_once=self.store.tip().height > 0)
        except Exception:  # nobody waits for it: the node goes on, and says so
            logger.exception("%s: nothing more is checked beside this node", self.party)

    def _on_damage(self, message: str) -> None:
        """Stop: what stands in the database is not what was agreed upon; and remember that."""
        try:
            self.store.note(DAMAGE, message)
        except NodeError as error:  # the next start finds it anew
            logger.error("%s: could not note the damage: %s", self.party, error)
        self.host.stop("corrupt-ledger", message)

    def _watch_rebuild(self, on_first_block: Callable[[], None]) -> None:
        if self.store.tip().height:
            self._on_first_block = None
            on_first_block()
        elif self.host.recall.found_nothing():
            now_ms = self._clock.now().ticks_ms
            if self._found_nothing_ms is None:
                self._found_nothing_ms = now_ms
            if now_ms - self._found_nothing_ms >= LINGER_MS:  # others may want to ask this node
                raise Halted(NOTHING_TO_REBUILD, UNFOUNDED)

    async def _sleep_until_due(self) -> None:
        wait_s = (self.host.deadline_ms() - self._clock.now().ticks_ms) / 1000
        await asyncio.sleep(max(TICK_MIN_S, min(wait_s, TICK_MAX_S)))

    # -- records ----------------------------------------------------------------------------------

    def submit(self, raws: Sequence[bytes]) -> list[Submission]:
        """Take records of this party; from the event loop's thread only.

        Raises:
            Busy: the queue is full; nothing of this call was taken.
            Stuck: as above, and the queue does not move.
            Silenced: this party's key has contradicted itself.
            Halted: the node has stopped for safety.
        """
        try:
            return self.host.submit(list(raws))
        except Busy as busy:
            hindrance = self.hindrance()
            if hindrance is None or self._patience_s(hindrance) > 0:
                raise
            raise Stuck(hindrance.code, hindrance.message) from busy

    async def wait(self, submissions: Sequence[Submission], timeout_s: float) -> bool:
        """Return whether all ``submissions`` were done within ``timeout_s``.

        Once something has stood in the way of all records for the time of a slot, the answer is
        no: see :meth:`hindrance`.
        """
        waiting = sum(not s.done for s in submissions)
        if not waiting:
            return True
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()

        def note(_: Submission) -> None:
            nonlocal waiting
            waiting -= 1
            if not waiting and not done.done():
                done.set_result(True)

        for submission in submissions:
            if not submission.done:
                submission.on_done(note)
        until = loop.time() + timeout_s
        looking: asyncio.TimerHandle | None = None

        def look() -> None:
            nonlocal looking
            left_s = min(until - loop.time(), self._patience_s(self.hindrance()))
            if left_s > 0:
                looking = loop.call_later(left_s, look)
            elif not done.done():
                done.set_result(False)

        look()
        try:
            return await done
        finally:
            if looking is not None:
                looking.cancel()

    def _patience_s(self, hindrance: Hindrance | None) -> float:
        """Return how long a record is still waited for before looking again."""
        slot_ms = self.genesis.timeouts.base_ms
        since_ms = 0 if hindrance is None else self._clock.now().ticks_ms - hindrance.since_ms
        return (slot_ms - since_ms) / 1000

    def hindrance(self) -> Hindrance | None:
        """Return why no record of this node can become final now; None if nothing is known."""
        stopped = self.host.stopped()
        if stopped is not None:
            return Hindrance(stopped.code, f"stopped for safety: {stopped.code}", 0)
        if self.host.recall.silenced:
            return Hindrance(CONTRADICTED, Silenced().message, 0)
        found, why = self.host.voters.hindrance(), self.host.recall.hindrance()
        if found is None and why:
            return Hindrance("not-signing", why, self._started_ms)
        return found

    # -- status -----------------------------------------------------------------------------------

    def ready(self) -> tuple[bool, str]:
        """Return whether the node can make records final now, and if not, why."""
        hindrance = self.hindrance()
        return hindrance is None, _reason(hindrance)

    def voters(self) -> dict[str, Any]:
        """Return who votes as far as this node knows now, as plain JSON values."""
        voters = self.host.voters
        return {
            "reached": list(voters.reached),
            "needed": self.genesis.quorum,
            "may_go_down": voters.spare,
            "tolerance": list(voters.tolerance()),
        }

    def voting(self, party: str) -> dict[str, Any]:
        """Return whether a party votes, by its own last word, and why its vote does not count."""
        voters = self.host.voters
        return {"voting": voters.votes(party), "voting_reason": voters.why_not(party) or "votes"}

    def status(self) -> dict[str, Any]:
        """Return what an operator asks first, as plain JSON values."""
        tip, host, genesis = self.store.tip(), self.host, self.genesis
        halted = host.stopped()
        hindrance = self.hindrance()
        return {
            "party": self.party,
            "role": genesis.roles[self.party],
            "ledger": genesis.ledger,
            "origin": genesis.origin,
            "height": tip.height,
            "size": tip.size,
            "root": tip.root.hex(),
            "state": tip.state.hex(),
            "time": tip.time,
            "time_ahead_ms": max(0, tip.time - self._clock.now().wall_ms),
            "final_slot": tip.slot,
            "slot": host.replica.slot,
            "leader": host.replica.leader(host.replica.slot),
            "quorum": genesis.quorum,
            "evidence": {party: len(found) for party, found in host.accusations.convicted.items()},
            **self.voting(self.party),
            "voters": self.voters(),
            "signing": host.journal.may_seal,
            "ready": hindrance is None,
            "ready_reason": _reason(hindrance),
            "ready_code": "" if hindrance is None else hindrance.code,
            "halted": None if halted is None else {"code": halted.code, "message": halted.message},
            "silent": list(host.replica.silent),
            "calendar": self._calendar(),
            "pool": {"own_records": host.journal.record_count, "batches": len(host.pool)},
            "slot_timeout_ms": host.replica.timers.slot_ms,
            "finality": host.sightings.finality(),
            "check": msgspec.structs.asdict(self._standing()),
            "peers": {
                peer: {
                    **link,
                    **host.sightings.of(peer),
                    **host.conduct.of(peer),
                    **self.voting(peer),
                }
                for peer, link in self.peers.status().items()
            },
            "refused_connections": dict(self.peers.refusals),
            "dropped_messages": [
                {"peer": peer, "code": code, "count": count}
                for (peer, code), count in sorted(host.rejected.items())
            ],
        }

    def _standing(self) -> CheckStanding:
        return CheckStanding() if self._checking is None else self._checking.standing

    def _calendar(self) -> dict[str, str | None]:
        """Return up to when the business days are known, and what is to be said about that."""
        view, calendar = self.store.view(), self.genesis.calendar

        def is_decided(year: int) -> bool:
            return year in calendar.founded or view.get(CalendarYear, (year,)) is not None

        today = calendar.business_date(self._clock.now().wall_ms)
        last = last_known(is_decided, today)
        return {"known_until": last or None, "warning": warning_of(last, today) or None}


def _reason(hindrance: Hindrance | None) -> str:
    return "ready" if hindrance is None else hindrance.message
