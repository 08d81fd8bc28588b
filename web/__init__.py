"""The web pages of a node: what views and recordings look like to people."""
