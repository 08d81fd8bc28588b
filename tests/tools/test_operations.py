"""What docs/operations.md tells people to do works as written, and what it quotes exists."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.peers.handshake import CLOSE_CODES
from tests.cli.nodes_kit import PAGE, ROOT, run

LINE = re.compile(
    r"^\| (DEBUG|INFO|WARNING|ERROR|CRITICAL) `(\S+)` \| (.+) \| .+ \|$", re.MULTILINE
)
HOLE = "…"

Capture = pytest.CaptureFixture[str]


# -- log lines -------------------------------------------------------------------------------------


def test_every_log_line_that_is_quoted_is_one_that_a_node_writes() -> None:
    rows = LINE.findall(PAGE.partition("\n## Log lines\n")[2].partition("\n## ")[0])
    assert len(rows) > 10
    written = set(_written())
    for level, name, cell in rows:
        for quoted in re.findall(r"`([^`]+)`", cell):
            assert _is_written(quoted, level, name, written), f"{level} {name}: {quoted}"


def test_log_lines_quoted_elsewhere_are_among_those() -> None:
    said = (ROOT / "docs" / "docker.md").read_text("utf-8")
    assert "`listening on port …`" in said
    assert _is_written("listening on port …", "INFO", "tongzhang.api", set(_written()))


def test_the_reader_of_log_lines_bites() -> None:
    written = set(_written())
    level, name = "WARNING", "tongzhang.host"
    assert not _is_written("own batch … was learnt of nobody", level, name, written)
    assert not _is_written("own batch … was learnt of others", "INFO", name, written)
    assert _is_written("own batch … was learnt of others", level, name, written)


def _is_written(quoted: str, level: str, name: str, written: set[tuple[str, str, str]]) -> bool:
    """Return whether the words of a quoted line stand in one of a level and logger, in order."""
    words = ".*".join(re.escape(part) for part in quoted.split(HOLE))
    lines = [text for has, by, text in written if (has, by) == (level, name)]
    return any(re.search(words, text) for text in lines)


def _written() -> Iterator[tuple[str, str, str]]:
    """Yield level, logger and text of every log line of the source, holes for what differs."""
    for package in ("api", "node", "consensus"):
        for file in sorted((ROOT / package).rglob("*.py")):
            source = file.read_text("utf-8")
            named = re.search(r'logging.getLogger\("(\S+)"\)', source)
            for each in ast.walk(ast.parse(source)):
                if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
                    yield from _lines_of(each, each.func, named.group(1) if named else "")


def _lines_of(call: ast.Call, func: ast.Attribute, name: str) -> Iterator[tuple[str, str, str]]:
    said = [_text_of(argument) for argument in call.args]
    if func.attr in ("debug", "info", "warning", "error", "critical") and said:
        yield func.attr.upper(), name, said[0]
    elif func.attr == "_log_once":  # the reason is the second argument
        reasons = [said[1]] if said[1] != HOLE else list(CLOSE_CODES)
        for reason in reasons:
            yield "WARNING", name, f"{HOLE}: {reason}: {HOLE}"
    elif ast.unparse(func).endswith(".notes.append"):  # the host writes down the replica's notes
        yield "INFO", "tongzhang.host", said[0]


def _text_of(argument: ast.expr) -> str:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return re.sub(r"%[0-9.]*[srdf]", HOLE, argument.value)
    if isinstance(argument, ast.JoinedStr):
        parts = [each.value if isinstance(each, ast.Constant) else HOLE for each in argument.values]
        return "".join(str(part) for part in parts)
    return HOLE


# -- what is typed ---------------------------------------------------------------------------------


def test_every_missing_file_of_a_home_has_its_own_advice(tmp_path: Path, capsys: Capture) -> None:
    assert run("init", tmp_path / "net") == 0
    home = tmp_path / "net" / "auditor"
    for name, ask, advice in (
        ("operator.token", "status", f"tongzhang token create --home {home} --label operator"),
        ("genesis.json", "node", "tongzhang join HOME --genesis FILE"),
        ("key.pem", "node", "where it is kept safe"),
        ("node.toml", "node", "tongzhang init DIR"),
    ):
        capsys.readouterr()
        (home / name).rename(home / "away")
        assert run(ask, *(("--home",) if ask == "status" else ()), home) == 2
        shown = capsys.readouterr().err
        assert shown.startswith(f"error: not-a-home: {home} has no {name}, ")
        assert advice in shown
        (home / "away").rename(home / name)
    assert run("status", "--home", tmp_path / "nowhere") == 2
    assert "tongzhang init DIR" in capsys.readouterr().err


def test_a_node_without_its_database_driver_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """At every command that opens the database of a home."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert run("init", tmp_path / "net") == 0
    home = tmp_path / "net" / "auditor"
    with (home / "node.toml").open("a") as file:
        file.write('[database]\nurl = "postgresql+psycopg://u@127.0.0.1:1/x"\n')
    for ask in (
        ("node", home),
        ("node", home, "--rebuild"),
        ("evidence", "list", "--home", home),
        ("evidence", "report", "--home", home),
    ):
        capsys.readouterr()
        assert run(*ask) == 1
        shown = capsys.readouterr().err
        assert "no-database-driver" in shown and "pip install 'tongzhang[postgresql]'" in shown
