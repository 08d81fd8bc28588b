"""Measures what the design promises, on this machine."""
