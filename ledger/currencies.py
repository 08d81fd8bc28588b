"""Currencies: the codes of ISO 4217, how many decimals each has, and amounts as people read them.

The codes are the active ones of list one that have a minor unit, funds codes too: what has none,
such as gold (XAU), and the codes for tests and for no currency, is nothing to pay in.
Source: ISO 4217 list one, published 2026-01-01 by SIX for ISO.

    >>> decimal(123456, "CNY"), decimal(1000, "JPY"), decimal(1234, "KWD")
    ('1234.56', '1000', '1.234')
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ledger.limits import SAFE_INTEGER_MAX

_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN "
        "BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD "
        "FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW "
        "KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR "
        "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG "
        "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD "
        "USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DECIMALS: dict[str, int] = {
    code: decimals for decimals, codes in _BY_DECIMALS.items() for code in codes.split()
}
CODES = tuple(sorted(_DECIMALS))
"""Every currency that money of a record can be in."""

_DECIMALS_MAX = max(_DECIMALS.values())
_PARTS_MAX = SAFE_INTEGER_MAX * 10**_DECIMALS_MAX
_USUAL = 2
_MEANT = {"RMB": "CNY", "CNH": "CNY", "YEN": "JPY", "NTD": "TWD", "STG": "GBP", "UKP": "GBP"}
"""What is often written for a currency, and its code."""
_SHOWN = re.compile(
    r"([0-9]{1,16}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.([0-9]{1,4}))?(?: ?([A-Z]{3}))?"
)


class Shown(NamedTuple):
    """An amount as it is displayed: in ten-thousandths of a unit, and the currency or nothing."""

    parts: int
    currency: str = ""

    def minor_units(self) -> dict[int, tuple[str, ...]]:
        """Return by amount in minor units the currencies in which that is displayed so."""
        found: dict[int, tuple[str, ...]] = {}
        for decimals, codes in _BY_DECIMALS.items():
            amount, rest = divmod(self.parts, _size(decimals))
            named = tuple(code for code in codes.split() if self.currency in {"", code})
            if not rest and 0 < amount <= SAFE_INTEGER_MAX and named:
                found[amount] = found.get(amount, ()) + named
        return found

    def is_reached(self, amount: int, currency: str) -> bool:
        """Return whether an amount in minor units is displayed as this much or more."""
        if self.currency not in {"", currency}:
            return False
        return amount * _size(decimals_of(currency)) >= self.parts


def decimals_of(currency: str) -> int:
    """Return how many decimals a currency has: two if it is none of :data:`CODES`."""
    return _DECIMALS.get(currency, _USUAL)


def shown(text: str) -> Shown | None:
    """Return what an amount such as ``1,234.50``, ``1,000 JPY`` or ``1.234 KWD`` says, or None.

    Without a currency it is an amount in each one, by that one's own decimals.
    """
    found = _SHOWN.fullmatch(text)
    if found is None or found[3] not in {None, *CODES}:
        return None
    whole = found[1].replace(",", "")
    parts = int(whole + (found[2] or "").ljust(_DECIMALS_MAX, "0"))
    return Shown(parts, found[3] or "") if 0 < parts <= _PARTS_MAX else None


def decimal(amount: int, currency: str, group: str = "") -> str:
    """Return an amount in the currency's own decimals, such as ``-1234.50``.

    Args:
        amount: Minor units.
        currency: ISO 4217 code.
        group: What stands between thousands, such as a comma.
    """
    decimals = decimals_of(currency)
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), 10**decimals)
    text = f"{whole:,}".replace(",", group)
    return f"{sign}{text}" + (f".{part:0{decimals}d}" if decimals else "")


def refusal(text: str) -> str:
    """Return why ``text`` is no currency, and which code to write if that can be told."""
    code = meant(text)
    advice = f"say {code}" if code else "such as CNY, USD or EUR"
    return f"{text!r} is no code of ISO 4217; {advice}"


def meant(text: str) -> str:
    """Return the code that ``text``, which is none, was meant to be; empty if that is unknown."""
    code = _MEANT.get(text.upper(), text.upper())
    return code if code in _DECIMALS else ""


def _size(decimals: int) -> int:
    """Return how many ten-thousandths of a unit the minor unit is."""
    return int(10 ** (_DECIMALS_MAX - decimals))
