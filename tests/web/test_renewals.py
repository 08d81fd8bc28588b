"""What a page costs when many renew it, and what goes over the wire."""

from __future__ import annotations

import asyncio
import gzip
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from node.home.tokens import Token
from tests.web.business_pages_kit import Shown, shown_month
from web import renewals

LIVE = ("/", "/reconciliation", "/payments", "/expectations", "/payments/P1", "/chain")

READER = Token(0, "", "t", "reader", ("read",))

shown = shown_month()


def renewed(shown: Shown, address: str, heard: int | str, **headers: str) -> httpx.Response:
    return shown.client.get(
        address, headers={"accept": "text/html", "tongzhang-heard": str(heard), **headers}
    )


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the templates that are rendered from now on."""
    from web import page

    found: list[str] = []
    whole = page.rendered

    def counted(template: str, values: object) -> str:
        found.append(template)
        return whole(template, values)  # type: ignore[arg-type]

    monkeypatch.setattr(page, "rendered", counted)
    return found


@pytest.mark.parametrize("address", LIVE)
def test_many_who_heard_the_same_news_share_one_page(
    shown: Shown, made: list[str], address: str
) -> None:
    height = shown.tip.height
    answers = [renewed(shown, address, height) for _ in range(5)]
    assert len(made) == 1
    assert len({each.text for each in answers}) == 1
    assert {each.headers["tongzhang-height"] for each in answers} == {str(height)}
    renewed(shown, address, height, **{"accept-language": "zh-CN"})
    renewed(shown, address, height, **{"accept-encoding": "identity"})
    renewed(shown, f"{address}?cursor=", height)
    assert len(made) == 3


def test_whoever_heard_of_a_newer_block_is_shown_it(shown: Shown, made: list[str]) -> None:
    height = shown.tip.height
    assert "P-newer" not in renewed(shown, "/payments", height).text
    shown.capture("P-newer", 5_000)
    made.clear()
    assert renewed(shown, "/payments", height + 1).text.count("P-newer") > 1
    assert renewed(shown, "/payments", height).text.count("P-newer") > 1
    assert len(made) == 1


def test_a_page_that_is_opened_is_made_anew(shown: Shown, made: list[str]) -> None:
    renewed(shown, "/payments", shown.tip.height)
    made.clear()
    for heard in ("", "0", "x", "-1", "9" * 40):
        assert renewed(shown, "/payments", heard).status_code == 200
    shown.page("/payments")
    assert len(made) == 6


def test_a_renewal_needs_a_token_like_any_page(shown: Shown) -> None:
    renewed(shown, "/payments", shown.tip.height)
    with httpx.Client(base_url=shown.server.url) as stranger:
        headers = {"accept": "text/html", "tongzhang-heard": "1"}
        assert stranger.get("/payments", headers=headers).status_code in (303, 401)


def test_a_page_that_was_made_for_one_token_is_shown_to_whoever_may_read_alone(
    shown: Shown, made: list[str]
) -> None:
    height = shown.tip.height
    whole = renewed(shown, "/payments", height).text
    tokens = shown.homes[shown.HOME].tokens
    secrets = {scope: tokens.create(scope, (scope,), 0)[1] for scope in ("read", "submit", "admin")}
    answers = {
        scope: renewed(shown, "/payments", height, authorization=f"Bearer {secret}")
        for scope, secret in secrets.items()
    }
    assert (answers["read"].status_code, answers["read"].text) == (200, whole)
    for scope in ("submit", "admin"):
        assert answers[scope].status_code == 403
        assert "P1" not in answers[scope].text
    reader = next(each for each in tokens.list() if each.label == "read")
    tokens.revoke(reader.id)
    assert (
        "P1"
        not in renewed(shown, "/payments", height, authorization=f"Bearer {secrets['read']}").text
    )
    assert made.count("payments.html") <= 1


def test_nobody_is_shown_a_kept_page_after_signing_out(shown: Shown) -> None:
    height = str(shown.tip.height)
    asked = {"accept": "text/html", "tongzhang-heard": height}
    same = {"sec-fetch-site": "same-origin"}
    with httpx.Client(base_url=shown.server.url) as http:
        form = {"token": shown.token, "to": "/"}
        assert http.post("/sign-in", data=form, headers=same).status_code == 303
        kept = dict(http.cookies)
        assert "P1" in http.get("/payments", headers=asked).text
        assert http.post("/sign-out", headers=same).status_code == 303
    with httpx.Client(base_url=shown.server.url, cookies=kept) as thief:
        answer = thief.get("/payments", headers=asked)
    assert (answer.status_code, "P1" in answer.text) == (303, False)


def test_a_kept_page_is_shown_for_a_short_while(
    shown: Shown, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewals, "KEPT_S", 0)
    shown.capture("P-short")
    for _ in range(3):
        renewed(shown, "/payments", shown.tip.height)
    assert len(made) == 3


def test_who_looks_at_what_many_look_at_rests_less(shown: Shown) -> None:
    def pauses(times: int) -> list[str | None]:
        shown.capture(f"P-rest-{shown.tip.height}")
        answers = [renewed(shown, "/settlement", shown.tip.height) for _ in range(times)]
        return [each.headers.get("tongzhang-pause-ms") for each in answers]

    assert pauses(1) == pauses(1) == [None]  # made for one each time
    assert pauses(3) == [None] * 3
    shared = str(renewals.SHARED_PAUSE_MS)
    assert pauses(1) == [shared]  # the one before was shown three times
    assert pauses(2) == [None] * 2
    assert pauses(2) == [shared] * 2
    assert "tongzhang-pause-ms" not in shown.client.get("/settlement").headers


def test_many_who_ask_at_once_wait_for_one_making(shown: Shown, made: list[str]) -> None:
    shown.capture("P-at-once")
    with ThreadPoolExecutor(12) as threads:
        asked = [
            threads.submit(renewed, shown, "/reconciliation", shown.tip.height) for _ in range(12)
        ]
        assert len({each.result().text for each in asked}) == 1
    assert made == ["reconciliation.html"]


@pytest.mark.parametrize(
    ("status", "headers", "sizes", "keeps"),
    [
        (200, {"tongzhang-height": "7"}, (10, 20), True),
        (200, {"tongzhang-height": "7"}, (renewals.KEPT_BYTES_MAX,), True),
        (200, {"tongzhang-height": "7"}, (renewals.KEPT_BYTES_MAX, 1), False),
        (200, {"tongzhang-height": "7"}, (renewals.KEPT_BYTES_MAX + 1,), False),
        (200, {"tongzhang-height": "7", "set-cookie": "a=b"}, (10,), False),
        (200, {}, (10,), False),
        (404, {"tongzhang-height": "7"}, (10,), False),
    ],
)
def test_what_is_kept_is_whole_small_and_nobodys_own(
    status: int, headers: dict[str, str], sizes: tuple[int, ...], keeps: bool
) -> None:
    made = []

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        made.append(scope["path"])
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        for place, size in enumerate(sizes):
            more = place + 1 < len(sizes)
            await send({"type": "http.response.body", "body": b"x" * size, "more_body": more})

    shared = renewals.Renewals(app)

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        await shared({**scope, "token": READER}, receive, send)

    async def asked() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(named), base_url="http://node"
        ) as http:
            wanted = {"accept": "text/html", "tongzhang-heard": "7"}
            return [await http.get("/page", headers=wanted) for _ in range(3)]

    for answer in asyncio.run(asked()):
        assert (answer.status_code, len(answer.content)) == (status, sum(sizes))
    assert len(made) == (1 if keeps else 3)


def test_who_waits_for_a_making_that_fails_has_the_page_made() -> None:
    begun: list[str] = []

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        begun.append(scope["path"])
        await asyncio.sleep(0.01)
        if len(begun) < 3:
            raise ConnectionResetError("the readers ended")
        start = {"status": 200, "headers": [(b"tongzhang-height", b"9")]}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": b"whole"})

    shared = renewals.Renewals(app)

    async def ask() -> bytes:
        found: list[bytes] = []
        headers = [(b"accept", b"text/html"), (b"tongzhang-heard", b"9")]
        call = {"type": "http", "method": "GET", "path": "/p", "query_string": b""}

        async def send(message: Message) -> None:
            found.append(message.get("body", b""))

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        await shared({**call, "headers": headers, "token": READER}, receive, send)
        return b"".join(found)

    async def all_ask() -> list[bytes | BaseException]:
        return await asyncio.gather(*(ask() for _ in range(6)), return_exceptions=True)

    found = asyncio.run(all_ask())
    assert [each for each in found if isinstance(each, bytes)] == [b"whole"] * 4
    assert len(begun) == 3


def test_only_so_many_pages_are_kept(
    shown: Shown, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewals, "KEPT_MAX", 2)
    height = shown.tip.height
    addresses = [f"/payments?from=2026-01-0{number}&to=2026-01-09" for number in range(1, 6)]
    for address in addresses:
        renewed(shown, address, height)
    made.clear()
    for address in addresses[-2:]:
        renewed(shown, address, height)
    assert made == []
    renewed(shown, addresses[0], height)
    assert made == ["payments.html"]


def test_problems_are_not_kept(shown: Shown) -> None:
    assert renewed(shown, "/payments/P-later", shown.tip.height).status_code == 404
    shown.capture("P-later", 6_000)
    assert renewed(shown, "/payments/P-later", shown.tip.height - 1).status_code == 200


@pytest.mark.parametrize("address", [*LIVE, "/payments/none"])
def test_pages_are_compressed_for_whom_it_suits(shown: Shown, address: str) -> None:
    with shown.client.stream("GET", address, headers={"accept": "text/html"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    plain = shown.client.get(
        address, headers={"accept": "text/html", "accept-encoding": "identity"}
    )
    assert "content-encoding" not in plain.headers
    as_of = re.compile(r"<time[^>]*>[^<]*</time>|\d+ s")
    whole = gzip.decompress(raw).decode()
    assert as_of.sub("", whole).splitlines()[:5] == as_of.sub("", plain.text).splitlines()[:5]
    assert len(raw) < len(plain.content) / 2


def test_events_and_answers_to_programs_are_sent_as_they_are(shown: Shown) -> None:
    assert "content-encoding" not in shown.client.get("/v1/expectations").headers
    with shown.client.stream("GET", "/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("address", LIVE)
def test_the_news_of_a_page_begin_with_what_it_does_not_show(shown: Shown, address: str) -> None:
    size = shown.tip.size
    live = re.search(r'data-live="([^"]+)"', shown.page(address))
    assert live is not None
    assert re.search(rf"[?;]start={size}$", live[1]), live[1]
