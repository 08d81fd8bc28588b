"""Milliseconds per question about loans, over HTTP, against a database with a million instalments.

Run with ``python -m benchmarks.loans [loans]``; 50,000 by default, of 20 instalments each. One loan
is lent and repaid in real blocks. Its rows and entries, as they stand after each repayment, are
those of all the others under their names, written table by table. Seven instalments are due; nine
loans of ten have paid them, the rest is behind by one to seven.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import httpx
from msgspec.structs import astuple

from benchmarks.queries import insert, show
from ledger.expectations import Expectation
from ledger.state import Row
from tests.api.loans_kit import KeptLoans

TEMPLATE: Final = "L000000"
INSTALMENTS = 20
DUE = 7
TODAY = "2026-08-20"
ROUNDS = 20
BEHIND = (0,) * 90 + (1,) * 5 + (2, 2, 3, 3, 7)
"""By how many instalments each of a hundred loans is behind."""

Columns = tuple[Any, ...]


class Template:
    """One loan that was repaid in real blocks.

    Args:
        kept: The ledger in whose store it stands.
    """

    def __init__(self, kept: KeptLoans) -> None:
        self.rows: list[dict[type[Row], list[Columns]]] = []
        """By the number of repayments, the rows as columns."""
        self.sizes: list[int] = []
        """By the number of repayments, how many entries the log has."""
        self._kept = kept
        kept.on("2026-01-05")
        kept.lend(TEMPLATE, terms={"instalments": INSTALMENTS, "partial": None})
        self._note()
        for number in range(1, DUE + 1):
            day = f"2026-{number + 1:02d}-05"
            due = kept.loan(TEMPLATE).instalments[number - 1].open
            kept.pay(TEMPLATE, number, due, day)
            self._note()
        kept.on(TODAY)
        with kept.store.reader() as reader:
            subjects = [f"loan:{TEMPLATE}"]
            subjects += [f"payment:P-{TEMPLATE}-A{number}" for number in range(1, DUE + 1)]
            found = [reader.newest_about(each, 100, applied=True) for each in subjects]
        self.entries = sorted(map(astuple, chain(*found)))

    def _note(self) -> None:
        tables, found = self._kept.store.tables, {}
        for kind, rows in self._kept.view.changes.items():
            own = [row for row in rows.values() if row is not None and TEMPLATE in str(row)]
            if own and ("loan" in kind.TABLE or kind.TABLE in _OTHERS):
                found[kind] = [tables.rows[kind].encode(row) for row in own]
        self.rows.append(found)
        self.sizes.append(self._kept.frontier.size)


_OTHERS = ("repayments", "captures", "instructions", "legs", Expectation.TABLE)


def name_of(number: int) -> str:
    """Return the name of a loan."""
    return f"L{number:06d}"


def paid_by(number: int) -> int:
    """Return how many instalments a loan has paid."""
    return DUE - BEHIND[number * 37 % len(BEHIND)]


def fill(kept: KeptLoans, loans: int) -> None:
    """Write the other loans into the store of a template, table by table."""
    template = Template(kept)
    raw: Any = kept.store.engine.raw_connection()
    raw.cursor().execute("PRAGMA synchronous = OFF")
    for kind in template.rows[-1]:
        insert(raw, kind.TABLE, _rows(template, kind, loans))
    insert(raw, kept.store.tables.entries.name, _entries(template, loans))
    raw.cursor().execute("PRAGMA synchronous = FULL")
    raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()


def _rows(template: Template, kind: type[Row], loans: int) -> Iterator[Columns]:
    for number in range(1, loans + 1):
        name = name_of(number)
        for columns in template.rows[paid_by(number)].get(kind, ()):
            yield tuple(_named(value, name) for value in columns)


def _entries(template: Template, loans: int) -> Iterator[Columns]:
    index = template.sizes[-1]
    for number in range(1, loans + 1):
        name, size = name_of(number), template.sizes[paid_by(number)]
        for was, *columns in template.entries:
            if was < size:
                yield (index, *(_named(value, name) for value in columns))
                index += 1


def _named(value: Any, name: str) -> Any:
    """Return a column of another loan, whose name is as long."""
    if isinstance(value, str):
        return value.replace(TEMPLATE, name)
    if isinstance(value, bytes):
        return value.replace(TEMPLATE.encode(), name.encode())
    return value


def questions(client: httpx.Client) -> dict[str, tuple[int, Callable[[int], Any]]]:
    """Return how often to ask what, with the number of a loan."""

    def ask(path: str, **query: Any) -> Any:
        response = client.get(path, params={"as_of": TODAY, **query})
        if response.status_code != 200:
            raise SystemExit(response.text)
        return response

    middle = ask("/v1/overdue", limit=100).links.get("next", {}).get("url", "/v1/overdue")
    day = {"from": "2026-08-05", "to": "2026-08-05"}
    found: dict[str, Callable[[int], Any]] = {
        "loan with all that belongs to it": lambda n: ask(f"/v1/loans/{name_of(n)}"),
        "loan as of a past date": lambda n: ask(f"/v1/loans/{name_of(n)}", as_of="2026-05-20"),
        "allocation of a repayment": lambda n: client.get(
            f"/v1/loans/{name_of(n)}/allocation", params={"amount": 50_000, "date": TODAY}
        ).raise_for_status(),
        "overdue, the first page": lambda _: ask("/v1/overdue"),
        "overdue, the page after it": lambda _: client.get(middle).raise_for_status(),
        "overdue of a funder": lambda _: ask("/v1/overdue", funder="fund-b"),
        "overdue in one bucket": lambda _: ask("/v1/overdue", bucket="M1"),
        "overdue as of a past date": lambda _: ask("/v1/overdue", as_of="2026-05-20"),
        "loans, a page": lambda n: ask("/v1/loans"),
        "loans by due date": lambda _: ask("/v1/loans", due_from="2026-09-05"),
        "repayments of a day": lambda _: ask("/v1/repayments", **day),
        "compensations due": lambda _: ask("/v1/compensations/due"),
    }
    return {name: (ROUNDS, asking) for name, asking in found.items()}


def main(arguments: list[str]) -> None:
    """Print one line a question."""
    loans = int(arguments[0]) if arguments else 50_000
    with tempfile.TemporaryDirectory() as folder:
        kept = KeptLoans(Path(folder))
        started = time.perf_counter()
        fill(kept, loans)
        print(f"{loans:,} loans, {loans * INSTALMENTS:,} instalments: "
              f"filled in {time.perf_counter() - started:.0f} s")  # fmt: skip
        show(questions(kept.client), loans)
        kept.close()


if __name__ == "__main__":
    main(sys.argv[1:])
