"""What news are about: an entry's subject, and the loan whose money it names."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from api.news import subjects_of
from tests.api.loans_kit import KeptLoans, portfolio_on
from views.timeline import entry_views

kept = portfolio_on()


def test_news_of_a_payment_of_a_loan_are_news_of_the_loan(kept: KeptLoans) -> None:
    with kept.store.reader() as reader:
        views = entry_views(reader, reader.entries(0, 500))
    told = {view.id: set(subjects_of(view)) for view in views}
    payments = [view for view in views if view.subject == "payment:P-L1-A1"]
    assert {view.type for view in payments} == {"payment.captured", "split.instructed"}
    for view in payments:
        assert told[view.id] == {"payment:P-L1-A1", "loan:L1"}
    for view in views:
        if view.subject.startswith(("loan:", "receiver:")):
            assert told[view.id] == {view.subject}


@pytest.mark.parametrize("record", [b'{"loan":7}', b"7", b"{}"])
def test_a_record_of_any_form_is_news_of_its_subject(kept: KeptLoans, record: bytes) -> None:
    with kept.store.reader() as reader:
        (view,) = entry_views(reader, reader.entries(0, 1))
    assert set(subjects_of(replace(view, record=msgspec.Raw(record)))) == {view.subject}
