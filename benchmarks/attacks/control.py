"""The control: a process as busy as an attacking one, beside the same nodes, that sends nothing.

A peer has a machine of its own; here its process shares the processors with the nodes that it
attacks. What it takes from them by being there is no attack's, and the control takes it as well.
"""

from __future__ import annotations

import socket
import time

STEP_S = 0.001
FRAME_BYTES = 512


def share_since(began_s: float, spent_s: float) -> float:
    """Return the share of one processor that this process has had since a time.

    Args:
        began_s: That time, of the monotonic clock.
        spent_s: The processor time that this process had taken by then.
    """
    return (time.process_time() - spent_s) / max(STEP_S, time.monotonic() - began_s)


def stay_busy(share: float, seconds: float) -> float:
    """Copy bytes to this very process; return the share of one processor that it has had.

    Args:
        share: The most that it takes: what an attack has had.
        seconds: For how long.
    """
    here, there = socket.socketpair()
    frame = bytes(FRAME_BYTES)
    began_s, spent_s = time.monotonic(), time.process_time()
    with here, there:
        while time.monotonic() - began_s < seconds:
            if share_since(began_s, spent_s) >= share:
                time.sleep(STEP_S)
            else:
                here.send(frame)
                there.recv(FRAME_BYTES)
    return share_since(began_s, spent_s)
