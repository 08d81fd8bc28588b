"""The news that pages live on: nothing between a page and its news is missed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import msgspec
import pytest

from tests.ledger.ledger_kit import captured
from tests.web.business_pages_kit import Shown, shown_month
from web import live

SOON_S = 20.0

shown = shown_month()


def events(answer: httpx.Response) -> Iterator[str]:
    """Yield what a stream says, event by event."""
    said = ""
    for text in answer.iter_text():
        said += text
        *whole, said = said.split("\n\n")
        yield from whole


def news_of(event: str) -> dict[str, Any]:
    assert event.startswith("event: news\ndata: "), event
    found: dict[str, Any] = msgspec.json.decode(event.partition("data: ")[2])
    return found


def listening(shown: Shown, **query: object) -> Any:
    given = {name: str(value) for name, value in query.items()}
    return shown.client.stream("GET", "/live", params=given, timeout=SOON_S)


def test_what_came_after_the_page_was_made_is_told_at_once(shown: Shown) -> None:
    before = shown.tip.size
    shown.capture("P-between")
    with listening(shown, start=before) as answer:
        told = events(answer)
        assert next(told) == "retry: 2000"
        news = news_of(next(told))
    assert (news["size"], news["count"]) == (shown.tip.size, 1)
    assert news["height"] == shown.tip.height
    assert news["pause_ms"] == live.PAUSE_MIN_MS


def test_a_page_that_shows_everything_hears_of_the_next_entry(shown: Shown) -> None:
    with listening(shown, start=shown.tip.size) as answer:
        told = events(answer)
        next(told)
        shown.capture("P-next")
        assert news_of(next(told))["count"] == 1


def test_a_page_about_a_subject_hears_of_it_alone(shown: Shown) -> None:
    with listening(shown, subject="payment:P-mine", start=shown.tip.size) as answer:
        told = events(answer)
        next(told)
        shown.capture("P-mine")
        assert news_of(next(told))["size"] == shown.tip.size  # from here on nothing is missed
        shown.capture("P-others")
        again = captured("P-mine")
        shown.refuse("already-captured", "institution", "payment.captured", **again)
        assert news_of(next(told))["size"] == shown.tip.size


def test_a_connection_about_a_subject_is_kept_alive_while_others_are_spoken_of(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "NEWS_KEEP_ALIVE_S", 0.1)
    with listening(shown, subject="payment:P-silent", start=shown.tip.size) as answer:
        told = events(answer)
        next(told)
        for number in range(40):
            shown.capture(f"P-noise-{number}")
        assert next(told) == ": nothing new"


def test_the_more_pages_are_open_the_longer_each_rests(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PAGES_PER_S", 2)
    with ExitStack() as crowd:
        opened = [crowd.enter_context(listening(shown, start=shown.tip.size)) for _ in range(4)]
        told = [events(each) for each in opened]
        assert {next(each) for each in told} == {"retry: 2000"}
        shown.capture("P-crowd")
        assert {news_of(next(each))["pause_ms"] for each in told} == {4 * 1000 // 2}


@pytest.mark.parametrize("start", ["-1", "x", str(2**60)])
def test_a_place_that_is_none_is_refused(shown: Shown, start: str) -> None:
    assert shown.client.get("/live", params={"start": start}).status_code in (400, 422)
