"""``tongzhang genesis``: makes the founding document of the parties' requests, and shows it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import msgspec
import typer

from cli.errors import UsageError
from cli.files import refuse_unwritable, whole
from cli.inputs import beginning_of, text_of
from cli.options import Json, path
from cli.output import pairs, say, say_json, utc
from ledger.calendar import Calendar
from ledger.genesis import Limits, Timeouts

if TYPE_CHECKING:
    from ledger.genesis import Genesis, Member

app = typer.Typer(
    help="Make the founding document of a consortium, and show it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Requests = Annotated[
    list[Path],
    typer.Argument(
        metavar="REQUEST…",
        help="The parties' request files; leaders take turns in this order.",
        show_default=False,
        parser=path,
    ),
]
Name = Annotated[
    str, typer.Option("--name", metavar="NAME", help="The consortium's name, lower case.")
]
Quorum = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--quorum", metavar="N", help="Equal votes that make a block final.", show_default="safest"
    ),
]
TermsFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--terms",
        metavar="FILE",
        help="A TOML file with limits, timeouts, due_ms, calendar or cost_limit_ppm.",
        show_default=False,
        parser=path,
    ),
]
CalendarChoice = Annotated[
    str,
    typer.Option(
        "--calendar",
        metavar="cn|none|FILE",
        help="The business days: those of mainland China, only weekends, or those of a file.",
        show_default="cn, or the days of --terms",
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where the genesis is written.",
        show_default=False,
        parser=path,
    ),
]
Where = Annotated[
    Path,
    typer.Argument(
        metavar="FILE|HOME",
        help="A genesis document, or a home that has one.",
        show_default=False,
        parser=path,
    ),
]


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What ``--terms`` may decide; what it leaves out is as the defaults of genesis say."""

    calendar: Calendar | None = None
    cost_limit_ppm: int | None = None
    due_ms: dict[str, int] | None = None
    limits: Limits | None = None
    timeouts: Timeouts | None = None

    def choices(self) -> dict[str, object]:
        """Return what was decided, by the field of genesis."""
        said = {field: getattr(self, field) for field in self.__struct_fields__}
        return {field: value for field, value in said.items() if value is not None}


@app.command("make")
def make_genesis(
    requests: Requests,
    *,
    name: Name,
    out: Out,
    quorum: Quorum = None,
    terms: TermsFile = None,
    calendar: CalendarChoice = "",
    json: Json = False,
) -> None:
    """Make a genesis of all parties' requests, and say what it decides.

    Every request is verified. Nothing that genesis says can be changed afterwards: read what is
    said, then hand the file to all parties, and let each of them join. A file that is there
    already is kept if it says the same.

    \b
    Examples:
      tongzhang genesis make platform.request.json institution.request.json \\
        funder.request.json auditor.request.json --name pay --out genesis.json
      tongzhang genesis make *.request.json --name pay --quorum 3 --terms terms.toml --out g.json
    """
    from cli.parties import quorum_of, refuse_bad_name
    from ledger.founding import gather
    from node.home.founding import now_ms

    refuse_bad_name("--name", name)
    members = tuple(_member(file) for file in requests)
    votes = quorum_of([(member.name, member.role) for member in members], quorum)
    given = _terms(terms)
    choices = {**given.choices(), "calendar": _calendar_of(given.calendar, calendar)}
    made = gather(name, members, votes, now_ms(), **choices)
    refuse_unwritable(out)
    genesis = _kept(out, made)
    if genesis is None:
        genesis = made
        with whole(out) as file:
            file.write(genesis.raw)
    if json:
        say_json({"file": str(out), **_facts(genesis)})
        return
    _say(genesis)
    say(f"hand {out} to every party; each runs:  tongzhang join HOME --genesis {out.name}")


def _calendar_of(given: Calendar | None, choice: str) -> Calendar:
    """Return the calendar to found with: its days by the option, the rest as --terms says."""
    from cli.calendars.files import SHIPPED, calendar_for

    if given is not None and given.years:
        if choice:
            raise UsageError(
                "bad-terms", "--terms decides the calendar's days, and so does --calendar; give one"
            )
        return given
    found = calendar_for(choice or SHIPPED)
    if given is None:
        return found
    days = {"holidays": found.holidays, "workdays": found.workdays, "years": found.years}
    return msgspec.structs.replace(given, **days)


@app.command("show")
def show_genesis(where: Where, json: Json = False) -> None:
    """Show what a genesis decides, and in a home who has signed it.

    \b
    Examples:
      tongzhang genesis show genesis.json
      tongzhang genesis show home
    """
    from node.home.home import GENESIS, load_signatures

    is_home = where.is_dir()
    genesis = read_file(where / GENESIS if is_home else where)
    signed = list(load_signatures(where, genesis)) if is_home else None
    if json:
        say_json(_facts(genesis) | ({} if signed is None else {"signed": sorted(signed)}))
        return
    _say(genesis)
    if signed is not None:
        missing = [party for party in genesis.names if party not in signed]
        say(f"signed by all but {', '.join(missing)}" if missing else "signed by all parties")


@app.command("hash")
def hash_genesis(where: Where, json: Json = False) -> None:
    """Print the hash that names a ledger.

    \b
    Examples:
      tongzhang genesis hash genesis.json
      tongzhang genesis hash home
    """
    from node.home.home import GENESIS

    genesis = read_file(where / GENESIS if where.is_dir() else where)
    if json:
        say_json({"ledger": genesis.ledger, "origin": genesis.origin})
        return
    say(genesis.ledger)


def read_file(file: Path) -> Genesis:
    """Return the genesis in a file.

    Raises:
        UsageError: ``unreadable-file``, or why it is no genesis.
    """
    from ledger.errors import LedgerError
    from ledger.genesis import read
    from ledger.limits import GENESIS_BYTES_MAX

    try:
        return read(beginning_of(file, GENESIS_BYTES_MAX))
    except LedgerError as error:
        raise UsageError(error.code, f"{file}: {error.message}") from None


def spoken(ledger: str) -> list[str]:
    """Return a hash as people read it out: four numbered lines of four groups of four digits."""
    groups = [ledger[at : at + 4] for at in range(0, len(ledger), 4)]
    return [f"{line + 1}.  {'  '.join(groups[4 * line : 4 * line + 4])}" for line in range(4)]


def _member(file: Path) -> Member:
    from ledger.errors import LedgerError
    from ledger.founding import read_request
    from ledger.limits import REQUEST_BYTES_MAX

    try:
        return read_request(beginning_of(file, REQUEST_BYTES_MAX))
    except LedgerError as error:
        raise UsageError(error.code, f"{file}: {error.message}") from None


def _terms(file: Path | None) -> Terms:
    if file is None:
        return Terms()
    try:
        return msgspec.convert(tomllib.loads(text_of(file)), Terms)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(
            "bad-terms",
            f"{file}: {error}",
            "see docs/bytes.md for the fields of genesis; leave out what shall be the default",
        ) from None


def _kept(out: Path, made: Genesis) -> Genesis | None:
    """Return the genesis that an earlier run of the same command has written, if there is one."""
    if not out.is_file():
        return None
    from ledger.errors import LedgerError

    try:
        there = read_file(out)
    except (UsageError, LedgerError):
        there = None
    if there is None or msgspec.structs.replace(made, created_at=there.created_at) != there:
        raise UsageError(
            "file-exists",
            f"{out} is there and says something else; somebody may have it already",
            "name another file, or remove it",
        )
    return there


def _facts(genesis: Genesis) -> dict[str, Any]:
    from ledger.quorum import tolerance

    return {
        "document": msgspec.to_builtins(genesis),
        "ledger": genesis.ledger,
        "origin": genesis.origin,
        "tolerance": list(tolerance(len(genesis.voters), genesis.quorum)),
        "voters": list(genesis.voters),
    }


def _say(genesis: Genesis) -> None:
    from ledger.quorum import tolerance

    say(f"{genesis.name}, founded {utc(genesis.created_at)}")
    say()
    pairs({member.name: _described(member) for member in genesis.members})
    say()
    say(f"  {', '.join(genesis.voters)} vote; they lead in this order")
    for watching in (name for name in genesis.names if name not in genesis.voters):
        say(f"  {watching} reads everything and may dispute; it does not vote and states no money")
    for line in tolerance(len(genesis.voters), genesis.quorum):
        say(f"  {line}")
    for line in (_calendar(genesis.calendar), *_limits(genesis)):
        say(f"  {line}")
    say("  Nothing of this can be changed afterwards.")
    say()
    say("its hash, to be compared with the others by another way than the file comes by:")
    for line in spoken(genesis.ledger):
        say(f"  {line}")


def _described(member: Member) -> str:
    told = (member.role, member.legal_name, member.registration, member.address)
    return ", ".join(filter(None, told))


def _calendar(calendar: Calendar) -> str:
    sign, minutes = "+-"[calendar.utc_offset_minutes < 0], abs(calendar.utc_offset_minutes)
    hours = f"UTC{sign}{minutes // 60:02}:{minutes % 60:02}"
    cut = f"{calendar.cutoff_minute // 60:02}:{calendar.cutoff_minute % 60:02}"
    return (
        f"Business dates change at {cut} {hours}; {len(calendar.holidays)} holidays and "
        f"{len(calendar.workdays)} worked weekend days are known."
    )


def _limits(genesis: Genesis) -> list[str]:
    limits = genesis.limits
    return [
        f"One record moves at most {limits.amount // 100:,}.{limits.amount % 100:02}; a payment "
        f"has at most {limits.legs} legs.",
        f"A party's quota is {limits.party_records:,} records a minute.",
        f"Loans cost at most {genesis.cost_limit_ppm / 10_000:g} % a year.",
    ]
