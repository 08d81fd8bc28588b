"""What a page costs when many renew it, and what goes over the wire."""

from __future__ import annotations

import gzip
import re

import httpx
import pytest

from tests.web.business_pages_kit import Shown, shown_month

LIVE = ("/", "/reconciliation", "/payments", "/expectations", "/payments/P1", "/chain")

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
