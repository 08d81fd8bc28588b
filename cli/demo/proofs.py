"""The demo's offline proofs: a receipt and the exported log, verified by another process."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from cli.errors import CheckFailed
from cli.processes import command, environment

RECEIPT = "receipt.tlog-proof"
LOG = "log.ndjson"
GENESIS = "genesis.json"


async def verify(kind: str, file: Path, genesis: Path) -> dict[str, Any]:
    """Run ``tongzhang verify`` in a process of its own.

    Args:
        kind: ``receipt``, ``log`` or ``checkpoint``.
        file: What to verify.
        genesis: The consortium's genesis document.

    Returns:
        What the command printed as JSON, with ``seconds``.

    Raises:
        CheckFailed: the command says that the file is bad.
    """
    arguments = ["verify", kind, str(file), "--genesis", str(genesis), "--json"]
    started = time.monotonic()
    code, output, errors = await run(arguments)
    if code != 0:
        raise CheckFailed("not-verified", f"{file.name}: {errors.strip()}")
    return {**json.loads(output), "seconds": round(time.monotonic() - started, 2)}


async def run(arguments: list[str]) -> tuple[int, str, str]:
    """Run a ``tongzhang`` command in a process of its own.

    Returns:
        Its exit code, and what it wrote on stdout and on stderr.
    """
    process = await asyncio.create_subprocess_exec(
        *command(),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    try:
        output, errors = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, output.decode(), errors.decode()
