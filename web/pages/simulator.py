"""The simulator: a form that asks the node for a run, and the player that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.problems import TABLE
from views.texts import gettext, language, translated
from web.page import Pages, Visit

REFUSED_WITH = (
    "bad-simulation",
    "body-too-large",
    "busy",
    "internal-error",
    "no-recording",
    "no-such-simulation",
    "no-token",
    "stopping",
    "wrong-scope",
)
"""With what codes the node may answer the page's script."""


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
            **_problems(),
        }
    }


def _problems() -> dict[str, str]:
    """Return what the node may refuse, by its code: in English what it says of it is shown."""
    if language() == "en":
        return {}
    return {f"problem-{code}": translated(TABLE[code][1]) for code in REFUSED_WITH}
