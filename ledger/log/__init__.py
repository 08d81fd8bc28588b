"""The log's public formats: RFC 6962 Merkle tree and C2SP notes, checkpoints, proofs, tiles."""
