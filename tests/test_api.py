"""The HTTP interface of real nodes: four parties on real ports with real databases."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from api.server import Service, listen
from ledger import canonical
from ledger.genesis import Role, Timeouts
from ledger.log.checkpoint import cosigner_name, open_checkpoint
from ledger.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from ledger.log.tiles import decode_entries
from node.home import Home, create_consortium, read_operator_token
from node.node import Node
from node.storage.store import Store

ROLES: tuple[Role, ...] = ("platform", "institution", "funder", "auditor")
DEADLINE_S = 20.0


class Consortium:
    """Four nodes with their servers in one event loop of a thread of its own."""

    def __init__(self, directory: Path, names: tuple[Role, ...] = ROLES, quorum: int = 3) -> None:
        self._listeners: dict[str, socket.socket] = {name: listen("127.0.0.1", 0) for name in names}
        ports = [each.getsockname()[1] for each in self._listeners.values()]
        self.homes: dict[str, Home] = create_consortium(
            directory,
            [(name, name) for name in names],
            quorum,
            ports=ports,
            choices={"timeouts": Timeouts(base_ms=500, cap_ms=2000)},
        )
        self.genesis = self.homes[names[0]].genesis
        self.nodes: dict[str, Node] = {}
        self.services: dict[str, Service] = {}
        self.loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(DEADLINE_S)
        self.tokens = {name: read_operator_token(home.path) for name, home in self.homes.items()}
        self.clients = {name: self.client(name, self.tokens[name]) for name in names}

    def client(self, name: str, token: str = "") -> httpx.Client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        port = self.services[name].port
        return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        for name, home in self.homes.items():
            node = Node(home, Store(home.database_url, home.genesis, party=name))
            self.nodes[name] = node
            self.services[name] = Service(node, self._listeners[name])
        running = asyncio.gather(*(each.run() for each in self.services.values()))
        self._started.set()
        await running

    def close(self) -> None:
        for service in self.services.values():
            self.loop.call_soon_threadsafe(service.stop)
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def raw(type_: str, record_id: str, **fields: object) -> bytes:
    return canonical.encode({"at": 1_760_000_000_000, "id": record_id, "type": type_, **fields})


def receiver(name: str, record_id: str, **fields: object) -> bytes:
    given: dict[str, object] = {
        "commitment": "5f" * 32,
        "currency": "CNY",
        "cycle": "T+0",
        "kind": "bank_account",
        "last4": "6789",
        "receiver": name,
        **fields,
    }
    return raw("receiver.registered", record_id, **given)


def captured(payment: str, record_id: str, amount: int = 10_000) -> bytes:
    return raw(
        "payment.captured",
        record_id,
        amount=amount,
        captured_at=1_760_000_000_000,
        channel="wechat",
        currency="CNY",
        order=f"O-{payment}",
        payment=payment,
    )


def instructed(payment: str, record_id: str, shares: dict[str, int]) -> bytes:
    legs = [
        {"amount": amount, "leg": number, "purpose": "goods", "receiver": name}
        for number, (name, amount) in enumerate(shares.items(), 1)
    ]
    return raw(
        "split.instructed",
        record_id,
        amount=sum(shares.values()),
        currency="CNY",
        legs=legs,
        mode="fixed",
        order=f"O-{payment}",
        payment=payment,
    )


def post(client: httpx.Client, body: bytes, **params: Any) -> httpx.Response:
    headers = {"content-type": "application/json"}
    return client.post("/v1/records", content=body, headers=headers, params=params)


def applied(client: httpx.Client, body: bytes) -> dict[str, Any]:
    response = post(client, body)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    running = Consortium(tmp_path_factory.mktemp("consortium") / "homes")
    try:
        for client in running.clients.values():
            until(lambda client=client: client.get("/readyz").status_code == 200)  # type: ignore[misc]
        institution = running.clients["institution"]
        applied(institution, receiver("shop", "r-1"))
        applied(institution, receiver("funder-main", "r-2", owner="funder"))
        yield running
    finally:
        running.close()


@pytest.fixture
def platform(consortium: Consortium) -> httpx.Client:
    return consortium.clients["platform"]


@pytest.fixture
def institution(consortium: Consortium) -> httpx.Client:
    return consortium.clients["institution"]


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"urn:tongzhang:error:{code}"
    assert document["title"]
    assert isinstance(document["definite"], bool)
    return document


# -- submitting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/expectations?staet=open", "/v1/status?x=1"])
def test_a_misspelt_parameter_is_refused_and_not_ignored(platform: httpx.Client, path: str) -> None:
    assert "is no parameter" in problem(platform.get(path), 400, "bad-parameter")["detail"]


def test_a_record_becomes_final_and_says_where(platform: httpx.Client) -> None:
    result = applied(platform, instructed("S1", "p-s1", {"shop": 100}))
    assert result["party"] == "platform"
    assert result["id"] == "p-s1"
    assert result["state"] == "final"
    assert result["outcome"] == "applied"
    assert result["definite"] is True
    assert result["existing"] is False
    assert platform.get(f"/v1/entries/{result['entry']}").json()["height"] == result["height"]


def test_the_same_bytes_again_return_the_same_entry(platform: httpx.Client) -> None:
    body = instructed("S2", "p-s2", {"shop": 100})
    first, second = applied(platform, body), applied(platform, body)
    assert second == {**first, "existing": True}


def test_other_bytes_under_a_used_id_are_a_conflict(platform: httpx.Client) -> None:
    applied(platform, instructed("S3", "p-s3", {"shop": 100}))
    document = problem(post(platform, instructed("S3x", "p-s3", {"shop": 1})), 409, "id-reused")
    assert document["id"] == "p-s3"
    assert document["definite"] is True
    assert document["instance"] == "/v1/records"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 422, "not-json"),
        (b'{"at": 1}', 422, "unknown-type"),
        (b'{"type":"payment.captured","id":"x","at":1}', 422, "missing-field"),
        (captured("S4", "p-s4"), 422, "wrong-author"),
        (b'"' + b"x" * 20_000 + b'"', 413, "record-too-large"),
        (b" ", 422, "empty-body"),
        (b"[]", 422, "empty-body"),
        (b"[{", 422, "not-json"),
    ],
)
def test_what_is_refused_before_signing_is_a_problem(
    platform: httpx.Client, body: bytes, status: int, code: str
) -> None:
    before = platform.get("/v1/status").json()["size"]
    response = post(platform, body)
    assert response.status_code == status, response.text
    assert response.json()["definite"] is True
    if code not in ("unknown-type", "missing-field"):  # which of several faults is named first
        problem(response, status, code)
    assert platform.get("/v1/status").json()["size"] == before


def test_a_body_with_white_space_around_it_is_still_the_record(platform: httpx.Client) -> None:
    body = instructed("S5", "p-s5", {"shop": 100})
    assert applied(platform, body + b"\n")["existing"] is False
    assert applied(platform, body)["existing"] is True


def test_an_array_answers_each_record_by_itself(platform: httpx.Client) -> None:
    good = instructed("S6", "p-s6", {"shop": 100})
    response = post(platform, b"[" + good + b", " + captured("S6", "p-x6") + b"," + good + b"]")
    assert response.status_code == 200
    first, second, third = response.json()
    assert (first["status"], first["outcome"]) == (200, "applied")
    assert (second["status"], second["state"], second["code"]) == (422, "refused", "wrong-author")
    assert third["entry"] == first["entry"]


def test_without_waiting_the_outcome_is_unknown_and_can_be_asked(platform: httpx.Client) -> None:
    body = instructed("S7", "p-s7", {"shop": 100})
    response = post(platform, body, wait="queued")
    assert response.status_code == 202
    result = response.json()
    assert result["definite"] is False
    assert result["state"] in ("queued", "ordered")
    assert response.headers["location"] == result["ask"] == "/v1/records/platform/p-s7"
    until(lambda: platform.get(result["ask"]).json()["state"] == "final")
    view = platform.get(result["ask"]).json()
    assert view["entry"]["outcome"] == "applied"
    assert view["definite"] is True
    assert msgspec.json.encode(view["entry"]["record"], order="sorted") == body


def test_a_race_lost_in_the_log_is_a_conflict_that_names_the_entry(consortium: Consortium) -> None:
    """The platform withdraws while the institution captures: when both signed, one loses."""
    platform, institution = consortium.clients["platform"], consortium.clients["institution"]
    for number in range(100):
        payment = f"L{number}"
        applied(platform, instructed(payment, f"p-{payment}", {"shop": 700}))
        withdrawal = raw("split.withdrawn", f"w-{payment}", payment=payment, reason="cancelled")
        with ThreadPoolExecutor(2) as threads:
            answer = threads.submit(post, platform, withdrawal)
            threads.submit(post, institution, captured(payment, f"c-{payment}", 700)).result()
        if answer.result().status_code == 409:
            break
    document = problem(answer.result(), 409, "already-captured")
    assert document["state"] == "final"
    assert document["outcome"] == "already-captured"
    entry = platform.get(f"/v1/entries/{document['entry']}").json()
    assert entry["outcome"] == "already-captured"
    view = platform.get(f"/v1/records/platform/{document['id']}").json()
    assert view["code"] == "already-captured"


def test_bodies_and_content_types_have_limits(platform: httpx.Client) -> None:
    problem(post(platform, b"[" + b" " * 1024 * 1024 + b"]"), 413, "body-too-large")
    response = platform.post("/v1/records", content=b"a,b", headers={"content-type": "text/csv"})
    problem(response, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "params", [{"wait": "never"}, {"timeout_ms": 60_001}, {"timeout_ms": -1}, {"timeout_ms": "x"}]
)
def test_bad_parameters_are_problems(platform: httpx.Client, params: dict[str, Any]) -> None:
    problem(post(platform, b"{}", **params), 400, "bad-parameter")


# -- streams --------------------------------------------------------------------------------------


def stream(client: httpx.Client, lines: list[bytes], **params: Any) -> list[dict[str, Any]]:
    def body() -> Iterator[bytes]:
        data = b"\n".join(lines)
        for place in range(0, len(data), 70_000):
            yield data[place : place + 70_000]

    headers = {"content-type": "application/x-ndjson"}
    response = client.post("/v1/records", content=body(), headers=headers, params=params)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [msgspec.json.decode(line) for line in response.content.splitlines()]


def test_a_stream_answers_every_line_in_order(platform: httpx.Client) -> None:
    lines = [instructed(f"N{n}", f"p-n{n}", {"shop": n}) for n in range(1, 2001)]
    results = stream(platform, lines, timeout_ms=60_000)
    assert [result["line"] for result in results] == list(range(1, 2001))
    assert [result["id"] for result in results] == [f"p-n{n}" for n in range(1, 2001)]
    assert {result["outcome"] for result in results} == {"applied"}
    assert [result["entry"] for result in results] == sorted(r["entry"] for r in results)


def test_a_bad_line_costs_no_other_line(platform: httpx.Client) -> None:
    good = [instructed(f"B{n}", f"p-b{n}", {"shop": 5}) for n in range(2)]
    lines = [good[0], b"nonsense", b"", b"x" * 20_000, good[1]]
    results = stream(platform, lines)
    assert [(r["line"], r["status"]) for r in results] == [(1, 200), (2, 422), (4, 413), (5, 200)]
    assert results[2]["code"] == "body-too-large"


def test_an_empty_stream_has_no_results(platform: httpx.Client) -> None:
    assert stream(platform, []) == []


def test_a_stream_that_does_not_wait_says_queued(platform: httpx.Client) -> None:
    lines = [instructed(f"Q{n}", f"p-q{n}", {"shop": 5}) for n in range(3)]
    results = stream(platform, lines, wait="queued")
    assert {result["status"] for result in results} <= {200, 202}
    until(lambda: platform.get("/v1/records/platform/p-q2").json()["state"] == "final")


def test_results_can_be_read_while_sending(consortium: Consortium) -> None:
    """A line is answered before the next one is sent: the stream works in both directions."""

    async def scenario() -> list[dict[str, Any]]:
        port = consortium.services["platform"].port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            "POST /v1/records HTTP/1.1\r\nHost: node\r\nTransfer-Encoding: chunked\r\n"
            "Content-Type: application/x-ndjson\r\n"
            f"Authorization: Bearer {consortium.tokens['platform']}\r\n\r\n"
        )
        writer.write(head.encode())
        results = []
        for number in range(3):
            line = instructed(f"D{number}", f"p-d{number}", {"shop": 5}) + b"\n"
            writer.write(b"%x\r\n%s\r\n" % (len(line), line))
            if not number:
                assert b" 200 " in await reader.readline()
                await reader.readuntil(b"\r\n\r\n")
            size = int(await reader.readline(), 16)
            results.append(msgspec.json.decode((await reader.readexactly(size + 2))[:-2]))
        writer.write(b"0\r\n\r\n")
        assert await reader.readline() == b"0\r\n"
        writer.close()
        return results

    results = asyncio.run(asyncio.wait_for(scenario(), DEADLINE_S))
    assert [result["status"] for result in results] == [200, 200, 200]


# -- tokens ---------------------------------------------------------------------------------------


def test_requests_without_a_good_token_are_refused(consortium: Consortium) -> None:
    for path in ("/v1/status", "/v1/records/platform/x", "/v1/checkpoint", "/v1/tile/0/000"):
        response = consortium.client("platform").get(path)
        problem(response, 401, "no-token")
        assert response.headers["www-authenticate"].startswith("Bearer")
        problem(consortium.client("platform", "tz_unknown").get(path), 401, "bad-token")
    problem(post(consortium.client("platform"), b"{}"), 401, "no-token")


def test_a_token_does_what_its_scopes_say(consortium: Consortium) -> None:
    tokens = consortium.homes["platform"].tokens
    _, reading = tokens.create("reader", ["read"], 0)
    _, submitting = tokens.create("submitter", ["submit"], 0)
    reader = consortium.client("platform", reading)
    submitter = consortium.client("platform", submitting)
    assert reader.get("/v1/status").status_code == 200
    problem(post(reader, b"{}"), 403, "wrong-scope")
    applied(submitter, instructed("T1", "p-t1", {"shop": 5}))
    assert submitter.get("/v1/records/platform/p-t1").status_code == 200
    problem(submitter.get("/v1/status"), 403, "wrong-scope")


def test_a_revoked_token_stops_working_at_once(consortium: Consortium) -> None:
    tokens = consortium.homes["platform"].tokens
    token, secret = tokens.create("short", ["read"], 0)
    client = consortium.client("platform", secret)
    assert client.get("/v1/status").status_code == 200
    tokens.revoke(token.id)
    problem(client.get("/v1/status"), 401, "bad-token")


# -- reading --------------------------------------------------------------------------------------


def test_a_payment_shows_how_far_its_money_has_got(consortium: Consortium) -> None:
    platform, institution = consortium.clients["platform"], consortium.clients["institution"]
    funder = consortium.clients["funder"]
    receivers = {"pay-shop": 9_000, "pay-funder": 1_000}
    applied(institution, receiver("pay-shop", "r-ps"))
    applied(institution, receiver("pay-funder", "r-pf", owner="funder"))
    applied(institution, captured("PAY", "c-pay"))
    view = platform.get("/v1/payments/PAY").json()
    assert view["state"] == "captured"
    assert [(e["kind"], e["state"]) for e in view["expectations"]] == [("instruction", "open")]
    applied(platform, instructed("PAY", "p-pay", receivers))
    view = platform.get("/v1/payments/PAY").json()
    assert view["state"] == "split"
    assert view["money"] == {"allocated": 10_000}
    assert [leg["ends_at"] for leg in view["legs"]] == ["paid", "arrived"]
    due_date = view["legs"][0]["due_date"]
    for name, amount in receivers.items():
        payout = f"PO-{name}"
        fields = {"amount": amount, "currency": "CNY", "cutoff_date": due_date, "legs": 1}
        body = raw("settlement.created", f"s-{name}", payout=payout, receiver=name, **fields)
        applied(institution, body)
        assert platform.get(f"/v1/payouts/{payout}").json()["legs"][0]["state"] == "in-payout"
        paid = {"bank_reference": "a7" * 32, "paid_at": 1_760_000_000_000, "payout": payout}
        applied(institution, raw("settlement.paid", f"sp-{name}", **paid))
    until(lambda: funder.get("/v1/payouts/PO-pay-funder").json()["state"] == "paid")
    fields = {"amount": 1_000, "currency": "CNY", "received_at": 1_760_000_000_000}
    applied(funder, raw("settlement.confirmed", "f-1", payout="PO-pay-funder", **fields))
    until(lambda: platform.get("/v1/payments/PAY").json()["money"].get("arrived") == 1_000)
    view = platform.get("/v1/payments/PAY").json()
    assert view["money"] == {"paid": 9_000, "arrived": 1_000}
    types = [entry["type"] for entry in view["timeline"]]
    assert types[:2] == ["payment.captured", "split.instructed"]
    assert types.count("settlement.paid") == 2
    assert types[-1] == "settlement.confirmed"
    assert {e["state"] for e in view["expectations"]} == {"met"}
    shown = platform.get("/v1/receivers/pay-funder").json()
    assert (shown["owner"], shown["due"], shown["paid"]) == ("funder", [], 0)


def test_expectations_are_filtered_and_judged_at_a_time(consortium: Consortium) -> None:
    institution = consortium.clients["institution"]
    applied(institution, captured("E1", "c-e1"))

    def states(**params: Any) -> dict[str, str]:
        page = institution.get("/v1/expectations", params={"limit": 1000, **params}).json()
        return {each["subject"]: each["state"] for each in page["expectations"]}

    assert states(awaited="platform", kind="instruction", state="open")["payment:E1"] == "open"
    far = 4_000_000_000_000
    assert states(awaited="platform", as_of=far)["payment:E1"] == "overdue"
    assert "payment:E1" in states(awaited="platform", state="overdue", as_of=far)
    assert "payment:E1" not in states(awaited="platform", state="open", as_of=far)
    assert "payment:E1" not in states(awaited="funder")
    assert "payment:E1" not in states(awaited="platform", state="met")


@pytest.mark.parametrize(
    ("path", "items", "key"),
    [("/v1/expectations", "expectations", "subject"), ("/v1/balances", "balances", "account")],
)
def test_pages_together_are_the_whole(
    platform: httpx.Client, path: str, items: str, key: str
) -> None:
    whole = platform.get(path, params={"limit": 1000}).json()[items][:30]
    found: list[Any] = []
    cursor = ""
    while len(found) < len(whole):
        page = platform.get(path, params={"limit": 7, "cursor": cursor}).json()
        found += page[items]
        cursor = page.get("next", "")
        if not cursor:
            break
    assert [each[key] for each in found][: len(whole)] == [each[key] for each in whole]
    problem(platform.get(path, params={"cursor": "!"}), 400, "bad-parameter")


def test_balances_are_found_by_prefix_and_sum_to_zero(platform: httpx.Client) -> None:
    pending = platform.get("/v1/balances", params={"prefix": "pending:"}).json()["balances"]
    assert pending
    assert all(each["account"].startswith("pending:") for each in pending)
    total, cursor = 0, ""
    while True:
        page = platform.get("/v1/balances", params={"limit": 1000, "cursor": cursor}).json()
        total += sum(each["amount"] for each in page["balances"])
        cursor = page.get("next", "")
        if not cursor:
            break
    assert total == 0


def test_entries_and_blocks_are_listed_and_shown(platform: httpx.Client) -> None:
    page = platform.get("/v1/entries", params={"start": 1, "limit": 5}).json()
    assert [entry["index"] for entry in page["entries"]] == [1, 2, 3, 4, 5]
    assert page["size"] > 5
    assert platform.get("/v1/entries/1").json() == page["entries"][0]
    blocks = platform.get("/v1/blocks", params={"start": 1, "limit": 3}).json()["blocks"]
    assert [block["height"] for block in blocks] == [1, 2, 3]
    whole = platform.get("/v1/blocks/2").json()
    assert whole["block"] == blocks[1]
    assert whole["header"]["parent"] == blocks[0]["hash"]
    assert sum(batch["count"] for batch in whole["batches"]) == blocks[1]["entries"]
    assert platform.get("/v1/blocks", params={"limit": 101}).status_code == 400


def test_every_party_shows_the_same_log(consortium: Consortium) -> None:
    size = min(c.get("/v1/status").json()["size"] for c in consortium.clients.values())
    shown = {
        client.get("/v1/proofs/inclusion", params={"index": 0, "size": size}).text
        for client in consortium.clients.values()
    }
    assert len(shown) == 1


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/payments/nothing", "no-such-payment"),
        ("/v1/payouts/nothing", "no-such-payout"),
        ("/v1/receivers/nothing", "no-such-receiver"),
        ("/v1/records/platform/nothing", "no-such-record"),
        ("/v1/receipts/platform/nothing", "no-such-record"),
        ("/v1/entries/999999999", "no-such-entry"),
        ("/v1/blocks/0", "no-such-block"),
        ("/v1/blocks/999999999", "no-such-block"),
        ("/v1/tile/0/999", "no-such-tile"),
        ("/v1/tile/entries/999", "no-such-tile"),
        ("/v1/tile/nonsense", "no-such-tile"),
        ("/v1/nothing", "not-found"),
        ("/", "not-found"),
    ],
)
def test_what_is_not_there_is_a_problem(platform: httpx.Client, path: str, code: str) -> None:
    document = problem(platform.get(path), 404, code)
    assert document["instance"] == path


def test_a_method_that_is_not_possible_is_a_problem(platform: httpx.Client) -> None:
    response = platform.delete("/v1/records")
    problem(response, 405, "method-not-allowed")
    assert "POST" in response.headers["allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/entries?limit=0",
        "/v1/entries?limit=1001",
        "/v1/entries?start=-1",
        "/v1/entries/x",
        "/v1/expectations?state=late",
        "/v1/expectations?as_of=soon",
        "/v1/proofs/inclusion",
    ],
)
def test_bad_queries_are_problems(platform: httpx.Client, path: str) -> None:
    assert problem(platform.get(path), 400, "bad-parameter")["detail"]


# -- proofs ---------------------------------------------------------------------------------------


def test_the_checkpoint_convinces_a_stranger_with_the_members_keys(consortium: Consortium) -> None:
    genesis = consortium.genesis
    text = consortium.clients["funder"].get("/v1/checkpoint").text
    keys = {member.name: member.public_key for member in genesis.members}
    cosigners = {cosigner_name(genesis.origin, name): key for name, key in keys.items()}
    verified = open_checkpoint(text, keys.values(), cosigners, genesis.quorum)
    assert verified.served_by == (keys["funder"],)
    assert verified.checkpoint.size > 0


def test_inclusion_and_consistency_proofs_verify(platform: httpx.Client) -> None:
    size = platform.get("/v1/status").json()["size"]
    for index in (0, size // 2, size - 1):
        proof = platform.get("/v1/proofs/inclusion", params={"index": index, "size": size}).json()
        leaf = bytes.fromhex(platform.get(f"/v1/entries/{index}").json()["leaf_hash"])
        path = [_bytes(node) for node in proof["path"]]
        assert _bytes(proof["leaf_hash"]) == leaf
        verify_inclusion(leaf, index, size, path, _bytes(proof["root"]))
    for old in (0, 1, size // 2, size):
        proof = platform.get("/v1/proofs/consistency", params={"old": old, "new": size}).json()
        path = [_bytes(node) for node in proof["path"]]
        roots = _bytes(proof["old_root"]), _bytes(proof["new_root"])
        verify_consistency(old, roots[0], size, roots[1], path)
    for params in ({"index": size + 10**6}, {"index": 0, "size": size + 10**6}):
        problem(platform.get("/v1/proofs/inclusion", params=params), 422, "index-out-of-range")
    response = platform.get("/v1/proofs/consistency", params={"old": 2, "new": 1})
    problem(response, 422, "index-out-of-range")


def _bytes(text: str) -> bytes:
    return bytes(msgspec.convert(text, bytes, strict=False))


def test_tiles_hold_the_hashes_of_the_entries(platform: httpx.Client) -> None:
    stream(platform, [instructed(f"I{n}", f"p-i{n}", {"shop": 5}) for n in range(257)])
    hashes = platform.get("/v1/tile/0/000").content
    entries = decode_entries(platform.get("/v1/tile/entries/000").content)
    assert len(entries) == 256
    assert hashes == b"".join(leaf_hash(entry) for entry in entries)
    assert platform.get("/v1/tile/0/000.p/3").content == hashes[:96]
    bundle = platform.get("/v1/tile/entries/000.p/3")
    assert decode_entries(bundle.content) == entries[:3]
    assert bundle.headers["content-type"] == "application/octet-stream"


def test_a_receipt_is_a_proof_file_over_a_checkpoint(platform: httpx.Client) -> None:
    result = applied(platform, instructed("R1", "p-r1", {"shop": 5}))
    response = platform.get("/v1/receipts/platform/p-r1")
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text.startswith("c2sp.org/tlog-proof@v1\n")
    assert f"\nindex {result['entry']}\n" in response.text


def test_the_log_can_be_taken_away_whole(platform: httpx.Client) -> None:
    lines = platform.get("/v1/log", params={"start": 1}).content.splitlines()
    until(lambda: platform.get("/v1/blocks", params={"limit": 1}).json()["height"] >= 2)
    assert len(lines) >= 3  # two blocks and a checkpoint
    assert all(isinstance(msgspec.json.decode(line), dict) for line in lines)
    later = platform.get("/v1/log", params={"start": 2}).content.splitlines()
    assert later[0] == lines[1]


# -- the node itself ------------------------------------------------------------------------------


def test_the_status_has_what_is_documented(consortium: Consortium) -> None:
    from api.service import NodeStatus

    raw_status = consortium.clients["platform"].get("/v1/status").content
    status = msgspec.json.decode(raw_status, type=NodeStatus)
    assert set(msgspec.json.decode(raw_status)) == set(NodeStatus.__struct_fields__)
    assert status.party == "platform"
    assert sorted(status.peers) == ["auditor", "funder", "institution"]
    assert all(peer.connected for peer in status.peers.values())


def test_members_and_genesis_are_what_was_founded(consortium: Consortium) -> None:
    client = consortium.clients["auditor"]
    assert client.get("/v1/genesis").content == consortium.genesis.raw
    view = client.get("/v1/members").json()
    assert [member["name"] for member in view["members"]] == list(ROLES)
    assert view["quorum"] == 3
    assert view["tolerance"]
    assert client.get("/v1/policy").text.endswith("quorum consortium\n")


def test_probes_need_no_token(consortium: Consortium) -> None:
    client = consortium.client("platform")
    assert client.get("/livez").json() == {"alive": True}
    assert client.get("/readyz").json()["ready"] is True


def test_a_node_without_its_peers_is_alive_and_not_ready(tmp_path: Path) -> None:
    alone = Consortium(tmp_path / "homes")
    try:
        for name in ROLES[1:]:
            alone.loop.call_soon_threadsafe(alone.services[name].stop)
        client = alone.clients["platform"]
        until(lambda: client.get("/readyz").status_code == 503)
        problem(client.get("/readyz"), 503, "not-ready")
        assert client.get("/livez").status_code == 200
        problem(client.get("/v1/checkpoint"), 404, "no-such-checkpoint")
        body = instructed("A1", "p-a1", {"shop": 5})
        problem(post(client, body), 422, "unknown-receiver")
    finally:
        alone.close()
