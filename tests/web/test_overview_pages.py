"""The overview and reconciliation say in both languages who owes which half of what."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.read_server import STATUS
from ledger.calendar import Calendar
from ledger.expectations import UnmetTotal
from node.node import Node
from tests.api.queries_kit import DAY, month
from tests.ledger.ledger_kit import captured
from tests.web.overview_kit import Shown
from tests.web.walk_kit import Page
from views.fault_words import STOPS_IN_CHINESE
from views.overview import Pace
from web.pages.overview import BARS_HEIGHT, bars
from web.pages.reconciliation import matrix_of

LANGUAGES = ("en", "zh")
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    made = month(tmp_path_factory.mktemp("pages"), ledger=Shown)
    yield made
    made.close()


def status_of(kept: Shown, **changes: Any) -> dict[str, Any]:
    """Return what a node that holds this ledger says of itself and its peers."""
    status: dict[str, Any] = Node(kept.homes[kept.HOME], kept.store).status()
    peers = {
        name: {**peer, "connected": True, "height": kept.tip.height, "seen_at": status["time"]}
        | {"voting": True, "voting_reason": "votes"}
        for name, peer in status["peers"].items()
    }
    return {**status, "voting_reason": "votes", "ready": True, "peers": peers, **changes}


def overview(kept: Shown, status: dict[str, Any] | None = None, language: str = "en") -> Page:
    headers = {"accept-language": language, "accept": "text/html"}
    if status is not None:
        headers[STATUS.decode()] = msgspec.json.encode(status).decode()
    answer = kept.client.get("/", headers=headers)
    assert answer.status_code == 200, answer.text
    return Page("/", answer.status_code, answer.headers, answer.text)


def flat(page: Page) -> str:
    """Return the text of a page, blocks apart by a blank."""
    inline = re.sub(r"</?(?:a|b|bdi|button|span|time)\b[^>]*>", "", page.source)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", inline))


# -- the overview ----------------------------------------------------------------------------------


def test_one_sided_entries_are_said_in_words_with_their_ages(kept: Shown) -> None:
    text = flat(overview(kept))
    assert "platform has not said who gets the ¥200.00 that institution captured" in text
    assert "institution has not stated the capture of ¥400.00 that platform instructed" in text
    assert "platform and institution contradict each other about the instruction of P3" in text
    assert "institution says ¥300.00 · platform says ¥290.00" in text
    assert re.search(r"overdue for \d+ d", text)
    zh = flat(overview(kept, language="zh-CN"))
    assert "platform 尚未指示支付 P2 如何分账，institution 已收款 ¥200.00" in zh
    assert "institution 声明 ¥300.00 · platform 声明 ¥290.00" in zh


def test_each_party_that_owes_leads_to_what_it_owes(kept: Shown) -> None:
    page = overview(kept)
    for party in {each["awaited"] for each in kept.get("/v1/overview")["owed"]}:
        assert f"/expectations?awaited={party}" in set(page.links)


def test_figures_are_those_of_the_json_twin(kept: Shown) -> None:
    page = overview(kept)
    twin = next(link for link in page.links if link.startswith("/v1/overview"))
    found = kept.client.get(twin).json()
    text = flat(page)
    unmet = sum(each["open"] + each["overdue"] + each["conflicting"] for each in found["owed"])
    assert f"One-sided entries {unmet} " in text
    assert f"Entries today {found['today']['entries']:,} {found['size']:,} in all" in text
    assert found["as_of"] == found["time"]


def test_all_nodes_at_one_block_are_said_to_hold_it(kept: Shown) -> None:
    height = kept.tip.height
    assert f"All 4 nodes hold the same block {height:,}." in flat(overview(kept, status_of(kept)))
    assert f"全部 4 个节点持有同一区块 {height:,}。" in flat(
        overview(kept, status_of(kept), "zh-CN")
    )


def test_nodes_a_block_apart_are_level_and_one_far_behind_is_named(kept: Shown) -> None:
    status = status_of(kept)
    status["peers"]["funder"]["height"] -= 1
    assert "give or take one or two" in flat(overview(kept, status))
    status["peers"]["funder"]["height"] -= 9
    text = flat(overview(kept, status))
    assert f"3 of 4 nodes hold block {kept.tip.height:,}. Not seen there: funder." in text
    assert "10 behind" in text


def test_a_node_that_is_away_or_has_said_nothing_is_named(kept: Shown) -> None:
    status = status_of(kept)
    away = {"connected": False, "voting_reason": "is not connected"}
    status["peers"]["funder"] |= away
    status["peers"]["institution"] |= {**away, "height": None, "seen_at": None}
    text = flat(overview(kept, status))
    assert "Not seen there: institution, funder." in text
    assert "is not connected · not connected, last heard" in text
    assert "its block is not known yet" in text
    assert "not seen since this node started" in text


def test_what_stops_the_ledger_is_said_at_the_top(kept: Shown) -> None:
    halted = {"code": "state-diverged", "message": "a block comes out <b>differently</b> here"}
    page = overview(kept, status_of(kept, halted=halted))
    assert "stopped for safety (state-diverged): a block comes out &lt;b&gt;" in page.source
    assert 'role="alert"' in page.source
    why = {"ready": False, "ready_reason": "too few voters", "ready_code": "no-quorum"}
    page = overview(kept, status_of(kept, **why))
    assert "Nothing can become final now: too few voters" in flat(page)
    for code in ("no-quorum", "not-signing"):
        text = flat(overview(kept, status_of(kept, **{**why, "ready_code": code}), "zh-CN"))
        assert STOPS_IN_CHINESE[code] in text
        assert "too few voters" not in text


def test_the_time_to_finality_is_shown_when_it_was_measured(kept: Shown) -> None:
    assert "A block is final after" not in flat(overview(kept, status_of(kept)))
    measured = {"blocks": 12, "median_ms": 38, "slowest_ms": 1201}
    text = flat(overview(kept, status_of(kept, finality=measured)))
    assert "A block is final after 38 ms median of 12 blocks" in text
    assert "slowest 1,201 ms" in text


def test_a_log_without_a_node_is_shown_as_of_its_last_block(kept: Shown) -> None:
    text = flat(overview(kept))
    assert "A log that was opened: it is shown as of its last block" in text
    assert f"Block {kept.tip.height:,} is final: it is signed by" in text
    assert "connected" not in text


def test_the_newest_entries_say_what_was_stated_and_whether_it_holds(kept: Shown) -> None:
    kept.refuse("already-captured", "institution", "payment.captured", **captured("P1"))
    page = overview(kept)
    assert page.source.count('<li id="entry-') == 20
    first = page.source.partition('<li id="entry-')[2].partition("</li>")[0]
    assert "captured ¥100.00 for payment" in re.sub(r"<[^>]+>", "", first)
    assert "refused" in first
    assert f"/chain/entries/{kept.tip.size - 1}" in first


def test_an_empty_ledger_says_what_to_do(tmp_path: Path) -> None:
    empty = Shown(tmp_path)
    try:
        text = flat(overview(empty))
        assert "Nothing is final yet." in text
        assert "Nothing is missing" in text
        assert "The log is empty." in text
        assert "Nothing is missing" in flat(empty.page("/reconciliation"))
    finally:
        empty.close()


def test_a_half_that_comes_takes_its_sentence_away(tmp_path: Path) -> None:
    made = Shown(tmp_path)
    try:
        made.register("shop")
        made.register("platform-fee", owner="platform")
        made.register("funder-share", owner="funder")
        made.capture("planted", 182_583)
        missing = "platform has not said who gets the ¥1,825.83 that institution captured"
        assert missing in flat(overview(made))
        assert missing in flat(made.page("/reconciliation"))
        made.instruct("planted", 182_583)
        assert "Nothing is missing" in flat(overview(made))
        assert missing not in flat(made.page("/reconciliation"))
    finally:
        made.close()


def test_bars_are_as_tall_as_their_share_of_the_most() -> None:
    drawn = bars(Pace(last_minute=0, step_ms=20_000, until=0, entries=[0, 1, 50, 100]))
    assert [each.height for each in drawn] == [0, 1, BARS_HEIGHT // 2, BARS_HEIGHT]
    assert all(each.y + each.height == BARS_HEIGHT for each in drawn)
    still = Pace(last_minute=0, step_ms=20_000, until=0, entries=[0])
    assert [each.height for each in bars(still)] == [0]


# -- reconciliation --------------------------------------------------------------------------------


def total(opener: str, awaited: str, **fields: Any) -> UnmetTotal:
    given: dict[str, Any] = {"kind": "capture", "currency": "CNY", "state": "open", "count": 1}
    given |= {"amount": 100, "oldest_at": 5, **fields}
    return UnmetTotal(opener=opener, awaited=awaited, **given)


def test_the_matrix_adds_up_by_rows_columns_and_in_all() -> None:
    totals = [
        total("a", "b", count=2),
        total("a", "b", state="conflicting", amount=7, oldest_at=3),
        total("b", "a", currency="JPY"),
        total("c", "b", currency="", amount=0, kind="fee-acceptance"),
    ]
    found = matrix_of(totals, ["a", "b", "c", "d"])
    assert (found.awaited, found.openers) == (["a", "b"], ["a", "b", "c"])
    cell = found.cells["b", "a"]
    assert (cell.total, cell.sums, cell.oldest_at) == (3, [("CNY", 107)], 3)
    assert cell.counts == {"conflicting": 1, "overdue": 0, "open": 2}
    assert cell.tone == "bad"
    assert cell.address("open") == "/expectations?awaited=b&opener=a&state=open"
    assert found.by_awaited["b"].total == 4
    assert found.by_opener["c"].sums == []
    assert found.all.sums == [("CNY", 107), ("JPY", 100)]
    assert found.all.total == sum(each.total for each in found.cells.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_count_leads_to_as_many_expectations(kept: Shown, language: str) -> None:
    page = kept.page("/reconciliation", {"zh": "zh-CN"}.get(language, language))
    badges = re.findall(r'<a href="([^"]+)" class="badge [a-z]+">([\d,]+) ', page.source)
    assert len(badges) > 6
    for address, count in badges:
        asked = f"/v1{address.replace('&amp;', '&')}&limit=1000"
        items = kept.client.get(asked).json()["expectations"]
        assert len(items) == int(count.replace(",", "")), address
    main = page.source.partition("<main")[2]
    assert bool(CHINESE.search(main)) == (language == "zh")


def test_contradictions_stand_side_by_side(kept: Shown) -> None:
    text = flat(kept.page("/reconciliation"))
    assert "instruction P3" in text
    assert "institution says ¥300.00 platform says ¥290.00 apart by ¥10.00" in text


def test_the_sums_of_its_twin_are_those_of_the_page(kept: Shown) -> None:
    page = kept.page("/reconciliation")
    assert "/v1/expectations/summary" in set(page.links)
    sums = kept.get("/v1/expectations/summary", as_of=kept.now + DAY)["sums"]
    amount = sum(each["amount"] for each in sums if each["currency"] == "CNY")
    assert f"Amounts at stake ¥{amount / 100:,.2f} " in flat(page)


@pytest.mark.parametrize("years", [(-1,), (0,), (0, 1)])
def test_the_end_of_the_calendar_is_said(tmp_path: Path, years: tuple[int, ...]) -> None:
    this = int(Calendar().business_date(time.time_ns() // 1_000_000)[:4])
    made = Shown(tmp_path, calendar=Calendar(years=tuple(this + each for each in years)))
    try:
        warned = made.get("/v1/overview")["calendar_warning"] != ""
        pages = [flat(overview(made, language=each)) for each in LANGUAGES]
    finally:
        made.close()
    undeclared = ("only weekends are known", "只知道周末")
    for page, text in zip(pages, undeclared, strict=True):
        assert (text in page) == (years == (-1,))
        # towards the end of a year that is the last one, and not before
        assert (f"{this + years[-1]}-12-31" in page) == (warned and years == (0,))
    assert warned == (years == (-1,)) or years == (0,)
