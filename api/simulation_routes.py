"""Routes of the simulator that a node may offer; without it they say so."""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import json_answer
from api.auth import require
from api.limits import WANTED_BYTES_MAX
from api.openapi import JSON, describe, describe_content
from api.problems import Problem
from api.simulations import Simulations, SimulationView, WantedRun, unpacked
from node.home.tokens import Tokens

_decoder = msgspec.json.Decoder(WantedRun)


def simulation_routes(tokens: Tokens, simulations: Simulations | None) -> APIRouter:
    """Return the router of the simulator.

    Args:
        tokens: The node's tokens. Who may read may simulate: nothing of the ledger changes.
        simulations: What runs; None on a node that was started without.
    """
    router = APIRouter(tags=["simulations"], dependencies=[require(tokens, "read")])

    @router.get("/v1/simulations/choices", **describe_content(JSON, "no-simulator"))
    async def show_choices() -> Response:
        """Return what may be asked for: scenarios, lies, kinds of trouble, and bounds."""
        return json_answer(_there(simulations).simulator.choices)

    @router.post(
        "/v1/simulations",
        status_code=202,
        **describe(
            SimulationView,
            "no-simulator",
            "bad-simulation",
            "body-too-large",
            "busy",
            status=202,
        ),
    )
    async def begin_simulation(request: Request) -> Response:
        """Begin a simulation; it waits for its turn."""
        there = _there(simulations)
        wanted = _wanted(await _body(request), there)
        view = there.begin(request.scope["token"].id, wanted)
        return json_answer(view, status=202, headers={"location": f"/v1/simulations/{view.id}"})

    @router.get(
        "/v1/simulations/{simulation}",
        **describe(SimulationView, "no-simulator", "no-such-simulation"),
    )
    async def show_simulation(simulation: str) -> Response:
        """Return how far a simulation has come, and its verdict."""
        return json_answer(_there(simulations).find(simulation))

    @router.get(
        "/v1/simulations/{simulation}/recording",
        **describe_content(JSON, "no-simulator", "no-such-simulation", "no-recording"),
    )
    async def show_recording(request: Request, simulation: str) -> Response:
        """Return the recording of a simulation: what the player plays."""
        packed = _there(simulations).recording(simulation)
        headers = {"vary": "Accept-Encoding", "cache-control": "private, max-age=3600"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(
                packed, headers={**headers, "content-encoding": "gzip"}, media_type=JSON
            )
        return Response(await asyncio.to_thread(unpacked, packed), headers=headers, media_type=JSON)

    return router


def _there(simulations: Simulations | None) -> Simulations:
    if simulations is None:
        raise Problem(
            "no-simulator",
            "this node was started without; start it as `tongzhang node HOME --simulator`",
        )
    return simulations


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > WANTED_BYTES_MAX:
            raise Problem("body-too-large", f"expected at most {WANTED_BYTES_MAX} bytes")
    return body


def _wanted(body: bytes, simulations: Simulations) -> WantedRun:
    """Return what is asked for, if it is within the choices."""
    try:
        wanted = _decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Problem(
            "bad-simulation", f"{error}; GET /v1/simulations/choices says what may be"
        ) from None
    choices = simulations.simulator.choices
    known = {
        "scenario": {each["name"] for each in choices["scenarios"]} | {""},
        "lie": {each["name"] for each in choices["lies"]},
        "trouble": {each["name"] for each in choices["trouble"]},
        "party": set(choices["parties"][: wanted.nodes]),
    }
    given = [("scenario", wanted.scenario)]
    given += [("lie", lie) for lie in wanted.liars.values()]
    given += [("party", party) for party in wanted.liars]
    given += [("trouble", name) for name in wanted.faults]
    for kind, name in given:
        if name not in known[kind]:
            raise Problem("bad-simulation", f"there is no {kind} {name!r} among the choices")
    if wanted.scenario and (wanted.liars or wanted.faults or wanted.calm):
        raise Problem("bad-simulation", "a scenario has its own liars and faults; leave them out")
    if wanted.calm and wanted.faults:
        raise Problem("bad-simulation", "a calm run has no faults; leave one of both out")
    return wanted
