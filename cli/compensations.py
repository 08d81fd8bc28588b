"""``tongzhang compensations``: what guarantors have stated, or have to state."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from cli.errors import UsageError
from cli.listings import ask, opened, show, takes
from views.compensations import COMPENSATIONS, COMPENSATIONS_DUE

Due = Annotated[
    bool,
    typer.Option("--due", help="Show what is due by the terms and not stated, instead."),
]
Funder = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--funder", metavar="PARTY", help="With --due: only loans that this party lends."),
]
AsOf = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--as-of", metavar="DATE", help="With --due: as of this business date; today if left out."
    ),
]
Height = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--height", metavar="HEIGHT", help="With --due: by what was known after this block."
    ),
]
_OF_DUE = ("funder", "as_of", "height")
_OF_STATED = ("loan", "state")


@takes(COMPENSATIONS, due=Due, funder=Funder, as_of=AsOf, height=Height)
def compensations(**asked: Any) -> None:
    """List compensations (代偿) that guarantors have stated, or those due and not stated.

    A compensation is stated by the guarantor, and settled when its money has come: then the claims
    have passed. It conflicts if the borrower has paid in between, or other money came. The
    guarantor withdraws one of which no money stands: what is due by the terms is due again.

    With --due what the terms want compensated and nobody has stated: whole loans, or instalments,
    with the first date on which each was due, the days since, and what it costs on the date asked
    for.

    \b
    Examples:
      tongzhang compensations --home net/guarantor --state conflicting
      tongzhang compensations --home net/funder --due --funder funder
      tongzhang compensations --home net/funder --due --as-of 2026-03-31 --csv
    """
    due = asked.pop("due")
    wrong = [name for name in (_OF_STATED if due else _OF_DUE) if asked[name] is not None]
    if wrong:
        option = f"--{wrong[0].replace('_', '-')}"
        said = "is for those that were stated; leave it or --due out" if due else "goes with --due"
        raise UsageError("usage", f"{option} {said}")
    client, showing = opened(asked)
    listing = COMPENSATIONS_DUE if due else COMPENSATIONS
    show(listing, ask(client, listing, showing.limit, asked), showing)
