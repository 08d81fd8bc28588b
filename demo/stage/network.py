"""A consortium on this machine: founded, its homes known, its nodes not yet started."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from demo.stage.processes import NodeProcess, free_ports

if TYPE_CHECKING:
    from ledger.calendar import Calendar
    from ledger.genesis import Genesis, Role

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class LocalNetwork:
    """The nodes of one consortium.

    Args:
        genesis: The founding document.
        nodes: One process a party, in genesis order.
    """

    genesis: Genesis
    nodes: list[NodeProcess]

    def node(self, party: str) -> NodeProcess:
        """Return the node of a party."""
        return next(node for node in self.nodes if node.party == party)


def found_network(
    folder: Path,
    name: str,
    parties: list[tuple[str, Role]],
    quorum: int,
    *,
    calendar: Calendar | None = None,
) -> LocalNetwork:
    """Found a consortium in ``folder``, its nodes on free ports of this machine.

    Args:
        folder: A directory that does not exist or is empty.
        name: The consortium's name.
        parties: Name and role of each, in leader order.
        quorum: Equal votes that make a block final.
        calendar: The institution's calendar; the default one if left out.

    Raises:
        HomeError: the folder is not empty.
        GenesisError: such a consortium could not work.
    """
    from node.home.founding import create_consortium
    from node.home.home import read_address

    ports = free_ports(len(parties))
    choices = {} if calendar is None else {"calendar": calendar}
    homes = create_consortium(
        folder, parties, quorum, host=HOST, name=name, ports=ports, choices=choices
    )
    now_ms = time.time_ns() // 1_000_000
    nodes = []
    for party, home in homes.items():
        _, token = home.tokens.create("feeder", ("read", "submit"), now_ms)
        nodes.append(NodeProcess(party, home.path, read_address(home.path), token))
    return LocalNetwork(next(iter(homes.values())).genesis, nodes)
