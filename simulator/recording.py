"""Recording of a run: one JSON document from which the run can be watched.

It is made from the run itself, by one who writes what the trace writes. Times are µs of the world.
What there is much of stands in columns of numbers, equally long; a column ``at`` holds the distance
to the row before. Nodes are named by their place in ``nodes``, blocks by their place in ``blocks``.

=============  =====================================================================================
``messages``   ``at``, ``from``, ``to``, ``kind`` (place in ``kinds``), ``about``, ``took`` (-1:
               lost). A message that the network doubles has two rows
``steps``      ``at``, ``node``, ``state`` (place in :data:`STATES`), ``about``: what a node made
               durable: a block it votes for, a certificate that notarizes or skips, a final block
``tally``      ``at`` and, up to then, records ``submitted``, ``applied`` and ``refused``
``blocks``     rows of slot, height, proposer, hash, time, batches, entries in the log after it
``events``     rows of time, node (-1: the world), event, detail: see :mod:`simulator.trace`
``faults``     those of the plan that came to be, as in the plan, with ``begin`` and ``end``
``left_out``   messages, events and tallies that are not here, because a recording is bounded
=============  =====================================================================================

``about`` is 1 + the place of a block, or minus the slot that is skipped, or 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from consensus.messages import (
    CertificateMessage,
    EvidenceMessage,
    Message,
    Proposal,
    VoteMessage,
    decode_block,
    decode_evidence,
)
from consensus.votes import Subject
from ledger.block import Block
from ledger.errors import LedgerError
from ledger.execute import Execution
from node.storage.store import ConsensusItem, EvidenceItem, Item
from simulator.columns import Columns
from simulator.liars import sentence
from simulator.plan import Plan, write
from simulator.run import RunOutcome
from simulator.trace import Trace
from simulator.verdict import NAMES, is_good
from simulator.words import CHECKS_ZH, LIES_ZH, story_of
from simulator.world import World

FORMAT = "tongzhang recording 1"
STATES = ("proposed", "notarized", "final", "skipped")
MESSAGES_MAX = 120_000
EVENTS_MAX = 4_000
TALLIES_MAX = 8_000
SHOWN = frozenset(("start", "crash", "damage", "halt", "lie", "fault", "over", "heal", "violation"))
"""Events that are kept as events; the others are in the columns."""


class Recorder(Trace):
    """Collects the recording of one run beside its trace.

    Args:
        plan: What is run.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan
        self._nodes = {name: place for place, name in enumerate(World.machines_of(plan))}
        self._kinds: dict[str, int] = {}
        self._messages = Columns(("at", "from", "to", "kind", "about", "took"), MESSAGES_MAX)
        self._steps = Columns(("at", "node", "state", "about"), 0)
        self._tally = Columns(("at", "submitted", "applied", "refused"), TALLIES_MAX)
        self._counts = [0, 0, 0]
        self._blocks: dict[bytes, int] = {}
        self._rows: list[tuple[int, int, int, str, int, int, int]] = []
        self._events: list[tuple[int, int, str, str]] = []
        self._events_left_out = 0
        self._heal_us: int | None = None
        self._last: tuple[Message | None, str, int] = (None, "nonsense", 0)

    # -- what happens ------------------------------------------------------------------------------

    def line(self, at_us: int, node: str, event: str, detail: str) -> None:
        """Add a line, and an event if it is one that is shown."""
        super().line(at_us, node, event, detail)
        if event in SHOWN:
            self._event(at_us, node, event, detail)
        elif event in ("submit", "answer"):
            outcome = detail.split(" ")[-1]
            self._counts[0 if event == "submit" else 1 if outcome == "applied" else 2] += 1
            self._tally.add(at_us, *self._counts)

    def frame(
        self, at_us: int, sender: str, to: str, arrivals: Sequence[int], message: Message | None
    ) -> None:
        """Add a message that leaves, a row for each copy that arrives."""
        super().frame(at_us, sender, to, arrivals, message)
        if message is None or message is not self._last[0]:
            self._last = (message, *self._read(at_us, message))
        kind = self._kinds.setdefault(self._last[1], len(self._kinds))
        ends = (self._nodes[sender], self._nodes[to])
        for arrival in arrivals or (at_us - 1,):
            self._messages.add(at_us, *ends, kind, self._last[2], arrival - at_us)

    def saved(self, at_us: int, node: str, items: Sequence[Item]) -> None:
        """Add what a machine has made durable of a block or a slot."""
        super().saved(at_us, node, items)
        for item in items:
            if isinstance(item, EvidenceItem):
                evidence = decode_evidence(item.body)
                self._event(at_us, node, "evidence", f"{evidence.party} {evidence.kind}")
            elif isinstance(item, ConsensusItem) and item.kind == "block":
                name = bytes.fromhex(item.name)
                if name not in self._blocks:
                    self._block(at_us, decode_block(item.body).block())
                self._step(at_us, node, "proposed", self._about("notar", item.slot, name))
            elif isinstance(item, ConsensusItem) and item.kind == "certificate":
                kind, _, name_hex = item.name.partition(":")
                about = self._about(kind, item.slot, bytes.fromhex(name_hex))
                if kind != "final":
                    self._step(at_us, node, "skipped" if about < 0 else "notarized", about)

    def final(self, at_us: int, node: str, block: Block, execution: Execution) -> None:
        """Add a block that is final on a machine."""
        super().final(at_us, node, block, execution)
        self._block(at_us, block)
        self._step(at_us, node, "final", 1 + self._blocks[block.hash])

    # -- rows --------------------------------------------------------------------------------------

    def _event(self, at_us: int, node: str, event: str, detail: str) -> None:
        if event == "heal":
            self._heal_us = at_us
        if event == "lie" and len(self._events) >= EVENTS_MAX:
            self._events_left_out += 1
            return
        self._events.append((at_us, self._nodes.get(node, -1), event, detail[:200]))

    def _step(self, at_us: int, node: str, state: str, about: int) -> None:
        self._steps.add(at_us, self._nodes[node], STATES.index(state), about)

    def _block(self, at_us: int, block: Block) -> None:
        if block.hash in self._blocks:
            return
        header = block.header
        proposer = self._nodes.get(header.proposer, -1)
        self._blocks[block.hash] = len(self._rows)
        short = block.hash.hex()[:12]
        counts = (len(block.batches), header.size)
        self._rows.append((header.slot, header.height, proposer, short, at_us, *counts))

    def _about(self, kind: str, slot: int, name: bytes) -> int:
        return -slot if kind == "skip" else 1 + self._blocks.get(name, -1)

    def _read(self, at_us: int, message: Message | None) -> tuple[str, int]:
        """Return what kind of message it is, and what it is about."""
        if message is None:
            return "nonsense", 0
        kind = str(message.__struct_config__.tag)
        try:
            if isinstance(message, VoteMessage):
                return self._of_subject(kind, message.vote.subject)
            if isinstance(message, CertificateMessage):
                return self._of_subject(kind, message.certificate.subject)
            if isinstance(message, Proposal):
                block = message.block.block()
                self._block(at_us, block)
                return kind, 1 + self._blocks[block.hash]
        except LedgerError:
            return "nonsense", 0
        return ("evidence" if isinstance(message, EvidenceMessage) else kind), 0

    def _of_subject(self, kind: str, subject: Subject) -> tuple[str, int]:
        name = f"{kind} {subject.kind}"
        return name, self._about(subject.kind, subject.slot, subject.block)

    # -- the document ------------------------------------------------------------------------------

    def document(self, outcome: RunOutcome, command: str) -> dict[str, Any]:
        """Return the recording of a run that has ended.

        Args:
            outcome: How it ended.
            command: The command that repeats it.
        """
        plan = self._plan
        last_us = max(
            1000 * outcome.simulated_ms, self._messages.last, self._steps.last, self._tally.last
        )
        return {
            "format": FORMAT,
            "seed": plan.seed,
            "story": story_of(plan),
            "command": command,
            "plan": write(msgspec.structs.replace(plan, story="", story_zh="")),
            "quorum": plan.needed,
            "nodes": [self._node(name) for name in self._nodes],
            "end": last_us,
            "heal": self._heal_us,
            "kinds": list(self._kinds),
            "messages": self._messages.document(),
            "blocks": self._rows,
            "steps": self._steps.document(),
            "tally": self._tally.document(),
            "events": sorted(self._events, key=lambda event: event[0]),
            "faults": self._faults(last_us),
            "left_out": {
                "messages": self._messages.left_out,
                "events": self._events_left_out,
                "tallies": self._tally.left_out,
            },
            "verdict": self._verdict(outcome),
        }

    def encoded(self, outcome: RunOutcome, command: str) -> bytes:
        """Return the recording as JSON."""
        return msgspec.json.encode(self.document(outcome, command))

    def _node(self, name: str) -> dict[str, Any]:
        party = name.partition("~")[0]
        lie = self._plan.liars.get(party)
        votes = party in self._plan.voters
        told = None if lie is None else {"name": lie, "en": sentence(lie), "zh": LIES_ZH[lie]}
        return {"name": name, "party": party, "votes": votes, "lie": told}

    def _faults(self, last_us: int) -> list[dict[str, Any]]:
        """Return the faults that began before the world healed, with begin and end."""
        heal_us = last_us if self._heal_us is None else self._heal_us
        found = []
        for fault in self._plan.faults:
            begin = 1000 * fault.at_ms
            if begin < heal_us:
                end = min(begin + 1000 * fault.for_ms, heal_us) if fault.for_ms else heal_us
                found.append({**msgspec.to_builtins(fault), "begin": begin, "end": end})
        return found

    def _verdict(self, outcome: RunOutcome) -> dict[str, Any]:
        rows = [
            [name, standing, NAMES.get(name, ""), CHECKS_ZH.get(name, "")]
            for name, standing in outcome.verdict.items()
        ]
        return {
            "good": is_good(self._plan, outcome),
            "checks": rows,
            "finding": outcome.finding,
            "blocks": outcome.blocks,
            "entries": outcome.entries,
            "skipped": outcome.skipped_slots,
            "crashes": outcome.crashes,
            "lost": outcome.lost_frames,
            "evidence": outcome.evidence,
            "fork": outcome.fork,
            "settled": outcome.settled,
        }
