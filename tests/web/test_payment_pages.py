"""Pages of payments: what is asked for is found, both halves are drawn, and the missing one."""

from __future__ import annotations

import re

import pytest

from tests.web.business_pages_kit import Shown, parts_of, shown_month, words_of

shown = shown_month()


def _links(html: str) -> list[str]:
    """Return the payments in the last table of a page, in their order."""
    table = html.rpartition("<table")[2]
    return list(dict.fromkeys(re.findall(r'href="/payments/(P\d)"', table)))


def test_with_nothing_asked_what_is_missing_and_the_newest_are_shown(shown: Shown) -> None:
    html = shown.page("/payments")
    missing, _, newest = html.partition("Newest captures")
    assert _links(missing) == ["P2", "P3", "P4"]
    assert _links(newest) == ["P9", "P8", "P7", "P6", "P5", "P3", "P2", "P1"]
    assert "platform" in words_of(missing)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=P3", ["P3"]),
        ("q=order-P4", ["P4"]),
        ("q=300.00", ["P3"]),
        ("q=¥", []),
        ("q=funder-share", ["P6", "P7", "P8", "P9"]),
        ("by=order&q=P3", []),
        ("by=receiver&q=funder-share", ["P6", "P7", "P8", "P9"]),
        ("by=amount_shown&q=1,00.00", []),
        ("order=order-P1", ["P1"]),
        ("receiver=funder-share", ["P6", "P7", "P8", "P9"]),
        ("from=2026-01-06&to=2026-01-06", ["P6", "P7", "P8", "P9"]),
    ],
)
def test_a_payment_is_found_by_whatever_is_known_of_it(
    shown: Shown, query: str, found: list[str]
) -> None:
    html = shown.page(f"/payments?{query}")
    assert _links(html) == found
    assert "Newest captures" not in html
    if not found:
        assert "No payment was found" in html or 'role="alert"' in html


def test_the_page_and_its_twin_find_the_same(shown: Shown) -> None:
    html = shown.page("/payments?q=order-P4")
    twin = re.search(r'href="(/v1/search[^"]*)"', html)
    assert twin is not None
    assert twin[1] == "/v1/search?order=order-P4"
    assert [each["payment"] for each in shown.client.get(twin[1]).json()["payments"]] == ["P4"]


def test_a_search_for_a_receiver_that_is_not_there_names_some_that_are(shown: Shown) -> None:
    said = shown.words("/payments?by=receiver&q=nobody")
    assert "no receiver is registered as 'nobody'" in said
    assert "shop" in said


def test_the_missing_half_is_a_gap_in_the_lane_of_the_party_that_owes_it(shown: Shown) -> None:
    html = shown.page("/payments/P2")
    (gap,) = re.findall(r'<div class="gap lane-(\d) (\w+)">', html)
    assert gap == ("1", "overdue")  # the platform's lane: parties stand as in the genesis
    assert parts_of(html, "lane-1") == ["", "platform"]
    (said,) = parts_of(html, "gap")
    assert said.startswith("platform Missing: instruction ¥200.00 awaited for ")
    assert "overdue by" in said
    assert not re.findall(r'class="join', html)
    said = "platform has not said who gets the ¥200.00 that institution captured for payment P2"
    assert said in words_of(html)


def test_halves_that_agree_are_joined_and_nothing_is_missing(shown: Shown) -> None:
    html = shown.page("/payments/P6")
    assert 'class="join from-1 to-2 met"' in html
    assert "instruction: both halves agree" in words_of(html)
    assert 'class="gap' not in html


def test_halves_that_differ_are_drawn_with_both_amounts(shown: Shown) -> None:
    html = shown.page("/payments/P3")
    assert 'class="join from-1 to-2 conflicting"' in html
    assert "the halves differ institution ¥300.00 ≠ platform ¥290.00" in words_of(html)
    assert 'class="banner bad unmet"' in html


def test_a_refused_record_is_dim_and_says_why_in_words(shown: Shown) -> None:
    html = shown.page("/payments/P1")
    (said,) = parts_of(html, "mark lane-2 refused")[:1]
    assert said.startswith("institution captured ¥100.00 for payment P1")
    assert "refused captured already already-captured" in words_of(html)
    assert "已经收款" in shown.words("/payments/P1", "zh-CN")


def test_every_entry_leads_to_its_receipt_and_to_its_place_in_the_chain(shown: Shown) -> None:
    html = shown.page("/payments/P1")
    entries = shown.get("/v1/payments/P1")["timeline"]
    for each in entries:
        assert f'href="/v1/receipts/{each["party"]}/{each["id"]}"' in html
        assert f'href="/chain/entries/{each["index"]}"' in html


def test_where_the_money_is_adds_up_to_what_was_captured(shown: Shown) -> None:
    html = shown.page("/payments/P1")
    widths = [
        int(each)
        for each in re.findall(r'<rect class="is-[\w-]+" x="\d+" y="0" width="(\d+)"', html)
    ]
    assert sum(widths) == 1000
    assert widths[0] == pytest.approx(700, abs=12)
    assert "paid out ¥70.00 disputed ¥30.00" in words_of(html)
    assert "in suspense" in shown.words("/payments/P2")
    assert "Nothing is captured" in shown.words("/payments/P4")


def test_what_a_payment_has_besides_stands_in_tables(shown: Shown) -> None:
    said = shown.words("/payments/P1")
    for head in ("Legs", "Payouts", "Refunds", "Fee", "Disputes", "What is or was awaited"):
        assert head in said
    assert "¥0.60" in said
    assert "O3" in said


@pytest.mark.parametrize("path", ["/payments", "/payments/P1", "/payments/P2", "/payments/P3"])
def test_pages_are_in_chinese_too_and_show_no_word_of_english_prose(
    shown: Shown, path: str
) -> None:
    said = words_of(re.sub("<code>.*?</code>|payment:", "", shown.page(path, "zh-CN")))
    for word in ("payment", "captured", "awaited", "Missing", "halves", "agree", "receipt"):
        assert word not in said


def test_a_payment_that_is_not_there_is_said_to_be_none(shown: Shown) -> None:
    assert "No record of the log names this payment" in shown.page("/payments/nothing", status=404)


def test_what_parties_wrote_is_text_and_nothing_else(shown: Shown) -> None:
    name = "<script>alert(1)</script>"
    shown.capture("P-odd", 10_000, channel="evil\u202etxt<b>")
    html = shown.page("/payments/P-odd")
    assert "<b>txt" not in html
    assert "evil\\u202etxt&lt;b&gt;" in html
    assert name not in shown.page(f"/payments?q={name}")


@pytest.mark.parametrize("captured_first", (True, False))
def test_a_contradiction_that_a_reversal_ended_is_no_agreement(
    shown: Shown, captured_first: bool
) -> None:
    payment = f"X{captured_first:d}"
    states = [lambda: shown.capture(payment, 600), lambda: shown.instruct(payment, 500)]
    for state in states if captured_first else reversed(states):
        state()
    shown.apply("institution", "payment.reversed", payment=payment, reason="void")
    words = words_of(shown.page(f"/payments/{payment}"))
    assert "no longer awaited capture reversed: void" in words
    assert "both halves agree" not in words
