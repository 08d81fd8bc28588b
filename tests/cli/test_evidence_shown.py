"""Evidence and conflict reports as people get them: over HTTP, and by commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from api.evidence_views import EvidenceDocument, EvidencePage
from cli import main
from consensus.effects import Halt
from consensus.evidence import Evidence, of_votes
from consensus.evidence_file import encode_file
from consensus.messages import EvidenceMessage, encode
from consensus.votes import (
    Certificate,
    certificate_of,
    final_subject,
    sign_vote,
    skip_subject,
)
from ledger import canonical
from ledger.block import Tip
from node.home.founding import create_consortium
from node.home.home import Home, lock_home
from node.host.fork_inquiry import CONFLICT, REPORT, ForkInquiry
from node.storage.store import ConsensusItem, EvidenceItem, Store
from tests.api.api_kit import Consortium, until

Capture = pytest.CaptureFixture[str]
WHEN_MS = 1_767_578_400_000


def _lie(home: Home, slot: int) -> Evidence:
    """Return evidence against the party of ``home``."""
    said = (skip_subject(slot), final_subject(_tip(slot)))
    votes = [sign_vote(subject, home.signer, home.party, 9, home.genesis) for subject in said]
    lie = of_votes(*votes)
    assert lie is not None
    return lie


def _tip(slot: int, block: int = 1) -> Tip:
    return Tip(1, slot, bytes([block]) * 32, 0, 1, bytes(32), b"")


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    running = Consortium(
        tmp_path_factory.mktemp("api") / "homes", ("platform", "institution"), quorum=2
    )
    liar = running.homes["institution"]
    for slot in (900, 901):
        frame = encode(EvidenceMessage(_lie(liar, slot)))
        host = running.nodes["platform"].host
        running.loop.call_soon_threadsafe(host.receive, "institution", frame)
    client = running.clients["platform"]
    until(lambda: len(client.get("/v1/evidence").json()["evidence"]) == 2)
    yield running
    running.close()


def run(*arguments: object) -> int:
    return main.run([str(argument) for argument in arguments])


# -- over HTTP ------------------------------------------------------------------------------------


def test_evidence_is_listed_shown_and_counted(consortium: Consortium) -> None:
    client, liar = consortium.clients["platform"], consortium.homes["institution"]
    raw = client.get("/v1/evidence").content
    page = msgspec.json.decode(raw, type=EvidencePage)
    assert {each.slot for each in page.evidence} == {900, 901}
    for each in page.evidence:
        assert (each.party, each.kind) == ("institution", "final-skip")
        assert "institution voted Final" in each.words and each.found_at > 0
        shown = client.get(f"/v1/evidence/{each.id}").content
        document = msgspec.json.decode(shown, type=EvidenceDocument)
        assert canonical.encode(document.file) == encode_file(
            _lie(liar, each.slot), consortium.genesis
        )
    assert client.get("/v1/status").json()["evidence"] == {"institution": 2}


def test_evidence_needs_a_token_that_may_read(consortium: Consortium) -> None:
    assert consortium.client("platform").get("/v1/evidence").json()["code"] == "no-token"
    token, secret = consortium.homes["platform"].tokens.create("writer", ["submit"], WHEN_MS)
    with consortium.client("platform", secret) as client:
        for path in ("/v1/evidence", f"/v1/evidence/{'0' * 64}"):
            assert client.get(path).json()["code"] == "wrong-scope"
    consortium.homes["platform"].tokens.revoke(token.id)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/v1/evidence/{'0' * 64}", 404, "no-such-evidence"),
        ("/v1/evidence/xyz", 400, "bad-parameter"),
        (f"/v1/evidence/{'0' * 64}%0a", 400, "bad-parameter"),
        ("/v1/evidence?party=funder", 400, "bad-parameter"),
    ],
)
def test_what_is_not_there_is_a_problem(
    consortium: Consortium, path: str, status: int, code: str
) -> None:
    response = consortium.clients["platform"].get(path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


# -- by commands ----------------------------------------------------------------------------------


@pytest.fixture(params=["url", "running home"])
def where(consortium: Consortium, request: pytest.FixtureRequest) -> Iterator[list[object]]:
    """Say which node: by its address and token, or by the home that its process holds."""
    home = consortium.homes["platform"].path
    if request.param == "url":
        client: httpx.Client = consortium.clients["platform"]
        yield ["--url", str(client.base_url).rstrip("/"), "--token", consortium.tokens["platform"]]
        return
    with lock_home(home):
        yield ["--home", home]


def _listed(where: list[object], capsys: Capture) -> list[dict[str, Any]]:
    assert run("evidence", "list", *where, "--json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["evidence"]
    return found


def _check_commands(where: list[object], genesis: Path, folder: Path, capsys: Capture) -> None:
    """Show, write and verify every piece of evidence that there is."""
    found = _listed(where, capsys)
    assert found
    assert run("evidence", "list", *where) == 0
    listed = capsys.readouterr().out
    for each in found:
        assert each["id"] in listed and each["words"] in listed
        file = folder / f"{each['id'][:8]}.json"
        assert run("evidence", "show", each["id"][:12], *where, "--out", file) == 0
        assert capsys.readouterr().out == ""
        assert run("verify", "evidence", file, "--genesis", genesis) == 0
        assert each["words"] in capsys.readouterr().out
        assert run("verify", "evidence", file, "--genesis", genesis, "--json") == 0
        proved = json.loads(capsys.readouterr().out)
        assert (proved["verified"], proved["kind"], proved["id"]) == (
            True,
            each["kind"],
            each["id"],
        )
        assert run("evidence", "show", each["id"], *where, "--json") == 0
        shown = json.loads(capsys.readouterr().out)
        assert canonical.encode(shown["file"]) == file.read_bytes()
        assert run("evidence", "show", each["id"], *where) == 0
        assert each["words"] in capsys.readouterr().out
    assert run("evidence", "show", "ffffffffffffffff", *where) == 1
    assert "no-such-evidence" in capsys.readouterr().err
    if len(found) > 1:
        assert run("evidence", "show", "", *where) == 1
        assert "write more of it" in capsys.readouterr().err


def test_commands_show_the_evidence_of_a_running_node(
    where: list[object], consortium: Consortium, tmp_path: Path, capsys: Capture
) -> None:
    genesis = consortium.homes["platform"].path / "genesis.json"
    _check_commands(where, genesis, tmp_path, capsys)


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Home]:
    parties = [("platform", "platform"), ("institution", "institution")]
    return create_consortium(tmp_path / "homes", parties, 2)  # type: ignore[arg-type]


def _store(home: Home) -> Store:
    return Store(home.database_url, home.genesis, party=home.party)


def test_commands_show_the_evidence_of_a_node_at_rest(
    homes: dict[str, Home], tmp_path: Path, capsys: Capture
) -> None:
    home = homes["platform"]
    lies = [_lie(homes["institution"], slot) for slot in (7, 8)]
    store = _store(home)
    store.save([EvidenceItem(lie.id, encode(lie), WHEN_MS) for lie in lies])
    store.close()
    _check_commands(["--home", home.path], home.path / "genesis.json", tmp_path, capsys)


def test_a_home_that_has_never_run_has_no_evidence_and_gets_no_database(
    homes: dict[str, Home], capsys: Capture
) -> None:
    home = homes["platform"].path
    before = set(home.iterdir())
    assert run("evidence", "list", "--home", home) == 0
    assert "no key is known to have signed" in capsys.readouterr().out
    assert run("evidence", "show", "12", "--home", home) == 1
    assert run("evidence", "report", "--home", home) == 1
    assert "no-conflict-report" in capsys.readouterr().err
    assert {path.name for path in set(home.iterdir()) - before} <= {"node.lock", "lock"}


def test_evidence_of_nowhere_is_a_usage_error(tmp_path: Path, capsys: Capture) -> None:
    for line in (
        ["evidence", "list", "--home", tmp_path / "none"],
        ["evidence", "report", "--home", tmp_path / "none"],
        ["verify", "evidence", tmp_path / "none", "--genesis", tmp_path / "none"],
    ):
        assert run(*line) == 2
        assert capsys.readouterr().err.startswith("error: ")


def test_false_evidence_is_exit_code_1(
    homes: dict[str, Home], tmp_path: Path, capsys: Capture
) -> None:
    genesis = homes["platform"].path / "genesis.json"
    true = encode_file(_lie(homes["institution"], 7), homes["platform"].genesis)
    for false in (true[:-1], true + b" ", true.replace(b"institution", b"platform"), b""):
        file = tmp_path / "false.json"
        file.write_bytes(false)
        assert run("verify", "evidence", file, "--genesis", genesis) == 1
        assert "do not rely on this file" in capsys.readouterr().err


def test_the_conflict_report_names_blocks_signers_and_convicted(
    homes: dict[str, Home], capsys: Capture
) -> None:
    home = homes["platform"]
    first, second = (_final(homes, block) for block in (1, 2))
    store = _store(home)
    inquiry = ForkInquiry(
        home.genesis, store, Halt("conflicting-final", "x", (first, second)), ("institution",),
        refuse_forged=lambda _: None, now_ms=0,
    )  # fmt: skip
    assert {lie.kind for lie in inquiry.found_at_once()} == {"two-final"}
    slot = 2**53 - 1
    store.save([ConsensusItem(slot, CONFLICT, REPORT, inquiry.report(WHEN_MS))])
    store.close()
    assert run("evidence", "report", "--home", home.path) == 0
    shown = capsys.readouterr().out
    for said in ("01" * 32, "02" * 32, "made final by institution, platform"):
        assert said in shown
    assert "convicted: institution, platform; a fork takes at least 2" in shown
    assert run("evidence", "report", "--home", home.path, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["own"]["signers"] == report["other"]["signers"] == ["institution", "platform"]
    with lock_home(home.path):
        assert run("evidence", "report", "--home", home.path) == 1
    assert "home-locked" in capsys.readouterr().err


def _final(homes: dict[str, Home], block: int) -> Certificate:
    subject = final_subject(_tip(3, block))
    return certificate_of(
        {
            name: sign_vote(subject, home.signer, name, 9, home.genesis)
            for name, home in homes.items()
        }
    )
