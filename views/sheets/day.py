"""The sheet of a party for a business date, by what is known at a height."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.genesis import Genesis
from views.reader import Reader
from views.sheets.compensations import compensation_lines
from views.sheets.exceptions import exceptions
from views.sheets.figures import figures
from views.sheets.loans import Loans, overdue_line
from views.sheets.money import Tracing
from views.sheets.part import Point, part_of
from views.sheets.repayments import traced
from views.sheets.views import Line, SheetView
from views.sheets.wrong import Search

_CURRENCY = "CNY"
"""The currency of the noughts of a sheet without a row."""


def sheet(reader: Reader, genesis: Genesis, party: str, point: Point) -> SheetView:
    """Return the sheet of a party of the consortium.

    Args:
        reader: The snapshot.
        genesis: The consortium.
        party: Whose sheet: the part of a funder, guarantor or platform; of others, all.
        point: The business date, what is known, and the time at which lateness is judged.
    """
    part = part_of(reader, genesis, party)
    matter = (part, point)
    loans, tracing = Loans(reader, point), Tracing(reader, genesis, point)
    found, rest = traced(reader, loans, tracing, matter)
    late = [each for each in loans.late() if part.takes_part(each.agreement)]
    overdue = [line for each in late if (line := overdue_line(each, part, point.known.day))]
    compensations = list(compensation_lines(reader, loans, late, matter))
    repayments = [each.line for each in found] + rest
    lists: dict[str, Sequence[Line]] = {
        "repayments": repayments,
        "overdue": overdue,
        "compensations": compensations,
    }
    search = Search(reader, genesis, part, point, tracing)
    return SheetView(
        party=party,
        role=part.role,
        date=point.day,
        height=0,
        size=0,
        as_of=point.as_of_ms,
        exceptions=exceptions(search, found, compensations),
        figures=list(figures(lists, _CURRENCY)),
        repayments=repayments,
        overdue=sorted(overdue, key=lambda line: (-line.days, line.loan)),
        compensations=compensations,
    )
