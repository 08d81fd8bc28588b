"""A walk over every kind of page, after a demo's day and morning, at three widths, in both themes.

With ``TONGZHANG_SCREENSHOTS=1`` the pictures of the documents are written anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter

from tests.cli.nodes_kit import get
from tests.web.browser.browser_kit import DESK, PHONE, TABLET, Browsing, findings
from tests.web.browser.demo_kit import LivedDemo
from web.site import SUBJECTS

WRITING = bool(os.environ.get("TONGZHANG_SCREENSHOTS"))
PARTIES = f"platform,institution,funder,{'bank:funder,' if WRITING else ''}guarantor"
DAY = "2025-12-31"
PAYMENTS = 300 if WRITING else 40
PICTURE_BYTES_MAX = 150_000
LISTS = ("/payouts", "/refunds", "/expectations?state=conflicting", "/fees/charges", "/disputes")
FIXED = (
    *("/", "/reconciliation", "/payments", "/settlement", "/loans", "/books", "/chain", "/lists"),
    *("/verify", "/simulator", "/chain/entries", "/chain/evidence", "/books/accounts"),
    *(f"/reports/day?party=funder&date={DAY}", "/find?q=nothing-has-this-name"),
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedDemo]:
    lived = LivedDemo(tmp_path_factory.mktemp("demo"), PARTIES, PAYMENTS)
    yield lived
    lived.close()


@pytest.fixture(scope="module")
def addresses(demo: LivedDemo) -> list[str]:
    """An address of every kind of page, and of what went wrong in the day."""
    demo.convict("guarantor")
    return [*FIXED, *LISTS, *named(demo)]


def first(demo: LivedDemo, path: str) -> dict[str, Any]:
    answer = get(demo.platform, f"/v1/{path}")
    items: list[dict[str, Any]] = next(each for each in answer.values() if isinstance(each, list))
    return items[0]


def half(demo: LivedDemo, awaited: str, state: str = "open") -> str:
    """Return the subject of a half that is missing, or that differs, as an address names it."""
    found = first(demo, f"expectations?kind={awaited}&state={state}")
    return str(found["subject"].partition(":")[2])


def named(demo: LivedDemo) -> list[str]:
    """Return pages of single things: one-sided, contradicted, returned, refunded, repaid."""
    refund, payout = first(demo, "refunds"), first(demo, "payouts?state=returned")
    loan = first(demo, "repayments?state=succeeded")
    lie = first(demo, "evidence")["id"]
    account = first(demo, "books/accounts")["account"]
    entry = refund["entry"]
    return [
        f"/payments/{half(demo, 'instruction')}",
        f"/payments/{half(demo, 'capture')}",
        f"/payments/{half(demo, 'instruction', 'conflicting')}",
        f"/payments/{refund['payment']}",
        f"/payouts/{payout['payout']}",
        f"/payouts/{half(demo, 'arrival', 'conflicting')}",
        f"/receivers/{payout['receiver']}",
        f"/loans/{loan['loan']}",
        f"/loans/{loan['loan']}/allocation?on={DAY}&amount_shown=1500.00",
        f"/about/dispute:{first(demo, 'disputes')['dispute']}",
        f"/books/statement?account={account}",
        f"/books/entries/{entry}",
        f"/chain/entries/{entry}",
        "/chain/blocks/2",
        f"/chain/evidence/{lie}",
    ]


def faults_of(page: Any, address: str) -> Iterator[str]:
    """Yield what is wrong with a page at any width."""
    page.set_viewport_size({"width": DESK, "height": 900})
    answer = page.goto(address)
    if answer.status != 200:
        yield f"status {answer.status}"
    if page.locator("h1").count() != 1:
        yield f"{page.locator('h1').count()} first headings"
    if page.title().startswith("·"):
        yield "no title"
    for width in (DESK, TABLET, PHONE):
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            yield f"{wide} pixels at {width}"


def test_every_page_holds_at_three_widths_and_for_everybody_in_both_themes(
    browsing: Browsing, demo: LivedDemo, addresses: list[str]
) -> None:
    faults = []
    with browsing.page(demo.platform) as page:
        for address in addresses:
            faults += [
                f"{address}: {each}" for each in faults_of(page, demo.platform.url + address)
            ]
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                faults += [f"{address}, {theme}: {each}" for each in findings(page)]
            page.emulate_media(color_scheme="light")
    assert not faults, "\n".join(faults)


def test_every_page_holds_at_three_widths_in_chinese(
    browsing: Browsing, demo: LivedDemo, addresses: list[str]
) -> None:
    faults = []
    with browsing.page(demo.platform, language="zh") as page:
        for address in addresses:
            faults += [
                f"{address}: {each}" for each in faults_of(page, demo.platform.url + address)
            ]
            assert page.get_attribute("html", "lang") == "zh-CN"
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_without_a_ledger_hold_too(
    browsing: Browsing, demo: LivedDemo, language: str
) -> None:
    """The sign-in, and what is shown where there is nothing."""
    with browsing.page(language=language, width=PHONE) as page:
        assert not [*faults_of(page, f"{demo.platform.url}/sign-in"), *findings(page)]
    with browsing.page(
        demo.platform, language=language, width=PHONE, allowed=("Failed to load",)
    ) as page:
        address = f"{demo.platform.url}/payments/nobody-paid-this"
        assert [*faults_of(page, address), *findings(page)] == ["status 404"]


class _Templates:
    """Takes pages as :class:`web.page.Pages` does; keeps address and template of each."""

    def __init__(self) -> None:
        self.router = APIRouter()
        self.found: list[tuple[re.Pattern[str], str]] = []

    def add(self, path: str, template: str, function: Any) -> None:
        steps = [("[^?]+" if each[:1] == "{" else re.escape(each)) for each in path.split("/")]
        self.found.append((re.compile("/".join(steps)), template))


def test_the_walk_meets_every_template(addresses: list[str]) -> None:
    templates = _Templates()
    for subject in SUBJECTS:
        subject.add_to(templates)  # type: ignore[arg-type]
    met = {
        next(template for path, template in templates.found if path.fullmatch(address))
        for address in (each.partition("?")[0] for each in addresses)
    }
    assert met == {template for _, template in templates.found}
