"""Loans worked out a second time, day by day, without a line of the ledger's own computation.

``account.answer`` plays a neutral case, plain data, and says what each event moved and left open;
``cost.cost`` says what a loan costs by plan; ``cases`` draws random cases, and ``compare`` holds
another computation against this one.

    >>> from demo.portfolio.account import answer
    >>> from demo.portfolio.cases import draw_case
    >>> sorted(answer(draw_case(seed=7, number=0)))
    ['bucket', 'days_past_due', 'events', 'schedule']
"""
