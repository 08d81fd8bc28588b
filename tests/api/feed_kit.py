"""A client of the feed, as a program that follows a ledger writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx


class Event(NamedTuple):
    """A server-sent event."""

    id: int
    name: str
    data: dict[str, Any]


class Feed:
    """An open feed.

    Attributes:
        response: The answer, of which only the head was read.
        last_id: The last id that came.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last_id = ""
        self._lines = response.iter_lines()

    def events(self) -> Iterator[Event]:
        """Yield events until the feed ends; comments and what holds no data are none."""
        fields: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(":")
            if line:
                fields[name] = value.removeprefix(" ")
                continue
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                yield Event(int(self.last_id), fields["event"], json.loads(fields["data"]))
            fields = {}

    def take(self, count: int) -> list[dict[str, Any]]:
        """Return the next entries."""
        found: list[dict[str, Any]] = []
        for event in self.events():
            if event.name == "entry":
                assert event.id == event.data["index"]
                found.append(event.data)
            if len(found) == count:
                break
        return found

    def begun(self) -> int:
        """Wait for the first event and return the index of the first entry to come."""
        first = next(self.events())
        assert first.name == "progress"
        assert first.data == {"next": first.id + 1}
        return first.id + 1


@contextmanager
def feed(client: httpx.Client, last_id: str = "", **asked: Any) -> Iterator[Feed]:
    """Give an open feed."""
    headers = {"last-event-id": last_id} if last_id else {}
    with client.stream("GET", "/v1/feed", params=asked, headers=headers) as response:
        if response.status_code != 200:
            response.read()
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield Feed(response)
