"""What a node shows over HTTP: books, pages, proofs, and itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from cli.main import run
from ledger.genesis import Role
from ledger.log.checkpoint import cosigner_name, open_checkpoint
from ledger.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from ledger.log.tiles import decode_entries
from tests.api.api_kit import (
    ROLES,
    Consortium,
    applied,
    captured,
    founded,
    instructed,
    post,
    problem,
    raw,
    receiver,
    stream,
    until,
)


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    running = founded(tmp_path_factory.mktemp("consortium") / "homes")
    stream(running.clients["institution"], [captured(f"B{n}", f"c-b{n}") for n in range(20)])
    shares = {"shop": 9_000, "funder-main": 1_000}
    stream(running.clients["platform"], [instructed(f"B{n}", f"p-b{n}", shares) for n in range(10)])
    yield running
    running.close()


@pytest.fixture
def platform(consortium: Consortium) -> httpx.Client:
    return consortium.clients["platform"]


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
        until(lambda: platform.get(f"/v1/payouts/{payout}").status_code == 200)  # noqa: B023
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
    assert len(whole) > 7
    found: list[Any] = []
    query: dict[str, int | str] = {"limit": 7}
    while len(found) < len(whole):
        page = platform.get(path, params=query).json()
        found += page[items]
        if "next" not in page:
            break
        query["cursor"] = page["next"]
    assert [each[key] for each in found][: len(whole)] == [each[key] for each in whole]
    problem(platform.get(path, params={"cursor": "!"}), 400, "bad-parameter")


def test_balances_are_found_by_prefix_and_sum_to_zero(platform: httpx.Client) -> None:
    pending = platform.get("/v1/balances", params={"prefix": "pending:"}).json()["balances"]
    assert pending
    assert all(each["account"].startswith("pending:") for each in pending)
    total, query = 0, {"limit": "1000"}
    while True:
        page = platform.get("/v1/balances", params=query).json()
        total += sum(each["amount"] for each in page["balances"])
        if "next" not in page:
            break
        query["cursor"] = page["next"]
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
    for path, allowed in (("/v1/records", "POST"), ("/v1/status", "GET, HEAD")):
        response = platform.delete(path)
        told = problem(response, 405, "method-not-allowed")["detail"]
        assert told == f"DELETE is not possible here, but {allowed}"
        assert response.headers["allow"] == allowed


HEADS = ["/v1/status", "/v1/log", "/v1/checkpoint", "/livez", "/v1/nothing"]


@pytest.mark.parametrize("path", HEADS)
def test_a_head_is_answered_as_a_get_without_its_body(platform: httpx.Client, path: str) -> None:
    head, got = platform.head(path), platform.get(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


def test_a_head_needs_the_token_that_a_get_needs(platform: httpx.Client) -> None:
    assert platform.head("/v1/status", headers={"authorization": ""}).status_code == 401
    assert platform.head("/v1/records").status_code == 405


@pytest.mark.parametrize("path", ["/v1/status/", "/v1/payouts/", "/v1/payments/P/", "/livez/"])
def test_an_address_with_a_stray_slash_is_not_there(platform: httpx.Client, path: str) -> None:
    problem(platform.get(path), 404, "not-found")


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
    assert view["tolerance_founded"][1] == "Up to 1 may be down and the ledger goes on."
    assert view["voters"]["reached"] == list(ROLES)
    assert (view["voters"]["needed"], view["voters"]["may_go_down"]) == (3, 1)
    assert {(row["voting"], row["voting_reason"]) for row in view["members"]} == {(True, "votes")}
    assert client.get("/v1/policy").text.endswith("quorum consortium\n")


def test_the_ledgers_time_ahead_of_the_clock_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here by an hour: whoever founded the consortium had a clock that was fast."""
    names: tuple[Role, ...] = ("platform", "institution")
    founded = time.time_ns() // 1_000_000 + 3_600_000
    ahead = Consortium(tmp_path / "homes", names, 2, created_at=founded)
    try:
        status = ahead.clients["platform"].get("/v1/status").json()
        assert 0 < status["time_ahead_ms"] <= 3_600_000
        url, token = str(ahead.clients["platform"].base_url), ahead.tokens["platform"]
        assert run(["status", "--url", url, "--token", token]) == 0
        assert "CLOCK       the newest block is 3,59" in capsys.readouterr().out
    finally:
        ahead.close()


def test_a_clock_that_is_right_is_no_news(
    consortium: Consortium, capsys: pytest.CaptureFixture[str]
) -> None:
    assert consortium.clients["platform"].get("/v1/status").json()["time_ahead_ms"] == 0
    url = str(consortium.clients["platform"].base_url)
    assert run(["status", "--url", url, "--token", consortium.tokens["platform"]]) == 0
    assert "CLOCK" not in capsys.readouterr().out


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
