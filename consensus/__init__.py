"""How the parties agree on the order of batches: the Simplex state machine. Pure."""
