"""The scene of a run as checkers see it: small protocols, each with what some of them need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ledger.genesis import Genesis
from node.host.host import Host
from node.storage.store import Store
from simulator.plan import Plan

Matter = tuple[str, int]
"""What evidence may be about: ``batch`` and a number, or ``slot`` and a slot."""


class Watched(Protocol):
    """A machine under watch: who it is, which life it leads, what it holds while it is on."""

    @property
    def name(self) -> str:
        """Its own name; a twin's is not its party's."""

    @property
    def party(self) -> str:
        """The party whose key it holds."""

    @property
    def life(self) -> int:
        """The count of its starts."""

    @property
    def rebuilt(self) -> bool:
        """Whether it has lost its disk, and votes no more."""

    @property
    def rewound(self) -> bool:
        """Whether its disk was ever set back to an old copy."""

    @property
    def is_behind(self) -> bool:
        """Whether this life began with less than the last one had: a lost disk, or an old copy."""

    @property
    def store(self) -> Store | None:
        """Its open disk; None while it is off."""

    @property
    def host(self) -> Host | None:
        """Its node; None while it is off."""


class Scene(Protocol):
    """All that every checker knows of the world."""

    @property
    def plan(self) -> Plan:
        """The plan of the run."""

    @property
    def genesis(self) -> Genesis:
        """The consortium."""

    @property
    def forkable(self) -> bool:
        """Whether so many parties lie that the others can be led apart."""

    @property
    def now_us(self) -> int:
        """The time of the world."""

    @property
    def remainder(self) -> set[tuple[str, Matter]]:
        """What parties said twice since nobody who answered them could know the first time."""

    @property
    def rebuilt(self) -> set[str]:
        """The parties that have lost a disk."""

    def honest(self) -> Sequence[Watched]:
        """Return the machines whose party keeps its promises."""


class ForkedScene(Scene, Protocol):
    """A world whose forks are written down."""

    @property
    def forks(self) -> dict[int, dict[str, bytes]]:
        """Different final blocks at one height, by machine."""


class DamagedScene(Scene, Protocol):
    """A world whose plan damages disks."""

    @property
    def damaged(self) -> set[str]:
        """The machines whose disks the plan has damaged."""


class HealedScene(Scene, Protocol):
    """A world that heals in the end."""

    @property
    def settled(self) -> bool:
        """Whether everything became final everywhere."""

    @property
    def owes_progress(self) -> bool:
        """Whether a quorum of honest parties is up, connected and may vote."""

    @property
    def owed_answers(self) -> Sequence[str]:
        """The parties whose clients are owed an answer, in order."""
