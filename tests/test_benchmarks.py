"""The benchmarks that the documents name can be run, in a small size; what they say is theirs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["benchmarks.contracts", "160"], "µs per record"),
        (["benchmarks.queries", "300", "20"], "payment with its timeline"),
    ],
)
def test_a_benchmark_runs_from_a_checkout(words: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
