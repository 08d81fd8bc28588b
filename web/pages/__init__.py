"""Pages, one file a subject. Each is a function that returns what its template shows."""
