"""A portfolio's folder: a file for each turn of a party, and the answer key.

``records/007-2025-02-platform.ndjson`` is the seventh turn: records of the platform about February,
one a line, as ``tongzhang submit`` takes them. Files are UTF-8 with LF.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli.files import write_files
from demo.loans.answer import answer
from demo.loans.generate import Portfolio
from demo.loans.summary import summary
from ledger import canonical

ANSWER, SUMMARY, RECORDS = "answer.json", "answer.md", "records"

Plain = dict[str, Any]


def write_portfolio(portfolio: Portfolio, folder: Path) -> Plain:
    """Write a portfolio's files into ``folder``, which is made; return the answer key."""
    key = answer(portfolio)
    (folder / RECORDS).mkdir(parents=True, exist_ok=True)
    contents = {folder / ANSWER: key_bytes(key), folder / SUMMARY: summary(key).encode()}
    for number, turn in enumerate(portfolio.turns, 1):
        name = f"{number:03d}-{turn.month}-{turn.party}.ndjson"
        lines = [canonical.encode(said.record) + b"\n" for said in turn.said]
        contents[folder / RECORDS / name] = b"".join(lines)
    for path in (folder / RECORDS).glob("[0-9][0-9][0-9]-*.ndjson"):
        if path not in contents:
            path.unlink()  # a turn of another portfolio, which would be stated among these
    write_files(contents)
    return key


def key_bytes(key: Plain) -> bytes:
    """Return an answer key as JSON, each row of its lists in a line of its own."""
    parts = []
    for name, value in sorted(key.items()):
        if isinstance(value, list):
            rows = ",\n".join(_compact(row) for row in value)
            parts.append(f'"{name}": [\n{rows}\n]' if rows else f'"{name}": []')
        else:
            parts.append(f'"{name}": {_compact(value)}')
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True)
