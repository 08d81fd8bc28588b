"""``tongzhang receipt``: what proves a record offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cli.files import write_files
from cli.options import Home, Token, Url, path
from cli.output import note
from cli.pages import identifier
from cli.parties import refuse_bad_name

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
