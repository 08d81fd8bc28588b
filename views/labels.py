"""Labels: the words, unit and link of a field, in its annotation, in English and in Chinese.

A view names each of its fields by an alias of this module, such as ``amount: Amount``, or by an
annotation of its own. Columns of tables, heads of CSV files and of pages are made of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
Unit = Literal["", "minor", "ms", "age", "date", "ppm", "count", "entry", "text"]
"""What a value is in: ``minor`` units of a currency, ``ms`` since the epoch, an ``age`` in ms, a
``date`` in ISO 8601, millionths (``ppm``), a ``count``, an index of the log (``entry``)."""

RIGHT: tuple[Unit, ...] = ("minor", "ppm", "count", "age")
"""Units of figures, which stand at the right of their column."""


@dataclass(frozen=True, slots=True)
class Label:
    """The label of a field.

    Args:
        en: In English, as the head of a column.
        zh: In Chinese.
        unit: What a value is in.
        link: What the value names: ``payment``, ``payout``, ``receiver``, ``entry``, or nothing.
        words: The words that a value may be, in Chinese.
    """

    en: str
    zh: str
    unit: Unit = ""
    link: str = ""
    words: Mapping[str, str] = field(default_factory=dict)

    def text(self, language: Language) -> str:
        """Return the label in a language."""
        return self.zh if language == "zh" else self.en

    def word(self, value: str, language: Language) -> str:
        """Return a value in a language; as it is if it is none of the words."""
        return self.words.get(value, value) if language == "zh" else value


@cache
def labels_of(view: type[msgspec.Struct]) -> Mapping[str, Label]:
    """Return the label of every field of a view that has one, in the order of the fields."""
    hints = get_type_hints(view, include_extras=True)
    found = ((name, label_in(hints[name])) for name in view.__struct_fields__)
    return {name: label for name, label in found if label is not None}


@cache
def views_in(view: type[msgspec.Struct]) -> Mapping[str, type[msgspec.Struct]]:
    """Return by field, for those that are lists of a view, that view."""
    return {name: found for name, kind in get_type_hints(view).items() if (found := _item_of(kind))}


def _item_of(kind: Any) -> type[msgspec.Struct] | None:
    if get_origin(kind) is list and isinstance(get_args(kind)[0], type(msgspec.Struct)):
        return get_args(kind)[0]  # type: ignore[no-any-return]
    return None


def label_in(annotation: Any) -> Label | None:
    """Return the label in an annotation, the outermost one; None without one."""
    if get_origin(annotation) is Annotated:
        kind, *marks = get_args(annotation)
        own = [mark for mark in marks if isinstance(mark, Label)]
        return own[-1] if own else label_in(kind)
    if get_origin(annotation) in {Union, UnionType}:
        return next(filter(None, map(label_in, get_args(annotation))), None)
    return None


def words_in(annotation: Any) -> tuple[str, ...]:
    """Return the words that an annotation's ``Literal`` allows; none without one."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    found: tuple[str, ...] = ()
    for part in get_args(annotation) if get_origin(annotation) is not None else ():
        found += words_in(part)
    return found


def state_label(disputable: bool = False, /, **words: str) -> Label:
    """Return the label of a state, with the words that it may be, ``_`` for ``-``, in Chinese.

    Args:
        disputable: Whether it may be disputed too.
        words: The words.
    """
    every = {word.replace("_", "-"): zh for word, zh in words.items()}
    return Label("state", "状态", words=every | ({"disputed": "有争议"} if disputable else {}))


ROLE = Label(
    "role",
    "角色",
    words={
        "platform": "平台",
        "institution": "支付机构",
        "funder": "资金方",
        "guarantor": "担保方",
        "merchant": "商户",
        "auditor": "审计方",
        "supervisor": "监管方",
    },
)
"""The role of a party: one of the usual ones, or another word."""

Amount = Annotated[int, Label("amount", "金额", "minor")]
Currency = Annotated[str, Label("currency", "币种")]
ConfirmedCurrency = Annotated[str, Label("confirmed currency", "确认币种")]
Entry = Annotated[int, Label("entry", "条目", "entry", "entry")]
LastEntry = Annotated[int, Label("last entry", "最近条目", "entry", "entry")]
Order = Annotated[str, Label("order", "订单")]
Payment = Annotated[str, Label("payment", "支付", link="payment")]
Loan = Annotated[str, Label("loan", "贷款", link="loan")]
Attempt = Annotated[str, Label("attempt", "还款尝试")]
Compensation = Annotated[str, Label("compensation", "代偿", link="compensation")]
Guarantor = Annotated[str, Label("guarantor", "担保方")]
Principal = Annotated[int, Label("principal", "本金", "minor")]
Interest = Annotated[int, Label("interest", "利息", "minor")]
Fees = Annotated[int, Label("fees", "费用", "minor")]
Penalty = Annotated[int, Label("penalty", "罚息", "minor")]
DaysPastDue = Annotated[int, Label("days past due", "逾期天数", "count")]
Payout = Annotated[str, Label("payout", "结算单", link="payout")]
Receiver = Annotated[str, Label("receiver", "收款方", link="receiver")]
Owner = Annotated[str, Label("owner", "所属方")]
Party = Annotated[str, Label("party", "参与方")]
Subject = Annotated[str, Label("about", "事项")]
Reason = Annotated[str, Label("reason", "原因", "text")]
BankReference = Annotated[str, Label("bank reference", "银行流水号")]
ChannelNumber = Annotated[str, Label("channel number", "渠道流水号")]
PaidAt = Annotated[int, Label("paid at", "付款时间", "ms")]
ReceivedAt = Annotated[int, Label("received at", "到账时间", "ms")]
DueDate = Annotated[str, Label("due", "应付日", "date")]
Provisional = Annotated[bool, Label("provisional", "暂定")]
AsOf = Annotated[int, Label("as of", "截至", "ms")]
Whole = Annotated[bool, Label("whole", "完整")]
Legs = Annotated[int, Label("legs", "笔数", "count")]
