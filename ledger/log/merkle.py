"""The log's Merkle tree: hashes, the growing frontier, proofs and their verification.

A tree of size n has n leaf hashes. ``read(level, index)`` names the hash of a complete subtree:
the one over the leaves ``[index << level, (index + 1) << level)``.

Source: RFC 6962 section 2.1 (hashes, audit paths, consistency proofs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from ledger.errors import DecodeError, LedgerError, VerificationError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves."""

HashReader = Callable[[int, int], bytes]
"""``read(level, index)``: the 32-byte hash of a complete subtree of ``2**level`` leaves."""

_NODE = b"\x01"


def leaf_hash(data: bytes) -> bytes:
    """Return the 32-byte hash of one leaf: ``SHA-256(0x00 || data)``."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of an inner node: ``SHA-256(0x01 || left || right)``."""
    return sha256(_NODE + left + right).digest()


def parents(nodes: Iterable[bytes]) -> list[bytes]:
    """Return the hashes of consecutive pairs; an odd last node has no parent yet."""
    each = iter(nodes)
    return [sha256(_NODE + left + right).digest() for left, right in zip(each, each, strict=False)]


class Frontier:
    """The right edge of a tree: enough to append for ever and to know every root on the way.

    It holds one hash per complete subtree, the largest first, one for each one-bit of the size.
    Appending changes the object; :meth:`copy` costs a list of at most 63 references.

    Args:
        size: Count of leaves.
        hashes: As :attr:`hashes` gave them for that size.

    Raises:
        DecodeError: ``bad-frontier``, when the hashes cannot belong to the size.

    Source: RFC 9162 section 2.1.2 (verifying a tree with a stack of hashes).
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self._size = size
        self._hashes = list(hashes)
        if size < 0 or len(self._hashes) != size.bit_count():
            raise DecodeError(
                "bad-frontier",
                f"a tree of size {size} has one hash per one-bit, got {len(self._hashes)} hashes",
            )
        if any(len(node) != HASH_BYTES for node in self._hashes):
            raise DecodeError("bad-frontier", f"every hash must have {HASH_BYTES} bytes")

    @property
    def size(self) -> int:
        """Count of leaves."""
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Hashes of the complete subtrees, largest first: what to store beside the size."""
        return tuple(self._hashes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frontier):
            return NotImplemented
        return self._size == other._size and self._hashes == other._hashes

    def __repr__(self) -> str:
        return f"Frontier(size={self._size}, root={self.root().hex()})"

    def copy(self) -> Frontier:
        """Return an independent frontier of the same tree."""
        twin = Frontier.__new__(Frontier)
        twin._size = self._size
        twin._hashes = self._hashes.copy()
        return twin

    def root(self) -> bytes:
        """Return the 32-byte root of the tree."""
        return _fold(self._hashes) if self._hashes else EMPTY_ROOT

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the right."""
        rest = self._size
        while rest & 1:
            leaf = sha256(_NODE + self._hashes.pop() + leaf).digest()
            rest >>= 1
        self._hashes.append(leaf)
        self._size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes at the right, in order. Faster than :meth:`append` for each."""
        nodes = list(leaves)
        start = self._size
        self._size += len(nodes)
        right: list[bytes] = []
        while nodes:
            if start & 1:
                nodes.insert(0, self._hashes.pop())
            if len(nodes) & 1:
                right.append(nodes.pop())
            nodes = parents(nodes)
            start >>= 1
        self._hashes.extend(reversed(right))


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the 32-byte root of the tree over these leaf hashes."""
    frontier = Frontier()
    frontier.extend(leaf_hashes)
    return frontier.root()


def path_of(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the inclusion path of one leaf among all leaf hashes of a small tree.

    Raises:
        LedgerError: ``index-out-of-range``.
    """
    _refuse_index(index, len(leaf_hashes))
    path: list[bytes] = []
    nodes = list(leaf_hashes)
    while len(nodes) > 1:
        if index ^ 1 < len(nodes):
            path.append(nodes[index ^ 1])
        lone = nodes[-1:] if len(nodes) & 1 else []
        nodes = parents(nodes) + lone
        index >>= 1
    return tuple(path)


def root_at(size: int, read: HashReader) -> bytes:
    """Return the 32-byte root of the first ``size`` leaves."""
    return _range_root(0, size, read) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, read: HashReader) -> tuple[bytes, ...]:
    """Return the hashes that prove leaf ``index`` in the tree of ``size``, the leaf's side first.

    Raises:
        LedgerError: ``index-out-of-range``.

    Source: RFC 6962 section 2.1.1, PATH(m, D[n]).
    """
    _refuse_index(index, size)
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, read))
            end = middle
        else:
            path.append(_range_root(start, middle, read))
            start = middle
    return tuple(reversed(path))


def consistency_path(old: int, new: int, read: HashReader) -> tuple[bytes, ...]:
    """Return the hashes that prove the tree of size ``old`` to be a prefix of that of ``new``.

    The path is empty when ``old`` is 0 or equals ``new``.

    Raises:
        LedgerError: ``index-out-of-range``, when ``0 <= old <= new`` does not hold.

    Source: RFC 6962 section 2.1.2, PROOF(m, D[n]).
    """
    if not 0 <= old <= new:
        raise LedgerError("index-out-of-range", f"no tree of size {old} comes before {new}")
    if old == 0:
        return ()
    path: list[bytes] = []
    start, end = 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_root(middle, end, read))
            end = middle
        else:
            path.append(_range_root(start, middle, read))
            start = middle
    if start:
        path.append(_range_root(start, end, read))
    return tuple(reversed(path))


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Return if ``path`` proves that the tree of ``size`` and ``root`` has ``leaf`` at ``index``.

    Args:
        leaf: The 32-byte leaf hash, not the leaf's data.
        index: 0-based place of the leaf.
        size: Count of leaves of the tree.
        path: Hashes from the leaf's sibling upwards.
        root: The 32-byte root.

    Raises:
        VerificationError: ``bad-inclusion-proof``.

    Source: RFC 6962 section 2.1.1; RFC 9162 section 2.1.3.2.
    """
    code = "bad-inclusion-proof"
    if not 0 <= index < size:
        raise VerificationError(code, f"a tree of size {size} has no leaf {index}")
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    _refuse_shape(code, (leaf, root, *path), len(path), inner + border)
    node = leaf
    for level, sibling in enumerate(path[:inner]):
        pair = (sibling, node) if index >> level & 1 else (node, sibling)
        node = node_hash(*pair)
    for sibling in path[inner:]:
        node = node_hash(sibling, node)
    if node != root:
        raise VerificationError(code, "the path leads to another root: leaf or path is not of it")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Return if ``path`` proves that the new tree only appended to the old one.

    Raises:
        VerificationError: ``bad-consistency-proof``.

    Source: RFC 6962 section 2.1.2; RFC 9162 section 2.1.4.2.
    """
    code = "bad-consistency-proof"
    if not 0 <= old_size <= new_size:
        raise VerificationError(code, f"no tree of size {old_size} comes before {new_size}")
    if old_size in (0, new_size):
        _refuse_shape(code, (old_root, new_root), len(path), 0)
        expected = new_root if old_size == new_size else EMPTY_ROOT
        if old_root != expected or (new_size == 0 and new_root != EMPTY_ROOT):
            raise VerificationError(code, "the roots contradict their sizes")
        return
    old_node, new_node = _walk_consistency(code, (old_size, old_root, new_size, new_root), path)
    if old_node != old_root:
        raise VerificationError(code, "the path leads to another old root")
    if new_node != new_root:
        raise VerificationError(code, "the path leads to another new root")


def _walk_consistency(
    code: str, claim: tuple[int, bytes, int, bytes], path: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Return the old and the new root that a path of the right length leads to."""
    old_size, old_root, new_size, new_root = claim
    last = old_size - 1
    shift = (last ^ old_size).bit_length() - 1  # height of the old tree's smallest subtree
    inner = (last ^ (new_size - 1)).bit_length()
    border = (last >> inner).bit_count()
    whole = old_size == 1 << shift  # that subtree is the whole old tree, and not in the path
    _refuse_shape(
        code, (old_root, new_root, *path), len(path), (not whole) + inner - shift + border
    )
    seed, *rest = (old_root, *path) if whole else path
    old_node = new_node = seed
    for step, sibling in enumerate(rest):
        level = shift + step
        if level < inner and not last >> level & 1:
            new_node = node_hash(new_node, sibling)
            continue
        old_node = node_hash(sibling, old_node)
        new_node = node_hash(sibling, new_node)
    return old_node, new_node


def _refuse_index(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise LedgerError("index-out-of-range", f"a tree of size {size} has no leaf {index}")


def _refuse_shape(code: str, hashes: Iterable[bytes], count: int, expected: int) -> None:
    if count != expected:
        raise VerificationError(code, f"expected a path of {expected} hashes, got {count}")
    if any(len(node) != HASH_BYTES for node in hashes):
        raise VerificationError(code, f"every hash must have {HASH_BYTES} bytes")


def _split(count: int) -> int:
    """Return the largest power of two below ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def _fold(hashes: Sequence[bytes]) -> bytes:
    node = hashes[-1]
    for left in reversed(hashes[:-1]):
        node = node_hash(left, node)
    return node


def _range_root(start: int, end: int, read: HashReader) -> bytes:
    """Return the hash over the leaves ``[start, end)``, a subtree of the RFC 6962 tree."""
    hashes: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        hashes.append(read(level, start >> level))
        start += 1 << level
    return _fold(hashes)
