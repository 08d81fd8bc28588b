"""Verification in the browser: a page that needs nothing of the ledger but its frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from web.page import Pages, Visit


def add_to(pages: Pages) -> None:
    """Add the page on which files are checked."""
    pages.add("/verify", "verify.html", verify_page)


def verify_page(_: Visit) -> Mapping[str, Any]:
    """Show where files are dropped; the modules in ``static/verify`` check them."""
    return {}
