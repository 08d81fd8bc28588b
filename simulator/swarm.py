"""Swarm testing: a seed draws which kinds of trouble a run has at all, and then the trouble.

A run with a little of everything hides what a run with much of one thing shows; so every kind is
off in more than half of the runs, and those that are on come several times.

What is drawn leaves a quorum that can heal: parties that are lost for voting (liars, lost or
damaged disks, machines that stay off) are never more than n − q, and liars fewer than 2q − n. With
those whose disk is set back to an old copy they are fewer than q, so that somebody remembers what
is final. So progress is owed in the end of every drawn run, unless somebody whose disk was set back
could not be told what it had said.

Source: Groce et al., Swarm Testing (2012).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ledger.advice import nearest
from ledger.limits import MEMBERS_MAX
from simulator.chance import Chance
from simulator.errors import SimulatorError
from simulator.liars import LIES
from simulator.plan import Cast, DiskAfter, Fault, LineConditions, Plan

KIND_PPM = 350_000
"""In how many runs of a million a kind of trouble is on."""
ALWAYS_UP_PPM = 250_000
LIAR_PPM = 450_000
SUPERVISOR_PPM = 250_000
"""In how many consortia of a million one more party only watches and disputes."""
CAST_CHOICES: tuple[Cast, ...] = ("usual", "usual", "guaranteed", "co-lent")
"""In half of the consortia a guarantor or a second funder votes in the auditor's place."""
RECORD_MS = (8, 15, 60)
"""About how long the workload takes a record, in haste or not: faults come in that time."""

VERIFYING_US = (0, 0, 100, 1000)
"""How long a machine takes to verify a signature: no time, as in life, and slowly."""

QUOTAS = (0, 0, 0, 0, 0, 60)
"""Records of a party a minute: in one run of six so few that some have to wait."""

HURRIES = (1, 1, 60_000, 400_000)
"""Wall time that passes in one ms, in ms: as in life, days in a run, or two months."""

NETWORKS = (
    LineConditions(),
    LineConditions(delay_ms=0, jitter_ms=1),
    LineConditions(delay_ms=15, jitter_ms=10),
    LineConditions(delay_ms=40, jitter_ms=30, bandwidth_kib_s=2000),
    LineConditions(
        delay_ms=2, jitter_ms=10, loss_ppm=5_000, duplicate_ppm=20_000, reorder_ppm=20_000
    ),
    LineConditions(
        delay_ms=5, jitter_ms=20, loss_ppm=20_000, duplicate_ppm=50_000, reorder_ppm=50_000
    ),
)
"""Lines that runs have without any fault: usual, near, far, farther and narrow, bad, worse."""


class Draw:
    """The source of one run's trouble.

    Args:
        plan: The run, with its parties, and its liars if those are given.
        chance: What decides.
        span_ms: About how long clients will be busy.
    """

    def __init__(self, plan: Plan, chance: Chance, span_ms: int) -> None:
        self.chance = chance
        self.parties = plan.parties
        self._voters = plan.voters
        self.span_ms = span_ms
        self.lost: set[str] = set(plan.liars)
        self.rewound: set[str] = set()
        self._lost_max = plan.nodes - plan.needed
        self._forgetful_max = plan.needed - 1

    def moment(self) -> int:
        """Return when a fault begins."""
        return 50 + self.chance.below(self.span_ms)

    def while_ms(self, most: int) -> int:
        """Return how long a fault lasts: mostly short."""
        return 20 + min(self.chance.below(most), self.chance.below(most))

    def victims(self) -> tuple[str, ...]:
        """Return a few parties, mostly one, rarely all."""
        count = self.chance.pick((1, 1, 1, 1, 2, 2, len(self.parties)))
        return self._in_order(self.chance.some(self.parties, count))

    def one_to_lose(self) -> tuple[str, ...]:
        """Return a party that may be lost for voting; none if a quorum needs all that are left."""
        may = self.lost if len(self.lost) >= self._lost_max else set(self._voters)
        found = self._pick(self._able(may, self.lost | self.rewound))
        self.lost.update(found)
        return found

    def some_to_set_back(self) -> tuple[str, ...]:
        """Return one or more parties whose disks may be set back, as far as enough remember."""
        found: set[str] = set()
        for _ in range(self.chance.pick((1, 1, 2, 3))):
            known = self.lost | self.rewound
            found.update(self._pick(self._able(set(self._voters) - found, known)))
            self.rewound |= found
        return self._in_order(list(found))

    def _able(self, may: set[str], forgetful: set[str]) -> list[str]:
        """Return who of those that may is forgetful already, or may still become it."""
        is_full = len(forgetful) >= self._forgetful_max
        return [p for p in self._voters if p in may and (p in forgetful or not is_full)]

    def _pick(self, able: Sequence[str]) -> tuple[str, ...]:
        return (self.chance.pick(able),) if able else ()

    def half(self) -> tuple[str, ...]:
        """Return at least one and at most half of the parties."""
        count = 1 + self.chance.below(len(self.parties) // 2)
        return self._in_order(self.chance.some(self.parties, count))

    def _in_order(self, names: list[str]) -> tuple[str, ...]:
        return tuple(name for name in self.parties if name in names)


def _crash(draw: Draw) -> Fault:
    disk: DiskAfter = draw.chance.pick(("kept", "torn", "torn"))
    return Fault(
        kind="crash",
        at_ms=draw.moment(),
        for_ms=draw.while_ms(3000),
        who=draw.victims(),
        effect=draw.chance.below(40),
        disk=disk,
    )


def _power_cycle(draw: Draw) -> tuple[Fault, ...]:
    """All at once; some leave one behind for good, and some bring an old copy back."""
    at_ms, for_ms = 200 + draw.moment(), draw.while_ms(1000)
    gone = draw.one_to_lose() if draw.chance.happens(400_000) else ()
    back = draw.some_to_set_back() if draw.chance.happens(400_000) else ()
    kept = tuple(party for party in draw.parties if party not in (*gone, *back))
    found = [Fault(kind="crash", at_ms=at_ms, for_ms=for_ms, who=kept)] if kept else []
    found += [Fault(kind="crash", at_ms=at_ms, who=gone)] if gone else []
    back = tuple(party for party in back if party not in gone)
    return (*found, *_set_back(draw, back, at_ms, for_ms), *_at_once(draw, at_ms + for_ms))


def _set_back(draw: Draw, who: tuple[str, ...], at_ms: int, for_ms: int) -> tuple[Fault, ...]:
    if not who:
        return ()
    age_ms = 100 + draw.chance.below(at_ms - 100)
    crash = Fault(kind="crash", at_ms=at_ms, for_ms=for_ms, who=who, disk="backup", age_ms=age_ms)
    return (crash,)


def _at_once(draw: Draw, at_ms: int) -> tuple[Fault, ...]:
    """Clients that submit in the moment in which nodes come back, in half of all cases."""
    if not draw.chance.happens(500_000):
        return ()
    who, count = draw.victims(), 1 + draw.chance.below(5)
    moments = (at_ms, at_ms + 1 + draw.chance.below(20))
    return tuple(Fault(kind="flood", at_ms=each, who=who, count=count) for each in moments)


def _late(draw: Draw) -> Fault:
    who = (draw.chance.pick(draw.parties),)
    return Fault(kind="crash", at_ms=0, for_ms=draw.while_ms(draw.span_ms), who=who)


def _gone(draw: Draw) -> Fault | None:
    who = draw.one_to_lose()
    return Fault(kind="crash", at_ms=draw.moment(), who=who) if who else None


def _lost_disk(draw: Draw) -> Fault | None:
    who = draw.one_to_lose()
    if not who:
        return None
    return Fault(
        kind="crash",
        at_ms=draw.moment(),
        for_ms=draw.while_ms(2000),
        who=who,
        effect=draw.chance.below(10),
        disk="lost",
    )


def _old_backup(draw: Draw) -> tuple[Fault, ...]:
    who, at_ms, for_ms = draw.some_to_set_back(), 200 + draw.moment(), draw.while_ms(2000)
    faults = _set_back(draw, who, at_ms, for_ms)
    return (*faults, *_at_once(draw, at_ms + for_ms)) if faults else ()


def _corrupt(draw: Draw) -> Fault | None:
    who = draw.one_to_lose()
    if not who:
        return None
    return Fault(
        kind="corrupt",
        at_ms=draw.moment(),
        for_ms=draw.while_ms(2000),
        who=who,
        count=1 + draw.chance.below(30),
    )


def _partition(draw: Draw) -> Fault:
    return Fault(
        kind="partition",
        at_ms=draw.moment(),
        for_ms=draw.while_ms(4000),
        who=draw.half(),
        one_way=draw.chance.happens(300_000),
        period_ms=draw.chance.pick((0, 0, 30, 200)),
    )


def _network(draw: Draw) -> Fault:
    rates = (0, 0, 10_000, 100_000, 300_000)
    pick = draw.chance.pick
    return Fault(
        kind="network",
        at_ms=draw.moment(),
        for_ms=draw.while_ms(6000),
        who=draw.half() if draw.chance.happens(700_000) else (),
        one_way=False,
        period_ms=pick((0, 0, 0, 100)),
        delay_ms=pick((0, 5, 50, 300)),
        jitter_ms=pick((0, 10, 100)),
        loss_ppm=pick(rates),
        duplicate_ppm=pick(rates),
        reorder_ppm=pick(rates),
    )


def _slow_disk(draw: Draw) -> Fault:
    return Fault(
        kind="slow-disk",
        at_ms=draw.moment(),
        for_ms=draw.while_ms(3000),
        who=draw.victims(),
        latency_ms=draw.chance.pick((5, 20, 100)),
    )


def _disk_full(draw: Draw) -> Fault:
    return Fault(
        kind="disk-full", at_ms=draw.moment(), for_ms=draw.while_ms(2000), who=draw.victims()
    )


def _clock(draw: Draw) -> Fault:
    chance = draw.chance
    return Fault(
        kind="clock",
        at_ms=draw.moment(),
        for_ms=draw.while_ms(5000),
        who=draw.victims(),
        by_ms=chance.pick((0, 500, 60_000, 3_600_000)) * chance.pick((1, -1)),
        drift_ppm=chance.between(-100_000, 100_000),
    )


def _flood(draw: Draw) -> Fault:
    who = (draw.chance.pick(draw.parties[:2]),)
    return Fault(kind="flood", at_ms=draw.moment(), who=who, count=5 + draw.chance.below(25))


Made = Fault | tuple[Fault, ...] | None
"""What is drawn at once: a fault, several that belong together, or none since none may be."""

TROUBLE: dict[str, tuple[Callable[[Draw], Made], int]] = {
    "crash": (_crash, 4),
    "power-cycle": (_power_cycle, 2),
    "late": (_late, 1),
    "gone": (_gone, 1),
    "lost-disk": (_lost_disk, 1),
    "old-backup": (_old_backup, 2),
    "corrupt": (_corrupt, 1),
    "partition": (_partition, 3),
    "network": (_network, 3),
    "slow-disk": (_slow_disk, 2),
    "disk-full": (_disk_full, 2),
    "clock": (_clock, 2),
    "flood": (_flood, 2),
}
"""Every kind of trouble: how one of it is drawn, and how many of it a run has at most."""

CRASHES = frozenset(("crash", "power-cycle", "late", "gone", "lost-disk", "old-backup"))
"""Trouble that turns machines off: in some runs all of it is off."""


def draw(seed: int, base: Plan, only: Sequence[str] = ()) -> Plan:
    """Return the run that ``seed`` makes of ``base``.

    What ``base`` says of faults, liars or the network is kept, and no more of that is drawn.

    Args:
        seed: What decides.
        base: What is given.
        only: The kinds of trouble that come, each of them surely, and no liars; none: as drawn.

    Raises:
        SimulatorError: ``unknown-trouble``.
    """
    for name in only:
        if name not in TROUBLE:
            said = f"there is no trouble {name!r}; {nearest(name, tuple(TROUBLE))}"
            raise SimulatorError("unknown-trouble", said)
    chance = Chance(seed, "swarm")
    base = base if only else msgspec.structs.replace(base, cast=_cast(seed, base))
    liars = base.liars or ({} if only else _liars(chance, base))
    plan = msgspec.structs.replace(
        base,
        seed=seed,
        supervisor=base.supervisor or _is_supervised(seed, base),
        quota=base.quota or Chance(seed, "quota").pick(QUOTAS),
        liars=liars,
        network=chance.pick(NETWORKS) if base.network == LineConditions() else base.network,
        disk_us=chance.pick((100, 300, 2000)),
        verify_us=base.verify_us or Chance(seed, "verifying").pick(VERIFYING_US),
        skew_ms=chance.pick((0, 50, 2000)),
        hurry=base.hurry if base.hurry > 1 else Chance(seed, "hurry").pick(HURRIES),
        drift_ppm=chance.pick((0, 100, 5000)),
        timeout_ms=chance.pick((200, 400, 1000)),
    )
    if base.faults:
        return plan
    return msgspec.structs.replace(plan, faults=_faults(chance, plan, only))


def _cast(seed: int, base: Plan) -> Cast:
    """Return who takes part: as the base says, or if it names nobody, as drawn."""
    if base.cast != "usual" or base.liars or base.faults or base.expect is not None:
        return base.cast
    return Chance(seed, "cast").pick(CAST_CHOICES)


def _is_supervised(seed: int, base: Plan) -> bool:
    has_room = base.nodes < MEMBERS_MAX
    return has_room and Chance(seed, "supervisor").happens(SUPERVISOR_PPM)


def _liars(chance: Chance, base: Plan) -> dict[str, str]:
    most = min(base.nodes - base.needed, 2 * base.needed - base.nodes - 1)
    if most < 1 or not chance.happens(LIAR_PPM):
        return {}
    parties = chance.some(base.voters, 1 + chance.below(most))
    return {party: chance.pick(tuple(LIES)) for party in parties}


def _faults(chance: Chance, plan: Plan, only: Sequence[str]) -> tuple[Fault, ...]:
    records = min(plan.records, 2 * plan.blocks or plan.records)
    drawn = Draw(plan, chance, span_ms=200 + records * chance.pick(RECORD_MS))
    found: list[Fault] = []
    always_up = chance.happens(ALWAYS_UP_PPM)
    for name, (make, most) in TROUBLE.items():
        is_on = chance.happens(KIND_PPM) and not (always_up and name in CRASHES)
        if not (name in only if only else is_on):
            continue
        for _ in range(1 + chance.below(most)):
            made = make(drawn)
            found += made if isinstance(made, tuple) else [made] if made is not None else []
    return tuple(sorted(found, key=lambda fault: fault.at_ms))
