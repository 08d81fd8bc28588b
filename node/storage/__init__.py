"""What one node keeps: the log, the state, its votes; SQLite by default, PostgreSQL by URL."""
