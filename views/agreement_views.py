"""Agreements as they are shown: their terms, who has accepted them, and which hold on a date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

from ledger import expectations
from ledger.contracts.agreements import (
    CONFLICTING,
    DECLINED,
    IN_FORCE,
    OFFERED,
    WITHDRAWN,
    Agreement,
    AgreementState,
)
from ledger.contracts.fee_agreements import FeeAgreement, FeeTariff
from ledger.contracts.profit_agreements import (
    ProfitAgreement,
    ProfitPlan,
    ProfitTerm,
    acceptance,
)
from ledger.expectations import FEE_ACCEPTANCE, PROFIT_ACCEPTANCE, Expectation
from ledger.genesis import Genesis
from views.labels import Currency, Entry, Label, Party, state_label
from views.reader import Reader
from views.view import ViewStruct, converted

_OPEN = (OFFERED, CONFLICTING)
_CLOSED = (WITHDRAWN, DECLINED)

Conflict = Annotated[str, Label("what differs", "差异", "text")]


class AgreementView(ViewStruct, frozen=True, kw_only=True):
    """What agreements on fees and on profit sharing have in common.

    ``state`` is disputed while a dispute about it stands. ``holds`` says whether it is the one that
    holds on the date that was asked for; from ``replaced_from`` on ``replaced_by`` does. The
    institution offers; ``accepted_by`` are those of the others that have accepted, and ``awaiting``
    those whose acceptance is missing or differs. ``conflict`` is what differs, and
    ``closed_because`` why an offer is closed.
    """

    agreement: Annotated[str, Label("agreement", "协议")]
    currency: Currency
    effective_from: Annotated[str, Label("from", "生效日", "date")]
    state: Annotated[
        Literal[AgreementState, "disputed"],
        state_label(
            True,
            offered="已要约",
            conflicting="不一致",
            in_force="生效",
            withdrawn="已撤回",
            declined="已拒绝",
        ),
    ]
    holds: Annotated[bool, Label("holds", "当前适用")]
    accepted_by: Annotated[list[str], Label("accepted by", "已接受")]
    awaiting: Annotated[list[str], Label("awaiting", "待接受")]
    entry: Entry
    accepted_entry: Annotated[int, Label("in force since entry", "生效条目", "entry", "entry")] = -1
    replaces: Annotated[str, Label("replaces", "替代")] = ""
    replaced_by: Annotated[str, Label("replaced by", "被替代")] = ""
    replaced_from: Annotated[str, Label("replaced from", "替代起", "date")] = ""
    conflict: Conflict = ""
    closed_because: Annotated[str, Label("closed because", "关闭原因", "text")] = ""


class FeeAgreementView(AgreementView, frozen=True, kw_only=True):
    """An agreement on a fee, for payments by its ``channel``, or by all without one of their own.

    ``minimum`` and ``maximum`` of the fee of one payment are in minor units.
    """

    agreement: Annotated[str, Label("agreement", "协议", link="fee-agreement")]
    rate_ppm: Annotated[int, Label("rate", "费率", "ppm")]
    minimum: Annotated[int, Label("minimum", "最低", "minor")] = 0
    maximum: Annotated[int, Label("maximum", "最高", "minor")] = 0
    channel: Annotated[str, Label("channel", "渠道")] = ""


class TermView(ViewStruct, frozen=True, kw_only=True):
    """The part of one recipient, and whether it has accepted it; the institution's own is.

    ``entry`` is the last that stated or accepted it, ``conflict`` what the acceptance differs in.
    """

    party: Party
    ppm: Annotated[int, Label("share", "比例", "ppm")]
    accepted: Annotated[bool, Label("accepted", "已接受")]
    entry: Entry
    conflict: Conflict = ""


class ProfitAgreementView(AgreementView, frozen=True, kw_only=True):
    """An agreement on profit sharing (分润), whose dates are months.

    ``delay`` is from the settlement to the share. ``terms`` are in the order of the agreement.
    """

    agreement: Annotated[str, Label("agreement", "协议", link="profit-agreement")]
    delay: Annotated[str, Label("delay", "延迟")]
    terms: Annotated[list[TermView], Label("terms", "分润条款")]


class Standing(NamedTuple):
    """Whether an agreement holds, and which one replaces it, from when on."""

    holds: bool = False
    replaced_by: str = ""
    replaced_from: str = ""


class Standings:
    """Which agreements in force hold on a date. The chain of a matter is read once, by keys.

    Args:
        reader: The snapshot.
        day: The date, in ISO 8601.
    """

    def __init__(self, reader: Reader, day: str) -> None:
        self._reader = reader
        self._day = day
        self._chains: dict[tuple[str, ...], dict[str, Standing]] = {}

    def of(self, row: Agreement) -> Standing:
        """Return how an agreement stands in its chain; what is not in force does not hold."""
        if row.state != IN_FORCE:
            return Standing()
        matter = _matter(row)
        if matter not in self._chains:
            self._chains[matter] = self._chain(type(row), self._latest(matter))
        return self._chains[matter][row.agreement]

    def _latest(self, matter: tuple[str, ...]) -> str:
        currency, *channel = matter
        if not channel:
            plan = self._reader.row(ProfitPlan, (currency,))
            return plan.latest if plan else ""
        tariff = self._reader.row(FeeTariff, (currency,))
        return "" if tariff is None else tariff.latest[tariff.channels.index(channel[0])]

    def _chain(self, kind: type[Agreement], latest: str) -> dict[str, Standing]:
        found: dict[str, Standing] = {}
        name, later, taken = latest, ("", ""), False
        while name and (row := self._reader.row(kind, (name,))) is not None:
            holds = not taken and row.effective_from <= self._day[: len(row.effective_from)]
            found[name] = Standing(holds, *later)
            taken = taken or holds
            name, later = row.replaces, (name, row.effective_from)
        return found


def _matter(row: Agreement) -> tuple[str, ...]:
    return (row.currency, row.channel) if isinstance(row, FeeAgreement) else (row.currency,)


class _Acceptance(NamedTuple):
    """One whose acceptance an agreement asks for."""

    party: str
    accepted: bool
    awaited: Expectation | None

    def conflict(self) -> str:
        """Return what its acceptance differs in, or the empty string."""
        if self.awaited is None or self.awaited.state != expectations.CONFLICTING:
            return ""
        return self.awaited.detail


def fee_view(
    reader: Reader, row: FeeAgreement, standing: Standing, genesis: Genesis
) -> FeeAgreementView:
    """Return an agreement on a fee as it is shown."""
    awaited = reader.row(Expectation, (FEE_ACCEPTANCE, f"fee-agreement:{row.agreement}"))
    asked = _Acceptance(genesis.sole("platform"), row.state == IN_FORCE, awaited)
    return FeeAgreementView(
        **_in_common(row, standing, [asked]),
        rate_ppm=row.rate_ppm,
        minimum=row.minimum,
        maximum=row.maximum,
        channel=row.channel,
        conflict=asked.conflict(),
    )


def profit_view(
    reader: Reader, row: ProfitAgreement, standing: Standing, genesis: Genesis
) -> ProfitAgreementView:
    """Return an agreement on profit sharing as it is shown."""
    name = row.agreement
    rows = reader.rows_under(ProfitTerm, [(name, party) for party in row.parties])
    terms = [rows[name, party] for party in row.parties]
    keys = {party: (PROFIT_ACCEPTANCE, acceptance(name, party)) for party in row.parties}
    awaited = reader.rows_under(Expectation, keys.values())
    asked = [
        _Acceptance(term.party, term.accepted, awaited.get(keys[term.party])) for term in terms
    ]
    others = [each for each in asked if each.party != genesis.sole("institution")]
    differ = [f"{each.party}: {each.conflict()}" for each in others if each.conflict()]
    return ProfitAgreementView(
        **_in_common(row, standing, others),
        delay=row.delay,
        terms=[_term(*pair) for pair in zip(terms, asked, strict=True)],
        conflict=", ".join(differ),
    )


def _in_common(row: Agreement, standing: Standing, asked: Sequence[_Acceptance]) -> dict[str, Any]:
    """Return the fields that both kinds of agreements have."""
    is_open, is_closed = row.state in _OPEN, row.state in _CLOSED
    unmet = [each for each in asked if not each.accepted]
    reasons = [each.awaited.detail for each in unmet if each.awaited is not None]
    return {
        "agreement": row.agreement,
        "currency": row.currency,
        "effective_from": row.effective_from,
        "state": row.state,
        "holds": standing.holds,
        "accepted_by": [each.party for each in asked if each.accepted],
        "awaiting": [each.party for each in unmet if is_open],
        "entry": row.entry,
        "accepted_entry": row.accepted_entry,
        "replaces": row.replaces,
        "replaced_by": standing.replaced_by,
        "replaced_from": standing.replaced_from,
        "closed_because": next(iter(reasons), "") if is_closed else "",
    }


def _term(term: ProfitTerm, asked: _Acceptance) -> TermView:
    return converted(TermView, term, conflict=asked.conflict())
