"""``tongzhang members``: parties of the consortium, who votes now, and what may still fail."""

from __future__ import annotations

from cli.options import Home, Json, Token, Url
from cli.output import say, say_json, table
from views.texts import gettext


def members(home: Home = None, url: Url = "", token: Token = "", json: Json = False) -> None:
    """Show the parties, who of them votes now, and how many may still be down.

    What a node knows of the others is what they say while it is connected with them.

    \b
    Examples:
      tongzhang members --home net/platform
      tongzhang members --home net/auditor --json
    """
    from cli.connection import connect

    shown = connect(home, url, token).get("/v1/members")
    if json:
        say_json(shown)
        return
    rows = [(row["name"], row["role"], row["voting_reason"]) for row in shown["members"]]
    table((gettext("party"), gettext("role"), gettext("vote")), rows)
    say()
    for line in shown["voters"]["tolerance"]:
        say(line)
    say()
    founded = gettext("{origin} as it was founded, with every party voting:")
    say(founded.format(origin=shown["origin"]))
    for line in shown["tolerance_founded"]:
        say(f"  {line}")
