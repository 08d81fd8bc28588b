"""Chinese words of the simulator, beside the English ones of liars, checkers and scenarios."""

from __future__ import annotations

from simulator.plan import Plan

LIES_ZH = {
    "batch-equivocator": "用同一个编号签署两个不同的批次，分别发给两半成员。",
    "batch-pest": "发送谁也不能接受的批次：超过账本允许的大小，或签名是假的。",
    "censor": "轮到自己出块时，从不收录机构的记录（自己是机构时，则是平台的）。",
    "colluder": "与同伙一起分叉账本：给一边一个区块，给另一边另一个，两边都投票。",
    "equivocator": "同一时隙向两半成员提出不同的区块，并且两个都投票。",
    "flapper": "每秒十次断开与所有成员的连接再接上，并且从不出块。",
    "flooder": "洪泛：为很远的时隙投票，发送编号很远的批次，没完没了地提问。",
    "forger": "伪造：证书、他人的投票、批次、提案、证据和区块范围。",
    "mute": "哑巴：扣下一切，每 20 毫秒只说一句无害的旧投票，显得还活着。",
    "nonsense": "发送乱码：随机字节、残缺或无尽的消息，以及内容荒谬的合规消息。",
    "questioner": "无休止地提问：所有种类的问题像风暴一样涌来，不论答案大小。",
    "range-pusher": "向没有提问的成员硬塞终局区块的区间，内容真实，尽可能长。",
    "repeater": "把已被拒绝的东西原样说了又说：假的投票、批次和提案。",
    "replayer": "把听到过的一切，不论新旧，随机地以任何人的名义再说一遍。",
    "stale-voter": "很久以后才投票，而且只投早已过去的时隙，对谁都没有用。",
    "twin": "同一把密钥在两台机器上运行，各自都诚实：运维的失误，等同于说谎。",
    "two-faced": "什么都投：对一些人给每个提案投公证票和终局票，对另一些人给每个时隙投跳过票。",
    "vote-pest": "每秒两百次向所有人发送当前时隙的假签名投票。",
    "withholder": "做了该做的事却扣住不发：对部分或全部成员扣下提案、投票或转发。",
    "wrong-state": "提出错误的区块：状态哈希、根、大小、高度不对，或时间远超当前。",
}
"""What a liar of each kind does."""

CHECKS_ZH = {
    "I1": "同一高度没有两个终局区块",
    "I2": "诚实的密钥从不签署矛盾的内容",
    "I3": "每个终局区块都能一路证明到创世",
    "I4": "已确认的记录都在、只有一份、次序不变",
    "I5": "高度相同，则日志、状态和账簿相同",
    "I6": "每个高度上账簿借贷都平",
    "I7": "每条有效记录最终都成为终局",
    "I8": "证据不冤枉诚实的密钥，分叉者无一漏网",
    "history": "客户读到的不少于曾被告知的",
    "loans": "贷款债权在明细与账簿中都加得起来",
    "code": "代码没有抛出意料之外的错误",
}
"""What each check holds."""


def story_of(plan: Plan) -> dict[str, str]:
    """Return the story of a plan in both languages, on one line each; empty if it has none."""
    english, chinese = " ".join(plan.story.split()), "".join(plan.story_zh.split("\n"))
    return {"en": english, "zh": chinese or english}


TROUBLE = {
    "crash": ("Nodes lose power in the middle of something", "节点中途断电"),
    "power-cycle": ("All lose power at once", "全体同时断电"),
    "late": ("A node starts late", "有节点开机晚"),
    "gone": ("A node goes for good", "有节点永久离线"),
    "lost-disk": ("A disk is lost", "磁盘丢失"),
    "old-backup": ("An old backup is restored", "恢复旧备份"),
    "corrupt": ("A disk is damaged", "磁盘损坏"),
    "partition": ("The network is cut", "网络分区"),
    "network": ("Lines are bad", "线路不良"),
    "slow-disk": ("Disks are slow", "磁盘缓慢"),
    "disk-full": ("Disks are full", "磁盘写满"),
    "clock": ("Clocks jump and drift", "时钟跳变漂移"),
    "flood": ("Records come in a flood", "记录洪峰"),
}
"""Kinds of trouble that a seed draws, in English and Chinese."""
