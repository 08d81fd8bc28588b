"""The host: one party's events, its replica and its effects."""
