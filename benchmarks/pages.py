"""Milliseconds per page of a node, against a ledger of a million entries of real business.

Run with ``python -m benchmarks.pages [--entries N] [--rounds N] [--keep DIR] [--only TEXT]``; a
million entries and forty rounds by default. The ledger is made as :mod:`benchmarks.business` has
it; with ``--keep`` it stays in a folder and is used again. Every page is asked for in both
languages through the readers' application in this process, so a time has routing, the questions
to the database, the template and compression in it, and no network. What counts is processor time,
also on a busy machine. The overview is made once a second for all who look: here once a look.
Balances of the past are kept before the first look, as when somebody has opened the books.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx
import msgspec

from api.overview import Overviews
from api.read_server import STATUS, TOKEN, reading_app
from api.reading import Reading
from benchmarks.business import LOAN_DAYS, amount_of, business, loan_of, payment_of, shop_of
from demo.stage.statistics import median, percentile
from node.home.home import Home
from node.node import Node
from node.storage.engine import READER_CACHE_KIB, open_engine
from node.storage.snapshots import Snapshots
from node.storage.store import Store
from views.listings import LISTINGS
from web.site import SITE

GOAL_MS = 50
LANGUAGES = ("en", "zh-CN")
UTC_OFFSET = timedelta(hours=8)
Addresses = Mapping[str, Callable[[int], str]]


class Cost(NamedTuple):
    """What a page cost: processor and clock, in ms, and how large it is, in bytes."""

    processor_ms: list[float]
    clock_ms: list[float]
    size: int
    packed: int


class Visitor:
    """Somebody at a browser who asks the readers of one node, without a network.

    Args:
        home: The node's.
    """

    def __init__(self, home: Home) -> None:
        self.store = Store(home.database_url, home.genesis, party=home.party)
        self._status = msgspec.json.encode(Node(home, self.store).status())
        self.engine = open_engine(home.database_url, cache_kib=READER_CACHE_KIB)
        self._reading = Reading.of_node(home, Snapshots(self.engine))
        app = reading_app(self._reading, SITE)
        token = home.tokens.list()[0].id
        headers = {"accept": "text/html", "accept-encoding": "gzip", TOKEN.decode(): token}
        transport = httpx.ASGITransport(app)
        self._client = httpx.AsyncClient(
            transport=transport, base_url="http://node", headers=headers
        )

    def keep_past(self) -> None:
        """Have balances of the past kept, as after somebody has opened the books."""
        adding = self._reading.past_balances.keep_up(self.store.tip().size)
        if adding is not None:
            adding.join()

    async def ask(self, address: str, language: str) -> httpx.Response:
        """Return a page that is made for this visitor alone."""
        self._reading.overviews = Overviews(self._reading.genesis)
        headers = {"accept-language": language}
        if address == "/":
            headers[STATUS.decode()] = self._status.decode()
        answer = await self._client.get(address, headers=headers)
        if answer.status_code != 200:
            raise SystemExit(f"{address}: {answer.status_code} {answer.text[:400]}")
        return answer

    async def cost(self, address: Callable[[int], str], language: str, rounds: int) -> Cost:
        """Return what a page costs, asked for so many times."""
        found = Cost([], [], 0, 0)
        await self.ask(address(0), language)
        for number in range(rounds):
            began, used = time.perf_counter(), time.process_time()
            answer = await self.ask(address(7 * number + 3), language)
            found.processor_ms.append((time.process_time() - used) * 1000)
            found.clock_ms.append((time.perf_counter() - began) * 1000)
            packed = max(found.packed, answer.num_bytes_downloaded)
            found = found._replace(size=max(found.size, len(answer.content)), packed=packed)
        return found

    def close(self) -> None:
        """Close the database."""
        self.engine.dispose()
        self.store.close()


def addresses(store: Store, today: date) -> Addresses:
    """Return every page that there is, by its name, as an address of a number."""
    with store.reader() as reader:
        height, size = reader.height(), store.tip().size
    day = str(today - timedelta(days=1))
    of_shops = f"/payouts/O-{{}}-{day}"
    others: dict[str, Callable[[int], str]] = {
        "/payments?by=receiver": lambda n: f"/payments?by=receiver&q={shop_of(0)}",
        "/payments?by=amount": lambda n: f"/payments?by=amount_shown&q={amount_of(n) / 100:.2f}",
        "/payments?q=": lambda n: f"/payments?q=order-{payment_of(n + 1)}",
        "/payments?from&to": lambda _: f"/payments?from={day}&to={day}",
        "/payments/{payment}": lambda n: f"/payments/{payment_of(n + 1)}",
        "/payouts/{payout}": lambda n: of_shops.format(shop_of(n % 2)),
        "/payouts/{payout}/legs": lambda n: of_shops.format(shop_of(n % 2)) + "/legs",
        "/receivers/{receiver}": lambda n: f"/receivers/{shop_of(n % 2)}",
        "/receivers/fund-a-main": lambda _: "/receivers/fund-a-main",
        "/loans/{loan}": lambda n: f"/loans/{loan_of(n % 28)}",
        "/loans/{loan}/allocation": lambda n: (
            f"/loans/{loan_of(n % 28)}/allocation?amount_shown=500.00"
        ),
        "/chain/blocks/{height}": lambda n: f"/chain/blocks/{height - n % height}",
        "/chain?start": lambda n: f"/chain?start={1 + n * 13 % height}",
        "/chain/entries/{index}": lambda n: f"/chain/entries/{n * 7919 % size}",
        "/books/statement?account": lambda _: "/books/statement?account=pending:fund-a-main",
        "/books?as_of": lambda n: f"/books?as_of={today - timedelta(days=n % (LOAN_DAYS - 1))}",
        "/books?party": lambda _: "/books?party=fund-a",
        "/books/entries/{index}": lambda n: f"/books/entries/{n * 7919 % size}",
        "/about/{subject}": lambda n: f"/about/payment:{payment_of(n + 1)}",
        "/find?q": lambda n: "/find?q=nothing-of-this-name",
        "/fees/charges?period": lambda _: f"/fees/charges?period={day[:7]}",
        "/expectations?state=overdue": lambda _: "/expectations?state=overdue",
        "/expectations?awaited": lambda _: "/expectations?state=unmet&awaited=platform",
    }
    fixed = ["/", "/reconciliation", "/payments", "/settlement", "/loans", "/reports/day", "/books"]
    fixed += ["/books/accounts", "/books/statement", "/chain", "/chain/entries", "/chain/evidence"]
    fixed += ["/lists", "/verify", *(each.address.removeprefix("/v1") for each in LISTINGS)]
    found = {each: _always(each) for each in dict.fromkeys(fixed) if "{" not in each}
    return {**found, **others}


def _always(address: str) -> Callable[[int], str]:
    return lambda _: address


async def measure(home: Home, rounds: int, only: str) -> None:
    """Print a line for each page and language, the dearest page last."""
    visitor = Visitor(home)
    gc.freeze()  # as the readers' process does
    today = (datetime.now(UTC) + UTC_OFFSET).date()
    dearest: list[tuple[float, str]] = []
    used = time.process_time()
    visitor.keep_past()
    took_s = time.process_time() - used
    tip = visitor.store.tip()
    print(f"{tip.size:,} entries, {tip.height:,} blocks; {took_s:.1f} s for balances of the past")
    print(f"{'ms of processor':38} {'median':>8} {'p95':>8} {'clock':>8}   gzip, of bytes")
    for name, address in addresses(visitor.store, today).items():
        if only not in name:
            continue
        for language in LANGUAGES:
            cost = await visitor.cost(address, language, rounds)
            p95 = percentile(cost.processor_ms, 95)
            dearest.append((p95, f"{name} {language[:2]}"))
            print(
                f"{dearest[-1][1]:38} {median(cost.processor_ms):8.1f} {p95:8.1f} "
                f"{median(cost.clock_ms):8.1f}   {cost.packed:,} of {cost.size:,}",
                flush=True,
            )
    over = sorted(each for each in dearest if each[0] >= GOAL_MS)
    names = ", ".join(f"{name} {ms:.0f}" for ms, name in over) or "none"
    print(f"p95 of {GOAL_MS} ms of processor or more: {names}")
    visitor.close()


def main() -> None:
    """Make the ledger, unless it is there, and print what each page costs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--keep", type=Path, help="make the ledger there, or use the one there is")
    parser.add_argument("--only", default="", help="only pages with this in their name")
    given = parser.parse_args()
    today = (datetime.now(UTC) + UTC_OFFSET).date()
    with TemporaryDirectory() as folder:
        home = business(given.keep or Path(folder) / "homes", given.entries, today)
        asyncio.run(measure(home, given.rounds, given.only))


if __name__ == "__main__":
    main()
