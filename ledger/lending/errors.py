"""The refusal of a lending rule."""

from __future__ import annotations

from ledger.errors import Refused


class LoanRefused(Refused):
    """A lending rule said no. Nothing changed.

    Args:
        code: Stable kebab-case refusal code.
        rule: The rule that was broken, and what to do.
        expected: What the rule wanted, as text.
        got: What came, as text.
        difference: How much more came than was wanted, in minor units, where both are money.
    """

    def __init__(
        self, code: str, rule: str, *, expected: str, got: str, difference: int | None = None
    ) -> None:
        super().__init__(code, rule, expected=expected, got=got)
        self.rule = rule
        self.difference = difference
        if difference is not None:
            self.message += f" The difference is {difference:+,} minor units."


class AmountRefused(LoanRefused):
    """An amount differs from the one that a rule gives, or is beyond it.

    Args:
        code: Stable kebab-case refusal code.
        rule: The rule that was broken, and what to do.
        expected: Minor units.
        got: Minor units.
    """

    def __init__(self, code: str, rule: str, expected: int, got: int) -> None:
        difference = got - expected
        self.expected_amount = expected
        self.got_amount = got
        super().__init__(
            code, rule, expected=f"{expected:,}", got=f"{got:,}", difference=difference
        )
