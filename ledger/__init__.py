"""The ledger that parties agree on: records, contracts, books, proofs. Pure: no clock, no I/O."""
