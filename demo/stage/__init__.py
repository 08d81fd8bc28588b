"""Real node processes of a consortium, and what is played on them."""
