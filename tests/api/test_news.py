"""News in one process: what all listeners share, and what becomes of those who are slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from api import news
from api.feed import feed
from api.limits import NEWS_SHOWN_MAX
from api.news import News, NewsDesk, Wanted
from ledger import forms
from node.errors import StorageError
from tests.api.feed_kit import Feed
from tests.api.feed_kit import feed as open_feed
from tests.api.queries_kit import Kept, month
from tests.ledger.ledger_kit import captured

WAIT_S = 20.0


class Busy(Kept):
    """A kept ledger to which captures are added."""

    count = 0

    def add(self, count: int) -> None:
        """Add a block of captures."""
        records = []
        for _ in range(count):
            self.count += 1
            name = f"N{self.count}"
            fields = captured(name, 1_000, captured_at=self.now)
            records.append(self.record("payment.captured", id=f"n-{self.count}", **fields))
        self.run(self.seal("institution", records))
