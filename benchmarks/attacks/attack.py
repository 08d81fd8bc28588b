"""Attacks: what one is aimed at, and the bounds that it must not break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from statistics import fmean
from typing import NamedTuple

MEMORY_MB_MAX = 250
MEMORY_KEPT_MB_MAX = 30
STALL_S_MAX = 1.0
SUBMISSIONS_PERCENT_MIN = 60
P50_MS_MAX = 150


class Target(NamedTuple):
    """The attacked node, and for how long. ``token`` may read and submit; strangers leave it.

    ``home`` is that of the party whose key an insider has; nobody else looks there.
    """

    host: str
    port: int
    token: str
    frame_bytes_max: int
    seconds: float
    home: str


class Cost(NamedTuple):
    """What one attack cost. Memory is that of the node's processes together.

    ``calm_*`` are of the stretch before; ``control_*`` of one with a process beside the nodes that
    is as busy as the attacking one and sends nothing, 0 if there was none. ``*_share`` is the
    share of one processor that either process had, ``*node_ms`` the processor time of all honest
    nodes for each final record. ``links_lost`` counts peers' connections that broke and nobody had
    cut; ``handshakes_failed`` counts those that honest peers began and did not end;
    ``honest_convicted`` counts honest parties against whom the node holds evidence. ``done`` is
    what the attack says of itself.
    """

    memory_calm_mb: float
    memory_peak_mb: float
    memory_kept_mb: float
    calm_per_s: float
    per_s: float
    calm_p50_ms: float
    p50_ms: float
    calm_p95_ms: float
    p95_ms: float
    stall_s: float
    blocks: int
    slots_skipped: int
    links_lost: int
    handshakes: int
    handshakes_failed: int
    submissions_failed: int
    honest_convicted: int
    done: dict[str, int]
    control_per_s: float
    control_share: float
    attacker_share: float
    calm_node_ms: float
    control_node_ms: float
    node_ms: float

    @property
    def submissions_percent(self) -> float:
        """Submissions a second during the attack, in percent of those of the control.

        Of the calm ones if there was no control.
        """
        without = self.control_per_s or self.calm_per_s
        return 100 * self.per_s / without if without else 0.0

    def value(self, measure: str) -> float:
        """Return a figure by its name, or by its name in :attr:`done`."""
        return float(self.done.get(measure, 0) if measure in DONE else getattr(self, measure))


class Bound(NamedTuple):
    """A figure of a cost, and the most or the least that it may be."""

    measure: str
    limit: float
    least: bool = False

    def holds(self, cost: Cost) -> bool:
        """Say whether the bound holds."""
        value = cost.value(self.measure)
        return value >= self.limit if self.least else value <= self.limit

    def __str__(self) -> str:
        return f"{self.measure} {'at least' if self.least else 'at most'} {self.limit:g}"


DONE = ("heads_passed", "guesses_judged_per_s")
"""Figures that an attack says of itself and that have bounds."""

MEMORY = (
    Bound("memory_peak_mb", MEMORY_MB_MAX),
    Bound("memory_kept_mb", MEMORY_KEPT_MB_MAX),
)
"""What whoever does nothing useful may take. A reader may fill the caches of the database."""

ALWAYS = (
    Bound("links_lost", 0),
    Bound("blocks", 1, least=True),
)
"""What no attack may break."""


_MEANS = (
    *("calm_per_s", "per_s", "calm_p50_ms", "p50_ms", "calm_p95_ms", "p95_ms"),
    *("calm_node_ms", "node_ms", "attacker_share"),
)
_CONTROL = ("control_per_s", "control_node_ms", "control_share")
_SUMS = ("blocks", "slots_skipped", "links_lost", "handshakes", "submissions_failed")
_WORST = ("memory_peak_mb", "stall_s", "honest_convicted")


class Attack(NamedTuple):
    """One attack.

    Args:
        name: As it is named on the command line.
        sentence: What it does.
        strike: Does it, with so many sockets, streams, or whatever ``size`` counts.
        size: How many, and how many in small.
        seconds: For how long, and for how long in small.
        bounds: What it must not break besides :data:`ALWAYS`.
        cuts: Whether an honest peer, 150 ms away, loses its link again and again meanwhile.
        insider: Whether it takes the place of a party, whose own node is switched off.
        turns: How often it is played, each time after a calm stretch; figures are means of all.
            An insider's are in turns with the control.
    """

    name: str
    sentence: str
    strike: Callable[[Target, int], Awaitable[Counter[str]]]
    size: tuple[int, int]
    seconds: tuple[float, float]
    bounds: tuple[Bound, ...] = MEMORY
    cuts: bool = False
    insider: bool = False
    turns: int = 1

    def broken(self, cost: Cost) -> list[Bound]:
        """Return the bounds that a cost breaks."""
        return [bound for bound in (*ALWAYS, *self.bounds) if not bound.holds(cost)]


def mean(costs: list[Cost]) -> Cost:
    """Return the mean of what several turns of one attack cost; the worst of what is a bound.

    Memory is compared with how it was before the first turn. The control is between the turns.
    """
    first, last, controls = costs[0], costs[-1], [each for each in costs if each.control_per_s]
    done: Counter[str] = Counter()
    for cost in costs:
        done.update(cost.done)
    return first._replace(
        **{name: fmean(getattr(cost, name) for cost in costs) for name in _MEANS},
        **{name: fmean(getattr(each, name) for each in controls) for name in _CONTROL if controls},
        **{name: sum(getattr(cost, name) for cost in costs) for name in _SUMS},
        **{name: max(getattr(cost, name) for cost in costs) for name in _WORST},
        memory_kept_mb=last.memory_calm_mb + last.memory_kept_mb - first.memory_calm_mb,
        done=dict(done),
    )
