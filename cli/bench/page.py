"""Measurements as one HTML file with charts: no script, no network, style inside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any, NamedTuple

from markupsafe import Markup

from cli.bench.words import not_final
from views.texts import gettext
from web.charts import ColumnPart, Plot, Stack, plot
from web.rendering import rendered

STATIC = files("web") / "static"
STYLES = ("page.css", "loans.css")
BANDS = (("p50", "paid"), ("p90", "expected"), ("p99", "warn"))
"""Percentiles of a column from below, and their tones; the slowest would hide them."""
SECOND_BANDS = (("p50", "paid"), ("p99", "warn"), ("max", "bad"))
PERCENTILES = ("p50", "p90", "p99")
_US = 1000


class Chapter(NamedTuple):
    """A part of the report: a chart with its tones, and a table with the same and more."""

    title: str
    about: str
    chart: Plot
    wide: bool
    legend: Sequence[tuple[str, str]]
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def page(results: Mapping[str, Any]) -> bytes:
    """Return the report of what was measured, in the chosen language."""
    return report_page(results["machine"], list(_sections(results)))


def report_page(machine: Mapping[str, Any], chapters: Sequence[Chapter]) -> bytes:
    """Return chapters as one file, in the chosen language."""
    style = "".join(_style(name) for name in STYLES)
    hashed = b64encode(sha256(style.encode()).digest()).decode()
    values = {
        "style": Markup(style),
        "policy": f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'",
        "machine": machine,
        "sections": chapters,
    }
    return rendered("bench.html", values).encode()


def _style(name: str) -> str:
    """Return a style sheet without what would ask for other files."""
    lines = (STATIC / name).read_text("utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if "url(" not in line)


def _sections(results: Mapping[str, Any]) -> Iterator[Chapter]:
    if "open_loop" in results:
        yield _by_rate(results["open_loop"])
        yield from map(_by_second, results["open_loop"])
    if "in_process" in results:
        found = results["in_process"]
        yield _bulk(gettext("Four hosts in one process"), found["all"], found["single_ms"])
    if "processes" in results:
        found = results["processes"]
        rates = found["records_per_s"]["all"]
        yield _bulk(gettext("Four node processes"), rates, found["single_ms"])


def _by_rate(found: Sequence[dict[str, Any]]) -> Chapter:
    return Chapter(
        title=gettext("Latency by rate"),
        about=gettext(
            "Milliseconds from when a record was to arrive until it was final, whether or not "
            "earlier ones were answered: half, 90 % and 99 % of the records. The table has the "
            "slowest."
        ),
        chart=plot(
            [_stack(f"{each['rate']:,}/s", each["latency_ms"], BANDS) for each in found], _ms
        ),
        wide=False,
        legend=_legend(BANDS),
        heads=[
            gettext("records/s arriving"),
            gettext("records"),
            gettext("final records/s"),
            *_slower_heads(),
            gettext("not final"),
            gettext("sent late, p99"),
        ],
        rows=[
            [
                f"{each['rate']:,}",
                f"{each['arrivals']:,}",
                f"{each['final_per_s']:,.0f}",
                *_slower(each["latency_ms"]),
                not_final(each["outcomes"]) or "0",
                f"{each['sent_late_ms']['p99']:,.1f} ms",
            ]
            for each in found
        ],
    )


def _by_second(found: Mapping[str, Any]) -> Chapter:
    seconds = found["by_second"]
    stacks = [_stack(str(number + 1), each, SECOND_BANDS) for number, each in enumerate(seconds)]
    return Chapter(
        title=gettext("Second by second at {rate:,} records/s").format(rate=found["rate"]),
        about=gettext("Milliseconds, by the second in which a record was to arrive."),
        chart=plot(stacks, _ms),
        wide=len(stacks) > 14,
        legend=_legend(SECOND_BANDS),
        heads=[],
        rows=[],
    )


def _bulk(title: str, rates: Sequence[int], single: Mapping[str, Any]) -> Chapter:
    stacks = [
        Stack(str(number), f"{rate:,}", [ColumnPart("paid", rate)])
        for number, rate in enumerate(rates, 1)
    ]
    return Chapter(
        title=title,
        about=gettext("Records a second in bulk, run by run, until all four have all final."),
        chart=plot(stacks, lambda value: f"{value:,}"),
        wide=False,
        legend=[],
        heads=[gettext("single submissions, one after the other"), *_slower_heads()],
        rows=[[f"{single['count']:,}", *_slower(single)]],
    )


def _slower_heads() -> list[str]:
    """Return heads for :func:`_slower`: percentiles, each with how many were slower."""
    slower = gettext("{percentile} (slower)")
    return [*(slower.format(percentile=name) for name in PERCENTILES), gettext("slowest")]


def _slower(times: Mapping[str, Any]) -> list[str]:
    beyond = times["beyond"]
    parts = [f"{times[name]:,.1f} ms ({beyond[name]:,})" for name in PERCENTILES]
    return [*parts, f"{times['max']:,.1f} ms"]


def _stack(label: str, times: Mapping[str, Any], bands: Sequence[tuple[str, str]]) -> Stack:
    """Return a column whose parts end at the percentiles."""
    parts, below = [], 0
    for name, tone in bands:
        top = round(times[name] * _US)
        parts.append(ColumnPart(tone, top - below))
        below = top
    said = ", ".join(
        f"{name} {times[name]:,.1f} ms" for name in (*PERCENTILES, "max") if name in times
    )
    return Stack(label, f"{label}: {said}", parts)


def _legend(bands: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    last = gettext("the slowest")
    return [(tone, last if name == "max" else name) for name, tone in bands]


def _ms(value: int) -> str:
    return f"{value / _US:,.10g} ms"
