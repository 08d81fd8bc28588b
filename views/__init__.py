"""Views of the ledger, as every interface shows them: what rows add up to. Pure, over any reader.

A new list is a view and a :class:`views.listing.Listing`, named in :mod:`views.listings`::

    from views.listing import page_of
    from views.refunds import REFUNDS

    found = page_of(REFUNDS, asked)  # its items are RefundViews
"""

from __future__ import annotations
