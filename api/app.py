"""The HTTP application of one node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from api import openapi, problems
from api.callers import Callers
from api.draining import Draining
from api.feed_places import FeedPlaces
from api.head_requests import HeadsAsGets
from api.log import RecordView, own_record
from api.peer_route import peer_routes
from api.read_server import add_reading_routes
from api.readers import Readers, ReadsElsewhere
from api.reading import Reading
from api.service import probe_routes, service_routes
from api.sessions import Sessions
from api.simulation_routes import simulation_routes
from api.simulations import Simulations
from api.site import Site
from api.submit import DirectRecords, JsonRecords, submit_routes
from api.written import WrittenFirst

if TYPE_CHECKING:
    from node.node import Node

VERSION = "1"
ENDED_SESSIONS = "ended-sessions"
"""The file in a home that remembers who signed out."""

DESCRIPTION = (
    "One party's node of a permissioned multi-party ledger. Records are sent in canonical JSON "
    "(RFC 8785) and taken exactly as sent; errors are problem documents (RFC 9457)."
)


def build_app(
    node: Node,
    draining: Draining,
    readers: Readers | None = None,
    site: Site | None = None,
    simulations: Simulations | None = None,
) -> FastAPI:
    """Return the application that serves ``node``.

    Args:
        node: The node.
        draining: Counts submissions under way.
        readers: Answer reads; without them the application does it itself.
        site: The page, if it is served.
        simulations: The simulations, if they are offered.
    """
    app = FastAPI(
        title="Tongzhang node",
        version=VERSION,
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # nobody else is told
    )
    problems.install(app)
    openapi.install(app)
    records = JsonRecords(node, draining)
    for router in (
        peer_routes(node.peers),
        probe_routes(node, draining),
        submit_routes(node, draining, records),
        service_routes(node, draining),
        simulation_routes(node.tokens, simulations),
    ):
        app.include_router(router)

    def find(record_id: str) -> RecordView | None:
        return own_record(node, record_id)

    ended = node.home.path / ENDED_SESSIONS
    sessions = Sessions(node.home.signer.pem(), node.genesis.ledger, node.party, ended)
    if readers is not None:
        app.add_middleware(ReadsElsewhere, readers=readers, status=node.status)
    if site is not None:
        site.add_front(app, sessions, node.tokens)
    relay = None if readers is None else readers.open_answers
    app.add_middleware(
        FeedPlaces, draining=draining, tokens=node.tokens, sessions=sessions, relay=relay
    )
    app.add_middleware(WrittenFirst, host=node.host, find=find)
    add_reading_routes(app, Reading.of_node(node.home, node.store), site)  # whose pages show all
    app.add_middleware(DirectRecords, records=records)
    app.add_middleware(Callers, tokens=node.tokens, party=node.party, sessions=sessions)
    app.add_middleware(HeadsAsGets)
    return app
