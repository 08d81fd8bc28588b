"""A transaction against a plain dictionary: what it shows, changes and takes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.records import BatchHead
from ledger.state import EmptyView, Overlay, Transaction
from tests.ledger_kit import GENESIS, MORNING

NAMES = [f"party-{n}" for n in range(6)]
Moves = list[tuple[str, list[str], int]]

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["set", "delete", "set all", "add all", "read", "load", "begin", "undo"]),
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True),
        st.integers(1, 99),
    ),
    max_size=30,
)


def row(name: str, number: int) -> BatchHead:
    return BatchHead(name, number, "00")


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
        rows: dict[str, BatchHead | None] = {name: row(name, number) for name in names}
        if move == "set":
            self.change({names[0]: rows[names[0]]})
            self.tx.put(row(names[0], number))
        elif move == "delete":
            self.change({names[0]: None})
            self.tx.delete(BatchHead, (names[0],))
        elif move == "set all":
            self.change(rows)
            self.tx.set_all(BatchHead, {(name,): each for name, each in rows.items()})
        elif move == "add all":
            fresh = [n for n in names if n not in {*self.below, *self.changed, *self.read}]
            self.changed.update({name: row(name, number) for name in fresh})
            self.tx.add_all(BatchHead, {(name,): row(name, number) for name in fresh})
        elif move == "read":
            self.read.update(names)
            for name in names:
                assert self.tx.get(BatchHead, (name,)) == self.stands(name)
        elif move == "load":
            self.read.update(names)
            self.layer.prefetch({BatchHead: {(name,) for name in names}})
        elif move == "begin":
            self.kept = dict(self.changed)
            self.tx.begin(2)
        else:
            self.changed = dict(self.kept)
            self.tx.undo()

    def change(self, rows: dict[str, BatchHead | None]) -> None:
        self.read.update(rows)
        self.changed.update(rows)

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
        assert model.tx.get(BatchHead, (name,)) == model.stands(name)
    changed = {} if not model.changed else {BatchHead: {(n,): r for n, r in model.changed.items()}}
    assert model.layer.changes == changed
