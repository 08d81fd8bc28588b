"""``tongzhang status``: where a node stands, and what there is to worry about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cli.damage import damage_of, refuse_damage
from cli.errors import CheckFailed
from cli.options import Home, Json, Token, Url
from cli.output import pairs, say_json
from views.texts import gettext

AHEAD_WARNED_MS = 1000
"""How far the ledger's time may be ahead of the node's clock before ``status`` says so."""


def status(home: Home = None, url: Url = "", token: Token = "", json: Json = False) -> None:
    """Show where a node stands.

    \b
    Examples:
      tongzhang status --home net/platform
      TONGZHANG_HOME=net/platform tongzhang status --json
    """
    from cli.connection import connect

    client = connect(home, url, token)
    try:
        shown = client.get("/v1/status")
    except CheckFailed as error:
        if error.code == "unreachable" and home is not None and not url:
            refuse_damage(damage_of(home))
        raise
    if json:
        say_json(shown)
        return
    if "log" in shown:
        pairs(list(log_standing(shown)))
        return
    pairs([*_standing(shown, client.url), *_peers(shown), *_worries(shown)])


_Row = tuple[str, str]
"""A name, and what is said under it."""


def _standing(shown: dict[str, Any], url: str) -> list[_Row]:
    entries = gettext("{size:,} entries in {height:,} blocks")
    not_ready = gettext("no: {ready_reason}")
    not_voting = gettext("no: this node {voting_reason}")
    waiting = gettext("{own_records} own records, {batches} batches")
    yes = gettext("yes")
    return [
        (gettext("party"), f"{shown['party']} ({shown['role']})"),
        (gettext("address"), url),
        (gettext("ledger"), shown["origin"]),
        (gettext("log"), entries.format_map(shown)),
        (gettext("log root"), shown["root"]),
        (gettext("state hash"), shown["state"]),
        (gettext("slot"), gettext("{slot}, led by {leader}").format_map(shown)),
        (gettext("ready"), yes if shown["ready"] else not_ready.format_map(shown)),
        (gettext("voting"), yes if shown["voting"] else not_voting.format_map(shown)),
        (gettext("voters"), shown["voters"]["tolerance"][0]),
        (gettext("waiting"), waiting.format_map(shown["pool"])),
        (gettext("checked"), check_standing(shown["check"])),
    ]


def check_standing(check: dict[str, Any]) -> str:
    """Return in words how far the check of the database is that goes on beside the node."""
    said = {
        "none": gettext("nothing yet"),
        "log": gettext("{entries:,} of {total:,} entries, no difference"),
        "rows": gettext("{entries:,} entries, no difference; comparing the rows of the state"),
        "file": gettext("{entries:,} entries and all rows, no difference; reading the file"),
        "clean": gettext("{entries:,} entries and all rows, no difference"),
        "damaged": gettext("DAMAGED: {message}"),
        "failed": gettext("{entries:,} of {total:,} entries, then it failed: {message}"),
    }
    return said[check["state"]].format_map(check)


def log_standing(shown: dict[str, Any]) -> Iterator[_Row]:
    """Yield where an opened log ends, and what was verified of it."""
    log = shown["log"]
    entries = gettext("{size:,} entries in {height:,} blocks")
    by = gettext("yes, by {parties}").format(parties=", ".join(log["cosigners"]))
    certified = by if log["cosigners"] else gettext("yes, by what follows in the file")
    yield gettext("log"), log["file"]
    yield gettext("ledger"), shown["origin"]
    yield gettext("verified"), entries.format_map(shown)
    yield gettext("log root"), shown["root"]
    yield gettext("state hash"), shown["state"]
    yield gettext("final"), certified if log["certified"] else gettext("NO: no quorum says so")


def _peers(shown: dict[str, Any]) -> Iterator[_Row]:
    said = gettext("{name} at {address}: {link}")
    for name, peer in shown["peers"].items():
        yield gettext("peer"), said.format(name=name, address=peer["address"], link=_link(peer))


def _link(peer: dict[str, Any]) -> str:
    if peer["shut_out"]:
        return gettext("SHUT OUT for what it sent: {code}").format(code=peer["shut_out"]["code"])
    state = gettext("connected") if peer["connected"] else gettext("NOT CONNECTED")
    if peer["connected"] or peer["voting"] is False:
        return f"{state}, {peer['voting_reason']}"
    return state


def _worries(shown: dict[str, Any]) -> Iterator[_Row]:
    if shown["time_ahead_ms"] >= AHEAD_WARNED_MS:
        ahead = gettext("the newest block is {seconds:,.1f} s ahead of this machine's clock:")
        yield gettext("CLOCK"), ahead.format(seconds=shown["time_ahead_ms"] / 1000)
        yield "", gettext("this clock is slow, or a leader's is fast")
    if shown["calendar"]["warning"]:
        yield gettext("CALENDAR"), f"{shown['calendar']['warning']}:"
        yield "", gettext("the institution declares a year with: tongzhang calendar import FILE")
    one = gettext("1 piece against {name}: see tongzhang evidence list")
    several = gettext("{count:,} pieces against {name}: see tongzhang evidence list")
    for name, count in shown["evidence"].items():
        yield gettext("EVIDENCE"), (one if count == 1 else several).format(name=name, count=count)
    if shown["halted"]:
        yield gettext("STOPPED"), f"{shown['halted']['code']}: {shown['halted']['message']}"
