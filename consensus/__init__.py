"""Agreement of the parties on the order of batches: the Simplex state machine. Pure."""
