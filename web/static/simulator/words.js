/** Words of the player in English and Chinese, and moments of a run as sentences. */

const EN = {
  title: "Simulator", seed: "Seed", play: "Play", pause: "Pause", speed: "Speed", time: "Time",
  back: "Block before", forward: "Next block", before: "Event before", after: "Next event",
  height: "Final height", slot: "Slot", leads: "leads", records: "Records final",
  refused: "refused", waiting: "on their way", flying: "Messages under way", now: "What happens now",
  moments: "Moments", network: "Network", chain: "Chain at each node", timeline: "Time line",
  passed: "All checks passed", failed: "failed", unexpected: "Every check passed, the story ended otherwise",
  checks: "Checks", repeat: "Run it again yourself", copy: "Copy", copied: "Copied",
  repeatNote: "The same seed gives the same run, to the byte, on any machine.",
  plan: "What was run", asText: "The run as text", liar: "liar", off: "off",
  voters: (quorum, count) => `quorum ${quorum} of ${count}`, calm: "No faults at the moment", quiet: "quiet – time runs faster", skipQuiet: "Skip quiet stretches",
  keys: "Space plays · ← → block · Shift+← → event · + − speed", everyKind: "Messages",
  proposed: "voted for", notarized: "notarized", final: "final", skipped: "skipped slot",
  other: "second block of the slot", held: "held", broken: "broken", "not owed": "not owed",
  "not judged": "not judged", block: "Block", proposer: "Proposer", at: "Proposed at",
  leftOut: "Left out of this long recording", messages: "messages", events: "events", tallies: "counts",
  all: "all", perSecond: "a second", blocks: "blocks", skippedSlots: "slots skipped", crashes: "crashes",
  lost: "messages lost", nobody: "none", convicted: "Convicted", end: "End",
  settled: "Everything is final on every node", unsettled: "Not everything is final", forked: "Two final histories",
  forkedBy: (who) => `Forked as the story says; convicted: ${who}`,
  kinds: {
    proposal: "proposal", notar: "vote: notarize", final: "vote: final", skip: "vote: skip",
    certificate: "certificate", batch: "batch of records", evidence: "evidence", nonsense: "unreadable", rest: "other",
  },
  faults: {
    crash: "Power failure", partition: "Partition", network: "Bad line", "slow-disk": "Slow disk",
    "disk-full": "Disk full", corrupt: "Damaged disk", clock: "Clock jumps", flood: "Flood of records",
  },
  disks: { kept: "disk kept", torn: "last write torn", lost: "disk lost", backup: "old backup restored" },
  roles: {
    platform: "Platform", institution: "Institution", funder: "Funder", auditor: "Auditor",
    guarantor: "Guarantor", merchant: "Merchant", supervisor: "Supervisor",
  },
  evidence: {
    "two-notar": "two votes to notarize in one slot", "two-final": "two Final votes in one slot",
    "final-skip": "voted Final and Skip", "final-notar": "voted Final and for another block",
    "two-proposals": "two blocks proposed in one slot", "two-batches": "two batches with one number",
  },
  lies: {
    "two-proposals": "a second block", "two-batches": "a second batch", "two-sides": "a block for each side",
    final: "votes Final as well", skip: "votes Skip as well", ignored: "leaves out", late: "a vote far too late",
    replay: "old words again",
  },
  cut: (who, toward) => `${who} cut off from ${toward}`,
  mute: (who, toward) => `nothing from ${who} reaches ${toward}`,
  comma: ", ", and: " and ", everybody: "everybody", rest: "the others",
};

const ZH = {
  title: "模拟器", seed: "种子", play: "播放", pause: "暂停", speed: "速度", time: "时间",
  back: "上一个区块", forward: "下一个区块", before: "上一个事件", after: "下一个事件",
  height: "终局高度", slot: "时隙", leads: "出块", records: "终局记录",
  refused: "被拒", waiting: "在途", flying: "在途消息", now: "此刻发生",
  moments: "关键时刻", network: "网络", chain: "各节点的链", timeline: "时间轴",
  passed: "全部检查通过", failed: "未通过", unexpected: "检查全部通过，但结局与故事不同",
  checks: "检查", repeat: "自己再跑一遍", copy: "复制", copied: "已复制",
  repeatNote: "同一个种子，在任何机器上都得到逐字节相同的过程。",
  plan: "运行的方案", asText: "文字版过程", liar: "说谎者", off: "离线",
  voters: (quorum, count) => `法定票数 ${quorum}（共 ${count} 方）`, calm: "目前没有故障", quiet: "平静中——时间加快", skipQuiet: "略过平静时段",
  keys: "空格播放 · ← → 区块 · Shift+← → 事件 · + − 速度", everyKind: "消息",
  proposed: "已投票", notarized: "已公证", final: "终局", skipped: "跳过的时隙",
  other: "同一时隙的另一区块", held: "成立", broken: "被打破", "not owed": "不作要求",
  "not judged": "未评判", block: "区块", proposer: "提案方", at: "提出时间",
  leftOut: "这段长录制中略去", messages: "条消息", events: "个事件", tallies: "次计数",
  all: "全部", perSecond: "每秒", blocks: "个区块", skippedSlots: "个时隙被跳过", crashes: "次断电",
  lost: "条消息丢失", nobody: "无", convicted: "被定罪", end: "结局",
  settled: "所有节点上一切都已终局", unsettled: "并非一切都已终局", forked: "出现两段终局历史",
  forkedBy: (who) => `如剧情所述已分叉；被定罪：${who}`,
  kinds: {
    proposal: "提案", notar: "公证票", final: "终局票", skip: "跳过票",
    certificate: "证书", batch: "记录批次", evidence: "证据", nonsense: "乱码", rest: "其他",
  },
  faults: {
    crash: "断电", partition: "网络分区", network: "线路不良", "slow-disk": "磁盘缓慢",
    "disk-full": "磁盘已满", corrupt: "磁盘损坏", clock: "时钟跳变", flood: "记录洪峰",
  },
  disks: { kept: "磁盘完好", torn: "最后一次写入残缺", lost: "磁盘丢失", backup: "恢复了旧备份" },
  roles: {
    platform: "平台", institution: "机构", funder: "资金方", auditor: "审计方",
    guarantor: "担保方", merchant: "商户", supervisor: "监管方",
  },
  evidence: {
    "two-notar": "同一时隙两张公证票", "two-final": "同一时隙两张终局票",
    "final-skip": "既投终局又投跳过", "final-notar": "既投终局又投另一区块",
    "two-proposals": "同一时隙两个提案", "two-batches": "同一编号两个批次",
  },
  lies: {
    "two-proposals": "第二个区块", "two-batches": "第二个批次", "two-sides": "两边各给一个区块",
    final: "又投终局票", skip: "又投跳过票", ignored: "不收录", late: "迟到很久的票", replay: "旧话重说",
    truncated: "残缺消息", random: "随机字节", bit: "翻转一位", absurd: "荒谬内容", huge: "超大消息",
    shape: "形状不对", longer: "多余字节", vote: "伪造投票", certificate: "伪造证书", batch: "伪造批次",
    proposal: "伪造提案", evidence: "伪造证据", range: "伪造区块范围", state: "错误的状态哈希",
    root: "错误的根", size: "错误的大小", height: "错误的高度", "far-ahead": "时间远超当前",
    "barely-ahead": "时间略超当前", before: "时间早于上一区块",
  },
  cut: (who, toward) => `${who}与${toward}断开`,
  mute: (who, toward) => `${who}的消息到不了${toward}`,
  comma: "、", and: "和", everybody: "所有成员", rest: "其他成员",
};

const EN_SAYS = {
  proposal: ({ who, height, slot }) => `${who} proposes block ${height} in slot ${slot}`,
  notarized: ({ who, height }) => `Block ${height} is notarized, first at ${who}`,
  final: ({ who, height }) => `Block ${height} is final, first at ${who}`,
  firstFinal: ({ who, height }) => `First final block (${height}), at ${who}`,
  skipped: ({ slot, leader }) => `Slot ${slot} is skipped: ${leader} did not get a block through`,
  start: ({ who }) => `${who} is up`,
  restart: ({ who }) => `${who} is back`,
  crash: ({ who, detail }) => `${who} loses power${detail ? ` (${detail})` : ""}`,
  damage: ({ who, detail }) => `${who} finds its disk damaged: ${detail}`,
  halt: ({ who, detail }) => `${who} stops for safety: ${detail}`,
  lie: ({ who, detail }) => `${who} lies: ${detail}`,
  evidence: ({ who, liar, detail }) => `${who} keeps evidence against ${liar}: ${detail}`,
  fault: ({ what }) => `Begins: ${what}`,
  over: ({ what }) => `Over: ${what}`,
  heal: () => "All faults end; what can come back comes back",
  violation: ({ detail }) => `Broken: ${detail}`,
};

const ZH_SAYS = {
  proposal: ({ who, height, slot }) => `${who}在时隙 ${slot} 提出区块 ${height}`,
  notarized: ({ who, height }) => `区块 ${height} 已公证，${who}最先得知`,
  final: ({ who, height }) => `区块 ${height} 终局，${who}最先得知`,
  firstFinal: ({ who, height }) => `第一个终局区块（${height}），在${who}`,
  skipped: ({ slot, leader }) => `时隙 ${slot} 被跳过：${leader}没有成功出块`,
  start: ({ who }) => `${who}启动`,
  restart: ({ who }) => `${who}恢复`,
  crash: ({ who, detail }) => `${who}断电${detail ? `（${detail}）` : ""}`,
  damage: ({ who, detail }) => `${who}发现磁盘损坏：${detail}`,
  halt: ({ who, detail }) => `${who}为安全停机：${detail}`,
  lie: ({ who, detail }) => `${who}说谎：${detail}`,
  evidence: ({ who, liar, detail }) => `${who}保存对${liar}的证据：${detail}`,
  fault: ({ what }) => `开始：${what}`,
  over: ({ what }) => `结束：${what}`,
  heal: () => "所有故障结束，能恢复的都恢复",
  violation: ({ detail }) => `被打破：${detail}`,
};

/** The words of one language for one recording. */
export class Words {
  /**
   * @param {string} language `zh` or `en`.
   * @param {import("./recording.js").Recording} recording Whose nodes have names.
   */
  constructor(language, recording) {
    this.language = language;
    this.texts = language === "zh" ? ZH : EN;
    this.says = language === "zh" ? ZH_SAYS : EN_SAYS;
    this.recording = recording;
  }

  /** Return a party's name as people of this language say it. */
  party(name) {
    const [whole, second] = name.split("~");
    const [role, ...more] = whole.split("-");
    const said = this.texts.roles[role];
    const plain = said ? [said, ...more.map((part) => part.toUpperCase())].join(" ") : whole;
    return second ? `${plain} ②` : plain;
  }

  /** Return a node's name. */
  node(place) {
    return place < 0 ? "" : this.party(this.recording.nodes[place].name);
  }

  /** Return names as a list. */
  list(names) {
    return names.map((name) => this.party(name)).join(this.texts.comma);
  }

  /** Return a fault in a few words. */
  fault(fault) {
    const { texts } = this;
    const who = fault.who?.length ? this.list(fault.who) : texts.everybody;
    const toward = fault.toward?.length ? this.list(fault.toward) : texts.rest;
    const name = texts.faults[fault.kind] ?? fault.kind;
    const said = fault.kind !== "partition" ? who : texts[fault.one_way ? "mute" : "cut"](who, toward);
    return `${name}${this.language === "zh" ? "：" : ": "}${said}`;
  }

  /** Return a time of the run: seconds with three decimals. */
  clock(at) {
    return `${(at / 1e6).toFixed(3)} s`;
  }

  /** Return a whole number with separators. */
  number(value) {
    return value.toLocaleString(this.language === "zh" ? "zh-CN" : "en-GB");
  }

  /** Return a moment as a sentence. */
  sentence(moment) {
    const block = this.recording.blocks[moment.block];
    return this.says[moment.kind]({
      who: this.node(moment.node),
      height: block?.height,
      slot: moment.slot,
      leader: moment.slot === undefined ? "" : this.node(this.recording.leader(moment.slot)),
      liar: moment.liar === undefined ? "" : this.party(moment.liar),
      what: moment.fault ? this.fault(moment.fault) : "",
      detail: this.detail(moment),
    });
  }

  /** Return what an event says more, with its own words replaced by those of the language. */
  detail({ kind, detail }) {
    const { texts, recording } = this;
    if (kind === "crash") return texts.disks[detail] ?? "";
    if (kind === "evidence") return texts.evidence[detail] ?? detail;
    if (kind !== "lie") return detail;
    const [lie, ...more] = detail.split(" ");
    const isParty = (word) => recording.nodes.some((node) => node.party === word);
    const parties = more.filter(isParty).map((word) => this.party(word));
    return [texts.lies[lie] ?? lie.replace("-", " "), ...parties].join(" → ");
  }
}
