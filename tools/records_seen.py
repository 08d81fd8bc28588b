"""Records as they were seen: what applied ones do to books and expectations in rehearsals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ledger.batch import Batch
from ledger.block import Tip
from ledger.books import Posting
from ledger.contracts import RECORD_TYPES
from ledger.errors import Refused
from ledger.execute import Preview, check_records
from ledger.expectations import CONFLICTING, KINDS, MET, OPEN, Expectation
from ledger.records import type_name
from ledger.state import Overlay
from simulator.plan import Plan
from simulator.rehearsal import Rehearsal

SEEDS = (*range(1, 9), 18)
LENDING: dict[str, Any] = {"nodes": 6, "cast": "guaranteed"}
"""A consortium that has every role."""
RECORDS = 2500
WRONG_PPM = 50_000
"""Few refusals: what is looked for here are effects."""

LOAN_CLASSES = (
    "principal", "funding", "loan_receipts", "interest_income", "loan_fee_income", "penalty_income",
)  # fmt: skip

VERBS = ("opens", "changes", "meets", "contradicts", "closes")
"""In the order of telling. To close is to settle without the half of the party awaited."""


class Seen:
    """What records of one type were seen to do, with how many of them did it."""

    def __init__(self) -> None:
        self.postings: Counter[tuple[tuple[str, str], ...]] = Counter()
        self.effects: Counter[tuple[str, str]] = Counter()
        self.awaited: dict[str, set[str]] = {}

    @property
    def posts(self) -> str:
        """The patterns of postings: debits and then credits, or that nothing is posted."""
        patterns = sorted(self.postings, key=lambda each: (not each, each))
        said = [", ".join(_told(*line) for line in each) for each in patterns]
        if said == [""]:
            return ""
        return "; or ".join(each or "nothing" for each in said)

    @property
    def expects(self) -> str:
        """What happens to which expectation."""
        order = sorted(self.effects, key=lambda e: (VERBS.index(e[0]), KINDS.index(e[1])))
        return "; ".join(self._said(verb, kind) for verb, kind in order)

    def _said(self, verb: str, kind: str) -> str:
        if verb != "opens":
            return f"{verb} *{kind}*"
        roles = self.awaited[kind]
        whom = f"the {next(iter(roles))}" if len(roles) == 1 else "the party concerned"
        return f"opens *{kind}* on {whom}"


def see() -> dict[str, Seen]:
    """Return what applied records of every type do."""
    found = {type_: Seen() for type_ in RECORD_TYPES}
    for seed in SEEDS:
        rehearsal = Rehearsal(Plan(seed=seed, **LENDING, records=RECORDS), wrong_ppm=WRONG_PPM)
        rehearsal.on_block = _Watch(rehearsal, found).look
        rehearsal.run()
    return found


class _Watch:
    """Looks at the records of a block one by one."""

    def __init__(self, rehearsal: Rehearsal, found: dict[str, Seen]) -> None:
        self._genesis = rehearsal.genesis
        self._found = found

    def look(self, view: Overlay, tip: Tip, time_ms: int, batches: Sequence[Batch]) -> None:
        """Note what the records of a block that is about to count will do."""
        state, entry = Overlay(view), tip.size
        for batch in batches:
            for record in check_records(batch):
                own = Overlay(state)
                preview = Preview(self._genesis, own, tip, batch.party, time_ms=time_ms)
                entry += 1
                try:
                    preview.apply(record, entry)
                except Refused:
                    continue
                self._note(self._found[type_name(type(record))], batch.party, state, own)
                state.merge(own.changes)

    def _note(self, seen: Seen, author: str, before: Overlay, own: Overlay) -> None:
        rows = own.changes.get(Posting, {}).values()
        postings = [row for row in rows if isinstance(row, Posting)]
        lines = {(row.account.partition(":")[0], row.amount > 0) for row in postings}
        names = dict.fromkeys(
            name for name, _ in sorted(lines, key=lambda each: (not each[1], each))
        )
        seen.postings[_pattern(names, lines)] += 1
        for key, row in own.changes.get(Expectation, {}).items():
            if isinstance(row, Expectation):
                verb = _verb(before.get(Expectation, key), row, author)
                seen.effects[verb, row.kind] += 1
                if verb == "opens":
                    role = self._genesis.roles[row.awaited]
                    seen.awaited.setdefault(row.kind, set()).add(role)


def _told(name: str, sign: str) -> str:
    return f"{name} {sign}" if " " in name else f"`{name}` {sign}"


def _pattern(names: Iterable[str], lines: set[tuple[str, bool]]) -> tuple[tuple[str, str], ...]:
    """Return accounts with their signs; beside others, those of loans are told as one."""
    told = [(name, _sign(name, lines)) for name in names]
    others = [each for each in told if each[0] not in LOAN_CLASSES]
    if others and len(others) < len(told):
        return (*others, ("accounts of the loan", "±"))
    return tuple(told)


def _sign(name: str, lines: set[tuple[str, bool]]) -> str:
    if {(name, True), (name, False)} <= lines:
        return "±"
    return "+" if (name, True) in lines else "−"


def _verb(before: Expectation | None, after: Expectation, author: str) -> str:
    if after.state == OPEN:
        return "changes" if before is not None and before.state == OPEN else "opens"
    if after.state == CONFLICTING:
        return "contradicts"
    return "meets" if after.state == MET and after.awaited == author else "closes"
