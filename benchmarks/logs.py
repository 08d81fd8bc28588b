"""Seconds to open an exported log, by the clock and of the processors.

Run with ``python -m benchmarks.logs PAYMENTS [FOLDER]``. The log holds one generated day of the
business as the demo plays it, with every kind of record and planted trouble, about 3.4 entries a
payment: 295,000 payments make a million entries. It is made in this process, of real batches,
blocks and cosignatures, and left in the folder, if one is named, with its genesis. Then it is
opened twice by the command: verified and executed into a new index, and from that index.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory

from tests.ledger.log_kit import write_log

BLOCK_RECORDS = 500


def open_again(folder: Path, index: Path) -> tuple[float, float]:
    """Return how many seconds the command took, by the clock and of the processors."""
    files = [str(folder / "log.ndjson"), "--genesis", str(folder / "genesis.json")]
    command = [sys.executable, "-m", "cli", "open", *files, "--no-serve", "--index", str(index)]
    began, before = time.perf_counter(), getrusage(RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    taken, after = time.perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(payments: int, folder: Path) -> None:
    """Write a log, unless it is there, and print how fast it is opened."""
    if not (folder / "log.ndjson").exists():
        ledger = write_log(payments, folder, BLOCK_RECORDS)
        print(f"{ledger.tip.size:,} entries in {ledger.tip.height:,} blocks")
    with TemporaryDirectory(dir=folder) as index:
        for what in ("verified and executed", "from the kept index"):
            taken, processor = open_again(folder, Path(index))
            print(f"{what}: {taken:.1f} s, {processor:.1f} s of processor time")
        size = sum(each.stat().st_size for each in Path(index).iterdir())
    log = (folder / "log.ndjson").stat().st_size
    print(f"log {log / 1e6:,.0f} MB, index {size / 1e6:,.0f} MB; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        measure(int(sys.argv[1]), Path(sys.argv[2]))
    else:
        with TemporaryDirectory() as made:
            measure(int(sys.argv[1]), Path(made))
