"""Every error is one problem document, and the documented table is the code's own."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from api.problems import TABLE, Problem, of_error, respond, status_of, title_of
from ledger.errors import URN, DecodeError, LedgerError
from node.errors import Busy, Halted, NodeError, StorageError
from node.peers.handshake import CLOSE_CODES

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| ([0-9]{3}) \| (.+) \|$", re.MULTILINE)
CLOSE_ROW = re.compile(r"^\| ([0-9]{4}) \| `([a-z-]+)` \|", re.MULTILINE)


def test_the_documented_table_is_that_of_the_code() -> None:
    documented = {
        code: (int(status), title)
        for code, status, title in ROW.findall((DOCS / "errors.md").read_text())
    }
    assert documented == TABLE


def test_the_documented_close_codes_are_those_of_the_code() -> None:
    found = CLOSE_ROW.findall((DOCS / "api.md").read_text())
    assert {reason: int(code) for code, reason in found} == CLOSE_CODES


def test_every_code_is_kebab_case_and_every_status_an_error() -> None:
    for code, (status, title) in TABLE.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert 400 <= status < 600
        assert title


def test_a_problem_has_the_members_of_the_standard_and_ours() -> None:
    problem = Problem("wrong-scope", "This needs a token with the scope submit.")
    response = respond(problem, "/v1/records")
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/problem+json"
    assert msgspec.json.decode(response.body) == {
        "type": f"{URN}wrong-scope",
        "title": TABLE["wrong-scope"][1],
        "status": 403,
        "detail": "This needs a token with the scope submit.",
        "code": "wrong-scope",
        "instance": "/v1/records",
        "definite": True,
    }


def test_refusals_of_contracts_share_two_titles() -> None:
    assert status_of("already-captured") == 422
    assert title_of("already-captured", 422) == TABLE["refused"][1]
    assert title_of("already-captured", 409) == TABLE["refused-in-log"][1]


@pytest.mark.parametrize("code", ["no-token", "bad-token"])
def test_a_missing_or_unknown_token_is_told_how_to_authenticate(code: str) -> None:
    headers = respond(Problem(code, "…"), "/").headers
    assert headers["www-authenticate"] == f'Bearer realm="tongzhang", error="{code}"'


@pytest.mark.parametrize("code", ["busy", "not-ready", "stopping"])
def test_what_passes_by_itself_says_when_to_try_again(code: str) -> None:
    response = respond(Problem(code, "…"), "/")
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("error", "status", "definite"),
    [
        (Busy(20_000), 503, True),
        (Halted("conflicting-final", "…"), 503, True),
        (Halted("some-new-reason", "…"), 503, True),
        (StorageError("disk-full", "…"), 503, True),
        (StorageError("storage-failed", "…", definite=False), 503, False),
        (DecodeError("id-reused", "…"), 409, True),
    ],
)
def test_errors_from_below_keep_their_code_and_definiteness(
    error: LedgerError | NodeError, status: int, definite: bool
) -> None:
    problem = of_error(error)
    assert (problem.code, problem.status) == (error.code, status)
    assert problem.definite is definite


def test_an_unexpected_error_from_below_tells_nothing_of_itself() -> None:
    problem = of_error(LedgerError("missing-tile", "secret detail"))
    assert (problem.code, problem.status, problem.definite) == ("internal-error", 500, False)
    assert "secret" not in problem.detail
