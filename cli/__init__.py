"""The ``tongzhang`` command."""
