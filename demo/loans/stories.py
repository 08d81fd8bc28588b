"""Stories: what befalls a loan from one due date to the next.

Each of the first loans lives through one story; the others live by chance. A story is a table: what
its terms need, and what is done at which of its due dates, the others being paid on the day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from demo.day.dice import Dice
from demo.loans.life import Life
from demo.portfolio import days
from demo.portfolio.division import spread
from demo.portfolio.instalment import INTEREST, PENALTY, PRINCIPAL
from demo.portfolio.repaying import payoff_amount

Act = Callable[[Life, Dice, int], None]
_EXTRA = 500
_SOME = 100


def on_time(life: Life, dice: Dice, due: int) -> None:
    """What is due is paid on its date."""
    _collect(life, due)


def late(life: Life, dice: Dice, due: int) -> None:
    """The first attempt fails, what is due is paid some days later."""
    _fail(life, due)
    _collect(life, due + dice.between(1, 9))


def fails_twice(life: Life, dice: Dice, due: int) -> None:
    """Two attempts of a day fail, the third one succeeds."""
    _fail(life, due)
    _fail(life, due)
    _collect(life, due)


def partial(life: Life, dice: Dice, due: int) -> None:
    """Some of what is due is paid on its date, the rest later."""
    amount = life.due(due) * dice.between(2, 8) // 10
    if amount:
        life.capture(due, amount)
    _collect(life, due + dice.between(4, 12))


def misses(life: Life, dice: Dice, due: int) -> None:
    """Nothing is paid, whatever is tried."""
    _fail(life, due)
    _fail(life, due + 3)


def prepays(life: Life, dice: Dice, due: int) -> None:
    """A part of the principal ahead is paid before what is due next."""
    day = due - dice.between(5, 12)
    rest = sum(row.sum_open(PRINCIPAL) for row in life.account.ahead(day))
    if day > life.latest and rest > _SOME:
        life.capture(day, life.due(day) + rest // dice.between(3, 5))
    _collect(life, due)


def pays_off(life: Life, dice: Dice, due: int) -> None:
    """All is paid before what is due next."""
    day = max(life.latest, due - dice.between(3, 12))
    life.capture(day, payoff_amount(life.account, day))


def overpays(life: Life, dice: Dice, due: int) -> None:
    """More is paid than is owed."""
    life.capture(due, payoff_amount(life.account, due) + _EXTRA)


def is_reversed(life: Life, dice: Dice, due: int) -> None:
    """A repayment is void, and paid again."""
    repayment = _collect(life, due)
    if repayment is None or due + 1 > life.plan.end:
        return
    life.reverse(repayment, due + 1)
    _fail(life, due + 1)
    _collect(life, due + 2)


def arrives_late(life: Life, dice: Dice, due: int) -> None:
    """A repayment of the due date is heard of after one that was made later."""
    if due + 3 > life.plan.end:
        _collect(life, due)
        return
    whole = life.due(due)
    if whole > _SOME:
        life.capture(due + 2, whole // 4)
        life.capture(due, whole - whole // 4, said=due + 3)
    _collect(life, due + 3)


def is_waived(life: Life, dice: Dice, due: int) -> None:
    """A funder waives of what is late, the rest is paid."""
    day = due + 7
    _fail(life, due)
    if day > life.plan.end:
        return
    claims = [
        each
        for name in (PENALTY, INTEREST)
        for each in life.open(day)
        if each["component"] == name
        and each["party"] in life.account.funders
        and days.read(each["due"]) < day
    ]
    if claims:
        claim = claims[0]
        life.waive(claim, max(1, claim["open"] // dice.between(1, 3)), day)
    _collect(life, day)


def is_replanned(life: Life, dice: Dice, due: int) -> None:
    """All agree on longer terms for what is unpaid."""
    day = due + 5
    if day > life.plan.end:
        misses(life, dice, due)
        return
    _fail(life, due)
    rest = sum(row.sum_open(PRINCIPAL) for row in life.account.living())
    count, start = dice.between(4, 8), days.civil(due)
    rows: list[dict[str, Any]] = []
    for at, part in enumerate(spread(rest, count), 1):
        rows.append(
            {
                "due": days.write(days.number(*days.months_on(start, at, start[2]))),
                "principal": part,
                "interest": (count - at + 1) * rest // (count * 150),
                "fees": dict.fromkeys(life.account.fee_names, _SOME),
            }
        )
    life.replan(rows, day)


def is_compensated(life: Life, dice: Dice, due: int) -> None:
    """The guarantor takes over what is late; later the borrower pays some, and all."""
    _fail(life, due)
    days_after = life.case["terms"]["per_instalment_days"]
    day = due + days_after + 1
    numbers = _covered(life, day)
    if day + 1 > life.plan.end or not numbers:
        return
    life.compensate(numbers, day)
    owed = life.due(day + 2)
    if day + 2 <= life.plan.end and owed > _SOME:
        life.capture(day + 2, owed // 3)


def is_returned(life: Life, dice: Dice, due: int) -> None:
    """The guarantor's money is void, and comes a second time."""
    _fail(life, due)
    day = due + life.case["terms"]["per_instalment_days"] + 1
    numbers = _covered(life, day)
    if day + 3 > life.plan.end or not numbers:
        return
    paid = life.compensate(numbers, day)
    life.return_compensation(paid, day + 2)
    life.compensate(numbers, day + 2)


def is_raced(life: Life, dice: Dice, due: int) -> None:
    """The borrower pays between the guarantor's word and its money: that is stated anew."""
    _fail(life, due)
    day = due + life.case["terms"]["per_instalment_days"] + 1
    numbers, owed = _covered(life, day), life.due(day)
    if day + 3 > life.plan.end or not numbers:
        return
    name = f"C-{life.name}-1"
    covered = ("interest", "principal")
    said = sum(
        each["open"]
        for each in life.open(day)
        if each["instalment"] in numbers
        and each["component"] in covered
        and each["party"] in life.account.funders
    )
    life.state_compensation(name, day, said, numbers)
    life.capture(day, owed // 2)
    conflicting = life.pay_compensation(name, day + 1, said, {})
    life.return_compensation(conflicting, day + 2, settled=False)
    life.compensate(numbers, day + 2)


def is_compensated_whole(life: Life, dice: Dice, due: int) -> None:
    """The guarantor takes the whole loan over."""
    overdue = life.overdue(due)
    if not overdue or due + 2 > life.plan.end:
        misses(life, dice, due)
        return
    _fail(life, due)
    day = max(overdue[0].due + life.case["terms"]["whole_days"] + 1, due + 1)
    if day + 1 <= life.plan.end:
        life.compensate("whole", day)


def is_forgiven(life: Life, dice: Dice, due: int) -> None:
    """The first funder waives its interest of what is due next; the rest is paid."""
    funder = next(iter(life.account.funders))
    for claim in life.open(life.latest):
        is_next = days.read(claim["due"]) == due
        if (claim["party"], claim["component"]) == (funder, INTEREST) and is_next:
            life.waive(claim, claim["open"], max(life.latest, due - 6))
    _collect(life, due)


def pays_half(life: Life, dice: Dice, due: int) -> None:
    """Half of what is due is paid on its date, and no more."""
    life.capture(due, life.due(due) // 2)


def is_taken_over(life: Life, dice: Dice, due: int) -> None:
    """What was missed a month ago is taken over by the guarantor, whose money is there at once."""
    _fail(life, due)
    numbers = _covered(life, due)
    if numbers:
        life.compensate(numbers, due, paid_on=due)


class Story(NamedTuple):
    """A story: what its terms need, and what is done at which due date, counted from 0 on.

    What is done at the last one named is done ``ever`` after, if so. ``last`` is done where the
    history ends with the due date, ``before`` at the one before that.
    """

    name: str
    acts: Mapping[int, Act]
    terms: Mapping[str, Any]
    ever: bool = False
    last: Act | None = None
    before: Act | None = None

    def act(self, turn: int, left: int) -> Act:
        """Return what is done at a due date, after which ``left`` others follow in the history."""
        if self.last and left == 0:
            return self.last
        if self.before and left == 1:
            return self.before
        if self.ever and turn >= max(self.acts):
            return self.acts[max(self.acts)]
        return self.acts.get(turn, on_time)


_LONG: dict[str, Any] = {"method": "equal-instalment", "instalments": 12, "lenders": (2, 3)}
_BACKED: dict[str, Any] = {**_LONG, "guaranteed": True, "per_instalment_days": 10, "unit": 1}

STORIES = (
    Story("late", {0: late, 2: late}, {**_LONG, "penalty_ppm": 50_000, "grace_days": 0}),
    Story("fails-twice", {1: fails_twice}, {**_LONG, "lenders": (1,)}),
    Story("partial", {1: partial}, _LONG),
    Story("prepays-shorter", {1: prepays}, {**_LONG, "partial": "shorten"}),
    Story("prepays-lower", {1: prepays}, {**_LONG, "partial": "reduce"}),
    Story("prepays-next", {1: prepays}, {**_LONG, "partial": "next"}),
    Story("pays-off", {2: pays_off}, {**_LONG, "early_fee_ppm": 10_000}),
    Story("overpays", {2: overpays}, _LONG),
    Story("reversed", {1: is_reversed}, _LONG),
    Story("arrives-late", {1: arrives_late}, _LONG),
    Story("waived", {1: is_waived}, {**_LONG, "penalty_ppm": 80_000, "penalty_to": "funders"}),
    Story("replanned", {1: misses, 2: is_replanned}, _LONG),
    Story("compensated", {1: is_compensated}, _BACKED),
    Story("returned", {1: is_returned}, _BACKED),
    Story("raced", {1: is_raced}, _BACKED),
    Story(
        "compensated-whole",
        {1: misses, 2: misses, 3: is_compensated_whole},
        {**_BACKED, "per_instalment_days": None, "whole_days": 45},
    ),
    Story("stops", {2: misses}, {**_LONG, "guaranteed": False}, ever=True),
)
"""The stories that every portfolio has, in the order of its first loans."""

MORNING = (
    Story("today-waived", {}, {**_LONG, "annual_rate_ppm": 96_000}, last=is_forgiven),
    Story("today-left-out", {}, _LONG, last=on_time),
    Story("today-paid", {}, _LONG, last=on_time),
    Story("today-in-part", {}, _LONG, last=pays_half),
    Story("today-failed", {}, _LONG, last=misses),
    Story("today-compensated", {}, _BACKED, last=is_taken_over, before=misses),
)
"""Loans of which an instalment is due on the last day of the history: the funders' morning."""

TODAY = {"today-waived": "by-shares", "today-left-out": "loan-left-out"}
"""The wrong splits of the last day, by story; nobody has corrected them yet."""

_CHANCES: tuple[tuple[int, Act], ...] = (
    (72, on_time), (10, late), (5, fails_twice), (4, partial), (2, prepays), (1, pays_off),
    (1, is_reversed), (1, arrives_late), (1, is_waived), (3, misses),
)  # fmt: skip
_OFTEN = tuple(act for chance, act in _CHANCES for _ in range(chance))


def chance(life: Life, dice: Dice) -> Act:
    """Return what befalls a loan that has no story: what is long overdue is compensated."""
    act = dice.pick(_OFTEN)
    if act is misses and life.account.guarantor and not life.overdue(life.latest + 1):
        return is_compensated
    if act is misses and life.account.guarantor and life.case["terms"]["whole_days"] is not None:
        return is_compensated_whole
    return act


def _collect(life: Life, day: int) -> Any:
    """Collect all that is due, if anything is, and the history lasts so long."""
    if day < life.latest or day > life.plan.end or not life.due(day):
        return None
    return life.capture(day, life.due(day))


def _fail(life: Life, day: int) -> None:
    if day <= life.plan.end and life.due(day):
        life.fail(day, life.due(day))


def _covered(life: Life, day: int) -> list[int]:
    """Return the instalments that the guarantor may take over as of a day."""
    after = life.case["terms"]["per_instalment_days"]
    if after is None:
        return []
    covered, numbers = ("interest", "principal"), []
    for each in life.open(day):
        is_late = day - days.read(each["due"]) > after
        if is_late and each["component"] in covered and each["party"] in life.account.funders:
            numbers.append(each["instalment"])
    return sorted(set(numbers))
