"""Storage of one node: the log, the state, its votes; SQLite by default, PostgreSQL by URL."""
