"""One example of every record type, in the order in which a payment's day would state them."""

from __future__ import annotations

from typing import Any

_AT = 1_760_000_000_000

EXAMPLES: dict[str, dict[str, Any]] = {
    "receiver.registered": {
        "at": _AT,
        "commitment": "5f" * 32,
        "currency": "CNY",
        "cycle": "T+1",
        "id": "inst-0001",
        "kind": "bank_account",
        "last4": "6789",
        "owner": "funder",
        "receiver": "funder-main",
        "type": "receiver.registered",
    },
    "receiver.suspended": {
        "at": _AT + 1,
        "id": "inst-0002",
        "reason": "account under review",
        "receiver": "shop-7",
        "type": "receiver.suspended",
    },
    "receiver.resumed": {
        "at": _AT + 2,
        "id": "inst-0003",
        "reason": "review closed",
        "receiver": "shop-7",
        "type": "receiver.resumed",
    },
    "split.instructed": {
        "amount": 10_000,
        "at": _AT + 3,
        "currency": "CNY",
        "id": "plat-0001",
        "legs": [
            {"amount": 9_000, "leg": 1, "purpose": "goods", "receiver": "shop-7"},
            {"amount": 1_000, "leg": 2, "purpose": "service fee", "receiver": "platform-fees"},
        ],
        "mode": "fixed",
        "order": "O-2025-1001",
        "payment": "P-2025-1001",
        "type": "split.instructed",
    },
    "payment.captured": {
        "amount": 10_000,
        "at": _AT + 4,
        "captured_at": _AT + 4,
        "channel": "wechat",
        "currency": "CNY",
        "id": "inst-0004",
        "order": "O-2025-1001",
        "payment": "P-2025-1001",
        "type": "payment.captured",
    },
    "split.amended": {
        "amount": 10_000,
        "at": _AT + 5,
        "currency": "CNY",
        "id": "plat-0002",
        "legs": [
            {"leg": 1, "ppm": 900_000, "purpose": "goods", "receiver": "shop-7"},
            {"leg": 2, "ppm": 100_000, "purpose": "service fee", "receiver": "platform-fees"},
        ],
        "mode": "ratio",
        "order": "O-2025-1001",
        "payment": "P-2025-1001",
        "type": "split.amended",
    },
    "split.withdrawn": {
        "at": _AT + 6,
        "id": "plat-0003",
        "payment": "P-2025-1002",
        "reason": "order cancelled by the buyer",
        "type": "split.withdrawn",
    },
    "payment.reversed": {
        "at": _AT + 7,
        "id": "inst-0005",
        "payment": "P-2025-1003",
        "reason": "the channel voided the capture",
        "type": "payment.reversed",
    },
    "settlement.created": {
        "amount": 9_000,
        "at": _AT + 8,
        "currency": "CNY",
        "cutoff_date": "2025-10-10",
        "id": "inst-0006",
        "legs": 1,
        "payout": "PO-2025-0001",
        "receiver": "shop-7",
        "type": "settlement.created",
    },
    "settlement.paid": {
        "at": _AT + 9,
        "bank_reference": "a7" * 32,
        "id": "inst-0007",
        "paid_at": _AT + 9,
        "payout": "PO-2025-0001",
        "type": "settlement.paid",
    },
    "settlement.returned": {
        "at": _AT + 10,
        "id": "inst-0008",
        "payout": "PO-2025-0002",
        "reason": "account closed",
        "type": "settlement.returned",
    },
    "settlement.confirmed": {
        "amount": 50_000,
        "at": _AT + 11,
        "currency": "CNY",
        "id": "fund-0001",
        "payout": "PO-2025-0003",
        "received_at": _AT + 11,
        "type": "settlement.confirmed",
    },
}
"""Example by record type."""
