"""``tongzhang evidence``: keys that contradict themselves, by a node or a home at rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional, Protocol

import typer

from cli.errors import CheckFailed
from cli.files import write_files
from cli.options import Home, Json, Token, Url, path
from cli.output import note, say, say_json

if TYPE_CHECKING:
    from node.storage.store import Store

app = typer.Typer(
    help="Show the evidence that a node holds against keys that contradict themselves.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

EvidenceId = Annotated[
    str,
    typer.Argument(metavar="ID", help="The id, or how it begins, as listed.", show_default=False),
]
Out = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--out",
        metavar="FILE",
        help="Write the file that verifies offline there.",
        show_default=False,
        parser=path,
    ),
]
StoppedHome = Annotated[
    Path,
    typer.Option(
        "--home",
        metavar="DIR",
        envvar="TONGZHANG_HOME",
        help="The node's home.",
        show_default=False,
        parser=path,
    ),
]


class _Source(Protocol):
    """Where evidence comes from: a running node, or the database of one at rest."""

    def page(self) -> list[dict[str, Any]]:
        """Return all evidence as the API shows it."""

    def document(self, id_: str) -> dict[str, Any]:
        """Return one piece of it with its file."""


@app.command("list")
def list_evidence(home: Home = None, url: Url = "", token: Token = "", json: Json = False) -> None:
    """List who has signed what contradicts itself.

    With --home it also works while the node of that home does not run.

    \b
    Examples:
      tongzhang evidence list --home net/auditor
      tongzhang evidence list --home net/auditor --json
    """
    with _source(home, url, token) as source:
        found = source.page()
    if json:
        say_json({"evidence": found})
        return
    for each in found:
        say(f"{each['id']}  {each['party']}  {each['kind']}\n  {each['words']}")
    if not found:
        say("no evidence: no key is known to have signed a contradiction")


@app.command("show")
def show_evidence(
    evidence_id: EvidenceId,
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    out: Out = None,
    json: Json = False,
) -> None:
    """Show one piece of evidence, or write it to a file that anybody can verify offline.

    \b
    Examples:
      tongzhang evidence show 7fb4f80e --home net/auditor
      tongzhang evidence show 7fb4f80e --home net/auditor --out lie.json
      tongzhang verify evidence lie.json --genesis net/auditor/genesis.json
    """
    from ledger import canonical

    with _source(home, url, token) as source:
        shown = source.document(_whole_id(source, evidence_id))
    if out is not None:
        write_files({out: canonical.encode(shown["file"])})
        note(f"evidence against {shown['party']} written to {out}")
    if json:
        say_json(shown)
    elif out is None:
        file = shown.pop("file")
        for name, value in {**shown, "ledger": file["ledger"]}.items():
            say(f"{name}: {value}")


@app.command("report")
def show_report(home: StoppedHome, json: Json = False) -> None:
    """Show what a node found out about a fork of the ledger before it stopped.

    The node must not run: it stops by itself when it has met a second final history.

    \b
    Examples:
      tongzhang evidence report --home net/auditor
    """
    from msgspec.json import decode

    from node.home.home import lock_home
    from node.host.fork_inquiry import conflict_report

    with lock_home(home), _store_of(home) as store:
        kept = None if store is None else conflict_report(store)
    if kept is None:
        raise CheckFailed("no-conflict-report", f"the node of {home} has met no fork")
    report = decode(kept)
    if json:
        say_json(report)
    else:
        _show_report(report)


def _show_report(report: dict[str, Any]) -> None:
    say(f"the ledger {report['ledger']} has forked")
    if "shared_height" in report:
        say(f"  both branches share the blocks up to height {report['shared_height']}")
    for name in ("own", "other"):
        side = report[name]
        say(f"  {name} block {side['block']} at height {side['height']}, slot {side['slot']}")
        say(f"    made final by {', '.join(side['signers'])}")
    convicted = ", ".join(report["convicted"]) or "nobody yet"
    say(f"  convicted: {convicted}; a fork takes at least {report['expected']}")
    for piece in report["evidence"]:
        say(f"    {piece['evidence']}  {piece['party']}  {piece['kind']}")


class _Running:
    """A running node's evidence.

    Args:
        home: The node's home, or None.
        url: Its address.
        token: A bearer token.
    """

    def __init__(self, home: Path | None, url: str, token: str) -> None:
        from cli.connection import connect

        self._client = connect(home, url, token)

    def page(self) -> list[dict[str, Any]]:
        """Return all evidence as the API shows it."""
        found: list[dict[str, Any]] = self._client.get("/v1/evidence")["evidence"]
        return found

    def document(self, id_: str) -> dict[str, Any]:
        """Return one piece of it with its file."""
        found: dict[str, Any] = self._client.get(f"/v1/evidence/{id_}")
        return found


class _AtRest:
    """The evidence in a database that no node has open; None stands for one never made.

    Args:
        store: The database.
    """

    def __init__(self, store: Store | None) -> None:
        self._store = store

    def page(self) -> list[dict[str, Any]]:
        """Return all evidence as the API shows it."""
        from api.evidence_views import evidence_page

        if self._store is None:
            return []
        with self._store.reader() as reader:
            found: list[dict[str, Any]] = _plain(evidence_page(reader))["evidence"]
        return found

    def document(self, id_: str) -> dict[str, Any]:
        """Return one piece of it with its file."""
        from api.evidence_views import evidence_document

        found = None
        if self._store is not None:
            with self._store.reader() as reader:
                found = evidence_document(reader, id_, self._store.genesis)
        if found is None:
            raise _unknown(id_)
        shown: dict[str, Any] = _plain(found)
        return shown


@contextmanager
def _source(home: Path | None, url: str, token: str) -> Iterator[_Source]:
    """Give the home's database if no node runs on it, else the node."""
    from node.errors import HomeError
    from node.home.home import lock_home

    with ExitStack() as stack:
        if home is None or url or token:
            yield _Running(home, url, token)
            return
        try:
            stack.enter_context(lock_home(home))
        except HomeError as error:
            if error.code != "home-locked":
                raise
            yield _Running(home, url, token)
            return
        yield _AtRest(stack.enter_context(_store_of(home)))


@contextmanager
def _store_of(path: Path) -> Iterator[Store | None]:
    """Give the home's database; None if its node has never run."""
    from node.home.home import DATABASE, load_home
    from node.storage.store import Store

    home = load_home(path)
    if not home.config.database and not (path / DATABASE).exists():
        yield None
        return
    store = Store(home.database_url, home.genesis, party=home.party)
    try:
        yield store
    finally:
        store.close()


def _whole_id(source: _Source, start: str) -> str:
    """Return the one id that begins like this."""
    ids = [each["id"] for each in source.page() if each["id"].startswith(start)]
    if len(ids) == 1:
        return str(ids[0])
    if not ids:
        raise _unknown(start)
    raise CheckFailed("no-such-evidence", f"{len(ids)} ids begin with {start}; write more of it")


def _unknown(id_: str) -> CheckFailed:
    return CheckFailed(
        "no-such-evidence", f"no evidence {id_} is here", "see: tongzhang evidence list"
    )


def _plain(struct: object) -> Any:
    from msgspec.json import decode, encode

    return decode(encode(struct))
