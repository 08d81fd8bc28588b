"""Points of edwards25519, as far as public keys are judged by them; not for secrets.

A point is kept as (X, Y, Z, T) with x = X/Z, y = Y/Z and x·y = T/Z.

Source: RFC 8032, sections 5.1.3 and 5.1.4; Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves
Revisited", 2008.
"""

from __future__ import annotations

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
"""Order of the group that keys and signatures live in, and that 8·L points contain."""

D = -121665 * pow(121666, -1, P) % P
_SQRT_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
IDENTITY: Point = (0, 1, 1, 0)


def decompress(encoded: bytes) -> Point | None:
    """Return the point that 32 bytes encode in the one canonical way, or None if there is none."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if len(encoded) != 32 or y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * _SQRT_MINUS_ONE % P
    if v * x * x % P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def add(one: Point, two: Point) -> Point:
    """Return the sum of two points; the same formula doubles."""
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * D * one[3] * two[3] % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar: int, point: Point) -> Point:
    """Return a point added up ``scalar`` times."""
    total = IDENTITY
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def is_identity(point: Point) -> bool:
    """Return whether a point is the neutral one."""
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0
