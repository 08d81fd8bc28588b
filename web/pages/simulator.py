"""The simulator: a form that asks the node for a run, and the player that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from views.texts import gettext
from web.page import Pages, Visit


def add_to(pages: Pages) -> None:
    """Add the page of the simulator."""
    pages.add("/simulator", "simulator.html", simulator_page)


def simulator_page(visit: Visit) -> Mapping[str, Any]:
    """Show the form; what may be chosen its script asks of the node."""
    return {
        "words": {
            "ahead": gettext("{count} before it"),
            "done": gettext("done"),
            "failed": gettext("The run ended without a result: {detail}"),
            "offline": gettext("The node does not answer. Try again."),
            "running": gettext("running: {blocks} of {wanted} blocks"),
            "waiting": gettext("waiting for its turn"),
        }
    }
