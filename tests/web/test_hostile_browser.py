"""Text of records in a real browser: it runs nothing, turns nothing round, and breaks no layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from consensus.evidence_file import verify_file
from tests.web.hostile_kit import HOSTILE, Hostile, hostile_month

WIDTHS = (390, 800, 1440)
SPARE_PX = 1


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    made = hostile_month(tmp_path_factory.mktemp("month"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield launched
        launched.close()


@pytest.fixture
def page(ledger: Hostile, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(base_url=ledger.server.url)
    shown = context.new_page()
    shown.goto("/sign-in")
    shown.fill("#token", ledger.token)
    shown.click("button.primary")
    shown.wait_for_selector(".bar nav")
    yield shown
    context.close()


def addresses(ledger: Hostile) -> list[str]:
    """Return pages on which every hostile text stands, in tables, in facts and in documents."""
    entries = ledger.get("/v1/entries", limit=1000)["entries"]
    wanted, found = set(HOSTILE), []
    for entry in entries:
        said = {text for text in wanted if text in entry["record"].values()}
        if said:
            found += [f"/chain/entries/{entry['index']}", f"/about/{entry['subject']}"]
            wanted -= said
    assert not wanted
    lie = ledger.lies["two-proposals"].id
    more = [
        "/chain",
        "/chain/blocks/1",
        f"/chain/evidence/{lie}",
        "/find?q=%3Cscript%3E",
        "/payments/P1",
    ]
    return [*dict.fromkeys(found), *more, "/refunds", "/disputes?columns=all", "/chain/entries"]


def test_pages_with_hostile_text_keep_to_their_width_and_run_nothing(
    ledger: Hostile, page: Page
) -> None:
    wrong: list[str] = []
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: _note_foreign(asked.url, ledger.server.url, wrong))
    for address in addresses(ledger):
        page.goto(address)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= SPARE_PX, (address, width, over)
    assert not wrong


def _note_foreign(url: str, own: str, wrong: list[str]) -> None:
    if not url.startswith((own, "data:")):
        wrong.append(url)


def test_a_slot_leads_to_its_block_and_a_block_to_its_neighbours(
    ledger: Hostile, page: Page
) -> None:
    page.goto("/chain")
    page.locator("a.slot").last.click()
    assert page.url.endswith(f"/chain/blocks/{ledger.tip.height}")
    page.click("[rel=prev]")
    assert page.url.endswith(f"/chain/blocks/{ledger.tip.height - 1}")


def test_the_box_in_the_bar_finds(page: Page) -> None:
    page.goto("/chain")
    page.fill(".find input", "D2")
    page.press(".find input", "Enter")
    page.wait_for_url("**/about/dispute:D2")
    assert page.locator("h1").inner_text().startswith("Dispute D2")


def test_evidence_is_downloaded_as_the_file_that_is_verified(
    ledger: Hostile, page: Page, tmp_path: Path
) -> None:
    lie = ledger.lies["final-notar"]
    page.goto(f"/chain/evidence/{lie.id}")
    with page.expect_download() as begun:
        page.click("a.primary")
    begun.value.save_as(tmp_path / "lie.json")
    assert begun.value.suggested_filename == f"evidence-{lie.id[:8]}.json"
    assert verify_file((tmp_path / "lie.json").read_bytes(), ledger.genesis).id == lie.id
