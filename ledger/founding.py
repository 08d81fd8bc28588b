"""Founding: parties sign a request before there is a ledger, and then its genesis.

A request holds one party's part of genesis and proves that who asks has the key::

    {"member":{…},"signature":"<128 hex>","version":2}

Signatures of a genesis are collected in one file, whose parts can be merged in any order::

    {"ledger":"<64 hex>","signatures":{"<party>":"<128 hex>",…},"version":2}

A party signs the ledger's hash under its own name only after it has compared the hash with the
others by another way. A consortium is founded when every party has signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ledger import canonical, domains, forms
from ledger.batch import Hex64
from ledger.errors import VerificationError
from ledger.genesis import FORMAT, Genesis, found
from ledger.keys import Signer, Verifier
from ledger.limits import MEMBERS_MAX, REQUEST_BYTES_MAX, SIGNATURES_BYTES_MAX
from ledger.members import Member, refuse_bad_member, refuse_bad_members


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One party's request to be founded, signed with the key that it names."""

    member: Member
    signature: Hex64
    version: Literal[2] = FORMAT


class Signatures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Signatures of one genesis by party."""

    ledger: Annotated[str, Meta(pattern=forms.shut(forms.HASH))]
    signatures: Annotated[dict[str, Hex64], Meta(max_length=MEMBERS_MAX)]
    version: Literal[2] = FORMAT


_request = msgspec.json.Decoder(Request)
_signatures = msgspec.json.Decoder(Signatures)


def make_request(member: Member, signer: Signer) -> bytes:
    """Return a party's signed request.

    Raises:
        DecodeError: a field has not its form.
        GenesisError: no genesis could hold such a party.
        VerificationError: ``false-request``: the key is not the signer's.
    """
    signature = signer.sign(domains.request_signature_input(canonical.encode(member)))
    raw = canonical.encode(Request(member, signature.hex()))
    read_request(raw)
    return raw


def read_request(raw: bytes) -> Member:
    """Return whom a request is of, once it is proved that its sender has the key.

    Raises:
        DecodeError: the bytes are no request.
        GenesisError: no genesis could hold such a party.
        VerificationError: ``false-request``.
    """
    request = canonical.decode(raw[: REQUEST_BYTES_MAX + 1], _request, "request")
    member = request.member
    refuse_bad_member(member)
    message = domains.request_signature_input(canonical.encode(member))
    try:
        Verifier(member.public_key).verify(bytes.fromhex(request.signature), message)
    except VerificationError:
        raise VerificationError(
            "false-request",
            f"the request of {member.name} is not signed with the key in it, or was changed since; "
            "ask the party for its own file",
        ) from None
    return member


def gather(
    name: str, members: tuple[Member, ...], quorum: int, created_at: int, **choices: object
) -> Genesis:
    """Return the genesis made of the parties of requests, in the order in which they stand.

    Raises:
        GenesisError: two parties have one name or one key, or the consortium could not work.
    """
    refuse_bad_members(members)
    return found(name, members, quorum, created_at, **choices)


def sign_genesis(genesis: Genesis, party: str, signer: Signer) -> str:
    """Return a party's signature of a genesis, in hex."""
    return signer.sign(domains.genesis_signature_input(genesis.hash, party)).hex()


def encode_signatures(genesis: Genesis, signatures: Mapping[str, str]) -> bytes:
    """Return the file that holds signatures of a genesis."""
    return canonical.encode(Signatures(genesis.ledger, dict(signatures)))


def read_signatures(raw: bytes, genesis: Genesis) -> dict[str, str]:
    """Return the signatures in a file, all of which must be of this genesis.

    Raises:
        DecodeError: the bytes are no such file.
        VerificationError: ``foreign-signature``: of another ledger, of nobody in genesis, or false.
    """
    file = canonical.decode(raw[: SIGNATURES_BYTES_MAX + 1], _signatures, "signatures")
    if file.ledger != genesis.ledger:
        raise VerificationError(
            "foreign-signature",
            f"expected signatures of ledger {genesis.ledger}, these are of {file.ledger}: who "
            "made them has signed another genesis",
        )
    for party, signature in file.signatures.items():
        _refuse_foreign(party, bytes.fromhex(signature), genesis)
    return file.signatures


def _refuse_foreign(party: str, signature: bytes, genesis: Genesis) -> None:
    verifier = genesis.verifiers.get(party)
    if verifier is None:
        raise VerificationError(
            "foreign-signature",
            f"{party!r} has signed, and is no party of this genesis: {', '.join(genesis.names)}",
        )
    try:
        verifier.verify(signature, domains.genesis_signature_input(genesis.hash, party))
    except VerificationError:
        raise VerificationError(
            "foreign-signature",
            f"what stands under {party} was not signed with the key that genesis has for {party}",
        ) from None


def unsigned(genesis: Genesis, signatures: Iterable[str]) -> list[str]:
    """Return the parties whose signature is still missing, in genesis order."""
    signed = set(signatures)
    return [name for name in genesis.names if name not in signed]
