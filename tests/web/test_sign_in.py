"""Signing in, sessions, and what protects them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api import sessions
from api.limits import FEED_TOKENS_EVERY_S
from api.sessions import IDLE_S, RENEW_S, SESSION_S, Session, Sessions
from demo.stage.processes import command, environment
from tests.cli.nodes_kit import is_ready, until
from tests.web.site_kit import SAME_ORIGIN, Site, signed_in, visitor
from web.headers import SECURITY

PATHS = ("/lists", "/refunds", "/payments/P1", "/live")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.close()


def token(site: Site, *scopes: str) -> tuple[str, str]:
    """Return a new token of the platform's node: its id and secret."""
    words = [*command(), "token", "create", "--home", str(site.platform.home), "--label", "test"]
    done = subprocess.run(
        [*words, "--scope", ",".join(scopes), "--json"],
        env=environment(),
        capture_output=True,
        check=True,
    )
    import json

    made = json.loads(done.stdout)
    return made["id"], made["token"]


def cookie(http: httpx.Client) -> str:
    (found,) = [each for each in http.cookies.jar if each.name.startswith("tongzhang-")]
    return f"{found.name}={found.value}"


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_is_led_to_the_sign_in_and_back(site: Site, path: str) -> None:
    with visitor(site.platform) as http:
        led = http.get(path, params={"limit": "7"})
        assert led.status_code == 303
        asked = http.get(led.headers["location"])
        assert asked.status_code == 200
        assert f'value="{path}?limit=7"' in asked.text
        form = {"token": site.platform.token, "to": f"{path}?limit=7"}
        back = http.post("/sign-in", data=form, headers=SAME_ORIGIN)
        assert (back.status_code, back.headers["location"]) == (303, f"{path}?limit=7")


@pytest.mark.parametrize("path", ("/livez", "/readyz", "/openapi.json"))
def test_what_needs_no_token_is_answered_at_a_browser_too(site: Site, path: str) -> None:
    with visitor(site.platform) as http:
        assert http.get(path).status_code == 200


@pytest.mark.parametrize(
    "to", ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)")
)
def test_the_way_back_leads_nowhere_else(site: Site, to: str) -> None:
    with visitor(site.platform) as http:
        form = {"token": site.platform.token, "to": to}
        back = http.post("/sign-in", data=form, headers=SAME_ORIGIN)
        assert (back.status_code, back.headers["location"]) == (303, "/")


def test_a_cookie_is_kept_from_scripts_and_has_no_secret(site: Site) -> None:
    with visitor(site.platform) as http:
        form = {"token": site.platform.token}
        answer = http.post("/sign-in", data=form, headers=SAME_ORIGIN)
        set_cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in set_cookie and "SameSite=Lax" in set_cookie
        assert "Secure" not in set_cookie and site.platform.token[3:] not in set_cookie
        behind = {**SAME_ORIGIN, "x-forwarded-proto": "https"}
        assert "Secure" in http.post("/sign-in", data=form, headers=behind).headers["set-cookie"]


def test_every_page_carries_the_security_headers(site: Site) -> None:
    with signed_in(site.platform) as http:
        for path in ("/lists", "/refunds", "/payments/P1", "/nowhere", "/sign-in"):
            answer = http.get(path)
            for name, value in SECURITY.items():
                assert answer.headers[name] == value, path
            assert answer.headers["cache-control"] == "no-store"
            assert " style=" not in answer.text and "<script>" not in answer.text


def test_a_wrong_token_is_refused_and_many_are_kept_away(tmp_path: Path) -> None:
    made = Site(tmp_path)
    try:
        with visitor(made.platform) as http:
            wrong = {"token": "tz_wrong", "to": "/"}
            refused = http.post("/sign-in", data=wrong, headers=SAME_ORIGIN)
            assert refused.status_code == 401
            assert "not known" in refused.text and "tz_wrong" not in refused.text
            codes = [
                http.post("/sign-in", data=wrong, headers=SAME_ORIGIN).status_code
                for _ in range(25)
            ]
            assert codes[-1] == 429
            right = {"token": made.platform.token}
            assert http.post("/sign-in", data=right, headers=SAME_ORIGIN).status_code == 303
    finally:
        made.close()


def test_a_token_that_may_not_read_begins_no_session(site: Site) -> None:
    _, secret = token(site, "submit")
    with visitor(site.platform) as http:
        answer = http.post("/sign-in", data={"token": secret}, headers=SAME_ORIGIN)
        assert answer.status_code == 403 and "scope read" in answer.text
        assert not http.cookies


@pytest.mark.parametrize(
    "headers",
    (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {},
    ),
)
def test_another_sites_page_neither_signs_in_nor_out(site: Site, headers: dict[str, str]) -> None:
    with visitor(site.platform) as http:
        form = {"token": site.platform.token}
        assert http.post("/sign-in", data=form, headers=headers).status_code == 403
        assert not http.cookies
    with signed_in(site.platform) as http:
        assert http.post("/sign-out", headers=headers).status_code == 403
        assert http.get("/lists").status_code == 200


def test_an_old_browser_is_known_by_its_origin(site: Site) -> None:
    with visitor(site.platform) as http:
        headers = {"origin": site.platform.url}
        form = {"token": site.platform.token}
        assert http.post("/sign-in", data=form, headers=headers).status_code == 303


@pytest.mark.parametrize("headers", (SAME_ORIGIN, {"sec-fetch-site": "cross-site"}, {}))
def test_a_cookie_submits_no_record(site: Site, headers: dict[str, str]) -> None:
    with signed_in(site.platform) as http:
        answer = http.post("/v1/records", json={"id": "x"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "no-token")


def test_a_cookie_reads_what_its_token_may(site: Site) -> None:
    with signed_in(site.platform) as http:
        assert http.get("/v1/status").json()["party"] == "platform"
        assert http.get("/v1/refunds").json() == {"refunds": []}


def test_signing_out_ends_the_session_wherever_its_cookie_is(site: Site) -> None:
    with signed_in(site.platform) as http:
        kept = cookie(http)
        answer = http.post("/sign-out", headers=SAME_ORIGIN)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert not [each for each in http.cookies.jar if each.value]
    with visitor(site.platform) as thief:
        assert thief.get("/lists", headers={"cookie": kept}).status_code == 303
        assert thief.get("/v1/status", headers={"cookie": kept}).status_code == 401


def test_a_revoked_token_ends_its_sessions(site: Site) -> None:
    identifier, secret = token(site, "read")
    with signed_in(site.platform, token=secret) as http:
        assert http.get("/lists").status_code == 200
        words = [*command(), "token", "revoke", identifier, "--home", str(site.platform.home)]
        subprocess.run(words, env=environment(), check=True, capture_output=True)
        assert http.get("/lists").status_code == 303


def test_a_session_outlives_a_restart_of_the_node_and_one_that_was_signed_out_does_not(
    site: Site,
) -> None:
    with signed_in(site.platform) as http, signed_in(site.platform) as other:
        kept = cookie(other)
        assert other.post("/sign-out", headers=SAME_ORIGIN).status_code == 303
        site.platform.kill()
        site.platform.start()
        until([site.platform], is_ready)
        assert http.get("/lists").status_code == 200
    with visitor(site.platform) as thief:
        assert thief.get("/lists", headers={"cookie": kept}).status_code == 303


def test_a_cookie_of_another_node_or_with_a_changed_part_is_none(site: Site) -> None:
    with signed_in(site.platform) as http:
        name, _, value = cookie(http).partition("=")
    with visitor(site.nodes["funder"]) as other:
        for party_name in (name, _name_at(site, "funder")):
            headers = {"cookie": f"{party_name}={value}"}
            assert other.get("/lists", headers=headers).status_code == 303
    parts = value.split(".")
    with visitor(site.platform) as http:
        for at, part in enumerate(parts):
            changed = part[:-1] + ("1" if part[-1] != "1" else "2")
            forged = ".".join([*parts[:at], changed, *parts[at + 1 :]])
            headers = {"cookie": f"{name}={forged}"}
            assert http.get("/lists", headers=headers).status_code == 303, at


def _name_at(site: Site, party: str) -> str:
    with signed_in(site.nodes[party]) as http:
        return cookie(http).partition("=")[0]


def call(made: Sessions, value: str) -> dict[str, object]:
    return {
        "headers": [(b"cookie", f"other=1; {made.name}={value}".encode())],
        "scheme": "http",
    }


def test_a_session_ends_idle_and_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Sessions(b"key", "ledger", "platform")
    now = 1_000_000.0
    monkeypatch.setattr(sessions.time, "time", lambda: now)
    bare = call(made, "")

    def value(header: str | None) -> str:
        assert header is not None
        return header.partition("=")[2].partition(";")[0]

    current = value(made.cookie(bare, "abcd"))
    begun = now
    session: Session | None = None
    while True:
        now += IDLE_S - 1
        session = made.of(call(made, current))
        if session is None:
            break
        current = value(made.renewal(bare, session))
    assert begun + SESSION_S <= now < begun + SESSION_S + IDLE_S
    fresh = value(made.cookie(bare, "abcd"))
    now += IDLE_S - 1
    assert made.of(call(made, fresh)) is not None
    now += 1
    assert made.of(call(made, fresh)) is None
    assert Sessions(b"other key", "ledger", "platform").of(call(made, fresh)) is None


@pytest.mark.parametrize("path", ("/live", "/v1/feed"))
def test_what_is_open_ends_soon_after_signing_out(site: Site, path: str) -> None:
    with signed_in(site.platform) as http, http.stream("GET", path, timeout=30) as stream:
        lines = stream.iter_lines()
        next(lines)
        assert http.post("/sign-out", headers=SAME_ORIGIN).status_code == 303
        began = time.monotonic()
        for _ in lines:
            assert time.monotonic() - began < 3 * FEED_TOKENS_EVERY_S


def test_what_a_script_asks_for_again_renews_no_session(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = site.platform
    with signed_in(node) as http:
        token_id = cookie(http).partition("=")[2].partition(".")[0]
        ledger = http.get("/v1/status").json()["ledger"]
    made = Sessions((node.home / "key.pem").read_bytes(), ledger, "platform")
    monkeypatch.setattr(sessions.time, "time", lambda at=time.time() - RENEW_S - 1: at)
    old = made.cookie(call(made, ""), token_id).partition(";")[0]
    monkeypatch.undo()
    with visitor(node) as http:
        again = http.get("/lists", headers={"cookie": old, "tongzhang-heard": "0"})
        assert again.status_code == 200 and "set-cookie" not in again.headers
        assert "set-cookie" in http.get("/lists", headers={"cookie": old}).headers
