"""``tongzhang disputes``: what is contested, by whom, and who has to answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Optional

import typer

from cli.options import Home, Json, Token, Url
from cli.output import say, say_json
from cli.pages import Limit, follow, note_more
from cli.payment import show_disputes


class DisputeState(StrEnum):
    """What has become of a dispute."""

    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


OneState = Annotated[
    Optional[DisputeState],  # noqa: UP045
    typer.Option(
        "--state", metavar="STATE", help="Only disputes in this state.", show_default=False
    ),
]
Against = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--against",
        metavar="PARTY",
        help="Only those that this party has to answer.",
        show_default=False,
    ),
]
Raiser = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--raiser", metavar="PARTY", help="Only those that this party raised.", show_default=False
    ),
]


def disputes(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    state: OneState = None,
    against: Against = None,
    raiser: Raiser = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """List disputes: who contests what, and what the answer was.

    \b
    Examples:
      tongzhang disputes --home net/platform --state open
      tongzhang disputes --home net/institution --against institution --json
    """
    from cli.connection import connect

    asked = {"state": state and state.value, "against": against, "raiser": raiser}
    page = follow(connect(home, url, token), "/v1/disputes", "disputes", limit, **asked)
    if json:
        say_json(page)
    elif page["disputes"]:
        show_disputes(page["disputes"])
    else:
        say("no disputes")
    note_more(page, limit)
