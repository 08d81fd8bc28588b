"""Milliseconds per question of business, over HTTP, against a large database.

Run with ``python -m benchmarks.queries [records] [receivers]``; a million and ten thousand by
default. The database is filled directly, table by table and without blocks that verify: rows, keys
and indexes are those that executing the records would leave, and nobody signs or agrees. So what is
measured is reading alone: the statements, the views, their JSON, and HTTP on the loopback.

Of thirty business days the last two are not paid out. One payment in a hundred lacks its split.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec

from api.app import build_app
from api.draining import Draining
from demo.stage.statistics import median, percentile
from ledger.books import RESERVE, Balance, Posting, pending, suspense
from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import Bucket, Receiver
from ledger.entry import encode_entry
from ledger.expectations import INSTRUCTION, MET, OPEN, Expectation
from ledger.state import Row
from node.home.founding import create_consortium
from node.home.home import read_operator_token
from node.node import Node
from node.storage.store import Store
from tests.api.queries_kit import ROLES, Server
from tests.ledger.ledger_kit import DAY, HEX, MORNING

DAYS = 30
UNPAID_DAYS = 2
LEGS = 3
BLOCK_ENTRIES = 1000
ONE_SIDED = 100
CHUNK = 20_000
ROUNDS = 200


class World:
    """What the database is to hold: payments over thirty days to many receivers.

    Args:
        records: How many records the log holds.
        receivers: How many receivers share the money.
    """

    def __init__(self, records: int, receivers: int) -> None:
        self.payments = records // 2
        self.receivers = receivers
        self.buckets: dict[tuple[int, int], list[int]] = {}
        """Amount and count of the legs by receiver and day."""

    def day_of(self, number: int) -> int:
        return number * DAYS // self.payments

    @property
    def due(self) -> set[int]:
        """The receivers that are not paid out on every day."""
        return {receiver for receiver, day in self.buckets if day >= DAYS - UNPAID_DAYS}

    def one_sided(self, number: int) -> bool:
        return number % ONE_SIDED == 0

    def rows(self, number: int) -> Iterator[Row]:
        """Yield the rows that payment ``number`` leaves in the state."""
        payment, day, entry = f"P{number:08d}", self.day_of(number), 2 * number
        at, amount = MORNING + day * DAY + number % 3_600_000, 1_000 + number * 7 % 90_000
        order = f"order-{payment}"
        split = not self.one_sided(number)
        yield Capture(
            payment, order, amount, "CNY", "wechat", at, "", (), "", "", "", entry, True, 0
        )
        state, settled = (MET, entry + 1) if split else (OPEN, -1)
        subject = f"payment:{payment}"
        facts = (amount, "CNY", entry, at, at + 1_800_000, state, settled, at if split else -1, "")
        yield Expectation(INSTRUCTION, subject, "platform", "institution", *facts)
        yield _posting(RESERVE, entry, 0, amount)
        yield _posting(suspense(payment), entry, 1, -amount)
        if not split:
            yield Balance(suspense(payment), "CNY", -amount)
            return
        facts = (amount, "CNY", "fixed", 0, 0, LEGS, "", "", 0, entry + 1, True, True)
        yield Instruction(payment, order, *facts)
        yield _posting(suspense(payment), entry + 1, 0, amount)
        for leg in range(1, LEGS + 1):
            yield from self._leg(payment, number, (leg, entry + 1, amount))

    def _leg(self, payment: str, number: int, place: tuple[int, int, int]) -> Iterator[Row]:
        leg, entry, whole = place
        receiver, day = (number * 11 + leg * 37) % self.receivers, self.day_of(number)
        amount = whole // LEGS + (whole % LEGS if leg == LEGS else 0)
        bucket = self.buckets.setdefault((receiver, day), [0, 0])
        bucket[0] += amount
        bucket[1] += 1
        name = _receiver(receiver)
        yield Leg(payment, leg, name, amount, "goods", 0, day + 1)
        yield _posting(pending(name), entry, leg, -amount)

    def settled(self) -> Iterator[Row]:
        """Yield receivers, buckets and payouts; after all payments."""
        for (receiver, day), (amount, legs) in sorted(self.buckets.items()):
            name, due, paid = _receiver(receiver), _date(day), day < DAYS - UNPAID_DAYS
            payout = f"O-{name}-{day}" if paid else ""
            yield Bucket(name, day + 1, due, "D+0", amount, legs, payout)
            if paid:
                yield Payout(
                    payout=payout,
                    receiver=name,
                    owner="",
                    cutoff_date=due,
                    amount=amount,
                    legs=legs,
                    currency="CNY",
                    buckets=(str(day + 1),),
                    state="paid",
                    bank_reference=HEX,
                    paid_at=MORNING,
                    entry=0,
                    last_entry=0,
                )
        for receiver in range(self.receivers):
            opened = tuple(
                f"{_date(day)}:{day + 1}"
                for day in range(DAYS - UNPAID_DAYS, DAYS)
                if (receiver, day) in self.buckets
            )
            yield Receiver(
                receiver=_receiver(receiver),
                kind="bank_account",
                held_at="",
                owner="",
                commitment=HEX,
                last4="1234",
                cycle="D+0",
                currency="CNY",
                state="active",
                entry=0,
                open_buckets=opened,
                bucket_count=DAYS,
            )

    def entries(self) -> Iterator[tuple[Any, ...]]:
        """Yield the log's entries as columns."""
        for number in range(self.payments):
            subject = f"payment:P{number:08d}"
            for part, (party, type_) in enumerate(
                (("institution", "payment.captured"), ("platform", "split.instructed"))
            ):
                if part and self.one_sided(number):
                    type_ = "split.withdrawn"
                index = 2 * number + part
                record = msgspec.json.encode(
                    {"at": MORNING, "id": f"r{index}", "payment": subject, "text": "x" * 180,
                     "type": type_}
                )  # fmt: skip
                leaf = encode_entry(1, "applied", party, record)
                height = index // BLOCK_ENTRIES + 1
                yield (index, height, party, f"r{index}", type_, subject, "applied", leaf)

    def blocks(self) -> Iterator[tuple[Any, ...]]:
        """Yield blocks as columns, with the times and no headers."""
        size = 2 * self.payments
        for height in range(1, (size - 1) // BLOCK_ENTRIES + 2):
            first = (height - 1) * BLOCK_ENTRIES
            at, name = MORNING + DAYS * DAY * first // size, height.to_bytes(32, "big")
            end = min(first + BLOCK_ENTRIES, size)
            yield (height, height, name, at, b"", b"", b"", None, first, end, b"")


def _posting(account: str, entry: int, line: int, amount: int) -> Posting:
    # The balance after it is no question's concern here.
    return Posting(
        account=account, currency="CNY", entry=entry, line=line, amount=amount, balance=amount
    )


def _receiver(number: int) -> str:
    return f"shop-{number:05d}"


def _date(day: int) -> str:
    return f"2026-01-{day + 1:02d}"


def fill(store: Store, world: World) -> None:
    """Write the world into an empty store, table by table."""
    tables = store.tables
    raw: Any = store.engine.raw_connection()
    raw.cursor().execute("PRAGMA synchronous = OFF")
    for table, columns in ((tables.entries, world.entries()), (tables.blocks, world.blocks())):
        insert(raw, table.name, columns)
    _insert_rows(raw, store, (row for n in range(world.payments) for row in world.rows(n)))
    _insert_rows(raw, store, world.settled())
    raw.cursor().execute("PRAGMA synchronous = FULL")
    raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()


def _insert_rows(raw: Any, store: Store, rows: Iterable[Row]) -> None:
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        by_kind: dict[type[Row], list[tuple[Any, ...]]] = {}
        for row in chunk:
            mapped = store.tables.rows[type(row)]
            by_kind.setdefault(type(row), []).append(mapped.encode(row))
        for kind, columns in by_kind.items():
            insert(raw, kind.TABLE, columns)


def insert(raw: Any, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write rows into a table, as columns, many a transaction."""
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        marks = ", ".join("?" * len(chunk[0]))
        raw.cursor().execute("BEGIN")
        raw.cursor().executemany(f"INSERT INTO {table} VALUES ({marks})", chunk)
        raw.cursor().execute("COMMIT")


def questions(world: World, client: httpx.Client) -> dict[str, tuple[int, Callable[[int], None]]]:
    """Return how often to ask what, and the asking."""
    as_of = MORNING + DAYS * DAY

    def ask(path: str, **query: Any) -> Any:
        response = client.get(path, params=query or None)
        if response.status_code != 200:
            raise SystemExit(response.text)
        return response

    def due(_: int) -> None:
        last = _date(DAYS - 1)
        url: str | None = f"/v1/payouts/due?on={last}&limit=1000"
        found: set[str] = set()
        while url is not None:
            response = ask(url)
            found |= {row["receiver"] for row in response.json()["due"]}
            url = response.links.get("next", {}).get("url")
        if len(found) != len(world.due):
            raise SystemExit(f"{len(found)} receivers are due, not {len(world.due)}")

    def payment(number: int) -> str:
        return f"P{number % world.payments:08d}"

    paid = [each for each in world.buckets if each[1] < DAYS - UNPAID_DAYS]

    def payout(number: int) -> str:
        to, day = paid[number % len(paid)]
        return f"O-{_receiver(to)}-{day}"

    def receiver(number: int) -> str:
        return _receiver(number % world.receivers)

    return {
        "payment with its timeline": (ROUNDS, lambda n: ask(f"/v1/payments/{payment(n)}")),
        "due payouts of all receivers": (5, due),
        "receiver": (ROUNDS, lambda n: ask(f"/v1/receivers/{receiver(n)}")),
        "receiver's statement": (ROUNDS, lambda n: ask(f"/v1/receivers/{receiver(n)}/statement")),
        "payout with its legs": (ROUNDS, lambda n: ask(f"/v1/payouts/{payout(n)}")),
        "search by order": (ROUNDS, lambda n: ask("/v1/search", order=f"order-{payment(n)}")),
        "search by amount": (ROUNDS, lambda n: ask("/v1/search", amount=1_000 + n % 90_000)),
        "search by date": (
            20,
            lambda n: ask(f"/v1/search?from={_date(n % 28)}&to={_date(n % 28)}"),
        ),
        "search by receiver": (ROUNDS, lambda n: ask("/v1/search", receiver=receiver(n))),
        "what is overdue": (20, lambda n: ask("/v1/expectations", state="overdue", as_of=as_of)),
        "sums by pair of parties": (20, lambda n: ask("/v1/expectations/summary", as_of=as_of)),
    }


def measure(
    questions: Mapping[str, tuple[int, Callable[[int], Any]]], most: int
) -> Iterator[tuple[str, list[float], list[float]]]:
    """Yield each question with its times and its processor times, in ms.

    Client and server share the process, so its processor time is that of both. It says what a
    question costs where other programs keep the machine busy.

    Args:
        questions: How often to ask what, and the asking.
        most: Below which the numbers are that are asked with.
    """
    chance = Random(1)
    for name, (rounds, ask) in questions.items():
        times, processor = [], []
        for _ in range(rounds):
            number = chance.randrange(most)
            started, used = time.perf_counter(), time.process_time()
            ask(number)
            times.append((time.perf_counter() - started) * 1000)
            processor.append((time.process_time() - used) * 1000)
        yield name, times, processor


def show(questions: Mapping[str, tuple[int, Callable[[int], Any]]], most: int) -> None:
    """Print one line a question, as :func:`measure` asks it."""
    for name, times, processor in measure(questions, most):
        shown = f"median {median(times):8.2f} ms   p95 {percentile(times, 95):8.2f} ms"
        print(f"{name:34} {shown}   processor {median(processor):8.2f} ms", flush=True)


def main(arguments: list[str]) -> None:
    """Print one line a question."""
    records = int(arguments[0]) if arguments else 1_000_000
    receivers = int(arguments[1]) if len(arguments) > 1 else 10_000
    world = World(records, receivers)
    with tempfile.TemporaryDirectory() as folder:
        names = [(name, name) for name in ROLES]
        home = create_consortium(Path(folder) / "homes", names, 3)["auditor"]
        store = Store(home.database_url, home.genesis, party="auditor")
        started = time.perf_counter()
        fill(store, world)
        print(f"{records:,} records, {receivers:,} receivers: "
              f"filled in {time.perf_counter() - started:.0f} s")  # fmt: skip
        server = Server(build_app(Node(home, store), Draining()))
        token = read_operator_token(home.path)
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=600) as client:
            show(questions(world, client), world.payments)
        server.close()
        store.close()


if __name__ == "__main__":
    main(sys.argv[1:])
