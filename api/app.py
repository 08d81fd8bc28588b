"""The HTTP application of one node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from api import openapi, problems
from api.books import books_routes
from api.business.routes import business_routes
from api.callers import Callers
from api.draining import Draining
from api.evidence import evidence_routes
from api.heads import HeadsAsGets
from api.log import log_routes, proof_routes, record_routes
from api.peer_route import peer_routes
from api.service import probe_routes, service_routes
from api.submit import submit_routes

if TYPE_CHECKING:
    from node.node import Node

VERSION = "1"

DESCRIPTION = (
    "One party's node of a permissioned multi-party ledger. Records are sent in canonical JSON "
    "(RFC 8785) and taken exactly as sent; errors are problem documents (RFC 9457)."
)


def build_app(node: Node, draining: Draining) -> FastAPI:
    """Return the application that serves ``node``.

    Args:
        node: The node.
        draining: Counts submissions under way.
    """
    app = FastAPI(
        title="Tongzhang node",
        version=VERSION,
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(Callers, tokens=node.tokens, party=node.party)
    app.add_middleware(HeadsAsGets)
    problems.install(app)
    openapi.install(app)
    for router in (
        peer_routes(node.peers),
        probe_routes(node, draining),
        submit_routes(node, draining),
        business_routes(node.store, node.tokens),
        books_routes(node.store, node.tokens),
        record_routes(node),
        log_routes(node),
        proof_routes(node),
        evidence_routes(node),
        service_routes(node, draining),
    ):
        app.include_router(router)
    return app
