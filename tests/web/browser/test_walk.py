"""A walk over every kind of page, after a demo's day and morning, at three widths, in both themes.

With ``TONGZHANG_SCREENSHOTS=1`` the pictures of the documents are written anew, of a larger day.
They show its times and hashes, so they are not compared: here each is taken, and has to be small.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter

from demo.stage.processes import NodeProcess
from tests.cli.nodes_kit import client, get
from tests.web.browser.browser_kit import DESK, IMAGES, PHONE, TABLET, Browsing, findings
from tests.web.browser.demo_kit import LivedDemo
from web.site import SUBJECTS

WRITING = bool(os.environ.get("TONGZHANG_SCREENSHOTS"))
PARTIES = f"platform,institution,funder,{'bank:funder,' if WRITING else ''}guarantor"
DAY = "2025-12-31"
PAYMENTS = 300 if WRITING else 40
PICTURE_BYTES_MAX = 150_000
WIDE, NARROW = {"width": 1200, "height": 720}, {"width": PHONE, "height": 720}
PICTURES = (
    ("overview-en", "funder", "/", WIDE),
    ("overview-zh", "funder", "/", WIDE),
    ("overview-phone-en", "funder", "/", NARROW),
    ("reconciliation-en", "funder", "/reconciliation", WIDE),
    ("payment-en", "platform", "/payments/{half}", WIDE),
    ("payment-zh", "platform", "/payments/{half}", WIDE),
    ("payment-phone-en", "platform", "/payments/{half}", NARROW),
    ("morning-en", "funder", f"/reports/day?party=funder&date={DAY}", WIDE),
    ("morning-zh", "funder", f"/reports/day?party=funder&date={DAY}", WIDE),
    ("loan-en", "funder", "/loans/L00018", WIDE),
    ("chain-en", "platform", "/chain", WIDE),
    ("verify-en", "guarantor", "/verify", WIDE),
)
"""Name with language, whose node, which page, and the window."""
LISTS = ("/payouts", "/expectations?state=conflicting", "/fees/charges")
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


@pytest.mark.parametrize("picture", PICTURES, ids=lambda each: each[0])
def test_every_picture_of_the_documents_can_be_taken(
    browsing: Browsing, demo: LivedDemo, picture: tuple[str, str, str, Any]
) -> None:
    name, party, address, window = picture
    node = demo.nodes[party]
    with browsing.page(node, language=name[-2:]) as page:
        page.set_viewport_size(window)
        page.goto(node.url + address.format(half=half(demo, "instruction", of="payment:pay-")))
        page.wait_for_load_state("load")
        if name.startswith("verify"):
            give_receipt(page, node)
        taken = page.screenshot(animations="disabled")
    assert 10_000 < len(taken) < PICTURE_BYTES_MAX
    if WRITING:
        IMAGES.mkdir(exist_ok=True)
        (IMAGES / f"{name}.png").write_bytes(taken)


def give_receipt(page: Any, node: NodeProcess) -> None:
    """Have the page check a receipt against the founding document of its node."""
    with client(node) as http:
        receipt = http.get(f"/v1/receipts/institution/cap-{DAY.replace('-', '')}-000001").content
    page.click("[data-verify=fetch]")
    page.locator("[data-verify=trusted]").wait_for()
    payload = {"name": "receipt.tlog-proof", "mimeType": "text/plain", "buffer": receipt}
    page.set_input_files("[data-verify=files]", [payload])
    page.locator("article .banner.good").first.wait_for()
    page.evaluate("scrollTo(0, document.querySelector('article').offsetTop - 110)")


def first(demo: LivedDemo, path: str) -> dict[str, Any]:
    answer = get(demo.platform, f"/v1/{path}")
    items: list[dict[str, Any]] = next(each for each in answer.values() if isinstance(each, list))
    return items[0]


def half(demo: LivedDemo, awaited: str, state: str = "open", of: str = "") -> str:
    """Return the subject of a half that is missing, or that differs, as an address names it."""
    found = get(demo.platform, f"/v1/expectations?kind={awaited}&state={state}")["expectations"]
    subject = next(each["subject"] for each in found if each["subject"].startswith(of))
    return str(subject.partition(":")[2])


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
        f"/loans/{loan['loan']}/allocation?date={DAY}&amount_shown=1500.00",
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
            faults += [f"{address}: {each}" for each in findings(page)]
            page.emulate_media(color_scheme="dark")
            faults += [f"{address}, dark: {each}" for each in findings(page, "color-contrast")]
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
        self.found.append((re.compile(re.sub(r"\{[\w:]+\}", "[^/]+", path)), template))


def test_the_walk_meets_every_template(addresses: list[str]) -> None:
    templates = _Templates()
    for subject in SUBJECTS:
        subject.add_to(templates)  # type: ignore[arg-type]
    met = {
        next(template for path, template in templates.found if path.fullmatch(address))
        for address in (each.partition("?")[0] for each in addresses)
    }
    assert met == {template for _, template in templates.found}
