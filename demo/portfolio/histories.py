"""Random histories of a loan: each event is drawn when the ones before it have been played."""

from __future__ import annotations

from typing import Any

from demo.day.dice import Dice
from demo.portfolio import days
from demo.portfolio.account import open_state, play
from demo.portfolio.loan import PortfolioAccount
from demo.portfolio.repaying import payoff_amount

_EVENTS = (0, 1, 2, 3, 4, 5, 6, 8, 12)
_KINDS = (
    *("repayment",) * 12,
    *("reversal",) * 3,
    *("compensation",) * 4,
    *("waiver",) * 2,
    "replan",
)
_ONE_WRONG_IN = 14

Plain = dict[str, Any]


def draw_events(loan: PortfolioAccount, dice: Dice) -> list[Plain]:
    """Return events for a loan, which is played to their end; some of them are refused."""
    return [_next_event(loan, dice, number) for number in range(dice.pick(_EVENTS))]


def _next_event(loan: PortfolioAccount, dice: Dice, number: int) -> Plain:
    day, kind = _draw_day(loan, dice), dice.pick(_KINDS)
    if loan.is_settled(day) and not dice.one_in(6):
        kind = "reversal"
    if kind == "compensation" and not loan.guarantor and not dice.one_in(8):
        kind = "repayment"
    if kind == "repayment":
        event = _repayment(loan, dice, day)
    elif kind == "reversal":
        event = {"of": _reversed_payment(loan, dice), "date": days.write(day)}
    elif kind == "waiver":
        event = _waiver(loan, dice, day)
    elif kind == "replan":
        event = _replan(loan, dice, day)
    else:
        event = _compensation(loan, dice, day)
    event["kind"] = kind
    if kind in ("repayment", "compensation"):
        event["id"] = f"{kind[0]}{number}"
    if dice.one_in(_ONE_WRONG_IN):
        _make_wrong(loan, dice, event)
    play(loan, event)
    return event


def _draw_day(loan: PortfolioAccount, dice: Dice) -> int:
    kind = dice.between(0, 9)
    coming = [row.due for row in loan.ahead(loan.latest)] or [loan.latest + 30]
    if kind < 2:
        return loan.latest
    if kind < 5:
        return coming[0]
    if kind < 7:
        return max(loan.latest, coming[0] + dice.between(-20, 20))
    if kind < 9:
        return loan.latest + dice.between(0, 45)
    return loan.latest + dice.between(40, 130)


def _repayment(loan: PortfolioAccount, dice: Dice, day: int) -> Plain:
    latest = day
    if dice.one_in(9):
        day, latest = max(loan.disbursed, loan.latest - dice.between(1, 45)), loan.latest
    due = sum(loan.seen(row, day).total_open() for row in loan.due(latest))
    following = [row.total_open() for row in loan.ahead(latest)][:1]
    first = [each for row in loan.due(latest) if (each := loan.seen(row, day).total_open())][:1]
    amounts = [due, due, *first, *following, due + sum(following)]
    amounts += [due // 2, due - 1, due + dice.between(1, 500), dice.between(1, 100)]
    amounts += [dice.between(1, loan.terms["principal"])]
    rest = sum(row.sum_open("principal") for row in loan.ahead(latest))
    amounts += [due + rest // 2, due + rest // 3, due + dice.between(0, rest)]
    if dice.one_in(6):
        whole = payoff_amount(loan, latest)
        amounts = [whole, whole - 1, whole + dice.between(1, 500), due + rest, whole + 1]
    return {"date": days.write(day), "amount": max(1, dice.pick(amounts))}


def _reversed_payment(loan: PortfolioAccount, dice: Dice) -> str:
    standing = [name for name, record in loan.played.items() if not record.reversed]
    if dice.one_in(10):
        standing = [*loan.played, "nothing"]
    return dice.pick(standing[-4:] or ["nothing"])


def _waiver(loan: PortfolioAccount, dice: Dice, day: int) -> Plain:
    date, found = days.write(day), open_state(loan, day)
    if not found:
        return {"by": "bank", "instalment": 1, "component": "interest", "amount": 1, "date": date}
    claim = dice.pick(found[:12])
    amount = claim["open"] if dice.one_in(2) else dice.between(1, claim["open"])
    return {
        "by": claim["party"],
        "instalment": claim["instalment"],
        "component": claim["component"],
        "amount": amount,
        "date": date,
    }


def _replan(loan: PortfolioAccount, dice: Dice, day: int) -> Plain:
    principal = sum(row.sum_open("principal") for row in loan.living())
    count, at = dice.pick((1, 2, 3, 6)), day
    cuts = [0, *sorted(dice.between(0, principal) for _ in range(count - 1))]
    schedule = []
    for start, end in zip(cuts, [*cuts[1:], principal], strict=True):
        at += dice.pick((30, 31, dice.between(1, 60)))
        fees = {name: dice.between(0, 1_000) for name in loan.fee_names}
        interest = dice.between(0, principal // 40 + 10)
        row = {"due": days.write(at), "principal": end - start, "interest": interest, "fees": fees}
        schedule.append(row)
    return {"date": days.write(day), "schedule": schedule}


def _compensation(loan: PortfolioAccount, dice: Dice, day: int) -> Plain:
    """Draw a compensation, most often a few days after what the terms wait for."""
    whole = dice.one_in(3)
    after = loan.terms["whole_days" if whole else "per_instalment_days"] or 0
    late = [row for row in loan.living() if row.total_open()][:3]
    if late and not dice.one_in(5):
        day = max(loan.latest, late[0].due + after + dice.pick((0, 1, 1, 2, 10, 40)))
    due = [row.number for row in late if day - row.due > after] or [1]
    named = due if dice.one_in(2) else due[:1]
    return {"instalments": "whole" if whole else named, "date": days.write(day)}


def _make_wrong(loan: PortfolioAccount, dice: Dice, event: Plain) -> None:
    """Change an event so that most often it is to be refused."""
    if event["kind"] == "repayment":
        wrong = dice.pick(("amount", "id", "date"))
        if wrong == "amount":
            event["amount"] = dice.pick((0, -1))
        elif wrong == "id":
            event["id"] = dice.pick([*loan.played, event["id"]])
        else:
            event["date"] = days.write(loan.disbursed - 1)
    elif event["kind"] == "waiver" and dice.one_in(2):
        event["amount"] = dice.pick((0, event["amount"] + 1_000_000))
    elif event["kind"] == "replan" and dice.one_in(2):
        event["schedule"][-1]["principal"] += dice.pick((-1, 1))
    elif event["kind"] == "compensation" and dice.one_in(2):
        event["instalments"] = dice.pick(([], [999], [loan.last_number]))
    else:
        event["date"] = days.write(max(1, loan.latest - dice.between(1, 20)))
