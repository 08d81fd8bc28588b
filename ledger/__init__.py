"""The ledger: records, contracts, books and proofs, on which all parties agree. Pure, no I/O."""
