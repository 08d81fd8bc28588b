"""A second Ed25519: affine, by the textbook, for numbers that the library must not compute itself.

Points are pairs (x, y). Nothing is fast, nothing is secret, nothing is shared with the product.

Source: RFC 8032, section 5.1; Bernstein et al., "Twisted Edwards Curves", 2008, section 6.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha512

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, FIELD - 2, FIELD) % FIELD

Pair = tuple[int, int]
NEUTRAL: Pair = (0, 1)


def on_curve(point: Pair) -> bool:
    x, y = point
    return (-x * x + y * y - 1 - D * x * x * y * y) % FIELD == 0


def plus(one: Pair, two: Pair) -> Pair:
    (x1, y1), (x2, y2) = one, two
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, FIELD - 2, FIELD)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, FIELD - 2, FIELD)
    return x % FIELD, y % FIELD


def minus(point: Pair) -> Pair:
    return -point[0] % FIELD, point[1]


def times(count: int, point: Pair) -> Pair:
    total = NEUTRAL
    for digit in bin(count)[2:]:
        total = plus(total, total)
        if digit == "1":
            total = plus(total, point)
    return total


def root(square: int) -> int | None:
    """Return the even square root in the field, or None."""
    candidate = pow(square, (FIELD + 3) // 8, FIELD)
    for each in (candidate, candidate * pow(2, (FIELD - 1) // 4, FIELD) % FIELD):
        if each * each % FIELD == square % FIELD:
            return each if each % 2 == 0 else FIELD - each
    return None


def at(y: int) -> Pair | None:
    """Return the point with this y and the even x, or None."""
    x = root((y * y - 1) * pow(D * y * y + 1, FIELD - 2, FIELD) % FIELD)
    return None if x is None else (x, y)


BASE: Pair = at(4 * pow(5, FIELD - 2, FIELD) % FIELD) or NEUTRAL


def encode(point: Pair) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def odd_encodings(point: Pair) -> list[bytes]:
    """Return the encodings of a point that are not the canonical one: few points have any."""
    x, y = point
    ways = [(y + FIELD, sign) for sign in {x & 1, int(x == 0)} if y + FIELD < 2**255]
    if x == 0:
        ways += [(y, 1), (y + FIELD, 0)] if y + FIELD < 2**255 else [(y, 1)]
    return sorted({(value | sign << 255).to_bytes(32, "little") for value, sign in ways})


@cache
def small() -> tuple[Pair, ...]:
    """Return the eight points whose order divides 8, the first of them neutral."""
    y = 2
    while True:
        point = at(y)
        torsion = NEUTRAL if point is None else times(ORDER, point)
        if times(4, torsion) != NEUTRAL:
            return tuple(times(count, torsion) for count in range(8))
        y += 1


def secret_of(seed: bytes) -> int:
    raw = bytearray(sha512(seed).digest()[:32])
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    return int.from_bytes(raw, "little")


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    return int.from_bytes(sha512(r + a + message).digest(), "little") % ORDER
