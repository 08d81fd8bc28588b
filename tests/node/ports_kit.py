"""Ports of this machine that nobody listens on."""

from __future__ import annotations

import os
import socket


def free_ports(count: int) -> int:
    """Return the first of ``count`` consecutive ports that nobody listens on."""
    for first in range(20_000 + os.getpid() % 20_000, 65_000, count):
        held = [socket.socket() for _ in range(count)]
        try:
            for place, each in enumerate(held):
                each.bind(("127.0.0.1", first + place))
        except OSError:
            continue
        else:
            return first
        finally:
            for each in held:
                each.close()
    raise AssertionError("no free ports")
