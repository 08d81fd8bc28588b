"""A portfolio of loans with its history, and what becomes of it by the second computation.

``generate`` tells what every party states, in order, as records that a ledger applies; ``answer``
says what has to come of it, fen by fen, without asking the ledger; ``check`` loads a portfolio into
a ledger and compares all of it.

    >>> from demo.loans.cast import PortfolioPlan
    >>> from demo.loans.generate import generate
    >>> len(generate(PortfolioPlan(loans=20, months=6, seed=1)).lives)
    20
"""
