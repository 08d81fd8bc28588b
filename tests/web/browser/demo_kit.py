"""The demo's day and morning, lived through by real nodes that go on running with their pages."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from cli.parties import parse_parties, quorum_of
from demo.day.cast import DayPlan, owners, sole
from demo.day.generate import generate
from demo.day.phases import founding
from demo.stage.morning import FundersMorning, morning_plan
from demo.stage.network import found_network
from demo.stage.processes import NodeProcess, stop_all
from demo.stage.screen import Screen
from demo.stage.stage import Stage
from node.home.home import load_home, read_operator_token
from node.storage.store import Store
from tests.cli.nodes_kit import is_ready, until
from tests.web.lies_kit import convict

SEED = 7


class LivedDemo:
    """A consortium after the demo's day and morning.

    Args:
        folder: Where the homes go.
        parties: Names and roles, as ``tongzhang demo --parties`` takes them.
        payments: How many payments the day has.
    """

    def __init__(self, folder: Path, parties: str, payments: int) -> None:
        cast = parse_parties(parties)
        plan = DayPlan(
            payments=payments,
            seed=SEED,
            platform=sole(cast, "platform"),
            institution=sole(cast, "institution"),
            owners=owners(cast),
        )
        day, morning = generate(plan), morning_plan(cast, SEED)
        assert morning is not None
        quorum = quorum_of(cast, None)
        network = found_network(folder, "demo", cast, quorum, calendar=founding(day))
        self.nodes = {node.party: node for node in network.nodes}
        for node in network.nodes:
            node.token = read_operator_token(node.home)
        stage = Stage(network, day, Screen.silent(), FundersMorning(morning))
        try:
            with ThreadPoolExecutor(1) as thread:  # the browser has a loop in this one
                thread.submit(asyncio.run, _lived(stage)).result()
        except BaseException:
            self.close()
            raise

    @property
    def platform(self) -> NodeProcess:
        """The platform's node."""
        return self.nodes["platform"]

    def convict(self, liar: str) -> None:
        """Let the platform's node know that a party lied, in every way that there is."""
        node = self.platform
        stop_all([node])
        home = load_home(node.home)
        with closing(Store(home.database_url, home.genesis, party=home.party)) as store:
            convict(store, load_home(self.nodes[liar].home), 1)
        node.start("--simulator")
        until([node], is_ready)

    def close(self) -> None:
        """Stop all nodes."""
        stop_all([*self.nodes.values()])


async def _lived(stage: Stage) -> None:
    try:
        await stage.play(kill=False)
        await stage.live_morning()
    finally:
        await stage.close()
