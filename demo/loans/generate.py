"""The generator of portfolios: same plan, same bytes, on every machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from demo.day.dice import Dice
from demo.loans.cast import CURRENCY, PortfolioPlan, receiver_of, refuse_bad_plan
from demo.loans.life import Life
from demo.loans.payouts import PayoutRun, runs, told
from demo.loans.said import Said, Speech
from demo.loans.splits import PlantedFault, plant, tell
from demo.loans.stories import MORNING, STORIES, Story, chance
from demo.loans.terms import METHODS, draw_case
from demo.portfolio import days
from demo.portfolio.days import MONTHS
from ledger.contracts.receivers import ReceiverRegistered

_STRIDE = 1_000_003
_OPENING, _LOANS, _SPLITS, _PAYOUTS = range(4)
_FIRST_DAY, _LONGEST = 5, 10


class PortfolioTurn(NamedTuple):
    """What one party states before another follows: records in their order, of a month."""

    month: str
    party: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A generated portfolio: the loans' lives, the planted faults by payment, and who says what.

    ``payouts`` are what went out. ``parts`` is all that is said: of each month first the trade,
    then the payouts.
    """

    plan: PortfolioPlan
    lives: tuple[Life, ...]
    faults: dict[str, PlantedFault]
    payouts: tuple[PayoutRun, ...]
    parts: tuple[tuple[Said, ...], ...]

    @property
    def turns(self) -> list[PortfolioTurn]:
        """All that is said, turn by turn, month by month."""
        return [turn for part in self.parts for turn in turns_of(part)]


def generate(plan: PortfolioPlan) -> Portfolio:
    """Return the portfolio that a plan describes.

    Raises:
        UsageError: the plan has too few loans or months, or too many.
    """
    refuse_bad_plan(plan)
    lives = tuple(_live(plan, number) for number in range(plan.loans))
    faults = plant(plan, lives, Dice(plan.seed))
    spoken = [(_OPENING, _registry(plan))]
    for life in lives:
        spoken.append((_LOANS, life.speech))
        spoken += [(_SPLITS, speech) for speech in tell(plan, life, faults)]
    payouts = tuple(runs(plan, lives, faults))
    spoken += [(_PAYOUTS, told(plan, run)) for run in payouts]
    return Portfolio(plan, lives, faults, payouts, tuple(_by_day(spoken)))


def _live(plan: PortfolioPlan, number: int) -> Life:
    """Return the life of a loan, lived to the end of the history."""
    dice = Dice(plan.seed * _STRIDE + number)
    story = _story(number)
    case = draw_case(plan, dice, number, _wanted(plan, number, story))
    life = Life(plan, number, case, story.name if story else "")
    cursor, turn = life.account.disbursed, 0
    while not life.is_settled:
        coming = [row.due for row in life.account.living() if cursor < row.due <= plan.end]
        if not coming:
            break
        cursor = coming[0]
        act = story.act(turn, len(coming) - 1) if story else chance(life, dice)
        if cursor >= life.latest:
            act(life, dice, cursor)
        turn += 1
    return life


def _story(number: int) -> Story | None:
    stories = STORIES + MORNING
    return stories[number] if number < len(stories) else None


def _wanted(plan: PortfolioPlan, number: int, story: Story | None) -> dict[str, Any]:
    """Return what a loan's terms have to be: a story begins with the history."""
    if story is None:
        free = number - len(STORIES + MORNING)
        return {"method": METHODS[free]} if free < len(METHODS) else {}
    if story in MORNING:
        year, month, day = days.civil(plan.end)
        at = year * MONTHS + month - 1 - min(plan.months - 2, _LONGEST)
        first = days.months_on((at // MONTHS, at % MONTHS + 1, 1), 0, day)
    else:
        year, month, _ = days.civil(plan.start)
        first = days.months_on((year, month, 1), 1, _FIRST_DAY + number)
    return {**story.terms, "first_due": days.number(*first)}


def _registry(plan: PortfolioPlan) -> Speech:
    """Return what the institution says of the parties' receivers."""
    speech = Speech("R", 0)
    for party in plan.owners:
        account = sha256(f"account of {party}, {plan.seed}".encode()).hexdigest()
        speech.say(
            ReceiverRegistered,
            (plan.institution, plan.start),
            (receiver_of(party),),
            receiver=receiver_of(party),
            kind="bank_account",
            owner=party,
            commitment=account,
            last4=f"{int(account[:4], 16) % 10_000:04d}",
            cycle="D+1",
            currency=CURRENCY,
        )
    return speech


def _by_day(spoken: Iterable[tuple[int, Speech]]) -> list[tuple[Said, ...]]:
    """Return what is said of each month's trade, and then of its payouts, day by day.

    On a day loans come first, then splits; what is instructed first comes before both.
    """
    parts: dict[tuple[str, bool], list[tuple[tuple[int, ...], Said]]] = {}
    for rank, speech in spoken:
        for at, said in enumerate(speech.said):
            first = _OPENING if said.follows and rank == _SPLITS else rank
            place = (said.day, first, speech.minute, at)
            part = (days.write(said.day)[:7], rank == _PAYOUTS)
            parts.setdefault(part, []).append((place, said))
    return [
        tuple(said for _, said in sorted(parts[part], key=lambda each: each[0]))
        for part in sorted(parts)
    ]


def turns_of(part: Sequence[Said]) -> Iterator[PortfolioTurn]:
    """Yield what is said by turns: each holds what nothing else of that party has to wait for."""
    turns: dict[tuple[int, str], list[Said]] = {}
    latest: dict[str, tuple[int, str]] = {}
    for each in part:
        before = [latest[name] for name in (*each.after, *each.follows) if name in latest]
        place = max((at + (party != each.party) for at, party in before), default=0)
        latest.update(dict.fromkeys(each.after, (place, each.party)))
        turns.setdefault((place, each.party), []).append(each)
    for (_, party), lines in sorted(turns.items(), key=lambda turn: turn[0]):
        yield PortfolioTurn(days.write(part[0].day)[:7], party, tuple(lines))
