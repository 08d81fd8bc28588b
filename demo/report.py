"""The demo's last word, for people, within 80 columns."""

from __future__ import annotations

from collections import Counter
from textwrap import wrap
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.output import money
from demo import morning
from demo.day.cast import CURRENCY

ROWS_MAX = 14
_SHORT_HEX = 12
_WIDTH = 79
_NAME_WIDTH = 12


def show(summary: dict[str, Any], console: Console) -> None:
    """Print the report of a demo."""
    _line(console, "")
    _nodes(summary, console)
    _day(summary, console)
    _business(summary["business"], console)
    _outage(summary, console)
    _one_sided(summary, console)
    if summary["morning"] is not None:
        bad = {check["name"] for check in summary["checks"] if not check["good"]}
        agrees = not any(name.startswith("sheet of") for name in bad)
        morning.show(summary["morning"], agrees, console)
    _proofs(summary, console)
    _kept(summary, console)
    _verdict(summary, console)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style), soft_wrap=True)


def _fact(console: Console, name: str, text: str) -> None:
    first, *rest = wrap(
        text, _WIDTH - _NAME_WIDTH, break_long_words=False, break_on_hyphens=False
    ) or [""]
    _line(console, f"{name:<{_NAME_WIDTH}}{first}")
    for line in rest:
        _line(console, " " * _NAME_WIDTH + line)


def _grid() -> Table:
    return Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")


def _nodes(summary: dict[str, Any], console: Console) -> None:
    grid = _grid()
    for heading in ("node", "role"):
        grid.add_column(heading)
    for heading in ("block", "entries"):
        grid.add_column(heading, justify="right")
    for heading in ("log root", "state hash"):
        grid.add_column(heading)
    for node in summary["nodes"]:
        grid.add_row(
            node["party"],
            node["role"],
            f"{node['height']:,}",
            f"{node['size']:,}",
            node["root"][:_SHORT_HEX],
            node["state"][:_SHORT_HEX],
        )
    console.print(grid)
    if summary["nodes_equal"]:
        _line(console, "all logs, state hashes and books are equal", "green")
    else:
        _line(console, "THE NODES DIFFER", "bold red")


def _day(summary: dict[str, Any], console: Console) -> None:
    day, log, records = summary["day"], summary["log"], summary["records"]
    speed, latency, facts = summary["throughput"], summary["latency_ms"], summary["facts"]
    refused = ", ".join(f"{code} {count}" for code, count in records["refused"].items())
    _line(console, "")
    _fact(console, "day", f"{day['business_date']}, {day['payments']:,} payments")
    _fact(console, "log", f"{log['entries']:,} entries in {log['blocks']:,} blocks")
    _fact(
        console,
        "records",
        f"{records['applied']:,} applied, {sum(records['refused'].values())} refused, "
        f"{records['repeated']} repeated",
    )
    _fact(console, "refused", refused or "none")
    _fact(
        console,
        "pace",
        f"{speed['records_per_s']:,.0f} records/s as the parties fed them, "
        f"{speed['seconds']:.1f} s in all",
    )
    if latency["count"]:
        _fact(
            console,
            "latency",
            f"to final: p50 {latency['p50']:.0f} ms, p95 {latency['p95']:.0f} ms, "
            f"p99 {latency['p99']:.0f} ms",
        )
    _fact(console, "facts", ", ".join(f"{count:,} {state}" for state, count in facts.items()))


def _business(business: dict[str, Any], console: Console) -> None:
    payouts, refunds, fees = business["payouts"], business["refunds"], business["fees"]
    paid, awaited = refunds["paid"], refunds["awaited"]
    disputes = dict(business["disputes"])
    _fact(
        console,
        "payouts",
        f"{payouts['created']} in two runs, {payouts['returned']} came back and went out again",
    )
    _fact(
        console,
        "refunds",
        f"{paid['count']} paid, {_yuan(paid['amount'])}; {awaited['count']} awaited; "
        f"{_yuan(refunds['float_free'])} left in the float",
    )
    _fact(
        console,
        "fees",
        f"{_yuan(fees['accrued'])} accrued, {_yuan(fees['invoiced'])} invoiced, "
        f"{_yuan(fees['settled'])} settled",
    )
    profit = ", ".join(f"{party} {_yuan(amount)}" for party, amount in business["profit"].items())
    _fact(console, "profit", profit)
    raised = disputes.pop("raised")
    answers = ", ".join(f"{count} {answer}" for answer, count in disputes.items())
    _fact(console, "disputes", f"{raised} raised: {answers}")


def _yuan(amount: int) -> str:
    return money(amount, CURRENCY)


def _outage(summary: dict[str, Any], console: Console) -> None:
    outage = summary["outage"]
    if outage is None:
        _fact(console, "outage", f"none: {summary['no_kill']}")
        return
    _fact(
        console,
        "outage",
        f"{outage['party']} killed (-9) while leading slot {outage['slot']}, down "
        f"{outage['down_s']:.1f} s; missed {outage['entries_missed']} entries, caught up "
        f"{outage['caught_up_s']:.1f} s after its restart",
    )


def _one_sided(summary: dict[str, Any], console: Console) -> None:
    loose = summary["one_sided"]
    _line(console, "")
    _line(
        console,
        f"{len(loose)} facts are not complete. Every party sees what is missing, from whom,",
    )
    _line(console, "since when (seconds after the opening), and how old it is:")
    grid = _grid()
    for heading in ("missing", "from", "about"):
        grid.add_column(heading, overflow="fold")
    for heading in ("amount", "seen at", "age"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for each in _some_of_each(loose):
        grid.add_row(
            "(differs)" if each["state"] == "conflicting" else each["kind"],
            each["awaited"],
            each["subject"].partition(":")[2],
            money(each["amount"], each["currency"]),
            f"{each['seen_at_ms'] / 1000:.1f} s",
            f"{each['age_ms'] / 1000:.1f} s",
        )
    console.print(grid)
    if len(loose) > ROWS_MAX:
        _line(console, f"… and {len(loose) - ROWS_MAX} more (--json shows all)")
    healed = summary["healed"]
    _line(
        console,
        f"{healed['count']:,} others were one-sided for at most "
        f"{healed['longest_ms'] / 1000:.1f} s until their other half came",
    )


def _some_of_each(loose: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return at most ``ROWS_MAX`` of them, the oldest of every kind first, in their order."""
    rank: Counter[tuple[str, str]] = Counter()
    ranked = []
    for place, each in enumerate(loose):
        kind = (each["state"], each["kind"])
        ranked.append((rank[kind], place))
        rank[kind] += 1
    return [loose[place] for place in sorted(place for _, place in sorted(ranked)[:ROWS_MAX])]


def _proofs(summary: dict[str, Any], console: Console) -> None:
    receipt, log = summary["proofs"]["receipt"], summary["proofs"]["log"]
    _line(console, "")
    _fact(
        console,
        "receipt",
        f"{receipt['record']['id']} of {receipt['party']} is entry {receipt['index']}: verified "
        "offline (author's signature, Merkle path, cosignatures); a changed copy is refused",
    )
    _fact(
        console,
        "export",
        f"{log['entries']:,} entries verified offline and executed again in {log['seconds']:.1f} s",
    )


def _kept(summary: dict[str, Any], console: Console) -> None:
    kept = summary["kept"]
    if kept is None:
        return
    _line(console, "")
    _line(console, f"The nodes go on running; files are in {kept['folder']}")
    for node in kept["nodes"]:
        _line(console, f"  {node['party']}: {node['url']}, home {node['home']}")
    first = kept["nodes"][0]["home"]
    _line(console, f"look:  tongzhang page --home {first}")
    _line(console, f"try:   tongzhang status --home {first}")
    pids = " ".join(str(node["pid"]) for node in kept["nodes"])
    _line(console, f"stop:  kill {pids}")
    _line(console, f"then:  {kept['remove']}")


def _verdict(summary: dict[str, Any], console: Console) -> None:
    _line(console, "")
    bad = [check for check in summary["checks"] if not check["good"]]
    for check in bad:
        _line(console, f"DIFFERS: {check['name']}", "bold red")
        _line(console, f"  expected {check['expected']}")
        _line(console, f"  got      {check['got']}")
    if bad:
        return
    _line(
        console,
        f"Everything is as it had to be: {len(summary['checks'])} checks, "
        f"{summary['elapsed_s']:.0f} s.",
        "bold green",
    )
