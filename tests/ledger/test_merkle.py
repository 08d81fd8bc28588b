"""The Merkle tree against the definitions of RFC 6962, and its verifiers against corruption."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import DecodeError, LedgerError, VerificationError
from ledger.log import merkle
from ledger.log.merkle import Frontier

SIZE_MAX = 70
LEAVES = [merkle.leaf_hash(b"leaf %d" % number) for number in range(SIZE_MAX)]

# The eight inputs and the roots over the first 0 to 8 of them that Certificate Transparency's
# reference implementations share.
# Source: google/certificate-transparency, python/ct/crypto/merkle_test.py.
VECTOR_INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
VECTOR_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, MTH(D[n]), over leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1, PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """RFC 6962 section 2.1.2, SUBPROOF(m, D[n], b)."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def read(level: int, index: int) -> bytes:
    """The hash of a complete subtree; a subtree beyond the leaves is a bug of the caller."""
    part = LEAVES[index << level : (index + 1) << level]
    assert len(part) == 1 << level
    return mth(part)


sizes = st.integers(1, SIZE_MAX)


@pytest.mark.parametrize("size", range(9))
def test_root_matches_certificate_transparency_vectors(size: int) -> None:
    leaves = [merkle.leaf_hash(data) for data in VECTOR_INPUTS[:size]]
    assert merkle.root_of(leaves).hex() == VECTOR_ROOTS[size]


@pytest.mark.parametrize("size", range(SIZE_MAX + 1))
def test_every_way_to_a_root_gives_the_defined_root(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    expected = mth(LEAVES[:size])
    assert frontier.root() == merkle.root_of(LEAVES[:size]) == merkle.root_at(size, read)
    assert frontier.root() == expected


@given(st.lists(st.integers(0, 20), max_size=12))
def test_frontier_grown_in_any_steps_equals_frontier_grown_leaf_by_leaf(steps: list[int]) -> None:
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(sum(steps))]
    stepped, single = Frontier(), Frontier()
    at = 0
    for step in steps:
        stepped.extend(leaves[at : at + step])
        at += step
    for leaf in leaves:
        single.append(leaf)
    assert stepped == single
    assert (stepped.size, stepped.hashes) == (single.size, single.hashes)


@given(sizes)
def test_frontier_survives_storage(size: int) -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[:size])
    again = Frontier(frontier.size, frontier.hashes)
    again.append(LEAVES[0])
    assert again.root() == mth([*LEAVES[:size], LEAVES[0]])
    assert frontier.root() == mth(LEAVES[:size])


def test_copied_frontier_is_independent() -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[:7])
    twin = frontier.copy()
    assert twin == frontier
    twin.append(LEAVES[7])
    assert twin != frontier
    assert frontier.root() == mth(LEAVES[:7])
    assert twin.root() == mth(LEAVES[:8])


@pytest.mark.parametrize(
    ("size", "hashes"),
    [(1, []), (0, [bytes(32)]), (3, [bytes(32)]), (2, [bytes(31)]), (-1, [])],
)
def test_frontier_refuses_hashes_that_cannot_belong_to_the_size(
    size: int, hashes: list[bytes]
) -> None:
    with pytest.raises(DecodeError, match="bad-frontier"):
        Frontier(size, hashes)


@given(st.data())
def test_inclusion_path_is_the_defined_one_and_verifies(data: st.DataObject) -> None:
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    found = merkle.inclusion_path(index, size, read)
    assert list(found) == path(index, LEAVES[:size])
    assert found == merkle.path_of(LEAVES[:size], index)
    merkle.verify_inclusion(LEAVES[index], index, size, found, mth(LEAVES[:size]))


@given(st.data())
def test_consistency_path_is_the_defined_one_and_verifies(data: st.DataObject) -> None:
    new = data.draw(sizes)
    old = data.draw(st.integers(1, new))
    found = merkle.consistency_path(old, new, read)
    assert list(found) == subproof(old, LEAVES[:new], True)
    merkle.verify_consistency(old, mth(LEAVES[:old]), new, mth(LEAVES[:new]), found)


def test_the_empty_tree_is_a_prefix_of_every_tree() -> None:
    assert merkle.consistency_path(0, 5, read) == ()
    merkle.verify_consistency(0, merkle.EMPTY_ROOT, 5, mth(LEAVES[:5]), ())
    merkle.verify_consistency(0, merkle.EMPTY_ROOT, 0, merkle.EMPTY_ROOT, ())


@pytest.mark.parametrize("call", [(5, 5), (-1, 5), (0, 0)])
def test_no_inclusion_path_is_made_for_an_index_outside_the_tree(call: tuple[int, int]) -> None:
    with pytest.raises(LedgerError, match="index-out-of-range"):
        merkle.inclusion_path(*call, read)
    with pytest.raises(LedgerError, match="index-out-of-range"):
        merkle.path_of(LEAVES[: call[1]], call[0])


def test_no_consistency_path_is_made_backwards() -> None:
    with pytest.raises(LedgerError, match="index-out-of-range"):
        merkle.consistency_path(6, 5, read)


def flip(node: bytes) -> bytes:
    return bytes([node[0] ^ 1]) + node[1:]


Inclusion = tuple[bytes, int, int, list[bytes], bytes]
INCLUSION_CORRUPTIONS: dict[str, Callable[[Inclusion], Inclusion]] = {
    "truncated at the top": lambda c: (c[0], c[1], c[2], c[3][:-1], c[4]),
    "truncated at the leaf": lambda c: (c[0], c[1], c[2], c[3][1:], c[4]),
    "extended at the top": lambda c: (c[0], c[1], c[2], [*c[3], c[4]], c[4]),
    "extended at the leaf": lambda c: (c[0], c[1], c[2], [c[0], *c[3]], c[4]),
    "last hash doubled": lambda c: (c[0], c[1], c[2], [*c[3], c[3][-1]], c[4]),
    "emptied": lambda c: (c[0], c[1], c[2], [], c[4]),
    "swapped neighbours": lambda c: (c[0], c[1], c[2], [c[3][1], c[3][0], *c[3][2:]], c[4]),
    "reversed": lambda c: (c[0], c[1], c[2], c[3][::-1], c[4]),
    "flipped bit in the path": lambda c: (c[0], c[1], c[2], [flip(c[3][0]), *c[3][1:]], c[4]),
    "flipped bit at the top": lambda c: (c[0], c[1], c[2], [*c[3][:-1], flip(c[3][-1])], c[4]),
    "flipped bit in the leaf": lambda c: (flip(c[0]), *c[1:]),
    "flipped bit in the root": lambda c: (*c[:4], flip(c[4])),
    "leaf and sibling exchanged": lambda c: (c[3][0], c[1], c[2], [c[0], *c[3][1:]], c[4]),
    "inner node as leaf": lambda c: (
        merkle.node_hash(c[0], c[3][0]),
        c[1] >> 1,
        (c[2] + 1) >> 1,
        c[3],
        c[4],
    ),
    "index before": lambda c: (c[0], c[1] - 1, *c[2:]),
    "index after": lambda c: (c[0], c[1] + 1, *c[2:]),
    "index of the neighbour pair": lambda c: (c[0], c[1] ^ 2, *c[2:]),
    "index equals size": lambda c: (c[0], c[2], *c[2:]),
    "index beyond the size": lambda c: (c[0], c[2] + 3, *c[2:]),
    "negative index": lambda c: (c[0], -1, *c[2:]),
    "size halved": lambda c: (c[0], c[1], c[2] // 2, *c[3:]),
    "size doubled": lambda c: (c[0], c[1], c[2] * 2, *c[3:]),
    "size zero": lambda c: (c[0], 0, 0, [], merkle.EMPTY_ROOT),
    "size negative": lambda c: (c[0], c[1], -c[2], *c[3:]),
    "other root": lambda c: (*c[:4], mth(LEAVES[: c[2] - 1])),
    "empty root": lambda c: (*c[:4], merkle.EMPTY_ROOT),
    "root is the leaf": lambda c: (*c[:4], c[0]),
    "root too short": lambda c: (*c[:4], c[4][:31]),
    "root absent": lambda c: (*c[:4], b""),
    "leaf hash too long": lambda c: (c[0] + b"\0", *c[1:]),
    "leaf data instead of leaf hash": lambda c: (b"leaf 4", *c[1:]),
    "path hash too short": lambda c: (c[0], c[1], c[2], [c[3][0][:31], *c[3][1:]], c[4]),
    "path hash too long": lambda c: (c[0], c[1], c[2], [c[3][0] + b"\0", *c[3][1:]], c[4]),
    "path hash empty": lambda c: (c[0], c[1], c[2], [b"", *c[3][1:]], c[4]),
    "two hashes joined": lambda c: (c[0], c[1], c[2], [c[3][0] + c[3][1], *c[3][2:]], c[4]),
}


@pytest.mark.parametrize("name", INCLUSION_CORRUPTIONS)
@pytest.mark.parametrize(("index", "size"), [(4, 11), (4, 7), (0, 8), (5, 70), (66, 70), (10, 11)])
def test_inclusion_proof_rejects(name: str, index: int, size: int) -> None:
    good: Inclusion = (
        LEAVES[index],
        index,
        size,
        path(index, LEAVES[:size]),
        mth(LEAVES[:size]),
    )
    merkle.verify_inclusion(*good)
    bad = INCLUSION_CORRUPTIONS[name](good)
    with pytest.raises(VerificationError) as caught:
        merkle.verify_inclusion(*bad)
    assert caught.value.code == "bad-inclusion-proof"


Consistency = tuple[int, bytes, int, bytes, list[bytes]]
CONSISTENCY_CORRUPTIONS: dict[str, Callable[[Consistency], Consistency]] = {
    "truncated at the top": lambda c: (*c[:4], c[4][:-1]),
    "truncated at the seed": lambda c: (*c[:4], c[4][1:]),
    "extended at the top": lambda c: (*c[:4], [*c[4], c[3]]),
    "extended at the seed": lambda c: (*c[:4], [c[1], *c[4]]),
    "last hash doubled": lambda c: (*c[:4], [*c[4], c[4][-1]]),
    "emptied": lambda c: (*c[:4], []),
    "swapped neighbours": lambda c: (*c[:4], [c[4][1], c[4][0], *c[4][2:]]),
    "reversed": lambda c: (*c[:4], c[4][::-1]),
    "flipped bit in the seed": lambda c: (*c[:4], [flip(c[4][0]), *c[4][1:]]),
    "flipped bit at the top": lambda c: (*c[:4], [*c[4][:-1], flip(c[4][-1])]),
    "flipped bit in the old root": lambda c: (c[0], flip(c[1]), *c[2:]),
    "flipped bit in the new root": lambda c: (*c[:3], flip(c[3]), c[4]),
    "roots exchanged": lambda c: (c[0], c[3], c[2], c[1], c[4]),
    "sizes exchanged": lambda c: (c[2], c[1], c[0], c[3], c[4]),
    "backwards": lambda c: (c[2], c[3], c[0], c[1], c[4]),
    "old size before": lambda c: (c[0] - 1, *c[1:]),
    "old size after": lambda c: (c[0] + 1, *c[1:]),
    "old size zero": lambda c: (0, *c[1:]),
    "old size negative": lambda c: (-c[0], *c[1:]),
    "old size equals new size": lambda c: (c[2], *c[1:]),
    "new size halved": lambda c: (c[0], c[1], c[2] // 2, *c[3:]),
    "new size doubled": lambda c: (c[0], c[1], c[2] * 2, *c[3:]),
    "other old root": lambda c: (c[0], mth(LEAVES[: c[0] - 1]), *c[2:]),
    "other new root": lambda c: (*c[:3], mth(LEAVES[: c[2] - 1]), c[4]),
    "old root claimed unchanged": lambda c: (*c[:3], c[1], c[4]),
    "empty old root": lambda c: (c[0], merkle.EMPTY_ROOT, *c[2:]),
    "old root too short": lambda c: (c[0], c[1][:31], *c[2:]),
    "new root absent": lambda c: (*c[:3], b"", c[4]),
    "path hash too short": lambda c: (*c[:4], [c[4][0][:31], *c[4][1:]]),
    "path hash too long": lambda c: (*c[:4], [c[4][0] + b"\0", *c[4][1:]]),
    "path hash empty": lambda c: (*c[:4], [b"", *c[4][1:]]),
    "two hashes joined": lambda c: (*c[:4], [c[4][0] + c[4][1], *c[4][2:]]),
    "rewritten history": lambda c: (
        c[0],
        mth([merkle.leaf_hash(b"forged"), *LEAVES[1 : c[0]]]),
        *c[2:],
    ),
}


@pytest.mark.parametrize("name", CONSISTENCY_CORRUPTIONS)
@pytest.mark.parametrize(("old", "new"), [(3, 7), (6, 11), (5, 70), (8, 70), (32, 70), (33, 69)])
def test_consistency_proof_rejects(name: str, old: int, new: int) -> None:
    good: Consistency = (
        old,
        mth(LEAVES[:old]),
        new,
        mth(LEAVES[:new]),
        subproof(old, LEAVES[:new], True),
    )
    merkle.verify_consistency(*good)
    bad = CONSISTENCY_CORRUPTIONS[name](good)
    with pytest.raises(VerificationError) as caught:
        merkle.verify_consistency(*bad)
    assert caught.value.code == "bad-consistency-proof"


TRIVIAL: dict[str, Consistency] = {
    "empty tree with a path": (0, merkle.EMPTY_ROOT, 4, mth(LEAVES[:4]), [LEAVES[0]]),
    "empty tree with another root": (0, LEAVES[0], 4, mth(LEAVES[:4]), []),
    "both empty with the same wrong root": (0, LEAVES[0], 0, LEAVES[0], []),
    "equal sizes with a path": (4, mth(LEAVES[:4]), 4, mth(LEAVES[:4]), [LEAVES[0]]),
    "equal sizes with other roots": (4, mth(LEAVES[:4]), 4, mth(LEAVES[:5]), []),
    "equal sizes with short roots": (4, b"", 4, b"", []),
}


@pytest.mark.parametrize("name", TRIVIAL)
def test_trivial_consistency_proof_rejects(name: str) -> None:
    with pytest.raises(VerificationError, match="bad-consistency-proof"):
        merkle.verify_consistency(*TRIVIAL[name])


@pytest.mark.parametrize("size", [1, 2, 7, 8, 40])
def test_an_inclusion_path_proves_one_index_only(size: int) -> None:
    root = mth(LEAVES[:size])
    for index in range(size):
        found = path(index, LEAVES[:size])
        for other in range(size):
            if other == index:
                continue
            with pytest.raises(VerificationError):
                merkle.verify_inclusion(LEAVES[index], other, size, found, root)


@given(
    st.binary(max_size=33),
    st.integers(-2, 20),
    st.integers(-2, 20),
    st.lists(st.binary(max_size=33), max_size=8),
    st.binary(max_size=33),
)
def test_arbitrary_proofs_raise_verification_errors_only(
    leaf: bytes, index: int, size: int, hashes: list[bytes], root: bytes
) -> None:
    calls: list[Callable[[], None]] = [
        lambda: merkle.verify_inclusion(leaf, index, size, hashes, root),
        lambda: merkle.verify_consistency(index, leaf, size, root, hashes),
    ]
    for call in calls:
        try:
            call()
        except VerificationError as error:
            assert error.code in ("bad-inclusion-proof", "bad-consistency-proof")
