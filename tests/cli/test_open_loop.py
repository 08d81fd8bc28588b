"""Open-loop load: the schedule, what is sent by it, and what is told of the answers."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.bench.connection import Gone, KeptConnection, get, post
from cli.bench.latency import latencies, single_ms
from cli.bench.open_loop import TAKEN, Address, Arrival, OpenLoop, Sent, measured, schedule
from tests.cli.stalling_kit import Stalling, said

OUTCOMES = ("final", "unknown", "busy", "refused", "failed", "unanswered")


@given(st.integers(1, 500), st.integers(1, 8), st.integers(0, 2**32))
def test_as_many_arrive_as_the_rate_says_in_order_and_in_time(
    rate: int, seconds: int, seed: int
) -> None:
    times = schedule(rate, seconds, seed)
    assert len(times) == rate * seconds
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] < seconds
    assert times == schedule(rate, seconds, seed)


def test_arrivals_are_independent_of_each_other_and_even() -> None:
    """Gaps of independent arrivals vary as much as they are long; a second has more or less."""
    times = schedule(100, 100, seed=7)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert spread / mean == pytest.approx(1, abs=0.05)
    farthest = max(abs(number / len(times) - at / 100) for number, at in enumerate(times))
    assert farthest < 1.63 / len(times) ** 0.5  # Kolmogorov and Smirnov: 1 % would be beyond it
    assert len(set(Counter(int(at) for at in times).values())) > 10


@given(st.lists(st.floats(0, 1e6), max_size=300))
def test_percentiles_are_measured_values_and_what_lies_beyond_is_counted(
    values: list[float],
) -> None:
    found = latencies(values)
    assert found["count"] == len(values)
    if not values:
        assert found["max"] == 0
        return
    rounded = sorted(round(value, 2) for value in values)
    for percent in (50, 90, 99):
        value, beyond = found[f"p{percent}"], found["beyond"][f"p{percent}"]
        assert value == rounded[len(values) - beyond - 1]
        assert 100 * (len(values) - beyond) >= percent * len(values)
        assert 100 * (len(values) - beyond - 1) < percent * len(values)
    assert found["p50"] <= found["p90"] <= found["p99"] <= found["max"] == rounded[-1]
    assert single_ms(values).items() >= found.items()


@given(
    st.integers(1, 5),
    st.lists(
        st.tuples(
            st.floats(0, 5, exclude_max=True), st.floats(0, 3), st.floats(0, 30),
            st.sampled_from(OUTCOMES),
        ),
        max_size=60,
    ),
)  # fmt: skip
def test_a_latency_counts_from_when_a_record_was_to_arrive(
    seconds: int, drawn: list[tuple[float, float, float, str]]
) -> None:
    sent = [
        Sent(min(at, seconds * 0.99), at + late, at + late + took, outcome)
        for at, late, took, outcome in drawn
    ]
    found = measured(10, seconds, sent)
    taken = [each for each in sent if each.outcome in TAKEN]
    assert found["latency_ms"] == latencies([(e.ended_s - e.at_s) * 1000 for e in taken])
    assert found["arrivals"] == len(sent) == sum(found["outcomes"].values())
    assert {n: c for n, c in found["outcomes"].items() if c} == Counter(e.outcome for e in sent)
    assert len(found["by_second"]) == seconds
    assert sum(each["count"] for each in found["by_second"]) == len(taken)
    assert (
        max((each["max"] for each in found["by_second"]), default=0) == found["latency_ms"]["max"]
    )
    assert found["final_per_s"] <= found["outcomes"]["final"] / seconds + 0.05


def arrivals(to: Address, count: int) -> list[Arrival]:
    return [
        Arrival(number / 1000, to, post("/v1/records", b"%d" % number, "application/json", "t"))
        for number in range(count)
    ]


def test_what_arrives_is_sent_while_nothing_is_answered() -> None:
    """A driver that waited for one of the first 49 answers would never send the fiftieth."""

    async def played() -> None:
        server = Stalling(lambda _: None, enough=50)
        async with server as address:
            sent = await OpenLoop().run(arrivals(address, 50))
        assert [each.outcome for each in sent] == ["final"] * 50
        assert sorted(map(int, server.bodies)) == list(range(50))
        assert server.connections == 50
        last = max(each.sent_s for each in sent)
        assert all(each.at_s <= each.sent_s <= last <= each.ended_s for each in sent)

    asyncio.run(played())


def test_a_connection_that_is_free_is_used_again() -> None:
    async def played() -> None:
        server = Stalling(lambda _: said(200))
        async with server as address:
            sent = await OpenLoop(connections_max=3).run(arrivals(address, 30))
        assert Counter(each.outcome for each in sent) == {"final": 30}
        assert server.connections <= 3

    asyncio.run(played())


def test_what_finds_no_connection_and_what_is_not_answered_is_counted_with_its_latency() -> None:
    async def played() -> None:
        server = Stalling(lambda _: None, enough=10)
        async with server as address:
            sent = await OpenLoop(connections_max=4).run(arrivals(address, 6), grace_s=0.2)
        assert server.requests == 4
        assert [each.outcome for each in sent] == ["unanswered"] * 6
        found = measured(6, 1, sent)
        assert found["latency_ms"]["count"] == 6
        assert found["latency_ms"]["p50"] >= 200
        assert found["sent_late_ms"]["count"] == 0

    asyncio.run(played())


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "final"), (202, "unknown"), (503, "busy"), (409, "refused"), (422, "refused")],
)
def test_a_status_says_what_became_of_a_record(status: int, outcome: str) -> None:
    async def played() -> None:
        async with Stalling(lambda _: said(status)) as address:
            (sent,) = await OpenLoop().run(arrivals(address, 1))
        assert sent.outcome == outcome

    asyncio.run(played())


def test_a_connection_that_ends_and_a_port_without_a_server_have_failed() -> None:
    async def played() -> None:
        async with Stalling(lambda count: () if count == 2 else said(200)) as address:
            sent = await OpenLoop(connections_max=1).run(arrivals(address, 3))
            assert [each.outcome for each in sent] == ["final", "failed", "final"]
        (sent,) = await OpenLoop().run(arrivals(Address("127.0.0.1", 1), 1))
        assert sent.outcome == "failed"
        assert measured(1, 1, [sent])["latency_ms"]["count"] == 0

    asyncio.run(played())


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_is_whole_however_it_comes(size: int) -> None:
    async def played() -> None:
        parts = [CHUNKED[first : first + size] for first in range(0, len(CHUNKED), size)]
        async with Stalling(lambda _: parts) as address:
            connection = await KeptConnection.open(*address)
            for _ in range(2):
                assert await connection.ask(get("/x")) == (200, b"hello!")
            connection.close()

    asyncio.run(played())


def test_what_is_no_http_is_refused_and_so_is_a_second_question_before_the_answer() -> None:
    async def played() -> None:
        async with Stalling(lambda _: [b"SSH-2.0-x\r\n\r\n"]) as address:
            connection = await KeptConnection.open(*address)
            with pytest.raises(Gone, match="no HTTP"):
                await connection.ask(get("/x"))
            assert not connection.usable
        async with Stalling(lambda _: None, enough=2) as address:
            connection = await KeptConnection.open(*address)
            asking = asyncio.create_task(connection.ask(get("/x")))
            await asyncio.sleep(0)
            with pytest.raises(Gone, match="waits for an answer"):
                await connection.ask(get("/x"))
            connection.close()
            with pytest.raises(Gone):
                await asking

    asyncio.run(played())
