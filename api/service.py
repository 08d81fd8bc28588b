"""Routes to the consortium and to this node's own state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from api.answers import json_answer
from api.auth import require
from api.draining import Draining
from api.openapi import JSON, TEXT, describe, describe_content
from api.problems import Problem
from ledger.genesis import Genesis, Member
from ledger.log.checkpoint import cosigner_name
from ledger.log.note import COSIGNATURE, ED25519, NoteKey
from ledger.log.policy import policy_text
from ledger.quorum import tolerance
from node.home.tokens import Tokens

if TYPE_CHECKING:
    from node.node import Node


class VotersView(msgspec.Struct, frozen=True):
    """Who votes as far as this node knows now: ``tolerance`` says it all in plain words.

    ``reached`` names the voters that this node is connected with, itself among them if it votes;
    ``needed`` is the quorum; of those reached, ``may_go_down`` may fail and the ledger goes on.
    """

    reached: list[str]
    needed: int
    may_go_down: int
    tolerance: list[str]


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """A party. ``log_key`` and ``cosigner_key`` are its key in the form other log tools take.

    ``voting`` is the party's own last word, null without one; ``voting_reason`` says in words why
    its vote does not count at the moment, or ``votes``.
    """

    name: str
    role: str
    key: str
    log_key: str
    cosigner_key: str
    voting: bool | None
    voting_reason: str


class MembersView(msgspec.Struct, frozen=True, kw_only=True):
    """The consortium: who is in it, and in plain words what it survives.

    ``tolerance_founded`` holds while every party votes; ``voters`` says what holds now.
    """

    ledger: str
    origin: str
    quorum: int
    tolerance_founded: list[str]
    voters: VotersView
    members: list[MemberView]


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    alive: bool


class Ready(msgspec.Struct, frozen=True):
    """The node takes part: it has not stopped, signs, and reaches a quorum of voters."""

    ready: bool
    detail: str


class Stopped(msgspec.Struct, frozen=True):
    """Why the node stopped for safety."""

    code: str
    message: str


class ShutOut(msgspec.Struct, frozen=True):
    """Why a peer is not listened to, as a code, and until when, in ms since the epoch."""

    code: str
    until: int


class PeerStatus(msgspec.Struct, frozen=True):
    """The link to one peer. Counters count since the start.

    ``connects`` counts connections, ``queued`` frames that wait, ``dropped`` frames that a full
    queue lost, ``unsent`` frames that found no connection. ``height`` is the newest block that the
    peer has signed as final, asked to go on from, or shown as final, since its link came up;
    ``seen_at`` is when it last said anything, in ms since the epoch; both null without a word.
    ``voting`` is the peer's own last word, null without one; ``voting_reason`` says why its vote
    does not count, or ``votes``. ``offences`` counts messages that did not verify, ``shut_out`` is
    null for a peer that is listened to, ``paced_ms`` is for how long it was not read because it
    sent what was of no use.
    """

    address: str
    connected: bool
    connects: int
    dropped: int
    offences: int
    paced_ms: int
    shut_out: ShutOut | None
    queued: int
    unsent: int
    height: int | None
    seen_at: int | None
    voting: bool | None
    voting_reason: str


class PoolStatus(msgspec.Struct, frozen=True):
    """What waits to become final: own records, and batches of all parties."""

    own_records: int
    batches: int


class DroppedMessages(msgspec.Struct, frozen=True):
    """Messages of a peer that were dropped, by the reason's code."""

    peer: str
    code: str
    count: int


class CalendarStatus(msgspec.Struct, frozen=True):
    """Up to when every year is decided, and a warning from 60 days before that date on."""

    known_until: str | None
    warning: str | None


class CheckView(msgspec.Struct, frozen=True):
    """The check of the whole database that goes on beside the node.

    ``state`` is ``none`` before there is anything to check; ``log`` (with all that follows from
    it), ``rows`` and ``file`` while that is checked; ``clean`` if nothing differed, ``damaged``,
    or ``failed``: ``message`` says why. ``entries`` of ``total`` are checked, up to ``resumed_at``
    by an earlier process that was ended.
    """

    state: str
    entries: int
    total: int
    resumed_at: int
    message: str


class Finality(msgspec.Struct, frozen=True):
    """How long the newest blocks, up to 200, took from being executed here to being final here."""

    blocks: int
    median_ms: int
    slowest_ms: int


class NodeStatus(msgspec.Struct, frozen=True):
    """Where this node stands. Times are in ms; hashes are hex.

    ``voting`` and ``signing`` say whether the node does so; ``voters`` says who else votes.
    ``time`` is the newest block's, ``time_ahead_ms`` how far it is ahead of this node's clock.
    ``evidence`` counts pieces by convicted party, ``refused_connections`` counts by reason,
    ``silent`` names leaders that let their slots pass. ``finality`` is by this node's own clock,
    null before the first block.
    """

    party: str
    role: str
    ledger: str
    origin: str
    height: int
    size: int
    root: str
    state: str
    time: int
    time_ahead_ms: int
    final_slot: int
    slot: int
    leader: str
    quorum: int
    evidence: dict[str, int]
    voting: bool
    voting_reason: str
    voters: VotersView
    signing: bool
    ready: bool
    ready_reason: str
    ready_code: str
    halted: Stopped | None
    silent: list[str]
    calendar: CalendarStatus
    pool: PoolStatus
    slot_timeout_ms: int
    finality: Finality | None
    check: CheckView
    peers: dict[str, PeerStatus]
    refused_connections: dict[str, int]
    dropped_messages: list[DroppedMessages]
    stopping: bool


def service_routes(node: Node, draining: Draining) -> APIRouter:
    """Return the router that shows the consortium and the state of ``node``."""
    router = consortium_routes(node.genesis, node.tokens, lambda: members_view(node))

    @router.get("/v1/status", **describe(NodeStatus))
    async def show_status() -> Response:
        """Return where this node stands."""
        return json_answer({**node.status(), "stopping": draining.stopping})

    return router


def consortium_routes(
    genesis: Genesis, tokens: Tokens | None, members: Callable[[], MembersView]
) -> APIRouter:
    """Return the router that shows the consortium.

    Args:
        genesis: The founding document.
        tokens: As :func:`api.auth.require` takes them.
        members: Returns the consortium as it is shown.
    """
    router = APIRouter(tags=["node"], dependencies=[require(tokens, "read")])

    @router.get("/v1/members", **describe(MembersView))
    async def list_members() -> Response:
        """List the parties, their keys, and who votes now."""
        return json_answer(members())

    @router.get("/v1/genesis", **describe_content(JSON))
    def show_genesis() -> Response:
        """Return the founding document, in the bytes whose hash names the ledger."""
        return Response(genesis.raw, media_type=JSON)

    @router.get("/v1/policy", **describe_content(TEXT))
    def show_policy() -> Response:
        """Return the trust policy (C2SP tlog-policy) by which other tools verify the log."""
        keys = {member.name: member.public_key for member in genesis.members}
        text = policy_text(genesis.origin, keys, genesis.quorum, witnesses=genesis.voters)
        return Response(text, media_type="text/plain; charset=utf-8")

    return router


def probe_routes(node: Node, draining: Draining) -> APIRouter:
    """Return the routes that need no token: what a supervisor asks."""
    router = APIRouter(tags=["node"])

    @router.get("/livez", **describe(Alive, public=True))
    async def live() -> Response:
        """Say that the process answers."""
        return json_answer(Alive(alive=True))

    @router.get("/readyz", **describe(Ready, "not-ready", public=True))
    async def ready() -> Response:
        """Say whether the node can take records to the end."""
        is_ready, detail = node.ready()
        if draining.stopping:
            is_ready, detail = False, "this node is shutting down"
        if not is_ready:
            raise Problem("not-ready", detail)
        return json_answer(Ready(ready=True, detail=detail))

    return router


def members_view(node: Node) -> MembersView:
    """Return the consortium as a node shows it."""
    return consortium_view(node.genesis, VotersView(**node.voters()), node.voting)


def consortium_view(
    genesis: Genesis, voters: VotersView, voting: Callable[[str], Mapping[str, Any]]
) -> MembersView:
    """Return the consortium as it is shown.

    Args:
        genesis: The founding document.
        voters: Who votes now.
        voting: Returns ``voting`` and ``voting_reason`` of a party.
    """
    return MembersView(
        ledger=genesis.ledger,
        origin=genesis.origin,
        quorum=genesis.quorum,
        tolerance_founded=list(tolerance(len(genesis.voters), genesis.quorum)),
        voters=voters,
        members=[
            MemberView(
                name=member.name,
                role=member.role,
                key=member.key,
                log_key=NoteKey(genesis.origin, ED25519, member.public_key).vkey,
                cosigner_key=_cosigner(genesis, member),
                **voting(member.name),
            )
            for member in genesis.members
        ],
    )


def _cosigner(genesis: Genesis, member: Member) -> str:
    name = cosigner_name(genesis.origin, member.name)
    return NoteKey(name, COSIGNATURE, member.public_key).vkey
