"""Plays protocol scenarios: a readable command a line, and below it what every replica did.

``#`` lines are the story. A line that starts at the margin is a command, see ``COMMANDS`` below;
indented lines are the trace that it must produce. Blocks are named by slot and order of
appearance: ``2a`` is the first block that anybody saw for slot 2.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from consensus_kit import (
    SIGNERS,
    WALL_MS,
    Cluster,
    Letter,
    genesis_of,
    make_block,
)

from consensus.effects import Effects, Event
from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    EvidenceMessage,
    Message,
    Proposal,
    Range,
    VoteMessage,
    WantBlock,
    WantRange,
    WireBatch,
    WireBlock,
    wire_block,
)
from consensus.votes import (
    Certificate,
    Kind,
    Subject,
    Vote,
    certificate_of,
    final_subject,
    notar_subject,
    sign_vote,
    skip_subject,
)
from ledger.block import Block, Tip, genesis_tip, tip_of

KINDS: dict[str, tuple[type, str]] = {
    "batches": (BatchMessage, ""),
    "proposals": (Proposal, ""),
    "votes": (VoteMessage, ""),
    "notar": (VoteMessage, "notar"),
    "skip": (VoteMessage, "skip"),
    "final": (VoteMessage, "final"),
    "certificates": (CertificateMessage, ""),
    "evidence": (EvidenceMessage, ""),
    "wants": (WantBlock | WantRange, ""),  # type: ignore[dict-item]
    "ranges": (Range, ""),
}
SCENARIO = re.compile(r"^(?P<verb>[a-z]+) ?(?P<rest>.*)$")


class Play:
    """One scenario in progress."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.rejected: dict[str, list[str]] = {}
        self._cluster: Cluster | None = None
        self._labels: dict[bytes, str] = {}
        self._said: dict[bytes, WireBlock] = {}

    @property
    def cluster(self) -> Cluster:
        assert self._cluster is not None, "a scenario starts with: consortium N quorum Q"
        return self._cluster

    def do(self, line: str) -> list[str]:
        """Carry out one command and return its trace."""
        self.trace = []
        found = SCENARIO.match(line)
        assert found is not None, f"not a command: {line}"
        words = found["rest"].split()
        COMMANDS[found["verb"]](self, words)
        return self.trace

    # -- naming -----------------------------------------------------------------------------------

    def label(self, block: bytes, slot: int) -> str:
        if block == self.cluster.genesis.hash:
            return "genesis"
        if block not in self._labels:
            taken = sum(name[:-1] == str(slot) for name in self._labels.values())
            self._labels[block] = f"{slot}{'abcdefgh'[taken]}"
        return self._labels[block]

    def block_of(self, label: str) -> bytes:
        return next(block for block, name in self._labels.items() if name == label)

    def _subject(self, subject: Subject) -> str:
        if subject.kind == "skip":
            return f"skip {subject.slot}"
        return f"{subject.kind} {self.label(subject.block, subject.slot)}"

    def show(self, message: Message) -> str:
        """Return a message in a few words."""
        if isinstance(message, BatchMessage):
            batch = message.batch.batch()
            return f"batch {batch.party}/{batch.number}"
        if isinstance(message, Proposal):
            return f"proposal {self._show_block(message.block)}"
        if isinstance(message, VoteMessage):
            return self._subject(message.vote.subject)
        if isinstance(message, CertificateMessage):
            return f"certificate {self._subject(message.certificate.subject)}"
        if isinstance(message, EvidenceMessage):
            return f"evidence against {message.evidence.party}"
        if isinstance(message, WantBlock):
            return f"want-block {self._labels.get(message.hash, '?')}"
        if isinstance(message, WantRange):
            return f"want-range {message.height}"
        if isinstance(message, Range):
            return self._show_range(message)
        return type(message).__name__

    def _show_block(self, wire: WireBlock) -> str:
        block = wire.block()
        proofs = [self._subject(certificate.subject) for certificate in wire.justification]
        on = ", ".join(proofs) or "genesis"
        return f"{self.label(block.hash, block.slot)} (on {on})"

    def _show_range(self, message: Range) -> str:
        first = message.blocks[0].block().height
        last = first + len(message.blocks) - 1
        tail = f" + {len(message.headers)} headers" if message.headers else ""
        return f"range {first}..{last}{tail} by {self._subject(message.certificate.subject)}"

    def note(self, name: str, _event: Event | None, effects: Effects) -> None:
        """Write what a step did into the trace."""
        saved = [self._durable(d.kind, d.slot, d.name) for d in effects.persist]
        if saved:
            self.trace.append(f"{name} saves {', '.join(saved)}")
        told: dict[str, list[str]] = {}
        for send in effects.send:
            told.setdefault(send.peer or "all", []).append(self.show(send.message))
        self.trace += [f"{name} tells {to}: {', '.join(said)}" for to, said in told.items()]
        for deliver in effects.deliver:
            block = deliver.block
            how = "" if deliver.certificate else ", through a descendant"
            self.trace.append(
                f"{name} final: height {block.height} is {self.label(block.hash, block.slot)}{how}"
            )
        for lie in effects.accuse:
            self.trace.append(f"{name} accuses {lie.party}: {lie.kind}")
        self.trace += [f"{name} notes {note}" for note in effects.notes]
        if effects.rejected is not None:
            code = getattr(effects.rejected, "code", "?")
            self.rejected.setdefault(name, []).append(code)
            self.trace.append(f"{name} refuses a message: {code}")
        if effects.halt is not None:
            self.trace.append(f"{name} halts: {effects.halt.code}")

    def _durable(self, kind: str, slot: int, name: str) -> str:
        if kind == "vote":
            seen = {"notar": "notar", "skip": "skip", "final": "final"}[name]
            return f"vote {seen} {slot}"
        if kind == "block":
            return f"block {self.label(bytes.fromhex(name), slot)}"
        said, _, block = name.partition(":")
        at = self.label(bytes.fromhex(block), slot) if block else str(slot)
        return f"certificate {said} {at}"

    # -- letters ----------------------------------------------------------------------------------

    def select(self, words: list[str]) -> list[Letter]:
        """Return the letters that ``KIND [slot N] [from A,B] [to C,D]`` means."""
        kind, options = words[0], _options(words[1:], ("slot", "from", "to"))
        return [letter for letter in self.cluster.bag if _matches(letter, kind, options)]

    def parties(self, words: list[str]) -> list[str]:
        """Return the names in ``words``, or all."""
        return [n for word in words for n in word.split(",")] or list(self.cluster.genesis.names)

    # -- liars ------------------------------------------------------------------------------------

    def justified(self, slot: int, on: str | None) -> tuple[Tip, tuple[Certificate, ...]]:
        """Return a parent for ``slot`` and its justification, from all certificates ever sent."""
        skips: list[Certificate] = []
        known = self.cluster.certificates
        for between in range(slot - 1, 0, -1):
            notar = next((s for s in known if (s.kind, s.slot) == ("notar", between)), None)
            if notar is not None and on in (None, self.label(notar.block, notar.slot)):
                return tip_of(self.known_block(notar.block)), (known[notar], *reversed(skips))
            skips.append(known[skip_subject(between)])
        return genesis_tip(self.cluster.genesis), tuple(reversed(skips))

    def known_block(self, block: bytes) -> Block:
        if block in self._said:
            return self._said[block].block()
        return self.cluster.blocks[block]

    def propose(self, words: list[str]) -> None:
        """``NAME SLOT [on LABEL] [ahead MS] [wrong] [unjustified] [forged] [to A,B]``."""
        name, slot = words[0], int(words[1])
        options = _options(words[2:], ("on", "ahead", "to"))
        parent, proofs = genesis_tip(self.cluster.genesis), ()
        if "unjustified" not in words:
            parent, proofs = self.justified(slot, options.get("on"))
        pool = self._god_pool(parent)
        wall_ms = WALL_MS + self.cluster.now_ms + int(options.get("ahead", "0"))
        salt = b"wrong" if "wrong" in words else b""
        block = make_block(self.cluster.genesis, name, parent, slot, pool, wall_ms, salt)
        wire = wire_block(block, proofs)
        self._said[block.hash] = wire
        self.trace.append(f"{name} lies: proposal {self._show_block(wire)}")
        if "forged" in words:
            wire = forged(wire)
        for to in options.get("to", ",".join(self.cluster.genesis.names)).split(","):
            self.cluster.post(name, to, Proposal(wire))

    def _god_pool(self, parent: Tip) -> list[object]:
        """Return one batch that fits, if any: a liar's second block differs by leaving it out."""
        for seat in self.cluster.honest:
            if parent.hash in seat.machine.heads:
                fitting = seat.machine._fitting(parent)
                made = sum(b.block().parent == parent.hash for b in self._said.values())
                return fitting[: max(0, len(fitting) - made)]  # type: ignore[return-value]
        return []

    def vote(self, words: list[str]) -> Vote:
        """Sign ``NAME KIND WHAT`` with NAME's key."""
        name, kind, what = words[:3]
        subject = self.subject(kind, what)  # type: ignore[arg-type]
        return sign_vote(subject, SIGNERS[name], name, WALL_MS // 1000, self.cluster.genesis)

    def subject(self, kind: Kind, what: str) -> Subject:
        if kind == "skip":
            return skip_subject(int(what))
        block = self.known_block(self.block_of(what))
        if kind == "final":
            return final_subject(tip_of(block))
        return notar_subject(block.slot, block.hash)


def forged(wire: WireBlock) -> WireBlock:
    """Return a block with the same header, and so the same hash, whose batches are not signed."""
    spoilt = tuple(WireBatch(b.header, bytes(64), b.records) for b in wire.batches)
    assert spoilt, "nothing to forge in an empty block"
    return WireBlock(wire.header, wire.signature, spoilt, wire.justification)


def _options(words: list[str], names: tuple[str, ...]) -> dict[str, str]:
    return {word: words[at + 1] for at, word in enumerate(words[:-1]) if word in names}


def _matches(letter: Letter, kind: str, options: dict[str, str]) -> bool:
    if kind != "all":
        wanted, vote_kind = KINDS[kind]
        if not isinstance(letter.message, wanted):
            return False
        if vote_kind and letter.message.vote.kind != vote_kind:  # type: ignore[union-attr]
            return False
    if "slot" in options and _slot(letter.message) != int(options["slot"]):
        return False
    here = letter.sender in options.get("from", letter.sender).split(",")
    return here and letter.to in options.get("to", letter.to).split(",")


def _slot(message: Message) -> int | None:
    if isinstance(message, VoteMessage):
        return message.vote.slot
    if isinstance(message, CertificateMessage):
        return message.certificate.subject.slot
    if isinstance(message, Proposal):
        return message.block.block().slot
    return None


# -- commands -------------------------------------------------------------------------------------


def _consortium(play: Play, words: list[str]) -> None:
    """``consortium N quorum Q [liar NAME]``."""
    liars = [words[at + 1] for at, word in enumerate(words) if word == "liar"]
    cluster = play._cluster = Cluster(genesis_of(int(words[0]), int(words[2])), liars)
    cluster.on_step = play.note
    leaders = ", ".join(
        f"{slot} {cluster.genesis.names[slot % len(cluster.genesis.names)]}" for slot in range(1, 6)
    )
    play.trace.append(f"leaders by slot: {leaders}")


def _work(play: Play, words: list[str]) -> None:
    """``work NAME``: the party states something and tells all."""
    batch = play.cluster.work(words[0])
    play.trace.append(f"{words[0]} states batch {batch.party}/{batch.number}")


def _deliver(play: Play, words: list[str]) -> None:
    """``deliver all`` until nothing is left, or ``deliver KIND …`` what is there now."""
    if words == ["all"]:
        play.cluster.deliver_all()
        return
    chosen = play.select(words)
    for letter in chosen:
        play.cluster.bag.remove(letter)
    for letter in chosen:
        play.cluster.deliver(letter)


def _drop(play: Play, words: list[str]) -> None:
    for letter in play.select(words):
        play.cluster.bag.remove(letter)


def _tick(play: Play, words: list[str]) -> None:
    """``tick Nms [NAME …]``: time passes, timers (of these parties) fire; no letter moves."""
    cluster = play.cluster
    until = cluster.now_ms + int(words[0].removesuffix("ms"))
    names = words[1:] or list(cluster.genesis.names)
    while cluster.next_deadline_ms(names) <= until:
        cluster.now_ms = max(cluster.now_ms, cluster.next_deadline_ms(names))
        cluster.tick_due(names)
    cluster.now_ms = until


def _run(play: Play, words: list[str]) -> None:
    """``run Nms``: time passes, timers fire, a letter takes 1 ms."""
    play.cluster.run(play.cluster.now_ms + int(words[0].removesuffix("ms")))


def _crash(play: Play, words: list[str]) -> None:
    """``crash NAME …``, or ``crash NAME after N`` effects of its next steps."""
    if "after" in words:
        play.cluster.seats[words[0]].fuse = int(words[2])
        return
    for name in words:
        play.cluster.crash(name)


def _restart(play: Play, words: list[str]) -> None:
    for name in words:
        play.cluster.restart(name)


def _rebuild(play: Play, words: list[str]) -> None:
    play.cluster.rebuild(words[0])


def _cut(play: Play, words: list[str]) -> None:
    play.cluster.link(words[0], words[1], up=False)


def _mend(play: Play, words: list[str]) -> None:
    play.cluster.link(words[0], words[1], up=True)


def _clock(play: Play, words: list[str]) -> None:
    """``clock NAME ±MS``: the party's wall clock is wrong by that much."""
    play.cluster.seats[words[0]].skew_ms = int(words[1].removesuffix("ms"))


def _spoil(play: Play, words: list[str]) -> None:
    """``spoil NAME``: its state is damaged, everything comes out differently there."""
    play.cluster.seats[words[0]].machine.salt = b"damaged"


def _bodies(play: Play, words: list[str]) -> None:
    play.cluster.range_bodies = int(words[0])


def _proposes(play: Play, words: list[str]) -> None:
    play.propose(words)


def _votes(play: Play, words: list[str]) -> None:
    """``lievote NAME KIND WHAT [to A,B]``."""
    vote = play.vote(words)
    options = _options(words[3:], ("to",))
    play.trace.append(f"{words[0]} lies: {words[1]} {words[2]}")
    play.cluster.votes[vote.subject][vote.voter] = vote
    for to in options.get("to", ",".join(play.cluster.genesis.names)).split(","):
        play.cluster.post(words[0], to, VoteMessage(vote))


def _forge(play: Play, words: list[str]) -> None:
    """``forge NAME KIND WHAT by OTHER [to A]``: NAME signs a vote and says it is OTHER's."""
    vote = play.vote(words)
    options = _options(words[3:], ("by", "to"))
    fields = {f: getattr(vote, f) for f in vote.__struct_fields__}
    lie = Vote(**{**fields, "voter": options["by"]})
    play.cluster.post(words[0], options["to"], VoteMessage(lie))


def _certify(play: Play, words: list[str]) -> None:
    """``certify NAME KIND WHAT from A,B,C [to X]``: NAME shows a certificate of known votes."""
    subject = play.subject(words[1], words[2])  # type: ignore[arg-type]
    options = _options(words[3:], ("from", "to"))
    votes = {name: play.cluster.votes[subject][name] for name in options["from"].split(",")}
    for to in options["to"].split(","):
        play.cluster.post(words[0], to, CertificateMessage(certificate_of(votes)))


def _tamper(play: Play, words: list[str]) -> None:
    """``tamper KIND …``: the batches in these letters lose their authors' signatures."""
    for letter in play.select(words):
        at = play.cluster.bag.index(letter)
        play.cluster.bag[at] = letter._replace(message=_tampered(letter.message))


def _tampered(message: Message) -> Message:
    if isinstance(message, Proposal):
        return Proposal(forged(message.block))
    assert isinstance(message, Range)
    return Range(tuple(map(forged, message.blocks)), message.headers, message.certificate)


def _expect(play: Play, words: list[str]) -> None:
    EXPECTATIONS[words[0]](play, words[1:])


def _expect_final(play: Play, words: list[str]) -> None:
    """``expect final height N [at A,B | everywhere]``."""
    where = words[3:] if words[2:3] == ["at"] else []
    running = [seat.name for seat in play.cluster.honest]
    for name in play.parties(where) if where else running:
        assert len(play.cluster.seats[name].disk.chain) == int(words[1]), name


def _expect_slot(play: Play, words: list[str]) -> None:
    where = words[2:] if words[1:2] == ["at"] else [seat.name for seat in play.cluster.running]
    for name in play.parties(where):
        found = play.cluster.replica(name).slot
        assert found == int(words[0]), f"{name} is in slot {found}"


def _expect_halted(play: Play, words: list[str]) -> None:
    for name in play.parties(words[2:]):
        halt = play.cluster.replica(name).halt
        assert halt is not None and halt.code == words[0], f"{name}: {halt}"


def _expect_evidence(play: Play, words: list[str]) -> None:
    """``expect evidence against NAME KIND at A,B``."""
    for name in play.parties(words[4:]):
        kinds = {(lie.party, lie.kind) for lie in play.cluster.seats[name].evidence}
        assert (words[1], words[2]) in kinds, f"{name} has {kinds}"


def _expect_nobody(play: Play, _words: list[str]) -> None:
    assert not any(seat.evidence for seat in play.cluster.honest)


def _expect_silence(play: Play, _words: list[str]) -> None:
    assert not play.cluster.bag, [play.show(letter.message) for letter in play.cluster.bag]


def _expect_refused(play: Play, words: list[str]) -> None:
    """``expect refused CODE at A``."""
    for name in play.parties(words[2:]):
        assert words[0] in play.rejected.get(name, []), f"{name}: {play.rejected.get(name)}"


def _expect_running(play: Play, words: list[str]) -> None:
    assert {seat.name for seat in play.cluster.running} == set(play.parties(words))


COMMANDS: dict[str, Callable[[Play, list[str]], None]] = {
    "consortium": _consortium,
    "work": _work,
    "deliver": _deliver,
    "drop": _drop,
    "tick": _tick,
    "run": _run,
    "crash": _crash,
    "restart": _restart,
    "rebuild": _rebuild,
    "cut": _cut,
    "mend": _mend,
    "clock": _clock,
    "spoil": _spoil,
    "bodies": _bodies,
    "propose": _proposes,
    "lievote": _votes,
    "forge": _forge,
    "certify": _certify,
    "tamper": _tamper,
    "expect": _expect,
}
EXPECTATIONS: dict[str, Callable[[Play, list[str]], None]] = {
    "final": _expect_final,
    "slot": _expect_slot,
    "halted": _expect_halted,
    "evidence": _expect_evidence,
    "nobody": _expect_nobody,
    "silence": _expect_silence,
    "refused": _expect_refused,
    "running": _expect_running,
}


def play(text: str) -> str:
    """Play a scenario and return it with the trace that came out."""
    stage, lines = Play(), []
    for line in text.splitlines():
        if line.startswith(" "):
            continue
        lines.append(line)
        if line and not line.startswith("#"):
            try:
                lines += [f"    {each}" for each in stage.do(line)]
            except Exception as error:
                said = "\n".join(lines + stage.trace)
                raise AssertionError(f"{line}: {error!r}\n{said}") from error
    return "\n".join(lines) + "\n"
