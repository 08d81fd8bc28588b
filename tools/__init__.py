"""Makers of documents and checkers of style; never installed."""
