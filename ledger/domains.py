"""Hash and signature inputs: all of the ledger's are built here, and nowhere else.

Each input starts with its own domain prefix, so that no bytes signed or hashed for one purpose
can ever be presented for another. The two exceptions are inputs that a published standard fixes:
RFC 6962 tree hashes (prefix bytes 0x00 and 0x01) and C2SP notes and cosignatures.
"""

from __future__ import annotations

from hashlib import sha256

GENESIS = b"tongzhang/genesis/v2\n"
FOUNDING_REQUEST = b"tongzhang/founding-request/v1\n"
GENESIS_SIGNATURE = b"tongzhang/genesis-signature/v1\n"
BATCH = b"tongzhang/batch/v1\n"
BATCH_HASH = b"tongzhang/batch-hash/v1\n"
BLOCK_HASH = b"tongzhang/block-hash/v1\n"
PROPOSAL = b"tongzhang/proposal/v1\n"
VOTE = b"tongzhang/vote/v1\n"
STATE_CHANGES = b"tongzhang/state-changes/v1\n"
STATE = b"tongzhang/state/v1\n"
HANDSHAKE = b"tongzhang/handshake/v1\n"
ACCOUNT_COMMITMENT = b"tongzhang/account-commitment/v1\n"
TOKEN = b"tongzhang/token/v1\n"
STATEMENTS = b"tongzhang/statements/v1\n"
LOAN_PROPOSAL = b"tongzhang/loan-proposal/v1\n"

ZERO_HASH = bytes(32)


def genesis_hash(document: bytes) -> bytes:
    """Return the 32-byte hash that names a ledger: SHA-256 over the canonical genesis bytes."""
    return sha256(GENESIS + document).digest()


def request_signature_input(member: bytes) -> bytes:
    """Return what a party signs when it asks to be founded: prefix, then its canonical member."""
    return FOUNDING_REQUEST + member


def genesis_signature_input(genesis: bytes, party: str) -> bytes:
    """Return what a party signs to join: prefix, 32-byte genesis hash, then its own name."""
    return GENESIS_SIGNATURE + genesis + party.encode()


def batch_hash(header: bytes) -> bytes:
    """Return the 32-byte hash of a batch's canonical header."""
    return sha256(BATCH_HASH + header).digest()


def batch_signature_input(header: bytes) -> bytes:
    """Return what an author signs for a batch: prefix, then the canonical batch header."""
    return BATCH + header


def block_hash(header: bytes) -> bytes:
    """Return the 32-byte hash of a block's canonical header."""
    return sha256(BLOCK_HASH + header).digest()


def proposal_signature_input(header: bytes) -> bytes:
    """Return what a leader signs for a proposal: prefix, then the canonical block header."""
    return PROPOSAL + header


def vote_signature_input(vote: bytes) -> bytes:
    """Return what a voter signs for a Notar or Skip vote: prefix, then the canonical vote."""
    return VOTE + vote


def statements_signature_input(statements: bytes) -> bytes:
    """Return what a party signs about another's statements: prefix, then their only encoding."""
    return STATEMENTS + statements


def state_hash(previous: bytes, changes: bytes) -> bytes:
    """Return the chained 32-byte state hash after a block.

    Args:
        previous: The 32-byte state hash of the parent block.
        changes: Canonical bytes of the block's sorted changes and outcomes.
    """
    covered = sha256(STATE_CHANGES)
    covered.update(changes)  # megabytes, which are not copied
    return sha256(STATE + previous + covered.digest()).digest()


def handshake_signature_input(transcript: bytes) -> bytes:
    """Return what both ends of a peer connection sign: prefix, then the canonical transcript."""
    return HANDSHAKE + transcript


def account_commitment(salt: bytes, account: str) -> bytes:
    """Return a salted commitment to a real account number, which itself never enters the log.

    Args:
        salt: At least 16 random bytes, kept by the institution.
        account: The account number as text.
    """
    return sha256(ACCOUNT_COMMITMENT + salt + account.encode()).digest()


def loan_proposal_hash(record: bytes) -> bytes:
    """Return the 32-byte hash by which the proposal of a loan, or of a new schedule, is accepted.

    Args:
        record: The canonical record that proposes it.
    """
    return sha256(LOAN_PROPOSAL + record).digest()


def token_hash(token: str) -> str:
    """Return the hex hash under which a bearer token is stored."""
    return sha256(TOKEN + token.encode()).hexdigest()


def cosignature_input(text: str, timestamp: int) -> bytes:
    """Return what a cosigner signs over a checkpoint's note text.

    Args:
        text: The note text of the checkpoint, ending in a newline.
        timestamp: Seconds since the epoch.

    Source: C2SP tlog-cosignature v1, section "Ed25519 signed message".
    """
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()
