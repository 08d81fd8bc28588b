"""What the parties agree on: records, contracts, books and proofs. Pure: no clock, no I/O."""
