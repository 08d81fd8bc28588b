"""Commands on a log: each says the same as of the node that exported it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli import main
from cli.log_options import NODE_OPTIONS
from tests.api.lending_kit import MARCH, lending_day
from tests.api.queries_kit import Kept, month
from tests.ledger.ledger_kit import DAY
from tools.cli_reference import leaves, whole
from views.listing import Listing
from views.listings import LISTINGS

Capture = pytest.CaptureFixture[str]

SETS = {
    "month": (
        "payment P1",
        "payment P3",
        "search --order O-P1",
        "search --from 2026-01-05",
        "receiver shop",
        "payout O3",
        "payouts",
        "payouts --due 2026-01-06 --upcoming",
        "refunds",
        "float",
        "disputes",
        "fees",
        "fees --period 2026-01",
        "agreements",
        "agreements --kind profit",
        "expectations",
        "expectations --summary",
        "trial-balance",
        "trial-balance --as-of 5",
        "members",
        "calendar show",
        "calendar show --height 3",
        "evidence list",
        "report day --party institution --date 2026-01-05",
        "report day --party platform --date 2026-01-05 --height 9",
    ),
    "loans": (
        "loans",
        "loans --funder fund-a",
        "repayments",
        "overdue",
        "overdue --as-of 2026-03-01",
        "compensations",
        f"report day --party fund-a --date {MARCH}",
        f"report day --party guarantor --date {MARCH} --height 20",
        "loan show L01",
        "loan show L08 --height 60",
        f"loan allocate L03 --amount 1041.00 --date {MARCH}",
    ),
}
TEXTS = ("receipt {record} --party {party}", "export log", "export log --start 4", "export books")
"""What prints no JSON."""
NAMES = {"account": "pending:shop", "receiver": "shop", "payout": "O3", "loan": "L01"}
"""What stands in the addresses of lists."""
OTHERWISE = ("status", "evidence show", "export log", "export books", "receipt", "members")
"""Commands that are compared in a test of their own, or in part."""


_UNKNOWN = {"members": ("voters", "members"), "report day": ("checkpoint", "beyond")}
"""Members that a log cannot know: who votes now, and checkpoints of blocks before its last one."""


class Exported(NamedTuple):
    kept: Kept
    folder: Path
    lines: tuple[str, ...]

    @property
    def node(self) -> list[str]:
        return ["--url", self.kept.server.url, "--token", self.kept.token]

    @property
    def log(self) -> list[str]:
        files = ("--log", "log.ndjson"), ("--genesis", "genesis.json"), ("--index", "index")
        return [word for name, file in files for word in (name, str(self.folder / file))]


@pytest.fixture(scope="module", params=SETS)
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exported]:
    folder = tmp_path_factory.mktemp("exported")
    kept: Kept = month(folder) if request.param == "month" else lending_day(folder)
    (folder / "genesis.json").write_bytes(kept.genesis.raw)
    made = Exported(kept, folder, SETS[request.param])
    assert main.run(["export", "log", *made.node, "--out", str(folder / "log.ndjson")]) == 0
    yield made
    kept.close()


@pytest.fixture(autouse=True)
def still(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything be judged at one time, ten days after the last block."""
    at = (exported.kept.now + 10 * DAY) * 1_000_000
    monkeypatch.setattr(time, "time_ns", lambda: at)
    monkeypatch.delenv("TONGZHANG_HOME", raising=False)


def said(capsys: Capture, *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main.run(words)
    return code, capsys.readouterr().out


def test_each_command_says_of_a_log_what_it_says_of_the_node(
    exported: Exported, capsys: Capture
) -> None:
    for line in exported.lines:
        words = [*line.split(), "--json"]
        of_node = said(capsys, *words, *exported.node)
        of_log = said(capsys, *words, *exported.log)
        assert of_node[0] in {0, 1}, (line, of_node)
        one, other = (json.loads(text) for _, text in (of_node, of_log))
        assert "code" not in other, (line, other)
        for name in _UNKNOWN.get(line.partition(" --party")[0], ()):
            assert (name in one) == (name in other)
            one.pop(name, None)
            other.pop(name, None)
        assert other == one, line
        assert of_log[0] == of_node[0]


def test_what_is_written_for_others_is_the_same_to_the_byte(
    exported: Exported, capsys: Capture
) -> None:
    entry = exported.kept.get("/v1/entries", limit=3)["entries"][2]
    for line in TEXTS:
        words = line.format(record=entry["id"], party=entry["party"]).split()
        of_node = said(capsys, *words, *exported.node)
        assert of_node[0] == 0
        assert said(capsys, *words, *exported.log) == of_node


def test_every_list_says_of_a_log_what_it_says_of_the_node(exported: Exported) -> None:
    """Over HTTP, with each filter that has words or heights, at the newest block and before."""
    from api.opened import opened_app
    from cli.log_client import log_client
    from node.storage.log_index import open_log

    folder = exported.folder
    log = open_log(folder / "log.ndjson", exported.kept.genesis, folder / "index", _untold)
    client = log_client(opened_app(log), "log")
    items = 0
    for listing in LISTINGS:
        for query in _questions(listing, exported.kept):
            address = listing.address.format_map(NAMES)
            answer = exported.kept.client.get(address, params=query)
            if not answer.is_success:
                continue
            of_node = answer.json()
            assert client.get(address, **query) == of_node, (listing.name, query)
            items += len(of_node[listing.items_name])
    assert items > 30
    log.close()


def _untold(done: int, total: int) -> None:
    """Be told how far it is."""


def _questions(listing: Listing, kept: Kept) -> Iterator[dict[str, Any]]:
    values: dict[str, list[Any]] = {
        "height": [1, kept.tip.height // 2, kept.tip.height],
        "party": list(kept.genesis.names),
        "day": ["2026-01-05", "2026-01-06"],
        "business-date": ["2026-01-05", MARCH],
        "month": ["2026-01"],
        "as-of": [kept.now],
        "flag": ["true"],
        "currency": ["CNY"],
    }
    fixed = {
        each.name: values[each.kind][0]
        for each in listing.filters
        if each.required and each.kind in values
    }
    yield fixed
    for each in listing.filters:
        for value in each.words or values.get(each.kind, []):
            yield {**fixed, each.name: value}


def test_every_command_that_reads_a_node_is_compared() -> None:
    compared = {line for lines in SETS.values() for line in lines}
    for path, command in leaves("tongzhang", whole()):
        names = {each.name for each in command.params}
        name = path.removeprefix("tongzhang ")
        if names >= NODE_OPTIONS and name not in {"submit", "calendar import"}:
            assert "log" in names, path
            known = name in OTHERWISE or any(line.startswith(name) for line in compared)
            assert known, f"{path}: add what it says of a log"


def test_the_status_of_a_log_is_where_the_node_stood(exported: Exported, capsys: Capture) -> None:
    node = json.loads(said(capsys, "status", "--json", *exported.node)[1])
    log = json.loads(said(capsys, "status", "--json", *exported.log)[1])
    for name in ("ledger", "origin", "height", "size", "root", "state", "time", "quorum"):
        assert log[name] == node[name]
    assert log["log"]["fault"] is None
    assert log["log"]["certified"] is True
    code, shown = said(capsys, "status", *exported.log)
    assert (code, "yes, by " in shown) == (0, True)


def test_a_log_takes_no_records_and_is_nobodys(exported: Exported, capsys: Capture) -> None:
    code, _ = said(capsys, "submit", "x.json", *exported.log)
    assert code == 2
    code, out = said(capsys, "report", "day", "--date", MARCH, "--json", *exported.log)
    assert (code, json.loads(out)["code"]) == (2, "no-party")
    only_genesis = exported.log[2:]
    code, out = said(capsys, "disputes", "--json", *only_genesis)
    assert (code, json.loads(out)["code"]) == (2, "no-log-named")
    code, out = said(capsys, "disputes", "--json", *exported.log[:2])
    assert (code, json.loads(out)["code"]) == (2, "no-genesis-named")
    code, out = said(capsys, "evidence", "show", "ab" * 32, "--json", *exported.log)
    assert (code, json.loads(out)["code"]) == (1, "no-such-evidence")


def test_a_false_log_is_read_up_to_there_and_every_command_says_so(
    exported: Exported, capsys: Capture, tmp_path: Path
) -> None:
    lines = (exported.folder / "log.ndjson").read_bytes().splitlines(keepends=True)
    bad = len(lines) // 2
    lines[bad] = lines[bad].replace(b'"at":1', b'"at":2', 1)
    (tmp_path / "bad.ndjson").write_bytes(b"".join(lines))
    where = ["--log", str(tmp_path / "bad.ndjson"), *exported.log[2:]]
    capsys.readouterr()
    assert main.run(["members", *where]) == 0
    told = capsys.readouterr().err
    assert "THE LOG IS FALSE: bad-batch-root" in told
    assert f"block {bad + 1}" in told
    status = json.loads(said(capsys, "status", "--json", *where)[1])
    assert (status["height"], status["log"]["fault"]["height"]) == (bad, bad + 1)
    code, out = said(capsys, "export", "log", *where)
    assert (code, out) == (1, "")
