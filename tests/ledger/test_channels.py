"""What channels tell: their own numbers, who paid which part, and ids in the signs they allow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from beancount.loader import load_file

from cli import main
from cli.books.beancount import own_name, their_name
from ledger.contracts.channels import NumberedSubject
from ledger.contracts.halves import Capture
from tests.api.queries_kit import Kept
from tests.ledger.ledger_kit import HEX, MORNING, Ledger, captured, leg, opened, paid_of

Capsys = pytest.CaptureFixture[str]

PAYMENT, ORDER, REFUND = "_4200|P*1@x-y", "_O|2026*01@a-b", "_R|1*@-"
SOURCES = [{"source": "buyer", "amount": 9000}, {"source": "coupon", "amount": 1000}]
NUMBER, OF_REFUND, OF_PAYOUT = "4200001234", "5030001234", "1317001234"


def test_a_capture_keeps_what_its_channel_told() -> None:
    ledger = opened()
    ledger.capture(channel_number=NUMBER, sources=SOURCES)
    row = ledger.row(Capture, "P1")
    assert (row.channel_number, row.sources) == (NUMBER, ("buyer:9000", "coupon:1000"))
    assert ledger.row(NumberedSubject, NUMBER, "payment:P1")


def test_a_capture_that_is_refused_leaves_no_number() -> None:
    ledger = opened()
    fields = captured(channel_number=NUMBER, sources=SOURCES[:1])
    refused = ledger.refuse("sources-do-not-sum", "institution", "payment.captured", **fields)
    assert "-1000 (-10.00 CNY)" in refused.message
    assert ledger.get(NumberedSubject, NUMBER, "payment:P1") is None


def test_halves_agree_whatever_the_channel_told() -> None:
    ledger = opened()
    ledger.capture(channel_number=NUMBER, sources=SOURCES)
    ledger.instruct()
    assert ledger.balance("pending:shop") == -7000


def test_a_returned_payout_keeps_its_number_and_a_new_result_has_its_own() -> None:
    ledger = opened()
    _split(ledger, "P1", "order-P1")
    ledger.create()
    ledger.apply("institution", "settlement.paid", **paid_of(), channel_number=OF_PAYOUT)
    ledger.apply("institution", "settlement.returned", payout="O1", reason="closed")
    assert ledger.row(NumberedSubject, OF_PAYOUT, "payout:O1")


def _split(ledger: Ledger, payment: str, order: str) -> None:
    ledger.capture(payment, order=order, channel_number=NUMBER, sources=SOURCES)
    ledger.instruct(payment, order=order)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Keep a payment of odd ids: paid out, partly refunded, the refund failed and tried again."""
    made = Kept(tmp_path_factory.mktemp("channels"))
    made.register("shop")
    made.register("platform-fee", owner="platform")
    _split(made, PAYMENT, ORDER)
    made.capture("P2", channel_number="other")
    money = {"amount": 5000, "currency": "CNY"}
    made.apply("institution", "refund_float.deposited", movement="M1", **money)
    made.apply("platform", "refund_float.confirmed", movement="M1", **money)
    asked = {"refund": REFUND, "payment": PAYMENT, "order": ORDER, "reason": "one item"}
    made.apply("platform", "refund.requested", **asked, amount=2500, currency="CNY")
    made.apply("institution", "refund.failed", refund=REFUND, reason="x", channel_number="first")
    made.apply("platform", "refund.requested", **asked, amount=2500, currency="CNY")
    result = {"refund": REFUND, "bank_reference": HEX, "paid_at": MORNING}
    made.apply("institution", "refund.paid", **result, channel_number=OF_REFUND)
    made.create("_O|1*@", 7000)
    paid = {**paid_of("_O|1*@"), "channel_number": OF_PAYOUT}
    made.apply("institution", "settlement.paid", **paid)
    dispute = {"dispute": "_D|1", "subject": f"payment:{PAYMENT}/leg:2", "against": "institution"}
    made.apply("platform", "dispute.raised", **dispute, reason="any")
    yield made
    made.close()


def run(kept: Kept, *words: str) -> int:
    return main.run([*words, "--url", kept.server.url, "--token", kept.token])


def test_views_show_number_and_sources(kept: Kept) -> None:
    view = kept.get(f"/v1/payments/{PAYMENT}")
    assert view["capture"]["channel_number"] == NUMBER
    assert view["capture"]["sources"] == SOURCES
    assert view["refunds"][0]["channel_number"] == OF_REFUND
    (payout,) = view["payouts"]
    assert payout["channel_number"] == OF_PAYOUT
    plain = kept.get("/v1/payments/P2")["capture"]
    assert "sources" not in plain


@pytest.mark.parametrize(
    ("number", "found"),
    [(NUMBER, [PAYMENT]), (OF_REFUND, [PAYMENT]), ("first", [PAYMENT]), ("other", ["P2"]),
     (OF_PAYOUT, []), ("none", [])],
)  # fmt: skip
def test_payments_are_found_by_their_numbers_and_those_of_their_refunds(
    kept: Kept, number: str, found: list[str]
) -> None:
    page = kept.get("/v1/search", channel_number=number)
    assert [each["payment"] for each in page["payments"]] == found


def test_one_number_of_many_payments_comes_page_after_page(tmp_path: Path) -> None:
    made = Kept(tmp_path)
    try:
        names = [f"P{n}" for n in range(7)]
        for name in names:
            made.capture(name, channel_number="same")
        found: list[str] = []
        query: dict[str, Any] = {"channel_number": "same", "limit": 3}
        while True:
            page = made.get("/v1/search", **query)
            found += [each["payment"] for each in page["payments"]]
            if "next" not in page:
                break
            query["cursor"] = page["next"]
        assert found == names
    finally:
        made.close()


def test_payouts_are_found_by_the_number_of_their_transfer(kept: Kept, capsys: Capsys) -> None:
    for state, count in (("paid", 1), ("returned", 0), (None, 1)):
        query = {"channel_number": OF_PAYOUT, **({"state": state} if state else {})}
        assert len(kept.get("/v1/payouts", **query)["payouts"]) == count
    assert kept.get("/v1/payouts", channel_number=NUMBER)["payouts"] == []
    assert run(kept, "payouts", "--channel-number", OF_PAYOUT, "--json") == 0
    assert json.loads(capsys.readouterr().out)["payouts"][0]["payout"] == "_O|1*@"


def test_commands_show_what_the_channel_told(kept: Kept, capsys: Capsys) -> None:
    assert run(kept, "search", "--channel-number", NUMBER, "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["payments"]
    assert (found["payment"], found["order"], found["channel_number"]) == (PAYMENT, ORDER, NUMBER)
    assert run(kept, "payment", PAYMENT) == 0
    out = capsys.readouterr().out
    assert f"{NUMBER} of wechat" in out
    assert "90.00 CNY buyer, 10.00 CNY coupon" in out
    assert run(kept, "payout", "_O|1*@") == 0
    assert OF_PAYOUT in capsys.readouterr().out


def test_odd_ids_are_found_by_order_beginning_and_refund(kept: Kept, capsys: Capsys) -> None:
    for option, value in (("--order", ORDER), ("--payment", PAYMENT[:8]), ("--payment", "_")):
        assert run(kept, "search", option, value, "--json") == 0
        found = json.loads(capsys.readouterr().out)["payments"]
        assert [each["payment"] for each in found] == [PAYMENT]
    assert run(kept, "refunds", "--payment", PAYMENT) == 0
    assert REFUND in capsys.readouterr().out
    (disputed,) = kept.get("/v1/disputes")["disputes"]
    assert (disputed["subject"], disputed["leg"]) == (f"payment:{PAYMENT}", 2)


def test_odd_ids_come_whole_through_csv(kept: Kept) -> None:
    answer = kept.client.get("/v1/search", params={"order": ORDER, "format": "csv"})
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["payment"], row["order"]) == (PAYMENT, ORDER)
    assert row["payment"][0] not in "=+-@", "a spreadsheet would take it for a formula"


@pytest.mark.parametrize("form", ["beancount", "csv", "xlsx"])
def test_odd_ids_come_whole_through_the_books(
    kept: Kept, tmp_path: Path, capsys: Capsys, form: str
) -> None:
    out = tmp_path / f"books.{form}"
    assert run(kept, "export", "books", "--format", form, "--out", str(out)) == 0
    if form == "beancount":
        entries, errors, _ = load_file(str(out))
        assert [error.message for error in errors] == []
        assert f"refund_due:{PAYMENT}" in {own_name(n) for n in _accounts(entries)}
    assert out.exists()


def _accounts(entries: Any) -> list[str]:
    return [entry.account for entry in entries if hasattr(entry, "booking")]


@pytest.mark.parametrize(
    "of",
    ["_a", "__", "_|", "a_", "a|b*c@d-e", "_X", "X--_a", "x--a", "X", "_-", "x|", "z@"],
)
def test_every_id_has_a_beancount_account_of_its_own(of: str) -> None:
    name = their_name(f"suspense:{of}")
    last = name.rsplit(":", 1)[1]
    assert last[0].isupper() or last[0].isdigit()
    assert own_name(name) == f"suspense:{of}"


@pytest.mark.parametrize(
    "bad", ["|a", "*a", "@a", "-a", ".a", ":a", "a/b", "a b", "a?", "a#b", "a%"]
)
def test_other_signs_are_no_part_of_an_id(bad: str) -> None:
    ledger = opened()
    with pytest.raises(Exception, match="bad-format"):
        ledger.capture(bad)


def test_legs_of_odd_receivers_are_paid(kept: Kept) -> None:
    ledger = Ledger()
    ledger.register("_shop|1*@")
    ledger.capture()
    ledger.instruct(legs=[leg(1, "_shop|1*@", amount=10_000)])
    ledger.create("O1", 10_000, receiver="_shop|1*@")
    assert ledger.balance("in_transit:_shop|1*@") == -10_000
