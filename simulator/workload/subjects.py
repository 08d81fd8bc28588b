"""Subjects of the workload's records, as the workload remembers them."""

from __future__ import annotations

from typing import Any

Fields = dict[str, Any]


class NothingFits(Exception):
    """A draft needs something that is not there: its author says something else."""


class Known:
    """A subject of records. ``busy`` names who waits for an answer about it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.busy: list[str] = []


class KnownReceiver(Known):
    """A registered receiver; ``due`` are the legs that no payout takes yet."""

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields["receiver"])
        self.currency: str = fields["currency"]
        self.cycle: str = fields["cycle"]
        self.owner: str = fields.get("owner", "")
        self.suspended = False
        self.due: list[KnownLeg] = []


class KnownLeg:
    """One leg of a payment whose halves agree; its place there counts from 1."""

    def __init__(
        self, place: tuple[KnownPayment, int], receiver: KnownReceiver, amount: int, day: str
    ) -> None:
        self.payment, self.number = place
        self.receiver = receiver
        self.amount = amount
        self.day = day
        """The business date of the capture: when it is due follows from the calendar."""
        self.payout = ""


class KnownPayment(Known):
    """A payment: its two halves as they were stated last, and what became of its money.

    ``waits`` says that it is of a loan: its legs to a suspended receiver wait.
    """

    waits = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.capture: Fields | None = None
        self.split: Fields | None = None
        self.reversed = False
        """Whether the platform owes a word about a reversal."""
        self.legs: list[KnownLeg] = []
        self.refunded = 0
        """The part of it that is being refunded, or was."""
        self.refunded_in = ""
        """The currency of that, once anything was."""
        self.charge: KnownCharge | None = None

    @property
    def captured(self) -> Fields:
        """Its capture; nothing fits without one."""
        return _there(self.capture)

    @property
    def instructed(self) -> Fields:
        """Its split; nothing fits without one."""
        return _there(self.split)

    @property
    def refundable(self) -> int:
        """What of it can still be refunded: nothing while it is contested."""
        if self.capture is None or self.clashes:
            return 0
        return int(self.capture["amount"] - self.refunded)

    def void(self) -> None:
        """Let its capture be reversed."""
        self.capture = None
        self.reversed = True

    @property
    def in_payout(self) -> bool:
        """Whether one of its legs is in a payout."""
        return any(leg.payout for leg in self.legs)

    @property
    def agrees(self) -> bool:
        """Whether both halves stand and are equal."""
        if self.capture is None or self.split is None:
            return False
        return half_of(self.capture) == half_of(self.split)

    @property
    def clashes(self) -> bool:
        """Whether both halves stand and differ."""
        return self.capture is not None and self.split is not None and not self.agrees


def _there(fields: Fields | None) -> Fields:
    if fields is None:
        raise NothingFits
    return fields


HALF = ("order", "amount", "currency")
"""The fields on which the halves of a payment must agree."""


def half_of(fields: Fields) -> Fields:
    """Return what the halves of a payment must agree on."""
    return {name: fields[name] for name in HALF}


class KnownPayout(Known):
    """A payout and its legs."""

    def __init__(self, fields: Fields, receiver: KnownReceiver, legs: list[KnownLeg]) -> None:
        super().__init__(fields["payout"])
        self.receiver = receiver
        self.legs = legs
        self.amount: int = fields["amount"]
        self.currency: str = fields["currency"]
        self.state = "created"
        self.received = 0
        """The amount that its owner said last to have received; 0 where it said nothing."""
        self.is_back = False
        """Whether the institution's last word is that it came back."""

    @property
    def contested(self) -> bool:
        """Whether it is stated as returned, and its owner says that money arrived."""
        return self.is_back and self.state == "conflicting"

    def compare(self) -> bool:
        """Compare the halves, and return whether both say that nothing is with the receiver."""
        if self.is_back:
            self.state = "conflicting" if self.received else "returned"
        else:
            self.state = "confirmed" if self.received == self.amount else "conflicting"
        return self.state == "returned"


class KnownMovement(Known):
    """A movement of the refund float."""

    def __init__(self, fields: Fields, sign: int) -> None:
        super().__init__(fields["movement"])
        self.sign = sign
        self.amount: int = fields["amount"]
        self.currency: str = fields["currency"]
        self.settled = False
        self.confirmed = 0
        """The amount that moved by the platform's last word; 0 where it said nothing."""
        self.reversed = False
        """Whether the institution has taken it back."""


class KnownRefund(Known):
    """A refund, as it was requested last."""

    def __init__(self, fields: Fields, payment: KnownPayment) -> None:
        super().__init__(fields["refund"])
        self.payment = payment
        self.amount: int = fields["amount"]
        self.currency: str = fields["currency"]
        self.state = "requested"


class KnownDispute(Known):
    """A dispute between two parties."""

    def __init__(self, name: str, raiser: str, against: str) -> None:
        super().__init__(name)
        self.raiser = raiser
        self.against = against
        self.open = True
        """Whether it stands: a dispute that is rejected does."""
        self.rejected = False


class KnownCalendarYear(Known):
    """A year of the calendar: which version holds, and what is declared and not accepted."""

    def __init__(self, number: int) -> None:
        super().__init__(str(number))
        self.number = number
        self.held = 0
        self.declared: Fields = {}
        self.accepted: Fields = {}

    def hold(self) -> None:
        """Let what is declared hold."""
        self.held, self.accepted, self.declared = self.held + 1, self.declared, {}

    @property
    def holidays(self) -> tuple[str, ...]:
        """ISO dates without business."""
        return tuple(self.accepted.get("holidays", ()))

    @property
    def workdays(self) -> tuple[str, ...]:
        """ISO dates of worked weekend days."""
        return tuple(self.accepted.get("workdays", ()))


class KnownAgreement(Known):
    """An agreement on fees or on profit: its terms, and who has accepted them."""

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields["agreement"])
        self.terms = fields
        self.asked: dict[str, int] = {}
        """Profit: the part of every recipient but the institution."""
        self.accepted: list[str] = []
        self.contradicting: list[str] = []
        """Who has accepted other terms."""
        self.in_force = False
        self.closed = False

    @property
    def is_open(self) -> bool:
        """Whether it may still be accepted or closed."""
        return not self.in_force and not self.closed

    @property
    def since(self) -> str:
        """The date or month from which it holds."""
        return str(self.terms["effective_from"])


class Chain:
    """Agreements in force on one matter, oldest first."""

    def __init__(self) -> None:
        self.links: list[KnownAgreement] = []

    @property
    def latest(self) -> KnownAgreement | None:
        """The newest of them, if there is one."""
        return self.links[-1] if self.links else None

    def held(self, when: str) -> KnownAgreement | None:
        """Return the one that holds on a date or in a month."""
        return next((link for link in reversed(self.links) if link.since <= when), None)


class KnownPeriod(Known):
    """The fees that accrued in a month and a currency."""

    def __init__(self, month: str, currency: str) -> None:
        super().__init__(f"{month}/{currency}")
        self.month = month
        self.currency = currency
        self.amount = self.count = 0
        self.invoiced = False
        self.stale: list[KnownPayment] = []
        """Whose charges have to be taken back before it is invoiced."""


class KnownCharge:
    """The fee of a payment as it was captured then."""

    def __init__(self, period: KnownPeriod, capture: Fields, amount: int) -> None:
        self.period = period
        self.capture = capture
        self.amount = amount


class KnownInvoice(Known):
    """An invoice of a period."""

    def __init__(self, name: str, period: KnownPeriod) -> None:
        super().__init__(name)
        self.period = period
        self.amount = period.amount
        self.settled_ms = 0
        self.shared = False


class KnownShare(Known):
    """A shared income: what each recipient but the institution gets, and who has confirmed."""

    def __init__(self, fields: Fields, institution: str) -> None:
        super().__init__(fields["share"])
        self.currency: str = fields["currency"]
        self.portions: dict[str, int] = {
            each["party"]: each["amount"]
            for each in fields["portions"]
            if each["party"] != institution
        }
        self.confirmed: list[str] = []
