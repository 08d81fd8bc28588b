"""The summary of a played day: all that every node tells of it, held against the known outcome."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from demo.business import FACT_STATES, Business, Items, differing, facts, figures, read_business
from demo.day.accounts import Balances, class_totals
from demo.loans.splits import REFUSED as WRONG_SPLIT
from demo.stage.morning import figures_of
from demo.stage.observer import Observer, digest
from demo.stage.pages import all_of
from demo.stage.statistics import percentile
from ledger.quorum import tolerance

if TYPE_CHECKING:
    from demo.stage.feeder import Feeder
    from demo.stage.processes import NodeProcess
    from demo.stage.stage import Played, Stage
    from ledger.genesis import Genesis

EXPECTED = ("applied", "refused", "repeated")
FACTS = {
    "facts": "facts",
    "one-sided entries": "one_sided",
    "conflicting facts": "conflicting",
    "facts by kind": "facts_by_kind",
}
"""What is checked of the facts, and where the day's outcome says it."""


class Check(NamedTuple):
    """One thing that must be as expected."""

    name: str
    expected: Any
    got: Any

    @property
    def good(self) -> bool:
        """Whether it is."""
        return bool(self.expected == self.got)


class NodeBooks(NamedTuple):
    """Books of one node. ``trial`` is its trial balance, both columns by currency."""

    balances: Items
    expectations: Items
    trial: Balances


async def read_books(observer: Observer, party: str) -> NodeBooks:
    """Return all balances and expectations of a node, and its trial balance."""
    get = partial(observer.get, party)
    balances, expectations, trial = await asyncio.gather(
        all_of(get, "balances"),
        all_of(get, "expectations", as_of=0),
        get("/v1/books/trial-balance"),
    )
    columns = {
        total["currency"]: {"credit": total["credit"], "debit": total["debit"]}
        for total in trial["totals"]
    }
    return NodeBooks(balances, expectations, columns)


def accounts(balances: Items) -> Balances:
    """Return balances by account, per currency."""
    book: Balances = {}
    for balance in balances:
        book.setdefault(balance["currency"], {})[balance["account"]] = balance["amount"]
    return book


def one_sided(expectations: Items, began_ms: int, now_ms: int) -> Items:
    """Return what is still one-sided or in conflict: since when everybody sees it, and its age.

    Args:
        expectations: A node's expectations.
        began_ms: When the demo began, ms since the epoch.
        now_ms: The time against which ages are counted.
    """
    return [
        {
            "kind": each["kind"],
            "subject": each["subject"],
            "state": FACT_STATES[each["state"]],
            "awaited": each["awaited"],
            "amount": each["amount"],
            "currency": each["currency"],
            "detail": each.get("detail", ""),
            "seen_at_ms": each["opened_at"] - began_ms,
            "age_ms": now_ms - each["opened_at"],
        }
        for each in sorted(expectations, key=lambda each: int(each["opened_entry"]))
        if each["state"] != "met"
    ]


def healed(expectations: Items) -> dict[str, int]:
    """Return how many facts were one-sided for a time, and for how long at most."""
    lives = [
        each["settled_at"] - each["opened_at"] for each in expectations if each["state"] == "met"
    ]
    return {"count": len(lives), "longest_ms": max(lives, default=0)}


def check_nodes(statuses: dict[str, dict[str, Any]], books: dict[str, NodeBooks]) -> list[Check]:
    """Return the checks that all nodes hold the same."""
    first = next(iter(statuses))
    wanted = [
        ("size", {party: status["size"] for party, status in statuses.items()}),
        ("log root", {party: status["root"] for party, status in statuses.items()}),
        ("state hash", {party: status["state"] for party, status in statuses.items()}),
        ("balances", {party: digest(each.balances) for party, each in books.items()}),
        ("expectations", {party: digest(each.expectations) for party, each in books.items()}),
        ("trial balance", {party: digest(each.trial) for party, each in books.items()}),
    ]
    return [
        Check(f"{name} equal on all nodes", dict.fromkeys(found, found[first]), found)
        for name, found in wanted
    ]


def check_outcome(
    expected: dict[str, Any], books: NodeBooks, business: Business, records: dict[str, Any]
) -> list[Check]:
    """Return the checks that the day came out as it had to."""
    found, told = accounts(books.balances), facts(books.expectations)
    came_to = figures(business, books.balances, expected["platform"])
    return [
        *(Check(f"records {name}", expected["records"][name], records[name]) for name in EXPECTED),
        *(Check(name, expected[field], told[field]) for name, field in FACTS.items()),
        *(Check(name, expected["business"][name], came_to[name]) for name in came_to),
        Check("balances", expected["balances"], class_totals(found)),
        Check("accounts", *differing(expected["accounts"], found)),
        Check("trial balance", expected["trial_balance"], books.trial),
        Check(
            "books sum to zero",
            dict.fromkeys(expected["balances"], 0),
            {c: sum(book.values()) for c, book in class_totals(found).items()},
        ),
    ]


async def summarize(stage: Stage, played: Played, expected: dict[str, Any]) -> dict[str, Any]:
    """Return the summary of the day, as ``--json`` prints it, but for what :func:`conclude` adds.

    Args:
        stage: The consortium, still running.
        played: What happened.
        expected: The day's known outcome.
    """
    party = stage.network.nodes[0].party
    status = (await stage.observer.until_equal())[party]
    now_ms = time.time_ns() // 1_000_000
    own = await read_books(stage.observer, party)
    business = await read_business(stage.observer, party)
    records = _records(list(stage.feeders.values()))
    checks = [
        *check_outcome(expected, own, business, records),
        Check("log entries", records["applied"] + records["refused_in_log"], status["size"]),
    ]
    return {
        "consortium": _consortium(stage.network.genesis),
        "day": {key: expected[key] for key in ("business_date", "payments", "seed")},
        "records": records,
        "throughput": {
            "seconds": round(played.seconds, 2),
            "records_per_s": round(status["size"] / played.seconds, 1),
        },
        "latency_ms": _latency(list(stage.feeders.values())),
        "outage": None if played.outage is None else played.outage._asdict(),
        "no_kill": played.no_kill,
        "facts": facts(own.expectations)["facts"],
        "healed": healed(own.expectations),
        "one_sided": one_sided(own.expectations, played.began_ms, now_ms),
        "business": figures(business, own.balances, expected["platform"]),
        "balances": class_totals(accounts(own.balances)),
        "accounts": accounts(own.balances),
        "trial_balance": own.trial,
        "checks": checks,
    }


async def conclude(
    stage: Stage,
    summary: dict[str, Any],
    morning: dict[str, Any] | None,
    proofs: dict[str, Any],
) -> dict[str, Any]:
    """Return the whole summary: the day, the funders' morning, and what all nodes hold after both.

    Args:
        stage: The consortium, still running.
        summary: The day's.
        morning: What the morning showed; None without one.
        proofs: What :func:`demo.stage.proofs.prove` found.
    """
    nodes = stage.network.nodes
    statuses = await stage.observer.until_equal()
    found = await asyncio.gather(*(read_books(stage.observer, node.party) for node in nodes))
    books = {node.party: each for node, each in zip(nodes, found, strict=True)}
    status = statuses[nodes[0].party]
    equal = check_nodes(statuses, books)
    checks = [*equal, *summary["checks"]]
    if morning is not None and stage.morning is not None:
        refused = _records(list(stage.feeders.values()))["refused"]
        checks += check_morning(stage.morning.expected(), morning, refused)
    checks += check_proofs(status, proofs)
    return {
        **summary,
        "ok": all(check.good for check in checks),
        "log": {
            "entries": status["size"],
            "blocks": status["height"],
            "root": status["root"],
            "state": status["state"],
        },
        "morning": morning,
        "proofs": proofs,
        "nodes": [_node(node, statuses[node.party]) for node in nodes],
        "nodes_equal": all(check.good for check in equal),
        "checks": [{**check._asdict(), "good": check.good} for check in checks],
        "elapsed_s": round(stage.screen.elapsed_s, 1),
    }


def check_morning(
    expected: dict[str, Any], morning: dict[str, Any], refused: dict[str, int]
) -> list[Check]:
    """Return the checks that the funders' morning came out as the second computation says.

    Args:
        expected: What that says.
        morning: What the nodes have shown.
        refused: How many records of each code were refused, those of the day among them.
    """
    return [
        *(
            Check(f"sheet of {party}", figures, figures_of(morning["sheets"][party]))
            for party, figures in expected["figures"].items()
        ),
        Check("standing of the loans", expected["loans"], morning["standing"]),
        Check("wrong splits refused", expected["refused"], refused.get(WRONG_SPLIT, 0)),
    ]


def check_proofs(status: dict[str, Any], proofs: dict[str, Any]) -> list[Check]:
    """Return the checks that what was verified offline is what the nodes hold."""
    receipt, log = proofs["receipt"], proofs["log"]
    return [
        Check("receipt verified offline", True, receipt["verified"]),
        Check("changed receipt refused", True, receipt["changed_copy_refused"]),
        Check("exported log verified offline", True, log["verified"]),
        Check("exported log root", status["root"], log["root"]),
        Check("exported log state, executed again", status["state"], log["state"]),
    ]


def _consortium(genesis: Genesis) -> dict[str, Any]:
    return {
        "origin": genesis.origin,
        "parties": dict(genesis.roles),
        "quorum": genesis.quorum,
        "tolerance": list(tolerance(len(genesis.voters), genesis.quorum)),
    }


def _records(feeders: list[Feeder]) -> dict[str, Any]:
    refused: Counter[str] = Counter()
    for feeder in feeders:
        refused.update(feeder.refused)
    return {
        "applied": sum(len(feeder.applied) for feeder in feeders),
        "refused": dict(sorted(refused.items())),
        "repeated": sum(feeder.repeated for feeder in feeders),
        "refused_in_log": sum(feeder.refused_in_log for feeder in feeders),
        "sent_again": sum(feeder.retries for feeder in feeders),
    }


def _latency(feeders: list[Feeder]) -> dict[str, float]:
    times = [ms for feeder in feeders for ms in feeder.latencies_ms]
    return {"count": len(times), **{f"p{p}": percentile(times, p) for p in (50, 95, 99)}}


def _node(node: NodeProcess, status: dict[str, Any]) -> dict[str, Any]:
    shown = {name: status[name] for name in ("role", "height", "size", "root", "state")}
    return {"party": node.party, **shown, "memory_bytes": node.memory_bytes()}
