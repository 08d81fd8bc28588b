"""I8: evidence never names an honest key, and a fork exposes at least 2q − n."""

from __future__ import annotations

from collections.abc import Sequence

from consensus.errors import ConsensusError
from consensus.evidence import Evidence, verify_evidence
from consensus.messages import EvidenceMessage, Message, decode_evidence
from ledger.errors import LedgerError
from node.storage.store import EvidenceItem, Item
from simulator.checkers.checker import Checker
from simulator.checkers.scene import ForkedScene, Watched
from simulator.checkers.statements import matter_of


class FairEvidence(Checker):
    """Judges all evidence that an honest machine keeps, says or holds, and whom it shuts out."""

    invariant = "I8"
    world: ForkedScene

    def __init__(self, world: ForkedScene) -> None:
        super().__init__(world)
        self._good: set[str] = set()
        self._convicted: set[str] = set()

    def on_saved(self, process: Watched, items: Sequence[Item]) -> None:
        """Judge evidence that has become durable."""
        if not self.is_honest(process):
            return
        for item in items:
            if isinstance(item, EvidenceItem):
                self._keep(process, decode_evidence(item.body))

    def on_sent(self, process: Watched, message: Message, frame: bytes) -> None:
        """Judge evidence that an honest machine tells the others."""
        if isinstance(message, EvidenceMessage) and self.is_honest(process):
            self._judge(process, message.evidence)

    def on_shut_out(self, process: Watched, sender: Watched) -> None:
        """No honest machine is shut out by another: what it says verifies."""
        if self.is_honest(process) and self.is_honest(sender):
            self.broken(f"{process.name} shuts out {sender.name}, who is honest")

    def finish(self) -> None:
        """After a fork, enough of those who made it must be known by name."""
        for process in self.world.honest():
            if process.store is None:
                continue
            with process.store.reader() as reader:
                for stored in reader.evidence():
                    self._keep(process, decode_evidence(stored.body))
        plan = self.world.plan
        needed = 2 * plan.needed - plan.nodes
        if self.world.forks and len(self._convicted) < needed:
            names = ", ".join(sorted(self._convicted)) or "nobody"
            height = min(self.world.forks)
            self.broken(f"the fork at height {height} exposes {names}, not {needed} parties")

    def _keep(self, process: Watched, evidence: Evidence) -> None:
        self._judge(process, evidence)
        self._convicted.add(evidence.party)

    def _judge(self, process: Watched, evidence: Evidence) -> None:
        if evidence.id in self._good:
            return
        what = f"{process.name} accuses {evidence.party} of {evidence.kind}"
        if evidence.party not in self._suspects and not self._is_remainder(evidence):
            self.broken(f"{what}, who is honest")
        try:
            verify_evidence(evidence, self.world.genesis)
        except (ConsensusError, LedgerError) as error:
            self.broken(f"{what}, which proves nothing: {error}")
        self._good.add(evidence.id)

    def _is_remainder(self, evidence: Evidence) -> bool:
        """Return whether it is about what its party could not be told of again by anybody."""
        return (evidence.party, matter_of(evidence)) in self.world.remainder
