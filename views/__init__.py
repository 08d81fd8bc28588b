"""Texts that people read, in their language."""
