"""Sender: what the host says becomes frames, for one peer or for all."""

from __future__ import annotations

from consensus.effects import Send
from consensus.messages import Message, encode
from node.host.ports import Network


class Sender:
    """Says messages to the other parties.

    Args:
        network: The way to them.
        others: Their names.
    """

    def __init__(self, network: Network, others: tuple[str, ...]) -> None:
        self.others = others
        self._network = network

    def send(self, send: Send) -> None:
        """Send a message to whom it is for."""
        frame = encode(send.message)
        for peer in self.others if send.peer is None else (send.peer,):
            self._network.send(peer, frame)

    def tell(self, peer: str, message: Message) -> None:
        """Send a message to one peer."""
        self.send(Send(peer, message))

    def tell_all(self, message: Message) -> None:
        """Send a message to all peers."""
        self.send(Send(None, message))
