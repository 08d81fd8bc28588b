"""Voters as far as one node knows now: the measure of readiness, and of what may still fail.

A party votes if its node is reached over a proved link and has said that it votes, in a message of
:class:`~consensus.messages.Voting`. What a peer has not said since its link came up is unknown,
and does not count. Agreement itself takes nobody's word: it counts signed votes.
"""

from __future__ import annotations

from typing import NamedTuple

from consensus.messages import Voting
from node.errors import CONTRADICTED
from node.host.parts import Parts

REBUILT = "rebuilt"
SUPERVISES = "supervises"
RECALLING = "recalling"
_WHY_NOT = {
    REBUILT: "was rebuilt: it follows and never votes again",
    SUPERVISES: "is a supervisor's: it reads, and never votes",
    RECALLING: "has started and asks the others what its key has signed before it votes",
    CONTRADICTED: "votes no more: its key has signed two statements that contradict each other",
}


def _at_start(parts: Parts) -> str:
    """Return why a party does not vote when its node starts; empty if it does."""
    if parts.party not in parts.genesis.voters:
        return SUPERVISES
    if not parts.remembers:
        return REBUILT
    return RECALLING if parts.answers_needed else ""


class Hindrance(NamedTuple):
    """Why nothing that a node takes can become final at the moment."""

    code: str
    message: str
    since_ms: int
    """Since when, on the steady clock."""


class Voters:
    """The voters that one node reaches, itself among them.

    Args:
        parts: The host's parts.
    """

    def __init__(self, parts: Parts) -> None:
        self._genesis = parts.genesis
        self._party = parts.party
        self._sender = parts.sender
        self._clock = parts.clock
        self._connected = {parts.party}
        self._abstains: dict[str, str | None] = dict.fromkeys(parts.genesis.names)
        self._abstains[parts.party] = _at_start(parts)
        self._lacking_since_ms = parts.clock.now().ticks_ms

    # -- what is said and heard -------------------------------------------------------------------

    def greet(self, peer: str) -> None:
        """Tell a peer that comes up whether this node votes; what it said before is over."""
        self._connected.add(peer)
        self.hear(peer, None)
        self._sender.tell(peer, self._own())

    def lose(self, peer: str) -> None:
        """Note that a peer is gone."""
        was_lacking = self.lacking
        self._connected.discard(peer)
        self._note(was_lacking)

    def hear(self, peer: str, said: Voting | None) -> None:
        """Note what a peer says of itself; None if it has said nothing yet."""
        was_lacking = self.lacking
        self._abstains[peer] = None if said is None else said.abstains
        self._note(was_lacking)

    def stop_voting(self, code: str) -> None:
        """Say that this node votes no more, and why."""
        if self._abstains[self._party] != code:
            self.hear(self._party, Voting(code))
            self.say()

    def begin_voting(self) -> None:
        """Say that this node votes from now on, if it has only asked before it does."""
        if self._abstains[self._party] == RECALLING:
            self.hear(self._party, Voting(""))
            self.say()

    def say(self) -> None:
        """Say to those that are connected whether this node votes."""
        for peer in self._sender.others:
            if peer in self._connected:
                self._sender.tell(peer, self._own())

    def _own(self) -> Voting:
        return Voting(self._abstains[self._party] or "")

    def _note(self, was_lacking: int) -> None:
        if self.lacking and not was_lacking:
            self._lacking_since_ms = self._clock.now().ticks_ms

    # -- what is known ----------------------------------------------------------------------------

    @property
    def reached(self) -> tuple[str, ...]:
        """The voters that are reached, in genesis order."""
        names = self._genesis.voters
        return tuple(name for name in names if name in self._connected and self.votes(name))

    @property
    def lacking(self) -> int:
        """How many voters lack for a quorum."""
        return max(0, self._genesis.quorum - len(self.reached))

    @property
    def spare(self) -> int:
        """How many of the voters that are reached may go down, and the ledger still goes on."""
        return max(0, len(self.reached) - self._genesis.quorum)

    def votes(self, party: str) -> bool | None:
        """Return whether a party votes, by its own last word; None if there is none."""
        abstains = self._abstains[party]
        return None if abstains is None else not abstains

    def why_not(self, party: str) -> str:
        """Return in words why a party's vote does not count at the moment; empty if it counts."""
        abstains = self._abstains[party]
        if abstains and (abstains != SUPERVISES or party in self._connected):
            return _WHY_NOT.get(abstains, f"has stopped for safety: {abstains}")
        if party not in self._connected:
            return "is not connected"
        return "has not said yet whether it votes" if abstains is None else ""

    def hindrance(self) -> Hindrance | None:
        """Return why nothing can become final, if too few voters are reached."""
        if not self.lacking:
            return None
        absent = "; ".join(f"the node of {name} {why}" for name, why in self._absent().items())
        return Hindrance("no-quorum", f"{self._count()}: {absent}", self._lacking_since_ms)

    def tolerance(self) -> tuple[str, ...]:
        """Say in plain words who votes now, and how many voters may still go down.

        Returns:
            One sentence per line, the first one about all parties together.
        """
        if self.lacking:
            rest = "nothing becomes final until there are more (nothing is lost)"
        elif self.spare:
            rest = f"up to {self.spare} may go down and the ledger goes on"
        else:
            rest = "none may go down, or the ledger stops (nothing is lost)"
        absent = [f"The node of {name} {why}." for name, why in self._absent().items()]
        return (f"Now {self._count()}: {rest}.", *absent)

    def _count(self) -> str:
        reached, quorum = self.reached, self._genesis.quorum
        names = f" ({', '.join(reached)})" if reached else ""
        if self.lacking:
            return f"only {len(reached)} of the {quorum} voters needed are reached{names}"
        return f"{len(reached)} voters are reached{names}, {quorum} are needed"

    def _absent(self) -> dict[str, str]:
        whys = {name: self.why_not(name) for name in self._genesis.voters}
        return {name: why for name, why in whys.items() if why}
