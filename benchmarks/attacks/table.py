"""All attacks, in the order in which they are played."""

from __future__ import annotations

from benchmarks.attacks import clients, peers, strangers
from benchmarks.attacks.attack import Attack

ATTACKS: dict[str, Attack] = {
    attack.name: attack for attack in (*strangers.ATTACKS, *clients.ATTACKS, *peers.ATTACKS)
}
