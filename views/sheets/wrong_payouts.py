"""Exceptions on the way out: what is due and not paid out, and payouts without their end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import Bucket
from ledger.expectations import ARRIVAL, PAYOUT_RESULT
from views.sheets.repayments import Traced, every_position, is_own
from views.sheets.views import ExceptionLine
from views.sheets.wrong import Search, exception


def of_payouts(search: Search, found: Iterable[Traced]) -> Iterator[ExceptionLine]:
    """Yield what is due to own receivers and not paid out, and what is wrong with payouts.

    Of an earlier height, only those that the date's repayments are in, and those that are not at
    their end to this day.
    """
    own = [each for each in every_position(found) if is_own(each, search.part)]
    buckets = {
        (each.bucket.receiver, each.bucket.seq): each.bucket
        for each in own
        if each.bucket is not None and each.payout is None
    }
    payouts = {each.payout.payout: each.payout for each in own if each.payout is not None}
    if search.point.is_past:  # buckets hold what came later, too
        sums: dict[tuple[str, int], int] = dict.fromkeys(buckets, 0)
        for each in own:
            if each.bucket is not None and each.payout is None:
                sums[each.bucket.receiver, each.bucket.seq] += each.leg.amount
        buckets = {key: replace(row, amount=sums[key]) for key, row in buckets.items()}
    else:
        for name in search.part.receivers:
            due = search.reader.due_buckets(None, name, name)
            buckets.update(((row.receiver, row.seq), row) for row in due)
    payouts.update((row.payout, row) for row in _awaited(search, payouts))
    search.tracing.read_payouts(payouts.values())
    for bucket in buckets.values():
        yield from _of_bucket(search, bucket)
    for payout in payouts.values():
        yield from _of_payout(search, payout)


def _awaited(search: Search, known: Mapping[str, Payout]) -> list[Payout]:
    """Return further payouts to own receivers of which something is late or contested."""
    rows = search.unmet((PAYOUT_RESULT, ARRIVAL))
    names = {row.subject.partition(":")[2] for row in rows} - {*known}
    found = search.reader.rows_under(Payout, [(name,) for name in sorted(names)])
    size = search.point.known.size
    own = [row for row in found.values() if row.receiver in search.part.receivers]
    return [row for row in own if row.last_entry < size and _carries(search, row)]


def _carries(search: Search, payout: Payout) -> bool:
    """Return whether a payout has money of the date or before."""
    keys = [(payout.receiver, int(seq)) for seq in payout.buckets]
    buckets = search.reader.rows_under(Bucket, keys).values()
    return any(row.business_date <= search.point.day for row in buckets)


def _of_bucket(search: Search, bucket: Bucket) -> Iterator[ExceptionLine]:
    trouble = search.tracing.bucket_trouble(bucket)
    receiver = search.part.receivers.get(bucket.receiver)
    if trouble is None or receiver is None or bucket.business_date > search.point.day:
        return
    returned = search.reader.row(Payout, (bucket.returned,)) if bucket.returned else None
    yield exception(
        trouble,
        search.institution,
        bucket.amount,
        search.starts(search.tracing.due_date(bucket)),
        receiver=bucket.receiver,
        payout=bucket.returned,
        currency=receiver.currency,
        detail="" if returned is None else returned.return_reason,
        entry=-1 if returned is None else returned.last_entry,
    )


def _of_payout(search: Search, payout: Payout) -> Iterator[ExceptionLine]:
    trouble = search.tracing.payout_trouble(payout)
    kind = PAYOUT_RESULT if trouble == "payout-without-result" else ARRIVAL
    awaited = search.tracing.awaited(kind, f"payout:{payout.payout}")
    if trouble is None or awaited is None:
        return
    yield exception(
        trouble,
        awaited.awaited,
        payout.amount,
        awaited.opened_at,
        receiver=payout.receiver,
        payout=payout.payout,
        currency=payout.currency,
        detail=awaited.detail if trouble == "arrival-differs" else "",
        entry=payout.last_entry,
    )
