"""The door: who holds a connection to this node, and who has to leave when it gets crowded.

A connection begins as a *stranger*'s. One that shows a valid token becomes a *client*'s; one that
calls ``/peer`` for a party of this ledger is a *caller*'s, and a *peer*'s once it has proved its
key. Strangers share their own places, and newer ones displace older ones there, so they take
nothing from clients and peers. Callers are bounded by the peer links, peers by their number.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import MutableMapping
from typing import Any

from api.limits import (
    CLIENTS_MAX,
    CLOSE_LINGER_S,
    CROWD_TOLD_EVERY_S,
    IPV6_SITE_BITS,
    KEEP_ALIVE_S,
    STRANGERS_MAX,
    STRANGERS_PER_ADDRESS_MAX,
)
from node.peers.admission import Admission

STATE_KEY = "place"

logger = logging.getLogger("tongzhang.api")


class Door:
    """The places of one server."""

    def __init__(self) -> None:
        self.strangers: Admission[DoorPlace] = Admission(STRANGERS_MAX, STRANGERS_PER_ADDRESS_MAX)
        self.clients: set[DoorPlace] = set()
        self._told_at = -CROWD_TOLD_EVERY_S

    def take_as_stranger(self, place: DoorPlace) -> None:
        """Give a connection a stranger's place; the one displaced is cut."""
        displaced = self.strangers.enter(place, place.site)
        if displaced is not None:
            self._tell_crowded()
            displaced.transport.abort()

    def take_as_client(self, place: DoorPlace) -> None:
        """Give a connection a client's place; when all are taken, it stays as it is."""
        if len(self.clients) < CLIENTS_MAX:
            self.strangers.leave(place)
            self.clients.add(place)

    def forget(self, place: DoorPlace) -> None:
        """Free whatever a connection holds."""
        self.strangers.leave(place)
        self.clients.discard(place)

    def _tell_crowded(self) -> None:
        """Say now and then that connections are cut: each one said would fill the log."""
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= CROWD_TOLD_EVERY_S:
            self._told_at = now
            logger.warning(
                "%d connections have shown no token or key; older ones make room",
                len(self.strangers),
            )


class DoorPlace:
    """One connection's place at the door, which request and peer link see as ``state.place``.

    Args:
        door: The door.
        transport: The connection.
        address: The other end's address, or an empty text.

    Attributes:
        site: What counts as the other end's address.
        proved: Whether the other end has proved to be a peer.
        overran: Whether it sent more than fits before the proof, or too much that is no message.
        transport: The connection.
    """

    __slots__ = ("_door", "_renewed_at", "_token_shown", "overran", "proved", "site", "transport")

    def __init__(self, door: Door, transport: asyncio.Transport, address: str) -> None:
        self._door = door
        self._renewed_at = asyncio.get_running_loop().time()
        self._token_shown = False
        self.overran = False
        self.proved = False
        self.site = site_of(address)
        self.transport = transport
        door.take_as_stranger(self)

    def show_token(self) -> None:
        """Note that the request under way has a valid token."""
        self._token_shown = True
        if self not in self._door.clients and not self.transport.is_closing():
            self._door.take_as_client(self)

    def answered(self) -> float:
        """Return how long the connection may now stay idle; requests with a token renew it."""
        now = asyncio.get_running_loop().time()
        if self._token_shown:
            self._renewed_at, self._token_shown = now, False
        return max(self._renewed_at + KEEP_ALIVE_S - now, 0.0)

    def claim(self) -> None:
        """Leave the strangers: the peer links have a place for this caller."""
        self._door.strangers.leave(self)

    def prove(self) -> None:
        """Note that the other end has proved to be a peer."""
        self.proved = True

    def close_soon(self) -> None:
        """Be a stranger again, and cut what does not close by itself."""
        if not self.transport.is_closing():
            self.proved = False
            self._door.forget(self)
            self._door.take_as_stranger(self)
        asyncio.get_running_loop().call_later(CLOSE_LINGER_S, self.transport.abort)

    def free(self) -> None:
        """Free the place: the connection is gone."""
        self._door.forget(self)


def door_of(state: MutableMapping[str, Any]) -> Door:
    """Return the door of the server whose shared state this is."""
    door = state.get("door")
    if not isinstance(door, Door):
        door = state["door"] = Door()
    return door


def door_place_of(scope: MutableMapping[str, Any]) -> DoorPlace | None:
    """Return the place of the connection on which a request or call came; None without one."""
    place = scope.get("state", {}).get(STATE_KEY)
    return place if isinstance(place, DoorPlace) else None


def cut(scope: MutableMapping[str, Any], why: str) -> None:
    """Close the connection of a request without waiting for what is written to be read."""
    logger.warning("a connection was cut: %s", why)
    place = door_place_of(scope)
    if place is not None:
        place.close_soon()


def site_of(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or a site's worth of IPv6 addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), IPV6_SITE_BITS), strict=False))
