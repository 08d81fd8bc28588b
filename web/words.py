"""Words of pages: where money is, as the name of a part of a bar."""

from __future__ import annotations

from collections.abc import Mapping

from views.texts import gettext


def where_money_is() -> Mapping[str, str]:
    """Return, by word of a leg's state or ``suspense``, where that money is; from first to last."""
    return {
        "suspense": gettext("in suspense: the halves do not agree yet"),
        "instructed": gettext("instructed, not captured"),
        "allocated": gettext("due to the receiver"),
        "returned": gettext("came back: due again"),
        "in-payout": gettext("in a payout"),
        "paid": gettext("paid out"),
        "arrived": gettext("arrived"),
        "disputed": gettext("disputed"),
    }
