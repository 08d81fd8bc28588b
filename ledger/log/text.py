"""Strict pieces of the line formats: what each accepts has exactly one spelling."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

from ledger.errors import DecodeError
from ledger.log.limits import INTEGER_MAX

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


def decode_utf8(raw: bytes, bytes_max: int) -> str:
    """Return the text of a file or message.

    Raises:
        DecodeError: ``text-too-large`` or ``not-utf8``.
    """
    if len(raw) > bytes_max:
        raise DecodeError("text-too-large", f"at most {bytes_max} bytes are read, got {len(raw)}")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise DecodeError("not-utf8", "the file must be UTF-8 text") from None


def refuse_unclean(text: str, bytes_max: int) -> None:
    """Return if ``text`` is encodable, small enough and free of control characters.

    Raises:
        DecodeError: ``text-too-large``, ``not-utf8`` or ``control-character``.
    """
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise DecodeError("not-utf8", "the text has characters that UTF-8 cannot carry") from None
    if length > bytes_max:
        raise DecodeError("text-too-large", f"at most {bytes_max} bytes are read, got {length}")
    if _CONTROL.search(text):
        raise DecodeError(
            "control-character", "newline is the only control character a signed text may have"
        )


def encode_base64(data: bytes) -> str:
    """Return standard base64 with padding (RFC 4648 section 4)."""
    return b64encode(data).decode()


def decode_base64(text: str, size: int | None = None) -> bytes:
    """Return the bytes of canonical standard base64.

    Args:
        text: Base64 with padding and no spare bits.
        size: Exact count of bytes expected, if known.

    Raises:
        DecodeError: ``bad-base64``.
    """
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise DecodeError("bad-base64", "expected standard base64 with padding") from None
    if encode_base64(data) != text:
        raise DecodeError("bad-base64", "expected the one canonical spelling of base64")
    if size is not None and len(data) != size:
        raise DecodeError("bad-base64", f"expected {size} bytes in base64, got {len(data)}")
    return data


def decode_decimal(text: str, maximum: int = INTEGER_MAX) -> int:
    """Return an integer written in ASCII decimal without leading zeroes.

    Raises:
        DecodeError: ``bad-decimal``.
    """
    if not _DECIMAL.fullmatch(text) or int(text) > maximum:
        raise DecodeError(
            "bad-decimal", f"expected a decimal from 0 to {maximum} without leading zeroes"
        )
    return int(text)
