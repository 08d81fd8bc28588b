"""The sheets of a portfolio's days, from a real database, beside the sums of its answer key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from demo.loans.answer import SUMS, answer
from demo.loans.cast import LOANS_MIN, MONTHS_MIN, PortfolioPlan
from demo.loans.generate import generate
from demo.loans.said import moment
from ledger import canonical
from tests.api.lending_kit import CosignedLoans

PLAN = PortfolioPlan(LOANS_MIN, MONTHS_MIN, 7)
PARTIES = PLAN.owners


class KeptPortfolio(CosignedLoans):
    """A consortium of the portfolio's parties, which have no receivers yet."""

    def register(self, receiver: str, **fields: Any) -> int:
        """Register nothing: the portfolio's own records do."""
        return 0


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CosignedLoans]:
    made = KeptPortfolio(tmp_path_factory.mktemp("portfolio"))
    made.now = moment(PLAN.end + 1)
    for turn in generate(PLAN).turns:
        records = [canonical.encode(said.record) for said in turn.said]
        made.run(made.seal(turn.party, records))
    yield made
    made.close()


@pytest.fixture(scope="module")
def days() -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for each in answer(generate(PLAN))["days"]:
        found.setdefault(each["date"], {})[each["party"]] = each
    return found


def figures_of(sheet: dict[str, Any]) -> dict[str, int]:
    return {each["name"].replace("-", "_"): each["amount"] for each in sheet["figures"]}


@pytest.mark.parametrize("part", range(3))
def test_every_figure_of_every_day_is_that_of_the_answer_key(
    kept: CosignedLoans, days: dict[str, dict[str, dict[str, Any]]], part: int
) -> None:
    nothing = dict.fromkeys(SUMS, 0)
    for date in sorted(days)[part::3]:
        for party in PARTIES:
            told = figures_of(kept.sheet(party, date))
            said = days[date].get(party, nothing)
            assert {n: told[n] for n in SUMS} == {n: said[n] for n in SUMS}, f"{party}, {date}"
