"""The stage of a protocol scenario: the cluster, names of blocks, what every replica did."""

from __future__ import annotations

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
    Subject,
    Vote,
    VoteKind,
    final_subject,
    notar_subject,
    sign_vote,
    skip_subject,
)
from ledger.block import Block, Tip, genesis_tip, tip_of
from tests.consensus.consensus_kit import Cluster, Letter
from tests.ledger.chain_kit import SIGNERS, WALL_MS, make_block

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
            code = effects.rejected.error.code
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
        kind, options = words[0], options_of(words[1:], ("slot", "from", "to"))
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
        options = options_of(words[2:], ("on", "ahead", "to"))
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

    def subject(self, kind: VoteKind, what: str) -> Subject:
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


def options_of(words: list[str], names: tuple[str, ...]) -> dict[str, str]:
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
