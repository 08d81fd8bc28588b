"""Open pages over real HTTP: they hear news and renew themselves as in a browser (``live.js``)."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from html import unescape
from random import Random
from urllib.parse import urlsplit

import msgspec

PAUSE_MIN_MS = 1000
SPREAD_MS = 500
LANGUAGES = ("en", "zh-CN")
_LIVE = re.compile(rb'data-live="([^"]+)"')
_PAUSE = re.compile(rb"tongzhang-pause-ms: (\d+)", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class OpenPages:
    """Pages that are open at a node: how often each hears news, and how old the oldest of it is.

    Args:
        sent_at: When each entry was submitted, by its index.
        renewing: Whether they load themselves again after news, or only hear it.
    """

    def __init__(self, sent_at: Sequence[float], renewing: bool) -> None:
        self._sent_at, self._renewing = sent_at, renewing
        self._chance = Random(1)
        self._opening, self._live = asyncio.Lock(), ""
        self.gaps_s: list[float] = []
        self.ages_s: list[float] = []
        self.loads_s: list[float] = []
        """How long each renewal took to load."""
        self.loaded_bytes = self.opened = self.refused = 0

    async def open(self, url: str, token: str, number: int) -> None:
        """Hold a page open until cancelled."""
        if not self._renewing:
            await self._listen(url, token, "/live", None)
            return
        page = _Overview(url, token, LANGUAGES[number % len(LANGUAGES)])
        live = await self._live_of(page)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._renew(page))
                both.create_task(self._listen(url, token, live, page))
        finally:
            page.close()

    async def _live_of(self, page: _Overview) -> str:
        """Return where the news of an overview come from; they have been opened one by one."""
        async with self._opening:
            if not self._live:
                found = _LIVE.search(await page.load(0, packed=False))
                if found is None:
                    raise RuntimeError("the overview is not live")
                self._live = unescape(found[1].decode())
        return self._live

    async def _listen(self, url: str, token: str, address: str, page: _Overview | None) -> None:
        reader, writer = await _connected(url)
        head = f"GET {address} HTTP/1.1\r\nhost: node\r\nauthorization: Bearer {token}\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer.partition(b"\r\n")[0]:
            raise RuntimeError(answer.decode())
        self.opened += 1
        heard = 0.0
        try:
            while event := await reader.readuntil(b"\n\n\r\n"):
                now = time.monotonic()
                if b"event: news" in event:
                    data = msgspec.json.decode(event.partition(b"data: ")[2].partition(b"\n")[0])
                    if page is not None:
                        page.hear(data["height"], data["pause_ms"])
                    if heard:
                        self.gaps_s.append(now - heard)
                        self.ages_s.append(now - self._sent_at[data["size"] - data["count"]])
                heard = now
        finally:
            writer.close()

    async def _renew(self, page: _Overview) -> None:
        while True:
            await page.due.wait()
            spread_ms = min(page.longer_ms, SPREAD_MS)
            await asyncio.sleep(self._chance.random() * spread_ms / 1000)
            page.due.clear()
            began = time.monotonic()
            body = await page.load(page.height)
            if body:
                self.loaded_bytes += len(body)
                self.loads_s.append(time.monotonic() - began)
            else:
                self.refused += 1
                page.due.set()
            rest_ms = PAUSE_MIN_MS + (0.5 + self._chance.random()) * page.longer_ms
            await asyncio.sleep(rest_ms / 1000)


class _Overview:
    """The overview in one browser, over a connection that is kept.

    Attributes:
        due: Set while it has heard of what it does not show.
    """

    def __init__(self, url: str, token: str, language: str) -> None:
        self._url, self._token, self._language = url, token, language
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.due = asyncio.Event()
        self.height, self.pause_ms = 0, PAUSE_MIN_MS
        self._shared_pause_ms = 0

    @property
    def longer_ms(self) -> int:
        """By how much a rest is longer than the least, on the average."""
        return (self._shared_pause_ms or self.pause_ms) - PAUSE_MIN_MS

    def hear(self, height: int, pause_ms: int) -> None:
        """Take news."""
        self.height, self.pause_ms = height, pause_ms
        self.due.set()

    async def load(self, heard: int, *, packed: bool = True) -> bytes:
        """Return the page's bytes as they were sent; nothing if the node is busy."""
        if self._open is None or self._open[1].is_closing():
            self._open = await _connected(self._url)
        reader, writer = self._open
        lines = ["GET / HTTP/1.1", "host: node", f"authorization: Bearer {self._token}"]
        lines += ["accept: text/html", f"accept-language: {self._language}"]
        lines += ["accept-encoding: gzip"] if packed else []
        lines += [f"tongzhang-heard: {heard}"] if heard else []
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        status = head.split(b" ", 2)[1]
        if status not in (b"200", b"503") or length is None:
            raise RuntimeError(head.decode())
        shared = _PAUSE.search(head)
        self._shared_pause_ms = int(shared[1]) if shared else 0
        body = await reader.readexactly(int(length[1]))
        return body if status == b"200" else b""

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open[1].close()


async def _connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    place = urlsplit(url)
    return await asyncio.open_connection(place.hostname, place.port)
