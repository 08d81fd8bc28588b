"""Records to measure with: captures and three-leg instructions of the same payments."""

from __future__ import annotations

from hashlib import sha256

from ledger import canonical

RECEIVERS = 50
LEGS = 3
_AT_MS = 1_772_413_200_000
_AMOUNT = 30_000


def registrations() -> list[bytes]:
    """Return the receivers' registrations, stated by the institution."""
    return [
        canonical.encode(
            {
                "type": "receiver.registered",
                "id": f"reg-{number}",
                "at": _AT_MS,
                "receiver": f"shop-{number}",
                "kind": "bank_account",
                "commitment": sha256(b"%d" % number).hexdigest(),
                "last4": f"{number:04d}",
                "cycle": "T+0",
                "currency": "CNY",
            }
        )
        for number in range(RECEIVERS)
    ]


def captures(first: int, count: int) -> list[bytes]:
    """Return captures of payments ``first`` to ``first + count``, stated by the institution."""
    return [
        canonical.encode(
            {
                "type": "payment.captured",
                "id": f"cap-{number:08d}",
                "at": _AT_MS + number,
                "payment": f"pay-{number:08d}",
                "order": f"ord-{number:08d}",
                "amount": _AMOUNT + number % 1000,
                "currency": "CNY",
                "channel": "wechat",
                "captured_at": _AT_MS + number,
            }
        )
        for number in range(first, first + count)
    ]


def instructions(first: int, count: int) -> list[bytes]:
    """Return instructions of three fixed legs for the same payments, stated by the platform."""
    return [_instruction(number) for number in range(first, first + count)]


def _instruction(number: int) -> bytes:
    amount = _AMOUNT + number % 1000
    shares = (amount - 3000, 2000, 1000)
    return canonical.encode(
        {
            "type": "split.instructed",
            "id": f"ins-{number:08d}",
            "at": _AT_MS + number,
            "payment": f"pay-{number:08d}",
            "order": f"ord-{number:08d}",
            "amount": amount,
            "currency": "CNY",
            "mode": "fixed",
            "legs": [
                {
                    "leg": leg + 1,
                    "receiver": f"shop-{(number + leg) % RECEIVERS}",
                    "amount": share,
                    "purpose": "goods",
                }
                for leg, share in enumerate(shares)
            ],
        }
    )
