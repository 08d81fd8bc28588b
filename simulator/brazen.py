"""The node under a liar: the real one, but it does not mind what its own key has signed.

An honest node signs nothing more once it meets evidence against its own key (R11). A liar that fell
silent when it is convicted would lie for a moment only.
"""

from __future__ import annotations

from typing import Any

from consensus.replica import Replica
from node.host.host import Host


class BrazenReplica(Replica):
    """A replica that votes on when its own key is convicted."""

    def _hear_of_itself(self) -> None:
        """Do not listen."""


class BrazenHost(Host):
    """A host that signs on when its own key is convicted. Takes what a host takes."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.replica.__class__ = BrazenReplica

    def _sign_no_more(self) -> None:
        """Do not care."""
