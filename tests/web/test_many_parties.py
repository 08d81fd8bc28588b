"""Pages of a consortium of 21 parties, 20 of which vote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from ledger.genesis import Role
from tests.ledger import refund_kit
from tests.web.overview_kit import Shown

NAMED: dict[str, Role] = {"platform": "platform", "institution": "institution"}
FUNDERS: dict[str, Role] = {f"fund-of-a-long-name-{number:02}": "funder" for number in range(18)}


class Many(Shown):
    """A ledger of many parties, each of which has raised disputes with the next three."""

    ROLES: ClassVar[dict[str, Role]] = {**NAMED, **FUNDERS, "auditor": "supervisor"}
    VOTERS: ClassVar[int] = 14


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Many]:
    made = Many(tmp_path_factory.mktemp("many"))
    made.capture("P1")
    voters = made.genesis.voters
    for place, party in enumerate(voters):
        for other in voters[place + 1 : place + 4]:
            said = refund_kit.dispute_of(f"{party[-2:]}-{other[-2:]}", against=other)
            made.apply(party, "dispute.raised", **said)
    yield made
    made.close()


def test_every_party_stands_on_the_overview_and_in_the_matrix(many: Many) -> None:
    overview, matrix = many.page("/"), many.page("/reconciliation")
    assert len(many.genesis.names) == 21
    for name in many.genesis.names:
        assert f"<b>{name}</b>" in overview.source
    for name in many.genesis.voters[1:]:
        assert f'<th scope="row">{name}' in matrix.source
    for name in many.genesis.voters[:-1]:
        assert f'<th scope="col">{name}</th>' in matrix.source


@pytest.mark.parametrize(
    ("language", "words"), [("en", "14 of 20 parties"), ("zh", "20 方中的 14 方")]
)
def test_the_list_of_blocks_counts_many_voters_and_a_block_names_them(
    many: Many, language: str, words: str
) -> None:
    rows = many.page("/chain", language).source.partition("<tbody>")[2].split("</tr>")[:-1]
    newest = many.tip.height
    block = many.page(f"/chain/blocks/{newest}", language)
    assert words in rows[0]
    for name in many.get(f"/v1/blocks/{newest}")["voters"]:
        assert name in block.source
