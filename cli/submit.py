"""``tongzhang submit``: hands records to a party's own node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.errors import CheckFailed, UsageError
from cli.inputs import bytes_of
from cli.options import Home, Json, Token, Url
from cli.output import note, plural, progress, say, say_json
from cli.signals import INTERRUPTED

if TYPE_CHECKING:
    from cli.client import Client

T = TypeVar("T", bytes, list[bytes])

CHUNK_RECORDS = 2000
REFUSALS_SHOWN_MAX = 20

_WHOLE = (
    "nothing was sent; see that the file is whole, and that it holds one record, an array of "
    "records, or one record a line"
)

_WHO_VOTES = "see who votes with: tongzhang members"

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="JSON or NDJSON; - reads standard input.", show_default=False
    ),
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until every record is final.")]
Exact = Annotated[bool, typer.Option("--exact", help="Send the bytes as they are.")]


def submit(
    file: File,
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    wait: Wait = True,
    exact: Exact = False,
    json: Json = False,
) -> None:
    """Submit records to a party's own node.

    FILE holds one record, an array of records, or one record a line. Records that are not in
    canonical form (sorted keys, no spaces) are rewritten so, which is said; with --exact they are
    sent as they are. Sending a file again is safe, also after an interruption: nothing is recorded
    twice. Exit code 1 when any record is refused, or is not final yet: while too few parties vote,
    records are taken, and it is said what they wait for.

    \b
    Examples:
      tongzhang submit orders.ndjson --home net/platform
      tongzhang submit record.json --home net/institution --json
      cat captures.ndjson | tongzhang submit - --home net/institution --no-wait
    """
    from cli.connection import connect

    client = connect(home, url, token)
    records = _split(bytes_of(file))
    if exact:
        _refuse_several_lines(records)
    else:
        records, rewritten = _canonical(records)
        if rewritten:
            note(f"{plural(rewritten, 'record')} rewritten in canonical form (see --exact)")
    submit_records(client, records, wait=wait, json=json)


def submit_records(client: Client, records: list[bytes], *, wait: bool, json: bool) -> None:
    """Submit records to a node, and say what became of them.

    Raises:
        CheckFailed: some were refused, or are not final yet.
    """
    results: list[dict[str, Any]] = []
    try:
        with progress(quiet=json) as bar:
            task = bar.add_task("submitting", total=len(records))
            for chunk in _chunks(records):
                results += _submit_chunk(client, chunk, wait)
                bar.update(task, completed=len(results))
    except KeyboardInterrupt:
        note(
            f"interrupted: {len(results):,} of {plural(len(records), 'record')} were answered; "
            "submit the same file again: nothing is recorded twice"
        )
        raise typer.Exit(INTERRUPTED) from None
    _report(results, wait, json)


def _submit_chunk(client: Client, chunk: list[bytes], wait: bool) -> list[dict[str, Any]]:
    results = client.submit_lines(chunk, wait=wait)
    if len(results) != len(chunk):
        raise CheckFailed(
            "unexpected-answer",
            f"{plural(len(chunk), 'record')} sent, {len(results)} answered",
            "send the file again: nothing is recorded twice",
        )
    for raw, result in zip(chunk, results, strict=True):
        result["id"] = result["id"] or _id_in(raw)
    return results


def _id_in(raw: bytes) -> str:
    """Return the id that stands in a record, whatever else is wrong with it; empty without one.

    A node that refuses bytes does not read them any further.
    """
    import msgspec

    from ledger.limits import IDENTIFIER_CHARS_MAX

    try:
        record = msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""
    found = record.get("id") if isinstance(record, dict) else None
    return found if isinstance(found, str) and len(found) <= IDENTIFIER_CHARS_MAX else ""


def _split(data: bytes) -> list[bytes]:
    """Return the records of a file: an array's members, one whole object, or its lines."""
    import msgspec

    text = data.strip()
    _not_empty(text)
    try:
        if text.startswith(b"["):
            members = msgspec.json.decode(text, type=list[msgspec.Raw])
            return _not_empty([bytes(raw) for raw in members])
        msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if text.startswith(b"[") or len(lines) == 1:
            raise CheckFailed("not-json", f"the file is not JSON: {error}", _WHOLE) from None
        return lines
    return [text]


def _not_empty(found: T) -> T:
    if not found:
        raise UsageError("empty-file", "there is no record to submit")
    return found


def _refuse_several_lines(records: list[bytes]) -> None:
    """Refuse what would be torn apart on the way, where a line is a record."""
    for number, raw in enumerate(records, 1):
        if b"\n" in raw:
            raise CheckFailed(
                "not-canonical",
                f"record {number} spans several lines; in canonical form it is one line, "
                "keys sorted, no spaces",
                "leave out --exact to have it rewritten; nothing was sent",
            )


def _canonical(records: list[bytes]) -> tuple[list[bytes], int]:
    """Return the records in canonical form, and how many had to be rewritten.

    What cannot be rewritten without changing its meaning is left for the node to refuse.
    """
    import msgspec

    from ledger import canonical

    rewritten = 0
    result = []
    for raw in records:
        try:
            encoded = canonical.encode(msgspec.json.decode(raw))
        except (msgspec.DecodeError, ValueError, RecursionError):
            result.append(raw.strip())
            continue
        if encoded != raw and canonical.diagnose(raw, "record", "").code == "not-canonical":
            rewritten += 1
            raw = encoded
        result.append(raw)
    return result, rewritten


def _chunks(records: list[bytes]) -> Iterator[list[bytes]]:
    for first in range(0, len(records), CHUNK_RECORDS):
        yield records[first : first + CHUNK_RECORDS]


def _report(results: list[dict[str, Any]], wait: bool, json: bool) -> None:
    refused = [result for result in results if "code" in result]
    unknown = [result for result in results if wait and not result["definite"]]
    if json:
        say_json(results)
    else:
        _show(results, refused)
    waiting = next((result["waiting"] for result in results if "waiting" in result), None)
    if waiting is not None and (refused or not wait):
        note(f"{waiting['code']}: {waiting['message']}")
    if refused:
        codes = Counter(str(result["code"]) for result in refused)
        raise CheckFailed(
            "refused",
            f"{plural(len(refused), 'record')} refused: "
            + ", ".join(f"{code} {count}" for code, count in sorted(codes.items())),
            _advice(len(refused), len(results) - len(refused), bool(unknown) or not wait),
        )
    if unknown:
        raise _not_final(unknown, waiting)


def _not_final(unknown: list[dict[str, Any]], waiting: dict[str, Any] | None) -> CheckFailed:
    """Return what is to be said of records that were taken and are not final."""
    count = f"{plural(len(unknown), 'record')} not final yet"
    if waiting is None:
        again = "submit the same file again: nothing is recorded twice"
        return CheckFailed("outcome-unknown", count, again)
    return CheckFailed(str(waiting["code"]), f"{count}: {waiting['message']}", _WHO_VOTES)


def _advice(refused: int, others: int, is_early: bool) -> str:
    them = "them" if refused > 1 else "it"
    rest = "on their way" if is_early else "recorded"
    return f"correct {them} and submit {them} again" + (
        f"; the others are {rest}" if others else ""
    )


def _show(results: list[dict[str, Any]], refused: list[dict[str, Any]]) -> None:
    states = Counter("refused" if "code" in result else result["state"] for result in results)
    repeated = sum(bool(result["existing"]) for result in results)
    counts = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
    say(f"{plural(len(results), 'record')}: {counts}")
    if repeated:
        say(f"{repeated:,} of them were recorded before")
    for number, result in enumerate(results, 1):
        if "code" in result and len(refused) <= REFUSALS_SHOWN_MAX:
            say(f"  {number}: {result['id'] or '-'}: {result['code']}: {result.get('message', '')}")
    if len(results) == 1 and "entry" in results[0]:
        say(f"entry {results[0]['entry']}, block {results[0]['height']}")
