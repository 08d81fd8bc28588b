"""The page of a node, as functions: the interface for programs knows nothing else of pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fastapi import FastAPI

from api.reading import Reading
from api.sessions import Sessions
from node.home.tokens import Tokens


class Site(NamedTuple):
    """A page, as functions of a module: the readers' process is told of them by their names.

    ``add_front`` gives the application that accepts connections what strangers may have: signing in
    and static files, ``add_files`` the latter alone. ``add_pages`` gives the application that reads
    the ledger its pages.
    """

    add_front: Callable[[FastAPI, Sessions, Tokens], None]
    add_files: Callable[[FastAPI], None]
    add_pages: Callable[[FastAPI, Reading], None]
