"""``tongzhang report``: what of a business date concerns a party, exceptions first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Optional

import typer

from cli.client import Client
from cli.errors import BAD, UsageError
from cli.files import whole
from cli.listings import LIMIT, in_zone
from cli.options import Home, InUtc, Json, Token, Url, path
from cli.output import note, say_json
from cli.pages import Limit, day
from views.texts import gettext

Write = Callable[[dict[str, Any], BinaryIO], None]

Party = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--party",
        metavar="PARTY",
        help="Whose sheet; the node's own party if left out.",
        show_default=False,
    ),
]
Date = Annotated[
    str,
    typer.Option(
        "--date", metavar="DATE", help="The business date, YYYY-MM-DD.", show_default=False
    ),
]
Height = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--height",
        metavar="N",
        min=0,
        help="By what was known after this block, judged at its time.",
        show_default="all that is known, judged now",
    ),
]
Out = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--out",
        metavar="FILE",
        help="The file to write: FILE.xlsx, FILE.html or FILE.csv.",
        show_default=False,
        parser=path,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]

app = typer.Typer(
    help="Make reports: what of a business date concerns a party, exceptions first.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def report() -> None:
    """Make reports: what of a business date concerns a party, exceptions first."""


@app.command("day")
def report_day(
    date: Date,
    *,
    party: Party = None,
    height: Height = None,
    out: Out = None,
    force: Force = False,
    limit: Limit = LIMIT,
    json: Json = False,
    utc: InUtc = False,
    home: Home = None,
    url: Url = "",
    token: Token = "",
) -> None:
    """Make a party's sheet of a business date: exceptions first, then every repayment.

    What was due by plan, captured, split as agreed, paid, arrived, and what is missing, of the
    party's part: of a funder its shares, of a guarantor its claims and compensations, of the
    platform its fees and the splits that it owes; other parties see all of it. It names the
    cosigned checkpoint that it can be checked against.

    The exit code is 1 if there are exceptions, and 0 if there are none, so that it can be
    scheduled. A file is written whole or not at all, whatever the exit code.

    \b
    Examples:
      tongzhang report day --party fund-a --date 2026-03-05 --home net/fund-a
      tongzhang report day --date 2026-03-05 --home net/fund-a --out 2026-03-05.xlsx
      tongzhang report day --party guarantor --date 2026-03-05 --height 1200 --json
    """
    from cli.connection import connect

    write = None if out is None else _writer(out, force)
    client = connect(home, url, token)
    whose = _own_party(client) if party is None else party
    sheet = client.get("/v1/reports/day", party=whose, date=day(date), height=height)
    in_zone(client, utc, grouped=out is None or out.suffix.lower() == ".html")
    if out is not None and write is not None:
        with whole(out) as file:
            write(sheet, file)
        note(
            gettext("sheet of {party} for {date} written to {out}").format_map(sheet | {"out": out})
        )
    if json:
        say_json(sheet)
    elif out is None:
        from cli.reports.terminal import show

        show(sheet, limit)
    if sheet["exceptions"]:
        raise typer.Exit(BAD)


def _own_party(client: Client) -> str:
    party = str(client.get("/v1/status")["party"])
    if not party:
        raise UsageError("no-party", "a log is nobody's own", "say whose sheet: --party PARTY")
    return party


def _writer(out: Path, force: bool) -> Write:
    """Return what writes a file of that ending, which may be written.

    Raises:
        UsageError: ``unknown-ending`` or ``file-exists``.
    """
    ending = out.suffix.lower()
    if ending not in (".xlsx", ".html", ".csv"):
        raise UsageError(
            "unknown-ending",
            f"{out}: the ending says what is written: .xlsx, .html or .csv",
        )
    if out.is_file() and not force:
        raise UsageError("file-exists", f"{out} is there; replace it with --force")
    if ending == ".xlsx":
        from cli.reports.workbook import write_xlsx

        return write_xlsx
    if ending == ".html":
        from cli.reports.page import write_html

        return write_html
    from cli.reports.table import write_csv

    return write_csv
