"""The sheet of a party for a business date, as every interface shows it.

A figure is the sum of a column of a list of the same sheet: so it opens to its loans. A row names
its entries, and each entry has its receipt.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from views.labels import Currency, Label, Party, state_label
from views.view import ViewStruct

ExceptionKind = Literal[
    "split-not-stated",
    "split-differs",
    "capture-not-stated",
    "reversal-unanswered",
    "waits-in-suspense",
    "not-paid-out",
    "payout-returned",
    "payout-without-result",
    "arrival-not-confirmed",
    "arrival-differs",
    "disputed",
    "compensation-due",
    "compensation-unpaid",
    "compensation-differs",
]
EXCEPTION_WORDS = {
    "split-not-stated": "未给出分账",
    "split-differs": "分账不一致",
    "capture-not-stated": "未确认收款",
    "reversal-unanswered": "冲正未答复",
    "waits-in-suspense": "收款方暂停，资金挂账",
    "not-paid-out": "到期未出款",
    "payout-returned": "出款被退回",
    "payout-without-result": "出款无结果",
    "arrival-not-confirmed": "到账未确认",
    "arrival-differs": "到账不一致",
    "disputed": "有争议",
    "compensation-due": "应代偿未声明",
    "compensation-unpaid": "代偿未付款",
    "compensation-differs": "代偿不一致",
}

RepaymentState = Literal[
    "nothing-came",
    "failed",
    "reversed",
    "not-split",
    "differs",
    "in-suspense",
    "due",
    "on-its-way",
    "arrived",
]
CompensationLineState = Literal["due", "stated", "conflicting", "reversed"]
ListName = Literal["repayments", "overdue", "compensations"]

Loan = Annotated[str, Label("loan", "贷款", link="loan")]
Entries = Annotated[list[int], Label("entries", "条目", link="entry")]
Payouts = Annotated[list[str], Label("payouts", "结算单", link="payout")]
Instalments = Annotated[list[int], Label("instalments", "期次")]


class ExceptionLine(ViewStruct, frozen=True, kw_only=True):
    """What is wrong, and who has to act.

    ``amount`` is what is in question of the party of the sheet; the whole, where that party has to
    act or the matter is a payout. ``since`` is when it began, ``age`` how long ago that was. The
    record that began it is the one in ``entry``, stated by ``author`` as ``record``:
    ``receipt`` is the command that proves it.
    """

    kind: Annotated[ExceptionKind, Label("what is wrong", "异常", words=EXCEPTION_WORDS)]
    party: Annotated[str, Label("has to act", "应处理方")]
    amount: Annotated[int, Label("in question", "涉及金额", "minor")]
    currency: Currency
    since: Annotated[int, Label("since", "起始时间", "ms")]
    age: Annotated[int, Label("age", "已历时", "age")]
    loan: Loan = ""
    attempt: Annotated[str, Label("attempt", "还款尝试")] = ""
    payment: Annotated[str, Label("payment", "支付", link="payment")] = ""
    payout: Annotated[str, Label("payout", "结算单", link="payout")] = ""
    receiver: Annotated[str, Label("receiver", "收款方", link="receiver")] = ""
    compensation: Annotated[str, Label("compensation", "代偿")] = ""
    detail: Annotated[str, Label("details", "说明", "text")] = ""
    entry: Annotated[int, Label("entry", "条目", "entry", "entry")] = -1
    author: Annotated[str, Label("stated by", "陈述方")] = ""
    record: Annotated[str, Label("record", "记录号")] = ""
    receipt: Annotated[str, Label("receipt", "回执命令", "text")] = ""


class RepaymentLine(ViewStruct, frozen=True, kw_only=True):
    """One repayment, or what was due and nothing came; amounts are the party's part.

    ``due`` is principal, interest and fees by the plan that holds on the date. ``captured`` is the
    part of the capture as the ledger allocates it; it is ``split``, ``differing`` or ``unstated``.
    What is split is in suspense, due, on its way, or arrived. ``attempted`` is the whole amount
    of the attempt, ``overpaid`` what of that is nobody's.
    """

    loan: Loan
    instalments: Instalments
    attempt: Annotated[str, Label("attempt", "还款尝试")] = ""
    state: Annotated[
        RepaymentState,
        state_label(
            nothing_came="未还款",
            failed="失败",
            reversed="已冲正",
            not_split="未分账",
            differs="不一致",
            in_suspense="挂账",
            due="待出款",
            on_its_way="在途",
            arrived="已到账",
        ),
    ]
    currency: Currency
    due: Annotated[int, Label("due by plan", "按计划应还", "minor")] = 0
    captured: Annotated[int, Label("captured", "已收款", "minor")] = 0
    split: Annotated[int, Label("split", "已分账", "minor")] = 0
    paid: Annotated[int, Label("paid", "已出款", "minor")] = 0
    arrived: Annotated[int, Label("arrived", "已到账", "minor")] = 0
    missing: Annotated[int, Label("missing", "缺失", "minor")] = 0
    due_principal: Annotated[int, Label("principal due", "应还本金", "minor")] = 0
    due_interest: Annotated[int, Label("interest due", "应还利息", "minor")] = 0
    due_fees: Annotated[int, Label("fees due", "应还费用", "minor")] = 0
    differing: Annotated[int, Label("differing", "分账不一致", "minor")] = 0
    unstated: Annotated[int, Label("split not stated", "未给出分账", "minor")] = 0
    suspended: Annotated[int, Label("in suspense", "挂账", "minor")] = 0
    to_pay: Annotated[int, Label("to be paid out", "待出款", "minor")] = 0
    in_transit: Annotated[int, Label("in transit", "在途", "minor")] = 0
    reversed: Annotated[int, Label("reversed", "已冲正", "minor")] = 0
    failed: Annotated[int, Label("failed", "失败金额", "minor")] = 0
    overpaid: Annotated[int, Label("overpaid", "溢缴", "minor")] = 0
    attempted: Annotated[int, Label("attempted", "尝试金额", "minor")] = 0
    succeeded: Annotated[int, Label("succeeded", "成功金额", "minor")] = 0
    reason: Annotated[str, Label("reason", "原因", "text")] = ""
    payment: Annotated[str, Label("payment", "支付", link="payment")] = ""
    payouts: Annotated[list[str], Label("payouts", "结算单", link="payout")] = msgspec.field(
        default_factory=list
    )
    entries: Entries = msgspec.field(default_factory=list)


class OverdueLine(ViewStruct, frozen=True, kw_only=True):
    """A loan that is past due on the date: what is open to the party of what is past due."""

    loan: Loan
    bucket: Annotated[str, Label("bucket", "逾期档")]
    days: Annotated[int, Label("days past due", "逾期天数", "count")]
    due_since: Annotated[str, Label("due since", "最早应还日", "date")]
    instalments: Instalments
    amount: Annotated[int, Label("open to the party", "未还金额", "minor")]
    currency: Currency
    entries: Entries = msgspec.field(default_factory=list)


class CompensationLine(ViewStruct, frozen=True, kw_only=True):
    """A compensation that is due by the terms and not stated, or stated and not paid.

    ``since`` is the first date on which the terms had it due, or that of the statement.
    """

    loan: Loan
    guarantor: Annotated[str, Label("guarantor", "担保方")]
    state: Annotated[
        CompensationLineState,
        state_label(due="应代偿", stated="已声明", conflicting="不一致", reversed="已冲正"),
    ]
    instalments: Instalments
    amount: Annotated[int, Label("amount", "金额", "minor")]
    currency: Currency
    since: Annotated[str, Label("since", "起始日", "date")]
    compensation: Annotated[str, Label("compensation", "代偿")] = ""
    due: Annotated[int, Label("due, not stated", "应代偿未声明", "minor")] = 0
    unpaid: Annotated[int, Label("stated, not paid", "已声明未付款", "minor")] = 0
    entries: Entries = msgspec.field(default_factory=list)


class FigureView(ViewStruct, frozen=True, kw_only=True):
    """A figure of the day: the sum of ``column`` over the rows of ``list``, and their count.

    Only rows count that have something in the column, and where a ``bucket`` is named those of it.
    A rate has no amount, but ``rate_count`` and ``rate_amount``, in millionths.
    """

    name: Annotated[str, Label("name", "代号")]
    en: Annotated[str, Label("figure", "指标（英文）")]
    zh: Annotated[str, Label("figure in Chinese", "指标")]
    amount: Annotated[int, Label("amount", "金额", "minor")]
    count: Annotated[int, Label("count", "笔数", "count")]
    currency: Currency
    list: Annotated[
        ListName,
        Label(
            "list",
            "明细表",
            words={"repayments": "还款", "overdue": "逾期", "compensations": "代偿"},
        ),
    ]
    column: Annotated[str, Label("column", "列")]
    explained_en: Annotated[str, Label("how it is made", "计算方法（英文）", "text")]
    explained_zh: Annotated[str, Label("how it is made, in Chinese", "计算方法", "text")]
    bucket: Annotated[str, Label("bucket", "逾期档")] = ""
    rate_count: Annotated[int, Label("rate by count", "笔数比率", "ppm")] = -1
    rate_amount: Annotated[int, Label("rate by amount", "金额比率", "ppm")] = -1


class CheckpointView(ViewStruct, frozen=True, kw_only=True):
    """A cosigned checkpoint: what the sheet can be checked against.

    ``time`` is that of its block, ``root`` the root of the log in base64.
    """

    height: Annotated[int, Label("block", "区块", "count")]
    size: Annotated[int, Label("entries of the log", "日志条目数", "count")]
    root: Annotated[str, Label("root", "根哈希")]
    time: Annotated[int, Label("time", "时间", "ms")]
    cosigned_by: Annotated[list[str], Label("cosigned by", "共签方")]


class SheetView(ViewStruct, frozen=True, kw_only=True):
    """The sheet of a party for a business date, by what is known at a height.

    Loans are as of the date: records of later dates are left out. Money is where it is known to be
    at the height, judged at the time ``as_of``. ``beyond`` counts the known entries that the
    checkpoint does not cover. Repayments are those of loans in which the party has a side, overdue
    loans and compensations those of which something is its part; all for a party of another role.
    """

    party: Party
    role: Annotated[str, Label("role", "角色")]
    date: Annotated[str, Label("business date", "业务日", "date")]
    height: Annotated[int, Label("known at block", "已知区块", "count")]
    size: Annotated[int, Label("known entries", "已知条目数", "count")]
    as_of: Annotated[int, Label("judged at", "判断时间", "ms")]
    exceptions: list[ExceptionLine]
    figures: list[FigureView]
    repayments: list[RepaymentLine]
    overdue: list[OverdueLine]
    compensations: list[CompensationLine]
    beyond: Annotated[int, Label("beyond the checkpoint", "检查点之后", "count")] = 0
    checkpoint: CheckpointView | UnsetType = UNSET


Line = RepaymentLine | OverdueLine | CompensationLine
LISTS: dict[str, type[ViewStruct]] = {
    "exceptions": ExceptionLine,
    "repayments": RepaymentLine,
    "overdue": OverdueLine,
    "compensations": CompensationLine,
}
"""The lists of a sheet, in the order in which they are shown."""
