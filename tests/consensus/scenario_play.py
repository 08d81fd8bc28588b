"""Plays protocol scenarios: a readable command a line, and below it what every replica did.

``#`` lines are the story. A line that starts at the margin is a command, see ``COMMANDS`` below;
indented lines are the trace that it must produce. Blocks are named by slot and order of
appearance: ``2a`` is the first block that anybody saw for slot 2.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from consensus.messages import (
    CertificateMessage,
    Message,
    Proposal,
    Range,
    VoteMessage,
)
from consensus.votes import (
    Vote,
    certificate_of,
)
from tests.consensus.consensus_kit import Cluster
from tests.consensus.scenario_stage import Play, forged, options_of
from tests.ledger.chain_kit import genesis_of

SCENARIO = re.compile(r"^(?P<verb>[a-z]+) ?(?P<rest>.*)$")


def _consortium(play: Play, words: list[str]) -> None:
    """``consortium N quorum Q [liar NAME]``."""
    liars = [words[at + 1] for at, word in enumerate(words) if word == "liar"]
    cluster = play._cluster = Cluster(genesis_of(int(words[0]), int(words[2])), liars)
    cluster.on_step = play.note
    leaders = ", ".join(
        f"{slot} {cluster.genesis.names[slot % len(cluster.genesis.names)]}" for slot in range(1, 6)
    )
    play.trace.append(f"leaders by slot: {leaders}")


def _work(play: Play, words: list[str]) -> None:
    """``work NAME``: the party states something and tells all."""
    batch = play.cluster.work(words[0])
    play.trace.append(f"{words[0]} states batch {batch.party}/{batch.number}")


def _deliver(play: Play, words: list[str]) -> None:
    """``deliver all`` until nothing is left, or ``deliver KIND …`` what is there now."""
    if words == ["all"]:
        play.cluster.deliver_all()
        return
    chosen = play.select(words)
    for letter in chosen:
        play.cluster.bag.remove(letter)
    for letter in chosen:
        play.cluster.deliver(letter)


def _drop(play: Play, words: list[str]) -> None:
    for letter in play.select(words):
        play.cluster.bag.remove(letter)


def _tick(play: Play, words: list[str]) -> None:
    """``tick Nms [NAME …]``: time passes, timers (of these parties) fire; no letter moves."""
    cluster = play.cluster
    until = cluster.now_ms + int(words[0].removesuffix("ms"))
    names = words[1:] or list(cluster.genesis.names)
    while cluster.next_deadline_ms(names) <= until:
        cluster.now_ms = max(cluster.now_ms, cluster.next_deadline_ms(names))
        cluster.tick_due(names)
    cluster.now_ms = until


def _run(play: Play, words: list[str]) -> None:
    """``run Nms``: time passes, timers fire, a letter takes 1 ms."""
    play.cluster.run(play.cluster.now_ms + int(words[0].removesuffix("ms")))


def _crash(play: Play, words: list[str]) -> None:
    """``crash NAME …``, or ``crash NAME after N`` effects of its next steps."""
    if "after" in words:
        play.cluster.seats[words[0]].fuse = int(words[2])
        return
    for name in words:
        play.cluster.crash(name)


def _restart(play: Play, words: list[str]) -> None:
    for name in words:
        play.cluster.restart(name)


def _rebuild(play: Play, words: list[str]) -> None:
    play.cluster.rebuild(words[0])


def _cut(play: Play, words: list[str]) -> None:
    play.cluster.link(words[0], words[1], up=False)


def _mend(play: Play, words: list[str]) -> None:
    play.cluster.link(words[0], words[1], up=True)


def _clock(play: Play, words: list[str]) -> None:
    """``clock NAME ±MS``: the party's wall clock is wrong by that much."""
    play.cluster.seats[words[0]].skew_ms = int(words[1].removesuffix("ms"))


def _spoil(play: Play, words: list[str]) -> None:
    """``spoil NAME``: its state is damaged, everything comes out differently there."""
    play.cluster.seats[words[0]].machine.salt = b"damaged"


def _bodies(play: Play, words: list[str]) -> None:
    play.cluster.range_bodies = int(words[0])


def _proposes(play: Play, words: list[str]) -> None:
    play.propose(words)


def _votes(play: Play, words: list[str]) -> None:
    """``lievote NAME KIND WHAT [to A,B]``."""
    vote = play.vote(words)
    options = options_of(words[3:], ("to",))
    play.trace.append(f"{words[0]} lies: {words[1]} {words[2]}")
    play.cluster.votes[vote.subject][vote.voter] = vote
    for to in options.get("to", ",".join(play.cluster.genesis.names)).split(","):
        play.cluster.post(words[0], to, VoteMessage(vote))


def _forge(play: Play, words: list[str]) -> None:
    """``forge NAME KIND WHAT by OTHER [to A]``: NAME signs a vote and says it is OTHER's."""
    vote = play.vote(words)
    options = options_of(words[3:], ("by", "to"))
    fields = {f: getattr(vote, f) for f in vote.__struct_fields__}
    lie = Vote(**{**fields, "voter": options["by"]})
    play.cluster.post(words[0], options["to"], VoteMessage(lie))


def _certify(play: Play, words: list[str]) -> None:
    """``certify NAME KIND WHAT from A,B,C [to X]``: NAME shows a certificate of known votes."""
    subject = play.subject(words[1], words[2])  # type: ignore[arg-type]
    options = options_of(words[3:], ("from", "to"))
    votes = {name: play.cluster.votes[subject][name] for name in options["from"].split(",")}
    for to in options["to"].split(","):
        play.cluster.post(words[0], to, CertificateMessage(certificate_of(votes)))


def _tamper(play: Play, words: list[str]) -> None:
    """``tamper KIND …``: the batches in these letters lose their authors' signatures."""
    for letter in play.select(words):
        at = play.cluster.bag.index(letter)
        play.cluster.bag[at] = letter._replace(message=_tampered(letter.message))


def _tampered(message: Message) -> Message:
    if isinstance(message, Proposal):
        return Proposal(forged(message.block))
    assert isinstance(message, Range)
    return Range(tuple(map(forged, message.blocks)), message.headers, message.certificate)


def _expect(play: Play, words: list[str]) -> None:
    EXPECTATIONS[words[0]](play, words[1:])


def _expect_final(play: Play, words: list[str]) -> None:
    """``expect final height N [at A,B | everywhere]``."""
    where = words[3:] if words[2:3] == ["at"] else []
    running = [seat.name for seat in play.cluster.honest]
    for name in play.parties(where) if where else running:
        assert len(play.cluster.seats[name].disk.chain) == int(words[1]), name


def _expect_slot(play: Play, words: list[str]) -> None:
    where = words[2:] if words[1:2] == ["at"] else [seat.name for seat in play.cluster.running]
    for name in play.parties(where):
        found = play.cluster.replica(name).slot
        assert found == int(words[0]), f"{name} is in slot {found}"


def _expect_halted(play: Play, words: list[str]) -> None:
    for name in play.parties(words[2:]):
        halt = play.cluster.replica(name).halt
        assert halt is not None and halt.code == words[0], f"{name}: {halt}"


def _expect_evidence(play: Play, words: list[str]) -> None:
    """``expect evidence against NAME KIND at A,B``."""
    for name in play.parties(words[4:]):
        kinds = {(lie.party, lie.kind) for lie in play.cluster.seats[name].evidence}
        assert (words[1], words[2]) in kinds, f"{name} has {kinds}"


def _expect_nobody(play: Play, _words: list[str]) -> None:
    assert not any(seat.evidence for seat in play.cluster.honest)


def _expect_silence(play: Play, _words: list[str]) -> None:
    assert not play.cluster.bag, [play.show(letter.message) for letter in play.cluster.bag]


def _expect_refused(play: Play, words: list[str]) -> None:
    """``expect refused CODE at A``."""
    for name in play.parties(words[2:]):
        assert words[0] in play.rejected.get(name, []), f"{name}: {play.rejected.get(name)}"


def _expect_running(play: Play, words: list[str]) -> None:
    assert {seat.name for seat in play.cluster.running} == set(play.parties(words))


COMMANDS: dict[str, Callable[[Play, list[str]], None]] = {
    "consortium": _consortium,
    "work": _work,
    "deliver": _deliver,
    "drop": _drop,
    "tick": _tick,
    "run": _run,
    "crash": _crash,
    "restart": _restart,
    "rebuild": _rebuild,
    "cut": _cut,
    "mend": _mend,
    "clock": _clock,
    "spoil": _spoil,
    "bodies": _bodies,
    "propose": _proposes,
    "lievote": _votes,
    "forge": _forge,
    "certify": _certify,
    "tamper": _tamper,
    "expect": _expect,
}
EXPECTATIONS: dict[str, Callable[[Play, list[str]], None]] = {
    "final": _expect_final,
    "slot": _expect_slot,
    "halted": _expect_halted,
    "evidence": _expect_evidence,
    "nobody": _expect_nobody,
    "silence": _expect_silence,
    "refused": _expect_refused,
    "running": _expect_running,
}


def _do(stage: Play, line: str) -> list[str]:
    """Carry out one command and return its trace."""
    stage.trace = []
    found = SCENARIO.match(line)
    assert found is not None, f"not a command: {line}"
    COMMANDS[found["verb"]](stage, found["rest"].split())
    return stage.trace


def play(text: str) -> str:
    """Play a scenario and return it with the trace that came out."""
    stage, lines = Play(), []
    for line in text.splitlines():
        if line.startswith(" "):
            continue
        lines.append(line)
        if line and not line.startswith("#"):
            try:
                lines += [f"    {each}" for each in _do(stage, line)]
            except Exception as error:
                said = "\n".join(lines + stage.trace)
                raise AssertionError(f"{line}: {error!r}\n{said}") from error
    return "\n".join(lines) + "\n"
