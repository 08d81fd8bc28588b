"""The books over HTTP: what they say is the sum of the postings, always and for every party."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import Select

from cli import main
from ledger.books import Balance, Posting
from ledger.chart import CHART, OTHERS, class_of, parties_of
from node.storage.books import BookReader
from node.storage.places import Places
from tests.api.books_kit import ODD, Served, StoredLedger, month_served, serving
from tests.ledger.ledger_kit import GENESIS, MORNING, PARTIES

OWNERS = {"platform-fee": "platform", "funder-share": "funder"}
DOCS = Path(__file__).resolve().parents[2] / "docs"


served = month_served()


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {served.token}"}
    with httpx.Client(base_url=f"{served.url}/v1/books", headers=headers) as client:
        yield client


@pytest.fixture(scope="module")
def postings(served: Served) -> list[Posting]:
    with served.store.reader() as reader:
        rows = reader.rows(Posting, limit=1000)
    return sorted(rows, key=lambda row: (row.entry, row.line))


def get(client: httpx.Client, path: str, **query: object) -> Any:
    given = {name: value for name, value in query.items() if value != ""}
    answer = client.get(path, params=given)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return answer.json()


def problem(client: httpx.Client, path: str, status: int, code: str, **query: object) -> str:
    answer = client.get(path, params=query)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return str(answer.json()["detail"])


def pages(client: httpx.Client, path: str, **query: object) -> list[dict[str, Any]]:
    found = [get(client, path, **query)]
    while "next" in found[-1]:
        found.append(get(client, path, **query, cursor=found[-1]["next"]))
    return found


def held_by(account: str, party: str) -> bool:
    return not party or party in parties_of(account, GENESIS, lambda name: OWNERS.get(name, ""))


# -- trial balance --------------------------------------------------------------------------------


@pytest.mark.parametrize("party", ["", *PARTIES])
def test_a_trial_balance_is_the_sum_of_the_postings_at_every_height(
    served: Served, postings: list[Posting], party: str
) -> None:
    with served.store.reader() as reader:
        books, places = BookReader(reader, GENESIS, party), Places(reader, GENESIS)
        tip = places.tip()
        for height in range(tip.height + 1):
            place = places.at_height(height)
            assert place is not None
            expected: dict[tuple[str, str], int] = defaultdict(int)
            for line in postings:
                if line.entry < place.size and held_by(line.account, party):
                    expected[class_of(line.account).name, line.currency] += line.amount
                    expected[OTHERS, line.currency] -= line.amount if party else 0
            found = books.classes(place.size, tip.size)
            assert {(name, currency): amount for name, currency, amount in found} == {
                key: amount for key, amount in expected.items() if amount
            }


@pytest.mark.parametrize("party", ["", *PARTIES])
@pytest.mark.parametrize("as_of", ["", "25", "2026-01-07"])
def test_debits_equal_credits(client: httpx.Client, party: str, as_of: str) -> None:
    shown = get(client, "/trial-balance", party=party, as_of=as_of)
    for total in shown["totals"]:
        lines = [line for line in shown["lines"] if line["currency"] == total["currency"]]
        assert total["debit"] == sum(line["debit"] for line in lines)
        assert total["debit"] == total["credit"] == sum(line["credit"] for line in lines)


def test_a_trial_balance_names_classes_and_their_columns(client: httpx.Client) -> None:
    shown = get(client, "/trial-balance", currency="JPY")
    assert shown["as_of"] == {
        "height": 35, "size": 35, "time": MORNING + 30 * 86_400_000, "date": "2026-02-04",
    }  # fmt: skip
    assert [
        (line["kind"], line["zh"], line["debit"], line["credit"]) for line in shown["lines"]
    ] == [
        ("reserve", "客户备付金", 1001, 0),
        ("pending", "待结算", 0, 1001),
    ]
    assert shown["totals"] == [{"currency": "JPY", "debit": 1001, "credit": 1001}]


def test_what_balances_one_party_stands_with_the_others(client: httpx.Client) -> None:
    shown = get(client, "/trial-balance", party="funder")
    lines = [(line["kind"], line["debit"], line["credit"]) for line in shown["lines"]]
    assert lines == [("paid", 0, 5000), ("others", 5000, 0)]


def test_a_trial_balance_is_had_as_csv_with_the_same_lines(client: httpx.Client) -> None:
    shown = get(client, "/trial-balance", party="institution")
    by_parameter = client.get("/trial-balance?party=institution&format=csv")
    by_header = client.get("/trial-balance?party=institution", headers={"accept": "text/csv"})
    assert by_parameter.headers["content-type"] == "text/csv; charset=utf-8"
    assert (by_header.text, by_header.headers["vary"]) == (by_parameter.text, "Accept")
    rows = list(csv.DictReader(io.StringIO(by_parameter.text, newline="")))
    assert rows == [{name: str(value) for name, value in line.items()} for line in shown["lines"]]
    assert len(rows) > 3
    problem(client, "/trial-balance", 400, "bad-parameter", format="xml")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("", ("trial balance as of block 35 (2026-02-04)", "total 合计 1,001 JPY 1,001 JPY")),
        ("--party funder", ("trial balance of funder", "paid 已付待确认 50.00 CNY")),
        ("--as-of 25", ("trial balance as of block 25 (2026-01-06)",)),
        ("--as-of 2026-01-01", ("block 0 (2026-01-01)", "nothing was posted")),
    ],
)
def test_the_command_shows_the_two_columns(
    served: Served,
    options: str,
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    where = ("--url", served.url, "--token", served.token)
    assert main.run(["trial-balance", *options.split(), *where]) == 0
    rows = "\n".join(" ".join(line.split()) for line in capsys.readouterr().out.splitlines())
    for each in words:
        assert each in rows


def test_the_command_answers_in_json_what_the_node_says(
    served: Served, client: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--url", served.url, "--token", served.token)
    assert main.run(["trial-balance", "--as-of", "25", "--party", "funder", "--json", *where]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == get(client, "/trial-balance", as_of="25", party="funder")
    assert main.run(["trial-balance", "--as-of", "yesterday", *where]) == 2
    assert main.run(["trial-balance", "--party", "bank", *where]) == 2
    assert capsys.readouterr().err.startswith("error: bad-place: ")


# -- accounts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3, 1000])
@pytest.mark.parametrize("party", ["", "platform", "funder", "auditor"])
def test_accounts_are_all_that_were_ever_posted_to(
    client: httpx.Client, postings: list[Posting], party: str, limit: int
) -> None:
    debit: dict[tuple[str, str], int] = defaultdict(int)
    credit: dict[tuple[str, str], int] = defaultdict(int)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for line in postings:
        if held_by(line.account, party):
            key = line.account, line.currency
            debit[key] += max(line.amount, 0)
            credit[key] += max(-line.amount, 0)
            counts[key] += 1
    shown = pages(client, "/accounts", party=party, limit=limit)
    found = [each for page in shown for each in page["accounts"]]
    assert [(each["account"], each["currency"]) for each in found] == sorted(counts)
    for each in found:
        key = each["account"], each["currency"]
        assert (each["debit"], each["credit"]) == (debit[key], credit[key])
        assert each["balance"] == debit[key] - credit[key]
        assert each["postings"] == counts[key]


def test_balances_of_accounts_are_those_of_the_state(served: Served, client: httpx.Client) -> None:
    found = get(client, "/accounts", limit=1000)["accounts"]
    shown = {(each["account"], each["currency"]): each["balance"] for each in found}
    with served.store.reader() as reader:
        rows = reader.rows(Balance, limit=1000)
    assert {key: amount for key, amount in shown.items() if amount} == {
        (row.account, row.currency): row.amount for row in rows
    }


@pytest.mark.parametrize(
    ("account", "side", "parties"),
    [
        ("reserve", "asset", ["institution"]),
        ("suspense:P1", "liability", ["platform", "institution"]),
        ("pending:shop", "liability", ["institution"]),
        (f"pending:{ODD}", "liability", ["institution"]),
        ("paid:funder-share", "liability", ["institution", "funder"]),
        ("refund_float:platform", "liability", ["platform", "institution"]),
        ("fee_due:platform", "asset", ["platform", "institution"]),
        ("fee_income:platform", "income", ["platform"]),
        ("fee_received:institution", "asset", ["institution"]),
    ],
)
def test_an_account_says_which_parties_are_a_side_of_it(
    client: httpx.Client, account: str, side: str, parties: list[str]
) -> None:
    found = {each["account"]: each for each in get(client, "/accounts", limit=1000)["accounts"]}
    assert (found[account]["side"], found[account]["parties"]) == (side, parties)
    assert found[account]["kind"] == account.partition(":")[0]


# -- statements -----------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 1000])
@pytest.mark.parametrize("account", ["reserve", "pending:shop", "fee_due:platform"])
def test_a_statement_runs_from_nothing_to_the_balance(
    client: httpx.Client, postings: list[Posting], account: str, limit: int
) -> None:
    mine = [row for row in postings if (row.account, row.currency) == (account, "CNY")]
    shown = pages(client, "/statement", account=account, currency="CNY", limit=limit)
    lines = [line for page in shown for line in page["lines"]]
    assert [(line["entry"], line["amount"]) for line in lines] == [
        (row.entry, row.amount) for row in mine
    ]
    running = [sum(row.amount for row in mine[: place + 1]) for place in range(len(mine))]
    assert [line["balance"] for line in lines] == running
    assert shown[0]["opening"] == 0
    assert [page["opening"] for page in shown[1:]] == [page["closing"] for page in shown[:-1]]
    assert shown[-1]["closing"] == running[-1]


def test_a_line_of_a_statement_says_what_it_is_from(client: httpx.Client) -> None:
    shown = get(client, "/statement", account="refund_due:P1", currency="CNY")
    assert (shown["kind"], shown["side"]) == ("refund_due", "liability")
    assert shown["parties"] == ["platform", "institution"]
    (first, *_, last) = shown["lines"]
    assert {name: first[name] for name in ("date", "party", "type", "subject")} == {
        "date": "2026-01-07", "party": "platform",
        "type": "refund.requested", "subject": "refund:R1",
    }  # fmt: skip
    assert (first["amount"], first["balance"], last["balance"]) == (-4000, -4000, -500)


@pytest.mark.parametrize(("since", "as_of"), [("2026-01-05", "2026-01-06"), ("21", "25")])
def test_a_statement_of_a_time_opens_with_what_stood_before(
    client: httpx.Client, postings: list[Posting], since: str, as_of: str
) -> None:
    shown = get(
        client, "/statement", account="pending:shop", currency="CNY", since=since, as_of=as_of
    )
    before = get(client, "/statement", account="pending:shop", currency="CNY", as_of=since)
    after = get(client, "/statement", account="pending:shop", currency="CNY", as_of=as_of)
    assert shown["opening"] == before["closing"] == -7000
    assert shown["closing"] == after["closing"] == 0
    assert before["lines"] + shown["lines"] == after["lines"]
    assert len(shown["lines"]) == 1


def test_a_statement_may_begin_before_the_founding(client: httpx.Client) -> None:
    whole = get(client, "/statement", account="reserve", currency="CNY")
    assert get(client, "/statement", account="reserve", currency="CNY", since="2020-01-01") == whole


@pytest.mark.parametrize(
    ("since", "as_of"),
    [
        ("30", "14"),
        ("2026-01-06", "2026-01-05"),
        ("2026-01-04", "2026-01-03"),
        ("30", "2026-01-05"),
        ("2026-01-06", "14"),
    ],
)
def test_a_statement_that_ends_before_it_begins_is_refused(
    client: httpx.Client, since: str, as_of: str
) -> None:
    query = {"account": "reserve", "currency": "CNY", "since": since, "as_of": as_of}
    detail = problem(client, "/statement", 400, "bad-parameter", **query)
    assert detail == f"query.since: {since} is after `as_of`, {as_of}; swap them"


@pytest.mark.parametrize("place", ["14", "2026-01-05"])
def test_a_statement_that_ends_where_it_begins_is_empty(client: httpx.Client, place: str) -> None:
    query = {"account": "reserve", "currency": "CNY", "since": place, "as_of": place}
    shown = get(client, "/statement", **query)
    assert shown["lines"] == []
    assert shown["opening"] == shown["closing"] != 0


@pytest.mark.parametrize(
    ("account", "currency"), [("savings", "CNY"), ("pending:nobody", "CNY"), ("reserve", "EUR")]
)
def test_an_account_that_is_not_there_has_no_statement(
    client: httpx.Client, account: str, currency: str
) -> None:
    problem(client, "/statement", 404, "no-such-account", account=account, currency=currency)


@pytest.mark.parametrize("cursor", ["x", "WyJhIiwiYiJd", "WzFd"])
def test_a_made_up_cursor_is_refused(client: httpx.Client, cursor: str) -> None:
    query = {"account": "reserve", "currency": "CNY", "cursor": cursor}
    assert "next" in problem(client, "/statement", 400, "bad-parameter", **query)


# -- entries --------------------------------------------------------------------------------------


def test_an_entry_shows_what_it_posted_and_whose_it_is(client: httpx.Client) -> None:
    assert get(client, "/entries/13") == {
        "entry": 13,
        "postings": [
            {"account": "suspense:P1", "currency": "CNY", "amount": 10_000,
             "parties": ["platform", "institution"]},
            {"account": "pending:shop", "currency": "CNY", "amount": -7000,
             "parties": ["institution"]},
            {"account": "pending:platform-fee", "currency": "CNY", "amount": -3000,
             "parties": ["platform", "institution"]},
        ],
    }  # fmt: skip


def test_an_entry_that_moved_no_money_posted_nothing(client: httpx.Client) -> None:
    assert get(client, "/entries/0") == {"entry": 0, "postings": []}


def test_an_entry_beyond_the_log_is_not_there(client: httpx.Client) -> None:
    assert "35 entries" in problem(client, "/entries/35", 404, "no-such-entry")


# -- all of it ------------------------------------------------------------------------------------


def test_the_stream_of_postings_is_whole(client: httpx.Client, postings: list[Posting]) -> None:
    answer = client.get("/postings")
    assert answer.headers["content-type"] == "application/x-ndjson"
    head, *entries, end = [msgspec.json.decode(line) for line in answer.content.splitlines()]
    assert (head["line"], head["ledger"], head["party"]) == ("head", GENESIS.ledger, "")
    assert head["as_of"]["size"] == 35
    assert end == {"line": "end", "entries": len(entries), "postings": len(postings)}
    told = [
        (entry["index"], line["account"], line["currency"], line["amount"])
        for entry in entries
        for line in entry["postings"]
    ]
    assert told == [(row.entry, row.account, row.currency, row.amount) for row in postings]


@pytest.mark.parametrize("path", ["/accounts", "/trial-balance", "/postings"])
@pytest.mark.parametrize(
    ("status", "code", "query"),
    [
        (404, "no-such-party", {"party": "bank"}),
        (404, "no-such-block", {"as_of": "36"}),
        (404, "no-such-block", {"as_of": "9999999999999999"}),
        (422, "date-in-future", {"as_of": "9998-12-31"}),
        (422, "date-before-founding", {"as_of": "2025-12-31"}),
        (400, "bad-parameter", {"as_of": "2026-13-01"}),
        (400, "bad-parameter", {"as_of": "-1"}),
        (400, "bad-parameter", {"until": "3"}),
    ],
)
def test_what_is_not_there_is_said_before_the_first_byte(
    client: httpx.Client, path: str, status: int, code: str, query: dict[str, str]
) -> None:
    problem(client, path, status, code, **query)


def test_books_need_a_token(served: Served) -> None:
    answer = httpx.get(f"{served.url}/v1/books/trial-balance")
    assert answer.json()["code"] == "no-token"


# -- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "height"),
    [("2025-12-31", 0), ("2026-01-01", 0), ("2026-01-05", 21), ("2026-01-06", 25),
     ("2026-01-20", 31), ("2026-02-02", 33), ("2026-02-04", 35)],
)  # fmt: skip
def test_a_date_is_the_end_of_its_last_block(served: Served, date: str, height: int) -> None:
    with served.store.reader() as reader:
        places = Places(reader, GENESIS)
        assert places.at_date(date) == places.at_height(height)
        last = max(
            (b.height for b in reader.blocks(1, 100) if day(b.header.time) <= date), default=0
        )
    assert height == last


def day(time_ms: int) -> str:
    return GENESIS.calendar.business_date(time_ms)


def test_an_empty_log_has_empty_books(tmp_path: Path) -> None:
    ledger = StoredLedger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with serving(ledger.store, tmp_path) as served:
        headers = {"authorization": f"Bearer {served.token}"}
        with httpx.Client(base_url=f"{served.url}/v1/books", headers=headers) as client:
            assert get(client, "/trial-balance")["lines"] == []
            assert get(client, "/accounts")["accounts"] == []
        where = ("--url", served.url, "--token", served.token)
        assert main.run(["export", "books", *where, "--out", str(tmp_path / "b")]) == 0


# -- reads ----------------------------------------------------------------------------------------


class Planned(BookReader):
    """Notes the plan of every query."""

    plans: list[str]

    def _fetch(self, query: Select[Any]) -> Any:
        connection = self._reader.connection
        compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").fetchall()
        self.plans += [str(row[-1]) for row in rows]
        return super()._fetch(query)


@pytest.mark.parametrize("party", ["", "platform", "institution"])
def test_no_page_reads_all_postings(served: Served, party: str) -> None:
    with served.store.reader() as reader:
        books = Planned(reader, GENESIS, party)
        books.plans = []
        books.entries(3, 20)
        books.statement(("reserve", "CNY"), 30, (5, 0), 10)
        books.balance(("reserve", "CNY"), 30)
        books.accounts(30, None, 1000)
        books.classes(30, 35)
    assert books.plans
    assert not [plan for plan in books.plans if re.match(r"SCAN (postings|entries|balances)", plan)]


# -- documents ------------------------------------------------------------------------------------


def test_the_documented_chart_is_that_of_the_code() -> None:
    who = {
        "institution": "the institution", "platform": "the platform",
        "named": "the party that it names", "owner": "the owner of the receiver",
    }  # fmt: skip
    rows = []
    for kind in CHART:
        name = f"{kind.name}:<{kind.of}>" if kind.of else kind.name
        sides = ", ".join(who[token] for token in kind.sides)
        rows.append(f"| `{name}` | {kind.zh} | {kind.en} | {kind.side} | {sides} |")
    page = (DOCS / "books.md").read_text("utf-8")
    assert "\n".join(rows) in page, "\n".join(rows)
