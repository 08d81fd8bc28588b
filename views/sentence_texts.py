"""Texts of sentences: what each type of record says, in English and in Chinese.

The first text of a type is always said; each further one is a clause, which is said where the
record, or what it names, has all of its fields.
"""

from __future__ import annotations

from collections.abc import Mapping

from views.labels import Label

_CHANNEL_NUMBER = Label(", channel number {channel_number}", "，渠道流水号 {channel_number}")
_BANK = Label(", bank reference {bank_reference}", "，银行流水号 {bank_reference}")
_REASON = Label(": {reason}", "：{reason}")
_OF_LOAN = Label(
    "; it repays loan {loan}, attempt {attempt}", "；用于偿还贷款 {loan}，还款尝试 {attempt}"
)
_LEGS = Label(": {legs}", "：{legs}")
_BOUNDS = (
    Label(", through {channel}", "，渠道 {channel}"),
    Label(", at least {minimum}", "，最低 {minimum}"),
    Label(", at most {maximum}", "，最高 {maximum}"),
)

SENTENCES: Mapping[str, tuple[Label, ...]] = {
    "receiver.registered": (
        Label(
            "registered receiver {receiver}: {kind} ending in {last4}, settled {cycle} in"
            " {currency}",
            "登记收款方 {receiver}：{kind}，尾号 {last4}，结算周期 {cycle}，币种 {currency}",
        ),
        Label(", owned by {owner}", "，所属方 {owner}"),
    ),
    "receiver.suspended": (
        Label("suspended receiver {receiver}: {reason}", "暂停收款方 {receiver}：{reason}"),
    ),
    "receiver.resumed": (
        Label("resumed receiver {receiver}: {reason}", "恢复收款方 {receiver}：{reason}"),
    ),
    "payment.captured": (
        Label(
            "captured {amount} for payment {payment}, order {order}, through {channel}",
            "已收款 {amount}：支付 {payment}，订单 {order}，渠道 {channel}",
        ),
        Label("; paid by {sources}", "；来源 {sources}"),
        _OF_LOAN,
        Label("; it is of compensation {compensation}", "；属于代偿 {compensation}"),
    ),
    "split.instructed": (
        Label(
            "instructed how {amount} of payment {payment}, order {order}, is split",
            "指示支付 {payment}（订单 {order}）的 {amount} 如何分账",
        ),
        _LEGS,
        _OF_LOAN,
        Label("; overpaid {overpaid}", "；溢缴 {overpaid}"),
    ),
    "split.amended": (
        Label(
            "amended how {amount} of payment {payment}, order {order}, is split",
            "更改支付 {payment}（订单 {order}）的 {amount} 的分账",
        ),
        _LEGS,
        _OF_LOAN,
        Label("; overpaid {overpaid}", "；溢缴 {overpaid}"),
    ),
    "split.withdrawn": (
        Label(
            "withdrew the split of payment {payment}: {reason}",
            "撤回支付 {payment} 的分账指示：{reason}",
        ),
    ),
    "payment.reversed": (
        Label(
            "reversed the capture of payment {payment}: {reason}",
            "冲正支付 {payment} 的收款：{reason}",
        ),
        Label(", on {date}", "，日期 {date}"),
    ),
    "settlement.created": (
        Label(
            "created payout {payout} of {amount} to {receiver}: all that was due by {cutoff_date}"
            " (legs: {legs})",
            "创建结算单 {payout}，向 {receiver} 结算 {amount}：截至 {cutoff_date} 的全部应付"
            "（{legs} 笔）",
        ),
    ),
    "settlement.paid": (
        Label("paid payout {payout}", "已付结算单 {payout}"),
        Label(": {amount} to {receiver}", "：向 {receiver} 付款 {amount}"),
        Label(", at {paid_at}", "，付款时间 {paid_at}"),
        _BANK,
        _CHANNEL_NUMBER,
    ),
    "settlement.returned": (
        Label("said that payout {payout} came back", "声明结算单 {payout} 被退回"),
        Label(" ({amount} to {receiver})", "（向 {receiver} 付款 {amount}）"),
        _REASON,
    ),
    "settlement.confirmed": (
        Label(
            "confirmed that {amount} of payout {payout} arrived at {received_at}",
            "确认结算单 {payout} 到账 {amount}，到账时间 {received_at}",
        ),
    ),
    "refund_float.deposited": (
        Label(
            "took {amount} into the refund float ({movement})",
            "收到退款预存款 {amount}（{movement}）",
        ),
    ),
    "refund_float.withdrawn": (
        Label(
            "paid {amount} out of the refund float ({movement})",
            "退回退款预存款 {amount}（{movement}）",
        ),
    ),
    "refund_float.confirmed": (
        Label(
            "confirmed {amount} of movement {movement} of the refund float",
            "确认退款预存款变动 {movement}：{amount}",
        ),
    ),
    "refund_float.reversed": (
        Label(
            "reversed movement {movement} of the refund float: {reason}",
            "冲正退款预存款变动 {movement}：{reason}",
        ),
    ),
    "refund.requested": (
        Label(
            "requested refund {refund} of {amount} of payment {payment}: {reason}",
            "申请退款 {refund}：支付 {payment}，金额 {amount}，原因 {reason}",
        ),
    ),
    "refund.paid": (
        Label("paid refund {refund}", "已付退款 {refund}"),
        Label(" of payment {payment}", "（支付 {payment}）"),
        Label(", at {paid_at}", "，付款时间 {paid_at}"),
        _BANK,
        _CHANNEL_NUMBER,
    ),
    "refund.failed": (
        Label("said that refund {refund} failed", "声明退款 {refund} 失败"),
        Label(" (payment {payment})", "（支付 {payment}）"),
        _REASON,
        _CHANNEL_NUMBER,
    ),
    "dispute.raised": (
        Label(
            "raised dispute {dispute} against {against} about {subject}: {reason}",
            "对 {against} 就 {subject} 提出争议 {dispute}：{reason}",
        ),
    ),
    "dispute.resolved": (
        Label("answered dispute {dispute}: {outcome}", "答复争议 {dispute}：{outcome}"),
        Label(" (about {subject})", "（事项 {subject}）"),
        Label(", {reason}", "，{reason}"),
    ),
    "fee.agreed": (
        Label(
            "offered fee agreement {agreement}: {rate_ppm} in {currency} from {effective_from} on",
            "提出费率协议 {agreement}：{rate_ppm}，币种 {currency}，自 {effective_from} 起",
        ),
        *_BOUNDS,
    ),
    "fee.accepted": (
        Label(
            "accepted fee agreement {agreement}: {rate_ppm} in {currency} from {effective_from} on",
            "接受费率协议 {agreement}：{rate_ppm}，币种 {currency}，自 {effective_from} 起",
        ),
        *_BOUNDS,
    ),
    "fee.charged": (
        Label(
            "charged a fee of {amount} for payment {payment} under {agreement}",
            "按协议 {agreement} 对支付 {payment} 计费 {amount}",
        ),
    ),
    "fee.reversed": (
        Label(
            "reversed the fee of payment {payment}: {reason}", "冲回支付 {payment} 的费用：{reason}"
        ),
    ),
    "fee.invoiced": (
        Label(
            "invoiced {amount} of fees for {period} ({invoice}, charges: {count})",
            "开出 {period} 费用账单 {invoice}：{amount}，共 {count} 笔",
        ),
    ),
    "fee.settled": (
        Label(
            "paid {amount} on invoice {invoice}, at {paid_at}",
            "已付账单 {invoice}：{amount}，付款时间 {paid_at}",
        ),
        _BANK,
    ),
    "profit.agreed": (
        Label(
            "offered profit agreement {agreement} from {effective_from} on, shared {delay}:"
            " {recipients}",
            "提出分润协议 {agreement}，自 {effective_from} 起，{delay} 分配：{recipients}",
        ),
    ),
    "profit.accepted": (
        Label(
            "accepted {ppm} under profit agreement {agreement} from {effective_from} on",
            "接受分润协议 {agreement}：份额 {ppm}，自 {effective_from} 起",
        ),
    ),
    "offer.closed": (
        Label(
            "closed the offer of {kind} agreement {agreement}: {reason}",
            "关闭{kind}协议 {agreement} 的要约：{reason}",
        ),
    ),
    "profit.shared": (
        Label(
            "shared {amount} of invoice {invoice} ({share}): {portions}",
            "分配账单 {invoice} 的收入 {amount}（{share}）：{portions}",
        ),
    ),
    "profit.confirmed": (
        Label(
            "confirmed {amount} of profit share {share}, received at {received_at}",
            "确认收到分润 {share}：{amount}，到账时间 {received_at}",
        ),
    ),
    "calendar.declared": (
        Label(
            "declared the calendar of {year}, version {version}",
            "声明 {year} 年日历，版本 {version}",
        ),
        Label(". Days off: {holidays}", "。休息日：{holidays}"),
        Label(". Work days: {workdays}", "。调休上班日：{workdays}"),
    ),
    "calendar.accepted": (
        Label(
            "accepted the calendar of {year}, version {version}",
            "接受 {year} 年日历，版本 {version}",
        ),
    ),
    "loan.proposed": (
        Label(
            "proposed loan {loan} of {principal} in {instalments} instalments: {funders}",
            "提出贷款 {loan}：本金 {principal}，分 {instalments} 期，出资 {funders}",
        ),
        Label("; guaranteed by {guarantor}", "；由 {guarantor} 担保"),
    ),
    "loan.receiver_named": (
        Label(
            "named receiver {receiver} for its part of loan {loan}",
            "为贷款 {loan} 指定收款方 {receiver}",
        ),
    ),
    "loan.accepted": (Label("accepted loan {loan} as proposed", "按提案接受贷款 {loan}"),),
    "loan.declined": (Label("declined loan {loan}: {reason}", "拒绝贷款 {loan}：{reason}"),),
    "loan.withdrawn": (
        Label("withdrew the proposal of loan {loan}: {reason}", "撤回贷款 {loan} 的提案：{reason}"),
    ),
    "loan.replanned": (
        Label(
            "proposed another plan for loan {loan} from {date} on",
            "为贷款 {loan} 提出新的还款计划，自 {date} 起",
        ),
    ),
    "loan.disbursed": (
        Label("disbursed {amount} of loan {loan} on {date}", "{date} 发放贷款 {loan}：{amount}"),
        _BANK,
    ),
    "loan.funded": (
        Label("funded loan {loan} with {amount} on {date}", "{date} 为贷款 {loan} 出资 {amount}"),
    ),
    "repayment.failed": (
        Label(
            "tried to collect {amount} of loan {loan} on {date} in vain (attempt {attempt}):"
            " {reason}",
            "{date} 扣款失败：贷款 {loan}，还款尝试 {attempt}，金额 {amount}，原因 {reason}",
        ),
    ),
    "loan.waived": (
        Label(
            "waived {amount} of {component} of instalment {instalment} of loan {loan} on {date}",
            "{date} 减免贷款 {loan} 第 {instalment} 期{component} {amount}",
        ),
    ),
    "compensation.stated": (
        Label(
            "stated that it compensates {amount} of loan {loan} on {date} ({compensation})",
            "声明 {date} 代偿贷款 {loan}：{amount}（{compensation}）",
        ),
        Label(", instalments {instalments}", "，期次 {instalments}"),
    ),
    "compensation.withdrawn": (
        Label(
            "withdrew compensation {compensation}: {reason}", "撤回代偿 {compensation}：{reason}"
        ),
    ),
}
"""By type of record."""

WORDS: Mapping[str, Label] = {
    "bank_account": Label("a bank account", "银行账户"),
    "payment_account": Label("a payment account", "支付账户"),
    "buyer": Label("buyer", "买方"),
    "platform-subsidy": Label("platform's subsidy", "平台补差"),
    "coupon": Label("coupon", "优惠券"),
    "upheld": Label("upheld", "成立"),
    "rejected": Label("rejected", "驳回"),
    "withdrawn": Label("withdrawn", "撤回"),
    "fee": Label("fee", "费率"),
    "profit": Label("profit", "分润"),
    "principal": Label("principal", "本金"),
    "interest": Label("interest", "利息"),
    "penalty": Label("penalty", "罚息"),
    "early-fee": Label("early repayment fee", "提前还款手续费"),
}
"""Words that records use."""
