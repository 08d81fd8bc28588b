"""Attacks on a node, played against four real ones, and what each of them costs.

Run with ``python -m benchmarks.attacks``; ``--help`` says more. An attack is a function that does
one bad thing for a bounded time (:mod:`benchmarks.attacks.strangers` needs a port only,
:mod:`benchmarks.attacks.clients` a token, :mod:`benchmarks.attacks.peers` a party's key). It runs
in a process of its own while honest clients submit records to the node, and what they, the peers
and the node's memory go through is compared with a calm stretch just before. Another group of
attacks is one more module with its ``ATTACKS``, named in
:data:`benchmarks.attacks.table.ATTACKS`.
"""
