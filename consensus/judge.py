"""Judgement of blocks: what is justified is executed, and the results compared (R3).

A proposal is judged as soon as its parent is executed and the slots between are skipped. Nothing is
rejected for good because a clock moved on (R9): a block that this node's clock refused is judged
again when a quorum has notarized it, and when a quorum has made it final; what it voted for before
a start is not refused by its clock after it. A final block that gives another result stops the
replica: its own state is damaged.
"""

from __future__ import annotations

from consensus.context import Context
from consensus.effects import Halt, Send
from consensus.messages import WantChanges
from consensus.slot import Proposed, Slot
from consensus.votes import Subject, notar_subject
from ledger.block import Block, Tip


def judge_next(context: Context) -> bool:
    """Execute a proposal that has become justified. Return whether there was one."""
    for number, slot in context.tree.live():
        for proposed in list(slot.proposals.values()):
            if not _is_open(context, proposed, slot):
                continue
            parent = context.tree.justifying_parent(number, proposed.block)
            if parent is not None:
                _execute(context, proposed, parent, slot)
                return True
    return False


def _is_open(context: Context, proposed: Proposed, slot: Slot) -> bool:
    """Return whether a proposal is to be judged: at first, and once more when notarized.

    Others build on a notarized block that this node's clock refused; not to look again would
    cost this node its vote for all that follows (R9).
    """
    block = proposed.block
    if block.hash in context.tree.tips:
        return False
    if notar_subject(block.slot, block.hash) in slot.certificates:
        return not (proposed.refused and proposed.judged_certified)
    return not proposed.refused and _is_worth_it(context, block)


def _is_worth_it(context: Context, block: Block) -> bool:
    """Return whether a block is executed before a quorum has notarized it.

    Of a leader whose block was refused it is not for some time, while the ledger moves: it could
    have the others execute full blocks in vain, one in each slot of its own.
    """
    now_ms, leader = context.step.now.ticks_ms, block.header.proposer
    return not context.timers.moving or context.patience.trusts(leader, now_ms)


def _execute(context: Context, proposed: Proposed, parent: Tip, slot: Slot) -> None:
    block = proposed.block
    wall_ms = context.step.now.wall_ms
    if notar_subject(block.slot, block.hash) in slot.certificates:
        proposed.judged_certified = True
    if proposed.judged_certified or proposed.durable:  # durable: it was valid here before a start
        wall_ms = max(wall_ms, block.header.time)
    reason = _check(context, block, parent, wall_ms)
    if reason is None:
        accept(context, proposed)
        return
    proposed.refused = True
    context.patience.refused(block.header.proposer, context.step.now.ticks_ms)
    context.step.effects.notes.append(f"slot {block.slot}: proposal refused: {reason}")


def _check(context: Context, block: Block, parent: Tip, wall_ms: int) -> str | None:
    """Return why a block is not valid here; ask its proposer if the result is another."""
    refused = context.machine.check(block, parent, wall_ms)
    if refused is None:
        return None
    if refused.differs:
        question = Send(block.header.proposer, WantChanges(block.hash))
        context.step.effects.ask.append(question)
    return refused.reason


def accept(context: Context, proposed: Proposed) -> None:
    """Note a block that was executed and found valid: its records have a place."""
    context.tree.accept(proposed)
    context.step.effects.executed.append(proposed.block)


# -- final blocks ----------------------------------------------------------------------------------


def recheck_refused(context: Context, subject: Subject) -> None:
    """Judge a refused block again now that a quorum made it final, whatever the clock said."""
    proposed = context.tree.slot(subject.slot).proposals.get(subject.block)
    if proposed is None or not proposed.refused:
        return
    parent = context.tree.justifying_parent(subject.slot, proposed.block)
    if parent is not None and check_final(context, proposed, parent):
        proposed.refused = False


def check_final(context: Context, proposed: Proposed, parent: Tip) -> bool:
    """Execute a final block; stop if this node gets another result."""
    block = proposed.block
    wall_ms = max(context.step.now.wall_ms, block.header.time)
    if _check(context, block, parent, wall_ms) is not None:
        _stop_on_divergence(context, block)
        return False
    accept(context, proposed)
    return True


def _stop_on_divergence(context: Context, block: Block) -> None:
    why = context.machine.explain(block)
    context.step.halt = Halt(
        "state-diverged",
        f"a quorum made block {block.height} final, but executing it here gives another "
        f"result: {why}",
    )
