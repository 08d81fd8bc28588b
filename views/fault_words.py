"""Faults of a log in words: what is false first, and where, in both languages.

The fault itself has one English sentence, for logs and programs. A code that has no words here is
told by it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.log_faults import LogFault
from views import texts
from views.texts import Language

FAULTS_IN_CHINESE: Mapping[str, str] = {
    "bad-batch-root": "记录不是其作者所签的记录",
    "bad-signature": "签名不成立",
    "batch-order": "批次的顺序不对",
    "broken-chain": "与前一区块不衔接",
    "no-checkpoint": "文件末尾没有检查点",
    "no-quorum": "联署的参与方不足法定数",
    "trailing-data": "导出结束之后还有内容",
    "wrong-batches": "批次与区块头所列不一致",
    "wrong-checkpoint": "检查点与日志不一致",
    "wrong-count": "条目数不一致",
    "wrong-entry": "条目与其记录不一致",
    "wrong-origin": "属于另一个日志",
    "wrong-outcome": "条目的结果与执行得出的结果不一致",
    "wrong-root": "条目得出的日志根不一致",
    "wrong-state": "执行记录得出的状态不一致",
}
"""By code; ``docs/errors.md`` says what each means."""


def fault_in_words(fault: LogFault, language: Language | None = None) -> str:
    """Return what is false; the language is the chosen one if none is given."""
    words = FAULTS_IN_CHINESE.get(fault.code)
    if (language or texts.language()) == "en" or words is None:
        return fault.message
    return f"{_place(fault)}：{words}"


def _place(fault: LogFault) -> str:
    if fault.part == "checkpoint":
        return "检查点"
    if fault.part == "file":
        return f"第 {fault.height} 行"
    parts = [f"区块 {fault.height}"]
    if fault.batch:
        parts.append(f"{fault.party} 的批次 {fault.batch}")
    if fault.record:
        parts.append(f"记录 {fault.record}（条目 {fault.first_entry}）")
    elif fault.count:
        parts.append(f"条目 {fault.first_entry} 至 {fault.first_entry + fault.count - 1}")
    return "，".join(parts)
