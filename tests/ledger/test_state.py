"""A transaction against a plain dictionary: what it shows, changes and takes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.records import BatchHead
from ledger.state import EmptyView, Overlay, Transaction
from tests.ledger.ledger_kit import GENESIS, MORNING

NAMES = [f"party-{n}" for n in range(6)]
Moves = list[tuple[str, list[str], int]]

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["set", "delete", "add", "read", "load", "begin", "undo"]),
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True),
        st.integers(1, 99),
    ),
    max_size=30,
)


def row(name: str, number: int) -> BatchHead:
    return BatchHead(name, number, "00", 0, 0)


class Model:
    """The same moves on dictionaries: what stands, and what stood when the record began."""

    def __init__(self, below: dict[str, BatchHead]) -> None:
        self.below = below
        self.changed: dict[str, BatchHead | None] = {}
        self.kept: dict[str, BatchHead | None] = {}
        self.read: set[str] = set()
        standing = {(name,): each for name, each in below.items()}
        self.layer = Overlay(Overlay(EmptyView(), {BatchHead: standing}))
        self.tx = Transaction(self.layer, GENESIS, "institution", "institution", 1, 1, MORNING)

    def do(self, move: str, names: list[str], number: int) -> None:
        if move == "set":
            for name in names:
                self.change(name, row(name, number))
                self.tx.put(row(name, number))
        elif move == "delete":
            self.change(names[0], None)
            self.tx.delete(BatchHead, (names[0],))
        elif move == "add":
            for name in {*names} - {*self.below, *self.changed, *self.read}:
                self.changed[name] = row(name, number)
                self.tx.add(BatchHead, (name,), row(name, number))
        elif move == "read":
            self.read.update(names)
            for name in names:
                assert self.tx.rows[BatchHead][name,] == self.stands(name)
        elif move == "load":
            self.read.update(names)
            self.layer.prefetch({BatchHead: {(name,) for name in names}})
        elif move == "begin":
            self.kept = dict(self.changed)
            self.tx.begin(2)
        else:
            self.changed = dict(self.kept)
            self.tx.undo()

    def change(self, name: str, row: BatchHead | None) -> None:
        self.read.add(name)
        self.changed[name] = row

    def stands(self, name: str) -> BatchHead | None:
        return self.changed[name] if name in self.changed else self.below.get(name)


@given(st.lists(st.sampled_from(NAMES), unique=True), MOVES)
def test_a_transaction_shows_and_takes_back_what_a_dictionary_would(
    below: list[str], moves: Moves
) -> None:
    model = Model({name: row(name, 0) for name in below})
    for move in moves:
        model.do(*move)
    for name in NAMES:
        assert model.tx.rows[BatchHead][name,] == model.stands(name)
    changed = {} if not model.changed else {BatchHead: {(n,): r for n, r in model.changed.items()}}
    assert model.layer.changes == changed
