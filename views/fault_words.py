"""Faults of a log in words: what is false first, and where, in both languages; and of a node.

The fault itself has one English sentence, for logs and programs. A code of a log's fault that has
no words here is told by it.
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

STOPS_IN_CHINESE: Mapping[str, str] = {
    "busy": "同时读取过多，请稍后再试。",
    "conflicting-final": (
        "出现了与本节点历史相抵触的证书，两者均保存在数据库中。"
        "继续之前请向其他参与方出示 `tongzhang evidence report` 的输出。"
    ),
    "corrupt-ledger": (
        "数据库内容与当初写入的不符。请停止节点，保留数据库副本，再运行 "
        "`tongzhang node HOME --rebuild`，从其他节点重新获取整个账本。"
    ),
    "disk-full": "磁盘空间不足，未写入任何内容。请释放数据库所在卷的空间，再重新启动节点。",
    "key-contradicts-itself": (
        "本方密钥签过互相矛盾的两份声明：可能是本方说谎、节点被恢复到旧副本，或密钥还在别处使用。"
        "本节点不再签署，但继续跟随、读取和应答。见 `tongzhang evidence list`。"
    ),
    "no-quorum": "可联系到的表决方不足法定数，见下方各方的状态。",
    "not-signing": "本节点正在向其他参与方询问本方密钥签过什么，得到答复之前不签署。",
    "state-diverged": "法定多数确认了一个区块，但本节点执行它得出不同的结果；差异见本节点的日志。",
    "storage-failed": (
        "数据库未能完成操作。请检查数据库所在卷、权限和服务器，再重新启动节点；原因见本节点的日志。"
    ),
}
"""Why a node stopped, does not answer, or can make nothing final, by code."""


def fault_in_words(fault: LogFault, language: Language | None = None) -> str:
    """Return what is false; the language is the chosen one if none is given."""
    words = FAULTS_IN_CHINESE.get(fault.code)
    if (language or texts.language()) == "en" or words is None:
        return fault.message
    return f"{_place(fault)}：{words}"


def stop_in_words(code: str, message: str) -> str:
    """Return why a node stopped, or cannot do it: its own message, or that code in Chinese."""
    if texts.language() == "en":
        return message
    return STOPS_IN_CHINESE.get(code, f"详情见本节点的日志（{code}）。")


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
