"""Measurements of what the design promises, on this machine."""
