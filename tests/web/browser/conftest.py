"""A real browser: Chromium as the system has it, and pages that tell of everything that goes wrong.

Without one these tests are left out, unless ``TONGZHANG_REQUIRE_BROWSER`` is set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.web.browser.browser_kit import Browsing
from tests.web.site_kit import Site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
playwright = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="session")
def browsing() -> Iterator[Browsing]:
    if CHROMIUM is None:
        if os.environ.get("TONGZHANG_REQUIRE_BROWSER"):
            pytest.fail("a browser is demanded, and no chromium is on this machine")
        pytest.skip("no chromium is on this machine")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield Browsing(browser)
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.close()
