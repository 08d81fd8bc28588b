"""``tongzhang simulate``: a whole consortium on one seed."""
