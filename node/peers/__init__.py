"""Links to the other parties' nodes."""
