"""A whole consortium in one process: the nodes' real code on simulated clocks, network and disks.

One seed decides everything. :mod:`simulator.plan` says what a run depends on,
:mod:`simulator.world` runs it, :mod:`simulator.checkers` watch it.
"""
