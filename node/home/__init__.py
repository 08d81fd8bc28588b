"""A node's home: keys, configuration, tokens, and its founding."""
