"""``tongzhang loan allocate``: the legs that the split of a repayment has to state."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from cli.options import Home, Json, Token, Url
from cli.output import pairs, say, say_json, table
from cli.pages import day, displayed, identifier
from ledger import currencies
from views.cells import head, money
from views.loan_allocation import COMPONENT, AllocatedLeg, AllocatedPart, AllocationView
from views.texts import gettext, language

LoanId = Annotated[str, typer.Argument(metavar="ID", help="The loan's id.", show_default=False)]
Repaid = Annotated[
    str,
    typer.Option("--amount", metavar="AMOUNT", help="What is repaid, such as 1,041.00."),
]
On = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--date",
        metavar="DATE",
        help="The business date of the capture.",
        show_default="today's",
    ),
]


def allocate(
    loan_id: LoanId,
    *,
    amount: Repaid,
    date: On = None,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    json: Json = False,
) -> None:
    """Show the legs that the split of a repayment has to state.

    Nothing is recorded. It is so if nothing comes in between: the ledger allocates when the
    repayment is captured. With --json `legs` and `overpaid` are as split.instructed takes them.

    \b
    Examples:
      tongzhang loan allocate L-2026-0001 --amount 1,041.00 --date 2026-03-05 --home net/platform
      tongzhang loan allocate L-2026-0001 --amount 6000.00 --home net/platform --json
    """
    from cli.connection import connect

    client = connect(home, url, token)
    path = f"/v1/loans/{identifier(loan_id)}/allocation"
    view = client.get(
        path, amount_shown=displayed(amount), date=None if date is None else day(date)
    )
    if json:
        say_json(view)
        return
    said = gettext("{amount} for loan {loan} on {date}")
    shown = money(view["amount"], view["currency"])
    say(said.format(amount=shown, loan=view["loan"], date=view["date"]))
    _show(view)


def _show(view: dict[str, Any]) -> None:
    currency = view["currency"]
    owners = {each["receiver"]: each["party"] for each in view["parts"]}
    named = (head(AllocatedPart, "party"), head(AllocatedPart, "receiver"))
    table(
        (head(AllocatedLeg, "leg"), *named, head(AllocatedLeg, "amount")),
        (
            (
                each["leg"],
                owners[each["receiver"]],
                each["receiver"],
                money(each["amount"], currency),
            )
            for each in view["legs"]
        ),
        right=(0, 3),
    )
    parts = ("instalment", "component", "party", "amount")
    table(
        [head(AllocatedPart, name) for name in parts],
        (
            (
                each["instalment"],
                COMPONENT.word(each["component"], language()),
                each["party"],
                currencies.decimal(each["amount"], currency, ","),
            )
            for each in view["parts"]
        ),
        right=(0, 3),
    )
    closes = ", ".join(map(str, view["closes"])) or gettext("no instalment")
    facts = {
        head(AllocationView, "overpaid"): money(view["overpaid"], currency),
        head(AllocationView, "closes"): closes,
    }
    if view["replans"]:
        facts[head(AllocationView, "replans")] = gettext("yes")
    if view["settles"]:
        facts[head(AllocationView, "settles")] = gettext("yes")
    say()
    pairs(facts)
