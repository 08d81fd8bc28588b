"""Many nodes in one process on one seed. Reserved; nothing in production imports it."""
