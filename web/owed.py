"""Owed halves in words: who has not stated what, about which thing, and over which amount."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from ledger.expectations import CONFLICTING, ExpectationKind
from views import cells
from views.conflicts import ConflictView, conflict_view
from views.expectation_words import kind_name, sentence_of
from views.expectations import ExpectationView
from views.texts import harmless, language
from web.page import Visit
from web.values import LINKS, link


def owed(item: ExpectationView) -> Markup:
    """Return the sentence that says which half of what is owed by whom."""
    text = sentence_of(item.kind, item.state, (item.awaited, item.opener))
    written = escape(text.text(language()))
    return Markup(written).format(
        awaited=Markup("<b>{}</b>").format(item.awaited),
        opener=Markup("<b>{}</b>").format(item.opener),
        amount=Markup('<b class="sum">{}</b>').format(cells.money(item.amount, item.currency)),
        subject=named(item.subject),
        kind=kind(item.kind),
    )


def differing(
    visit: Visit, items: Iterable[ExpectationView]
) -> dict[tuple[str, str], ConflictView]:
    """Return the contradictions among expectations with both halves, by kind and subject."""
    return {
        (each.kind, each.subject): conflict_view(visit.reader, visit.genesis, each)
        for each in items
        if each.state == CONFLICTING
    }


def named(subject: str) -> Markup:
    """Return what a subject names, without its kind: ``payment:pay-1`` as a link ``pay-1``."""
    of, _, name = subject.partition(":")
    if of in LINKS:
        return link(of, name.partition("/")[0])
    return Markup("<bdi>{}</bdi>").format(harmless(name.partition("/")[0]))


def kind(name: ExpectationKind) -> str:
    """Return what a kind of expectations is called."""
    return kind_name(name).text(language())
