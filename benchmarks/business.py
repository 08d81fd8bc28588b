"""A large ledger of real business, executed record by record into the database of a node.

A hundred business days that end today. Loans are lent and repaid all the time; in the last thirty
days shops are paid, and their money is paid out the next day but for the last. One payment in
sixteen lacks a half, one loan in twenty pays late, and there are refused records, payouts that came
back and disputes. Every block is executed by the rules and signed by a quorum; nobody agrees over a
network, so a million entries take minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from consensus import messages, votes
from ledger import domains
from ledger.batch import Batch, seal
from ledger.block import Block, BlockHeader, batch_hashes, encode_header, tip_of
from ledger.contracts import decode_record
from ledger.contracts.loan_proposals import proposal_hash
from ledger.contracts.loan_rows import LoanAgreement, LoanInstalment, RepaymentAttempt
from ledger.domains import ZERO_HASH
from ledger.execute import Execution, execute
from node.home.founding import create_consortium
from node.home.home import Home, load_home
from node.storage.store import Store
from tests.ledger.ledger_kit import HEX, HOUR, captured, leg, split
from tests.ledger.loan_kit import FUNDERS, ROLES, Lending, proposed
from tests.node.store_kit import make_final

HOME = "platform"
QUORUM = 4
LOAN_DAYS, SHOP_DAYS, SLOTS = 100, 30, 28
ONE_SIDED, LATE, DISPUTED, RETURNED, REFUSED = 16, 20, 100, 50, 1000
SHOP_SHARE, LOAN_SHARE = 500, 50
"""Of how many entries one is a shop's registration, and one a loan's proposal."""
LOAN_ENTRIES = 15
"""How many entries are about a loan, about."""
CHUNK = 500
BLOCK_MS = 1000


class Extent(NamedTuple):
    """How much business: shops, loans, payments a day, and of how many one lacks a half."""

    shops: int
    loans: int
    a_day: int
    one_sided: int = ONE_SIDED


def extent_of(entries: int) -> Extent:
    """Return the extent of a ledger that has about so many entries."""
    shops = max(2, entries // SHOP_SHARE)
    loans = max(SLOTS, entries // LOAN_SHARE // SLOTS * SLOTS)
    others = loans * LOAN_ENTRIES + shops * (1 + 2 * SHOP_DAYS)
    return Extent(shops, loans, max(4, (entries - others) // (2 * SHOP_DAYS)))


class Business(Lending):
    """A ledger of much business.

    Args:
        folder: Where the homes go, and in one of them the database.
        extent: How much business it has.
        today: Its last business date.
    """

    def __init__(self, folder: Path, extent: Extent, today: date) -> None:
        first = today - timedelta(days=LOAN_DAYS + 1)
        made = create_consortium(
            folder,
            list(ROLES.items()),
            QUORUM,
            created_at=(first - date(1970, 1, 1)).days * 24 * HOUR,
        )
        home = made[HOME]
        self._signers = {name: each.signer for name, each in made.items()}
        self.store = Store(home.database_url, home.genesis, party=HOME)
        super().__init__(home.genesis)
        self.today = today
        self.shops, self.loans, self._a_day, self._one_sided = extent
        self._owed: dict[str, list[int]] = {}
        self._due: defaultdict[date, list[tuple[int, int, int]]] = defaultdict(list)

    def fill(self) -> None:
        """Do the business of all days."""
        self._begin(self.today - timedelta(days=LOAN_DAYS))
        self.register_all()
        shops = ({"receiver": shop_of(each), "cycle": "D+1"} for each in range(self.shops))
        self._state("institution", "receiver.registered", (_receiver(each) for each in shops))
        for ago in range(LOAN_DAYS, -1, -1):
            day = self.today - timedelta(days=ago)
            self._begin(day)
            if LOAN_DAYS - ago < SLOTS:
                self._lend(LOAN_DAYS - ago, day)
            self._repay(day)
            if ago < SHOP_DAYS:
                self._pay_out(day)
                self._sell(ago)
        disputes = range(0, self.loans, DISPUTED)
        self._state("fund-a", "dispute.raised", map(_dispute, disputes))

    def run(self, *batches: Batch) -> Execution:
        """Execute a block on the database, and commit it."""
        tip, store = self.store.tip(), self.store
        done = execute(self.genesis, tip, store.frontier(), store.view(), self.now, batches)
        header = BlockHeader(
            batches=batch_hashes(batches),
            height=tip.height + 1,
            ledger=self.genesis.ledger,
            parent=tip.hash.hex(),
            proposer=HOME,
            root=done.root.hex(),
            size=done.size,
            slot=tip.slot + 1,
            state=done.state.hex(),
            time=self.now,
        )
        raw = encode_header(header)
        signed = self._signers[HOME].sign(domains.proposal_signature_input(raw))
        block = Block(raw, signed, batches)
        make_final(store, block, done, self._certificate(block), b"justification")
        for batch in batches:
            self.heads[batch.party] = (batch.number, batch.hash)
        self.now += BLOCK_MS
        return done

    def get(self, kind: Any, *key: object) -> Any:
        """Return a row, or None."""
        return self.store.view().get(kind, key)

    def row(self, kind: Any, *key: object) -> Any:
        """Return a row that is there."""
        found = self.get(kind, *key)
        assert found is not None, f"no {kind.__name__} under {key}"
        return found

    def seal(self, author: str, records: list[bytes]) -> Batch:
        """Return the author's next batch."""
        head = self.heads.get(author, (0, ZERO_HASH))
        return seal(self._signers[author], self.genesis.ledger, author, head, records)

    def _certificate(self, block: Block) -> bytes:
        subject, time_s = votes.final_subject(tip_of(block)), block.header.time // 1000
        signed = {
            name: votes.sign_vote(subject, self._signers[name], name, time_s, self.genesis)
            for name in self.genesis.voters[:QUORUM]
        }
        return messages.encode(votes.certificate_of(signed))

    def _begin(self, day: date) -> None:
        self.now = max(self.now, self.genesis.calendar.starts_at_ms(day) + HOUR)

    def _state(self, author: str, type_: str, stated: Iterable[dict[str, Any]]) -> None:
        """State many records of a type, in blocks of one batch."""
        stated = iter(stated)
        while chunk := list(islice(stated, CHUNK)):
            self.run(self.seal(author, [self.record(type_, fields) for fields in chunk]))

    def _lend(self, slot: int, day: date) -> None:
        numbers = range(slot, self.loans, SLOTS)
        due = _month_later(day)
        terms = {"disbursed": str(day), "first_due": str(due), "instalments": 12}
        hashes = {}
        for first in range(0, len(numbers), CHUNK):
            names = [loan_of(each) for each in numbers[first : first + CHUNK]]
            raws = [self.record("loan.proposed", proposed(each, terms=terms)) for each in names]
            hashes |= dict(
                zip(names, (proposal_hash(decode_record(raw)) for raw in raws), strict=True)
            )
            self.run(self.seal("platform", raws))
        for party in self.row(LoanAgreement, loan_of(slot)).names:
            accepted = ({"loan": name, "proposal": made} for name, made in hashes.items())
            self._state(party, "loan.accepted", accepted)
        principal = self.row(LoanAgreement, loan_of(slot)).principal
        lent = {"amount": principal, "date": str(day), "bank_reference": HEX}
        self._state("institution", "loan.disbursed", ({"loan": name, **lent} for name in hashes))
        for party, ppm in FUNDERS:
            part = principal * ppm // 1_000_000
            funded = (
                {"loan": loan_of(n), "amount": part, "date": str(day)}
                for n in numbers
                if not is_late(n)
            )
            self._state(party, "loan.funded", funded)
        for number in range(1, 4):
            row = self.row(LoanInstalment, loan_of(slot), number)
            self._due[date.fromisoformat(row.due)].append((slot, number, row.open))

    def _repay(self, day: date) -> None:
        for slot, number, amount in self._due.pop(day, ()):
            loans = [n for n in range(slot, self.loans, SLOTS) if number == 1 or not is_late(n)]
            named = [(loan_of(each), f"A{number}") for each in loans]
            fields = (
                self.repay_fields(f"{loan}-{attempt}", amount, str(day), loan=loan)
                | {"attempt": attempt, "captured_at": self.now}
                for loan, attempt in named
            )
            self._state("institution", "payment.captured", fields)
            view = self.store.view()
            attempts = (view.get(RepaymentAttempt, each) for each in named)
            splits = (self.split_fields(each) for each in attempts if each is not None)
            self._state("platform", "split.instructed", splits)

    def _pay_out(self, day: date) -> None:
        owed, self._owed = self._owed, {}
        made = []
        for shop, (amount, legs) in owed.items():
            stated = {"receiver": shop, "cutoff_date": str(day), "amount": amount, "legs": legs}
            made.append({"payout": f"O-{shop}-{day}", "currency": "CNY", **stated})
        self._state("institution", "settlement.created", made)
        if day == self.today:
            return
        names = [each["payout"] for each in made]
        back = set(names[::RETURNED])
        paid = (
            {"payout": name, "bank_reference": HEX, "paid_at": self.now}
            for name in names
            if name not in back
        )
        self._state("institution", "settlement.paid", paid)
        failed = ({"payout": name, "reason": "account closed"} for name in sorted(back))
        self._state("institution", "settlement.returned", failed)
        for name in back:
            shop = name.split("-20")[0].removeprefix("O-")
            self._owed[shop] = list(owed[shop])

    def _sell(self, ago: int) -> None:
        first = (SHOP_DAYS - 1 - ago) * self._a_day
        numbers = range(first, first + self._a_day)
        halves = [each for each in numbers if each % (2 * self._one_sided) != self._one_sided]
        self._state("institution", "payment.captured", (self._capture(n) for n in halves))
        again = (self._capture(n) for n in halves[::REFUSED])
        self._state("institution", "payment.captured", again)
        stated = [each for each in numbers if each % (2 * self._one_sided)]
        self._state("platform", "split.instructed", (self._split(n) for n in stated))

    def _capture(self, number: int) -> dict[str, Any]:
        return captured(payment_of(number), amount_of(number), captured_at=self.now)

    def _split(self, number: int) -> dict[str, Any]:
        amount, names = amount_of(number), self._shops_of(number)
        parts = [amount // 3, amount - amount // 3]
        if number % self._one_sided:
            for name, part in zip(names, parts, strict=True):
                sums = self._owed.setdefault(name, [0, 0])
                sums[0] += part
                sums[1] += 1
        legs = [
            leg(place, name, amount=part)
            for place, (name, part) in enumerate(zip(names, parts, strict=True), 1)
        ]
        return split(payment_of(number), amount, legs=legs)

    def _shops_of(self, number: int) -> list[str]:
        first = number * 37 % self.shops
        return [shop_of(first), shop_of((first + 1) % self.shops)]


def payment_of(number: int) -> str:
    """Return the name of a payment."""
    return f"P{number:07d}"


def amount_of(number: int) -> int:
    """Return the amount of a payment."""
    return 1_000 + number * 7919 % 90_000


def shop_of(number: int) -> str:
    """Return the name of a shop's receiver."""
    return f"shop-{number:05d}"


def loan_of(number: int) -> str:
    """Return the name of a loan."""
    return f"L{number:06d}"


def is_late(number: int) -> bool:
    """Return whether a loan is paid once only."""
    return number // SLOTS % LATE == 1


def _receiver(fields: dict[str, Any]) -> dict[str, Any]:
    given = {"kind": "bank_account", "commitment": HEX, "last4": "1234", "currency": "CNY"}
    return {**given, **fields}


def _dispute(number: int) -> dict[str, Any]:
    subject = {"dispute": f"D{number:06d}", "subject": f"loan:{loan_of(number)}"}
    return {**subject, "against": "platform", "reason": "not what was agreed"}


def _month_later(day: date) -> date:
    later = day.replace(day=1) + timedelta(days=32)
    return later.replace(day=min(day.day, 28))


def business(folder: Path, entries: int, today: date) -> Home:
    """Return the home whose node holds a ledger of much business; made if it is not there."""
    if not folder.exists():
        made = Business(folder, extent_of(entries), today)
        made.fill()
        made.store.close()
    return load_home(folder / HOME)
