"""``tongzhang open``: a log that is opened like a file, or several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import BAD, CheckFailed
from cli.log_options import Index
from cli.opened_log import Named, open_named, warn
from cli.options import GenesisFile, Json, path
from cli.output import note, pairs, say_json
from cli.status import log_standing
from views.texts import gettext

if TYPE_CHECKING:
    from ledger.genesis import Genesis
    from node.storage.opened import OpenedLog, Summary

Logs = Annotated[
    list[Path],
    typer.Argument(
        metavar="LOG...",
        help="What `tongzhang export log` wrote; several are compared.",
        show_default=False,
        parser=path,
    ),
]
Port = Annotated[
    int,
    typer.Option(
        "--port",
        metavar="N",
        min=0,
        max=65535,
        help="The port at 127.0.0.1; 0 is one that is free.",
    ),
]
InBrowser = Annotated[bool, typer.Option("--open", help="Show it in the browser.")]
NoServe = Annotated[
    bool, typer.Option("--no-serve", help="Verify, make the index, say what was found, and end.")
]
Anew = Annotated[
    bool, typer.Option("--verify", help="Do everything again, whatever index is kept.")
]


def open_(
    logs: Logs,
    *,
    genesis: GenesisFile,
    port: Port = 0,
    browser: InBrowser = False,
    no_serve: NoServe = False,
    verify: Anew = False,
    index: Index = None,
    json: Json = False,
) -> None:
    """Open an exported log like a file: verify it, execute it, show it; or compare several.

    Every signature, hash, outcome and state hash is checked, and the cosignatures at the end. What
    it adds up to is kept in an index, so that the log opens at once the next time. It is shown at
    an address of this machine, until Ctrl-C: the page, and the HTTP interface of a node, to be read
    only. No node, key or network is needed. The commands that read a node read a log with --log.

    A log that is false opens up to the last block that is good; what is false first is said in red.
    The exit code with --no-serve is 1 then. Several logs are compared, and nothing is shown at an
    address: the first difference, what each has there, and who signed what. The exit code is 0 if
    they are equal, or one is the beginning of the other, and else 1.

    \b
    Examples:
      tongzhang open log.ndjson --genesis genesis.json --open
      tongzhang open log.ndjson --genesis genesis.json --no-serve --json
      tongzhang expectations --log log.ndjson --genesis genesis.json
      tongzhang open mine.ndjson theirs.ndjson --genesis genesis.json
    """
    if len(logs) > 1:
        from cli.open_several import show_comparison

        show_comparison(logs, genesis, json=json)
        return
    opened = open_named(Named(logs[0], genesis, index), anew=verify, quiet=json)
    summary = opened.summary
    if no_serve:
        _show(summary, opened.genesis, "", json=json)
        if summary.fault is not None:
            raise typer.Exit(BAD)
        return
    try:
        _serve(opened, port, browser=browser, json=json)
    finally:
        opened.close()


def _serve(opened: OpenedLog, port: int, *, browser: bool, json: bool) -> None:
    from cli.open_served import serve_log

    def started(address: str) -> None:
        _show(opened.summary, opened.genesis, address, json=json)
        if browser:
            import webbrowser

            webbrowser.open(address)

    try:
        serve_log(opened, port, started)
    except OSError as error:
        raise CheckFailed(
            "address-in-use",
            f"cannot listen on 127.0.0.1:{port}: {error.strerror or error}",
            "choose another port with --port, or 0 for one that is free",
        ) from None


def _show(summary: Summary, genesis: Genesis, address: str, *, json: bool) -> None:
    from msgspec.json import decode, encode

    from api.opened import status_of

    shown = decode(encode(status_of(summary, genesis)))
    if json:
        say_json({**shown, "address": address} if address else shown)
    else:
        parties = (gettext("parties"), ", ".join(genesis.names))
        at = [(gettext("address"), address)] if address else []
        pairs([*log_standing(shown), parties, *at])
    warn(summary)
    if address and not json:
        note(gettext("Ctrl-C ends it."))
