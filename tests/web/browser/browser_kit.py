"""Pages of a real browser that fail a test over a console error or a request to another host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe

from demo.stage.processes import NodeProcess

PHONE, TABLET, DESK = 390, 800, 1440
IMAGES = Path(__file__).parents[3] / "docs" / "images"
LOCALES = {"en": "en-US", "zh": "zh-CN"}


class Browsing:
    """One browser, for many tests.

    Args:
        browser: Playwright's.
    """

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    @contextmanager
    def page(
        self,
        node: NodeProcess | None = None,
        *,
        language: str = "en",
        width: int = DESK,
        dark: bool = False,
        script: bool = True,
        allowed: tuple[str, ...] = (),
    ) -> Iterator[Any]:
        """Give a page, signed in to a node if one is given.

        Args:
            node: The node.
            language: ``en`` or ``zh``.
            width: In CSS pixels.
            dark: Whether the system is dark.
            script: Whether scripts run.
            allowed: Parts of console errors that this test is about.
        """
        context = self._browser.new_context(
            locale=LOCALES[language],
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 900},
            java_script_enabled=script,
        )
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: _console(message, wrong))
        page.on("pageerror", lambda error: wrong.append(f"error {error}"))
        host = urlsplit(node.url).netloc if node else ""
        page.on("request", lambda request: _request(request, host, wrong))
        if node is not None:
            sign_in(page, node)
        yield page
        context.close()
        unforeseen = [each for each in wrong if not any(part in each for part in allowed)]
        assert not unforeseen, "\n".join(unforeseen)


def sign_in(page: Any, node: NodeProcess, token: str = "") -> None:
    """Sign in as a person does: paste the token, press the button."""
    page.goto(f"{node.url}/sign-in")
    page.fill("#token", token or node.token)
    page.click("form[data-sign-in] button")
    page.wait_for_load_state("load")


def findings(page: Any, *rules: str) -> list[str]:
    """Return what axe-core finds serious or critical on a page, by some of its rules or by all."""
    options = {"runOnly": list(rules)} if rules else None
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def _console(message: Any, wrong: list[str]) -> None:
    if message.type in ("error", "warning"):
        where = message.location["url"]
        wrong.append(f"console {message.type}: {message.text} ({where})")


def _request(request: Any, host: str, wrong: list[str]) -> None:
    parts = urlsplit(request.url)
    if parts.scheme in ("http", "https", "ws", "wss") and host and parts.netloc != host:
        wrong.append(f"request to {request.url}")
