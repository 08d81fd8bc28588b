"""Lending (助贷): schedules, cost, division, allocation and what follows. Pure values, no records.

    terms.py         what was agreed, and what may be agreed
    dates.py         due dates, day counts
    division.py      largest remainders, columns that close
    schedule.py      the schedule of the terms
    cost.py          cost by plan, its limit
    instalments.py   an instalment as it stands: claims by component and holder
    accrual.py       penalty, interest to the day
    allocation.py    money over open instalments
    plans.py         payoff, partial prepayment, re-plan
    loan.py          a loan as a value, waivers, re-plans
    repayment.py     what a repayment makes of a loan
    compensation.py  claims that pass to the guarantor
    reversal.py      what a reversed payment had moved
    standing.py      days past due, buckets

Example:
    >>> opened = loan.open_loan(agreed, parties)
    >>> paid = repayment.repay(opened, 30_500, date(2022, 12, 1))
    >>> paid.outcome.legs[0]
    LoanLeg(party='funder', instalment=1, component='interest', amount=5000)

Money is in minor units, rates are parts per million, dates are business dates. All arithmetic is
on integers: the one fraction of a year that is counted in is :data:`ledger.lending.dates.PARTS`.
"""
