"""Records handed in over HTTP: by one, in arrays, in streams, and by whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import msgspec
import pytest

from tests.api.api_kit import (
    DEADLINE_S,
    Consortium,
    applied,
    captured,
    founded,
    instructed,
    post,
    problem,
    raw,
    stream,
    until,
)


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    running = founded(tmp_path_factory.mktemp("consortium") / "homes")
    yield running
    running.close()


@pytest.fixture
def platform(consortium: Consortium) -> httpx.Client:
    return consortium.clients["platform"]


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
        (b"[" * 50_000 + b"]" * 50_000, 422, "too-deep"),
        (b'[{"a":"\\ud800"}]', 422, "lone-surrogate"),
    ],
)
def test_what_is_refused_before_signing_is_a_problem(
    platform: httpx.Client, body: bytes, status: int, code: str
) -> None:
    before = platform.get("/v1/status").json()["size"]
    response = post(platform, body)
    assert response.status_code == status, response.text
    assert response.json()["definite"] is True
    assert "recursion" not in response.text
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
    assert results[2]["code"] == "record-too-large"


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
