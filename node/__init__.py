"""One party's running node: host loop, storage, peer links, keys and configuration."""
