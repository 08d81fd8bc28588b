"""Records that change what is owed without the borrower: reversal, waiver, new plan, guarantee."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from demo.portfolio import days
from demo.portfolio.division import divide, half_up
from demo.portfolio.instalment import EARLY_FEE, FEE, INTEREST, PRINCIPAL, InstalmentAccount
from demo.portfolio.loan import AccountEntry, AccountMove, PortfolioAccount
from demo.portfolio.plan import INSTALMENTS_MAX
from demo.portfolio.refusal import RuleBroken


def date_of(loan: PortfolioAccount, event: dict[str, Any]) -> int:
    """Return a record's date.

    Raises:
        RuleBroken: it is before the latest date that the loan has a record of.
    """
    day = days.read(event["date"])
    if day < loan.latest:
        raise RuleBroken(
            "dates-out-of-order", f"{event['date']} is before {days.write(loan.latest)}"
        )
    return day


def reverse(loan: PortfolioAccount, event: dict[str, Any]) -> AccountEntry:
    """Take back what a repayment or compensation had moved; return the moves taken back.

    Raises:
        RuleBroken: there is none, it was taken back before, or its claims were paid since.
    """
    day, record = date_of(loan, event), loan.played.get(event["of"])
    if record is None:
        raise RuleBroken("unknown-payment", f"there is no {event['of']}")
    if record.reversed:
        raise RuleBroken("already-reversed", f"{event['of']} was taken back before")
    if record.kind == "compensation":
        _give_claims_back(loan, record, day)
    else:
        _reopen(loan, record, day)
    record.reversed = True
    back = [AccountMove(m.number, m.component, m.party, -m.amount, day) for m in record.moves]
    return AccountEntry("reversal", loan.order, back, -record.overpaid)


def _reopen(loan: PortfolioAccount, record: AccountEntry, day: int) -> None:
    planned = {row.number for row in record.kept}
    present = {row.number: row for row in loan.instalments}
    undone = all(present[number].changed_by == record.order for number in planned)
    if undone and planned:
        rest = [row for row in loan.instalments if row.number not in planned]
        loan.put(rest + [row.copy() for row in record.kept])
    coming_back, reopened = [], []
    for move in record.moves:
        ahead = move.number in planned
        if ahead and (undone or move.component == EARLY_FEE):
            continue
        row = loan.find(move.number)
        if row is None or (ahead and move.component == PRINCIPAL):
            coming_back.append(move)
        else:
            row.reopen(move.component, move.party, move.amount, max(move.night, row.due), day)
            reopened.append(row)
    for row in reopened:
        row.judge_grace(loan.terms["grace_days"], day)
        loan.touch(row, day)
    for move in coming_back:
        row = _next_after(loan, day)
        loan.touch(row, day)
        row.come_back(move.component, move.party, move.amount)


def _next_after(loan: PortfolioAccount, day: int) -> InstalmentAccount:
    rows = loan.living() or loan.instalments
    return next((row for row in rows if row.due > day), rows[-1])


def _give_claims_back(loan: PortfolioAccount, record: AccountEntry, day: int) -> None:
    guarantor = str(loan.guarantor)
    claims: dict[tuple[int, str], int] = {}
    for number, component, _funder, amount in record.passed:
        claims[number, component] = claims.get((number, component), 0) + amount
    for (number, component), amount in claims.items():
        row = loan.find(number)
        held = loan.seen(row, day).open.get(component, {}).get(guarantor, 0) if row else 0
        if held < amount or _paid_since(loan, record, number, component):
            raise RuleBroken("claims-paid-since", f"{component} of {number}: {held} of {amount}")
    returned = []
    for number, component, funder, amount in record.passed:
        row = loan.find(number)
        if row is not None:
            row.hand_over(component, guarantor, funder, amount)
            returned.append(row)
    for row in returned:
        loan.touch(row, day)


def _paid_since(loan: PortfolioAccount, record: AccountEntry, number: int, component: str) -> bool:
    later = [
        move
        for each in loan.played.values()
        if each.order > record.order and not each.reversed and each.kind == "repayment"
        for move in each.moves
    ]
    later += [move for order, move in loan.waived if order > record.order]
    claim = (number, component, loan.guarantor)
    return any((move.number, move.component, move.party) == claim for move in later)


def waive(loan: PortfolioAccount, event: dict[str, Any]) -> AccountEntry:
    """Let a beneficiary give up of its own open share.

    Raises:
        RuleBroken: there is no such instalment, or less is open to the party.
    """
    day, row = date_of(loan, event), loan.find(event["instalment"])
    if row is None:
        raise RuleBroken("unknown-instalment", f"the plan has no instalment {event['instalment']}")
    component, party, amount = event["component"], event["by"], event["amount"]
    own = loan.seen(row, day).open.get(component, {}).get(party, 0)
    if not 0 < amount <= own:
        raise RuleBroken("waiver-exceeds-open", f"{amount} of {own} open to {party}")
    loan.touch(row, day)
    night = row.change(component, party, -amount, day)
    row.judge_grace(loan.terms["grace_days"], day)
    move = AccountMove(row.number, component, party, amount, night)
    loan.waived.append((loan.order, move))
    return AccountEntry("waiver", loan.order, [move])


def replan(loan: PortfolioAccount, event: dict[str, Any]) -> AccountEntry:
    """Put a new plan in the place of the whole unpaid rest.

    Raises:
        RuleBroken: nothing is open, the dates go back, or the rows do not close on what is open.
    """
    day, rows = date_of(loan, event), event["schedule"]
    if loan.is_settled(day):
        raise RuleBroken("loan-settled", "nothing is open")
    dates = [day] + [days.read(row["due"]) for row in rows]
    if any(later <= earlier for earlier, later in pairwise(dates)):
        raise RuleBroken("dates-out-of-order", "due dates follow the record's date and each other")
    if not 1 <= len(rows) <= INSTALMENTS_MAX:
        raise RuleBroken("bad-instalments", f"1 to {INSTALMENTS_MAX} rows, not {len(rows)}")
    amounts = [[row["principal"], row["interest"], *row["fees"].values()] for row in rows]
    if min(min(each) for each in amounts) < 0:
        raise RuleBroken("schedule-does-not-close", "a component is negative")
    if any(set(row["fees"]) - set(loan.fee_names) for row in rows):
        raise RuleBroken("schedule-does-not-close", "a fee that the terms do not name")
    closing = loan.sum_by_party(PRINCIPAL, loan.living())
    if sum(each[0] for each in amounts) != sum(closing.values()):
        raise RuleBroken("schedule-does-not-close", f"{sum(closing.values())} are open")
    loan.restate(day, rows, closing)
    return AccountEntry("replan", loan.order)


def compensate(loan: PortfolioAccount, event: dict[str, Any]) -> AccountEntry:
    """Let the guarantor pay the funders what the terms cover, and take their claims over.

    Raises:
        RuleBroken: nobody stands behind, it is too early, or nothing is open to funders.
    """
    day, terms = date_of(loan, event), loan.terms
    if event["id"] in loan.played:
        raise RuleBroken("known-payment", f"{event['id']} was played before")
    if loan.guarantor is None:
        raise RuleBroken("no-guarantor", "nobody stands behind the loan")
    whole = event["instalments"] == "whole"
    after = terms["whole_days"] if whole else terms["per_instalment_days"]
    if after is None:
        raise RuleBroken("not-covered", "the terms allow no such compensation")
    rows = _triggered(loan, event["instalments"], day, after)
    record = AccountEntry("compensation", loan.order)
    seen = [loan.seen(row, day) for row in rows]
    claims = [_funders_open(loan, row) for row in seen]
    paid = [_paid_for(loan, row, each, day) for row, each in zip(seen, claims, strict=True)]
    if not any(paid):
        raise RuleBroken("nothing-to-compensate", "nothing that the terms cover is open to funders")
    for row, each, amounts in zip(rows, claims, paid, strict=True):
        if each:
            loan.touch(row, day)
        for (component, party), amount in each.items():
            row.hand_over(component, party, loan.guarantor, amount)
            record.passed.append((row.number, component, party, amount))
        for (component, party), amount in amounts.items():
            record.moves.append(AccountMove(row.number, component, party, amount, day))
    loan.played[event["id"]] = record
    return record


def _triggered(loan: PortfolioAccount, named: Any, day: int, after: int) -> list[InstalmentAccount]:
    if named == "whole":
        if loan.days_past_due(day) <= after:
            raise RuleBroken("compensation-too-early", f"more than {after} days past due is needed")
        return loan.living()
    rows = []
    for number in sorted(set(named)):
        row = loan.find(number)
        if row is None:
            raise RuleBroken("unknown-instalment", f"the plan has no instalment {number}")
        if day - row.due <= after:
            raise RuleBroken("compensation-too-early", f"{number} is {day - row.due} days past due")
        rows.append(row)
    if not rows:
        raise RuleBroken("nothing-to-compensate", "no instalment is named")
    return rows


def _funders_open(loan: PortfolioAccount, row: InstalmentAccount) -> dict[tuple[str, str], int]:
    """Return what is open to funders in the covered components, by component and party."""
    covered = loan.terms["covered"]
    return {
        (component, party): amount
        for component, shares in row.open.items()
        if component in covered or (component.startswith(FEE) and "fees" in covered)
        for party, amount in loan.in_order(shares).items()
        if party in loan.funders
    }


def _paid_for(
    loan: PortfolioAccount, row: InstalmentAccount, claims: dict[tuple[str, str], int], day: int
) -> dict[tuple[str, str], int]:
    """Return what the guarantor pays of the claims: all that is due, and of the rest no fees."""
    if row.due <= day:
        return claims
    paid = {claim: amount for claim, amount in claims.items() if claim[0] == PRINCIPAL}
    if day > row.period.start:
        earned = half_up(*row.interest_to(day, loan.terms["annual_rate_ppm"]))
        rest = min(max(0, earned - row.settled(INTEREST)), row.sum_open(INTEREST))
        for party, share in divide(rest, loan.in_order(row.open[INTEREST])).items():
            if share and (INTEREST, party) in claims:
                paid[INTEREST, party] = share
    return paid
