"""Exit certificates, asked for and given in pieces (R10).

A replica may leave a slot, and others may have skipped it, while the certificate that says so never
came here. It is needed all the same where a block has to be justified: this replica's own proposal
(R2), or a block that carries only the last Skip certificates of a long run. A question names a span
of slots; an answer holds a bounded piece of it, in order, and the asker asks on until nothing
lacks. Any number of slots may be skipped in a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from consensus import certificates
from consensus.block_tree import BlockTree
from consensus.context import Context
from consensus.errors import BadMessage
from consensus.limits import EXITS_BYTES_MAX, EXITS_MAX
from consensus.messages import Exits, WantExits, encode
from consensus.votes import Certificate


def piece_of(found: Iterable[Certificate]) -> Exits | None:
    """Return as many certificates as one answer may hold; None if there are none."""
    taken: list[Certificate] = []
    room = EXITS_BYTES_MAX
    for certificate in found:
        room -= len(encode(certificate))
        if taken and (room < 0 or len(taken) == EXITS_MAX):
            break
        taken.append(certificate)
    return Exits(tuple(taken)) if taken else None


def answer(tree: BlockTree, question: WantExits) -> Exits | None:
    """Return what is known here of the slots asked for that are not final."""
    known = sorted(n for n in tree.slots if question.first <= n < question.stop)
    slots = [tree.slots[number] for number in known if number > tree.final.slot]
    exits = (slot.certificate("skip") or slot.certificate("notar") for slot in slots)
    return piece_of(each for each in exits if each is not None)


def on_exits(context: Context, peer: str, message: Exits) -> None:
    """Keep the exit certificates of an answer. They are told to nobody: others ask, too.

    Raises:
        BadMessage: ``bad-exits`` or ``unasked``; nothing of the answer is verified then.
        BadVote: a certificate does not verify.
    """
    found = message.certificates
    slots = [each.subject.slot for each in found]
    final = any(each.subject.kind == "final" for each in found)
    if final or any(after <= before for before, after in pairwise(slots)):
        raise BadMessage("bad-exits", "expected Skip or Notar certificates in order of the slots")
    new = [each for each in found if _is_new(context.tree, each)]
    if new and not context.fetching.has_asked(peer, slots[0], slots[-1]):
        raise BadMessage("unasked", f"nobody asked {peer} for slots {slots[0]}-{slots[-1]}")
    for certificate in new:
        certificates.on_certificate(context, certificate, None, tell=False)


def _is_new(tree: BlockTree, certificate: Certificate) -> bool:
    subject = certificate.subject
    slot = tree.slots.get(subject.slot)
    return subject.slot > tree.final.slot and (slot is None or subject not in slot.certificates)
