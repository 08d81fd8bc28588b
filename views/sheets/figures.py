"""Figures of a sheet: which column of which list each adds up, and how that is said.

The table is data: the sheet, its explanations and the tests read the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ledger.contracts.allocation import MILLION
from ledger.lending.standing import BUCKETS, LAST_BUCKET
from views.sheets.views import FigureView, Line, ListName, RepaymentLine


class Figure(NamedTuple):
    """A figure: the sum of ``column`` over a list, narrowed to a ``bucket`` if one is named."""

    name: str
    label: tuple[str, str]
    list: ListName
    column: str
    explained: tuple[str, str]
    bucket: str = ""


RATE: Final = "success-rate"

_REPAYMENTS: tuple[Figure, ...] = (
    Figure(
        "due",
        ("due by plan", "按计划应还"),
        "repayments",
        "due",
        (
            "Principal, interest and fees of the party in the instalments whose due date is the "
            "date, by the plan that holds on it, paid or not.",
            "应还日为该业务日的各期中归该方的本金、利息和费用，按当日生效的计划，无论是否已还。",
        ),
    ),
    Figure(
        "due-principal",
        ("of it principal", "其中：本金"),
        "repayments",
        "due_principal",
        ("The principal in what is due by plan.", "按计划应还中的本金。"),
    ),
    Figure(
        "due-interest",
        ("of it interest", "其中：利息"),
        "repayments",
        "due_interest",
        ("The interest in what is due by plan.", "按计划应还中的利息。"),
    ),
    Figure(
        "due-fees",
        ("of it fees", "其中：费用"),
        "repayments",
        "due_fees",
        ("The fees in what is due by plan.", "按计划应还中的费用。"),
    ),
    Figure(
        "captured",
        ("captured", "已收款"),
        "repayments",
        "captured",
        (
            "The party's part of the repayments of the date, as the ledger allocates each capture; "
            "what is overpaid is nobody's part. It is split, differing or not stated yet.",
            "该业务日各笔还款中归该方的部分，由账本按约定分配；溢缴部分不归任何一方。"
            "等于已分账、分账不一致与未给出分账之和。",
        ),
    ),
    Figure(
        "split",
        ("split as agreed", "按约定分账"),
        "repayments",
        "split",
        (
            "Of what is captured: the platform's split is the ledger's allocation, fen by fen. It "
            "is in suspense, to be paid out, in transit, or arrived.",
            "已收款中，平台的分账与账本的分配逐分一致的部分。等于挂账、待出款、在途与已到账之和。",
        ),
    ),
    Figure(
        "differing",
        ("split differently", "分账不一致"),
        "repayments",
        "differing",
        (
            "Of what is captured: the platform's split is not the ledger's allocation, so nothing "
            "of it moves until the platform amends it.",
            "已收款中，平台的分账与账本的分配不一致的部分；平台更正之前资金不动。",
        ),
    ),
    Figure(
        "unstated",
        ("split not stated yet", "未给出分账"),
        "repayments",
        "unstated",
        (
            "Of what is captured: the platform has not said how it is split.",
            "已收款中，平台尚未给出分账的部分。",
        ),
    ),
    Figure(
        "suspended",
        ("waiting in suspense", "挂账等待"),
        "repayments",
        "suspended",
        (
            "Of what is split: legs to a receiver that was suspended; they wait until it is "
            "resumed and the split is stated again.",
            "已分账中，因收款方被暂停而挂账的部分；收款方恢复且分账重新给出后才会出款。",
        ),
    ),
    Figure(
        "to-pay",
        ("to be paid out", "待出款"),
        "repayments",
        "to_pay",
        (
            "Of what is split: legs that are in no payout, those of payouts that came back too.",
            "已分账中，尚未列入结算单的部分，包括被退回的出款。",
        ),
    ),
    Figure(
        "in-transit",
        ("in transit", "在途"),
        "repayments",
        "in_transit",
        (
            "Of what is split: legs in a payout that the receiver's party has not confirmed.",
            "已分账中，已列入结算单而收款方尚未确认到账的部分。",
        ),
    ),
    Figure(
        "arrived",
        ("arrived", "已到账"),
        "repayments",
        "arrived",
        (
            "Of what is split: legs in a payout whose arrival the receiver's party has confirmed.",
            "已分账中，收款方已确认到账的部分。",
        ),
    ),
    Figure(
        "missing",
        ("missing", "缺失"),
        "repayments",
        "missing",
        (
            "Of what is captured: what has not arrived and is not on its way as it should be. Its "
            "split differs, it waits in suspense, it came back, its arrival is contested, or the "
            "word that is awaited (split, payout, result, arrival) is past its due time.",
            "已收款中，尚未到账且未正常在途的部分：分账不一致、挂账、被退回、到账有争议，"
            "或应给出的分账、出款、结果、到账确认已逾期。",
        ),
    ),
    Figure(
        "reversed",
        ("reversed since", "已冲正"),
        "repayments",
        "reversed",
        (
            "The party's part of repayments of the date that the institution has taken back; they "
            "are not in what is captured.",
            "该业务日还款中，机构其后冲正的部分中归该方的金额；不计入已收款。",
        ),
    ),
    Figure(
        "failed",
        ("failed", "失败"),
        "repayments",
        "failed",
        (
            "Whole amounts of the attempts of the date that brought nothing; each row has the "
            "reason.",
            "该业务日未成功的还款尝试的全额；原因见各行。",
        ),
    ),
    Figure(
        "overpaid",
        ("overpaid", "溢缴"),
        "repayments",
        "overpaid",
        (
            "More than was owed, in the repayments of the date: it stays in suspense and is "
            "refunded from there.",
            "该业务日还款中超过欠款的部分；留在挂账中，由此退款。",
        ),
    ),
)

_COMPENSATIONS: tuple[Figure, ...] = (
    Figure(
        "compensation-due",
        ("compensation due and not stated", "应代偿未声明"),
        "compensations",
        "due",
        (
            "What the terms have the guarantor pay as of the date, of instalments or loans that "
            "are past due for longer than agreed, and no standing statement covers: the party's "
            "part; of a guarantor, what it has to pay.",
            "按条款截至该业务日担保方应代偿、且没有有效声明的金额：归该方的部分；"
            "对担保方为其应付金额。",
        ),
    ),
    Figure(
        "compensation-unpaid",
        ("compensation stated and not paid", "已声明未付款的代偿"),
        "compensations",
        "unpaid",
        (
            "Compensations that the guarantor has stated as of the date or before, whose money has "
            "not settled them: the party's part.",
            "担保方在该业务日或之前声明、而款项尚未结清的代偿：归该方的部分。",
        ),
    ),
)

SUCCESS = Figure(
    RATE,
    ("success rate", "成功率"),
    "repayments",
    "succeeded",
    (
        "Attempts of the date that brought money, over all attempts of the date: by count and by "
        "whole amount. One that was reversed up to the date counts as failed.",
        "该业务日成功的还款尝试占全部尝试的比例，分别按笔数和全额计算；截至该日已冲正的按失败计。",
    ),
)

_BUCKET_NAMES = (*(name for _, name in BUCKETS), LAST_BUCKET)
_OVERDUE: tuple[Figure, ...] = tuple(
    Figure(
        f"overdue-{name}",
        (f"overdue {name}", f"逾期 {name}"),
        "overdue",
        "amount",
        (
            f"What is open to the party, as of the date, of what is past due in loans of bucket "
            f"{name}, penalty up to the date included; the count is of loans. The bucket follows "
            "from the oldest instalment that is open.",
            f"截至该业务日，{name} 档贷款逾期部分中归该方的未还金额，含截至当日的罚息；"
            "笔数为贷款数。档位按最早未还的一期确定。",
        ),
        name,
    )
    for name in _BUCKET_NAMES
)

FIGURES: tuple[Figure, ...] = (*_REPAYMENTS, SUCCESS, *_OVERDUE, *_COMPENSATIONS)
"""Every figure, in the order in which it is shown."""


def figures(lists: Mapping[str, Sequence[Line]], fallback: str) -> Iterator[FigureView]:
    """Yield the figures of lists, currency by currency.

    Args:
        lists: The lists of a sheet, by name.
        fallback: The currency of the noughts if there is no row at all.
    """
    found = {line.currency for lines in lists.values() for line in lines}
    for currency in sorted(found) or [fallback]:
        for figure in FIGURES:
            lines = [each for each in lists[figure.list] if each.currency == currency]
            yield _figure(figure, lines, currency)


def counted(figure: Figure, lines: Sequence[Line]) -> list[Any]:
    """Return the rows that a figure adds up."""
    return [
        line
        for line in lines
        if getattr(line, figure.column)
        and (not figure.bucket or getattr(line, "bucket", "") == figure.bucket)
    ]


def _figure(figure: Figure, lines: Sequence[Line], currency: str) -> FigureView:
    rows = counted(figure, lines)
    rates = _rates(lines) if figure.name == RATE else {}
    return FigureView(
        name=figure.name,
        en=figure.label[0],
        zh=figure.label[1],
        amount=sum(getattr(row, figure.column) for row in rows),
        count=len(rows),
        currency=currency,
        list=figure.list,
        column=figure.column,
        explained_en=figure.explained[0],
        explained_zh=figure.explained[1],
        bucket=figure.bucket,
        **rates,
    )


def _rates(lines: Sequence[Line]) -> dict[str, int]:
    """Return the rates in millionths, rounded down; none where nothing was attempted."""
    tried = [row for row in lines if isinstance(row, RepaymentLine) and row.attempted]
    if not tried:
        return {}
    good = [row for row in tried if row.succeeded]
    whole = sum(row.attempted for row in tried)
    return {
        "rate_count": len(good) * MILLION // len(tried),
        "rate_amount": sum(row.succeeded for row in good) * MILLION // whole,
    }
