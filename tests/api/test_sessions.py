"""Cookies of requests, as strangers may send them."""

from __future__ import annotations

from time import process_time

import pytest

from api.limits import HEAD_BYTES_MAX
from api.sessions import cookie_of


def call(*cookies: bytes) -> dict[str, object]:
    return {"headers": [(b"host", b"x"), *((b"cookie", each) for each in cookies)]}


@pytest.mark.parametrize("inner", (b"\\", b"\\a", b"\\1", b'"', b"=", b";", b" ", b"a=b;"))
def test_no_cookie_that_fits_into_a_head_takes_long(inner: bytes) -> None:
    cookie = b'a="' + inner * ((HEAD_BYTES_MAX - 100) // len(inner)) + b'"; wanted=7'
    began = process_time()
    assert cookie_of(call(cookie), "wanted") == "7"
    assert process_time() - began < 1


@pytest.mark.parametrize(
    ("cookies", "found"),
    (
        ((), ""),
        ((b"other=1",), ""),
        ((b"wanted=1",), "1"),
        ((b"other=1; wanted=2; more=3",), "2"),
        ((b"other=1", b"wanted=2"), "2"),
        ((b"bad name [=1; wanted=2",), "2"),
        ((b"wanted=a=b",), "a=b"),
        ((b"wanted",), ""),
        ((b"xwanted=1; wantedx=2",), ""),
        ((b"wanted=\xff",), "\xff"),
    ),
)
def test_a_cookie_is_found_by_its_whole_name(cookies: tuple[bytes, ...], found: str) -> None:
    assert cookie_of(call(*cookies), "wanted") == found
