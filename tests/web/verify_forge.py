"""Receipts made to order: true ones, and ones in which exactly one thing is false but signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from ledger import canonical, domains
from ledger.batch import BatchHeader
from ledger.entry import encode_entry
from ledger.genesis import Genesis, read
from ledger.log.checkpoint import (
    Checkpoint,
    Cosignature,
    cosign,
    cosigner_name,
    signed_checkpoint,
)
from ledger.log.merkle import Frontier, leaf_hash, path_of, root_of
from ledger.log.proof import TlogProof
from ledger.log.receipt import AuthorSide
from tests.ledger.chain_kit import SIGNERS, genesis_of

GENESIS: Genesis = read(genesis_of(4, 3).raw)
OTHER: Genesis = read(genesis_of(4, 4).raw)


def record(number: int) -> bytes:
    """Return a record's canonical bytes."""
    return canonical.encode(
        {"amount": 123456, "at": 1767578400000, "currency": "CNY", "id": f"ins-{number}",
         "payment": f"pay-{number}", "type": "split.instructed"}
    )  # fmt: skip


@dataclass(frozen=True)
class Forge:
    """A receipt, part by part. What is not said otherwise is true."""

    size: int = 11
    index: int = 5
    records: tuple[bytes, ...] = (record(0), record(1), record(2))
    place: int = 1
    party: str = "platform"
    number: int = 7
    ledger: str = GENESIS.ledger
    signer: str = "platform"
    entry: bytes = b""
    origin: str = GENESIS.origin
    voters: tuple[str, ...] = ("auditor", "funder", "institution")
    by: str = "auditor"
    time_s: int = 1_767_578_402
    claimed_index: int = -1
    claimed_place: int = -1
    sealed: Callable[[bytes], bytes] = bytes
    """Changes the author's side after it was written."""

    def leaf(self) -> bytes:
        """Return the entry that the receipt is of."""
        return self.entry or encode_entry(
            self.number, "applied", self.party, self.records[self.place]
        )

    def checkpoint(self) -> tuple[Checkpoint, str]:
        """Return the checkpoint and how it is served."""
        frontier = Frontier()
        frontier.extend(self.leaves())
        block = domains.block_hash(b"block")
        point = Checkpoint(self.origin, self.size, frontier.root(), 4, 5, block)
        lines = [
            Cosignature(
                cosigner_name(self.origin, name),
                SIGNERS[name].public_key,
                self.time_s,
                cosign(SIGNERS[name], point, self.time_s),
            )
            for name in self.voters
        ]
        return point, signed_checkpoint(point, SIGNERS[self.by], lines)

    def leaves(self) -> list[bytes]:
        """Return the leaf hashes of the log."""
        others = [leaf_hash(b"other %d" % n) for n in range(self.size)]
        return [*others[: self.index], leaf_hash(self.leaf()), *others[self.index + 1 :]]

    def side(self) -> bytes:
        """Return the author's side, signed."""
        hashes = [leaf_hash(each) for each in self.records]
        header = BatchHeader(
            count=len(self.records), ledger=self.ledger, number=self.number, party=self.party,
            previous="ab" * 32, root=root_of(hashes).hex(),
        )  # fmt: skip
        said = domains.batch_signature_input(canonical.encode(header))
        side = AuthorSide(
            batch=header,
            entry=msgspec.Raw(self.leaf()),
            path=tuple(node.hex() for node in path_of(hashes, self.place)),
            place=self.place if self.claimed_place < 0 else self.claimed_place,
            signature=SIGNERS[self.signer].sign(said).hex(),
        )
        return self.sealed(canonical.encode(side))

    def text(self) -> str:
        """Return the receipt."""
        index = self.index if self.claimed_index < 0 else self.claimed_index
        path = path_of(self.leaves(), self.index)
        return TlogProof(index, path, self.checkpoint()[1], self.side()).encode()


def swapped(*pair: bytes) -> Callable[[bytes], bytes]:
    """Return a change that replaces one text by another, once."""

    def change(raw: bytes) -> bytes:
        assert pair[0] in raw, pair
        return raw.replace(pair[0], pair[1], 1)

    return change


def lines_of(change: Callable[[list[str]], list[str]]) -> str:
    """Return a true receipt whose lines were changed."""
    return "\n".join(change(GOOD.split("\n")))


GOOD = Forge().text()
_ENTRY = Forge().leaf()
_AT = GOOD.split("\n").index("")
"""The number of the blank line before the checkpoint."""


def _moved(lines: list[str], one: int, two: int) -> list[str]:
    lines[one], lines[two] = lines[two], lines[one]
    return lines


def _without(start: int, count: int = 1) -> str:
    return lines_of(lambda lines: lines[:start] + lines[start + count :])


def _cosigned(party: str) -> int:
    return next(n for n, line in enumerate(GOOD.split("\n")) if f"/{party} " in line)


def forged(**changes: object) -> str:
    """Return a receipt in which these parts are other ones, signed as they are."""
    return replace(Forge(), **changes).text()  # type: ignore[arg-type]


CORRUPTIONS: dict[str, str] = {
    # the record, and what the log says of it
    "a changed amount": forged(sealed=swapped(b'"amount":123456', b'"amount":123457')),
    "a refused record as applied": forged(sealed=swapped(b'"applied"', b'"not-due-yet"')),
    "another party's entry": forged(
        sealed=swapped(b'"party":"platform","record"', b'"party":"funder","record"')
    ),
    "another batch's entry": forged(sealed=swapped(b'"entry":{"batch":7', b'"entry":{"batch":8')),
    "an entry with a field more": forged(entry=_ENTRY[:-1] + b',"x":1}'),
    "an entry of batch 0": forged(entry=_ENTRY.replace(b'"batch":7', b'"batch":0')),
    "an entry of other form": forged(entry=_ENTRY.replace(b'"applied"', b'"Applied"')),
    "an entry that is a list": forged(entry=b"[1]"),
    "an entry with a space": forged(entry=_ENTRY.replace(b'{"batch"', b'{ "batch"')),
    # the place in the log
    "another index": forged(claimed_index=6),
    "an index behind the end": forged(claimed_index=11),
    "a huge index": forged(claimed_index=2**63 - 1),
    "the path in another order": lines_of(lambda lines: _moved(lines, 3, 4)),
    "a path cut short": _without(_AT - 1),
    "a path too long": lines_of(lambda lines: [*lines[:_AT], lines[_AT - 1], *lines[_AT:]]),
    "no path": _without(3, _AT - 3),
    # the author's signature
    "signed by another": forged(signer="funder"),
    "another ledger's batch": forged(ledger=OTHER.ledger),
    "a stranger's batch": forged(
        party="merchant",
        signer="merchant",
        entry=encode_entry(7, "applied", "platform", record(1)),
    ),
    "a batch of the same author with another number": forged(
        entry=encode_entry(6, "applied", "platform", record(1))
    ),
    "a batch of another author": forged(
        party="funder", signer="funder", entry=encode_entry(7, "applied", "platform", record(1))
    ),
    "a batch without the record": forged(entry=encode_entry(7, "applied", "platform", record(9))),
    "another place in the batch": forged(claimed_place=0),
    "a place behind the batch": forged(claimed_place=3),
    "the batch's root changed": forged(sealed=swapped(b'"root":"', b'"root":"00')),
    "the batch's previous changed": forged(sealed=swapped(b"ab" * 32, b"ac" * 32)),
    "the author's signature of zeros": forged(
        sealed=lambda raw: raw[: raw.rindex(b':"')] + b':"' + b"0" * 128 + b'"}'
    ),
    # the checkpoint
    "a checkpoint of another ledger": forged(origin=OTHER.origin),
    "too few cosigners": forged(voters=("auditor", "funder")),
    "no cosigner": forged(voters=()),
    "a stranger for a cosigner": forged(voters=("auditor", "funder", "merchant")),
    "served by a stranger": forged(by="merchant"),
    "nobody serves it": _without(_AT + 6),
    "a cosignature is missing": _without(_cosigned("funder")),
    "a cosignature twice": lines_of(
        lambda lines: [*lines[:-1], lines[_cosigned("funder")], lines[-1]]
    ),
    "one's cosignature under another's name": GOOD.replace("/funder ", "/auditor ").replace(
        "/auditor ", "/funder ", 1
    ),
    "another size": GOOD.replace("\n11\n", "\n12\n"),
    "another height": GOOD.replace("block 4 5", "block 5 5"),
    "another time": GOOD.replace("AABpWxsi", "AABpWxsj"),
    # the form
    "white space in the statement": forged(sealed=swapped(b'{"batch":', b'{"batch": ')),
    "the statement's keys in another order": forged(
        sealed=lambda raw: b'{"place":1,' + raw[1:].replace(b'"place":1,', b"")
    ),
    "a field twice": forged(sealed=swapped(b'"place":1,', b'"place":1,"place":1,')),
    "an unknown field": forged(sealed=swapped(b'"place":1,', b'"place":1,"plaza":1,')),
    "a missing field": forged(sealed=swapped(b'"place":1,', b"")),
    "a place as a float": forged(sealed=swapped(b'"place":1,', b'"place":1.0,')),
    "a place as a text": forged(sealed=swapped(b'"place":1,', b'"place":"1",')),
    "a negative place": forged(sealed=swapped(b'"place":1,', b'"place":-1,')),
    "a place of 2^53": forged(sealed=swapped(b'"place":1,', b'"place":9007199254740992,')),
    "a signature in upper case": forged(
        sealed=lambda raw: raw[: raw.rindex(b':"')] + raw[raw.rindex(b':"') :].upper()
    ),
    "a statement that is no JSON": forged(sealed=lambda raw: raw[:-1]),
    "a statement that is no UTF-8": forged(sealed=swapped(b"platform", b"pl\xfftform")),
    "a null": forged(sealed=swapped(b'"place":1,', b'"place":null,')),
    "a batch of no records": forged(sealed=swapped(b'"count":3', b'"count":0')),
    "no statement": _without(1),
    "an empty statement": lines_of(lambda lines: [lines[0], "extra ", *lines[2:]]),
    "spare bits in base64": GOOD.replace("=\n\n", "=x\n\n"),
    "carriage returns": GOOD.replace("\n", "\r\n"),
    "a byte-order mark": "\ufeff" + GOOD,
    "text behind the end": GOOD + "more\n",
    "a blank line behind the end": GOOD + "\n",
    "no newline at the end": GOOD[:-1],
    "the file twice": GOOD * 2,
    "another version": GOOD.replace("@v1", "@v2"),
    "an index with a zero before it": GOOD.replace("index 5", "index 05"),
    "an index of 2^63": GOOD.replace("index 5", f"index {2**63}"),
    "a size with a zero before it": GOOD.replace("\n11\n", "\n011\n"),
    "a hyphen for the dash": GOOD.replace("\u2014 ", "- "),
    "nothing": "",
}
"""Receipts that are none, by what is wrong with them."""
