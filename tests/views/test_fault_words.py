"""Faults of logs in words: real faults of corrupted logs, as they are told in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ledger.genesis import read
from ledger.log_faults import LogFault
from tests.ledger.log_kit import write_log
from tests.ledger.test_log_faults import BLOCK, Log, changed, walked
from views.fault_words import FAULTS_IN_CHINESE, fault_in_words

ERRORS = Path(__file__).parents[2] / "docs" / "errors.md"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    folder = tmp_path_factory.mktemp("log")
    write_log(60, folder)
    lines = (folder / "log.ndjson").read_bytes().splitlines()
    return Log(read((folder / "genesis.json").read_bytes()), lines)


def fault(log: Log, lines: list[bytes]) -> LogFault:
    found = walked(lines, log.genesis)[1].fault
    assert found is not None
    return found


def faults(log: Log) -> dict[str, LogFault]:
    """Return a fault of each part."""
    first = log.block(BLOCK)["entries"][0]

    def outcome(line: dict[str, object]) -> None:
        line["entries"] = [{**each, "outcome": "id-reused"} for each in line["entries"]]  # type: ignore[attr-defined]

    def left_out(line: dict[str, object]) -> None:
        line["entries"] = line["entries"][1:]  # type: ignore[index]

    assert first
    return {
        "record": fault(log, changed(log, outcome)),
        "entries": fault(log, changed(log, left_out)),
        "block": fault(log, log.lines[: BLOCK - 1] + log.lines[BLOCK:]),
        "end": fault(log, log.lines[:-1]),
        "after": fault(log, [*log.lines, log.lines[0]]),
    }


def test_a_fault_is_told_in_chinese_with_its_place_and_in_english_as_it_is(log: Log) -> None:
    told = set()
    for name, each in faults(log).items():
        assert fault_in_words(each, "en") == each.message
        chinese = fault_in_words(each, "zh")
        place, _, words = chinese.partition("：")
        assert words == FAULTS_IN_CHINESE[each.code], (name, each)
        assert str(each.height) in place or place == "检查点"
        assert each.record in place
        assert not re.search(r"\b(block|line|batch|entry|entries)\b", chinese)
        told.add(each.code)
    assert len(told) >= 3


def test_a_fault_without_words_is_told_by_its_own(log: Log) -> None:
    other = LogFault(
        code="not-utf8", message="line 3: no text", part="file", height=3, first_entry=9
    )
    assert fault_in_words(other, "zh") == other.message


def test_every_code_that_has_words_is_one_of_the_manual() -> None:
    known = set(re.findall(r"^\| `([a-z0-9-]+)` \|", ERRORS.read_text("utf-8"), re.MULTILINE))
    assert FAULTS_IN_CHINESE.keys() <= known
