"""Four real node processes under open-loop load: one stretch a rate, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from cli.bench.connection import Gone, KeptConnection, post
from cli.bench.load import captures, instructions, registrations
from cli.bench.open_loop import Address, Arrival, OpenLoop, measured, schedule
from cli.bench.real import INSTITUTION, PLATFORM, started
from cli.client import NDJSON
from cli.errors import CheckFailed
from demo.stage.network import LocalNetwork

PATH = "/v1/records"


async def measure_rates(
    network: LocalNetwork, rates: Sequence[int], seconds: int, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Start the nodes of ``network`` and load them; stopping them is the caller's business.

    Captures arrive at the institution's node and instructions for the same payments at the
    platform's, in turn.

    Args:
        network: A consortium whose nodes are not started.
        rates: Records a second, of one stretch each.
        seconds: How long a stretch is.
        progress: Told what is being measured.
    """
    found = []
    async with started(network) as observer:
        await register(network)
        first = 0
        for rate in rates:
            progress(f"{rate:,} records/s arrive for {seconds} s")
            times = schedule(rate, seconds)
            sent = await OpenLoop().run(list(arrivals(network, times, first)))
            first += len(times)
            await observer.until_equal()
            found.append(measured(rate, seconds, sent))
    return found


def arrivals(network: LocalNetwork, times: Sequence[float], first: int) -> Iterator[Arrival]:
    """Yield captures and instructions of payments from ``first`` on, in turn, at their times."""
    half = -(-len(times) // 2)
    loads = {INSTITUTION: captures(first, half), PLATFORM: instructions(first, half)}
    ways = [_requests(network, party, records) for party, records in loads.items()]
    for number, at_s in enumerate(times):
        to, requests = ways[number % 2]
        yield Arrival(at_s, to, next(requests))


def _requests(
    network: LocalNetwork, party: str, records: Iterable[bytes]
) -> tuple[Address, Iterator[bytes]]:
    node = network.node(party)
    requests = (post(PATH, record, "application/json", node.token) for record in records)
    return address(node.url), requests


def address(url: str) -> Address:
    """Return host and port of a node's address."""
    parts = urlsplit(url)
    return Address(parts.hostname or "", parts.port or 80)


async def register(network: LocalNetwork) -> None:
    """Register the receivers that instructions name.

    Raises:
        CheckFailed: ``refused``.
    """
    node = network.node(INSTITUTION)
    request = post(PATH, b"\n".join(registrations()), NDJSON, node.token)
    try:
        connection = await KeptConnection.open(*address(node.url))
        answer = await connection.ask(request)
    except Gone as error:
        raise CheckFailed("unreachable", f"the node of {INSTITUTION}: {error}") from None
    connection.close()
    if answer.status != 200 or b'"state":"refused"' in answer.body:
        raise CheckFailed("refused", answer.body[:500].decode("utf-8", "replace"))
