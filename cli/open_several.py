"""Several logs side by side: the first difference, and who signed what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import typer

from cli.errors import BAD
from cli.inputs import readable
from cli.opened_log import genesis_of, refuse_no_log
from cli.output import pairs, progress, say, say_json, table, utc
from ledger.log_compare import Comparison, Side, SideSaid, compare, proved
from ledger.log_lines import LINE_BYTES_MAX
from views.texts import gettext

_SHORT = 16
"""How many digits of a hash people are shown."""


def show_comparison(logs: Sequence[Path], genesis_file: Path, *, json: bool) -> None:
    """Compare logs with the first of them, and show how each differs from it.

    Raises:
        UsageError: a file cannot be read.
        typer.Exit: 1, one of them differs.
    """
    genesis = genesis_of(genesis_file)
    for log in logs:
        refuse_no_log(log)
    first, *others = logs
    sides: list[Side] = []
    with progress(quiet=json) as bar:
        for log in logs:
            task = bar.add_task(gettext("verifying"), total=log.stat().st_size)
            with readable(log):
                sides.append(proved(_lines(log, partial(bar.advance, task)), genesis))
    found = []
    for log, side in zip(others, sides[1:], strict=True):
        with readable(log), readable(first):
            found.append(compare(_lines(first), _lines(log), (sides[0], side)))
    if json:
        said = [_as_json((first, log), each) for log, each in zip(others, found, strict=True)]
        say_json(said[0] if len(said) == 1 else {"comparisons": said})
    else:
        for log, each in zip(others, found, strict=True):
            _show((first, log), each)
    if any(each.relation == "different" for each in found):
        raise typer.Exit(BAD)


def _lines(log: Path, read: Callable[[float], None] | None = None) -> Iterator[bytes]:
    with log.open("rb", buffering=2**20) as file:
        while raw := file.readline(LINE_BYTES_MAX + 2):
            if read is not None:
                read(len(raw))
            yield raw.removesuffix(b"\n")


def _as_json(files: tuple[Path, Path], found: Comparison) -> dict[str, Any]:
    from msgspec.json import decode, encode

    return {"files": [str(each) for each in files], **decode(encode(found))}


def _show(files: tuple[Path, Path], found: Comparison) -> None:
    one, other = files
    names = {"one": one, "other": other}
    if found.relation == "equal":
        say(gettext("{one} and {other} hold the same blocks").format_map(names))
    elif found.relation == "prefix":
        shorter, longer = (
            (one, other) if found.sides[0].blocks < found.sides[1].blocks else (other, one)
        )
        said = gettext("{shorter} is the beginning of {longer}, up to block {height:,}")
        say(said.format(shorter=shorter, longer=longer, height=found.height - 1))
    else:
        what = ", ".join(found.fields)
        if found.entry is None:
            text = gettext("the first difference is in block {height:,}: {what}")
        else:
            text = gettext("the first difference is in block {height:,}, entry {entry:,}")
        say(text.format(height=found.height, entry=found.entry or 0, what=what))
    rows = [_of_side(side) for side in found.sides]
    if found.relation == "different":
        rows = [own | _of_said(said) for own, said in zip(rows, found.said, strict=True)]
    heads = list(dict.fromkeys(name for row in rows for name in row))
    table(
        ["", str(one), str(other)], [[head, *(row.get(head, "") for row in rows)] for head in heads]
    )
    has = zip(files, found.said, strict=True)
    pairs([(str(name), each.entry) for name, each in has if each.entry])
    if found.forked_by:
        text = gettext("BOTH LOGS ARE CERTIFIED, AND DIFFER: {parties} signed both")
        parties = ", ".join(found.forked_by)
        typer.secho(text.format(parties=parties), fg=typer.colors.RED, bold=True)


def _of_side(side: Side) -> dict[str, str]:
    rows = {
        gettext("blocks"): f"{side.blocks:,}",
        gettext("entries"): f"{side.entries:,}",
        gettext("cosigned by"): ", ".join(side.cosigners) or gettext("nobody"),
    }
    if side.fault is not None:
        rows[gettext("FALSE")] = side.fault.message
    return rows


def _of_said(said: SideSaid) -> dict[str, str]:
    rows = {gettext("block"): said.block[:_SHORT], gettext("proposed by"): said.proposer}
    if said.time:
        rows[gettext("time")] = utc(said.time)
    if said.party:
        rows |= {
            gettext("stated by"): f"{said.party} ({said.batch})",
            gettext("record"): said.record,
            gettext("outcome"): said.outcome,
        }
    return rows
