"""A business day played on a consortium of real processes, with a second account of it."""
