"""Splits of repayments: as the ledger allocates them or otherwise, before or after the capture."""

from __future__ import annotations

from ledger.lending.repayment import repay
from simulator.workload.lending import (
    amount_of,
    changed_to,
    find_loan,
    find_repayment,
    next_day,
)
from simulator.workload.loan_subjects import KnownLoanMoney
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.splits import stated
from simulator.workload.subjects import Fields, NothingFits

FIRST_PPM = 300_000
"""How often the platform states the split of a repayment before it is captured."""


def _split(author: Author) -> Draft:
    """Split what was captured as the ledger allocates it; now and then of another order."""
    money = find_repayment(
        author,
        lambda each: each.split is None and each.capture is not None and each.repayment is not None,
    )
    fields = _allocated(money.captured, money.shares, money.overpaid)
    if author.errs():
        fields["order"] += "-b"
    return stated(author, money, fields)


def _split_first(author: Author) -> Draft:
    """Split what is still to be collected, as the ledger would allocate it today, or otherwise."""
    author.assume(author.chance.happens(FIRST_PPM))
    known, loan = find_loan(author, lambda each: each.is_open)
    money = KnownLoanMoney(author.fresh("R"), known, None)
    day = next_day(author, loan)
    amount = amount_of(author, loan, day)
    repaid = repay(loan, amount, day)
    half = {
        "order": f"O-{money.name}",
        "amount": amount,
        "currency": known.offer.currency,
        "loan": known.name,
        "attempt": author.fresh("A"),
    }
    fields = _allocated(half, known.shares(repaid.outcome.legs), repaid.repayment.overpaid)
    if author.chance.happens(FIRST_PPM):
        fields = _a_fen_off(fields)
    return stated(author, money, fields)


def _allocated(half: Fields, shares: dict[str, int], overpaid: int) -> Fields:
    """Return the split of a repayment by what each receiver gets."""
    names = ("order", "amount", "currency", "loan", "attempt")
    legs = [
        {"leg": number, "receiver": receiver, "purpose": "repayment", "amount": part}
        for number, (receiver, part) in enumerate(shares.items(), 1)
    ]
    more = {"overpaid": overpaid} if overpaid else {}
    return {**{name: half[name] for name in names}, "mode": "fixed", "legs": legs, **more}


def _a_fen_off(fields: Fields) -> Fields:
    """Return a split of which one leg is a fen more, and another one, or what is overpaid, less."""
    if not fields["legs"]:
        raise NothingFits
    first, *rest = fields["legs"]
    last = rest[-1] if rest else None
    if last is None or last["amount"] < 2:
        if fields.get("overpaid", 0) < 2:
            raise NothingFits
        less = {"overpaid": fields["overpaid"] - 1}
    else:
        less = {"legs": [first, *rest[:-1], {**last, "amount": last["amount"] - 1}]}
    made = {**fields, **less}
    legs = [{**first, "amount": first["amount"] + 1}, *made["legs"][1:]]
    return {**made, "legs": legs}


def _amend(author: Author) -> Draft:
    """State a split again: what the ledger allocates, or the same for a receiver open again."""
    anyhow = author.chance.happens(100_000)
    money = find_repayment(
        author,
        lambda each: (
            each.split is not None
            and each.capture is not None
            and each.repayment is not None
            and (each.clashes or each.lacks_legs or anyhow)
        ),
    )
    if not money.clashes:
        return stated(author, money, money.instructed)
    return stated(author, money, _allocated(money.captured, money.shares, money.overpaid))


def _wrongly(instructed: bool) -> Drafting:
    """Return a split of a captured repayment that is a fen off, for the first time or again."""

    def draft(author: Author) -> Draft:
        money = find_repayment(
            author,
            lambda each: (
                (each.split is not None) == instructed
                and each.capture is not None
                and each.repayment is not None
            ),
        )
        fields = _a_fen_off(_allocated(money.captured, money.shares, money.overpaid))
        return Draft({**fields, "payment": money.name}, (money,))

    return draft


def _undisbursed(make: Drafting) -> Drafting:
    return changed_to(
        make, lambda author: author.find(author.known.loans, lambda each: each.loan is None).name
    )


def _withdraw(author: Author) -> Draft:
    money = find_repayment(author, lambda each: each.capture is None and each.split is not None)
    author.assume(author.chance.happens(150_000))

    def learn() -> None:
        money.split = None
        money.reversed = False

    return Draft({"payment": money.name, "reason": "stated by mistake"}, (money,), learn)


MOVES: Moves = {
    ("platform", "split.instructed"): (
        valid(_split, 14),
        valid(_split_first, 4),
        refused("allocation-differs", _wrongly(instructed=False), 2),
        refused("loan-not-disbursed", _undisbursed(_split_first), 2),
    ),
    ("platform", "split.amended"): (
        valid(_amend, 8),
        refused("allocation-differs", _wrongly(instructed=True), 2),
        refused("loan-not-disbursed", _undisbursed(_amend), 2),
    ),
    ("platform", "split.withdrawn"): (valid(_withdraw),),
}
