"""What all liars share: their node's voice, which they may change before it is heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consensus.messages import Message, decode, encode

if TYPE_CHECKING:
    from simulator.chance import Chance
    from simulator.process import Process
    from simulator.world import World


class Liar:
    """Speaks for a machine. This one tells the truth; a lie overrides :meth:`say` or :meth:`hear`.

    Args:
        world: Where it lives.
        process: The machine it speaks for.
        chance: What decides.
    """

    def __init__(self, world: World, process: Process, chance: Chance) -> None:
        self.world = world
        self.process = process
        self.chance = chance
        self.genesis = world.genesis
        self.signer = world.signers[process.party]
        self.others = tuple(name for name in world.genesis.names if name != process.party)

    def send(self, peer: str, frame: bytes) -> None:
        """Take what the node underneath wants to send to ``peer``."""
        self.say(peer, decode(frame))

    def receive(self, sender: str, frame: bytes) -> None:
        """Take what arrives, before the node underneath gets it."""
        try:
            self.hear(sender, decode(frame))
        except Exception:  # a liar does not stumble over nonsense
            return

    def say(self, peer: str, message: Message) -> None:
        """Say to ``peer`` what the node underneath wants to say, or something else."""
        self.tell(peer, message)

    def hear(self, sender: str, message: Message) -> None:
        """Hear what a peer says."""

    def tell(self, peer: str, message: Message | bytes) -> None:
        """Send a message, or any bytes, to a peer."""
        frame = message if isinstance(message, bytes) else encode(message)
        self.world.post(self.process, peer, frame)


class Twin(Liar):
    """One key on two machines, each of them honest: an operator's mistake that is a lie.

    Source: Bano et al., Twins: BFT Systems Made Robust (2021).
    """
