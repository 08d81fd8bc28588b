"""A receiver's statement is read to its end page by page, whatever one entry did to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.genesis import Limits
from ledger.limits import LEGS_CEILING
from tests.api.queries_kit import Kept, pages
from tests.ledger.ledger_kit import leg, split


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Give a payment of as many legs to one receiver as there may be, amended."""
    made = Kept(tmp_path_factory.mktemp("statement"), limits=Limits(legs=LEGS_CEILING))
    made.register("shop")
    made.capture(amount=100 * LEGS_CEILING)
    legs = [leg(number, "shop", amount=100) for number in range(1, LEGS_CEILING + 1)]
    made.instruct(amount=100 * LEGS_CEILING, legs=legs)
    legs[:2] = [leg(1, "shop", amount=99), leg(2, "shop", amount=101)]
    amended = split(amount=100 * LEGS_CEILING, legs=legs)
    made.apply("platform", "split.amended", **amended)
    made.capture("P2", 100)
    made.instruct("P2", 100, legs=[leg(1, "shop", amount=100)])
    yield made
    made.close()


@pytest.mark.parametrize("limit", [1, 2, 48, 49, 100])
def test_a_statement_goes_on_past_an_entry_of_the_most_lines(kept: Kept, limit: int) -> None:
    shown = list(pages(kept, "/v1/receivers/shop/statement", "lines", limit=limit))
    assert all(shown)
    lines = [line for page in shown for line in page]
    assert [line["due_change"] for line in lines] == [5_000, 0, 100]
    assert lines[-1]["due"] == 5_100
