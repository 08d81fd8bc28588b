"""The page of a node, as :mod:`api` takes it."""

from __future__ import annotations

from fastapi import FastAPI

from api.reading import Reading
from api.site import Site
from web import live
from web.front import add_files, add_front
from web.page import Pages, PagesOnly
from web.pages import (
    books,
    chain,
    entries,
    evidence,
    finding,
    lists,
    loans,
    morning,
    overview,
    payments,
    payouts,
    receivers,
    reconciliation,
    search,
    settlement,
    simulator,
    subjects,
    verify,
)

SUBJECTS = (
    overview,
    reconciliation,
    search,
    payments,
    settlement,
    loans,
    morning,
    books,
    chain,
    entries,
    evidence,
    finding,
    subjects,
    verify,
    simulator,
    lists,
    payouts,
    receivers,
    live,
)
"""What adds pages, the first of an address first."""


def add_pages(app: FastAPI, reading: Reading) -> None:
    """Give ``app`` every page that reads the ledger."""
    _add_all(app, Pages(reading))


def add_pages_and_simulator(app: FastAPI, reading: Reading) -> None:
    """Give ``app`` every page, and have all lead to the simulator, which the node offers."""
    _add_all(app, Pages(reading, simulator=True))


def _add_all(app: FastAPI, pages: Pages) -> None:
    for subject in SUBJECTS:
        subject.add_to(pages)
    app.include_router(pages.router)
    app.add_middleware(PagesOnly, pages=pages)


SITE = Site(add_front, add_files, add_pages)
SIMULATING_SITE = SITE._replace(add_pages=add_pages_and_simulator)
"""The page of a node that offers simulations."""
