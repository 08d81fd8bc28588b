"""Registrations of legal persons: the number under which a party stands in a public register.

===========================  ======================================================================
form                         is
===========================  ======================================================================
18 characters                a unified social credit code (统一社会信用代码), as China gives it
``<register>:<number>``      an entry in another register, such as ``lei:529900T8BM49AURSDO55``
nothing                      not stated
===========================  ======================================================================

A credit code is 17 characters and a check character: digits and capital letters without I, O, S, V
and Z, the third to the eighth the digits of an administrative division. With the values 0 to 30 of
the characters, the check character brings Σ value·3^place to a multiple of 31.

Source: GB 32100-2015, sections 4 and 5.
"""

from __future__ import annotations

import re

from ledger.errors import GenesisError

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{10}}")
_OTHER = re.compile(
    r"[a-z][a-z0-9-]{0,31}:[^\x00-\x20\x7f]([^\x00-\x1f\x7f]{0,62}[^\x00-\x20\x7f])?"
)


def check_character(code: str) -> str:
    """Return the 18th character of the credit code that begins with these 17."""
    total = sum(_ALPHABET.index(each) * pow(3, place, 31) for place, each in enumerate(code))
    return _ALPHABET[-total % 31]


def refuse_bad_registration(text: str) -> None:
    """Return if ``text`` has one of the three forms and, as a credit code, checks.

    Raises:
        GenesisError: ``bad-registration``.
    """
    if not text or _OTHER.fullmatch(text):
        return
    if _CREDIT_CODE.fullmatch(text) is None:
        raise GenesisError(
            "bad-registration",
            "a registration is a unified social credit code of 18 capital letters and digits "
            "(统一社会信用代码), or register:number such as lei:529900T8BM49AURSDO55; "
            f"got {text!r}",
        )
    if check_character(text[:17]) != text[17]:
        raise GenesisError(
            "bad-registration",
            f"{text} is no unified social credit code: its last character does not fit the "
            "others, so one of them is mistyped",
        )
