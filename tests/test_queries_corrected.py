"""Payments that were corrected: what an earlier capture was charged is still shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from queries_kit import Kept

from cli import main
from tests import fee_kit


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Give a payment whose first charge was invoiced, and that was captured and charged anew."""
    made = Kept(tmp_path_factory.mktemp("corrected"))
    made.register("shop")
    made.register("platform-fee", owner="platform")
    fee_kit.agree(made)
    made.capture()
    fee_kit.charge(made)
    made.now = fee_kit.FEBRUARY
    made.apply("institution", "fee.invoiced", **fee_kit.invoice_of())
    made.apply("institution", "payment.reversed", payment="P1", reason="void")
    made.capture(amount=20_000)
    fee_kit.charge(made, amount=120)
    yield made
    made.close()


def test_a_payment_charged_anew_still_shows_its_invoiced_charge(kept: Kept) -> None:
    view = kept.get("/v1/payments/P1")
    assert (view["fee"]["amount"], view["fee"]["state"]) == (120, "charged")
    (earlier,) = view["earlier_fees"]
    assert (earlier["amount"], earlier["state"], earlier["invoice"]) == (60, "invoiced", "I1")


def test_the_command_shows_earlier_fees_too(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["payment", "P1", "--url", kept.server.url, "--token", kept.token]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  fee ")]
    assert [line.split(maxsplit=1)[1] for line in lines] == [
        "0.60 CNY invoiced for 2026-01, invoice I1",
        "1.20 CNY charged for 2026-02",
    ]
