"""Words of expectations: what each kind is called, and who owes which half of what, in sentences.

A sentence names ``{awaited}``, ``{opener}``, ``{subject}`` and, where money is at stake,
``{amount}``; whoever shows one puts the values in as it writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ledger.expectations import CONFLICTING, ExpectationKind
from views.labels import Label


class KindWords(NamedTuple):
    """The name of a kind, and what is owed while the other half has not come."""

    name: Label
    owed: Label


_WORDS: Mapping[ExpectationKind, KindWords] = {
    "capture": KindWords(
        Label("capture", "收款"),
        Label(
            "{awaited} has not stated the capture of {amount} that {opener} instructed for payment "
            "{subject}",
            "{awaited} 尚未声明支付 {subject} 的收款 {amount}，{opener} 已指示分账",
        ),
    ),
    "instruction": KindWords(
        Label("instruction", "分账指示"),
        Label(
            "{awaited} has not said who gets the {amount} that {opener} captured for payment "
            "{subject}",
            "{awaited} 尚未指示支付 {subject} 如何分账，{opener} 已收款 {amount}",
        ),
    ),
    "reversal": KindWords(
        Label("reversal", "冲正"),
        Label(
            "{awaited} has not answered that {opener} reversed the capture of {amount} for payment "
            "{subject}",
            "{awaited} 尚未回应支付 {subject} 的冲正，{opener} 已冲正收款 {amount}",
        ),
    ),
    "payout-result": KindWords(
        Label("payout result", "付款结果"),
        Label(
            "{awaited} has not said whether payout {subject} of {amount} was paid",
            "{awaited} 尚未声明结算单 {subject}（{amount}）的付款结果",
        ),
    ),
    "arrival": KindWords(
        Label("arrival", "到账"),
        Label(
            "{awaited} has not confirmed the arrival of {amount} that {opener} paid with payout "
            "{subject}",
            "{awaited} 尚未确认结算单 {subject} 的到账，{opener} 已付 {amount}",
        ),
    ),
    "float-confirmation": KindWords(
        Label("float confirmation", "预存确认"),
        Label(
            "{awaited} has not confirmed movement {subject} of the refund float, {amount} by "
            "{opener}",
            "{awaited} 尚未确认退款预存款变动 {subject}，{opener} 声明 {amount}",
        ),
    ),
    "refund-result": KindWords(
        Label("refund result", "退款结果"),
        Label(
            "{awaited} has not said whether refund {subject} of {amount} that {opener} requested "
            "was paid",
            "{awaited} 尚未声明退款 {subject} 的结果，{opener} 已申请 {amount}",
        ),
    ),
    "dispute": KindWords(
        Label("dispute", "争议答复"),
        Label(
            "{awaited} has not answered dispute {subject} that {opener} raised",
            "{awaited} 尚未答复 {opener} 提出的争议 {subject}",
        ),
    ),
    "fee-acceptance": KindWords(
        Label("fee acceptance", "费率接受"),
        Label(
            "{awaited} has not accepted fee agreement {subject} that {opener} offered",
            "{awaited} 尚未接受 {opener} 提出的费率协议 {subject}",
        ),
    ),
    "fee-reversal": KindWords(
        Label("fee reversal", "费用冲回"),
        Label(
            "{awaited} has not taken back the fee of {amount} on payment {subject}, whose capture "
            "{opener} reversed",
            "{awaited} 尚未冲回支付 {subject} 的费用 {amount}，{opener} 已冲正收款",
        ),
    ),
    "fee-settlement": KindWords(
        Label("fee settlement", "费用结算"),
        Label(
            "{awaited} has not stated that it paid invoice {subject} of {opener} over {amount}",
            "{awaited} 尚未声明已付 {opener} 的账单 {subject}（{amount}）",
        ),
    ),
    "profit-acceptance": KindWords(
        Label("profit acceptance", "分润接受"),
        Label(
            "{awaited} has not accepted profit agreement {subject} that {opener} offered",
            "{awaited} 尚未接受 {opener} 提出的分润协议 {subject}",
        ),
    ),
    "profit-confirmation": KindWords(
        Label("profit confirmation", "分润确认"),
        Label(
            "{awaited} has not confirmed that its {amount} of profit share {subject} arrived from "
            "{opener}",
            "{awaited} 尚未确认收到 {opener} 的分润 {subject}（{amount}）",
        ),
    ),
    "calendar-acceptance": KindWords(
        Label("calendar acceptance", "日历接受"),
        Label(
            "{awaited} has not accepted calendar {subject} that {opener} declared",
            "{awaited} 尚未接受 {opener} 声明的日历 {subject}",
        ),
    ),
    "loan-acceptance": KindWords(
        Label("loan acceptance", "贷款接受"),
        Label(
            "{awaited} has not accepted loan {subject} of {amount} that {opener} proposed",
            "{awaited} 尚未接受 {opener} 提出的贷款 {subject}（{amount}）",
        ),
    ),
    "loan-funding": KindWords(
        Label("loan funding", "出资"),
        Label(
            "{awaited} has not stated that it funded its {amount} of loan {subject}, which "
            "{opener} disbursed",
            "{awaited} 尚未声明为贷款 {subject} 出资 {amount}，{opener} 已放款",
        ),
    ),
    "compensation": KindWords(
        Label("compensation", "代偿到账"),
        Label(
            "{awaited} has not stated that the {amount} of compensation {subject} came in",
            "{awaited} 尚未声明代偿 {subject} 的 {amount} 到账",
        ),
    ),
}

_CONTRADICTED = Label(
    "{awaited} and {opener} contradict each other about the {kind} of {subject}",
    "{awaited} 与 {opener} 对 {subject} 的{kind}各执一词",
)
_OWED = Label("{awaited} has to state {kind} of {subject}", "{awaited} 须声明 {subject} 的{kind}")
"""Of a kind that has no words here."""
_ONE_SIDE = Label(
    "{awaited} has to state {kind} {subject} anew: the money that came does not fit",
    "{awaited} 须重新声明{kind} {subject}：与到账不符",
)
"""Of a contradiction in which the party that has to state its half anew is the one that opened."""

KIND_WORDS: Mapping[str, str] = {kind: words.name.zh for kind, words in _WORDS.items()}
"""The kinds in Chinese, as labels take them."""


def kind_name(kind: ExpectationKind) -> Label:
    """Return what a kind is called."""
    return _words_of(kind).name


def sentence_of(kind: ExpectationKind, state: str, parties: tuple[str, str]) -> Label:
    """Return the sentence that says what is owed, with its fields to be filled in.

    Args:
        kind: The kind.
        state: Its state: that of a contradiction is told otherwise.
        parties: The party that is awaited, and the one that opened.
    """
    if state != CONFLICTING:
        return _words_of(kind).owed
    return _ONE_SIDE if parties[0] == parties[1] else _CONTRADICTED


def _words_of(kind: ExpectationKind) -> KindWords:
    spelled = kind.replace("-", " ")
    return _WORDS.get(kind) or KindWords(Label(spelled, spelled), _OWED)
