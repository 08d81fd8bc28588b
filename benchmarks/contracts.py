"""Microseconds per record: of a sample day with every kind of record, and of what bulk is made of.

Run with ``python -m benchmarks.contracts [records]``. ``mixed day`` is the contracts alone on a
generated day of the business as the demo plays it: registrations, captures, splits of one to ten
legs, reversals, payouts, refunds, fees, profit sharing, disputes, with refusals. The others
are captures and instructions of three legs, half and half, as `tongzhang bench` submits them.
Signing is not part of the measurement, and loading rows is not part of the contracts'. Times are
CPU time: the best of five.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from demo.day.cast import DayPlan
from demo.day.generate import generate
from demo.day.phases import founding
from ledger import execute
from ledger.batch import Batch
from ledger.contracts import RULES, decode_records
from ledger.errors import Refused
from ledger.execute import Execution
from ledger.genesis import Genesis
from ledger.records import Record
from ledger.state import EmptyView, Overlay, Transaction
from tests.demo.day_kit import Played
from tests.ledger.ledger_kit import GENESIS, MORNING, Ledger, captured, leg, make_genesis, split

RECEIVERS = 300
BLOCK_RECORDS = 2000
DAYS = 5


def day(records: int) -> tuple[Ledger, list[tuple[str, list[bytes]]]]:
    """Return a ledger with receivers, and a day's records in blocks of one batch a party."""
    ledger = Ledger()
    for number in range(RECEIVERS):
        ledger.register(f"shop-{number}", cycle=("T+1", "T+0", "D+1")[number % 3])
    payments = [_payment(ledger, number) for number in range(records // 2)]
    half = BLOCK_RECORDS // 2
    blocks = []
    for start in range(0, len(payments), half):
        page = payments[start : start + half]
        blocks.append(("institution", [capture for capture, _ in page]))
        blocks.append(("platform", [instruction for _, instruction in page]))
    return ledger, blocks


def _payment(ledger: Ledger, number: int) -> tuple[bytes, bytes]:
    amount = 1_000 + number * 7 % 90_000
    ratios = (700_000, 250_000, 50_000)
    legs = [
        leg(place, f"shop-{(number * 11 + place * 37) % RECEIVERS}", ppm=ppm)
        for place, ppm in enumerate(ratios, 1)
    ]
    name = f"P{number:08d}"
    at = MORNING + number * 250
    capture = ledger.record("payment.captured", captured(name, amount, captured_at=at))
    instruction = ledger.record("split.instructed", split(name, amount, mode="ratio", legs=legs))
    return capture, instruction


def measure(records: int) -> dict[str, float]:
    """Return µs per record of decoding, of the contracts alone, and of whole execution."""
    ledger, pages = day(records)
    started = time.process_time()
    decoded = [decode_records(page) for _, page in pages]
    decoding = time.process_time() - started
    contracts = _contracts_alone(ledger, [author for author, _ in pages], decoded)
    execution = _execution(ledger, pages)
    parts = {"decode": decoding, "contracts": contracts, "execute": execution}
    return {name: seconds / records * 1e6 for name, seconds in parts.items()}


def _contracts_alone(
    ledger: Ledger, authors: list[str], pages: Sequence[Sequence[Record]]
) -> float:
    """Apply two pages after the other, as blocks on one state, their rows loaded before."""
    total = 0.0
    for start in range(0, len(pages), 2):
        view = Overlay(ledger.view)
        block = [*zip(authors[start : start + 2], pages[start : start + 2], strict=True)]
        for author, page in block:
            execute.prefetch(GENESIS, view, author, page)
        tx = Transaction(view, GENESIS, "institution", "institution", 1000, 5, MORNING)
        rules = [(RULES[type(record)], record) for _, page in block for record in page]
        started = time.process_time()
        for entry, (rule, record) in enumerate(rules, 1000):
            tx.begin(entry, rule.subject(record))
            rule.apply(tx, record)
        total += time.process_time() - started
    return total


class Recorded(Ledger):
    """A ledger that keeps what every block was executed on."""

    def __init__(self, genesis: Genesis) -> None:
        super().__init__(genesis)
        self.blocks: list[tuple[int, int, int, tuple[Batch, ...]]] = []

    def run(self, *batches: Batch) -> Execution:
        """Execute a block, and remember it."""
        self.blocks.append((self.tip.size, self.tip.height + 1, self.now, batches))
        return super().run(*batches)

    def check_books(self) -> None:
        """Leave that to the tests: it reads all of the books."""


def mixed_day(payments: int) -> tuple[float, int]:
    """Return µs per record of the contracts on a sample day, and how many records it has."""
    day = generate(DayPlan(payments, seed=1))
    ledger = Recorded(make_genesis(calendar=founding(day)))
    Played(day, 1, ledger)
    genesis, state = ledger.genesis, Overlay(EmptyView())
    seconds, count = 0.0, 0
    for entry, height, time_ms, batches in ledger.blocks:
        for batch in batches:
            records = execute.check_records(batch)
            view = Overlay(state)
            execute.prefetch(genesis, view, batch.party, records)
            role = genesis.roles[batch.party]
            tx = Transaction(view, genesis, batch.party, role, entry, height, time_ms)
            seconds += _timed(tx, entry, records)
            count += len(records)
            view.rest()
            state.merge(view.changes)
            entry += len(records)
    return seconds / count * 1e6, count


def _timed(tx: Transaction, first: int, records: Sequence[Record]) -> float:
    rules = [(RULES[type(record)], record) for record in records]
    started = time.process_time()
    for entry, (rule, record) in enumerate(rules, first):
        tx.begin(entry, rule.subject(record))
        try:
            rule.apply(tx, record)
        except Refused:
            tx.undo()
    return time.process_time() - started


def _execution(ledger: Ledger, pages: list[tuple[str, list[bytes]]]) -> float:
    total = 0.0
    for start in range(0, len(pages), 2):
        batches = [ledger.seal(author, page) for author, page in pages[start : start + 2]]
        for batch in batches:
            execute.check_records(batch)
        started = time.process_time()
        done = execute.execute(
            GENESIS, ledger.tip, ledger.frontier, ledger.view, ledger.now, batches
        )
        total += time.process_time() - started
        if done.refusals:
            raise SystemExit(f"a record of the day was refused: {done.refusals[0][1]}")
        _advance(ledger, batches, done)
    return total


def _advance(ledger: Ledger, batches: list[Batch], done: execute.Execution) -> None:
    ledger.view.merge(done.changes)
    ledger.frontier = done.frontier
    for batch in batches:
        ledger.heads[batch.party] = (batch.number, batch.hash)
    height = ledger.tip.height + 1
    ledger.tip = ledger.tip._replace(
        height=height, size=done.size, root=done.root, state=done.state
    )


def main(arguments: list[str]) -> None:
    """Print one line a part."""
    records = int(arguments[0]) if arguments else 20_000
    mixed = [mixed_day(records // 4) for _ in range(DAYS)]
    print(f"mixed day  {min(each for each, _ in mixed):6.2f} µs per record of {mixed[0][1]:,}")
    days = [measure(records) for _ in range(DAYS)]
    for name in days[0]:
        print(f"{name:10} {min(day[name] for day in days):6.2f} µs per record")


if __name__ == "__main__":
    main(sys.argv[1:])
