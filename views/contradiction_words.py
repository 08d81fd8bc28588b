"""Contradictions in words: what two halves say differently, with amounts as people write them.

The state keeps one English sentence of a contradiction, such as ``amount: captured 71526 (715.26
CNY), instructed 71527 (715.27 CNY); the difference is 1 (0.01 CNY)``. What is in another form, such
as a reason that a party wrote, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from views import cells, texts
from views.texts import Language

_AMOUNT = re.compile(r"(-?\d+) \(-?[\d.]+ ([A-Z]{3})\)")
_VALUE = r"(-?\d+ \(-?[\d.]+ [A-Z]{3}\)|[^,;]*)"
_BOTH = re.compile(rf"([a-z_ ]+): ([a-z]+) {_VALUE}, ([a-z]+) {_VALUE}")
_APART = re.compile(r"the difference is -?(.+)")
_ALLOCATED = re.compile(r"(allocation: expected|instructed) (.+)")
_ALLOCATIONS: Mapping[str, str] = {
    "allocation: expected": "分账：应为",
    "instructed": "分账指示为",
}
_ONE = re.compile(r"(holidays|workdays): only (declared|accepted) (.+)")
_AGAIN = "stated again since: "
_WORDS: Mapping[str, str] = {
    "accepted": "接受",
    "agreed": "约定",
    "amount": "金额",
    "amount and currency": "金额和币种",
    "attempt": "还款尝试",
    "captured": "收款",
    "channel": "渠道",
    "confirmed": "确认",
    "currency": "币种",
    "declared": "声明",
    "deposited": "存入",
    "disbursed": "放款",
    "effective_from": "生效日",
    "funded": "出资",
    "holidays": "节假日",
    "instructed": "分账指示",
    "invoiced": "开票",
    "loan": "贷款",
    "maximum": "最高费用",
    "minimum": "最低费用",
    "none": "无",
    "order": "订单",
    "paid": "付款",
    "rate_ppm": "费率（百万分之）",
    "received": "收到",
    "shared": "分润",
    "stated": "声明",
    "withdrawn": "取出",
    "workdays": "调休工作日",
}
"""Fields, and what a party did to say one, in Chinese."""


def contradiction_in_words(detail: str, language: Language | None = None) -> str:
    """Return what differs for the reader; the language is the chosen one if none is given."""
    is_chinese = (language or texts.language()) == "zh"
    begin, rest = ("", detail)
    if detail.startswith(_AGAIN):
        begin, rest = ("此后已重新声明：" if is_chinese else _AGAIN), detail.removeprefix(_AGAIN)
    if is_chinese:
        parts = rest.split("; ")
        said = [_in_chinese(each) for each in parts]
        rest = rest if said == parts else "；".join(said)
    return begin + _AMOUNT.sub(_money, rest)


def _in_chinese(part: str) -> str:
    if (apart := _APART.fullmatch(part)) is not None:
        return f"相差 {apart[1]}"
    if (only := _ONE.fullmatch(part)) is not None:
        return f"{_WORDS[only[1]]}：仅{_WORDS[only[2]]} {only[3]}"
    if (allocated := _ALLOCATED.fullmatch(part)) is not None:
        said = "无" if allocated[2] == "none" else allocated[2]
        return f"{_ALLOCATIONS[allocated[1]]} {said}"
    both = _BOTH.fullmatch(part)
    if both is None or not {both[1], both[2], both[4]} <= _WORDS.keys():
        return part
    one, other = (_WORDS.get(each, each) for each in (both[3], both[5]))
    return f"{_WORDS[both[1]]}：{_WORDS[both[2]]} {one}，{_WORDS[both[4]]} {other}"


def _money(found: re.Match[str]) -> str:
    return cells.money(int(found[1]), found[2])
