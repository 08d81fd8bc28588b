"""``tongzhang status`` and ``receipt``: ask a node where it stands, and what it can prove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cli.files import write_files
from cli.options import Home, Json, Token, Url, path
from cli.output import note, pairs, plural, say, say_json
from cli.pages import identifier
from cli.parties import refuse_bad_name

AHEAD_WARNED_MS = 1000
"""How far the ledger's time may be ahead of the node's clock before ``status`` says so."""

RecordId = Annotated[str, typer.Argument(metavar="ID", help="The record's id.", show_default=False)]
Party = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--party",
        metavar="PARTY",
        help="Who stated it; the node's own party if left out.",
        show_default=False,
    ),
]
Out = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--out",
        metavar="FILE",
        help="The file to write; standard output if left out.",
        show_default=False,
        parser=path,
    ),
]


def status(home: Home = None, url: Url = "", token: Token = "", json: Json = False) -> None:
    """Show where a node stands.

    \b
    Examples:
      tongzhang status --home net/platform
      TONGZHANG_HOME=net/platform tongzhang status --json
    """
    from cli.connection import connect

    client = connect(home, url, token)
    shown = client.get("/v1/status")
    if json:
        say_json(shown)
        return
    pairs(
        {
            "party": f"{shown['party']} ({shown['role']})",
            "address": client.url,
            "ledger": shown["origin"],
            "log": f"{shown['size']:,} entries in {shown['height']:,} blocks",
            "log root": shown["root"],
            "state hash": shown["state"],
            "slot": f"{shown['slot']}, led by {shown['leader']}",
            "ready": "yes" if shown["ready"] else f"no: {shown['ready_reason']}",
            "voting": "yes" if shown["voting"] else f"no: this node {shown['voting_reason']}",
            "voters": shown["voters"]["tolerance"][0],
            "waiting": f"{shown['pool']['own_records']} own records, "
            f"{shown['pool']['batches']} batches",
        }
    )
    for name, peer in shown["peers"].items():
        say(f"peer        {name} at {peer['address']}: {_link(peer)}")
    if shown["time_ahead_ms"] >= AHEAD_WARNED_MS:
        ahead_s = shown["time_ahead_ms"] / 1000
        say(f"CLOCK       the newest block is {ahead_s:,.1f} s ahead of this machine's clock:")
        say("            this clock is slow, or a leader's is fast")
    if shown["calendar"]["warning"]:
        say(f"CALENDAR    {shown['calendar']['warning']}:")
        say("            the institution declares a year with: tongzhang calendar import FILE")
    for name, count in shown["evidence"].items():
        say(f"EVIDENCE    {plural(count, 'piece')} against {name}: see tongzhang evidence list")
    if shown["halted"]:
        say(f"STOPPED     {shown['halted']['code']}: {shown['halted']['message']}")


def _link(peer: dict[str, Any]) -> str:
    state = "connected" if peer["connected"] else "NOT CONNECTED"
    if peer["connected"] or peer["voting"] is False:
        return f"{state}, {peer['voting_reason']}"
    return state


def receipt(
    record_id: RecordId,
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    party: Party = None,
    out: Out = None,
) -> None:
    """Write the receipt that proves a record offline.

    \b
    Examples:
      tongzhang receipt cap-20260302-000001 --home net/institution
      tongzhang receipt ins-20260302-000001 --party platform --home net/auditor --out r.tlog-proof
      tongzhang verify receipt r.tlog-proof --genesis net/auditor/genesis.json
    """
    from cli.connection import connect

    record_id = identifier(record_id)
    if party is not None:
        refuse_bad_name("--party", party)
    client = connect(home, url, token)
    author = str(client.get("/v1/status")["party"]) if party is None else party
    text = client.get_text(f"/v1/receipts/{author}/{record_id}")
    if out is None:
        print(text, end="", flush=True)
        return
    write_files({out: text.encode()})
    note(f"receipt of {record_id} by {author} written to {out}")
