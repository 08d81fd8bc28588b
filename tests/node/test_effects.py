"""Effects of a step are performed in the order in which they are declared; phases only go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from consensus.effects import Durable, Effects, Halt, Rejected
from consensus.errors import BadMessage
from node.host.host import Host
from node.host.phase import Phase
from tests.node.host_kit import World

LISTS = tuple(name for name in Effects.__struct_fields__ if name not in ("rejected", "halt"))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    world = World(tmp_path)
    world.open("platform")
    yield world.hosts["platform"]
    world.close()


class Moment(NamedTuple):
    """When a field was performed, and what had been before."""

    field: str
    rejected: int
    phase: Phase


class Noted(list[Any]):
    """A field of effects that notes when it is gone through."""

    def __init__(self, field: str, host: Host, moments: list[Moment]) -> None:
        super().__init__([Durable(1, "vote", "skip", b"")] if field == "persist" else [])
        self._field, self._host, self._moments = field, host, moments

    def __iter__(self) -> Iterator[Any]:
        count = sum(self._host.rejected.values())
        self._moments.append(Moment(self._field, count, self._host.phase))
        return super().__iter__()


def test_a_host_performs_effects_in_the_order_of_their_fields(host: Host) -> None:
    assert Effects.__struct_fields__ == ("rejected", *LISTS, "halt")
    moments: list[Moment] = []
    effects = Effects(
        rejected=Rejected("funder", BadMessage("bad-message", "not a message")),
        halt=Halt("state-diverged", "another result"),
        **{field: Noted(field, host, moments) for field in LISTS},
    )
    host._perform(effects)
    assert moments == [Moment(field, 1, Phase.RUNNING) for field in LISTS]
    assert host.phase is Phase.HALTED
    saved = [(item.slot, item.name) for item in host.store.load_consensus()]
    assert saved == [(1, "skip")]


def test_a_halted_host_stays_halted_for_its_first_reason(host: Host) -> None:
    host.stop("disk-full", "no space left")
    host._begin_to_end(Halt("state-diverged", "another result"))
    host.stop("internal-error", "later")
    assert host.phase is Phase.HALTED
    assert host.halted is not None and host.halted.code == "disk-full"
    assert host.stopped() is host.halted
