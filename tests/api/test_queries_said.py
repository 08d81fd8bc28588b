"""What a second half said is shown in its own currency, also where it contradicts the first."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cli import main
from tests.api.queries_kit import DAY, MORNING, Kept
from tests.ledger import fee_kit, refund_kit


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Give a ledger on which every confirmation is contradicted in another currency, once."""
    made = Kept(tmp_path_factory.mktemp("said"))
    made.register("shop", owner="funder")
    made.register("platform-fee", owner="platform")
    fee_kit.agree(made)
    fee_kit.consented(made)
    made.capture()
    made.instruct()
    fee_kit.charge(made)
    refund_kit.deposit(made)
    made.apply("institution", "refund_float.deposited", **refund_kit.movement_of("M2"))
    said = refund_kit.movement_of("M2", 5, currency="JPY")
    made.apply("platform", "refund_float.confirmed", **said)
    made.apply("institution", "refund_float.deposited", **refund_kit.movement_of("M3"))
    made.now += DAY
    made.create()
    made.paid()
    arrived = {"payout": "O1", "amount": 5, "currency": "JPY", "received_at": MORNING}
    made.apply("funder", "settlement.confirmed", **arrived)
    made.now = fee_kit.FEBRUARY
    made.apply("institution", "fee.invoiced", **fee_kit.invoice_of())
    made.apply("platform", "fee.settled", **fee_kit.settlement_of(amount=5, currency="JPY"))
    yield made
    made.close()


def test_a_movement_shows_what_was_confirmed_in_its_currency(kept: Kept) -> None:
    movements = kept.get("/v1/refund-float/movements")["movements"]
    said = [(each.get("confirmed_amount"), each.get("confirmed_currency")) for each in movements]
    assert said == [(20_000, "CNY"), (5, "JPY"), (None, None)]
    assert [each["currency"] for each in movements] == ["CNY"] * 3


def test_the_float_shows_what_the_platform_said_in_its_currency(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--url", kept.server.url, "--token", kept.token]
    assert main.run(["float", *where]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "M2" in line.split()]
    assert row.split()[-2:] == ["5", "JPY"]
    assert main.run(["float", *where, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["movements"][1]
    assert shown["confirmed_currency"] == "JPY"


def test_a_payout_shows_what_arrived_in_its_currency(kept: Kept) -> None:
    (listed,) = kept.get("/v1/payouts")["payouts"]
    view = kept.get("/v1/payouts/O1")
    for shown in (listed, view):
        said = (shown["confirmed_amount"], shown["confirmed_currency"], shown["currency"])
        assert said == (5, "JPY", "CNY")


def test_fees_show_settlement_and_confirmation_in_their_currencies(kept: Kept) -> None:
    (view,) = kept.get("/v1/fees")["periods"]
    assert (view["settled_amount"], view["settled_currency"]) == (5, "JPY")
    assert (view["currency"], view["state"]) == ("CNY", "conflicting")
    kept.apply("platform", "fee.settled", **fee_kit.settlement_of())
    kept.now = fee_kit.SHARING
    kept.apply("institution", "profit.shared", **fee_kit.share_of())
    kept.apply("platform", "profit.confirmed", **fee_kit.confirmation_of(5, currency="JPY"))
    (view,) = kept.get("/v1/fees")["periods"]
    assert (view["settled_amount"], view["settled_currency"]) == (60, "CNY")
    said = {each["party"]: each.get("confirmed_currency") for each in view["portions"]}
    assert said == {"institution": None, "platform": "JPY", "funder": None}
