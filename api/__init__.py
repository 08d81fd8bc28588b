"""The HTTP interface: people and programs reach a node over it."""
