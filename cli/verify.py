"""``tongzhang verify``: offline verification. Imports the ledger, for evidence the votes as well.

Never a node.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import CheckFailed, UsageError
from cli.inputs import beginning_of, readable
from cli.options import GenesisFile, Json, path
from cli.output import progress, say, say_json
from ledger.errors import LedgerError
from ledger.genesis import Genesis, read
from ledger.limits import GENESIS_BYTES_MAX

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="The file to verify.", show_default=False, parser=path),
]
Replay = Annotated[bool, typer.Option("--replay", help="Execute every record again.")]

TEXT_BYTES_MAX = 16 * 1024 * 1024
"""More than any receipt or checkpoint may have."""

app = typer.Typer(
    help="Verify a receipt, a log, a checkpoint or evidence offline.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("receipt")
def verify_receipt_file(file: File, genesis: GenesisFile, json: Json = False) -> None:
    """Verify that a receipt proves its record: who stated it, and that the log contains it.

    \b
    Examples:
      tongzhang verify receipt r.tlog-proof --genesis genesis.json
    """
    from ledger.log.receipt import verify_receipt

    founded = _genesis(genesis)
    text = _text(file)
    try:
        proved = verify_receipt(text, founded)
    except LedgerError as error:
        raise _false(file, error) from None
    _report(json, ("receipt", file), founded, proved)


@app.command("log")
def verify_log_file(
    file: File, genesis: GenesisFile, replay: Replay = False, json: Json = False
) -> None:
    """Verify a whole exported log: every signature, block, record and the final checkpoint.

    With --replay every record is executed again, and outcomes and state hashes compared.

    \b
    Examples:
      tongzhang verify log log.ndjson --genesis genesis.json
      tongzhang verify log log.ndjson --genesis genesis.json --replay
    """
    from ledger.log_lines import LINE_BYTES_MAX
    from ledger.verify import verify_log

    founded = _genesis(genesis)
    try:
        with readable(file), file.open("rb") as source, progress(quiet=json) as bar:
            task = bar.add_task("verifying", total=None)
            lines = iter(lambda: source.readline(LINE_BYTES_MAX + 2), b"")
            proved = verify_log(
                lines, founded, lambda done: bar.update(task, completed=done), replay=replay
            )
    except LedgerError as error:
        raise _false(file, error) from None
    _report(json, ("log", file), founded, proved)


@app.command("checkpoint")
def verify_checkpoint_file(file: File, genesis: GenesisFile, json: Json = False) -> None:
    """Verify that a quorum of the consortium's parties cosigned a checkpoint.

    \b
    Examples:
      tongzhang verify checkpoint checkpoint.txt --genesis genesis.json
    """
    from ledger.verify import verify_checkpoint

    founded = _genesis(genesis)
    text = _text(file)
    try:
        proved = verify_checkpoint(text, founded)
    except LedgerError as error:
        raise _false(file, error) from None
    _report(json, ("checkpoint", file), founded, proved)


@app.command("evidence")
def verify_evidence_file(file: File, genesis: GenesisFile, json: Json = False) -> None:
    """Verify that one key signed two statements that no honest party can have made.

    \b
    Examples:
      tongzhang evidence show 7fb4f80e --home net/auditor --out lie.json
      tongzhang verify evidence lie.json --genesis net/auditor/genesis.json
    """
    from consensus.evidence_file import verify_file
    from consensus.limits import EVIDENCE_FILE_BYTES_MAX

    founded = _genesis(genesis)
    raw = beginning_of(file, EVIDENCE_FILE_BYTES_MAX)
    try:
        proved = verify_file(raw, founded)
    except LedgerError as error:
        raise _false(file, error) from None
    _report(json, ("evidence", file), founded, proved)


def _genesis(path: Path) -> Genesis:
    try:
        return read(beginning_of(path, GENESIS_BYTES_MAX))
    except LedgerError as error:
        raise UsageError(error.code, f"{path}: {error.message}") from None


def _text(path: Path) -> str:
    try:
        return beginning_of(path, TEXT_BYTES_MAX).decode("utf-8")
    except UnicodeDecodeError:
        raise CheckFailed(
            "not-text", f"{path} is not UTF-8 text, so it is not what it should be"
        ) from None


def _false(path: Path, error: LedgerError) -> CheckFailed:
    return CheckFailed(error.code, f"{path}: {error.message}", "do not rely on this file")


def _report(json: bool, checked: tuple[str, Path], genesis: Genesis, proved: Any) -> None:
    from msgspec.json import decode, encode

    what, path = checked
    facts = decode(encode(proved))
    if json:
        say_json({"verified": True, "kind": what, "file": str(path), **facts})
        return
    say(f"{path}: good {what}")
    for name, value in {"origin": genesis.origin, **facts}.items():
        say(f"  {name}: {_shown(value)}")


def _shown(value: Any) -> str:
    from ledger import canonical

    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return canonical.encode(value).decode() if isinstance(value, dict) else str(value)
