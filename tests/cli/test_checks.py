"""Starts of real nodes whose database was damaged, and of nodes that are killed again and again."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from cli.errors import CheckFailed
from demo.stage.processes import NodeProcess, stop_all
from ledger import canonical
from node.home.home import DATABASE, load_home
from node.storage.beside import SCRATCH
from node.storage.marks import verified
from node.storage.replay import MARK, ReplayMark
from node.storage.store import Store
from tests.cli.cli_kit import run
from tests.cli.nodes_kit import get, is_ready
from tests.cli.test_nodes import captured
from tests.node.database_kit import found_filled

PAYMENTS = 3000
"""About ten thousand entries: enough for a check to be killed in the middle of it."""
WAIT_S = 300.0
ACCOUNT = "fee_income:institution"

pytestmark = pytest.mark.processes

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[NodeProcess]]:
    nodes = found_filled(tmp_path_factory.mktemp("checks") / "net", PAYMENTS, 100)
    try:
        yield nodes
    finally:
        stop_all(nodes)


def standing(node: NodeProcess) -> dict[str, Any]:
    found: dict[str, Any] = get(node, "/v1/status")["check"]
    return found


def until(node: NodeProcess, claim: Callable[[], bool]) -> None:
    """Wait until a node answers so that a claim is true."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        node.refuse_dead()
        try:
            if claim():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{node.party} in {WAIT_S} s")


def until_ended(node: NodeProcess) -> str:
    """Return what a node has said that ends by itself."""
    deadline = time.monotonic() + WAIT_S
    while node.alive and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(CheckFailed) as caught:
        node.refuse_dead()
    return str(caught.value)


def is_clean(node: NodeProcess) -> bool:
    return standing(node)["state"] == "clean"


def change(node: NodeProcess, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(node.home / DATABASE)) as database, database:
        assert database.execute(statement, values).rowcount == 1


def believe_all(node: NodeProcess) -> None:
    """Set the verified mark at the end of the log, as somebody may who writes to the database."""
    home = load_home(node.home)
    store = Store(home.database_url, home.genesis, party=home.party)
    store.note(*verified(store.tip()))
    store.close()


def leaf(node: NodeProcess, height: int) -> tuple[int, bytes]:
    """Return index and bytes of the first entry of a block."""
    query = 'SELECT "index", leaf FROM entries WHERE height = ? ORDER BY "index" LIMIT 1'
    with closing(sqlite3.connect(node.home / DATABASE)) as database:
        found: tuple[int, bytes] = database.execute(query, (height,)).fetchone()
        return found


def one_byte_other(raw: bytes) -> bytes:
    return raw[:-3] + bytes((raw[-3] ^ 1,)) + raw[-2:]


def turn_byte(node: NodeProcess) -> Callable[[], None]:
    """Turn a byte in an old block; return what turns it back."""
    index, raw = leaf(node, 2)
    statement = 'UPDATE entries SET leaf = ? WHERE "index" = ?'
    change(node, statement, one_byte_other(raw), index)
    return lambda: change(node, statement, raw, index)


def raise_balance(node: NodeProcess) -> Callable[[], None]:
    """Raise a balance; return what lowers it."""
    statement = "UPDATE balances SET amount = amount + ? WHERE account = ?"
    change(node, statement, 100, ACCOUNT)
    return lambda: change(node, statement, -100, ACCOUNT)


@pytest.mark.parametrize(
    ("damage", "named"),
    [(raise_balance, f"a row of balances is Balance(account='{ACCOUNT}'"), (turn_byte, "block 2:")],
)
def test_damage_stops_the_node_stands_in_status_and_is_not_started_on_again(
    filled: list[NodeProcess],
    damage: Callable[[NodeProcess], Callable[[], None]],
    named: str,
    capsys: Capture,
) -> None:
    node = filled[3]
    believe_all(node)
    repair = damage(node)
    node.start()
    said = until_ended(node)
    assert "corrupt-ledger" in said
    assert named in said
    assert run("status", "--home", node.home) == 1
    shown = capsys.readouterr().err
    assert (
        f"corrupt-ledger: the node does not run, because a check has found this: {named}" in shown
    )
    node.start()
    assert "--full-check" in until_ended(node)
    node.start("--full-check")
    assert named in until_ended(node)
    repair()
    node.start()
    assert named in until_ended(node)  # nobody has looked whether all is well
    node.start("--full-check")
    until(node, lambda: is_clean(node))
    assert run("status", "--home", node.home) == 0
    assert "entries and all rows, no difference" in capsys.readouterr().out
    node.kill()
    node.start()
    until(node, lambda: standing(node)["state"] != "none")
    node.kill()


def test_a_node_that_is_killed_again_and_again_goes_on_checking(filled: list[NodeProcess]) -> None:
    node = filled[2]
    kept = 0
    for _ in range(3):
        node.start()
        until(node, partial(has_gone_on, node, kept))
        node.kill()
        kept = mark(node)
    node.start()
    until(node, lambda: is_clean(node))
    size = get(node, "/v1/status")["size"]
    assert standing(node)["entries"] == standing(node)["total"] == size
    node.kill()


def has_gone_on(node: NodeProcess, kept: int) -> bool:
    """Return whether a check went on from what was kept, and further."""
    said = standing(node)
    return said["state"] == "clean" or (said["resumed_at"] >= kept and mark(node) > kept)


def mark(node: NodeProcess) -> int:
    """Return how many entries a check has kept to go on from."""
    path = node.home / SCRATCH
    if not path.exists():
        return 0
    query = "SELECT value FROM meta WHERE key = ?"
    with closing(sqlite3.connect(path)) as scratch:
        try:
            row = scratch.execute(query, (MARK,)).fetchone()
        except sqlite3.OperationalError:  # it is just being made
            return 0
    if row is None:
        return 0
    height = msgspec.json.decode(row[0], type=ReplayMark).height
    with closing(sqlite3.connect(node.home / DATABASE)) as database:
        size = database.execute("SELECT size FROM blocks WHERE height = ?", (height,)).fetchone()
        return int(size[0])


def test_nodes_that_are_killed_in_turn_come_up_and_make_records_final(
    filled: list[NodeProcess], tmp_path: Path
) -> None:
    """The issue: nodes killed every few seconds checked everything first, and never came up."""
    for node in filled:
        node.start()
    for victim in filled:
        victim.kill()
        victim.start()
        until(victim, partial(is_ready, victim))
    before = get(filled[0], "/v1/status")["size"]
    file = tmp_path / "record.json"
    file.write_bytes(canonical.encode(captured("after-kills")))
    assert run("submit", file, "--home", filled[1].home) == 0
    for node in filled:
        until(node, partial(has, node, before + 1))
    stop_all(filled)


def has(node: NodeProcess, size: int) -> bool:
    return get(node, "/v1/status")["size"] == size and is_clean(node)
