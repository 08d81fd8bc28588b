"""Quorum arithmetic: which quorum to choose, and what it survives."""

from __future__ import annotations


def default_quorum(voters: int) -> int:
    """Return the smallest quorum that survives a liar where the number of voters allows it.

    That is ⌈(n+f+1)/2⌉ with f = ⌊(n−1)/3⌋: 3 of 4, 5 of 7; and a bare majority below 4.
    """
    faulty = (voters - 1) // 3
    return (voters + faulty) // 2 + 1


def tolerance(voters: int, quorum: int) -> tuple[str, ...]:
    """Say in plain words what ``voters`` and ``quorum`` survive.

    Returns:
        One sentence per line: crashes, liars, and what a fork costs the liars.
    """
    crashes = voters - quorum
    overlap = 2 * quorum - voters
    liars = min(overlap - 1, crashes)
    lines = [
        f"{voters} parties, quorum {quorum}: every entry is cosigned by at least {quorum} parties.",
        f"Up to {crashes} may be down and the ledger goes on."
        if crashes
        else "Nobody may be down: one silent party stops the ledger (nothing is lost).",
    ]
    if overlap > 1:
        lines.append(f"Nobody can fork it with fewer than {overlap} lying parties.")
    else:
        lines.append("One lying party can fork it, and is convicted by its own signatures.")
    if liars > 0:
        lines.append(
            f"Any {liars} may fail in any way, lying included, and it stays safe and live."
        )
    lines.append(f"A fork always exposes at least {overlap} of the signers, by name.")
    return tuple(lines)
