"""Protocol scenarios as readable files, each with its full expected trace.

``TONGZHANG_UPDATE_SCENARIOS=1 pytest tests/consensus/test_replica_scenarios.py`` writes the traces
anew; review the difference as you would review code.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.consensus.scenario_play import play

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))
UPDATE = os.environ.get("TONGZHANG_UPDATE_SCENARIOS") == "1"


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario_comes_out_as_written(path: Path) -> None:
    written = path.read_text()
    played = play(written)
    if UPDATE:
        path.write_text(played)
    else:
        assert played == written


def test_scenarios_are_many_and_tell_a_story() -> None:
    assert len(SCENARIOS) >= 18
    for path in SCENARIOS:
        assert path.read_text().startswith("# "), f"{path.name} has no story"


def test_a_wrong_trace_is_noticed() -> None:
    written = (SCENARIOS[0].parent / "01-happy-path.txt").read_text()
    assert play(written.replace("final: height 1 is 1a", "final: height 1 is 1b")) == written
