"""The liar under all lies: its node's voice, which it may change before it is heard.

Underneath runs an honest node. A liar has that node's database and everything that arrives at its
machine, its own party's key, and the time; nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from consensus.errors import ConsensusError
from consensus.messages import EvidenceMessage, Message, Proposal, VoteMessage, decode, encode
from consensus.votes import Subject, Vote, sign_vote
from ledger import domains
from ledger.batch import Batch
from ledger.block import (
    Block,
    BlockHeader,
    Tip,
    batch_hashes,
    encode_header,
    genesis_tip,
    tip_of,
)
from ledger.errors import LedgerError
from ledger.execute import execute
from ledger.log.merkle import Frontier
from ledger.state import StateView
from simulator.chance import Chance
from simulator.process import Process
from simulator.setting import Setting

BLOCKS_MAX = 256
"""Blocks that a liar remembers, to build others beside them."""


class Liar:
    """Speaks for a machine. This one tells the truth; a lie overrides :meth:`say` or :meth:`hear`.

    Args:
        setting: What the parts of the world share.
        process: The machine it speaks for.
        chance: What decides.
        liars: All liars of the world, which it joins.
    """

    def __init__(
        self, setting: Setting, process: Process, chance: Chance, liars: list[Liar]
    ) -> None:
        self.setting = setting
        self.liars = liars
        liars.append(self)
        self.process = process
        self.chance = chance
        self.genesis = setting.genesis
        self.party = process.party
        self.signer = setting.signers[process.party]
        self.others = tuple(name for name in setting.genesis.names if name != process.party)
        self.lies: Counter[str] = Counter()
        """Count of the lies that it has told, by kind."""
        self._blocks: dict[bytes, Block] = {}
        self._heard: tuple[bytes, Message] | None = None
        self._begin()

    def _begin(self) -> None:
        """Prepare what a lie needs."""

    # -- between its node and the world -----------------------------------------------------------

    def send(self, peer: str, frame: bytes) -> None:
        """Take what the node underneath wants to send to ``peer``."""
        if self._heard is None or self._heard[0] is not frame:
            self._heard = (frame, decode(frame))
        message = self._heard[1]
        if (
            isinstance(message, EvidenceMessage)
            and message.evidence.party in self.setting.plan.liars
        ):
            return  # nobody accuses itself, nor another liar
        self._remember(message)
        self.say(peer, message)

    def receive(self, sender: str, frame: bytes) -> bool:
        """Take what arrives. Return whether the node underneath gets it as well."""
        self.process.now_us = max(self.process.now_us, self.setting.now_us)
        try:
            message = decode(frame)
            self._remember(message)
            self.hear(sender, message)
        except (ConsensusError, LedgerError):  # a liar does not stumble over another's nonsense
            return True
        return self.lets_in(message)

    def say(self, peer: str, message: Message) -> None:
        """Say to ``peer`` what the node underneath wants to say, or something else."""
        self.tell(peer, message)

    def hear(self, sender: str, message: Message) -> None:
        """Hear what a peer says."""

    def lets_in(self, message: Message) -> bool:
        """Return whether the node underneath hears this message, too."""
        return True

    def tell(self, peer: str, message: Message | bytes) -> None:
        """Send a message, or any bytes, to a peer."""
        frame = message if isinstance(message, bytes) else encode(message)
        self.process.post(peer, frame)

    def lied(self, kind: str, detail: str = "") -> None:
        """Note that a lie was told, for the trace and the verdict."""
        self.lies[kind] += 1
        self.setting.counts["lies"] += 1
        self.setting.note(self.process, "lie", f"{kind} {detail}".rstrip())

    def every(self, period_us: int, act: Callable[[], None]) -> None:
        """Do something again and again, while the machine is up."""

        def turn() -> None:
            self.process.do(lambda host: act())
            self.setting.at(self.setting.now_us + period_us, self.process, turn)

        self.setting.at(self.setting.now_us + period_us, self.process, turn)

    def half(self) -> tuple[str, ...]:
        """Return about half of the others, at least one of them."""
        count = len(self.others)
        size = max(1, count // 2 + self.chance.below(1 + count % 2))
        return tuple(self.chance.some(self.others, size))

    # -- what it signs ----------------------------------------------------------------------------

    def vote(self, subject: Subject) -> Vote:
        """Return this party's signed vote."""
        seconds = self.process.now().wall_ms // 1000
        return sign_vote(subject, self.signer, self.party, seconds, self.genesis)

    def says(self, subject: Subject) -> VoteMessage:
        """Return this party's signed vote as a message."""
        return VoteMessage(self.vote(subject))

    def sign_block(self, header: BlockHeader, batches: tuple[Batch, ...]) -> Block:
        """Return a block with any header at all, signed with this party's key."""
        raw = encode_header(header)
        return Block(raw, self.signer.sign(domains.proposal_signature_input(raw)), batches)

    def beside(self, block: Block, batches: Sequence[Batch], time_ms: int) -> Block | None:
        """Return a valid block in the place of ``block`` with other contents.

        None if this machine does not have the state of its parent.
        """
        parent = self._parent_of(block)
        state = None if parent is None else self._state_at(parent)
        if parent is None or state is None:
            return None
        view, frontier = state
        made = execute(self.genesis, parent, frontier, view, time_ms, batches)
        header = replace(
            block.header,
            batches=batch_hashes(batches),
            root=made.root.hex(),
            size=made.size,
            state=made.state.hex(),
            time=time_ms,
        )
        return self.sign_block(header, tuple(batches))

    def is_own(self, message: Message) -> bool:
        """Return whether a message is this party's proposal."""
        return isinstance(message, Proposal) and message.block.block().header.proposer == self.party

    # -- what it knows ----------------------------------------------------------------------------

    def tip(self) -> Tip:
        """Return the last final block of the node underneath."""
        store = self.process.store
        return genesis_tip(self.genesis) if store is None else store.tip()

    def _remember(self, message: Message) -> None:
        if not isinstance(message, Proposal):
            return
        block = message.block.block()
        self._blocks[block.hash] = block
        if len(self._blocks) > BLOCKS_MAX:
            del self._blocks[next(iter(self._blocks))]

    def _parent_of(self, block: Block) -> Tip | None:
        for tip in (self.tip(), genesis_tip(self.genesis)):
            if tip.hash == block.parent:
                return tip
        known = self._blocks.get(block.parent)
        return None if known is None else tip_of(known)

    def _state_at(self, tip: Tip) -> tuple[StateView, Frontier] | None:
        host, store = self.process.host, self.process.store
        if host is None or store is None:
            return None
        if tip.hash == store.tip().hash:
            return store.view(), store.frontier()
        try:
            execution = host.machine.execution(tip.hash)
        except KeyError:
            return None
        return execution.view, execution.frontier
