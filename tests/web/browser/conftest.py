"""A real browser: Chromium, and pages that tell of everything that goes wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright

from tests.web.browser.browser_kit import Browsing
from tests.web.site_kit import Site
from tests.web.tools_kit import CHROMIUM


@pytest.fixture(scope="module")
def browsing() -> Iterator[Browsing]:
    """Give a browser to a file's tests: its event loop runs in this thread, and others have own."""
    if CHROMIUM is None:
        pytest.skip("no chromium is on this machine")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield Browsing(browser)
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.close()
