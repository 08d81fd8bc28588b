"""A record for every code with which the contracts of loans refuse, and a sample of each type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ledger import loan_said as said
from tests.ledger.ledger_kit import HEX, Ledger, captured, leg
from tests.ledger.loan_kit import proposed
from tests.ledger.loan_said import (
    DISBURSED,
    FIRST_DUE,
    LATER,
    LONE,
    PLAN,
    PROPOSAL,
    agreed,
    asked,
    compensated,
    compensation,
    dated,
    disbursement,
    failure,
    funding,
    guaranteed,
    in_force,
    late,
    legs,
    lending,
    lent_by,
    ordinary,
    pending,
    plan,
    ready,
    repayment,
    replanned_and,
    reversal,
    settled,
    split_already,
    stated,
    suspended,
    waiver,
    with_dollars,
)

Said = tuple[str, str, dict[str, Any]]
Case = tuple[str, Callable[[], Ledger], dict[str, Any]]

NO_DAY = {"date": "2026-13-01"}
AHEAD = {"date": "2026-12-01"}
NONE = {"loan": "L9"}
A_ROW = {"number": 1, "due": FIRST_DUE, "principal": 600_000, "interest": 0, "fees": [0]}
ACCEPTED = {"loan": "L1", "proposal": PROPOSAL}
DECLINED = {**ACCEPTED, "reason": "not in this region"}
WITHDRAWN = {"loan": "L1", "reason": "the borrower cancelled"}
NAMED = {"loan": "L1", "receiver": "fund-a-main"}
OF_NO_PARTY = {"party": "fund-a", "receiver": "fund-a-main"}

TABLE: dict[tuple[str, str], tuple[Case, ...]] = {
    ("platform", "loan.proposed"): (
        ("amount-over-limit", ready, agreed(principal=10**13 + 1)),
        ("beneficiary-unknown", ready, agreed(penalty_to="institution")),
        ("cost-over-limit", ready, agreed(annual_rate_ppm=300_000)),
        ("dates-out-of-order", ready, agreed(first_due=DISBURSED)),
        ("dates-out-of-order", ready, agreed(disbursed="9999-01-05", first_due="9999-12-05")),
        ("early-fee-over-limit", ready, agreed(early_fee_ppm=30_001)),
        ("funders-form", ready, lent_by(("fund-a", 500_000), ("fund-a", 500_000))),
        ("loan-exists", lending, proposed()),
        ("receiver-not-owned", ready, proposed(platform_receiver="fund-a-main")),
        ("receiver-suspended", suspended(ready, "fund-b-main"), proposed()),
        ("schedule-differs", ready, proposed(schedule=[A_ROW])),
        ("schedule-does-not-close", ready, agreed(unit=1_000_000)),
        ("shares-do-not-sum", ready, lent_by(("fund-a", 999_999))),
        ("terms-contradict", ready, agreed(due_day=15)),
        ("terms-out-of-range", ready, agreed(annual_rate_ppm=1_000_001)),
        ("too-many-legs", said.of_few_legs, proposed()),
        ("unknown-party", ready, lent_by(("platform", 1_000_000))),
        ("unknown-party", ready, lent_by(("stranger", 1_000_000))),
        ("unknown-party", ready, proposed(guarantor=OF_NO_PARTY)),
        ("unknown-receiver", ready, proposed(platform_receiver="nobody")),
        ("wrong-currency", ready, proposed(currency="USD")),
    ),
    ("fund-a", "loan.receiver_named"): (
        ("loan-unknown", ready, {**NAMED, **NONE}),
        ("receiver-not-owned", pending, {**NAMED, "receiver": "fund-b-main"}),
        ("receiver-suspended", suspended(pending, "fund-a-main"), NAMED),
        ("unknown-receiver", pending, {**NAMED, "receiver": "nobody"}),
        ("wrong-currency", with_dollars, {**NAMED, "receiver": "fund-a-usd"}),
    ),
    ("fund-b", "loan.receiver_named"): (
        ("wrong-author", said.lone, {**NAMED, "receiver": "fund-b-main"}),
    ),
    ("fund-a", "loan.accepted"): (
        ("already-accepted", asked, ACCEPTED),
        ("loan-unknown", ready, ACCEPTED),
        ("no-proposal", lending, ACCEPTED),
        ("proposal-differs", pending, {**ACCEPTED, "proposal": HEX}),
    ),
    ("fund-b", "loan.accepted"): (("wrong-author", said.lone, {**ACCEPTED, "proposal": LONE}),),
    ("guarantor", "loan.accepted"): (
        ("date-goes-back", replanned_and(10_000, "2026-02-11"), {**ACCEPTED, "proposal": PLAN}),
        ("loan-settled", replanned_and(700_000, LATER), {**ACCEPTED, "proposal": PLAN}),
        ("schedule-does-not-close", replanned_and(200_000, LATER), {**ACCEPTED, "proposal": PLAN}),
    ),
    ("fund-a", "loan.declined"): (
        ("already-accepted", asked, DECLINED),
        ("loan-unknown", ready, DECLINED),
        ("no-proposal", lending, DECLINED),
        ("proposal-differs", pending, {**DECLINED, "proposal": HEX}),
    ),
    ("fund-b", "loan.declined"): (("wrong-author", said.lone, {**DECLINED, "proposal": LONE}),),
    ("platform", "loan.withdrawn"): (
        ("loan-unknown", ready, WITHDRAWN),
        ("no-proposal", in_force, WITHDRAWN),
    ),
    ("platform", "loan.replanned"): (
        ("date-goes-back", dated, plan(date="2026-02-09")),
        ("dates-out-of-order", lambda: said.on(LATER), plan(rows=plan()["rows"][::-1])),
        ("dates-out-of-order", lambda: said.on(LATER), plan(rows=said.far())),
        ("loan-not-disbursed", in_force, plan()),
        ("loan-settled", lambda: said.settled_on(LATER), plan()),
        ("loan-unknown", ready, plan(**NONE)),
        ("no-such-date", lending, plan(**NO_DAY)),
        ("schedule-does-not-close", lambda: said.on(LATER), plan(rows=plan()["rows"][:1])),
        ("time-in-future", lending, plan(**AHEAD)),
    ),
    ("institution", "loan.disbursed"): (
        ("already-disbursed", lending, disbursement()),
        ("disbursement-differs", in_force, disbursement(amount=599_999)),
        ("disbursement-differs", in_force, disbursement(date="2026-01-04")),
        ("loan-not-in-force", asked, disbursement()),
        ("loan-unknown", ready, disbursement()),
        ("no-such-date", in_force, disbursement(**NO_DAY)),
        ("time-in-future", in_force, disbursement(**AHEAD)),
    ),
    ("fund-a", "loan.funded"): (
        ("already-funded", said.funded, funding()),
        ("loan-not-disbursed", in_force, funding()),
        ("loan-unknown", ready, funding()),
        ("no-such-date", lending, funding(**NO_DAY)),
        ("time-in-future", lending, funding(**AHEAD)),
    ),
    ("fund-b", "loan.funded"): (("wrong-author", said.lent_alone, funding()),),
    ("institution", "repayment.failed"): (
        ("attempt-exists", dated, failure()),
        ("loan-not-disbursed", in_force, failure()),
        ("loan-unknown", ready, failure()),
        ("no-such-date", lending, failure(**NO_DAY)),
        ("time-in-future", lending, failure(**AHEAD)),
    ),
    ("fund-a", "loan.waived"): (
        ("date-goes-back", dated, waiver()),
        ("loan-not-disbursed", in_force, waiver()),
        ("loan-unknown", ready, waiver()),
        ("no-such-date", lending, waiver(**NO_DAY)),
        ("time-in-future", lending, waiver(**AHEAD)),
        ("unknown-instalment", lending, waiver(instalment=7)),
        ("waiver-over-open", lending, waiver(amount=300_000)),
    ),
    ("guarantor", "compensation.stated"): (
        ("compensation-differs", late, compensation(amount=1)),
        ("compensation-settled", compensated, compensation()),
        ("compensation-too-early", lending, compensation(date=DISBURSED)),
        ("date-goes-back", lambda: late(dated()), compensation(date="2026-02-09")),
        ("loan-not-disbursed", in_force, compensation(date=DISBURSED)),
        ("loan-unknown", ready, compensation(date=DISBURSED)),
        ("no-such-date", lending, compensation(**NO_DAY)),
        ("not-covered", said.unguarded, compensation()),
        ("nothing-to-compensate", lambda: late(split_already()), compensation()),
        ("time-in-future", lending, compensation(**AHEAD)),
        ("unknown-instalment", late, compensation(instalments=[7])),
        ("wrong-author", said.lent_alone, compensation(date=DISBURSED)),
    ),
    ("guarantor", "compensation.withdrawn"): (
        ("compensation-settled", compensated, said.withdrawal()),
        ("compensation-settled", said.contradicted, said.withdrawal()),
        ("compensation-unknown", late, said.withdrawal()),
        ("compensation-unknown", said.withdrawn, said.withdrawal()),
    ),
    ("guarantor-2", "compensation.withdrawn"): (
        ("wrong-author", said.guarded_by_two, said.withdrawal()),
    ),
    ("institution", "payment.captured"): (
        ("already-captured", dated, repayment()),
        ("already-instructed", said.instructed_first, guaranteed()),
        ("amount-over-limit", lending, repayment(amount=10**13 + 1)),
        ("attempt-exists", dated, repayment(payment="P2")),
        ("attempt-missing", lending, captured(loan="L1")),
        ("attempt-missing", lending, captured(attempt="A1")),
        ("buyback-unknown", lending, captured(buyback="B1")),
        ("compensation-settled", compensated, guaranteed(payment="P2")),
        ("compensation-unknown", lending, guaranteed()),
        ("compensation-unknown", said.withdrawn, guaranteed()),
        ("date-goes-back", lending, repayment(captured_at=said.BEFORE)),
        ("loan-and-compensation", stated, guaranteed(loan="L1", attempt="A1")),
        ("loan-not-disbursed", in_force, repayment()),
        ("loan-settled", settled, repayment(payment="P2", attempt="A2")),
        ("loan-unknown", ready, repayment()),
        ("payment-refunded", said.refunded_from_float, repayment()),
        ("time-in-future", lending, repayment(captured_at=said.AFTER)),
        ("wrong-currency", lending, repayment(currency="USD")),
        ("wrong-currency", stated, guaranteed(currency="USD")),
    ),
    ("institution", "payment.reversed"): (
        ("claims-paid-since", said.repaid_since, reversal("P-C1", date="2026-03-09")),
        ("date-goes-back", dated, reversal(date="2026-02-09")),
        ("date-missing", dated, reversal()),
        ("no-such-date", dated, reversal(**NO_DAY)),
        ("payment-refunded", said.refunded, reversal(date=FIRST_DUE)),
        ("time-in-future", dated, reversal(**AHEAD)),
    ),
    ("platform", "split.instructed"): (
        ("allocation-differs", said.captured_only, legs()),
        ("amount-over-limit", lending, legs(amount=10**13 + 1)),
        ("amounts-do-not-sum", lending, {**legs(), "overpaid": 1}),
        ("attempt-missing", lending, ordinary(loan="L1")),
        ("attempt-missing", lending, ordinary(attempt="A1")),
        ("compensation-split", said.contradicted, said.of_compensation()),
        ("loan-not-disbursed", in_force, legs()),
        ("loan-unknown", ready, legs()),
        ("overpaid-alone", ready, said.overpaid_alone()),
        ("unknown-receiver", lending, {**legs(), "legs": [leg(1, "nobody", amount=104_100)]}),
        ("wrong-currency", lending, legs(currency="USD")),
    ),
    ("platform", "split.amended"): (
        ("allocation-differs", split_already, legs()),
        ("amount-over-limit", split_already, legs(amount=10**13 + 1)),
        ("amounts-do-not-sum", split_already, {**legs(), "overpaid": 1}),
        ("attempt-missing", said.instructed_first, ordinary(loan="L1")),
        ("compensation-split", compensated, said.of_compensation()),
        ("leg-form", split_already, {**legs(), "legs": [leg(1, "fund-a-main")]}),
        ("leg-order", split_already, {**legs(), "legs": [leg(2, "fund-a-main", amount=1)]}),
        ("loan-not-disbursed", said.instructed_before, legs()),
        ("loan-unknown", said.instructed_first, legs(loan="L9")),
        ("overpaid-alone", said.instructed_first, said.overpaid_alone()),
        ("ratios-do-not-sum", split_already, said.by_ratio(999_999)),
        ("receiver-suspended", suspended(said.instructed_first, "fund-a-main"), ordinary()),
        ("tail-leg", split_already, legs(tail_leg=1)),
        ("too-many-legs", split_already, said.of_many_legs()),
        ("unknown-receiver", split_already, {**legs(), "legs": [leg(1, "nobody", amount=104_100)]}),
        ("wrong-currency", split_already, legs(currency="USD")),
    ),
}
"""By author and record type: the code, a ledger, and the fields of a record that it refuses."""

CASES: list[tuple[str, Callable[[], Ledger], Said]] = [
    (code, make, (author, type_, fields))
    for (author, type_), cases in TABLE.items()
    for code, make, fields in cases
]

OF_OTHERS = {
    *("already-captured", "amount-over-limit", "already-instructed", "amounts-do-not-sum"),
    *("leg-form", "leg-order", "no-such-date", "payment-refunded", "ratios-do-not-sum"),
    *("receiver-suspended", "tail-leg", "time-in-future", "too-many-legs", "unknown-party"),
    *("unknown-receiver", "wrong-author", "wrong-currency"),
}
"""Codes of which :mod:`tests.ledger.refusal_kit` has a record of its own."""
REFUSALS: dict[str, tuple[Callable[[], Ledger], Said]] = {
    code: (make, what) for code, make, what in CASES if code not in OF_OTHERS
}

SAMPLES: dict[str, dict[str, Any]] = {
    "loan.proposed": proposed(),
    "loan.accepted": ACCEPTED,
    "loan.declined": DECLINED,
    "loan.withdrawn": WITHDRAWN,
    "loan.replanned": plan(),
    "loan.receiver_named": NAMED,
    "loan.disbursed": disbursement(),
    "loan.funded": funding(),
    "repayment.failed": failure(),
    "loan.waived": waiver(),
    "compensation.stated": compensation(),
    "compensation.withdrawn": said.withdrawal(),
}
