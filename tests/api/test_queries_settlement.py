"""Settlement over HTTP: its sums are those of the lists, and say what became of what came back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.api.queries_kit import DATABASES, Kept, month_on, pages, refused
from tests.ledger.ledger_kit import DAY, leg

kept = month_on(DATABASES)


def _due(kept: Kept) -> list[dict[str, Any]]:
    found = pages(kept, "/v1/payouts/due", "due", limit=1, upcoming="true")
    return [each for page in found for each in page]


def test_what_is_due_is_the_sum_of_the_list_by_day_and_by_receiver(kept: Kept) -> None:
    shown = kept.get("/v1/settlement")
    by_day: Counter[str] = Counter()
    by_receiver: Counter[str] = Counter()
    for each in _due(kept):
        by_day[each["due_date"]] += each["amount"]
        if each["state"] == "due":
            by_receiver[each["receiver"]] += each["amount"]
    assert {each["due_date"]: each["amount"] for each in shown["days"]} == by_day
    most = [(each["receiver"], each["amount"]) for each in shown["receivers"]]
    assert most == sorted(by_receiver.items(), key=lambda each: -each[1])
    assert most == [("shop", 24_000), ("funder-share", 16_000)]
    (sums,) = shown["sums"]
    assert sums["due"] + sums["upcoming"] == by_day.total()


def test_what_is_in_transit_and_paid_is_what_the_books_hold(kept: Kept) -> None:
    (sums,) = kept.get("/v1/settlement")["sums"]
    for name, prefix in (("in_transit", "in_transit:"), ("paid", "paid:")):
        accounts = kept.get("/v1/balances", prefix=prefix)["balances"]
        assert sums[name] == -sum(each["amount"] for each in accounts)
    assert sums["paid"] == 3_000


def test_payouts_are_summed_by_cutoff_date_and_by_what_became_of_them(kept: Kept) -> None:
    (day,) = kept.get("/v1/settlement")["payouts"]
    every = kept.get("/v1/payouts")["payouts"]
    assert day["count"] == len(every) == 4
    for state in ("paid", "returned"):
        assert day[state] == sum(each["amount"] for each in every if each["state"] == state)
    assert "created" not in day
    assert "confirmed" not in day


def test_what_came_back_says_with_which_payout_it_went_out_again(kept: Kept) -> None:
    back = kept.get("/v1/settlement")["came_back"]
    assert [(each["payout"], each["due_again"], each["payouts"]) for each in back] == [
        ("O2", 0, ["O3"]),
        ("O1", 0, ["O3"]),
    ]


def test_what_came_back_and_is_in_no_payout_is_due_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.register("shop")
    for number in (1, 2):
        kept.capture(f"P{number}", 10_000)
        kept.instruct(f"P{number}", 10_000, legs=[leg(1, "shop", amount=10_000)])
    kept.now += DAY
    kept.create("O1", 20_000, legs=2)
    in_transit = kept.get("/v1/settlement")
    kept.apply("institution", "settlement.returned", payout="O1", reason="account closed")
    kept.capture("P3", 500, captured_at=kept.now)
    kept.instruct("P3", 500, legs=[leg(1, "shop", amount=500)])
    came_back = kept.get("/v1/settlement")
    kept.close()
    assert [each["in_transit"] for each in in_transit["sums"]] == [20_000]
    assert [each["payout"] for each in in_transit["in_transit"]] == ["O1"]
    (sums,) = came_back["sums"]
    assert (sums["due"] + sums["upcoming"], sums["again"], sums["in_transit"]) == (
        20_500,
        20_000,
        0,
    )
    (back,) = came_back["came_back"]
    assert (back["due_again"], back["payouts"], back["return_reason"]) == (
        20_000,
        [],
        "account closed",
    )
    assert [each["again"] for each in came_back["receivers"]] == [20_000]


def test_days_are_bounded(kept: Kept) -> None:
    for days in (0, 32):
        refused(kept.client.get(f"/v1/settlement?days={days}"), 400, "bad-parameter")
    far = kept.get("/v1/settlement", days=31)
    assert far["until"] > kept.get("/v1/settlement", days=1)["until"]


def test_an_empty_ledger_has_nothing_to_settle(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    shown = kept.get("/v1/settlement")
    kept.close()
    lists = ("sums", "days", "later", "receivers", "payouts", "in_transit", "came_back")
    assert not any(shown[name] for name in lists)
