"""A month of business with pages and real certificates, for the overview and reconciliation."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from api.site import Site
from consensus import messages, votes
from ledger.block import Block, tip_of
from tests.api.queries_kit import Kept
from tests.web.walk_kit import Page, Walk
from web.site import SITE


class Shown(Kept):
    """A ledger that is shown, whose blocks a quorum has signed."""

    SITE: ClassVar[Site | None] = SITE

    def certificate(self, block: Block) -> bytes:
        subject, time_s = votes.final_subject(tip_of(block)), block.header.time // 1000
        signed = {
            name: votes.sign_vote(subject, self.homes[name].signer, name, time_s, self.genesis)
            for name in self.genesis.voters[: self.genesis.quorum]
        }
        return messages.encode(votes.certificate_of(signed))

    def page(self, address: str, language: str = "en") -> Page:
        """Return a page that must be there."""
        page = Walk(self.client, language).page(address)
        assert page is not None
        assert page.status == 200, page.text
        return page

    def entries(self) -> list[dict[str, Any]]:
        """Return the whole log, as it is shown entry by entry."""
        found: list[dict[str, Any]] = []
        while part := self.get("/v1/entries", start=len(found), limit=1000)["entries"]:
            found += part
        return found

    def captured_on(self, day: str) -> dict[str, tuple[int, int]]:
        """Return how often and how much was captured on a business date, record by record."""
        sums: dict[str, tuple[int, int]] = {}
        for entry in self.entries():
            is_capture = entry["type"] == "payment.captured" and entry["outcome"] == "applied"
            if is_capture and self.genesis.calendar.business_date(entry["time"]) == day:
                record = entry["record"]
                count, amount = sums.get(record["currency"], (0, 0))
                sums[record["currency"]] = (count + 1, amount + record["amount"])
        return sums

    def ends_at(self, day: str) -> int:
        """Return the last ms of a business date."""
        calendar = self.genesis.calendar
        return calendar.starts_at_ms(date.fromordinal(date.fromisoformat(day).toordinal() + 1)) - 1
