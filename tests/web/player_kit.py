"""Files that play a run, opened from disk in Debian's Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from cli.main import run

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def written(path: Path, *options: str) -> Path:
    """Write a run as a page, with the command itself."""
    assert run(["simulate", *options, "--html", str(path), "--json"]) == 0
    return path


class Opened:
    """A file in the browser: what it asked for, what it complained of."""

    def __init__(self, browser: Browser, path: Path, fragment: str = "", **how: Any) -> None:
        self.context = browser.new_context(viewport=how.pop("viewport", WIDE), **how)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{path.as_uri()}{'#' + fragment if fragment else ''}")
        self.page.wait_for_function("window.player !== undefined", timeout=20_000)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def now(self) -> float:
        """Return the moment that is shown, in µs."""
        return float(self.page.evaluate("player.clock.now"))

    def told(self) -> list[str]:
        """Return what is said to happen now, newest first."""
        return self.page.locator(".sim-told li").all_inner_texts()
