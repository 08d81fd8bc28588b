"""Questions that name what does not exist are answered with what does, never with nothing."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from cli import main
from ledger import forms
from ledger.expectations import KINDS
from tests.api.queries_kit import Kept, month_on
from tests.ledger.ledger_kit import split

Capture = pytest.CaptureFixture[str]

EXPECTATIONS = ("/v1/expectations", "/v1/expectations/summary")


kept = month_on()


def problem(kept: Kept, path: str) -> tuple[int, str, str]:
    answer = kept.client.get(path)
    return answer.status_code, answer.json()["code"], answer.json()["detail"]


@pytest.mark.parametrize("path", EXPECTATIONS)
@pytest.mark.parametrize("name", ["awaited", "opener"])
def test_an_unknown_party_is_answered_with_the_parties(kept: Kept, path: str, name: str) -> None:
    for party in ("platfrom", "Platform"):
        assert problem(kept, f"{path}?{name}={party}") == (
            404,
            "no-such-party",
            f"the parties are platform, institution, funder, auditor; got {party!r}",
        )


@pytest.mark.parametrize("path", EXPECTATIONS)
def test_an_unknown_kind_is_answered_with_the_nearest_or_all(kept: Kept, path: str) -> None:
    status, code, detail = problem(kept, f"{path}?kind=captur")
    assert (status, code) == (400, "bad-parameter")
    assert detail.endswith("'captur' is no kind of expectation; did you mean capture?")
    for far in ("zzz", "%00"):
        assert problem(kept, f"{path}?kind={far}")[2].endswith(f"the kinds are {', '.join(KINDS)}")
    for kind in KINDS:
        assert kept.client.get(f"{path}?kind={kind}").status_code == 200


@pytest.mark.parametrize("path", ["/v1/search", "/v1/payouts", "/v1/payouts/due"])
def test_an_unknown_receiver_is_answered_with_some_that_are_near(kept: Kept, path: str) -> None:
    status, code, detail = problem(kept, f"{path}?receiver=shp")
    assert (status, code) == (404, "no-such-receiver")
    assert detail == "no receiver is registered as 'shp'; some that are: shop"
    assert "funder-share, platform-fee, shop" in problem(kept, f"{path}?receiver=zz")[2]
    assert kept.client.get(f"{path}?receiver=platform-fee").status_code == 200


def test_refunds_of_an_unknown_payment_are_refused(kept: Kept) -> None:
    assert problem(kept, "/v1/refunds?payment=nosuch") == (
        404,
        "no-such-payment",
        "no record of the log is about payment 'nosuch'",
    )
    for known in ("P2", "P4"):  # by either half
        assert kept.client.get(f"/v1/refunds?payment={known}").json() == {"refunds": []}


def test_refunds_of_a_payment_that_was_refused_are_none(tmp_path: Path) -> None:
    bare = Kept(tmp_path)
    bare.refuse("unknown-receiver", "platform", "split.instructed", **split("P1"))
    assert bare.get("/v1/payments/P1")["state"] == "unknown"
    assert bare.get("/v1/refunds", payment="P1") == {"refunds": []}
    bare.close()


def test_a_receiver_of_a_new_ledger_is_answered_plainly(tmp_path: Path) -> None:
    bare = Kept(tmp_path)
    assert problem(bare, "/v1/payouts?receiver=shop")[2].endswith("none is registered yet")
    bare.close()


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/v1/payouts/due?on=tomorrow", "query.on: 'tomorrow' is not a date, such as 2026-03-31"),
        ("/v1/fees?period=2026-13", "query.period: '2026-13' is not a month, such as 2026-03"),
        ("/v1/fees?currency=cny", "query.currency: 'cny' is no code of ISO 4217; say CNY"),
        ("/v1/books/accounts?as_of=x", "'x' is not a block's height, or a date such as 2026-03-31"),
    ],
)
def test_a_text_of_the_wrong_form_is_answered_in_words(kept: Kept, path: str, detail: str) -> None:
    status, code, said = problem(kept, path)
    assert (status, code) == (400, "bad-parameter")
    assert said.endswith(detail)


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        (
            "/v1/refunds?state=gone",
            "query.state: 'gone' is not one of requested, paid or failed",
        ),
        ("/v1/fees?format=xml", "query.format: 'xml' is not one of json or csv"),
        ("/v1/payouts?limit=x", "query.limit: 'x' is not a whole number"),
        ("/v1/payouts?limit=1.5", "query.limit: '1.5' is not a whole number"),
        ("/v1/payouts?limit=0", "query.limit: '0' is not 1 or more"),
        ("/v1/payouts?limit=5000", "query.limit: '5000' is not 1000 or less"),
        ("/v1/entries/-1", "path.index: '-1' is not 0 or more"),
        ("/v1/payouts/due?upcoming=perhaps", "query.upcoming: 'perhaps' is not true or false"),
        ("/v1/fees/charges", "query.period: it is missing; give it a value"),
        (
            f"/v1/expectations?kind={'x' * 40}",
            f"query.kind: '{'x' * 40}' is not a text of at most 32 characters",
        ),
        (
            f"/v1/payouts?limit={'9' * 5000}",
            f"query.limit: '{'9' * 79}… is not a whole number of a size that is possible",
        ),
    ],
)
def test_a_value_that_is_not_possible_is_answered_with_what_is(
    kept: Kept, path: str, detail: str
) -> None:
    assert problem(kept, path) == (400, "bad-parameter", detail)


def test_every_pattern_of_a_parameter_has_words(kept: Kept) -> None:
    document = kept.client.get("/openapi.json").json()
    patterns = {
        parameter["schema"]["pattern"]
        for operations in document["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
        if "pattern" in parameter["schema"]
    }
    asked = (forms.IDENTIFIER, forms.CURRENCY, forms.DAY, forms.MONTH, forms.PLACE, forms.HASH)
    assert patterns == {*asked, forms.SUBJECT} & set(forms.WORDS)


ODD_IDS = ("a b", ".a", "a;b", "é", "x" * 65)
ID_WORDS = "an id: 1 to 64 letters, digits and . _ : - | * @, the first a letter, digit or _"


@pytest.mark.parametrize("place", ["payments", "payouts", "receivers"])
@pytest.mark.parametrize("odd", ODD_IDS)
def test_what_can_be_no_id_is_answered_with_what_is_one(kept: Kept, place: str, odd: str) -> None:
    status, code, detail = problem(kept, f"/v1/{place}/{quote(odd)}")
    assert (status, code) == (400, "bad-parameter")
    assert detail == f"path.{place[:-1]}: {odd!r} is not {ID_WORDS}"


# -- commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("expectations --awaited bank", "no-such-party: the parties are platform, institution"),
        ("expectations --opener bank", "no-such-party: the parties are platform, institution"),
        ("expectations --summary --awaited bank", "no-such-party: the parties are platform"),
        ("expectations --kind captur", "bad-parameter: query.kind: 'captur' is no kind"),
        ("export books --party bank", "no-such-party: the parties are platform, institution"),
        ("export books --as-of yesterday", "bad-place: 'yesterday' is no block's height and no"),
        ("export books --as-of 2026-02-30", "bad-place: '2026-02-30' is no block's height and"),
        ("export books --as-of -1", "bad-place: '-1' is no block's height and no date"),
        ("receipt X1 --party bank", "no-such-party: the parties are platform, institution"),
        ("fees --period 2026-13", "bad-month: '2026-13' is no month: write YYYY-MM, such as"),
        ("fees --period march", "bad-month: 'march' is no month: write YYYY-MM, such as"),
        ("payouts --due 2026-02-30", "bad-date: '2026-02-30' is no date: write YYYY-MM-DD"),
        ("search --from 20260101", "bad-date: '20260101' is no date: write YYYY-MM-DD"),
        ("search --to yesterday", "bad-date: 'yesterday' is no date: write YYYY-MM-DD"),
        ("refunds --state x", "usage: Invalid value for '--state': 'x' is not one of 'requested'"),
    ],
)
def test_a_command_called_with_a_wrong_name_says_so_and_exits_2(
    kept: Kept, line: str, error: str, capsys: Capture
) -> None:
    assert main.run([*line.split(), "--url", kept.server.url, "--token", kept.token]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {error}"), said.err
    assert said.out == ""
    assert "^" not in said.err


@pytest.mark.parametrize("command", ["payment", "receiver", "receipt"])
@pytest.mark.parametrize("odd", [*ODD_IDS, "", "a/b?c#d", "../x", ".", "a\n"])
def test_a_command_refuses_what_can_be_no_id_before_it_asks(
    kept: Kept, command: str, odd: str, capsys: Capture
) -> None:
    assert main.run([command, odd, "--url", "http://127.0.0.1:1", "--token", "t"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"error: bad-format: {odd!r} is not {ID_WORDS}"), said.err
    assert said.out == ""


def test_a_receipt_of_nobody_is_refused_before_it_asks(capsys: Capture) -> None:
    where = ["--url", "http://127.0.0.1:1", "--token", "t"]
    assert main.run(["receipt", "X1", "--party", "", *where]) == 2
    assert capsys.readouterr().err.startswith("error: bad-format: --party: a name has 1 to 32")


def test_what_is_only_not_there_exits_1(kept: Kept, capsys: Capture) -> None:
    where = ["--url", kept.server.url, "--token", kept.token]
    for line, code in (
        ("payouts --receiver nobody", "no-such-receiver"),
        ("refunds --payment nosuch", "no-such-payment"),
        ("export books --as-of 999999", "no-such-block"),
        ("receipt X1 --party funder", "no-such-record"),
    ):
        assert main.run([*line.split(), *where]) == 1
        assert capsys.readouterr().err.startswith(f"error: {code}: ")
