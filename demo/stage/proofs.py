"""The demo's offline proofs: a receipt and the exported log, verified by another process."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from cli.errors import BAD, CheckFailed
from demo.stage.observer import Observer
from demo.stage.processes import NodeProcess, command, environment

RECEIPT = "receipt.tlog-proof"
LOG = "log.ndjson"
GENESIS = "genesis.json"


async def prove(
    node: NodeProcess, observer: Observer, receipt_of: tuple[str, str], folder: Path
) -> dict[str, Any]:
    """Write a receipt and the whole log to files, and have other processes verify them.

    Args:
        node: The node that is asked; not the author's own.
        observer: Asks it for the receipt.
        receipt_of: Author and id of the record.
        folder: Where the files go.

    Raises:
        CheckFailed: a file could not be had, or is bad.
    """
    genesis, receipt, log = node.home / GENESIS, folder / RECEIPT, folder / LOG
    party, record = receipt_of
    text = await observer.text(node.party, f"/v1/receipts/{party}/{record}")
    receipt.write_text(text, "utf-8")
    changed = folder / f"changed-{RECEIPT}"
    changed.write_text(_changed(text), "utf-8")
    await _export(node, log)
    proved, refused, whole = await asyncio.gather(
        verify("receipt", receipt, genesis),
        run(["verify", "receipt", str(changed), "--genesis", str(genesis)]),
        verify("log", log, genesis, "--replay"),
    )
    proved["changed_copy_refused"] = refused[0] == BAD
    return {"receipt": proved, "log": whole}


async def _export(node: NodeProcess, log: Path) -> None:
    code, _, errors = await run(["export", "log", "--home", str(node.home), "--out", str(log)])
    if code != 0:
        raise CheckFailed("not-exported", errors.strip())


def _changed(receipt: str) -> str:
    """Return a receipt with another index: the smallest lie there is."""
    lines = receipt.split("\n")
    place = next(i for i, line in enumerate(lines) if line.startswith("index "))
    lines[place] = f"index {int(lines[place].removeprefix('index ')) + 1}"
    return "\n".join(lines)


async def verify(kind: str, file: Path, genesis: Path, *options: str) -> dict[str, Any]:
    """Run ``tongzhang verify`` in a process of its own.

    Args:
        kind: ``receipt``, ``log`` or ``checkpoint``.
        file: What to verify.
        genesis: The consortium's genesis document.
        options: Further options of the command.

    Returns:
        What the command printed as JSON, with ``seconds``.

    Raises:
        CheckFailed: the command says that the file is bad.
    """
    arguments = ["verify", kind, str(file), "--genesis", str(genesis), "--json", *options]
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
