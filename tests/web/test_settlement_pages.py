"""Pages of settlement, payouts and receivers: figures, and what they open down to."""

from __future__ import annotations

import re

import pytest

from tests.web.business_pages_kit import Shown, parts_of, shown_month, words_of

shown = shown_month()


def test_every_figure_of_settlement_leads_to_what_it_is_made_of(shown: Shown) -> None:
    html = shown.page("/settlement")
    said = words_of(html)
    assert "Due now ¥400.00" in said
    assert "Paid, arrival awaited ¥30.00" in said
    figures = re.findall(r'<dd><a href="(/[^"]+)">', html)
    assert len(figures) == 4
    for address in figures:
        assert "<h1>" in shown.page(address.replace("&amp;", "&"))


def test_settlement_shows_days_receivers_and_what_came_back(shown: Shown) -> None:
    said = shown.words("/settlement")
    assert "2026-01-06 due ¥160.00" in said
    assert "shop ¥240.00 4" in said
    assert "payouts: 4 · paid ¥100.00 · came back ¥140.00" in said
    assert "O1 shop ¥70.00 2026-01-06 account closed ¥0.00 O3" in said


def test_bars_of_payouts_are_as_wide_as_their_amounts(shown: Shown) -> None:
    html = shown.page("/settlement")
    (bar,) = re.findall(r'<svg x="0" y="0" width="1000".*?</svg>', html)
    found = re.findall(r'class="is-([\w-]+)" x="(\d+)" y="0" width="(\d+)"', bar)
    assert [word for word, _, _ in found] == ["paid", "returned"]
    assert int(found[0][2]) == pytest.approx(1000 * 100 / 240, abs=12)
    assert int(found[0][2]) + int(found[1][2]) == 1000


def test_a_payout_that_came_back_says_why_and_where_its_money_went(shown: Shown) -> None:
    html = shown.page("/payouts/O1")
    said = words_of(html)
    assert "It came back: account closed" in said
    assert "institution said that payout O1 came back (¥70.00 to shop )" in said
    assert "payout result: stated" in said


def test_a_payout_whose_owner_has_not_spoken_has_a_gap_in_the_owners_lane(shown: Shown) -> None:
    html = shown.page("/payouts/O4")
    (said,) = parts_of(html, "gap")
    assert said.startswith("platform Missing: arrival ¥30.00")
    assert "The owner says nothing yet" in words_of(html)
    assert "paid payout O4 : ¥30.00 to platform-fee" in words_of(html)


def test_a_receiver_shows_what_is_due_and_a_statement_that_adds_up(shown: Shown) -> None:
    said = shown.words("/receivers/shop")
    assert "Due and upcoming ¥240.00" in said
    assert "2026-01-07 due ¥240.00" in said
    assert "+¥70.00 ¥70.00" in said
    assert "-¥70.00 ¥0.00 +¥70.00 ¥70.00" in said


def test_a_statement_goes_on_page_after_page_with_its_sums(shown: Shown) -> None:
    for number in range(30):
        shown.capture(f"Q{number:02}", 10_000, captured_at=shown.now)
        shown.instruct(f"Q{number:02}", 10_000)
    html = shown.page("/receivers/shop")
    (goes_on,) = re.findall(r'rel="next" href="(/receivers/shop\?[^"#]*)', html)
    more = words_of(shown.page(goes_on.replace("&amp;", "&")))
    whole = shown.get("/v1/receivers/shop/statement", limit=100)["lines"]
    assert len(whole) == 41
    assert f"¥{whole[-1]['due'] / 100:,.2f}" in more
    assert "First page" in more


def test_a_suspended_receiver_says_so_first(shown: Shown) -> None:
    shown.apply("institution", "receiver.suspended", receiver="shop", reason="under review")
    html = shown.page("/receivers/shop")
    assert "Suspended: no new legs go to it. under review" in words_of(html)
    assert html.index("under review") < html.index("figures")
    assert "suspended receiver shop: under review" in words_of(html).replace("shop :", "shop:")


@pytest.mark.parametrize("path", ["/settlement", "/payouts/O1", "/payouts/O4", "/receivers/shop"])
def test_pages_are_in_chinese_too(shown: Shown, path: str) -> None:
    said = shown.words(path, "zh-CN")
    for word in ("payout", "awaited", "Missing", "Due", "receipt", "bank account"):
        assert word not in said.replace("payout-result", "")


@pytest.mark.parametrize("path", ["/payouts/none", "/receivers/none"])
def test_what_is_not_there_is_said_to_be_none(shown: Shown, path: str) -> None:
    assert "This cannot be shown" in shown.page(path, status=404)


def test_lists_below_the_addresses_of_things_keep_their_pages(shown: Shown) -> None:
    assert "Payouts due" in shown.words("/payouts/due")
    assert "P1" in shown.words("/payouts/O3/legs")
