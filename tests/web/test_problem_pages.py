"""Whoever reads pages in Chinese reads in Chinese what is wrong, too; programs read English."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from sqlalchemy import text

from api import feed_places
from api.app import build_app
from api.draining import Draining
from api.read_server import TOKEN, QuietServer, reading_app
from api.readers import Readers
from api.reading import Reading
from api.server import listen
from node.node import Node
from tests.api.queries_kit import Server
from tests.web.hostile_kit import Hostile, HostileLoans, hostile_loans
from tests.web.problems_kit import (
    CHINESE,
    detail_of,
    not_chinese,
    page_routes,
    wrong_addresses,
)
from tests.web.site_kit import HTML, SAME_ORIGIN, Site, visitor
from tests.web.walk_kit import Page
from views import texts
from views.fault_words import STOPS_IN_CHINESE, stop_in_words
from web.site import SITE

ZH = {**HTML, "accept-language": "zh-CN"}
KNOWN = {
    "height": "1",
    "id": "0" * 64,
    "index": "0",
    "loan": "L1",
    "payment": "nowhere",
    "payout": "nowhere",
    "receiver": "fund-a-main",
    "subject": "loan:L1",
}
SAID = {
    "/nowhere": ("not-found", ""),
    "/books?as_of=1999-01-01": ("date-before-founding", "截至 1999-01-01 尚无账簿"),
    "/books?as_of=2999-01-01": ("date-in-future", "2999-01-01 尚未到来"),
    "/books?as_of=999999": ("no-such-block", "收到的是 999999"),
    "/books?as_of=2026-02-30": ("bad-parameter", "2026-02-30 不是日历上的日期"),
    "/books?party=nobody": ("no-such-party", "参与方为 "),
    "/books/accounts?kind=no": ("bad-parameter", "不是科目类别；类别有："),
    "/books/entries/999999": ("no-such-entry", "个条目，序号从 0 开始"),
    "/books/statement?account=no": ("no-such-account", "'no' 不是科目；科目的写法有："),
    "/books/statement?currency=XXZ": ("bad-parameter", "不是 ISO 4217 代码；例如 CNY"),
    "/books/statement?currency=rmb": ("bad-parameter", "不是 ISO 4217 代码；请写 CNY"),
    "/books/statement?currency=USD": ("no-such-account", "从未有过 USD 分录"),
    "/books/statement?since=5&as_of=2": ("bad-parameter", "请对调"),
    "/chain/blocks/999999": ("no-such-block", "区块为 1 至 "),
    "/chain/entries/999999": ("no-such-entry", "序号从 0 开始"),
    f"/chain/evidence/{'0' * 64}": ("no-such-evidence", "见 GET /v1/evidence"),
    "/about/loan:no": ("no-such-subject", "没有关于 'loan:no' 的记录"),
    "/expectations?kind=captur": ("bad-parameter", "是否指 capture？"),
    "/expectations?kind=zzz": ("bad-parameter", "种类有："),
    "/expectations?state=no": ("bad-parameter", "不是以下之一："),
    "/expectations?min_amount=1.5": ("bad-parameter", "'1.5' 不是整数"),
    "/expectations?min_amount_shown=no": ("bad-parameter", "不是按显示格式书写的金额"),
    "/loans?due_from=2026-03-01&due_to=2026-02-01": ("bad-parameter", "晚于 `due_to`"),
    "/loans?cursor=AAAA": ("bad-parameter", "不是由此列表生成的"),
    "/loans?limit=0": ("bad-parameter", "1 或更大的数"),
    "/loans?height=999999": ("no-such-block", "最新区块为 "),
    "/loans/no": ("no-such-loan", "已提议的例如：L1、L2"),
    "/loans/no such": ("bad-parameter", "编号：1 至 64 个字母"),
    "/loans/L1?height=1": ("no-such-loan", "在区块 1 之后才提议"),
    "/loans/L4/allocation?amount_shown=1.00": ("loan-not-disbursed", "贷款 L4 已提议：支付机构"),
    "/loans/L3/allocation?amount_shown=1.00": ("loan-settled", "贷款已结清"),
    "/loans/L1/allocation?amount_shown=1.00&date=2026-01-01": ("date-goes-back", "日期早于"),
    "/loans/L1/allocation?amount_shown=1 JPY": ("bad-parameter", "不是以贷款币种 CNY 计的金额"),
    "/payments/no": ("no-such-payment", "没有关于支付 'no' 的记录"),
    "/payouts/no": ("no-such-payout", "见其收款方的时间线"),
    "/receivers/no": ("no-such-receiver", "已登记的例如："),
    "/repayments?from=2026-03-01&to=2026-02-01": ("bad-parameter", "晚于 `to`"),
    "/search?order=a&payment=b": ("bad-parameter", "不能同时按 "),
    "/search?order=a&from=2026-03-01&to=2026-02-01": ("bad-parameter", "请对调"),
    "/reports/day?date=x": ("bad-parameter", "不是所要求的格式"),
    "/fee-agreements?holds=maybe": ("bad-parameter", "不是 true 或 false"),
    "/find?q=" + "x" * 129: ("bad-parameter", "不超过 128 个字符的文本"),
    "/lists?no=1": ("bad-parameter", "'no' 不是此地址的参数；可用参数：min_height"),
    "/lists?min_height=1&min_height=2": ("repeated-parameter", "只能给出一次"),
    "/lists?min_height=999999": ("height-not-reached", "应有区块 999999 或更晚的区块"),
}
"""What problems say, by the address: their code and a part of the detail."""


@pytest.fixture(scope="module")
def loans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileLoans]:
    made = hostile_loans(tmp_path_factory.mktemp("loans"))
    yield made
    made.close()


def shown(client: httpx.Client, address: str, method: str = "GET") -> Page:
    answer = client.request(method, address, headers=ZH)
    assert answer.headers["content-type"].startswith("text/html"), (address, answer.text)
    return Page(address, answer.status_code, answer.headers, answer.text)


@pytest.mark.parametrize("address", SAID)
def test_what_is_wrong_is_said_in_chinese(loans: HostileLoans, address: str) -> None:
    page = shown(loans.client, address)
    code, said = SAID[address]
    assert f"<code>{code}</code>" in page.source
    assert said in detail_of(page)
    assert not not_chinese(page)


def test_whatever_is_wrong_is_said_in_chinese_on_every_page(loans: HostileLoans) -> None:
    """Also a search says so that finds nothing because of what is wrong with it."""
    reading = Reading.of_node(loans.homes[loans.HOME], loans.store)
    silent, wrong = set(), 0
    for route in page_routes(reading):
        before = wrong
        for address in wrong_addresses(route, KNOWN):
            with loans.client.stream("GET", address, headers=ZH) as answer:  # some have no end
                if answer.status_code < 400:
                    continue
                answer.read()
            page = Page(address, answer.status_code, answer.headers, answer.text)
            wrong += 1
            assert answer.status_code < 500 and not not_chinese(page), (address, detail_of(page))
        if wrong == before:
            silent.add(route.path)
    assert not silent
    assert wrong > 1000


def test_other_methods_are_refused_in_chinese(loans: HostileLoans) -> None:
    for method in ("POST", "PUT", "DELETE"):
        page = shown(loans.client, "/payments", method)
        assert page.status == 405 and not not_chinese(page)
        assert detail_of(page) == f"此处不能用 {method}，可用 GET, HEAD"
        assert page.headers["allow"] == "GET, HEAD"


def test_a_search_complains_in_chinese(loans: HostileLoans) -> None:
    page = shown(loans.client, "/payments?by=amount_shown&q=much")
    assert page.status == 200
    assert "'much' 不是按显示格式书写的金额" in page.text


def test_programs_are_answered_in_english(loans: HostileLoans) -> None:
    """Whatever language they or the page before on their connection ask for."""
    told = 0
    for address in SAID:
        plain = loans.client.get(f"/v1{address}", headers={"accept": "application/json"})
        if plain.status_code >= 400:
            told += 1
            for headers in ({"accept-language": "zh"}, ZH):
                assert shown(loans.client, address).status >= 400
                again = loans.client.get(f"/v1{address}", headers=headers)
                assert (again.status_code, again.content) == (plain.status_code, plain.content)
                assert not CHINESE.search(again.text)
    assert told > 30


def test_a_server_whose_owner_speaks_chinese_answers_programs_in_english(
    loans: HostileLoans,
) -> None:
    app = reading_app(Reading.of_node(loans.homes[loans.HOME], loans.store))  # without pages
    listener = listen("127.0.0.1", 0)
    server = QuietServer(uvicorn.Config(app, lifespan="off", log_level="warning"))

    def serve() -> None:
        texts.choose("zh")
        asyncio.run(server.serve([listener]))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/payments/no"
        (token,) = loans.homes[loans.HOME].tokens.list()
        answer = httpx.get(url, headers={TOKEN.decode(): token.id}, trust_env=False)
        assert answer.json()["detail"] == "no record of the log is about payment 'no'"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("sql", ("UPDATE entries SET leaf = x'00'", "DROP TABLE entries"))
def test_a_fault_and_a_failed_database_are_told_in_chinese(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sql: str
) -> None:
    ledger = Hostile(tmp_path)
    try:
        ledger.register("shop")
        with ledger.store.engine.begin() as connection:
            connection.execute(text(sql))
        page = shown(ledger.client, "/chain/entries/0")
        assert page.status >= 500 and not not_chinese(page)
        assert detail_of(page)
        assert any(each.levelname == "ERROR" for each in caplog.records)  # what it points to
    finally:
        ledger.close()


def test_whatever_stops_a_node_is_told_in_chinese_and_in_its_own_words_in_english() -> None:
    assert stop_in_words("disk-full", "no space") == "no space"
    texts.choose("zh")
    try:
        for code in (*STOPS_IN_CHINESE, "another"):
            assert CHINESE.search(stop_in_words(code, "no space"))
    finally:
        texts.choose("en")


def at_once(http: httpx.Client, *asked: tuple[str, str, str]) -> bytes:
    """Send requests on one connection without waiting; return all that is answered."""
    token = http.headers["authorization"]
    requests = "".join(
        f"{method} {path} HTTP/1.1\r\nHost: node\r\nAuthorization: {token}\r\n"
        f"Accept-Language: {language}\r\nAccept: {'text/html' if method == 'GET' else '*/*'}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {2 * (method == 'POST')}\r\n"
        f"{'Connection: close' if number == len(asked) else 'X: y'}\r\n\r\n"
        f"{'{}' if method == 'POST' else ''}"
        for number, (method, path, language) in enumerate(asked, 1)
    )
    url = http.base_url
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall(requests.encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_what_the_process_at_the_door_refuses_is_a_page_in_chinese(
    loans: HostileLoans, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers that are not there, feeds that are too many, and the end of the node."""
    home, draining = loans.homes[loans.HOME], Draining()
    readers = Readers(home, SITE)
    server = Server(build_app(Node(home, loans.store), draining, readers, SITE))
    readers.close()
    headers = dict(loans.client.headers)
    try:
        with httpx.Client(base_url=server.url, headers=headers, timeout=30) as http:
            said = {}
            said["/payments"] = shown(http, "/payments")
            said["/live"] = shown(http, "/live")
            monkeypatch.setattr(feed_places, "FEEDS_PER_TOKEN", 0)
            said["too many"] = shown(http, "/live")
            asyncio.run(draining.drain(0))
            said["stopping"] = shown(http, "/live")
            answer = http.get("/v1/refunds", headers={"accept-language": "zh"})
            assert answer.status_code == 503 and not CHINESE.search(answer.text)
            both = at_once(http, ("GET", "/payments", "zh"), ("POST", "/v1/records", "zh"))
            page, program = both.split(b"HTTP/1.1 503")[1:]
            assert CHINESE.search(page.decode())
            assert b'"code":"stopping"' in program and not CHINESE.search(program.decode())
    finally:
        server.close()
    assert [page.status for page in said.values()] == [503, 503, 429, 503]
    assert all("retry-after" in page.headers for page in said.values())
    for page in said.values():
        assert not not_chinese(page), detail_of(page)
    assert "读取进程两次因该请求而终止" in detail_of(said["/payments"])
    assert "无法连接读取进程" in detail_of(said["/live"])
    assert "此令牌已打开 0 个实时连接" in detail_of(said["too many"])
    assert "正在关闭" in detail_of(said["stopping"])


def test_the_sign_in_and_what_stands_around_it_refuse_in_chinese(tmp_path: Path) -> None:
    site = Site(tmp_path)
    try:
        with visitor(site.platform, "zh-CN") as http:
            form = {"token": "tz_wrong"}
            answers = [
                http.post("/sign-in", data=form),
                http.post("/sign-in", data=form, headers=SAME_ORIGIN),
                http.post("/sign-in", data={"token": "x" * 5000}, headers=SAME_ORIGIN),
                http.post("/sign-out"),
                http.get("/static/x/nothing.js"),
                http.put("/sign-in"),
            ]
            while answers[-1].status_code != 429:
                answers.append(http.post("/sign-in", data=form, headers=SAME_ORIGIN))
    finally:
        site.close()
    assert [each.status_code for each in answers[:6]] == [403, 401, 413, 403, 404, 405]
    for answer in answers:
        page = Page("/sign-in", answer.status_code, answer.headers, answer.text)
        assert not not_chinese(page), page.text
