"""The overview lives: a half that is missing appears in a sentence, and leaves when it comes."""

from __future__ import annotations

import pytest

from tests.web.browser.browser_kit import DESK, PHONE, Browsing, findings
from tests.web.site_kit import Site, captured, instructed, receiver

ADDRESSES = ("/", "/reconciliation")
MISSING = {
    "en": "platform has not said who gets the ¥1,825.83 that institution captured for payment {}",
    "zh": "platform 尚未指示支付 {} 如何分账，institution 已收款 ¥1,825.83",
}


@pytest.fixture(scope="module", autouse=True)
def shop(site: Site) -> None:
    site.submit("institution", "receiver.registered", **receiver())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_missing_half_comes_and_goes_while_somebody_looks(
    site: Site, browsing: Browsing, address: str, language: str
) -> None:
    payment = f"planted-{language}-{ADDRESSES.index(address)}"
    with browsing.page(site.platform, language=language) as page:
        page.goto(f"{site.platform.url}{address}")
        sentence = page.get_by_text(MISSING[language].format(payment))
        assert sentence.count() == 0
        site.submit("institution", "payment.captured", **captured(payment, 182_583))
        sentence.first.wait_for(timeout=10_000)
        site.submit("platform", "split.instructed", **instructed(payment, 182_583))
        sentence.first.wait_for(state="detached", timeout=10_000)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_serious_and_nothing_beside_the_screen(
    site: Site, browsing: Browsing, address: str, dark: bool
) -> None:
    site.submit("institution", "payment.captured", **captured(f"left-{address[1:4]}-{dark}", 900))
    for width in (PHONE, DESK):
        with browsing.page(site.platform, width=width, dark=dark) as page:
            page.goto(f"{site.platform.url}{address}")
            page.get_by_text("has not said who gets").first.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert not findings(page)


def test_all_nodes_are_seen_at_one_block_and_the_pace_is_drawn(
    site: Site, browsing: Browsing
) -> None:
    site.submit("institution", "payment.captured", **captured("pace", 100))
    with browsing.page(site.platform, script=False) as page:
        page.goto(site.platform.url)
        assert page.locator(".heads").inner_text().startswith("All 3 nodes ")
        assert page.locator(".pace rect").count() > 0
        assert page.get_by_text("A block is final after").count() == 1
