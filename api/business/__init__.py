"""What the records of the log add up to: payments, payouts, receivers, refunds, fees, and more.

Every module has its views, structs that say what is shown, and its routes.
"""
