"""A fault of the node is shown as a page to whoever looks at one, and as JSON to programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.web.hostile_kit import Hostile
from tests.web.walk_kit import Walk


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_fault_is_a_page_for_people(tmp_path: Path, language: str) -> None:
    ledger = Hostile(tmp_path)
    try:
        ledger.register("shop")
        with ledger.store.engine.begin() as connection:
            connection.execute(text("UPDATE entries SET leaf = x'00'"))
        page = Walk(ledger.client, language).page("/chain/entries/0")
        assert page is not None
        assert page.status >= 500
        assert len(page.all("h1")) == 1
        assert ledger.client.get("/v1/status").status_code == 200
    finally:
        ledger.close()
