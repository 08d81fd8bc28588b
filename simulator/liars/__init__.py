"""Liars: parties that break the protocol, one lie a file. Underneath runs an honest node.

A liar sees what its own node would send and what arrives, and sends what it likes instead, signed
with its party's own key: it has every means that a dishonest party has, and no other. The first
line of each file says the lie.
"""

from __future__ import annotations

import sys

from simulator.liars.batch_equivocator import BatchEquivocator
from simulator.liars.batch_pest import BatchPest
from simulator.liars.censor import Censor
from simulator.liars.colluder import Colluder
from simulator.liars.equivocator import Equivocator
from simulator.liars.flapper import Flapper
from simulator.liars.flooder import Flooder
from simulator.liars.forger import Forger
from simulator.liars.liar import Liar
from simulator.liars.mute import Mute
from simulator.liars.nonsense import Nonsense
from simulator.liars.questioner import Questioner
from simulator.liars.range_pusher import RangePusher
from simulator.liars.repeater import Repeater
from simulator.liars.replayer import Replayer
from simulator.liars.stale_voter import StaleVoter
from simulator.liars.twin import Twin
from simulator.liars.two_faced import TwoFaced
from simulator.liars.vote_pest import VotePest
from simulator.liars.withholder import Withholder
from simulator.liars.wrong_state import WrongState

LIES: dict[str, type[Liar]] = {
    "batch-equivocator": BatchEquivocator,
    "batch-pest": BatchPest,
    "censor": Censor,
    "colluder": Colluder,
    "equivocator": Equivocator,
    "flapper": Flapper,
    "flooder": Flooder,
    "forger": Forger,
    "mute": Mute,
    "nonsense": Nonsense,
    "questioner": Questioner,
    "range-pusher": RangePusher,
    "repeater": Repeater,
    "replayer": Replayer,
    "stale-voter": StaleVoter,
    "twin": Twin,
    "two-faced": TwoFaced,
    "vote-pest": VotePest,
    "withholder": Withholder,
    "wrong-state": WrongState,
}
"""Every lie by name."""


def sentence(lie: str) -> str:
    """Return what a liar of this kind does, in one sentence."""
    text = sys.modules[LIES[lie].__module__].__doc__ or ""
    return text.splitlines()[0]


__all__ = ["LIES", "Liar", "Twin", "sentence"]
