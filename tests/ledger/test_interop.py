"""What we write, verified by independent code; and the golden files, which are such a directory.

The Go program beside this file reads a directory of vkeys, checkpoints, proofs and tiles. Set
``TONGZHANG_UPDATE_GOLDEN=1`` to rewrite the golden files and review the difference.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import domains
from ledger.keys import Signer
from ledger.log import merkle, tiles
from ledger.log.checkpoint import (
    Checkpoint,
    Cosignature,
    cosign,
    cosigner_name,
    origin,
    signed_checkpoint,
)
from ledger.log.merkle import Frontier
from ledger.log.note import COSIGNATURE, ED25519, NoteKey
from ledger.log.policy import policy_text
from ledger.log.proof import SUFFIX, TlogProof
from ledger.log.text import encode_base64
from ledger.log.tiles import ENTRIES, Tile

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "log"
PROGRAM = HERE / "interop"
GOLDEN_SIZES = (200, 300)
SIZES = (437, 1000)

# Key seeds: the party's number, from 1, 32 times. The genesis is these bytes.
PARTIES = {
    name: Signer(bytes([number]) * 32)
    for number, name in enumerate(("platform", "institution", "funder", "auditor"), start=1)
}
ORIGIN = origin("pay", domains.genesis_hash(b"golden"))
QUORUM = 3


def entry(index: int) -> bytes:
    return b'{"batch":%d,"outcome":"applied","party":"platform","record":{"id":"o-%d"}}' % (
        index // 100 + 1,
        index,
    )


def entries(size: int) -> list[bytes]:
    return [entry(index) for index in range(size)]


def served(leaves: list[bytes], height: int) -> str:
    frontier = Frontier()
    frontier.extend(leaves)
    block = domains.block_hash(b"block %d" % height)
    point = Checkpoint(ORIGIN, frontier.size, frontier.root(), height, height + 1, block)
    lines = []
    for number, party in enumerate(("platform", "funder", "auditor")):
        signer, time_s = PARTIES[party], 1_700_000_000 + height + number
        name = cosigner_name(ORIGIN, party)
        lines.append(Cosignature(name, signer.public_key, time_s, cosign(signer, point, time_s)))
    return signed_checkpoint(point, PARTIES["platform"], lines)


def example(old_size: int, size: int) -> dict[str, bytes]:
    """Return every file of an example directory by its path."""
    data = entries(size)
    leaves = [merkle.leaf_hash(each) for each in data]
    store = {(level, index): tile for level, index, tile in tiles.grow(0, leaves, lambda *_: None)}
    read = tiles.hash_reader(lambda level, index: store.get((level, index)))
    checkpoint = served(leaves, 8)
    keys = {party: signer.public_key for party, signer in PARTIES.items()}
    cosigners = [
        NoteKey(cosigner_name(ORIGIN, party), COSIGNATURE, key).vkey for party, key in keys.items()
    ]
    consistency = merkle.consistency_path(old_size, size, read)
    files = {
        "vkey.txt": NoteKey(ORIGIN, ED25519, keys["platform"]).vkey + "\n",
        "cosigners.txt": "\n".join(cosigners) + "\n",
        "quorum.txt": f"{QUORUM}\n",
        "policy.txt": policy_text(ORIGIN, keys, QUORUM),
        "checkpoint.txt": checkpoint,
        "old-checkpoint.txt": served(leaves[:old_size], 5),
        "consistency.txt": "".join(encode_base64(node) + "\n" for node in consistency),
    }
    raw = {name: text.encode() for name, text in files.items()}
    for index in (0, 255, size - 1):
        path = merkle.inclusion_path(index, size, read)
        extra = b"extra" if index else None
        raw[f"{index}{SUFFIX}"] = TlogProof(index, path, checkpoint, extra).encode().encode()
        raw[f"{index}.leaf"] = data[index]
    return raw | tile_files(store, data)


def tile_files(store: dict[tuple[int, int], bytes], data: list[bytes]) -> dict[str, bytes]:
    raw: dict[str, bytes] = {}
    for tile in tiles.tiles_of(len(data)):
        raw[tile.path] = store[(tile.level, tile.index)]
        if tile.level == 0:
            start = tile.index * tiles.TILE_WIDTH
            bundle = tiles.encode_entries(data[start : start + tile.width])
            raw[Tile(ENTRIES, tile.index, tile.width).path] = bundle
    return raw


def write(directory: Path, files: dict[str, bytes]) -> None:
    for name, raw in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)


def test_golden_files_are_what_the_code_writes() -> None:
    expected = example(*GOLDEN_SIZES)
    if os.environ.get("TONGZHANG_UPDATE_GOLDEN") == "1":
        for old in [path for path in GOLDEN.iterdir() if path.name != "README.md"]:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        write(GOLDEN, expected)
    found = {
        path.relative_to(GOLDEN).as_posix(): path.read_bytes()
        for path in GOLDEN.rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    assert found == expected


def leave_out(reason: str) -> None:
    if os.environ.get("TONGZHANG_REQUIRE_GO") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def go(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["go", *arguments], cwd=PROGRAM, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def prepared() -> None:
    if shutil.which("go") is None:
        leave_out("no go command here: independent code did not verify our files")
    fetched = go("mod", "download")
    if fetched.returncode:
        leave_out(f"the Go module cannot be fetched here: {fetched.stderr.strip()}")


@pytest.fixture(scope="module")
def program(prepared: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("interop") / "interop"
    built = go("build", "-o", str(binary), ".")
    assert built.returncode == 0, built.stderr
    return binary


def run(program: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), str(directory)], capture_output=True, text=True, check=False, timeout=60
    )


def test_independent_code_verifies_a_log_of_a_thousand_entries(
    prepared: None, tmp_path: Path
) -> None:
    write(tmp_path, example(*SIZES))
    done = go("run", ".", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "checkpoint.txt: checkpoint of size 1000 verified, 3 cosignatures",
        "consistency.txt: 437 is a prefix of 1000",
        "255.tlog-proof: leaf 255 is in the tree of size 1000",
        "tile: 1000 leaf hashes verified",
        "tile/entries: 1000 entries verified",
    ):
        assert line in done.stdout.splitlines()
    assert done.stdout.count("cosigner key accepted: ") == len(PARTIES)


@pytest.mark.parametrize("sizes", [(1, 256), (256, 257), (256, 512), (299, 300), (300, 300)])
def test_independent_code_verifies_logs_at_tile_boundaries(
    sizes: tuple[int, int], program: Path, tmp_path: Path
) -> None:
    write(tmp_path, example(*sizes))
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stdout


def test_independent_code_verifies_the_golden_files(program: Path) -> None:
    done = run(program, GOLDEN)
    assert done.returncode == 0, done.stdout


def flip(at: int) -> Callable[[bytes], bytes]:
    def change(raw: bytes) -> bytes:
        changed = bytearray(raw)
        changed[at] ^= 1
        return bytes(changed)

    return change


def swap_lines(raw: bytes) -> bytes:
    first, second, *rest = raw.split(b"\n")
    return b"\n".join([second, first, *rest])


def drop_line(at: int) -> Callable[[bytes], bytes]:
    def change(raw: bytes) -> bytes:
        lines = raw.split(b"\n")
        del lines[at]
        return b"\n".join(lines)

    return change


def forge_history(_: bytes) -> bytes:
    forged = [merkle.leaf_hash(b"forged"), *map(merkle.leaf_hash, entries(SIZES[0])[1:])]
    return served(forged, 5).encode()


CORRUPTIONS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "own key flipped": ("vkey.txt", flip(-10)),
    "own key's name flipped": ("vkey.txt", flip(12)),
    "own key is a cosigner's": ("vkey.txt", lambda _: example(1, 256)["cosigners.txt"]),
    "cosigner key flipped": ("cosigners.txt", flip(-10)),
    "cosigners two fewer": ("cosigners.txt", lambda raw: b"\n".join(raw.split(b"\n")[2:])),
    "quorum above the signatures": ("quorum.txt", lambda _: b"4\n"),
    "quorum absent": ("quorum.txt", lambda _: b""),
    "checkpoint of another size": (
        "checkpoint.txt",
        lambda raw: raw.replace(b"\n1000\n", b"\n999\n"),
    ),
    "checkpoint root flipped": ("checkpoint.txt", flip(len(ORIGIN) + 10)),
    "checkpoint own signature flipped": (
        "checkpoint.txt",
        lambda raw: flip(raw.index("\n— ".encode()) + 60)(raw),
    ),
    "checkpoint cosignature flipped": ("checkpoint.txt", flip(-20)),
    "checkpoint without own signature": ("checkpoint.txt", drop_line(5)),
    "checkpoint without one cosignature": ("checkpoint.txt", drop_line(7)),
    "checkpoint cut short": ("checkpoint.txt", lambda raw: raw[:-1]),
    "old checkpoint root flipped": ("old-checkpoint.txt", flip(len(ORIGIN) + 10)),
    "old checkpoint of a rewritten history": ("old-checkpoint.txt", forge_history),
    "consistency path flipped": ("consistency.txt", flip(3)),
    "consistency path truncated": ("consistency.txt", drop_line(0)),
    "consistency path extended": ("consistency.txt", lambda raw: raw + raw[:45]),
    "consistency path swapped": ("consistency.txt", swap_lines),
    "consistency path emptied": ("consistency.txt", lambda _: b""),
    "proof of another index": (
        "255.tlog-proof",
        lambda raw: raw.replace(b"index 255", b"index 254"),
    ),
    "proof index equals size": (
        "255.tlog-proof",
        lambda raw: raw.replace(b"index 255", b"index 1000"),
    ),
    "proof path flipped": ("255.tlog-proof", lambda raw: flip(raw.index(b"index") + 12)(raw)),
    "proof path truncated": ("255.tlog-proof", drop_line(3)),
    "proof checkpoint flipped": ("255.tlog-proof", flip(-20)),
    "leaf flipped": ("255.leaf", flip(5)),
    "leaf of another place": ("255.leaf", lambda _: entry(254)),
    "leaf tile flipped": ("tile/0/001", flip(700)),
    "upper tile flipped": ("tile/1/000.p/3", flip(40)),
    "partial tile cut short": ("tile/0/003.p/232", lambda raw: raw[:-32]),
    "entry flipped": ("tile/entries/002", flip(30)),
    "entry bundle extended": ("tile/entries/003.p/232", lambda raw: raw + b"\0\0"),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_independent_code_rejects(name: str, program: Path, tmp_path: Path) -> None:
    files = example(*SIZES)
    path, change = CORRUPTIONS[name]
    corrupted = change(files[path])
    assert corrupted != files[path]
    write(tmp_path, files | {path: corrupted})
    done = run(program, tmp_path)
    assert done.returncode == 1, done.stdout
    assert "FAILED: " in done.stdout


# A directory may hold any number of proof files, and the policy is for other tools.
NEEDED = [name for name in example(*SIZES) if not name.endswith((SUFFIX, "policy.txt"))]


@pytest.mark.parametrize("name", NEEDED)
def test_independent_code_misses_an_absent_file(name: str, program: Path, tmp_path: Path) -> None:
    files = example(*SIZES)
    del files[name]
    write(tmp_path, files)
    assert run(program, tmp_path).returncode == 1
