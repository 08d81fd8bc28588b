"""Payments that were corrected: earlier fees are still shown, and no money where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import main
from ledger.contracts.payouts import Payout
from tests.api.queries_kit import Kept, pages
from tests.ledger import fee_kit
from tests.ledger.ledger_kit import Ledger, leg, split
from views import payments
from views.reader import walked


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
    _corrections(made)
    yield made
    made.close()


def _corrections(made: Kept) -> None:
    """P3 is amended after its reversal, P5 captured after its withdrawal, P6 captured anew."""
    for payment in ("P2", "P3", "P6"):
        made.capture(payment)
        made.instruct(payment)
        made.apply("institution", "payment.reversed", payment=payment, reason="void")
    made.apply("platform", "split.amended", **split("P3"))
    made.capture("P6")
    for payment in ("P4", "P5"):
        made.instruct(payment)
        made.apply("platform", "split.withdrawn", payment=payment, reason="cancelled")
    made.capture("P5")
    made.instruct("P7")


def money_of(view: dict[str, Any]) -> tuple[str, set[str], dict[str, int]]:
    return view["state"], {leg["state"] for leg in view["legs"]}, view["money"]


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


def test_what_is_due_again_names_the_payout_that_came_back_last(tmp_path: Path) -> None:
    made = Kept(tmp_path)
    made.register("shop")
    for payment, payout in (("A", "O1"), ("B", "O2")):
        made.capture(payment, 100)
        made.instruct(payment, 100, legs=[leg(1, "shop", amount=100)])
        made.create(payout, 100)
    for payout in ("O2", "O1"):
        made.apply("institution", "settlement.returned", payout=payout, reason="closed")
    (due,) = made.get("/v1/payouts/due", receiver="shop", on="2026-01-06")["due"]
    made.close()
    assert (due["amount"], due["returned_payout"]) == (200, "O1")


@pytest.mark.parametrize(
    ("payment", "state", "legs", "money"),
    [
        ("P2", "reversed", "void", {}),
        ("P3", "instructed", "instructed", {}),
        ("P4", "withdrawn", "void", {}),
        ("P5", "captured", "void", {"suspense": 10_000}),
        ("P6", "split", "allocated", {"allocated": 10_000}),
        ("P7", "instructed", "instructed", {}),
    ],
)
def test_money_is_where_a_capture_put_it_and_void_legs_are_none(
    kept: Kept, payment: str, state: str, legs: str, money: dict[str, int]
) -> None:
    assert money_of(kept.get(f"/v1/payments/{payment}")) == (state, {legs}, money)


def test_a_dispute_about_a_void_leg_puts_no_money_anywhere(kept: Kept) -> None:
    named = {"dispute": "X1", "subject": "payment:P2/leg:1", "against": "platform"}
    kept.apply("funder", "dispute.raised", **named, reason="mine")
    assert money_of(kept.get("/v1/payments/P2")) == ("disputed", {"void"}, {})


# --- payouts that came back, and whose legs then changed ----------------------------------------


@pytest.fixture(scope="module")
def returned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Give payouts that came back.

    O1 and O2 carried the shares of A and B. Then A was amended, O3 with what was left came back as
    well, B was reversed. O4 carries what A's amendment made, which is amended again.
    """
    made = Kept(tmp_path_factory.mktemp("returned"))
    made.register("shop")
    made.register("other")
    for payment in ("A", "B"):
        made.capture(payment, 100)
        made.instruct(payment, 100, legs=[leg(1, "shop", amount=100)])
    for payout in ("O1", "O2"):
        _come_back(made, payout, 200, legs=2)
    _amend(made, [leg(1, "other", amount=60), leg(2, "shop", amount=40)])
    _come_back(made, "O3", 140, legs=2)
    made.apply("institution", "payment.reversed", payment="B", reason="void")
    _come_back(made, "O4", 60, receiver="other")
    _amend(made, [leg(1, "shop", amount=100)])
    yield made
    made.close()


def _amend(made: Ledger, legs: list[dict[str, Any]]) -> None:
    made.apply("platform", "split.amended", **split("A", 100, legs=legs))


def _come_back(made: Ledger, payout: str, amount: int, **fields: Any) -> None:
    made.create(payout, amount, **fields)
    made.apply("institution", "settlement.returned", payout=payout, reason="closed")


@pytest.mark.parametrize(
    ("payout", "carried"),
    [
        ("O1", [("A", 1, 100), ("B", 1, 100)]),
        ("O2", [("A", 1, 100), ("B", 1, 100)]),
        ("O3", [("B", 1, 100), ("A", 2, 40)]),
        ("O4", [("A", 1, 60)]),
    ],
)
def test_a_payout_shows_the_legs_that_it_carried_although_their_split_was_amended(
    returned: Kept, payout: str, carried: list[tuple[str, int, int]]
) -> None:
    view = returned.get(f"/v1/payouts/{payout}")
    legs = view["legs"]
    assert [(each["payment"], each["leg"], each["amount"]) for each in legs] == carried
    assert (view["leg_count"], view["amount"]) == (len(legs), sum(e["amount"] for e in legs))
    assert {(each["state"], each["returned_payout"]) for each in legs} == {("void", payout)}
    paged = pages(returned, f"/v1/payouts/{payout}/legs", "legs", limit=1)
    assert [each for page in paged for each in page] == legs


@pytest.mark.parametrize(("payment", "payouts"), [("A", "O1 O2 O3 O4"), ("B", "O1 O2 O3")])
def test_a_payment_shows_all_payouts_that_its_legs_were_ever_in(
    returned: Kept, payment: str, payouts: str
) -> None:
    view = returned.get(f"/v1/payments/{payment}")
    assert [each["payout"] for each in view["payouts"]] == payouts.split()
    said = {e["subject"] for e in view["timeline"] if e["type"] == "settlement.returned"}
    assert said == {f"payout:{name}" for name in payouts.split()}


def test_a_leg_that_stayed_is_shown_beside_one_that_left(tmp_path: Path) -> None:
    made = Kept(tmp_path)
    made.register("shop")
    made.register("other")
    for payment in ("A", "B"):
        made.capture(payment, 100)
        made.instruct(payment, 100, legs=[leg(1, "shop", amount=100)])
    _come_back(made, "O1", 200, legs=2)
    _amend(made, [leg(1, "other", amount=100)])
    made.create("O2", 100)
    shown = {name: made.get(f"/v1/payouts/{name}")["legs"] for name in ("O1", "O2")}
    paged = [each for page in pages(made, "/v1/payouts/O1/legs", "legs", limit=1) for each in page]
    made.close()
    assert paged == shown["O1"]
    assert [(e["payment"], e["state"]) for e in shown["O1"]] == [("A", "void"), ("B", "in-payout")]
    assert [(e["payment"], e["state"]) for e in shown["O2"]] == [("B", "in-payout")]


def test_the_history_of_a_payment_asks_once_for_what_came_back_from_a_receiver(
    returned: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often its legs came back: else the cost grows with legs times payouts."""
    asked: list[str] = []

    def counted(reader: Any, kind: type[Any], walk: Any) -> Any:
        asked.extend(walk.fixed["receiver"] for _ in range(kind is Payout))
        return walked(reader, kind, walk)

    monkeypatch.setattr(payments, "walked", counted)
    returned.get("/v1/payments/A")
    assert sorted(asked) == ["other", "shop"]


def test_the_legs_of_a_payout_come_page_after_page_whatever_dates_they_fell_due_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Kept(tmp_path)
    made.register("shop")
    for number, late in enumerate((0, 1, 0, 1, 0)):
        made.capture(f"P{number}", 100, captured_at=made.now - late * 3 * 86_400_000)
        legs = [leg(place, "shop", amount=50) for place in (1, 2)]
        made.instruct(f"P{number}", 100, legs=legs)
    made.create("O1", 500, legs=10)
    for limit in (1, 3, 100):
        found = pages(made, "/v1/payouts/O1/legs", "legs", limit=limit)
        told = [(each["payment"], each["leg"]) for page in found for each in page]
        assert told == [(f"P{number}", place) for number in (0, 2, 4, 1, 3) for place in (1, 2)]
    csv = made.client.get("/v1/payouts/O1/legs", params={"format": "csv"}).text
    assert len(csv.splitlines()) == 11
    there = ["--url", made.server.url, "--token", made.token]
    assert main.run(["payout", "O1", "--limit", "3", *there]) == 0
    assert "there are more than 3" in capsys.readouterr().err
    assert made.client.get("/v1/payouts/O2/legs").status_code == 404
    made.close()
