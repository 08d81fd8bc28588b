"""Tongzhang beside what others build: the same records, the same machine, in one run."""
