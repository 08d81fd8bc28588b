"""``tongzhang bench``: measured on four real nodes, in JSON, in words and on a page."""

from __future__ import annotations

import json
import re
import unicodedata
from base64 import b64encode
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from cli.bench.page import page
from cli.bench.words import words
from tests.cli.cli_kit import run
from views import texts
from views.texts import LANGUAGES, Language

MACHINE = {"cpu": "a CPU", "cores": 2, "python": "3.11.2"}


def latencies(*values: float) -> dict[str, Any]:
    names = ("p50", "p90", "p99", "max")
    return {"count": 200, **dict(zip(names, values, strict=True)),
            "beyond": {"p50": 100, "p90": 20, "p99": 2}}  # fmt: skip


def stretch(rate: int, **outcomes: int) -> dict[str, Any]:
    """Return a stretch of load as it stands in the JSON."""
    names = ("final", "unknown", "busy", "refused", "failed", "unanswered")
    return {
        "rate": rate,
        "seconds": 2,
        "arrivals": sum(outcomes.values()),
        "final_per_s": 1234.5,
        "outcomes": {name: outcomes.get(name, 0) for name in names},
        "latency_ms": latencies(12.3, 45.6, 78.9, 12_345.6),
        "sent_late_ms": latencies(0.1, 0.2, 0.3 if outcomes.keys() == {"final"} else 60.0, 99.0),
        "by_second": [
            {"count": 100, "p50": 10.0, "p99": 20.0, "max": 30.0},
            {"count": 0, "p50": 0.0, "p99": 0.0, "max": 0.0},
        ],
    }


SINGLE = {"median": 12.0, "p95": 15.5, **latencies(12.0, 14.0, 16.0, 20.0)}
RESULTS: dict[str, Any] = {
    "machine": MACHINE,
    "in_process": {"records_per_s": 5000, "all": [5000, 4900], "single_ms": SINGLE},
    "processes": {
        "records_per_s": {"median": 4800, "all": [4800, 4700, 4900]},
        "single_ms": SINGLE,
        "memory_bytes": {"a": 2**27, "b": 2**28},
        "entries": 48_110,
        "verification": {"entries_per_s": 189_505, "replayed_entries_per_s": 23_875},
    },
    "open_loop": [stretch(200, final=400), stretch(100_000, final=199_000, busy=900, failed=100)],
}
"""What everything measured together would come to."""


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    chosen: Language = request.param
    texts.choose(chosen)
    return chosen


@pytest.fixture(autouse=True)
def _english_again() -> Any:
    yield
    texts.choose("en")


def test_words_fit_a_terminal_and_say_what_did_not_become_final(language: Language) -> None:
    lines = list(words(RESULTS))
    assert all(columns(line) <= 80 for line in lines), max(lines, key=columns)
    text = "\n".join(lines)
    assert "4,800" in text
    assert "12,345.6" in text
    busy, lost = {"en": ("node busy", "connection lost"), "zh": ("节点繁忙", "连接中断")}[language]
    assert f"100,000/s: {busy} 900, {lost} 100" in text.replace("每秒 100,000 条：", "100,000/s: ")
    assert text.count("60 ms") == 1
    (head,) = (line for line in lines if "p90" in line)
    (row,) = (line for line in lines if line.lstrip().startswith("200 "))
    assert columns(head) == columns(row)


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in line)


def test_a_page_has_every_chart_and_needs_nothing_else(language: Language) -> None:
    text = unescape(page(RESULTS).decode())
    assert f'<html lang="{language}">' in text
    assert text.count("<h2>") == 5
    assert text.count("<svg") >= 10
    assert not re.search(r"<script|<link|<img|https?:|url\(|@import", text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    hashed = b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{hashed}'" in text
    assert "12.3 ms (100)" in text  # a percentile, and how many were slower
    assert "78.9 ms (2)" in text
    assert {"en": "Latency by rate", "zh": "各到达速率下的延迟"}[language] in text
    assert '<rect class="c-bad"' in text


def test_a_page_shows_what_was_measured_and_no_more() -> None:
    for name in ("in_process", "processes", "open_loop"):
        text = page({"machine": MACHINE, name: RESULTS[name]}).decode()
        assert text.count("<h2>") == (3 if name == "open_loop" else 1)


def test_too_much_is_refused_before_anything_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("bench", "--rate", 50_000, "--seconds", 21, "--html", tmp_path / "b.html") == 2
    assert capsys.readouterr().err.startswith("error: too-many-arrivals: 1,050,000 records")
    assert run("bench", "--rate", 5, "--html", tmp_path) == 2
    assert capsys.readouterr().err.startswith("error: unwritable-file: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.processes
def test_records_arrive_at_four_real_nodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, html = tmp_path / "made" / "b.json", tmp_path / "made" / "b.html"
    command = ["bench", "--rate", 20, "--rate", 30, "--seconds", 1, "--json"]
    assert run(*command, "--out", out, "--html", html) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(out.read_text())
    assert list(found) == ["machine", "open_loop"]
    assert [each["arrivals"] for each in found["open_loop"]] == [20, 30]
    for each in found["open_loop"]:
        assert each.keys() == stretch(1, final=1).keys()
        assert each["outcomes"]["refused"] == each["outcomes"]["failed"] == 0
        assert each["outcomes"]["final"] > 0
        assert 0 < each["latency_ms"]["p50"] <= each["latency_ms"]["max"]
    assert "30/s" in html.read_text()
    assert "Latency by rate" in html.read_text()


@pytest.mark.processes
def test_bulk_and_single_submissions_are_measured_as_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html = tmp_path / "b.html"
    sizes = ["--records", 200, "--singles", 3, "--runs", 1]
    assert run("bench", *sizes, "--html", html, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["machine", "in_process", "processes"]
    assert found["processes"]["equal"] is True
    assert found["processes"]["entries"] == 253
    for kind in ("in_process", "processes"):
        single = found[kind]["single_ms"]
        assert single["count"] == 3
        assert 0 < single["median"] == single["p50"] <= single["p95"] == single["max"]
    assert "Four node processes" in html.read_text()
    list(words(found))
