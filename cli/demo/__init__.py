"""One business day driven through real nodes, as the parties would."""
