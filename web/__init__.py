"""The page: what a node knows, for people at a browser. Shows views; knows no rules of its own."""
