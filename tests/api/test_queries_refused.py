"""A record that lost a race stands refused, and is shown where a person asks for its money."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cli import main
from tests.api.queries_kit import DATABASES, Kept
from tests.api.queries_kit import refused as not_there
from tests.ledger import refund_kit
from tests.ledger.ledger_kit import captured, leg, payout_of
from views import timeline


@pytest.fixture(scope="module", params=DATABASES)
def kept(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Kept]:
    made = Kept(tmp_path_factory.mktemp("refused"), request.param)
    made.register("shop")
    made.register("platform-fee", owner="platform")
    for payment in ("P1", "P2"):
        made.capture(payment)
        made.instruct(payment)
    refund_kit.deposit(made, amount=5_000)
    yield made
    made.close()


def refused(kept: Kept, payment: str) -> list[tuple[str, str, str]]:
    """Return what stands refused in a payment's timeline: type, id of the matter, code."""
    timeline = kept.get(f"/v1/payments/{payment}")["timeline"]
    return [
        (each["type"], each["record"].get("refund") or each["record"].get("dispute", ""),
         each["outcome"])
        for each in timeline if each["outcome"] != "applied"
    ]  # fmt: skip


def request(refund: str, **fields: Any) -> dict[str, Any]:
    return refund_kit.refund_of(refund, **fields)


def test_a_refund_refused_at_its_first_request_is_in_its_payments_timeline(kept: Kept) -> None:
    kept.refuse(
        "refund-exceeds-float", "platform", "refund.requested", **request("R1", amount=6_000)
    )
    kept.refuse(
        "refund-exceeds-payment", "platform", "refund.requested", **request("R2", amount=10_001)
    )
    kept.refuse("wrong-author", "institution", "refund.requested", **request("R3"))
    assert refused(kept, "P1") == [
        ("refund.requested", "R1", "refund-exceeds-float"),
        ("refund.requested", "R2", "refund-exceeds-payment"),
        ("refund.requested", "R3", "wrong-author"),
    ]
    assert refused(kept, "P2") == []


def test_a_refund_of_an_unknown_payment_is_all_that_is_known_of_it(kept: Kept) -> None:
    kept.refuse("not-captured", "platform", "refund.requested", **request("R4", payment="P77"))
    assert kept.get("/v1/payments/P77")["state"] == "unknown"
    assert refused(kept, "P77") == [("refund.requested", "R4", "not-captured")]


def test_a_refused_request_is_shown_once_and_with_the_payment_that_it_names(kept: Kept) -> None:
    refund_kit.request(kept, "R5", 1_000, payment="P2")
    kept.refuse("refund-exists", "platform", "refund.requested", **request("R5", payment="P2"))
    kept.refuse("refund-exists", "platform", "refund.requested", **request("R5", payment="P3"))
    assert refused(kept, "P2") == [("refund.requested", "R5", "refund-exists")]
    assert refused(kept, "P3") == [("refund.requested", "R5", "refund-exists")]


def test_a_refused_dispute_is_in_the_timeline_of_what_it_is_about(kept: Kept) -> None:
    kept.capture("P6")
    kept.instruct("P6")
    dispute = refund_kit.dispute_of
    refund_kit.dispute(kept, "D1", "payment:P6")
    kept.refuse("dispute-exists", "platform", "dispute.raised", **dispute("D1", "payment:P6/leg:2"))
    kept.refuse(
        "unknown-subject", "platform", "dispute.raised", **dispute("D2", "payment:P6/leg:9")
    )
    assert refused(kept, "P6") == [
        ("dispute.raised", "D1", "dispute-exists"),
        ("dispute.raised", "D2", "unknown-subject"),
    ]


def test_the_command_line_names_the_refund_that_was_refused(
    kept: Kept, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    kept.capture("P7")
    kept.refuse(
        "refund-exceeds-float", "platform", "refund.requested",
        **request("R7", payment="P7", amount=9_000),
    )  # fmt: skip
    assert main.run(["payment", "P7", "--url", kept.server.url, "--token", kept.token]) == 0
    (line,) = [each for each in capsys.readouterr().out.splitlines() if "REFUSED" in each]
    assert "refund.requested REFUSED: refund-exceeds-float" in line
    assert line.rstrip().endswith("refund:R7")


def test_the_postings_of_an_applied_request_stay_with_its_refund(kept: Kept) -> None:
    kept.capture("P8")
    refund_kit.request(kept, "R8", 500, payment="P8")
    (entry,) = [each for each in kept.get("/v1/payments/P8")["timeline"]
                if each["type"] == "refund.requested"]  # fmt: skip
    assert (entry["subject"], entry["outcome"]) == ("refund:R8", "applied")


def test_a_payout_that_was_refused_is_in_the_timeline_of_its_receiver(kept: Kept) -> None:
    none = payout_of("O9", cutoff_date="2026-01-05")
    kept.refuse("nothing-due", "institution", "settlement.created", **none)
    timeline = kept.get("/v1/receivers/shop")["timeline"]
    (entry,) = [each for each in timeline if each["type"] == "settlement.created"]
    assert (entry["record"]["payout"], entry["outcome"]) == ("O9", "nothing-due")
    response = kept.client.get("/v1/payouts/O9")
    assert "the timeline of its receiver" in not_there(response, 404, "no-such-payout")


def test_a_payout_that_was_applied_stays_with_itself(kept: Kept) -> None:
    kept.register("own")
    kept.capture("P9")
    kept.instruct("P9", legs=[leg(1, "own", amount=10_000)])
    kept.create("O10", 10_000, receiver="own")
    taken = payout_of("O10", receiver="own")
    kept.refuse("payout-exists", "institution", "settlement.created", **taken)
    timeline = kept.get("/v1/payouts/O10")["timeline"]
    assert [each["outcome"] for each in timeline] == ["applied"]
    timeline = kept.get("/v1/receivers/own")["timeline"]
    assert timeline[-1]["outcome"] == "payout-exists"


def test_refused_records_crowd_nothing_out_of_a_timeline(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.capture("P11")
    whole = kept.get("/v1/payments/P11")
    assert whole["timeline_whole"]
    monkeypatch.setattr(timeline, "TIMELINE_MAX", 2)
    monkeypatch.setattr(timeline, "TIMELINE_REFUSED_MAX", 3)
    for _ in range(6):
        kept.refuse("already-captured", "institution", "payment.captured", **captured("P11"))
    kept.instruct("P11")
    view = kept.get("/v1/payments/P11")
    newest = [("payment.captured", "applied"), *[("payment.captured", "already-captured")] * 3]
    told = [(each["type"], each["outcome"]) for each in view["timeline"]]
    assert told == [*newest, ("split.instructed", "applied")]
    assert not view["timeline_whole"]
